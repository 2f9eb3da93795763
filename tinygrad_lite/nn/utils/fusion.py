"""Batch normalization folded into the layer before it, for evaluation.

bn(W x + b) = s W x + s (b - mean) + shift,        s = weight / sqrt(var + eps)
"""

from __future__ import annotations

import copy
from typing import Any, TypeVar

from ...core.tensor import Parameter, Tensor
from ...ops.like import ones_like, zeros_like

__all__ = [
    "fuse_conv_bn_eval",
    "fuse_conv_bn_weights",
    "fuse_linear_bn_eval",
    "fuse_linear_bn_weights",
]

L = TypeVar("L")


def fuse_conv_bn_eval(conv: L, bn: Any, transpose: bool = False) -> L:
    """A new convolution that computes bn(conv(x)).

    transpose  for a transposed convolution, whose weight has its output channels on axis 1
    AssertionError unless both are in evaluation mode and `bn` has running statistics.
    """
    fused: Any = _copy_to_fuse(conv, bn)
    fused.weight, fused.bias = fuse_conv_bn_weights(
        fused.weight,
        fused.bias,
        bn.running_mean,
        bn.running_var,
        bn.eps,
        bn.weight,
        bn.bias,
        transpose,
    )
    return fused


def fuse_conv_bn_weights(
    conv_w: Tensor,
    conv_b: Tensor | None,
    bn_rm: Tensor,
    bn_rv: Tensor,
    bn_eps: float,
    bn_w: Tensor | None,
    bn_b: Tensor | None,
    transpose: bool = False,
) -> tuple[Parameter, Parameter]:
    """Weight and bias of `fuse_conv_bn_eval`; what is None counts as 0, or 1 for `bn_w`."""
    shape = [1] * conv_w.array.ndim
    shape[1 if transpose else 0] = -1
    return _fused(conv_w, conv_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b, shape)


def fuse_linear_bn_eval(linear: L, bn: Any) -> L:
    """A new linear layer that computes bn(linear(x)).

    AssertionError unless both are in evaluation mode, `bn` has running statistics, and its number
    of features is `linear.out_features` or 1.
    """
    fused: Any = _copy_to_fuse(linear, bn)
    if fused.out_features != bn.num_features and bn.num_features != 1:
        raise AssertionError(
            "To fuse, linear.out_features == bn.num_features or bn.num_features == 1, got "
            f"linear.out_features={fused.out_features} and bn.num_features={bn.num_features}"
        )
    fused.weight, fused.bias = fuse_linear_bn_weights(
        fused.weight, fused.bias, bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias
    )
    return fused


def fuse_linear_bn_weights(
    linear_w: Tensor,
    linear_b: Tensor | None,
    bn_rm: Tensor,
    bn_rv: Tensor,
    bn_eps: float,
    bn_w: Tensor | None,
    bn_b: Tensor | None,
) -> tuple[Parameter, Parameter]:
    """Weight and bias of `fuse_linear_bn_eval`; what is None counts as 0, or 1 for `bn_w`."""
    return _fused(linear_w, linear_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b, [-1, 1])


def _copy_to_fuse(layer: Any, bn: Any) -> Any:
    if layer.training or bn.training:
        raise AssertionError("Fusion only for eval! Call .eval() on both modules first.")
    if bn.running_mean is None or bn.running_var is None:
        raise AssertionError("bn.running_mean and bn.running_var must not be None")
    return copy.deepcopy(layer)


def _fused(
    W: Tensor,
    b: Tensor | None,
    mean: Tensor,
    var: Tensor,
    eps: float,
    scale: Tensor | None,
    shift: Tensor | None,
    shape: list[int],
) -> tuple[Parameter, Parameter]:
    bias: Tensor = zeros_like(mean) if b is None else b
    scale = ones_like(mean) if scale is None else scale
    shift = zeros_like(mean) if shift is None else shift
    s = scale * (var + eps).rsqrt()
    weight = (W * s.reshape(shape)).to(dtype=W.dtype)
    fused = ((bias - mean) * s + shift).to(dtype=(W if b is None else b).dtype)
    return Parameter(weight, W.requires_grad), Parameter(fused, bias.requires_grad)
