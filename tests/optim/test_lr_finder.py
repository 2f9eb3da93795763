"""The range test: which rates it tries, when it ends, and that it puts everything back."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import tinygrad_lite as torch
from tinygrad_lite import optim
from tinygrad_lite.optim.lr_finder import RangeTest


def leaf(*values: float, **options: Any) -> torch.Tensor:
    return torch.tensor(values or (1.0, 2.0), requires_grad=True, **options)


def with_gradient(values: Any, gradient: Any) -> torch.Tensor:
    p = torch.tensor(values, requires_grad=True)
    p.grad = torch.tensor(gradient)
    return p


def test_the_range_test_reads_its_curve():
    curve = RangeTest([0.001, 0.01, 0.1, 1.0], [10.0, 9.0, 5.0, 6.0])
    assert curve.steepest == 0.01  # (5 - 10) / two decades, against (6 - 9)
    assert curve.tenth_of_least == 0.01
    with pytest.raises(ValueError) as e:
        RangeTest([1.0, 2.0], [1.0, 2.0]).steepest
    assert str(e.value) == "2 rates are too few to see where the loss falls"


def test_the_curve_is_drawn_over_the_rate():
    drawn: list[Any] = []

    class Axes:
        def __getattr__(self, name: str) -> Any:
            return lambda *args, **options: drawn.append((name, *args, *options.items()))

    axes = Axes()
    curve = RangeTest([0.001, 0.01, 0.1, 1.0], [10.0, 9.0, 5.0, 6.0])
    assert curve.plot(axes) is axes
    assert drawn == [
        ("semilogx", curve.rates, curve.losses),
        ("axvline", 0.01, ("linestyle", ":"), ("label", "steepest: 0.01")),
        ("set_xlabel", "learning rate"),
        ("set_ylabel", "loss"),
        ("legend",),
    ]


def test_a_range_test_goes_from_tiny_to_large_rates_in_a_hundred_steps():
    p = leaf(1.0)
    optimizer = optim.SGD([p])

    def closure() -> float:
        p.grad = torch.zeros(1)
        return 1.0

    curve = optim.find_lr(optimizer, closure)
    assert len(curve.rates) == 100
    np.testing.assert_allclose([curve.rates[0], curve.rates[-1]], [1e-7, 10.0])


def test_rates_rise_geometrically_and_losses_are_smoothed():
    p = leaf(1.0)
    optimizer = optim.SGD([p], lr=0.3)
    losses = iter([8.0, 4.0, 2.0, 1.0])

    def closure() -> float:
        p.grad = torch.ones(1)
        return next(losses)

    curve = optim.find_lr(optimizer, closure, start=0.01, end=10.0, steps=4, smoothing=0.5)
    np.testing.assert_allclose(curve.rates, [0.01, 0.1, 1.0, 10.0])
    np.testing.assert_allclose(curve.losses, [8, 4 / 0.75, 3 / 0.875, 2 / 0.9375])
    assert p.item() == 1.0 and p.grad is None and optimizer.param_groups[0]["lr"] == 0.3


@pytest.mark.parametrize(
    ("losses", "kept"),
    [
        ([1.0, 3.9, 4.1, 1.0], 2),
        ([1.0, math.nan, 1.0, 1.0], 1),
        ([1.0, math.inf, 1.0, 1.0], 1),
        ([-1.0, 50.0, 1.0, 1.0], 4),
    ],
)
def test_the_range_test_ends_where_the_loss_explodes(losses: list[float], kept: int):
    p = leaf(1.0)
    optimizer = optim.SGD([p])
    given = iter(losses)

    def closure() -> float:
        p.grad = torch.ones(1)
        return next(given)

    curve = optim.find_lr(optimizer, closure, start=0.01, end=1.0, steps=4, smoothing=0.0)
    assert len(curve.rates) == len(curve.losses) == kept


def test_everything_is_put_back_when_the_closure_fails():
    p = with_gradient([1.0], [1.0])
    optimizer = optim.Adam([p], lr=0.3)
    optimizer.step()
    value, moment = p.item(), optimizer.state[p]["exp_avg"].item()
    calls: list[int] = []

    def closure() -> float:
        calls.append(1)
        if len(calls) == 3:
            raise ArithmeticError
        return 1.0

    before = (p * p).sum()
    with pytest.raises(ArithmeticError):
        optim.find_lr(optimizer, closure)
    assert (p.item(), optimizer.state[p]["exp_avg"].item()) == (value, moment)
    assert optimizer.param_groups[0]["lr"] == 0.3
    with pytest.raises(RuntimeError, match="then written by find_lr"):
        before.backward()
