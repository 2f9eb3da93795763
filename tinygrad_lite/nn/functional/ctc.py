"""Connectionist temporal classification (Graves et al. 2006)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...core.tensor import Tensor, make
from ...ops.joining import cat, stack
from ...ops.reduction import logsumexp
from ...ops.selection import where

_NEVER = -1e30  # log of a probability that never happens; finite, so that its weight is 0, not NaN


def _lengths(value: Any, n: int) -> np.ndarray:
    a = value.array if isinstance(value, Tensor) else np.asarray(value)
    return np.broadcast_to(a.astype(np.int64).reshape(-1), (n,))


def _labels(targets: Tensor, lengths: np.ndarray, batched: bool) -> np.ndarray:
    """Targets as (N, longest), whatever follows a row's length being arbitrary."""
    y = targets.array.astype(np.int64)
    if y.ndim == 2:
        return y
    if not batched:
        return y[None]
    rows = np.zeros((len(lengths), int(lengths.max(initial=0))), np.int64)
    start = 0
    for i, n in enumerate(lengths):
        rows[i, :n] = y[start : start + n]
        start += n
    return rows


def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Any,
    target_lengths: Any,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """-log of the probability that reading log_probs (T, N, C) gives `targets`.

    All alignments count: labels in order, each any number of times, blanks between. Computed
    by the forward recursion over the labels with blanks around them,
    alpha'(s) = p(s) (alpha(s) + alpha(s-1) + alpha(s-2) if that skips a blank between two
    different labels). "mean" divides each loss by its target's length first.

    The derivative towards log_probs[t, n, c] is PyTorch's: p(c) - P(c at t | targets), with the p
    that makes it zero in sum. Behind a log_softmax it is the same as without.
    """
    batched = log_probs.array.ndim == 3
    x = log_probs if batched else log_probs.unsqueeze(1)
    steps, n, classes = x.array.shape
    if not 0 <= blank < classes:
        raise RuntimeError(f"blank must be in label range, got {blank} for {classes} classes")
    times, sizes = _lengths(input_lengths, n), _lengths(target_lengths, n)
    if times.size and times.max() > steps:
        raise RuntimeError(
            f"Expected input_lengths to have value at most {steps}, but got value {times.max()}"
        )
    labels = _labels(targets, sizes, batched)
    width = int(sizes.max(initial=0))
    extended = np.full((n, 2 * width + 1), blank, np.int64)
    extended[:, 1::2] = np.where(np.arange(width) < sizes[:, None], labels[:, :width], blank)
    skips = np.zeros(extended.shape, bool)
    skips[:, 2:] = (extended[:, 2:] != blank) & (extended[:, 2:] != extended[:, :-2])
    places = np.arange(extended.shape[1])
    dtype = x.array.dtype
    never = make(np.full((n, 2), _NEVER, dtype))
    index = make(extended)
    start = make(np.broadcast_to((places < 2), extended.shape).copy())
    alpha = where(start, x[0].gather(1, index), _NEVER)
    for t in range(1, steps):
        before = cat([never, alpha], 1)
        jumped = where(make(skips), before[:, :-2], _NEVER)
        merged = logsumexp(stack([alpha, before[:, 1:-1], jumped]), 0)
        running = make(np.broadcast_to((t < times)[:, None], extended.shape).copy())
        alpha = where(running, merged + x[t].gather(1, index), alpha)
    rows = make(np.arange(n))
    last = alpha[rows, make(2 * sizes)]
    previous = alpha[rows, make(np.maximum(2 * sizes - 1, 0))]
    empty = make(sizes == 0)
    previous = where(empty, _NEVER, previous)
    loss = -logsumexp(stack([last, previous]), 0)
    read = make((np.arange(steps)[:, None] < times)[:, :, None])
    likely = where(read, x.exp(), 0.0)
    loss = loss + (likely - likely.detach()).sum((0, 2))
    impossible = loss.array > -_NEVER / 2
    if impossible.any():
        loss = where(make(impossible), 0.0 if zero_infinity else math.inf, loss)
    if reduction == "mean":
        return (loss / make(np.maximum(sizes, 1).astype(dtype))).mean()
    if reduction == "sum":
        return loss.sum()
    if reduction == "none":
        return loss if batched else loss.squeeze(0)
    raise ValueError(f"{reduction} is not a valid value for reduction")
