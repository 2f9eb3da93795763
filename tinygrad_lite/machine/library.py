"""`torch.library`: functions of the user's own under a name, with a derivative registered for them.

    @library.custom_op("mine::scale", mutates_args=())
    def scale(x: Tensor, by: float) -> Tensor:
        return x * by

    scale.register_autograd(
        lambda ctx, g: (g * ctx.by, None),
        setup_context=lambda ctx, inputs, output: setattr(ctx, "by", inputs[1]),
    )

Afterwards `ops.mine.scale` is the same op. It is an `autograd.Function` in other words: the body
runs unrecorded, and what it returns must be new memory.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from .. import ops as _ops
from ..autograd.function import Function
from ..core.node import touch
from ..core.tensor import Tensor
from .absent import _absent

_KNOWN: dict[str, CustomOpDef] = {}


class CustomOpDef:
    """A function with a name, the arguments it writes into, and perhaps a derivative."""

    def __init__(self, name: str, function: Callable[..., Any], mutates: frozenset[str]) -> None:
        self._qualname = name
        self._signature = inspect.signature(function)
        unknown = mutates - set(self._signature.parameters)
        if unknown:
            raise ValueError(
                f"{name}: mutates_args names {sorted(unknown)}, which it does not take"
            )
        self._function = function
        self._mutates = mutates
        self._backward: Callable[..., Any] | None = None
        self._setup: Callable[..., Any] | None = None
        self._recorded = _recorded(self)
        self.__name__ = name.rpartition("::")[2]
        self.__doc__ = function.__doc__

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        bound = self._signature.bind(*args, **kwargs)
        bound.apply_defaults()
        if not self._mutates:
            return self._recorded.apply(*bound.arguments.values())
        result = self._function(*bound.args, **bound.kwargs)
        for name in self._mutates:
            value = bound.arguments[name]
            for x in value if isinstance(value, (list, tuple)) else (value,):
                if isinstance(x, Tensor):
                    touch(x.array, self._qualname)
        return result

    def register_autograd(
        self, backward: Callable[..., Any], /, *, setup_context: Callable[..., Any] | None = None
    ) -> None:
        """The derivative: `backward(ctx, *grads)` gives a gradient (or None) for each argument.

        `setup_context(ctx, inputs, output)` keeps in `ctx` what it needs. RuntimeError for an op
        that writes into its arguments.
        """
        if self._mutates:
            raise RuntimeError(
                f"Cannot register autograd formula for non-functional operator {self._qualname}: "
                "it writes into its arguments; return new Tensors instead"
            )
        self._backward, self._setup = backward, setup_context

    def register_kernel(
        self, device_types: Any, fn: Callable[..., Any] | None = None, /
    ) -> Callable[..., Any]:
        """Another body, if it is for the CPU; also a decorator."""

        def register(function: Callable[..., Any]) -> Callable[..., Any]:
            kinds = (device_types,) if isinstance(device_types, str) else device_types
            if kinds is None or "cpu" in kinds:
                self._function = function
            return function

        return register if fn is None else register(fn)

    def register_fake(self, fn: Callable[..., Any], /) -> Callable[..., Any]:
        """Accepted: nothing is traced, so shapes are never asked for without values."""
        return fn

    register_vmap = register_fake

    def __repr__(self) -> str:
        return f"<CustomOpDef({self._qualname})>"


def _recorded(op: CustomOpDef) -> type[Function]:
    """The op as a Function, so that its derivative is found."""

    def forward(*args: Any) -> Any:
        result = op._function(*args)
        given = [a.array for a in args if isinstance(a, Tensor)]
        for out in result if isinstance(result, (list, tuple)) else (result,):
            if isinstance(out, Tensor) and any(np.may_share_memory(out.array, a) for a in given):
                raise RuntimeError(
                    f"{op._qualname} (with implementation in {op._function.__module__}): The "
                    "output of this custom operator (1) must not also be an input to this custom "
                    "operator and (2) may not alias any inputs to this custom operator or other "
                    "returns. The most common way to trigger this error is if we have y = "
                    "custom_op(x) and y and x are the same Tensor. Please instead return a clone "
                    "of the offending output tensor(s)"
                )
        return result

    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        if op._setup is not None:
            op._setup(ctx=ctx, inputs=inputs, output=output)

    def backward(ctx: Any, *gradients: Any) -> Any:
        if op._backward is None:
            raise RuntimeError(
                f"Trying to backward through {op._qualname}.default but no autograd formula was "
                "registered. Please use register_autograd to add one."
            )
        return op._backward(ctx, *gradients)

    functions = {"forward": forward, "setup_context": setup_context, "backward": backward}
    body = {name: staticmethod(function) for name, function in functions.items()}
    return type(op._qualname.replace("::", "_"), (Function,), body)


def custom_op(
    name: str,
    fn: Callable[..., Any] | None = None,
    /,
    *,
    mutates_args: str | Iterable[str],
    device_types: Any = None,
    schema: str | None = None,
    tags: Any = None,
) -> Any:
    """Give a function the name "namespace::name"; also a decorator.

    mutates_args  the names of arguments it writes into, or "unknown" for all Tensors
    """
    space, separator, short = name.partition("::")
    if not separator or not space or not short:
        raise ValueError(f"custom_op: expected a name such as 'mine::op', got {name!r}")

    def declare(function: Callable[..., Any]) -> CustomOpDef:
        if mutates_args == "unknown":
            named = frozenset(inspect.signature(function).parameters)
        else:
            named = frozenset({mutates_args} if isinstance(mutates_args, str) else mutates_args)
        op = CustomOpDef(name, function, named)
        room = getattr(_ops, space, None)
        if isinstance(room, ModuleType):
            raise ValueError(f"custom_op: the namespace {space!r} is taken; choose another")
        if room is None:
            room = SimpleNamespace()
            setattr(_ops, space, room)
        setattr(room, short, op)
        _KNOWN[name] = op
        return op

    return declare if fn is None else declare(fn)


def _found(op: Any) -> CustomOpDef:
    if isinstance(op, CustomOpDef):
        return op
    if op not in _KNOWN:
        raise RuntimeError(f"there is no custom op called {op!r}; declare it by custom_op")
    return _KNOWN[op]


def register_autograd(
    op: Any, backward: Callable[..., Any], /, *, setup_context: Any = None, lib: Any = None
) -> None:
    """`op.register_autograd`, the op given by its name too."""
    _found(op).register_autograd(backward, setup_context=setup_context)


def register_kernel(
    op: Any, device_types: Any, func: Callable[..., Any] | None = None, /, *, lib: Any = None
) -> Any:
    """`op.register_kernel`, the op given by its name too."""
    return _found(op).register_kernel(device_types, func)


def register_fake(
    op: Any, func: Callable[..., Any] | None = None, /, *, lib: Any = None, **_: Any
) -> Any:
    """Accepted, see `CustomOpDef.register_fake`; also a decorator."""
    _found(op)
    return (lambda f: f) if func is None else func


register_vmap = register_fake

_DIRECT = "declare ops by library.custom_op"
Library = _absent("library.Library", _DIRECT)
define = _absent("library.define", _DIRECT)
impl = _absent("library.impl", _DIRECT)
