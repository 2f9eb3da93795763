"""Attention whose scores a function changes: softmax(score_mod(q k^T scale)) v.

`score_mod(score, b, h, q, kv)` and `mask_mod(b, h, q, kv)` are written for one score, of batch b,
head h, query q and key kv. They are called once, with all scores and with their places as Tensors
that broadcast against them, so they may compute elementwise and look places up in tables.

Source: PyTorch documentation, `torch.nn.attention.flex_attention`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from ...core.tensor import Tensor
from ...ops.filling import ones
from ...ops.matrix import matmul
from ...ops.reduction import logsumexp
from ...ops.sequences import arange
from ...ops.softmax import softmax

Places = tuple[Tensor, Tensor, Tensor, Tensor]
_DEFAULT_SPARSE_BLOCK_SIZE = 128


def _places(*sizes: int) -> Places:
    b, h, q, kv = [
        arange(n).reshape([n if i == j else 1 for j in range(4)]) for i, n in enumerate(sizes)
    ]
    return b, h, q, kv


def noop_mask(batch: Tensor, head: Tensor, token_q: Tensor, token_kv: Tensor) -> Tensor:
    """True everywhere."""
    return ones((), dtype=bool)


def and_masks(*mask_mods: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The mask that is True where all are."""

    def both(b: Any, h: Any, q: Any, kv: Any) -> Tensor:
        found = noop_mask(b, h, q, kv)
        for mask in mask_mods:
            found = found & mask(b, h, q, kv)
        return found

    return both


def or_masks(*mask_mods: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The mask that is True where one is."""

    def either(b: Any, h: Any, q: Any, kv: Any) -> Tensor:
        found = ~noop_mask(b, h, q, kv)
        for mask in mask_mods:
            found = found | mask(b, h, q, kv)
        return found

    return either


def create_mask(
    mod_fn: Callable[..., Tensor],
    B: int | None,
    H: int | None,
    Q_LEN: int,
    KV_LEN: int,
    device: Any = None,
) -> Tensor:
    """The mask as a bool Tensor (B or 1, H or 1, Q_LEN, KV_LEN)."""
    shape = (B or 1, H or 1, Q_LEN, KV_LEN)
    found: Tensor = mod_fn(*_places(*shape)).bool().expand(shape)
    return found


class BlockMask:
    """Which keys each query sees. All of it is computed: there are no blocks to leave out."""

    def __init__(self, mask_mod: Callable[..., Tensor], shape: tuple[int, int, int, int]) -> None:
        self.mask_mod = mask_mod
        self.shape = shape
        self.seq_lengths = shape[2:]

    def to_dense(self) -> Tensor:
        """The mask as a bool Tensor."""
        return create_mask(self.mask_mod, *self.shape)


def create_block_mask(
    mask_mod: Callable[..., Tensor],
    B: int | None,
    H: int | None,
    Q_LEN: int,
    KV_LEN: int,
    device: Any = None,
    BLOCK_SIZE: Any = _DEFAULT_SPARSE_BLOCK_SIZE,
    _compile: bool = False,
    **options: Any,
) -> BlockMask:
    """A mask for `flex_attention`; B or H None: the same for all batches or heads."""
    return BlockMask(mask_mod, (B or 1, H or 1, Q_LEN, KV_LEN))


class AuxRequest(NamedTuple):
    """What `flex_attention` shall give beside its result."""

    lse: bool = False
    max_scores: bool = False


class AuxOutput(NamedTuple):
    """What was asked for by an `AuxRequest`, None where it was not; each (B, H, L)."""

    lse: Tensor | None = None
    max_scores: Tensor | None = None


def flex_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    score_mod: Callable[..., Tensor] | None = None,
    block_mask: BlockMask | None = None,
    scale: float | None = None,
    enable_gqa: bool = False,
    return_lse: bool = False,
    kernel_options: Any = None,
    *,
    return_aux: AuxRequest | None = None,
) -> Any:
    """Attention of query (B, H, L, E) to key (B, H, S, E) and value (B, H, S, Ev).

    scale       default 1 / sqrt(E)
    enable_gqa  keys and values have fewer heads, each for several of the query's
    return_lse  also the logsumexp of each query's scores, (B, H, L)
    return_aux  also an `AuxOutput` of what the request names

    A query that sees no key gets zeros. ValueError unless all have 4 dimensions, and if both
    return_lse and return_aux are given.
    """
    if return_lse and return_aux is not None:
        raise ValueError(
            "Cannot specify both return_lse and return_aux. return_lse is deprecated, please use "
            "return_aux=AuxRequest(lse=True) instead."
        )
    for name, t in (("query", query), ("key", key), ("value", value)):
        if t.dim() != 4:
            raise ValueError(f"Expected {name} to have 4 dimensions, got {t.dim()}")
    if query.shape[1] != key.shape[1]:
        if not enable_gqa:
            raise ValueError(
                f"Expect query and key/value to have the same number of heads but got "
                f"Hq={query.shape[1]} and Hkv={key.shape[1]}. Try setting enable_gqa=True for GQA."
            )
        times = query.shape[1] // key.shape[1]
        key, value = key.repeat_interleave(times, 1), value.repeat_interleave(times, 1)
    factor = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    scores = matmul(query, key.transpose(-2, -1)) * factor
    where = _places(*scores.shape)
    if score_mod is not None:
        scores = score_mod(scores, *where).to(scores.dtype)
    if block_mask is not None:
        scores = scores.masked_fill(~block_mask.mask_mod(*where), -math.inf)
    blind = (scores == -math.inf).all(-1, keepdim=True)
    weights = softmax(scores, dim=-1).masked_fill(blind, 0.0)
    found = matmul(weights, value)
    if return_lse:
        return found, logsumexp(scores, -1)
    if return_aux is None:
        return found
    return found, AuxOutput(
        lse=logsumexp(scores, -1) if return_aux.lse else None,
        max_scores=scores.amax(-1) if return_aux.max_scores else None,
    )
