"""The door of several arrays: the short way is taken where it may be, and leads where `apply` does.

Helpers and inputs are those of test_doors.
"""

from __future__ import annotations

import functools
import itertools
from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl
from tests.core.test_doors import (
    IN_MODES,
    OTHERS,
    TENSORS,
    Counted,
    agree,
    goes_short,
    in_mode,
    leaf,
)
from tinygrad_lite.core.node import Pick
from tinygrad_lite.core.ordinary import ordinary_door


def weighted(x: Any, y: Any, z: Any, *, by: Any = 2.0, power: Any = 1) -> Any:
    """(x y by)^power, plus z if there is one."""
    if by == "wrong":
        raise ValueError("by is wrong")
    out = (x * y * by) ** power
    return out if z is None else out + z


def with_residual(x: Any, y: Any, z: Any, *, by: Any = 2.0) -> Any:
    return weighted(x, y, z, by=by), (x, "kept")


def rule(names: str) -> Any:
    """A rule that asks for `names`."""
    asked = names.replace(" ", ", ")
    return eval(f"lambda {'g, ' + asked if asked else 'g'}: g")


def three(*names: str | None) -> tuple[Any, ...]:
    return tuple([None if n is None else rule(n) for n in names])


KINDS: dict[str, Any] = {
    "nothing kept": (weighted, three("", "", ""), {}),
    "each what it asks for": (weighted, three("x", "y out", "z by"), {}),
    "shapes, dtypes and metadata": (weighted, three("y_shape", "x_dtype z_shape power", "by"), {}),
    "one without a rule": (weighted, three("y", None, "x"), {}),
    "no derivative": (weighted, (), {}),
    "floats only": (weighted, three("y", "x", ""), {"promote": "float"}),
    "no promotion": (weighted, three("y", "x", ""), {"promote": None}),
    "no promotion, one without a rule": (weighted, three("y", None, "x"), {"promote": None}),
    "joint": (weighted, (rule("need x y z by out"),), {"joint": True}),
    "joint, one untyped": (
        weighted, (rule("need x z_shape"),), {"joint": True, "typed": (0, 2), "promote": None}
    ),
    "typed without a rule": (weighted, three("y", None, "x"), {"typed": (0, 1, 2)}),
    "with a check": (weighted, three("y", "x", ""), {"check": lambda *arrays: None}),
    "no numbers": (weighted, three("y", "x", ""), {"tensors": (0, 1)}),
    "residual": (with_residual, three("residual", "x", "residual by"), {"residual": True}),
    "integers": (
        lambda x, y, z, *, by=1: np.argmax(x * y) * np.int64(by), three("by", "x", ""), {}
    ),
    "scalars": (lambda x, y, z, *, by=1: (x * y).sum() * by, three("by", "x", ""), {}),
    "view": (lambda x, y, z, *, by=1: x[..., :1], three("by", "x", ""), {"view": True}),
    "copy for a view": (lambda x, y, z, *, by=1: x * by, three("by", "x", ""), {"view": True}),
}  # fmt: skip


def door_of(kind: str) -> tuple[Any, Counted]:
    forward, rules, options = KINDS[kind]
    op = Counted(forward, rules, **options)
    return ordinary_door(op), op


@IN_MODES
@pytest.mark.parametrize("kind", KINDS)
def test_three_arrays(kind: str, mode: str) -> None:
    door, op = door_of(kind)
    ones = {"x": lambda: leaf([1.0, 1.0]), "no gradient": lambda: tl.ones(2, dtype=tl.float64)}
    for make, other in itertools.product((TENSORS | OTHERS).values(), ones.values()):
        for args in ([make(), other(), None], [other(), make(), None], [other(), other(), make()]):
            agree(door, op, args, {"by": 3.0}, mode)
    x, y = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    for args, meta in (
        ([x, y, None, 3.0], {}), ([x, y, None, 3.0], {"by": 2.0}), ([x, y], {"z": x}), ([x, y], {}),
        ([x, y, x], {}), ([x, y, x], {"by": "wrong"}), ([x, y, x], {"bi": 1}),
        ([x, y, x], {"out": None}), ([x, y, x], {"out": x}), ([x, y, None, 1, 2, 3], {}),
    ):  # fmt: skip
        agree(door, op, args, meta, mode)


