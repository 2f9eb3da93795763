"""Modules without the work of filling their parameters."""

from __future__ import annotations

import inspect
from typing import Any, TypeVar

from ..init import skipped
from ..modules.module import Module

__all__ = ["skip_init"]

M = TypeVar("M", bound=Module)


def skip_init(module_cls: type[M], *args: Any, **kwargs: Any) -> M:
    """`module_cls(*args, **kwargs)` with parameters of arbitrary values; no random numbers drawn.

    For weights about to be loaded: drawing them is most of the cost of a large layer. RuntimeError
    if `module_cls` is not a Module class or does not take `device`, which is how PyTorch tells
    layers that only allocate and initialize.
    """
    if not (isinstance(module_cls, type) and issubclass(module_cls, Module)):
        raise RuntimeError(f"Expected a Module; got {module_cls}")
    if "device" not in inspect.signature(module_cls).parameters:
        raise RuntimeError("Module must support a 'device' arg to skip initialization")
    with skipped():
        return module_cls(*args, **kwargs)
