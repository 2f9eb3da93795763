"""Normalizations in plain NumPy: forward and backward, for every shape.

All of them are one computation: over some axes, xhat = (x - mean) rstd with
rstd = 1 / sqrt(var + eps), then y = xhat weight + bias. With G = g weight, and means over the same
axes,

    dx = rstd (G - mean(G) - xhat mean(G xhat)),   dweight = sum(g xhat),   dbias = sum(g)

where the sums run over the axes along which weight was broadcast.
"""

from __future__ import annotations

import numpy as np

Array = np.ndarray
Axes = tuple[int, ...]


def _mean(x: Array, axes: Axes) -> Array:
    """np.mean over `axes`, which stay with size 1, at a third of its cost on little."""
    if x.dtype.char == "e":  # summed in float32
        return np.mean(x, axis=axes, keepdims=True)
    total = np.add.reduce(x, axis=axes, keepdims=True)
    total /= x.size // max(total.size, 1)
    return total


def forward(
    x: Array, weight: Array | None, bias: Array | None, axes: Axes, eps: float
) -> tuple[Array, Array, Array, Array]:
    """y, mean, (biased) var and rstd, the last three with their axes, of size 1; weight and bias
    broadcast against x."""
    mean = _mean(x, axes)
    y = x - mean
    var = _mean(y * y, axes)
    rstd = var + eps
    np.reciprocal(np.sqrt(rstd, rstd), rstd)
    if weight is None:
        y *= rstd
    elif weight.shape == rstd.shape:  # one weight for all elements that share statistics
        y *= rstd * weight
    else:
        y *= rstd
        y *= weight
    if bias is not None:
        y += bias
    return y, mean, var, rstd


def backward(
    g: Array,
    x: Array,
    weight: Array | None,
    mean: Array,
    rstd: Array,
    axes: Axes,
    need: tuple[bool, bool, bool],
) -> tuple[Array | None, Array | None, Array | None]:
    """Gradients towards x, weight and bias, both in x's shape (not yet summed)."""
    xhat = x - mean
    xhat *= rstd
    dweight = g * xhat if need[1] else None
    dx = None
    if need[0]:
        scaled = g if weight is None else g * weight
        product = scaled * xhat
        dx = scaled - _mean(scaled, axes)
        xhat *= _mean(product, axes)
        dx -= xhat
        dx *= rstd
    return dx, dweight, g if need[2] else None


def backward_over_samples(
    g: Array,
    x: Array,
    weight: Array | None,
    mean: Array,
    rstd: Array,
    axes: Axes,
    need: tuple[bool, bool, bool],
) -> tuple[Array | None, Array | None, Array | None]:
    """Gradients towards x, weight and bias where one weight serves all elements that share
    statistics, as in batch norm: the means of G are then the gradients of weight and bias.

        dx = rstd weight (g - dbias / n - xhat dweight / n)
    """
    if x.dtype.char == "e":  # summed in float32
        single = np.float32
        w = None if weight is None else weight.astype(single)
        found = backward_over_samples(
            g.astype(single), x.astype(single), w, mean.astype(single), rstd.astype(single),
            axes, need,
        )  # fmt: skip
        dx, dweight, dbias = (None if d is None else d.astype(x.dtype) for d in found)
        return dx, dweight, dbias
    dbias = np.add.reduce(g, axis=axes, keepdims=True)
    if not (need[0] or need[1]):
        return None, None, dbias
    centred = x - mean
    dweight = np.add.reduce(g * centred, axis=axes, keepdims=True)
    dweight *= rstd
    dx = None
    if need[0]:
        share = np.array(x.size // max(mean.size, 1), x.dtype)
        centred *= dweight * rstd / share
        dx = g - dbias / share
        dx -= centred
        dx *= rstd if weight is None else rstd * weight
    return dx, dweight, dbias


def rms_forward(x: Array, weight: Array | None, axes: Axes, eps: float) -> tuple[Array, Array]:
    """y = x rstd weight with rstd = 1 / sqrt(mean(x^2) + eps)."""
    rstd = 1.0 / np.sqrt(_mean(x * x, axes) + eps)
    y = x * rstd
    if weight is not None:
        y *= weight
    return y, rstd


def rms_backward(
    g: Array,
    x: Array,
    weight: Array | None,
    rstd: Array,
    axes: Axes,
    need: tuple[bool, bool],
) -> tuple[Array | None, Array | None]:
    """Gradients towards x and weight (the latter in x's shape)."""
    xhat = x * rstd
    dweight = g * xhat if need[1] else None
    dx = None
    if need[0]:
        scaled = g if weight is None else g * weight
        dx = (scaled - xhat * _mean(scaled * xhat, axes)) * rstd
    return dx, dweight
