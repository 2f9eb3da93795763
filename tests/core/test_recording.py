"""What a call of an op records: nodes, views, several outputs, and what its rules will read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite.core.modes import MODE, Watcher, current
from tinygrad_lite.core.primitive import Primitive, shares_memory


def leaf(values: Any, dtype: Any = tl.float64) -> tl.Tensor:
    return tl.tensor(values, dtype=dtype, requires_grad=True)


def towards_y(g: Any, x: Any, scale: Any) -> Any:
    return g * x * scale


def times(x: Any, y: Any, *, scale: float = 1.0) -> Any:
    return x * y * scale


def times_op() -> Primitive:
    return Primitive(times, (lambda g, y: g * y, towards_y))


def test_values_are_arrays_also_where_numpy_gives_scalars() -> None:
    out = Primitive(lambda x: x.sum(), (lambda g: g,)).apply((tl.ones(2),), {})
    assert type(out.array) is np.ndarray
    out = Primitive(lambda x: 3, ()).apply((tl.ones(2),), {})
    assert (type(out.array), out.tolist()) == (np.ndarray, 3)
    a, b = Primitive(lambda x: (x.sum(), 3), (), outputs=True).apply((tl.ones(2),), {})
    assert type(a.array) is type(b.array) is np.ndarray


def test_what_is_recorded_and_what_is_not() -> None:
    x, y = leaf([2.0]), tl.ones(1, dtype=tl.float64)
    op = times_op()
    z = op.apply((x, y), {})
    assert (z.node.op, z.node.parents) == (op, (x.node, None))
    assert (z.node.shape, z.node.dtype) == ((1,), np.float64)
    assert op.apply((y, y), {}).node is None
    with tl.no_grad():
        assert op.apply((x, y), {}).node is None
    assert Primitive(lambda x: x > 0, (lambda g: g,)).apply((x,), {}).node is None
    half = Primitive(times, (None, towards_y))
    assert half.apply((x, y), {}).node is None
    assert half.apply((x, leaf([1.0])), {}).node.parents[0] is None


def test_nothing_is_saved_that_no_rule_will_ask_for() -> None:
    x, y = leaf([2.0]), leaf([3.0])
    op = times_op()
    assert op.layout == ("x", "y", "out", "scale")
    both, first = op.apply((x, y), {}), op.apply((x, y.detach()), {})
    assert [s is None for s in both.node.saved] == [False, False, True, False]
    assert [s is None for s in first.node.saved] == [True, False, True, True]


def test_a_view_is_recorded_as_it_is_after_its_base_was_written() -> None:
    x = leaf([1.0, 2.0])
    base = x * 1
    view = base[1:]
    base.mul_(10)
    z = times_op().apply((view, tl.ones(1, dtype=tl.float64)), {})
    z.backward()
    assert x.grad.tolist() == [0.0, 10.0]


def test_outputs_that_are_no_floats_have_no_node() -> None:
    op = Primitive(lambda x: (x * 2, x > 0), (lambda g: g[0] * 2,), outputs=True)
    x = leaf([2.0])
    value, mask = op.apply((x,), {})
    assert value.requires_grad
    assert not mask.requires_grad
    assert value.node.parents[0].shape == ((1,), (1,))
    assert value.node.parents[0].dtype is None
    assert (value.node.shape, value.node.dtype) == ((1,), np.float64)


def test_views() -> None:
    op = Primitive(lambda x: x[1:], (lambda g: g,), view=True)
    y = leaf([1.0, 2.0]) * 1
    view = op.apply((y,), {})
    assert view._base is y
    assert (view.node.op, view.tolist()) == (op, [2.0])
    copy = Primitive(lambda x: x[1:] + 0, (lambda g: g,), view=True).apply((y,), {})
    assert copy._base is None
    both = Primitive(lambda x: (x[:1], x[1:], x + 0), (lambda g: g,), view=True, outputs=True)
    one, two, three = both.apply((y,), {})
    assert (one._base, two._base, three._base) == (y, y, None)
    assert (one.output_nr, two.output_nr, three.output_nr) == (0, 1, 2)
    assert [t.tolist() for t in (one, two, three)] == [[1.0], [2.0], [1.0, 2.0]]
    assert [(t.node.shape, t.node.dtype) for t in (one, two, three)] == [
        ((1,), np.float64), ((1,), np.float64), ((2,), np.float64),
    ]  # fmt: skip
    alike = Primitive(lambda x: (x[:1], x[1:]), (lambda g: g,), outputs=True)
    assert [t._base for t in alike.apply((y,), {})] == [None, None]
    assert [t._base is None for t in both.apply((tl.ones(2),), {})] == [False, False, True]
    plain = tl.ones(2)
    assert op.apply((plain,), {})._base is plain
    integers = tl.tensor([1, 2])
    first = both.apply((integers,), {})[0]
    assert (first._base, first.node) == (integers, None)


def test_the_memory_of_views() -> None:
    a = np.zeros((4, 4))
    assert shares_memory(a[1:], a)
    assert shares_memory(a[1:][0], a)
    assert shares_memory(a[1:], a[:1])
    assert shares_memory(a.T[0], a[2:])
    strided = np.lib.stride_tricks.as_strided
    assert shares_memory(strided(a, (2, 2)), strided(a[1:], (2, 2)))
    assert shares_memory(strided(a, (2, 2)), a[1:])
    assert not shares_memory(a, a)
    assert not shares_memory(a + 0, a)
    assert not shares_memory((a + 0)[1:], a)


class Log(Watcher):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Any] = []

    def forward(self, *args: Any) -> None:
        self.seen.append(args)


def test_a_watcher_is_told_all() -> None:
    log, op, x = Log(), times_op(), leaf([2.0])
    token = MODE.set(current().but(watch=log))
    try:
        z = op.apply((x, 3.0), {"scale": 2.0})
    finally:
        MODE.reset(token)
    ((seen, arrays, meta, out, node),) = log.seen
    assert (seen, meta, out, node) == (op, {"scale": 2.0}, z.array, z.node)
    assert [a.tolist() for a in arrays] == [[2.0], 3.0]


def test_second_derivatives_of_what_was_saved() -> None:
    """Inputs and value of the op come back at their places on the tape."""
    op = Primitive(lambda x, y: x * x * y, (lambda g, x, y: g * 2 * x * y, lambda g, x: g * x * x))
    x, y = leaf(3.0), leaf(5.0)
    gx, gy = tl.autograd.grad(op.apply((x, y), {}), [x, y], create_graph=True)
    assert (gx.item(), gy.item()) == (30.0, 9.0)
    assert [g.item() for g in tl.autograd.grad(gx + gy, [x, y])] == [10.0 + 6.0, 6.0]
    exp = Primitive(lambda x: np.exp(x), (lambda g, out: g * out,))
    (g,) = tl.autograd.grad(exp.apply((x,), {}), x, create_graph=True)
    assert tl.autograd.grad(g, x)[0].item() == pytest.approx(np.exp(3.0))
    joint = Primitive(lambda x, y: x * y, (lambda g, x, y: (g * y, g * x),), joint=True)
    gx, gy = tl.autograd.grad(joint.apply((x, y), {}), [x, y], create_graph=True)
    assert [g.item() for g in tl.autograd.grad(gx * 7 + gy, [x, y])] == [1.0, 7.0]

    def rule(g: Any, out: Any) -> Any:
        first, second = (0 if d is None else d for d in g)
        return (first + second * 2) * out[0]

    both = Primitive(lambda x: (np.exp(x), 2 * np.exp(x)), (rule,), outputs=True)
    a, b = both.apply((x,), {})
    (g,) = tl.autograd.grad(a + b, x, create_graph=True)
    assert tl.autograd.grad(g, x)[0].item() == pytest.approx(3 * np.exp(3.0))


def test_second_derivatives_of_an_op_of_any_number_of_inputs() -> None:
    def rule(g: Any, xs: Any, out: Any) -> Any:
        return [g * 2 * x + 0 * out for x in xs]

    def squares(*xs: Any) -> Any:
        return sum(x * x for x in xs)

    x, y = leaf(3.0), leaf(5.0)
    op = Primitive(squares, (rule,))
    value = op.apply((x, y), {})
    gx, gy = tl.autograd.grad(value * value, [x, y], create_graph=True)  # 2 v 2 x
    assert (gx.item(), gy.item()) == (408.0, 680.0)
    second = tl.autograd.grad(gx, [x, y])  # 4 v + 8 x^2, 8 x y
    assert [g.item() for g in second] == [4 * 34.0 + 72.0, 120.0]

    def by_value(g: Any, out: Any) -> Any:
        return [g * out, None]

    exp = Primitive(lambda *xs: np.exp(xs[0]), (by_value,))
    (g,) = tl.autograd.grad(exp.apply((x, tl.ones(())), {}), x, create_graph=True)
    assert tl.autograd.grad(g, x)[0].item() == pytest.approx(np.exp(3.0))


def test_any_number_of_inputs() -> None:
    def total(*xs: Any) -> Any:
        return sum(xs)

    def rule(g: Any, xs: Any, xs_shape: Any, xs_dtype: Any, need: Any, out: Any) -> Any:
        seen.append((len(xs), xs_shape, xs_dtype, need))
        return [g * (i + 1) for i in range(len(xs))]

    seen: list[Any] = []
    op = Primitive(total, (rule,))
    assert (op.variadic, op.plain) == (True, False)
    x, y = leaf([1.0, 2.0], tl.float32), leaf([3.0, 4.0])
    z = op.apply((x, tl.ones(2, dtype=tl.int64), y), {})
    assert z.dtype is tl.float64
    z.sum().backward(retain_graph=True)
    double = np.dtype(np.float64)
    assert seen == [(3, ((2,),) * 3, (double,) * 3, (True, False, True))]
    assert (x.grad.dtype, x.grad.tolist()) == (tl.float32, [1.0, 1.0])
    assert y.grad.tolist() == [3.0, 3.0]
    assert [a.tolist() for a in z.grad_fn._saved_xs][1:] == [[1.0, 1.0], [3.0, 4.0]]
    z.sum().backward(create_graph=True)
    assert y.grad.tolist() == [6.0, 6.0]
    sums = Primitive(total, ())
    assert not sums.apply((x, y), {}).requires_grad


def test_checks_see_the_inputs_before_they_are_promoted() -> None:
    seen: list[Any] = []
    op = Primitive(
        times, (), check=lambda *arrays: seen.append([getattr(a, "dtype", a) for a in arrays])
    )
    single, double = np.dtype(np.float32), np.dtype(np.float64)
    op.apply((tl.ones(1), tl.ones(1)), {})
    op.apply((tl.ones(1, dtype=tl.float64), tl.ones(1, dtype=tl.float64)), {})
    assert seen == []
    op.apply((tl.ones(1), tl.ones(1, dtype=tl.float64)), {})
    op.apply((tl.ones(1), 3), {})
    op.apply((tl.ones(1, dtype=tl.int8), tl.ones(1, dtype=tl.int8)), {})
    byte = np.dtype(np.int8)
    assert seen == [[single, double], [single, 3], [byte, byte]]


def test_only_inputs_that_are_promoted_decide_the_short_way() -> None:
    """The second input is an index: its dtype is its own business."""
    seen: list[Any] = []
    op = Primitive(lambda x, i: seen.append(i.dtype) or x[i], (lambda g: g, None),
                   check=lambda *arrays: seen.append("checked"))  # fmt: skip
    op.apply((tl.ones(3), tl.tensor([1, 2])), {})
    assert seen == [np.int64]
    op.apply((tl.ones(3, dtype=tl.float16), tl.tensor([1, 2])), {})
    assert seen == [np.int64, "checked", np.int64]
