"""Declaring: which door an op gets, and the methods and operators bound to Tensor."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite.core import doors
from tinygrad_lite.core.doors import COMPOSED, bind_all, composed, primitive
from tinygrad_lite.core.primitive import REGISTRY, Primitive


class Counted(Primitive):
    """Counts how often the long way is taken."""

    applied = 0

    def apply(self, args: Any, meta: dict[str, Any]) -> Any:
        self.applied += 1
        return super().apply(args, meta)


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
    # the function, its rules and options; a call; whether it goes a short way
    (one, (plus,), {}, [1.0], True),
    (one, (), {}, [1.0], True),
    (one, (plus,), {"promote": None}, [1.0], True),
    (one, (lambda g, out_shape: g,), {}, [1.0], True),
    (one, (plus,), {"view": True}, [1.0], True),
    (one, (plus,), {"joint": True}, [1.0], True),
    (lambda x: (x, x), (lambda g: g[0],), {"outputs": True}, [1.0], True),
    (lambda x: (x, x), (plus,), {"residual": True}, [1.0], True),
    (meta, (plus,), {}, [1.0], True),
    (meta, (lambda g, by, x_shape: g,), {}, [1.0], True),
    (meta, (lambda g, out_shape: g,), {}, [1.0], True),
    (meta, (plus,), {"view": True}, [1.0], True),
    (two, (plus, plus), {}, [1.0, 2.0], True),
    (two, (), {}, [1.0, 2.0], True),
    (two, (plus, None), {}, [1.0, 2.0], True),
    (two, (None, plus), {}, [1.0, 2.0], True),
    (two, (plus, plus), {"promote": None}, [1.0, 2.0], True),
    (two, (plus, plus), {"typed": (0,)}, [1.0, 2.0], False),
    (two, (plus, lambda g, x_shape: g), {}, [1.0, 2.0], True),
    (two, (lambda g: (g, g),), {"joint": True}, [1.0, 2.0], True),
    (some, (plus, plus), {}, [1.0, 2.0], True),
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
    call(*args)
    assert (op.applied == 0) == short
    plain = not options and None not in rules and function is two and "x_shape" not in op.layout
    assert hasattr(call, "between") == plain
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
