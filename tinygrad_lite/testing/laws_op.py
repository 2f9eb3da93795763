"""Laws of declared ops: doors, rules, kernels and in-place forms."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np

from ..core.chain import sum_to
from ..core.fused import Fused
from ..core.primitive import REGISTRY
from ..core.tensor import Tensor, live_node, make
from .agreement import EXACT, differ, same_gradients
from .calls import Case, leaf, outputs_of
from .report import LawError


def door_is_apply(case: Case, rng: np.random.Generator) -> None:
    """The short way through an op does what `Primitive.apply` does: value, node, what it keeps."""
    op = case.op
    if op is None:
        return
    for mask in itertools.product((False, True), repeat=min(len(case.wanted), 3)):
        for dtype in (np.float32, np.float64):
            typed = case.as_dtype(dtype)
            tensors = [make(a) for a in typed.arrays]
            for i, m in zip(case.wanted, mask, strict=False):
                if m:
                    tensors[i] = leaf(typed.arrays[i])
            a = outputs_of(op.call(*tensors, **case.meta))
            b = outputs_of(op.apply(tensors, case.meta))
            for s, t in zip(a, b, strict=True):
                differ("door_is_apply", typed, "the value by the door", s.array, t.array, 0.0)
                _same_node(typed, s, t)


def _same_node(case: Case, s: Tensor, t: Tensor) -> None:
    m, n = live_node(s), live_node(t)
    if m is None or n is None:
        if m is not n:
            raise LawError("door_is_apply", f"{case.name}: recorded one way only", case)
        return
    facts = [(x.op, x.parents, x.shape, x.dtype, type(x)) for x in (m, n)]
    if type(m).__name__ == "Pick":
        return
    if facts[0] != facts[1]:
        raise LawError("door_is_apply", f"{case.name}: nodes differ: {facts}", case)
    for name, x, y in zip(m.op.layout, m.saved, n.saved, strict=True):
        if (x is None) is not (y is None):
            raise LawError("door_is_apply", f"{case.name}: '{name}' is kept one way only", case)


def numbers_are_weak(case: Case, rng: np.random.Generator) -> None:
    """A Python number beside a Tensor: the door promotes as `Primitive.apply` does."""
    op = case.op
    if op is None or not op.broadcasts or op.arity != 2 or len(op.typed) != 2 or case.meta:
        return
    others: list[Any] = [2, 2.5, True]
    for dtype in (np.float32, np.float64, np.int64, np.bool_):
        x = make(np.ones((2, 3), dtype))
        for number, swapped in itertools.product(others, (False, True)):
            args = (number, x) if swapped else (x, number)
            results: list[Any] = []
            for way in (lambda args: op.call(*args), lambda args: op.apply(args, {})):
                try:
                    results.append(way(args).array)
                except (RuntimeError, TypeError, ValueError) as error:
                    results.append(type(error))
            a, b = results
            if isinstance(a, type) or isinstance(b, type):
                if a is not b:
                    raise LawError("numbers_are_weak", f"{case.name}{args}: {a} but {b}", case)
                continue
            what = f"{case.name}({args[0]}, {args[1]})"
            differ("numbers_are_weak", case, what, a, b, 1e-6 if a.dtype == np.float32 else EXACT)


def rules_fit(case: Case, rng: np.random.Generator) -> None:
    """A rule on arrays keeps float32 float32, and has the shape its input was broadcast to.

    (The engine would repair a dtype, hiding the cost, and might reshape what is transposed.)
    """
    op = case.op
    if op is None or not op.differentiable or op.outputs or op.on_tensors:
        return
    single = case.as_dtype(np.float32)
    tensors = [make(a) for a in single.arrays]
    for i in case.wanted:
        tensors[i] = leaf(single.arrays[i])
    out = op.apply(tensors, case.meta)
    out = out[0] if op.shown else out
    node = live_node(out)
    if node is None or node.op is not op:
        return
    g = signed_like(out.array, rng)
    if op.joint or op.variadic:
        found = op.calls[0][0](g, *[node.saved[i] for i in op.asks[0]])
    else:
        found = [
            None if p is None else rule(g, *[node.saved[i] for i in asks])
            for p, (rule, asks, _) in zip(node.parents, op.calls, strict=True)
        ]
    for i, (d, parent) in enumerate(zip(found, node.parents, strict=False)):
        if parent is None or d is None:
            continue
        d = np.asarray(d)
        if d.dtype != parent.dtype and op.promote is not None:
            raise LawError(
                "rules_fit",
                f"{case.name}: the rule towards {case.name_of(i)} turns float32 into {d.dtype}",
                single,
                input=case.name_of(i),
            )
        if not _sums_to(d.shape, parent.shape):
            raise LawError(
                "rules_fit",
                f"{case.name}: the rule towards {case.name_of(i)} gives shape {d.shape} "
                f"for an input of shape {parent.shape}",
                single,
                input=case.name_of(i),
            )


def several_are_summed(case: Case, rng: np.random.Generator) -> None:
    """The rule of several calls gives the sum of what the rule gives for each."""
    op = case.op
    if op is None or all(of_several is None for _, _, of_several in op.calls):
        return
    tensors = [make(a) for a in case.arrays]
    for i in case.wanted:
        tensors[i] = leaf(case.arrays[i])
    out = op.apply(tensors, case.meta)
    out = out[0] if op.shown else out
    node = live_node(out)
    if node is None:
        return
    for i, (rule, asks, of_several) in enumerate(op.calls):
        parent = node.parents[i]
        if of_several is None or parent is None:
            continue
        kept = [node.saved[k] for k in asks]
        calls = [
            (signed_like(out.array, rng), *[_scaled(value, by) for value in kept])
            for by in (1.0, -0.5, 2.0)
        ]
        together = sum_to(np.asarray(of_several(calls)), shape=parent.shape)
        each = [sum_to(np.asarray(rule(*arguments)), shape=parent.shape) for arguments in calls]
        what = f"the gradient of three calls towards {case.name_of(i)}"
        differ("several_are_summed", case, what, together, sum(each[1:], each[0]), EXACT)


def _scaled(value: Any, by: float) -> Any:
    return value * by if isinstance(value, np.ndarray) and value.dtype.kind == "f" else value


def _sums_to(shape: tuple[int, ...], target: tuple[int, ...]) -> bool:
    """Whether `target` broadcasts to `shape`, so that the engine's sum undoes it."""
    tail = shape[len(shape) - len(target) :]
    return len(shape) >= len(target) and all(m in (1, n) for m, n in zip(target, tail, strict=True))


