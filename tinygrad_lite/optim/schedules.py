"""Learning-rate schedules as pure functions of the step.

Each function here takes the schedule's constants and returns a function of the step t = 0, 1, ...
(optimizer steps or epochs, as one likes) that gives the *factor* on the initial rate. It can be
called, plotted, or handed to a scheduler:

    f = schedules.power(r=1000, c=0.5)
    f(3000)                                          # 0.5
    scheduler = lr_scheduler.LambdaLR(optimizer, f)
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

Schedule = Callable[[float], float]

__all__ = [
    "constant",
    "cosine",
    "cosine_restarts",
    "cyclic",
    "exponential",
    "linear",
    "linear_scaling",
    "multi_step",
    "natural_exponential",
    "one_cycle",
    "piecewise_constant",
    "plot",
    "polynomial",
    "power",
    "step",
    "tenths",
    "values",
    "warm_up",
]


def constant(factor: float = 1.0 / 3, total_iters: int = 5) -> Schedule:
    """`factor` until step total_iters, 1 from there on."""
    return lambda t: factor if t < total_iters else 1.0


def linear(
    start_factor: float = 1.0 / 3, end_factor: float = 1.0, total_iters: int = 5
) -> Schedule:
    """A straight line from start_factor to end_factor, reached at total_iters."""
    slope = (end_factor - start_factor) / total_iters
    return lambda t: start_factor + slope * min(total_iters, t)


def warm_up(steps: int, then: Schedule | None = None) -> Schedule:
    """(t + 1) / steps for t < steps; after that `then(t - steps)`, or 1."""

    def factor(t: float) -> float:
        if t < steps:
            return (t + 1) / steps
        return 1.0 if then is None else then(t - steps)

    return factor


def step(step_size: int, gamma: float = 0.1) -> Schedule:
    """gamma^(t // step_size): a cut every step_size steps."""
    return lambda t: gamma ** (t // step_size)


def multi_step(milestones: Sequence[int], gamma: float = 0.1) -> Schedule:
    """A cut by gamma at each milestone."""
    ordered = sorted(milestones)
    return lambda t: gamma ** bisect_right(ordered, t)


def piecewise_constant(boundaries: Sequence[float], factors: Sequence[float]) -> Schedule:
    """factors[i] between boundaries[i - 1] <= t < boundaries[i]; one factor more than boundaries.

    ValueError if the numbers do not match or the boundaries do not increase.
    """
    if len(factors) != len(boundaries) + 1:
        raise ValueError(
            f"{len(boundaries)} boundaries part {len(boundaries) + 1} pieces, "
            f"but {len(factors)} factors are given"
        )
    if any(b <= a for a, b in pairwise(boundaries)):
        raise ValueError(f"boundaries must increase, got {list(boundaries)}")
    return lambda t: factors[bisect_right(boundaries, t)]


def exponential(gamma: float) -> Schedule:
    """gamma^t."""
    return lambda t: gamma**t


def tenths(r: float) -> Schedule:
    """10^(-t / r): a tenth every r steps."""
    return lambda t: 10.0 ** (-t / r)


def natural_exponential(k: float) -> Schedule:
    """e^(-k t)."""
    return lambda t: math.exp(-k * t)


def power(r: float, c: float = 1.0) -> Schedule:
    """(1 + t / r)^(-c): for c = 1 a half after r steps, a third after 2 r, ..."""
    return lambda t: (1 + t / r) ** -c


def polynomial(total_iters: int = 5, power: float = 1.0) -> Schedule:
    """(1 - t / total_iters)^power, 0 from total_iters on."""
    return lambda t: (1.0 - min(total_iters, t) / total_iters) ** power


def cosine(T_max: float, low: float = 0.0) -> Schedule:
    """Half a cosine wave from 1 at t = 0 to `low` at T_max (and up again after it)."""
    return lambda t: low + (1 - low) * (1 + math.cos(math.pi * t / T_max)) / 2


def cosine_restarts(T_0: int, T_mult: int = 1, low: float = 0.0) -> Schedule:
    """`cosine`, started again after T_0 steps, then after T_0 * T_mult, ...

    Source: Loshchilov and Hutter 2017, "SGDR", arXiv:1608.03983.
    """

    def factor(t: float) -> float:
        position, length = restart_position(t, T_0, T_mult)
        return cosine(length, low)(position)

    return factor


def restart_position(t: float, T_0: int, T_mult: int) -> tuple[float, int]:
    """How far t is into its cycle, and that cycle's length, when lengths are T_0 * T_mult^n."""
    if t < T_0:
        return t, T_0
    if T_mult == 1:
        return t % T_0, T_0
    cycle = int(math.log(t / T_0 * (T_mult - 1) + 1, T_mult))
    return t - T_0 * (T_mult**cycle - 1) / (T_mult - 1), T_0 * T_mult**cycle


def triangle(t: float, total_size: float, step_ratio: float) -> tuple[int, float]:
    """(number of the cycle from 1, height in [0, 1]) of a triangle wave rising for step_ratio."""
    cycle = math.floor(1 + t / total_size)
    x = 1.0 + t / total_size - cycle
    return cycle, x / step_ratio if x <= step_ratio else (x - 1) / (step_ratio - 1)


def cyclic(
    low: float,
    high: float,
    step_size_up: int = 2000,
    step_size_down: int | None = None,
    scale: Schedule | None = None,
) -> Schedule:
    """A triangle wave between the factors low and high; scale(cycle) lowers later peaks.

    Source: Smith 2017, "Cyclical learning rates", arXiv:1506.01186.
    """
    up = float(step_size_up)
    total = up + (up if step_size_down is None else float(step_size_down))

    def factor(t: float) -> float:
        cycle, height = triangle(t, total, up / total)
        return low + (high - low) * height * (1.0 if scale is None else scale(cycle))

    return factor


def anneal(strategy: str, start: float, end: float, share: float) -> float:
    """From start to end as share goes from 0 to 1: along a cosine ("cos") or a line ("linear")."""
    if strategy == "cos":
        return end + (start - end) / 2.0 * (math.cos(math.pi * share) + 1)
    return (end - start) * share + start


def one_cycle_phases(
    total_steps: int, pct_start: float, three_phase: bool
) -> list[tuple[float, str, str]]:
    """Phases of the one-cycle policy: (last step, where the rate starts, where it ends)."""
    rise = (float(pct_start * total_steps) - 1, "initial_lr", "max_lr")
    if not three_phase:
        return [rise, (total_steps - 1, "max_lr", "min_lr")]
    fall = (float(2 * pct_start * total_steps) - 2, "max_lr", "initial_lr")
    return [rise, fall, (total_steps - 1, "initial_lr", "min_lr")]


def phase_of(t: float, ends: Sequence[float]) -> tuple[int, float]:
    """(index of the phase that t falls into, share of it that has passed)."""
    start = 0.0
    for i, end in enumerate(ends):
        if t <= end or i == len(ends) - 1:
            return i, (t - start) / (end - start)
        start = end
    raise ValueError("a schedule needs at least one phase")


def one_cycle(
    total_steps: int,
    pct_start: float = 0.3,
    anneal_strategy: str = "cos",
    div_factor: float = 25.0,
    final_div_factor: float = 1e4,
    three_phase: bool = False,
) -> Schedule:
    """Up to 1 and far down again, as a factor on the *largest* rate.

    Source: Smith and Topin 2018, "Super-convergence", arXiv:1708.07120.
    """
    levels = {"initial_lr": 1 / div_factor, "max_lr": 1.0}
    levels["min_lr"] = levels["initial_lr"] / final_div_factor
    phases = one_cycle_phases(total_steps, pct_start, three_phase)

    def factor(t: float) -> float:
        i, share = phase_of(t, [phase[0] for phase in phases])
        return anneal(anneal_strategy, levels[phases[i][1]], levels[phases[i][2]], share)

    return factor


def linear_scaling(lr: float, batch_size: int, base_batch_size: int = 256) -> float:
    """The rate for a batch size, given the rate that is good for base_batch_size.

    k times the batch, k times the rate (with a warm-up when k is large). Source: Goyal et al.
    2017, "Accurate, large minibatch SGD", arXiv:1706.02677.
    """
    return lr * batch_size / base_batch_size


def values(schedule: Schedule, steps: int) -> list[float]:
    """The factors of the steps 0 ... steps - 1."""
    return [schedule(t) for t in range(steps)]


def plot(schedule: Schedule, steps: int, *, axes: Any = None, label: str | None = None) -> Any:
    """Draw the factor over the steps (needs matplotlib); returns the axes."""
    if axes is None:
        import matplotlib.pyplot as plt

        axes = plt.subplots()[1]
    axes.plot(range(steps), values(schedule, steps), label=label)
    axes.set_xlabel("step")
    axes.set_ylabel("learning rate, relative")
    if label is not None:
        axes.legend()
    return axes
