"""Copies into row-major order, of a transposed array by squares that fit the registers; casts.

NumPy walks the copy in order and fetches each number of a transposed array from a line of its own;
a square of 16 x 16 floats uses all of what a fetched line holds. Lines that lie in order, or in
reverse order, are copied one by one, on all threads.

A copy moves bits: numbers are taken for floats of their size, whatever they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from ._gemm import lanes
from ._jit import jit, prange, ready
from ._micro import transpose
from .halves import from_halves, to_halves
from .updates import carray, pointer

Array = np.ndarray

LARGE = 1 << 16
"""Elements from which a kernel wins over NumPy, if numba is loaded."""
WORTH_LOADING = 1 << 18
"""Elements for which it pays to load numba."""
FEW = 1 << 10
"""Elements from which that is so for float16, which NumPy converts one by one."""
ROW = 16
"""Numbers in a line from which copying line by line pays."""
_FLOATS: dict[int, np.dtype] = {4: np.dtype(np.float32), 8: np.dtype(np.float64)}
_CASTS = {
    (a, b)
    for b, kinds in {"f": "?Bilde", "d": "?Bilf", "l": "?Bi", "e": "f"}.items()
    for a in kinds
}
"""Pairs of dtypes; of floats to integers what does not fit is undefined."""
_EDGE = 64
"""Numbers a side of what one thread transposes at a time."""


@jit(forceinline=True)
def _place(t, counts, steps, size):
    """Where block t begins in the input, in bytes, and in the copy, in numbers."""
    first, to = 0, 0
    for axis in range(counts.size - 1, -1, -1):
        first += t % counts[axis] * steps[0, axis]
        to += t % counts[axis] * steps[1, axis]
        t //= counts[axis]
    return first, to


@jit
def _fringe(x, step, rows, columns, row, out):
    """out[i, j] = x[i, j] for what fills no square, along its longer side."""
    size = out.itemsize
    if columns >= rows:
        for i in range(rows):
            here = carray(pointer(x + i * size), (columns - 1) * step + 1, out.dtype)
            to = out[i * row : i * row + columns]
            for j in range(columns):
                to[j] = here[np.uint64(j * step)]
    else:
        for j in range(columns):
            here = carray(pointer(x + j * step * size), rows, out.dtype)
            to = out[j:]
            for i in range(rows):
                to[np.uint64(i * row)] = here[i]


@jit(parallel=True)
def turn(x, counts, steps, rows, columns, step, row, side, out):
    """out[.., i, .., j] = x[.., i, .., j], where i are neighbours in x and j in the copy.

    x is an address. The j lie `step` numbers apart in x, the i `row` numbers in the copy; counts
    and steps are those of the other axes. side: of a square that fits the registers.
    """
    size = out.itemsize
    high, wide = (rows + _EDGE - 1) // _EDGE, (columns + _EDGE - 1) // _EDGE
    for t in prange(counts.prod() * high * wide):
        first, to = _place(t // (high * wide), counts, steps, size)
        top, left = t // wide % high * _EDGE, t % wide * _EDGE
        first += x + (top + left * step) * size
        to += top * row + left
        n, m = min(_EDGE, rows - top), min(_EDGE, columns - left)
        whole, full = n // side * side, m // side * side
        for i in range(0, whole, side):
            for j in range(0, full, side):
                target = out.ctypes.data + (to + i * row + j) * size
                transpose(target, row, first + (i + j * step) * size, step, out)
        if whole and full < m:
            _fringe(first + full * step * size, step, whole, m - full, row, out[to + full :])
        if whole < n:
            _fringe(first + whole * size, step, n - whole, m, row, out[to + whole * row :])


@jit(parallel=True)
def copy_lines(x, counts, steps, rows, down, columns, backwards, some, out):
    """out[.., i, j] = x[.., i, j], where the j lie side by side in x, or so in reverse order.

    The rows lie `down` bytes apart in x, an address; `some` of them are copied at a time.
    """
    size = out.itemsize
    last = columns - 1
    blocks = (rows + some - 1) // some
    for t in prange(counts.prod() * blocks):
        first, to = _place(t // blocks, counts, steps, size)
        top = t % blocks * some
        for i in range(top, min(top + some, rows)):
            line = out[to + i * columns : to + (i + 1) * columns]
            start = x + first + i * down
            if backwards:
                here = carray(pointer(start - last * size), columns, out.dtype)
                for j in range(columns):
                    line[j] = here[np.uint64(last - j)]
            else:
                here = carray(pointer(start), columns, out.dtype)
                for j in range(columns):
                    line[j] = here[j]


@jit(parallel=True)
def cast_each(x, out):
    """out[i] = x[i], in the dtype of out."""
    for i in prange(x.size):
        out[i] = x[i]


@jit(parallel=True)
def fill_each(value, out):
    """out[i] = value."""
    for i in prange(out.size):
        out[i] = value


def dense(x: Array) -> Array | None:
    """The elements of x in the order they stand in memory, as a flat view; None if it has gaps."""
    if x.flags.c_contiguous:
        return x.reshape(-1)
    order = sorted(range(x.ndim), key=lambda axis: -abs(x.strides[axis]))
    x = x.transpose(order)
    return x.reshape(-1) if x.flags.c_contiguous else None


def _words(x: Array) -> Array | None:
    """The memory of x as 64-bit words, in order; None if it has gaps or is no whole number."""
    flat = dense(x)
    if flat is None or flat.nbytes % 8 or flat.__array_interface__["data"][0] % 8:
        return None
    return flat.view(np.int64)


def _is_large(x: Array) -> bool:
    return x.nbytes >= 4 * LARGE and ready(x.size, WORTH_LOADING)


def assign(to: Array, x: Any) -> None:
    """Write x, an array of the same shape or a number, into `to`, converted as need be."""
    if not _is_large(to):
        np.copyto(to, x, casting="unsafe")
        return
    number = not isinstance(x, np.ndarray) or x.ndim == 0
    alike = not number and x.dtype == to.dtype and x.strides == to.strides and x.shape == to.shape
    if number or (alike and not np.may_share_memory(x, to)):
        words = _words(to)
        if words is not None:
            if number:
                same = np.empty(8 // to.itemsize or 1, to.dtype)
                np.copyto(same, x, casting="unsafe")
                if same.nbytes == 8:
                    fill_each(same.view(np.int64)[0], words)
                    return
            else:
                source = _words(x)
                if source is not None:
                    cast_each(source, words)
                    return
    np.copyto(to, x, casting="unsafe")


def duplicated(x: Array) -> Array:
    """A copy of x whose elements lie in the same order."""
    source = _words(x) if _is_large(x) else None
    if source is not None:
        out = np.empty_like(x)
        words = _words(out)
        if words is not None:
            cast_each(source, words)
            return out
    return x.copy() if 0 in x.strides else x.copy("K")


def filled(shape: Any, value: Any, dtype: Any) -> Array:
    """An array with `value` everywhere."""
    out = np.empty(shape, dtype)
    assign(out, value)
    return out


@jit(parallel=True)
def copy_rows(x, out, first):
    """out[i, first + j] = x[i, j]."""
    for i in prange(x.shape[0]):
        for j in range(x.shape[1]):
            out[i, first + j] = x[i, j]


def joined(arrays: Sequence[Array], axis: int) -> Array:
    """The arrays joined along an axis, not negative, as np.concatenate does it."""
    x = arrays[0]
    size = x.itemsize
    if (
        sum([a.nbytes for a in arrays]) < 8 * LARGE
        or size not in _FLOATS
        or axis < 0
        or not all(
            a.dtype == x.dtype
            and a.flags.c_contiguous
            and a.ndim == x.ndim > axis
            and a.shape[:axis] == x.shape[:axis]
            and a.shape[axis + 1 :] == x.shape[axis + 1 :]
            for a in arrays
        )
        or not ready(x.size, WORTH_LOADING)
    ):
        return np.concatenate(arrays, axis=axis)
    length = sum([a.shape[axis] for a in arrays])
    out = np.empty((*x.shape[:axis], length, *x.shape[axis + 1 :]), x.dtype)
    rows = prod(x.shape[:axis])
    whole = out.reshape(rows, -1)
    first = 0
    for a in arrays:
        flat = a.reshape(rows, -1)
        width = flat.shape[1]
        if rows == 1:
            assign(whole[0, first : first + width], flat[0])
        else:
            copy_rows(flat.view(_FLOATS[size]), whole.view(_FLOATS[size]), first)
        first += width
    return out


def _merged(shape: tuple[int, ...], strides: tuple[int, ...]) -> list[tuple[int, int]]:
    """Pairs of size and stride, where axes that follow each other in memory are one."""
    axes: list[tuple[int, int]] = []
    for n, s in zip(shape, strides, strict=True):
        if n == 1:
            continue
        if axes and axes[-1][1] == n * s:
            axes[-1] = (axes[-1][0] * n, s)
        else:
            axes.append((n, s))
    return axes


def copied(x: Array) -> Array:
    """A copy of x in row-major order."""
    size = x.itemsize
    if x.flags.c_contiguous:
        return duplicated(x)
    if x.size < LARGE or size not in _FLOATS or x.dtype.kind not in "fiu":
        return x.copy()
    if not ready(x.size, WORTH_LOADING):
        return x.copy()
    axes = _merged(x.shape, x.strides)
    sizes, strides = [n for n, _ in axes], [s for _, s in axes]
    last = len(axes) - 1
    near = min(range(len(axes)), key=lambda k: abs(strides[k]))
    turned = near < last and strides[near] == size
    lines = near == last > 0 and abs(strides[last]) == size and sizes[last] >= ROW
    if not (turned or lines) or any(s % size for s in strides):
        return x.copy()
    out = np.empty(x.shape, x.dtype)
    flat = out.reshape(-1).view(_FLOATS[size])
    steps = [prod(sizes[k + 1 :]) for k in range(len(axes))]
    other = near if turned else last - 1  # the axis that is walked beside the last
    others = [k for k in range(last) if k != other]
    counts = np.array([sizes[k] for k in others], np.int64)
    places = np.array([[strides[k] for k in others], [steps[k] for k in others]], np.int64)
    address = x.__array_interface__["data"][0]
    if turned:
        square = (sizes[near], sizes[last], strides[last] // size, steps[near], lanes(size))
        turn(address, counts, places, *square, flat)
    else:
        some = max(1, 8192 // sizes[last])
        rows = (sizes[other], strides[other], sizes[last], strides[last] < 0, some)
        copy_lines(address, counts, places, *rows, flat)
    return out


def cast(x: Array, dtype: np.dtype) -> Array:
    """A copy of x with its elements converted to `dtype`."""
    pair = x.dtype.char, dtype.char
    halves = "e" in pair
    if x.size < (FEW if halves else LARGE) or pair not in _CASTS or not x.flags.c_contiguous:
        return x.astype(dtype)
    if not ready(x.size, WORTH_LOADING):
        return x.astype(dtype)
    out = np.empty(x.shape, dtype)
    flat = x.reshape(-1)
    if halves:
        run, bits = (to_halves, "u4") if dtype.char == "e" else (from_halves, "u2")
        run = run if x.size >= LARGE else run.serial
        run(flat.view(bits), out.reshape(-1).view("u2" if bits == "u4" else "u4"))
    else:
        cast_each(flat.view(np.uint8) if x.dtype == np.bool_ else flat, out.reshape(-1))
    return out


def laid_as(x: Array, like: Array) -> Array:
    """x, of the shape of `like`, in the layout that `np.empty_like(like)` has."""
    if like.flags.c_contiguous:
        return contiguous(x)
    order = sorted(range(like.ndim), key=lambda axis: -abs(like.strides[axis]))
    return contiguous(x.transpose(order)).transpose(np.argsort(order))


def row_major(a: Array) -> Array:
    """`a`, copied if its elements lie in another order. NumPy gives a sum the order of what was
    added up, PyTorch row-major order, and programs reshape it (`view`) accordingly."""
    return a if a.ndim < 2 or a.flags.c_contiguous else copied(a)


def contiguous(x: Array) -> Array:
    """x in row-major order: itself, where it is so already."""
    return x if x.flags.c_contiguous else copied(x)
