"""Classes made from Tensor: what an op gives for them, and who is asked (`__torch_function__`).

A program that makes no such class pays nothing: the functions that ask are put in place
(overrides.py) when the first one is made. Source: PyTorch's notes on extending it with Tensor-like
types.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from ..core.tensor import Parameter, Tensor, bind, make

ASKING: ContextVar[bool] = ContextVar("tinygrad_lite_asking", default=True)
MODES: ContextVar[tuple[Any, ...]] = ContextVar("tinygrad_lite_function_modes", default=())


@contextmanager
def DisableTorchFunctionSubclass() -> Iterator[None]:
    """Within it no argument is asked: functions do what they do for Tensors, and for modes."""
    token = ASKING.set(False)
    try:
        yield
    finally:
        ASKING.reset(token)


@contextmanager
def DisableTorchFunction() -> Iterator[None]:
    """Within it no argument is asked and no TorchFunctionMode."""
    token = MODES.set(())
    try:
        with DisableTorchFunctionSubclass():
            yield
    finally:
        MODES.reset(token)


def disabled(function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
    """As `__torch_function__` of a class: its instances are Tensors like any other."""
    with DisableTorchFunctionSubclass():
        return function(*args, **(kwargs or {}))


_TAKES_OVER: dict[type, bool] = {Tensor: False, int: False, float: False, type(None): False}


def takes_over(kind: type) -> bool:
    """Whether instances of `kind` are asked before a function runs on them."""
    found = _TAKES_OVER.get(kind)
    if found is None:
        method = getattr(kind, "__torch_function__", None)
        found = _TAKES_OVER[kind] = method is not None and method is not disabled
    return found


def _torch_function(
    cls: type[Tensor], func: Any, types: Any, args: Any = (), kwargs: Any = None
) -> Any:
    """What `func` gives for Tensors, its Tensors made instances of `cls`.

    NotImplemented if one of `types` is not a class that `cls` is made from.
    """
    if not all(issubclass(cls, kind) for kind in types):
        return NotImplemented
    with DisableTorchFunctionSubclass():
        found = func(*args, **(kwargs or {}))
        # of the getter of a property
        keeps = getattr(getattr(getattr(func, "__self__", None), "fget", None), "keeps", False)
        return found if keeps else _converted(found, cls, args)


def _converted(found: Any, cls: type[Tensor], args: Any) -> Any:
    if isinstance(found, Tensor):
        if isinstance(found, cls):
            return found
        if any(found is a for a in args) or (found.is_leaf and found.requires_grad):
            return found.as_subclass(cls)
        found.__class__ = cls  # nobody else has it
        return found
    if isinstance(found, (tuple, list)):
        each = [_converted(x, cls, args) for x in found]
        return type(found)._make(each) if hasattr(found, "_make") else type(found)(each)
    return found


def _as_subclass(self: Tensor, cls: type) -> Any:
    """A view of this Tensor that is an instance of `cls`; gradients flow through it."""
    if not (isinstance(cls, type) and issubclass(cls, Tensor)):
        raise TypeError(
            "Creating a Tensor subclass from a class that does not inherit from Tensor is not "
            f"possible: {cls!r}"
        )
    with DisableTorchFunctionSubclass():
        view = self.view(self.shape)
    view.__class__ = cls
    return view


def _make_subclass(cls: type[Tensor], data: Tensor, require_grad: bool = False) -> Tensor:
    """An instance of `cls` that shares memory with `data` and none of its history."""
    made = make(data.array)
    made.__class__ = cls
    return made.requires_grad_(require_grad)


def _init_subclass(cls: type[Any], /, **options: Any) -> None:
    super(Tensor, cls).__init_subclass__(**options)
    if takes_over(cls):
        importlib.import_module(".overrides", __package__).begin()  # only now: few need it


bind("__torch_function__", classmethod(_torch_function))
bind("as_subclass", _as_subclass)
bind("_make_subclass", staticmethod(_make_subclass))
bind("__init_subclass__", classmethod(_init_subclass))
Parameter.__torch_function__ = disabled
