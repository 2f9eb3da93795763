"""Saving and loading: files that PyTorch reads and writes too, and that run no code when opened."""

from collections.abc import Callable as _Callable
from typing import Any as _Any

from .reader import load as load
from .safe import add_safe_globals as add_safe_globals
from .safe import clear_safe_globals as clear_safe_globals
from .safe import get_safe_globals as get_safe_globals
from .safe import safe_globals as safe_globals
from .writer import save as save

MAP_LOCATION = _Callable[[_Any, str], _Any] | str | dict[str, str] | None
"""What `load(map_location=...)` takes, for annotations."""
