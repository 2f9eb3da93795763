"""Two arrays, or two sets of gradients, that a law says are equal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .calls import Case
from .report import LawError, worst

EXACT = 1e-12  # float64, the same computation in another order


def differ(
    law: str, case: Case, what: str, got: np.ndarray, want: np.ndarray, rtol: float, **extra: Any
) -> None:
    """Raise LawError unless `got` is `want` to `rtol` of the largest element."""
    if got.shape != want.shape:
        raise LawError(law, f"{case.name}: {what} has shape {got.shape}, not {want.shape}", case)
    if got.dtype != want.dtype:
        raise LawError(law, f"{case.name}: {what} has dtype {got.dtype}, not {want.dtype}", case)
    if got.dtype.kind not in "fc":
        if not np.array_equal(got, want):
            raise LawError(law, f"{case.name}: {what} is {got}, not {want}", case)
        return
    finite = np.isfinite(want)
    size = float(np.max(np.abs(want[finite]), initial=0.0))
    floor = 1e-14 if rtol else 0.0  # what cancels to nothing leaves noise
    same = np.isclose(got, want, rtol=rtol, atol=rtol * size + floor, equal_nan=True)
    if not np.all(same):
        index = worst(np.where(same, want, got), want) if got.ndim else ()
        at = f"[{', '.join(map(str, index))}]" if index else ""
        a, b = float(got[index]), float(want[index])
        raise LawError(
            law,
            f"{case.name}: {what}{at} is {a:.10g}, not {b:.10g} (difference {abs(a - b):.1e})",
            case,
            index=index,
            analytic=a,
            numeric=b,
            **extra,
        )


def same_gradients(
    law: str,
    case: Case,
    what: str,
    got: Sequence[np.ndarray | None],
    want: Sequence[np.ndarray | None],
    rtol: float = EXACT,
    **extra: Any,
) -> None:
    """Raise LawError unless two lists of gradients agree to `rtol`; None stands for zeros."""
    for k, (a, b) in enumerate(zip(got, want, strict=True)):
        name = case.name_of(case.wanted[k])
        x = case.inputs()[k]
        a, b = (np.zeros_like(x) if g is None else g for g in (a, b))
        differ(law, case, f"gradient towards {name} {what}", a, b, rtol, input=name, **extra)
