"""Laws of autograd.Function subclasses: what `backward` itself returns."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..core.tensor import Tensor
from .calls import Case
from .report import LawError

Returned = list[tuple[tuple[bool, ...], tuple[Any, ...]]]


@contextmanager
def watched(function: Any) -> Iterator[Returned]:
    """What `function.backward` is asked for (needs_input_grad) and returns, while inside."""
    seen: Returned = []
    own = function.__dict__.get("backward")
    inner = function.backward

    def backward(ctx: Any, *gs: Any) -> Any:
        found = inner(ctx, *gs)
        seen.append((ctx.needs_input_grad, found if isinstance(found, tuple) else (found,)))
        return found

    function.backward = staticmethod(backward)
    try:
        yield seen
    finally:
        if own is None:
            del function.backward
        else:
            function.backward = own


def backward_fits(case: Case, rng: np.random.Generator) -> None:
    """`backward` returns gradients of its inputs' shapes and dtypes.

    (The engine sums over broadcast axes and converts, so that a wrong one may go unnoticed.)
    """
    if case.function_class is None:
        return
    for dtype in (np.float64, np.float32):
        typed = case.as_dtype(dtype)
        cs = typed.cotangents(rng)
        with watched(case.function_class) as seen:
            typed.gradient(cs)
        for _, found in seen:
            for i, (d, x) in enumerate(zip(found, typed.arrays, strict=False)):
                if not isinstance(d, Tensor):
                    continue
                name = typed.name_of(i)
                if d.array.shape != x.shape:
                    raise LawError(
                        "backward_fits",
                        f"{case.name}: backward returned shape {d.array.shape} towards {name}, "
                        f"whose shape is {x.shape}; guess: a missing sum over a broadcast axis",
                        typed,
                        input=name,
                    )
                if d.array.dtype != x.dtype:
                    raise LawError(
                        "backward_fits",
                        f"{case.name}: backward returned {d.array.dtype} towards {name}, "
                        f"which is {x.dtype}",
                        typed,
                        input=name,
                    )


def heeds_needs_input_grad(case: Case, rng: np.random.Generator) -> None:
    """`backward` computes nothing for an input that wants no gradient (ctx.needs_input_grad)."""
    if case.function_class is None or len(case.wanted) < 2:
        return
    cs = case.cotangents(rng)
    for k, i in enumerate(case.wanted):
        mask = [j == k for j in range(len(case.wanted))]
        with watched(case.function_class) as seen:
            case.gradient(cs, mask=mask)
        for needs, found in seen:
            for j, (need, d) in enumerate(zip(needs, found, strict=False)):
                if not need and isinstance(d, Tensor):
                    raise LawError(
                        "heeds_needs_input_grad",
                        f"{case.name}: with only {case.name_of(i)} requiring a gradient, backward "
                        f"computed one towards {case.name_of(j)}: ask ctx.needs_input_grad[{j}] "
                        "first and return None (skip='heeds_needs_input_grad' if that is meant)",
                        case,
                        input=case.name_of(j),
                    )
