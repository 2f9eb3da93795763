"""Convolution and its two gradients in plain NumPy, for any number of spatial dimensions.

This is the version that is correct for everything; the numba kernels of the neighbouring
files are held to it. A convolution is a matrix product once the input is unfolded,

    out[n, o, p] = sum over c, k of  w[o, c, k] * x[n, c, p * stride + k * dilation - lo],

so each function unfolds (or folds) a block of samples that stays in cache and leaves the
arithmetic to BLAS. Layout is PyTorch's throughout: x (N, C, *S), w (O, C // groups, *K),
out (N, O, *P). Where a group holds a single channel there is nothing for BLAS to do, and the
sum runs over the kernel offsets instead.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from math import prod

import numpy as np

Shape = tuple[int, ...]
Pairs = tuple[tuple[int, int], ...]

_BLOCK = 1 << 18
"""Unfolded elements handled at once: about one MB, what a core's second cache holds."""


def output_shape(
    size: Shape, kernel: Shape, stride: Shape, padding: Pairs, dilation: Shape
) -> Shape:
    """Spatial shape of the result: floor((S + lo + hi - dilation * (K - 1) - 1) / stride) + 1."""
    return tuple(
        (s + lo + hi - d * (k - 1) - 1) // t + 1
        for s, k, t, (lo, hi), d in zip(size, kernel, stride, padding, dilation, strict=True)
    )


