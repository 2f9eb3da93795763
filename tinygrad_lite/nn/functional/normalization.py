"""Normalizations: shift and scale so that groups of elements have mean 0 and variance 1.

They differ only in which axes share statistics. For (N, C, H, W):

    batch     each channel over N, H, W         layer     each sample over C, H, W
    instance  each sample and channel over H, W  group    each sample over a group of channels, H, W
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...core.node import touch
from ...core.shapes import canonical_axis
from ...core.tensor import Tensor
from ...ops import normalization as ops
from ...ops.arguments import no_out
from ...ops.conversion import laid_out_as
from ...ops.directions import unit
from ...ops.norms import norm
from .vision import pad


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """(x - mean) / sqrt(var + eps) * weight + bias, for each channel (axis 1) of (N, C, ...).

    In training mean and biased variance are the batch's, and the running averages move by
    `momentum` towards the batch's mean and unbiased variance; else the running ones are used.
    ValueError for a batch with one value a channel in training: its variance says nothing. An
    empty batch leaves the running averages as they are.
    """
    x = input.array
    if x.size == 0:
        return _of_nothing(input, weight, bias)
    if x.ndim < 2:
        raise RuntimeError(f"batch_norm: expected (N, C, ...), got a {x.ndim}-d input")
    count = x.shape[0] * math.prod(x.shape[2:])  # values of one channel
    if training and count == 1:
        raise ValueError(
            f"Expected more than 1 value per channel when training, got input size {input.size()}"
        )
    if training and eps <= 0:
        raise ValueError(f"batch_norm eps must be positive during training, but got {eps}")
    if eps < 0:
        raise ValueError(f"batch_norm eps must be non-negative, but got {eps}")
    if not training and (running_mean is None or running_var is None):
        missing = "running_mean" if running_mean is None else "running_var"
        raise RuntimeError(f"{missing} must be defined in evaluation mode")
    _check_channels("batch_norm", x, running_mean, running_var, weight, bias)
    if not training:
        return _wide(
            ops.normalize_channels, input, running_mean, running_var, weight, bias, eps=eps
        )
    out, mean, var = _wide(ops.batch_norm, input, weight, bias, eps=float(eps))
    if running_mean is not None:
        _move(running_mean, mean.array, momentum)
        _move(running_var, var.array * (count / (count - 1)), momentum)
    return out


def _wide(op: Any, input: Tensor, *others: Tensor | None, **options: Any) -> Any:
    """`op` of these; for a float16 input in float32, which its sums need, and then rounded."""
    if input.array.dtype.char != "e":
        return op(input, *others, **options)
    out = op(input.float(), *[None if t is None else t.float() for t in others], **options)
    return (out[0].half(), *out[1:]) if isinstance(out, (tuple, list)) else out.half()


def _check_channels(
    name: str, x: np.ndarray, running_mean: Any, running_var: Any, weight: Any, bias: Any
) -> None:
    for what, t in (
        ("running_mean", running_mean),
        ("running_var", running_var),
        ("weight", weight),
        ("bias", bias),
    ):
        if t is not None and t.array.size != x.shape[1]:
            raise RuntimeError(
                f"{what} should contain {x.shape[1]} elements not {t.array.size} ({name} of "
                f"{list(x.shape)})"
            )
    if (running_mean is None) != (running_var is None):
        raise ValueError("running_mean and running_var must either both be None or neither be None")


def _of_nothing(input: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    """The normalization of no elements: as empty, and no gradient chain is broken."""
    shape = (1, -1, *(1,) * (input.array.ndim - 2))
    out = input.clone()
    for t in (weight, bias):
        out = out if t is None else out * t.reshape(shape)
    return out


def _move(running: Any, towards: np.ndarray, momentum: float) -> None:
    """running = (1 - momentum) running + momentum towards, in place."""
    a = running.array
    a *= 1 - momentum
    a += momentum * towards
    touch(a, "batch_norm")


def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """As `batch_norm`, each sample by its own statistics."""
    x = input.array
    count = math.prod(x.shape[2:])
    if use_input_stats and count == 1:
        raise ValueError(
            f"Expected more than 1 spatial element when training, got input size {input.size()}"
        )
    if x.size == 0:
        return _of_nothing(input, weight, bias)
    if not use_input_stats and (running_mean is None or running_var is None):
        raise RuntimeError(
            "Expected running_mean and running_var to be defined when use_input_stats is false"
        )
    _check_channels("instance_norm", x, running_mean, running_var, weight, bias)
    if not use_input_stats:
        return _wide(
            ops.normalize_channels, input, running_mean, running_var, weight, bias, eps=eps
        )
    out, mean, var = _wide(ops.group_norm, input, weight, bias, groups=x.shape[1], eps=float(eps))
    if running_mean is not None:
        _move(running_mean, mean.array.mean(0), momentum)
        _move(running_var, var.array.mean(0) * (count / (count - 1)), momentum)
    return out


def layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """(x - mean) / sqrt(var + eps) * weight + bias over the last axes (Ba et al. 2016)."""
    shape = _checked_shape("layer_norm", input, normalized_shape, weight, bias)
    return _wide(ops.layer_norm, input, weight, bias, dims=len(shape), eps=float(eps))


def rms_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    eps: float | None = None,
) -> Tensor:
    """x / sqrt(mean of x^2 + eps) * weight over the last axes (Zhang and Sennrich 2019)."""
    shape = _checked_shape("rms_norm", input, normalized_shape, weight, None)
    if eps is None:
        eps = float(np.finfo(input.array.dtype).eps)
    return _wide(ops.rms_norm, input, weight, dims=len(shape), eps=float(eps))


def _checked_shape(
    name: str, input: Tensor, normalized_shape: Any, weight: Any, bias: Any
) -> tuple[int, ...]:
    if isinstance(normalized_shape, int):
        normalized_shape = (normalized_shape,)
    shape = tuple([int(n) for n in normalized_shape])
    if not shape:
        raise RuntimeError(
            "Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one "
            "element, but got normalized_shape = []"
        )
    for what, t in (("weight", weight), ("bias", bias)):
        if t is not None and t.array.shape != shape:
            raise RuntimeError(
                f"Expected {what} to be of same shape as normalized_shape, but got {what} of shape "
                f"{list(t.array.shape)} and normalized_shape = {list(shape)}"
            )
    if input.array.shape[-len(shape) :] != shape:
        raise RuntimeError(
            f"Given normalized_shape={list(shape)}, expected input with shape "
            f"[*, {', '.join(map(str, shape))}], but got input of size{list(input.array.shape)} "
            f"({name})"
        )
    return shape


def group_norm(
    input: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Statistics for each sample over a group of channels and all positions (Wu and He 2018)."""
    x = input.array
    if x.ndim < 2:
        raise RuntimeError(f"Expected at least 2 dimensions for input tensor but received {x.ndim}")
    if num_groups <= 0:
        raise RuntimeError(f"Expected num groups to be greater than 0, got {num_groups}")
    if x.shape[1] % num_groups:
        raise RuntimeError(
            "Expected number of channels in input to be divisible by num_groups, but got input of "
            f"shape {list(x.shape)} and num_groups={num_groups}"
        )
    for what, t in (("weight", weight), ("bias", bias)):
        if t is not None and t.array.shape != (x.shape[1],):
            raise RuntimeError(
                f"Expected {what} to be a vector of size equal to the number of channels in input, "
                f"but got {what} of shape {list(t.array.shape)} and input of shape {list(x.shape)}"
            )
    if math.prod(x.shape[1:]) == num_groups and x.shape[0] == 1:
        raise ValueError(
            f"Expected more than 1 value per channel when training, got input size {input.size()}"
        )
    if x.size == 0:
        return _of_nothing(input, weight, bias)
    out, _, _ = _wide(ops.group_norm, input, weight, bias, groups=num_groups, eps=float(eps))
    return laid_out_as(out, input)


