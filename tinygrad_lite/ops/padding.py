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


def _at(axis: int, place: Any) -> tuple[Any, ...]:
    """The index of what is at `place` along an axis."""
    return (slice(None),) * axis + (place,)


def _borders(index: Any, start: int, size: int) -> tuple[slice, ...]:
    """What lies before and behind the run of `size` that begins at `start`."""
    return slice(0, start), slice(start + size, len(index))


_INDEX = np.array([1, 0, 0, 1, 2, 3, 3, 2])


@primitive(
    lambda g, x_shape, axis, index, start: put_along_axis(
        g, axis=axis, index=index, size=x_shape[axis], start=start
    ),
    promote=None,
    method=False,
    samples=[
        sample(Real("n 4"), axis=1, index=np.array([1, 0, 0, 3, 2])),
        sample(Real("n 4"), axis=1, index=_INDEX, start=2),
    ],
)
def take_along_axis(x: Any, *, axis: int, index: Any, start: int | None = None) -> Any:
    """Slices of x along `axis` at `index`; from `start` on, if given, come all of them in order."""
    if start is None:
        return np.take(x, index, axis=axis)
    n = x.shape[axis]
    out = np.empty((*x.shape[:axis], len(index), *x.shape[axis + 1 :]), x.dtype)
    out[_at(axis, slice(start, start + n))] = x
    for border in _borders(index, start, n):
        out[_at(axis, border)] = x[_at(axis, index[border])]
    return out


@primitive(
    lambda g, axis, index, start: take_along_axis(g, axis=axis, index=index, start=start),
    promote=None,
    method=False,
    samples=[
        sample(Real("n 5"), axis=1, index=np.array([1, 0, 0, 3, 2]), size=4),
        sample(Real("n 8"), axis=1, index=_INDEX, size=4, start=2),
    ],
)
def put_along_axis(x: Any, *, axis: int, index: Any, size: int, start: int | None = None) -> Any:
    """Zeros, `size` long along `axis`, with the slices of x added at `index`."""
    if start is not None:
        out = x[_at(axis, slice(start, start + size))].copy()
        for border in _borders(index, start, size):
            _add_at(out, axis, index[border], x[_at(axis, border)])
        return out
    out = np.zeros((*x.shape[:axis], size, *x.shape[axis + 1 :]), x.dtype)
    _add_at(out, axis, np.asarray(index), x)
    return out


def _add_at(out: Any, axis: int, index: Any, x: Any) -> None:
    """out[index[i]] += x[i] along an axis."""
    if len(index) > _FEW:
        sums = lines.add_along_axis(x, index, out.shape, axis)
        if sums is None:
            np.add.at(np.moveaxis(out, axis, 0), index, np.moveaxis(x, axis, 0))
        else:
            out += sums
        return
    for i, place in enumerate(index.tolist()):
        out[_at(axis, place)] += x[_at(axis, i)]


_FEW = 16  # slices up to which adding them one by one is faster
