"""Rows of a table chosen by integers, and their transpose: adding rows into a table."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.doors import primitive
from ..core.samples import Integer, Real, one_of, sample
from ..core.tensor import make


@primitive(
    lambda g, y, x_shape, padding: add_rows(g, y, rows=x_shape[0], padding=padding),
    None,
    promote=None,
    method=False,
    title="Embedding",
    samples=[
        sample(Real("5 m"), Integer("... n", 0, 5)),
        sample(Real("5 m"), Integer("... n", 3, 5), padding=2),
    ],
)
def gather_rows(x: Any, y: Any, *, padding: Any = None) -> Any:
    """x[y]: row y of the table x for each integer in y; row `padding` gets no gradient."""
    return np.take(x, y, axis=0)


@primitive(
    lambda g, y, padding: _without(gather_rows(g, y, padding=padding), y, padding),
    None,
    promote=None,
    method=False,
    title="EmbeddingDense",
    samples=[sample(Real("n m"), Integer("n", 0, 5), rows=5, padding=one_of(None, 2))],
)
def add_rows(x: Any, y: Any, *, rows: Any, padding: Any = None) -> Any:
    """A table of `rows` rows of zeros to which each row of x is added at its integer in y."""
    width = x.shape[-1]
    table = np.zeros((rows, width), x.dtype)
    index = y.reshape(-1)
    flat = x.reshape(index.size, width)
    if padding is not None:
        kept = index != padding
        index, flat = index[kept], flat[kept]
    if index.size:
        # sorting makes equal rows neighbours, whose sums are one reduction without a Python loop
        order = np.argsort(index, kind="stable")
        index = index[order]
        first = np.flatnonzero(np.r_[True, index[1:] != index[:-1]])
        table[index[first]] = np.add.reduceat(flat[order], first, axis=0)
    return table


def _without(g: Any, y: Any, padding: Any) -> Any:
    """`g` with the rows at the index `padding` set to zero."""
    if padding is None:
        return g
    index = y if isinstance(y, np.ndarray) else y.array
    kept = (index != padding)[..., None]
    if isinstance(g, np.ndarray):
        return g * kept
    return g * make(kept.astype(g.array.dtype))
