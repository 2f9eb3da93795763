"""Losses of a classifier: surprise at the right class.

Classes are indices (N, ...) for scores (N, C, ...), or probabilities of the scores' shape.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...core.modes import is_grad_enabled
from ...core.tensor import Tensor
from ...ops.arguments import kind, of_tensors, require_tensor
from ...ops.losses import cross_entropy_of_classes, nll_of_classes
from ...ops.softmax import log_softmax
from .linear import linear
from .loss import _legacy, _reduced


@of_tensors
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
    reduction = _checked_reduction(_legacy(size_average, reduce, reduction))
    target = _alone(input, target)
    _check_classes("nll_loss", input, target)
    _check_weights(input, weight)
    return nll_of_classes(input, target, weight, ignore_index=ignore_index, reduction=reduction)


def _checked_reduction(reduction: str) -> str:
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    return reduction


def _check_classes(name: str, input: Tensor, target: Tensor) -> None:
    """Shapes and dtypes; whether the labels are classes is seen when they are used."""
    shape, wanted = target.array.shape, input.array.shape
    if len(wanted) == 2 and shape == wanted[:1] and target.array.dtype is _INT64:
        return
    if input.array.ndim == 0:
        raise ValueError("Expected 1 or more dimensions (got 0)")
    expected = wanted[:1] + wanted[2:] if len(wanted) > 1 else ()
    if shape != expected and len(wanted) > 1 and shape[:1] != wanted[:1]:
        raise ValueError(
            f"Expected input batch_size ({wanted[0]}) to match target batch_size "
            f"({shape[0] if shape else 0})."
        )
    if len(wanted) < 3 and len(shape) > 1:
        raise RuntimeError(
            f"0D or 1D target tensor expected, multi-target not supported: got {list(shape)} for "
            f"an input of {list(wanted)} ({name})"
        )
    if target.array.dtype not in (np.int64, np.uint8):
        raise RuntimeError(
            f"expected target dtype to be Long or Byte, but got {kind(target.array.dtype)} ({name})"
        )
    if shape != expected:
        if len(wanted) == 1 and len(shape) == 1:
            raise ValueError(
                f"For 1D input, 1D target must have size 1, but got target size: {shape[0]}"
            )
        raise RuntimeError(
            f"Expected target size {list(expected)}, got {list(shape)} ({name}: input is "
            f"{list(wanted)})"
        )


_INT64 = np.dtype(np.int64)


def _check_weights_shape(input: Tensor, weight: Tensor | None) -> None:
    if weight is None:
        return
    classes = input.array.shape[0 if input.array.ndim == 1 else 1]
    if weight.array.shape != (classes,):
        raise RuntimeError(
            f"weight tensor should be defined either for all {classes} classes or no classes but "
            f"got weight tensor of shape: {list(weight.array.shape)}"
        )


def _check_weights(input: Tensor, weight: Tensor | None) -> None:
    if weight is None:
        return
    _check_weights_shape(input, weight)
    if weight.array.dtype != input.array.dtype:
        raise RuntimeError(
            f"expected scalar type {kind(input.array.dtype)} but found "
            f"{kind(weight.array.dtype)} (the class weights)"
        )


def _alone(input: Tensor, target: Tensor) -> Tensor:
    """The class of a sample without a batch axis, which may come with one."""
    single = input.array.ndim == 1 and target.array.shape == (1,)
    return target.squeeze() if single else target


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
    if not isinstance(target, Tensor):
        require_tensor("cross_entropy_loss", target, "target", 2)
    axis = 0 if input.array.ndim <= 1 else 1
    if target.array.shape == input.array.shape:
        if target.array.dtype.kind != "f":
            raise RuntimeError(
                "Expected floating point type for target with class probabilities, got "
                f"{kind(target.array.dtype)} (target and input have one shape, "
                f"{list(input.array.shape)}; class indices have no class axis)"
            )
        if ignore_index >= 0:
            raise RuntimeError("ignore_index is not supported for floating point target")
        _check_weights_shape(input, weight)
        return _soft_cross_entropy(input, target, weight, reduction, label_smoothing, axis)
    target = _alone(input, target)
    _check_classes("cross_entropy", input, target)
    _check_weights(input, weight)
    _checked_reduction(reduction)
    return cross_entropy_of_classes(
        input,
        target,
        weight,
        ignore_index=ignore_index,
        label_smoothing=float(label_smoothing),
        reduction=reduction,
        gradient=input.requires_grad and is_grad_enabled(),
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
    if label_smoothing > 0:
        target = target * (1 - label_smoothing) + label_smoothing / input.array.shape[axis]
    terms = log_softmax(input, axis) * target
    if weight is not None:
        terms = terms * _along(weight, axis, input.array.ndim)
    return _reduced(-terms.sum(axis), reduction)
