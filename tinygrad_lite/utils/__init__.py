"""Utilities around training. `utils.data` is imported when it is first asked for."""

from __future__ import annotations

import importlib
from typing import Any

from . import checkpoint as checkpoint


def __getattr__(name: str) -> Any:
    if name == "data":
        return importlib.import_module(".data", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