SHORT = [kind for kind in KINDS if kind not in ("no derivative", "typed without a rule")]


@pytest.mark.parametrize("kind", SHORT)
def test_ordinary_calls_go_the_short_way(kind: str) -> None:
    door, op = door_of(kind)
    for name in ("double leaf", "double", "stale view", "view"):
        x, y = TENSORS[name](), tl.ones(1, dtype=tl.float64)
        assert goes_short(door, op, [x, y, x], {"by": 3.0})
        assert goes_short(door, op, [y, y, None], {"by": 3.0})
        assert not in_mode("watched", lambda x=x, y=y: goes_short(door, op, [x, y, x], {}))
    for name in ("half", "integers", "complex"):
        x = TENSORS[name]()
        assert not goes_short(door, op, [x, x.detach(), x], {"by": 3.0})
    x, y = TENSORS["double"](), TENSORS["single"]()
    if kind not in ("no numbers", "residual"):
        assert goes_short(door, op, [x, 2.0, None], {}) == (kind in NUMBERS)
    if op.typed == {0, 1, 2}:
        assert not goes_short(door, op, [x, y, None], {})


NUMBERS = {kind for kind in SHORT if kind not in ("with a check", "one without a rule")}


def test_inside_a_rule_arrays_are_computed_with() -> None:
    door, op = door_of("each what it asks for")
    a = np.array([2.0])
    assert goes_short(door, op, [a, a, a], {})
    assert goes_short(door, op, [a, 2.0, None], {})
    with pytest.raises(TypeError):
        door(a, a, a, none=1)
    assert not goes_short(door, op, [a, tl.ones(1, dtype=tl.float64), None], {})
    assert door(a, a, None, by=3.0).tolist() == [12.0]
    assert door(np.float64(2.0), a, a, by=1).tolist() == [6.0]


def test_a_number_takes_part_in_the_promotion_or_has_its_own_dtype() -> None:
    x = leaf([1.0, 2.0])
    for kind, dtype in (("nothing kept", np.float64), ("no promotion", np.float32)):
        forward, _, options = KINDS[kind]
        op = Counted(forward, three("y", "x", ""), **options)
        out = ordinary_door(op)(x, 3.0, None)
        assert out.node.saved[1].dtype == dtype
    assert ordinary_door(op)(x, 3, None).node.saved[1].dtype == np.int64


def test_several_outputs() -> None:
    def pair(x: Any, y: Any, *, by: Any = 1) -> Any:
        return x * y * by, np.argmax(x), x[:1]

    for view in (False, True):
        op = Counted(pair, three("y out", "x"), outputs=True, view=view)
        door = ordinary_door(op)
        for make, by in itertools.product(
            ("double leaf", "double", "stale view", "integers"), (1, "x")
        ):
            x = TENSORS[make]()
            for args in ([x, x], [x, x.detach()]):
                found = _several(functools.partial(door, *args, by=by))
                expected = _several(functools.partial(op.apply, args, {"by": by}))
                assert found == expected
        assert goes_short(door, op, [TENSORS["double leaf"]()] * 2, {})


def _several(call: Any) -> Any:
    try:
        outs = call()
    except Exception as error:
        return type(error), str(error)
    assert type(outs) is tuple
    facts = []
    for t in outs:
        node = t.node
        facts.append((t.tolist(), t.dtype, t.base is None, node is None))
        if node is not None:
            source = node.parents[0]
            assert type(node) is Pick
            saved = [None if s is None else np.shape(s) for s in source.saved[:2]]
            facts.append((node.saved, node.shape, node.dtype, source.shape, source.dtype, saved))
    return facts


def test_it_carries_the_declaration_s_name() -> None:
    door, _ = door_of("nothing kept")
    assert (door.__name__, door.__doc__) == (weighted.__name__, weighted.__doc__)
    assert door(x=leaf([1.0]), y=leaf([2.0]), z=None).tolist() == [4.0]
