"""What softmax, losses and normalizations do to one row: its maximum, its sums.

Sums run in vector lanes over chunks of 2048 numbers, whose sums are added up in float64: as
accurate as NumPy's pairwise sums, and independent of the number of threads.
"""

from __future__ import annotations

import numpy as np

from ._jit import SUMS, ByDtype, jit, like, where
from .updates import carray, pointer

CHUNK = 2048


@jit(forceinline=True)
def row_of(x, r):
    """x[r] of a contiguous matrix. Unlike x[r] it counts no reference: threads that count those of
    one array take turns at the counter, which doubles the time of short rows."""
    size = x.shape[1]
    return carray(pointer(x.ctypes.data + r * size * x.itemsize), size, x.dtype)


@jit(forceinline=True)
def rows_of(x, first, last):
    """Rows first to last of a contiguous matrix, one after the other, likewise."""
    size = x.shape[1]
    start = x.ctypes.data + first * size * x.itemsize
    return carray(pointer(start), (last - first) * size, x.dtype)


@jit(forceinline=True)
def plane_of(x, n, c):
    """x[n, c] of a contiguous array of three axes, likewise."""
    size = x.shape[2]
    return carray(pointer(x.ctypes.data + (n * x.shape[1] + c) * size * x.itemsize), size, x.dtype)


# Floats in the order of integers: the maximum of floats is not vectorized, that of integers is. NaN
# ranks above infinity (with its sign bit set, below everything: then it shows in the sums).


@jit(forceinline=True)
def order32(x):
    bits = np.float32(x).view(np.int32)
    return np.int32(bits ^ ((bits >> np.int32(31)) & np.int32(0x7FFFFFFF)))


@jit(forceinline=True)
def order64(x):
    bits = np.float64(x).view(np.int64)
    return bits ^ ((bits >> 63) & 0x7FFFFFFFFFFFFFFF)


@jit
def _max32(row):
    best = order32(row[0])
    for i in range(row.size):
        here = order32(row[i])
        best = where(here > best, here, best)
    return np.int32(best ^ ((best >> np.int32(31)) & np.int32(0x7FFFFFFF))).view(np.float32)


@jit
def _max64(row):
    best = order64(row[0])
    for i in range(row.size):
        here = order64(row[i])
        best = where(here > best, here, best)
    return np.int64(best ^ ((best >> 63) & 0x7FFFFFFFFFFFFFFF)).view(np.float64)


maximum = ByDtype(_max32, _max64)


@jit(fastmath=SUMS, forceinline=True)
def _sum(row):
    total = like(row[0], 0)
    for i in range(row.size):
        total += row[i]
    return total


@jit(forceinline=True)
def row_sum(row):
    """The sum of a row that is not empty, in float64."""
    total = 0.0
    for start in range(0, row.size, CHUNK):
        total += _sum(row[start : start + CHUNK])
    return total


@jit(fastmath=SUMS, forceinline=True)
def _dot(x, y):
    total = like(x[0], 0)
    for i in range(x.size):
        total += x[i] * y[i]
    return total


@jit(forceinline=True)
def row_dot(x, y):
    """The sum of x y over two rows, in float64."""
    total = 0.0
    for start in range(0, x.size, CHUNK):
        total += _dot(x[start : start + CHUNK], y[start : start + CHUNK])
    return total


@jit(fastmath=SUMS, forceinline=True)
def _square_distance(x, centre):
    total = centre * like(centre, 0)
    for i in range(x.size):
        total += (x[i] - centre) * (x[i] - centre)
    return total


@jit(forceinline=True)
def row_square_distance(x, centre):
    """The sum of (x - centre)^2 over a row, in float64."""
    total = 0.0
    for start in range(0, x.size, CHUNK):
        total += _square_distance(x[start : start + CHUNK], centre)
    return total
