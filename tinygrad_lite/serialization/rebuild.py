"""What a file may ask for: the functions and classes that `load` knows, each checking its input.

`FUNCTIONS` may be called, `VALUES` only named, instances of `BUILDABLE` may be filled. None of
them imports, looks up attributes by a name in the file, or touches memory outside its storage.
"""

from __future__ import annotations

import importlib
import warnings
from collections import Counter, OrderedDict
from typing import Any

import numpy as np

from ..core import dtypes
from ..core.dtypes import dtype, from_numpy_dtype
from ..core.tensor import Parameter, Size, Tensor, device, make
from .names import STORAGES, StorageKind


class Storage:
    """The memory of one record, and what its elements are (None: the tensor says so)."""

    def __init__(self, memory: np.ndarray, kind: dtype | None, swap: bool) -> None:
        self.kind = kind
        self.swap = swap
        self.memory = memory
        if kind is not None:
            self.memory = self.typed(kind)

    def typed(self, kind: dtype) -> np.ndarray:
        """The memory as a 1-d array of `kind`, in this machine's byte order."""
        if kind is dtypes.bfloat16:
            warnings.warn(
                "the file holds bfloat16 tensors; they are loaded as float32, with the same values",
                UserWarning,
                stacklevel=2,
            )
            half = self.memory.view(np.uint16)
            return widened(half.byteswap() if self.swap else half)
        assert kind.numpy is not None
        if self.memory.dtype != np.uint8 or self.memory.nbytes % kind.numpy.itemsize:
            raise _damaged(f"storage of {self.memory.nbytes} bytes does not hold {kind}")
        array = self.memory.view(kind.numpy)
        return array.byteswap() if self.swap else array

    def part(self, offset: int, length: int) -> Storage:
        """The `length` elements from `offset` on."""
        found = Storage(self.memory[offset : offset + length], None, self.swap)
        found.kind = self.kind
        return found

    def shown(self) -> Any:
        """What a user sees of it; the tensors that lie in it find it there as `_record`."""
        storages = importlib.import_module("tinygrad_lite.machine.storage")  # as few need it
        memory = storages.UntypedStorage()
        memory._bytes = self.memory.view(np.uint8)
        found = storages.TypedStorage(
            wrap_storage=memory, dtype=from_numpy_dtype(self.memory.dtype)
        )
        found._record = self
        return found

    def cpu(self) -> Storage:
        """Itself: what a `map_location` function returns."""
        return self


def widened(half: np.ndarray) -> np.ndarray:
    """bfloat16, which NumPy lacks, given as uint16: it is the upper half of a float32."""
    return (half.astype(np.uint32) << 16).view(np.float32)


def _damaged(what: str) -> RuntimeError:
    return RuntimeError(f"the file is damaged: {what}")


def rebuild_tensor(storage: Any, offset: Any, size: Any, stride: Any, *rest: Any) -> Tensor:
    """PyTorch's `_rebuild_tensor_v2`: a view of a storage, checked to lie inside it."""
    record = getattr(storage, "_record", None)
    if not isinstance(record, Storage):
        raise _damaged(f"a tensor in a storage that is a {type(storage).__name__}")
    return _view(record.memory, offset, size, stride, *rest)


def rebuild_untyped(
    storage: Any, offset: Any, size: Any, stride: Any, requires_grad: Any, hooks: Any, kind: Any,
    metadata: Any = None,
) -> Tensor:  # fmt: skip
    """PyTorch's `_rebuild_tensor_v3`: the dtype belongs to the tensor, not to the storage."""
    record = getattr(storage, "_record", None)
    if not isinstance(record, Storage) or not isinstance(kind, dtype):
        raise _damaged("a tensor without a storage or without a dtype")
    return _view(record.typed(kind), offset, size, stride, requires_grad)


