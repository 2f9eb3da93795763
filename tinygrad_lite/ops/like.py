"""Tensors in the shape, dtype and memory order of another one."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.determinism import settled, unwritten
from ..core.dtypes import to_numpy
from ..core.tensor import Tensor, bind, require_cpu
from ..kernels.copying import filled
from .arguments import require_tensor
from .filling import blank, finished, full


def laid_out_like(x: np.ndarray, dtype: Any, memory_format: Any = None) -> np.ndarray:
    """Memory without gaps for elements as many as those of `x`, its axes in the order that
    `memory_format` says, by default in that of x."""
    name = getattr(memory_format, "name", "preserve_format")
    if name != "preserve_format":
        return blank(x.shape, dtype, memory_format)
    if x.flags.c_contiguous or 0 in x.strides:
        return unwritten(x.shape, dtype)
    return settled(np.empty_like(x, dtype, "K"))


def in_order_of(x: np.ndarray, values: np.ndarray, memory_format: Any = None) -> np.ndarray:
    """`values`, which are in row-major order, in the order that `laid_out_like` gives."""
    if memory_format is None and x.flags.c_contiguous:
        return values
    out = laid_out_like(x, values.dtype, memory_format)
    out[...] = values
    return out


def dim_order(self: Tensor, *, ambiguity_check: Any = False) -> tuple[int, ...]:
    """The axes in the order in which they lie in memory, the outermost first.

    ambiguity_check  True: RuntimeError if the strides fit several orders; a list of memory formats:
                     unless exactly one of them fits, then
    """
    if not isinstance(ambiguity_check, (bool, list)):
        raise TypeError(
            "The ambiguity_check argument must be a bool or a list of memory formats, not "
            f"{type(ambiguity_check).__name__}"
        )
    strides = self.stride()
    if ambiguity_check and (1 in self.array.shape or len(set(strides)) < len(strides)):
        formats = ambiguity_check if isinstance(ambiguity_check, list) else []
        if sum([self.is_contiguous(memory_format=f) for f in formats]) != 1:
            raise RuntimeError(
                "The tensor does not have unique dim order, or cannot map to exact one of the "
                "given memory formats."
            )
    return tuple(sorted(range(len(strides)), key=lambda d: -strides[d]))


bind("dim_order", dim_order)


def _like(name: str, build: Any, doc: str) -> Any:
    def like(
        input: Tensor,
        *,
        dtype: Any = None,
        layout: Any = None,
        device: Any = None,
        requires_grad: bool = False,
        memory_format: Any = None,
        pin_memory: bool = False,
    ) -> Tensor:
        require_tensor(name, input)
        require_cpu(device)
        a = input.array
        numpy_dtype = a.dtype if dtype is None else to_numpy(dtype)
        if build is None:
            return finished(laid_out_like(a, numpy_dtype, memory_format), requires_grad)
        values = in_order_of(a, build(a.shape, numpy_dtype), memory_format)
        return finished(values, requires_grad)

    like.__name__ = like.__qualname__ = name
    like.__doc__ = doc
    return like


zeros_like = _like("zeros_like", np.zeros, "Zeros in the shape and dtype of `input`.")
ones_like = _like(
    "ones_like",
    lambda shape, dtype: filled(shape, 1, dtype),
    "Ones in the shape and dtype of `input`.",
)
empty_like = _like("empty_like", None, "Arbitrary content in the shape and dtype of `input`.")


def full_like(
    input: Tensor,
    fill_value: Any,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
    pin_memory: bool = False,
) -> Tensor:
    """`fill_value` in every element of the shape and dtype of `input`."""
    require_tensor("full_like", input)
    dtype = input.dtype if dtype is None else dtype
    values = full(input.array.shape, fill_value, dtype=dtype, device=device).array
    return finished(in_order_of(input.array, values, memory_format), requires_grad)
