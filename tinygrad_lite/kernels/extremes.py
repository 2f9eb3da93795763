"""Along the last axis: the largest number, the places of the k first, the places of a running one.

NaN counts as the largest and as the smallest of a row (of the k first smallest, as the largest
number). What these kernels give is what NumPy gives, so that it makes no difference which ran.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ._jit import jit, prange, ready, where
from ._rows import order32, order64, row_of
from .copying import contiguous

Array = np.ndarray

FEW = 4096
"""Elements from which a kernel wins over NumPy, if numba is loaded."""
PARALLEL = 1 << 16
"""Elements from which waking the other threads pays."""
FIRST = 64
"""Of so many first at most, each new one is put in its place among them."""

TOP32, TOP64 = np.int32(0x7FFFFFFF), np.int64(0x7FFFFFFFFFFFFFFF)  # the bits of a NaN, too

# Floats in the order of integers, whose maximum is vectorized, with NaN on top: see _rows.


@jit(forceinline=True)
def _rank32(x):
    return where(x == x, order32(x), TOP32)


@jit(forceinline=True)
def _rank64(x):
    return where(x == x, order64(x), TOP64)


@jit
def _top32(row, sign):
    best = _rank32(row[0] * sign)
    for i in range(row.size):
        here = _rank32(row[i] * sign)
        best = where(here > best, here, best)
    return np.int32(best ^ ((best >> np.int32(31)) & TOP32)).view(np.float32) * sign


@jit
def _top64(row, sign):
    best = _rank64(row[0] * sign)
    for i in range(row.size):
        here = _rank64(row[i] * sign)
        best = where(here > best, here, best)
    return np.int64(best ^ ((best >> 63) & TOP64)).view(np.float64) * sign


top = _top32  # bound to one of the two


@jit(parallel=True)
def tops(x, sign, out):
    """out[r] = max(sign x[r]) / sign, where sign is 1 or -1."""
    for r in prange(x.shape[0]):
        out[r] = top(row_of(x, r), sign)


_TOPS = {"f": tops.bind("32", top=_top32), "d": tops.bind("64", top=_top64)}


@jit(parallel=True)
def first_places(x, largest, out):
    """out[r] are the places of the k largest (or smallest) numbers of x[r], in their order; of
    equal ones, the first."""
    k = out.shape[1]
    for r in prange(x.shape[0]):
        row, places = row_of(x, r), row_of(out, r)
        best = np.empty(k, x.dtype)
        count = 0
        for i in range(row.size):
            v = row[i]
            if count == k:
                w = best[k - 1]
                if largest:
                    if not (v > w or (v != v and w == w)):
                        continue
                elif not (v < w or (w != w and v == v)):
                    continue
            else:
                count += 1
            p = count - 1
            while p > 0:
                w = best[p - 1]
                if largest:
                    if not (v > w or (v != v and w == w)):
                        break
                elif not (v < w or (w != w and v == v)):
                    break
                best[p] = w
                places[p] = places[p - 1]
                p -= 1
            best[p] = v
            places[p] = i


@jit(parallel=True)
def running_places(x, sign, out):
    """out[r, i] is the last place up to i of the largest of sign x[r, 0], ..., sign x[r, i]."""
    for r in prange(x.shape[0]):
        row, places = row_of(x, r), row_of(out, r)
        best, at = row[0] * sign, 0
        for i in range(row.size):
            v = row[i] * sign
            new = v >= best or v != v
            best = v if new else best
            at = i if new else at
            places[i] = at


def _wanted(x: Array) -> bool:
    return x.size >= FEW and x.dtype.char in "fd" and x.ndim > 0 and ready(x.size)


def _rows(x: Array) -> Array:
    return contiguous(x).reshape(-1, x.shape[-1])


def _run(kernel: Any, size: int) -> Any:
    return kernel if size >= PARALLEL else kernel.serial


def extreme(x: Array, axis: Any, keepdims: bool, largest: bool) -> Array:
    """The largest (or smallest) element over `axis`: a number, a tuple, or None for all."""
    last = axis == x.ndim - 1 or (type(axis) is tuple and axis == (x.ndim - 1,))
    if not (last and x.flags.c_contiguous and _wanted(x)):
        reduce: Any = np.maximum.reduce if largest else np.minimum.reduce
        return np.asarray(reduce(x, axis=axis, keepdims=keepdims))
    out = np.empty((*x.shape[:-1], 1) if keepdims else x.shape[:-1], x.dtype)
    kernel = _run(_TOPS[x.dtype.char], x.size)
    kernel(_rows(x), x.dtype.type(1 if largest else -1), out.reshape(-1))
    return out


def first(x: Array, k: int, largest: bool) -> Array | None:
    """The places of the k largest (or smallest) of float32 along the last axis, in their order, NaN
    as the largest; of equal ones, the first. None where NumPy does it better (or, of float64, may
    take another one of equal ones)."""
    if not 0 < k <= FIRST or k * 8 > x.shape[-1] or x.dtype.char != "f" or not _wanted(x):
        return None
    out = np.empty((*x.shape[:-1], k), np.int64)
    _run(first_places, x.size)(_rows(x), largest, out.reshape(-1, k))
    return out


def running(x: Array, largest: bool) -> Array | None:
    """Where, up to each element of the last axis, the largest (or smallest) stood last, NaN before
    all; None where NumPy does it better."""
    if not _wanted(x):
        return None
    out = np.empty(x.shape, np.int64)
    sign = x.dtype.type(1 if largest else -1)
    _run(running_places, x.size)(_rows(x), sign, out.reshape(-1, x.shape[-1]))
    return out
