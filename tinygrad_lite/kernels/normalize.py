"""Layer, RMS, batch and group normalization: forward and backward, each row read once.

All of them are xhat = (x - mean) rstd with rstd = 1 / sqrt(var + eps) over some axes, then
y = xhat weight + bias. With G = g weight, and means over the same axes,

    dx = rstd (G - mean(G) - xhat mean(G xhat)),   dweight = sum(g xhat),   dbias = sum(g)

Statistics lie along rows (layer, RMS, group norm), along columns (batch norm of (N, C), and of
images whose channels are neighbours in memory) or along planes (batch norm of (N, C, ...)).
Sums over rows are taken in blocks of rows whose number depends on the shape alone, so results do
not depend on the number of threads. The NumPy forms are those of normalize_numpy.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from . import normalize_numpy
from ._jit import enabled
from .arithmetic import add, times
from .copying import contiguous
from .normalize_numba import (
    affine_planes,
    affine_rows,
    norm_back_columns,
    norm_back_groups,
    norm_back_planes,
    norm_back_rows,
    norm_columns,
    norm_groups,
    norm_planes,
    norm_rows,
)
from .reduce import total

Array = np.ndarray
Need = tuple[bool, bool, bool]
Gradients = tuple[Array | None, Array | None, Array | None]

SMALL = 512
"""Elements below which NumPy is faster."""
PARALLEL = 16384
"""Elements from which waking the other threads pays."""
WIDE = 16
"""Elements of a plane from which planes are worked on one by one."""


def _compiled(x: Array, *others: Array | None) -> bool:
    return (
        x.size >= SMALL
        and x.dtype.char in "fd"
        and all(a is None or a.dtype == x.dtype for a in others)
        and enabled()
    )


def _start(kernel: Any, size: int) -> Any:
    return kernel if size >= PARALLEL else kernel.serial


def _given(p: Array | None, size: int, x: Array, default: float) -> Array:
    """A parameter as a flat array; `default` everywhere if there is none."""
    if p is None:
        return np.full(size, default, x.dtype)
    return contiguous(p).reshape(size)


def _block(rows: int) -> int:
    """Rows in a block whose sums are added up at once: few enough to be exact, many to be fast."""
    return min(128, max(8, -(-rows // 16)))


def layer_norm(
    x: Array, weight: Array | None, bias: Array | None, dims: int, eps: float
) -> tuple[Array, Array, Array]:
    """y, mean and rstd over the last `dims` axes (kept, of size 1)."""
    if not _compiled(x, weight, bias):
        axes = tuple(range(x.ndim - dims, x.ndim))
        y, mean, _, rstd = normalize_numpy.forward(x, weight, bias, axes, eps)
        return y, mean, rstd
    return _norm_rows(x, weight, bias, dims, eps, True)


def rms_norm(x: Array, weight: Array | None, dims: int, eps: float) -> tuple[Array, Array]:
    """y = x rstd weight and rstd = 1 / sqrt(mean(x^2) + eps) over the last `dims` axes (kept)."""
    if not _compiled(x, weight):
        axes = tuple(range(x.ndim - dims, x.ndim))
        return normalize_numpy.rms_forward(x, weight, axes, eps)
    y, _, rstd = _norm_rows(x, weight, None, dims, eps, False)
    return y, rstd


def _norm_rows(
    x: Array, weight: Array | None, bias: Array | None, dims: int, eps: float, centred: bool
) -> tuple[Array, Array, Array]:
    outer, inner = x.shape[: x.ndim - dims], x.shape[x.ndim - dims :]
    size = prod(inner)
    rows = contiguous(x).reshape(-1, size)
    out = np.empty_like(rows)
    mean, rstd = np.empty(len(rows), x.dtype), np.empty(len(rows), x.dtype)
    w, b = _given(weight, size, x, 1), _given(bias, size, x, 0)
    _start(norm_rows, x.size)(rows, w, b, float(eps), centred, mean, rstd, out)
    kept = (*outer, *(1,) * dims)
    return out.reshape(x.shape), mean.reshape(kept), rstd.reshape(kept)


def layer_norm_backward(
    g: Array, x: Array, weight: Array | None, mean: Array, rstd: Array, dims: int, need: Need
) -> Gradients:
    """Gradients towards x, weight and bias (the last two of shape x.shape[-dims:])."""
    if not _compiled(x, g, weight):
        axes = tuple(range(x.ndim - dims, x.ndim))
        dx, dw, db = normalize_numpy.backward(g, x, weight, mean, rstd, axes, need)
        return dx, _over_rows(dw, dims), _over_rows(db, dims)
    return _norm_back_rows(g, x, weight, mean, rstd, dims, need, True)


def rms_norm_backward(
    g: Array, x: Array, weight: Array | None, rstd: Array, dims: int, need: tuple[bool, bool]
) -> tuple[Array | None, Array | None]:
    """Gradients towards x and weight."""
    if not _compiled(x, g, weight):
        axes = tuple(range(x.ndim - dims, x.ndim))
        dx, dw = normalize_numpy.rms_backward(g, x, weight, rstd, axes, need)
        return dx, _over_rows(dw, dims)
    mean = np.zeros_like(rstd)
    return _norm_back_rows(g, x, weight, mean, rstd, dims, (*need, False), False)[:2]


def _over_rows(d: Array | None, dims: int) -> Array | None:
    return None if d is None else np.add.reduce(d, axis=tuple(range(d.ndim - dims)))


def _norm_back_rows(
    g: Array,
    x: Array,
    weight: Array | None,
    mean: Array,
    rstd: Array,
    dims: int,
    need: Need,
    centred: bool,
) -> Gradients:
    inner = x.shape[x.ndim - dims :]
    size = prod(inner)
    rows = contiguous(x).reshape(-1, size)
    gs = contiguous(g).reshape(-1, size)
    out = np.empty_like(rows)
    block = _block(len(rows))
    sums = need[1] or need[2]
    shape = (-(-len(rows) // block) if sums else 0, size)
    dw, db = np.empty(shape, x.dtype), np.empty(shape, x.dtype)
    _start(norm_back_rows, x.size)(
        gs, rows, _given(weight, size, x, 1), mean.reshape(-1), rstd.reshape(-1), centred, block,
        sums, out, dw, db,
    )  # fmt: skip
    return (
        out.reshape(x.shape) if need[0] else None,
        dw.sum(axis=0).reshape(inner) if need[1] else None,
        db.sum(axis=0).reshape(inner) if need[2] else None,
    )


def _columns(x: Array) -> Array | None:
    """x (N, C, ...) as contiguous rows of channels, without a copy; None if it is not that."""
    last = x if x.ndim == 2 else x.transpose(0, *range(2, x.ndim), 1)
    return last.reshape(-1, x.shape[1]) if last.flags.c_contiguous else None


def _planes(x: Array) -> Array:
    return contiguous(x).reshape(x.shape[0], x.shape[1], prod(x.shape[2:]))


def batch_norm(
    x: Array, weight: Array | None, bias: Array | None, eps: float
) -> tuple[Array, Array, Array, Array]:
    """y, mean, biased var and rstd of x (N, C, ...); the statistics are (C,).

    y lies in memory as x does: channels that are neighbours stay neighbours.
    """
    c = x.shape[1]
    if not _compiled(x, weight, bias):
        axes, shape = (0, *range(2, x.ndim)), (1, c, *(1,) * (x.ndim - 2))
        w, b = (None if p is None else p.reshape(shape) for p in (weight, bias))
        y, mean, var, rstd = normalize_numpy.forward(x, w, b, axes, eps)
        return y, mean.reshape(c), var.reshape(c), rstd.reshape(c)
    mean, var, rstd = (np.empty(c, x.dtype) for _ in range(3))
    w, b = _given(weight, c, x, 1), _given(bias, c, x, 0)
    rows = _columns(x) if x.ndim > 2 else contiguous(x)
    if rows is None:
        planes = _planes(x)
        out = np.empty_like(planes)
        _start(norm_planes, x.size)(planes, w, b, float(eps), mean, var, rstd, out)
        return out.reshape(x.shape), mean, var, rstd
    y = np.empty_like(x) if x.ndim > 2 else np.empty(x.shape, x.dtype)
    block = _block(len(rows))
    partial = np.empty((-(-len(rows) // block), c), x.dtype)
    _start(norm_columns, x.size)(
        rows, w, b, float(eps), block, partial, mean, var, rstd, _columns(y)
    )
    return y, mean, var, rstd


def batch_norm_backward(
    g: Array, x: Array, weight: Array | None, mean: Array, rstd: Array, need: Need
) -> Gradients:
    """Gradients towards x, weight (C) and bias (C); mean and rstd as `batch_norm` returned them."""
    c = x.shape[1]
    mean, rstd = mean.reshape(c), rstd.reshape(c)
    if not _compiled(x, g, weight):
        axes, shape = (0, *range(2, x.ndim)), (1, c, *(1,) * (x.ndim - 2))
        w = None if weight is None else weight.reshape(shape)
        dx, dw, db = normalize_numpy.backward_over_samples(
            g, x, w, mean.reshape(shape), rstd.reshape(shape), axes, need
        )
        return (
            dx,
            dw.reshape(c) if need[1] and dw is not None else None,
            db.reshape(c) if need[2] and db is not None else None,
        )
    w = _given(weight, c, x, 1)
    dw, db = np.empty(c, x.dtype), np.empty(c, x.dtype)
    rows = _columns(x) if x.ndim > 2 else contiguous(x)
    if rows is None:
        planes, gs = _planes(x), _planes(g)
        out = np.empty_like(planes if need[0] else planes[:0])
        _start(norm_back_planes, x.size)(gs, planes, w, mean, rstd, out, dw, db)
        dx = out.reshape(x.shape) if need[0] else None
    else:
        dx = np.empty_like(x) if x.ndim > 2 else np.empty(x.shape, x.dtype)
        if g.strides != dx.strides:
            aligned = np.empty_like(dx)
            np.copyto(aligned, g)
            g = aligned
        block = _block(len(rows))
        shape = (-(-len(rows) // block), c)
        partial, partial2 = np.empty(shape, x.dtype), np.empty(shape, x.dtype)
        out = _columns(dx) if need[0] else np.empty((0, c), x.dtype)  # type: ignore[assignment]
        _start(norm_back_columns, x.size)(
            _columns(g), rows, w, mean, rstd, block, partial, partial2, out, dw, db
        )
        dx = dx if need[0] else None
    return dx, dw if need[1] else None, db if need[2] else None


def fixed_norm(
    x: Array, weight: Array | None, bias: Array | None, mean: Array, var: Array, eps: float
) -> tuple[Array, Array]:
    """(x - mean) rstd weight + bias of x (N, C, ...) with given statistics (C,), and rstd."""
    rstd = var + eps
    np.reciprocal(np.sqrt(rstd, rstd), rstd)
    scale = rstd if weight is None else rstd * weight
    shift = mean * scale
    shift = np.negative(shift, shift) if bias is None else np.subtract(bias, shift, shift)
    return _scaled_planes(x, scale, shift), rstd


def _scaled_planes(x: Array, scale: Array, shift: Array | None = None) -> Array:
    """x scale + shift, a number a channel of x (N, C, ...)."""
    wide = x.ndim == 2 or prod(x.shape[2:]) >= WIDE
    if not (wide and x.flags.c_contiguous and _compiled(x, scale, shift)):
        shape = (1, -1, *(1,) * (x.ndim - 2))
        y = times(x, scale.reshape(shape))
        return y if shift is None else add(y, shift.reshape(shape), out=y)
    kernel, lines = (affine_rows, x) if x.ndim == 2 else (affine_planes, _planes(x))
    out = np.empty_like(lines)
    given = contiguous(scale), _given(shift, scale.size, x, 0)
    _start(kernel, x.size)(lines, *given, out)
    return out.reshape(x.shape)


def fixed_norm_backward(
    g: Array, x: Array, weight: Array | None, mean: Array, rstd: Array, need: Need
) -> Gradients:
    """Gradients towards x, weight (C) and bias (C); rstd as `fixed_norm` returned it."""
    axes = (0, *range(2, x.ndim))
    dx = dweight = dbias = None
    if need[0]:
        scale = rstd if weight is None else rstd * weight
        dx = _scaled_planes(g, scale)
    if (need[1] or need[2]) and _compiled(x, g, rstd) and prod(x.shape[2:]) >= WIDE:
        given, c = (_planes(g), _planes(x)), rstd.size
        dweight, dbias = np.empty(c, x.dtype), np.empty(c, x.dtype)
        empty = np.empty((0, *given[0].shape[1:]), x.dtype)
        ones = np.ones(c, x.dtype)
        run = _start(norm_back_planes, x.size)
        run(*given, ones, contiguous(mean), contiguous(rstd), empty, dweight, dbias)
        return dx, dweight if need[1] else None, dbias if need[2] else None
    if need[1] or need[2]:
        dbias = total(g, axes)
    if need[1]:
        dweight = total(times(g, x), axes)
        dweight -= mean * dbias
        dweight *= rstd
    return dx, dweight, dbias if need[2] else None


def group_norm(
    x: Array, weight: Array | None, bias: Array | None, groups: int, eps: float
) -> tuple[Array, Array, Array, Array]:
    """y, mean, biased var and rstd of x (N, C, ...); the statistics are (N, groups)."""
    n, c = x.shape[:2]
    planes = _planes(x)
    if not _compiled(x, weight, bias):
        grouped = planes.reshape(n, groups, -1, planes.shape[2])
        w, b = (None if p is None else p.reshape(1, groups, -1, 1) for p in (weight, bias))
        y, *found = normalize_numpy.forward(grouped, w, b, (2, 3), eps)
        mean, var, rstd = (s.reshape(n, groups) for s in found)
        return y.reshape(x.shape), mean, var, rstd
    out = np.empty_like(planes)
    mean, var, rstd = (np.empty(n * groups, x.dtype) for _ in range(3))
    w, b = _given(weight, c, x, 1), _given(bias, c, x, 0)
    _start(norm_groups, x.size)(planes, w, b, groups, float(eps), mean, var, rstd, out)
    shape = (n, groups)
    return out.reshape(x.shape), mean.reshape(shape), var.reshape(shape), rstd.reshape(shape)


def group_norm_backward(
    g: Array,
    x: Array,
    weight: Array | None,
    mean: Array,
    rstd: Array,
    groups: int,
    need: Need,
) -> Gradients:
    """Gradients towards x, weight (C) and bias (C)."""
    n, c = x.shape[:2]
    planes, gs = _planes(x), _planes(g)
    if not _compiled(x, g, weight):
        grouped = (n, groups, c // groups, planes.shape[2])
        w = None if weight is None else weight.reshape(1, groups, -1, 1)
        dx, dw, db = normalize_numpy.backward(
            gs.reshape(grouped), planes.reshape(grouped), w, mean.reshape(n, groups, 1, 1),
            rstd.reshape(n, groups, 1, 1), (2, 3), need,
        )  # fmt: skip
        return (
            None if dx is None else dx.reshape(x.shape),
            None if dw is None else dw.sum(axis=(0, 3)).reshape(c),
            None if db is None else db.sum(axis=(0, 3)).reshape(c),
        )
    out = np.empty_like(planes)
    dw, db = np.empty((n, c), x.dtype), np.empty((n, c), x.dtype)
    w = _given(weight, c, x, 1)
    _start(norm_back_groups, x.size)(
        gs, planes, w, groups, mean.reshape(-1), rstd.reshape(-1), out, dw, db
    )
    return (
        out.reshape(x.shape) if need[0] else None,
        dw.sum(axis=0) if need[1] else None,
        db.sum(axis=0) if need[2] else None,
    )
