"""Objects that take part in functions under rules of their own: `torch.overrides`.

A type with a `__torch_function__` is asked before a public function of the package runs on one of
its instances:

    kind.__torch_function__(function, types, args, kwargs)

Nothing asks until it is needed: the public functions, and the methods and properties of Tensor, are
exchanged for ones that ask when the first class is made from Tensor or this file is imported
(`begin`). A function that a program imported by name before that is the plain one still.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import sys
from collections.abc import Callable, Iterable, Iterator
from types import FunctionType, ModuleType
from typing import Any

from ..core.tensor import Tensor
from .subclass import ASKING, MODES, takes_over

PACKAGE = __package__.partition(".")[0]
_PREFIXING = (".linalg", ".fft", ".special")  # linalg.norm is shown as linalg_norm
ROOMS = ("", ".autograd", ".nn.functional", ".nn.init", *_PREFIXING)

_PLAIN: dict[tuple[Any, str], Any] = {}  # what stood where before `begin`

#: they make Tensors of whatever they get, or are no business of Tensors
_NEVER = frozenset(
    (
        *("tensor", "as_tensor", "asarray", "from_numpy", "typename", "is_tensor", "is_storage"),
        *("manual_seed", "seed", "initial_seed", "save", "load", "compile", "vmap", "kernels"),
        *("is_grad_enabled", "result_type", "promote_types", "can_cast"),
        *("__init__", "__new__", "__init_subclass__", "__torch_function__", "__hash__", "__dir__"),
        *("__setstate__", "__array__", "__reduce_ex__", "__iter__", "as_subclass", "_renew"),
        *("_make_subclass", "__class_getitem__"),
    )
)
_OPERATORS = {
    **{f"__{name}__": name for name in ("lt", "le", "gt", "ge", "ne", "neg", "abs", "pow")},
    **{f"__{name}__": name for name in ("add", "sub", "mul", "matmul")},
    **{f"__i{name}__": name + "_" for name in ("add", "sub", "mul")},
    "__radd__": "add",
    "__rmul__": "mul",
    "__truediv__": "div",
    "__mod__": "remainder",
    "__itruediv__": "div_",
}
"""Operators that are shown as the method they stand for."""
_KEEP = frozenset(("grad", "_grad", "_base"))  # properties whose values stay what they are


def _overloaded(arguments: Iterable[Any]) -> list[Any]:
    """One argument of each type that takes over, in order; a class before those it is made from."""
    found: list[Any] = []
    for a in arguments:
        for x in a if type(a) in (tuple, list) else (a,):
            kind = type(x)
            if takes_over(kind) and all(type(y) is not kind for y in found):
                places = (i for i, y in enumerate(found) if issubclass(kind, type(y)))
                found.insert(next(places, len(found)), x)
    return found


def has_torch_function(relevant_args: Iterable[Any]) -> bool:
    """Whether one of the arguments takes over, or a TorchFunctionMode is on."""
    return bool(MODES.get()) or bool(ASKING.get() and _overloaded(relevant_args))


def has_torch_function_unary(x: Any) -> bool:
    """`has_torch_function` of one argument."""
    return has_torch_function((x,))


def has_torch_function_variadic(*args: Any) -> bool:
    """`has_torch_function` of these arguments."""
    return has_torch_function(args)


def handle_torch_function(
    public_api: Callable[..., Any], relevant_args: Iterable[Any], *args: Any, **kwargs: Any
) -> Any:
    """What the innermost mode or the first of the overloaded arguments makes of the call.

    TypeError if all of them return NotImplemented.
    """
    overloaded = _overloaded(relevant_args)
    types = tuple([type(x) for x in overloaded])
    modes = MODES.get()
    if modes:
        token = MODES.set(modes[:-1])
        try:
            result = modes[-1].__torch_function__(public_api, types, args, kwargs)
        finally:
            MODES.reset(token)
        if result is not NotImplemented:
            return result
    for x in overloaded:
        result = x.__torch_function__(public_api, types, args, kwargs)
        if result is not NotImplemented:
            return result
    raise TypeError(
        f"Multiple dispatch failed for '{resolve_name(public_api)}'; all __torch_function__ "
        "handlers returned NotImplemented:\n\n" + "\n".join(f"  - {kind}" for kind in types)
    )


def _asking(
    function: Callable[..., Any], name: str, by_type: bool = True, shown: Any = None
) -> Callable[..., Any]:
    """`function`, once the types of its arguments have been asked, who see it as `shown`."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        found = _overloaded((*args, *kwargs.values())) if by_type and ASKING.get() else []
        if found or MODES.get():
            return handle_torch_function(shown or call, found, *args, **kwargs)
        return function(*args, **kwargs)

    call.__name__ = name
    return call


def _asking_property(name: str, old: property) -> property:
    """The property, which shows itself as `Tensor.<name>.__get__` and `.__set__`."""

    def asking(accessor: Any, title: str) -> Any:
        if accessor is None:
            return None

        @functools.wraps(accessor)
        def call(*args: Any) -> Any:
            found = _overloaded(args) if ASKING.get() else []
            if found or MODES.get():
                return handle_torch_function(getattr(made, title), found, *args)
            return accessor(*args)

        shown: Any = call
        shown.keeps = name in _KEEP
        return shown

    made = property(
        asking(old.fget, "__get__"),
        asking(old.fset, "__set__"),
        asking(old.fdel, "__delete__"),
        old.__doc__,
    )
    return made


