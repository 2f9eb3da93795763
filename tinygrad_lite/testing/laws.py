"""The laws every op obeys, each a function of one call (a Case) that raises LawError.

`LAWS` names those that hold for anything that maps Tensors to Tensors; `OP_LAWS` those that look
inside a declared op. A law raises Skip where the drawn call says nothing (a kink).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np

from ..core.modes import no_grad
from ..core.tensor import live_node, make
from .agreement import EXACT, differ, same_gradients
from .calls import Case, floats_of, gradients, leaf, outputs_of
from .laws_derivative import rule_is_derivative
from .laws_function import backward_fits, heeds_needs_input_grad
from .laws_layout import any_layout, float32_is_close, stride_zero
from .laws_op import (
    door_is_apply,
    fused_is_reference,
    in_place_is_op,
    numbers_are_weak,
    rules_fit,
    several_are_summed,
)
from .report import LawError, Skip, worst

Law = Callable[[Case, np.random.Generator], None]


def value_is_oracle(case: Case, rng: np.random.Generator) -> None:
    """The value equals what the case's oracle (a function of arrays) computes."""
    if case.oracle is None:
        return
    want = case.oracle(*case.arrays, **case.meta)
    want = list(want) if isinstance(want, (tuple, list)) else [want]
    for got, w in zip(case.value(), want, strict=True):
        w = np.asarray(w)
        if got.dtype.kind == "f":
            w = w.astype(got.dtype)
        differ("value_is_oracle", case, "the value", got, w, 1e-10)


def gradient_fits(case: Case, rng: np.random.Generator) -> None:
    """Every gradient has its input's shape and dtype, recorded or not, in float64 and float32."""
    for dtype in (np.float64, np.float32):
        typed = case.as_dtype(dtype)
        cs = typed.cotangents(rng)
        if not cs:
            return
        for recorded in case.ways:
            for k, g in enumerate(typed.gradient(cs, recorded=recorded)):
                x, name = typed.inputs()[k], case.name_of(case.wanted[k])
                if g is not None and (g.shape, g.dtype) != (x.shape, x.dtype):
                    raise LawError(
                        "gradient_fits",
                        f"{case.name}: the gradient towards {name} is {g.dtype} of shape "
                        f"{g.shape}; the input is {x.dtype} of shape {x.shape}",
                        typed,
                        input=name,
                    )


def modes_agree(case: Case, rng: np.random.Generator) -> None:
    """Rules read with arrays and rules read with Tensors give the same gradients."""
    cs = case.cotangents(rng)
    if cs and case.order > 1:
        recorded = case.gradient(cs, recorded=True)
        same_gradients("modes_agree", case, "on arrays", case.gradient(cs), recorded, 1e-10)


def every_mask(case: Case, rng: np.random.Generator) -> None:
    """An input's gradient does not depend on which other inputs require one."""
    cs = case.cotangents(rng)
    n = len(case.wanted)
    if not cs or n < 2:
        return
    full = case.gradient(cs)
    masks: list[tuple[bool, ...]] = (
        list(itertools.product((False, True), repeat=n))[1:-1]
        if n <= 3
        else [tuple(i == k for i in range(n)) for k in range(n)]
    )
    for mask, recorded in itertools.product(masks, case.ways):
        found = case.gradient(cs, mask=mask, recorded=recorded)
        for k, (g, wanted) in enumerate(zip(found, mask, strict=True)):
            name = case.name_of(case.wanted[k])
            if not wanted and g is not None:
                raise LawError("every_mask", f"{case.name}: unasked gradient to {name}", case)
        expected = [g if m else None for g, m in zip(full, mask, strict=True)]
        which = [case.name_of(case.wanted[k]) for k in range(n) if mask[k]]
        same_gradients(
            "every_mask", case, f"with only {which} requiring one", found, expected, 1e-10
        )


def leaves_inputs_alone(case: Case, rng: np.random.Generator) -> None:
    """Neither the call nor its backward pass writes into the inputs or the incoming gradient."""
    before = [a.copy() for a in case.arrays]
    cs = case.cotangents(rng)
    given = [c.copy() for c in cs]
    for recorded in case.ways:
        if cs:
            case.gradient(cs, recorded=recorded)
        else:
            case.value()
        for i, (a, b) in enumerate(zip(case.arrays, before, strict=True)):
            if not np.array_equal(a, b, equal_nan=a.dtype.kind == "f"):
                written = a.copy()
                np.copyto(a, b)  # so that the report and the other laws see what was drawn
                index = worst(written.astype(float), b.astype(float))
                raise LawError(
                    "leaves_inputs_alone",
                    f"{case.name}: input {case.name_of(i)} was written to: {list(index)} was "
                    f"{b[index]}, is {written[index]}",
                    case,
                    input=case.name_of(i),
                    index=index,
                )
        for a, b in zip(cs, given, strict=True):
            if not np.array_equal(a, b):
                raise LawError(
                    "leaves_inputs_alone", f"{case.name}: the rule wrote into g", case, input="g"
                )


