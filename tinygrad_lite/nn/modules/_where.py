"""Errors that say which module they came from."""

from __future__ import annotations

import itertools
from typing import Any


def say_where(error: Exception, module: Any) -> None:
    """Add to an error that leaves `forward` the path of the module it came from."""
    if not error.args or not isinstance(error.args[0], str):
        return
    trail = getattr(error, "_trail", None)
    if trail is None:
        trail = error._trail = ([module], error.args[0])  # type: ignore[attr-defined]
    elif trail[0][-1] is not module:
        trail[0].append(module)
    modules, message = trail
    names = [type(modules[-1]).__name__]
    for parent, child in itertools.pairwise(reversed(modules)):
        path = next((p for p, m in parent.named_modules() if m is child), type(child).__name__)
        names.append(path)
    inner = modules[0]
    brief = f"{type(inner).__name__}({inner.extra_repr()})"
    error.args = (f"{message} [in {'.'.join(names)}: {brief}]", *error.args[1:])
