"""Padding: an array within a larger one, its border zero, constant, or continued from inside.

Every mode but "constant" only repeats elements, so it is a choice of indices along each axis, whose
transpose adds gradients back at the same indices.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.doors import primitive
from ..core.samples import Real, one_of, sample
from ..kernels import lines

Pairs = tuple[tuple[int, int], ...]


def _inner(shape: tuple[int, ...], pads: Pairs) -> tuple[Any, Any]:
    """Where the input lies in the padded array, and which part of the input (pads may crop)."""
    outer, inner = [], []
    for n, (lo, hi) in zip(shape, pads):
        outer.append(slice(max(lo, 0), max(lo, 0) + n + min(lo, 0) + min(hi, 0)))
        inner.append(slice(max(-lo, 0), n - max(-hi, 0)))
    return tuple(outer), tuple(inner)


@primitive(
    lambda g, pads: pad_constant(g, pads=tuple([(-lo, -hi) for lo, hi in pads])),
    promote=None,
    method=False,
    title="ConstantPadNd",
    samples=[sample(Real("n 4"), pads=one_of(((0, 1), (2, 1)), ((1, 0), (-1, 2))))],
)
def pad_constant(x: Any, *, pads: Pairs, value: float = 0.0) -> Any:
    """x with (before, after) elements of `value` along each axis; negative numbers cut away."""
    shape = [n + lo + hi for n, (lo, hi) in zip(x.shape, pads)]
    out = np.full(shape, value, x.dtype) if value else np.zeros(shape, x.dtype)
    outer, inner = _inner(x.shape, pads)
    out[outer] = x[inner]
    return out


@primitive(
    lambda g, x_shape, axis, index: put_along_axis(g, axis=axis, index=index, size=x_shape[axis]),
    promote=None,
    method=False,
    samples=[sample(Real("n 4"), axis=1, index=np.array([1, 0, 0, 3, 2]))],
)
def take_along_axis(x: Any, *, axis: int, index: Any) -> Any:
    """Slices of x along `axis` at `index`."""
    return np.take(x, index, axis=axis)


@primitive(
    lambda g, axis, index: take_along_axis(g, axis=axis, index=index),
    promote=None,
    method=False,
    samples=[sample(Real("n 5"), axis=1, index=np.array([1, 0, 0, 3, 2]), size=4)],
)
def put_along_axis(x: Any, *, axis: int, index: Any, size: int) -> Any:
    """Zeros, `size` long along `axis`, with the slices of x added at `index`."""
    shape = (*x.shape[:axis], size, *x.shape[axis + 1 :])
    sums = lines.add_along_axis(x, np.asarray(index), shape, axis)
    if sums is not None:
        return sums
    out = np.zeros(shape, x.dtype)
    np.add.at(np.moveaxis(out, axis, 0), index, np.moveaxis(x, axis, 0))
    return out