def local_response_norm(
    input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Tensor:
    """x / (k + alpha mean of x^2 over `size` neighbouring channels)^beta (Krizhevsky 2012)."""
    x = input.array
    if x.ndim < 3:
        raise ValueError(f"Expected 3D or higher dimensionality input (got {x.ndim} dimensions)")
    if x.size == 0:
        return input
    squares = (input * input).reshape(x.shape[0], 1, x.shape[1], -1)
    half = size // 2
    padded = pad(squares, (0, 0, half, half))
    total = padded[:, :, : x.shape[1]]
    for i in range(1, size):
        total = total + padded[:, :, i : i + x.shape[1]]
    mean = total / size if x.dtype.kind == "f" else total // size  # as `avg_pool2d` of integers
    return input / (mean.reshape(x.shape) * alpha + k) ** beta


def normalize(
    input: Tensor, p: float = 2.0, dim: Any = 1, eps: float = 1e-12, out: Any = None
) -> Tensor:
    """x / max(||x||_p, eps) along `dim`."""
    no_out("normalize", out)
    if p == 2 and isinstance(dim, int) and input.array.dtype.char in "fd" and input.array.ndim:
        return unit(input, axis=canonical_axis(dim, input.array.ndim), eps=float(eps))
    return input / norm(input, p, dim, True).clamp(min=eps).expand_as(input)
