"""Along one axis: running sums, and elements taken from or added to places given by integers.

Arrays are flat and stand for (outer, n, inner): a line is the n elements, inner apart, of one
(outer, inner). Where inner is more than 1, every step works on vectors.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from ._jit import FMA, enabled, jit, loaded, prange, ready, where
from .copying import contiguous, copied

Array = np.ndarray

SMALL = 128
"""Elements from which a kernel wins over NumPy, if numba is loaded."""
WORTH_LOADING = 1 << 17
"""Elements for which it pays to load numba."""
PARALLEL = 32768
"""Elements from which waking the other threads pays."""
WIDE = 128
"""Neighbours worked on together."""
BLOCK = 4096
"""Places that one thread looks up at a time."""
_BITS: dict[int, np.dtype] = {4: np.dtype(np.float32), 8: np.dtype(np.float64)}
_top: Any = np.maximum.reduce


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


# Places are unsigned below: of a signed one numba asks first whether it counts from the end.


@jit(forceinline=True)
def _largest(index):
    most = np.uint64(0)
    for i in range(index.size):
        most = where(index[i] > most, index[i], most)
    return most


@jit(parallel=True)
def largest_of_blocks(index, out):
    """out[b] is the largest number of block b of BLOCK."""
    for b in prange(out.size):
        out[b] = _largest(index[b * BLOCK : (b + 1) * BLOCK])


@jit
def _take(x, index, step, out):
    for j in range(out.size):
        out[j] = x[index[j] * np.uint64(step)]


@jit
def _take_apart(x, index, step, out):
    for j in range(out.size):
        out[j] = x[index[j] * np.uint64(step) + np.uint64(j)]


@jit(parallel=True)
def take_places(x, index, n, m, inner, out):
    """out[o, i, j] = x[o, index[o, i, j], j] for i < m."""
    length, apart = (m, 1) if inner == 1 else (inner, m)
    parts = (length + BLOCK - 1) // BLOCK
    for t in prange(out.size // length * parts):
        r = t // parts
        a = r * length + t % parts * BLOCK
        b = min(a + BLOCK, (r + 1) * length)
        first = r // apart * n * inner
        if inner == 1:
            _take(x[first:], index[a:b], 1, out[a:b])
        else:
            _take_apart(x[first + t % parts * BLOCK :], index[a:b], inner, out[a:b])


@jit
def _add(x, index, step, to):
    for j in range(x.size):
        to[index[j] * np.uint64(step)] += x[j]


@jit
def _add_apart(x, index, step, to):
    for j in range(x.size):
        to[index[j] * np.uint64(step) + np.uint64(j)] += x[j]


@jit
def _put(x, index, step, to):
    for j in range(x.size):
        to[index[j] * np.uint64(step)] = x[j]


@jit
def _put_apart(x, index, step, to):
    for j in range(x.size):
        to[index[j] * np.uint64(step) + np.uint64(j)] = x[j]


one, apart = _add, _add_apart  # bound to either pair


@jit(parallel=True)
def to_places(x, index, outer, n, m, inner, out):
    """out[o, index[o, i, j], j] += x[o, i, j] for i < m, in the order of i."""
    blocks = (inner + WIDE - 1) // WIDE
    for t in prange(outer * blocks):
        o, first = t // blocks, t % blocks * WIDE
        width = min(WIDE, inner - first)
        to = out[o * n * inner + first :]
        if inner == 1:
            one(x[o * m : (o + 1) * m], index[o * m : (o + 1) * m], 1, to)
        else:
            for i in range(m):
                a = (o * m + i) * inner + first
                apart(x[a : a + width], index[a : a + width], inner, to)


add_at_places = to_places.bind("add", one=_add, apart=_add_apart)
put_at_places = to_places.bind("put", one=_put, apart=_put_apart)


@jit(parallel=True)
def add_slices(x, index, outer, n, m, inner, out):
    """out[o, index[i], j] += x[o, i, j] for i < m, in the order of i."""
    for o in prange(outer):
        to = out[o * n * inner : (o + 1) * n * inner]
        if inner == 1:
            _add(x[o * m : (o + 1) * m], index, 1, to)
        else:
            for i in range(m):
                a, b = (o * m + i) * inner, np.int64(index[i]) * inner
                here, there = x[a : a + inner], to[b : b + inner]
                for j in range(inner):
                    there[j] += here[j]


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
        flat, out = contiguous(x).reshape(-1), np.empty(x.shape, x.dtype)
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


def largest(index: Array) -> int:
    """The largest of int64 numbers, negative ones counting as the largest of all; 0 of none."""
    unsigned = index.view(np.uint64)
    if index.size < PARALLEL or not index.flags.c_contiguous or not loaded():
        # as unsigned numbers the negative ones are the largest
        return int(_top(unsigned, None)) if index.size else 0
    out = np.empty(-(-index.size // BLOCK), np.uint64)
    largest_of_blocks(unsigned.reshape(-1), out)
    return int(out.max())


def _fits(index: Array, shape: tuple[int, ...], dim: int) -> bool:
    """Whether `index` covers the whole of the other axes, so that lines lie side by side, and its
    places lie in the axis (a saved index may have been written since it was checked)."""
    return (
        index.dtype == np.int64
        and all(n == m for k, (n, m) in enumerate(zip(index.shape, shape, strict=True)) if k != dim)
        and largest(index) < shape[dim]
    )


def _flat(index: Array) -> Array:
    return contiguous(index).reshape(-1).view(np.uint64)


def take_along(x: Array, index: Array, dim: int) -> Array | None:
    """out[.., i, ..] = x[.., index[.., i, ..], ..]; None where NumPy does it better,
    which also raises for places outside of the axis."""
    bits = _BITS.get(x.itemsize)
    if x.ndim == 0 or bits is None or x.dtype.kind not in "fiu" or not ready(x.size, WORTH_LOADING):
        return None
    if min(x.size, index.size) < SMALL or not _fits(index, x.shape, dim):
        return None
    n, m, inner = x.shape[dim], index.shape[dim], prod(x.shape[dim + 1 :])
    out = np.empty(index.shape, x.dtype)
    run = take_places if index.size >= PARALLEL else take_places.serial
    flat = contiguous(x).reshape(-1).view(bits)
    run(flat, _flat(index), n, m, inner, out.reshape(-1).view(bits))
    return out


def add_along(g: Array, index: Array, shape: tuple[int, ...], dim: int) -> Array | None:
    """Zeros of `shape` with g[.., i, ..] added at [.., index[.., i, ..], ..], in the order of i;
    None where NumPy does it better."""
    if g.ndim == 0 or not _compiled(g) or not _fits(index, shape, dim):
        return None
    outer, inner = prod(shape[:dim]), prod(shape[dim + 1 :])
    out = np.zeros(shape, g.dtype)
    run = add_at_places if g.size >= PARALLEL else add_at_places.serial
    flat = contiguous(g).reshape(-1)
    run(flat, _flat(index), outer, shape[dim], index.shape[dim], inner, out.reshape(-1))
    return out


def put_along(x: Array, index: Array, y: Array, dim: int) -> Array | None:
    """A copy of x with y[.., i, ..] at [.., index[.., i, ..], ..], of several the last;
    None where NumPy does it better."""
    if x.ndim == 0 or not _compiled(y) or y.dtype != x.dtype or y.shape != index.shape:
        return None
    if not _fits(index, x.shape, dim):
        return None
    outer, inner = prod(x.shape[:dim]), prod(x.shape[dim + 1 :])
    out = copied(x)
    run = put_at_places if y.size >= PARALLEL else put_at_places.serial
    flat = contiguous(y).reshape(-1)
    run(flat, _flat(index), outer, x.shape[dim], index.shape[dim], inner, out.reshape(-1))
    return out


def add_along_axis(g: Array, index: Array, shape: tuple[int, ...], dim: int) -> Array | None:
    """Zeros of `shape` with the slices of g along the axis added at the places of a vector, in
    their order; None where NumPy does it better."""
    if not _compiled(g) or index.dtype != np.int64 or largest(index) >= shape[dim]:
        return None
    outer, inner = prod(shape[:dim]), prod(shape[dim + 1 :])
    out = np.zeros(shape, g.dtype)
    run = add_slices if g.size >= PARALLEL and outer > 1 else add_slices.serial
    flat = contiguous(g).reshape(-1)
    run(flat, _flat(index), outer, shape[dim], index.size, inner, out.reshape(-1))
    return out
