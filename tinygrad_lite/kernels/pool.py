"""Pooling: maxima and means over windows of the last one, two or three dimensions.

All arrays are (..., *S): the pooled dimensions last, the leading ones a batch. kernel, stride,
padding, dilation and sizes have one entry a pooled dimension. Geometry, the order in which
equals and NaN are chosen, and the indices (into the flattened unpadded plane) are PyTorch's.
`max_pool_backward` and `pool_gather` are each other's transposes, and so are the forward and
backward of every mean: derivatives of any order need no more than these.
"""

from __future__ import annotations

import functools
from math import prod

import numpy as np

from . import pool_numba, pool_numpy
from ._jit import enabled, loaded
from .mixing import Sparse, mix
from .pool_numpy import Shape
from .pool_numpy import output_size as pool_output_size

__all__ = [
    "adaptive_avg_pool_backward",
    "adaptive_avg_pool_forward",
    "adaptive_max_pool_forward",
    "avg_pool_backward",
    "avg_pool_forward",
    "max_pool_backward",
    "max_pool_forward",
    "pool_gather",
    "pool_output_size",
]


def max_pool_forward(
    x: np.ndarray,
    *,
    kernel: Shape,
    stride: Shape,
    padding: Shape,
    dilation: Shape,
    ceil_mode: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Largest element of each window of x (..., *S), and where it was.

    Returns values (..., *P) and int64 indices into the flattened plane of S, of the first of
    equals; a window with a NaN gives NaN and the index of its last NaN.
    """
    size = x.shape[x.ndim - len(kernel) :]
    axes = pool_numpy.regular(size, kernel, stride, padding, dilation, ceil_mode)
    if _compiled(x) and prod(size) < 1 << 31:  # which count in int32
        return pool_numba.max_pool(x, axes, kernel, stride, padding, dilation)
    return pool_numpy.max_forward(x, axes)


def max_pool_backward(
    g: np.ndarray, indices: np.ndarray, *, input_shape: Shape, dims: int
) -> np.ndarray:
    """Adds g (..., *P) to the elements of an array of input_shape that `indices` chose.

    dims is the number of pooled dimensions. Serves the adaptive pool too.
    """
    # The user has the indices too and may have written into them; NumPy raises for those outside.
    # As unsigned numbers the negative ones are the largest.
    plane = prod(input_shape[len(input_shape) - dims :])
    if _compiled(g) and np.maximum.reduce(indices.view(np.uint64), axis=None, initial=0) < plane:
        return pool_numba.max_pool_grad(g, indices, input_shape, dims)
    return pool_numpy.max_backward(g, indices, input_shape, dims)


def pool_gather(x: np.ndarray, indices: np.ndarray, *, dims: int) -> np.ndarray:
    """The elements of x (..., *S) that `indices` (..., *P) name: transpose of the above."""
    return pool_numpy.gather(x, indices, dims)


def avg_pool_forward(
    x: np.ndarray,
    *,
    kernel: Shape,
    stride: Shape,
    padding: Shape,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> np.ndarray:
    """Mean of each window of x (..., *S): (..., *P).

    The sum is divided by divisor_override if given, else by the elements of the window, with
    those in the padding if count_include_pad; what hangs over the padding (ceil_mode) never
    counts.
    """
    size = x.shape[x.ndim - len(kernel) :]
    axes = pool_numpy.regular(size, kernel, stride, padding, (1,) * len(kernel), ceil_mode)
    if _compiled(x):
        divisors = pool_numpy.divisors(axes, count_include_pad, divisor_override)
        return pool_numba.avg_pool(x, axes, kernel, stride, padding, divisors)
    return pool_numpy.avg_forward(x, axes, count_include_pad, divisor_override)


def avg_pool_backward(
    g: np.ndarray,
    *,
    input_shape: Shape,
    kernel: Shape,
    stride: Shape,
    padding: Shape,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> np.ndarray:
    """The transpose of `avg_pool_forward`: g (..., *P) to input_shape (..., *S)."""
    size = input_shape[len(input_shape) - len(kernel) :]
    axes = pool_numpy.regular(size, kernel, stride, padding, (1,) * len(kernel), ceil_mode)
    if _compiled(g):
        divisors = pool_numpy.divisors(axes, count_include_pad, divisor_override)
        return pool_numba.avg_pool_grad(g, axes, kernel, stride, padding, divisors)
    return pool_numpy.avg_backward(g, axes, count_include_pad, divisor_override)


def adaptive_max_pool_forward(
    x: np.ndarray, *, output_size: Shape
) -> tuple[np.ndarray, np.ndarray]:
    """Values and indices, as `max_pool_forward`, of the windows that give output_size.

    Window p of P along an axis of S is floor(p S / P) up to ceil((p + 1) S / P).
    """
    size = x.shape[x.ndim - len(output_size) :]
    if prod(output_size) == 1 and x.size and (found := _whole_max(x, output_size)) is not None:
        return found
    if (kernel := _even(size, output_size)) is not None:
        none, ones = (0,) * len(kernel), (1,) * len(kernel)
        return max_pool_forward(x, kernel=kernel, stride=kernel, padding=none, dilation=ones)
    return pool_numpy.max_forward(x, pool_numpy.adaptive(size, output_size))


def adaptive_avg_pool_forward(x: np.ndarray, *, output_size: Shape) -> np.ndarray:
    """Mean over each of the windows that give output_size, see `adaptive_max_pool_forward`."""
    lead = x.shape[: x.ndim - len(output_size)]
    size = x.shape[len(lead) :]
    if prod(output_size) == 1 and x.size:
        return pool_numpy.tile_means(x.reshape(prod(lead), prod(size)), (prod(size),)).reshape(
            *lead, *output_size
        )
    if (kernel := _even(size, output_size)) is not None:
        if prod(kernel) >= _LARGE_TILE:
            return pool_numpy.tile_means(x, kernel)
        return avg_pool_forward(x, kernel=kernel, stride=kernel, padding=(0,) * len(kernel))
    for axis, n, m in zip(range(len(lead), x.ndim), size, output_size, strict=True):
        x = mix(x, axis, _tiles(n, m))
    return x


def _whole_max(x: np.ndarray, output_size: Shape) -> tuple[np.ndarray, np.ndarray] | None:
    """`adaptive_max_pool_forward` to one value a plane; None if there is a NaN, for NumPy finds
    the first of them."""
    lead = x.shape[: x.ndim - len(output_size)]
    planes = x.reshape(*lead, -1)
    indices = planes.argmax(-1)[..., None]
    values = np.take_along_axis(planes, indices, -1)
    if np.isnan(values).any():
        return None
    return values.reshape(*lead, *output_size), indices.reshape(*lead, *output_size)


@functools.lru_cache(64)
def _tiles(n: int, m: int) -> Sparse:
    """The matrix of means over the m windows of an adaptive pool of n values."""
    starts, ends = np.arange(m) * n // m, -(-np.arange(1, m + 1) * n // m)
    sizes = ends - starts
    row = np.repeat(np.arange(m), sizes)
    column = np.arange(row.size) - np.repeat(np.cumsum(sizes) - sizes - starts, sizes)
    return Sparse((m, n), row, column, 1.0 / sizes[row])


def adaptive_avg_pool_backward(
    g: np.ndarray, *, input_shape: Shape, output_size: Shape
) -> np.ndarray:
    """The transpose of `adaptive_avg_pool_forward`: g (..., *P) to input_shape (..., *S)."""
    size = input_shape[len(input_shape) - len(output_size) :]
    if prod(output_size) == 1:
        return np.broadcast_to(g / g.dtype.type(prod(size)), input_shape).copy()
    if (kernel := _even(size, output_size)) is not None:
        none = (0,) * len(kernel)
        if prod(kernel) >= _LARGE_TILE:
            return pool_numpy.tile_means_backward(g, kernel)
        return avg_pool_backward(
            g, input_shape=input_shape, kernel=kernel, stride=kernel, padding=none
        )
    for axis, n, m in zip(range(g.ndim - len(size), g.ndim), size, output_size, strict=True):
        g = mix(g, axis, _tiles(n, m).T)
    return g


def _even(size: Shape, output_size: Shape) -> Shape | None:
    """The windows of an adaptive pool that divides its input evenly; None if it does not."""
    if any(n == 0 or s == 0 or s % n for s, n in zip(size, output_size, strict=True)):
        return None
    return tuple(s // n for s, n in zip(size, output_size, strict=True))


_LARGE_TILE = 16
"""Elements of a tile from which NumPy's own sums are faster than the kernel."""
_WORTH_CALLING = 1 << 10
_WORTH_LOADING = 1 << 18
"""Elements from which the kernels win: once loaded, and with loading them."""


def _compiled(x: np.ndarray) -> bool:
    """Whether the compiled kernel runs on x: floating-point numbers, and enough of them."""
    if x.dtype not in (np.float32, np.float64) or not x.size:
        return False
    return enabled() and x.size >= (_WORTH_CALLING if loaded() else _WORTH_LOADING)
