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


def update_bn(loader: Iterable[Any], model: Any, device: Any = None) -> None:
    """Compute the running statistics of all batch normalizations anew, by one pass over loader.

    To be called after averaging weights, whose activations the old statistics do not describe.
    A batch that is a list or tuple stands for its first item.
    """
    norms = [module for module in model.modules() if _is_batch_norm(module)]
    if not norms:
        return
    momenta = [module.momentum for module in norms]
    for module in norms:
        module.reset_running_stats()
        module.momentum = None  # the plain mean over all batches
    was_training = model.training
    model.train()
    with no_grad():
        for batch in loader:
            model(batch[0] if isinstance(batch, (list, tuple)) else batch)
    for module, momentum in zip(norms, momenta, strict=True):
        module.momentum = momentum
    model.train(was_training)


def _is_batch_norm(module: Any) -> bool:
    return hasattr(module, "reset_running_stats") and any(
        "BatchNorm" in cls.__name__ for cls in type(module).__mro__
    )


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
        for rate, group in zip(rates, optimizer.param_groups, strict=True):
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
