"""Storages in files, the format before PyTorch 1.6 written, other picklers, odd file objects."""

from __future__ import annotations

import io
import pickle
import types
from functools import partial
from typing import Any

import pytest

import tinygrad_lite as tl

pytest.importorskip("torch")

import torch

from tests.oracle.behaviours import error

pytestmark = pytest.mark.filterwarnings("ignore:TypedStorage")

# A file of 2017, two storages that are parts of one.
PARTS = (
    b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03."
    b"\x80\x02}q\x00(X\n\x00\x00\x00type_sizesq\x01}q\x02(X\x03\x00\x00\x00intq\x03K\x04X\x05\x00"
    b"\x00\x00shortq\x04K\x02X\x04\x00\x00\x00longq\x05K\x04uX\x10\x00\x00\x00protocol_versionq"
    b"\x06M\xe9\x03X\r\x00\x00\x00little_endianq\x07\x88u.\x80\x02(X\x07\x00\x00\x00storageq\x00"
    b"ctorch\nFloatStorage\nq\x01X\x01\x00\x00\x007q\x02X\x03\x00\x00\x00cpuq\x03K\x02X\x01\x00\x00"
    b"\x008q\x04K\x00K\x01\x87q\x05tq\x06Q(h\x00h\x01X\x01\x00\x00\x007q\x07h\x03K\x02X\x01\x00\x00"
    b"\x009q\x08K\x01K\x01\x87q\ttq\nQ\x86q\x0b.\x80\x02]q\x00X\x01\x00\x00\x007q\x01a."
    b"\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80?\x00\x00\x00@"
)


def written(lib: Any, value: Any, **options: Any) -> bytes:
    file = io.BytesIO()
    lib.save(value, file, **options)
    return file.getvalue()


def values(lib: Any) -> list[Any]:
    x = lib.arange(6.0)
    return [x, x[2:4], x.storage(), x.untyped_storage().clone(), lib.tensor([3]), lib.ones(0)]


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("weights_only", [True, False])
@pytest.mark.parametrize(("writer", "reader"), [(tl, torch), (torch, tl), (tl, tl)])
def test_storages_are_shared(writer: Any, reader: Any, weights_only: bool, zipped: bool) -> None:
    content = written(writer, values(writer), _use_new_zipfile_serialization=zipped)
    x, part, whole, free, ints, none = reader.load(io.BytesIO(content), weights_only=weights_only)
    assert isinstance(whole, reader.storage.TypedStorage) and whole.dtype is reader.float32
    assert (free.dtype, len(free), ints.tolist(), len(none)) == (reader.uint8, 24, [3], 0)
    x.fill_(7)
    assert part.tolist() == [7, 7] and whole.tolist() == [7] * 6 and free.tolist()[-1] == 64
    whole[3] = 1
    assert part.tolist() == [7, 1] and whole.data_ptr() == x.data_ptr()


@pytest.mark.parametrize("lib", [tl, torch])
def test_one_type_for_one_memory(lib: Any) -> None:
    x = lib.ones(3, dtype=lib.complex64)
    for value in ([x.storage(), x.imag], [x, x.imag.storage()], [x, x.untyped_storage()]):
        with pytest.raises(RuntimeError, match="view the same data as different types"):
            written(lib, value)


@pytest.mark.parametrize("lib", [tl, torch])
def test_parts_of_2017(lib: Any) -> None:
    first, second = lib.load(io.BytesIO(PARTS))
    assert (first[0], second[0], len(first), len(second)) == (1, 2, 1, 1)
    assert first.data_ptr() + 4 == second.data_ptr()


def test_a_part_of_nonsense() -> None:
    for bad in (
        PARTS.replace(b"K\x00K\x01\x87", b"h\x02h\x02\x87"),
        PARTS.replace(b"\x87", b"\x86"),
    ):
        with pytest.raises(pickle.UnpicklingError):
            tl.load(io.BytesIO(bad))


class Shouting(pickle._Pickler):
    def reducer_override(self, obj: Any) -> Any:
        return (str.upper, ("a function",)) if isinstance(obj, types.LambdaType) else NotImplemented


class Refusing(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        raise RuntimeError(f"no {name} today")


@pytest.mark.parametrize("lib", [tl, torch])
def test_other_picklers(lib: Any) -> None:
    content = written(lib, types.SimpleNamespace(x=lib.ones(2)))
    module = types.SimpleNamespace(__name__="mine", Unpickler=Refusing, load=pickle.load)
    options: list[dict[str, Any]] = [{}, {"weights_only": False}, {"weights_only": True}]
    said = [
        error(partial(lib.load, io.BytesIO(content), pickle_module=module, **o), 99)
        for o in options
    ]
    assert said[0] == said[1] == ("RuntimeError", "no SimpleNamespace today")
    assert said[2][1].startswith("Can not safely load weights when explicit pickle_module is spec")
    assert lib.load(io.BytesIO(content), pickle_module=pickle).x.tolist() == [1, 1]


def test_a_pickler_in_python() -> None:
    module = types.SimpleNamespace(__name__="mine", Pickler=Shouting)
    content = written(tl, [lambda: 0, tl.ones(2)], pickle_module=module)
    said, ones = tl.load(io.BytesIO(content), weights_only=False)
    assert said == "A FUNCTION" and ones.tolist() == [1, 1]


class Bare:
    """A file that can do what PyTorch asks for and no more."""

    def __init__(self, content: bytes) -> None:
        inner = io.BytesIO(content)
        self.read, self.readline, self.seek, self.tell = (
            inner.read, inner.readline, inner.seek, inner.tell,
        )  # fmt: skip


@pytest.mark.parametrize("lib", [tl, torch])
@pytest.mark.parametrize("zipped", [True, False])
def test_bare_files(lib: Any, zipped: bool) -> None:
    content = written(lib, lib.ones(2), _use_new_zipfile_serialization=zipped)
    assert lib.load(Bare(content)).tolist() == [1, 1]  # type: ignore[arg-type]


@pytest.mark.parametrize("lib", [tl, torch])
def test_old_files_are_not_mapped(lib: Any, tmp_path: Any) -> None:
    path = tmp_path / "old.pt"
    lib.save(lib.ones(2), path, _use_new_zipfile_serialization=False)
    with pytest.raises(RuntimeError, match="mmap can only be used with files saved with"):
        lib.load(path, mmap=True)
