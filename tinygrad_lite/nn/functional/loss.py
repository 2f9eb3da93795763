"""Losses: how far predictions are from targets, reduced to a number (or not).

Every loss ends in `_reduced`: "mean" over all elements, "sum", or "none".
"""

from __future__ import annotations

import math
import warnings
from typing import Any

from ...core.tensor import Tensor
from ...ops.activation import logsigmoid
from ...ops.arguments import kind, of_tensors
from ...ops.like import full_like
from ...ops.likelihood import bernoulli_surprise
from ...ops.losses import (
    absolute_distance,
    huber,
    huber_distance,
    logistic_loss,
    smooth_distance,
    square_distance,
)
from ...ops.selection import where


def _reduced(loss: Any, reduction: str) -> Any:
    if reduction == "mean":
        return loss.mean()
    if reduction == "sum":
        return loss.sum()
    if reduction == "none":
        return loss
    raise ValueError(f"{reduction} is not a valid value for reduction")


def _legacy(size_average: bool | None, reduce: bool | None, reduction: str) -> str:
    """The `reduction` that PyTorch's two deprecated flags stand for."""
    if size_average is None and reduce is None:
        return reduction
    chosen = "none" if reduce is False else "sum" if size_average is False else "mean"
    warnings.warn(
        "size_average and reduce args will be deprecated, please use "
        f"reduction='{chosen}' instead.",
        stacklevel=3,
    )
    return chosen


def _warn_unequal(name: str, input: Tensor, target: Tensor) -> None:
    if input.array.shape != target.array.shape:
        warnings.warn(
            f"Using a target size ({target.size()}) that is different to the input size "
            f"({input.size()}). This will likely lead to incorrect results due to broadcasting. "
            f"Please ensure they have the same size. ({name})",
            stacklevel=3,
        )


def _is_plain(input: Tensor, target: Tensor, weight: Tensor | None, reduction: str) -> bool:
    """Whether one op does all of it: two of one shape and dtype, without weights."""
    x, y = input.array, target.array
    return (
        weight is None
        and x.shape == y.shape
        and x.dtype == y.dtype
        and x.dtype.kind == "f"
        and x.size > 0
        and reduction in ("mean", "sum", "none")
    )


def mse_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """(input - target)^2, elementwise, reduced; "mean" divides by the sum of the weights."""
    reduction = _legacy(size_average, reduce, reduction)
    if _is_plain(input, target, weight, reduction):
        return square_distance(input, target, reduction=reduction)
    _warn_unequal("mse_loss", input, target)
    difference = input - target
    return _mean_by_weight(_weighted(difference * difference, input, weight), weight, reduction)


def _weighted(loss: Any, input: Tensor, weight: Tensor | None) -> Any:
    if weight is None:
        return loss
    if weight.array.shape != input.array.shape:
        raise ValueError("Weights and input must have the same size.")
    return loss * weight


def _mean_by_weight(loss: Any, weight: Tensor | None, reduction: str) -> Any:
    if weight is not None and reduction == "mean":
        return loss.sum() / weight.sum()
    return _reduced(loss, reduction)


def l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """|input - target|, elementwise, reduced; "mean" divides by the sum of the weights."""
    reduction = _legacy(size_average, reduce, reduction)
    if _is_plain(input, target, weight, reduction):
        return absolute_distance(input, target, reduction=reduction)
    _warn_unequal("l1_loss", input, target)
    loss = _weighted((input - target).abs(), input, weight)
    return _mean_by_weight(loss, weight, reduction)


def smooth_l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Tensor:
    """d^2 / (2 beta) where d = |input - target| < beta, else d - beta / 2, reduced."""
    reduction = _legacy(size_average, reduce, reduction)
    if beta < 0:
        raise RuntimeError("smooth_l1_loss does not support negative values for beta.")
    if beta == 0:
        return l1_loss(input, target, reduction=reduction)
    if _is_plain(input, target, None, reduction):
        return smooth_distance(input, target, beta=beta, reduction=reduction)
    _warn_unequal("smooth_l1_loss", input, target)
    loss = huber(input - target, delta=float(beta))
    return _reduced(loss if beta == 1 else loss / beta, reduction)


def huber_loss(
    input: Tensor,
    target: Tensor,
    reduction: str = "mean",
    delta: float = 1.0,
    weight: Tensor | None = None,
) -> Tensor:
    """d^2 / 2 where d = |input - target| < delta, else delta (d - delta / 2) (Huber 1964).

    Here "mean" divides by the number of elements, weighted or not, as PyTorch does.
    """
    if delta <= 0:
        raise RuntimeError("huber_loss does not support non-positive values for delta.")
    if _is_plain(input, target, weight, reduction):
        return huber_distance(input, target, beta=delta, reduction=reduction)
    _warn_unequal("huber_loss", input, target)
    loss = huber(input - target, delta=float(delta))
    return _reduced(_weighted(loss, input, weight), reduction)


