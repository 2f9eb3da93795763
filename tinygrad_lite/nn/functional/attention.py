"""Attention: every query reads a mean of values, weighted by its likeness to their keys.

softmax(q k^T / sqrt(E) + mask) v          (Vaswani et al. 2017)
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from ...core.tensor import Tensor, make
from ...ops.arguments import of_tensors
from ...ops.attention import attention
from ...ops.attention import weights as attention_weights
from ...ops.joining import cat
from ...ops.matrix import linear
from ...ops.softmax import softmax
from .dropout import dropout
from .vision import pad


@of_tensors
def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """softmax(q k^T * scale + mask) v for q (..., L, E), k (..., S, E), v (..., S, Ev).

    attn_mask   booleans (True: may look) or numbers added to the scores, broadcast to (..., L, S)
    is_causal   query i sees keys 0 to i only
    scale       default 1 / sqrt(E)
    enable_gqa  fewer heads (third last axis) of keys and values than of queries: each is shared
    A query that may look nowhere gets zeros.
    """
    if is_causal and attn_mask is not None:
        raise RuntimeError(
            "_scaled_dot_product_attention: Explicit attn_mask should not be set when "
            "is_causal=True"
        )
    for t in (query, key, value):
        if t.array.ndim < 2:
            raise RuntimeError(
                "Expected query, key, and value to all be  at least 2 dimensional, but got "
                f"query.dim: {query.array.ndim} key.dim: {key.array.ndim} and value.dim: "
                f"{value.array.ndim} instead."
            )
        if t.array.dtype != query.array.dtype:
            raise RuntimeError(
                "Expected query, key, and value to have the same dtype, but got query.dtype: "
                f"{query.dtype} key.dtype: {key.dtype} and value.dtype: {value.dtype} instead."
            )
    if attn_mask is not None and attn_mask.array.dtype.kind in "iu":
        raise RuntimeError(
            "Expected attn_mask dtype to be bool or float or to match query dtype, but got "
            f"attn_mask.dtype: {attn_mask.dtype} and  query.dtype: {query.dtype} instead."
        )
    if enable_gqa:
        key, value = _shared_heads(query, key), _shared_heads(query, value)
    factor = 1.0 / math.sqrt(query.array.shape[-1]) if scale is None else float(scale)
    learned_mask = attn_mask is not None and attn_mask.requires_grad
    if dropout_p > 0 or learned_mask:
        found = attention_weights(query, key, attn_mask, is_causal, factor)
        return dropout(found, dropout_p) @ value
    return attention(query, key, value, attn_mask, causal=is_causal, scale=factor)


def _shared_heads(query: Tensor, t: Tensor) -> Tensor:
    heads, own = query.array.shape[-3], t.array.shape[-3]
    if heads % own:
        raise RuntimeError(
            "Number of heads in key and value must divide the number of heads in query, but got "
            f"{own} and {heads} (enable_gqa)"
        )
    return t.repeat_interleave(heads // own, -3)


def _canonical_mask(mask: Tensor | None, dtype: Any, name: str) -> Tensor | None:
    """A mask as numbers to add: booleans (True: may not look) become 0 and -inf."""
    if mask is None:
        return None
    a = mask.array
    if a.dtype == bool:
        return make(np.where(a, -np.inf, 0.0).astype(dtype))
    if a.dtype.kind != "f":
        raise AssertionError(f"only bool and floating types of {name} are supported")
    return mask


def _projections(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    in_proj_weight: Tensor | None,
    in_proj_bias: Tensor | None,
    separate: Any,
) -> list[Tensor]:
    embed = query.array.shape[-1]
    if in_proj_weight is not None and query is key and key is value:
        return list(linear(query, in_proj_weight, in_proj_bias).chunk(3, -1))
    weights = in_proj_weight.chunk(3) if in_proj_weight is not None else separate
    biases: Any = (None, None, None)
    if in_proj_bias is not None:
        biases = in_proj_bias.split(embed)
    return [linear(t, w, b) for t, w, b in zip((query, key, value), weights, biases)]


def _is_batched(
    query: Tensor, key: Tensor, value: Tensor, padding: Any, mask: Any, num_heads: int
) -> bool:
    """Whether there is a batch axis; AssertionError for ranks that do not go together."""
    rank = query.array.ndim
    if rank not in (2, 3):
        raise AssertionError(
            f"query should be unbatched 2D or batched 3D tensor but received {rank}-D query tensor"
        )
    kind = f"For {'batched' if rank == 3 else 'unbatched'} ({rank}-D) `query`, expected"
    if key.array.ndim != rank or value.array.ndim != rank:
        raise AssertionError(
            f"{kind} `key` and `value` to be {rank}-D but found {key.array.ndim}-D and "
            f"{value.array.ndim}-D tensors respectively"
        )
    if padding is not None and padding.array.ndim != rank - 1:
        raise AssertionError(
            f"{kind} `key_padding_mask` to be `None` or {rank - 1}-D but found "
            f"{padding.array.ndim}-D tensor instead"
        )
    if mask is not None and mask.array.ndim not in (2, 3):
        raise AssertionError(
            f"{kind} `attn_mask` to be `None`, 2-D or 3-D but found {mask.array.ndim}-D tensor "
            "instead"
        )
    if mask is not None and rank == 2 and mask.array.ndim == 3:
        wanted = (num_heads, query.array.shape[0], key.array.shape[0])
        if mask.array.shape != wanted:
            raise AssertionError(f"Expected `attn_mask` shape to be {wanted} but got {mask.shape}")
    return rank == 3


def multi_head_attention_forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: Tensor | None,
    in_proj_bias: Tensor | None,
    bias_k: Tensor | None,
    bias_v: Tensor | None,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: Tensor,
    out_proj_bias: Tensor | None,
    training: bool = True,
    key_padding_mask: Tensor | None = None,
    need_weights: bool = True,
    attn_mask: Tensor | None = None,
    use_separate_proj_weight: bool = False,
    q_proj_weight: Tensor | None = None,
    k_proj_weight: Tensor | None = None,
    v_proj_weight: Tensor | None = None,
    static_k: Tensor | None = None,
    static_v: Tensor | None = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """Several attentions side by side, on projections of query, key and value (L, N, E).

    Returns the projected output (L, N, E) and, with `need_weights`, the weights (N, L, S), averaged
    over heads or (N, heads, L, S). Masks: True (or -inf) where a query may not look.
    """
    batched = _is_batched(query, key, value, key_padding_mask, attn_mask, num_heads)
    if not batched:
        same_key, same_value = key is query, value is key
        query = query.unsqueeze(1)
        key = query if same_key else key.unsqueeze(1)
        value = key if same_value else value.unsqueeze(1)
        if key_padding_mask is not None:
            key_padding_mask = key_padding_mask.unsqueeze(0)
    length, n, embed = query.array.shape
    if embed != embed_dim_to_check:
        raise AssertionError(
            f"was expecting embedding dimension of {embed_dim_to_check}, but got {embed}"
        )
    head = embed // num_heads
    if head * num_heads != embed:
        raise AssertionError(f"embed_dim {embed} not divisible by num_heads {num_heads}")
    if use_separate_proj_weight:  # widths may differ then
        if key.array.shape[:2] != value.array.shape[:2]:
            raise AssertionError(
                f"key's sequence and batch dims {key.shape[:2]} do not match value's "
                f"{value.shape[:2]}"
            )
    elif key.array.shape != value.array.shape:
        raise AssertionError(f"key shape {key.shape} does not match value shape {value.shape}")
    if key_padding_mask is not None:
        for axis, size in enumerate((n, key.array.shape[0])):
            found = key_padding_mask.array.shape[axis]
            if found != size:
                raise AssertionError(
                    f"Expected key_padded_mask.shape[{axis}] to be {size}, but got {found}"
                )
    if is_causal and attn_mask is None:
        raise RuntimeError(
            "Need attn_mask if specifying the is_causal hint. You may use the Transformer module "
            "method `generate_square_subsequent_mask` to create this mask."
        )
    dtype = query.array.dtype
    separate = (q_proj_weight, k_proj_weight, v_proj_weight) if use_separate_proj_weight else None
    q, k, v = _projections(
        query, key, value, None if separate else in_proj_weight, in_proj_bias, separate
    )
    if attn_mask is not None and key_padding_mask is not None:
        if attn_mask.array.dtype != key_padding_mask.array.dtype:
            warnings.warn(
                "Support for mismatched key_padding_mask and attn_mask is deprecated. Use same "
                "type for both instead.",
                UserWarning,
                stacklevel=3,
            )
    mask = _canonical_mask(attn_mask, dtype, "attn_mask")
    if mask is not None:
        size = key.array.shape[0]
        wanted = {2: (length, size), 3: (n * num_heads, length, size)}.get(mask.array.ndim)
        if mask.array.shape != wanted:
            raise RuntimeError(
                f"The shape of the {mask.array.ndim}D attn_mask is {mask.shape}, but should be "
                f"{wanted}."
            )
        mask = mask.unsqueeze(0) if mask.array.ndim == 2 else mask
    padding = _canonical_mask(key_padding_mask, dtype, "key_padding_mask")
    if bias_k is None or bias_v is None:
        if bias_k is not bias_v:
            given, lacking = ("bias_k", "bias_v") if bias_v is None else ("bias_v", "bias_k")
            raise AssertionError(f"{given} is set but {lacking} is None")
    else:
        k = cat([k, bias_k.expand(1, n, embed)])
        v = cat([v, bias_v.expand(1, n, embed)])
        mask = None if mask is None else pad(mask, (0, 1))
        padding = None if padding is None else pad(padding, (0, 1))

    def heads(t: Tensor) -> Tensor:
        return t.reshape(t.array.shape[0], n, num_heads, head).permute(1, 2, 0, 3)

    q, k, v = heads(q), heads(k), heads(v)  # (N, heads, L or S, head)
    k = k if static_k is None else static_k.reshape(n, num_heads, -1, head)
    v = v if static_v is None else static_v.reshape(n, num_heads, -1, head)
    if add_zero_attn:
        zeros = make(np.zeros((n, num_heads, 1, head), dtype))
        k, v = cat([k, zeros], 2), cat([v, zeros], 2)
        mask = None if mask is None else pad(mask, (0, 1))
        padding = None if padding is None else pad(padding, (0, 1))
    size = k.array.shape[2]
    if mask is not None:
        shape = (1, 1) if mask.array.shape[0] == 1 else (n, num_heads)
        mask = mask.reshape(*shape, length, size)
    if padding is not None:
        spread = padding.reshape(n, 1, 1, size)
        mask = spread if mask is None else mask + spread
    rate = dropout_p if training else 0.0
    if need_weights:
        scores = (q * (1.0 / math.sqrt(head))) @ k.mT
        weights = softmax(scores if mask is None else scores + mask, -1)
        weights = dropout(weights, rate)
        out = weights @ v
    else:
        out = scaled_dot_product_attention(q, k, v, mask, rate)
    out = out.permute(2, 0, 1, 3).reshape(length, n, embed)
    out = linear(out, out_proj_weight, out_proj_bias)
    if not batched:
        out = out.squeeze(1)
    if not need_weights:
        return out, None
    weights = weights.mean(1) if average_attn_weights else weights
    return out, weights if batched else weights.squeeze(0)
