"""Nested tuples, lists and dictionaries of Tensors as flat lists, and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def flatten(tree: Any) -> tuple[list[Any], Callable[[list[Any]], Any]]:
    """The leaves of a nest of tuples, lists and dicts, and the function that rebuilds the nest."""
    leaves: list[Any] = []
    build = _walk(tree, leaves)

    def rebuild(values: list[Any]) -> Any:
        return build(iter(values))

    return leaves, rebuild


def _walk(tree: Any, leaves: list[Any]) -> Callable[[Any], Any]:
    if isinstance(tree, dict):
        mapping = type(tree)
        parts = {k: _walk(v, leaves) for k, v in tree.items()}
        return lambda values: mapping((k, build(values)) for k, build in parts.items())
    if isinstance(tree, (tuple, list)):
        kind: Any = type(tree)
        builds = [_walk(v, leaves) for v in tree]
        if hasattr(tree, "_fields"):
            return lambda values: kind(*[build(values) for build in builds])
        return lambda values: kind([build(values) for build in builds])
    leaves.append(tree)
    return next


def tree_map(function: Callable[[Any], Any], tree: Any) -> Any:
    """`function` applied to every leaf."""
    leaves, rebuild = flatten(tree)
    return rebuild([function(leaf) for leaf in leaves])
