"""Losses of classes, with their gradients: cross entropy and the negative log-likelihood.

    cross entropy  -log softmax(x)[t] = log s - (x[t] - m),   m = max x,   s = sum exp(x - m)
    likelihood     -x[t]

Each row of classes is read from memory once.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ._jit import jit, like, prange
from ._rows import row_dot, row_of, row_sum
from .softmax import (
    as_rows,
    compiled,
    exp_all,
    from_rows,
    norms,
    rows_together,
    run,
    scale,
    scaled_exp,
    subtract,
)

Array = np.ndarray


@jit(parallel=True)
def cross_entropy_rows(x, target, weight, ignored, smoothing, losses, weights, tops, logs):
    """The loss of each row, not reduced, the weight of its label, m and log s.

    Without weights, `weight` is empty.
    """
    classes, together = x.shape[1], rows_together(x)
    for b in prange((x.shape[0] + together - 1) // together):
        first, last = b * together, min(x.shape[0], (b + 1) * together)
        norms(x, first, last, tops[first:last], logs[first:last])
        for r in range(first, last):
            t = target[r]
            if t == ignored:
                losses[r], weights[r] = 0, 0
                continue
            row, top, log = row_of(x, r), tops[r], logs[r]
            w = weight[t] if weight.size else like(top, 1)
            weights[r] = w
            loss = (1.0 - smoothing) * w * (log - (row[t] - top))
            if smoothing != 0.0:
                if weight.size:
                    spread = (log + top) * row_sum(weight) - row_dot(weight, row)
                else:
                    spread = log * classes - (row_sum(row) - 1.0 * top * classes)
                loss += smoothing / classes * spread
            losses[r] = loss


@jit(parallel=True)
def cross_entropy_back_rows(g, x, target, weight, ignored, smoothing, tops, logs, out):
    """out[r] = g[r] d loss[r] / d x[r]."""
    classes, together = x.shape[1], rows_together(x)
    spread = smoothing / classes
    total = row_sum(weight) if weight.size else 1.0 * classes
    for b in prange((x.shape[0] + together - 1) // together):
        first, last = b * together, min(x.shape[0], (b + 1) * together)
        if together > 1:
            for r in range(first, last):
                subtract(row_of(x, r), tops[r], logs[r], row_of(out, r))
            exp_all(out.reshape(-1)[first * classes : last * classes])
        for r in range(first, last):
            t, to = target[r], row_of(out, r)
            if t == ignored:
                to[:] = 0
                continue
            w = 1.0 * weight[t] if weight.size else 1.0
            factor = like(to[0], g[r] * ((1.0 - smoothing) * w + spread * total))
            if together > 1:
                scale(to, factor)
            else:
                scaled_exp(row_of(x, r), tops[r], logs[r], factor, to)
            to[t] -= like(to[0], g[r] * (1.0 - smoothing) * w)
            if smoothing != 0.0:
                for i in range(classes):
                    to[i] -= like(to[0], g[r] * spread * (weight[i] if weight.size else 1.0))


# -- cross entropy --------------------------------------------------------------------------------


def _class_rows(x: Array) -> Array:
    """(N, C, ...) or (C) as contiguous rows of classes."""
    return as_rows(x, 1 if x.ndim > 1 else 0)


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
) -> tuple[Array, tuple[Any, ...]]:
    """The loss of logits x (N, C, ...) or (C) against class numbers target (N, ...) or ().

    With e = label_smoothing and l = log_softmax(x), each position has

        loss = -(1 - e) weight[t] l[t] - e / C sum_c weight[c] l[c]

    and 0 where t == ignore_index. "mean" divides the sum by the weights of the labels that count.
    Returns the loss and what `cross_entropy_backward` needs. Raises IndexError for a target that
    is no class.
    """
    rows = x if x.ndim == 2 and x.flags.c_contiguous else _class_rows(x)
    labels, all_count = _checked_labels(target, rows.shape[1], ignore_index)
    smoothing = float(label_smoothing)
    fast = compiled(rows)
    if not smoothing and all_count and not fast and x.size:
        return _plain_cross_entropy(rows, labels, weight, target.shape, reduction)
    given = np.empty(0, x.dtype) if weight is None else np.ascontiguousarray(weight, x.dtype)
    losses, weights, tops, logs = (np.empty(len(rows), x.dtype) for _ in range(4))
    each = _run_rows if fast else _cross_entropy_numpy
    each(rows, labels, given, ignore_index, smoothing, losses, weights, tops, logs)
    total = np.asarray(np.add.reduce(weights))
    if reduction == "none":
        return losses.reshape(target.shape), (tops, logs, total)
    loss = np.add.reduce(losses)
    return (loss / total if reduction == "mean" else loss), (tops, logs, total)


def _plain_cross_entropy(
    x: Array, labels: Array, weight: Array | None, shape: tuple[int, ...], reduction: str
) -> tuple[Array, tuple[Any, ...]]:
    """Of few rows that all count: the loss, with exp(x - m), s, the places of the labels, their
    weights and the sum of these, from which the gradient is two steps."""
    shifted = x - np.maximum.reduce(x, axis=1, keepdims=True)
    places = _places(labels, x.shape[1])
    picked = shifted.reshape(-1).take(places)
    exps = np.exp(shifted, shifted)
    sums = np.add.reduce(exps, axis=1)
    losses = np.log(sums)
    losses -= picked
    weights, total = None, len(x)
    if weight is not None:
        weights = weight.astype(x.dtype, copy=False).take(labels)
        losses *= weights
        total = np.add.reduce(weights)
    kept = exps, sums, places, weights, total
    if reduction == "none":
        return losses.reshape(shape), kept
    loss = np.add.reduce(losses)
    return loss / total if reduction == "mean" else loss, kept


def _places(labels: Array, classes: int) -> Array:
    """Where in the flattened rows of classes each row's label stands."""
    places = np.arange(0, len(labels) * classes, classes)
    places += labels
    return places


