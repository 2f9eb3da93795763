"""Optimizers that look at a whole matrix, not at single weights: Adafactor, Muon, LAMB."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core.node import touch
from ..core.tensor import make
from .optimizer import Optimizer, with_grad
from .options import Group, State, check, check_lr, check_moments, number, scalar

__all__ = ["LAMB", "Adafactor", "Muon"]


class PerParameter(Optimizer):
    """Base of optimizers whose update is a method of one parameter's arrays."""

    def gather(self, group: Group) -> list[Any] | None:
        params = with_grad(self, group)
        for p in params:
            self.check_param(p)
            self.start(p, self.state[p])
        return params or None

    def check_param(self, p: Any) -> None:
        """Raise RuntimeError if this optimizer cannot update the parameter."""
        if p.array.dtype.kind == "c":
            raise RuntimeError(f"{type(self).__name__} does not support complex parameters")

    def start(self, p: Any, state: State) -> None:
        """Fill an empty state."""
        raise NotImplementedError

    def update(self, p: np.ndarray, g: np.ndarray, state: State, group: Group) -> None:
        """Update p and the state in place; g is the gradient to descend along."""
        raise NotImplementedError

    def update_group(self, group: Group, material: Any) -> None:
        for p in material:
            g = p._grad.array
            self.update(p.array, -g if group.get("maximize") else g, self.state[p], group)
            touch(p.array, by=f"{type(self).__name__}.step")


class Adafactor(PerParameter):
    r"""Adam's second moment in the memory of a row and a column.

        rate  = max(eps2, RMS(p)) * min(lr, 1 / sqrt(t))
        p    <- p * (1 - lr * weight_decay)
        R    <- R + t^beta2_decay * (mean over columns of g^2 - R),   C likewise over rows
        v     = R C / mean(R)                  (vectors keep the whole v)
        u     = g / sqrt(max(v, eps1^2))
        p    <- p - rate * u / max(1, RMS(u) / d)

    eps1 None is the machine epsilon of the parameter's dtype. State: `step` and `row_var`,
    `col_var`, or `variance`. Source: Shazeer and Stern 2018, arXiv:1804.04235; PyTorch's form.
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-2,
        beta2_decay: float = -0.8,
        eps: tuple[float | None, float] = (None, 1e-3),
        d: float = 1.0,
        weight_decay: float = 0.0,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
    ) -> None:
        check_lr(lr, "Learning rate should be >= 0 but is: {}")
        check(beta2_decay <= 0.0, f"beta2_decay should be <= 0 but is: {beta2_decay}")
        check(eps[0] is None or eps[0] >= 0.0, f"epsilon1 should be >= 0 but is: {eps[0]}")
        check(eps[1] >= 0.0, f"epsilon2 should be >= 0 but is: {eps[1]}")
        check(d >= 1.0, f"Clipping threshold d should be >= 1 but is: {d}")
        check(weight_decay >= 0.0, f"weight_decay should be >= 0 but is: {weight_decay}")
        defaults = {
            "lr": lr,
            "beta2_decay": beta2_decay,
            "eps": eps,
            "d": d,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def start(self, p: Any, state: State) -> None:
        if state:
            return
        g = p._grad.array
        state["step"] = scalar(0.0)
        if g.ndim > 1:
            state["row_var"] = make(np.zeros((*g.shape[:-1], 1), g.dtype))
            state["col_var"] = make(np.zeros((*g.shape[:-2], 1, g.shape[-1]), g.dtype))
        else:
            state["variance"] = make(np.zeros_like(g))

    def update(self, p: np.ndarray, g: np.ndarray, state: State, group: Group) -> None:
        clock = state["step"].array
        clock += 1
        t = float(clock)
        lr = number(group["lr"])
        eps1, eps2 = group["eps"]
        eps1 = float(np.finfo(p.dtype).eps) if eps1 is None else eps1
        fresh = t ** group["beta2_decay"]
        rate = max(eps2, _rms(p)) * min(lr, 1 / t**0.5)
        if group["weight_decay"] != 0:
            p *= 1 - lr * group["weight_decay"]
        if g.ndim > 1:
            rows, columns = state["row_var"].array, state["col_var"].array
            rows += fresh * (np.square(g).mean(axis=-1, keepdims=True) - rows)
            columns += fresh * (np.square(g).mean(axis=-2, keepdims=True) - columns)
            v = rows @ columns / np.maximum(rows.mean(axis=-2, keepdims=True), eps1)
        else:
            v = state["variance"].array
            v += fresh * (g * g - v)
        u = g / np.sqrt(np.maximum(v, eps1 * eps1))
        p -= rate / max(1.0, _rms(u) / group["d"]) * u


def _rms(x: np.ndarray) -> float:
    return float(np.linalg.norm(x)) / x.size**0.5


class Muon(PerParameter):
    r"""Momentum, with the update of each weight matrix made orthogonal.

        b <- momentum * b + (1 - momentum) * g
        u  = g + momentum * (b - g) with nesterov, else b
        p <- p * (1 - lr * weight_decay) - adjusted lr * newton_schulz(u)

    For matrices inside a network; give embeddings, the last layer, biases and norms to AdamW.
    adjust_lr_fn: "original" (None) multiplies lr by sqrt(max(1, rows / columns)),
    "match_rms_adamw" by 0.2 * sqrt(max(rows, columns)). PyTorch computes the iteration in
    bfloat16, this one in the parameter's precision: the updates differ by the rounding of
    bfloat16, about 1 %. State: `momentum_buffer`. Source: Jordan et al. 2024, "Muon".
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.775, 2.0315),
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
    ) -> None:
        check_lr(lr, "Learning rate should be >= 0 but is: {}")
        check(momentum >= 0.0, f"momentum should be >= 0 but is: {momentum}")
        check(weight_decay >= 0.0, f"weight decay should be >= 0 but is: {weight_decay}")
        check(
            adjust_lr_fn in (None, "original", "match_rms_adamw"),
            f"Adjust learning rate function {adjust_lr_fn} is not supported",
        )
        defaults = {
            "lr": lr,
            "weight_decay": weight_decay,
            "momentum": momentum,
            "nesterov": nesterov,
            "ns_coefficients": ns_coefficients,
            "eps": eps,
            "ns_steps": ns_steps,
            "adjust_lr_fn": adjust_lr_fn,
        }
        super().__init__(params, defaults)
        for group in self.param_groups:
            for p in group["params"]:
                if p.array.ndim != 2:
                    raise ValueError(
                        "Muon only supports 2D parameters whereas we found a parameter with size: "
                        f"{p.shape}"
                    )

    def start(self, p: Any, state: State) -> None:
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = make(np.zeros_like(p._grad.array))

    def update(self, p: np.ndarray, g: np.ndarray, state: State, group: Group) -> None:
        lr, momentum = number(group["lr"]), group["momentum"]
        b = state["momentum_buffer"].array
        b += (1 - momentum) * (g - b)
        u = g + momentum * (b - g) if group["nesterov"] else b
        u = newton_schulz(u, group["ns_coefficients"], group["ns_steps"], group["eps"])
        p *= 1 - lr * group["weight_decay"]
        p -= _adjusted(lr, group["adjust_lr_fn"], p.shape) * u


