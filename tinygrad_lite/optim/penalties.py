"""Penalties on the size of the weights, as changes of the gradient or as proximal steps.

L2 by gradient is what an optimizer's `weight_decay` does (decoupled in AdamW). L1 by subgradient
makes weights small, but hardly ever exactly zero: they jump over it. The proximal step, after the
optimizer's, stops them there.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..core.node import Handle, touch
from .optimizer import Optimizer
from .options import check, number

__all__ = ["add_elastic_net", "add_l1", "add_l2", "proximal_l1", "soft_threshold"]


def add_l1(params: Iterable[Any], strength: float) -> None:
    """grad <- grad + strength * sign(p): the subgradient of strength * sum |p| (0 at 0).

    Call it between backward() and step(). Parameters without a gradient are left alone.
    """
    add_elastic_net(params, strength, ratio=1.0)


def add_l2(params: Iterable[Any], strength: float) -> None:
    """grad <- grad + strength * p: the gradient of strength / 2 * sum p^2."""
    add_elastic_net(params, strength, ratio=0.0)


def add_elastic_net(params: Iterable[Any], strength: float, ratio: float = 0.5) -> None:
    """grad <- grad + strength * (ratio * sign(p) + (1 - ratio) * p).

    The gradient of strength * (ratio * sum |p| + (1 - ratio) / 2 * sum p^2). ValueError for a
    negative strength or a ratio outside [0, 1]. Source: Zou and Hastie 2005.
    """
    check(strength >= 0.0, f"Invalid strength: {strength}")
    check(0.0 <= ratio <= 1.0, f"Invalid ratio: {ratio}")
    for p in params:
        if p._grad is None:
            continue
        g = p._grad.array
        if ratio:
            g += strength * ratio * np.sign(p.array)
        if ratio != 1.0:
            g += strength * (1.0 - ratio) * p.array
        touch(g, by="add_elastic_net")


def soft_threshold(params: Iterable[Any], threshold: float) -> None:
    """p <- sign(p) * max(|p| - threshold, 0), in place: the proximal step of threshold * |p|."""
    check(threshold >= 0.0, f"Invalid threshold: {threshold}")
    for p in params:
        p.array[...] = np.sign(p.array) * np.maximum(np.abs(p.array) - threshold, 0)
        touch(p.array, by="soft_threshold")


def proximal_l1(optimizer: Optimizer, strength: float) -> Handle:
    """After every step of the optimizer shrink its weights by lr * strength, to exactly zero.

    With SGD this is proximal gradient descent (ISTA) for loss + strength * sum |p|. A group can
    set its own "l1". Returns a handle; `handle.remove()` ends it.
    """
    check(strength >= 0.0, f"Invalid strength: {strength}")

    def shrink(optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        for group in optimizer.param_groups:
            with_gradient = [p for p in group["params"] if p._grad is not None]
            soft_threshold(with_gradient, number(group["lr"]) * group.get("l1", strength))

    return optimizer.register_step_post_hook(shrink)