def _plain_backward(
    g: Array,
    exps: Array,
    sums: Array,
    places: Array,
    weights: Array | None,
    total: Any,
    reduction: str,
) -> Array:
    """g weight (softmax(x) - 1 at the label) for each row; a mean divides by their `total`."""
    scale = g / total if reduction == "mean" else g.reshape(-1)
    if weights is not None:
        scale = scale * weights
    dx = exps * (scale / sums)[:, None]
    dx.reshape(-1)[places] -= scale
    return dx


def _run_rows(*arguments: Any) -> None:
    run(cross_entropy_rows, *arguments)


def _cross_entropy_numpy(
    x: Array,
    t: Array,
    weight: Array,
    ignored: int,
    smoothing: float,
    losses: Array,
    weights: Array,
    tops: Array,
    logs: Array,
) -> None:
    counts = t != ignored
    labels = np.where(counts, t, 0)
    picked = logs
    if x.size:
        np.maximum.reduce(x, axis=1, out=tops)
        shifted = x - tops[:, None]
        picked = shifted[np.arange(len(x)), labels]
        np.log(np.add.reduce(np.exp(shifted, out=shifted), axis=1), out=logs)
    loss = logs - picked
    if weight.size:
        weights[:] = weight[labels] * counts
        loss = loss * weight[labels]
    else:
        weights[:] = counts
    if smoothing:
        each = weight if weight.size else np.ones(x.shape[1], x.dtype)
        loss = (1.0 - smoothing) * loss
        loss = loss + smoothing / x.shape[1] * ((logs + tops) * each.sum() - x @ each)
    losses[:] = np.where(counts, loss, 0)


def cross_entropy_backward(
    g: Array,
    x: Array,
    target: Array,
    weight: Array | None,
    kept: tuple[Any, ...],
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
) -> Array:
    """The gradient towards x; `kept` is what `cross_entropy` returned beside the loss."""
    if len(kept) == 5:
        out = _plain_backward(g, *kept, reduction)
        return out if x.ndim == 2 else from_rows(out, x.shape, 1 if x.ndim > 1 else 0)
    tops, logs, total = kept
    rows = _class_rows(x)
    t, all_count = _checked_labels(target, rows.shape[1], ignore_index)
    given = np.empty(0, x.dtype) if weight is None else np.ascontiguousarray(weight, x.dtype)
    scale = g / total if reduction == "mean" else g
    gs = np.empty(len(t), x.dtype)
    gs[:] = scale.reshape(-1) if scale.ndim else scale
    out = np.empty_like(rows)
    e = float(label_smoothing)
    if compiled(rows):
        run(cross_entropy_back_rows, gs, rows, t, given, ignore_index, e, tops, logs, out)
    elif rows.size:
        classes = rows.shape[1]
        np.exp((rows - tops[:, None]) - logs[:, None], out=out)
        counts = None if all_count else t != ignore_index
        if counts is not None:
            t = np.where(counts, t, 0)
            gs *= counts
        if e or given.size:
            each = given if given.size else np.ones(classes, x.dtype)
            w = each[t]
            out *= (gs * ((1 - e) * w + e / classes * each.sum()))[:, None]
            out -= (gs * (e / classes))[:, None] * each
            gs = gs * (1 - e) * w
        else:
            out *= gs[:, None]
        out[np.arange(len(out)), t] -= gs
        if counts is not None:
            out[~counts] = 0
    return from_rows(out, x.shape, 1 if x.ndim > 1 else 0)


# -- negative log-likelihood ----------------------------------------------------------------------


def nll(
    x: Array, target: Array, weight: Array | None, ignore_index: int, reduction: str
) -> tuple[Array, Array]:
    """-weight[t] x[t] for log-probabilities x (N, C, ...) or (C), classes t (N, ...) or ().

    0 where t == ignore_index; "mean" divides the sum by the weights of the labels that count.
    Returns the loss and that sum of weights. IndexError for a target that is no class.
    """
    rows = x if x.ndim == 2 and x.flags.c_contiguous else _class_rows(x)
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