def signed_like(a: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A random cotangent for the value `a`."""
    return np.asarray(rng.uniform(0.5, 1.0, a.shape)).astype(a.dtype)


def fused_is_reference(case: Case, rng: np.random.Generator) -> None:
    """A kernel and the composition it stands for: the same value and gradient.

    (Second derivatives are those of the reference, and `rule_is_derivative` of order 2 holds them
    to the gradient kernel.)
    """
    op = case.op
    if not isinstance(op, Fused):
        return
    for dtype, rtol in ((np.float64, 1e-10), (np.float32, 2e-5)):
        typed = case.as_dtype(dtype)
        want = typed.value(call=op.reference)
        for got, w in zip(typed.value(), want, strict=False):
            differ("fused_is_reference", typed, "the kernel's value", got, w, rtol)
        if not typed.wanted:
            continue
        cs = typed.cotangents(rng)
        reference = typed.gradient(cs, call=op.reference)
        found = typed.gradient(cs)
        same_gradients("fused_is_reference", typed, "by the kernel", found, reference, rtol)


def in_place_is_op(case: Case, rng: np.random.Generator) -> None:
    """`x.op_(...)` leaves in x what `op(x, ...)` returns, with the same gradients."""
    method = Tensor.__dict__.get(case.name + "_")
    if method is None or not case.arrays:
        return
    value = case.value()
    if len(value) != 1 or (value[0].shape, value[0].dtype) != (
        case.arrays[0].shape,
        case.arrays[0].dtype,
    ):
        return

    def written(x: Tensor, *args: Any, **meta: Any) -> Any:
        copied = make(x.array.copy())
        if live_node(x) is not None:
            copied = REGISTRY["mul"].apply((x, 1.0), {})  # leaves may not be written
        return method(copied, *args, **meta)

    inplace = replace(case, call=written)
    differ("in_place_is_op", case, f"what {case.name}_ leaves", inplace.value()[0], value[0], 0.0)
    if case.wanted:
        cs = case.cotangents(rng)
        want = case.gradient(cs)
        same_gradients("in_place_is_op", case, f"of {case.name}_", inplace.gradient(cs), want)
