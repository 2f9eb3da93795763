"""An optimizer's groups and state as plain data, with parameters replaced by numbers, and back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from copy import deepcopy
from itertools import chain
from typing import Any

from ..core.tensor import Tensor, make
from .options import Group, State


def pack(param_groups: list[Group], state: Mapping[Any, Any]) -> dict[str, Any]:
    """`{"state": ..., "param_groups": ...}`, parameters numbered in the order of the groups."""
    numbers: dict[int, int] = {}
    start = 0
    packed = []
    for group in param_groups:
        for i, p in enumerate(group["params"], start):
            numbers.setdefault(id(p), i)
        options = {key: value for key, value in group.items() if key != "params"}
        options["params"] = [numbers[id(p)] for p in group["params"]]
        start += len(group["params"])
        packed.append(options)
    numbered = {
        numbers[id(key)] if isinstance(key, Tensor) else key: value for key, value in state.items()
    }
    return {"state": numbered, "param_groups": packed}


def unpack(
    saved: dict[str, Any], param_groups: list[Group]
) -> tuple[list[Group], defaultdict[Any, State]]:
    """Groups and state for the parameters of `param_groups` from what `pack` returned.

    ValueError if the groups differ in number or size. Floating-point state takes the dtype of its
    parameter, except `step`. Nothing of `saved` is shared.
    """
    groups = deepcopy(saved["param_groups"])
    if len(groups) != len(param_groups):
        raise ValueError(
            "loaded state dict has a different number of parameter groups "
            f"({len(groups)}; the optimizer has {len(param_groups)})"
        )
    pairs = list(zip(groups, param_groups))
    sizes = [(len(theirs["params"]), len(ours["params"])) for theirs, ours in pairs]
    if any(theirs != ours for theirs, ours in sizes):
        raise ValueError(
            "loaded state dict contains a parameter group that doesn't match the size of "
            f"optimizer's group (theirs, ours): {sizes}"
        )
    numbers = chain.from_iterable(group["params"] for group in groups)
    params = chain.from_iterable(group["params"] for group in param_groups)
    by_number = dict(zip(numbers, params))
    state: defaultdict[Any, State] = defaultdict(dict)
    for key, value in saved["state"].items():
        if key in by_number:
            state[by_number[key]] = _fit(by_number[key], value)
        else:
            state[key] = value
    for theirs, ours in pairs:
        theirs["params"] = ours["params"]
        if "param_names" in ours:
            theirs.setdefault("param_names", ours["param_names"])
    return groups, state


def _fit(p: Any, value: Any, key: Any = None) -> Any:
    """A copy of a saved state value, floating Tensors in the dtype of their parameter."""
    if isinstance(value, Tensor):
        array = value.array
        if key != "step" and p.array.dtype.kind in "fc":
            return make(array.astype(p.array.dtype))
        return make(array.copy())
    if isinstance(value, dict):
        return {k: _fit(p, v, k) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_fit(p, v) for v in value)
    return value
