"""Pooling in plain NumPy, for any number of spatial dimensions: the reference of the kernels.

Arrays are (..., *S) with the pooled dimensions last; every function works on the leading ones
as a batch. A pool is described axis by axis by its windows, `(start, stop)` for each output
position, which is all that tells an ordinary pool from an adaptive one. Averages are separable
(a sum along one axis after the other); maxima walk the window's offsets in order, keeping the
first of equals and, as PyTorch does, the last NaN.

Where there is little to do, the number of NumPy calls is what costs: then all windows are taken at
once by a table of indices, which is made once for each geometry.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np

from . import reduce

Shape = tuple[int, ...]


class Windows(NamedTuple):
    """The windows along one axis: what output position p sees is start[p] : stop[p] : step."""

    size: int
    """Input elements along the axis."""
    start: np.ndarray
    """First element of each window; negative where the window begins in the padding."""
    length: np.ndarray
    """Elements of each window, with those that lie in the padding."""
    step: int
    """Distance between elements of a window (the dilation)."""
    stride: int
    """Distance between windows where it is the same for all, else 0 (adaptive)."""


class Pool:
    """The windows along each pooled axis; each geometry has one Pool, so that what is worked out
    for it is worked out once."""

    def __init__(self, axes: Sequence[Windows]) -> None:
        self.axes = tuple(axes)

    def __iter__(self) -> Iterator[Windows]:
        return iter(self.axes)

    def __len__(self) -> int:
        return len(self.axes)

    @functools.cached_property
    def positions(self) -> Shape:
        """Windows along each axis."""
        return tuple(len(a.start) for a in self)

    @functools.cached_property
    def corners(self) -> tuple[np.ndarray, np.ndarray]:
        """Index (int32) of the first element of each window, and of the first that is there."""
        firsts = [a.start for a in self], [first_inside(a) for a in self]
        corner, inside = (flat_index(at, self).ravel().astype(np.int32) for at in firsts)
        return corner, inside

    @functools.cached_property
    def rows(self) -> np.ndarray:
        """Where each row of the table begins in the flattened table."""
        index, _ = self.table
        return np.arange(0, index.size, index.shape[1])

    @functools.cached_property
    def apart(self) -> bool:
        """Whether no element is in two windows, and none of a window in the padding."""
        index, inside = self.table
        return inside is None and len(np.unique(index)) == index.size

    @functools.cached_property
    def taken(self) -> int:
        """Elements of all windows of one plane."""
        return prod(len(a.start) * int(a.length.max(initial=0)) for a in self)

    @functools.cached_property
    def table(self) -> tuple[np.ndarray, np.ndarray | None]:
        """Index in the flattened plane of each element (column) of each window (row), and which
        of them there are; the others come last and have index 0. None: all there are."""
        index, inside = np.zeros((1, 1), np.int64), np.ones((1, 1), bool)
        for a in self:
            k = np.arange(a.length.max(initial=0))
            at = a.start[:, None] + k * a.step
            there = (k < a.length[:, None]) & (at >= 0) & (at < a.size)
            pairs = len(index) * len(at), -1
            index = (index[:, None, :, None] * a.size + at[None, :, None, :]).reshape(pairs)
            inside = (inside[:, None, :, None] & there[None, :, None, :]).reshape(pairs)
        if inside.all():
            return index, None
        order = np.argsort(~inside, axis=1, kind="stable")
        inside = np.take_along_axis(inside, order, 1)
        return np.where(inside, np.take_along_axis(index, order, 1), 0), inside


LITTLE = 1 << 13
"""Elements of all windows up to which a table of indices is faster."""


def output_size(
    size: int, kernel: int, stride: int, padding: int, dilation: int, ceil_mode: bool
) -> int:
    """Windows along an axis. In ceil mode one may hang over the end, but none may start there."""
    span = size + 2 * padding - dilation * (kernel - 1) - 1
    count = (span + (stride - 1 if ceil_mode else 0)) // stride + 1
    if ceil_mode and (count - 1) * stride >= size + padding:
        count -= 1
    return count


@functools.lru_cache(256)
def regular(
    size: Shape, kernel: Shape, stride: Shape, padding: Shape, dilation: Shape, ceil_mode: bool
) -> Pool:
    """The windows of an ordinary pool."""
    axes = []
    for s, k, t, p, d in zip(size, kernel, stride, padding, dilation, strict=True):
        start = np.arange(output_size(s, k, t, p, d, ceil_mode)) * t - p
        axes.append(Windows(s, start, np.full(start.shape, k), d, t))
    return Pool(axes)


@functools.lru_cache(256)
def adaptive(size: Shape, output: Shape) -> Pool:
    """The windows of an adaptive pool: floor(p S / P) up to ceil((p + 1) S / P)."""
    axes = []
    for s, n in zip(size, output, strict=True):
        p = np.arange(n)
        start = p * s // max(n, 1)
        count = -(-(p + 1) * s // max(n, 1)) - start
        even = s // n if n and s % n == 0 else 0
        axes.append(Windows(s, start, count, 1, even))
    return Pool(axes)


def max_forward(x: np.ndarray, axes: Pool) -> tuple[np.ndarray, np.ndarray]:
    """Largest element of each window, and its index in the flattened (unpadded) input plane."""
    lead = x.shape[: x.ndim - len(axes)]
    positions = axes.positions
    if x.dtype.kind == "f":
        lowest = -np.inf
    else:
        lowest = np.iinfo(x.dtype).min if x.dtype.kind in "iu" else False
    if 0 < prod(lead) * axes.taken <= LITTLE:
        best, where = _max_of_table(x.reshape(prod(lead), -1), axes, lowest)
        return best.reshape(*lead, *positions), where.reshape(*lead, *positions)
    best = np.full((*lead, *positions), lowest, dtype=x.dtype)
    where = np.empty(best.shape, dtype=np.int64)
    where[...] = flat_index([first_inside(a) for a in axes], axes)
    if not best.size:
        return best, where
    padded = _pad(x, axes, lowest)
    for offset in itertools.product(*(range(a.length.max()) for a in axes)):
        # A shorter (adaptive) window meets its last element again: that changes nothing.
        pairs = zip(offset, axes, strict=True)
        at = [a.start + np.minimum(k, a.length - 1) * a.step for k, a in pairs]
        seen = _seen(padded, offset, axes)
        better = seen > best
        if x.dtype.kind == "f":
            better |= np.isnan(seen)
        np.copyto(best, seen, where=better)
        np.copyto(where, flat_index(at, axes), where=better)
    return best, where


def _max_of_table(x: np.ndarray, axes: Pool, lowest: Any) -> tuple[np.ndarray, np.ndarray]:
    index, inside = axes.table
    seen = x.take(index, axis=1)  # (leading, windows, elements)
    if inside is not None:
        np.copyto(seen, lowest, where=~inside)
    choice = seen.argmax(axis=-1)
    best = _chosen(seen, choice)
    if x.dtype.kind == "f" and best.dot(best) != best.dot(best):  # argmax takes the first NaN
        missing = np.isnan(seen)
        last = index.shape[1] - 1 - missing[..., ::-1].argmax(axis=-1)
        choice = np.where(missing.any(axis=-1), last, choice)
    return best, index.reshape(-1).take(choice + axes.rows)


def _chosen(rows: np.ndarray, choice: np.ndarray) -> np.ndarray:
    """Element `choice` of each row (last axis), flat."""
    at = np.arange(0, rows.size, rows.shape[-1])
    at += choice.reshape(-1)
    return rows.reshape(-1).take(at)


def max_backward(g: np.ndarray, indices: np.ndarray, input_shape: Shape, axes: int) -> np.ndarray:
    """Adds each g to the input element its window chose: the transpose of `gather`."""
    lead, plane = prod(input_shape[:-axes]), prod(input_shape[-axes:])
    if not g.size:
        return np.zeros(input_shape, dtype=g.dtype)
    rows = np.arange(0, lead * plane, plane)[:, None]
    flat = (indices.reshape(lead, -1) + rows).ravel()
    total = np.bincount(flat, weights=g.ravel(), minlength=lead * plane)
    return total.astype(g.dtype, copy=False).reshape(input_shape)


def gather(x: np.ndarray, indices: np.ndarray, axes: int) -> np.ndarray:
    """The elements of x (..., *S) that `indices` (..., *P) name in each flattened plane."""
    lead = x.shape[: x.ndim - axes]
    plane, chosen = prod(x.shape[x.ndim - axes :]), prod(indices.shape[x.ndim - axes :])
    taken = np.take_along_axis(
        x.reshape(*lead, plane), indices.reshape(*lead, chosen), axis=len(lead)
    )
    return taken.reshape(indices.shape)


def avg_forward(
    x: np.ndarray, axes: Pool, count_include_pad: bool, divisor: int | None
) -> np.ndarray:
    """Mean of each window; `divisor` replaces the number of elements divided by."""
    dtype = np.float32 if x.dtype == np.float16 else x.dtype
    lead = x.shape[: x.ndim - len(axes)]
    if 0 < prod(lead) * axes.taken <= LITTLE:
        index, inside = axes.table
        seen = x.reshape(prod(lead), -1).take(index, axis=1)
        if inside is not None:
            np.copyto(seen, 0, where=~inside)
        total = np.add.reduce(seen, axis=-1, dtype=dtype).reshape(*lead, *axes.positions)
        total /= divisors(axes, count_include_pad, divisor).astype(dtype)
        return total.astype(x.dtype, copy=False)
    total = _pad(x.astype(dtype, copy=False), axes, 0)
    for i, a in enumerate(axes):
        axis = x.ndim - len(axes) + i
        before, after = total.shape[:axis], total.shape[axis + 1 :]
        summed = np.zeros((*before, len(a.start), *after), dtype=dtype)
        rest = len(after)
        if not a.stride:  # windows of their own lengths, which may overlap
            for p, (start, length) in enumerate(zip(a.start, a.length, strict=True)):
                seen = total[_along(slice(start, start + length), rest)]
                summed[_along(p, rest)] = np.add.reduce(seen, axis=axis)
            total = summed
            continue
        for k in range(a.length.max(initial=0)):
            live = slice(None) if a.stride else k < a.length
            summed[_along(live, rest)] += total[_along(_select(a, k), rest)]
        total = summed
    total /= divisors(axes, count_include_pad, divisor).astype(dtype)
    return total.astype(x.dtype, copy=False)


def tile_means(x: np.ndarray, kernel: Shape) -> np.ndarray:
    """The mean of each tile, where tiles of the size `kernel` cover the last axes of x."""
    first = x.ndim - len(kernel)
    total = x.astype(np.float32) if x.dtype == np.float16 else x
    for axis, k in enumerate(kernel, first):
        shape = total.shape
        split = total.reshape(*shape[:axis], shape[axis] // k, k, *shape[axis + 1 :])
        total = reduce.total(split, axis + 1)
    return (total / total.dtype.type(prod(kernel))).astype(x.dtype, copy=False)


def tile_means_backward(g: np.ndarray, kernel: Shape) -> np.ndarray:
    """The transpose of `tile_means`: each g, divided, at every place of its tile."""
    first = g.ndim - len(kernel)
    out = g / g.dtype.type(prod(kernel))
    for axis in range(g.ndim - 1, first - 1, -1):  # the last first: then whole rows are copied
        out = np.repeat(out, kernel[axis - first], axis)
    return out


def avg_backward(
    g: np.ndarray, axes: Pool, count_include_pad: bool, divisor: int | None
) -> np.ndarray:
    """The transpose of `avg_forward`: each g, divided, added to every element of its window."""
    dtype = np.float32 if g.dtype == np.float16 else g.dtype
    total = g.astype(dtype, copy=False)
    total = total / divisors(axes, count_include_pad, divisor).astype(dtype)
    lead = g.shape[: g.ndim - len(axes)]
    if 0 < prod(lead) * axes.taken <= LITTLE:
        size = tuple(a.size for a in axes)
        total = _spread(total.reshape(prod(lead), -1), axes, prod(size)).reshape(*lead, *size)
        return total.astype(g.dtype, copy=False)
    for i, a in enumerate(axes):
        axis = g.ndim - len(axes) + i
        before, after = total.shape[:axis], total.shape[axis + 1 :]
        spread = np.zeros((*before, sum(_extent(a)) + a.size, *after), dtype=dtype)
        rest = len(after)
        for k in range(a.length.max(initial=0)):
            if a.stride:
                spread[_along(_select(a, k), rest)] += total
        if not a.stride:  # neighbouring windows may overlap
            for p, (start, length) in enumerate(zip(a.start, a.length, strict=True)):
                spread[_along(slice(start, start + length), rest)] += total[
                    _along(slice(p, p + 1), rest)
                ]
        first = _extent(a)[0]
        total = spread[_along(slice(first, first + a.size), rest)]
    return np.ascontiguousarray(total).astype(g.dtype, copy=False)


def _spread(g: np.ndarray, axes: Pool, plane: int) -> np.ndarray:
    """Each g (leading, windows) added to every element of its window."""
    index, inside = axes.table
    if axes.apart:
        spread = np.zeros((len(g), plane), g.dtype)
        spread[:, index] = g[:, :, None]
        return spread
    flat = index.ravel() + np.arange(0, len(g) * plane, plane)[:, None]
    each = np.repeat(g, index.shape[1], axis=1)
    if inside is not None:
        np.copyto(each, 0, where=~inside.ravel())
    return np.bincount(flat.ravel(), weights=each.ravel(), minlength=len(g) * plane)


# Geometry -----------------------------------------------------------------------------------


def _extent(a: Windows) -> tuple[int, int]:
    """Elements that windows reach before the first and after the last of the axis."""
    if not len(a.start):
        return 0, 0
    last = int((a.start + (a.length - 1) * a.step).max())
    return max(0, -int(a.start[0])), max(0, last + 1 - a.size)


def _pad(x: np.ndarray, axes: Pool, value: float) -> np.ndarray:
    around = [_extent(a) for a in axes]
    if not any(lo or hi for lo, hi in around):
        return x
    return np.pad(x, [(0, 0)] * (x.ndim - len(axes)) + around, constant_values=value)


def _along(index: Any, rest: int) -> Any:
    """The index expression for one axis that `rest` others follow."""
    return (..., index, *(slice(None),) * rest)


def _select(a: Windows, k: int) -> Any:
    """Where element k of every window lies in the padded axis; adaptive: of those that have it."""
    before = _extent(a)[0]
    if a.stride:
        first = int(a.start[0]) + before + k * a.step
        return slice(first, first + (len(a.start) - 1) * a.stride + 1, a.stride)
    return (a.start + k)[k < a.length]


def _seen(padded: np.ndarray, offset: tuple[int, ...], axes: Pool) -> np.ndarray:
    """What every window has at this offset, adaptive windows their last where they are shorter."""
    seen = padded
    for i, (k, a) in enumerate(zip(offset, axes, strict=True)):
        at = _select(a, k) if a.stride else a.start + np.minimum(k, a.length - 1)
        seen = seen[_along(at, len(axes) - 1 - i)]
    return seen


def first_inside(a: Windows) -> np.ndarray:
    """First element of each window that is not padding."""
    return a.start + np.maximum(0, -(a.start // a.step)) * a.step


def flat_index(at: list[np.ndarray], axes: Pool) -> np.ndarray:
    """Index in the flattened plane of the elements at these coordinates, over all positions."""
    index = np.zeros((1,) * len(axes), dtype=np.int64)
    for i, (coordinate, a) in enumerate(zip(at, axes, strict=True)):
        index = index * a.size + coordinate.reshape((-1,) + (1,) * (len(axes) - 1 - i))
    return index


@functools.lru_cache(256)
def divisors(axes: Pool, count_include_pad: bool, divisor: int | None) -> np.ndarray:
    """What each window's sum is divided by. Padding beyond the declared one never counts."""
    if divisor is not None:
        return np.array(divisor)
    counts = np.ones((1,) * len(axes), dtype=np.int64)
    for i, a in enumerate(axes):
        padding = max(0, -int(a.start[0])) if len(a.start) else 0
        lo, hi = (-padding, a.size + padding) if count_include_pad else (0, a.size)
        inside = np.minimum(a.start + a.length, hi) - np.maximum(a.start, lo)
        counts = counts * np.maximum(inside, 1).reshape((-1,) + (1,) * (len(axes) - 1 - i))
    return counts
