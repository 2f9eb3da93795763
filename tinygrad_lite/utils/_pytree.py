"""Nests of containers as flat lists of leaves, by PyTorch's names.

A tree is a leaf, or a container whose children are trees: list, tuple, named tuple, dict,
OrderedDict, defaultdict, deque, and what `register_pytree_node` adds. None is a leaf, and so is
an instance of a subclass of these. A dict's children come in the dict's own order.

Source: PyTorch, `torch.utils._pytree`.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict, deque, namedtuple
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ..core.trees import Kind
from ._containers import BUILT_IN, DICTS, IsLeaf, kind_named, kind_of
from ._containers import BUILTIN_TYPES as BUILTIN_TYPES
from ._containers import SUPPORTED_NODES as SUPPORTED_NODES
from ._containers import GetAttrKey as GetAttrKey
from ._containers import MappingKey as MappingKey
from ._containers import SequenceKey as SequenceKey
from ._containers import _deregister_pytree_node as _deregister_pytree_node
from ._containers import _dict_flatten as _dict_flatten
from ._containers import _dict_flatten_with_keys as _dict_flatten_with_keys
from ._containers import _dict_unflatten as _dict_unflatten
from ._containers import _get_node_type as _get_node_type
from ._containers import _is_leaf as _is_leaf
from ._containers import _private_register_pytree_node as _private_register_pytree_node
from ._containers import _register_pytree_node as _register_pytree_node
from ._containers import is_namedtuple as is_namedtuple
from ._containers import is_namedtuple_class as is_namedtuple_class
from ._containers import is_namedtuple_instance as is_namedtuple_instance
from ._containers import register_constant as register_constant
from ._containers import register_dataclass as register_dataclass
from ._containers import register_pytree_node as register_pytree_node
from ._containers import tree_is_leaf as tree_is_leaf

PyTree = Any
Context = Any
Fn = Callable[..., Any]


# -- structure -------------------------------------------------------------------------------------


@dataclasses.dataclass(init=True, frozen=True, eq=True, repr=False)
class TreeSpec:
    """The structure of a tree without its leaves; a leaf's type is None."""

    type: Any
    context: Any
    children_specs: list[TreeSpec]

    @property
    def num_leaves(self) -> int:
        """How many leaves there are."""
        return 1 if self.is_leaf() else sum(c.num_leaves for c in self.children_specs)

    @property
    def num_nodes(self) -> int:
        """How many containers and leaves there are, itself included."""
        return 1 + sum(c.num_nodes for c in self.children_specs)

    @property
    def num_children(self) -> int:
        """How many children it has."""
        return len(self.children_specs)

    def children(self) -> list[TreeSpec]:
        """The structures of the children."""
        return list(self.children_specs)

    def child(self, index: int) -> TreeSpec:
        """The structure of one child."""
        return self.children_specs[index]

    def is_leaf(self) -> bool:
        """Whether this is a leaf."""
        return self.type is None

    def unflatten(self, leaves: Iterable[Any]) -> Any:
        """The tree of this structure with these leaves. ValueError unless they are as many."""
        leaves = list(leaves)
        if len(leaves) != self.num_leaves:
            raise ValueError(
                f"treespec.unflatten(leaves): `leaves` has length {len(leaves)} but the spec "
                f"refers to a pytree that holds {self.num_leaves} items ({self})."
            )
        return self._build(iter(leaves))

    def _build(self, leaves: Iterator[Any]) -> Any:
        if self.is_leaf():
            return next(leaves)
        kind = kind_named(self.type)
        assert kind is not None
        return kind.unflatten([c._build(leaves) for c in self.children_specs], self.context)

    def flatten_up_to(self, tree: Any) -> list[Any]:
        """The parts of `tree` that stand where this structure has leaves.

        ValueError where `tree` has another container, other keys or another number of children.
        """
        if self.is_leaf():
            return [tree]
        found, kind = kind_of(tree)
        both_dicts = found in DICTS and self.type in DICTS
        if found is not self.type and not both_dicts:
            raise ValueError(f"Node type mismatch; expected {self.type!r}, but got {found!r}.")
        assert kind is not None
        children, context = kind.flatten(tree)
        children = list(children)
        if len(children) != self.num_children:
            raise ValueError(
                f"Node arity mismatch; expected {self.num_children}, but got {len(children)}."
            )
        if both_dicts:
            keys = self.context[1] if self.type is defaultdict else self.context
            if set(keys) != set(tree):
                raise ValueError(
                    f"Node keys mismatch; missing key(s): {set(keys) - set(tree)}; "
                    f"extra key(s): {set(tree) - set(keys)}."
                )
            children = [tree[key] for key in keys]
        elif self.type is not deque and context != self.context:
            raise ValueError(
                f"Node context mismatch for custom node type {self.type!r}; "
                f"expected {self.context!r}, but got {context!r}."
            )
        return [
            part
            for spec, child in zip(self.children_specs, children, strict=True)
            for part in spec.flatten_up_to(child)
        ]

    def __repr__(self, indent: int = 0) -> str:
        if self.is_leaf():
            return "*"
        inner = f",\n{' ' * (indent + 2)}".join(
            c.__repr__(indent + 2) if not c.is_leaf() else "*" for c in self.children_specs
        )
        name = getattr(self.type, "__name__", str(self.type))
        return f"TreeSpec({name}, {self.context}, [{inner}])"

    def __hash__(self) -> int:
        context = self.context
        if self.type in DICTS:
            context = str(context)
        hashable = tuple(context) if isinstance(context, list) else context
        return hash((self.type, hashable, tuple(self.children_specs)))