def deterministic(case: Case, rng: np.random.Generator) -> None:
    """The same call twice gives the same bits, gradients included."""
    first, second = case.value(), case.value()
    for a, b in zip(first, second, strict=True):
        differ("deterministic", case, "the value at the second call", b, a, 0.0)
    cs = case.cotangents(rng)
    if cs:
        want = case.gradient(cs)
        same_gradients("deterministic", case, "of a second call", case.gradient(cs), want, 0.0)


def views_are_declared(case: Case, rng: np.random.Generator) -> None:
    """A value shares memory with an input only if it is a view (or the input itself), and then
    it knows its base; a gradient never shares memory with an input. (The pieces of a primitive of
    several outputs are made views by the public function around it.)"""
    if case.op is not None and case.op.outputs:
        return
    tensors = [make(a) for a in case.arrays]
    for out in outputs_of(case.call(*tensors, **case.meta)):
        for i, t in enumerate(tensors):
            if out is t or out.base is not None or not out.array.size:
                continue
            if np.shares_memory(out.array, t.array):
                raise LawError(
                    "views_are_declared",
                    f"{case.name}: the value shares memory with input {case.name_of(i)}, "
                    "undeclared: writing into one changes the other",
                    case,
                    input=case.name_of(i),
                )
    cs = case.cotangents(rng)
    if cs:
        for g in case.gradient(cs):
            for i, a in enumerate(case.arrays):
                if g is not None and g.size and np.shares_memory(g, a):
                    raise LawError(
                        "views_are_declared",
                        f"{case.name}: a gradient shares memory with input {case.name_of(i)}",
                        case,
                        input=case.name_of(i),
                    )


def no_grad_is_silent(case: Case, rng: np.random.Generator) -> None:
    """Under no_grad the value is the same and carries no history."""
    with no_grad():
        xs = [leaf(a) for a in case.inputs()]
        outs = outputs_of(case.function()(*xs))
    for out, want in zip(outs, case.value(), strict=True):
        differ("no_grad_is_silent", case, "the value under no_grad", out.array, want, EXACT)
        if live_node(out) is not None and not any(out is x for x in xs):
            raise LawError("no_grad_is_silent", f"{case.name}: recorded under no_grad", case)


def empty_is_accepted(case: Case, rng: np.random.Generator) -> None:
    """On arrays without elements an op gives a gradient of the right shape, or a clear error."""
    for x in (case, case.as_dtype(np.float32)):
        try:
            outs = floats_of(x.function()(*[leaf(a) for a in x.inputs()]))
        except (RuntimeError, IndexError, ValueError):
            return
        xs = [leaf(a) for a in x.inputs()]
        outs = floats_of(x.function()(*xs))
        if not outs or not xs:
            return
        found = gradients(outs, xs, [np.ones_like(o.array) for o in outs])
        for k, (g, a) in enumerate(zip(found, xs, strict=True)):
            if g is not None and (g.shape, g.dtype) != (a.array.shape, a.array.dtype):
                name = case.name_of(case.wanted[k])
                raise LawError(
                    "empty_is_accepted",
                    f"{case.name}: empty gradient towards {name} is {g.dtype} {g.shape}, "
                    f"not {a.array.dtype} {a.array.shape}",
                    x,
                )


LAWS: dict[str, Law] = {
    law.__name__: law
    for law in (
        leaves_inputs_alone,
        deterministic,
        value_is_oracle,
        rule_is_derivative,
        gradient_fits,
        modes_agree,
        every_mask,
        any_layout,
        stride_zero,
        views_are_declared,
        float32_is_close,
        no_grad_is_silent,
    )
}
FUNCTION_LAWS: dict[str, Law] = {
    law.__name__: law for law in (backward_fits, heeds_needs_input_grad)
}
OP_LAWS: dict[str, Law] = {
    law.__name__: law
    for law in (
        door_is_apply,
        numbers_are_weak,
        rules_fit,
        several_are_summed,
        fused_is_reference,
        in_place_is_op,
    )
}


def hold(case: Case, rng: np.random.Generator, name: str, law: Law, order: int = 2) -> None:
    """Hold one call to one law; derivatives up to `order` as far as the call has them."""
    if name == "rule_is_derivative":
        rule_is_derivative(case, rng, order=min(order, case.order) if case.smooth else 1)
    else:
        law(case, rng)


def check_case(
    case: Case, rng: np.random.Generator, laws: dict[str, Law], *, order: int = 2
) -> bool:
    """Hold one call to `laws`; LawError if one fails. False if one had nothing to say about it."""
    said_something = True
    for name, law in laws.items():
        try:
            hold(case, rng, name, law, order)
        except Skip:
            said_something = False
    return said_something
