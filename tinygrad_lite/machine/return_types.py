"""`torch.return_types`: the named tuples that functions of several values return."""

from __future__ import annotations

from typing import Any

from ..ops.extremes import RETURNED

all_return_types = list(RETURNED.values())


def __getattr__(name: str) -> Any:
    if name in RETURNED:
        return RETURNED[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(["all_return_types", *RETURNED])
