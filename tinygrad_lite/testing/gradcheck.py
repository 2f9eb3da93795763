"""Analytic against numerical gradients of a function of Tensors, with PyTorch's arguments.

    gradcheck(lambda x: (x.sin() ** 2).sum(), tensor([0.3], dtype=float64, requires_grad=True))

Central differences with step `eps`; two numbers agree when |a - n| <= atol + rtol * |n|. That is
PyTorch's notion; for checks to ten digits that need no inputs from you see `check_op`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.modes import enable_grad
from ..core.tensor import Tensor, make
from .calls import Case, floats_of, gradients, signed, vjp_map
from .report import guess, worst


class GradcheckError(RuntimeError):
    """Analytic and numerical gradient differ. The message names where, and both numbers."""


def gradcheck(
    func: Callable[..., Any],
    inputs: Tensor | Sequence[Any],
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_batched_forward_grad: bool = False,
    check_forward_ad: bool = False,
    check_backward_ad: bool = True,
    fast_mode: bool = False,
    masked: bool | None = None,
) -> bool:
    """Whether the gradients of `func(*inputs)` by backpropagation are those by differences.

    inputs      Tensors to differentiate towards are those that require grad; use float64
    eps         step of the central differences
    atol, rtol  they agree when |analytic - numeric| <= atol + rtol * |numeric|
    nondet_tol  how far a second backward pass may be off the first
    check_undefined_grad  also check that an output without gradient counts as one of zeros
    check_grad_dtypes     also check that a gradient has its input's dtype
    check_batched_grad    also check that backward is linear in the incoming gradient, so that
                          passes may be batched
    fast_mode   one random direction of inputs and outputs instead of every pair of elements

    Returns True. Raises GradcheckError, or returns False without `raise_exception`, if they differ.
    ValueError if no input requires grad.
    """
    if check_forward_ad or check_batched_forward_grad:
        raise NotImplementedError(
            "gradcheck: there is no forward-mode differentiation here; check_backward_ad=True "
            "checks the gradients (func.jvp computes forward products from two backward passes)"
        )
    if not check_backward_ad:
        raise AssertionError(
            "Expected at least one of check_forward_ad or check_backward_ad to be True"
        )
    args: tuple[Any, ...] = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    check = _Check(func, args, eps, atol, rtol)
    try:
        if fast_mode:
            check.along_directions()
        else:
            check.every_element()
        check.repeatable(nondet_tol)
        if check_undefined_grad:
            check.undefined_gradients()
        if check_grad_dtypes:
            check.dtypes()
        if check_batched_grad:
            check.linear()
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def gradgradcheck(
    func: Callable[..., Any],
    inputs: Tensor | Sequence[Any],
    grad_outputs: Tensor | Sequence[Tensor] | None = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_fwd_over_rev: bool = False,
    check_rev_over_rev: bool = True,
    fast_mode: bool = False,
    masked: bool = False,
) -> bool:
    """gradcheck of the gradients of `func`, towards its inputs and the incoming gradients.

    `grad_outputs` defaults to random ones (`gen_non_contig_grad_outputs`: not contiguous). The
    other arguments are those of `gradcheck`.
    """
    if check_fwd_over_rev or not check_rev_over_rev:
        raise NotImplementedError(
            "gradgradcheck: there is no forward-mode differentiation here; keep "
            "check_fwd_over_rev=False and check_rev_over_rev=True"
        )
    args: tuple[Any, ...] = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    wanted = _wanted(args)
    constants = [a.detach() if isinstance(a, Tensor) else a for a in args]

    def of_wanted(*xs: Tensor) -> Any:
        filled = list(constants)
        for i, x in zip(wanted, xs, strict=True):
            filled[i] = x
        return func(*filled)

    if grad_outputs is None:
        rng = np.random.default_rng(0)
        cotangents = []
        for out in floats_of(func(*constants)):
            g = signed(out.array.shape, rng).astype(out.array.dtype)
            if gen_non_contig_grad_outputs and g.ndim:
                g = np.stack([g, g], axis=-1)[..., 0]
            cotangents.append(make(g).requires_grad_())
    else:
        given = (grad_outputs,) if isinstance(grad_outputs, Tensor) else tuple(grad_outputs)
        cotangents = [g.detach().requires_grad_() for g in given]
    xs = [args[i].detach().requires_grad_() for i in wanted]
    return gradcheck(
        vjp_map(of_wanted, len(wanted)),
        (*xs, *cotangents),
        eps=eps,
        atol=atol,
        rtol=rtol,
        raise_exception=raise_exception,
        nondet_tol=nondet_tol,
        check_undefined_grad=check_undefined_grad,
        check_grad_dtypes=check_grad_dtypes,
        check_batched_grad=check_batched_grad,
        fast_mode=fast_mode,
        masked=masked,
    )


def _wanted(args: Sequence[Any]) -> list[int]:
    wanted = [i for i, a in enumerate(args) if isinstance(a, Tensor) and a.requires_grad]
    if not wanted:
        raise ValueError(
            "gradcheck expects at least one input tensor to require gradient, "
            "but none of the them have requires_grad=True."
        )
    return wanted


class _Check:
    """One gradcheck: the function, its inputs, and the comparisons."""

    def __init__(
        self, func: Callable[..., Any], args: tuple[Any, ...], eps: float, atol: float, rtol: float
    ) -> None:
        self.func, self.args, self.eps, self.atol, self.rtol = func, args, eps, atol, rtol
        self.wanted = _wanted(args)
        for i in self.wanted:
            array = args[i].array
            steps = zip(array.strides, array.shape, strict=True)
            if array.size and any(s == 0 and n > 1 for s, n in steps):
                raise RuntimeError(
                    f"The {i}th input has a dimension with stride 0. gradcheck only "
                    "supports inputs that are non-overlapping to be able to "
                    "compute the numerical gradients correctly. You should call "
                    ".contiguous on the input before passing it to gradcheck."
                )
        self.rng = np.random.default_rng(0)
        name = getattr(func, "__name__", type(func).__name__)
        self.case = Case(
            name if name.isidentifier() else "func",
            func,
            [a.array if isinstance(a, Tensor) else np.asarray(a) for a in args],
            wanted=tuple(self.wanted),
        )

    def outputs(self) -> tuple[list[Tensor], list[Tensor]]:
        """Fresh leaves of the wanted inputs, and the differentiable outputs of a call of them."""
        args = list(self.args)
        xs = []
        for i in self.wanted:
            x = args[i].detach().requires_grad_()
            args[i] = x
            xs.append(x)
        with enable_grad():
            outs = floats_of(self.func(*args))
        if not outs:
            raise ValueError("gradcheck: the function returned no floating point Tensor")
        return xs, outs

    def moved(self, which: int, change: np.ndarray) -> list[np.ndarray]:
        """The outputs with wanted input number `which` moved by `change`."""
        args = [a.detach() if isinstance(a, Tensor) else a for a in self.args]
        i = self.wanted[which]
        array = np.asarray(args[i].array + change, args[i].array.dtype)
        args[i] = make(array).requires_grad_()
        return [o.array for o in floats_of(self.func(*args))]

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

    def every_element(self) -> None:
        """The whole Jacobian of every output towards every wanted input."""
        xs, outs = self.outputs()
        shapes = [o.array.shape for o in outs]
        analytic = [
            [np.zeros((o.array.size, x.array.size)) for x in xs] for o in outs
        ]  # one matrix per output and input
        for k, out in enumerate(outs):
            for row in range(out.array.size):
                weights: list[np.ndarray | None] = [None] * len(outs)
                weights[k] = np.zeros(out.array.size)
                weights[k][row] = 1.0  # type: ignore[index]
                weights[k] = weights[k].reshape(out.array.shape)  # type: ignore[union-attr]
                for j, g in enumerate(self.rule(weights)):
                    analytic[k][j][row] = np.asarray(g).reshape(-1)
        for j, x in enumerate(xs):
            numeric = [np.zeros((o.array.size, x.array.size)) for o in outs]
            for column, index in enumerate(np.ndindex(x.array.shape)):
                direction = np.zeros(x.array.shape)
                direction[index] = 1.0
                for k, d in enumerate(self.difference(j, direction)):
                    numeric[k][:, column] = d.reshape(-1)
            for k, matrix in enumerate(numeric):
                if not np.all(self.agree(analytic[k][j], matrix)):
                    raise GradcheckError(
                        self.report(k, j, analytic[k][j], matrix, shapes[k], x.array.shape)
                    )

    def report(
        self,
        k: int,
        j: int,
        analytic: np.ndarray,
        numeric: np.ndarray,
        out_shape: tuple[int, ...],
        in_shape: tuple[int, ...],
    ) -> str:
        """What is said of a Jacobian (output elements by input elements) that is wrong."""
        wrong = ~self.agree(analytic, numeric)
        row, column = worst(np.where(wrong, analytic, numeric), numeric)
        out_index = [int(i) for i in np.unravel_index(row, out_shape)] if out_shape else []
        in_index = [int(i) for i in np.unravel_index(column, in_shape)] if in_shape else []
        a, n = float(analytic[row, column]), float(numeric[row, column])
        size = max(abs(a), abs(n))
        ratio = f"{a / n:.6g}" if n else "inf"
        ones = [np.ones(out_shape)]
        sums = [analytic.sum(0).reshape(in_shape), numeric.sum(0).reshape(in_shape)]
        numerics: list[np.ndarray | None] = [None] * len(self.wanted)
        numerics[j] = sums[1]
        cause = guess(self.case, j, sums[0], numerics, ones)
        return (
            f"Jacobian mismatch for output {k} with respect to input {self.wanted[j]}: "
            f"d out{out_index} / d input{in_index} is {a:.8g} analytically and {n:.8g} "
            f"numerically (ratio {ratio}, relative error {abs(a - n) / size:.1e}; "
            f"{int(wrong.sum())} of {wrong.size} entries differ)"
            + (f"; guess: {cause}" if cause else "")
            + f"\nnumerical:{numeric}\nanalytical:{analytic}\n"
        )

    def along_directions(self) -> None:
        """u' J v by both ways, for one random direction u of the outputs and v of each input."""
        xs, outs = self.outputs()
        weights = [signed(o.array.shape, self.rng) for o in outs]
        found = self.rule(weights)
        for j, x in enumerate(xs):
            v = signed(x.array.shape, self.rng)
            differences = self.difference(j, v)
            n = sum(float(np.sum(w * d)) for w, d in zip(weights, differences, strict=True))
            a = float(np.sum(found[j] * v))
            reach = sum(float(np.sum(np.abs(w * d))) for w, d in zip(weights, differences))
            if not abs(a - n) <= self.atol + self.rtol * max(reach, abs(n)) / max(1, x.array.size):
                raise GradcheckError(
                    f"Jacobian mismatch with respect to input {self.wanted[j]} along a random "
                    f"direction: {a:.8g} analytically, {n:.8g} numerically (ratio "
                    f"{a / n if n else float('inf'):.6g}); fast_mode=False names the element"
                )

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
