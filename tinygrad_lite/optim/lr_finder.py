"""The learning-rate range test: raise the rate until the loss explodes, and look at the curve."""

from __future__ import annotations

import math
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from ..core.node import touch
from .optimizer import Optimizer
from .options import check

__all__ = ["RangeTest", "find_lr"]


@dataclass
class RangeTest:
    """Rates tried, and the smoothed loss at each."""

    rates: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)

    @property
    def steepest(self) -> float:
        """The rate at which the loss fell fastest per factor in the rate: a good choice."""
        if len(self.rates) < 3:
            raise ValueError(f"{len(self.rates)} rates are too few to see where the loss falls")
        logs = [math.log(rate) for rate in self.rates]
        falls = [
            (self.losses[i + 1] - self.losses[i - 1]) / (logs[i + 1] - logs[i - 1])
            for i in range(1, len(logs) - 1)
        ]
        return self.rates[1 + falls.index(min(falls))]

    @property
    def tenth_of_least(self) -> float:
        """A tenth of the rate with the least loss: the cautious choice."""
        return self.rates[self.losses.index(min(self.losses))] / 10

    def plot(self, axes: Any = None) -> Any:
        """Draw loss over rate (needs matplotlib); returns the axes."""
        if axes is None:
            import matplotlib.pyplot as plt

            axes = plt.subplots()[1]
        axes.semilogx(self.rates, self.losses)
        axes.axvline(self.steepest, linestyle=":", label=f"steepest: {self.steepest:.2g}")
        axes.set_xlabel("learning rate")
        axes.set_ylabel("loss")
        axes.legend()
        return axes


def find_lr(
    optimizer: Optimizer,
    closure: Callable[[], Any],
    *,
    start: float = 1e-7,
    end: float = 10.0,
    steps: int = 100,
    smoothing: float = 0.05,
    diverged: float = 4.0,
) -> RangeTest:
    """Train for `steps` steps with the rate rising from start to end, and put everything back.

    closure: takes the next batch, clears the gradients, computes the loss, calls backward and
    returns the loss. The loss is smoothed by a running mean with weight 1 - smoothing on the new
    value; the test ends when it exceeds `diverged` times the least, or is not finite. Parameters,
    the optimizer's state and its rates are afterwards as they were; buffers of the model, such as
    running statistics, are not. Source: Smith 2017, arXiv:1506.01186, section 3.3.
    """
    check(0 < start < end, f"the rates must satisfy 0 < start < end, got {start} and {end}")
    check(steps >= 2, f"a range test needs 2 steps or more, got {steps}")
    params = [p for group in optimizer.param_groups for p in group["params"]]
    kept = [p.array.copy() for p in params]
    saved = deepcopy(optimizer.state_dict())
    result = RangeTest()
    mean = 0.0
    try:
        for i in range(steps):
            rate = start * (end / start) ** (i / (steps - 1))
            for group in optimizer.param_groups:
                group["lr"] = rate
            loss = float(optimizer.step(closure))
            mean = smoothing * mean + (1 - smoothing) * loss
            value = mean / (1 - smoothing ** (i + 1))
            least = min(result.losses, default=math.inf)
            if not math.isfinite(value) or (least > 0 and value > diverged * least):
                break
            result.rates.append(rate)
            result.losses.append(value)
    finally:
        for p, array in zip(params, kept):
            p.array[...] = array
            p._grad = None
            touch(p.array, by="find_lr")
        optimizer.load_state_dict(saved)
    return result
