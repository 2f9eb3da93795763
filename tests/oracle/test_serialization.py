"""Files move both ways between PyTorch and here."""

from __future__ import annotations

import collections
import io
import pickle

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite.core.tensor import Parameter, make
from tinygrad_lite.serialization import load, save

torch = pytest.importorskip("torch")

DTYPES = "float16 float32 float64 int8 int16 int32 int64 uint8 uint16 uint32 uint64 bool complex64"


def to_torch(value, **options):
    file = io.BytesIO()
    save(value, file)
    file.seek(0)
    return torch.load(file, **options)


def from_torch(value, **options):
    file = io.BytesIO()
    torch.save(value, file)
    file.seek(0)
    return load(file, **options)


@pytest.mark.parametrize("name", DTYPES.split())
@pytest.mark.parametrize("shape", [(), (0,), (2, 0), (3,), (2, 3)])
def test_tensors_both_ways(name, shape):
    array = np.asarray(np.arange(np.prod(shape)).reshape(shape) % 3, name)
    there = to_torch(make(array))
    assert str(there.dtype) == f"torch.{name}" and there.shape == array.shape
    assert there.tolist() == array.tolist() and there.stride() == make(array).stride()
    back = from_torch(there)
    assert back.array.dtype == array.dtype and back.shape == array.shape
    assert back.tolist() == array.tolist()


CONTAINERS = {
    "numbers": [1, -(2**70), 1.5, True, None, 1 + 2j, 2**31, -5],
    "text": ("a", "ü\n", "", "x" * 300),
    "bytes": [b"abc\x00\xff", bytearray(b"xyz")],
    "sets": [{1, 2}, set()],
    ("tuple", 1): (1,),
    "ordered": collections.OrderedDict(a=1, b=2),
    "empty": [[], (), {}],
}


def test_containers_both_ways():
    assert to_torch(CONTAINERS) == CONTAINERS
    assert from_torch(CONTAINERS) == CONTAINERS


def test_named_things_both_ways():
    ours = [tl.float64, tl.bool, tl.Size([2, 3]), tl.device("cpu")]
    theirs = [torch.float64, torch.bool, torch.Size([2, 3]), torch.device("cpu")]
    assert to_torch(ours) == theirs
    assert from_torch(theirs) == ours


def test_numpy_both_ways():
    value = [
        np.arange(6).reshape(2, 3),
        np.float64(1.5),
        np.array(["ab"]),
        np.asfortranarray(np.eye(2)),
    ]
    for out in (to_torch(value, weights_only=False), from_torch(value)):
        assert all((a == b).all() and a.dtype == b.dtype for a, b in zip(out, value))


def test_parameters_and_gradients_both_ways():
    ours = [Parameter(make(np.ones(2, np.float32))), make(np.ones(1)).requires_grad_()]
    ours[0].note = ours[1].note = "kept"
    theirs = to_torch(ours)
    assert type(theirs[0]) is torch.nn.Parameter and theirs[0].requires_grad
    assert type(theirs[1]) is torch.Tensor and theirs[1].requires_grad
    assert theirs[0].note == theirs[1].note == "kept"
    back = from_torch(theirs)
    assert type(back[0]) is Parameter and back[0].requires_grad and back[0].note == "kept"
    assert type(back[1]) is tl.Tensor and back[1].requires_grad and back[1].note == "kept"


def test_shared_storage_both_ways():
    base = np.arange(12, dtype=np.float32)
    theirs = to_torch([make(base), make(base.reshape(3, 4)[:, 1]), make(base[5:])])
    theirs[0].zero_()
    assert not theirs[1].any() and not theirs[2].any()
    assert theirs[1].stride() == (4,) and theirs[2].storage_offset() == 5
    whole = torch.arange(12.0)
    ours = from_torch([whole, whole.view(3, 4)[:, 1], whole.view(3, 4).t(), whole[0].expand(3)])
    ours[0].array[:] = 7
    assert all((t.array == 7).all() for t in ours)
    assert ours[2].stride() == (1, 4) and ours[3].stride() == (0,)


def test_modules_and_optimizers_of_pytorch():
    model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3))
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.randn(4, 2)).sum().backward()
    optimizer.step()
    out = from_torch({"model": model.state_dict(), "optimizer": optimizer.state_dict()})
    assert list(out["model"]) == list(model.state_dict())
    assert out["model"]._metadata == model.state_dict()._metadata
    for name, value in model.state_dict().items():
        assert out["model"][name].tolist() == value.tolist()
    moment = optimizer.state_dict()["state"][0]["exp_avg"]
    assert out["optimizer"]["state"][0]["exp_avg"].tolist() == moment.tolist()
    assert out["optimizer"]["param_groups"] == optimizer.state_dict()["param_groups"]
    with pytest.raises(Exception, match="Unsupported global: GLOBAL torch.nn"):
        from_torch(model)
    with pytest.raises(Exception, match=r"torch\.nn\..*is PyTorch's.*state_dict"):
        from_torch(model, weights_only=False)


