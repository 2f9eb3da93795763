"""Groups by name, weight decay in two places, L1 in two ways, the range test."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tinygrad_lite import optim
from tinygrad_lite.core.tensor import make


def named() -> list[tuple[str, Any]]:
    shapes = {"body.weight": (3, 2), "body.bias": (3,), "norm.weight": (3,), "head.weight": (2, 3)}
    pairs = [(name, make(np.ones(shape)).requires_grad_()) for name, shape in shapes.items()]
    return [*pairs, ("frozen.weight", make(np.ones(2)))]


def test_groups_by_pattern() -> None:
    parts = optim.groups(named(), {r".*bias|norm": {"weight_decay": 0.0}, "^head": {"lr": 1.0}})
    optimizer = optim.AdamW(parts, lr=0.1, weight_decay=0.5)
    assert [g["param_names"] for g in optimizer.param_groups] == [
        ["body.bias", "norm.weight"],
        ["head.weight"],
        ["body.weight"],
    ]
    assert [(g["lr"], g["weight_decay"]) for g in optimizer.param_groups] == [
        (0.1, 0.0),
        (1.0, 0.5),
        (0.1, 0.5),
    ]
    receipt = str(parts)
    for text in ("body.bias", "weight_decay=0.0", "2 tensors, 6 numbers", "frozen, in no group: 1"):
        assert text in receipt


def test_groups_of_a_module() -> None:
    class Model:
        def named_parameters(self) -> Any:
            return iter(named())

    assert len(optim.groups(Model(), {"bias": {"lr": 0.1}})) == 2


def test_a_pattern_that_takes_nothing() -> None:
    with pytest.raises(ValueError, match=r"no parameter is left for the pattern 'biass'.*body"):
        optim.groups(named(), {"biass": {}})
    assert len(optim.groups(named(), {"biass": {}}, strict=False)) == 1
    with pytest.raises(TypeError, match="needs a Module or"):
        optim.groups([make(np.ones(2))], {})


def test_decay_groups() -> None:
    parts = optim.decay_groups(named(), 0.1, no_decay=["head"])
    assert [g["weight_decay"] for g in parts] == [0.1, 0.0]
    assert [name for name, _ in parts[0]["params"]] == ["body.weight"]
    assert len(parts[1]["params"]) == 3


def test_penalties_are_gradients() -> None:
    start = np.array([2.0, -3.0, 0.0])

    def after(change: Any) -> np.ndarray:
        p = make(start.copy()).requires_grad_()
        p.grad = make(np.ones(3))
        change([p, make(np.ones(2))])
        return p.grad.array

    np.testing.assert_allclose(after(lambda ps: optim.add_l1(ps, 0.5)), [1.5, 0.5, 1.0])
    np.testing.assert_allclose(after(lambda ps: optim.add_l2(ps, 0.5)), [2.0, -0.5, 1.0])
    np.testing.assert_allclose(
        after(lambda ps: optim.add_elastic_net(ps, 0.5, 0.25)), [1.875, -0.25, 1.0]
    )
    with pytest.raises(ValueError, match="Invalid ratio"):
        optim.add_elastic_net([], 0.5, 1.5)


def test_proximal_step_solves_the_lasso() -> None:
    """ISTA on 1/2 |x - b|^2 + s |x| ends at the soft threshold of b, with exact zeros."""
    b = np.array([3.0, -0.2, 0.5, -2.0])
    p = make(np.ones(4)).requires_grad_()
    optimizer = optim.SGD([p], lr=0.5)
    handle = optim.proximal_l1(optimizer, 0.6)
    for _ in range(100):
        p.grad = make(p.array - b)
        optimizer.step()
    np.testing.assert_allclose(p.array, [2.4, 0.0, 0.0, -1.4], atol=1e-12)
    assert (p.array[1:3] == 0).all()
    handle.remove()
    p.grad = make(p.array - b)
    optimizer.step()
    assert p.array[1] != 0


def test_l1_by_subgradient_leaves_no_exact_zero() -> None:
    p = make(np.array([1.0, 0.3])).requires_grad_()
    optimizer = optim.SGD([p], lr=0.07)
    for _ in range(200):
        p.grad = make(p.array - np.array([3.0, 0.2]))
        optim.add_l1([p], 0.6)
        optimizer.step()
    assert 0 < abs(p.array[1]) < 0.07


def test_decoupled_decay_differs_from_an_l2_penalty_under_adam() -> None:
    """Weights with large gradients are hardly decayed by the penalty, and all alike by AdamW."""
    shrunk = {}
    for name, options in (("penalty", {}), ("decoupled", {"decoupled_weight_decay": True})):
        p = make(np.array([1.0, 1.0])).requires_grad_()
        optimizer = optim.Adam([p], lr=0.01, weight_decay=0.1, **options)
        for t in range(200):
            p.grad = make(np.array([100.0, 0.01]) * (-1) ** t)
            optimizer.step()
        shrunk[name] = 1 - p.array
    assert shrunk["penalty"][1] > 5 * abs(shrunk["penalty"][0])
    np.testing.assert_allclose(shrunk["decoupled"], 1 - (1 - 0.001) ** 200, atol=0.02)


def test_range_test_finds_the_edge_and_puts_everything_back() -> None:
    p = make(np.ones(5)).requires_grad_()
    optimizer = optim.SGD([p], lr=0.3, momentum=0.9)
    p.grad = make(np.ones(5))
    optimizer.step()
    before, state = p.array.copy(), optimizer.state[p]["momentum_buffer"].array.copy()
    curvature = np.linspace(1, 10, 5)

    def closure() -> float:
        p.grad = make(curvature * p.array)
        return float((curvature * p.array**2).sum() / 2)

    curve = optim.find_lr(optimizer, closure, start=1e-5, end=10, steps=200)
    assert 1e-4 < curve.steepest < 0.4
    assert curve.tenth_of_least < curve.rates[-1] < 10
    assert len(curve.rates) == len(curve.losses) < 200
    np.testing.assert_array_equal(p.array, before)
    np.testing.assert_array_equal(optimizer.state[p]["momentum_buffer"].array, state)
    assert optimizer.param_groups[0]["lr"] == 0.3
    assert p.grad is None
    with pytest.raises(ValueError, match="0 < start < end"):
        optim.find_lr(optimizer, closure, start=1.0, end=0.1)
