"""The memory behind a Tensor, as scripts look at it: where it is, how large, who shares it.

A storage is the whole of the memory that a Tensor is a view of. Writing to its elements writes to
all Tensors on it; it cannot be resized, NumPy owns it.
"""

from __future__ import annotations

import copy
import os
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..core import dtypes
from ..core.dtypes import dtype
from ..core.node import _LEGACY, owner, touch
from ..core.pickling import copied_memory
from ..core.tensor import CPU, Tensor, device
from .absent import _absent

_RESIZE = "NumPy's memory has one size; make a new Tensor"


def _bytes_of(array: np.ndarray) -> np.ndarray:
    """The whole memory that `array` is a view of, as bytes."""
    root = owner(array)
    if not isinstance(root, np.ndarray):  # someone else's memory: what can be seen of it
        root = array
        while isinstance(root.base, np.ndarray):
            root = root.base
    low, high = np.lib.array_utils.byte_bounds(root)
    flat = root.T if root.flags.f_contiguous else root
    if flat.flags.c_contiguous:
        return flat.reshape(-1).view(np.uint8)
    window = np.lib.stride_tricks.as_strided(root.view(), (1,) * max(root.ndim, 1))
    return np.lib.stride_tricks.as_strided(window.view(np.uint8), (high - low,), (1,))


class UntypedStorage:
    """Memory as bytes. UntypedStorage(n) is n fresh bytes, UntypedStorage(values) holds them."""

    device: device = CPU
    is_cuda = is_sparse = False
    filename: str | None = None

    def __init__(self, content: Any = 0, **_: Any) -> None:
        if isinstance(content, int):
            self._bytes = np.zeros(content, np.uint8)
        else:
            self._bytes = np.array(content, np.uint8)

    @classmethod
    def from_file(cls, filename: Any, shared: bool = False, nbytes: int = 0) -> UntypedStorage:
        """The first `nbytes` of a file, read when they are looked at.

        shared  writes go to the file, which is made or lengthened as needed; else they stay here

        RuntimeError if the file, not shared, is shorter.
        """
        if shared:
            with open(filename, "ab") as file:
                if file.tell() < nbytes:
                    file.truncate(nbytes)
        elif os.path.getsize(filename) < nbytes:
            raise RuntimeError(
                f"file {filename} has {os.path.getsize(filename)} bytes, fewer than the {nbytes} "
                "asked for; shared=True would lengthen it"
            )
        found = cls()
        if nbytes:
            mode: Any = "r+" if shared else "c"
            found._bytes = np.asarray(np.memmap(filename, np.uint8, mode, shape=(nbytes,)))
        found.filename = os.fspath(filename)
        return found

    def data_ptr(self) -> int:
        """Address of the first byte."""
        address: int = self._bytes.__array_interface__["data"][0]
        return address

    def nbytes(self) -> int:
        """Number of bytes."""
        return self._bytes.size

    size = __len__ = nbytes

    def element_size(self) -> int:
        """1."""
        return 1

    def elements_for(self, dtype: dtype) -> np.ndarray:
        """The memory as elements of `dtype`, for a Tensor to look at."""
        whole = self._bytes.size // dtype.itemsize * dtype.itemsize
        elements: np.ndarray = self._bytes[:whole].view(dtypes.to_numpy(dtype))
        return elements

    def tolist(self) -> list[int]:
        """The bytes."""
        values: list[int] = self._bytes.tolist()
        return values

    def __iter__(self) -> Iterator[int]:
        return iter(self.tolist())

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            part = UntypedStorage()
            part._bytes = self._bytes[index]
            return part
        return int(self._bytes[index])

    def __setitem__(self, index: Any, value: Any) -> None:
        self._bytes[index] = value
        touch(self._bytes, "a write to the storage")

    def fill_(self, value: int) -> UntypedStorage:
        """Set every byte."""
        self[:] = value
        return self

    def copy_(self, source: UntypedStorage, non_blocking: bool = False) -> UntypedStorage:
        """Take the bytes of `source`. RuntimeError unless it has as many."""
        if source.nbytes() != self.nbytes():
            raise RuntimeError(f"size mismatch: {self.nbytes()} bytes from {source.nbytes()}")
        self[:] = source._bytes
        return self

    def clone(self) -> UntypedStorage:
        """A copy in its own memory."""
        return UntypedStorage(self._bytes)

    def __deepcopy__(self, memo: dict[int, Any]) -> UntypedStorage:
        # the Tensors on this memory that are copied in the same go are on the copy
        twin = UntypedStorage()
        twin._bytes = copied_memory(self._bytes, memo)
        return twin

    def cpu(self) -> UntypedStorage:
        """Itself."""
        return self

    untyped = _untyped = cpu

    def is_shared(self) -> bool:
        """False: processes exchange tensors by pickling."""
        return False

    def is_pinned(self, device: Any = None) -> bool:
        """False."""
        return False

    resize_ = _absent("UntypedStorage.resize_", _RESIZE)
    share_memory_ = _absent("UntypedStorage.share_memory_", "send the Tensor")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UntypedStorage) and (self.data_ptr(), self.nbytes()) == (
            other.data_ptr(),
            other.nbytes(),
        )

    def __hash__(self) -> int:
        return hash(self.data_ptr())

    @property
    def _cdata(self) -> int:
        """What tells storages apart."""
        return self.data_ptr()

    def __repr__(self) -> str:
        lines = "".join(f" {b}\n" for b in self.tolist())
        return f"{lines}[torch.storage.UntypedStorage(device=cpu) of size {len(self)}]"


