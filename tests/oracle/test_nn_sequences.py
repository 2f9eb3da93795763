"""Recurrent layers, attention and the Transformer against PyTorch's, from the same weights."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl

torch = pytest.importorskip("torch")


def load(ours: Any, theirs: Any) -> None:
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict({k: tl.tensor(v.numpy()) for k, v in theirs.state_dict().items()})


def agree(ours: Any, theirs: Any, arrays: list[np.ndarray], call: Callable[..., Any]) -> None:
    """Outputs, gradients towards inputs and towards parameters are equal."""
    found = []
    for t, module in ((tl, ours), (torch, theirs)):
        xs = [t.tensor(a, requires_grad=True) for a in arrays]
        outs = [o for o in call(t, module, *xs) if o is not None]
        sum((o * (i + 2)).sin().sum() for i, o in enumerate(outs)).backward()
        values = [o.detach().numpy() for o in outs]
        grads = [None if p.grad is None else p.grad.numpy() for p in [*xs, *module.parameters()]]
        found.append((values, grads))
    for (a, ga), (b, gb) in [found]:
        for x, y in zip(a, b, strict=True):
            np.testing.assert_allclose(x, y, rtol=1e-9, atol=1e-10)
        for x, y in zip(ga, gb, strict=True):
            assert (x is None) == (y is None)
            if x is not None:
                np.testing.assert_allclose(x, y, rtol=1e-8, atol=1e-9)


OPTIONS = list(
    itertools.product([False, True], [False, True], [1, 2], [False, True], [True, False])
)


@pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM"])
@pytest.mark.parametrize(("packed", "bidirectional", "layers", "batch_first", "bias"), OPTIONS)
def test_recurrent(
    kind: str, packed: bool, bidirectional: bool, layers: int, batch_first: bool, bias: bool
) -> None:
    options = {
        "num_layers": layers,
        "bidirectional": bidirectional,
        "batch_first": batch_first,
        "bias": bias,
    }
    check_recurrent(kind, packed, options)


@pytest.mark.parametrize("packed", [False, True])
def test_projections(packed: bool) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check_recurrent("LSTM", packed, {"proj_size": 3, "bidirectional": True, "num_layers": 2})


def test_relu_cell() -> None:
    check_recurrent("RNN", False, {"nonlinearity": "relu", "num_layers": 2})


def check_recurrent(kind: str, packed: bool, options: dict[str, Any]) -> None:
    ours = getattr(tl.nn, kind)(4, 6, **options).double()
    theirs = getattr(torch.nn, kind)(4, 6, **options).double()
    load(ours, theirs)
    assert repr(ours) == repr(theirs)
    first = options.get("batch_first", False)
    x = np.random.default_rng(0).normal(size=(3, 5, 4) if first else (5, 3, 4))

    def call(t: Any, module: Any, x: Any) -> list[Any]:
        pack, pad = t.nn.utils.rnn.pack_padded_sequence, t.nn.utils.rnn.pad_packed_sequence
        if packed:
            x = pack(x, [3, 5, 2], batch_first=first, enforce_sorted=False)
        y, h = module(x)
        if packed:
            y, lengths = pad(y, batch_first=first)
            assert lengths.tolist() == [3, 5, 2]
        return [y, *(h if isinstance(h, tuple) else (h,))]

    agree(ours, theirs, [x], call)


@pytest.mark.parametrize("kind", ["RNNCell", "GRUCell", "LSTMCell"])
@pytest.mark.parametrize("bias", [True, False])
def test_cell(kind: str, bias: bool) -> None:
    ours = getattr(tl.nn, kind)(4, 6, bias=bias).double()
    theirs = getattr(torch.nn, kind)(4, 6, bias=bias).double()
    load(ours, theirs)

    def call(t: Any, cell: Any, x: Any, y: Any) -> list[Any]:
        h = cell(y, cell(x))
        return list(h) if isinstance(h, tuple) else [h]

    rng = np.random.default_rng(1)
    agree(ours, theirs, [rng.normal(size=(3, 4)), rng.normal(size=(3, 4))], call)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"bias": False},
        {"add_bias_kv": True},
        {"add_zero_attn": True},
        {"kdim": 6, "vdim": 7},
        {"batch_first": True},
    ],
    ids=str,
)
@pytest.mark.parametrize(("need_weights", "average"), [(True, True), (True, False), (False, True)])
def test_attention(options: dict[str, Any], need_weights: bool, average: bool) -> None:
    queries, keys, n, e = 4, 5, 3, 8
    ours = tl.nn.MultiheadAttention(e, 2, **options).double()
    theirs = torch.nn.MultiheadAttention(e, 2, **options).double()
    load(ours, theirs)
    rng = np.random.default_rng(2)

    def shape(length: int, width: int) -> tuple[int, ...]:
        return (n, length, width) if options.get("batch_first") else (length, n, width)

    arrays = [
        rng.normal(size=shape(queries, e)),
        rng.normal(size=shape(keys, options.get("kdim", e))),
        rng.normal(size=shape(keys, options.get("vdim", e))),
    ]

    def call(t: Any, module: Any, q: Any, k: Any, v: Any) -> Any:
        mask = t.tensor(np.triu(np.ones((queries, keys), bool), 2))
        padding = t.tensor(np.array([[0, 0, 0, 0, 1], [0] * 5, [0, 0, 1, 0, 0]], bool))
        return module(
            q,
            k,
            v,
            key_padding_mask=padding,
            attn_mask=mask,
            need_weights=need_weights,
            average_attn_weights=average,
        )

    agree(ours, theirs, arrays, call)


@pytest.mark.parametrize(
    ("norm_first", "batch_first", "activation"),
    list(itertools.product([False, True], [False, True], ["relu", "gelu"])),
)
def test_transformer(norm_first: bool, batch_first: bool, activation: str) -> None:
    made = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for t in (tl, torch):
            module = t.nn.Transformer(
                8, 2, 2, 2, 16, 0.0, activation, batch_first=batch_first, norm_first=norm_first
            )
            made.append(module.double())
        load(*made)
        rng = np.random.default_rng(3)
        shapes = [(3, 5, 8), (3, 4, 8)] if batch_first else [(5, 3, 8), (4, 3, 8)]

        def call(t: Any, module: Any, source: Any, target: Any) -> Any:
            causal = t.nn.Transformer.generate_square_subsequent_mask(4, dtype=t.float64)
            return (module(source, target, tgt_mask=causal),)

        agree(*made, [rng.normal(size=s) for s in shapes], call)


@pytest.mark.parametrize("kind", ["none", "causal", "bool", "float", "grouped", "scale"])
def test_scaled_dot_product_attention(kind: str) -> None:
    rng = np.random.default_rng(4)
    heads = 2 if kind == "grouped" else 4
    arrays = [rng.normal(size=(2, h, n, 6)) for h, n in ((4, 5), (heads, 7), (heads, 7))]
    mask = rng.random((5, 7)) < 0.7
    mask[:, 0] = True

    def call(t: Any, _: Any, q: Any, k: Any, v: Any) -> Any:
        options: dict[str, Any] = {
            "none": {},
            "causal": {"is_causal": True},
            "bool": {"attn_mask": t.tensor(mask)},
            "float": {"attn_mask": t.tensor(np.where(mask, 0.3, -1.0))},
            "grouped": {"enable_gqa": True},
            "scale": {"scale": 0.2},
        }[kind]
        return (t.nn.functional.scaled_dot_product_attention(q, k, v, **options),)

    agree(tl.nn.Identity(), torch.nn.Identity(), arrays, call)


def test_names_of_the_weights_of_a_recurrent_layer() -> None:
    for kind, options in (("GRU", {"bias": False}), ("LSTM", {"proj_size": 2})):
        layers = [getattr(t.nn, kind)(3, 4, 2, bidirectional=True, **options) for t in (tl, torch)]
        ours, theirs = (
            (
                [*layer._flat_weights_names],
                [w.shape for w in layer._flat_weights],
                layer._all_weights,
            )
            for layer in layers
        )
        assert ours == theirs
