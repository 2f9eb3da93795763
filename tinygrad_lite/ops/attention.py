"""Scaled dot-product attention as one op, whose memory grows with the sequence, not its square."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core.fused import fused
from ..core.samples import Real, sample
from ..core.tensor import make
from ..kernels import attention as kernels
from .matrix import matmul
from .selection import where
from .softmax import softmax


def allowed(mask: Any, causal: bool, rows: int, columns: int) -> Any:
    """Which key each query may look at, as an array of booleans (None: every one)."""
    looks = np.tri(rows, columns, dtype=bool) if causal else None
    if mask is not None and mask.dtype == bool:
        return mask if looks is None else mask & looks
    return looks


def weights(query: Any, key: Any, mask: Any, causal: bool, scale: float) -> Any:
    """softmax(q k^T * scale + mask); rows without a key to look at are zero."""
    scores = matmul(query * scale, key.mT)
    array = None if mask is None else mask.array
    looks = allowed(array, causal, *scores.array.shape[-2:])
    if array is not None and array.dtype != bool:
        scores = scores + mask
    if looks is not None:
        scores = where(make(np.asarray(looks)), scores, -math.inf)
    found = softmax(scores, -1)
    if mask is not None:
        blind = np.asarray(np.isneginf(scores.array).all(-1, keepdims=True))
        if blind.any():
            found = where(make(blind), 0.0, found)
    return found


def _reference(q: Any, k: Any, v: Any, mask: Any, *, causal: bool, scale: float) -> Any:
    return matmul(weights(q, k, mask, causal, scale), v)


def _backward(
    g: Any, x: Any, k: Any, v: Any, mask: Any, out: Any, residual: Any, causal: bool, scale: float
) -> Any:
    found = kernels.attention_backward(g, x, k, v, out, residual, mask, causal, scale)
    return (*found, None)


@fused(
    backward=_backward,
    reference=_reference,
    residual=True,
    promote=None,
    typed=(0, 1, 2),
    title="ScaledDotProductAttention",
    # Several keys for every query: with one, the gradient towards the scores is exactly zero, and
    # what the kernel leaves of it is rounding, which has no relative error to speak of.
    rewritable=True,
    samples=[
        sample(Real("b n 3"), Real("b 4 3"), Real("b 4 2"), Real("n 4"), causal=False, scale=0.5),
        sample(Real("n 3"), Real("4 3"), Real("4 2"), Real("n 4"), causal=False, scale=0.7),
    ],
)
def attention(x: Any, k: Any, v: Any, mask: Any, *, causal: bool, scale: float) -> Any:
    """softmax(x k^T * scale + mask) v; booleans in mask are where a query may look."""
    return kernels.attention(x, k, v, mask, causal, scale)
