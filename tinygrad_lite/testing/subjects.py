"""Whatever a user wants checked, as a function of Tensors: an op, a Function, a Module, NumPy."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..core.primitive import Primitive, generic_door
from ..core.tensor import Tensor
from .calls import Case, Map


@dataclass(frozen=True)
class Subject:
    """A callable under test, and what is known about it.

    call        takes the drawn arguments, then `parameters` as Tensors
    parameters  names and arrays of further inputs (a Module's parameters)
    op          the Primitive, if it is one
    function    the autograd.Function subclass, if it is one
    order       the highest order of derivative it can have
    """

    name: str
    call: Map
    names: tuple[str, ...]
    parameters: tuple[tuple[str, np.ndarray], ...] = ()
    op: Any = None
    function: Any = None
    order: int = 2

    def case(
        self,
        args: Sequence[Any],
        meta: dict[str, Any],
        *,
        wrt: Sequence[int | str] | None,
        smooth: bool,
        oracle: Callable[..., Any] | None,
    ) -> Case:
        """The call with these arguments: arrays among them are inputs, the rest is fixed."""
        places = [i for i, a in enumerate(args) if isinstance(a, np.ndarray)]
        arrays = [args[i] for i in places] + [a for _, a in self.parameters]
        names = [self.names[i] if i < len(self.names) else f"x{i}" for i in places]
        names += [n for n, _ in self.parameters]
        wanted = [i for i, a in enumerate(arrays) if a.dtype.kind == "f"]
        if wrt is not None:
            wanted = [i for i in wanted if i in wrt or names[i] in wrt]
        elif self.op is not None and not (self.op.joint or self.op.variadic):
            wanted = [i for i in wanted if i < self.op.arity and self.op.rules[places[i]]]
        fixed = list(args)

        def call(*tensors: Tensor, **meta: Any) -> Any:
            filled = list(fixed)
            for i, t in zip(places, tensors, strict=False):
                filled[i] = t
            return self.call(*filled, *tensors[len(places) :], **meta)

        return Case(
            self.name,
            call if len(places) < len(fixed) else self.call,
            arrays,
            meta,
            tuple(wanted),
            tuple(names),
            self.op if len(places) == len(fixed) else None,
            smooth,
            oracle=oracle,
            function_class=self.function,
            order=self.order,
        )


def subject_of(fn: Any, vjp: Callable[..., Any] | None, name: str | None) -> Subject:
    """What `fn` is. TypeError if it cannot be called with Tensors."""
    if isinstance(fn, tuple) and len(fn) == 2 and all(map(callable, fn)):
        fn, vjp = fn
    if not callable(fn):
        raise TypeError(f"check_op: expected a function, a Function class or a Module, got {fn!r}")
    called = str(name or getattr(fn, "__name__", type(fn).__name__))
    called = "fn" if called == "<lambda>" else called
    if vjp is not None:
        call = generic_door(_numpy_op(fn, vjp, called))
        return Subject(called, call, positional(fn), order=1)
    if isinstance(fn, type) and hasattr(fn, "apply") and hasattr(fn, "backward"):
        cls: Any = fn
        with_ctx = cls.setup_context.__qualname__.startswith("Function.")
        names = positional(cls.forward)[1 if with_ctx else 0 :]
        return Subject(called, cls.apply, names, function=cls)
    if hasattr(fn, "named_parameters"):
        found = dict(fn.named_parameters())
        module = _Functional(fn, list(found.values()))
        names = positional(fn.forward)
        arrays = tuple((n, p.array.astype(np.float64)) for n, p in found.items())
        return Subject(name or type(fn).__name__, module, names, arrays)
    op = getattr(fn, "op", None)
    op = op if isinstance(op, Primitive) and hasattr(op, "call") else None
    names = op.inputs if op is not None and not op.variadic else positional(fn)
    return Subject(called, fn, names, op=op)


def positional(fn: Callable[..., Any]) -> tuple[str, ...]:
    """The names of the required positional parameters."""
    try:
        parameters = inspect.signature(fn).parameters.values()
    except (TypeError, ValueError):
        return ()
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return tuple(p.name for p in parameters if p.kind in kinds and p.default is p.empty)


def _numpy_op(value: Callable[..., Any], vjp: Callable[..., Any], name: str) -> Primitive:
    """An op of a NumPy function and `vjp(g, *arrays)`, which gives a gradient for each array."""

    def forward(*xs: Any, **meta: Any) -> Any:
        return np.asarray(value(*xs, **meta))

    def rule(g: Any, xs: Any) -> Any:
        found = vjp(g, *xs)
        return found if isinstance(found, (tuple, list)) else (found,)

    forward.__name__ = name
    return Primitive(forward, (rule,), promote=None)


class _Functional:
    """A Module as a function of its inputs and its parameters; buffers are left as they were."""

    def __init__(self, module: Any, parameters: list[Any]) -> None:
        self.module = module
        self.parameters = parameters
        self.__name__ = type(module).__name__

    def __call__(self, *args: Any, **meta: Any) -> Any:
        count = len(args) - len(self.parameters)
        given = args[count:]
        floats = [
            a.array.dtype for a in args if isinstance(a, Tensor) and a.array.dtype.kind == "f"
        ]
        with self._holding(given, floats[0] if floats else np.dtype(np.float64)):
            return self.module(*args[:count], **meta)

    @contextmanager
    def _holding(self, given: Sequence[Tensor], dtype: np.dtype) -> Iterator[None]:
        buffers = list(self.module.buffers())
        kept = [(p, p.array, p.node) for p in (*self.parameters, *buffers)]
        for p, t in zip(self.parameters, given, strict=True):
            p.array, p.node = t.array, t.node
        for b in buffers:
            b.array = b.array.astype(dtype if b.array.dtype.kind == "f" else b.array.dtype)
        try:
            yield
        finally:
            for p, array, node in kept:
                p.array, p.node = array, node


def as_array(value: Any) -> Any:
    """A drawn argument: Tensors and arrays as float64 (or integer) arrays, the rest as it is."""
    if isinstance(value, Tensor):
        value = value.array
    if isinstance(value, np.ndarray):
        return value.astype(np.float64) if value.dtype.kind == "f" else value.copy()
    return value
