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
from ._jit import FMA, SUMS, enabled, jit, like, prange
from ._rows import CHUNK, plane_of, row_of, row_square_distance, row_sum
from .updates import carray, pointer

Array = np.ndarray
Need = tuple[bool, bool, bool]
Gradients = tuple[Array | None, Array | None, Array | None]

SMALL = 2048
"""Elements below which NumPy is faster."""
PARALLEL = 16384
"""Elements from which waking the other threads pays."""

# -- rows -----------------------------------------------------------------------------------------


@jit(fastmath=FMA)
def _affine(x, mean, rstd, weight, bias, out):
    for i in range(x.size):
        out[i] = (x[i] - mean) * rstd * weight[i] + bias[i]


@jit(fastmath=SUMS, forceinline=True)
def _weighted_sums(g, x, weight, mean, rstd):
    """sum(G), sum(G xhat) over at most CHUNK numbers."""
    first = like(mean, 0)
    second = like(mean, 0)
    for i in range(x.size):
        scaled = g[i] * weight[i]
        first += scaled
        second += scaled * ((x[i] - mean) * rstd)
    return first, second


@jit(forceinline=True)
def _row_sums(g, x, weight, mean, rstd, sums, dweight, dbias):
    """sum(G), sum(G xhat) of a row, in float64; dweight and dbias are added to, if `sums`."""
    first, second = 0.0, 0.0
    for at in range(0, x.size, CHUNK):
        to = at + CHUNK
        if sums:
            one, two = _weighted_sums_and_products(
                g[at:to], x[at:to], weight[at:to], mean, rstd, dweight[at:to], dbias[at:to]
            )
        else:
            one, two = _weighted_sums(g[at:to], x[at:to], weight[at:to], mean, rstd)
        first += one
        second += two
    return first, second


@jit(fastmath=FMA)
def _row_gradient(g, x, weight, mean, rstd, first, second, out):
    for i in range(x.size):
        xhat = (x[i] - mean) * rstd
        out[i] = (g[i] * weight[i] - first - xhat * second) * rstd


@jit(fastmath=SUMS, forceinline=True)
def _weighted_sums_and_products(g, x, weight, mean, rstd, dweight, dbias):
    """The same; g xhat and g are added to dweight and dbias."""
    first = like(mean, 0)
    second = like(mean, 0)
    for i in range(x.size):
        product = g[i] * ((x[i] - mean) * rstd)
        first += g[i] * weight[i]
        second += product * weight[i]
        dweight[i] += product
        dbias[i] += g[i]
    return first, second


@jit(parallel=True)
def norm_rows(x, weight, bias, eps, centred, mean, rstd, out):
    """y = (x - mean) rstd weight + bias for each row; mean is 0 unless `centred`."""
    for r in prange(x.shape[0]):
        row = row_of(x, r)
        centre = like(row[0], 0)
        if centred:
            centre = like(row[0], row_sum(row) / row.size)
        var = row_square_distance(row, centre) / row.size
        mean[r] = centre
        rstd[r] = 1.0 / np.sqrt(var + eps)
        _affine(row, centre, rstd[r], weight, bias, row_of(out, r))