PyTreeSpec = TreeSpec


def LeafSpec() -> TreeSpec:
    """The structure of a leaf."""
    return _LEAF


def treespec_leaf() -> TreeSpec:
    """The structure of a leaf."""
    return _LEAF


def treespec_tuple(iterable: Iterable[TreeSpec] = ()) -> TreeSpec:
    """The structure of a tuple of these."""
    return TreeSpec(tuple, None, list(iterable))


def treespec_dict(mapping: Any = (), **named: TreeSpec) -> TreeSpec:
    """The structure of a dict of these."""
    both = dict(mapping, **named)
    return TreeSpec(dict, list(both), list(both.values()))


_LEAF = TreeSpec(None, None, [])


# -- taking apart and putting together -------------------------------------------------------------


def _take_apart(tree: Any, is_leaf: IsLeaf, leaves: list[Any]) -> TreeSpec:
    node_type, kind = kind_of(tree)
    if kind is None or (is_leaf is not None and is_leaf(tree)):
        leaves.append(tree)
        return _LEAF
    children, context = kind.flatten(tree)
    return TreeSpec(node_type, context, [_take_apart(c, is_leaf, leaves) for c in children])


def tree_flatten(tree: Any, is_leaf: IsLeaf = None) -> tuple[list[Any], TreeSpec]:
    """The leaves, from left to right, and the structure. `is_leaf(x)` True: x is a leaf."""
    leaves: list[Any] = []
    spec = _take_apart(tree, is_leaf, leaves)
    return leaves, spec


def tree_unflatten(leaves: Iterable[Any], treespec: TreeSpec) -> Any:
    """The tree of structure `treespec`. TypeError for another object, ValueError as `unflatten`."""
    if not isinstance(treespec, TreeSpec):
        raise TypeError(
            f"Expected `treespec` to be an instance of PyTreeSpec but got item of type "
            f"{type(treespec)}."
        )
    return treespec.unflatten(leaves)


def tree_leaves(tree: Any, is_leaf: IsLeaf = None) -> list[Any]:
    """The leaves, from left to right."""
    return tree_flatten(tree, is_leaf)[0]


def tree_iter(tree: Any, is_leaf: IsLeaf = None) -> Iterator[Any]:
    """The leaves, one after the other."""
    yield from tree_leaves(tree, is_leaf)


def arg_tree_leaves(*args: Any, **kwargs: Any) -> list[Any]:
    """The leaves of a call's arguments."""
    return [leaf for part in (*args, *kwargs.values()) for leaf in tree_leaves(part)]


def tree_structure(tree: Any, is_leaf: IsLeaf = None) -> TreeSpec:
    """The structure."""
    return tree_flatten(tree, is_leaf)[1]


def tree_map(func: Fn, tree: Any, *rests: Any, is_leaf: IsLeaf = None) -> Any:
    """func(leaf, and what stands at its place in each of `rests`), as a tree like `tree`."""
    leaves, spec = tree_flatten(tree, is_leaf)
    columns = [leaves, *[spec.flatten_up_to(rest) for rest in rests]]
    return spec.unflatten(map(func, *columns))


def tree_map_(func: Fn, tree: Any, *rests: Any, is_leaf: IsLeaf = None) -> Any:
    """As `tree_map`, for what `func` does: `tree` itself is returned."""
    tree_map(func, tree, *rests, is_leaf=is_leaf)
    return tree


def _chosen(which: Any) -> Callable[[Any], bool]:
    if callable(which) and not isinstance(which, type):
        return which
    return lambda leaf: isinstance(leaf, which)


def map_only(which: Any, /) -> Callable[[Fn], Fn]:
    """Decorate a function: leaves that are no instances of `which` are returned as they are."""
    chosen = _chosen(which)
    return lambda func: lambda leaf: func(leaf) if chosen(leaf) else leaf


def tree_map_only(which: Any, /, func: Fn, tree: Any, is_leaf: IsLeaf = None) -> Any:
    """As `tree_map`, for leaves of the type(s) `which`, or for which which(leaf) is true."""
    return tree_map(map_only(which)(func), tree, is_leaf=is_leaf)


