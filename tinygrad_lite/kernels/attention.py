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

from ._jit import FMA, SUMS, enabled, jit, like, prange, threads
from ._math import exp_nonpositive as _exp
from ._math import log as _log
from ._rows import CHUNK, maximum
from .copying import contiguous
from .matmul import _shape_of_block, pack, scratch, some_blocks
from .random import _halves, _threshold, hashed, keep_mask
from .updates import address, carray, pointer

Array = np.ndarray
Shape = tuple[int, ...]
U = np.uint32

SMALL = 1 << 18
"""Multiplications below which NumPy is faster, which then keeps the weights."""
PARALLEL = 1 << 19
"""Multiplications from which waking the other threads pays."""
QUERIES = 64
"""Queries worked on at a time."""

# -- compiled -------------------------------------------------------------------------------------


@jit(fastmath=FMA)
def _scale_row(row, scale):
    for j in range(row.size):
        row[j] *= scale


@jit(fastmath=FMA)
def _scale_and_mask(row, scale, mask):
    for j in range(row.size):
        row[j] = row[j] * scale + mask[j]


@jit(fastmath=SUMS, forceinline=True)
def _exponentials(row, top):
    """row = exp(row - top) in place, and its sum."""
    total = like(top, 0)
    for j in range(row.size):
        e = _exp(row[j] - top)
        row[j] = e
        total += e
    return total


@jit(fastmath=FMA)
def _weights(row, top, logs):
    for j in range(row.size):
        row[j] = _exp((row[j] - top) - logs)


@jit
def _drop_row(row, first, low, high, below, scale):
    for j in range(row.size):
        if hashed(U(first + U(j)), low, high) >= below:
            row[j] *= scale
        else:
            row[j] = 0


@jit(fastmath=FMA)
def _score_gradient(p, dp, centre, scale):
    for j in range(p.size):
        dp[j] = p[j] * (dp[j] - centre) * scale


