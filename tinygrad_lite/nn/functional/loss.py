"""Losses: how far predictions are from targets, reduced to a number (or not).

Every loss ends in `_reduced`: "mean" over all elements, "sum", or "none".
"""

from __future__ import annotations

import math
import warnings
from typing import Any

from ...core.tensor import Tensor
from ...ops.activation import log_softmax, logsigmoid
from ...ops.arguments import kind
from ...ops.creation import ones_like
from ...ops.likelihood import bernoulli_surprise
from ...ops.losses import cross_entropy_of_classes
from ...ops.selection import where
from .linear import linear


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
        UserWarning,
        stacklevel=3,
    )
    return chosen


def _warn_unequal(name: str, input: Tensor, target: Tensor) -> None:
    if input.array.shape != target.array.shape:
        warnings.warn(
            f"Using a target size ({target.size()}) that is different to the input size "
            f"({input.size()}). This will likely lead to incorrect results due to broadcasting. "
            f"Please ensure they have the same size. ({name})",
            UserWarning,
            stacklevel=3,
        )


def mse_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """(input - target)^2, elementwise, reduced."""
    reduction = _legacy(size_average, reduce, reduction)
    _warn_unequal("mse_loss", input, target)
    difference = input - target
    return _weighted(difference * difference, weight, reduction)


def _weighted(loss: Any, weight: Tensor | None, reduction: str) -> Any:
    if weight is None:
        return _reduced(loss, reduction)
    if weight.array.shape != loss.array.shape:
        raise ValueError("Inputs and weights must have the same size.")
    loss = loss * weight
    return loss.sum() / weight.sum() if reduction == "mean" else _reduced(loss, reduction)


def l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """|input - target|, elementwise, reduced."""
    reduction = _legacy(size_average, reduce, reduction)
    _warn_unequal("l1_loss", input, target)
    return _weighted((input - target).abs(), weight, reduction)


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
    _warn_unequal("smooth_l1_loss", input, target)
    d = (input - target).abs()
    return _reduced(where(d < beta, d * d * (0.5 / beta), d - 0.5 * beta), reduction)


def huber_loss(
    input: Tensor,
    target: Tensor,
    reduction: str = "mean",
    delta: float = 1.0,
    weight: Tensor | None = None,
) -> Tensor:
    """d^2 / 2 where d = |input - target| <= delta, else delta (d - delta / 2) (Huber 1964)."""
    if delta <= 0:
        raise RuntimeError("huber_loss does not support non-positive values for delta.")
    _warn_unequal("huber_loss", input, target)
    d = (input - target).abs()
    return _weighted(where(d <= delta, 0.5 * d * d, delta * (d - 0.5 * delta)), weight, reduction)


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
    if input.array.size and not (input.array.min() >= 0 and input.array.max() <= 1):
        raise RuntimeError("all elements of input should be between 0 and 1")
    loss = bernoulli_surprise(input, target)
    return _reduced(loss if weight is None else loss * weight, reduction)


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
    softplus = -logsigmoid(input)
    if pos_weight is not None:
        softplus = (1 + (pos_weight - 1) * target) * softplus
    loss = (1 - target) * input + softplus
    return _reduced(loss if weight is None else loss * weight, reduction)


def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """-weight[y] * input[y] for log-probabilities `input` of shape (N, C, ...) and classes y.

    "mean" divides by the sum of the weights of the classes that occurred. Targets equal to
    `ignore_index` count nothing. IndexError for a class out of range.
    """
    reduction = _legacy(size_average, reduce, reduction)
    _check_classes("nll_loss", input, target, ignore_index)
    axis = 0 if input.array.ndim == 1 else 1
    kept = target.array != ignore_index
    index = target if kept.all() else where(target == ignore_index, 0, target)
    picked = -input.gather(axis, index.unsqueeze(axis)).squeeze(axis)
    factor: Any = None
    if weight is not None:
        factor = weight[index]
    if index is not target:
        mask = (target != ignore_index).to(input.dtype)
        factor = mask if factor is None else factor * mask
        picked = where(target == ignore_index, 0.0, picked)
    loss = picked if factor is None else picked * factor
    if reduction == "mean" and factor is not None:
        return loss.sum() / factor.sum()
    return _reduced(loss, reduction)


