"""One number or one for every axis: what layers of other packages import from here."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import repeat
from typing import Any


def _ntuple(n: int, name: str = "parse") -> Callable[[Any], tuple[Any, ...]]:
    def parse(x: Any) -> tuple[Any, ...]:
        return tuple(x) if isinstance(x, Iterable) else tuple(repeat(x, n))

    parse.__name__ = name
    parse.__doc__ = f"`x` as a tuple if it is several; a single one {n} times."
    return parse


_single = _ntuple(1, "_single")
_pair = _ntuple(2, "_pair")
_triple = _ntuple(3, "_triple")
_quadruple = _ntuple(4, "_quadruple")


def _reverse_repeat_tuple(t: tuple[Any, ...], n: int) -> tuple[Any, ...]:
    """(a, b) with n = 2 is (b, b, a, a): the order in which `F.pad` takes its numbers."""
    return tuple(x for x in reversed(t) for _ in range(n))


def consume_prefix_in_state_dict_if_present(state_dict: dict[str, Any], prefix: str) -> None:
    """Take `prefix` ("module." of a wrapped model) off all keys that begin with it, in place."""
    metadata = getattr(state_dict, "_metadata", {})
    for name in [k for k in state_dict if k.startswith(prefix)]:
        state_dict[name[len(prefix) :]] = state_dict.pop(name)
    for name in [k for k in metadata if k and f"{k}.".startswith(prefix)]:
        metadata[name[len(prefix) :]] = metadata.pop(name)
