"""Analytic against numerical gradients of a function of Tensors, with PyTorch's arguments.

    gradcheck(lambda x: (x.sin() ** 2).sum(), tensor([0.3], dtype=float64, requires_grad=True))

Central differences with step `eps`; two numbers agree when |a - n| <= atol + rtol * |n|. That is
PyTorch's notion; for checks to ten digits that need no inputs from you see `check_op`.

A complex input is two real ones, moved one after the other; a complex output is two real ones, and
the imaginary part is looked at first, as in PyTorch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.modes import enable_grad
from ..core.tensor import Tensor, live_node, make
from .calls import numbers_of, signed, vjp_map
from .comparisons import Check, wanted_inputs
from .comparisons import GradcheckError as GradcheckError


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
    check_forward_ad      also check the tangents that `forward_ad` gives
    check_backward_ad     False: check the tangents only

    Returns True. Raises GradcheckError, or returns False without `raise_exception`, if they differ.
    ValueError if no input requires grad; UserWarning for inputs that are not float64 or complex128;
    AssertionError if shapes or dtypes of the outputs depend on the values of the inputs.
    """
    if not (check_forward_ad or check_backward_ad):
        raise AssertionError(
            "Expected at least one of check_forward_ad or check_backward_ad to be True"
        )
    if check_undefined_grad and not check_backward_ad:
        check_undefined_grad = False
    args: tuple[Any, ...] = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    check = Check(func, args, eps, atol, rtol)
    try:
        if not check.differentiable():
            check.constant()
            return True
        if check_backward_ad:
            if fast_mode:
                check.along_directions()
            else:
                check.every_element()
            check.repeatable(nondet_tol)
            check.multiplied()
        if check_forward_ad:
            check.tangents(fast_mode)
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
    other arguments are those of `gradcheck`: check_fwd_over_rev its check_forward_ad,
    check_rev_over_rev its check_backward_ad.
    """
    args: tuple[Any, ...] = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    wanted = wanted_inputs(args)

    def of_wanted(*xs: Tensor) -> Any:
        filled = list(args)
        for i, x in zip(wanted, xs, strict=True):
            filled[i] = x
        return func(*filled)

    if grad_outputs is None:
        rng = np.random.default_rng(0)
        cotangents = []
        with enable_grad():
            outs = [o for o in numbers_of(func(*args)) if live_node(o) is not None]
        for out in outs:
            g = signed(out.array.shape, rng).astype(out.array.dtype)
            if g.dtype.kind == "c":
                g += 1j * signed(out.array.shape, rng)
            if gen_non_contig_grad_outputs and g.ndim:
                g = np.stack([g, g], axis=-1)[..., 0]
            cotangents.append(make(g).requires_grad_())
    else:
        given = (grad_outputs,) if isinstance(grad_outputs, Tensor) else tuple(grad_outputs)
        cotangents = [g.detach().requires_grad_() for g in given]
    xs = [args[i] for i in wanted]
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
        check_forward_ad=check_fwd_over_rev,
        check_backward_ad=check_rev_over_rev,
        fast_mode=fast_mode,
        masked=masked,
    )
