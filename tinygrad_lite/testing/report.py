"""What a failed check says: where, both numbers, a guess at the cause, lines to reproduce it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from .calls import Case


class LawError(AssertionError):
    """A law does not hold. `law` names it, `case` is the call, `headline` the first line.

    `input` and `index` say where, `analytic` and `numeric` what the two numbers are, `cause` is a
    guess; each None where it does not apply.
    """

    def __init__(
        self,
        law: str,
        headline: str,
        case: Case | None = None,
        *,
        input: str | None = None,
        index: tuple[int, ...] | None = None,
        analytic: float | None = None,
        numeric: float | None = None,
        cause: str | None = None,
        cotangents: Sequence[np.ndarray] = (),
    ) -> None:
        self.law = law
        self.headline = headline
        self.case = case
        self.input = input
        self.index = index
        self.analytic = analytic
        self.numeric = numeric
        self.cause = cause
        self.cotangents = list(cotangents)
        super().__init__(headline)

    def __str__(self) -> str:
        lines = [self.headline, f"law: {self.law}"]
        if self.case is not None:
            lines.append("reproduce:")
            lines.extend("    " + line for line in snippet(self.case, self.cotangents))
        return "\n".join(lines)


class Skip(Exception):
    """A drawn call that says nothing about a law (a kink, a pole): draw another."""


def compared(analytic: float, numeric: float) -> str:
    """Both numbers, their ratio and relative error, in one line."""
    ratio = analytic / numeric if numeric else float("inf") if analytic else 1.0
    size = max(abs(analytic), abs(numeric))
    relative = abs(analytic - numeric) / size if size else 0.0
    return (
        f"{analytic:.10g} by the rule, {numeric:.10g} by finite differences "
        f"(ratio {ratio:.6g}, relative error {relative:.1e})"
    )


def mismatch(
    law: str,
    case: Case,
    which: int,
    analytic: np.ndarray,
    numerics: Sequence[np.ndarray | None],
    cotangents: Sequence[np.ndarray],
    *,
    what: str = "gradient",
) -> LawError:
    """The report on an input (number `which` of the wanted) whose gradient is wrong."""
    numeric = numerics[which]
    assert numeric is not None
    index = worst(analytic, numeric)
    a, n = float(analytic[index]), float(numeric[index])
    name = case.name_of(case.wanted[which]) if which < len(case.wanted) else f"input {which}"
    cause = guess(case, which, analytic, numerics, cotangents)
    at = f"[{', '.join(map(str, index))}]" if index else ""
    headline = f"{case.name}: {what} towards {name}{at} is {compared(a, n)}"
    if cause:
        headline += f"; guess: {cause}"
    return LawError(
        law,
        headline,
        case,
        input=name,
        index=index,
        analytic=a,
        numeric=n,
        cause=cause,
        cotangents=cotangents,
    )


def worst(a: np.ndarray, n: np.ndarray) -> tuple[int, ...]:
    """The index of the largest difference (a NaN counts as largest)."""
    if a.size == 0:
        return ()
    off = np.where(np.isfinite(a - n), np.abs(a - n), np.inf)
    return tuple(int(i) for i in np.unravel_index(int(np.argmax(off)), a.shape))


def close(a: Any, b: Any, rtol: float = 1e-5) -> bool:
    """Whether two arrays of one shape agree, relative to the largest element."""
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape:
        return False
    size = float(np.max(np.abs(b), initial=0.0))
    return bool(np.allclose(a, b, rtol=rtol, atol=rtol * size))


def guess(
    case: Case,
    which: int,
    analytic: np.ndarray,
    numerics: Sequence[np.ndarray | None],
    cotangents: Sequence[np.ndarray],
) -> str | None:
    """A likely cause of `analytic` being wrong, or None."""
    numeric = numerics[which]
    if numeric is None or not np.all(np.isfinite(numeric)):
        return None
    if not np.all(np.isfinite(analytic)):
        return "the rule divides by zero or overflows here"
    if not np.any(analytic) and np.any(numeric):
        return "the rule gives zero: a missing term, or a path cut by detach()"
    if not np.any(numeric):
        return "the value does not depend on this input here, yet the rule gives a gradient"
    if close(analytic, -numeric):
        return "the sign is flipped"
    axes = _stretched_axes(case, which, cotangents)
    if axes:
        repeats = int(np.prod([n for _, n in axes]))
        names = ", ".join(str(axis) for axis, _ in axes)
        if close(analytic * repeats, numeric):
            return f"a mean instead of a sum over broadcast axis {names}"
    ratio = _constant_ratio(analytic, numeric)
    known = {2.0: "a factor 2 too much", 0.5: "a factor 2 missing", -2.0: "factor -2"}
    if ratio is not None:
        for value, words in known.items():
            if abs(ratio - value) < 1e-4:
                return words
        if analytic.size > 1 and not axes:
            return f"a constant factor {ratio:.6g}"
    for axes_order in itertools.permutations(range(analytic.ndim)):
        if axes_order != tuple(range(analytic.ndim)) and close(
            analytic.transpose(axes_order), numeric
        ):
            return "transposed"
    if any(close(np.flip(analytic, i), numeric) for i in range(analytic.ndim)):
        return "reversed along an axis"
    for i, other in enumerate(numerics):
        if i != which and other is not None and close(analytic, other):
            return f"this is the gradient towards {case.name_of(case.wanted[i])}: inputs swapped"
    if axes and np.sum(np.abs(analytic)) < 0.9 * np.sum(np.abs(numeric)):
        return f"a missing sum over broadcast axis {', '.join(str(axis) for axis, _ in axes)}"
    if ratio is not None:
        return f"a constant factor {ratio:.6g}"
    if len(cotangents) == 1 and cotangents[0].shape == analytic.shape:
        per_g = analytic / cotangents[0]
        if close(analytic * cotangents[0], numeric):
            return "the incoming gradient g is not used"
        if close(per_g, numeric):
            return "the incoming gradient g is used twice"
    off = np.abs(analytic - numeric) > 1e-6 * np.abs(numeric)
    if 0 < off.sum() < off.size:
        return f"wrong at {int(off.sum())} of {off.size} elements only: a missing term or branch"
    return None


def _constant_ratio(a: np.ndarray, n: np.ndarray) -> float | None:
    mask = np.abs(n) > 1e-8 * np.max(np.abs(n))
    ratios = a[mask] / n[mask]
    middle = float(np.median(ratios))
    return middle if close(a, middle * n, 1e-6) else None


def _stretched_axes(
    case: Case, which: int, cotangents: Sequence[np.ndarray]
) -> list[tuple[int, int]]:
    """The axes of the value along which this input was broadcast, with their sizes."""
    if which >= len(case.wanted) or len(cotangents) != 1:
        return []
    out, mine = cotangents[0].shape, case.inputs()[which].shape
    if len(mine) > len(out) or len(case.arrays) < 2:
        return []
    padded = (1,) * (len(out) - len(mine)) + mine
    if any(m not in (1, n) for m, n in zip(padded, out, strict=True)):
        return []
    return [(i, n) for i, (m, n) in enumerate(zip(padded, out, strict=True)) if m == 1 and n > 1]


def snippet(case: Case, cotangents: Sequence[np.ndarray] = ()) -> list[str]:
    """Lines of Python that make the call and its gradients again."""
    lines = ["import numpy as np, tinygrad_lite as tl"]
    names = []
    for i, a in enumerate(case.arrays):
        name = case.name_of(i).replace(" ", "")
        name = name if name.isidentifier() else f"x{i}"
        names.append(name)
        grad = ", requires_grad=True" if i in case.wanted else ""
        lines.append(f"{name} = tl.tensor({literal(a)}{grad})")
    meta = "".join(f", {k}={_word(v)}" for k, v in case.meta.items())
    call = f"{case.name}.apply" if case.function_class is not None else case.name
    lines.append(f"out = {call}({', '.join(names)}{meta})")
    if len(cotangents) == 1:
        if np.all(cotangents[0] == 1):
            lines.append("out.sum().backward()")
        else:
            lines.append(f"out.backward(tl.tensor({literal(cotangents[0])}))")
        grads = ", ".join(f"{names[i]}.grad" for i in case.wanted if i < len(names))
        lines.append(f"print({grads})")
    return lines


def literal(a: np.ndarray) -> str:
    """`a` as arguments of `tensor`."""
    if a.size == 0 and a.ndim != 1:
        return f"np.zeros({a.shape}, dtype='{a.dtype}')"
    if a.size > 256:
        return f"np.array(...)  # {a.shape} {a.dtype}, too large to print"
    dtype = "bool" if a.dtype == bool else a.dtype.name
    return f"{a.tolist()!r}, dtype=tl.{dtype}"


def _word(value: Any) -> str:
    if isinstance(value, np.dtype):
        return f"np.dtype('{value}')"
    return repr(value)
