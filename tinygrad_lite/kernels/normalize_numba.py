"""Compiled normalizations: along rows, along columns, over planes (see normalize.py).

Sums over rows are taken in blocks of rows whose number depends on the shape alone, so results do
not depend on the number of threads.
"""

from __future__ import annotations

import numpy as np

from ._jit import FMA, SUMS, jit, like, prange
from ._rows import CHUNK, plane_of, row_of, row_square_distance, row_sum
from .updates import carray, pointer

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
def affine_planes(x, scale, shift, out):
    """out[n, c] = x[n, c] scale[c] + shift[c]."""
    channels = x.shape[1]
    for q in prange(x.shape[0] * channels):
        n, c = q // channels, q % channels
        _plane_affine(plane_of(x, n, c), like(scale[c], 0), scale[c], shift[c], plane_of(out, n, c))


@jit(fastmath=FMA)
def _row_affine(x, scale, shift, out):
    for i in range(x.size):
        out[i] = x[i] * scale[i] + shift[i]


@jit(parallel=True)
def affine_rows(x, scale, shift, out):
    """out[n, c] = x[n, c] scale[c] + shift[c]."""
    for n in prange(x.shape[0]):
        _row_affine(row_of(x, n), scale, shift, row_of(out, n))


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
