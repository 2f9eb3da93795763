"""One input of several calls of an op: the gradients are added up at once when its turn comes."""

from __future__ import annotations

import gc
from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite.core import engine
from tinygrad_lite.core.node import any_extras
from tinygrad_lite.core.primitive import Primitive, generic_door, with_sum


@pytest.fixture(autouse=True)
def nobody_looks_on() -> None:
    """Hooks of nodes that are garbage already would have calls added up one by one."""
    if any_extras():
        gc.collect()
    assert not any_extras()


def leaf(values: Any, dtype: Any = tl.float64) -> tl.Tensor:
    return tl.tensor(values, dtype=dtype, requires_grad=True)


def scaling(log: list[int], sums: Any = None) -> Any:
    """x w, whose gradients towards w are counted in `log` and added up by `sums`."""

    def added(calls: Any) -> Any:
        log.append(len(calls))
        return sum(g * x for g, x in calls)

    @with_sum(sums or added)
    def towards_w(g: Any, x: Any) -> Any:
        log.append(1)
        return g * x

    return generic_door(Primitive(lambda x, w: x * w, (lambda g, w: g * w, towards_w)))


def test_the_second_call_and_later_ones_make_one_sum() -> None:
    log: list[int] = []
    op = scaling(log)
    w, x = leaf([2.0, 3.0]), leaf([1.0, 10.0])
    y = op(x * 1, w) + op(x * 2, w) + op(x * 4, w) + op(x * 8, w)
    y.sum().backward()
    assert log == [1, 3]
    assert w.grad.tolist() == [15.0, 150.0]
    assert x.grad.tolist() == [30.0, 45.0]


def test_a_weight_applied_step_by_step() -> None:
    log: list[int] = []
    op = scaling(log)
    w = leaf(2.0)
    y = leaf(3.0)
    x = y
    for _ in range(5):
        y = op(y, w)
    y.backward()
    assert log == [1, 4]
    assert w.grad.item() == 5 * 3.0 * 2.0**4
    assert x.grad.item() == 2.0**5


def test_two_ops_of_one_weight_are_added_up_each() -> None:
    one, two = [], []
    first, second = scaling(one), scaling(two)
    w, x = leaf([2.0]), tl.ones(1, dtype=tl.float64)
    (first(x, w) + second(x * 10, w) + first(x * 2, w) + second(x * 20, w) + w * 100).backward()
    assert w.grad.tolist() == [133.0]
    assert (sum(one), sum(two)) == (2, 2)


def test_hooks_see_the_whole_sum() -> None:
    w, x = leaf([2.0]), tl.ones(1, dtype=tl.float64)
    h = w * 1
    seen = []
    h.register_hook(lambda g: seen.append(g.tolist()))
    h.retain_grad()
    op = scaling([])
    (op(x, h) + op(x * 2, h) + op(x * 4, h)).backward()
    assert seen == [[7.0]]
    assert h.grad.tolist() == w.grad.tolist() == [7.0]


def test_a_wanted_gradient_is_the_whole_sum() -> None:
    w, x = leaf([2.0]), leaf([1.0])
    log: list[int] = []
    op = scaling(log)
    y = op(x, w) + op(x * 2, w) + op(x * 4, w)
    assert [g.tolist() for g in tl.autograd.grad(y, [w, x], retain_graph=True)] == [[7.0], [14.0]]
    assert log == [1, 2]
    log.clear()
    assert tl.autograd.grad(y, x, retain_graph=True)[0].tolist() == [14.0]
    assert log == []
    (g,) = tl.autograd.grad(y, w, create_graph=True)
    assert log == [1, 1, 1]  # recorded: one by one
    assert tl.autograd.grad(g, x)[0].tolist() == [7.0]


def test_large_gradients_are_not_kept_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "FEW", 2)
    for n, expected in ((2, [1, 2]), (3, [1, 1, 1])):
        log: list[int] = []
        op = scaling(log)
        w, x = leaf([2.0] * n), tl.ones(n, dtype=tl.float64)
        (op(x, w) + op(x, w) + op(x, w)).sum().backward()
        assert log == expected
        assert w.grad.tolist() == [3.0] * n


def test_a_sum_in_another_shape_or_dtype_is_brought_to_the_inputs() -> None:
    def wide(calls: Any) -> Any:
        return sum((g * x).astype(np.float64) for g, x in calls)

    op = scaling([], wide)
    w, x = leaf([2.0], tl.float32), tl.ones(3)
    (op(x, w) + op(x, w) + op(x, w)).sum().backward()
    assert (w.grad.dtype, w.grad.tolist()) == (tl.float32, [9.0])


def test_an_array_that_waits_must_not_be_written() -> None:
    def loss(target: str) -> tl.Tensor:
        arrays = {name: tl.ones(1, dtype=tl.float64) for name in ("waiting", "done", "other")}
        h = leaf([2.0]) * 1
        early = h * 0  # its turn comes after the calls below, before that of h
        y = op(arrays["waiting"], h) + op(arrays["done"], h) + early
        early.register_hook(lambda g: arrays[target].add_(1) and None)
        return y

    op = scaling([])
    for target in ("done", "other"):
        loss(target).backward()
    with pytest.raises(RuntimeError) as raised:
        loss("waiting").backward()
    assert str(raised.value) == (
        "[torch.DoubleTensor [1]] was modified by an inplace operation (add_) during the backward "
        "pass that needs it for the gradient of MulBackward0; write into a copy"
    )


def test_what_was_written_before_the_pass_and_saved_after_is_fine() -> None:
    op = scaling([])
    w, x = leaf([2.0]), tl.ones(1, dtype=tl.float64)
    x.add_(1)
    (op(x, w) + op(x, w) + op(x, w)).backward()
    assert w.grad.tolist() == [6.0]
