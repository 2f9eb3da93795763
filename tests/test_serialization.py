"""save and load: what comes back, what is refused, what survives a failure."""

from __future__ import annotations

import collections
import io
import os
import pickle
import zipfile

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite import serialization
from tinygrad_lite.core.tensor import Parameter, make
from tinygrad_lite.serialization import load, save
from tinygrad_lite.serialization.names import global_name
from tinygrad_lite.serialization.writer import Writer

DTYPES = "float16 float32 float64 int8 int16 int32 int64 uint8 uint16 uint32 uint64 bool complex64"


def t(values, dtype=np.float32):
    return make(np.asarray(values, dtype))


def again(value, **options):
    file = io.BytesIO()
    save(value, file)
    file.seek(0)
    return load(file, **options)


@pytest.mark.parametrize("name", DTYPES.split())
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 3), (2, 3, 4)])
def test_tensors(name, shape):
    array = np.asarray(np.arange(np.prod(shape)).reshape(shape) % 3, name)
    out = again(make(array))
    assert type(out) is tl.Tensor
    assert out.array.dtype == array.dtype and out.shape == array.shape
    assert (out.array == array).all() and out.array.flags.writeable
    assert not out.requires_grad


def test_gradients_wanted():
    x, p = t([1.0]).requires_grad_(), Parameter(t([2.0]))
    frozen = Parameter(t([3.0]), requires_grad=False)
    out = again([x, p, frozen])
    assert out[0].requires_grad and out[0].is_leaf and type(out[0]) is tl.Tensor
    assert type(out[1]) is Parameter and out[1].requires_grad and out[1].array[0] == 2
    assert type(out[2]) is Parameter and not out[2].requires_grad


def test_attributes():
    x, p = t([1.0]), Parameter(t([2.0]))
    x.note, p.note = "a", {"b": 1}
    out = again([x, p])
    assert out[0].note == "a" and out[1].note == {"b": 1}


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_containers(protocol):
    value = {
        "numbers": [1, -(2**70), 1.5, True, None, 1 + 2j, 2**31, -5],
        "text": ("a", "ü\n", "", "x" * 300),
        "bytes": [b"abc\x00\xff", b"", bytearray(b"xyz")],
        "sets": [{1, 2}, set(), frozenset([3])],
        ("tuple", 1): (1,),
        "ordered": collections.OrderedDict(a=1, b=2),
        "counter": collections.Counter("aab"),
        "torch": [tl.float64, tl.bool, tl.Size([2, 3]), tl.device("cpu")],
        "empty": [[], (), {}],
    }
    file = io.BytesIO()
    save(value, file, pickle_protocol=protocol)
    file.seek(0)
    out = load(file)
    assert out == value
    assert type(out["ordered"]) is collections.OrderedDict and type(out["counter"]) is type(
        value["counter"]
    )
    assert type(out["torch"][2]) is tl.Size


def test_state_dict_metadata_and_recursion():
    state = collections.OrderedDict(w=t([1.0]))
    state._metadata = {"": {"version": 1}}
    loop = [state]
    loop.append(loop)
    out = again(loop)
    assert out[0]._metadata == {"": {"version": 1}}
    assert out[1] is out


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6).reshape(2, 3),
        np.asfortranarray(np.ones((2, 3))),
        np.array(3.5),
        np.zeros((0, 2)),
        np.array(["ab", "c"]),
        np.array([b"ab"]),
        np.array([1.5], ">f4"),
        np.array(["2020-01-02"], "M8[D]"),
        np.array([1, "a", None], object),
    ],
    ids=lambda a: a.dtype.str,
)
def test_numpy_arrays(array):
    out = again(array)
    # NumPy itself unpickles into native byte order.
    assert type(out) is np.ndarray and out.dtype == array.dtype.newbyteorder("=")
    assert out.shape == array.shape
    assert (out == array).all()


@pytest.mark.parametrize("scalar", [np.float64(1.5), np.int32(3), np.bool_(True), np.float16(2)])
def test_numpy_scalars(scalar):
    out = again(scalar)
    assert type(out) is type(scalar) and out == scalar
    assert again(np.dtype("f4")) == np.dtype("f4")


def test_shared_memory_is_shared_again():
    base = np.arange(12.0, dtype=np.float32)
    x, row, column = make(base), make(base[3:6]), make(base.reshape(3, 4)[:, 1])
    out = again({"row": row, "x": x, "column": column, "same": x})
    assert out["same"] is out["x"]
    out["x"].array[:] = -1
    assert (out["row"].array == -1).all() and (out["column"].array == -1).all()
    assert out["column"].stride() == (4,) and out["row"].storage_offset() == 3