class TypedStorage:
    """Memory as elements of one dtype: PyTorch's older form of a storage."""

    device: device = CPU
    is_cuda = is_sparse = False
    _kind: dtype | None = None  # of a subclass such as FloatStorage
    _record: Any = None  # of a file, where it was loaded from one

    def __init__(self, *args: Any, wrap_storage: Any = None, dtype: Any = None, **_: Any) -> None:
        self.dtype: Any = dtype or self._kind or dtypes.get_default_dtype()
        if wrap_storage is not None:
            self._untyped = wrap_storage
            return
        content = args[0] if args else 0
        made = np.zeros(content, self.dtype.numpy) if isinstance(content, int) else content
        self._untyped = UntypedStorage()
        self._untyped._bytes = np.array(made, self.dtype.numpy).view(np.uint8)

    @property
    def _elements(self) -> np.ndarray:
        found: np.ndarray = self._untyped._bytes.view(self.dtype.numpy)
        return found

    def untyped(self) -> UntypedStorage:
        """The same memory as bytes."""
        found: UntypedStorage = self._untyped
        return found

    _untyped_storage = property(untyped)

    def elements_for(self, dtype: dtype) -> np.ndarray:
        """The elements, for a Tensor of `dtype` to look at; RuntimeError if they are others."""
        if dtype is not self.dtype:
            raise RuntimeError(
                f"Expected a Storage of type {_word(dtype).lower()} or an UntypedStorage, but got "
                f"type {_word(self.dtype)} for argument 1 'storage'"
            )
        return self._elements

    @property
    def _cdata(self) -> int:
        """What tells storages apart."""
        return self.data_ptr()

    @classmethod
    def from_buffer(cls, buffer: Any, byte_order: str = "native", **_: Any) -> TypedStorage:
        """A copy of the bytes of `buffer`, as elements in the order "native", "little" or "big"."""
        order: Any = {"native": "=", "little": "<", "big": ">"}[byte_order]
        kind = dtypes.to_numpy(cls._kind)
        if kind == np.bool_:  # whatever is not 0
            return cls(np.frombuffer(buffer, np.uint8) != 0)
        return cls(np.frombuffer(buffer, kind.newbyteorder(order)).astype(kind))

    def size(self) -> int:
        """Number of elements."""
        return self._elements.size

    __len__ = _size = size

    def nbytes(self) -> int:
        """Number of bytes."""
        return self._elements.nbytes

    def element_size(self) -> int:
        """Bytes in one element."""
        return self._elements.itemsize

    def data_ptr(self) -> int:
        """Address of the first element."""
        return self.untyped().data_ptr()

    _data_ptr = data_ptr

    def tolist(self) -> list[Any]:
        """The elements."""
        values: list[Any] = self._elements.tolist()
        return values

    def __iter__(self) -> Iterator[Any]:
        return iter(self.tolist())

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            raise RuntimeError("slices are only supported in UntypedStorage.__getitem__")
        if not -self.size() <= index < self.size():
            raise IndexError(f"index {index} out of range for storage of size {self.size()}")
        return self._elements[index].item()

    def __setitem__(self, index: Any, value: Any) -> None:
        self._elements[index] = value
        touch(self._elements, "a write to the storage")

    def fill_(self, value: Any) -> TypedStorage:
        """Set every element."""
        self[:] = value
        return self

    def copy_(self, source: TypedStorage, non_blocking: bool = False) -> TypedStorage:
        """Take the elements of `source`, converted. RuntimeError unless it has as many."""
        if source.size() != self.size():
            raise RuntimeError(f"size mismatch: {self.size()} elements from {source.size()}")
        self[:] = source._elements
        return self

    def clone(self) -> TypedStorage:
        """A copy in its own memory."""
        return TypedStorage(wrap_storage=self.untyped().clone(), dtype=self.dtype)

    def __deepcopy__(self, memo: dict[int, Any]) -> TypedStorage:
        return TypedStorage(wrap_storage=copy.deepcopy(self.untyped(), memo), dtype=self.dtype)

    def type(self, dtype: Any = None, non_blocking: bool = False) -> Any:
        """The name of the type, e.g. torch.FloatStorage; or the elements as another `dtype`."""
        if dtype is None:
            return f"torch.{_STORAGES[self.dtype].__name__}"
        return TypedStorage(self._elements.astype(dtype.numpy), dtype=dtype)

    def cpu(self) -> TypedStorage:
        """Itself."""
        return self

    def is_shared(self) -> bool:
        """False: processes exchange tensors by pickling."""
        return False

    def is_pinned(self, device: Any = None) -> bool:
        """False."""
        return False

    def pickle_storage_type(self) -> str:
        """The name under which PyTorch's files keep it, e.g. FloatStorage."""
        return _STORAGES[self.dtype].__name__

    resize_ = _absent("TypedStorage.resize_", _RESIZE)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TypedStorage) and self.untyped() == other.untyped()

    def __hash__(self) -> int:
        return hash(self.data_ptr())

    def __repr__(self) -> str:
        lines = "".join(f" {v}\n" for v in self.tolist())
        return (
            f"{lines}[torch.storage.TypedStorage(dtype={self.dtype}, device=cpu) "
            f"of size {self.size()}]"
        )


