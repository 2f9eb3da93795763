"""A sparse matrix applied along one axis: what resampling is, forward and backward.

    out[o, i, :] = sum_k A[i, k] x[o, k, :]

The gradient towards x is the same with the transpose of A.
"""

from __future__ import annotations

import functools
from math import prod

import numpy as np

from ._jit import FMA, enabled, jit, prange

Array = np.ndarray

SMALL = 4096
"""Products below which NumPy is faster."""
PARALLEL = 32768
"""Products from which waking the other threads pays."""


class Sparse:
    """A matrix by its entries, row by row: those of row i are starts[i] to starts[i + 1].

    Args: the shape, and of each entry its row, its column and its value. Entries may repeat: they
    are added. IndexError for an entry outside.
    """

    def __init__(self, shape: tuple[int, int], row: Array, column: Array, value: Array) -> None:
        for place, size in zip((row, column), shape, strict=True):
            if place.size and (place.min() < 0 or place.max() >= size):
                raise IndexError(f"an entry lies outside of a matrix of shape {shape}")
        order = np.argsort(row, kind="stable")
        self.shape = shape
        self.row, self.column = row[order], np.ascontiguousarray(column[order], np.int64)
        self.value = np.ascontiguousarray(value[order], np.float64)
        self.starts = np.searchsorted(self.row, np.arange(shape[0] + 1)).astype(np.int64)

    @functools.cached_property
    def ones(self) -> bool:
        """Whether all entries are 1: rows are sums of elements."""
        return bool((self.value == 1).all())

    @functools.cached_property
    def occupied(self) -> Array:
        """The rows that have entries."""
        return np.flatnonzero(np.diff(self.starts))

    @functools.cached_property
    def T(self) -> Sparse:
        """The transpose."""
        transpose = Sparse(self.shape[::-1], self.column, self.row, self.value)
        transpose.T = self
        return transpose


@jit(fastmath=FMA)
def _add_scaled(x, factor, out):
    for j in range(x.size):
        out[j] += factor * x[j]


@jit(parallel=True)
def mix_columns(x, starts, column, value, n, inner, out):
    """x is flat (outer, n, inner), out flat (outer, m, inner): every step works on vectors."""
    m = starts.size - 1
    for t in prange(out.size // inner):
        to, first = out[t * inner : (t + 1) * inner], t // m * n
        to[:] = 0
        for k in range(starts[t % m], starts[t % m + 1]):
            at = (first + column[k]) * inner
            _add_scaled(x[at : at + inner], value[k], to)


@jit(parallel=True, fastmath=FMA)
def mix_rows(x, starts, column, value, n, out):
    """x is flat (outer, n), out flat (outer, m)."""
    m = starts.size - 1
    for o in prange(out.size // m):
        for i in range(m):
            total = value[0] * 0
            for k in range(starts[i], starts[i + 1]):
                total += value[k] * x[o * n + column[k]]
            out[o * m + i] = total


def mix(x: Array, axis: int, matrix: Sparse) -> Array:
    """`matrix` applied along `axis` of a floating-point array."""
    m, n = matrix.shape
    outer, inner = prod(x.shape[:axis]), prod(x.shape[axis + 1 :])
    shape = (*x.shape[:axis], m, *x.shape[axis + 1 :])
    work = outer * inner * matrix.column.size
    if work < SMALL or x.dtype.char not in "fd" or not enabled():
        return _mix_numpy(x, axis, matrix, shape)
    flat, out = np.ascontiguousarray(x).reshape(-1), np.empty(shape, x.dtype)
    entries = matrix.starts, matrix.column, matrix.value.astype(x.dtype)
    if inner == 1:
        rows = mix_rows if work >= PARALLEL else mix_rows.serial
        rows(flat, *entries, n, out.reshape(-1))
    else:
        columns = mix_columns if work >= PARALLEL else mix_columns.serial
        columns(flat, *entries, n, inner, out.reshape(-1))
    return out


def _mix_numpy(x: Array, axis: int, matrix: Sparse, shape: tuple[int, ...]) -> Array:
    if not x.size or not matrix.column.size:
        return np.zeros(shape, x.dtype)
    wide = x.astype(np.float32) if x.dtype == np.float16 else x
    terms = wide.take(matrix.column, axis=axis)
    if not matrix.ones:
        terms *= matrix.value.astype(wide.dtype).reshape(-1, *(1,) * (x.ndim - 1 - axis))
    some = matrix.occupied
    if len(some) < len(matrix.column):  # rows with several entries
        terms = np.add.reduceat(terms, matrix.starts[some], axis=axis)
    if len(some) < matrix.shape[0]:
        out = np.zeros(shape, wide.dtype)
        out[(slice(None),) * axis + (some,)] = terms
        terms = out
    return terms.astype(x.dtype, copy=False)
