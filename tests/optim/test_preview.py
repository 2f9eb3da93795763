"""The rates to come are the rates that come, for every scheduler there is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tinygrad_lite import optim
from tinygrad_lite.core.tensor import make
from tinygrad_lite.optim import lr_scheduler as s

EVERY: dict[str, Callable[[Any], Any]] = {
    "LambdaLR": lambda o: s.LambdaLR(o, [lambda t: 0.9**t, lambda t: 1 / (1 + t)]),
    "MultiplicativeLR": lambda o: s.MultiplicativeLR(o, lambda t: 0.95),
    "StepLR": lambda o: s.StepLR(o, 4, 0.5),
    "MultiStepLR": lambda o: s.MultiStepLR(o, [3, 9]),
    "ConstantLR": lambda o: s.ConstantLR(o),
    "LinearLR": lambda o: s.LinearLR(o),
    "ExponentialLR": lambda o: s.ExponentialLR(o, 0.9),
    "PolynomialLR": lambda o: s.PolynomialLR(o, 15, 2.0),
    "CosineAnnealingLR": lambda o: s.CosineAnnealingLR(o, 11),
    "CosineAnnealingWarmRestarts": lambda o: s.CosineAnnealingWarmRestarts(o, 4, 2),
    "CyclicLR": lambda o: s.CyclicLR(o, 0.01, 0.1, 5),
    "OneCycleLR": lambda o: s.OneCycleLR(o, [0.5, 1.0], 30),
    "ReduceLROnPlateau": lambda o: s.ReduceLROnPlateau(o, patience=2),
    "ChainedScheduler": lambda o: s.ChainedScheduler(
        [s.LinearLR(o, total_iters=6), s.ExponentialLR(o, 0.9)]
    ),
    "SequentialLR": lambda o: s.SequentialLR(
        o, [s.LinearLR(o, total_iters=6), s.CosineAnnealingLR(o, 20)], milestones=[6]
    ),
    "PiecewiseConstantLR": lambda o: s.PiecewiseConstantLR(o, [3, 9], [1.0, 0.5, 0.1]),
    "TenthsLR": lambda o: s.TenthsLR(o, 10),
    "NaturalExponentialLR": lambda o: s.NaturalExponentialLR(o, 0.1),
    "PowerLR": lambda o: s.PowerLR(o, 5, 1.5),
    "WarmUpLR": lambda o: s.WarmUpLR(o, 6),
    "PerformanceLR": lambda o: s.PerformanceLR(o, patience=1),
}
METRICS = [1.0, 0.9, 0.8, 0.8, 0.8, 0.8, 0.8, 0.7, 0.6, 0.6, 0.6, 0.6, 0.6, 0.5, 0.5, 0.5, 0.5, 0.5]
NEED_METRICS = ("ReduceLROnPlateau", "PerformanceLR")


def optimizer() -> Any:
    leaves = [make(np.zeros(2)).requires_grad_() for _ in range(2)]
    for p in leaves:
        p.grad = make(np.zeros(2))
    groups = [{"params": [leaves[0]]}, {"params": [leaves[1]], "lr": 0.25}]
    return optim.SGD(groups, lr=1.0, momentum=0.9)


def test_none_is_forgotten() -> None:
    names = {n for n in dir(s) if isinstance(getattr(s, n), type) and not n.startswith("_")}
    assert names - {"LRScheduler"} == EVERY.keys()


@pytest.mark.parametrize("name", EVERY)
def test_upcoming_rates_come(name: str) -> None:
    own = optimizer()
    scheduler = EVERY[name](own)
    metrics = METRICS if name in NEED_METRICS else None
    before = scheduler.get_last_lr(), own.param_groups[0]["lr"]
    expected = s.upcoming(scheduler, 18, metrics=metrics)
    assert (scheduler.get_last_lr(), own.param_groups[0]["lr"]) == before
    for t in range(18):
        assert [group["lr"] for group in own.param_groups] == expected[t]
        own.step()
        scheduler.step() if metrics is None else scheduler.step(metrics[t])
        if t == 7:  # from the middle as well
            rest = s.upcoming(scheduler, 10, metrics=metrics and metrics[8:])
            assert rest == expected[8:]
    assert len({tuple(rates) for rates in expected}) > 1


def test_every_scheduler_can_be_plotted() -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    for name, make_it in EVERY.items():
        axes = s.plot(make_it(optimizer()), 18, metrics=METRICS if name in NEED_METRICS else None)
        assert len(axes.lines) == 2
        plt.close("all")


def test_too_few_metrics() -> None:
    with pytest.raises(ValueError, match="18 steps need 17 metrics, but got 3"):
        s.upcoming(s.PerformanceLR(optimizer()), 18, metrics=[1.0, 1.0, 1.0])
