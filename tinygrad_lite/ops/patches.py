"""Sliding windows laid out as columns (im2col), and their transpose (col2im)."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from ..core.doors import primitive
from ..core.samples import Real, one_of, sample

Pair = tuple[int, int]


def grid_shape(size: Pair, kernel: Pair, dilation: Pair, padding: Pair, stride: Pair) -> Pair:
    """How many windows there are along either axis."""
    rows, columns = [
        (n + 2 * p - d * (k - 1) - 1) // s + 1
        for n, k, d, p, s in zip(size, kernel, dilation, padding, stride)
    ]
    return rows, columns


def _slices(kernel: Pair, dilation: Pair, stride: Pair, grid: Pair) -> Any:
    """For each position within a window, the elements of the padded image that lie there."""
    for i, j in itertools.product(range(kernel[0]), range(kernel[1])):
        top, left = i * dilation[0], j * dilation[1]
        yield (
            i * kernel[1] + j,
            slice(top, top + stride[0] * (grid[0] - 1) + 1, stride[0]),
            slice(left, left + stride[1] * (grid[1] - 1) + 1, stride[1]),
        )


_GEOMETRY: dict[str, Any] = {
    "kernel": (2, 3),
    "dilation": one_of((1, 1), (2, 1)),
    "padding": one_of((0, 0), (1, 1)),
    "stride": one_of((1, 1), (2, 1)),
}


@primitive(
    lambda g, x_shape, kernel, dilation, padding, stride: columns_to_image(
        g, size=x_shape[2:], kernel=kernel, dilation=dilation, padding=padding, stride=stride
    ),
    promote=None,
    method=False,
    title="Im2Col",
    samples=[sample(Real("n 2 5 4"), **_GEOMETRY)],
)
def image_to_columns(x: Any, *, kernel: Pair, dilation: Pair, padding: Pair, stride: Pair) -> Any:
    """(N, C, H, W) to (N, C * KH * KW, L): each of the L windows as a column."""
    n, c = x.shape[:2]
    grid = grid_shape(x.shape[2:], kernel, dilation, padding, stride)
    (ph, pw) = padding
    padded = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw))) if ph or pw else x
    out = np.empty((n, c, kernel[0] * kernel[1], *grid), x.dtype)
    for place, rows, columns in _slices(kernel, dilation, stride, grid):
        out[:, :, place] = padded[:, :, rows, columns]
    return out.reshape(n, c * kernel[0] * kernel[1], grid[0] * grid[1])


@primitive(
    lambda g, kernel, dilation, padding, stride: image_to_columns(
        g, kernel=kernel, dilation=dilation, padding=padding, stride=stride
    ),
    promote=None,
    method=False,
    title="Col2Im",
    samples=[
        sample(
            Real("n 12 8"),
            size=(5, 4),
            kernel=(2, 3),
            dilation=(1, 1),
            padding=(0, 0),
            stride=(1, 1),
        )
    ],
)
def columns_to_image(
    x: Any, *, size: Pair, kernel: Pair, dilation: Pair, padding: Pair, stride: Pair
) -> Any:
    """The transpose: (N, C * KH * KW, L) added up to (N, C, *size)."""
    n, area = x.shape[0], kernel[0] * kernel[1]
    grid = grid_shape(size, kernel, dilation, padding, stride)
    columns_ = x.reshape(n, x.shape[1] // area, area, *grid)
    (ph, pw) = padding
    out = np.zeros((n, columns_.shape[1], size[0] + 2 * ph, size[1] + 2 * pw), x.dtype)
    for place, rows, columns in _slices(kernel, dilation, stride, grid):
        out[:, :, rows, columns] += columns_[:, :, place]
    return np.ascontiguousarray(out[:, :, ph : ph + size[0], pw : pw + size[1]])
