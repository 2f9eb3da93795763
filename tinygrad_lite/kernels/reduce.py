"""Sums and means over axes, as accurate as NumPy's pairwise sums, on all threads.

Over the last axes, each row is summed in vector lanes and chunks (see _rows). Over leading axes,
blocks of rows are added up column by column, then the blocks; of narrow matrices, BLAS adds up the
blocks. NumPy does either on one thread, and adds leading axes row by row, whose error grows with
their length.
"""

from __future__ import annotations

import functools
from math import prod
from typing import Any

import numpy as np

from ._jit import FMA, jit, prange, ready
from ._rows import plane_of, row_dot, row_of, row_sum
from .copying import row_major

Array = np.ndarray

_add_up: Any = np.add.reduce

SMALL = 1 << 15
"""Elements below which NumPy is faster."""
PARALLEL = 1 << 16
"""Products from which all threads beat one."""
PIECE = 1 << 13
"""Elements that BLAS multiplies on one thread; more would wake its others (see matmul.py)."""
PART = 1 << 12
"""Elements that are summed by themselves where all are summed."""
NARROW = 128
"""Columns up to which a product with ones beats NumPy's loop over rows."""
WIDE = 1 << 18
"""The same for leading axes, where NumPy adds whole rows and only accuracy suffers."""
WORTH_LOADING = 1 << 20
"""Elements for which it pays to import numba, if nothing else has yet."""


@jit(fastmath=FMA)
def _add(x, total):
    for i in range(x.size):
        total[i] += x[i]


@jit(parallel=True)
def sum_rows(x, out):
    """out[r] = sum(x[r])."""
    for r in prange(x.shape[0]):
        out[r] = row_sum(row_of(x, r))


@jit(parallel=True)
def sum_columns(x, block, partial, out):
    """out[p, c] = sum over r of x[p, r, c], by blocks of `block` rows."""
    blocks = partial.shape[1]
    for q in prange(x.shape[0] * blocks):
        p, b = q // blocks, q % blocks
        total = partial[p, b]
        total[:] = 0
        for r in range(b * block, min(x.shape[1], (b + 1) * block)):
            _add(plane_of(x, p, r), total)
    for p in prange(x.shape[0]):
        for c in range(x.shape[2]):
            total = 0.0
            for b in range(blocks):
                total += partial[p, b, c]
            out[p, c] = total


@jit(parallel=True)
def dot_rows(x, y, out):
    """out[r] = sum(x[r] y[r])."""
    for r in prange(x.shape[0]):
        out[r] = row_dot(row_of(x, r), row_of(y, r))


@functools.lru_cache(256)
def _ones(count: int, char: str) -> Array:
    return np.ones(count, char)


def _add_rows(x: Array) -> Array:
    """The sum of the rows of x as products of ones with pieces of x, then of the pieces' sums."""
    rows, columns = x.shape
    step = PIECE // columns
    if rows <= step:
        return _ones(rows, x.dtype.char).dot(x)
    ones = _ones(step, x.dtype.char)
    pieces = [x[i : i + step] for i in range(0, rows, step)]
    return _add_rows(np.array([ones[: len(piece)].dot(piece) for piece in pieces]))


def _of_all(x: Array) -> Any:
    """The sum of all elements of x, of pieces on all threads."""
    flat = x.reshape(-1)
    whole = x.size // PART * PART
    parts = np.empty(whole // PART, x.dtype)
    sum_rows(flat[:whole].reshape(-1, PART), parts)
    total = _add_up(parts, None, np.float64)
    return total + _add_up(flat[whole:], None, np.float64) if whole < x.size else total


_LEADING = frozenset({(0,), (0, 1), (0, 1, 2)})


def total(x: Array, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Array:
    """The sum of x over `axis` (all axes if None), in the dtype of x for floats; else as np.sum."""
    if isinstance(axis, int):
        axis = (axis,)
    if (
        axis in _LEADING
        and len(axis) == x.ndim - 1
        and 0 < x.size < WIDE
        and x.shape[-1] <= NARROW
        and x.dtype.char in "fd"
        and not keepdims
    ):
        return _add_rows(x if x.ndim == 2 else x.reshape(-1, x.shape[-1]))
    if (
        x.size < SMALL
        or x.dtype.char not in "fd"
        or not x.flags.c_contiguous
        or not ready(x.size, WORTH_LOADING)
    ):
        return row_major(np.asarray(_add_up(x, axis, None, None, keepdims)))
    if axis is None:
        return np.asarray(_of_all(x), x.dtype).reshape((1,) * x.ndim if keepdims else ())
    over = sorted({a % x.ndim for a in axis})
    first, last = (over[0], over[-1] + 1) if over else (0, 0)
    before, length, after = prod(x.shape[:first]), prod(x.shape[first:last]), prod(x.shape[last:])
    scattered = over != list(range(first, last)) or (before > 1 and after > 1)
    if not over or scattered or (after > 64 and x.size < WIDE):
        return np.asarray(_add_up(x, tuple(over), None, None, keepdims))
    out = np.empty((before, after), x.dtype)
    if after > 1:
        block = min(128, max(8, -(-length // 16)))
        blocks = -(-length // block)
        partial = np.empty((before, blocks, after), x.dtype)
        sum_columns(x.reshape(before, length, after), block, partial, out)
    elif before == 1:
        out[0, 0] = _of_all(x)
    else:
        sum_rows(x.reshape(before, length), out.reshape(-1))
    kept = [1 if first <= a < last else n for a, n in enumerate(x.shape)]
    gone = [n for a, n in enumerate(x.shape) if not first <= a < last]
    return out.reshape(kept if keepdims else gone)


def dots(
    x: Array, y: Array, axis: int | tuple[int, ...] | None = None, keepdims: bool = False
) -> Array:
    """The sum of x * y over `axis` (all axes if None), without the array of products.

    Lines that lie in memory are multiplied by BLAS, in pieces that it keeps to one thread.
    """
    ndim = x.ndim
    axes = range(ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
    first = ndim - len(axes)
    if (
        x.dtype.char not in "fd"
        or y.dtype != x.dtype
        or y.shape != x.shape
        or not (ndim and x.size and x.flags.c_contiguous and y.flags.c_contiguous)
        or {a % ndim for a in axes} != set(range(first, ndim))
    ):
        return np.asarray(_add_up(x * y, axis, None, None, keepdims))
    kept = x.shape[:first]
    length = prod(x.shape[first:])
    if x.size >= PARALLEL and ready(x.size, WORTH_LOADING) and (kept or length > 2 * PIECE):
        row = length if kept else PIECE
        whole = x.size // row * row
        p, q = x.reshape(-1), y.reshape(-1)
        sums = np.empty(whole // row, x.dtype if kept else np.float64)
        dot_rows(p[:whole].reshape(-1, row), q[:whole].reshape(-1, row), sums)
        rest = np.dot(p[whole:], q[whole:])
        out = sums.reshape(kept) if kept else (sums.sum() + rest).astype(x.dtype)
    elif length <= PIECE:
        lines = (*kept, length)
        out = np.vecdot(x.reshape(lines), y.reshape(lines))
    else:
        a, b = x.reshape(-1, length), y.reshape(-1, length)
        pieces = [slice(i, i + PIECE) for i in range(0, length, PIECE)]
        parts = [np.vecdot(a[:, piece], b[:, piece]) for piece in pieces]
        out = np.add.reduce(parts, axis=0, dtype=np.float64).astype(x.dtype).reshape(kept)
    return np.asarray(out).reshape(kept + (1,) * len(axes) if keepdims else kept)