@jit
def pack_all(b, bk, bj, depth, n, side, out, to):
    """All panels of B."""
    panel = 2 * side
    for p in range((n + panel - 1) // panel):
        j = p * panel
        pack(
            b + j * bj * out.itemsize, bk, bj, depth, min(panel, n - j), panel, out,
            to + p * depth * panel, side, out,
        )  # fmt: skip


@jit
def _row_of_scores(row, i, visible, scale, mask, mask_at, length):
    """Scale row i of the scores, add the mask, and make what is not visible -inf.

    Rows are worked on up to whole vectors: what is left over behind them costs more than they do.
    """
    if mask.size:
        start = mask_at + i * length
        _scale_and_mask(row[:visible], scale, mask[start : start + visible])
    else:
        _scale_row(row, scale)
    row[visible:] = -np.inf


@jit(parallel=True)
def attend(
    q, qat, ql, k, kat, kl, v, vat, vl, out, oat, ol, tops, logs, mask, mat, sizes, scale, causal,
    drops, low, high, below, keep, zeros, ways, big, few, side, scratch,
):  # fmt: skip
    """O, m and log s. Addresses q, k, v, out with offsets for each head and strides of their rows;
    sizes are (heads, L, S, E, Ev)."""
    heads, queries, keys, width, depth = sizes
    size = scratch.itemsize
    memory = scratch.ctypes.data
    panel = 2 * side
    padded = (keys + panel - 1) // panel * panel
    ranges = (queries + QUERIES - 1) // QUERIES
    tail = (depth + panel - 1) // panel * panel * keys
    own = big * panel + padded * width + tail + QUERIES * padded
    for way in prange(ways):
        base = way * own
        packed_k = base + big * panel
        packed_v = packed_k + padded * width
        scores = packed_v + tail
        held = -1
        for task in range(heads * ranges * way // ways, heads * ranges * (way + 1) // ways):
            head = task // ranges
            if head != held:
                pack_all(k + kat[head] * size, 1, kl, width, keys, side, scratch, packed_k)
                pack_all(v + vat[head] * size, vl, 1, keys, depth, side, scratch, packed_v)
                held = head
            first = task % ranges * QUERIES
            count = min(QUERIES, queries - first)
            seen = min(keys, first + count) if causal else keys
            columns = (seen + panel - 1) // panel
            some_blocks(
                scratch.ctypes.data + scores * size, padded, zeros.ctypes.data, 0,
                q + (qat[head] + first * ql) * size, ql, 1, q, 0,
                scratch.ctypes.data + packed_k * size, width, width, 0, count, 0,
                columns, columns * panel, big, few, side, False, base, 0, scratch,
            )  # fmt: skip
            for i in range(count):
                at = scores + i * padded
                row = carray(pointer(memory + at * size), columns * panel, scratch.dtype)
                visible = min(keys, first + i + 1) if causal else keys
                _row_of_scores(row, first + i, visible, scale, mask, mat[head], keys)
                top = maximum(row)
                total = 0.0
                for start in range(0, row.size, CHUNK):
                    total += _exponentials(row[start : start + CHUNK], top)
                tops[head, first + i], logs[head, first + i] = top, _log(like(top, total))
                if top == -np.inf:  # may look nowhere
                    row[:] = 0
                else:
                    _scale_row(row, like(top, 1.0 / total))
                if drops:
                    number = (head * queries + first + i) * keys
                    upper = U(high + U((number >> 32) * 0x9E3779B1))
                    _drop_row(row[:visible], U(number), low, upper, below, keep)
            some_blocks(
                out + (oat[head] + first * ol) * size, ol, zeros.ctypes.data, 0,
                scratch.ctypes.data + scores * size, padded, 1, q, 0,
                scratch.ctypes.data + packed_v * size, keys, seen, 0, count, 0,
                (depth + panel - 1) // panel, depth, big, few, side, False, base, 0, scratch,
            )  # fmt: skip


@jit(parallel=True)
def attend_back(
    q, qat, ql, k, kat, kl, v, vat, vl, g, gat, gl, centres, tops, logs, mask, mat, dq, dqat, dql,
    dk, dkat, dkl, dv, dvat, dvl, sizes, scale, causal, drops, low, high, below, keep, zeros, ways,
    big, few, side, scratch,
):  # fmt: skip
    """dq, dk and dv, one thread a head; centres is D."""
    heads, queries, keys, width, depth = sizes
    size = scratch.itemsize
    memory = scratch.ctypes.data
    panel = 2 * side
    padded = (keys + panel - 1) // panel * panel
    wide = (width + panel - 1) // panel * panel
    deep = (depth + panel - 1) // panel * panel
    own = (
        big * panel + padded * (width + depth) + keys * wide + QUERIES * (wide + deep)
        + 2 * QUERIES * padded
    )  # fmt: skip
    for way in prange(ways):
        base = way * own
        packed_kt = base + big * panel
        packed_vt = packed_kt + padded * width
        packed_k = packed_vt + padded * depth
        packed_q = packed_k + keys * wide
        packed_g = packed_q + QUERIES * wide
        p = packed_g + QUERIES * deep
        dp = p + QUERIES * padded
        for head in range(heads * way // ways, heads * (way + 1) // ways):
            pack_all(k + kat[head] * size, 1, kl, width, keys, side, scratch, packed_kt)
            pack_all(v + vat[head] * size, 1, vl, depth, keys, side, scratch, packed_vt)
            pack_all(k + kat[head] * size, kl, 1, keys, width, side, scratch, packed_k)
            for first in range(0, queries, QUERIES):
                count = min(QUERIES, queries - first)
                seen = min(keys, first + count) if causal else keys
                columns = (seen + panel - 1) // panel
                here = q + (qat[head] + first * ql) * size
                back = g + (gat[head] + first * gl) * size
                some_blocks(
                    memory + p * size, padded, zeros.ctypes.data, 0, here, ql, 1, q, 0,
                    memory + packed_kt * size, width, width, 0, count, 0, columns, columns * panel,
                    big, few, side, False, base, 0, scratch,
                )  # fmt: skip
                some_blocks(
                    memory + dp * size, padded, zeros.ctypes.data, 0, back, gl, 1, q, 0,
                    memory + packed_vt * size, depth, depth, 0, count, 0, columns, columns * panel,
                    big, few, side, False, base, 0, scratch,
                )  # fmt: skip
                for i in range(count):
                    length = columns * panel
                    row = carray(pointer(memory + (p + i * padded) * size), length, scratch.dtype)
                    drow = carray(pointer(memory + (dp + i * padded) * size), length, scratch.dtype)
                    visible = min(keys, first + i + 1) if causal else keys
                    _row_of_scores(row, first + i, visible, scale, mask, mat[head], keys)
                    top = tops[head, first + i]
                    if top == -np.inf:
                        row[:] = 0
                    else:
                        _weights(row, top, logs[head, first + i])
                    number = (head * queries + first + i) * keys
                    upper = U(high + U((number >> 32) * 0x9E3779B1))
                    if drops:
                        _drop_row(drow[:visible], U(number), low, upper, below, keep)
                    centre = centres[head, first + i]
                    _score_gradient(row, drow, centre, scale)
                    drow[visible:] = 0
                    if drops:
                        _drop_row(row[:visible], U(number), low, upper, below, keep)
                pack_all(here, ql, 1, count, width, side, scratch, packed_q)
                pack_all(back, gl, 1, count, depth, side, scratch, packed_g)
                to = dv + dvat[head] * size
                some_blocks(
                    to, dvl, to, dvl, memory + p * size, 1, padded, q, 0,
                    memory + packed_g * size, count, count, 0, seen, 0, deep // panel, depth, big,
                    few, side, False, base, 0, scratch,
                )  # fmt: skip
                to = dk + dkat[head] * size
                some_blocks(
                    to, dkl, to, dkl, memory + dp * size, 1, padded, q, 0,
                    memory + packed_q * size, count, count, 0, seen, 0, wide // panel, width, big,
                    few, side, False, base, 0, scratch,
                )  # fmt: skip
                some_blocks(
                    dq + (dqat[head] + first * dql) * size, dql, zeros.ctypes.data, 0,
                    memory + dp * size, padded, 1, q, 0, memory + packed_k * size, keys, seen, 0,
                    count, 0, wide // panel, width, big, few, side, False, base, 0, scratch,
                )  # fmt: skip


# -- called from Python ---------------------------------------------------------------------------


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
        batch = np.broadcast_shapes(batch, k.shape[:-2], v.shape[:-2], _batch_of(mask))
    rows, keys, width, depth = q.shape[-2], k.shape[-2], q.shape[-1], v.shape[-1]
    factor = 1 / math.sqrt(width) if scale is None else scale
    heads = prod(batch)
    work = heads * rows * keys * (width + depth)
    if alike and not dropout and batch == q.shape[:-2] and _few(work, q, k, v):
        out, weights = _attention_of_few(q, k, v, mask, causal, factor)
        return out, (weights,)
    if not _compiled(work, q, k, v):
        return _attention_numpy(q, k, v, mask, causal, factor, dropout, key)
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
        return _backward_of_few(g, q, k, v, kept[0], factor)
    tops, logs = kept
    heads = prod(batch)
    work = heads * rows * keys * (width + depth)
    if not _compiled(work, q, k, v, g, out):
        return _attention_backward_numpy(
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


# -- the same in NumPy ----------------------------------------------------------------------------


@functools.lru_cache(64)
def _unseen(rows: int, keys: int) -> Array:
    """Which keys (columns) are later than the query (row)."""
    unseen = ~np.tri(rows, keys, dtype=bool)
    unseen.flags.writeable = False
    return unseen


def _attention_of_few(
    q: Array, k: Array, v: Array, mask: Array | None, causal: bool, scale: float
) -> tuple[Array, Array]:
    """O and the weights P, in as few steps as there can be."""
    p = np.matmul(q, k.swapaxes(-1, -2))
    p *= scale
    if mask is not None:
        if mask.dtype == bool:
            np.copyto(p, -np.inf, where=~mask)
        else:
            p += mask
    if causal:
        np.copyto(p, -np.inf, where=_unseen(*p.shape[-2:]))
    tops = np.maximum.reduce(p, axis=-1, keepdims=True)
    blind = None
    if mask is not None:
        blind = tops == -np.inf
        np.copyto(tops, 0, where=blind)
    p -= tops
    np.exp(p, p)
    total = np.add.reduce(p, axis=-1, keepdims=True)
    if blind is not None:
        total += blind  # 0 / 1 where nothing may be seen
    p /= total
    return np.matmul(p, v), p


def _backward_of_few(
    g: Array, q: Array, k: Array, v: Array, p: Array, scale: float
) -> tuple[Array, Array, Array]:
    """dS = scale (P dP - P sum(P dP)), and the products with it."""
    ds = np.matmul(g, v.swapaxes(-1, -2))
    ds *= p
    ds -= p * np.add.reduce(ds, axis=-1, keepdims=True)
    ds *= scale
    return (
        np.matmul(ds, k),
        np.matmul(ds.swapaxes(-1, -2), q),
        np.matmul(p.swapaxes(-1, -2), g),
    )


def _batch_of(mask: Array | None) -> tuple[int, ...]:
    return () if mask is None else mask.shape[:-2]


def _scores(q: Array, k: Array, mask: Array | None, causal: bool, scale: float) -> Array:
    scores = np.matmul(q, k.swapaxes(-1, -2)) * q.dtype.type(scale)
    if mask is not None:
        add = np.where(mask, 0.0, -np.inf) if mask.dtype == bool else mask
        scores = scores + add.astype(q.dtype, copy=False)
    if causal:
        scores = np.where(np.tri(*scores.shape[-2:]) > 0, scores, -np.inf)
    return scores.astype(q.dtype, copy=False)


def _attention_numpy(
    q: Array,
    k: Array,
    v: Array,
    mask: Array | None,
    causal: bool,
    scale: float,
    dropout: float,
    key: int,
) -> tuple[Array, tuple[Array, Array]]:
    scores = _scores(q, k, mask, causal, scale)
    batch = np.broadcast_shapes(scores.shape[:-2], v.shape[:-2])
    scores = np.broadcast_to(scores, (*batch, *scores.shape[-2:]))
    tops = scores.max(axis=-1, initial=-np.inf)
    shifted = np.exp(scores - np.where(np.isneginf(tops), 0, tops)[..., None])
    with np.errstate(divide="ignore"):
        logs = np.log(shifted.sum(axis=-1))
    weights = _weights_numpy(scores, tops, logs)
    if dropout:
        keep = keep_mask(weights.size, dropout, key).reshape(weights.shape)
        weights = np.where(keep, weights / q.dtype.type(1 - dropout), q.dtype.type(0))
    return np.matmul(weights, v), (tops, logs)


def _weights_numpy(scores: Array, tops: Array, logs: Array) -> Array:
    blind = np.isneginf(tops)[..., None]
    shift, norm = np.where(blind, 0, tops[..., None]), np.where(blind, 0, logs[..., None])
    return np.asarray(np.exp((scores - shift) - norm), scores.dtype)


def _attention_backward_numpy(
    g: Array,
    q: Array,
    k: Array,
    v: Array,
    out: Array,
    tops: Array,
    logs: Array,
    mask: Array | None,
    causal: bool,
    scale: float,
    dropout: float,
    key: int,
) -> tuple[Array, Array, Array]:
    scores = _scores(q, k, mask, causal, scale)
    scores = np.broadcast_to(scores, (*out.shape[:-2], *scores.shape[-2:]))
    p = _weights_numpy(scores, tops, logs)
    dp = np.matmul(g, v.swapaxes(-1, -2))
    dropped = p
    if dropout:
        keep = keep_mask(p.size, dropout, key).reshape(p.shape)
        factor, zero = q.dtype.type(1 / (1 - dropout)), q.dtype.type(0)
        dp, dropped = np.where(keep, dp * factor, zero), np.where(keep, p * factor, zero)
    ds = p * (dp - (g * out).sum(axis=-1, keepdims=True)) * q.dtype.type(scale)
    return (
        np.matmul(ds, k),
        np.matmul(ds.swapaxes(-1, -2), q),
        np.matmul(dropped.swapaxes(-1, -2), g),
    )
