"""Utilities around training. All but `checkpoint` is imported when it is first asked for."""

from __future__ import annotations

import importlib
from typing import Any

from . import checkpoint as checkpoint

_LATE = frozenset({"_pytree", "benchmark", "data", "deterministic", "dlpack", "hooks", "model_zoo"})


def __getattr__(name: str) -> Any:
    if name in _LATE:
        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
