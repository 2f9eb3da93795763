"""Limited-memory BFGS: Newton's method with a Hessian guessed from past gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..core.modes import enable_grad
from ..core.node import touch
from ..core.tensor import make
from .line_search import strong_wolfe
from .optimizer import Optimizer
from .options import State, check_lr, number

__all__ = ["LBFGS"]


class LBFGS(Optimizer):
    r"""Steps along -H g, H the inverse Hessian that the last `history_size` steps suggest.

    `step(closure)` makes up to max_iter iterations and max_eval (1.25 * max_iter) evaluations of
    the closure, which clears the gradients, computes the loss, calls backward and returns the
    loss. It stops when no gradient entry exceeds tolerance_grad or the loss or the parameters
    change by less than tolerance_change. line_search_fn: None (each step has length lr) or
    "strong_wolfe". One parameter group only; the state is kept under the first parameter.

    Source: Nocedal and Wright, "Numerical optimization", algorithms 7.4 and 7.5.
    """

    counts_steps = False

    def __init__(
        self,
        params: Any,
        lr: Any = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        check_lr(lr)
        defaults = {
            "lr": lr,
            "max_iter": max_iter,
            "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
            "tolerance_grad": tolerance_grad,
            "tolerance_change": tolerance_change,
            "history_size": history_size,
            "line_search_fn": line_search_fn,
        }
        super().__init__(params, defaults)
        if len(self.param_groups) != 1:
            raise ValueError("LBFGS doesn't support per-parameter options (parameter groups)")

    @property
    def _params(self) -> list[Any]:
        return self.param_groups[0]["params"]

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Minimize for up to max_iter iterations; returns the loss before the first."""
        if closure is None:
            raise TypeError(
                "LBFGS.step() missing 1 required positional argument: 'closure' (LBFGS evaluates "
                "the loss several times a step: pass a function that computes it and calls "
                "backward)"
            )
        group = self.param_groups[0]
        if group["line_search_fn"] not in (None, "strong_wolfe"):
            raise RuntimeError("only 'strong_wolfe' is supported")
        with enable_grad():
            first_loss = closure()
        loss, gradient = float(first_loss), self._gradient()
        state = self.state[self._params[0]]
        state.setdefault("func_evals", 0)
        state.setdefault("n_iter", 0)
        state["func_evals"] += 1
        if _largest(gradient) <= group["tolerance_grad"]:
            return first_loss
        memory = _Memory(state, group["history_size"])
        self._iterate(closure, loss, gradient, state, memory)
        memory.store(state)
        return first_loss

    def _iterate(
        self,
        closure: Callable[[], Any],
        loss: float,
        gradient: np.ndarray,
        state: State,
        memory: _Memory,
    ) -> None:
        group = self.param_groups[0]
        lr, max_iter, max_eval = number(group["lr"]), group["max_iter"], group["max_eval"]
        smallest_change = group["tolerance_change"]
        evaluations = 1
        for iteration in range(1, max_iter + 1):
            state["n_iter"] += 1
            direction = memory.direction(gradient)
            previous_loss = loss
            if state["n_iter"] == 1:
                length = min(1.0, 1.0 / float(np.abs(gradient).sum())) * lr
            else:
                length = lr
            slope = float(gradient @ direction)
            memory.remember(gradient, direction, length, loss)
            if slope > -smallest_change:
                break
            used = 0
            if group["line_search_fn"] is not None:
                start = [p.array.copy() for p in self._params]

                def along(t: float, d: np.ndarray = direction, x: Any = start) -> Any:
                    self._move(t, d)
                    value = self._evaluate(closure)
                    for p, array in zip(self._params, x):
                        p.array[...] = array
                    return value

                loss, gradient, length, used = strong_wolfe(
                    along, length, direction, loss, gradient, slope, max_ls=max_eval - evaluations
                )
                self._move(length, direction)
            else:
                self._move(length, direction)
                if iteration != max_iter:  # the last evaluation would serve nothing
                    loss, gradient = self._evaluate(closure)
                    used = 1
            memory.length = length
            evaluations += used
            state["func_evals"] += used
            if (
                evaluations >= max_eval
                or _largest(gradient) <= group["tolerance_grad"]
                or _largest(direction * length) <= smallest_change
                or abs(loss - previous_loss) < smallest_change
            ):
                break

    def _evaluate(self, closure: Callable[[], Any]) -> tuple[float, np.ndarray]:
        with enable_grad():
            loss = float(closure())
        return loss, self._gradient()

    def _gradient(self) -> np.ndarray:
        """All gradients in one vector; zeros where there is none, complex numbers as pairs."""
        parts = []
        for p in self._params:
            if p._grad is None:
                parts.append(np.zeros(p.array.size, p.array.dtype))
            else:
                parts.append(p._grad.array.ravel())
        return np.concatenate([_real(part) for part in parts])

    def _move(self, length: float, direction: np.ndarray) -> None:
        """p <- p + length * direction, for every parameter."""
        start = 0
        for p in self._params:
            pair = 2 if p.array.dtype.kind == "c" else 1
            part = direction[start : start + pair * p.array.size] * length
            start += part.size
            p.array += (part.view(p.array.dtype) if pair == 2 else part).reshape(p.array.shape)
            touch(p.array, by="LBFGS.step")


