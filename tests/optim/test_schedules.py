"""Schedules as pure functions, and the schedulers that use them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from tinygrad_lite import optim
from tinygrad_lite.core.tensor import make
from tinygrad_lite.optim import lr_scheduler, schedules


def optimizer() -> Any:
    p = make(np.zeros(2)).requires_grad_()
    p.grad = make(np.zeros(2))
    return optim.SGD([p], lr=1.0, momentum=0.9)


def rates(scheduler: Any, steps: int) -> list[float]:
    found = []
    for _ in range(steps):
        found.append(scheduler.get_last_lr()[0])
        scheduler.optimizer.step()
        scheduler.step()
    return found


SAME: list[tuple[Any, Any]] = [
    (lambda: schedules.constant(0.2, 7), lambda o: lr_scheduler.ConstantLR(o, 0.2, 7)),
    (lambda: schedules.linear(0.1, 0.8, 12), lambda o: lr_scheduler.LinearLR(o, 0.1, 0.8, 12)),
    (lambda: schedules.step(6, 0.3), lambda o: lr_scheduler.StepLR(o, 6, 0.3)),
    (
        lambda: schedules.multi_step([20, 5], 0.3),
        lambda o: lr_scheduler.MultiStepLR(o, [20, 5], 0.3),
    ),
    (lambda: schedules.exponential(0.9), lambda o: lr_scheduler.ExponentialLR(o, 0.9)),
    (lambda: schedules.polynomial(25, 2.0), lambda o: lr_scheduler.PolynomialLR(o, 25, 2.0)),
    (lambda: schedules.cosine(11, 0.1), lambda o: lr_scheduler.CosineAnnealingLR(o, 11, 0.1)),
    (
        lambda: schedules.cosine_restarts(4, 2, 0.1),
        lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 4, 2, 0.1),
    ),
    (
        lambda: schedules.cyclic(0.1, 1.0, 5, 9, lambda c: 0.5 ** (c - 1)),
        lambda o: lr_scheduler.CyclicLR(o, 0.1, 1.0, 5, 9, mode="triangular2"),
    ),
    (lambda: schedules.one_cycle(40), lambda o: lr_scheduler.OneCycleLR(o, 1.0, 40)),
    (
        lambda: schedules.one_cycle(40, 0.4, "linear", three_phase=True),
        lambda o: lr_scheduler.OneCycleLR(
            o, 1.0, 40, pct_start=0.4, anneal_strategy="linear", three_phase=True
        ),
    ),
    (lambda: schedules.tenths(15), lambda o: lr_scheduler.TenthsLR(o, 15)),
    (
        lambda: schedules.natural_exponential(0.1),
        lambda o: lr_scheduler.NaturalExponentialLR(o, 0.1),
    ),
    (lambda: schedules.power(10, 0.5), lambda o: lr_scheduler.PowerLR(o, 10, 0.5)),
    (lambda: schedules.warm_up(8), lambda o: lr_scheduler.WarmUpLR(o, 8)),
    (
        lambda: schedules.piecewise_constant([3, 9], [1.0, 0.5, 0.1]),
        lambda o: lr_scheduler.PiecewiseConstantLR(o, [3, 9], [1.0, 0.5, 0.1]),
    ),
]


@pytest.mark.parametrize(("schedule", "scheduler"), SAME)
def test_pure_function_is_the_scheduler(schedule: Any, scheduler: Any) -> None:
    found = rates(scheduler(optimizer()), 40)
    np.testing.assert_allclose(found, schedules.values(schedule(), 40), rtol=1e-10, atol=1e-14)


def test_formulas() -> None:
    assert schedules.tenths(100)(200) == pytest.approx(0.01)
    assert schedules.natural_exponential(0.5)(3) == pytest.approx(math.exp(-1.5))
    assert schedules.power(1000, 0.5)(3000) == pytest.approx(0.5)
    assert schedules.power(20)(40) == pytest.approx(1 / 3)
    assert schedules.values(schedules.warm_up(4, schedules.exponential(0.5)), 7) == [
        0.25,
        0.5,
        0.75,
        1.0,
        1.0,
        0.5,
        0.25,
    ]
    assert schedules.linear_scaling(0.1, 1024) == pytest.approx(0.4)
    assert schedules.linear_scaling(0.1, 1024, 512) == pytest.approx(0.2)
    with pytest.raises(ValueError, match="2 boundaries part 3 pieces, but 2 factors"):
        schedules.piecewise_constant([1, 2], [1.0, 0.5])
    with pytest.raises(ValueError, match="boundaries must increase"):
        schedules.piecewise_constant([2, 1], [1.0, 0.5, 0.1])


DEFAULTS: list[tuple[Any, list[float]]] = [
    (lambda: schedules.constant(), [1 / 3] * 5 + [1, 1]),
    (lambda: schedules.linear(), [(5 + 2 * t) / 15 for t in range(5)] + [1, 1]),
    (lambda: schedules.warm_up(2), [0.5, 1, 1, 1]),
    (lambda: schedules.step(2), [1, 1, 0.1, 0.1, 0.01]),
    (lambda: schedules.multi_step([2, 1]), [1, 0.1, 0.01, 0.01]),
    (lambda: schedules.piecewise_constant([1, 2], [3, 2, 1]), [3, 2, 1, 1]),
    (lambda: schedules.power(2.0), [1, 2 / 3, 1 / 2, 2 / 5]),
    (lambda: schedules.polynomial(), [1, 0.8, 0.6, 0.4, 0.2, 0, 0]),
    (lambda: schedules.cosine(2), [1, 0.5, 0, 0.5, 1]),
    (lambda: schedules.cosine_restarts(2), [1, 0.5, 1, 0.5, 1]),
    (lambda: schedules.cyclic(1.0, 3.0, 2), [1, 2, 3, 2, 1, 2]),
    (lambda: schedules.cyclic(1.0, 3.0), [1, 1.001, 1.002]),
    (lambda: schedules.cyclic(0.0, 3.0, 1, 3), [0, 3, 2, 1, 0, 3]),
]


@pytest.mark.parametrize(("schedule", "expected"), DEFAULTS)
def test_schedules_without_options(schedule: Any, expected: list[float]) -> None:
    np.testing.assert_allclose(schedules.values(schedule(), len(expected)), expected, atol=1e-12)


def test_performance() -> None:
    own = optimizer()
    scheduler = lr_scheduler.PerformanceLR(own, factor=0.5, patience=2)
    for error in (1.0, 0.9, 0.9, 0.9):
        scheduler.step(error)
    assert own.param_groups[0]["lr"] == 1.0
    scheduler.step(0.9)
    assert own.param_groups[0]["lr"] == 0.5


def test_every_schedule_can_be_plotted() -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    axes = plt.subplots()[1]
    for schedule, _ in SAME:
        assert schedules.plot(schedule(), 40, axes=axes, label="x") is axes
    assert len(axes.lines) == len(SAME)
    plt.close("all")


def test_resume_from_a_step_needs_the_initial_rate() -> None:
    own = optimizer()
    with pytest.raises(KeyError, match="param 'initial_lr' is not specified in param_groups"):
        lr_scheduler.StepLR(own, 3, last_epoch=4)
