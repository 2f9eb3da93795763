"""Steps scaled by the size of past gradients: Adagrad, Adadelta, RMSprop, Rprop, FTRL."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.tensor import make
from ..kernels import updates, updates_adaptive
from ..kernels.updates import Rule
from .optimizer import Optimizer
from .options import (
    Group,
    State,
    check,
    check_flags,
    check_lr,
    inside,
    number,
    scalar,
    with_inside,
)

__all__ = ["FTRL", "Adadelta", "Adagrad", "RMSprop", "Rprop"]

RULES = updates_adaptive.RULES


class Adagrad(Optimizer):
    r"""Divides by the root of the sum of all squared gradients.

        s <- s + g^2
        p <- p - lr / (1 + (t - 1) * lr_decay) * g / (sqrt(s) + eps)

    With eps_inside_sqrt the root is sqrt(s + eps). State: `step`, `sum`. Source: Duchi et al.
    2011, "Adaptive subgradient methods for online learning and stochastic optimization".
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        eps_inside_sqrt: bool = False,
    ) -> None:
        check_lr(lr)
        check(lr_decay >= 0.0, f"Invalid lr_decay value: {lr_decay}")
        check(weight_decay >= 0.0, f"Invalid weight_decay value: {weight_decay}")
        check(
            initial_accumulator_value >= 0.0,
            f"Invalid initial_accumulator_value value: {initial_accumulator_value}",
        )
        check(eps >= 0.0, f"Invalid epsilon value: {eps}")
        defaults = {
            "lr": lr,
            "lr_decay": lr_decay,
            "eps": eps,
            "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, with_inside(defaults, eps_inside_sqrt))
        check_flags(fused=fused, foreach=foreach, differentiable=differentiable)
        for group in self.param_groups:  # PyTorch fills this state at once, not at the first step
            for p in group["params"]:
                self.complete_state(p, group, self.state[p], self.rule(group))

    def rule(self, group: Group) -> Rule:
        return RULES["adagrad"]

    def complete_state(self, p: Any, group: Group, state: State, rule: Rule) -> None:
        if state:
            return
        start = self.defaults["initial_accumulator_value"]
        start = complex(start, start) if p.array.dtype.kind == "c" else start
        state["step"] = scalar(0.0)
        state["sum"] = make(np.full_like(p.array, start))

    def constants(self, group: Group, t: float) -> tuple[float, ...]:
        return (
            float(group["maximize"]),
            float(group["weight_decay"]),
            number(group["lr"]) / (1 + (t - 1) * group["lr_decay"]),
            float(group["eps"]),
            inside(group),
        )


class Adadelta(Optimizer):
    r"""Adagrad with a fading memory, in units of the parameter: no learning rate is needed.

        v <- rho * v + (1 - rho) * g^2
        d = sqrt(u + eps) / sqrt(v + eps) * g
        u <- rho * u + (1 - rho) * d^2
        p <- p - lr * d

    State: `step`, `square_avg` (v), `acc_delta` (u). Source: Zeiler 2012, arXiv:1212.5701.
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_lr(lr)
        check(0.0 <= rho <= 1.0, f"Invalid rho value: {rho}")
        check(eps >= 0.0, f"Invalid epsilon value: {eps}")
        check(weight_decay >= 0.0, f"Invalid weight_decay value: {weight_decay}")
        defaults = {
            "lr": lr,
            "rho": rho,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "capturable": capturable,
            "foreach": foreach,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def rule(self, group: Group) -> Rule:
        return RULES["adadelta"]

    def constants(self, group: Group, t: float) -> tuple[float, ...]:
        rho = group["rho"]
        return (
            float(group["maximize"]),
            float(group["weight_decay"]),
            number(group["lr"]),
            rho,
            1 - rho,
            group["eps"],
        )


class RMSprop(Optimizer):
    r"""Divides by the root of a running mean of squared gradients.

        v <- alpha * v + (1 - alpha) * g^2
        centered:   m <- alpha * m + (1 - alpha) * g;   v - m^2 instead of v under the root
        momentum:   b <- momentum * b + g / (sqrt(v) + eps);   p <- p - lr * b
        otherwise:  p <- p - lr * g / (sqrt(v) + eps)

    With eps_inside_sqrt the root is sqrt(v + eps). State: `step`, `square_avg` (v), and
    `momentum_buffer` (b), `grad_avg` (m) where used. Source: Hinton, "Neural networks for machine
    learning", lecture 6e; centered: Graves 2013, arXiv:1308.0850.
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        *,
        eps_inside_sqrt: bool = False,
    ) -> None:
        check_lr(lr)
        check(eps >= 0.0, f"Invalid epsilon value: {eps}")
        check(momentum >= 0.0, f"Invalid momentum value: {momentum}")
        check(weight_decay >= 0.0, f"Invalid weight_decay value: {weight_decay}")
        check(alpha >= 0.0, f"Invalid alpha value: {alpha}")
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "alpha": alpha,
            "eps": eps,
            "centered": centered,
            "weight_decay": weight_decay,
            "capturable": capturable,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
        }
        super().__init__(params, with_inside(defaults, eps_inside_sqrt))

    def rule(self, group: Group) -> Rule:
        name = "rmsprop"
        name += "_centered" if group["centered"] else ""
        return RULES[name + ("_momentum" if group["momentum"] > 0 else "")]

    def constants(self, group: Group, t: float) -> tuple[float, ...]:
        alpha = group["alpha"]
        return (
            float(group["maximize"]),
            float(group["weight_decay"]),
            number(group["lr"]),
            alpha,
            1 - alpha,
            group["eps"],
            inside(group),
            group["momentum"],
        )


