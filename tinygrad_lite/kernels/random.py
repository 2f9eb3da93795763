"""Dropout whose mask is computed, not stored: a hash of (key, index of the element).

    y[i] = x[i] / (1 - p)  if hash(key, i) >= p 2^32  else 0

The backward pass is the same function of the gradient, with the same key: nothing is kept but 64
bits. Element i is decided alone, so the mask depends neither on the number of threads nor on the
dtype, and NumPy and compiled code agree bit for bit.

The hash is C. Wellons' triple32 (https://nullprogram.com/blog/2018/07/31/), an almost unbiased
mixing of 32 bits, applied to the index under the two halves of the key.
"""

from __future__ import annotations

import numpy as np

from ._jit import FMA, enabled, jit, like, prange, where
from .copying import contiguous, dense
from .elementwise import FLOATS

Array = np.ndarray
U = np.uint32

SMALL = 1024
"""Elements below which NumPy is faster."""
PARALLEL = 32768
"""Elements from which waking the other threads pays."""
CHUNK = 16384
"""Elements whose indices share their upper bits."""
# as 0-d arrays, with which NumPy computes in a third of the time that its numbers take
_17, _11, _15, _14 = (np.array(n, U) for n in (17, 11, 15, 14))
_M1, _M2, _M3 = (np.array(n, U) for n in (0xED5AD4BB, 0xAC4C1B51, 0x31848BAB))
_GOLDEN = U(0x9E3779B1)


@jit(forceinline=True)
def hashed(i, low, high):
    """32 random bits for index i under a key."""
    x = U(i ^ low)
    x = U(x ^ (x >> U(17)))
    x = U(x * U(0xED5AD4BB))
    x = U(U(x ^ (x >> U(11))) + high)
    x = U(x * U(0xAC4C1B51))
    x = U(x ^ (x >> U(15)))
    x = U(x * U(0x31848BAB))
    return U(x ^ (x >> U(14)))


@jit(fastmath=FMA)
def _drop_chunk(x, first, low, high, below, scale, out):
    for j in range(x.size):
        keeps = hashed(U(first + U(j)), low, high) >= below
        out[j] = where(keeps, x[j] * scale, like(scale, 0))


@jit(parallel=True)
def drop(x, low, high, below, scale, out):
    """out[i] = x[i] * scale where hash(i) >= below, else 0."""
    for c in prange((x.size + CHUNK - 1) // CHUNK):
        start = c * CHUNK
        stop = min(x.size, start + CHUNK)
        upper = U(high + U((start >> 32) * 0x9E3779B1))
        _drop_chunk(x[start:stop], U(start), low, upper, below, scale, out[start:stop])


def _halves(key: int) -> tuple[np.uint32, np.uint32]:
    return U(key & 0xFFFFFFFF), U(key >> 32 & 0xFFFFFFFF)


def _threshold(p: float) -> np.uint32:
    return U(min(round(p * 2**32), 2**32 - 1))


def keep_mask(size: int, p: float, key: int) -> Array:
    """Which of `size` elements survive: booleans, True with probability 1 - p."""
    low, high = _halves(key)
    if size > 1 << 32:
        i = np.arange(size)
        upper, x = high + (i >> 32).astype(U) * _GOLDEN, i.astype(U)
    else:
        upper, x = np.array(high), np.arange(size, dtype=U)
    x ^= np.array(low)
    x ^= x >> _17
    x *= _M1
    x ^= x >> _11
    x += upper
    x *= _M2
    x ^= x >> _15
    x *= _M3
    x ^= x >> _14
    return x >= np.array(_threshold(p))


def dropout(x: Array, p: float, key: int) -> Array:
    """x / (1 - p) where the mask of `key` keeps it, else 0, for 0 <= p < 1; all 0 for p = 1.

    Its gradient is dropout(g, p, key). Elements are numbered in the order of x.shape, whatever the
    layout in memory. An element that is dropped gives 0 even where it is infinite or NaN.
    """
    if p >= 1:
        return np.zeros_like(x)
    flat = dense(x) if x.flags.c_contiguous else None
    if x.size < SMALL or x.dtype not in FLOATS or not enabled():
        return kept(x, p, keep_mask(x.size, p, key).reshape(x.shape))
    if flat is None:
        flat = contiguous(x).reshape(-1)
    out = np.empty(x.shape, x.dtype)
    run = drop if x.size >= PARALLEL else drop.serial
    run(flat, *_halves(key), _threshold(p), x.dtype.type(1 / (1 - p)), out.reshape(-1))
    if x.flags.c_contiguous or 0 in x.strides:
        return out
    laid = np.empty_like(x)  # its axes in the order of those of x
    laid[...] = out
    return laid


def kept(x: Array, p: float, keep: Array) -> Array:
    """x / (1 - p) where `keep` says so, else 0: what `dropout` does, and its gradient."""
    out = np.zeros(x.shape, x.dtype) if 0 in x.strides else np.zeros_like(x)
    return np.multiply(x, x.dtype.type(1 / (1 - p)), out=out, where=keep)
