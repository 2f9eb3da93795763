"""The law of the derivative: rules against finite differences, to any order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..core.tensor import make
from .calls import Case, Map, floats_of, gradients, leaf, signed, vjp_map
from .numeric import STEPS, Estimate, derivative, magnitude, one_sided
from .report import LawError, Skip, close, mismatch

#: Relative error allowed on a smooth op in float64, of the sum of |gradient * direction|.
RTOL = 1e-9
#: The same where the value is float32 (the op converts what it is given).
SINGLE = 2e-3


def rule_is_derivative(
    case: Case, rng: np.random.Generator, *, order: int = 2, rtol: float = RTOL
) -> None:
    """Each rule against finite differences in float64, along random directions, up to `order`.

    The order n function (inputs, cotangents) -> gradients is itself differentiated, so the law says
    that its rules, recorded, have the right derivative towards the inputs and towards `g`.
    Raises Skip at a kink whose one-sided derivatives enclose the rule's value.
    """
    function, arrays = case.function(), case.inputs()
    outs = floats_of(function(*[make(a) for a in arrays]))
    if not outs or not arrays:
        return
    if not all(np.all(np.isfinite(o.array)) for o in outs):
        raise Skip("the value is not finite")
    for level in range(1, order + 1):
        xs = [leaf(a) for a in arrays]
        outs = floats_of(function(*xs))
        weights = [signed(o.array.shape, rng).astype(o.array.dtype) for o in outs]
        found = gradients(outs, xs, weights)
        rules = [np.zeros_like(a) if g is None else g for a, g in zip(arrays, found, strict=True)]
        for i in range(len(arrays)):
            _along(case, function, arrays, i, rules, weights, rng, level, rtol)
        function = vjp_map(function, len(arrays))
        arrays = arrays + weights


def _curve(function: Map, arrays: Sequence[np.ndarray], i: int, d: np.ndarray) -> Any:
    def at(t: float) -> list[np.ndarray]:
        moved = list(arrays)
        moved[i] = (moved[i] + t * d).astype(arrays[i].dtype)
        with np.errstate(all="ignore"):
            return [o.array for o in floats_of(function(*[make(a) for a in moved]))]

    return at


def _along(
    case: Case,
    function: Map,
    arrays: list[np.ndarray],
    i: int,
    rules: list[np.ndarray],
    weights: list[np.ndarray],
    rng: np.random.Generator,
    level: int,
    rtol: float,
) -> None:
    d = signed(arrays[i].shape, rng)
    curve = _curve(function, arrays, i, d)
    analytic = float(np.sum(rules[i] * d))
    numeric = derivative(curve, weights)
    reach = float(np.sum(np.abs(rules[i] * d)))
    scale = max(reach if np.isfinite(reach) else 0.0, abs(numeric.value), 1e-12)
    size = magnitude(weights, curve(0.0))
    eps = max(float(np.finfo(w.dtype).eps) for w in weights)
    if eps > 1e-10:  # an op that computes in float32 whatever it is given
        rtol = max(rtol, SINGLE)
    limit = max(1e-6, rtol)
    allowed = rtol * scale + 3 * numeric.error + 500 * eps * size
    good = numeric.good(scale + size, limit)
    if good and abs(analytic - numeric.value) <= allowed:
        return
    doubt = _spread(curve, weights, numeric)  # noise inside the op may fool one table, not four
    if good and abs(analytic - numeric.value) <= allowed + 3 * doubt:
        return
    good = good and doubt <= limit * (scale + size)
    sides = one_sided(curve, weights)
    if sides.kink:
        if sides.between(analytic):
            raise Skip(f"a kink: {sides.left:.6g} on the left, {sides.right:.6g} on the right")
    elif not good:
        raise Skip(f"no reliable numerical derivative: {numeric}")
    raise _explained(case, function, arrays, i, rules, weights, level, sides)


def _spread(curve: Any, weights: list[np.ndarray], numeric: Estimate) -> float:
    """How far apart estimates from other steps lie."""
    steps = [tuple(h * factor for h in STEPS) for factor in (0.8, 0.6, 0.45)]
    others = [derivative(curve, weights, steps=s).value for s in steps]
    return max(abs(v - numeric.value) for v in others)


def _explained(
    case: Case,
    function: Map,
    arrays: list[np.ndarray],
    i: int,
    rules: list[np.ndarray],
    weights: list[np.ndarray],
    level: int,
    sides: Any,
) -> LawError:
    """The report: every element's numerical derivative, the worst one named."""
    numerics = _numerics(function, arrays, i, weights)
    ones = [np.ones_like(w) for w in weights]
    if numerics[i] is not None:  # plainer numbers, if it is wrong for g = 1 as well
        xs = [leaf(a) for a in arrays]
        found = gradients(floats_of(function(*xs)), xs, ones)
        plain = [np.zeros_like(a) if g is None else g for a, g in zip(arrays, found, strict=True)]
        numerics_plain = _numerics(function, arrays, i, ones)
        if not close(plain[i], numerics_plain[i], 1e-6):
            rules, weights, numerics = plain, ones, numerics_plain
    inputs = case.inputs()
    law = f"rule_is_derivative (order {level})"
    named = case
    if level > 1:  # the gradient's own inputs: those of the call, then the cotangents
        names = [case.name_of(k) for k in case.wanted]
        names += [f"g{k}" if k else "g" for k in range(len(arrays) - len(inputs))]
        everything = tuple(range(len(arrays)))
        named = replace(case, arrays=arrays, names=tuple(names), wanted=everything)
    if numerics[i] is None:
        return LawError(law, f"{case.name}: wrong gradient towards {named.name_of(i)}", case)
    what = "gradient" if level == 1 else f"derivative of order {level}"
    error = mismatch(law, named, i, rules[i], numerics, weights, what=what)
    error.case = case
    if level > 1:
        error.cotangents = []
    if sides.kink:
        error.headline += (
            f" (a kink: {sides.left:.6g} on the left and {sides.right:.6g} on the right along the "
            "direction tried, and the rule is not between)"
        )
    return error


def _numerics(
    function: Map, arrays: Sequence[np.ndarray], i: int, weights: list[np.ndarray]
) -> list[np.ndarray | None]:
    """The numerical gradient towards array i and those of its shape (it may be one of theirs)."""
    return [
        elementwise(function, arrays, j, weights)
        if a.size <= 64 and (j == i or a.shape == arrays[i].shape)
        else None
        for j, a in enumerate(arrays)
    ]


def elementwise(
    function: Map, arrays: Sequence[np.ndarray], i: int, weights: list[np.ndarray]
) -> np.ndarray:
    """The numerical gradient of sum(weights * function) towards array i, element by element."""
    result = np.zeros(arrays[i].shape)
    for index in np.ndindex(arrays[i].shape):
        d = np.zeros(arrays[i].shape)
        d[index] = 1.0
        estimate: Estimate = derivative(_curve(function, arrays, i, d), weights)
        result[index] = estimate.value
    return result