@jit(parallel=True)
def norm_back_rows(g, x, weight, mean, rstd, centred, block, sums, out, dweight, dbias):
    """dx for each row; dweight and dbias for each block of rows, if `sums`."""
    for b in prange((x.shape[0] + block - 1) // block):
        dw, db = row_of(dweight, b), row_of(dbias, b)
        if sums:
            dw[:] = 0
            db[:] = 0
        w = carray(pointer(weight.ctypes.data), weight.size, weight.dtype)
        for r in range(b * block, min(x.shape[0], (b + 1) * block)):
            row, gs = row_of(x, r), row_of(g, r)
            first, second = _row_sums(gs, row, w, mean[r], rstd[r], sums, dw, db)
            one = like(row[0], first / row.size if centred else 0.0)
            two = like(row[0], second / row.size)
            _row_gradient(gs, row, w, mean[r], rstd[r], one, two, row_of(out, r))


# -- columns --------------------------------------------------------------------------------------


@jit(fastmath=FMA)
def _add(x, total):
    for i in range(x.size):
        total[i] += x[i]


@jit(fastmath=FMA)
def _add_square_distance(x, centre, total):
    for i in range(x.size):
        d = x[i] - centre[i]
        total[i] += d * d


@jit(fastmath=FMA)
def _centred_affine(x, centre, scale, shift, out):
    for i in range(x.size):
        out[i] = (x[i] - centre[i]) * scale[i] + shift[i]


@jit(fastmath=FMA)
def _add_column_products(g, x, mean, rstd, dweight, dbias):
    for i in range(x.size):
        dweight[i] += g[i] * ((x[i] - mean[i]) * rstd[i])
        dbias[i] += g[i]


@jit(fastmath=FMA)
def _column_gradient(g, x, mean, slope, offset, scale, out):
    for i in range(x.size):
        out[i] = (g[i] - offset[i] - (x[i] - mean[i]) * slope[i]) * scale[i]


@jit(parallel=True)
def norm_columns(x, weight, bias, eps, block, partial, mean, var, rstd, out):
    """y = (x - mean) rstd weight + bias for each column; partial (blocks, columns) is scratch."""
    rows = x.shape[0]
    blocks = partial.shape[0]
    for b in prange(blocks):
        partial[b] = 0
        for r in range(b * block, min(rows, (b + 1) * block)):
            _add(row_of(x, r), row_of(partial, b))
    _mean_of_blocks(partial, rows, mean)
    for b in prange(blocks):
        partial[b] = 0
        for r in range(b * block, min(rows, (b + 1) * block)):
            _add_square_distance(row_of(x, r), mean, row_of(partial, b))
    _mean_of_blocks(partial, rows, var)
    scale = np.empty_like(mean)
    for c in range(mean.size):
        rstd[c] = 1.0 / np.sqrt(var[c] + eps)
        scale[c] = rstd[c] * weight[c]
    for b in prange(blocks):
        for r in range(b * block, min(rows, (b + 1) * block)):
            _centred_affine(row_of(x, r), mean, scale, bias, row_of(out, r))


@jit
def _mean_of_blocks(partial, rows, mean):
    for c in range(mean.size):
        total = 0.0
        for b in range(partial.shape[0]):
            total += partial[b, c]
        mean[c] = total / rows


@jit(parallel=True)
def norm_back_columns(g, x, weight, mean, rstd, block, partial, partial2, out, dweight, dbias):
    """dx, dweight and dbias of `norm_columns`; dx is skipped if out has no rows."""
    rows = x.shape[0]
    blocks = partial.shape[0]
    for b in prange(blocks):
        partial[b], partial2[b] = 0, 0
        for r in range(b * block, min(rows, (b + 1) * block)):
            _add_column_products(
                row_of(g, r), row_of(x, r), mean, rstd, row_of(partial, b), row_of(partial2, b)
            )
    _mean_of_blocks(partial, 1, dweight)
    _mean_of_blocks(partial2, 1, dbias)
    if out.shape[0]:
        slope, offset, scale = np.empty_like(mean), np.empty_like(mean), np.empty_like(mean)
        for c in range(mean.size):
            slope[c] = dweight[c] * rstd[c] / rows
            offset[c] = dbias[c] / rows
            scale[c] = weight[c] * rstd[c]
        for b in prange(blocks):
            for r in range(b * block, min(rows, (b + 1) * block)):
                _column_gradient(
                    row_of(g, r), row_of(x, r), mean, slope, offset, scale, row_of(out, r)
                )


# -- planes: x is (N, C, L), statistics over groups of channels, or over N ------------------------


@jit(fastmath=FMA)
def _plane_affine(x, mean, scale, shift, out):
    for i in range(x.size):
        out[i] = (x[i] - mean) * scale + shift


@jit(fastmath=SUMS, forceinline=True)
def _chunk_moments(g, x, mean):
    first = like(mean, 0)
    second = like(mean, 0)
    for i in range(x.size):
        first += g[i]
        second += g[i] * (x[i] - mean)
    return first, second


@jit(forceinline=True)
def _plane_moments(g, x, mean):
    """sum(g), sum(g (x - mean)) in float64."""
    first, second = 0.0, 0.0
    for at in range(0, x.size, CHUNK):
        one, two = _chunk_moments(g[at : at + CHUNK], x[at : at + CHUNK], mean)
        first += one
        second += two
    return first, second


@jit(fastmath=FMA)
def _plane_gradient(g, x, mean, factor, slope, offset, out):
    for i in range(x.size):
        out[i] = g[i] * factor - (x[i] - mean) * slope - offset


@jit(parallel=True)
def norm_planes(x, weight, bias, eps, mean, var, rstd, out):
    """Batch norm: statistics of channel c over all samples and positions."""
    count = x.shape[0] * x.shape[2]
    for c in prange(x.shape[1]):
        total = 0.0
        for n in range(x.shape[0]):
            total += row_sum(plane_of(x, n, c))
        mean[c] = total / count
        total = 0.0
        for n in range(x.shape[0]):
            total += row_square_distance(plane_of(x, n, c), mean[c])
        var[c] = total / count
        rstd[c] = 1.0 / np.sqrt(var[c] + eps)
        for n in range(x.shape[0]):
            _plane_affine(
                plane_of(x, n, c), mean[c], rstd[c] * weight[c], bias[c], plane_of(out, n, c)
            )


@jit(parallel=True)
def norm_back_planes(g, x, weight, mean, rstd, out, dweight, dbias):
    """dx, dweight and dbias of `norm_planes`; dx is skipped if out has no samples."""
    count = x.shape[0] * x.shape[2]
    for c in prange(x.shape[1]):
        first, second = 0.0, 0.0
        for n in range(x.shape[0]):
            one, two = _plane_moments(plane_of(g, n, c), plane_of(x, n, c), mean[c])
            first += one
            second += two
        dbias[c], dweight[c] = first, second * rstd[c]
        factor = weight[c] * rstd[c]
        slope = like(factor, factor * rstd[c] * rstd[c] * (second / count))
        offset = like(factor, factor * (first / count))
        for n in range(out.shape[0]):
            _plane_gradient(
                plane_of(g, n, c),
                plane_of(x, n, c),
                mean[c],
                factor,
                slope,
                offset,
                plane_of(out, n, c),
            )


@jit(parallel=True)
def norm_groups(x, weight, bias, groups, eps, mean, var, rstd, out):
    """Group norm: statistics of each sample over a group of channels and all positions."""
    each = x.shape[1] // groups
    count = each * x.shape[2]
    for q in prange(x.shape[0] * groups):
        n, start = q // groups, q % groups * each
        total = 0.0
        for c in range(start, start + each):
            total += row_sum(plane_of(x, n, c))
        mean[q] = total / count
        total = 0.0
        for c in range(start, start + each):
            total += row_square_distance(plane_of(x, n, c), mean[q])
        var[q] = total / count
        rstd[q] = 1.0 / np.sqrt(var[q] + eps)
        for c in range(start, start + each):
            _plane_affine(
                plane_of(x, n, c), mean[q], rstd[q] * weight[c], bias[c], plane_of(out, n, c)
            )


@jit(parallel=True)
def norm_back_groups(g, x, weight, groups, mean, rstd, out, dweight, dbias):
    """dx of `norm_groups`; dweight and dbias for each sample, (N, C)."""
    each = x.shape[1] // groups
    count = each * x.shape[2]
    for q in prange(x.shape[0] * groups):
        n, start = q // groups, q % groups * each
        first, second = 0.0, 0.0
        for c in range(start, start + each):
            one, two = _plane_moments(plane_of(g, n, c), plane_of(x, n, c), mean[q])
            dbias[n, c], dweight[n, c] = one, two * rstd[q]
            first += one * weight[c]
            second += two * weight[c]
        slope = like(rstd[q], 1.0 * rstd[q] * rstd[q] * rstd[q] * (second / count))
        offset = like(rstd[q], rstd[q] * (first / count))
        for c in range(start, start + each):
            factor = weight[c] * rstd[q]
            _plane_gradient(
                plane_of(g, n, c),
                plane_of(x, n, c),
                mean[q],
                factor,
                slope,
                offset,
                plane_of(out, n, c),
            )


# -- called from Python ---------------------------------------------------------------------------


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
    return np.ascontiguousarray(p).reshape(size)


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
    rows = np.ascontiguousarray(x).reshape(-1, size)
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
    return None if d is None else d.sum(axis=tuple(range(d.ndim - dims)))


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
    rows = np.ascontiguousarray(x).reshape(-1, size)
    gs = np.ascontiguousarray(g).reshape(-1, size)
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
    return np.ascontiguousarray(x).reshape(x.shape[0], x.shape[1], prod(x.shape[2:]))


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
    rows = _columns(x) if x.ndim > 2 else np.ascontiguousarray(x)
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
        dx, dw, db = normalize_numpy.backward(
            g, x, w, mean.reshape(shape), rstd.reshape(shape), axes, need
        )
        return (
            dx,
            None if dw is None else dw.sum(axis=axes),
            None if db is None else db.sum(axis=axes),
        )
    w = _given(weight, c, x, 1)
    dw, db = np.empty(c, x.dtype), np.empty(c, x.dtype)
    rows = _columns(x) if x.ndim > 2 else np.ascontiguousarray(x)
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
