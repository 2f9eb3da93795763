"""Parameter groups by name, with a receipt of what went where."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from ..core.tensor import Tensor

__all__ = ["Groups", "decay_groups", "groups"]


class Groups(list[dict[str, Any]]):
    """Parameter groups to hand to an optimizer; printed, it is a receipt.

    `matched` maps each pattern (and "the rest") to the names it took; `frozen` lists the names of
    parameters that want no gradient and are in no group.
    """

    def __init__(self, matched: dict[str, list[tuple[str, Any]]], options: Mapping[str, Any]):
        super().__init__(
            {"params": named, **options.get(pattern, {})}
            for pattern, named in matched.items()
            if named
        )
        self.matched = {pattern: [name for name, _ in named] for pattern, named in matched.items()}
        self.sizes = {p: sum(t.numel() for _, t in named) for p, named in matched.items()}
        self.options = options
        self.frozen: list[str] = []

    def __str__(self) -> str:
        lines = []
        for pattern, names in self.matched.items():
            options = ", ".join(f"{k}={v}" for k, v in self.options.get(pattern, {}).items())
            total = f"{len(names)} tensors, {self.sizes[pattern]:,} numbers"
            lines.append(f"{pattern}  ({options or 'defaults'}): {total}")
            lines += [f"    {name}" for name in names]
        if self.frozen:
            lines.append(f"frozen, in no group: {len(self.frozen)} tensors")
            lines += [f"    {name}" for name in self.frozen]
        return "\n".join(lines)


REST = "the rest"


def named_parameters(model: Any) -> list[tuple[str, Any]]:
    """(name, parameter) pairs of a Module, or of an iterable of such pairs.

    TypeError for anything else.
    """
    named = model.named_parameters() if hasattr(model, "named_parameters") else model
    pairs = list(named)
    for pair in pairs:
        if not (isinstance(pair, tuple) and len(pair) == 2 and isinstance(pair[1], Tensor)):
            raise TypeError(
                "groups() needs a Module or (name, parameter) pairs such as "
                f"model.named_parameters(), but an item is {pair!r}"
            )
    return pairs


def groups(model: Any, rules: Mapping[str, Mapping[str, Any]], *, strict: bool = True) -> Groups:
    """Parameter groups by regular expressions on parameter names.

        parts = optim.groups(model, {r"bias|norm": dict(weight_decay=0), r"^head": dict(lr=1e-2)})
        print(parts)                                   # the receipt
        optimizer = optim.AdamW(parts, lr=1e-3)

    A name belongs to the first pattern that is found anywhere in it (`re.search`); what no pattern
    takes gets the optimizer's defaults. Frozen parameters are left out. ValueError if a pattern
    takes nothing (a typing error, as a rule), unless strict is False.
    """
    matched: dict[str, list[tuple[str, Any]]] = {pattern: [] for pattern in [*rules, REST]}
    frozen = []
    for name, p in named_parameters(model):
        if not p.requires_grad:
            frozen.append(name)
            continue
        pattern = next((pattern for pattern in rules if re.search(pattern, name)), REST)
        matched[pattern].append((name, p))
    idle = [pattern for pattern in rules if not matched[pattern]]
    if strict and idle:
        left = [name for name, _ in matched[REST]]
        raise ValueError(
            f"no parameter is left for the pattern {idle[0]!r}. Names that no pattern took: "
            f"{left[:10]}{' ...' if len(left) > 10 else ''}; earlier patterns go first. "
            "strict=False allows this."
        )
    result = Groups(matched, rules)
    result.frozen = frozen
    return result


def decay_groups(model: Any, weight_decay: float = 0.01, no_decay: Iterable[str] = ()) -> Groups:
    """Groups with weight decay for matrices and none for biases and normalization parameters.

    A parameter of fewer than two axes (a bias, a scale, a shift) is not decayed, nor is one in
    whose name a pattern of no_decay is found, such as "embedding".
    """
    with_decay = f"weight_decay={weight_decay}"
    without = "no decay"
    matched: dict[str, list[tuple[str, Any]]] = {with_decay: [], without: []}
    frozen = []
    for name, p in named_parameters(model):
        if not p.requires_grad:
            frozen.append(name)
            continue
        spared = p.ndim < 2 or any(re.search(pattern, name) for pattern in no_decay)
        matched[without if spared else with_decay].append((name, p))
    options = {with_decay: {"weight_decay": weight_decay}, without: {"weight_decay": 0.0}}
    result = Groups(matched, options)
    result.frozen = frozen
    return result
