"""The containers that a tree is made of, and the ways to their children.

Source: PyTorch, `torch.utils._pytree`.
"""

from __future__ import annotations

import dataclasses
from collections import ChainMap, OrderedDict, defaultdict, deque, namedtuple
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from ..core.trees import REGISTERED, Kind

IsLeaf = Callable[[Any], bool] | None


class SequenceKey(NamedTuple):
    """The way to the child number `idx`."""

    idx: int

    def __str__(self) -> str:
        return f"[{self.idx!r}]"

    def get(self, parent: Any) -> Any:
        """That child."""
        return parent[self.idx]


class MappingKey(NamedTuple):
    """The way to the child under `key`."""

    key: Any

    def __str__(self) -> str:
        return f"[{self.key!r}]"

    def get(self, parent: Any) -> Any:
        """That child."""
        return parent[self.key]


class GetAttrKey(NamedTuple):
    """The way to the child that is an attribute."""

    name: str

    def __str__(self) -> str:
        return f".{self.name}"

    def get(self, parent: Any) -> Any:
        """That child."""
        return getattr(parent, self.name)


# -- containers ------------------------------------------------------------------------------------


def _dict_flatten(tree: Any) -> tuple[list[Any], Any]:
    return list(tree.values()), list(tree)


def _dict_flatten_with_keys(tree: Any) -> tuple[list[tuple[Any, Any]], Any]:
    """The same with the way to each child: libraries register dict-like classes with it."""
    values, keys = _dict_flatten(tree)
    return [(MappingKey(k), v) for k, v in zip(keys, values, strict=True)], keys


def _dict_unflatten(values: Iterable[Any], keys: Any) -> dict[Any, Any]:
    return dict(_filled(keys, values))


def _filled(keys: Any, values: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
    return zip(keys, values, strict=True)


#: what there is besides the registered classes; a named tuple's class is in its context
BUILT_IN: dict[Any, Kind] = {
    list: Kind(lambda t: (t, None), lambda values, _: list(values)),
    tuple: Kind(lambda t: (list(t), None), lambda values, _: tuple(values)),
    namedtuple: Kind(lambda t: (list(t), type(t)), lambda values, made: made(*values)),
    dict: Kind(_dict_flatten, _dict_unflatten),
    OrderedDict: Kind(_dict_flatten, lambda values, keys: OrderedDict(_filled(keys, values))),
    defaultdict: Kind(
        lambda t: (list(t.values()), [t.default_factory, list(t)]),
        lambda values, context: defaultdict(context[0], _filled(context[1], values)),
    ),
    deque: Kind(lambda t: (list(t), t.maxlen), lambda values, length: deque(values, length)),
}
BUILTIN_TYPES = frozenset(BUILT_IN)
#: all classes that are taken apart, those registered later too
SUPPORTED_NODES: ChainMap[Any, Kind] = ChainMap(REGISTERED, BUILT_IN)
DICTS = frozenset({dict, OrderedDict, defaultdict})


def is_namedtuple_class(cls: type) -> bool:
    """Whether `cls` is a direct product of `namedtuple` (or `typing.NamedTuple`)."""
    fields = getattr(cls, "_fields", None)
    return issubclass(cls, tuple) and isinstance(fields, tuple)


def is_namedtuple(obj: Any) -> bool:
    """Whether `obj` is a named tuple or the class of one."""
    return is_namedtuple_class(obj if isinstance(obj, type) else type(obj))


def is_namedtuple_instance(obj: Any) -> bool:
    """Whether `obj` is a named tuple."""
    return is_namedtuple_class(type(obj))


def _get_node_type(tree: Any) -> Any:
    return namedtuple if is_namedtuple_instance(tree) else type(tree)


def kind_named(node_type: Any) -> Kind | None:
    """How containers of this type (`namedtuple` for all of those) are taken apart; None: leaf."""
    return BUILT_IN.get(node_type) or REGISTERED.get(node_type)


def kind_of(tree: Any) -> tuple[Any, Kind | None]:
    """The type of `tree` and how it is taken apart (None: it is a leaf)."""
    exact = type(tree)
    if exact in REGISTERED:
        return exact, REGISTERED[exact]
    node_type = _get_node_type(tree)
    return node_type, BUILT_IN.get(node_type)


def tree_is_leaf(tree: Any, is_leaf: IsLeaf = None) -> bool:
    """Whether nothing is taken apart here."""
    return (is_leaf is not None and is_leaf(tree)) or kind_of(tree)[1] is None


_is_leaf = tree_is_leaf


def register_pytree_node(
    cls: type[Any],
    flatten_fn: Callable[[Any], tuple[Any, Any]],
    unflatten_fn: Callable[[Any, Any], Any],
    *,
    serialized_type_name: str | None = None,
    to_dumpable_context: Any = None,
    from_dumpable_context: Any = None,
    flatten_with_keys_fn: Callable[[Any], tuple[Any, Any]] | None = None,
) -> None:
    """Make `cls` a container: flatten_fn(x) is (children, context), unflatten_fn puts it together.

    ValueError if it is one already. The names of serialized types are accepted and not used.
    """
    if cls in REGISTERED or cls in BUILT_IN:
        raise ValueError(f"{cls} is already registered as pytree node.")
    REGISTERED[cls] = Kind(flatten_fn, unflatten_fn, flatten_with_keys_fn)


_register_pytree_node = _private_register_pytree_node = register_pytree_node


def _deregister_pytree_node(cls: type[Any]) -> None:
    del REGISTERED[cls]


def register_dataclass(
    cls: type[Any],
    *,
    field_names: list[str] | None = None,
    drop_field_names: list[str] | None = None,
    serialized_type_name: str | None = None,
) -> None:
    """Make a dataclass a container of its fields (but `drop_field_names`, which it then lacks).

    Fields that hold None are not children; they come back as None.
    """
    if field_names is None:
        if not dataclasses.is_dataclass(cls):
            raise ValueError(
                "field_names must be specified with a list of all fields used to construct the "
                "class, in the order they appear in the class definition."
            )
        field_names = [f.name for f in dataclasses.fields(cls) if f.init]
    names = [name for name in field_names if name not in set(drop_field_names or ())]

    def flatten(x: Any) -> tuple[list[Any], Any]:
        given = [name for name in names if getattr(x, name) is not None]
        empty = [name for name in names if getattr(x, name) is None]
        return [getattr(x, name) for name in given], [given, empty]

    def unflatten(values: Iterable[Any], context: Any) -> Any:
        given, empty = context
        return cls(**dict(_filled(given, values)), **dict.fromkeys(empty))

    def with_keys(x: Any) -> tuple[list[Any], Any]:
        values, context = flatten(x)
        return [(GetAttrKey(k), v) for k, v in _filled(context[0], values)], context

    register_pytree_node(cls, flatten, unflatten, flatten_with_keys_fn=with_keys)


def register_constant(cls: type[Any]) -> None:
    """Make instances of `cls` part of the structure: containers without children.

    TypeError unless `cls` defines `__eq__` and `__hash__`.
    """
    default: Any = object
    if cls.__eq__ is default.__eq__ or cls.__hash__ is default.__hash__:
        raise TypeError(
            f"register_constant(cls) expects `cls` to have a non-default `__eq__` and `__hash__` "
            f"implementation, but {cls} has not"
        )
    register_pytree_node(cls, lambda x: ([], x), lambda _, x: x, flatten_with_keys_fn=None)