def test_only_the_stretch_in_use_is_written():
    base = np.zeros(1_000_000, np.float32)
    file = io.BytesIO()
    save([make(base[10:20]), make(base[30:40])], file)
    assert len(file.getvalue()) < 4000
    a, b = again([make(base[10:20]), make(base[30:40])])
    assert np.shares_memory(a.array, a.array.base) and a.array.base is b.array.base


@pytest.mark.parametrize(
    "view",
    [
        lambda a: a[::-1],
        lambda a: a.T,
        lambda a: a[:, ::2],
        lambda a: np.broadcast_to(a[0], (5, 4)),
        lambda a: a.astype([("x", "f4"), ("y", "i2")])["x"],
    ],
    ids=["reversed", "transposed", "strided", "broadcast", "unaligned"],
)
def test_layouts(view):
    array = view(np.arange(12.0, dtype=np.float32).reshape(3, 4))
    assert (again(make(array)).array == array).all()


def test_two_dtypes_on_one_memory():
    base = np.arange(4.0, dtype=np.float32)
    with pytest.raises(RuntimeError, match="Cannot save multiple tensors or storages that view"):
        again([make(base), make(base.view(np.int32))])


def test_paths_and_files(tmp_path):
    save({"x": t([1, 2])}, tmp_path / "model.pt")
    with zipfile.ZipFile(tmp_path / "model.pt") as archive:
        assert archive.namelist()[0] == "model/data.pkl"
    assert load(str(tmp_path / "model.pt"))["x"].tolist() == [1, 2]
    with open(tmp_path / "model.pt", "rb") as file:
        assert load(file)["x"].tolist() == [1, 2]
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "none")
    with pytest.raises(RuntimeError, match="Parent directory .*/no does not exist"):
        save(1, tmp_path / "no" / "x")
    with pytest.raises(AttributeError, match="expected 'f' to be string, path, or a file-like"):
        save(1, 3)
    with pytest.raises(AttributeError, match="'int' object has no attribute 'seek'"):
        load(3)
    save(1, os.devnull)


def test_records_are_aligned(tmp_path):
    path = tmp_path / "a.pt"
    save([t(range(5)), t(range(9))], path)
    raw = path.read_bytes()
    for n in (5, 9):
        assert raw.index(np.arange(n, dtype=np.float32).tobytes()) % 64 == 0


def test_mmap(tmp_path):
    path = tmp_path / "a.pt"
    save({"x": t(range(1000))}, path)
    before = path.read_bytes()
    out = load(path, mmap=True)["x"]
    assert out.tolist() == list(range(1000))
    out.array[:] = 0
    assert path.read_bytes() == before
    with pytest.raises(ValueError, match="f must be a file path in order to use the mmap"):
        load(io.BytesIO(before), mmap=True)


def test_a_failure_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.pt"
    save(t([1.0]), path)
    os.chmod(path, 0o640)
    with pytest.raises(Exception, match="pickle"):
        save({"x": t([2.0]), "f": lambda: 1}, path)

    def broken(*args, **options):
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(zipfile.ZipFile, "open", broken)
        with pytest.raises(OSError, match="disk full"):
            save(t([2.0]), path)
    assert os.listdir(tmp_path) == ["a.pt"]
    assert load(path).tolist() == [1.0]
    save(t([2.0]), path)
    assert load(path).tolist() == [2.0] and os.stat(path).st_mode & 0o777 == 0o640


def test_a_link_stays_a_link(tmp_path):
    save(1, tmp_path / "real")
    os.symlink(tmp_path / "real", tmp_path / "link")
    save(2, tmp_path / "link")
    assert os.path.islink(tmp_path / "link") and load(tmp_path / "real") == 2


def test_foreign_files(tmp_path):
    def read(content):
        return load(io.BytesIO(content))

    with pytest.raises(EOFError, match="Ran out of input"):
        read(b"")
    with pytest.raises(pickle.UnpicklingError, match="this is no file of torch.save"):
        read(b"hello world")
    with pytest.raises(pickle.UnpicklingError, match="this is no file of torch.save"):
        read(pickle.dumps({"a": 1}))
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("foo", "bar")
    with pytest.raises(RuntimeError, match="a zip archive without data.pkl"):
        read(file.getvalue())


def saved(value):
    file = io.BytesIO()
    save(value, file)
    return file.getvalue()


