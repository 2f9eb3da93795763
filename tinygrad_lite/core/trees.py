"""Nested tuples, lists and dictionaries of Tensors as flat lists, and back."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable
from typing import Any, NamedTuple


class Kind(NamedTuple):
    """How a registered class is taken apart: its children and what else it takes to rebuild it."""

    flatten: Callable[[Any], tuple[Any, Any]]
    unflatten: Callable[[Any, Any], Any]
    with_keys: Callable[[Any], tuple[Any, Any]] | None = None

    @property
    def flatten_fn(self) -> Callable[[Any], tuple[Any, Any]]:
        """`flatten`, by PyTorch's name."""
        return self.flatten

    @property
    def unflatten_fn(self) -> Callable[[Any, Any], Any]:
        """`unflatten`, by PyTorch's name."""
        return self.unflatten


#: classes that `utils._pytree.register_pytree_node` has made known
REGISTERED: dict[type, Kind] = {}


def flatten(tree: Any) -> tuple[list[Any], Callable[[list[Any]], Any]]:
    """The leaves of a nest of tuples, lists and dicts, and the function that rebuilds the nest."""
    leaves: list[Any] = []
    build = _walk(tree, leaves)

    def rebuild(values: list[Any]) -> Any:
        return build(iter(values))

    return leaves, rebuild


def _walk(tree: Any, leaves: list[Any]) -> Callable[[Any], Any]:
    kind: Any = type(tree)
    if kind in REGISTERED:
        children, context = REGISTERED[kind].flatten(tree)
        builds = [_walk(v, leaves) for v in children]
        unflatten = REGISTERED[kind].unflatten
        return lambda values: unflatten([build(values) for build in builds], context)
    if isinstance(tree, dict):
        parts = {k: _walk(v, leaves) for k, v in tree.items()}
        if kind is defaultdict:
            factory = tree.default_factory  # type: ignore[attr-defined]
            return lambda values: defaultdict(factory, {k: f(values) for k, f in parts.items()})
        return lambda values: kind((k, build(values)) for k, build in parts.items())
    if isinstance(tree, (tuple, list, deque)):
        builds = [_walk(v, leaves) for v in tree]
        if hasattr(tree, "_fields"):
            return lambda values: kind(*[build(values) for build in builds])
        if isinstance(tree, deque):
            length = tree.maxlen
            return lambda values: deque([build(values) for build in builds], length)
        return lambda values: kind([build(values) for build in builds])
    leaves.append(tree)
    return next


def tree_map(function: Callable[[Any], Any], tree: Any) -> Any:
    """`function` applied to every leaf."""
    leaves, rebuild = flatten(tree)
    return rebuild([function(leaf) for leaf in leaves])
