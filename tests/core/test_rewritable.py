"""Values that may be written in place although the op's rule asks for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite.core.primitive import REGISTRY
from tinygrad_lite.core.samples import draw

# a pool keeps no value, only indices: it needs no copy of one
POOLS = {"max_pool", "adaptive_max"}
REWRITABLE = sorted(POOLS | {name for name, op in REGISTRY.items() if op.rewritable})
WRITES: dict[str, Callable[[Any], Any]] = {
    "the whole": lambda y: y.mul_(3),
    "a part": lambda y: y.view(-1)[:1].add_(1),
    "by index": lambda y: y.__setitem__(..., 2.0),
    "without recording": lambda y: tl.no_grad()(y.zero_)(),
}


def test_the_shrinking_activations_are_among_them() -> None:
    assert {"elu", "softshrink", "logaddexp"} <= set(REWRITABLE)


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("name", REWRITABLE)
def test_the_gradient_is_that_of_the_value_as_it_was(name: str, write: str) -> None:
    op = REGISTRY[name]
    for spec in op.samples:
        arrays, meta = draw(spec, np.random.default_rng(0))
        gradients = []
        for written in (False, True):
            leaves = [
                tl.tensor(a, requires_grad=i in op.typed) if isinstance(a, np.ndarray) else a
                for i, a in enumerate(arrays)
            ]
            y = op.call(*leaves, **meta)
            y = y[0] if op.outputs or op.shown else y
            weights = tl.arange(1.0, y.numel() + 1, dtype=y.dtype).reshape(y.shape)
            loss = (y * weights).sum()
            if written and y.numel():
                WRITES[write](y)
            loss.backward()
            gradients.append([x.grad for x in leaves if isinstance(x, tl.Tensor)])
        for plain, after in zip(*gradients, strict=True):
            assert (plain is None) == (after is None)
            if plain is not None:
                np.testing.assert_array_equal(plain.numpy(), after.numpy())


def test_others_raise() -> None:
    x = tl.ones(3, requires_grad=True)
    y = (x * 1).sigmoid()
    y.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_layers_in_place_after_a_pool() -> None:
    torch_order = tl.nn.Sequential(
        tl.nn.Conv2d(1, 2, 3), tl.nn.MaxPool2d(2), tl.nn.ReLU(True), tl.nn.Flatten()
    )
    x = tl.randn(2, 1, 8, 8)
    torch_order(x).sum().backward()
    in_place = [p.grad.clone() for p in torch_order.parameters()]
    torch_order.zero_grad()
    torch_order[2] = tl.nn.ReLU()
    torch_order(x).sum().backward()
    for a, p in zip(in_place, torch_order.parameters(), strict=True):
        assert a.equal(p.grad)
