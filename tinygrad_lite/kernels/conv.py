"""Convolution: one bilinear map and its two transposes.

`conv_forward` is linear in x and in w; `conv_input_grad` and `conv_weight_grad` are its
transposes in each, and every derivative of any of the three is again one of the three. The
transposed convolution is `conv_input_grad` by another name.

Shapes are PyTorch's: x (N, C, *S), w (O, C // groups, *K), out (N, O, *P), with one, two or
three (or any number of) spatial dimensions; stride and dilation have one entry a dimension,
padding one pair (before, after) a dimension, so that an even kernel can keep the size.
"""

from __future__ import annotations

import numpy as np

from . import conv_numpy
from .conv_numpy import Pairs, Shape
from .conv_numpy import output_shape as conv_output_shape

__all__ = ["conv_forward", "conv_input_grad", "conv_output_shape", "conv_weight_grad"]


def conv_forward(
    x: np.ndarray,
    w: np.ndarray,
    *,
    stride: Shape,
    padding: Pairs,
    dilation: Shape,
    groups: int,
) -> np.ndarray:
    """out[n, o, p] = sum_{c, k} w[o, c, k] x[n, c, p * stride + k * dilation - padding].

    x (N, C, *S), w (O, C // groups, *K); returns (N, O, *P), see `conv_output_shape`.
    """
    return conv_numpy.forward(x, w, stride, padding, dilation, groups)


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
    return conv_numpy.weight_grad(g, x, weight_shape, stride, padding, dilation, groups)
