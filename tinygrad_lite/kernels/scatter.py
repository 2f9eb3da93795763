"""Adding rows into a table at given places: the gradient of an embedding."""

from __future__ import annotations

import numpy as np

from ._jit import FMA, enabled, jit, loaded
from ._rows import row_of
from .lines import largest

Array = np.ndarray

SMALL = 4096
"""Numbers to add for which it pays to import numba, if nothing else has yet."""
FEW = 512
"""Numbers to add below which NumPy's own loop is faster than anything that has to be prepared."""


@jit(fastmath=FMA)
def _add(x, to):
    for i in range(x.size):
        to[i] += x[i]


@jit
def add_rows_in_order(x, index, skip, table):
    """table[index[r]] += x[r], but for index[r] == skip."""
    for r in range(index.size):
        if index[r] != skip:
            _add(row_of(x, r), row_of(table, index[r]))


def add_rows(x: Array, index: Array, rows: int, skip: int | None = None) -> Array:
    """A table (rows, n) of zeros to which each row of x (..., n) is added at its integer in index.

    Rows whose integer is `skip` are left out. Places must lie in 0 to rows - 1 (IndexError).
    """
    width = x.shape[-1]
    places = np.ascontiguousarray(index, dtype=np.int64).reshape(-1)
    table = np.zeros((rows, width), x.dtype)
    if not places.size or not width:
        return table
    if largest(places) >= rows:
        raise IndexError(f"index out of range: rows 0 to {rows - 1}, got {places.max()}")
    flat = np.ascontiguousarray(x).reshape(places.size, width)
    if x.size >= FEW and x.dtype.char in "fd" and (loaded() or (x.size >= SMALL and enabled())):
        # On one thread: to split the work, the places would have to be sorted, which costs more.
        add_rows_in_order(flat, places, -1 if skip is None else skip, table)
        return table
    if skip is not None:
        kept = places != skip
        places, flat = places[kept], flat[kept]
    if x.size < FEW // 2:
        np.add.at(table, places, flat)
    elif x.size < SMALL:  # number by number, which NumPy adds faster than row by row
        at = places[:, None] * width + np.arange(width)
        np.add.at(table.reshape(-1), at.reshape(-1), flat.reshape(-1))
    elif places.size:
        # Sorting makes equal rows neighbours, whose sums are one reduction.
        order = np.argsort(places, kind="stable")
        places = places[order]
        first = np.flatnonzero(np.r_[True, places[1:] != places[:-1]])
        table[places[first]] = np.add.reduceat(flat[order], first, axis=0)
    return table
