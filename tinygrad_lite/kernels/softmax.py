"""softmax, log_softmax and logsumexp, with their gradients.

    y = exp(x - m) / s,   m = max x,   s = sum exp(x - m),   lse = m + log s

Each row is read from memory once and worked on in cache; short rows are worked on several at a
time, since one alone would leave most of a vector empty. Along another axis than the last one of a
contiguous array, blocks of neighbours are; what is not contiguous is copied once.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from ._jit import FMA, SUMS, enabled, jit, like, prange, where
from ._math import exp_nonpositive as _exp
from ._math import log as _log
from ._rows import CHUNK, maximum, row_dot, row_of, row_sum, rows_of
from .copying import contiguous

Array = np.ndarray

SMALL = 512
"""Elements below which NumPy computes. A kernel that is loaded wins from the first element on, but
loading numba does not pay for so little, and the same numbers must give the same bits whether or
not something else has loaded it."""
PARALLEL = 16384
"""Elements from which waking the other threads pays."""
SHORT = 64
"""Numbers in a row below which the exponentials of several rows are taken together."""
WIDE = 128
"""Neighbours worked on together along an axis that is not the last."""

# -- compiled -------------------------------------------------------------------------------------


@jit(fastmath=SUMS, forceinline=True)
def _exp_chunk(x, top, out):
    total = like(top, 0)
    for i in range(x.size):
        e = _exp(x[i] - top)
        out[i] = e
        total += e
    return total


@jit(fastmath=SUMS, forceinline=True)
def _sum_exp_chunk(x, top):
    total = like(top, 0)
    for i in range(x.size):
        total += _exp(x[i] - top)
    return total


@jit(forceinline=True)
def row_norm(x):
    """m and log s of a row."""
    top = maximum(x)
    total = 0.0
    for start in range(0, x.size, CHUNK):
        total += _sum_exp_chunk(x[start : start + CHUNK], top)
    return top, _log(like(top, total))


@jit
def rows_together(x):
    """How many rows of x are worked on together."""
    return max(1, CHUNK // x.shape[1]) if x.shape[1] < SHORT else 1


@jit(fastmath=FMA)
def exp_all(x):
    for i in range(x.size):
        x[i] = _exp(x[i])


@jit(fastmath=FMA)
def log_all(x):
    for i in range(x.size):
        x[i] = _log(x[i])


@jit
def _exp_of_short_rows(x, first, last, tops, out):
    """out = exp(x[r] - m) for rows first to last, one after the other; m to tops[r - first]."""
    n = x.shape[1]
    for r in range(first, last):
        row = row_of(x, r)
        top = maximum(row)
        tops[r - first] = top
        subtract(row, top, like(top, 0), out[(r - first) * n : (r - first + 1) * n])
    exp_all(out)


@jit
def exps_of_rows(x, first, last, tops, sums, out):
    """out = exp(x[r] - m) for rows first to last, one after the other; m and s."""
    n = x.shape[1]
    if n < SHORT:
        _exp_of_short_rows(x, first, last, tops, out)
        for r in range(last - first):
            sums[r] = row_sum(out[r * n : (r + 1) * n])
        return
    for r in range(first, last):
        row, to = row_of(x, r), out[(r - first) * n : (r - first + 1) * n]
        top = maximum(row)
        total = 0.0
        for start in range(0, n, CHUNK):
            total += _exp_chunk(row[start : start + CHUNK], top, to[start : start + CHUNK])
        tops[r - first], sums[r - first] = top, total


@jit
def norms(x, first, last, tops, logs):
    """m and log s of rows first to last."""
    n = x.shape[1]
    if n >= SHORT:
        for r in range(first, last):
            tops[r - first], logs[r - first] = row_norm(row_of(x, r))
    else:
        e = np.empty((last - first) * n, x.dtype)
        _exp_of_short_rows(x, first, last, tops, e)
        for r in range(last - first):
            logs[r] = like(logs[r], row_sum(e[r * n : (r + 1) * n]))
        log_all(logs[: last - first])


@jit(fastmath=FMA)
def scale(x, factor):
    for i in range(x.size):
        x[i] *= factor


@jit(fastmath=FMA)
def _softmax_back(g, y, mean, out):
    for i in range(y.size):
        out[i] = y[i] * (g[i] - mean)


@jit(fastmath=FMA)
def _log_softmax_back(g, y, total, out):
    for i in range(y.size):
        out[i] = g[i] - _exp(y[i]) * total


@jit(fastmath=FMA)
def subtract(x, top, logs, out):
    # In two steps: m + log s would lose the digits of log s where m is large.
    for i in range(x.size):
        out[i] = (x[i] - top) - logs


@jit(fastmath=FMA)
def scaled_exp(x, top, logs, factor, out):
    for i in range(x.size):
        out[i] = _exp((x[i] - top) - logs) * factor


@jit(parallel=True)
def softmax_rows(x, out):
    """out[r] = softmax(x[r])."""
    together = rows_together(x)
    tops, sums = np.empty(x.shape[0], x.dtype), np.empty(x.shape[0])
    for b in prange((x.shape[0] + together - 1) // together):
        first, last = b * together, min(x.shape[0], (b + 1) * together)
        to = rows_of(out, first, last)
        exps_of_rows(x, first, last, tops[first:last], sums[first:last], to)
        for r in range(first, last):
            scale(row_of(out, r), like(tops[r], 1.0 / sums[r]))


@jit(parallel=True)
def softmax_back_rows(g, y, out):
    """out[r] = y[r] (g[r] - sum(g[r] y[r]))."""
    for r in prange(y.shape[0]):
        gs, ys = row_of(g, r), row_of(y, r)
        _softmax_back(gs, ys, like(ys[0], row_dot(gs, ys)), row_of(out, r))


@jit(parallel=True)
def log_softmax_rows(x, out):
    """out[r] = x[r] - lse(x[r])."""
    together = rows_together(x)
    for b in prange((x.shape[0] + together - 1) // together):
        first, last = b * together, min(x.shape[0], (b + 1) * together)
        tops, logs = np.empty(last - first, x.dtype), np.empty(last - first, x.dtype)
        norms(x, first, last, tops, logs)
        for r in range(first, last):
            subtract(row_of(x, r), tops[r - first], logs[r - first], row_of(out, r))


@jit(parallel=True)
def log_softmax_back_rows(g, y, out):
    """out[r] = g[r] - exp(y[r]) sum(g[r])."""
    for r in prange(y.shape[0]):
        gs, ys = row_of(g, r), row_of(y, r)
        _log_softmax_back(gs, ys, like(ys[0], row_sum(gs)), row_of(out, r))


@jit(parallel=True)
def lse_rows(x, out):
    """out[r] = lse(x[r])."""
    for r in prange(x.shape[0]):
        top, logs = row_norm(row_of(x, r))
        out[r] = top if top - top != 0 else top + logs  # infinite or NaN


@jit(parallel=True)
def lse_back_rows(g, x, lse, out):
    """out[r] = g[r] exp(x[r] - lse[r])."""
    for r in prange(x.shape[0]):
        scaled_exp(row_of(x, r), lse[r], like(lse[r], 0), g[r], row_of(out, r))


# -- along another axis than the last -------------------------------------------------------------
# x is flat and stands for (outer, n, inner). A block is WIDE neighbours of the last axis, for which
# all n are gone through: every step works on vectors.


@jit(fastmath=FMA)
def _raise_to(top, x):
    for j in range(top.size):
        top[j] = where((x[j] > top[j]) | (x[j] != x[j]), x[j], top[j])


@jit(fastmath=FMA)
def _add_exp(x, top, total, out):
    for j in range(x.size):
        out[j] = _exp(x[j] - top[j])
        total[j] += out[j]


@jit(fastmath=FMA)
def _times(out, factor):
    for j in range(out.size):
        out[j] *= factor[j]


@jit(fastmath=FMA)
def _minus_both(x, top, logs, out):
    for j in range(x.size):
        out[j] = (x[j] - top[j]) - logs[j]


@jit(fastmath=FMA)
def _add_product(x, y, total):
    for j in range(x.size):
        total[j] += x[j] * y[j]


@jit(fastmath=FMA)
def _softmax_back_block(g, y, mean, out):
    for j in range(y.size):
        out[j] = y[j] * (g[j] - mean[j])


@jit(fastmath=FMA)
def _log_softmax_back_block(g, y, total, out):
    for j in range(y.size):
        out[j] = g[j] - _exp(y[j]) * total[j]


@jit(parallel=True)
def softmax_columns(x, outer, n, inner, log, out):
    """out[o, :, j] = softmax(x[o, :, j]), or its logarithm."""
    blocks = (inner + WIDE - 1) // WIDE
    for t in prange(outer * blocks):
        a = t // blocks * n * inner + t % blocks * WIDE
        width = min(WIDE, inner - t % blocks * WIDE)
        top, total = x[a : a + width].copy(), np.zeros(width, x.dtype)
        for i in range(1, n):
            _raise_to(top, x[a + i * inner : a + i * inner + width])
        for i in range(n):
            at = a + i * inner
            _add_exp(x[at : at + width], top, total, out[at : at + width])
        for j in range(width):
            total[j] = _log(total[j]) if log else like(top[j], 1) / total[j]
        for i in range(n):
            at = a + i * inner
            if log:
                _minus_both(x[at : at + width], top, total, out[at : at + width])
            else:
                _times(out[at : at + width], total)


@jit(parallel=True)
def softmax_back_columns(g, y, outer, n, inner, log, out):
    """The gradient of `softmax_columns` from its result y."""
    blocks = (inner + WIDE - 1) // WIDE
    for t in prange(outer * blocks):
        a = t // blocks * n * inner + t % blocks * WIDE
        width = min(WIDE, inner - t % blocks * WIDE)
        total, ones = np.zeros(width, y.dtype), np.ones(width, y.dtype)
        for i in range(n):
            at = a + i * inner
            _add_product(g[at : at + width], ones if log else y[at : at + width], total)
        for i in range(n):
            at = a + i * inner
            gs, ys, to = g[at : at + width], y[at : at + width], out[at : at + width]
            if log:
                _log_softmax_back_block(gs, ys, total, to)
            else:
                _softmax_back_block(gs, ys, total, to)


# -- rows -----------------------------------------------------------------------------------------


def compiled(*arrays: Array) -> bool:
    x = arrays[0]
    return (
        x.size >= SMALL
        and x.dtype.char in "fd"
        and all(a.dtype is x.dtype for a in arrays)
        and enabled()
    )


def as_rows(x: Array, axis: int) -> Array:
    """x with `axis` last, as contiguous rows (a copy unless it lies like that already)."""
    if axis not in (-1, x.ndim - 1):
        x = np.moveaxis(x, axis, -1)
    return contiguous(x).reshape(-1, x.shape[-1])


def _columns(x: Array, axis: int) -> tuple[int, int, int] | None:
    """(outer, n, inner) where `axis` is not the last of a contiguous array and enough follows."""
    axis %= x.ndim
    inner = prod(x.shape[axis + 1 :])
    if axis == x.ndim - 1 or inner < 8 or not x.flags.c_contiguous:
        return None
    return prod(x.shape[:axis]), x.shape[axis], inner


def run(kernel: Any, x: Array, *rest: Any) -> None:
    (kernel if x.size >= PARALLEL else kernel.serial)(x, *rest)


def from_rows(rows: Array, shape: tuple[int, ...], axis: int) -> Array:
    """The reverse of `as_rows`."""
    if axis in (-1, len(shape) - 1):
        return rows.reshape(shape)
    axis %= len(shape)
    moved = (*shape[:axis], *shape[axis + 1 :], shape[axis])
    return np.moveaxis(rows.reshape(moved), -1, axis)


def softmax(x: Array, axis: int = -1) -> Array:
    """exp(x) / sum(exp(x)) along axis."""
    if not x.ndim or not compiled(x):
        e = np.exp(x - _top(x, axis))
        e /= np.add.reduce(e, axis=axis if x.ndim else None, keepdims=True)
        return e
    if (view := _columns(x, axis)) is not None:
        out = np.empty(x.shape, x.dtype)
        run(softmax_columns, x.reshape(-1), *view, False, out.reshape(-1))
        return out
    rows = as_rows(x, axis)
    out = np.empty_like(rows)
    run(softmax_rows, rows, out)
    return from_rows(out, x.shape, axis)


def _top(x: Array, axis: int) -> Any:
    if not x.size:
        return x.dtype.type(0)
    return np.maximum.reduce(x, axis=axis if x.ndim else None, keepdims=True)


def softmax_backward(g: Array, y: Array, axis: int = -1) -> Array:
    """y (g - sum(g y)), where y = softmax(x)."""
    if not y.ndim or not compiled(y, g):
        return y * (g - np.add.reduce(g * y, axis=axis if y.ndim else None, keepdims=True))
    if (view := _columns(y, axis)) is not None:
        gs, out = contiguous(g), np.empty(y.shape, y.dtype)
        run(softmax_back_columns, gs.reshape(-1), y.reshape(-1), *view, False, out.reshape(-1))
        return out
    rows, gs = as_rows(y, axis), as_rows(g, axis)
    out = np.empty_like(rows)
    run(softmax_back_rows, gs, rows, out)
    return from_rows(out, y.shape, axis)


def log_softmax(x: Array, axis: int = -1) -> Array:
    """x - log(sum(exp(x))) along axis."""
    if not x.ndim or not compiled(x):
        y = x - _top(x, axis)
        y -= np.log(np.add.reduce(np.exp(y), axis=axis if x.ndim else None, keepdims=True))
        return y
    if (view := _columns(x, axis)) is not None:
        out = np.empty(x.shape, x.dtype)
        run(softmax_columns, x.reshape(-1), *view, True, out.reshape(-1))
        return out
    rows = as_rows(x, axis)
    out = np.empty_like(rows)
    run(log_softmax_rows, rows, out)
    return from_rows(out, x.shape, axis)


def log_softmax_backward(g: Array, y: Array, axis: int = -1) -> Array:
    """g - exp(y) sum(g), where y = log_softmax(x)."""
    if not y.ndim or not compiled(y, g):
        return g - np.exp(y) * g.sum(axis=axis if y.ndim else None, keepdims=True)
    if (view := _columns(y, axis)) is not None:
        gs, out = contiguous(g), np.empty(y.shape, y.dtype)
        run(softmax_back_columns, gs.reshape(-1), y.reshape(-1), *view, True, out.reshape(-1))
        return out
    rows, gs = as_rows(y, axis), as_rows(g, axis)
    out = np.empty_like(rows)
    run(log_softmax_back_rows, gs, rows, out)
    return from_rows(out, y.shape, axis)


def _axes(x: Array, axis: int | tuple[int, ...]) -> tuple[int, ...]:
    return tuple(a % x.ndim for a in ((axis,) if isinstance(axis, int) else axis))


def _as_last(x: Array, axes: tuple[int, ...]) -> tuple[Array, tuple[int, ...], list[int]]:
    """Rows over all `axes` together; the shape of the others; the order that put them so."""
    others = [a for a in range(x.ndim) if a not in axes]
    shape = tuple(x.shape[a] for a in others)
    order = [*others, *axes]
    length = prod(x.shape[a] for a in axes)
    return contiguous(x.transpose(order)).reshape(prod(shape), length), shape, order


def logsumexp(x: Array, axis: int | tuple[int, ...] = -1, keepdims: bool = False) -> Array:
    """log(sum(exp(x))) over axis (one or several), infinite and NaN entries as in PyTorch."""
    if not x.ndim or not compiled(x):
        where = axis if x.ndim else None
        top = np.maximum.reduce(x, axis=where, keepdims=True, initial=-np.inf)
        shift = np.where(np.isfinite(top), top, x.dtype.type(0))
        y = np.log(np.add.reduce(np.exp(x - shift), axis=where, keepdims=True)) + shift
        return (
            y
            if keepdims or not x.ndim
            else y.reshape([n for a, n in enumerate(x.shape) if a not in _axes(x, axis)])
        )
    axes = _axes(x, axis)
    rows, shape, _ = _as_last(x, axes)
    out = np.empty(len(rows), x.dtype)
    run(lse_rows, rows, out)
    if keepdims:
        shape = tuple(1 if a in axes else n for a, n in enumerate(x.shape))
    return out.reshape(shape)


def logsumexp_backward(g: Array, x: Array, lse: Array, axis: int | tuple[int, ...] = -1) -> Array:
    """g exp(x - lse), NaN where both are -inf; g and lse with or without the reduced axes."""
    axes = _axes(x, axis) if x.ndim else ()
    kept = tuple(1 if a in axes else n for a, n in enumerate(x.shape))
    g, lse = np.broadcast_to(g, lse.shape).reshape(kept), lse.reshape(kept)
    if not compiled(x, g, lse):
        return g * np.exp(x - lse)
    rows, shape, order = _as_last(x, axes)
    out = np.empty_like(rows)
    gs, levels = (contiguous(a).reshape(-1) for a in (g, lse))
    run(lse_back_rows, gs, rows, levels, out)
    moved = out.reshape(*shape, *(x.shape[a] for a in axes))
    return moved.transpose(np.argsort(order))
