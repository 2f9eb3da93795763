"""Reading and checking an optimizer's options."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import dtypes
from ..core.node import describe
from ..core.tensor import Tensor, make

Group = dict[str, Any]
State = dict[str, Any]


def number(value: Any) -> float:
    """An option as a Python number; it may be a Tensor of one element."""
    return value.item() if isinstance(value, Tensor) else value


def check_lr(lr: Any, message: str = "Invalid learning rate: {}") -> None:
    """Raise ValueError unless lr is a number or a one-element Tensor, and not negative."""
    if isinstance(lr, Tensor) and lr.numel() != 1:
        raise ValueError("Tensor lr must be 1-element")
    check(number(lr) >= 0.0, message.format(lr))


def check(sound: bool, message: str) -> None:
    """Raise ValueError with `message` unless `sound`."""
    if not sound:
        raise ValueError(message)


def check_flags(*, fused: Any = None, foreach: Any = None, differentiable: bool = False) -> None:
    """Raise RuntimeError for combinations of implementation flags that PyTorch refuses.

    The flags choose between PyTorch's implementations; here there is one, whatever they say.
    """
    if fused and differentiable:
        raise RuntimeError("`fused` does not support `differentiable`")
    if fused and foreach:
        raise RuntimeError("`fused` and `foreach` cannot be `True` together.")


def scalar(value: float) -> Tensor:
    """A 0-d state Tensor: float32, or float64 if that is the default dtype."""
    wide = dtypes.get_default_dtype() is dtypes.float64
    return make(np.array(value, np.float64 if wide else np.float32))


def type_name(value: Any) -> str:
    """How error messages name a value's type."""
    if isinstance(value, Tensor):
        return describe(value.array)[1:].split(" ")[0]  # e.g. torch.FloatTensor
    kind = type(value)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"


def check_moments(lr: Any, betas: Any, eps: float, weight_decay: float) -> None:
    """Raise ValueError for options out of range."""
    check_lr(lr)
    check(eps >= 0.0, f"Invalid epsilon value: {eps}")
    check_betas(betas)
    check(weight_decay >= 0.0, f"Invalid weight_decay value: {weight_decay}")


def check_betas(betas: Any) -> None:
    """Raise ValueError unless both are in [0, 1)."""
    for i in (0, 1):
        in_range = 0.0 <= number(betas[i]) < 1.0
        check(in_range, f"Invalid beta parameter at index {i}: {betas[i]}")


def decays(group: Group, decoupled: bool) -> tuple[float, float, float]:
    """(maximize, factor on p, L2 penalty): where the weight decay goes."""
    decay = group["weight_decay"]
    maximize = float(group["maximize"])
    if decoupled:
        return maximize, 1 - number(group["lr"]) * decay, 0.0
    return maximize, 1.0, float(decay)


def with_inside(defaults: dict[str, Any], eps_inside_sqrt: bool) -> dict[str, Any]:
    """The defaults, with `eps_inside_sqrt` only if it is on: PyTorch has no such option."""
    return defaults | ({"eps_inside_sqrt": True} if eps_inside_sqrt else {})


def inside(group: Group) -> float:
    """The flag of a rule for epsilon inside the square root."""
    return float(group.get("eps_inside_sqrt", False))
