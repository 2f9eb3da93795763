"""Adam and its relatives: running means of the gradient and of its square."""

from __future__ import annotations

from typing import Any

from ..core.tensor import Tensor
from ..kernels import updates, updates_moments
from ..kernels.updates import Rule
from .optimizer import Optimizer
from .options import (
    Group,
    State,
    check,
    check_flags,
    check_moments,
    decays,
    inside,
    number,
    scalar,
    with_inside,
)
from .sweep import Sweep

__all__ = ["Adam", "AdamW", "Adamax", "Lion", "NAdam", "RAdam"]

RULES = updates_moments.RULES


class Adam(Optimizer):
    r"""Adaptive moments.

        m <- beta1 * m + (1 - beta1) * g
        v <- beta2 * v + (1 - beta2) * g^2
        p <- p - lr * m_hat / (sqrt(v_hat) + eps),   m_hat = m / (1 - beta1^t), v_hat likewise

    weight_decay is an L2 penalty (g <- g + weight_decay * p), with decoupled_weight_decay a decay
    of p itself (p <- p * (1 - lr * weight_decay)). amsgrad divides by the largest v so far. With
    eps_inside_sqrt the root is sqrt(v_hat + eps), as lectures write it. betas and lr may be
    one-element Tensors.

    State: `step`, `exp_avg` (m), `exp_avg_sq` (v), and `max_exp_avg_sq` with amsgrad. Sources:
    Kingma and Ba 2015, arXiv:1412.6980; amsgrad: Reddi et al. 2018.
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        betas: tuple[Any, Any] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
        eps_inside_sqrt: bool = False,
    ) -> None:
        tensors = isinstance(betas[0], Tensor), isinstance(betas[1], Tensor)
        for name, is_tensor in (("lr", isinstance(lr, Tensor)), ("betas[0]", tensors[0])):
            check(
                not (is_tensor and foreach and not capturable),
                f"{name} as a Tensor is not supported for capturable=False and foreach=True",
            )
        for i in (0, 1):
            one = not tensors[i] or betas[i].numel() == 1
            check(one, f"Tensor betas[{i}] must be 1-element")
        check_moments(lr, betas, eps, weight_decay)
        floats = isinstance(betas[0], float) and isinstance(betas[1], float)
        check(floats or all(tensors), "betas must be either both floats or both Tensors")
        defaults = {
            "lr": lr,
            "betas": tuple(betas),
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
            "fused": fused,
            "decoupled_weight_decay": decoupled_weight_decay,
        }
        super().__init__(params, with_inside(defaults, eps_inside_sqrt))
        check_flags(fused=fused, foreach=foreach, differentiable=differentiable)

    def rule(self, group: Group) -> Rule:
        return RULES["amsgrad" if group["amsgrad"] else "adam"]

    def constants(self, group: Group, t: float) -> tuple[float, ...]:
        beta1, beta2 = map(number, group["betas"])
        flag = inside(group)
        correction = 1 - beta2**t
        return (
            *decays(group, group["decoupled_weight_decay"]),
            1 - beta1,
            beta2,
            1 - beta2,
            -(number(group["lr"]) / (1 - beta1**t)),
            1 / correction if flag else 1 / correction**0.5,
            group["eps"],
            flag,
        )


class AdamW(Adam):
    r"""Adam with decoupled weight decay: p <- p * (1 - lr * weight_decay) before Adam's step.

    The decay does not pass through the moments, so it is the same for all weights, which an L2
    penalty under Adam is not. Source: Loshchilov and Hutter 2019, arXiv:1711.05101.
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        betas: tuple[Any, Any] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        eps_inside_sqrt: bool = False,
    ) -> None:
        super().__init__(
            params,
            lr,
            betas,
            eps,
            weight_decay,
            amsgrad,
            foreach=foreach,
            maximize=maximize,
            capturable=capturable,
            differentiable=differentiable,
            fused=fused,
            decoupled_weight_decay=True,
            eps_inside_sqrt=eps_inside_sqrt,
        )

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for group in self.param_groups:  # a state saved by Adam becomes AdamW's
            group["decoupled_weight_decay"] = True


