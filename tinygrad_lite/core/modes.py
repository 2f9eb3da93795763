"""What the current thread or async task is doing: recording gradients, watching for trouble.

One context variable holds one immutable `Mode`, so two threads may train two models at once and a
coroutine keeps its own `no_grad`. An op asks once: `mode = current()`.
"""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from typing import Any


class Watcher:
    """Is told of every op that runs, and of every node of a backward pass; tells `outer` in turn.

    Anomaly detection, counting of operations, profiling and packing of what nodes save are
    watchers. Each overrides what it wants to hear of, and passes it on.
    """

    def __init__(self, outer: Watcher | None = None) -> None:
        self.outer = outer

    def around(self, name: str) -> AbstractContextManager[Any]:
        """A context in which what bears this name runs: an op (`aten::mul`) or a block."""
        return _NOTHING if self.outer is None else self.outer.around(name)

    def forward(self, op: Any, arrays: Any, meta: Any, out: Any, node: Any) -> None:
        """An op ran on `arrays` and made `out`, recorded as `node` (or None)."""
        if self.outer is not None:
            self.outer.forward(op, arrays, meta, out, node)

    def before(self, node: Any) -> None:
        """The rules of `node` are about to run."""
        if self.outer is not None:
            self.outer.before(node)

    def backward(self, node: Any, contributions: Any) -> None:
        """The rules of `node` made these gradients towards its parents."""
        if self.outer is not None:
            self.outer.backward(node, contributions)

    def failed(self, node: Any) -> None:
        """The backward pass raises at `node`."""
        if self.outer is not None:
            self.outer.failed(node)

    def written(self, write: Any) -> None:
        """An array was written in place."""
        if self.outer is not None:
            self.outer.written(write)


_NOTHING: AbstractContextManager[Any] = nullcontext()


class Mode:
    """Immutable state of this thread or task.

    grad       record derivatives
    inference  `inference_mode` is on
    watch      a Watcher or None
    sweep      of the backward pass that runs: its nodes, those needed (None: all), and its number;
               else None
    """

    __slots__ = ("grad", "inference", "sweep", "watch")

    def __init__(
        self,
        grad: bool = True,
        inference: bool = False,
        watch: Watcher | None = None,
        sweep: tuple[Any, Any, int] | None = None,
    ) -> None:
        self.grad = grad
        self.inference = inference
        self.watch = watch
        self.sweep = sweep

    def but(self, **changes: Any) -> Mode:
        """This mode with some fields changed."""
        fields = {
            "grad": self.grad,
            "inference": self.inference,
            "watch": self.watch,
            "sweep": self.sweep,
        }
        return Mode(**{**fields, **changes})


MODE: ContextVar[Mode] = ContextVar("tinygrad_lite_mode", default=Mode())  # noqa: B039
current = MODE.get


def around(name: str) -> AbstractContextManager[Any]:
    """A context for what bears this name, so that a watcher may time it."""
    watch = current().watch
    return _NOTHING if watch is None else watch.around(name)


def is_grad_enabled() -> bool:
    """Whether operations are being recorded."""
    return current().grad


def is_inference_mode_enabled() -> bool:
    """Whether `inference_mode` is on."""
    return current().inference


class mode_context:
    """Base of the context managers below; each also decorates functions and generators."""

    def changes(self) -> dict[str, Any]:
        """The fields of the mode that this context sets, with their values."""
        raise NotImplementedError

    def __enter__(self) -> Any:
        self._tokens = getattr(self, "_tokens", [])
        self._tokens.append(MODE.set(current().but(**self.changes())))
        return self

    def __exit__(self, *exc: object) -> None:
        MODE.reset(self._tokens.pop())

    def clone(self) -> mode_context:
        """Another context that does the same: a decorated function enters a new one each call."""
        return type(self)()

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        if inspect.isclass(function):
            warnings.warn(
                f"Decorating classes is deprecated and will be disabled in future versions. You "
                f"should only decorate functions or methods (here: {function.__name__}).",
                FutureWarning,
                stacklevel=2,
            )
        if inspect.isgeneratorfunction(function):

            @functools.wraps(function)
            def generator(*args: Any, **kwargs: Any) -> Any:
                # the mode holds while the generator's own code runs, not while it is suspended
                with self.clone():
                    steps = function(*args, **kwargs)
                move: Any = steps.send
                given: Any = None
                while True:
                    try:
                        with self.clone():
                            value = move(given)
                    except StopIteration as stop:
                        return stop.value
                    try:
                        move, given = steps.send, (yield value)
                    except GeneratorExit:
                        with self.clone():
                            steps.close()
                        raise
                    except BaseException as error:
                        move, given = steps.throw, error

            return generator

        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            with self.clone():
                return function(*args, **kwargs)

        return wrapped


class _also_bare(mode_context):
    """`@no_grad` without parentheses decorates too."""

    def __new__(cls, function: Callable[..., Any] | None = None) -> Any:
        self = super().__new__(cls)
        return self if function is None else self(function)


class no_grad(_also_bare):
    """Context manager and decorator: nothing inside is recorded for differentiation."""

    def changes(self) -> dict[str, Any]:
        return {"grad": False}


class enable_grad(_also_bare):
    """Context manager and decorator: operations inside are recorded again."""

    def changes(self) -> dict[str, Any]:
        return {"grad": True, "inference": False}


class set_grad_enabled(mode_context):
    """Turn recording on or off: at once when called, and until the block's end as a context."""

    def __init__(self, mode: bool) -> None:
        self.mode = bool(mode)
        self._outer = [current()]
        MODE.set(current().but(grad=self.mode))

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *exc: object) -> None:
        MODE.set(self._outer[-1])

    def clone(self) -> mode_context:
        return type(self)(self.mode)

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        MODE.set(self._outer[-1])
        return super().__call__(function)


class inference_mode(mode_context):
    """Like `no_grad`. Tensors made inside are ordinary tensors here, so they may be used later."""

    def __new__(cls, mode: Any = True) -> Any:
        self = super().__new__(cls)
        if callable(mode):
            self.mode = True
            return self(mode)
        return self

    def __init__(self, mode: bool = True) -> None:
        self.mode = bool(mode)

    def changes(self) -> dict[str, Any]:
        return {"grad": not self.mode, "inference": self.mode}

    def clone(self) -> mode_context:
        return type(self)(self.mode)
