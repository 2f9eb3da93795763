"""softmax(scale q k^T + mask) v in blocks of queries: memory grows with the length, not its square.

A thread takes one head and 64 queries at a time: their scores against all keys they may see, the
softmax of each row and the product with the values stay in its cache. What is kept for the backward
pass is m and log s of each row of scores; the scores themselves are computed again:

    P = exp(scale S + mask - m - log s),     O = P v,      D = sum(g O) for each row
    dv = P^T g,   dP = g v^T,   dS = scale P (dP - D),   dq = dS k,   dk = dS^T q

With dropout, P is multiplied by a mask computed from a key (see random.py), both ways.
"""

from __future__ import annotations

import functools
import math
from math import prod
from typing import NamedTuple

import numpy as np

from ._jit import enabled, threads
from .attention_numba import QUERIES, attend, attend_back
from .attention_numpy import (
    attention_backward_numpy,
    attention_numpy,
    attention_of_few,
    backward_of_few,
    batch_of,
)
from .copying import contiguous
from .matmul import _shape_of_block, scratch
from .random import _halves, _threshold
from .updates import address

Array = np.ndarray
Shape = tuple[int, ...]

SMALL = 1 << 18
"""Multiplications below which NumPy is faster, which then keeps the weights."""
PARALLEL = 1 << 19
"""Multiplications from which waking the other threads pays."""


class Heads(NamedTuple):
    """An array (..., rows, width) as kernels find it: address, offset of each head, row stride."""

    array: Array  # kept alive
    address: int
    offsets: Array
    row: int


