"""Memory shared with other libraries by DLPack, without a copy."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.tensor import Tensor, bind, make, require_cpu
from .arguments import of_tensors
from .conversion import clone


def from_dlpack(ext_tensor: Any, *, device: Any = None, copy: bool | None = None) -> Tensor:
    """A Tensor on the memory of an array that speaks DLPack (NumPy's, PyTorch's, ...) or a capsule.

    A capsule (`to_dlpack`) is emptied: it serves once. BufferError for a Tensor that requires grad.
    """
    require_cpu(device)
    if isinstance(ext_tensor, Tensor):
        if ext_tensor.requires_grad:
            raise BufferError("Can't export tensors that require gradient, use tensor.detach()")
        return clone(ext_tensor) if copy else ext_tensor.detach()
    if type(ext_tensor).__name__ == "PyCapsule":
        if '"dltensor' not in repr(ext_tensor):
            raise _used_up()
        out = make(_writeable(np.from_dlpack(_Capsule(ext_tensor))))
    elif not hasattr(ext_tensor, "__dlpack__"):
        raise _used_up()
    else:
        out = make(np.from_dlpack(ext_tensor))
    return clone(out) if copy else out


def _used_up() -> RuntimeError:
    return RuntimeError(
        "from_dlpack received an invalid capsule. Note that DLTensor capsules can be consumed only "
        "once, so you might have already constructed a tensor from it once."
    )


def _writeable(array: np.ndarray) -> np.ndarray:
    """The same memory, to be written too: NumPy takes that of a bare capsule for read-only."""
    import ctypes

    low, high = np.lib.array_utils.byte_bounds(array)
    memory = (ctypes.c_char * (high - low)).from_address(low)
    memory.owner = array  # type: ignore[attr-defined]  # which owns the capsule
    offset = array.__array_interface__["data"][0] - low
    return np.ndarray(array.shape, array.dtype, memoryview(memory), offset, array.strides)


class _Capsule:
    """A bare DLPack capsule as an array that speaks DLPack, which is what NumPy asks for."""

    def __init__(self, capsule: Any) -> None:
        self.capsule = capsule

    def __dlpack__(self, **options: Any) -> Any:
        return self.capsule

    def __dlpack_device__(self) -> tuple[int, int]:
        return 1, 0  # the CPU


@of_tensors
def to_dlpack(tensor: Tensor) -> Any:
    """A DLPack capsule of the Tensor's memory."""
    return _dlpack(tensor)


def _dlpack(self: Tensor, **options: Any) -> Any:
    """A DLPack capsule of the memory. RuntimeError (BufferError) if gradients are recorded."""
    if self.requires_grad:
        raise BufferError("Can't export tensors that require gradient, use tensor.detach()")
    if options.pop("stream", None) is not None:
        raise AssertionError("stream should be None on cpu.")
    return self.array.__dlpack__(**options)


def _dlpack_device(self: Tensor) -> Any:
    return self.array.__dlpack_device__()


bind("__dlpack__", _dlpack)
bind("__dlpack_device__", _dlpack_device)
