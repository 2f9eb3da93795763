"""Gradient descent: SGD with momentum (heavy ball or Nesterov), and averaged SGD."""

from __future__ import annotations

from typing import Any

from ..kernels.updates import RULES, Rule
from .optimizer import Optimizer
from .options import Group, State, check, check_flags, check_lr, number, scalar
from .sweep import Sweep

__all__ = ["ASGD", "SGD"]


class SGD(Optimizer):
    r"""Stochastic gradient descent, optionally with momentum.

        g <- g + weight_decay * p
        b <- momentum * b + (1 - dampening) * g      (first step: b = g)
        p <- p - lr * b            or, with nesterov,   p <- p - lr * (g + momentum * b)

    State: `momentum_buffer` (b), only with momentum. Source: Sutskever et al. 2013, "On the
    importance of initialization and momentum in deep learning"; PyTorch's form of it.
    """

    counts_steps = False

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: Any = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        check_lr(lr)
        check(momentum >= 0.0, f"Invalid momentum value: {momentum}")
        check(number(weight_decay) >= 0.0, f"Invalid weight_decay value: {weight_decay}")
        check(
            not nesterov or (momentum > 0 and dampening == 0),
            "Nesterov momentum requires a momentum and zero dampening",
        )
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
            "foreach": foreach,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, defaults)
        check_flags(fused=fused, foreach=foreach, differentiable=differentiable)

    def rule(self, group: Group) -> Rule:
        return RULES["sgd_momentum" if group["momentum"] != 0 else "sgd"]

    def constants_of(self, group: Group, sweep: Sweep) -> Any:
        start = (
            float(group["maximize"]),
            float(number(group["weight_decay"])),
            float(number(group["lr"])),
        )
        if not sweep.rule.state:
            return start
        momentum, nesterov = float(group["momentum"]), float(group["nesterov"])
        rest = (*start, momentum, 1.0 - group["dampening"], nesterov)
        if sweep.new:
            return lambda i: (*rest, float(i in sweep.new))
        return (*rest, 0.0)


class ASGD(Optimizer):
    r"""Averaged stochastic gradient descent.

        p  <- p * (1 - lambd * eta) - eta * g
        ax <- ax + mu * (p - ax)
        eta = lr / (1 + lambd * lr * t)^alpha,   mu = 1 / max(1, t - t0)

    The average `ax` in the state is the result: it follows p until step t0 and is the mean of p
    after it. Source: Polyak and Juditsky 1992, "Acceleration of stochastic approximation by
    averaging".
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        check_lr(lr)
        check(weight_decay >= 0.0, f"Invalid weight_decay value: {weight_decay}")
        defaults = {
            "lr": lr,
            "lambd": lambd,
            "alpha": alpha,
            "t0": t0,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)

    def rule(self, group: Group) -> Rule:
        return RULES["asgd"]

    def complete_state(self, p: Any, group: Group, state: State, rule: Rule) -> None:
        if not state:
            state["step"] = scalar(0.0)
            state["eta"] = scalar(number(group["lr"]))
            state["mu"] = scalar(1.0)
        super().complete_state(p, group, state, rule)

    def constants_of(self, group: Group, sweep: Sweep) -> Any:
        lr, lambd = number(group["lr"]), group["lambd"]
        maximize, l2 = float(group["maximize"]), float(group["weight_decay"])
        table = []
        for t, state in zip(sweep.count_step().tolist(), sweep.states):
            eta, mu = state["eta"].array, state["mu"].array
            rate, weight = float(eta), float(mu)
            table.append((maximize, l2, 1 - lambd * rate, rate, weight, float(weight != 1)))
            # Rounded to the default dtype even where a loaded state is wider, as PyTorch does.
            eta[...] = scalar(lr / (1 + lambd * lr * t) ** group["alpha"]).array
            mu[...] = scalar(1 / max(1, t - group["t0"])).array
        return table.__getitem__
