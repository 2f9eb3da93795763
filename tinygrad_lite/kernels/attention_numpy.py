"""Attention in plain NumPy: in as few calls as there can be of little, and for every input."""

from __future__ import annotations

import functools

import numpy as np

from .random import keep_mask

Array = np.ndarray


@functools.lru_cache(64)
def _unseen(rows: int, keys: int) -> Array:
    """Which keys (columns) are later than the query (row)."""
    unseen = ~np.tri(rows, keys, dtype=bool)
    unseen.flags.writeable = False
    return unseen


def attention_of_few(
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


def backward_of_few(
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


def batch_of(mask: Array | None) -> tuple[int, ...]:
    return () if mask is None else mask.shape[:-2]


def _scores(q: Array, k: Array, mask: Array | None, causal: bool, scale: float) -> Array:
    scores = np.matmul(q, k.swapaxes(-1, -2)) * q.dtype.type(scale)
    if mask is not None:
        add = np.where(mask, 0.0, -np.inf) if mask.dtype == bool else mask
        scores = scores + add.astype(q.dtype, copy=False)
    if causal:
        scores = np.where(np.tri(*scores.shape[-2:]) > 0, scores, -np.inf)
    return scores.astype(q.dtype, copy=False)


def attention_numpy(
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


def attention_backward_numpy(
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
