"""Losses that ask for a margin, and the distances they measure it in."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...core.shapes import canonical_axis
from ...core.tensor import Tensor
from ...ops.activation import logsigmoid
from ...ops.arguments import kind, of_tensors
from ...ops.bounds import minimum
from ...ops.directions import cosine
from ...ops.expanding import broadcast_tensors
from ...ops.like import zeros_like
from ...ops.norms import norm
from ...ops.questions import result_type
from ...ops.selection import where
from ...ops.sequences import arange
from .loss import _legacy, _reduced


@of_tensors
def hinge_embedding_loss(
    input: Tensor,
    target: Tensor,
    margin: float = 1.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """x where y = 1, max(0, margin - x) where y = -1."""
    reduction = _legacy(size_average, reduce, reduction)
    far = where(target != 1, (margin - input).clamp(min=0), 0.0)
    near = where(target != -1, input, 0.0)
    return _reduced(far + near, reduction)


@of_tensors
def margin_ranking_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """max(0, -y (x1 - x2) + margin)."""
    reduction = _legacy(size_average, reduce, reduction)
    if not input1.array.ndim == input2.array.ndim == target.array.ndim:
        raise RuntimeError(
            "margin_ranking_loss : All input tensors should have same dimension but got sizes: "
            f"input1: {input1.size()}, input2: {input2.size()}, target: {target.size()} "
        )
    return _reduced((-target * (input1 - input2) + margin).clamp(min=0), reduction)


def soft_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """log(1 + e^(-y x))."""
    reduction = _legacy(size_average, reduce, reduction)
    return _reduced(-logsigmoid(input * target), reduction)


def multilabel_soft_margin_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """The mean over classes of -(y log s(x) + (1 - y) log s(-x)), s the logistic function."""
    reduction = _legacy(size_average, reduce, reduction)
    loss = -(target * logsigmoid(input) + (1 - target) * logsigmoid(-input))
    if weight is not None:
        loss = loss * weight
    return _reduced(loss.mean(-1), reduction)


@of_tensors
def multi_margin_loss(
    input: Tensor,
    target: Tensor,
    p: int = 1,
    margin: float = 1.0,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """sum over i != y of max(0, w[y] (margin - x[y] + x[i]))^p / C."""
    reduction = _known(_legacy(size_average, reduce, reduction))
    if p not in (1, 2):
        raise ValueError("only p == 1 and p == 2 supported")
    if weight is not None and weight.array.ndim != 1:
        raise ValueError("weight must be one-dimensional")
    single = input.array.ndim < 2
    x = input.reshape(1, -1) if single else input
    _check_rows(input)
    rows = x.array.shape[:1]
    if target.array.ndim > 1 or target.array.size != rows[0]:
        raise RuntimeError(
            f"target tensor should be 1-D with size equal to input.size(0). Expected target size "
            f"{list(rows)}, but got {list(target.array.shape)} (multi_margin_loss)"
        )
    if weight is not None and weight.array.size != x.array.shape[1]:
        raise RuntimeError(
            f"inconsistent weight size, expected {x.array.shape[1]} but got "
            f"{list(weight.array.shape)} (multi_margin_loss)"
        )
    if target.array.dtype != np.int64:
        raise RuntimeError(f"expected scalar type Long but found {kind(target.array.dtype)}")
    if target.array.size and not 0 <= target.array.min() <= target.array.max() < x.array.shape[1]:
        raise RuntimeError(
            f"target out of range: {target.array.min()} to {target.array.max()} for "
            f"{x.array.shape[1]} classes (multi_margin_loss)"
        )
    y = target.reshape(-1, 1)
    gap = (margin - x.gather(1, y) + x).clamp(min=0)
    gap = gap if p == 1 else gap * gap
    if weight is not None:
        gap = gap * weight[y]
    itself = arange(x.array.shape[1]) == y
    loss = where(itself, 0.0, gap).sum(1) / x.array.shape[1]
    return _reduced(loss.squeeze() if target.array.ndim == 0 else loss, reduction)


def _known(reduction: str) -> str:
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    return reduction


def _check_rows(input: Tensor) -> None:
    shape = input.array.shape
    if len(shape) > 2 or 0 in shape[-1:]:
        raise RuntimeError(
            "Expected non-empty vector or matrix with optional 0-dim batch size, but got: "
            f"{list(shape)}"
        )


@of_tensors
def multilabel_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """sum over labels j and non-labels i of max(0, 1 - (x[j] - x[i])) / C.

    The labels of a row are its entries before the first -1.
    """
    reduction = _known(_legacy(size_average, reduce, reduction))
    _check_rows(input)
    if input.array.shape != target.array.shape:
        raise RuntimeError(
            f"inconsistent target size: {list(target.array.shape)} for input of size: "
            f"{list(input.array.shape)}"
        )
    x = input if input.array.ndim == 2 else input.reshape(1, -1)
    y = target if target.array.ndim == 2 else target.reshape(1, -1)
    valid = (y >= 0).cumprod(1) == 1
    index = where(valid, y, 0)
    is_label = zeros_like(x).scatter_add(1, index, valid.to(x.dtype)) > 0
    gaps = 1 - (x.gather(1, index).unsqueeze(2) - x.unsqueeze(1))
    counted = valid.unsqueeze(2) & ~is_label.unsqueeze(1)
    loss = where(counted, gaps.clamp(min=0), 0.0).sum((1, 2)) / x.array.shape[1]
    return _reduced(loss if input.array.ndim == 2 else loss.squeeze(), reduction)


@of_tensors
def cosine_embedding_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """1 - cos(x1, x2) where y = 1, max(0, cos(x1, x2) - margin) where y = -1.

    Inputs are (N, D) for a target of (N,), and (D,) for one of ().
    """
    reduction = _legacy(size_average, reduce, reduction)
    rank = target.array.ndim
    if rank > 1:
        raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
    if input1.array.ndim != rank + 1 or input2.array.ndim != rank + 1:
        raise RuntimeError(
            f"{rank}D target tensor expects {rank + 1}D input tensors, but found inputs with sizes "
            f"{list(input1.shape)} and {list(input2.shape)}."
        )
    eps = 1e-12
    dot = (input1 * input2).sum(-1)
    cos = dot / (((input1 * input1).sum(-1) + eps) * ((input2 * input2).sum(-1) + eps)).sqrt()
    near = where(target == 1, 1 - cos, 0.0)
    far = where(target == -1, (cos - margin).clamp(min=0), 0.0)
    return _reduced(near + far, reduction)


def pairwise_distance(
    x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False
) -> Tensor:
    """||x1 - x2 + eps||_p along the last axis."""
    return norm(x1 - x2 + eps, p, -1, keepdim)


@of_tensors
def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """x1 . x2 / (max(||x1||, eps) max(||x2||, eps)) along `dim`."""
    x1, x2 = broadcast_tensors(x1, x2)
    common = result_type(x1, x2)
    if not (common.is_floating_point or common.is_complex):
        raise RuntimeError(
            f"expected common dtype to be floating point, yet common dtype is {common}"
        )
    x1, x2 = x1.to(common), x2.to(common)
    given = x1.array.dtype
    if isinstance(dim, int) and x1.array.ndim and given.char in "fd" and x2.array.dtype == given:
        return cosine(x1, x2, axis=canonical_axis(dim, x1.array.ndim), eps=float(eps))
    n1, n2 = norm(x1, dim=dim, keepdim=True), norm(x2, dim=dim, keepdim=True)
    # the floor is not differentiated: below it a norm keeps its own gradient, as in PyTorch
    n1, n2 = n1 + (eps - n1).detach().clamp(min=0), n2 + (eps - n2).detach().clamp(min=0)
    return ((x1 / n1) * (x2 / n2)).sum(dim)


@of_tensors
def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """max(0, d(a, p) - d(a, n) + margin) with the p-distance (Balntas et al. 2016)."""
    reduction = _legacy(size_average, reduce, reduction)
    return triplet_margin_with_distance_loss(
        anchor,
        positive,
        negative,
        distance_function=lambda a, b: pairwise_distance(a, b, p, eps),
        margin=margin,
        swap=swap,
        reduction=reduction,
    )


def triplet_margin_with_distance_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    distance_function: Any = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """As `triplet_margin_loss`, with any distance; `swap` uses the harder of two negatives."""
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    sizes = [t.array.ndim for t in (anchor, positive, negative)]
    if len(set(sizes)) > 1:
        raise RuntimeError(
            "The anchor, positive, and negative tensors are expected to have the same number of "
            f"dimensions, but got: anchor {sizes[0]}D, positive {sizes[1]}D, and negative "
            f"{sizes[2]}D inputs"
        )
    distance = pairwise_distance if distance_function is None else distance_function
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = minimum(far, distance(positive, negative))
    return _reduced((near - far + margin).clamp(min=0), reduction)