def begin() -> None:
    """Exchange the public functions, and what Tensor has, for ones that ask."""
    if _PLAIN:
        return
    for room in ROOMS:
        module = importlib.import_module(PACKAGE + room)
        prefix = room[1:] + "_" if room in _PREFIXING else ""
        for name, value in list(vars(module).items()):
            if isinstance(value, FunctionType) and not name.startswith(("_", "set_", "get_")):
                _exchange(module, name, value, _asking(value, prefix + name, name not in _NEVER))
    names = [name for name in vars(Tensor) if name not in _NEVER]
    for name in sorted(names, key=_OPERATORS.__contains__):  # the methods first
        value = vars(Tensor)[name]
        if isinstance(value, FunctionType):
            shown = vars(Tensor)[_OPERATORS[name]] if name in _OPERATORS else None
            _exchange(Tensor, name, value, _asking(value, name, shown=shown))
        elif isinstance(value, property):
            _exchange(Tensor, name, value, _asking_property(name, value))


def _exchange(owner: Any, name: str, plain: Any, asking: Any) -> None:
    _PLAIN[owner, name] = plain
    if isinstance(owner, ModuleType):  # where pickle looks for it
        asking.__module__, asking.__qualname__ = owner.__name__, name
    setattr(owner, name, asking)


def end() -> None:
    """Put the plain functions back; classes made from Tensor are no longer asked."""
    for (owner, name), plain in _PLAIN.items():
        setattr(owner, name, plain)
    _PLAIN.clear()


class TorchFunctionMode:
    """Within `with mode:` every public function is handed to `mode.__torch_function__` first.

    A subclass defines `__torch_function__(self, func, types, args=(), kwargs=None)`; the mode is
    off while it runs.
    """

    def __init__(self) -> None:
        self._tokens: list[Any] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        raise NotImplementedError(f"{type(self).__name__} defines no __torch_function__")

    def __enter__(self) -> Any:
        self.__dict__.setdefault("_tokens", []).append(MODES.set((*MODES.get(), self)))
        return self

    def __exit__(self, *exc: object) -> None:
        MODES.reset(self._tokens.pop())


class BaseTorchFunctionMode(TorchFunctionMode):
    """A mode that changes nothing."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return func(*args, **(kwargs or {}))


@contextlib.contextmanager
def enable_reentrant_dispatch() -> Iterator[None]:
    """Within it arguments are asked again, inside a `__torch_function__` that stopped it."""
    token = ASKING.set(True)
    try:
        yield
    finally:
        ASKING.reset(token)


def wrap_torch_function(dispatcher: Callable[..., Any]) -> Callable[..., Any]:
    """Decorator: the function asks those arguments that `dispatcher(*args, **kwargs)` returns."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            relevant = dispatcher(*args, **kwargs)
            if has_torch_function(relevant):
                return handle_torch_function(call, relevant, *args, **kwargs)
            return function(*args, **kwargs)

        return call

    return decorate


def is_tensor_like(inp: Any) -> bool:
    """Whether it is a Tensor or has a `__torch_function__`."""
    return type(inp) is Tensor or hasattr(inp, "__torch_function__")


def is_tensor_method_or_property(func: Any) -> bool:
    """Whether `func` is one of Tensor's methods, or gets or sets one of its properties."""
    return func.__name__ == "__get__" or func in _tensor_functions()


def _tensor_functions() -> set[Any]:
    return {v for v in vars(Tensor).values() if isinstance(v, FunctionType)}


def get_default_nowrap_functions() -> set[Callable[..., Any]]:
    """The functions whose values stay what they are: the getters of .grad and ._base."""
    found = (vars(Tensor).get(name) for name in _KEEP)
    return {p.__get__ for p in found if isinstance(p, property)}


def get_overridable_functions() -> dict[Any, list[Callable[..., Any]]]:
    """Who may be taken over, by the module or class that has it."""
    found: dict[Any, list[Callable[..., Any]]] = {}
    for owner, name in _PLAIN:
        value = vars(owner)[name]
        if name not in _NEVER and isinstance(value, (FunctionType, property)):
            value = value if isinstance(value, FunctionType) else value.__get__
            found.setdefault(owner, []).append(value)
    return found


def get_ignored_functions() -> set[Callable[..., Any]]:
    """Public functions that ask nobody."""
    package = sys.modules[PACKAGE]
    return {f for name in _NEVER if isinstance(f := vars(package).get(name), FunctionType)}


def resolve_name(f: Callable[..., Any]) -> str | None:
    """A name for the function, as `torch.Tensor.add` or `torch.nn.functional.relu`."""
    for owner, functions in get_overridable_functions().items():
        if f in functions:
            room = "Tensor" if owner is Tensor else owner.__name__.partition(".")[2]
            place = f.__name__
            if place == "__get__":
                names = (name for _, name in _PLAIN if vars(Tensor).get(name) is f.__self__)  # type: ignore[attr-defined]
                place = f"{next(names)}.__get__"
            return ".".join(part for part in ("torch", room, place) if part)
    return None


begin()
