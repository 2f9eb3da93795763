"""Checkpointing: keep a segment's inputs only, and run it again in the backward pass.

Memory for time. Source: Chen et al. 2016, "Training deep nets with sublinear memory cost".
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any

from ..autograd.backward import backward as _backward
from ..autograd.function import Function
from ..autograd.graph import saved_tensors_hooks
from ..core.modes import MODE, Watcher, current, enable_grad
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
        sweep = current().sweep
        if sweep is not None and sweep[1] is not None:
            raise RuntimeError(
                "When use_reentrant=True, torch.utils.checkpoint is incompatible with .grad() or "
                "passing an `inputs` parameter to .backward(). To resolve this error, you can "
                "either set use_reentrant=False, or call .backward() without passing the `inputs` "
                "argument."
            )
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


class _Stop(Exception):
    """Ends a second run that has saved all that the first one had."""


class _Setting:
    """What a context manager below lays down for every checkpoint inside; None: nothing."""

    def __init__(self) -> None:
        self.value: ContextVar[Any] = ContextVar("tinygrad_lite_checkpoint", default=None)

    @contextmanager
    def set_to(self, value: Any) -> Iterator[None]:
        token = self.value.set(value)
        try:
            yield
        finally:
            self.value.reset(token)

    def over(self, own: Any) -> Any:
        """The setting, or `own` where there is none."""
        given = self.value.get()
        return own if given is None else given


_EARLY_STOP, _DEBUG, _GROUP = _Setting(), _Setting(), _Setting()


def set_checkpoint_early_stop(enable: bool) -> AbstractContextManager[None]:
    """Context manager: whether second runs of checkpoints made inside stop as soon as they can."""
    return _EARLY_STOP.set_to(enable)


def set_checkpoint_debug_enabled(enabled: bool | None) -> AbstractContextManager[None]:
    """Context manager: `debug` of every checkpoint made inside (None: as each is told)."""
    return _DEBUG.set_to(enabled)


class GraphExecGroup:
    """Context manager: several backward passes inside share one second run of each checkpoint.

    They must not need the same saved values. RuntimeError inside another group.
    """

    def __enter__(self) -> GraphExecGroup:
        if _GROUP.value.get() is not None:
            raise RuntimeError("GraphExecGroup contexts cannot be nested.")
        self._token = _GROUP.value.set(self)
        return self

    def __exit__(self, *exc: object) -> None:
        _GROUP.value.reset(self._token)


class _Operations(Watcher):
    """Notes the ops that run, for `debug=True`."""

    def __init__(self, names: list[str], outer: Any) -> None:
        super().__init__(outer)
        self.names = names

    def forward(self, op: Any, arrays: Any, meta: Any, out: Any, node: Any) -> None:
        self.names.append(op.name)
        super().forward(op, arrays, meta, out, node)


@contextmanager
def _noting(names: list[str] | None) -> Iterator[None]:
    if names is None:
        yield
        return
    names.clear()
    mode = current()
    token = MODE.set(mode.but(watch=_Operations(names, mode.watch)))
    try:
        yield
    finally:
        MODE.reset(token)


def _metadata(t: Tensor) -> dict[str, Any]:
    return {"shape": t.shape, "dtype": t.dtype, "device": t.device}


def _nothing(t: Tensor) -> None:
    return None


_CHECKS: dict[str, Callable[[Tensor], Any]] = {"default": _metadata, "none": _nothing}


class _Recomputed:
    """What a function saves, not kept: when the backward pass asks for it the function runs again.

    Every saved array is kept as its number. The first number that a backward pass asks for runs the
    function anew, and what that run saves answers the pass's questions, each of them once.

    run         the function with its arguments, under the context of second runs
    random      the generator's state at the first run, or None
    describe    what of a saved Tensor must be the same in both runs
    early_stop  end a second run once it has saved as many as the first
    names       the ops of the first and of the second run (`debug`), or None
    """

    def __init__(
        self,
        run: Callable[[], Any],
        preserve: bool,
        describe: Callable[[Tensor], Any],
        early_stop: bool,
        names: tuple[list[str], list[str]] | None,
    ) -> None:
        self.run = run
        self.random = get_rng_state() if preserve else None
        self.describe = describe
        self.early_stop = early_stop
        self.names = names
        self.facts: list[Any] = []
        self.complete = False  # not while the first run goes on, which may differentiate inside
        self.values: dict[Any, dict[int, Tensor]] = {}  # of each backward pass

    def pack(self, t: Tensor) -> int:
        self.facts.append(self.describe(t))
        return len(self.facts) - 1

    def unpack(self, i: int) -> Tensor:
        sweep = current().sweep
        if sweep is None and _GROUP.value.get() is None:  # looked at from outside
            return self._saved_again()[i]
        key = _GROUP.over(sweep and sweep[2])
        if key not in self.values:
            self.values[key] = self._saved_again()
        value = self.values[key].pop(i, None)
        if value is None:
            overlap = (
                "Performing two backward calls that overlap (i.e. require the same saved "
                "activation in order to compute gradients) is not allowed while under the "
                "torch.utils.checkpoint.GraphExecGroup context. "
            )
            raise CheckpointError(
                "torch.utils.checkpoint: Unpack is being triggered for a tensor that was already "
                f"unpacked once. {'' if _GROUP.value.get() is None else overlap}If you are calling "
                "ctx.saved_tensors in backward, make sure to do so only once."
            )
        return value

    def _saved_again(self) -> dict[int, Tensor]:
        """What a second run saves. CheckpointError if it is not what the first one saved."""
        try:
            return self._run_again()
        except CheckpointError as error:
            if self.names is None:
                raise
            first, second = ("\n".join(names) for names in self.names)
            raise CheckpointError(
                f"{error}\nYou are seeing this error because you passed `debug=True` to checkpoint "
                f"(or enabled it for all).\nOps of the original forward:\n{first}\nOps of the "
                f"recomputation:\n{second}"
            ) from None

    def _run_again(self) -> dict[int, Tensor]:
        values: list[Tensor] = []

        def keep(t: Tensor) -> Tensor:
            if len(values) == len(self.facts):
                if not self.complete:
                    return t
                raise CheckpointError(
                    "torch.utils.checkpoint: trying to save more tensors during recomputation "
                    f"than the {len(self.facts)} of the original forward pass."
                )
            # not its graph, which ends with the run
            values.append(make(t.array) if t.requires_grad else t)
            if self.early_stop and len(values) == len(self.facts):
                raise _Stop
            return values[-1]

        before = get_rng_state()
        if self.random is not None:
            set_rng_state(self.random)
        try:
            with (
                _noting(None if self.names is None else self.names[1]),
                enable_grad(),
                saved_tensors_hooks(keep, lambda t: t),
            ):
                self.run()
        except _Stop:
            pass
        finally:
            set_rng_state(before)
        if len(values) != len(self.facts):
            raise CheckpointError(
                "torch.utils.checkpoint: A different number of tensors was saved during the "
                f"original forward and recomputation.\nNumber of tensors saved during forward: "
                f"{len(self.facts)}\nNumber of tensors saved during recomputation: {len(values)}."
            )
        pairs = zip(self.facts, map(self.describe, values))
        wrong = [(i, a, b) for i, (a, b) in enumerate(pairs) if a != b]
        if wrong:
            raise CheckpointError(
                "torch.utils.checkpoint: Recomputed values for the following tensors have "
                "different metadata than during the forward pass."
                + "".join(
                    f"\ntensor at position {i}:\nsaved metadata: {a}\nrecomputed metadata: {b}"
                    for i, a, b in wrong
                )
            )
        return dict(enumerate(values))


def noop_context_fn() -> tuple[Any, Any]:
    """The default `context_fn`: nothing around either run."""
    return nullcontext(), nullcontext()


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    use_reentrant: bool | None = None,
    preserve_rng_state: bool = True,
    context_fn: Callable[[], tuple[Any, Any]] = noop_context_fn,
    determinism_check: str = "default",
    debug: bool = False,
    early_stop: bool = True,
    **kwargs: Any,
) -> Any:
    """`function(*args, **kwargs)`, remembering only `args`; the rest is computed again backwards.

    use_reentrant       False: the derivative can be differentiated again, and arguments may be
                        nested or by keyword. True is PyTorch's older form: the segment is one node
                        whose backward pass runs another one inside, so it works with `backward`
                        only, and UserWarning if no argument requires grad. None: UserWarning, and
                        True
    preserve_rng_state  the second run draws the same random numbers
    context_fn          gives the context managers of the first and of the second run
    determinism_check   "none": do not compare shapes and dtypes of what both runs save
    debug               errors list the ops of both runs
    early_stop          the second run ends once it has saved all that is needed

    CheckpointError in the backward pass if the second run saves something else than the first.
    """
    if use_reentrant is None:
        warnings.warn(
            "torch.utils.checkpoint: the use_reentrant parameter should be passed explicitly. "
            "use_reentrant=False is recommended; the default is use_reentrant=True.",
            UserWarning,
            stacklevel=2,
        )
        use_reentrant = True
    if use_reentrant:
        if kwargs:
            raise ValueError(f"Unexpected keyword arguments: {','.join(kwargs)}")
        if context_fn is not noop_context_fn or debug:
            raise ValueError(
                "Passing `context_fn` or `debug` is only supported when use_reentrant=False."
            )
        if not any(isinstance(a, Tensor) and a.requires_grad for a in args):
            warnings.warn(
                "None of the inputs have requires_grad=True. Gradients will be None",
                UserWarning,
                stacklevel=2,
            )
        if not current().grad:
            return function(*args)
        return CheckpointFunction.apply(function, preserve_rng_state, *args)
    debug = _DEBUG.over(debug)
    if debug and context_fn is not noop_context_fn:
        raise ValueError("debug=True is incompatible with non-default context_fn")
    if determinism_check not in _CHECKS:
        raise ValueError(
            f"determinism_check should be one of {list(_CHECKS)}, but got {determinism_check}"
        )
    first, second = context_fn()
    if not current().grad:
        with first:
            return function(*args, **kwargs)

    def run() -> None:
        with second:
            function(*args, **kwargs)

    names: tuple[list[str], list[str]] | None = ([], []) if debug else None
    again = _Recomputed(
        run, preserve_rng_state, _CHECKS[determinism_check], _EARLY_STOP.over(early_stop), names
    )
    with saved_tensors_hooks(again.pack, again.unpack), first, _noting(names and names[0]):
        result = function(*args, **kwargs)
    again.complete = True
    return result


def checkpoint_sequential(
    functions: Any,
    segments: int,
    input: Any,
    use_reentrant: bool | None = None,
    preserve_rng_state: bool = True,
) -> Any:
    """Run a Sequential (or list of functions) in `segments` checkpointed pieces, the last kept.

    Without `use_reentrant` UserWarning, and True, as in `checkpoint`.
    """
    if use_reentrant is None:
        warnings.warn(
            "torch.utils.checkpoint.checkpoint_sequential: the use_reentrant parameter should be "
            "passed explicitly. use_reentrant=False is recommended; the default is "
            "use_reentrant=True.",
            UserWarning,
            stacklevel=2,
        )
        use_reentrant = True
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
