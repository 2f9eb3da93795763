"""Parts of a tensor as views: select, narrow, unfold, diagonals, any strides; and back again."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core.chain import cast
from ..core.doors import composed
from ..core.node import owner
from ..core.samples import Real, one_of, sample
from ..core.shapes import canonical_axis, shape_from
from ..core.tensor import Tensor, bind, make
from .arguments import numpy_names, of_tensors
from .axes import movedim
from .selection import filled_where
from .shaping import ravel
from .views import (
    diagonal_of,
    on_diagonal,
    reshaped,
    sliced,
    strided_view,
    turned,
    windows,
)


@composed(samples=[sample(Real("n 4"), dim=1, index=one_of(0, -1, 2))])
@numpy_names
def select(input: Any, dim: int, index: Any) -> Any:
    """x[..., index, ...] at the axis `dim`, which goes; a view."""
    a = input.array
    if a.ndim == 0:
        raise IndexError("select() cannot be applied to a 0-dim tensor.")
    d = canonical_axis(dim, a.ndim)
    i = int(index)
    if not -a.shape[d] <= i < a.shape[d]:
        raise IndexError(
            f"select(): index {i} out of range for tensor of size {list(a.shape)} at dimension {d}"
        )
    return sliced(input, index=(slice(None),) * d + (i,))


@composed(samples=[sample(Real("n 4"), dim=1, start=one_of(0, -2, 1), length=2)])
@numpy_names
def narrow(input: Any, dim: int, start: Any, length: int) -> Any:
    """The elements `start` to `start + length` along `dim`; a view."""
    a = input.array
    if a.ndim == 0:
        raise RuntimeError("narrow() cannot be applied to a 0-dim tensor.")
    if isinstance(start, Tensor) and (start.array.ndim or start.array.dtype.kind not in "iu"):
        raise RuntimeError("start must be an 0-dim integral Tensor.")
    d = canonical_axis(dim, a.ndim)
    n, first = a.shape[d], int(start)
    if length < 0:
        raise RuntimeError("narrow(): length must be non-negative.")
    if not -n <= first <= n:
        raise IndexError(
            f"start out of range (expected to be in range of [{-n}, {n}], but got {first})"
        )
    first = first + n if first < 0 else first
    if first + length > n:
        raise RuntimeError(f"start ({first}) + length ({length}) exceeds dimension size ({n}).")
    return sliced(input, index=(slice(None),) * d + (slice(first, first + length),))


@composed(samples=[sample(Real("n 5"), dimension=one_of(1, -1), size=2, step=one_of(1, 2))])
@of_tensors
def unfold(input: Any, dimension: int, size: int, step: int) -> Any:
    """Windows of `size` every `step` along an axis, each window as a new last axis; a view."""
    ndim = input.array.ndim
    d = canonical_axis(dimension, ndim)
    x = input if ndim else reshaped(input, shape=(1,))
    n = x.array.shape[d]
    if size > n:
        raise RuntimeError(f"maximum size for tensor at dimension {d} is {n} but size is {size}")
    if size < 0:
        raise RuntimeError(f"size is {size} but must be >= 0")
    if step <= 0:
        raise RuntimeError(f"step is {step} but must be > 0")
    out = windows(movedim(x, d, -1), size=size, step=step)
    return movedim(out, -2, d) if ndim else reshaped(out, shape=(size,))


@composed(
    samples=[sample(Real("3 n 4"), offset=one_of(0, 1, -2), dim1=one_of(0, -1), dim2=one_of(1, -2))]
)
def diagonal(input: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    """The elements x[i, i + offset] of the axes dim1 and dim2, as a new last axis; a view."""
    ndim = input.array.ndim
    i, j = canonical_axis(dim1, ndim), canonical_axis(dim2, ndim)
    if i == j:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    return diagonal_of(movedim(input, (i, j), (-2, -1)), offset=offset)


@composed(samples=[sample(Real("n 3"), offset=one_of(0, 1, -2), dim1=one_of(0, -2), dim2=-1)])
@of_tensors
def diag_embed(input: Any, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any:
    """Matrices with the last axis on their diagonal, zero elsewhere."""
    shape = input.array.shape
    ndim = len(shape) + 1
    i, j = canonical_axis(dim1, ndim), canonical_axis(dim2, ndim)
    if i == j:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    n = shape[-1] + abs(offset)
    out = on_diagonal(input, shape=(*shape[:-1], n, n), offset=offset)
    return movedim(out, (-2, -1), (i, j))


@composed()
def as_strided(input: Any, size: Any, stride: Any, storage_offset: int | None = None) -> Any:
    """The elements offset + sum of i[k] * stride[k] of the memory behind the input; a view.

    A gradient needs the region to lie within the input's own, and the input not to overlap itself.
    """
    a = input.array
    size, stride = shape_from((size,)), shape_from((stride,))
    offset = input.storage_offset() if storage_offset is None else int(storage_offset)
    if len(size) != len(stride):
        raise RuntimeError("mismatch in length of strides and shape")
    if any(s < 0 for s in stride):
        raise RuntimeError(
            "as_strided: Negative strides are not supported at the moment, got strides: "
            f"{list(stride)}"
        )
    root = owner(a)
    if not isinstance(root, np.ndarray):
        root = a
    reach = offset + sum([(n - 1) * s for n, s in zip(size, stride, strict=True)]) + 1
    if 0 not in size and (reach * a.itemsize > root.nbytes or offset < 0):
        raise RuntimeError(
            f"setStorage: sizes {list(size)}, strides {list(stride)}, storage offset {offset}, and "
            f"itemsize {a.itemsize} requiring a storage size of {reach * a.itemsize} are out of "
            f"bounds for storage of size {root.nbytes}"
        )
    steps = tuple([s * a.itemsize for s in stride])
    out = np.ndarray(size, a.dtype, root.data if root is a else root, offset * a.itemsize, steps)
    return strided_view(input, out)


turned(as_strided)


@composed()
def as_strided_scatter(
    input: Any, src: Any, size: Any, stride: Any, storage_offset: int | None = None
) -> Any:
    """A copy of the input, with its strides, and `src` in the region `as_strided` names."""
    out = input.clone()
    region = as_strided(out, size, stride, storage_offset)
    if src.array.shape != region.array.shape:
        raise RuntimeError(
            "expected src to have a size equal to the slice of self. src size = "
            f"{list(src.array.shape)}, slice size = {list(region.array.shape)}"
        )
    region.copy_(src)
    return out


@composed()
@of_tensors
def diagonal_scatter(input: Any, src: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    """The input with `src` on the diagonal that `diagonal` with these arguments returns."""
    ndim = input.array.ndim
    i, j = canonical_axis(dim1, ndim), canonical_axis(dim2, ndim)
    x = movedim(input, (i, j), (-2, -1))
    n = diagonal(input, offset, dim1, dim2).array.shape
    if src.array.shape != n:
        raise RuntimeError(
            "expected src to have a size equal to the slice of self. src size = "
            f"{list(src.array.shape)}, slice size = {list(n)}"
        )
    kept = np.ones(x.array.shape[-2:], input.array.dtype)
    rows = np.arange(n[-1]) + max(-offset, 0)
    kept[rows, rows + offset] = 0
    full = on_diagonal(src, shape=x.array.shape, offset=offset)
    return movedim(filled_where(x, kept == 0, 0) + full, (-2, -1), (i, j))


@composed(samples=[sample(Real("n"), diagonal=one_of(0, 1)), sample(Real("n 3"), diagonal=0)])
@of_tensors
def diag(input: Any, diagonal: int = 0) -> Any:
    """The matrix with this vector on its diagonal, or the diagonal of this matrix (a copy)."""
    if input.array.ndim == 1:
        return diag_embed(input, diagonal)
    if input.array.ndim == 2:
        return cast(diagonal_of(input, offset=diagonal), dtype=input.array.dtype)
    raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {input.array.ndim}D")


@composed()
def diagflat(input: Any, offset: int = 0) -> Any:
    """The matrix with all elements of the input on its diagonal."""
    return diag_embed(ravel(input), offset)


@composed()
def narrow_copy(input: Any, dim: int, start: Any, length: int) -> Any:
    """`narrow`, as a copy."""
    return cast(narrow(input, dim, start, length), dtype=input.array.dtype)


def _fill_diagonal(self: Tensor, fill_value: Any, wrap: bool = False) -> Tensor:
    """Write a number on the main diagonal; `wrap` starts again below a tall matrix's end."""
    shape = self.array.shape
    if len(shape) < 2:
        raise RuntimeError("dimensions must larger than 1")
    if len(shape) > 2 and len(set(shape)) > 1:
        raise RuntimeError("all dimensions of input must be of equal length")
    step = sum([math.prod(shape[i + 1 :]) for i in range(len(shape))])
    stop = self.array.size if wrap or len(shape) > 2 else shape[1] * shape[1]
    index = np.unravel_index(np.arange(0, min(stop, self.array.size), step), shape)
    self[tuple([make(i) for i in index])] = fill_value
    return self


bind("fill_diagonal_", _fill_diagonal)
