"""Adding rows into a table at given places: the gradient of an embedding."""

from __future__ import annotations

import numpy as np

from ._jit import FMA, enabled, jit, prange
from ._rows import row_of

Array = np.ndarray

SMALL = 4096
"""Numbers to add below which NumPy is faster."""
PARALLEL = 1 << 26
"""Numbers to add from which all threads pay: below, sorting the places costs more than adding."""


@jit(fastmath=FMA)
def _add(x, to):
    for i in range(x.size):
        to[i] += x[i]


@jit(parallel=True)
def add_rows_sorted(x, order, index, first, table):
    """table[index[order[s]]] += x[order[s]]; first[r] is the start of the r-th run of equal places.

    Each run is added up by one thread, in the order of the rows.
    """
    for r in prange(first.size - 1):
        to = row_of(table, index[order[first[r]]])
        for s in range(first[r], first[r + 1]):
            _add(row_of(x, order[s]), to)


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
    if places.min() < 0 or places.max() >= rows:
        raise IndexError(f"index out of range: rows 0 to {rows - 1}, got {places.max()}")
    flat = np.ascontiguousarray(x).reshape(places.size, width)
    if x.size < SMALL or x.dtype.char not in "fd" or not enabled():
        if skip is not None:
            kept = places != skip
            places, flat = places[kept], flat[kept]
        if places.size:
            # Sorting makes equal rows neighbours, whose sums are one reduction.
            order = np.argsort(places, kind="stable")
            places = places[order]
            first = np.flatnonzero(np.r_[True, places[1:] != places[:-1]])
            table[places[first]] = np.add.reduceat(flat[order], first, axis=0)
        return table
    if x.size < PARALLEL:
        add_rows_in_order.serial(flat, places, -1 if skip is None else skip, table)
        return table
    order = np.argsort(places, kind="stable")
    if skip is not None:
        order = order[places[order] != skip]
    in_order = places[order]
    starts = np.flatnonzero(np.r_[True, in_order[1:] != in_order[:-1]]) if order.size else order
    add_rows_sorted(flat, order, places, np.r_[starts, order.size], table)
    return table
