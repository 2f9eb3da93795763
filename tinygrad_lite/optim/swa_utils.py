"""Averages of weights over training: stochastic weight averaging (SWA) and running means (EMA).

`AveragedModel` is a Module, and this room sees parameters only: the class stands in
`training/averaging.py`, and asking for it here loads that room.
"""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from ..core.modes import no_grad
from ..core.node import touch
from .lr_scheduler.base import LRScheduler, per_group
from .optimizer import Optimizer
from .options import check, number

__all__ = [
    "SWALR",
    "AveragedModel",
    "get_ema_avg_fn",
    "get_ema_multi_avg_fn",
    "get_swa_avg_fn",
    "get_swa_multi_avg_fn",
    "update_bn",
]

AveragedModel: Any  # by __getattr__ below

Average = Callable[[Any, Any, Any], Any]
Averages = Callable[[Sequence[Any], Sequence[Any], Any], None]


def __getattr__(name: str) -> Any:
    if name == "AveragedModel":  # by way of the public face, which loads `training` when asked
        return sys.modules[__name__.partition(".")[0]].training.AveragedModel
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _check_decay(decay: float) -> None:
    check(
        0.0 <= decay <= 1.0,
        f"Invalid decay value {decay} provided. Please provide a value in [0,1] range.",
    )


def get_ema_avg_fn(decay: float = 0.999) -> Average:
    """average <- decay * average + (1 - decay) * current, as a function that returns it."""
    _check_decay(decay)
    return no_grad()(lambda average, current, count: decay * average + (1 - decay) * current)


def get_swa_avg_fn() -> Average:
    """average <- average + (current - average) / (count + 1): the plain mean."""
    return no_grad()(lambda average, current, count: average + (current - average) / (count + 1))


def get_ema_multi_avg_fn(decay: float = 0.999) -> Averages:
    """As `get_ema_avg_fn`, for lists of Tensors, in place."""
    _check_decay(decay)

    def update(averages: Sequence[Any], currents: Sequence[Any], count: Any) -> None:
        _move_towards(averages, currents, 1 - decay)

    return update


def get_swa_multi_avg_fn() -> Averages:
    """As `get_swa_avg_fn`, for lists of Tensors, in place."""

    def update(averages: Sequence[Any], currents: Sequence[Any], count: Any) -> None:
        _move_towards(averages, currents, 1 / (number(count) + 1))

    return update


def _move_towards(averages: Sequence[Any], currents: Sequence[Any], share: float) -> None:
    """average <- average + share * (current - average); integers are rounded towards zero."""
    for average, current in zip(averages, currents, strict=True):
        moved = average.array + share * (current.array - average.array)
        average.array[...] = moved.astype(average.array.dtype)
        touch(average.array, by="AveragedModel.update_parameters")


def update_bn(
    loader: Iterable[Any], model: Any, device: Any = None, *, exact: bool = False
) -> None:
    """Compute the running statistics of all batch normalizations anew, by one pass over loader.

    To be called after averaging weights, whose activations the old statistics do not describe.
    A batch that is a list or tuple stands for its first item. Normalizations that are frozen
    (`nn.utils.freeze(statistics=True)`) keep their statistics.

    exact  mean and variance of all elements of the pass, as if it were one batch. Otherwise, as in
           PyTorch, the plain mean of the batches' means and variances: that gives a short last
           batch the weight of a long one, and leaves out how the batches' means differ. Either
           way the layers below normalize each batch by its own statistics
           (Wu and Johnson 2021, arXiv:2105.07576, section 3).
    """
    norms = [module for module in model.modules() if _is_batch_norm(module)]
    if not norms:
        return
    momenta = [module.momentum for module in norms]
    totals = [_Moments(module) for module in norms] if exact else []
    for module in norms:
        module.reset_running_stats()
        module.momentum = None  # the plain mean over all batches
    was_training = model.training
    try:
        model.train()
        with no_grad():
            for batch in loader:
                model(batch[0] if isinstance(batch, (list, tuple)) else batch)
    finally:
        for total in totals:
            total.handle.remove()
        for module, momentum in zip(norms, momenta):
            module.momentum = momentum
        model.train(was_training)
    for total in totals:
        total.write()


def _is_batch_norm(module: Any) -> bool:
    return (
        getattr(module, "running_mean", None) is not None
        and not getattr(module, "statistics_frozen", False)
        and any("BatchNorm" in cls.__name__ for cls in type(module).__mro__)
    )


class _Moments:
    """Count, mean and sum of squared differences, by channel, of all that enters a module."""

    def __init__(self, module: Any) -> None:
        self.module = module
        self.count = 0
        self.mean: Any = 0.0
        self.squares: Any = 0.0
        self.handle = module.register_forward_pre_hook(self.add)

    def add(self, module: Any, inputs: Any) -> None:
        x = np.moveaxis(inputs[0].array, 1, 0)
        x = x.reshape(x.shape[0], -1).astype(np.float64)  # (C, elements)
        n = x.shape[1]
        if n == 0:
            return
        mean = x.mean(1)
        away = mean - self.mean
        # Chan, Golub and LeVeque 1983: two sets' moments joined without a difference of large sums
        self.squares += ((x - mean[:, None]) ** 2).sum(1) + away**2 * (self.count * n) / (
            self.count + n
        )
        self.count += n
        self.mean = self.mean + away * n / self.count

    def write(self) -> None:
        """The running statistics of the module, the variance unbiased."""
        if self.count > 1:
            for buffer, value in (
                (self.module.running_mean, self.mean),
                (self.module.running_var, self.squares / (self.count - 1)),
            ):
                buffer.array[...] = value
                touch(buffer.array, by="update_bn")


class SWALR(LRScheduler):
    """From the present rate to swa_lr in anneal_epochs, along a cosine or a line, and stay there.

    For averaging weights at the end of training. Source: Izmailov et al. 2018, arXiv:1803.05407.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        swa_lr: float | list[float],
        anneal_epochs: int = 10,
        anneal_strategy: str = "cos",
        last_epoch: int = -1,
    ) -> None:
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(
                f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}"
            )
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ValueError(f"anneal_epochs must be equal or greater than 0, got {anneal_epochs}")
        rates = per_group("swa_lr", optimizer, swa_lr)
        for rate, group in zip(rates, optimizer.param_groups):
            group["swa_lr"] = rate
        self._anneal_strategy = anneal_strategy
        self.anneal_epochs = anneal_epochs
        super().__init__(optimizer, last_epoch)

    def anneal_func(self, t: float) -> float:
        """The share of the way after a share t of the time."""
        return (1 - math.cos(math.pi * t)) / 2 if self._anneal_strategy == "cos" else t

    def get_lr(self) -> list[Any]:
        if not self._get_lr_called_within_step:
            warnings.warn(
                "To get the last learning rate computed by the scheduler, please use "
                "`get_last_lr()`.",
                UserWarning,
                stacklevel=2,
            )
        step = self._step_count - 1
        if self.anneal_epochs == 0:
            step = max(1, step)
        # The rate to start from is not kept: it is found from the present one, so that another
        # schedule may act at the same time.
        before, now = (
            self.anneal_func(max(0.0, min(1.0, s / max(1, self.anneal_epochs))))
            for s in (step - 1, step)
        )
        rates = []
        for group in self.optimizer.param_groups:
            end = group["swa_lr"]
            start = end if before == 1 else (group["lr"] - before * end) / (1 - before)
            rates.append(end * now + start * (1 - now))
        return rates
