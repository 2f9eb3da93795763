"""Attention against PyTorch: masks, heads, biases, widths, what is returned."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl
from tests.oracle.comparing import flat, lines, same_value
from tests.oracle.functional.tables import hold, torch

DOT = """
q(2,3) y(4,3) v(4,5) : dot(q, y, v)
q(2,3) y(4,3) v(4,5) m(2,4) : dot(q, y, v, m)
q(2,3) y(4,3) v(4,5) w(2,4) : dot(q, y, v, w)
q(2,3) y(4,3) v(4,5) w(2,4) : dot(q, y, v, w.detach())
q(3,3) y(3,3) v(3,5) : dot(q, y, v, None, 0.0, True)
q(2,3) y(4,3) v(4,5) : dot(q, y, v, is_causal=True)
q(2,3) y(4,3) v(4,5) : dot(q, y, v, scale=0.3)
q(2,3) y(4,3) v(4,5) w(4) : dot(q, y, v, w, 0.0, False, scale=0.3)
q(2,2,2,3) y(2,2,4,3) v(2,2,4,5) : dot(q, y, v)
q(2,4,2,3) y(2,2,5,3) v(2,2,5,3) :1 dot(q, y, v, enable_gqa=True)
q(2,4,2,3) y(2,1,5,3) v(2,1,5,3) :1 dot(q, y, v, enable_gqa=True)
q(2,2,2,3) y(2,2,5,3) v(2,2,5,3) :1 dot(q, y, v, enable_gqa=True)
q(6,3,3) y(2,3,3) v(2,3,3) :1 dot(q, y, v, is_causal=True, enable_gqa=True)
q(2,3) y(4,3) v(4,5) :1 dot(q.float(), y.float(), v.float())
q(2,3) y(4,3) v(4,5) w(2,4) :1 dot(q.float(), y.float(), v.float(), w.float())
q(2,3) y(4,3) v(4,5) : dot(q, y, v, dropout_p=0.0)
q(2,3) y(4,3) v(4,5) w(2,4) :1 dot(q, y, v, w, scale=0.3)
q(2,2,3) y(2,4,3) v(2,4,5) w(2,4) : dot(q, y, v, w, scale=2)
"""


@pytest.mark.parametrize("line", lines(DOT))
def test_scaled_dot_product_attention(line: str) -> None:
    hold(line.replace("dot(", "F.scaled_dot_product_attention("))


E, HEADS, S = 6, 3, 4  # width, heads, length of memory


def attended(t: Any, seed: int = 0, **how: Any) -> list[Any]:
    """Output, weights and all gradients of an attention of width 6, as `how` says."""
    rng = np.random.default_rng(seed)
    leaves = []

    def leaf(*shape: int) -> Any:
        leaves.append(t.tensor(rng.uniform(-1, 1, shape), dtype=how.get("dtype", t.float64)))
        return leaves[-1].requires_grad_()

    L, N = how.get("length", 3), how.get("batch", 2)
    batch = () if how.get("unbatched") else (N,)
    kind = how.get("inputs", "three")
    widths = how.get("widths", (E, E))
    q = leaf(L, *batch, E)
    k = q if kind in ("self", "key") else leaf(S, *batch, widths[0])
    v = k if kind in ("self", "memory") else leaf(k.shape[0], *batch, widths[1])
    source = k.shape[0]
    separate = how.get("separate", False)
    inner = None if separate and not how.get("ignored") else leaf(3 * E, E)
    outer = leaf(E, E)
    bias = leaf(3 * E) if how.get("bias", True) else None
    out_bias = leaf(E) if how.get("bias", True) else None
    extra = (leaf(1, 1, E), leaf(1, 1, E)) if how.get("bias_kv") else (None, None)
    more: dict[str, Any] = {}
    if separate:
        more = {
            "use_separate_proj_weight": True,
            "q_proj_weight": leaf(E, E),
            "k_proj_weight": leaf(E, widths[0]),
            "v_proj_weight": leaf(E, widths[1]),
        }
    for name in ("need_weights", "average_attn_weights", "is_causal", "training"):
        if name in how:
            more[name] = how[name]
    mask = how.get("mask")
    if mask is not None:
        shape = (N * HEADS if batch else HEADS, L, source) if "3" in mask else (L, source)
        looks = rng.uniform(-1, 1, shape)
        looks[..., 0] = -1  # one key at least may be looked at
        if how.get("is_causal"):  # a hint that the mask is this one
            looks = np.triu(np.ones(shape), 1)
        more["attn_mask"] = t.tensor(looks > 0.3) if "bool" in mask else leaf(*shape)
    padding = how.get("padding")
    if padding is not None:
        hidden = np.zeros((*batch, source), bool)
        hidden[..., -1] = True
        numbers = np.where(hidden, -np.inf, 0.25)
        more["key_padding_mask"] = t.tensor(hidden if padding == "bool" else numbers)
        if padding == "float":
            more["key_padding_mask"] = more["key_padding_mask"].to(q.dtype)
    if how.get("static"):
        more["static_k"], more["static_v"] = (leaf(N * HEADS, 5, E // HEADS) for _ in range(2))
    out, weights = t.nn.functional.multi_head_attention_forward(
        *(q, k, v, E, HEADS, inner, bias, *extra, how.get("zero", False)),
        *(how.get("dropout", 0.0), outer, out_bias),
        **more,
    )
    loss = (out * t.arange(out.numel()).reshape(out.shape).to(out.dtype)).sum()
    if weights is not None:
        loss = loss + (weights * weights).sum()
    grads = t.autograd.grad(loss, leaves, allow_unused=True)
    return [out, weights, *grads]


BASIC: list[dict[str, Any]] = [
    {},
    {"inputs": "self"},
    {"inputs": "memory"},
    {"inputs": "self", "bias": False},
    {"bias": False},
    {"separate": True, "widths": (5, 4)},
    {"separate": True, "widths": (5, 4), "bias": False, "unbatched": True},
    {"separate": True, "inputs": "self"},
    {"separate": True, "ignored": True},
    {"inputs": "key"},
    {"bias_kv": True},
    {"zero": True},
    {"batch": 1},
    {"length": 1},
    {"length": 1, "unbatched": True},
    {"bias_kv": True, "zero": True, "mask": "2 bool", "padding": "bool"},
    {"bias_kv": True, "mask": "2 float", "padding": "float"},
    {"bias_kv": True, "mask": "3 bool"},
    {"zero": True, "mask": "3 float", "padding": "float"},
    {"zero": True, "mask": "2 bool", "unbatched": True},
    {"bias_kv": True, "padding": "bool", "unbatched": True},
    {"bias_kv": True, "unbatched": True, "mask": "2 float"},
    {"zero": True, "padding": "bool"},
    {"mask": "2 bool", "is_causal": True},
    {"mask": "2 bool", "is_causal": True, "inputs": "self"},
    {"static": True},
    {"training": False, "dropout": 0.9},
    {"dropout": 0.0, "training": True},
]
OUTER = [
    dict(zip(("mask", "padding", "unbatched"), values, strict=True))
    for values in itertools.product(
        (None, "2 bool", "2 float", "3 bool", "3 float"), (None, "bool", "float"), (False, True)
    )
]
RETURNS: list[dict[str, Any]] = [
    {},
    {"need_weights": False},
    {"need_weights": True, "average_attn_weights": False},
]


@pytest.mark.parametrize("returned", RETURNS, ids=str)
@pytest.mark.parametrize("how", BASIC + OUTER, ids=str)
@pytest.mark.filterwarnings("ignore")
def test_multi_head_attention(how: dict[str, Any], returned: dict[str, Any]) -> None:
    ours = flat(attended(tl, **how, **returned))
    theirs = flat(attended(torch, **how, **returned))
    assert len(ours) == len(theirs)
    for i, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        if b is None or a is None:
            zero = all(x is None or not x.any() for x in (a, b))
            assert zero, f"value {i}: {a}, not {b}"
        else:
            same_value(f"value {i}", a, b)


def test_single_precision_stays_single() -> None:
    for how in ({"mask": "2 bool", "padding": "bool", "zero": True}, {"bias_kv": True}):
        ours = attended(tl, dtype=tl.float32, **how)
        theirs = attended(torch, dtype=torch.float32, **how)
        for a, b in zip(ours, theirs, strict=True):
            same_value("single precision", a, b, 1e-4, 1e-5)
