"""Convolution: one bilinear map and its two transposes.

`conv_forward` is linear in x and in w; `conv_input_grad` and `conv_weight_grad` are its
transposes in each, and every derivative of any of the three is again one of the three. The
transposed convolution is `conv_input_grad` by another name.

Shapes are PyTorch's: x (N, C, *S), w (O, C // groups, *K), out (N, O, *P), with one, two or
three (or any number of) spatial dimensions; stride and dilation have one entry a dimension,
padding one pair (before, after) a dimension, so that an even kernel can keep the size.
"""

from __future__ import annotations

from math import prod

import numpy as np

from . import conv_numba, conv_numpy, conv_plan, conv_weights
from ._jit import enabled, loaded
from .conv_numpy import Pairs, Shape
from .conv_numpy import output_shape as conv_output_shape
from .copying import contiguous

__all__ = ["conv_forward", "conv_input_grad", "conv_output_shape", "conv_weight_grad"]


def conv_forward(
    x: np.ndarray,
    w: np.ndarray,
    *,
    stride: Shape,
    padding: Pairs,
    dilation: Shape,
    groups: int,
    bias: np.ndarray | None = None,
) -> np.ndarray:
    """out[n, o, p] = sum_{c, k} w[o, c, k] x[n, c, p * stride + k * dilation - padding].

    x (N, C, *S), w (O, C // groups, *K); returns (N, O, *P), see `conv_output_shape`.
    """
    positions = conv_output_shape(x.shape[2:], w.shape[2:], stride, padding, dilation)
    if _compiled(x, w, positions, len(x) * w.size * prod(positions)):
        geo = conv_plan.geometry(x.shape, w.shape, positions, stride, padding, dilation, groups)
        out = conv_numba.forward(contiguous(x), w, bias, geo)
        return out.reshape(len(x), len(w), *positions)
    out = conv_numpy.forward(x, w, stride, padding, dilation, groups)
    if bias is not None:
        out += bias.reshape(-1, *(1 for _ in positions))
    return out


def conv_input_grad(
    g: np.ndarray,
    w: np.ndarray,
    *,
    input_shape: Shape,
    stride: Shape,
    padding: Pairs,
    dilation: Shape,
    groups: int,
) -> np.ndarray:
    """The transpose of `conv_forward` in x: g (N, O, *P), w (O, C // groups, *K) to input_shape.

    Several input sizes give the same P when the stride leaves a remainder, hence input_shape;
    P may also be smaller than `conv_output_shape` of it (a transposed convolution with output
    padding): what no output reached is zero.
    """
    if _compiled(g, w, input_shape, g.size * prod(w.shape[1:])):
        geo = conv_plan.geometry(
            input_shape, w.shape, g.shape[2:], stride, padding, dilation, groups
        )
        return conv_numba.input_grad(contiguous(g), w, geo).reshape(input_shape)
    return conv_numpy.input_grad(g, w, input_shape, stride, padding, dilation, groups)


def conv_weight_grad(
    g: np.ndarray,
    x: np.ndarray,
    *,
    weight_shape: Shape,
    stride: Shape,
    padding: Pairs,
    dilation: Shape,
    groups: int,
) -> np.ndarray:
    """The transpose of `conv_forward` in w: g (N, O, *P), x (N, C, *S) to weight_shape."""
    if _compiled(g, x, weight_shape, g.size * prod(weight_shape[1:])):
        geo = conv_plan.geometry(
            x.shape, weight_shape, g.shape[2:], stride, padding, dilation, groups
        )
        dw = conv_weights.weight_grad(contiguous(g), contiguous(x), geo)
        return dw.reshape(weight_shape)
    return conv_numpy.weight_grad(g, x, weight_shape, stride, padding, dilation, groups)


_WORTH_CALLING = 1 << 14
_WORTH_LOADING = 1 << 21
"""Multiplications from which the kernels win: once loaded, and with loading them."""


def _compiled(a: np.ndarray, b: np.ndarray, result: Shape, work: int) -> bool:
    """Whether the compiled kernel runs: real numbers of one dtype, nothing empty, work enough."""
    if a.dtype != b.dtype or a.dtype not in (np.float32, np.float64) or not 3 <= a.ndim <= 5:
        return False
    if min(result) <= 0 or not a.size or not b.size:
        return False
    return enabled() and work >= (_WORTH_CALLING if loaded() else _WORTH_LOADING)
