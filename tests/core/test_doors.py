"""Doors: the short way is taken where it may be, and leads where `Primitive.apply` leads."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite.core.doors import (
    binary_door,
    metadata_door,
    unary_door,
)
from tinygrad_lite.core.modes import MODE, Watcher, current
from tinygrad_lite.core.node import Node
from tinygrad_lite.core.primitive import Primitive


def leaf(values: Any, dtype: Any = tl.float64) -> tl.Tensor:
    return tl.tensor(values, dtype=dtype, requires_grad=True)


def stale_view() -> tl.Tensor:
    """A view whose base was written since, so that its node must be made anew."""
    base = leaf([[1.0, 2.0], [3.0, 4.0]]) * 1
    view = base[0]
    base.mul_(2)
    return view


class Counted(Primitive):
    """Counts how often the long way is taken."""

    def apply(self, args: Any, meta: dict[str, Any]) -> Any:
        self.applied = getattr(self, "applied", 0) + 1
        return super().apply(args, meta)


def described(saved: Any) -> Any:
    """A number may be saved as it is or as the array it became."""
    if isinstance(saved, np.ndarray):
        return float(saved) if saved.ndim == 0 and saved.dtype.kind != "c" else str(saved)
    return float(saved) if isinstance(saved, (int, float)) else str(saved)


def outcome(call: Callable[[], Any], op: Primitive, inputs: list[Any]) -> Any:
    """All there is to see of a call: value, node and what it saved, or the error."""
    try:
        out = call()
    except Exception as error:
        return type(error), str(error)
    if not isinstance(out, tl.Tensor):
        return type(out), getattr(out, "tolist", lambda: out)()
    node = out.node
    seen: list[Any] = [
        type(out), type(out.array), out.dtype, out.shape, out.tolist(),
        out.base, out.seen, out._grad,
    ]  # fmt: skip
    if node is None:
        return seen
    assert type(node) is Node
    known = {id(x.array): i for i, x in enumerate(inputs) if isinstance(x, tl.Tensor)}
    known[id(out.array)] = "out"
    saved = [known.get(id(s), described(s)) for s in node.saved]
    parents = [None if p is None else p.name() for p in node.parents]
    same = [
        p is x.node for p, x in zip(node.parents, inputs, strict=False) if isinstance(x, tl.Tensor)
    ]
    assert node.op is op
    assert type(node.clock) is int
    return [*seen, parents, same, saved, node.shape, node.dtype, node.hooks]


TENSORS: dict[str, Callable[[], Any]] = {
    "double leaf": lambda: leaf([1.0, 2.0]),
    "single leaf": lambda: leaf([3.0, 0.5], tl.float32),
    "double": lambda: tl.tensor([2.0, 3.0], dtype=tl.float64),
    "single": lambda: tl.tensor([2.0, 3.0]),
    "half": lambda: leaf([1.0, 2.0], tl.float16),
    "0-d": lambda: leaf(2.0),
    "integers": lambda: tl.tensor([1, 2]),
    "bools": lambda: tl.tensor([True, False]),
    "complex": lambda: tl.tensor([1 + 2j, 3.0]),
    "complex leaf": lambda: leaf([1 + 2j, 3.0], tl.complex128),
    "stale view": stale_view,
    "view": lambda: (leaf([1.0, 2.0, 3.0]) * 1)[1:],
    "row": lambda: leaf([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]),
    "misfit": lambda: leaf([1.0, 2.0, 3.0]),
}
OTHERS: dict[str, Callable[[], Any]] = {
    "float": lambda: 2.5,
    "int": lambda: 2,
    "bool": lambda: True,
    "complex number": lambda: 2j,
    "NumPy number": lambda: np.float64(2.5),
    "array": lambda: np.array([2.0, 3.0]),
    "list": lambda: [2.0, 3.0],
    "str": lambda: "two",
    "None": lambda: None,
}
MODES = ["recording", "no_grad", "watched"]
IN_MODES = pytest.mark.parametrize("mode", MODES)


def in_mode(mode: str, call: Callable[[], Any]) -> Any:
    watch = Watcher() if mode == "watched" else None
    token = MODE.set(current().but(grad=mode != "no_grad", watch=watch))
    try:
        return call()
    finally:
        MODE.reset(token)


def agree(door: Any, op: Primitive, args: list[Any], meta: dict[str, Any], mode: str) -> None:
    # the door first: the other way makes stale views anew, and would hide that the door did not
    found = outcome(lambda: in_mode(mode, lambda: door(*args, **meta)), op, args)
    expected = outcome(lambda: in_mode(mode, lambda: op.apply(args, meta)), op, args)
    assert found == expected


def goes_short(door: Any, op: Counted, args: list[Any], meta: dict[str, Any]) -> bool:
    op.applied = 0
    door(*args, **meta)
    return op.applied == 0


# -- one array ------------------------------------------------------------------------------------


def triple(x: Any) -> Any:
    """Three x."""
    return x * 3


def total(x: Any) -> Any:
    return x.sum()


UNARY = {
    "nothing kept": (triple, (lambda g: g * 3,), {}),
    "input kept": (triple, (lambda g, x: g * 3 + 0 * x,), {}),
    "value kept": (triple, (lambda g, out: g * 3 + 0 * out,), {}),
    "both kept": (triple, (lambda g, x, out: g * 3,), {}),
    "no derivative": (triple, (), {}),
    "scalars": (total, (lambda g: g,), {}),
    "floats only": (triple, (lambda g: g * 3,), {"promote": "float"}),
    "analytic": (triple, (lambda g, x: g * 3,), {}),
}


def unary(kind: str) -> tuple[Any, Counted]:
    forward, rules, options = UNARY[kind]
    op = Counted(forward, rules, **options)
    op.analytic = kind == "analytic"
    return unary_door(op), op


@IN_MODES
@pytest.mark.parametrize("kind", UNARY)
def test_one_array(kind: str, mode: str) -> None:
    door, op = unary(kind)
    for make in (TENSORS | OTHERS).values():
        x = make()
        if not isinstance(x, (np.ndarray, np.generic)):
            agree(door, op, [x], {}, mode)
            agree(door, op, [x], {"other": 3}, mode)
    assert (door.__name__, door.__doc__) == (op.forward.__name__, op.forward.__doc__)


@pytest.mark.parametrize("kind", UNARY)
def test_one_ordinary_array_goes_the_short_way(kind: str) -> None:
    door, op = unary(kind)
    for name in ("double leaf", "single leaf", "double", "single", "0-d", "stale view"):
        assert goes_short(door, op, [TENSORS[name]()], {})
    for name in ("half", "integers", "complex"):
        assert not goes_short(door, op, [TENSORS[name]()], {})
    assert not in_mode("watched", lambda: goes_short(door, op, [TENSORS["double"]()], {}))


def test_one_array_inside_a_rule() -> None:
    door, op = unary("input kept")
    assert goes_short(door, op, [np.ones(2)], {})
    assert door(np.array([2.0])).tolist() == [6.0]
    assert door(np.float64(2.0)) == 6.0
    with pytest.raises(TypeError):
        door(np.ones(2), other=3)


def test_the_short_way_of_one_array_calls_the_ufunc() -> None:
    op = Counted(triple, (lambda g: g,), ufunc=np.negative)
    assert unary_door(op)(tl.ones(1)).tolist() == [-1.0]
    assert op.apply((tl.ones(1),), {}).tolist() == [3.0]


# -- two arrays -----------------------------------------------------------------------------------


def add(x: Any, y: Any) -> Any:
    """The sum."""
    return x + y


def dot(x: Any, y: Any) -> Any:
    return np.sum(x * y)


def rule(names: str) -> Any:
    return eval(f"lambda g{''.join(', ' + n for n in names.split())}: g")


BINARY: dict[str, Any] = {
    "nothing kept": (add, ("", ""), {}),
    "first kept": (add, ("", "x"), {}),
    "second kept": (add, ("y", ""), {}),
    "both kept": (add, ("y", "x"), {}),
    "value kept": (add, ("out", ""), {}),
    "value kept for the second": (add, ("y", "x out"), {}),
    "no derivative": (add, None, {}),
    "scalars": (dot, ("", "x"), {}),
    "floats only": (add, ("y", "x"), {"promote": "float"}),
    "first must be a tensor": (add, ("y", "x"), {"tensors": (0,)}),
    "second must be a tensor": (add, ("y", "x"), {"tensors": (1,)}),
}


def binary(kind: str, operator: bool = False) -> tuple[Any, Counted]:
    forward, rules, options = BINARY[kind]
    made = () if rules is None else tuple(rule(names) for names in rules)
    op = Counted(forward, made, broadcasts=True, **options)
    return binary_door(op, operator=True) if operator else binary_door(op), op


PAIRS = [
    *itertools.product(TENSORS, TENSORS),
    *itertools.product(("double leaf", "single", "integers", "0-d", "stale view"), OTHERS),
    *itertools.product(OTHERS, ("double leaf", "single", "integers", "0-d", "stale view")),
    ("float", "int"), ("str", "None"), ("list", "list"), ("float", "array"), ("array", "float"),
]  # fmt: skip


@IN_MODES
@pytest.mark.parametrize("kind", BINARY)
def test_two_arrays(kind: str, mode: str) -> None:
    door, op = binary(kind)
    everything = TENSORS | OTHERS
    for a, b in PAIRS if kind == "both kept" else PAIRS[:: 7 if mode == "recording" else 19]:
        agree(door, op, [everything[a](), everything[b]()], {}, mode)


NEEDS = [
    *itertools.product(("double", "double leaf", "stale view"), repeat=2),
    *itertools.product(("single", "single leaf"), repeat=2),
    *itertools.permutations(("0-d", "double")),
    *itertools.permutations(("single leaf", "float")),
    *itertools.permutations(("double leaf", "int")),
    *itertools.permutations(("stale view", "float")),
]


@pytest.mark.parametrize("kind", BINARY)
def test_two_arrays_of_every_need(kind: str) -> None:
    door, op = binary(kind)
    for a, b in NEEDS:
        everything = TENSORS | OTHERS
        args = [everything[a](), everything[b]()]
        for mode in MODES:
            agree(door, op, args, {}, mode)


@pytest.mark.parametrize("operator", [False, True])
@pytest.mark.parametrize("kind", BINARY)
def test_two_ordinary_arrays_go_the_short_way(kind: str, operator: bool) -> None:
    door, op = binary(kind, operator)
    leaf_, stale, number = TENSORS["double leaf"], stale_view, 2.5
    for args in ([leaf_(), leaf_()], [leaf_(), stale()], [stale(), leaf_()], [leaf_(), leaf(2.0)]):
        assert goes_short(door, op, args, {})
    single = TENSORS["single leaf"]
    assert goes_short(door, op, [single(), single()], {})
    if "second must" not in kind:
        assert goes_short(door, op, [leaf_(), number], {})
        assert goes_short(door, op, [leaf_(), 3], {})
    if "first must" not in kind:
        assert goes_short(door, op, [number, leaf_()], {})
        assert goes_short(door, op, [3, single()], {})
    assert not goes_short(door, op, [leaf_(), single()], {})
    whole, same = tl.tensor([1, 2]), kind != "floats only"
    assert goes_short(door, op, [whole, whole], {}) == same
    assert goes_short(door, op, [whole > 1, whole > 1], {}) == same
    numbers = () if "second must" in kind else (3.5, True)
    for other in (*numbers, whole.int(), whole > 1, leaf_()):
        assert not goes_short(door, op, [whole, other], {})
    if numbers:
        assert goes_short(door, op, [whole, 3], {}) == same
        assert not goes_short(door, op, [whole > 1, 3], {})
    for x in (leaf_(), whole):
        assert not in_mode("watched", lambda x=x: goes_short(door, op, [x, x], {}))


def test_numbers_beside_integers_wrap_around_as_in_the_long_way() -> None:
    door, op = binary("both kept")
    for dtype, number in itertools.product((tl.uint8, tl.int32, tl.int64), (-1, 300, 2**40, 2**70)):
        agree(door, op, [tl.tensor([1, 2], dtype=dtype), number], {}, "recording")
    op = Counted(add, (), check=refuse_integers)
    agree(binary_door(op), op, [tl.tensor([1, 2]), 3], {}, "recording")


def refuse_integers(x: Any, y: Any) -> None:
    if x.dtype.kind == "i":
        raise RuntimeError("no integers")


def test_two_arrays_inside_a_rule() -> None:
    for operator in (False, True):
        door, op = binary("both kept", operator)
        assert goes_short(door, op, [np.ones(2), np.ones(2)], {})
        assert goes_short(door, op, [np.float64(1), np.ones(2)], {})
        assert door(np.array([2.0]), np.array([3.0])).tolist() == [5.0]


def test_two_arrays_by_name() -> None:
    door, op = binary("both kept")
    x, y = leaf([1.0]), leaf([2.0])
    for args, meta in (
        ([], {"input": x, "other": y}), ([x], {"other": y}), ([x], {}), ([x, y], {"out": None}),
        ([x, y], {"out": x}), ([x], {"others": y}),
    ):  # fmt: skip
        if args:
            agree(door, op, args, meta, "recording")
    assert door(input=x, other=y).tolist() == [3.0]
    assert door(x, other=y).tolist() == [3.0]
    assert door(x, y, out=None).tolist() == [3.0]
    assert (door.__name__, door.__doc__) == ("add", "The sum.")


def test_two_arrays_as_an_operator() -> None:
    door, op = binary("both kept", operator=True)
    x = leaf([1.0, 2.0])
    assert door.__name__ == "add"
    for foreign in ("two", None, object(), [1.0, 2.0]):
        assert door(x, foreign) is NotImplemented
        assert door(foreign, x) is NotImplemented
    for other in (2, 2.5, True, 2j, np.float64(2.5), np.ones(2), tl.tensor([1, 2])):
        if isinstance(other, complex):
            continue
        agree(door, op, [x, other], {}, "recording")
        agree(door, op, [other, x], {}, "recording")
    plain = tl.ones(1)
    assert door(plain, 2j).tolist() == [1 + 2j]
    assert door(2j, plain).tolist() == [1 + 2j]


def test_the_short_way_of_two_arrays_calls_the_ufunc() -> None:
    op = Counted(add, (), ufunc=np.subtract)
    assert binary_door(op)(tl.ones(1), tl.ones(1)).tolist() == [0.0]


# -- one array and metadata -----------------------------------------------------------------------


def scaled(x: Any, *, by: Any = 2.0, power: Any = 1) -> Any:
    """x times by."""
    if by == "wrong type":
        raise TypeError("by is wrong")
    if by == "wrong value":
        raise ValueError("by is wrong")
    return (x * by) ** power


METADATA: dict[str, Any] = {
    "nothing kept": (scaled, "", {}),
    "input kept": (scaled, "x", {}),
    "value kept": (scaled, "out", {}),
    "shape and dtype kept": (scaled, "x_shape x_dtype", {}),
    "metadata kept": (scaled, "by power", {}),
    "all kept": (scaled, "x by x_shape out power x_dtype", {}),
    "no derivative": (scaled, None, {}),
    "scalars": (lambda x, *, by=1: x.sum() * by, "x by", {}),
    "integers": (lambda x, *, by=1, power=1: np.argmax(scaled(x, by=by, power=power)), "by", {}),
    "no promotion": (scaled, "x", {"promote": None}),
    "view": (lambda x, *, by=1, power=1: x[..., None], "by", {"promote": None, "view": True}),
    "no view after all": (lambda x, *, by=1, power=1: x + 1, "", {"promote": None, "view": True}),
}


def with_metadata(kind: str) -> tuple[Any, Counted]:
    forward, names, options = METADATA[kind]
    op = Counted(forward, () if names is None else (rule(names),), **options)
    return metadata_door(op), op


METAS: list[dict[str, Any]] = [{}, {"by": 3.0}]


@IN_MODES
@pytest.mark.parametrize("kind", METADATA)
def test_one_array_and_metadata(kind: str, mode: str) -> None:
    door, op = with_metadata(kind)
    for make, meta in itertools.product((TENSORS | OTHERS).values(), METAS):
        x = make()
        if not isinstance(x, (np.ndarray, np.generic)):
            agree(door, op, [x], meta, mode)
    x = leaf([1.0, 2.0])
    for args, meta in (
        ([x, 3.0], {}), ([x, 3.0, 2], {}), ([x, 3.0, 2, 1], {}), ([x], {"out": None}),
        ([x], {"out": x}), ([x], {"power": 2, "by": 3.0}), ([x], {"by": "wrong type"}),
        ([x], {"by": "wrong value"}), ([x], {"bi": 2.0}), ([x, 3.0], {"by": 2.0}),
    ):  # fmt: skip
        agree(door, op, args, meta, mode)
    with pytest.raises(TypeError, match="missing argument 'x'"):
        door()
    if kind == "all kept":
        assert (door.__name__, door.__doc__) == ("scaled", "x times by.")
        assert door(input=x, by=3.0).tolist() == [3.0, 6.0]


@pytest.mark.parametrize("kind", METADATA)
def test_one_ordinary_array_and_metadata_go_the_short_way(kind: str) -> None:
    door, op = with_metadata(kind)
    for name in ("double leaf", "single leaf", "double", "0-d", "stale view"):
        assert goes_short(door, op, [TENSORS[name]()], {"by": 3.0})
    for name in ("half", "complex"):
        assert not goes_short(door, op, [TENSORS[name]()], {"by": 3.0})
    assert goes_short(door, op, [TENSORS["integers"]()], {}) == (op.promote is None)
    x = TENSORS["double"]()
    assert not goes_short(door, op, [x], {"by": 3.0, "out": None})
    assert not goes_short(door, op, [x, 3.0], {})
    assert not in_mode("watched", lambda: goes_short(door, op, [x], {"by": 3.0}))


def test_one_array_and_metadata_inside_a_rule() -> None:
    door, op = with_metadata("all kept")
    assert goes_short(door, op, [np.ones(2)], {"by": 3.0})
    assert door(np.array([2.0]), by=3.0).tolist() == [6.0]
    assert door(np.float64(2.0), by=3.0) == 6.0
