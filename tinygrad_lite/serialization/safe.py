"""Classes and functions the user trusts `load` to make from a file, besides the built-in ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

Entry = Callable[..., Any] | tuple[Callable[..., Any], str]

_trusted: list[Entry] = []


def add_safe_globals(safe_globals: Iterable[Entry]) -> None:
    """Let `load(weights_only=True)` use these classes or functions.

    An entry is the class itself, or a pair of it and the full name it has in the file. Making an
    instance runs the class's own code: add only what does no harm with arguments of a stranger's
    choice.
    """
    for entry in safe_globals:
        if isinstance(entry, tuple):
            if len(entry) != 2:
                raise ValueError(
                    "Expected tuple of length 2 (global, str of callable full path), "
                    f"but got tuple of length: {len(entry)}"
                )
            if not isinstance(entry[1], str):
                raise TypeError(
                    "Expected second item in tuple to be str of callable full path, "
                    f"but got: {type(entry[1])}"
                )
        if entry not in _trusted:
            _trusted.append(entry)


def get_safe_globals() -> list[Entry]:
    """What was added."""
    return list(_trusted)


def clear_safe_globals() -> None:
    """Trust nothing but the built-in names again."""
    _trusted.clear()


class safe_globals:
    """`add_safe_globals` for the length of a `with` block."""

    def __init__(self, safe_globals: Iterable[Entry]) -> None:
        self.entries = list(safe_globals)

    def __enter__(self) -> None:
        self.before = get_safe_globals()
        add_safe_globals(self.entries)

    def __exit__(self, *exc: object) -> None:
        _trusted[:] = self.before


def trusted() -> dict[str, Any]:
    """The user's entries by the names they have in a file."""
    named = {}
    for entry in _trusted:
        if isinstance(entry, tuple):
            named[entry[1]] = entry[0]
        else:
            named[f"{entry.__module__}.{entry.__qualname__}"] = entry
    return named