def forward(
    x: np.ndarray, w: np.ndarray, stride: Shape, padding: Pairs, dilation: Shape, groups: int
) -> np.ndarray:
    """The convolution of x (N, C, *S) with w (O, C // groups, *K): an array (N, O, *P)."""
    n, channels, size = x.shape[0], x.shape[1], x.shape[2:]
    features, kernel = w.shape[0], w.shape[2:]
    dtype, compute = _dtypes(x, w)
    positions = output_shape(size, kernel, stride, padding, dilation)
    out = np.zeros((n, features, *positions), dtype=compute)
    if out.size and w.size:
        x, w = x.astype(compute, copy=False), w.astype(compute, copy=False)
        padded = _pad(x, padding)
        if channels == groups:
            _depthwise_forward(padded, w, out, stride, dilation, groups)
        else:
            matrix = w.reshape(groups, features // groups, -1)  # (G, O/G, C/G*K)
            rows = out.reshape(n, groups, features // groups, -1)  # (N, G, O/G, P)
            for block, columns in _unfolded(padded, kernel, positions, stride, dilation, groups):
                np.matmul(matrix, columns, out=rows[block])
    return out.astype(dtype, copy=False)


def input_grad(
    g: np.ndarray,
    w: np.ndarray,
    input_shape: Shape,
    stride: Shape,
    padding: Pairs,
    dilation: Shape,
    groups: int,
) -> np.ndarray:
    """The transpose of `forward` in x: g (N, O, *P) back to an array of input_shape (N, C, *S).

    P may be smaller than `forward` would produce from S: what no output reached stays zero.
    """
    n, channels, size = input_shape[0], input_shape[1], input_shape[2:]
    features, kernel = w.shape[0], w.shape[2:]
    dtype, compute = _dtypes(g, w)
    padded = np.zeros((n, channels, *_padded(size, padding)), dtype=compute)
    if g.size and w.size and padded.size:
        g, w = g.astype(compute, copy=False), w.astype(compute, copy=False)
        positions = g.shape[2:]
        if channels == groups:
            _depthwise_input_grad(g, w, padded, stride, dilation, groups)
        else:
            matrix = w.reshape(groups, features // groups, -1).swapaxes(1, 2)
            rows = g.reshape(n, groups, features // groups, -1)
            for block in _blocks(n, channels * prod(kernel) * prod(positions)):
                columns = np.matmul(matrix, rows[block])  # (B, G, C/G*K, P)
                folded = columns.reshape(columns.shape[0], channels, prod(kernel), *positions)
                for i, window in enumerate(_windows(kernel, positions, stride, dilation)):
                    padded[(block, slice(None), *window)] += folded[:, :, i]
    return _crop(padded, size, padding).astype(dtype, copy=False)


def weight_grad(
    g: np.ndarray,
    x: np.ndarray,
    weight_shape: Shape,
    stride: Shape,
    padding: Pairs,
    dilation: Shape,
    groups: int,
) -> np.ndarray:
    """The transpose of `forward` in w: g (N, O, *P) against x (N, C, *S), of weight_shape.

    Where g has fewer positions than `forward` would produce, only those count.
    """
    n, channels = x.shape[:2]
    features, kernel = weight_shape[0], weight_shape[2:]
    dtype, compute = _dtypes(g, x)
    dw = np.zeros(weight_shape, dtype=compute)
    if g.size and dw.size:
        g, x = g.astype(compute, copy=False), x.astype(compute, copy=False)
        padded, positions = _pad(x, padding), g.shape[2:]
        if channels == groups:
            _depthwise_weight_grad(g, padded, dw, stride, dilation, groups)
        else:
            total = dw.reshape(groups, features // groups, -1)
            rows = g.reshape(n, groups, features // groups, -1)
            for block, columns in _unfolded(padded, kernel, positions, stride, dilation, groups):
                total += np.matmul(rows[block], columns.swapaxes(2, 3)).sum(axis=0)
    return dw.astype(dtype, copy=False)


# One channel a group: the sum over kernel offsets -------------------------------------------


def _depthwise_forward(
    padded: np.ndarray, w: np.ndarray, out: np.ndarray, stride: Shape, dilation: Shape, groups: int
) -> None:
    n, kernel, positions = out.shape[0], w.shape[2:], out.shape[2:]
    split = out.reshape(n, groups, -1, *positions)
    taps = w.reshape(groups, -1, prod(kernel), *(1 for _ in kernel))
    for i, window in enumerate(_windows(kernel, positions, stride, dilation)):
        split += padded[(slice(None), slice(None), *window)][:, :, None] * taps[:, :, i]


def _depthwise_input_grad(
    g: np.ndarray, w: np.ndarray, padded: np.ndarray, stride: Shape, dilation: Shape, groups: int
) -> None:
    n, kernel, positions = g.shape[0], w.shape[2:], g.shape[2:]
    split = g.reshape(n, groups, -1, *positions)
    taps = w.reshape(groups, -1, prod(kernel), *(1 for _ in kernel))
    for i, window in enumerate(_windows(kernel, positions, stride, dilation)):
        padded[(slice(None), slice(None), *window)] += (split * taps[:, :, i]).sum(axis=2)


def _depthwise_weight_grad(
    g: np.ndarray, padded: np.ndarray, dw: np.ndarray, stride: Shape, dilation: Shape, groups: int
) -> None:
    n, kernel, positions = g.shape[0], dw.shape[2:], g.shape[2:]
    split = g.reshape(n, groups, -1, *positions)
    taps = dw.reshape(groups, -1, prod(kernel))
    axes = (0, *range(3, 3 + len(kernel)))
    for i, window in enumerate(_windows(kernel, positions, stride, dilation)):
        taps[:, :, i] = (split * padded[(slice(None), slice(None), *window)][:, :, None]).sum(
            axis=axes
        )


# Geometry -----------------------------------------------------------------------------------


def _dtypes(a: np.ndarray, b: np.ndarray) -> tuple[np.dtype, np.dtype]:
    """The dtype of the result, and the one computed in: float16 has no BLAS and sums badly."""
    dtype = np.result_type(a, b)
    return dtype, np.dtype(np.float32) if dtype == np.float16 else dtype


def _padded(size: Shape, padding: Pairs) -> Shape:
    return tuple(s + lo + hi for s, (lo, hi) in zip(size, padding, strict=True))


def _pad(x: np.ndarray, padding: Pairs) -> np.ndarray:
    """x with zeros around it; x itself where there is nothing to add."""
    if not any(lo or hi for lo, hi in padding):
        return x
    padded = np.zeros((*x.shape[:2], *_padded(x.shape[2:], padding)), dtype=x.dtype)
    _crop(padded, x.shape[2:], padding)[...] = x
    return padded


def _crop(padded: np.ndarray, size: Shape, padding: Pairs) -> np.ndarray:
    """The view of a padded array without its border."""
    inner = tuple(slice(lo, lo + s) for s, (lo, _) in zip(size, padding, strict=True))
    return padded[(slice(None), slice(None), *inner)]


def _windows(
    kernel: Shape, positions: Shape, stride: Shape, dilation: Shape
) -> Iterator[tuple[slice, ...]]:
    """For each kernel offset, in order, what all output positions see of the padded input."""
    for offset in itertools.product(*map(range, kernel)):
        yield tuple(
            slice(k * d, k * d + (p - 1) * s + 1, s)
            for k, p, s, d in zip(offset, positions, stride, dilation, strict=True)
        )


def _blocks(n: int, per_sample: int) -> Iterator[slice]:
    """Slices of the batch, each of about _BLOCK unfolded elements."""
    step = max(1, _BLOCK // max(1, per_sample))
    for start in range(0, n, step):
        yield slice(start, min(n, start + step))


def _unfolded(
    padded: np.ndarray,
    kernel: Shape,
    positions: Shape,
    stride: Shape,
    dilation: Shape,
    groups: int,
) -> Iterator[tuple[slice, np.ndarray]]:
    """For each block of samples, its unfolded input (B, G, C/G*K, P); a view if it can be one."""
    n, channels = padded.shape[:2]
    rows, area = channels // groups * prod(kernel), prod(positions)
    if not padded.flags.c_contiguous:
        padded = np.ascontiguousarray(padded)
    if prod(kernel) == 1 and positions == padded.shape[2:]:
        yield slice(0, n), padded.reshape(n, groups, rows, area)
        return
    steps = padded.strides[2:]
    strides = (
        *padded.strides[:2],
        *(t * d for t, d in zip(steps, dilation, strict=True)),
        *(t * s for t, s in zip(steps, stride, strict=True)),
    )
    # what as_strided gives, at a tenth of its cost
    view: np.ndarray = np.ndarray(
        (n, channels, *kernel, *positions), padded.dtype, padded, 0, strides
    )
    buffer: np.ndarray | None = None
    for block in _blocks(n, groups * rows * area):
        part = view[block]
        if buffer is None:
            buffer = np.empty(part.shape, dtype=padded.dtype)
        filled = buffer[: part.shape[0]]
        np.copyto(filled, part)
        yield block, filled.reshape(part.shape[0], groups, rows, area)
