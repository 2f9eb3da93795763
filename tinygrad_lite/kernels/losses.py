"""Losses of classes, with their gradients: cross entropy and the negative log-likelihood.

    cross entropy  -log softmax(x)[t] = log s - (x[t] - m),   m = max x,   s = sum exp(x - m)
    likelihood     -x[t]

Each row of classes is read from memory once.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ._jit import jit, like, prange
from ._rows import row_dot, row_of, row_sum, rows_of
from .softmax import (
    as_rows,
    compiled,
    exps_of_rows,
    from_rows,
    log_all,
    rows_together,
    run,
    scale,
)

Array = np.ndarray


# Functions, because within prange an assignment to a slice becomes a parallel loop of its own.


@jit
def _clear(x):
    for i in range(x.size):
        x[i] = 0


@jit
def _logs_of(x, out):
    for i in range(x.size):
        out[i] = like(out[i], x[i])
    log_all(out)


@jit(parallel=True)
def cross_entropy_rows(x, labels, weights, each, smoothing, factor, losses, gradient):
    """The loss of each row, not reduced, and `factor` times its derivative, unless that is empty.

    A row with a negative label does not count. `each` are the weights of the classes, if any.
    """
    count, classes, together = x.shape[0], x.shape[1], rows_together(x)
    spread, keep = smoothing / classes, gradient.size > 0
    total = row_sum(each) if each.size else 1.0 * classes
    tops, logs, sums = np.empty(count, x.dtype), np.empty(count, x.dtype), np.empty(count)
    for b in prange((count + together - 1) // together):
        first, last = b * together, min(count, (b + 1) * together)
        size = (last - first) * classes
        to = rows_of(gradient, first, last) if keep else np.empty(size, x.dtype)
        exps_of_rows(x, first, last, tops[first:last], sums[first:last], to)
        _logs_of(sums[first:last], logs[first:last])
        for r in range(first, last):
            t = labels[r]
            if t < 0:
                losses[r] = 0
                if keep:
                    _clear(row_of(gradient, r))
                continue
            row, top, log, w = row_of(x, r), tops[r], logs[r], weights[r]
            loss = (1.0 - smoothing) * w * (log - (row[t] - top))
            if smoothing != 0.0:
                if each.size:
                    apart = (log + top) * total - row_dot(each, row)
                else:
                    apart = log * classes - (row_sum(row) - 1.0 * top * classes)
                loss += spread * apart
            losses[r] = loss
            if keep:
                slope, sharp = row_of(gradient, r), factor * (1.0 - smoothing) * w
                scale(slope, like(top, (sharp + factor * spread * total) / sums[r]))
                slope[t] -= like(top, sharp)
                if smoothing != 0.0:
                    for i in range(classes):
                        slope[i] -= like(top, factor * spread * (each[i] if each.size else 1.0))


@jit(parallel=True)
def scale_rows(x, factors):
    """x[r] *= factors[r]."""
    for r in prange(x.shape[0]):
        scale(row_of(x, r), factors[r])


# -- cross entropy --------------------------------------------------------------------------------


_INT64 = np.dtype(np.int64)


def _checked_labels(target: Array, classes: int, ignored: int) -> tuple[Array, bool]:
    """The labels in one row, and whether all of them count; IndexError for one that is no class."""
    labels = target
    if target.ndim != 1 or target.dtype is not _INT64 or not target.flags.c_contiguous:
        labels = np.ascontiguousarray(target, dtype=np.int64).reshape(-1)
    # As unsigned numbers the negative ones are the largest.
    if labels.size and np.maximum.reduce(labels.view(np.uint64)) >= classes:
        wrong = ((labels < 0) | (labels >= classes)) & (labels != ignored)
        if wrong.any():
            raise IndexError(f"Target {labels[wrong][0]} is out of bounds.")
        return labels, False
    return labels, not 0 <= ignored < classes


def cross_entropy(
    x: Array,
    target: Array,
    weight: Array | None = None,
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
    gradient: bool = True,
) -> tuple[Array, Any]:
    """The loss of logits x (N, C, ...) or (C) against class numbers target (N, ...) or ().

    With e = label_smoothing and l = log_softmax(x), each position has

        loss = -(1 - e) weight[t] l[t] - e / C sum_c weight[c] l[c]

    and 0 where t == ignore_index. "mean" divides the sum by the weights of the labels that count.
    Returns the loss and, of what `cross_entropy_backward` scales, the rows: the derivative of each
    position's loss (divided as the mean is), for which the exponentials are there anyway; None
    without `gradient`. Raises IndexError for a target that is no class.
    """
    rows = x if x.ndim == 2 and x.flags.c_contiguous else as_rows(x, 1 if x.ndim > 1 else 0)
    each = None if weight is None else np.ascontiguousarray(weight, x.dtype)
    labels, weights = _weighted_labels(target, rows.shape[1], each, x.dtype, ignore_index)
    total = len(rows) if weights is None else np.add.reduce(weights)
    factor = 1.0 if reduction != "mean" else 1.0 / total if total else np.inf
    each_row = _run_rows if compiled(rows) else _plain_rows
    losses, kept = each_row(rows, labels, weights, each, float(label_smoothing), factor, gradient)
    if reduction == "none":
        return losses.reshape(target.shape), kept
    loss = np.add.reduce(losses)
    return (loss / total if reduction == "mean" else loss), kept


_Rows = tuple[Array, Array | None]


def _run_rows(
    x: Array,
    labels: Array,
    weights: Array | None,
    each: Array | None,
    smoothing: float,
    factor: float,
    gradient: bool,
) -> _Rows:
    losses, kept = np.empty(len(x), x.dtype), np.empty_like(x if gradient else x[:0])
    weights = np.ones(len(x), x.dtype) if weights is None else weights
    each = np.empty(0, x.dtype) if each is None else each
    run(cross_entropy_rows, x, labels, weights, each, smoothing, factor, losses, kept)
    return losses, kept if gradient else None


def _plain_rows(
    x: Array,
    labels: Array,
    weights: Array | None,
    each: Array | None,
    smoothing: float,
    factor: float,
    gradient: bool,
) -> _Rows:
    """`cross_entropy_rows` a step at a time."""
    if not x.size:
        return np.zeros(len(x), x.dtype), x if gradient else None
    classes = x.shape[1]
    counts = None if weights is None else labels >= 0
    places = _places(labels if counts is None else np.maximum(labels, 0), classes)
    exps = x - np.maximum.reduce(x, axis=1, keepdims=True)
    picked = exps.reshape(-1).take(places)
    if smoothing:
        each = np.ones(classes, x.dtype) if each is None else each
        total, apart = each.sum(), exps @ each
    np.exp(exps, exps)
    sums = np.add.reduce(exps, axis=1)
    losses = np.log(sums)
    if smoothing:
        apart = smoothing / classes * (losses * total - apart)
    losses -= picked
    sharp: Any = (1.0 - smoothing) if weights is None else (1.0 - smoothing) * weights
    if weights is not None or smoothing:
        losses = losses * sharp
    if smoothing:
        losses += apart
    if counts is not None:
        losses = np.where(counts, losses, x.dtype.type(0))
    if not gradient:
        return losses, None
    sharp = sharp * factor
    spread = smoothing / classes * factor
    exps *= (((sharp + spread * total) if smoothing else sharp) / sums)[:, None]
    exps.reshape(-1)[places] -= sharp
    if smoothing:
        exps -= spread * each
    if counts is not None:
        exps[~counts] = 0
    return losses, exps


def _places(labels: Array, classes: int) -> Array:
    """Where in the flattened rows of classes each row's label stands."""
    places = np.arange(0, len(labels) * classes, classes)
    places += labels
    return places