def _view(
    flat: np.ndarray, offset: Any, size: Any, stride: Any, requires_grad: Any = False,
    hooks: Any = None, metadata: Any = None,
) -> Tensor:  # fmt: skip
    item = flat.itemsize
    numbers = (offset, *size, *stride)
    if not all(type(n) is int and n >= 0 for n in numbers) or len(size) != len(stride):
        raise _damaged(f"offset {offset}, size {size} and stride {stride} make no tensor")
    if 0 in size:
        array = np.empty(size, flat.dtype)
    else:
        last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
        if last >= flat.size:
            raise _damaged(f"a tensor reaches to element {last} of a storage of {flat.size}")
        strides = [step * item for step in stride]
        array = np.ndarray(size, flat.dtype, flat, offset * item, strides)
    tensor = make(array)
    return tensor.requires_grad_() if requires_grad is True else tensor


def rebuild_parameter(
    data: Any, requires_grad: Any, hooks: Any = None, state: Any = None
) -> Parameter:
    """PyTorch's `_rebuild_parameter` and `_rebuild_parameter_with_state`."""
    if not isinstance(data, Tensor):
        raise _damaged("a Parameter without a tensor")
    parameter = Parameter(data, requires_grad is True)
    set_attributes(parameter, state)
    return parameter


def rebuild_from_type(function: Any, kind: Any, args: Any, state: Any) -> Any:
    """PyTorch's `_rebuild_from_type_v2`: a tensor of a subclass, or with attributes."""
    if function not in (rebuild_tensor, rebuild_untyped) or not issubclass(kind, Tensor):
        raise _damaged(f"a tensor of type {kind!r:.100} made by {function!r:.100}")
    tensor = function(*args)
    if kind is not Tensor:
        plain, tensor = tensor, object.__new__(kind)  # its own `__new__` may want arguments
        Tensor.__setstate__(tensor, (plain.array, plain.requires_grad, {}))
    if kind.__setstate__ is Tensor.__setstate__:
        set_attributes(tensor, state)
    else:
        tensor.__setstate__(state)
    return tensor


def set_attributes(target: Any, state: Any) -> None:
    """Put a saved `__dict__` (or a pair of it and slots, which tensors have none of) back."""
    if isinstance(state, tuple) and len(state) == 2:
        state = state[0]
    if state:
        target.__dict__.update(state)


# -- Python and NumPy ------------------------------------------------------------------------------


def encode(text: str, encoding: str) -> bytes:
    """`_codecs.encode` as pickle uses it for bytes; other codecs could blow up a short text."""
    if encoding != "latin1":
        raise _damaged(f"bytes encoded as {encoding!r:.50}")
    return text.encode("latin1")


def empty_bytes(*args: Any) -> bytes:
    """`bytes()` as pickle uses it; with a number it would fill the memory."""
    if args:
        raise _damaged("a call of bytes() with arguments")
    return b""


def byte_array(*args: Any) -> bytearray:
    """`bytearray(bytes)` as pickle uses it."""
    if not all(isinstance(arg, bytes) for arg in args):
        raise _damaged("a call of bytearray() with something else than bytes")
    return bytearray(*args)


def numpy_dtype(text: Any, align: Any = False, copy: Any = True) -> np.dtype:
    """`np.dtype(text)` of a plain type, as a fresh object, since pickle goes on to change it."""
    if not isinstance(text, str) or text[:1] not in "biufcSUVMmO":
        raise _damaged(f"NumPy dtype {text!r:.50}")
    return np.dtype(text, copy=True)


def numpy_empty(kind: Any, shape: Any, code: Any) -> np.ndarray:
    """`_reconstruct`: the empty array that pickle then fills."""
    return np.ndarray((0,), np.int8)


def numpy_scalar(kind: Any, content: Any = None) -> Any:
    """`scalar`: one element from its bytes."""
    if not isinstance(kind, np.dtype) or kind.hasobject or not isinstance(content, bytes):
        raise _damaged("a NumPy scalar without a plain dtype or without bytes")
    if len(content) != kind.itemsize:
        raise _damaged(f"{len(content)} bytes for a NumPy scalar of {kind}")
    return np.frombuffer(content, kind)[0]


