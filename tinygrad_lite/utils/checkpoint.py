"""Checkpointing: keep a segment's inputs only, and run it again in the backward pass.

Memory for time. Source: Chen et al. 2016, "Training deep nets with sublinear memory cost".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..autograd.backward import backward as _backward
from ..autograd.function import Function
from ..core.modes import current, enable_grad
from ..core.random import get_rng_state, set_rng_state
from ..core.tensor import Tensor, make


class _Checkpoint(Function):
    @staticmethod
    def forward(ctx: Any, run: Any, preserve: bool, *args: Any) -> Any:
        ctx.run = run
        ctx.random = get_rng_state() if preserve else None
        ctx.places = [i for i, a in enumerate(args) if isinstance(a, Tensor)]
        ctx.others = [None if isinstance(a, Tensor) else a for a in args]
        ctx.save_for_backward(*[args[i] for i in ctx.places])
        return run(*args)

    @staticmethod
    def backward(ctx: Any, *gs: Any) -> Any:
        args = list(ctx.others)
        inputs = []
        for i, saved in zip(ctx.places, ctx.saved_tensors, strict=True):
            fresh = make(saved.array)
            if saved.requires_grad:
                fresh.requires_grad_()
            args[i] = fresh
            inputs.append((i, fresh))
        before = get_rng_state()
        if ctx.random is not None:
            set_rng_state(ctx.random)
        try:
            with enable_grad():
                outputs = ctx.run(*args)
        finally:
            set_rng_state(before)
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        pairs = [
            (o, g)
            for o, g in zip(outputs, gs, strict=True)
            if isinstance(o, Tensor) and o.requires_grad and g is not None
        ]
        if current().grad:
            raise RuntimeError(
                "checkpoint: a checkpointed segment cannot be differentiated twice; run it without "
                "checkpoint() when create_graph=True"
            )
        if not pairs:
            raise RuntimeError(
                "none of output has requires_grad=True, this checkpoint() is not necessary"
            )
        _backward([o for o, _ in pairs], [g for _, g in pairs])
        found: list[Any] = [None] * len(args)
        for i, fresh in inputs:
            found[i] = fresh._grad
        return (None, None, *found)


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    use_reentrant: bool | None = None,
    preserve_rng_state: bool = True,
    **kwargs: Any,
) -> Any:
    """`function(*args, **kwargs)`, remembering only `args`; the rest is computed again backwards.

    `preserve_rng_state` makes the second run draw the same random numbers. Parameters that the
    function uses get their gradients during the second run. Keyword options of PyTorch's other
    implementation (context_fn, determinism_check, debug) are accepted.
    """
    for name in ("context_fn", "determinism_check", "debug", "early_stop"):
        kwargs.pop(name, None)

    def run(*inputs: Any) -> Any:
        return function(*inputs, **kwargs)

    if not current().grad:
        return run(*args)
    if not any(isinstance(a, Tensor) and a.requires_grad for a in args):
        # a leaf that wants a gradient makes the segment part of the graph for its parameters' sake
        anchor = make(np.zeros(1, np.float32)).requires_grad_()
        return _Checkpoint.apply(lambda _, *inputs: run(*inputs), preserve_rng_state, anchor, *args)
    return _Checkpoint.apply(run, preserve_rng_state, *args)


def checkpoint_sequential(
    functions: Any,
    segments: int,
    input: Any,
    use_reentrant: bool | None = None,
    preserve_rng_state: bool = True,
) -> Any:
    """Run a Sequential (or list of functions) in `segments` checkpointed pieces, the last kept."""
    steps = list(functions.children()) if hasattr(functions, "children") else list(functions)
    size = len(steps) // segments

    def piece(start: int, end: int) -> Callable[[Any], Any]:
        def run(x: Any) -> Any:
            for step in steps[start:end]:
                x = step(x)
            return x

        return run

    start = 0
    for _ in range(segments - 1):
        input = checkpoint(piece(start, start + size), input, preserve_rng_state=preserve_rng_state)
        start += size
    return piece(start, len(steps))(input)