def _check_classes(name: str, input: Tensor, target: Tensor, ignore_index: int) -> None:
    shape, wanted = target.array.shape, input.array.shape
    if input.array.ndim == 0:
        raise RuntimeError(f"{name}: input must have a class axis, got a 0-d tensor")
    if target.array.dtype.kind not in "iu":
        found = kind(target.array.dtype)
        raise RuntimeError(f"expected scalar type Long but found {found} ({name} target)")
    expected = wanted[:1] + wanted[2:] if len(wanted) > 1 else ()
    if shape != expected:
        if len(wanted) > 1 and shape[:1] != wanted[:1]:
            raise ValueError(
                f"Expected input batch_size ({wanted[0]}) to match target batch_size "
                f"({shape[0] if shape else 1})."
            )
        raise RuntimeError(
            f"Expected target size {list(expected)}, got {list(shape)} ({name}: input is "
            f"{list(wanted)})"
        )
    classes = wanted[0] if len(wanted) == 1 else wanted[1]
    y = target.array
    wrong = (y != ignore_index) & ((y < 0) | (y >= classes))
    if wrong.any():
        raise IndexError(f"Target {int(y[wrong].flat[0])} is out of bounds.")


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """-log softmax(input)[y] for logits of shape (N, C, ...), classes or class probabilities y.

    label_smoothing e: the target is (1 - e) y + e / C. Targets of input's shape are probabilities.
    """
    reduction = _legacy(size_average, reduce, reduction)
    if not 0.0 <= label_smoothing <= 1.0:
        raise RuntimeError(f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing}")
    axis = 0 if input.array.ndim <= 1 else 1
    if target.array.shape == input.array.shape and target.array.dtype.kind == "f":
        return _soft_cross_entropy(input, target, weight, reduction, label_smoothing, axis)
    if weight is not None and weight.array.shape != (input.array.shape[axis],):
        raise RuntimeError(
            f"weight tensor should be defined either for all {input.array.shape[axis]} classes or "
            f"no classes but got weight tensor of shape: {list(weight.array.shape)}"
        )
    _check_classes("cross_entropy", input, target, ignore_index)
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    return cross_entropy_of_classes(
        input,
        target,
        weight,
        ignore_index=ignore_index,
        label_smoothing=float(label_smoothing),
        reduction=reduction,
    )


def linear_cross_entropy(
    input: Tensor,
    linear_weight: Tensor,
    target: Tensor,
    *,
    linear_bias: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: str = "mean",
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    options: Any = None,
) -> Tensor:
    """`cross_entropy(linear(input, linear_weight, linear_bias), target)`.

    input (features) or (N, features), linear_weight (C, *K, features), target as `cross_entropy`
    takes it for logits (N, C, *K). `options` (how PyTorch saves memory) changes no value here.
    """
    x, w = input.array.shape, linear_weight.array.shape
    if len(x) not in (1, 2):
        raise RuntimeError(f"expected input with dimensionality 1 or 2, got {len(x)}")
    if len(w) < 2:
        raise RuntimeError(f"expected linear_weight with dimensionality at least 2, got {len(w)}")
    if x[-1] != w[-1]:
        raise RuntimeError(
            "expected equal input and linear_weight last dimensions (in_features), "
            f"got {x[-1]} and {w[-1]}, respectively"
        )
    if linear_bias is not None and linear_bias.array.shape != w[:-1]:
        raise RuntimeError(f"expected linear_bias shape {w[:-1]}, got {linear_bias.array.shape}")
    if len(w) > 2 and len(x) == 1:
        raise RuntimeError(
            f"K-dimensional loss defined by linear_weight shape {w} requires batched input, "
            f"(N, {x[-1]}), got unbatched input with shape {x}"
        )
    shape = (*x[:-1], *w[:-1])
    if target.array.shape == shape and ignore_index is not None:
        raise RuntimeError("ignore_index cannot be specified when target contains probabilities")
    flat = linear_weight.reshape(-1, w[-1])
    bias = None if linear_bias is None else linear_bias.reshape(-1)
    return cross_entropy(
        linear(input, flat, bias).reshape(shape),
        target,
        weight,
        ignore_index=-100 if ignore_index is None else ignore_index,
        reduction=reduction,
        label_smoothing=label_smoothing,
    )


def _along(weight: Tensor, axis: int, ndim: int) -> Tensor:
    return weight.reshape([-1 if i == axis else 1 for i in range(ndim)])


def _soft_cross_entropy(
    input: Tensor, target: Tensor, weight: Any, reduction: str, label_smoothing: float, axis: int
) -> Any:
    classes = input.array.shape[axis]
    if label_smoothing > 0:
        target = target * (1 - label_smoothing) + label_smoothing / classes
    terms = log_softmax(input, axis) * target
    if weight is not None:
        terms = terms * _along(weight, axis, input.array.ndim)
    loss = -terms.sum(axis)
    if reduction == "mean":
        return loss.sum() / max(input.array.size // max(classes, 1), 1)
    return _reduced(loss, reduction)


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
            UserWarning,
            stacklevel=2,
        )
    return _reduced(loss, reduction)


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
        var = var * ones_like(input)
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
    var = var + where(var < eps, eps - var, 0.0).detach()
    loss = 0.5 * (var.log() + (input - target) ** 2 / var)
    return _reduced(loss + 0.5 * math.log(2 * math.pi) if full else loss, reduction)
