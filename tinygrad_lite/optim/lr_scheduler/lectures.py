"""The schedules of the lectures by their names; each is a `LambdaLR` over `optim.schedules`."""

from __future__ import annotations

from collections.abc import Sequence

from .. import schedules
from ..optimizer import Optimizer
from .decay import LambdaLR
from .plateau import ReduceLROnPlateau


class PiecewiseConstantLR(LambdaLR):
    """factors[i] times the initial rate between boundaries[i - 1] and boundaries[i]."""

    def __init__(
        self,
        optimizer: Optimizer,
        boundaries: Sequence[int],
        factors: Sequence[float],
        last_epoch: int = -1,
    ) -> None:
        schedule = schedules.piecewise_constant(boundaries, factors)
        super().__init__(optimizer, schedule, last_epoch)


class TenthsLR(LambdaLR):
    """10^(-t / r) times the initial rate: a tenth every r steps."""

    def __init__(self, optimizer: Optimizer, r: float, last_epoch: int = -1) -> None:
        super().__init__(optimizer, schedules.tenths(r), last_epoch)


class NaturalExponentialLR(LambdaLR):
    """e^(-k t) times the initial rate."""

    def __init__(self, optimizer: Optimizer, k: float, last_epoch: int = -1) -> None:
        super().__init__(optimizer, schedules.natural_exponential(k), last_epoch)


class PowerLR(LambdaLR):
    """(1 + t / r)^(-c) times the initial rate."""

    def __init__(
        self, optimizer: Optimizer, r: float, c: float = 1.0, last_epoch: int = -1
    ) -> None:
        super().__init__(optimizer, schedules.power(r, c), last_epoch)


class WarmUpLR(LambdaLR):
    """(t + 1) / steps times the initial rate for t < steps, then `then(t - steps)`, or 1."""

    def __init__(
        self,
        optimizer: Optimizer,
        steps: int,
        then: schedules.Schedule | None = None,
        last_epoch: int = -1,
    ) -> None:
        super().__init__(optimizer, schedules.warm_up(steps, then), last_epoch)


class PerformanceLR(ReduceLROnPlateau):
    """Halve the rate (times `factor`) when the error has not fallen for `patience` steps.

    The options are those of `ReduceLROnPlateau`, with the lectures' defaults.
    """

    def __init__(
        self, optimizer: Optimizer, factor: float = 0.5, patience: int = 5, min_lr: float = 0.0
    ) -> None:
        super().__init__(optimizer, factor=factor, patience=patience, min_lr=min_lr)
