"""Another shape: reshape, view, flatten, unflatten, squeeze, unsqueeze.

All of these are views wherever PyTorch's are: the result shares memory with its input.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core import dtypes
from ..core.doors import composed
from ..core.samples import Real, one_of, sample
from ..core.shapes import canonical_axes, canonical_axis, infer_size, shape_from
from ..core.tensor import Tensor, bind, live_node, make, make_view
from .arguments import kind, numpy_names, of_tensors, require_tensor, sizes_of
from .views import reshaped, turned

TensorFunction = Callable[..., Any]


@composed(samples=[sample(Real("n m k"), shape=lambda n, m, k: (m, n * k))])
def reshape(input: Any, *sizes: Any, shape: Any = None) -> Any:
    """The same elements in row-major order in another shape; one size may be -1.

    A view where strides allow it, else a copy.
    """
    if sizes and type(sizes[0]) is int and isinstance(input, Tensor):
        try:
            if min(sizes) >= -1:
                return reshaped(input, shape=sizes)
        except (ValueError, TypeError):
            pass  # worded below
    require_tensor("reshape", input)
    target = sizes_of("reshape", sizes, shape)
    return reshaped(input, shape=infer_size(target, input.array.size))


@composed()
def view(input: Any, *sizes: Any, size: Any = None, dtype: Any = None) -> Any:
    """The same memory in another shape (or, for a dtype, its bits read as that type).

    RuntimeError where no view of that shape exists: use `reshape`, which copies then.
    """
    if sizes and type(sizes[0]) is int and input.array.flags.c_contiguous:
        try:
            if min(sizes) >= -1:
                return reshaped(input, shape=sizes)
        except (ValueError, TypeError):
            pass  # worded below
    if dtype is None and sizes and isinstance(sizes[0], dtypes.dtype):
        dtype = sizes[0]
    if dtype is not None:
        return _view_as_type(input, dtypes.to_numpy(dtype))
    a = input.array
    target = infer_size(sizes_of("view", sizes, size), a.size)
    if not a.flags.c_contiguous:
        try:
            np.reshape(a, target, copy=False)
        except ValueError:
            raise RuntimeError(
                "view size is not compatible with input tensor's size and stride (at least one "
                "dimension spans across two contiguous subspaces). Use .reshape(...) instead. "
                f"(size {list(a.shape)}, stride {list(input.stride())}, asked for {list(target)})"
            ) from None
    return reshaped(input, shape=target)


def _view_as_type(x: Tensor, d: np.dtype) -> Tensor:
    a = x.array
    if d == a.dtype:
        return x
    if d.itemsize != a.itemsize:
        _require_fitting_elements(x, d)
    # there is no derivative towards other bits: of a recorded Tensor the view has no history
    return make_view(a.view(d), None, x) if live_node(x) is None else make(a.view(d))


def _require_fitting_elements(x: Tensor, d: np.dtype) -> None:
    """RuntimeError unless the elements along the last axis make up whole elements of dtype d."""
    how = f"to view {kind(x.array.dtype)} as {kind(d)} (different element sizes)"
    if x.array.ndim == 0:
        raise RuntimeError(f"self.dim() cannot be 0 {how}")
    stride, shape = x.stride(), x.array.shape
    ratio = max(d.itemsize // x.array.itemsize, 1)
    numbers = {"size(-1)": shape[-1], "storage_offset()": x.storage_offset()}
    numbers |= {f"stride({i})": s for i, s in enumerate(stride[:-1]) if shape[i] != 1}
    for name, n in numbers.items():
        if n % ratio:
            raise RuntimeError(f"self.{name} must be divisible by {ratio} {how}, but got {n}")
        if stride[-1] != 1:
            raise RuntimeError(f"self.stride(-1) must be 1 {how}, but got {stride[-1]}")


@composed()
@of_tensors
def view_as(input: Any, other: Any) -> Any:
    """`input.view(other.shape)`."""
    return view(input, other.array.shape)


@composed()
@of_tensors
def reshape_as(input: Any, other: Any) -> Any:
    """`input.reshape(other.shape)`."""
    return reshape(input, other.array.shape)


def resize(self: Tensor, *sizes: Any) -> Tensor:
    """The same elements in another shape; PyTorch's old name of `reshape`, with its warning."""
    shape = shape_from(sizes)
    warnings.warn("non-inplace resize is deprecated", UserWarning, stacklevel=2)
    if math.prod(shape) != self.array.size:
        wanted, given = ("x".join(map(str, s)) for s in (shape, self.array.shape))
        raise RuntimeError(
            f"requested resize to {wanted} ({math.prod(shape)} elements in total), but the given "
            f"tensor has a size of {given} ({self.array.size} elements). Use resize_ (in place) to "
            "change the number of elements"
        )
    return reshape(self, shape)