def _word(kind: dtype) -> str:
    """Float for float32: the first word of FloatStorage."""
    return _LEGACY.get(kind.name, kind.name)


def _conversion(kind: dtype) -> Any:
    def convert(self: TypedStorage) -> TypedStorage:
        return self if self.dtype is kind else self.type(kind)

    convert.__doc__ = f"The elements as {kind.name}; itself if they are."
    return convert


_KINDS = {
    "float": dtypes.float32,
    "double": dtypes.float64,
    "half": dtypes.float16,
    "long": dtypes.int64,
    "int": dtypes.int32,
    "short": dtypes.int16,
    "char": dtypes.int8,
    "byte": dtypes.uint8,
    "bool": dtypes.bool_,
    "complex_float": dtypes.complex64,
    "complex_double": dtypes.complex128,
}
_STORAGES: dict[dtype, Any] = {}
for _name, _kind in _KINDS.items():
    setattr(TypedStorage, _name, _conversion(_kind))
    _title = _name.title().replace("_", "") + "Storage"
    globals()[_title] = _STORAGES[_kind] = type(_title, (TypedStorage,), {"_kind": _kind})


def storage_type(self: Tensor) -> Any:
    """The class of this Tensor's storage, e.g. FloatStorage."""
    return _STORAGES.get(self.dtype)


def is_storage(obj: Any, /) -> bool:
    """Whether `obj` is a storage."""
    return isinstance(obj, (UntypedStorage, TypedStorage))


def untyped_storage(self: Tensor) -> UntypedStorage:
    """The memory of which this Tensor is a view, as bytes."""
    found = UntypedStorage()
    found._bytes = _bytes_of(self.array)
    return found


def storage(self: Tensor) -> TypedStorage:
    """The memory of which this Tensor is a view, as elements; PyTorch's warning is said once."""
    _say()
    return TypedStorage(wrap_storage=untyped_storage(self), dtype=self.dtype)


def _say() -> None:
    global _said
    if not _said:
        _said = True
        warnings.warn(
            "TypedStorage is deprecated. It will be removed in the future and UntypedStorage will "
            "be the only storage class. This should only matter to you if you are using storages "
            "directly.  To access UntypedStorage directly, use tensor.untyped_storage() instead "
            "of tensor.storage()",
            UserWarning,
            stacklevel=4,
        )


_said = False
