"""Fractional max pooling: windows of one size whose distances are drawn (Graham 2014).

The windows of an axis of n elements that give m outputs start at

    floor((i + u) a) - floor(u a),  a = (n - size) / (m - 1),  i = 0 ... m - 2,  and at n - size,

one u in [0, 1) for each image, channel and axis. The value is an element, so the derivative puts
gradients back where the elements came from, as for every maximum (pooling.py).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core.doors import composed
from ..core.tensor import Tensor, make
from .convolution import per_dim
from .pools import pick
from .random import rand


def _starts(u: np.ndarray, size: int, out: int, window: int) -> np.ndarray:
    """Where the windows of one axis start, for each u: (..., out)."""
    starts = np.full((*u.shape, out), size - window, np.int64)
    if out > 1:
        step = u.dtype.type(size - window) / u.dtype.type(out - 1)
        i = np.arange(out - 1, dtype=u.dtype)
        starts[..., :-1] = np.trunc((i + u[..., None]) * step) - np.trunc(u * step)[..., None]
    return starts


def _places(
    u: np.ndarray, plane: tuple[int, ...], out: tuple[int, ...], window: tuple[int, ...]
) -> np.ndarray:
    """Indices into the flattened plane of every element of every window.

    u (R, axes), one row an image and channel; returns (R, prod(out), prod(window)).
    """
    dims = len(plane)
    order = range(dims) if dims == 3 else (1, 0)  # PyTorch draws width before height in planes
    index = np.zeros((len(u), *(1,) * (2 * dims)), np.int64)
    for axis, drawn in enumerate(order):
        starts = _starts(u[:, drawn], plane[axis], out[axis], window[axis])
        along = starts[:, :, None] + np.arange(window[axis])
        shape = [len(u), *(1,) * (2 * dims)]
        shape[1 + axis], shape[1 + dims + axis] = out[axis], window[axis]
        index = index * plane[axis] + along.reshape(shape)
    return index.reshape(len(u), math.prod(out), math.prod(window))


def _check(
    function: str, input: Any, plane: tuple[int, ...], out: Any, window: Any, dims: int
) -> None:
    if 0 in input.array.shape[-dims - 1 :]:
        raise RuntimeError(
            f"{function}(): Expected input to have non-zero size for non-batch dimensions, "
            f"but got {list(input.array.shape)}"
        )
    if min(window) < 1 or min(out) < 0:
        raise RuntimeError(
            f"{function}(): kernel sizes must be greater than zero and output sizes not negative, "
            f"got kernel_size {list(window)}, output_size {list(out)}"
        )
    for n, m, k in zip(plane, out, window, strict=True):
        if m + k - 1 > n:
            raise RuntimeError(
                f"{function}(): pool size {k} too large relative to input size {n} "
                f"for output size {m}"
            )


def _check_samples(samples: Any, x: np.ndarray, dims: int) -> None:
    given, images = samples.array, 1 if x.ndim == dims + 1 else len(x)
    if given.dtype != x.dtype:
        raise RuntimeError("Expect _random_samples to have the same dtype as input")
    if given.ndim != 3:
        raise RuntimeError(f"Expect _random_samples to have 3 dimensions, got {given.ndim}")
    if given.shape[0] < images:
        raise RuntimeError("Expect _random_samples.size(0) no less then input batch size.")
    if given.shape[1] != x.shape[-dims - 1]:
        raise RuntimeError("Expect _random_samples.size(1) equals to input channel size.")
    if given.shape[2] != dims:
        raise RuntimeError(
            f"Expect _random_samples.size(2) equals to {dims}; got {given.shape[2]}."
        )


def _pool(
    dims: int, input: Any, kernel_size: Any, output_size: Any, output_ratio: Any, samples: Any
) -> tuple[Any, Any]:
    function = f"fractional_max_pool{dims}d"
    if not isinstance(input, Tensor):
        raise TypeError(
            f"{function}(): argument 'input' must be Tensor, not {type(input).__name__}"
        )
    x = input.array
    if output_size is None and output_ratio is None:
        raise ValueError(f"{function} requires specifying either an output_size or an output_ratio")
    if x.ndim not in (dims + 1, dims + 2):
        raise RuntimeError(
            f"{function}(): Expected {dims + 1}D or {dims + 2}D tensor, but got: {list(x.shape)}"
        )
    plane, lead = x.shape[-dims:], x.shape[:-dims]
    window = per_dim(kernel_size, dims, "kernel_size", function)
    if output_size is None:
        ratio = output_ratio if isinstance(output_ratio, (tuple, list)) else (output_ratio,) * dims
        if len(ratio) != dims:
            raise ValueError(
                f"{function} requires output_ratio to either be a single Int or tuple of Ints. "
                f"It has {len(ratio)} numbers for {dims} axes"
            )
        out = tuple([int(n * r) for n, r in zip(plane, ratio, strict=True)])
    else:
        out = per_dim(output_size, dims, "output_size", function)
    _check(function, input, plane, out, window, dims)
    if samples is None:
        images = 1 if len(lead) == 1 else lead[0]
        samples = rand(images, lead[-1], dims, dtype=input.dtype)
    else:
        _check_samples(samples, x, dims)
    u = samples.array.reshape(-1, dims)[: math.prod(lead)]
    places = _places(u, plane, out, window)
    values = np.take_along_axis(x.reshape(len(u), 1, math.prod(plane)), places, -1)
    nan = np.isnan(values)
    chosen = np.where(nan, np.inf, values).argmax(-1)
    if nan.any():  # PyTorch keeps the last one
        last = nan.shape[-1] - 1 - nan[..., ::-1].argmax(-1)
        chosen = np.where(nan.any(-1), last, chosen)
    index = np.take_along_axis(places, chosen[..., None], -1).reshape(*lead, *out)
    return pick(input, make(index), dims=dims), make(index)


@composed(method=False)
def fractional_max_pool2d_with_indices(
    input: Any,
    kernel_size: Any,
    output_size: Any = None,
    output_ratio: Any = None,
    return_indices: bool = False,
    _random_samples: Any = None,
) -> tuple[Any, Any]:
    """Maxima over windows at drawn places of (N, C, H, W), and their indices in the plane."""
    return _pool(2, input, kernel_size, output_size, output_ratio, _random_samples)


@composed(method=False)
def fractional_max_pool2d(
    input: Any,
    kernel_size: Any,
    output_size: Any = None,
    output_ratio: Any = None,
    return_indices: bool = False,
    _random_samples: Any = None,
) -> Any:
    """Maxima over windows at drawn places of (N, C, H, W); `_random_samples` (N, C, 2) are u."""
    found = _pool(2, input, kernel_size, output_size, output_ratio, _random_samples)
    return found if return_indices else found[0]


@composed(method=False)
def fractional_max_pool3d_with_indices(
    input: Any,
    kernel_size: Any,
    output_size: Any = None,
    output_ratio: Any = None,
    return_indices: bool = False,
    _random_samples: Any = None,
) -> tuple[Any, Any]:
    """Maxima over windows at drawn places of (N, C, D, H, W), and their indices in the volume."""
    return _pool(3, input, kernel_size, output_size, output_ratio, _random_samples)


@composed(method=False)
def fractional_max_pool3d(
    input: Any,
    kernel_size: Any,
    output_size: Any = None,
    output_ratio: Any = None,
    return_indices: bool = False,
    _random_samples: Any = None,
) -> Any:
    """Maxima over windows at drawn places of (N, C, D, H, W); `_random_samples` (N, C, 3) are u."""
    found = _pool(3, input, kernel_size, output_size, output_ratio, _random_samples)
    return found if return_indices else found[0]