bind("resize", resize)


@composed(samples=[sample(Real("n m k"), start_dim=one_of(0, 1, -2), end_dim=one_of(2, -1))])
def flatten(input: Any, start_dim: int = 0, end_dim: int = -1) -> Any:
    """Axes `start_dim` to `end_dim` (both included) as one."""
    require_tensor("flatten", input)
    shape = input.array.shape
    if not shape:
        canonical_axis(start_dim, 0), canonical_axis(end_dim, 0)
        return reshaped(input, shape=(1,))
    first, last = canonical_axis(start_dim, len(shape)), canonical_axis(end_dim, len(shape))
    if first > last:
        raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
    if first == last:
        return input
    merged = math.prod(shape[first : last + 1])
    return reshaped(input, shape=(*shape[:first], merged, *shape[last + 1 :]))


@composed()
def ravel(input: Any) -> Any:
    """All elements in row-major order."""
    return reshape(input, -1)


@composed(samples=[sample(Real("6 n"), dim=0, sizes=one_of((2, 3), (-1, 2)))])
@numpy_names
def unflatten(input: Any, dim: int, sizes: Any) -> Any:
    """The axis `dim` as several axes of the given sizes, one of which may be -1."""
    sizes = shape_from((sizes,), "unflatten")
    shape = input.array.shape
    if not sizes:
        raise RuntimeError("unflatten: sizes must be non-empty")
    d = canonical_axis(dim, len(shape))
    n = shape[d]
    known = math.prod([s for s in sizes if s != -1])
    if (-1 in sizes and (known == 0 or n % known)) or (-1 not in sizes and known != n):
        raise RuntimeError(
            f"unflatten: Provided sizes {list(sizes)} don't multiply up to the size of dim {d} "
            f"({n}) in the input tensor"
        )
    return reshaped(input, shape=(*shape[:d], *infer_size(sizes, n), *shape[d + 1 :]))


@composed(samples=[sample(Real("n 1 m"), dim=one_of(1, -2, 0)), sample(Real("1 n 1"))])
@numpy_names
def squeeze(input: Any, dim: Any = None) -> Any:
    """Without its axes of size 1: all of them, or those of them named by `dim`."""
    require_tensor("squeeze", input)
    shape = input.array.shape
    if dim is None:
        return reshaped(input, shape=tuple([n for n in shape if n != 1]))
    axes = canonical_axes(dim, len(shape)) if dim != () else ()
    kept = tuple([n for i, n in enumerate(shape) if n != 1 or i not in axes])
    return reshaped(input, shape=kept)


@composed(samples=[sample(Real("n m"), dim=one_of(0, 1, 2, -1, -3))])
@numpy_names
def unsqueeze(input: Any, dim: int) -> Any:
    """With a new axis of size 1 at place `dim`."""
    require_tensor("unsqueeze", input)
    shape = input.array.shape
    d = canonical_axis(dim, len(shape) + 1)
    return reshaped(input, shape=(*shape[:d], 1, *shape[d:]))


def _atleast(n: int, widen: Callable[[tuple[int, ...]], tuple[int, ...]]) -> TensorFunction:
    def function(*tensors: Any) -> Any:
        if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)):
            return tuple([function(x) for x in tensors[0]])
        if len(tensors) != 1:
            return tuple([function(x) for x in tensors])
        x = tensors[0]
        require_tensor(function.__name__, x)
        return x if x.array.ndim >= n else reshaped(x, shape=widen(x.array.shape))

    function.__name__ = function.__qualname__ = f"atleast_{n}d"
    function.__doc__ = f"With at least {n} axes, new ones of size 1; several inputs give a tuple."
    return composed(method=False)(function)


atleast_1d = _atleast(1, lambda s: (1,))
atleast_2d = _atleast(2, lambda s: (1, *s) if s else (1, 1))
atleast_3d = _atleast(3, lambda s: {0: (1, 1, 1), 1: (1, *s, 1), 2: (*s, 1)}[len(s)])


turned(squeeze)
turned(unsqueeze)