def test_damaged_files():
    whole = saved(t(range(1000)))
    with pytest.raises(RuntimeError, match="failed reading zip archive"):
        load(io.BytesIO(whole[: len(whole) // 2]))
    flipped = bytearray(whole)
    flipped[whole.index(np.arange(1000, dtype=np.float32).tobytes()) + 100] ^= 1
    with pytest.raises(RuntimeError, match="failed reading zip archive: Bad CRC-32"):
        load(io.BytesIO(bytes(flipped)))


def forged(pickled, storages=()):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", pickled)
        for i, content in enumerate(storages):
            archive.writestr(f"archive/data/{i}", content)
    file.seek(0)
    return file


class Evil:
    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize(
    "evil",
    [
        Evil(os.system, "touch /tmp/never"),
        Evil(eval, "1"),
        Evil(getattr, "a", "upper"),
        Evil(__import__, "os"),
        Evil(np.load, "x"),
        Evil(np.dtype, [("a", "f4")]),
        Evil(bytearray, 10**12),
        Evil(bytes, 10**12),
        Evil(io.FileIO, "x"),
    ],
    ids=lambda evil: evil.call[0].__name__,
)
def test_no_code_runs(evil):
    with pytest.raises((pickle.UnpicklingError, RuntimeError), match="Weights only|damaged"):
        load(forged(pickle.dumps(evil, 2)))


@pytest.mark.parametrize(
    "program",
    [
        b"cos\nsystem\n(S'true'\ntR.",  # GLOBAL, REDUCE
        b"(S'true'\nios\nsystem\n.",  # INST
        b"(cos\nsystem\nS'true'\no.",  # OBJ
        b"\x80\x04\x8c\x02os\x8c\x06system\x93.",  # STACK_GLOBAL
        b"\x80\x02ccollections\nOrderedDict\n)\x81.",  # NEWOBJ of what may only be called
        b"\x80\x02ctorch\nTensor\n)R.",  # a call of what may only be named
        b"\x80\x02X\x01\x00\x00\x00aX\x01\x00\x00\x00ba.",  # APPEND to a str
        b"\x80\x02ctorch\nfloat32\n}X\x01\x00\x00\x00aK\x01sb.",  # BUILD of a dtype
        (
            b"\x80\x02cnumpy\ndtype\nX\x02\x00\x00\x00f4\x89\x89\x87R"
            b"(K\x03X\x01\x00\x00\x00<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK?tb."
        ),  # a dtype's flags
        b"Pabc\n.",  # PERSID
        b"\x82\x01.",  # EXT1
        b"\xff.",
    ],
)  # fmt: skip
def test_no_other_way_in(program):
    with pytest.raises((pickle.UnpicklingError, RuntimeError), match="Weights only|damaged|stor"):
        load(forged(program))


def tensor_program(offset, size, stride, numel):
    """The pickle of a tensor with chosen geometry over a storage of `numel` floats."""
    out = io.BytesIO()
    writer = Writer(out, 2, {}, {})
    reference = ("storage", global_name("torch", "FloatStorage"), "0", "cpu", numel)
    writer.persistent_id = lambda obj: reference if obj is reference else None

    class Forged:
        def __reduce__(self):
            args = (reference, offset, size, stride, False, collections.OrderedDict())
            return global_name("torch._utils", "_rebuild_tensor_v2"), args

    writer.dump(Forged())
    return out.getvalue()


@pytest.mark.parametrize(
    ("offset", "size", "stride", "numel"),
    [
        (0, (5,), (1,), 4),
        (1, (4,), (1,), 4),
        (0, (2, 2), (3, 1), 4),
        (-1, (2,), (1,), 4),
        (0, (2,), (-1,), 4),
        (0, (2,), (1, 1), 4),
        (0, (2.0,), (1,), 4),
        (10**30, (1,), (1,), 4),
        (0, (2,), (1,), 5),
        (0, (2,), (1,), 10**15),
    ],
)
def test_no_tensor_outside_its_storage(offset, size, stride, numel):
    file = forged(tensor_program(offset, size, stride, numel), [b"\0" * 16])
    with pytest.raises(RuntimeError, match="damaged"):
        load(file)


def test_nonsense_is_refused():
    """Programs with a few bytes changed either load or are refused; nothing else happens."""
    value = {"x": t([1.0, 2.0]), "y": [np.arange(3), np.float64(1), (1, "a"), {2}], "z": b"abc"}
    with zipfile.ZipFile(io.BytesIO(saved(value))) as archive:
        program = archive.read("archive/data.pkl")
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(1500):
        bent = bytearray(program)
        for at in rng.integers(len(bent), size=rng.integers(1, 4)):
            bent[at] = rng.integers(256)
        try:
            load(forged(bytes(bent), [t([1.0, 2.0]).array.tobytes()]))
        except (pickle.UnpicklingError, RuntimeError):
            refused += 1
    assert refused > 500


class Point:
    def __init__(self, x):
        self.x = x

    def __eq__(self, other):
        return isinstance(other, Point) and self.x == other.x

    __hash__ = None


def test_own_classes_need_trust(monkeypatch):
    # A module pickle can import: pytest's importlib mode gives this file no such name.
    import sys

    monkeypatch.setitem(sys.modules, Point.__module__, sys.modules[__name__])
    data = saved(Point(3))
    with pytest.raises(pickle.UnpicklingError, match="Point was not an allowed global by default"):
        load(io.BytesIO(data))
    with serialization.safe_globals([Point]):
        assert load(io.BytesIO(data)) == Point(3)
        assert serialization.get_safe_globals() == [Point]
    assert serialization.get_safe_globals() == []
    serialization.add_safe_globals([(Point, f"{Point.__module__}.Point")])
    assert load(io.BytesIO(data)) == Point(3)
    serialization.clear_safe_globals()
    assert load(io.BytesIO(data), weights_only=False) == Point(3)
    with pytest.raises(ValueError, match="Expected tuple of length 2"):
        serialization.add_safe_globals([(Point,)])
    with pytest.raises(TypeError, match="Expected second item in tuple to be str"):
        serialization.add_safe_globals([(Point, 1)])


def test_map_location():
    data = saved(t([1.0])).replace(b"X\x03\x00\x00\x00cpu", b"X\x03\x00\x00\x00foo")
    assert data != saved(t([1.0]))
    # the checksum of the edited record would not fit: forge the archive instead
    with zipfile.ZipFile(io.BytesIO(saved(t([1.0])))) as archive:
        program = archive.read("archive/data.pkl").replace(
            b"X\x03\x00\x00\x00cpu", b"X\x06\x00\x00\x00cuda:0"
        )

    def read(where):
        return load(forged(program, [np.float32(1).tobytes()]), map_location=where)

    with pytest.raises(RuntimeError, match="Attempting to deserialize object on a CUDA device"):
        read(None)
    everywhere = ["cpu", tl.device("cpu"), {"cuda:0": "cpu"}, lambda storage, location: storage]
    for where in [*everywhere, lambda storage, location: storage.cpu()]:
        assert read(where).tolist() == [1.0]
    with pytest.raises(RuntimeError, match="Attempting to deserialize"):
        read(lambda storage, location: None)
    with pytest.raises(RuntimeError, match="CPU only"):
        load(io.BytesIO(saved(t([1.0]))), map_location="cuda")
    with pytest.raises(TypeError, match="map_location must be a device, a string, a dict or a"):
        read(3)
    with pytest.raises(TypeError, match="takes 0 positional arguments"):
        read(lambda: None)


def network():
    return tl.nn.Sequential(
        tl.nn.Linear(4, 5), tl.nn.BatchNorm1d(5), tl.nn.Tanh(), tl.nn.Linear(5, 3)
    )


def test_checkpoint():
    """A training state goes on where it stopped."""
    x = tl.randn(6, 4)

    def step(model, optimizer):
        optimizer.zero_grad()
        (model(x) ** 2).sum().backward()
        optimizer.step()

    model = network()
    optimizer = tl.optim.Adam(model.parameters())
    step(model, optimizer)
    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 1}
    data = saved(state | {"rng": tl.get_rng_state()})
    step(model, optimizer)
    expected, draw = model(x).tolist(), tl.rand(3).tolist()

    out = load(io.BytesIO(data))
    model = network()
    model.load_state_dict(out["model"])
    optimizer = tl.optim.Adam(model.parameters())
    optimizer.load_state_dict(out["optimizer"])
    tl.set_rng_state(out["rng"])
    step(model, optimizer)
    assert model(x).tolist() == expected and out["epoch"] == 1
    assert draw == tl.rand(3).tolist()


def test_whole_modules_need_trust():
    model = network().eval()
    data = saved(model)
    with pytest.raises(pickle.UnpicklingError, match="Unsupported global: GLOBAL tinygrad_lite.nn"):
        load(io.BytesIO(data))
    twin = load(io.BytesIO(data), weights_only=False)
    x = tl.randn(6, 4)
    assert type(twin) is tl.nn.Sequential and twin(x).tolist() == model(x).tolist()
    assert not twin.training and all(p.requires_grad for p in twin.parameters())
