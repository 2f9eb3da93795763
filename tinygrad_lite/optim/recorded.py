"""The updates written with Tensors, for steps that are themselves differentiated.

An optimizer made with `differentiable=True` whose parameters, gradients, state or options lie on a
graph takes its step here instead of in a kernel, so that a later loss can be differentiated by the
gradients, by the state, or by the learning rate (meta-learning). Every function is the formula of
its optimizer's docstring: from the parameter p, its gradient g, the state, the group's options and
the number t of the step it returns the new p; new state goes into the dict. Constants are Tensors
where the options are. In `fresh` stand the names of the state that this step begins.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..core.modes import no_grad
from ..core.tensor import Tensor
from .options import Group, State, number, scalar

Update = Callable[[Tensor, Tensor, State, Group, float, set[str]], Tensor]


def on_a_graph(group: Group, params: list[Any], states: list[State]) -> bool:
    """Whether anything that a step of this group reads is part of a graph."""
    found = [option for option in group.values() if isinstance(option, Tensor)]
    found += [beta for beta in group.get("betas", ()) if isinstance(beta, Tensor)]
    found += [p._grad for p in params]
    for state in states:
        found += [value for value in state.values() if isinstance(value, Tensor)]
    return any(x.requires_grad for x in found) or any(not p.is_leaf for p in params)


class RecordedStep:
    """One step of a group, recorded; takes the place of a sweep."""

    def __init__(self, update: Update, params: list[Any], states: list[State], fresh: Any) -> None:
        self.update = update
        self.params = params
        self.states = states
        self.fresh = fresh

    def run(self, group: Group) -> None:
        """Write the new parameters into the old ones; RuntimeError where one is a leaf."""
        for p, state, fresh in zip(self.params, self.states, self.fresh):
            t = 0.0
            if "step" in state:
                with no_grad():
                    state["step"] += 1
                t = number(state["step"])
            g = -p._grad if group["maximize"] else p._grad
            p.copy_(self.update(p.clone(), g, state, group, t, fresh))  # rules may keep the old p


def _option(group: Group, name: str) -> Any:
    """An option, a Tensor of one element without its axes."""
    value = group[name]
    return value.reshape(()) if isinstance(value, Tensor) else value


def _decayed(p: Any, g: Any, group: Group) -> tuple[Any, Any]:
    """p and g after the weight decay, decoupled or as an L2 penalty."""
    decay = _option(group, "weight_decay")
    if number(decay) == 0:
        return p, g
    if group.get("decoupled_weight_decay"):
        return p * (1 - _option(group, "lr") * decay), g
    return p, g + decay * p


def _root(v: Any, group: Group) -> Any:
    eps = group["eps"]
    return (v + eps).sqrt() if group.get("eps_inside_sqrt") else v.sqrt() + eps


def _mean(old: Any, new: Any, beta: Any) -> Any:
    return old + (new - old) * (1 - beta)


def _sgd(p: Any, g: Any, state: State, group: Group, t: float, fresh: set[str]) -> Any:
    p, g = _decayed(p, g, group)
    if group["momentum"] != 0:
        momentum, b = group["momentum"], g
        if "momentum_buffer" not in fresh:
            b = momentum * state["momentum_buffer"] + (1 - group["dampening"]) * g
        state["momentum_buffer"] = b
        g = g + momentum * b if group["nesterov"] else b
    return p - _option(group, "lr") * g


def _asgd(p: Any, g: Any, state: State, group: Group, t: float, fresh: set[str]) -> Any:
    p, g = _decayed(p, g, group)
    lr, lambd = number(group["lr"]), group["lambd"]
    eta, mu = number(state["eta"]), number(state["mu"])
    p = p * (1 - lambd * eta) - eta * g
    state["ax"] = p if mu == 1 else state["ax"] + mu * (p - state["ax"])
    state["eta"] = scalar(lr / (1 + lambd * lr * t) ** group["alpha"])
    state["mu"] = scalar(1 / max(1, t - group["t0"]))
    return p


def _rprop(p: Any, g: Any, state: State, group: Group, t: float, fresh: set[str]) -> Any:
    shrink, grow = group["etas"]
    turn = (g * state["prev"]).sign()
    factor = turn.masked_fill(turn > 0, grow).masked_fill(turn < 0, shrink)
    size = (state["step_size"] * factor.masked_fill(turn == 0, 1.0)).clamp(*group["step_sizes"])
    g = g.masked_fill(turn < 0, 0.0)
    state["step_size"], state["prev"] = size, g
    return p - g.sign() * size


def _adagrad(p: Any, g: Any, state: State, group: Group, t: float, fresh: set[str]) -> Any:
    p, g = _decayed(p, g, group)
    state["sum"] = state["sum"] + g * g
    rate = _option(group, "lr") / (1 + (t - 1) * group["lr_decay"])
    return p - rate * g / _root(state["sum"], group)


def _adadelta(p: Any, g: Any, state: State, group: Group, t: float, fresh: set[str]) -> Any:
    p, g = _decayed(p, g, group)
    rho, eps, u = group["rho"], group["eps"], state["acc_delta"]
    state["square_avg"] = v = rho * state["square_avg"] + (1 - rho) * g * g
    d = (u + eps).sqrt() / (v + eps).sqrt() * g
    state["acc_delta"] = rho * u + (1 - rho) * d * d
    return p - _option(group, "lr") * d


def _rmsprop(p: Any, g: Any, state: State, group: Group, t: float, fresh: set[str]) -> Any:
    p, g = _decayed(p, g, group)
    alpha = group["alpha"]
    state["square_avg"] = v = alpha * state["square_avg"] + (1 - alpha) * g * g
    if group["centered"]:
        state["grad_avg"] = m = _mean(state["grad_avg"], g, alpha)
        v = v - m * m
    step = g / _root(v, group)
    if group["momentum"] > 0:
        step = state["momentum_buffer"] = group["momentum"] * state["momentum_buffer"] + step
    return p - _option(group, "lr") * step


def _adam(p: Any, g: Any, state: State, group: Group, t: float, fresh: set[str]) -> Any:
    p, g = _decayed(p, g, group)
    beta1, beta2 = group["betas"]
    state["exp_avg"] = m = _mean(state["exp_avg"], g, beta1)
    state["exp_avg_sq"] = v = beta2 * state["exp_avg_sq"] + (1 - beta2) * g * g
    if group["amsgrad"]:
        state["max_exp_avg_sq"] = v = state["max_exp_avg_sq"].maximum(v)
    step = m / (1 - beta1**t) / _root(v / (1 - beta2**t), group)
    return p - _option(group, "lr") * step


def _adamax(p: Any, g: Any, state: State, group: Group, t: float, fresh: set[str]) -> Any:
    p, g = _decayed(p, g, group)
    beta1, beta2 = group["betas"]
    state["exp_avg"] = m = _mean(state["exp_avg"], g, beta1)
    state["exp_inf"] = u = (beta2 * state["exp_inf"]).maximum(g.abs() + group["eps"])
    return p - _option(group, "lr") / (1 - beta1**t) * m / u


def _nadam(p: Any, g: Any, state: State, group: Group, t: float, fresh: set[str]) -> Any:
    p, g = _decayed(p, g, group)
    beta1, beta2 = group["betas"]
    psi = group["momentum_decay"]
    mu = beta1 * (1.0 - 0.5 * 0.96 ** (t * psi))
    following = beta1 * (1.0 - 0.5 * 0.96 ** ((t + 1) * psi))
    state["mu_product"] = so_far = state["mu_product"] * mu
    state["exp_avg"] = m = _mean(state["exp_avg"], g, beta1)
    state["exp_avg_sq"] = v = beta2 * state["exp_avg_sq"] + (1 - beta2) * g * g
    step = g * ((1.0 - mu) / (1.0 - so_far)) + m * (following / (1.0 - so_far * following))
    return p - _option(group, "lr") * step / _root(v / (1 - beta2**t), group)


def _radam(p: Any, g: Any, state: State, group: Group, t: float, fresh: set[str]) -> Any:
    p, g = _decayed(p, g, group)
    beta1, beta2 = group["betas"]
    state["exp_avg"] = m = _mean(state["exp_avg"], g, beta1)
    state["exp_avg_sq"] = v = beta2 * state["exp_avg_sq"] + (1 - beta2) * g * g
    correction = 1 - beta2**t
    limit = 2 / (1 - beta2) - 1
    length = limit - 2 * t * beta2**t / correction
    step = _option(group, "lr") * m / (1 - beta1**t)
    if length > 5.0:
        above = (length - 4) * (length - 2) * limit
        r = (above / ((limit - 4) * (limit - 2) * length)) ** 0.5
        step = step * r * correction**0.5 / _root(v, group)
    return p - step


UPDATES: dict[str, Update] = {
    "sgd": _sgd,
    "sgd_momentum": _sgd,
    "asgd": _asgd,
    "rprop": _rprop,
    "adagrad": _adagrad,
    "adadelta": _adadelta,
    "rmsprop": _rmsprop,
    "rmsprop_momentum": _rmsprop,
    "rmsprop_centered": _rmsprop,
    "rmsprop_centered_momentum": _rmsprop,
    "adam": _adam,
    "amsgrad": _adam,
    "adamax": _adamax,
    "nadam": _nadam,
    "radam": _radam,
}
"""The update of each rule of the kernels (kernels/updates*.py), by its name."""