def fill(target: Any, state: Any) -> None:
    """Pickle's BUILD, for instances of BUILDABLE and of the user's classes."""
    if isinstance(target, np.dtype):
        _fill_dtype(target, state)
    elif type(target) is np.ndarray:
        _fill_array(target, state)
    elif hasattr(target, "__setstate__"):
        target.__setstate__(state)
    else:
        slots: Any = None
        if isinstance(state, tuple) and len(state) == 2:
            state, slots = state
        target.__dict__.update(state or {})
        for name, value in (slots or {}).items():
            setattr(target, name, value)


def _fill_dtype(target: np.dtype, state: Any) -> None:
    # Byte order and a date's unit are all that may be set. The rest, offsets of fields and flags,
    # NumPy believes unchecked, so it has to be what it is already.
    try:
        _, order, *fields, size, alignment, flags = state[:8]
        same = (
            order in ("<", ">", "|", "=")
            and fields == [None, None, None]
            and size in (-1, target.itemsize)
            and alignment in (-1, target.alignment)
            and flags == target.flags
            and (len(state) == 8 or target.kind in "mM")
        )
        if len(state) > 8:
            _, (unit, *counts) = state[8]
            same = same and isinstance(unit, bytes) and all(type(n) is int for n in counts)
    except (TypeError, ValueError):
        same = False
    if not same:
        raise _damaged(f"state {state!r:.100} of a NumPy dtype; structured ones are not loaded")
    target.__setstate__(state)  # type: ignore[attr-defined]


def _fill_array(target: np.ndarray, state: Any) -> None:
    _, shape, kind, _, content = state
    wanted = list if isinstance(kind, np.dtype) and kind.hasobject else bytes
    if not isinstance(kind, np.dtype) or not isinstance(content, wanted):
        raise _damaged("a NumPy array without a dtype or without its content")
    if any(type(n) is not int or n < 0 for n in shape):
        raise _damaged(f"a NumPy array of shape {shape!r:.100}")
    target.__setstate__(state)


BUILDABLE = (
    OrderedDict,
    np.ndarray,
    *{type(np.dtype(code)) for code in "?bBhHiIlLqQefdgFDGSUVMmO"},
)

FUNCTIONS: dict[str, Any] = {
    "collections.OrderedDict": OrderedDict,
    "collections.Counter": Counter,
    "builtins.set": set,
    "builtins.frozenset": frozenset,
    "builtins.complex": complex,
    "builtins.bytes": empty_bytes,
    "builtins.bytearray": byte_array,
    "_codecs.encode": encode,
    "torch.Size": Size,
    "torch.device": device,
    "torch._utils._rebuild_tensor": rebuild_tensor,
    "torch._utils._rebuild_tensor_v2": rebuild_tensor,
    "torch._utils._rebuild_tensor_v3": rebuild_untyped,
    "torch._utils._rebuild_parameter": rebuild_parameter,
    "torch._utils._rebuild_parameter_with_state": rebuild_parameter,
    "torch._tensor._rebuild_from_type_v2": rebuild_from_type,
    "numpy.dtype": numpy_dtype,
    **{f"numpy.{core}.multiarray._reconstruct": numpy_empty for core in ("core", "_core")},
    **{f"numpy.{core}.multiarray.scalar": numpy_scalar for core in ("core", "_core")},
}

VALUES: dict[str, Any] = {
    **{f"torch.{name}": StorageKind(kind) for name, kind in STORAGES.items()},
    "torch.storage.UntypedStorage": StorageKind(None),
    **{f"torch.{kind.name}": kind for kind in dtypes.ALL},
    "torch.Tensor": Tensor,
    "torch.nn.parameter.Parameter": Parameter,
    "numpy.ndarray": np.ndarray,
}
