"""Elements by index along one axis: gather and scatter, index_select and index_add, take and put.

gather and scatter_add are each other's adjoint; everything else here is made of them, of `picked`
and `scattered` (indexing.py), or of masks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.doors import composed, primitive
from ..core.samples import Integer, Real, sample
from ..core.shapes import canonical_axis
from .arguments import kind


def _check_index(name: str, index: np.ndarray, n: int, dim: int) -> None:
    """Raise unless all of an index array lies in [0, n)."""
    if index.dtype not in (np.int64, np.int32):
        raise RuntimeError(
            f"{name}(): Expected dtype int32/int64 for index, got {kind(index.dtype)}"
        )
    if index.size and (index.min() < 0 or index.max() >= n):
        wrong = index[(index < 0) | (index >= n)].flat[0]
        raise RuntimeError(f"index {wrong} is out of bounds for dimension {dim} with size {n}")


def _check_gather(name: str, index: np.ndarray, shape: Sequence[int], dim: int) -> None:
    ndim = max(len(shape), 1)
    if max(index.ndim, 1) != ndim:
        raise RuntimeError(
            "Index tensor must have the same number of dimensions as input tensor "
            f"({name}: {index.ndim} and {len(shape)})"
        )
    for i, n in enumerate(index.shape):
        if i != dim and n > shape[i] and index.size:
            raise RuntimeError(
                f"Size does not match at dimension {i} expected index {list(index.shape)} to be no "
                f"larger than self {list(shape)} apart from dimension {dim}"
            )


def places(index: np.ndarray, dim: int) -> tuple[Any, ...]:
    """The full index of the elements (i, .., index[i, .., k], .., k)."""
    grid = list(np.ogrid[tuple([slice(n) for n in index.shape])])
    grid[dim] = index
    return tuple(grid)


@primitive(
    lambda g, index, x_shape, dim: scattered_along(g, index, shape=x_shape, dim=dim),
    None,
    promote=None,
    method=False,
    title="Gather",
    samples=[
        sample(Real("n 4 m"), Integer("n 3 m", 0, 4), dim=1),
        sample(Real("3 4"), Integer("2 2", 0, 3), dim=0),
    ],
)
def gathered(x: Any, index: Any, *, dim: int) -> Any:
    """out[i, .., k] = x[i, .., index[i, .., k], .., k], the index at axis `dim`."""
    if index.ndim == 0:
        return x.reshape(()) if x.ndim == 0 else x[index]
    if index.size == 0:
        return np.empty(index.shape, x.dtype)
    return x.reshape(x.shape or (1,))[places(index, dim)]


@primitive(
    lambda g, index, dim: gathered(g, index, dim=dim),
    None,
    promote=None,
    method=False,
    title="ScatterAdd",
    samples=[sample(Real("2 3"), Integer("2 3", 0, 4), shape=(3, 4), dim=1)],
)
def scattered_along(g: Any, index: Any, *, shape: Sequence[int], dim: int) -> Any:
    """Zeros of `shape` with g[i, .., k] added at (i, .., index[i, .., k], .., k)."""
    out = np.zeros(shape, g.dtype)
    if index.ndim == 0:
        out.reshape(-1)[index] += g.reshape(())
    elif index.size:
        full = places(index, dim)
        flat = np.ravel_multi_index(full, out.shape or (1,)).reshape(-1)
        np.add.at(out.reshape(-1), flat, np.ascontiguousarray(g).reshape(-1))
    return out


@composed()
def gather(input: Any, dim: int, index: Any, *, sparse_grad: bool = False) -> Any:
    """out[i][j] = input[index[i][j]][j] for dim 0, and so on for other axes.

    The index may be smaller than the input along the other axes. RuntimeError out of bounds.
    """
    d = canonical_axis(dim, input.array.ndim)
    i = index.array
    if i.dtype not in (np.int64, np.int32):
        raise RuntimeError("gather(): Expected dtype int32/int64 for index")
    shape = input.array.shape
    _check_gather("gather", i, shape, d)
    _check_index("gather", i, shape[d] if shape else 1, d)
    return gathered(input, index, dim=d)
