"""Normalizations as fused ops: statistics, value and gradient in a few passes.

Each carries the composition that it equals. `batch_norm` and `group_norm` also return the mean and
the biased variance (plain statistics, without a gradient), for running averages.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.fused import fused
from ..core.samples import Real, one_of, sample
from ..core.tensor import make
from ..kernels import normalize as kernels

_EPS = 0.1  # of the samples: small enough to matter, large enough for finite differences


def _per_channel(t: Any, ndim: int) -> Any:
    """`t` (C) shaped to broadcast along axis 1 of an ndim-dimensional array; None stays None."""
    return None if t is None else t.reshape((1, -1, *(1,) * (ndim - 2)))


def _all_but_channels(ndim: int) -> tuple[int, ...]:
    return (0, *range(2, ndim))


def _last(dims: int, ndim: int) -> tuple[int, ...]:
    return tuple(range(ndim - dims, ndim))


def _standardized(x: Any, axes: tuple[int, ...], eps: float) -> Any:
    """(x - mean) / sqrt(var + eps) over `axes`, of primitives: what every kernel here equals."""
    centred = x - x.mean(axes, keepdim=True)
    return centred / ((centred * centred).mean(axes, keepdim=True) + eps) ** 0.5


def _affine(y: Any, weight: Any, bias: Any) -> Any:
    y = y if weight is None else y * weight
    return y if bias is None else y + bias


def _batch_reference(x: Any, weight: Any, bias: Any, *, eps: float) -> Any:
    ndim = x.array.ndim
    y = _standardized(x, _all_but_channels(ndim), eps)
    return _affine(y, _per_channel(weight, ndim), _per_channel(bias, ndim))


def _batch_backward(g: Any, need: Any, x: Any, weight: Any, residual: Any) -> Any:
    mean, _, rstd = residual
    return kernels.batch_norm_backward(g, x, weight, mean, rstd, need)


@fused(
    backward=_batch_backward,
    reference=_batch_reference,
    residual=True,
    shown=2,
    promote=None,
    title="NativeBatchNorm",
    samples=[sample(Real("4 3"), Real("3"), Real("3"), eps=_EPS)],
)
def batch_norm(x: Any, weight: Any, bias: Any, *, eps: float) -> Any:
    """Standardize each channel (axis 1) over all other axes; then times weight, plus bias."""
    y, mean, var, rstd = kernels.batch_norm(x, weight, bias, eps)
    return y, (mean, var, rstd)


def _fixed_reference(x: Any, weight: Any, bias: Any, mean: Any, var: Any, *, eps: float) -> Any:
    ndim = x.array.ndim
    scale = (var + eps) ** -0.5
    scale = scale if weight is None else scale * weight
    shift = -mean * scale
    shift = shift if bias is None else shift + bias
    return x * _per_channel(scale, ndim) + _per_channel(shift, ndim)


def _fixed_backward(g: Any, need: Any, x: Any, weight: Any, mean: Any, residual: Any) -> Any:
    return (*kernels.fixed_norm_backward(g, x, weight, mean, residual, need), None, None)


@fused(
    backward=_fixed_backward,
    reference=_fixed_reference,
    residual=True,
    promote=None,
    typed=(0, 1, 2),
    title="NativeBatchNorm",
    samples=[sample(Real("n 4 3"), Real("4"), Real("4"), Real("4"), Real("4", low=0.5), eps=_EPS)],
)
def fixed_norm(x: Any, weight: Any, bias: Any, mean: Any, var: Any, *, eps: float) -> Any:
    """(x - mean) / sqrt(var + eps) weight + bias with given statistics, a value a channel."""
    return kernels.fixed_norm(x, weight, bias, mean, var, eps)


def normalize_channels(x: Any, mean: Any, var: Any, weight: Any, bias: Any, *, eps: float) -> Any:
    """`fixed_norm`; as a composition where dtypes differ or the statistics want a gradient too."""
    d = x.array.dtype
    alike = d is mean.array.dtype is var.array.dtype and d.kind == "f"
    if not alike or mean.requires_grad or var.requires_grad:
        return _fixed_reference(x, weight, bias, mean, var, eps=eps)
    # copies: a later batch may move the running ones before this one's backward pass
    given = make(mean.array.copy()), make(var.array.copy())
    return fixed_norm(x, weight, bias, *given, eps=float(eps))


def _layer_reference(x: Any, weight: Any, bias: Any, *, dims: int, eps: float) -> Any:
    return _affine(_standardized(x, _last(dims, x.array.ndim), eps), weight, bias)


def _layer_backward(g: Any, need: Any, x: Any, weight: Any, dims: int, residual: Any) -> Any:
    mean, rstd = residual
    return kernels.layer_norm_backward(g, x, weight, mean, rstd, dims, need)


@fused(
    backward=_layer_backward,
    reference=_layer_reference,
    residual=True,
    promote=None,
    title="NativeLayerNorm",
    samples=[
        sample(Real("n 4"), Real("4"), Real("4"), dims=1, eps=_EPS),
        sample(Real("n 2 3"), Real("2 3"), Real("2 3"), dims=2, eps=_EPS),
    ],
)
def layer_norm(x: Any, weight: Any, bias: Any, *, dims: int, eps: float) -> Any:
    """Standardize over the last `dims` axes; then times weight, plus bias."""
    y, mean, rstd = kernels.layer_norm(x, weight, bias, dims, eps)
    return y, (mean, rstd)


def _rms_reference(x: Any, weight: Any, *, dims: int, eps: float) -> Any:
    square = (x * x).mean(_last(dims, x.array.ndim), keepdim=True)
    return _affine(x / (square + eps) ** 0.5, weight, None)


def _rms_backward(g: Any, need: Any, x: Any, weight: Any, dims: int, residual: Any) -> Any:
    return kernels.rms_norm_backward(g, x, weight, residual, dims, need)


@fused(
    backward=_rms_backward,
    reference=_rms_reference,
    residual=True,
    promote=None,
    title="RmsNorm",
    samples=[sample(Real("n 4"), Real("4"), dims=1, eps=_EPS)],
)
def rms_norm(x: Any, weight: Any, *, dims: int, eps: float) -> Any:
    """x / sqrt(mean of x^2 over the last `dims` axes + eps), times weight."""
    return kernels.rms_norm(x, weight, dims, eps)


def _grouped(x: Any, groups: int) -> Any:
    """(N, C, ...) as (N, groups, C / groups, positions)."""
    n, c = x.shape[:2]
    positions = int(np.prod(x.shape[2:]))
    return x.reshape((n, groups, c // groups, positions))


def _per_group(t: Any, groups: int) -> Any:
    return None if t is None else t.reshape((1, groups, -1, 1))


def _group_reference(x: Any, weight: Any, bias: Any, *, groups: int, eps: float) -> Any:
    y = _standardized(_grouped(x, groups), (2, 3), eps)
    y = _affine(y, _per_group(weight, groups), _per_group(bias, groups))
    return y.reshape(x.shape)


def _group_backward(g: Any, need: Any, x: Any, weight: Any, groups: int, residual: Any) -> Any:
    mean, _, rstd = residual
    return kernels.group_norm_backward(g, x, weight, mean, rstd, groups, need)


@fused(
    backward=_group_backward,
    reference=_group_reference,
    residual=True,
    shown=2,
    promote=None,
    title="NativeGroupNorm",
    samples=[sample(Real("n 4 3"), Real("4"), Real("4"), groups=one_of(1, 2), eps=_EPS)],
)
def group_norm(x: Any, weight: Any, bias: Any, *, groups: int, eps: float) -> Any:
    """Standardize each sample over each group of channels and all positions."""
    y, mean, var, rstd = kernels.group_norm(x, weight, bias, groups, eps)
    return y, (mean, var, rstd)