def test_state_dicts_both_ways():
    """The same network here and there computes the same after either file."""

    def network(lib):
        layers = [lib.nn.Linear(4, 5), lib.nn.BatchNorm1d(5), lib.nn.Tanh(), lib.nn.Linear(5, 3)]
        return lib.nn.Sequential(*layers).eval()

    x = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
    a, b = network(tl), network(torch)
    a.load_state_dict(from_torch(b.state_dict()))
    np.testing.assert_allclose(a(tl.tensor(x)).tolist(), b(torch.tensor(x)).tolist(), rtol=1e-4)
    a = network(tl)
    state = to_torch(a.state_dict())
    b.load_state_dict(state)
    assert state._metadata == b.state_dict()._metadata
    np.testing.assert_allclose(a(tl.tensor(x)).tolist(), b(torch.tensor(x)).tolist(), rtol=1e-4)


def legacy(value):
    file = io.BytesIO()
    torch.save(value, file, _use_new_zipfile_serialization=False)
    return file.getvalue()


def test_files_of_pytorch_before_1_6(tmp_path):
    model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3))
    whole = torch.arange(12.0)
    value = {
        "model": model.state_dict(),
        "parameter": model[0].weight,
        "views": [whole, whole.view(3, 4)[:, 1]],
        "ints": torch.arange(3),
        "empty": torch.zeros(0, 2),
        "epoch": 3,
    }
    (tmp_path / "old.pt").write_bytes(legacy(value))
    for source in (tmp_path / "old.pt", io.BytesIO(legacy(value))):
        for weights_only in (True, False):
            if hasattr(source, "seek"):
                source.seek(0)
            out = load(source, weights_only=weights_only)
            assert out["epoch"] == 3 and out["ints"].tolist() == [0, 1, 2]
            assert type(out["parameter"]) is Parameter and out["empty"].shape == (0, 2)
            for name, tensor in model.state_dict().items():
                assert out["model"][name].tolist() == tensor.tolist()
            assert out["views"][1].tolist() == [1, 5, 9]
            out["views"][0].array[:] = 7
            assert out["views"][1].tolist() == [7, 7, 7]


def test_damaged_files_of_pytorch_before_1_6():
    values = torch.randn(50).bfloat16()
    data = legacy(values)
    with pytest.warns(UserWarning, match="bfloat16"):
        assert load(io.BytesIO(data)).tolist() == values.tolist()
    data = legacy(torch.randn(50))
    for size in (20, 60, len(data) - 150, len(data) - 1):
        with pytest.raises((pickle.UnpicklingError, RuntimeError), match="damaged|Weights only"):
            load(io.BytesIO(data[:size]))
    with pytest.raises(pickle.UnpicklingError, match="Unsupported global"):
        load(io.BytesIO(legacy(torch.nn.Linear(2, 3))))


def test_bfloat16_is_widened():
    values = torch.randn(50).bfloat16()
    with pytest.warns(UserWarning, match="bfloat16 tensors; they are loaded as float32"):
        out = from_torch(values)
    assert out.dtype == tl.float32 and out.tolist() == values.tolist()


def test_mapped_files_both_ways(tmp_path):
    values = np.arange(1000.0)
    save([make(values)], tmp_path / "ours.pt")
    assert torch.load(tmp_path / "ours.pt", mmap=True)[0].tolist() == values.tolist()
    torch.save([torch.tensor(values)], tmp_path / "theirs.pt")
    assert load(tmp_path / "theirs.pt", mmap=True)[0].tolist() == values.tolist()


def test_program_is_the_same_but_for_memory():
    """The pickle of a state dict is PyTorch's, byte for byte."""
    import zipfile

    def program(write, value):
        file = io.BytesIO()
        write(value, file)
        with zipfile.ZipFile(file) as archive:
            return archive.read("archive/data.pkl")

    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    ours = collections.OrderedDict(a=make(array), p=Parameter(make(array[0].copy())))
    theirs = collections.OrderedDict(
        a=torch.tensor(array), p=torch.nn.Parameter(torch.tensor(array[0]))
    )
    for state in (ours, theirs):
        state._metadata = {"": {"version": 1}}
    assert program(save, ours) == program(torch.save, theirs)