def _real(vector: np.ndarray) -> np.ndarray:
    if vector.dtype.kind != "c":
        return vector
    return np.ascontiguousarray(vector).view(vector.real.dtype)


def _largest(vector: np.ndarray) -> float:
    return float(np.abs(vector).max(initial=0.0))


class _Point(NamedTuple):
    gradient: np.ndarray
    direction: np.ndarray
    loss: float


class _Memory:
    """The last pairs (change of gradient y, change of parameters s), and what is saved of them."""

    def __init__(self, state: State, size: int) -> None:
        self.size = size
        self.y = [t.array for t in state.get("old_dirs") or []]
        self.s = [t.array for t in state.get("old_stps") or []]
        self.rho = [number(value) for value in state.get("ro") or []]
        self.scale = float(number(state.get("H_diag", 1.0)))
        self.last: _Point | None = None
        if state.get("d") is not None:
            self.last = _Point(state["prev_flat_grad"].array, state["d"].array, state["prev_loss"])
        self.length = number(state.get("t"))

    def direction(self, gradient: np.ndarray) -> np.ndarray:
        """-H g by the two-loop recursion."""
        if self.last is None:
            return -gradient
        y = gradient - self.last.gradient
        s = self.last.direction * self.length
        curvature = float(y @ s)
        if curvature > 1e-10:
            self.y.append(y)
            self.s.append(s)
            self.rho.append(1.0 / curvature)
            if len(self.y) > self.size:
                del self.y[0], self.s[0], self.rho[0]
            self.scale = curvature / float(y @ y)
        q = -gradient
        alphas = []
        for y, s, rho in zip(reversed(self.y), reversed(self.s), reversed(self.rho)):
            alphas.append(float(s @ q) * rho)
            q = q - alphas[-1] * y
        r = q * self.scale
        for y, s, rho, alpha in zip(self.y, self.s, self.rho, reversed(alphas)):
            r = r + (alpha - float(y @ r) * rho) * s
        return r

    def remember(
        self, gradient: np.ndarray, direction: np.ndarray, length: float, loss: float
    ) -> None:
        """The point from which the next step is taken."""
        self.last = _Point(gradient, direction, loss)
        self.length = length

    def store(self, state: State) -> None:
        """Put everything into the optimizer's state, under PyTorch's names."""
        if self.last is None:
            return
        state["d"] = make(self.last.direction)
        state["t"] = self.length
        state["old_dirs"] = [make(y) for y in self.y]
        state["old_stps"] = [make(s) for s in self.s]
        state["ro"] = list(self.rho)
        state["H_diag"] = self.scale
        state["prev_flat_grad"] = make(self.last.gradient)
        state["prev_loss"] = self.last.loss
