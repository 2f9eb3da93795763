"""Along one axis: running sums, and elements taken from or added to places given by integers.

Arrays are flat and stand for (outer, n, inner): a line is the n elements, inner apart, of one
(outer, inner). Where inner is more than 1, every step works on vectors.
"""

from __future__ import annotations

from math import prod

import numpy as np

from ._jit import FMA, enabled, jit, loaded, prange

Array = np.ndarray

SMALL = 4096
"""Elements from which a kernel wins over NumPy, if numba is loaded."""
WORTH_LOADING = 1 << 17
"""Elements for which it pays to load numba."""
PARALLEL = 32768
"""Elements from which waking the other threads pays."""
WIDE = 128
"""Neighbours worked on together."""


@jit(fastmath=FMA)
def _advance(x, total, out):
    for j in range(x.size):
        total[j] += x[j]
        out[j] = total[j]


@jit(parallel=True)
def sum_columns(x, outer, n, inner, reverse, out):
    """out[o, i, :] = x[o, 0, :] + ... + x[o, i, :], or from the end, added up in float64."""
    blocks = (inner + WIDE - 1) // WIDE
    for t in prange(outer * blocks):
        a = t // blocks * n * inner + t % blocks * WIDE
        width = min(WIDE, inner - t % blocks * WIDE)
        total = np.zeros(width, np.float64)
        for i in range(n):
            at = a + (n - 1 - i if reverse else i) * inner
            _advance(x[at : at + width], total, out[at : at + width])


@jit(parallel=True)
def sum_rows(x, outer, n, reverse, out):
    """As `sum_columns` for inner = 1."""
    for o in prange(outer):
        total = 0.0
        for i in range(n):
            at = o * n + (n - 1 - i if reverse else i)
            total += x[at]
            out[at] = total


@jit(parallel=True)
def take_places(x, index, n, m, inner, out):
    """out[o, i, j] = x[o, index[o, i, j], j] for i < m."""
    for r in prange(out.size // inner):
        first = r // m * n * inner
        for j in range(inner):
            out[r * inner + j] = x[first + index[r * inner + j] * inner + j]


@jit(parallel=True)
def take_places_of_rows(x, index, n, m, out):
    """As `take_places` for inner = 1."""
    for o in prange(out.size // m):
        for i in range(m):
            out[o * m + i] = x[o * n + index[o * m + i]]


@jit(parallel=True)
def add_at_places(x, index, outer, n, m, inner, out):
    """out[o, index[o, i, j], j] += x[o, i, j] for i < m."""
    for o in prange(outer):
        for i in range(m):
            for j in range(inner):
                k = (o * m + i) * inner + j
                out[(o * n + index[k]) * inner + j] += x[k]


def _compiled(x: Array) -> bool:
    if x.dtype.char not in "fd" or not enabled():
        return False
    return x.size >= (SMALL if loaded() else WORTH_LOADING)


def running_sum(x: Array, axis: int, reverse: bool = False) -> Array:
    """Sums of the elements up to and including each along axis, or from the end.

    Floating-point numbers are added up in float64; integers give int64.
    """
    if x.dtype.kind in "fbiu" and x.ndim and _compiled(x):
        outer, n, inner = prod(x.shape[:axis]), x.shape[axis], prod(x.shape[axis + 1 :])
        flat, out = np.ascontiguousarray(x).reshape(-1), np.empty(x.shape, x.dtype)
        if inner == 1:
            rows = sum_rows if x.size >= PARALLEL else sum_rows.serial
            rows(flat, outer, n, reverse, out.reshape(-1))
        else:
            columns = sum_columns if x.size >= PARALLEL else sum_columns.serial
            columns(flat, outer, n, inner, reverse, out.reshape(-1))
        return out
    kind = x.dtype.kind
    result = np.dtype(np.int64) if kind in "biu" else x.dtype
    if x.ndim == 0:
        return x.astype(result)
    wide = np.dtype(np.float64) if kind == "f" else result
    if not reverse:
        return np.add.accumulate(x, axis, wide).astype(result, copy=False)
    turned = np.add.accumulate(np.flip(x, axis), axis, wide)
    return np.flip(turned, axis).astype(result, copy=False)


def _fits(index: Array, shape: tuple[int, ...], dim: int) -> bool:
    """Whether `index` covers the whole of the other axes, so that lines lie side by side, and its
    places lie in the axis (a saved index may have been written since it was checked)."""
    return (
        index.dtype == np.int64
        and all(n == m for k, (n, m) in enumerate(zip(index.shape, shape, strict=True)) if k != dim)
        # as unsigned numbers the negative ones are the largest
        and bool(np.maximum.reduce(index.view(np.uint64), axis=None, initial=0) < shape[dim])
    )


def take_along(x: Array, index: Array, dim: int) -> Array | None:
    """out[.., i, ..] = x[.., index[.., i, ..], ..]; None where NumPy does it better,
    which also raises for places outside of the axis."""
    if x.ndim == 0 or not _compiled(x) or index.size < SMALL or not _fits(index, x.shape, dim):
        return None
    n, m, inner = x.shape[dim], index.shape[dim], prod(x.shape[dim + 1 :])
    flat, places = np.ascontiguousarray(x).reshape(-1), np.ascontiguousarray(index).reshape(-1)
    out = np.empty(index.shape, x.dtype)
    large = index.size >= PARALLEL
    if inner == 1:
        rows = take_places_of_rows if large else take_places_of_rows.serial
        rows(flat, places, n, m, out.reshape(-1))
    else:
        lines = take_places if large else take_places.serial
        lines(flat, places, n, m, inner, out.reshape(-1))
    return out


def add_along(g: Array, index: Array, shape: tuple[int, ...], dim: int) -> Array | None:
    """Zeros of `shape` with g[.., i, ..] added at [.., index[.., i, ..], ..], in the order of i;
    None where NumPy does it better."""
    if g.ndim == 0 or not _compiled(g) or not _fits(index, shape, dim):
        return None
    outer, inner = prod(shape[:dim]), prod(shape[dim + 1 :])
    values, places = np.ascontiguousarray(g).reshape(-1), np.ascontiguousarray(index).reshape(-1)
    out = np.zeros(shape, g.dtype)
    run = add_at_places if g.size >= PARALLEL and outer > 1 else add_at_places.serial
    run(values, places, outer, shape[dim], index.shape[dim], inner, out.reshape(-1))
    return out