class Adamax(Optimizer):
    r"""Adam with the largest recent gradient in place of the mean square.

        m <- beta1 * m + (1 - beta1) * g
        u <- max(beta2 * u, |g| + eps)
        p <- p - lr / (1 - beta1^t) * m / u

    State: `step`, `exp_avg` (m), `exp_inf` (u). Source: Kingma and Ba 2015, section 7.
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        check_moments(lr, betas, eps, weight_decay)
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)

    def rule(self, group: Group) -> Rule:
        return RULES["adamax"]

    def constants(self, group: Group, t: float) -> tuple[float, ...]:
        beta1, beta2 = group["betas"]
        return (
            float(group["maximize"]),
            float(group["weight_decay"]),
            1 - beta1,
            beta2,
            -(number(group["lr"]) / (1 - beta1**t)),
            group["eps"],
        )


class NAdam(Optimizer):
    r"""Adam with Nesterov momentum.

        mu_t = beta1 * (1 - 0.96^(t * momentum_decay) / 2)
        m_hat = mu_{t+1} * m / (1 - mu_1 ... mu_{t+1}) + (1 - mu_t) * g / (1 - mu_1 ... mu_t)
        p <- p - lr * m_hat / (sqrt(v_hat) + eps)

    State: `step`, `mu_product`, `exp_avg` (m), `exp_avg_sq` (v). Source: Dozat 2016,
    "Incorporating Nesterov momentum into Adam".
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_moments(lr, betas, eps, weight_decay)
        check(momentum_decay >= 0.0, f"Invalid momentum_decay value: {momentum_decay}")
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum_decay": momentum_decay,
            "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def rule(self, group: Group) -> Rule:
        return RULES["nadam"]

    def complete_state(self, p: Any, group: Group, state: State, rule: Rule) -> None:
        if not state:
            state["step"] = scalar(0.0)
            state["mu_product"] = scalar(1.0)
        super().complete_state(p, group, state, rule)

    def constants_of(self, group: Group, sweep: Sweep) -> Any:
        beta1, beta2 = group["betas"]
        lr, psi = number(group["lr"]), group["momentum_decay"]
        start = (*decays(group, group["decoupled_weight_decay"]), 1 - beta1, beta2, 1 - beta2)
        table = []
        for t, state in zip(sweep.count_step().tolist(), sweep.states):
            mu = beta1 * (1.0 - 0.5 * 0.96 ** (t * psi))
            following = beta1 * (1.0 - 0.5 * 0.96 ** ((t + 1) * psi))
            product = state["mu_product"].array
            product *= mu
            so_far = float(product)
            step_g = -lr * (1.0 - mu) / (1.0 - so_far)
            step_m = -lr * following / (1.0 - so_far * following)
            table.append((*start, step_g, step_m, 1 / (1 - beta2**t), group["eps"]))
        return table.__getitem__


class RAdam(Optimizer):
    r"""Rectified Adam: plain momentum until the variance of the adaptive step is tractable.

        rho_t = rho - 2 t beta2^t / (1 - beta2^t),   rho = 2 / (1 - beta2) - 1
        p <- p - lr * m_hat * r_t / (sqrt(v_hat) + eps)   where rho_t > 5, else  p <- p - lr * m_hat
        r_t^2 = (rho_t - 4)(rho_t - 2) rho / ((rho - 4)(rho - 2) rho_t)

    State: `step`, `exp_avg`, `exp_avg_sq`. Source: Liu et al. 2020, arXiv:1908.03265.
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_moments(lr, betas, eps, weight_decay)
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "decoupled_weight_decay": decoupled_weight_decay,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def rule(self, group: Group) -> Rule:
        return RULES["radam"]

    def constants(self, group: Group, t: float) -> tuple[float, ...]:
        beta1, beta2 = group["betas"]
        correction = 1 - beta2**t
        limit = 2 / (1 - beta2) - 1
        length = limit - 2 * t * beta2**t / correction
        adaptive = length > 5.0
        root = 0.0
        if adaptive:
            above = (length - 4) * (length - 2) * limit
            root = (above / ((limit - 4) * (limit - 2) * length)) ** 0.5 * correction**0.5
        return (
            *decays(group, group["decoupled_weight_decay"]),
            1 - beta1,
            beta2,
            1 - beta2,
            -(number(group["lr"]) / (1 - beta1**t)),
            root,
            group["eps"],
            float(adaptive),
        )


class Lion(Optimizer):
    r"""Evolved sign momentum: every weight moves by lr, in a direction that remembers.

        p <- p * (1 - lr * weight_decay) - lr * sign(beta1 * m + (1 - beta1) * g)
        m <- beta2 * m + (1 - beta2) * g

    Use a rate 3 to 10 times smaller and a decay as many times larger than AdamW's. State:
    `exp_avg` (m). Source: Chen et al. 2023, arXiv:2302.06675, algorithm 2.
    """

    counts_steps = False

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-4,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
    ) -> None:
        check_moments(lr, betas, 0.0, weight_decay)
        defaults = {"lr": lr, "betas": betas, "weight_decay": weight_decay, "maximize": maximize}
        super().__init__(params, defaults)

    def rule(self, group: Group) -> Rule:
        return updates.RULES["lion"]

    def constants_of(self, group: Group, sweep: Sweep) -> Any:
        beta1, beta2 = group["betas"]
        maximize, decay, _ = decays(group, decoupled=True)
        return (maximize, decay, number(group["lr"]), beta1, 1 - beta1, beta2, 1 - beta2)
