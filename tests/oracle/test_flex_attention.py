"""`flex_attention` with score functions and masks: values are PyTorch's, gradients our own."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

from tests.oracle.behaviours import check, error


def _room(lib: Any) -> Any:
    return importlib.import_module(f"{lib.__name__}.nn.attention.flex_attention")


def _inputs(lib: Any, heads: int = 2) -> list[Any]:
    rng = np.random.default_rng(0)
    shapes = [(2, 2, 8, 16), (2, heads, 8, 16), (2, heads, 8, 16)]
    values = [rng.standard_normal(s).astype("float32") for s in shapes]
    return [lib.from_numpy(v) for v in values]


def relative(lib: Any) -> Any:
    table = lib.tensor([0.5, 2.0])
    inputs = _inputs(lib)
    return _room(lib).flex_attention(
        *inputs, score_mod=lambda score, b, h, q, kv: score + (q - kv) * table[h] - b
    )


def causal(lib: Any) -> Any:
    room, inputs = _room(lib), _inputs(lib)
    mask = room.create_block_mask(lambda b, h, q, kv: q >= kv, None, None, 8, 8, device="cpu")
    return room.flex_attention(*inputs, block_mask=mask, scale=0.3)


def grouped(lib: Any) -> Any:
    inputs = _inputs(lib, heads=1)
    out = _room(lib).flex_attention(*inputs, enable_gqa=True)
    bad = error(lambda: _room(lib).flex_attention(*inputs), 60)
    return out, bad[0]


def beside(lib: Any) -> Any:
    room, inputs = _room(lib), _inputs(lib)
    asked = [room.flex_attention(*inputs, return_aux=room.AuxRequest(lse=b))[1] for b in (1, 0)]
    both = error(
        lambda: room.flex_attention(*inputs, return_lse=True, return_aux=room.AuxRequest()), 60
    )
    return asked[0].lse, asked[1]._asdict(), both


def masks(lib: Any) -> Any:
    room = _room(lib)

    def band(b: Any, h: Any, q: Any, kv: Any) -> Any:
        return (q - kv).abs() <= h

    def past(b: Any, h: Any, q: Any, kv: Any) -> Any:
        return q >= kv

    made = [past, room.and_masks(band, past), room.or_masks(band, past)]
    return [room.create_mask(m, 1, 2, 4, 5, device="cpu") for m in made]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("behaviour", [relative, causal, grouped, beside, masks])
def test_flex_attention(behaviour: Callable[[Any], Any]) -> None:
    check(behaviour)


def test_a_query_that_sees_nothing_gets_zeros() -> None:
    import tinygrad_lite as tl

    room, inputs = _room(tl), _inputs(tl)
    mask = room.create_block_mask(lambda b, h, q, kv: q > kv, None, None, 8, 8)
    out, lse = room.flex_attention(*inputs, block_mask=mask, return_lse=True)
    assert out[:, :, 0].abs().max().item() == 0
    assert lse.shape == (2, 2, 8)
    assert mask.to_dense().sum().item() == 28


def test_gradients_are_those_of_the_one_attention() -> None:
    import tinygrad_lite as tl

    def gradients(attend: Callable[..., Any]) -> list[Any]:
        inputs = [t.requires_grad_() for t in _inputs(tl)]
        attend(*inputs).square().sum().backward()
        return [t.grad for t in inputs]

    room = _room(tl)
    mask = room.create_block_mask(lambda b, h, q, kv: q >= kv, None, None, 8, 8)
    found = gradients(lambda *qkv: room.flex_attention(*qkv, block_mask=mask))
    one = tl.nn.functional.scaled_dot_product_attention
    for a, b in zip(found, gradients(lambda *qkv: one(*qkv, is_causal=True)), strict=True):
        tl.testing.assert_close(a, b)