def _heads(x: Array, batch: Shape) -> Heads:
    """x broadcast over the axes `batch`; copied only if its last axis has gaps."""
    size = x.itemsize
    if not x.flags.c_contiguous and (
        (x.strides[-1] != size and x.shape[-1] > 1)
        or x.strides[-2] < 0
        or any(step % size for step in x.strides)
    ):
        x = contiguous(x)
    offsets = _offsets(batch, x.shape[:-2], x.strides[:-2], size)
    return Heads(x, address(x), offsets, x.strides[-2] // size)


@functools.lru_cache(256)
def _offsets(batch: Shape, shape: Shape, strides: Shape, size: int) -> Array:
    """Where each head begins, in numbers, in an array of that leading shape and strides (bytes)."""
    offsets = np.zeros(1, np.int64)
    absent = len(batch) - len(shape)
    steps = (0,) * absent + tuple(
        s // size if n > 1 else 0 for n, s in zip(shape, strides, strict=True)
    )
    for length, step in zip(batch, steps, strict=True):
        along = np.arange(length, dtype=np.int64) * step
        offsets = (offsets[:, None] + along).reshape(-1)
    return offsets


def _like_heads(x: Array, shape: tuple[int, ...], zero: bool = False) -> Array:
    """An array of `shape` whose axes lie in memory in the order of those of x."""
    if x.ndim != len(shape):
        return np.zeros(shape, x.dtype) if zero else np.empty(shape, x.dtype)
    return (np.zeros_like if zero else np.empty_like)(x, shape=shape, order="K")


def _mask_of(
    mask: Array | None, batch: tuple[int, ...], rows: int, keys: int, dtype: np.dtype
) -> tuple[Array, Array]:
    """The numbers to add to the scores, flat, and where those of each head start."""
    if mask is None:
        return np.empty(0, dtype), np.zeros(prod(batch), np.int64)
    if mask.dtype == bool:
        mask = np.where(mask, dtype.type(0), dtype.type(-np.inf))
    full = (
        np.broadcast_to(mask, (*mask.shape[:-2], rows, keys))
        if mask.ndim > 1
        else (np.broadcast_to(mask, (rows, keys)))
    )
    full = np.ascontiguousarray(full, dtype)
    return full.reshape(-1), _heads(full, batch).offsets


def _few(work: int, *arrays: Array) -> bool:
    """Whether there is so little to do that the number of calls is what costs."""
    dtype = arrays[0].dtype
    if not 0 < work < SMALL or dtype.char not in "fd":
        return False
    return all(a.dtype is dtype or a.dtype == dtype for a in arrays)


def _compiled(work: int, *arrays: Array) -> bool:
    dtype = arrays[0].dtype
    return (
        work >= SMALL
        and dtype.char in "fd"
        and all(a.dtype == dtype for a in arrays)
        and min(a.size for a in arrays) > 0
        and enabled()
    )


def attention(
    q: Array,
    k: Array,
    v: Array,
    mask: Array | None = None,
    causal: bool = False,
    scale: float | None = None,
    dropout: float = 0.0,
    key: int = 0,
) -> tuple[Array, tuple[Array, ...]]:
    """softmax(scale q k^T + mask) v for q (..., L, E), k (..., S, E), v (..., S, Ev).

    Leading axes are broadcast. mask, broadcast to (..., L, S): booleans (True: may look) or numbers
    to add. causal: query i sees keys 0 to i. scale is 1 / sqrt(E) unless given. A query that may
    look nowhere gets zeros. dropout (probability below 1) zeroes weights by the mask of `key`.
    Returns O (..., L, Ev), whose axes lie in memory in the order of those of q, and what
    `attention_backward` needs: m and log s (..., L), or of little the weights (..., L, S).
    """
    batch = q.shape[:-2]
    alike = k.shape[:-2] == v.shape[:-2] == batch
    if not alike or (mask is not None and mask.ndim > 2):
        batch = np.broadcast_shapes(batch, k.shape[:-2], v.shape[:-2], batch_of(mask))
    rows, keys, width, depth = q.shape[-2], k.shape[-2], q.shape[-1], v.shape[-1]
    factor = 1 / math.sqrt(width) if scale is None else scale
    heads = prod(batch)
    work = heads * rows * keys * (width + depth)
    if alike and not dropout and batch == q.shape[:-2] and _few(work, q, k, v):
        out, weights = attention_of_few(q, k, v, mask, causal, factor)
        return out, (weights,)
    if not _compiled(work, q, k, v):
        return attention_numpy(q, k, v, mask, causal, factor, dropout, key)
    out = _like_heads(q, (*batch, rows, depth))
    tops, logs = np.empty((heads, rows), q.dtype), np.empty((heads, rows), q.dtype)
    numbers, starts = _mask_of(mask, batch, rows, keys, q.dtype)
    run = attend if work >= PARALLEL else attend.serial
    big, few, side = _shape_of_block(q.itemsize)
    panel = 2 * side
    ways = min(threads(), heads * -(-rows // QUERIES)) if run is attend else 1
    padded = -(-keys // panel) * panel
    deep = -(-depth // panel) * panel
    own = big * panel + padded * width + deep * keys + QUERIES * padded
    queries_, keys_, values_, out_ = (_heads(x, batch) for x in (q, k, v, out))
    run(
        *queries_[1:], *keys_[1:], *values_[1:], *out_[1:], tops, logs, numbers, starts,
        (heads, rows, keys, width, depth), q.dtype.type(factor), causal, dropout > 0, *_halves(key),
        _threshold(dropout), q.dtype.type(1 / (1 - dropout)), np.zeros(max(padded, deep), q.dtype),
        ways, big, few, side, scratch(ways * own, q.dtype),
    )  # fmt: skip
    shape = (*batch, rows)
    return out, (tops.reshape(shape), logs.reshape(shape))


def attention_backward(
    g: Array,
    q: Array,
    k: Array,
    v: Array,
    out: Array,
    kept: tuple[Array, ...],
    mask: Array | None = None,
    causal: bool = False,
    scale: float | None = None,
    dropout: float = 0.0,
    key: int = 0,
) -> tuple[Array, Array, Array]:
    """Gradients towards q, k and v, with the leading axes of `out` (not yet summed over those along
    which they were broadcast). `kept` is what `attention` returned beside O."""
    batch = out.shape[:-2]
    rows, keys, width, depth = q.shape[-2], k.shape[-2], q.shape[-1], v.shape[-1]
    factor = 1 / math.sqrt(width) if scale is None else scale
    if len(kept) == 1:
        return backward_of_few(g, q, k, v, kept[0], factor)
    tops, logs = kept
    heads = prod(batch)
    work = heads * rows * keys * (width + depth)
    if not _compiled(work, q, k, v, g, out):
        return attention_backward_numpy(
            g, q, k, v, out, tops, logs, mask, causal, factor, dropout, key
        )
    dq = _like_heads(q, (*batch, rows, width))
    dk = _like_heads(k, (*batch, keys, width), zero=True)
    dv = _like_heads(v, (*batch, keys, depth), zero=True)
    centres = np.einsum("...d,...d->...", g, out).reshape(heads, rows)
    numbers, starts = _mask_of(mask, batch, rows, keys, q.dtype)
    run = attend_back if work >= PARALLEL else attend_back.serial
    big, few, side = _shape_of_block(q.itemsize)
    panel = 2 * side
    ways = min(threads(), heads) if run is attend_back else 1
    padded, wide, deep = (-(-n // panel) * panel for n in (keys, width, depth))
    own = (
        big * panel + padded * (width + depth) + keys * wide + QUERIES * (wide + deep)
        + 2 * QUERIES * padded
    )  # fmt: skip
    found = [_heads(x, batch) for x in (q, k, v, g)]
    wanted = [_heads(x, batch) for x in (dq, dk, dv)]
    run(
        *found[0][1:], *found[1][1:], *found[2][1:], *found[3][1:], centres,
        tops.reshape(heads, rows), logs.reshape(heads, rows), numbers, starts,
        *wanted[0][1:], *wanted[1][1:], *wanted[2][1:],
        (heads, rows, keys, width, depth), q.dtype.type(factor), causal, dropout > 0, *_halves(key),
        _threshold(dropout), q.dtype.type(1 / (1 - dropout)),
        np.zeros(max(padded, wide, deep), q.dtype), ways, big, few, side,
        scratch(ways * own, q.dtype),
    )  # fmt: skip
    return dq, dk, dv
