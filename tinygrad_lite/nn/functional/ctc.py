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


def _lengths(value: Any, n: int, name: str) -> np.ndarray:
    lengths = np.asarray(value)
    if lengths.dtype.kind not in "iu":
        raise RuntimeError(f"{name} must be integral, but got {lengths.dtype}")
    if lengths.ndim == 1 and len(lengths) != n:
        raise RuntimeError(f"{name} must be of size batch_size = {n}, but got {len(lengths)}")
    if lengths.min(initial=0) < 0:
        raise RuntimeError(f"Expected {name} to have value at least 0, but got {lengths.min()}")
    return np.broadcast_to(lengths, (n,))


def _extended(targets: Tensor, sizes: np.ndarray, blank: int) -> np.ndarray:
    """The labels of each row with blanks around them, (N, 2 * longest + 1).

    Targets are rows, whatever follows a row's length being arbitrary, or all labels in one row.
    """
    y = targets.array
    if y.ndim == 2:
        wanted, enough = f"at least {sizes.max()}", y.shape[1] >= sizes.max()
    else:
        wanted, enough = str(sizes.sum()), y.size == sizes.sum()
    if not enough:
        raise RuntimeError(
            f"Expected tensor to have size {wanted} at dimension {y.ndim - 1}, but got size "
            f"{y.shape[-1]} for argument #2 'targets' (ctc_loss)"
        )
    extended = np.full((len(sizes), 2 * int(sizes.max()) + 1), blank)
    ends = np.cumsum(sizes)
    for i, size in enumerate(sizes):
        row = y[i, :size] if y.ndim == 2 else y[ends[i] - size : ends[i]]
        extended[i, 1 : 2 * size : 2] = row
    return extended


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
    if x.array.size == 0:
        raise RuntimeError("log_probs tensor must not be empty")
    if not 0 <= blank < classes:
        raise RuntimeError(f"blank must be in label range, got {blank} for {classes} classes")
    times = _lengths(input_lengths, n, "input_lengths")
    sizes = _lengths(target_lengths, n, "target_lengths")
    if times.max() > steps:
        raise RuntimeError(
            f"Expected input_lengths to have value at most {steps}, but got value {times.max()}"
        )
    extended = _extended(targets, sizes, blank)
    skips = np.zeros(extended.shape, bool)
    skips[:, 2:] = (extended[:, 2:] != blank) & (extended[:, 2:] != extended[:, :-2])
    places = np.arange(extended.shape[1])
    dtype = x.array.dtype
    never = make(np.full((n, 2), _NEVER, dtype))
    index = make(extended)
    nothing_read = (times == 0)[:, None]  # of which only the empty target is certain
    at_first = np.where(nothing_read & (places == 0), 0.0, _NEVER).astype(dtype)
    alpha = where(make((places < 2) & ~nothing_read), x[0].gather(1, index), make(at_first))
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
    likely = x.exp() * make((np.arange(steps)[:, None] < times)[:, :, None])
    loss = loss + (likely - likely.detach()).sum((0, 2))
    impossible = loss.array > -_NEVER / 2
    if impossible.any():
        loss = where(make(impossible), 0.0 if zero_infinity else math.inf, loss)
    if reduction == "mean":
        return (loss / make(np.maximum(sizes, 1).astype(dtype))).mean()
    if reduction == "sum":
        return loss.sum()
    if reduction == "none":
        return loss if batched else loss.squeeze()
    raise ValueError(f"{reduction} is not a valid value for reduction")
