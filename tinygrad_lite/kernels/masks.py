"""The elements a mask names, one after the other: taken out, put back, numbered.

    picked      out[k] = x[i]       for the k-th i with c[i]
    spread      out[i] = g[k]       there, else 0
    positions   out[k] = the index of i along every axis

One block of the mask at a time, without a branch: where a block begins in `out` follows from the
counts of those before it.
"""

from __future__ import annotations

import numpy as np

from ._jit import jit, prange, ready, where

Array = np.ndarray

LARGE = 1 << 14
"""Elements from which a kernel wins over NumPy, if numba is loaded."""
WORTH_LOADING = 1 << 18
"""Elements for which it pays to load numba."""
BLOCK = 4096
"""Elements that one thread takes at a time."""
_BITS: dict[int, np.dtype] = {4: np.dtype(np.int32), 8: np.dtype(np.int64)}


@jit(parallel=True)
def count_blocks(c, out):
    """out[b] is how many of block b are true."""
    for b in prange(out.size):
        total = 0
        for here in c[b * BLOCK : (b + 1) * BLOCK]:
            total += here
        out[b] = total


@jit(parallel=True)
def compress(c, x, starts, out):
    """out[k] = x[i] for the k-th i with c[i]; block b begins at starts[b]."""
    for b in prange(starts.size - 1):
        here, take = x[b * BLOCK : (b + 1) * BLOCK], c[b * BLOCK : (b + 1) * BLOCK]
        found = np.empty(BLOCK + 1, x.dtype)
        k = np.uint64(0)
        for i in range(here.size):
            found[k] = here[i]
            k += np.uint64(take[i])
        out[starts[b] : starts[b + 1]] = found[: np.int64(k)]


@jit(parallel=True)
def spread_out(c, g, starts, out):
    """out[i] = g[k] for the k-th i with c[i], else 0."""
    last = np.uint64(g.size - 1)
    for b in prange(starts.size - 1):
        to, take = out[b * BLOCK : (b + 1) * BLOCK], c[b * BLOCK : (b + 1) * BLOCK]
        k = np.uint64(starts[b])
        for i in range(to.size):  # -1 has all bits set: a choice that is no branch
            to[i] = g[where(k < last, k, last)] & -out.dtype.type(take[i])
            k += np.uint64(take[i])


@jit(parallel=True)
def number(c, shape, starts, along_rows, out):
    """out[k] is the index of the k-th true element; out[d, k] along axis d, if not along_rows."""
    axes, count = shape.size, starts[-1]
    length = shape[axes - 1]
    for b in prange(starts.size - 1):
        take = c[b * BLOCK : (b + 1) * BLOCK]
        found = np.empty(BLOCK + 1, np.int64)
        k = np.uint64(0)
        for i in range(take.size):
            found[k] = b * BLOCK + i
            k += np.uint64(take[i])
        index = np.empty(axes, np.int64)  # of the row that is gone through
        row, begin = -1, -length
        for j in range(np.int64(k)):
            if found[j] >= begin + length:
                row = found[j] // length
                begin = row * length
                rest = row
                for d in range(axes - 2, -1, -1):
                    index[d] = rest % shape[d]
                    rest //= shape[d]
            at = starts[b] + j
            index[axes - 1] = found[j] - begin
            for d in range(axes):
                out[at * axes + d if along_rows else d * count + at] = index[d]


def _starts(c: Array) -> Array:
    blocks = -(-c.size // BLOCK)
    starts = np.zeros(blocks + 1, np.int64)
    count_blocks(c, starts[1:])
    np.cumsum(starts, out=starts)
    return starts


def _ready(c: Array) -> bool:
    if c.size < LARGE or c.dtype != np.bool_ or not c.flags.c_contiguous:
        return False
    return ready(c.size, WORTH_LOADING)


def picked(x: Array, c: Array) -> Array:
    """x[c] for a mask of x's shape."""
    bits = _BITS.get(x.itemsize)
    if bits is None or x.shape != c.shape or not (x.flags.c_contiguous and _ready(c)):
        return x[c]
    mask = c.reshape(-1).view(np.uint8)
    starts = _starts(mask)
    out = np.empty(starts[-1], x.dtype)
    compress(mask, x.reshape(-1).view(bits), starts, out.view(bits))
    return out


def spread(g: Array, c: Array) -> Array:
    """Zeros of the shape of the mask c with the vector g where it is true, in order."""
    bits = _BITS.get(g.itemsize)
    if bits is not None and _ready(c):
        mask = c.reshape(-1).view(np.uint8)
        starts = _starts(mask)
        if g.shape == (starts[-1],) and g.size:
            out = np.empty(c.shape, g.dtype)
            flat = np.ascontiguousarray(g).view(bits)
            spread_out(mask, flat, starts, out.reshape(-1).view(bits))
            return out
    out = np.zeros(c.shape, g.dtype)
    out[c] = g
    return out


def positions(c: Array, by_axis: bool) -> Array:
    """The indices of the elements of c that are not 0, (count, axes), or (axes, count) by_axis."""
    if c.dtype != np.bool_ and c.size >= LARGE:
        c = c != 0
    if not _ready(c):
        found = np.array(np.nonzero(c), np.int64) if by_axis else np.argwhere(c)
        return found.astype(np.int64, copy=False)
    mask = c.reshape(-1).view(np.uint8)
    starts = _starts(mask)
    out = np.empty((c.ndim, starts[-1]) if by_axis else (starts[-1], c.ndim), np.int64)
    number(mask, np.array(c.shape), starts, not by_axis, out.reshape(-1))
    return out