def cross_entropy_backward(
    g: Array,
    derivative: Array,
    shape: tuple[int, ...],
    target: Array | None = None,
    ignore_index: int = -100,
) -> Array:
    """The gradient towards x of `shape`: g, of the loss, times what `cross_entropy` gave beside it
    (which is written into).

    Given `target`, ignored positions have 0 where g is infinite or NaN too: a program that divides
    by the number of labels itself may find none.
    """
    if g.ndim or g.item() != 1:
        if compiled(derivative):
            factors = np.empty(len(derivative), g.dtype)
            factors[:] = g.reshape(-1)
            run(scale_rows, derivative, factors)
        else:
            derivative *= g.reshape(-1, 1)
        if target is not None and not np.isfinite(g).all():
            derivative[target.reshape(-1) == ignore_index] = 0
    return derivative if len(shape) == 2 else from_rows(derivative, shape, len(shape) > 1)


# -- negative log-likelihood ----------------------------------------------------------------------


def nll(
    x: Array, target: Array, weight: Array | None, ignore_index: int, reduction: str
) -> tuple[Array, Array]:
    """-weight[t] x[t] for log-probabilities x (N, C, ...) or (C), classes t (N, ...) or ().

    0 where t == ignore_index; "mean" divides the sum by the weights of the labels that count.
    Returns the loss and that sum of weights. IndexError for a target that is no class.
    """
    rows = x if x.ndim == 2 and x.flags.c_contiguous else as_rows(x, 1 if x.ndim > 1 else 0)
    labels, weights = _weighted_labels(target, rows.shape[1], weight, x.dtype, ignore_index)
    if weights is None:
        losses = np.negative(rows.reshape(-1).take(_places(labels, rows.shape[1])))
        total = np.array(len(rows), x.dtype)
    else:
        losses = np.negative(rows[np.arange(len(rows)), labels])
        losses = np.where(labels == _IGNORED, x.dtype.type(0), losses * weights)
        total = np.asarray(np.add.reduce(weights))
    if reduction == "none":
        return losses.reshape(target.shape), total
    loss = np.add.reduce(losses)
    return (loss / total if reduction == "mean" else loss), total


def nll_backward(
    g: Array,
    target: Array,
    weight: Array | None,
    total: Array,
    shape: tuple[int, ...],
    ignore_index: int,
    reduction: str,
) -> Array:
    """The gradient towards x of `shape`; `total` is the sum of weights that `nll` returned."""
    axis = 1 if len(shape) > 1 else 0
    classes = shape[axis]
    rows = np.zeros((target.size, classes), g.dtype)
    labels, weights = _weighted_labels(target, classes, weight, g.dtype, ignore_index)
    scale = -(g / total if reduction == "mean" else g).reshape(-1)
    if weights is not None:  # where all are ignored the scale of a mean is infinite
        scale = np.where(labels == _IGNORED, g.dtype.type(0), scale * weights)
        rows[np.arange(len(rows)), labels] = scale
    else:
        rows.reshape(-1)[_places(labels, classes)] = scale
    return rows if len(shape) == 2 else from_rows(rows, shape, axis)


_IGNORED = -1  # the last class stands in for ignored labels, with weight 0


def _weighted_labels(
    target: Array, classes: int, weight: Array | None, dtype: Any, ignored: int
) -> tuple[Array, Array | None]:
    """The labels in one row, `_IGNORED` for those that do not count, and their weights; None
    stands for weights that are all 1."""
    labels, all_count = _checked_labels(target, classes, ignored)
    if all_count:
        return labels, None if weight is None else weight[labels]
    counts = labels != ignored
    labels = np.where(counts, labels, _IGNORED)
    return labels, np.where(
        counts, dtype.type(1) if weight is None else weight[labels], dtype.type(0)
    )
