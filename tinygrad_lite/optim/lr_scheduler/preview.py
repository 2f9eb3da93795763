"""What a scheduler is going to do, without doing it: the rates to come, as numbers or a picture.

A schedule that is a plain function of the step is plotted by `optim.schedules.plot`. A scheduler
may depend on more (several groups, other schedulers, a validation error), so its rates are found by
letting a copy run, with a copy of the optimizer's groups that holds no parameters.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from ..optimizer import Optimizer
from .base import copied


def upcoming(
    scheduler: Any, steps: int, *, metrics: Sequence[float] | None = None
) -> list[list[float]]:
    """The rates of the next `steps` steps, the present one first: [step][group].

    metrics: what `scheduler.step` gets, for one that needs it (`ReduceLROnPlateau`); at least
    steps - 1 numbers, else ValueError. Neither scheduler nor optimizer changes.
    """
    if metrics is not None and len(metrics) < steps - 1:
        raise ValueError(f"{steps} steps need {steps - 1} metrics, but got {len(metrics)}")
    stand_in = _without_parameters(scheduler.optimizer)
    trial = copy.deepcopy(scheduler, {id(scheduler.optimizer): stand_in})
    found = []
    for t in range(steps):
        found.append([float(group["lr"]) for group in stand_in.param_groups])
        if t + 1 < steps:
            trial.step() if metrics is None else trial.step(metrics[t])
    return found


def _without_parameters(optimizer: Optimizer) -> Any:
    """An optimizer with the same options, whose step counts as called."""
    stand_in = object.__new__(type(optimizer))
    stand_in.__dict__.update(optimizer.__dict__, _opt_called=True)
    stand_in.param_groups = [
        {key: [] if key == "params" else copied(value) for key, value in group.items()}
        for group in optimizer.param_groups
    ]
    return stand_in


def plot(
    scheduler: Any, steps: int, *, metrics: Sequence[float] | None = None, axes: Any = None
) -> Any:
    """Draw the rates to come, one line a group (needs matplotlib); returns the axes."""
    rates = upcoming(scheduler, steps, metrics=metrics)
    if axes is None:
        import matplotlib.pyplot as plt

        axes = plt.subplots()[1]
    for k in range(len(rates[0]) if rates else 0):
        label = f"{type(scheduler).__name__}, group {k}"
        axes.plot(range(steps), [rate[k] for rate in rates], label=label)
    axes.set_xlabel("step")
    axes.set_ylabel("learning rate")
    axes.legend()
    return axes
