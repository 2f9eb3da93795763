"""Nodes, the clock, handles and the record of writes, looked at one by one."""

from __future__ import annotations

import gc
import itertools
from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite.core import node as nodes
from tinygrad_lite.core.node import (
    FREED,
    Extras,
    Handle,
    Leaf,
    Node,
    Pick,
    Write,
    Writes,
    describe,
    owner,
    shown,
    touch,
    written_since,
)
from tinygrad_lite.core.primitive import Primitive


def double(x: Any) -> Any:
    return x * 2


OP = Primitive(double, (lambda g: g * 2,))


def make_node(op: Any = OP, parents: Any = (None,)) -> Node:
    return Node(op, parents, (None, None), (2,), np.dtype(np.float64))


# -- names ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Double", "DoubleBackward0"),
        ("CopySlices", "CopySlices"),
        ("Copy", "CopyBackwards"),
        ("Error", "Error"),
    ],
)
def test_names(title: str, name: str) -> None:
    node = make_node(Primitive(double, (lambda g: g,), title=title))
    assert node.name() == name
    assert repr(node) == f"<{name} object at {id(node):#x}>"
    assert type(shown(node)).__name__ == name
    assert Pick(node, 1, (), np.dtype(np.float32)).name() == name


def test_names_of_a_leaf_and_of_what_was_freed() -> None:
    x = tl.ones(2, requires_grad=True)
    assert x.node.name() == "torch::autograd::AccumulateGrad"
    assert type(x.node).__name__ == "AccumulateGrad"
    assert repr(x.node) == f"<AccumulateGrad object at {id(x.node):#x}>"
    assert x.node.variable is x
    assert (x.node.op, x.node.parents, x.node.saved) == (None, (), ())
    assert (x.node.shape, x.node.dtype, x.node.after) == ((2,), np.float32, None)
    assert repr(FREED) == "<freed>"


