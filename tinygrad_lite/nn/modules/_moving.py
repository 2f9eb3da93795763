"""A module in another dtype: every parameter and buffer of the tree converted, in its place."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from ...core import dtypes
from ...core.modes import no_grad
from ...core.tensor import Tensor, make, require_cpu
from ...ops.conversion import parse_to

if TYPE_CHECKING:
    from .module import Module

T = TypeVar("T", bound="Module")


def apply(self: T, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> T:
    """Replace every parameter, gradient and buffer t by fn(t); Parameters stay the same objects."""
    for child in self.children() if recurse else ():
        child._apply(fn)
    with no_grad():
        for p in self._parameters.values():
            if p is None:
                continue
            p.data = fn(p.detach())
            if p._grad is not None:
                p.grad = fn(p._grad.detach())
        for name, b in self._buffers.items():
            if b is not None:
                self._buffers[name] = fn(b)
    return self


def to(self: T, *args: Any, **kwargs: Any) -> T:
    """Move or convert parameters and buffers: `to(device)`, `to(dtype)`, `to(tensor)`.

    Only floating tensors are converted, and only those of 4 or 5 axes take a `memory_format`;
    another device than the CPU raises RuntimeError.
    """
    where, dtype, _, copy, memory_format = parse_to(args, kwargs, "tensor")
    require_cpu(where)
    if copy:
        raise RuntimeError(".to() does not accept copy argument")
    if dtype is not None and not (dtype.is_floating_point or dtype.is_complex):
        raise TypeError(
            "nn.Module.to only accepts floating point or complex dtypes, but got desired "
            f"dtype={dtype}"
        )
    if dtype is not None and dtype.is_complex:
        warnings.warn(
            "Complex modules are a new feature under active development whose design may "
            "change, and some modules might not work as expected",
            stacklevel=2,
        )
    if memory_format is not None:
        self._apply(lambda t: t.to(memory_format=memory_format) if t.ndim in (4, 5) else t)
    return self if dtype is None else self._to_dtype(dtype)


def to_dtype(self: T, dtype: dtypes.dtype) -> T:
    """Convert floating parameters and buffers to `dtype`."""
    dtypes.to_numpy(dtype)  # raises where there is none, if the module is empty too
    return self._apply(lambda t: t.to(dtype) if t.is_floating_point() else t)


def float(self: T) -> T:
    """Convert floating parameters and buffers to float32."""
    return self._to_dtype(dtypes.float32)


def double(self: T) -> T:
    """Convert floating parameters and buffers to float64."""
    return self._to_dtype(dtypes.float64)


def half(self: T) -> T:
    """Convert floating parameters and buffers to float16."""
    return self._to_dtype(dtypes.float16)


def bfloat16(self: T) -> T:
    """Raises NotImplementedError: NumPy has no bfloat16."""
    return self._to_dtype(dtypes.bfloat16)


def type(self: T, dst_type: dtypes.dtype) -> T:
    """Convert all parameters and buffers to `dst_type`."""
    numpy_dtype = dtypes.to_numpy(dst_type)
    return self._apply(lambda t: make(t.array.astype(numpy_dtype)))


def cpu(self: T) -> T:
    """Nothing to do: everything is on the CPU."""
    return self


def cuda(self: T, device: Any = None) -> T:
    """Raises RuntimeError: tinygrad_lite runs on the CPU only."""
    require_cpu("cuda")
    return self


def to_empty(self: T, *, device: Any, recurse: bool = True) -> T:
    """Give parameters and buffers new, uninitialized memory."""
    require_cpu(device)
    for module in self.modules() if recurse else (self,):
        for t in (*module._parameters.values(), *module._buffers.values()):
            if t is not None:
                t.array = np.empty_like(t.array)
    return self


def share_memory(self: T) -> T:
    """Raises NotImplementedError: processes exchange tensors by pickling."""
    raise NotImplementedError(
        "share_memory() is not available: send state_dict() to the other process instead"
    )