def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """-(y log p + (1 - y) log(1 - p)) for probabilities p = input; logarithms end at -100."""
    reduction = _legacy(size_average, reduce, reduction)
    if input.array.shape != target.array.shape:
        raise ValueError(
            f"Using a target size ({target.size()}) that is different to the input size "
            f"({input.size()}) is deprecated. Please ensure they have the same size."
        )
    if target.array.dtype != input.array.dtype:
        raise RuntimeError(
            f"Found dtype {kind(target.array.dtype)} but expected {kind(input.array.dtype)}: "
            "convert the target with .to(input.dtype)"
        )
    if input.array.size and not (input.array.min() >= 0 and input.array.max() <= 1):
        raise RuntimeError("all elements of input should be between 0 and 1")
    loss = bernoulli_surprise(input, target)
    return _reduced(loss if weight is None else loss * weight, reduction)


@of_tensors
def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """The same with p = sigmoid(input), computed as (1 - y) x + log(1 + e^-x) without overflow."""
    reduction = _legacy(size_average, reduce, reduction)
    if input.array.shape != target.array.shape:
        raise ValueError(
            f"Target size ({target.size()}) must be the same as input size ({input.size()})"
        )
    if pos_weight is None and input.array.dtype == target.array.dtype:
        loss = logistic_loss(input, target)
    else:
        surprise = -logsigmoid(input)
        if pos_weight is not None:
            surprise = (1 + (pos_weight - 1) * target) * surprise
        loss = (1 - target) * input + surprise
    return _reduced(loss if weight is None else loss * weight, reduction)


@of_tensors
def kl_div(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Tensor:
    """y (log y - input) for log-probabilities `input`; "batchmean" divides by the batch size."""
    reduction = _legacy(size_average, reduce, reduction)
    if log_target:
        loss = target.exp() * (target - input)
    else:
        loss = target.xlogy(target) - target * input
    if reduction == "batchmean":
        return loss.sum() / input.array.shape[0] if input.array.ndim else loss.sum()
    if reduction == "mean":
        warnings.warn(
            "reduction: 'mean' divides the total loss by both the batch size and the support size."
            "'batchmean' divides only by the batch size, and aligns with the KL div "
            "math definition."
            "'mean' will be changed to behave the same as 'batchmean' in the next major release.",
            stacklevel=3,
        )
    return _reduced(loss, reduction)


@of_tensors
def poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    log_input: bool = True,
    full: bool = False,
    size_average: bool | None = None,
    eps: float = 1e-8,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """e^x - y x (`log_input`) or x - y log(x + eps); `full` adds Stirling's term where y > 1."""
    reduction = _legacy(size_average, reduce, reduction)
    loss = input.exp() - target * input if log_input else input - target * (input + eps).log()
    if full:
        stirling = target * target.log() - target + 0.5 * (2 * math.pi * target).log()
        loss = loss + where(target <= 1, 0.0, stirling)
    return _reduced(loss, reduction)


def _lacks_one_axis(shape: tuple[int, ...], given: tuple[int, ...]) -> bool:
    """Whether `given` is `shape` but for a single axis, which has size 1."""
    different = [b for a, b in zip(shape, given) if a != b]
    return len(shape) == len(given) and different == [1]


@of_tensors
def gaussian_nll_loss(
    input: Tensor,
    target: Tensor,
    var: Any,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Tensor:
    """(log v + (input - target)^2 / v) / 2 with v = max(var, eps); `full` adds log(2 pi) / 2."""
    if isinstance(var, float):
        if var < 0:
            raise ValueError("var has negative entry/entries")
        var = full_like(input, var)
    elif (var.array < 0).any():
        raise ValueError("var has negative entry/entries")
    if var.array.shape != input.array.shape:
        if input.array.shape[:-1] == var.array.shape:
            var = var.unsqueeze(-1)
        elif not _lacks_one_axis(input.array.shape, var.array.shape):
            raise ValueError(
                f"var is of incorrect size: {list(var.array.shape)} for an input of "
                f"{list(input.array.shape)}; at most one axis may have size 1 instead"
            )
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(reduction + " is not valid")
    # the floor is not differentiated: below it the variance keeps its own gradient
    var = var + (eps - var).detach().clamp(min=0)
    loss = 0.5 * (var.log() + (input - target) ** 2 / var)
    return _reduced(loss + 0.5 * math.log(2 * math.pi) if full else loss, reduction)