def test_a_node_shown_is_the_same_node_of_a_class_named_after_its_op(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(nodes, "_SHOWN", {})
    one, two = make_node(), make_node()
    assert shown(one) is one
    assert type(one) is type(shown(two))
    assert type(one).__name__ == "DoubleBackward0"
    with pytest.raises(AttributeError, match="has no attribute '_saved_nothing'"):
        one._saved_nothing
    assert one._saved_x is None
    assert type(one) is not Node
    assert isinstance(one, Node)
    assert shown(one) is one
    assert not hasattr(one, "__dict__")
    assert shown(None) is None
    leaf = tl.ones(1, requires_grad=True).node
    assert shown(leaf) is leaf
    assert type(leaf) is Leaf
    pick = Pick(two, 1, (3,), np.dtype(np.float32))
    assert shown(pick) is two
    assert (pick.op, pick.parents, pick.saved) == (OP, (two,), 1)
    assert (pick.shape, pick.dtype) == ((3,), np.float32)


def test_next_functions_name_the_output_that_was_used() -> None:
    source = make_node()
    pick = Pick(source, 3, (), np.dtype(np.float32))
    other = make_node()
    node = make_node(parents=(pick, other, None))
    assert node.next_functions == ((source, 3), (other, 0), (None, 0))


def test_attributes_that_a_node_has_not() -> None:
    x = tl.tensor([2.0, 3.0], requires_grad=True)
    node = (x * x).grad_fn
    assert node._saved_self.tolist() == [2.0, 3.0]
    assert node._raw_saved_self is not None
    for name in ("_saved_nothing", "_saved", "nothing", "_SAVED_self"):
        with pytest.raises(AttributeError) as raised:
            getattr(node, name)
        assert str(raised.value) == f"'MulBackward0' object has no attribute '{name}'"
    bare = shown(Node(_Nameless, (), (), (), None))
    with pytest.raises(AttributeError, match="'BareBackward0' object has no attribute '_saved_x'"):
        bare._saved_x


class _Nameless:
    title = "Bare"
    named = None
    kept = None

    @staticmethod
    def kept(node: Any, name: str) -> Any:  # noqa: F811
        raise AttributeError(f"'{node.name()}' object has no attribute '{name}'")


# -- what hangs on a node -------------------------------------------------------------------------


def test_the_clock_runs_forwards() -> None:
    one, two = make_node(), make_node()
    assert one.clock < two.clock
    assert one._sequence_nr() == one.clock
    assert one.hooks is None


def test_metadata_belongs_to_one_node() -> None:
    one, two = make_node(), make_node()
    one.metadata["a"] = 1
    assert one.metadata == {"a": 1}
    assert two.metadata == {}


def test_extras_as_they_are_made() -> None:
    extras = Extras()
    assert (extras.before, extras.after, extras.packed) == ([], [], False)
    node = make_node()
    assert nodes.extras(node) is None
    handle = node.register_hook(print)
    assert nodes.extras(node).after == [print]
    assert nodes.extras(node).before == []
    assert nodes.any_extras()
    handle.remove()
    node.register_prehook(max)
    assert (nodes.extras(node).before, nodes.extras(node).after) == ([max], [])
    assert nodes.extras(node).packed is False
    nodes.mark_packed(node)
    assert nodes.extras(node).packed is True
    del node
    gc.collect()
    assert not nodes.any_extras()


def test_handles() -> None:
    hooks: list[Any] = []
    one, two = Handle(hooks, print), Handle(hooks, max)
    assert one.id < two.id
    assert type(one).__name__ == "RemovableHandle"
    assert hooks == [print, max]
    one.remove()
    one.remove()
    assert hooks == [max]
    with two as same:
        assert same is two
        assert hooks == [max]
    assert hooks == []


# -- writes ---------------------------------------------------------------------------------------


def test_a_write_as_it_is_made() -> None:
    write = Write()
    assert (write.clock, write.count, write.by, write.where) == (0, 0, "", None)
    writes = Writes()
    assert (writes.of, writes.last) == ({}, 0)


def test_writes_are_counted_by_the_owner_of_the_memory() -> None:
    writes = Writes()
    root = np.zeros((2, 3))
    view = root[1:].T
    first = writes.record(root, "one_")
    first.where = "here"
    clock = first.clock
    second = writes.record(view, "two_")
    assert second is first
    assert (second.count, second.by, second.where) == (2, "two_", None)
    assert second.clock > clock
    assert writes.last == second.clock
    other = writes.record(np.zeros(1), "three_")
    assert other is not first


def test_the_record_of_an_array_goes_with_it() -> None:
    writes = Writes()
    arrays = [np.zeros(2), np.zeros(2)]
    kept = writes.record(arrays[1], "one_")
    writes.record(arrays[0], "one_")
    assert len(writes.of) == len(writes._alive) == 2
    del arrays[0]
    gc.collect()
    assert list(writes.of.values()) == [kept]
    assert list(writes._alive) == list(writes.of)


def test_memory_that_knows_no_weak_references_is_kept_alive() -> None:
    """Its identity must not become another's while the record of writes lasts."""
    writes = Writes()
    memory = b"12345678"
    writes.record(np.frombuffer(memory, np.uint8), "one_")
    assert writes._alive == {id(memory): memory}


def test_what_owns_the_memory() -> None:
    root = np.zeros((2, 3))
    assert owner(root) is root
    assert owner(root[0][1:]) is root
    memory = b"12345678"
    assert owner(np.frombuffer(memory, np.uint8)) is memory
    assert owner(np.frombuffer(memory, np.uint8)[2:]) is memory


def test_written_since() -> None:
    root = np.zeros((2, 3))
    before = nodes.tick()
    assert written_since(root, before) is None
    assert written_since(root[1:], before) is None
    write = touch(root[0], "mine_")
    assert write.by == "mine_"
    assert written_since(root, before) is write
    assert written_since(root[1:], before) is write
    assert written_since(root, write.clock) is None
    assert written_since(root, nodes.tick()) is None
    assert written_since(np.zeros(2), 0) is None
    assert touch(root).by == "an in-place write"


KINDS = {
    "float32": "Float", "float64": "Double", "float16": "Half", "int64": "Long", "int32": "Int",
    "int16": "Short", "int8": "Char", "uint8": "Byte", "bool": "Bool",
    "complex64": "ComplexFloat", "complex128": "ComplexDouble", "uint16": "uint16",
}  # fmt: skip


@pytest.mark.parametrize("name", KINDS)
def test_arrays_are_described_as_pytorch_does(name: str) -> None:
    text = describe(np.zeros((2, 3), name))
    assert text == f"[torch.{KINDS[name]}Tensor [2, 3]]"


def test_the_ids_of_handles_differ() -> None:
    ids = [Handle([], print).id for _ in range(3)]
    assert all(a < b for a, b in itertools.pairwise(ids))
