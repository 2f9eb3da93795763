"""Checkpointing: keep a segment's inputs only, and run it again in the backward pass.

Memory for time. Source: Chen et al. 2016, "Training deep nets with sublinear memory cost".
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from ..autograd.backward import backward as _backward
from ..autograd.function import Function
from ..autograd.graph import saved_tensors_hooks
from ..core.modes import current, enable_grad
from ..core.random import get_rng_state, set_rng_state
from ..core.tensor import Tensor, make


class CheckpointFunction(Function):
    """Runs a function without a graph, and again in the backward pass, then with one."""

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


class CheckpointError(RuntimeError):
    """The second run of a checkpointed function did not save what the first one had saved."""


class _Recomputed:
    """What a function saves, not kept: when the backward pass asks for it the function runs again.

    Every saved array is kept as its number. The first number that is asked for runs the function
    anew, and what that run saves answers the questions; each answer is given once, so another
    backward pass over the same graph makes another run.
    """

    def __init__(self, run: Callable[[], Any], preserve: bool) -> None:
        self.run = run
        self.random = get_rng_state() if preserve else None
        self.facts: list[tuple[Any, Any]] = []
        self.values: dict[int, Tensor] = {}

    def pack(self, t: Tensor) -> int:
        self.facts.append((t.array.shape, t.array.dtype))
        return len(self.facts) - 1

    def unpack(self, i: int) -> Tensor:
        if i not in self.values:
            self._run_again()
        return self.values.pop(i)

    def _run_again(self) -> None:
        values: list[Tensor] = []

        def keep(t: Tensor) -> Tensor:
            values.append(t)
            return t

        before = get_rng_state()
        if self.random is not None:
            set_rng_state(self.random)
        try:
            with enable_grad(), saved_tensors_hooks(keep, lambda t: t):
                self.run()
        finally:
            set_rng_state(before)
        if len(values) != len(self.facts):
            raise CheckpointError(
                "torch.utils.checkpoint: A different number of tensors was saved during the "
                f"original forward and recomputation. Number of tensors saved during forward: "
                f"{len(self.facts)} Number of tensors saved during recomputation: {len(values)}."
            )
        found = [(t.array.shape, t.array.dtype) for t in values]
        if found != self.facts:
            i = next(i for i, (a, b) in enumerate(zip(found, self.facts, strict=True)) if a != b)
            raise CheckpointError(
                "torch.utils.checkpoint: Recomputed values for the following tensors have "
                f"different metadata than during the forward pass: tensor {i} was "
                f"{self.facts[i]} and became {found[i]}."
            )
        self.values = dict(enumerate(values))


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    use_reentrant: bool | None = None,
    preserve_rng_state: bool = True,
    context_fn: Any = None,
    determinism_check: str = "default",
    debug: bool = False,
    early_stop: bool = True,
    **kwargs: Any,
) -> Any:
    """`function(*args, **kwargs)`, remembering only `args`; the rest is computed again backwards.

    `preserve_rng_state` makes the second run draw the same random numbers. Without `use_reentrant`
    the derivative can be differentiated again, and arguments may be nested or by keyword;
    `use_reentrant=True` is PyTorch's older form: the segment is one node whose backward pass runs
    another one inside, so it works with `backward` only. `context_fn`, `determinism_check` (shapes
    and dtypes are always compared), `debug` and `early_stop` are accepted.
    """
    if not current().grad:
        return function(*args, **kwargs)
    if not use_reentrant:
        again = _Recomputed(lambda: function(*args, **kwargs), preserve_rng_state)
        with saved_tensors_hooks(again.pack, again.unpack):
            return function(*args, **kwargs)
    if kwargs:
        raise ValueError(f"Unexpected keyword arguments: {','.join(kwargs)}")
    return CheckpointFunction.apply(function, preserve_rng_state, *args)


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
        input = checkpoint(
            piece(start, start + size),
            input,
            use_reentrant=use_reentrant,
            preserve_rng_state=preserve_rng_state,
        )
        start += size
    return piece(start, len(steps))(input)


def get_device_states(*args: Any) -> tuple[list[int], list[Tensor]]:
    """The other devices among `args` and the states of their generators: none."""
    return [], []


def set_device_states(devices: Any, states: Any, *, device_type: str | None = None) -> None:
    """Restore what `get_device_states` gave. RuntimeError for a device that is not here."""
    if len(devices):
        raise RuntimeError(f"there are no devices {list(devices)} here: everything is on the CPU")


def detach_variable(inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """The inputs with each Tensor as a new leaf that wants a gradient if it did."""
    if not isinstance(inputs, tuple):
        raise RuntimeError(
            "Only tuple of tensors is supported. Got Unsupported input type: ",
            type(inputs).__name__,
        )
    return tuple(
        [x.detach().requires_grad_(x.requires_grad) if isinstance(x, Tensor) else x for x in inputs]
    )


def check_backward_validity(inputs: Any) -> None:
    """Warn if no Tensor among the inputs wants a gradient."""
    if not any(isinstance(x, Tensor) and x.requires_grad for x in inputs):
        warnings.warn(
            "None of the inputs have requires_grad=True. Gradients will be None", stacklevel=2
        )
