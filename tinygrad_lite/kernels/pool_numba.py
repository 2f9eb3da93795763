"""Compiled pooling: one loop nest for one, two and three dimensions, parallel over the planes.

    for each plane: for each offset in the window: for each output, take what it sees there

What the outputs see at one offset is gathered row by row into a plane of its own, padding where
there is nothing; comparing or adding two planes then runs over whole vectors however short the
rows. Fewer than three dimensions are three of which the first are 1.
"""

from __future__ import annotations

from math import prod

import numpy as np

from ._gemm import add_run, copy_every_other, copy_run
from ._jit import jit, prange
from .copying import contiguous
from .pool_numpy import Pool, Shape

# A geometry is 18 integers: size, kernel, stride, padding, dilation, output (three of each).
# Indices are compared as int32, as wide as the numbers, so that both fit the same vectors.


@jit
def reach(offset, size, stride, count):
    """First and end of the outputs p < count with 0 <= p * stride + offset < size."""
    first = max(0, -(offset // stride))
    end = min(count, (size - 1 - offset) // stride + 1)
    return first, max(first, end)


@jit
def gather(x, geometry, a, b, c, nothing, seen):
    """What each output sees at offset (a, b, c) of its window, in seen (P0 * P1 * P2)."""
    s0, s1, s2 = geometry[0], geometry[1], geometry[2]
    t0, t1, t2 = geometry[6], geometry[7], geometry[8]
    p0, p1, p2 = geometry[15], geometry[16], geometry[17]
    i0 = a * geometry[12] - geometry[9]
    j0 = b * geometry[13] - geometry[10]
    k0 = c * geometry[14] - geometry[11]
    first0, end0 = reach(i0, s0, t0, p0)
    first1, end1 = reach(j0, s1, t1, p1)
    first2, end2 = reach(k0, s2, t2, p2)
    width = end2 - first2
    if (end0 - first0) * (end1 - first1) * width < seen.size:
        seen[:] = nothing
    for u in range(first0, end0):
        for v in range(first1, end1):
            source = ((u * t0 + i0) * s1 + v * t1 + j0) * s2 + first2 * t2 + k0
            target = (u * p1 + v) * p2 + first2
            if t2 == 1:
                copy_run(seen, target, x, source, width)
            elif t2 == 2:
                copy_every_other(seen, target, x, source, width)
            else:
                for w in range(width):
                    seen[target + w] = x[source + w * t2]


@jit
def keep_larger(seen, best, where, corner, index):
    """best = max(best, seen) and where = its index; a NaN is larger than all."""
    for p in range(best.size):
        new, old = seen[p], best[p]
        better = (new > old) | (new != new)
        best[p] = new if better else old
        where[p] = corner[p] + index if better else where[p]


@jit
def max_plane(x, best, where, geometry, lowest, corner, inside, seen):
    """One plane. corner: index of offset 0 of each window; inside: of its first element."""
    for p in range(best.size):
        best[p] = lowest
        where[p] = inside[p]
    s1, s2 = geometry[1], geometry[2]
    for a in range(geometry[3]):
        for b in range(geometry[4]):
            for c in range(geometry[5]):
                gather(x, geometry, a, b, c, lowest, seen)
                index = (a * geometry[12] * s1 + b * geometry[13]) * s2 + c * geometry[14]
                keep_larger(seen, best, where, corner, np.int32(index))


@jit
def max_plane_2x2(x, best, where, width, rows, columns):
    """The pool everybody uses: windows of 2 x 2 side by side."""
    for v in range(rows):
        at = 2 * v * width
        upper, lower = x[at : at + width], x[at + width : at + 2 * width]
        to, index = best[v * columns : (v + 1) * columns], where[v * columns : (v + 1) * columns]
        for j in range(columns):
            m, i = upper[2 * j], 0
            a = upper[2 * j + 1]
            better = (a > m) | (a != a)
            m, i = (a if better else m), (1 if better else i)
            a = lower[2 * j]
            better = (a > m) | (a != a)
            m, i = (a if better else m), (width if better else i)
            a = lower[2 * j + 1]
            better = (a > m) | (a != a)
            m, i = (a if better else m), (width + 1 if better else i)
            to[j] = m
            index[j] = at + 2 * j + i


@jit(parallel=True)
def max_forward(x, best, where, geometry, lowest, corner, inside, halves):
    """x (planes, S), best and where (planes, P)."""
    for n in prange(len(x)):
        count = best.shape[1]
        index = np.empty(count, np.int32)
        if halves:
            max_plane_2x2(x[n], best[n], index, geometry[2], geometry[16], geometry[17])
        else:
            seen = np.empty(count, x.dtype)
            max_plane(x[n], best[n], index, geometry, lowest, corner, inside, seen)
        to = where[n]
        for p in range(count):
            to[p] = index[p]


@jit(parallel=True)
def max_backward(g, where, out):
    """out[n, where[n, p]] += g[n, p] from zeros."""
    for n in prange(len(g)):
        row, gs, at = out[n], g[n], where[n]
        row[:] = 0
        for p in range(gs.size):
            row[at[p]] += gs[p]


@jit(parallel=True)
def avg_forward(x, out, geometry, scale):
    """x (planes, S), out (planes, P), scale (P): one over the divisors."""
    for n in prange(len(x)):
        seen, to = np.empty_like(scale), out[n]
        zero = scale.dtype.type(0)
        to[:] = 0
        for a in range(geometry[3]):
            for b in range(geometry[4]):
                for c in range(geometry[5]):
                    gather(x[n], geometry, a, b, c, zero, seen)
                    for p in range(seen.size):
                        to[p] += seen[p]
        for p in range(seen.size):
            to[p] *= scale[p]


@jit
def spread_plane(g, out, geometry, line):
    """The transpose of summing windows: a row of g, spread once, is added to all rows it met."""
    s0, s1, s2 = geometry[0], geometry[1], geometry[2]
    k0, k1, k2 = geometry[3], geometry[4], geometry[5]
    t0, t1, t2 = geometry[6], geometry[7], geometry[8]
    q0, q1, q2 = geometry[9], geometry[10], geometry[11]
    p0, p1, p2 = geometry[15], geometry[16], geometry[17]
    out[:] = 0
    for u in range(p0):
        for v in range(p1):
            line[:] = 0
            for c in range(k2):
                first, end = reach(c - q2, s2, t2, p2)
                source, target = (u * p1 + v) * p2 + first, first * t2 - q2 + c
                if t2 == 1:
                    add_run(line, target, g, source, end - first)
                else:
                    for w in range(end - first):
                        line[target + w * t2] += g[source + w]
            for i in range(max(0, u * t0 - q0), min(s0, u * t0 - q0 + k0)):
                for j in range(max(0, v * t1 - q1), min(s1, v * t1 - q1 + k1)):
                    add_run(out, (i * s1 + j) * s2, line, 0, s2)


@jit(parallel=True)
def avg_backward(g, out, geometry, scale):
    """g (planes, P), out (planes, S)."""
    for n in prange(len(g)):
        line = np.empty(geometry[2], g.dtype)
        spread_plane(g[n] * scale, out[n], geometry, line)


# Called -----------------------------------------------------------------------------------------


def _geometry(
    size: Shape, kernel: Shape, stride: Shape, padding: Shape, dilation: Shape, output: Shape
) -> np.ndarray:
    pairs = [(size, 1), (kernel, 1), (stride, 1), (padding, 0), (dilation, 1), (output, 1)]
    rows = [(fill,) * (3 - len(numbers)) + numbers for numbers, fill in pairs]
    return np.array(rows, dtype=np.int64).ravel()


def max_pool(
    x: np.ndarray,
    axes: Pool,
    kernel: Shape,
    stride: Shape,
    padding: Shape,
    dilation: Shape,
) -> tuple[np.ndarray, np.ndarray]:
    """As `pool_numpy.max_forward` of ordinary windows of floating-point numbers."""
    dims, output = len(axes), axes.positions
    lead, size = x.shape[: x.ndim - dims], x.shape[x.ndim - dims :]
    best = np.empty((prod(lead), prod(output)), dtype=x.dtype)
    where = np.empty(best.shape, dtype=np.int64)
    halves = kernel == stride == (2, 2) and padding == (0, 0) and dilation == (1, 1)
    halves = halves and all(2 * p <= s for p, s in zip(output, size, strict=True))
    max_forward(
        contiguous(x).reshape(len(best), prod(size)),
        best,
        where,
        _geometry(size, kernel, stride, padding, dilation, output),
        x.dtype.type(-np.inf),
        *axes.corners,
        halves,
    )
    return best.reshape(*lead, *output), where.reshape(*lead, *output)


def max_pool_grad(g: np.ndarray, where: np.ndarray, input_shape: Shape, dims: int) -> np.ndarray:
    """As `pool_numpy.max_backward`."""
    planes = prod(input_shape[: len(input_shape) - dims])
    count = prod(g.shape[g.ndim - dims :])
    out = np.empty(input_shape, dtype=g.dtype)
    max_backward(
        contiguous(g).reshape(planes, count),
        contiguous(where).reshape(planes, count),
        out.reshape(planes, prod(input_shape[len(input_shape) - dims :])),
    )
    return out


def avg_pool(
    x: np.ndarray,
    axes: Pool,
    kernel: Shape,
    stride: Shape,
    padding: Shape,
    divisors: np.ndarray,
) -> np.ndarray:
    """As `pool_numpy.avg_forward` of ordinary windows."""
    dims, output = len(axes), axes.positions
    lead, size = x.shape[: x.ndim - dims], x.shape[x.ndim - dims :]
    out = np.empty((prod(lead), prod(output)), dtype=x.dtype)
    avg_forward(
        contiguous(x).reshape(len(out), prod(size)),
        out,
        _geometry(size, kernel, stride, padding, (1,) * dims, output),
        _scale(divisors, output, x.dtype),
    )
    return out.reshape(*lead, *output)


def avg_pool_grad(
    g: np.ndarray,
    axes: Pool,
    kernel: Shape,
    stride: Shape,
    padding: Shape,
    divisors: np.ndarray,
) -> np.ndarray:
    """As `pool_numpy.avg_backward` of ordinary windows."""
    dims, output = len(axes), axes.positions
    lead, size = g.shape[: g.ndim - dims], tuple(a.size for a in axes)
    out = np.empty((prod(lead), prod(size)), dtype=g.dtype)
    avg_backward(
        contiguous(g).reshape(len(out), prod(output)),
        out,
        _geometry(size, kernel, stride, padding, (1,) * dims, output),
        _scale(divisors, output, g.dtype),
    )
    return out.reshape(*lead, *size)


def _scale(divisors: np.ndarray, output: Shape, dtype: np.dtype) -> np.ndarray:
    return contiguous(np.broadcast_to(1 / divisors, output).astype(dtype).ravel())
