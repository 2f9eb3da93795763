"""Schedules that go up and down: cycles, the one-cycle policy, cosine with warm restarts."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

from ..optimizer import Optimizer
from ..schedules import anneal, one_cycle_phases, phase_of, restart_position, triangle
from .base import LRScheduler, assign, per_group, require_optimizer, saved_function


def use_momentum(scheduler: Any, base: Any, largest: Any, last_epoch: int) -> None:
    """Prepare an optimizer for a momentum (or beta1) that cycles against the rate.

    ValueError if the optimizer has neither.
    """
    optimizer = scheduler.optimizer
    if "momentum" not in optimizer.defaults and "betas" not in optimizer.defaults:
        raise ValueError(
            "optimizer must support momentum or beta1 with `cycle_momentum` option enabled"
        )
    scheduler.use_beta1 = "betas" in optimizer.defaults
    if last_epoch == -1:
        for high, low, group in zip(largest, base, optimizer.param_groups, strict=True):
            set_momentum(scheduler, group, high)
            group["max_momentum"] = high
            group["base_momentum"] = low


def set_momentum(scheduler: Any, group: dict[str, Any], value: float) -> None:
    """Set momentum, or beta1, of a group."""
    if scheduler.use_beta1:
        group["betas"] = (value, *group["betas"][1:])
    else:
        group["momentum"] = value


def _flat(x: float) -> float:
    return 1.0


def _halved(x: float) -> float:
    return 1 / 2.0 ** (x - 1)


def _powered(gamma: float, x: float) -> float:
    return gamma**x


class CyclicLR(LRScheduler):
    """The rate rises and falls linearly between base_lr and max_lr; momentum moves against it.

    mode "triangular": all peaks alike; "triangular2": each half as high as the one before;
    "exp_range": heights shrink by gamma^iteration. A scale_fn replaces the mode; it is given the
    cycle or the iteration, by scale_mode. Source: Smith 2017, arXiv:1506.01186.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: float | list[float],
        max_lr: float | list[float],
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None,
        scale_mode: str = "cycle",
        cycle_momentum: bool = True,
        base_momentum: float = 0.8,
        max_momentum: float = 0.9,
        last_epoch: int = -1,
    ) -> None:
        require_optimizer(optimizer)
        self.optimizer = optimizer
        if mode not in ("triangular", "triangular2", "exp_range") and scale_fn is None:
            raise ValueError("mode is invalid and scale_fn is None")
        base_lrs = per_group("base_lr", optimizer, base_lr)
        if last_epoch == -1:
            for lr, group in zip(base_lrs, optimizer.param_groups, strict=True):
                assign(group, "lr", lr)
        self.max_lrs = per_group("max_lr", optimizer, max_lr)
        up = float(step_size_up)
        down = up if step_size_down is None else float(step_size_down)
        self.total_size = up + down
        self.step_ratio = up / self.total_size
        self.mode = mode
        self.gamma = gamma
        self._scale_fn_ref: Callable[[float], float] = _flat
        self._scale_fn_custom = scale_fn
        self.scale_mode = scale_mode
        self._init_scale_fn()
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self.base_momentums = per_group("base_momentum", optimizer, base_momentum)
            self.max_momentums = per_group("max_momentum", optimizer, max_momentum)
            use_momentum(self, self.base_momentums, self.max_momentums, last_epoch)
        super().__init__(optimizer, last_epoch)
        self.base_lrs = base_lrs

    def _init_scale_fn(self) -> None:
        if self._scale_fn_custom is not None:
            return
        self.scale_mode = "iterations" if self.mode == "exp_range" else "cycle"
        if self.mode == "exp_range":
            self._scale_fn_ref = functools.partial(_powered, self.gamma)
        else:
            self._scale_fn_ref = _flat if self.mode == "triangular" else _halved

    def scale_fn(self, x: float) -> float:
        """The factor on the height of cycle (or iteration) x."""
        return (self._scale_fn_custom or self._scale_fn_ref)(x)

    def get_lr(self) -> list[Any]:
        self._warn_if_asked()
        cycle, height = triangle(self.last_epoch, self.total_size, self.step_ratio)
        scale = self.scale_fn(cycle if self.scale_mode == "cycle" else self.last_epoch)
        if self.cycle_momentum:
            ends = zip(self.base_momentums, self.max_momentums, strict=True)
            groups = self.optimizer.param_groups
            for group, (low, high) in zip(groups, ends, strict=True):
                set_momentum(self, group, high - (high - low) * height * scale)
        ends = zip(self.base_lrs, self.max_lrs, strict=True)
        return [low + (high - low) * height * scale for low, high in ends]

    def state_dict(self) -> dict[str, Any]:
        """As the base; a scale_fn is saved only if it is an object, by its attributes."""
        state = super().state_dict()
        state.pop("_scale_fn_ref")
        custom = state["_scale_fn_custom"]
        state["_scale_fn_custom"] = None if custom is None else saved_function(custom)
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """As the base; the present scale_fn stays."""
        custom = self._scale_fn_custom
        super().load_state_dict(state_dict)
        saved = self.__dict__["_scale_fn_custom"]
        self._scale_fn_custom = custom
        if saved is not None and custom is not None:
            custom.__dict__.update(saved)
        self._init_scale_fn()


