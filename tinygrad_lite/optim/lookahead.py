"""Looking ahead: slow weights that follow fast ones, and Nesterov's gradient at the point ahead."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.modes import enable_grad
from ..core.node import touch
from ..core.tensor import make
from .optimizer import Optimizer, with_grad
from .options import check, check_lr, number

__all__ = ["Lookahead", "NesterovLookahead", "SparseAdam"]


class Lookahead(Optimizer):
    r"""Wraps an optimizer: every k steps a slow copy of the weights goes part of the way.

        slow <- slow + alpha * (fast - slow);   fast <- slow

    `param_groups` and `state` are the wrapped optimizer's, so schedulers act on it. Its
    `state_dict` has one more entry, "lookahead". Source: Zhang et al. 2019, arXiv:1907.08610.
    """

    def __init__(self, optimizer: Optimizer, k: int = 5, alpha: float = 0.5) -> None:
        check(k >= 1, f"Invalid number of steps k: {k}")
        check(0.0 <= alpha <= 1.0, f"Invalid slow step alpha: {alpha}")
        self.optimizer = optimizer
        self.defaults = optimizer.defaults
        self.k = k
        self.alpha = alpha
        self.count = 0
        self.slow: dict[Any, np.ndarray] = {}
        self._prepare()

    @property
    def param_groups(self) -> list[dict[str, Any]]:  # type: ignore[override]
        """The wrapped optimizer's groups."""
        return self.optimizer.param_groups

    @property
    def state(self) -> Any:  # type: ignore[override]
        """The wrapped optimizer's state."""
        return self.optimizer.state

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group to the wrapped optimizer."""
        self.optimizer.add_param_group(param_group)

    def __repr__(self) -> str:
        return f"Lookahead(k={self.k}, alpha={self.alpha}, {self.optimizer!r})"

    def __getstate__(self) -> dict[str, Any]:
        names = ("optimizer", "defaults", "k", "alpha", "count", "slow")
        return {name: getattr(self, name) for name in names}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._prepare()

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """A step of the wrapped optimizer; every k-th time the slow weights follow."""
        params = [p for group in self.param_groups for p in group["params"]]
        for p in params:
            if p not in self.slow:
                self.slow[p] = p.array.copy()
        loss = self.optimizer.step(closure)
        self.count += 1
        if self.count % self.k == 0:
            for p in params:
                slow = self.slow[p]
                slow += self.alpha * (p.array - slow)
                p.array[...] = slow
                touch(p.array, by="Lookahead.step")
        return loss

    def state_dict(self) -> dict[str, Any]:
        """The wrapped optimizer's, with the count of steps and the slow weights."""
        params = [p for group in self.param_groups for p in group["params"]]
        slow = {i: make(self.slow[p]) for i, p in enumerate(params) if p in self.slow}
        own = {"k": self.k, "alpha": self.alpha, "count": self.count, "slow": slow}
        return self.optimizer.state_dict() | {"lookahead": own}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict` returned."""
        self.optimizer.load_state_dict(state_dict)
        own = state_dict["lookahead"]
        params = [p for group in self.param_groups for p in group["params"]]
        self.k, self.alpha, self.count = own["k"], own["alpha"], own["count"]
        self.slow = {params[int(i)]: slow.array.copy() for i, slow in own["slow"].items()}


class NesterovLookahead(Optimizer):
    r"""Nesterov's momentum as the textbooks write it: the gradient is taken at the point ahead.

        v <- momentum * v - lr * gradient(p + momentum * v)
        p <- p + v

    `step(closure)` moves the parameters ahead, evaluates the closure there, and comes back. The
    points ahead are the parameters of `SGD(nesterov=True)`: at a constant rate both are the same
    method. State: `velocity` (v). Source: Nesterov 1983; Sutskever et al. 2013.
    """

    counts_steps = False

    def __init__(
        self, params: Any, lr: Any = 1e-3, momentum: float = 0.9, *, maximize: bool = False
    ) -> None:
        check_lr(lr)
        check(momentum >= 0.0, f"Invalid momentum value: {momentum}")
        super().__init__(params, {"lr": lr, "momentum": momentum, "maximize": maximize})

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Evaluate the closure at the point ahead and move; returns its loss."""
        if closure is None:
            raise TypeError(
                "NesterovLookahead.step() needs a closure, which it evaluates at the point ahead; "
                "without one use SGD(momentum=..., nesterov=True)"
            )
        pairs = [(p, group) for group in self.param_groups for p in group["params"]]
        start = [p.array.copy() for p, _ in pairs]
        for p, group in pairs:
            if "velocity" in self.state[p]:
                p.array += group["momentum"] * self.state[p]["velocity"].array
                touch(p.array, by="NesterovLookahead.step")
        try:
            with enable_grad():
                loss = closure()
        finally:
            for (p, _), array in zip(pairs, start):
                p.array[...] = array
                touch(p.array, by="NesterovLookahead.step")
        for group in self.param_groups:
            for p in with_grad(self, group):
                state = self.state[p]
                if "velocity" not in state:
                    state["velocity"] = make(np.zeros_like(p.array))
                v, g = state["velocity"].array, p._grad.array
                v *= group["momentum"]
                v -= number(group["lr"]) * (-g if group["maximize"] else g)
                p.array += v
        return loss


class SparseAdam(Optimizer):
    """Adam for sparse gradients, of which there are none here: the step says to use Adam.

    PyTorch's SparseAdam refuses dense gradients, and all gradients here are dense; embeddings
    are no exception. Adam gives the same rows the same moments, and rows that were not used decay
    as usual.
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        maximize: bool = False,
    ) -> None:
        check_lr(lr)
        check(number(lr) > 0.0, f"Invalid learning rate: {lr}")
        check(eps > 0.0, f"Invalid epsilon value: {eps}")
        for i in (0, 1):
            check(0.0 <= betas[i] < 1.0, f"Invalid beta parameter at index {i}: {betas[i]}")
        defaults = {"lr": lr, "betas": betas, "eps": eps, "maximize": maximize}
        super().__init__(params, defaults)

    def gather(self, group: dict[str, Any]) -> None:
        """RuntimeError if any parameter has a gradient: it is dense."""
        if with_grad(self, group):
            raise RuntimeError(
                "SparseAdam does not support dense gradients, please consider Adam instead "
                "(tinygrad_lite has no sparse tensors)"
            )