def tree_map_only_(which: Any, /, func: Fn, tree: Any, is_leaf: IsLeaf = None) -> Any:
    """As `tree_map_only`, for what `func` does: `tree` itself is returned."""
    return tree_map_(map_only(which)(func), tree, is_leaf=is_leaf)


def tree_all(pred: Callable[[Any], bool], tree: Any, is_leaf: IsLeaf = None) -> bool:
    """Whether `pred` holds of every leaf."""
    return all(map(pred, tree_leaves(tree, is_leaf)))


def tree_any(pred: Callable[[Any], bool], tree: Any, is_leaf: IsLeaf = None) -> bool:
    """Whether `pred` holds of any leaf."""
    return any(map(pred, tree_leaves(tree, is_leaf)))


def tree_all_only(which: Any, /, pred: Fn, tree: Any, is_leaf: IsLeaf = None) -> bool:
    """Whether `pred` holds of every leaf of the type(s) `which`."""
    return all(pred(leaf) for leaf in tree_leaves(tree, is_leaf) if isinstance(leaf, which))


def tree_any_only(which: Any, /, pred: Fn, tree: Any, is_leaf: IsLeaf = None) -> bool:
    """Whether `pred` holds of any leaf of the type(s) `which`."""
    return any(pred(leaf) for leaf in tree_leaves(tree, is_leaf) if isinstance(leaf, which))


def _broadcast_to_and_flatten(
    tree: Any, treespec: TreeSpec, is_leaf: IsLeaf = None
) -> list[Any] | None:
    """The leaves of `tree`, each repeated for all it stands for in `treespec`; None: no fit."""
    node_type, kind = kind_of(tree)
    if kind is None or (is_leaf is not None and is_leaf(tree)):
        return [tree] * treespec.num_leaves
    if treespec.is_leaf() or node_type is not treespec.type:
        return None
    children, context = kind.flatten(tree)
    children = list(children)
    if len(children) != treespec.num_children or context != treespec.context:
        return None
    found: list[Any] = []
    for child, spec in zip(children, treespec.children_specs, strict=True):
        part = _broadcast_to_and_flatten(child, spec, is_leaf)
        if part is None:
            return None
        found += part
    return found


# -- with the way to each leaf ---------------------------------------------------------------------


def _keyed(tree: Any, node_type: Any, kind: Kind) -> list[tuple[Any, Any]]:
    if node_type in DICTS:
        return [(MappingKey(k), v) for k, v in tree.items()]
    if node_type is namedtuple:
        return [(GetAttrKey(k), v) for k, v in zip(tree._fields, tree, strict=True)]
    if node_type in BUILT_IN:
        return [(SequenceKey(i), v) for i, v in enumerate(tree)]
    if kind.with_keys is None:
        raise ValueError(
            f"Did not find a flatten_with_keys_fn for type: {node_type}. "
            "Please pass a flatten_with_keys_fn argument to register_pytree_node."
        )
    return list(kind.with_keys(tree)[0])


def _paths(path: tuple[Any, ...], tree: Any, is_leaf: IsLeaf) -> Iterator[tuple[Any, Any]]:
    node_type, kind = kind_of(tree)
    if kind is None or (is_leaf is not None and is_leaf(tree)):
        yield path, tree
        return
    for key, child in _keyed(tree, node_type, kind):
        yield from _paths((*path, key), child, is_leaf)


def tree_leaves_with_path(tree: Any, is_leaf: IsLeaf = None) -> list[tuple[Any, Any]]:
    """For every leaf (the keys that lead to it, the leaf)."""
    return list(_paths((), tree, is_leaf))


def tree_flatten_with_path(
    tree: Any, is_leaf: IsLeaf = None
) -> tuple[list[tuple[Any, Any]], TreeSpec]:
    """For every leaf (the keys that lead to it, the leaf); and the structure."""
    return tree_leaves_with_path(tree, is_leaf), tree_structure(tree, is_leaf)


def tree_map_with_path(func: Fn, tree: Any, *rests: Any, is_leaf: IsLeaf = None) -> Any:
    """As `tree_map`, with the keys that lead to the leaf as the first argument of `func`."""
    pairs, spec = tree_flatten_with_path(tree, is_leaf)
    columns = [*zip(*pairs, strict=True)] if pairs else [(), ()]
    return spec.unflatten(map(func, *columns, *[spec.flatten_up_to(rest) for rest in rests]))


def keystr(kp: Iterable[Any]) -> str:
    """The keys as Python would write them behind the tree's name: ['a'][0].b"""
    return "".join(map(str, kp))


def key_get(obj: Any, kp: Iterable[Any]) -> Any:
    """What the keys lead to from `obj`."""
    for key in kp:
        obj = key.get(obj)
    return obj
