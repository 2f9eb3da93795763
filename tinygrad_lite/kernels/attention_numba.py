"""Attention, compiled: a thread takes one head and QUERIES queries at a time (see attention.py)."""

from __future__ import annotations

import numpy as np

from ._jit import FMA, SUMS, jit, like, prange
from ._math import exp_nonpositive as _exp
from ._math import log as _log
from ._rows import CHUNK, maximum
from .matmul import pack, some_blocks
from .random import hashed
from .updates import carray, pointer

U = np.uint32
QUERIES = 64
"""Queries worked on at a time."""


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