class Rprop(Optimizer):
    r"""Resilient backpropagation: only the gradient's sign counts; for full batches.

    Each weight has a step that grows by etas[1] while its gradient keeps its sign, shrinks by
    etas[0] when the sign changed (the weight then rests once), and stays within step_sizes.
    State: `step`, `prev`, `step_size`. Source: Riedmiller and Braun 1993.
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_lr(lr)
        check(0.0 < etas[0] < 1.0 < etas[1], f"Invalid eta values: {etas[0]}, {etas[1]}")
        defaults = {
            "lr": lr,
            "etas": etas,
            "step_sizes": step_sizes,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)

    def rule(self, group: Group) -> Rule:
        return updates.RULES["rprop"]

    def complete_state(self, p: Any, group: Group, state: State, rule: Rule) -> None:
        if state:
            return
        lr = number(group["lr"])
        start = complex(lr, lr) if p.array.dtype.kind == "c" else lr
        state["step"] = scalar(0.0)
        state["prev"] = make(np.zeros_like(p.array))
        state["step_size"] = make(np.full_like(p.array, start))

    def constants(self, group: Group, t: float) -> tuple[float, ...]:
        return (float(group["maximize"]), *group["etas"], *map(float, group["step_sizes"]), 0.0)


class FTRL(Optimizer):
    r"""Follow the regularized leader, proximal form: an L1 penalty that makes exact zeros.

        sigma = (sqrt(n + g^2) - sqrt(n)) / lr
        z <- z + g - sigma * p
        n <- n + g^2
        p <- 0 where |z| <= l1, else -(z - sign(z) * l1) / ((beta + sqrt(n)) / lr + l2)

    The paper starts from p = 0; here z starts at the value for which the formula returns the
    parameter as given, so that a trained weight can be continued. State: `z`, `n`.

    Args: beta smooths the rate (1 in the paper), l1 and l2 are the penalties' strengths,
    initial_accumulator_value is n at the start. Source: McMahan et al. 2013, "Ad click prediction:
    a view from the trenches", algorithm 1.
    """

    counts_steps = False

    def __init__(
        self,
        params: Any,
        lr: Any = 0.1,
        beta: float = 1.0,
        l1: float = 0.0,
        l2: float = 0.0,
        initial_accumulator_value: float = 0.0,
        *,
        maximize: bool = False,
    ) -> None:
        check_lr(lr)
        check(number(lr) > 0, f"Invalid learning rate: {lr} (FTRL divides by it)")
        check(beta >= 0.0, f"Invalid beta value: {beta}")
        check(l1 >= 0.0, f"Invalid l1 value: {l1}")
        check(l2 >= 0.0, f"Invalid l2 value: {l2}")
        start = initial_accumulator_value
        check(start >= 0.0, f"Invalid initial_accumulator_value value: {start}")
        check(beta + l2 + start > 0, "beta, l2 and initial_accumulator_value cannot all be 0")
        defaults = {
            "lr": lr,
            "beta": beta,
            "l1": l1,
            "l2": l2,
            "initial_accumulator_value": start,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def rule(self, group: Group) -> Rule:
        return RULES["ftrl"]

    def complete_state(self, p: Any, group: Group, state: State, rule: Rule) -> None:
        if state:
            return
        n = group["initial_accumulator_value"]
        slope = (group["beta"] + n**0.5) / number(group["lr"]) + group["l2"]
        state["z"] = make(-p.array * slope - np.sign(p.array) * group["l1"])
        state["n"] = make(np.full_like(p.array, n))

    def constants_of(self, group: Group, sweep: Any) -> tuple[float, ...]:
        names = ("maximize", "lr", "beta", "l1", "l2")
        return (*(float(number(group[name])) for name in names), 0.0)
