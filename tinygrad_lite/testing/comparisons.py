"""The comparisons of `gradcheck`: derivatives by backpropagation against those by differences."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.modes import enable_grad
from ..core.tensor import Tensor, live_node, make
from .calls import Case, gradients, numbers_of, signed
from .report import guess, worst


class GradcheckError(RuntimeError):
    """Analytic and numerical gradient differ. The message names where, and both numbers."""


def wanted_inputs(args: Sequence[Any]) -> list[int]:
    """Numbers of the arguments to differentiate towards; ValueError if there are none."""
    wanted = [i for i, a in enumerate(args) if isinstance(a, Tensor) and a.requires_grad]
    if not wanted:
        raise ValueError(
            "gradcheck expects at least one input tensor to require gradient, "
            "but none of the them have requires_grad=True."
        )
    return wanted


class Check:
    """One gradcheck: the function, its inputs, and the comparisons.

    The function is called with the inputs themselves, moved in place for the differences: it may
    also reach them on other ways (a parameter of the module it runs, a dict among its arguments).

    `outputs` are real: a complex one is taken as two. `labels` names them.
    """

    def __init__(
        self, func: Callable[..., Any], args: tuple[Any, ...], eps: float, atol: float, rtol: float
    ) -> None:
        self.func, self.args, self.eps, self.atol, self.rtol = func, args, eps, atol, rtol
        self.wanted = wanted_inputs(args)
        for i in self.wanted:
            self._judge_input(i, args[i].array)
        self.rng = np.random.default_rng(0)
        self.labels: list[tuple[str, int]] = []
        self.forms: list[Any] = []
        name = getattr(func, "__name__", type(func).__name__)
        self.case = Case(
            name if name.isidentifier() else "func",
            func,
            [a.array if isinstance(a, Tensor) else np.asarray(a) for a in args],
            wanted=tuple(self.wanted),
        )

    @staticmethod
    def _judge_input(i: int, array: np.ndarray) -> None:
        if array.dtype.char not in "dD":
            warnings.warn(
                f"Input #{i} requires gradient and is not a double precision floating point or "
                "complex. This check will likely fail if all the inputs are not of double "
                "precision floating point or complex. ",
                UserWarning,
                stacklevel=4,
            )
        steps = zip(array.strides, array.shape, strict=True)
        if array.size and any(s == 0 and n > 1 for s, n in steps):
            raise RuntimeError(
                f"The {i}th input has a dimension with stride 0. gradcheck only "
                "supports inputs that are non-overlapping to be able to "
                "compute the numerical gradients correctly. You should call "
                ".contiguous on the input before passing it to gradcheck."
            )

    # -- calls ------------------------------------------------------------------------------------

    def differentiable(self) -> bool:
        """Whether a gradient flows through any output. Notes their shapes, dtypes and labels."""
        with enable_grad():
            outs = numbers_of(self.func(*self.args))
        self.flows = [live_node(o) is not None for o in outs]
        if not any(self.flows):
            self.flows = [True] * len(outs)  # `constant` looks at all of them
            differentiable = False
        else:
            differentiable = True
        chosen = self._chosen(outs)
        self.forms = [(o.array.shape, o.array.dtype) for o in chosen]
        for k, o in enumerate(chosen):
            parts = ("imaginary", "real") if o.array.dtype.kind == "c" else ("",)
            self.labels += [(part, k) for part in parts]
        return differentiable

    def _chosen(self, outs: list[Tensor]) -> list[Tensor]:
        if len(outs) != len(self.flows):
            return outs
        return [o for o, flows in zip(outs, self.flows) if flows]

    def outputs(self) -> tuple[list[Tensor], list[Tensor]]:
        """The wanted inputs, and the real outputs of a call."""
        xs = [self.args[i] for i in self.wanted]
        with enable_grad():
            outs = self._chosen(numbers_of(self.func(*self.args)))
            return xs, [part for o in outs for part in _real_parts(o)]

    def moved(self, which: int, change: np.ndarray) -> list[np.ndarray]:
        """The outputs with wanted input number `which` moved by `change`."""
        i = self.wanted[which]
        array = self.args[i].array
        original = array.copy()
        array += change
        try:
            with enable_grad():
                outs = self._chosen(numbers_of(self.func(*self.args)))
            values = [a for o in outs for a in _real_arrays(o.array.copy())]
        finally:
            array[...] = original
        for place, what in enumerate(("shape", "dtype")):
            before = [form[place] for form in self.forms]
            after = [(o.array.shape, o.array.dtype)[place] for o in outs]
            if before != after:
                raise AssertionError(
                    f"Expected `func` to return outputs with the same {what} when inputs are "
                    f"perturbed, but got: {before} before and {after} with input {i} moved"
                )
        return values

    def difference(self, which: int, direction: np.ndarray) -> list[np.ndarray]:
        """Central difference of every output along `direction`."""
        up = self.moved(which, self.eps * direction)
        down = self.moved(which, -self.eps * direction)
        return [(u - d) / (2 * self.eps) for u, d in zip(up, down, strict=True)]

    def rule(self, weights: Sequence[np.ndarray | None]) -> list[np.ndarray]:
        """Gradients of sum(weights * outputs) by backpropagation."""
        xs, outs = self.outputs()
        given = [
            None if w is None else w.astype(o.array.dtype)
            for w, o in zip(weights, outs, strict=True)
        ]
        found = gradients(outs, xs, given)
        return [np.zeros_like(x.array) if g is None else g for x, g in zip(xs, found, strict=True)]

    def agree(self, analytic: Any, numeric: Any) -> Any:
        a, n = np.asarray(analytic, float), np.asarray(numeric, float)
        return np.isclose(a, n, atol=self.atol, rtol=self.rtol, equal_nan=True)

    # -- comparisons ------------------------------------------------------------------------------

    def jacobian_by_differences(self, j: int) -> list[np.ndarray]:
        """For every output the matrix of its derivatives by the numbers of input `j`."""
        x = self.args[self.wanted[j]].array
        directions = _directions(x)
        first = self.difference(j, directions[0]) if directions else self.moved(j, np.zeros(()))
        matrices = [np.zeros((d.size, len(directions))) for d in first]
        for column, direction in enumerate(directions):
            for k, d in enumerate(first if column == 0 else self.difference(j, direction)):
                matrices[k][:, column] = d.reshape(-1)
        return matrices

    def constant(self) -> None:
        """Outputs through which no gradient flows do not depend on the inputs."""
        for j in range(len(self.wanted)):
            if any(np.any(m != 0) for m in self.jacobian_by_differences(j)):
                raise GradcheckError("Numerical gradient for function expected to be zero")

    def every_element(self) -> None:
        """The whole Jacobian of every output towards every wanted input."""
        xs, outs = self.outputs()
        shapes = [o.array.shape for o in outs]
        analytic: list[list[Any]] = [[[] for _ in xs] for _ in outs]
        for k, out in enumerate(outs):
            for index in np.ndindex(out.array.shape):
                weights: list[np.ndarray | None] = [None] * len(outs)
                weights[k] = _unit(out.array.shape, index)
                for rows, g in zip(analytic[k], self.rule(weights), strict=True):
                    rows.append(_as_reals(g))
        for j, x in enumerate(xs):
            for k, numeric in enumerate(self.jacobian_by_differences(j)):
                found = np.array(analytic[k][j], float).reshape(numeric.shape)
                if not np.all(self.agree(found, numeric)):
                    raise GradcheckError(self.report(k, j, found, numeric, shapes[k], x.array))

    def report(
        self,
        k: int,
        j: int,
        analytic: np.ndarray,
        numeric: np.ndarray,
        out_shape: tuple[int, ...],
        x: np.ndarray,
    ) -> str:
        """What is said of a Jacobian (output elements by input numbers) that is wrong."""
        wrong = ~self.agree(analytic, numeric)
        row, column = worst(np.where(wrong, analytic, numeric), numeric)
        per = 2 if x.dtype.kind == "c" else 1
        out_index = [int(i) for i in np.unravel_index(row, out_shape)] if out_shape else []
        in_index = [int(i) for i in np.unravel_index(column // per, x.shape)] if x.shape else []
        a, n = float(analytic[row, column]), float(numeric[row, column])
        size = max(abs(a), abs(n))
        ratio = f"{a / n:.6g}" if n else "inf"
        cause = None
        if per == 1 and not self.labels[k][0]:
            ones = [np.ones(out_shape)]
            sums = [analytic.sum(0).reshape(x.shape), numeric.sum(0).reshape(x.shape)]
            numerics: list[np.ndarray | None] = [None] * len(self.wanted)
            numerics[j] = sums[1]
            cause = guess(self.case, j, sums[0], numerics, ones)
        return (
            f"{self.name_of_pair(k, j)}: "
            f"d out{out_index} / d input{in_index} is {a:.8g} analytically and {n:.8g} "
            f"numerically (ratio {ratio}, relative error {abs(a - n) / size:.1e}; "
            f"{int(wrong.sum())} of {wrong.size} entries differ)"
            + (f"; guess: {cause}" if cause else "")
            + f"\nnumerical:{numeric}\nanalytical:{analytic}\n"
        )

    def name_of_pair(self, k: int, j: int, mode: str = "") -> str:
        """How a message begins about output part `k` and wanted input `j`."""
        part, output = self.labels[k]
        considered = f"While considering the {part} part of complex outputs only, " if part else ""
        return (
            f"{considered}Jacobian {mode}mismatch for output {output} with respect to input "
            f"{self.wanted[j]}"
        )

    def along_directions(self) -> None:
        """u' J v by both ways, for a random direction u of each output and v of each input."""
        xs, outs = self.outputs()
        us = [signed(o.array.shape, self.rng) for o in outs]
        vs = [_random_direction(x.array, self.rng) for x in xs]
        differences = [self.difference(j, v) for j, v in enumerate(vs)]
        for k, u in enumerate(us):
            found = self.rule([u if i == k else None for i in range(len(us))])
            for j, v in enumerate(vs):
                d = differences[j][k]
                n, reach = float(np.sum(u * d)), float(np.sum(np.abs(u * d)))
                a = float(np.dot(_as_reals(found[j]), _as_reals(v)))
                if not abs(a - n) <= self.atol + self.rtol * max(reach, abs(n)) / max(1, v.size):
                    raise GradcheckError(
                        f"{self.name_of_pair(k, j)} along a random "
                        f"direction: {a:.8g} analytically, {n:.8g} numerically (ratio "
                        f"{a / n if n else float('inf'):.6g}); fast_mode=False names the element"
                    )

    def tangents(self, fast: bool) -> None:
        """Tangents by `forward_ad` along every number of every input (or a random direction)."""
        duals: Any = importlib.import_module(
            f"{__package__.rpartition('.')[0]}.autograd.forward_ad"
        )
        for j, i in enumerate(self.wanted):
            x = self.args[i].array
            for v in [_random_direction(x, self.rng)] if fast else _directions(x):
                args = [a.detach() if isinstance(a, Tensor) else a for a in self.args]
                with duals.dual_level():
                    for other in self.wanted:
                        args[other] = duals.make_dual(
                            args[other], make(np.zeros_like(args[other].array))
                        )
                    args[i] = duals.make_dual(self.args[i].detach(), make(v.astype(x.dtype)))
                    outs = self._chosen(numbers_of(self.func(*args)))
                    found = [duals.unpack_dual(o) for o in outs]
                pushed = [
                    np.zeros_like(o.primal.array) if o.tangent is None else o.tangent.array
                    for o in found
                ]
                parts = [a for p in pushed for a in _real_arrays(p)]
                for k, (a, n) in enumerate(zip(parts, self.difference(j, v), strict=True)):
                    if not np.all(self.agree(a, n)):
                        name = self.name_of_pair(k, j, "computed with forward mode ")
                        raise GradcheckError(f"{name},\nnumerical:{n}\nanalytical:{a}\n")

    def multiplied(self) -> None:
        """Incoming gradients of zero give gradients of zero."""
        _, outs = self.outputs()
        for g in self.rule([np.zeros(o.array.shape) for o in outs]):
            if np.any(g != 0):
                raise GradcheckError("backward not multiplied by grad_output")

    def repeatable(self, tolerance: float) -> None:
        """A second backward pass gives the same gradients."""
        _, outs = self.outputs()
        weights = [signed(o.array.shape, self.rng) for o in outs]
        first, second = self.rule(weights), self.rule(weights)
        for j, (a, b) in enumerate(zip(first, second, strict=True)):
            off = float(np.max(np.abs(a - b), initial=0.0))
            if off > tolerance:
                raise GradcheckError(
                    f"Backward is not reentrant, i.e., running backward with same input and "
                    f"grad_output multiple times gives different values: input {self.wanted[j]} "
                    f"differs by {off:.3g}. The tolerance for nondeterminism was {tolerance}."
                )

    def undefined_gradients(self) -> None:
        """An output nobody differentiates counts as one whose gradient is zero."""
        _, outs = self.outputs()
        if len(outs) < 2:
            return
        for k in range(len(outs)):
            given: list[np.ndarray | None] = [signed(o.array.shape, self.rng) for o in outs]
            zeroed = [np.zeros(o.array.shape) if i == k else given[i] for i, o in enumerate(outs)]
            given[k] = None
            for j, (a, b) in enumerate(zip(self.rule(given), self.rule(zeroed), strict=True)):
                if not np.allclose(a, b, atol=1e-12, rtol=1e-9):
                    raise GradcheckError(
                        "Expected backward function to handle undefined output grads: with no "
                        f"gradient for output {k}, input {self.wanted[j]} gets {a}, with zeros {b}"
                    )

    def dtypes(self) -> None:
        """Gradients have their inputs' dtypes."""
        xs, outs = self.outputs()
        for j, (x, g) in enumerate(
            zip(xs, gradients(outs, xs, [np.ones_like(o.array) for o in outs]), strict=True)
        ):
            if g is not None and g.dtype != x.array.dtype:
                raise GradcheckError(
                    f"Gradient for input {self.wanted[j]} has dtype {make(g).dtype}, "
                    f"expected {x.dtype}"
                )

    def linear(self) -> None:
        """Backward of a sum of incoming gradients is the sum of the backwards."""
        _, outs = self.outputs()
        one, two = ([signed(o.array.shape, self.rng) for o in outs] for _ in range(2))
        both = self.rule([a + 2 * b for a, b in zip(one, two, strict=True)])
        for j, (a, b, c) in enumerate(zip(self.rule(one), self.rule(two), both, strict=True)):
            if not np.allclose(a + 2 * b, c, atol=1e-9, rtol=1e-7):
                raise GradcheckError(
                    f"backward is not linear in the incoming gradient towards input "
                    f"{self.wanted[j]}, so a batch of passes differs from single ones"
                )


def _real_parts(out: Tensor) -> list[Any]:
    return [out.imag, out.real] if out.array.dtype.kind == "c" else [out]


def _real_arrays(array: np.ndarray) -> list[np.ndarray]:
    return [array.imag, array.real] if array.dtype.kind == "c" else [array]


def _as_reals(array: np.ndarray) -> np.ndarray:
    """All numbers in a row, a complex one as two: derivatives by its real and imaginary part."""
    flat = np.ascontiguousarray(array).reshape(-1)
    return flat.view(flat.real.dtype)


def _unit(shape: tuple[int, ...], index: tuple[int, ...], one: complex = 1.0) -> np.ndarray:
    direction = np.zeros(shape, type(one))
    direction[index] = one
    return direction


def _directions(x: np.ndarray) -> list[np.ndarray]:
    """Along each number of `x`: of a complex one along its real and its imaginary part."""
    ones = (1 + 0j, 1j) if x.dtype.kind == "c" else (1.0,)
    return [_unit(x.shape, index, one) for index in np.ndindex(x.shape) for one in ones]


def _random_direction(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    v = signed(x.shape, rng)
    return v + 1j * signed(x.shape, rng) if x.dtype.kind == "c" else v
