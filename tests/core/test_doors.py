"""Doors: the short way is taken where it may be, and leads where `Primitive.apply` leads."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite.core import doors
from tinygrad_lite.core.doors import (
    COMPOSED,
    binary_door,
    bind_all,
    composed,
    metadata_door,
    primitive,
    unary_door,
)
from tinygrad_lite.core.modes import MODE, current
from tinygrad_lite.core.node import Node
from tinygrad_lite.core.primitive import REGISTRY, Primitive


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


class Watcher:
    def forward(self, *args: Any) -> None: ...


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
    expected = outcome(lambda: in_mode(mode, lambda: op.apply(args, meta)), op, args)
    found = outcome(lambda: in_mode(mode, lambda: door(*args, **meta)), op, args)
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
    return binary_door(op, operator), op


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
    assert not goes_short(door, op, [tl.tensor([1, 2]), tl.tensor([1, 2])], {})
    assert not in_mode("watched", lambda: goes_short(door, op, [leaf_(), leaf_()], {}))


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
    for name in ("half", "integers", "complex"):
        assert not goes_short(door, op, [TENSORS[name]()], {"by": 3.0})
    x = TENSORS["double"]()
    assert not goes_short(door, op, [x], {"by": 3.0, "out": None})
    assert not goes_short(door, op, [x, 3.0], {})
    assert not in_mode("watched", lambda: goes_short(door, op, [x], {"by": 3.0}))


def test_one_array_and_metadata_inside_a_rule() -> None:
    door, op = with_metadata("all kept")
    assert goes_short(door, op, [np.ones(2)], {"by": 3.0})
    assert door(np.array([2.0]), by=3.0).tolist() == [6.0]
    assert door(np.float64(2.0), by=3.0) == 6.0


# -- declarations ---------------------------------------------------------------------------------


@pytest.fixture
def declared() -> Iterator[None]:
    """What a test declares is gone after it."""
    tables: list[dict[str, Any]] = [REGISTRY, COMPOSED]
    before, names = [set(t) for t in tables], set(tl.Tensor.__dict__)
    yield
    for table, old in zip(tables, before, strict=True):
        for key in set(table) - old:
            del table[key]
    for name in set(tl.Tensor.__dict__) - names:
        delattr(tl.Tensor, name)


def one(x: Any) -> Any:
    return x * 2


def two(x: Any, y: Any) -> Any:
    return x + y


def meta(x: Any, *, by: Any = 1) -> Any:
    return x * by


def many(*xs: Any) -> Any:
    return xs[0] * 2


def some(x: Any, y: Any, *, by: Any = 1) -> Any:
    return x * by


def plus(g: Any) -> Any:
    return g


CHOICES: list[tuple[Any, tuple[Any, ...], dict[str, Any], list[Any], bool]] = [
    # the function, its rules and options; a call, and whether it goes the short way
    (one, (plus,), {}, [1.0], True),
    (one, (), {}, [1.0], True),
    (one, (plus,), {"promote": None}, [1.0], True),
    (one, (lambda g, out_shape: g,), {}, [1.0], False),
    (one, (plus,), {"view": True}, [1.0], False),
    (one, (plus,), {"joint": True}, [1.0], False),
    (lambda x: (x, x), (lambda g: g[0],), {"outputs": True}, [1.0], False),
    (lambda x: (x, x), (plus,), {"residual": True}, [1.0], False),
    (meta, (plus,), {}, [1.0], True),
    (meta, (lambda g, by, x_shape: g,), {}, [1.0], True),
    (meta, (lambda g, out_shape: g,), {}, [1.0], False),
    (meta, (plus,), {"view": True}, [1.0], False),
    (two, (plus, plus), {}, [1.0, 2.0], True),
    (two, (), {}, [1.0, 2.0], True),
    (two, (plus, None), {}, [1.0, 2.0], False),
    (two, (None, plus), {}, [1.0, 2.0], False),
    (two, (plus, plus), {"promote": None}, [1.0, 2.0], False),
    (two, (plus, plus), {"typed": (0,)}, [1.0, 2.0], False),
    (two, (plus, lambda g, x_shape: g), {}, [1.0, 2.0], False),
    (two, (lambda g: (g, g),), {"joint": True}, [1.0, 2.0], False),
    (some, (plus, plus), {}, [1.0, 2.0], False),
    (many, (lambda g: [g],), {}, [1.0], False),
]


@pytest.mark.usefixtures("declared")
@pytest.mark.parametrize(("function", "rules", "options", "values", "short"), CHOICES)
def test_each_declaration_gets_its_door(
    function: Any, rules: Any, options: Any, values: Any, short: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(doors, "Primitive", Counted)
    call = primitive(*rules, method=False, **options)(function)
    op = call.op
    assert REGISTRY[op.key] is op
    assert op.call is call
    assert op.forward is function
    args = [tl.tensor([v]) for v in values]
    assert goes_short(call, op, args, {}) == short
    assert hasattr(call, "between") == (short and len(values) == 2)
    if hasattr(call, "between"):
        assert call.between(args[0], "foreign") is NotImplemented
    assert not hasattr(tl.Tensor, function.__name__)


@pytest.mark.usefixtures("declared")
def test_methods_and_operators_of_a_declaration() -> None:
    def minus(x: Any, y: Any) -> Any:
        """x - y."""
        return x - y

    call = primitive(
        lambda g: g, lambda g: -g, method="_minus_", operator="_take", inplace=True
    )(minus)  # fmt: skip
    x, y = tl.tensor([5.0]), tl.tensor([3.0])
    assert tl.Tensor._minus_ is call
    assert x._minus_(y).tolist() == [2.0]
    assert x.___take__(y).tolist() == [2.0]
    assert x.___take__("foreign") is NotImplemented
    assert tl.Tensor.__r_take__(x, 7.0).tolist() == [2.0]
    assert tl.Tensor.__r_take__(x, "foreign") is NotImplemented
    assert tl.Tensor._minus__ is tl.Tensor.__i_take__
    assert x._minus__(y) is x
    assert x.tolist() == [2.0]
    assert not hasattr(tl.Tensor, "minus")
    with pytest.raises(TypeError, match="^an op called minus is already declared$"):
        primitive(lambda g: g, lambda g: -g, method=False)(minus)


@pytest.mark.usefixtures("declared")
def test_a_declaration_is_a_method_of_its_own_name() -> None:
    def _own_name(x: Any) -> Any:
        return x * 2

    call = primitive(lambda g: g * 2)(_own_name)
    assert tl.Tensor._own_name is call
    for name in ("_own_name_", "___own_name__"):
        assert not hasattr(tl.Tensor, name)


@pytest.mark.usefixtures("declared")
def test_comparisons_and_operators_of_one_side(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doors, "_COMPARISONS", ("_like",))
    monkeypatch.setattr(doors, "_ONE_SIDED", ("_turn",))

    def call(x: Any, *rest: Any) -> Any:
        return (x, *rest)

    bind_all(call, "_compare", False, "_like", True)
    bind_all(call, "_turned", True, "_turn", True)
    x = tl.ones(1)
    assert not hasattr(tl.Tensor, "_compare")
    for other in (1, 1.0, 1j, True, np.ones(1), np.float64(1), x):
        assert tl.Tensor.___like__(x, other) == (x, other)
    for foreign in (None, "x", [1.0], object()):
        assert tl.Tensor.___like__(x, foreign) is NotImplemented
    assert tl.Tensor.___turn__ is tl.Tensor._turned is call
    for name in ("__r_like__", "__i_like__", "__r_turn__", "__i_turn__"):
        assert not hasattr(tl.Tensor, name)
    assert tl.Tensor._compare_.__name__ == "_compare_"
    assert tl.Tensor._turned_.__name__ == "_turned_"


@pytest.mark.usefixtures("declared")
def test_an_operator_without_a_door_of_its_own() -> None:
    def call(x: Any, y: Any) -> Any:
        return ("called", x, y)

    bind_all(call, "_called", False, "_call", False)
    x = tl.ones(1)
    assert x.___call__(3) == ("called", x, 3)
    assert tl.Tensor.__r_call__(x, 3) == ("called", 3, x)
    assert not hasattr(tl.Tensor, "_called")
    assert not hasattr(tl.Tensor, "_called_")
    bind_all(call, "_unbound", False, None, False)
    assert not hasattr(tl.Tensor, "_unbound")


@pytest.mark.usefixtures("declared")
def test_composed_functions() -> None:
    def _doubled(x: tl.Tensor) -> tl.Tensor:
        return x * 2

    assert composed(samples=["s"], inplace=True, operator="_dbl")(_doubled) is _doubled
    assert COMPOSED["_doubled"] == ("_doubled", _doubled, ["s"])
    assert tl.Tensor._doubled is _doubled
    x = tl.ones(1)
    assert x._doubled_() is x
    assert x.tolist() == [2.0]
    assert tl.Tensor.___dbl__ is _doubled
    assert tl.Tensor.__i_dbl__ is tl.Tensor._doubled_
    composed(name="_other_name", method=False)(_doubled)
    assert COMPOSED["_other_name"] == ("_other_name", _doubled, ())
    assert not hasattr(tl.Tensor, "_other_name")
    assert not hasattr(tl.Tensor, "_other_name_")
    composed(name="_third", method="_fourth")(_doubled)
    assert tl.Tensor._fourth is _doubled
    assert not hasattr(tl.Tensor, "_third")
    with pytest.raises(TypeError, match="^a function called _third is already declared$"):
        composed(name="_third")(_doubled)
    assert not inspect.ismethod(_doubled)