class CosineAnnealingWarmRestarts(LRScheduler):
    """Half cosine waves from the initial rate to eta_min, T_0 epochs long, then T_0 * T_mult, ...

    `step(epoch)` takes fractions, for steps within an epoch. Source: Loshchilov and Hutter 2017,
    "SGDR: stochastic gradient descent with warm restarts", arXiv:1608.03983.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        T_0: int,
        T_mult: int = 1,
        eta_min: float = 0.0,
        last_epoch: int = -1,
    ) -> None:
        if not isinstance(T_0, int) or T_0 <= 0:
            raise ValueError(f"Expected positive integer T_0, but got {T_0}")
        if not isinstance(T_mult, int) or T_mult < 1:
            raise ValueError(f"Expected integer T_mult >= 1, but got {T_mult}")
        if not isinstance(eta_min, (float, int)):
            raise ValueError(
                f"Expected float or int eta_min, but got {eta_min} of type {type(eta_min)}"
            )
        self.T_0 = T_0
        self.T_i = T_0
        self.T_mult = T_mult
        self.eta_min = eta_min
        self.T_cur: float = last_epoch
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Any]:
        self._warn_if_asked()
        height = (1 + math.cos(math.pi * self.T_cur / self.T_i)) / 2
        return [self.eta_min + (base - self.eta_min) * height for base in self.base_lrs]

    def step(self, epoch: float | None = None) -> None:
        """Go on by one epoch, or to `epoch` (which may be a fraction). ValueError if negative."""
        if epoch is None and self.last_epoch < 0:
            epoch = 0
        if epoch is None:
            epoch = self.last_epoch + 1
            self.T_cur += 1
            if self.T_cur >= self.T_i:
                self.T_cur %= self.T_i
                self.T_i *= self.T_mult
        else:
            if epoch < 0:
                raise ValueError(f"Expected non-negative epoch, but got {epoch}")
            self.T_cur, self.T_i = restart_position(epoch, self.T_0, self.T_mult)
        self.last_epoch = math.floor(epoch)
        with self._asking():
            rates = self.get_lr()
        self._set(rates)


class OneCycleLR(LRScheduler):
    """Up to max_lr for pct_start of the steps, then down to almost nothing; momentum against it.

    Call `step()` after every batch. The rate starts at max_lr / div_factor and ends at that
    divided by final_div_factor; with three_phase it comes back to the start symmetrically before
    the last descent. Source: Smith and Topin 2018, "Super-convergence", arXiv:1708.07120.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | list[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.85,
        max_momentum: float | list[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        require_optimizer(optimizer)
        self.optimizer = optimizer
        self.total_steps = _count_steps(total_steps, epochs, steps_per_epoch)
        if not isinstance(pct_start, float) or pct_start < 0 or pct_start > 1:
            raise ValueError(f"Expected float between 0 and 1 pct_start, but got {pct_start}")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(
                f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}"
            )
        self._schedule_phases = _phases(self.total_steps, pct_start, three_phase)
        self._anneal_func_type = anneal_strategy
        max_lrs = per_group("max_lr", optimizer, max_lr)
        if last_epoch == -1:
            for highest, group in zip(max_lrs, optimizer.param_groups, strict=True):
                group["initial_lr"] = highest / div_factor
                group["max_lr"] = highest
                group["min_lr"] = group["initial_lr"] / final_div_factor
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            low = per_group("base_momentum", optimizer, base_momentum)
            high = per_group("max_momentum", optimizer, max_momentum)
            use_momentum(self, low, high, last_epoch)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Any]:
        self._warn_if_asked()
        t = self.last_epoch
        if t > self.total_steps:
            raise ValueError(
                f"Tried to step {t} times. "
                f"The specified number of total steps is {self.total_steps}"
            )
        i, share = phase_of(t, [phase["end_step"] for phase in self._schedule_phases])
        phase = self._schedule_phases[i]
        strategy = self._anneal_func_type
        rates = []
        for group in self.optimizer.param_groups:
            rates.append(anneal(strategy, group[phase["start_lr"]], group[phase["end_lr"]], share))
            if self.cycle_momentum:
                ends = group[phase["start_momentum"]], group[phase["end_momentum"]]
                set_momentum(self, group, anneal(strategy, *ends, share))
        return rates


def _count_steps(total: Any, epochs: Any, steps_per_epoch: Any) -> int:
    if total is not None:
        given = {"total_steps": total}
    elif epochs is not None and steps_per_epoch is not None:
        given = {"epochs": epochs, "steps_per_epoch": steps_per_epoch}
    else:
        raise ValueError("You must define either total_steps OR (epochs AND steps_per_epoch)")
    for name, value in given.items():
        if not isinstance(value, int) or value <= 0:
            raise ValueError(f"Expected positive integer {name}, but got {value}")
    return math.prod(given.values())


def _phases(total_steps: int, pct_start: float, three_phase: bool) -> list[dict[str, Any]]:
    """The phases with the names of the momenta: low where the rate is highest."""
    momentum = {"initial_lr": "max_momentum", "max_lr": "base_momentum", "min_lr": "max_momentum"}
    return [
        {
            "end_step": end,
            "start_lr": start_lr,
            "end_lr": end_lr,
            "start_momentum": momentum[start_lr],
            "end_momentum": momentum[end_lr],
        }
        for end, start_lr, end_lr in one_cycle_phases(total_steps, pct_start, three_phase)
    ]
