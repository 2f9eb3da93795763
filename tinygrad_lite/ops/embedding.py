"""Rows of a table chosen by integers, and their transpose: adding rows into a table."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.doors import primitive
from ..core.rules import with_sum
from ..core.samples import Integer, Real, one_of, sample
from ..core.tensor import make
from ..kernels import scatter


def _sum_of_added_rows(calls: Sequence[Any]) -> Any:
    gs, ys, shapes, paddings = zip(*calls, strict=True)
    if len(set(paddings)) > 1:
        return functools.reduce(
            np.add, [scatter.add_rows(g, y, shape[0], padding) for g, y, shape, padding in calls]
        )
    rows = np.concatenate([g.reshape(y.size, g.shape[-1]) for g, y in zip(gs, ys)])
    places = np.concatenate([y.reshape(-1) for y in ys])
    return scatter.add_rows(rows, places, shapes[0][0], paddings[0])


@primitive(
    with_sum(_sum_of_added_rows)(
        lambda g, y, x_shape, padding: add_rows(g, y, rows=x_shape[0], padding=padding)
    ),
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
    return x.take(y, axis=0)


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
    return scatter.add_rows(x, y, rows, padding)


def _without(g: Any, y: Any, padding: Any) -> Any:
    """`g` with the rows at the index `padding` set to zero."""
    if padding is None:
        return g
    index = y if isinstance(y, np.ndarray) else y.array
    kept = (index != padding)[..., None]
    if isinstance(g, np.ndarray):
        return g * kept
    return g * make(kept.astype(g.array.dtype))
