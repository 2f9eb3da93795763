"""`utils._pytree` takes apart, rebuilds, maps and complains as PyTorch's does."""

from __future__ import annotations

import collections
import dataclasses
import importlib
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

pytest.importorskip("torch")


class Pair(NamedTuple):
    u: Any
    v: Any


class Box:
    def __init__(self, inside: Any, label: Any) -> None:
        self.inside, self.label = inside, label


@dataclasses.dataclass
class Row:
    x: Any
    y: Any = 3


TREE = {
    "b": [1, (2, None)],
    "a": collections.OrderedDict(z=3),
    "d": collections.deque([1], maxlen=3),
    "n": Pair(1, [2]),
    "q": collections.defaultdict(list, {1: 2}),
}
KNOWN: set[str] = set()


def room(library: str) -> Any:
    p = importlib.import_module(f"{library}.utils._pytree")
    if library not in KNOWN:
        KNOWN.add(library)
        p.register_pytree_node(
            Box, lambda b: ([b.inside], b.label), lambda c, label: Box(*c, label)
        )
        p.register_dataclass(Row)
    return p


CASES: list[Callable[[Any], Any]] = [
    lambda p: p.tree_flatten(TREE),
    lambda p: p.tree_unflatten(*p.tree_flatten(TREE)),
    lambda p: (lambda s: (s.num_leaves, s.num_nodes, s.num_children))(p.tree_structure(TREE)),
    lambda p: p.tree_unflatten([1], p.tree_structure([1, 2])),
    lambda p: p.tree_unflatten(3, p.tree_structure([1, 2])),
    lambda p: p.tree_unflatten([1], 3),
    lambda p: p.tree_map(lambda a, b: (a, b), [1, 2], [1]),
    lambda p: p.tree_map(lambda a, b: (a, b), [1, 2], (1, 2)),
    lambda p: p.tree_map(lambda a, b: (a, b), [1, 2], [(3, 4), 5]),
    lambda p: p.tree_map(lambda a, b: a, {"a": 1}, {"b": 1}),
    lambda p: p.tree_map(lambda a, b: a + b, {"a": 1, "b": 2}, collections.OrderedDict(b=5, a=7)),
    lambda p: p.tree_map(lambda a: a, None),
    lambda p: p.tree_leaves([1, (2, 3)], is_leaf=lambda v: isinstance(v, tuple)),
    lambda p: p.tree_leaves(collections.UserDict(a=1)),
    lambda p: p.tree_map_only(int, lambda a: a * 2, [1, "a", 2.0]),
    lambda p: p.tree_map_only((int, float), lambda a: a * 2, [1, "a", 2.0]),
    lambda p: p.tree_map_only(lambda v: v == 1, lambda a: a * 2, [1, "a", 2.0]),
    lambda p: p.tree_all_only(int, lambda v: v > 0, [1, 2.0, -3.0]),
    lambda p: (p.tree_any(lambda v: v > 2, [1, 3]), p.tree_all(lambda v: v > 2, [1, 3])),
    lambda p: p.tree_flatten_with_path(TREE),
    lambda p: p.tree_map_with_path(lambda k, v: (p.keystr(k), v), TREE),
    lambda p: p.key_get({"a": [1, 2]}, (p.MappingKey("a"), p.SequenceKey(1))),
    lambda p: p.tree_structure([1, [2]]) == p.tree_structure([3, [4]]),
    lambda p: p.tree_structure({"a": 1, "b": 2}) == p.tree_structure({"b": 1, "a": 2}),
    lambda p: hash(p.tree_structure({"a": [1]})) == hash(p.tree_structure({"a": [2]})),
    lambda p: (p.treespec_leaf(), p.treespec_tuple([p.treespec_leaf()]), p.tree_is_leaf([])),
    lambda p: p._broadcast_to_and_flatten((0, None), p.tree_structure(([1, 2], 3))),
    lambda p: p._broadcast_to_and_flatten((0, None), p.tree_structure(([1, 2], 3, 4))),
    lambda p: p.register_pytree_node(list, None, None),
    lambda p: p.tree_map(lambda a: a + 1, [Box(1, 2)])[0].inside,
    lambda p: p.tree_flatten(Box([1, 2], "k")),
    lambda p: p.tree_flatten_with_path(Box(1, 2)),
    lambda p: p.tree_map(lambda a: a + 1, Row(1)),
    lambda p: p.tree_flatten(Row(1, None)),
    lambda p: p.tree_flatten_with_path(Row(1)),
]


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("case", CASES)
def test_trees(case: Callable[[Any], Any]) -> None:
    def outcome(library: str) -> str:
        try:
            return repr(case(room(library)))
        except Exception as error:
            return repr(error)

    assert outcome("tinygrad_lite") == outcome("torch")


def test_registered_classes_pass_through_functions_of_functions() -> None:
    import tinygrad_lite as tl

    room("tinygrad_lite")
    found = tl.func.grad(lambda row: (row.x * row.y).sum())(Row(tl.ones(2), tl.full((2,), 3.0)))
    assert isinstance(found, Row)
    assert found.x.tolist() == [3.0, 3.0]
    mapped = tl.vmap(lambda box: Box(box.inside * 2, box.label))(Box(tl.arange(3.0), "k"))
    assert mapped.inside.tolist() == [0.0, 2.0, 4.0]
    assert mapped.label == "k"


def test_a_class_that_is_registered_like_a_dict() -> None:
    for lib in ("torch", "tinygrad_lite"):
        trees = importlib.import_module(f"{lib}.utils._pytree")
        d = {"b": 1, "a": 2}
        values, keys = trees._dict_flatten(d)
        assert trees._dict_unflatten(values, keys) == d
        pairs, same = trees._dict_flatten_with_keys(d)
        assert [(k.key, v) for k, v in pairs] == [("b", 1), ("a", 2)]
        assert same == keys
