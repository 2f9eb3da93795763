"""Regions of memory as NumPy sees them: where a view lies inside its base.

A layout is (shape, strides, offset, extent), a geometry (shape, strides, offset) within the same
extent, all counted in elements, so that they hold for arrays of any dtype. Both are plain tuples
and can be metadata of an op.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.array_utils import byte_bounds

from ..kernels.copying import dense

Layout = tuple[tuple[int, ...], tuple[int, ...], int, int]
Geometry = tuple[tuple[int, ...], tuple[int, ...], int]


def _elements(strides: tuple[int, ...], itemsize: int) -> tuple[int, ...]:
    return tuple([s // itemsize for s in strides])


def _address(a: np.ndarray) -> int:
    return a.__array_interface__["data"][0]


def layout(base: np.ndarray) -> Layout:
    """How `base` lies in the memory it spans."""
    low, high = byte_bounds(base)
    size = base.itemsize
    strides = _elements(base.strides, size)
    return base.shape, strides, (_address(base) - low) // size, (high - low) // size


def geometry(view: np.ndarray, base: np.ndarray) -> Geometry:
    """How `view` lies in the memory that `base` spans."""
    low, _ = byte_bounds(base)
    size = base.itemsize
    return view.shape, _elements(view.strides, size), (_address(view) - low) // size


def region(buffer: np.ndarray, where: Geometry) -> np.ndarray:
    """The part of `buffer` that the geometry `where` names."""
    shape, strides, offset = where
    size = buffer.itemsize
    steps = tuple([s * size for s in strides])
    return np.ndarray(shape, buffer.dtype, buffer, offset * size, steps)


def lay(x: np.ndarray, where: Layout) -> tuple[np.ndarray, np.ndarray]:
    """A buffer of zeros and, inside it, a copy of `x` (or of one number) laid out as `where`."""
    buffer = np.zeros(where[3], x.dtype)
    laid = region(buffer, where[:3])
    laid[...] = x
    return buffer, laid


def add_region(buffer: np.ndarray, g: np.ndarray, where: Geometry) -> None:
    """Add `g` into a region; elements that share a location (stride 0, windows) are summed."""
    shape, strides, offset = where
    repeated = tuple([i for i, s in enumerate(strides) if s == 0 and shape[i] > 1])
    if repeated:
        g = g.sum(axis=repeated, keepdims=True)
    where = (g.shape, strides, offset)
    if _overlaps(g.shape, strides):
        np.add.at(buffer, region(np.arange(buffer.size), where), g)
    else:
        target = region(buffer, where)
        target += g


def share_elements(a: np.ndarray, b: np.ndarray, partly: bool) -> bool:
    """Whether two dense arrays of one memory have elements in common.

    partly  not asked of two arrays that name the same elements in the same order

    Dense: in some order of their axes their elements lie in a row. What of other arrays coincides
    is costly to tell, and nobody asks.
    """
    if not (a.size and b.size) or dense(a) is None or dense(b) is None:
        return False
    start, other = _address(a), _address(b)
    if start == other and a.nbytes == b.nbytes and a.strides == b.strides:
        return not partly
    return start < other + b.nbytes and other < start + a.nbytes


def _overlaps(shape: tuple[int, ...], strides: tuple[int, ...]) -> bool:
    reach = 1
    for stride, n in sorted((abs(s), n) for s, n in zip(strides, shape) if n > 1):
        if stride < reach:
            return True
        reach += stride * (n - 1)
    return False