def newton_schulz(
    x: np.ndarray, coefficients: tuple[float, float, float], steps: int, eps: float
) -> np.ndarray:
    """Nearly U V^T of the singular value decomposition x = U S V^T.

    x <- x / |x|, then `steps` times  x <- a x + (b A + c A^2) x  with A = x x^T, which drives the
    singular values towards 1 (with the usual coefficients, to between 0.7 and 1.2).
    ValueError for 100 steps and more, for another shape than (m, n), or not three coefficients.
    """
    if steps >= 100:
        raise ValueError("Number of steps must be less than 100 for computational efficiency")
    if x.ndim != 2:
        raise ValueError("Input tensor gradient must be a 2D matrix")
    if len(coefficients) != 3:
        raise ValueError("Coefficients must be a tuple of exactly 3 values")
    a, b, c = coefficients
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x
    x = x / max(float(np.linalg.norm(x)), eps)
    for _ in range(steps):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if tall else x


def _adjusted(lr: float, how: str | None, shape: tuple[int, ...]) -> float:
    rows, columns = shape
    if how == "match_rms_adamw":
        return lr * 0.2 * math.sqrt(max(rows, columns))
    return lr * math.sqrt(max(1, rows / columns))


class LAMB(PerParameter):
    r"""Adam's direction, with a step proportional to the size of the layer's weights.

        u  = m_hat / (sqrt(v_hat) + eps) + weight_decay * p
        p <- p - lr * |p| / |u| * u        (ratio 1 where |p| or |u| is 0)

    For very large batches. State: `step`, `exp_avg`, `exp_avg_sq`. Source: You et al. 2020,
    arXiv:1904.00962, algorithm 2.
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-6,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
    ) -> None:
        check_moments(lr, betas, eps, weight_decay)
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def start(self, p: Any, state: State) -> None:
        if not state:
            state["step"] = scalar(0.0)
            state["exp_avg"] = make(np.zeros_like(p.array))
            state["exp_avg_sq"] = make(np.zeros_like(p.array))

    def update(self, p: np.ndarray, g: np.ndarray, state: State, group: Group) -> None:
        clock = state["step"].array
        clock += 1
        t = float(clock)
        beta1, beta2 = group["betas"]
        m, v = state["exp_avg"].array, state["exp_avg_sq"].array
        m += (1 - beta1) * (g - m)
        v *= beta2
        v += (1 - beta2) * g * g
        u = m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + group["eps"])
        if group["weight_decay"] != 0:
            u = u + group["weight_decay"] * p
        weight, update = float(np.linalg.norm(p)), float(np.linalg.norm(u))
        ratio = weight / update if weight > 0 and update > 0 else 1.0
        p -= number(group["lr"]) * ratio * u
