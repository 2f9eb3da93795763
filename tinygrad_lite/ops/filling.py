"""Tensors of a given shape: zeros, ones, full, empty."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.determinism import unwritten
from ..core.dtypes import from_numpy_dtype, get_default_dtype, number_dtype, to_numpy
from ..core.shapes import shape_from
from ..core.tensor import CHANNELS_LAST, Tensor, bind, make, require_cpu
from ..kernels.copying import filled
from .arguments import fitting, no_out


def finished(array: np.ndarray, requires_grad: bool) -> Tensor:
    """A Tensor of a new array; RuntimeError for one of integers that requires grad."""
    if requires_grad and array.dtype.kind not in "fc":
        raise RuntimeError(
            "Only Tensors of floating point and complex dtype can require gradients, "
            f"not {from_numpy_dtype(array.dtype)}"
        )
    out = make(array)
    return out.requires_grad_() if requires_grad else out


def dtype_or_default(dtype: Any) -> Any:
    """The NumPy dtype of `dtype`, or of the default one."""
    if isinstance(dtype, str):
        raise TypeError(f"argument 'dtype' must be torch.dtype, not str ('{dtype}')")
    return to_numpy(get_default_dtype() if dtype is None else dtype)


def shape_given(function: str, size: tuple[Any, ...], named: Any) -> tuple[int, ...]:
    """The shape in `f(2, 3)`, `f((2, 3))` or `f(size=(2, 3))`; nothing else may be in `named`."""
    if named:
        if size or "size" not in named or len(named) > 1:
            unknown = next((n for n in named if n != "size"), "size")
            raise TypeError(f"{function}() got an unexpected keyword argument '{unknown}'")
        size = (named["size"],)
    elif not size:
        raise TypeError(f'{function}() missing 1 required positional arguments: "size"')
    elif len(size) > 1 and isinstance(size[0], (tuple, list)):
        raise TypeError(f"{function}() takes 1 positional argument but {len(size)} were given")
    given = size
    if len(size) == 1 and type(size[0]) is not int:
        size = tuple(size[0]) if isinstance(size[0], (tuple, list)) else size
    for n in size:
        if type(n) is not int:
            return _checked(function, shape_from(given, function))
    return _checked(function, size)


def _checked(function: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    for n in shape:
        if n < 0:
            if function == "zeros":
                raise RuntimeError("zeros: Dimension size must be non-negative.")
            raise RuntimeError(
                f"Trying to create tensor with negative dimension {n}: {list(shape)}"
            )
    return tuple(shape)


def zeros(
    *size: Any,
    out: Any = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
    **named: Any,
) -> Tensor:
    """Zeros of shape `size` (several ints or one tuple)."""
    no_out("zeros", out)
    require_cpu(device)
    shape = shape_given("zeros", size, named)
    return finished(np.zeros(shape, dtype_or_default(dtype)), requires_grad)


def ones(
    *size: Any,
    out: Any = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
    **named: Any,
) -> Tensor:
    """Ones of shape `size` (several ints or one tuple)."""
    no_out("ones", out)
    require_cpu(device)
    shape = shape_given("ones", size, named)
    return finished(filled(shape, 1, dtype_or_default(dtype)), requires_grad)


def blank(shape: Sequence[int], dtype: Any, memory_format: Any = None) -> np.ndarray:
    """Memory with arbitrary content, its axes in the order that `memory_format` says."""
    name = getattr(memory_format, "name", "contiguous_format")
    if name not in CHANNELS_LAST:
        return unwritten(shape, dtype)
    if len(shape) != CHANNELS_LAST[name]:
        raise RuntimeError(f"required rank {CHANNELS_LAST[name]} tensor to use {name} format")
    return np.moveaxis(unwritten((shape[0], *shape[2:], shape[1]), dtype), -1, 1)


def empty(
    *size: Any,
    out: Any = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
    memory_format: Any = None,
    **named: Any,
) -> Tensor:
    """A Tensor of shape `size` with arbitrary content."""
    no_out("empty", out)
    require_cpu(device)
    shape = shape_given("empty", size, named)
    return finished(blank(shape, dtype_or_default(dtype), memory_format), requires_grad)


def empty_strided(
    size: Any,
    stride: Any,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """Arbitrary content of shape `size`, steps of `stride` elements along each axis."""
    require_cpu(device)
    shape, strides = tuple(map(int, size)), tuple(map(int, stride))
    if len(shape) != len(strides):
        raise RuntimeError(
            f"mismatch in length of strides and shape: {len(strides)} and {len(shape)}"
        )
    if min((*shape, *strides), default=0) < 0:
        raise RuntimeError(
            f"empty_strided(): sizes {list(shape)} and strides {list(strides)} must not be negative"
        )
    numpy_dtype = dtype_or_default(dtype)
    last = 0 if 0 in shape else 1 + sum([(n - 1) * s for n, s in zip(shape, strides, strict=True)])
    steps = [s * numpy_dtype.itemsize for s in strides]
    memory = unwritten(last, numpy_dtype)
    return finished(np.ndarray(shape, numpy_dtype, memory, 0, steps), requires_grad)


def empty_permuted(size: Any, physical_layout: Any, **options: Any) -> Tensor:
    """Arbitrary content of shape `size`, whose axes lie in memory in the order `physical_layout`,
    the outermost first."""
    shape = tuple(map(int, size))
    if len(physical_layout) != len(shape):
        raise RuntimeError(
            f"Number of dimensions in size does not match the length of the physical_layout; i.e. "
            f"len(size) = {len(shape)} is not equal to len(physical_layout) = "
            f"{len(physical_layout)}"
        )
    if sorted(physical_layout) != list(range(len(shape))):
        raise RuntimeError(
            "Physical layout must be a permutation of 0 to len(size) - 1, but got "
            f"{list(physical_layout)}"
        )
    strides, step = [0] * len(shape), 1
    for axis in reversed(physical_layout):
        strides[axis] = step
        step *= max(shape[axis], 1)
    return empty_strided(shape, strides, **options)


def new_empty_strided(self: Tensor, size: Any, stride: Any, **options: Any) -> Tensor:
    """`empty_strided` in this Tensor's dtype."""
    options["dtype"] = self.dtype if options.get("dtype") is None else options["dtype"]
    return empty_strided(size, stride, **options)


bind("new_empty_strided", new_empty_strided)
NUMBERS: Any = (int, float, complex, np.number, np.bool_)


def full(
    size: Any,
    fill_value: Any,
    *,
    out: Any = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """`fill_value` (whose kind decides the dtype) in every element of shape `size`."""
    no_out("full", out)
    require_cpu(device)
    value: Any = fill_value.item() if isinstance(fill_value, Tensor) else fill_value
    if not isinstance(value, NUMBERS):
        raise TypeError(
            "full(): argument 'fill_value' (position 2) must be Number, "
            f"not {type(fill_value).__name__}"
        )
    if not isinstance(size, (tuple, list)):
        raise TypeError(
            f"full(): argument 'size' (position 1) must be tuple of ints, not {type(size).__name__}"
        )
    numpy_dtype = number_dtype(value).numpy if dtype is None else to_numpy(dtype)
    value = fitting(value, np.dtype(numpy_dtype))
    return finished(filled(shape_given("full", (size,), None), value, numpy_dtype), requires_grad)
