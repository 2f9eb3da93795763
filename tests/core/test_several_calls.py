"""One input of several calls of an op: the gradients are added up at once when its turn comes."""

from __future__ import annotations

import gc
from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite.core import engine
from tinygrad_lite.core.node import any_extras
from tinygrad_lite.core.primitive import Primitive, generic_door
from tinygrad_lite.core.rules import with_sum


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


@pytest.mark.parametrize("target", ["waiting", "done", "other"])
def test_a_hook_may_write_what_has_been_used(target: str) -> None:
    """Nothing is left waiting when a hook runs."""
    arrays = {name: tl.ones(1, dtype=tl.float64) for name in ("waiting", "done", "other")}
    op, w = scaling([]), leaf([2.0])
    h = w * 1
    early = h * 0  # its turn comes after the calls below, before that of h
    y = op(arrays["waiting"], h) + op(arrays["done"], h) + early
    early.register_hook(lambda g: arrays[target].add_(1) and None)
    y.backward()
    assert arrays[target].tolist() == [2.0]
    assert w.grad.tolist() == [2.0]


def test_an_array_that_waits_must_not_be_written() -> None:
    """As a `.grad` is that the pass began with, when its turn comes first."""
    op, x = scaling([]), tl.ones(1, dtype=tl.float64)
    older, newer = leaf([2.0]), leaf([3.0])
    newer.grad = tl.ones(1, dtype=tl.float64)
    y = op(x, older) + op(x, older) + newer
    with pytest.raises(RuntimeError) as raised:
        y.backward(newer.grad)
    assert str(raised.value) == (
        "[torch.DoubleTensor [1]] was modified by an inplace operation (gradient accumulation) "
        "during the backward pass that needs it for the gradient of torch::autograd::AccumulateGrad"
        "; write into a copy"
    )


def test_what_was_written_before_the_pass_and_saved_after_is_fine() -> None:
    op = scaling([])
    w, x = leaf([2.0]), tl.ones(1, dtype=tl.float64)
    x.add_(1)
    (op(x, w) + op(x, w) + op(x, w)).backward()
    assert w.grad.tolist() == [6.0]


# -- the ops of the package ------------------------------------------------------------------------


def separately(weights: list[tl.Tensor], terms: list[Any]) -> list[np.ndarray]:
    """The gradients of a sum of terms, each differentiated in a pass of its own."""
    total = [np.zeros(w.shape) for w in weights]
    for term in terms:
        found = tl.autograd.grad(term(), weights, allow_unused=True)
        for sum_, g in zip(total, found, strict=True):
            if g is not None:
                sum_ += g.numpy()
    return total


def test_a_weight_shared_by_calls_of_several_shapes_gets_the_sum() -> None:
    rng = np.random.default_rng(0)
    W, b, E = (leaf(rng.normal(size=s)) for s in ((3, 4), (3,), (5, 4)))
    xs = [tl.tensor(rng.normal(size=s)) for s in ((2, 4), (7, 4), (4,), (2, 3, 4), (0, 4))]
    V = leaf(rng.normal(size=(4, 3)))
    index = [tl.tensor(i) for i in ([0, 1, 1], [[4], [1]], 2)]
    terms = [lambda x=x: tl.nn.functional.linear(x, W, b).sin().sum() for x in xs]
    terms += [lambda x=x: (x @ V).sin().sum() for x in xs]
    terms += [lambda x=x: (V.mT @ x).cos().sum() for x in (xs[0].mT, xs[1].mT, xs[2])]
    for padding in (None, None, 1):
        terms += [
            lambda i=i, p=padding: tl.nn.functional.embedding(i, E, padding_idx=p).exp().sum()
            for i in index
        ]
    weights = [W, b, E, V]
    want = separately(weights, terms)
    sum([term() for term in terms], tl.zeros((), dtype=tl.float64)).backward()
    for w, g in zip(weights, want, strict=True):
        np.testing.assert_allclose(w.grad.numpy(), g, rtol=1e-12, atol=1e-13)


def test_a_weight_that_is_no_leaf_gets_the_sum_before_it_passes_it_on() -> None:
    W = leaf([[1.0, 2.0], [3.0, 4.0]])
    x = tl.tensor([[1.0, -1.0]], dtype=tl.float64)
    tied = W * 2
    y = x @ tied + (2 * x) @ tied + (3 * x) @ tied
    y.sum().backward()
    assert W.grad.tolist() == [[12.0, 12.0], [-12.0, -12.0]]


def test_an_input_may_be_written_by_a_hook_once_its_products_are_behind() -> None:
    W = leaf([[1.0, 2.0], [3.0, 4.0]])
    x = tl.ones(1, 2, dtype=tl.float64)
    h = leaf([1.0]) * 2

    def write(g: tl.Tensor) -> None:
        x.mul_(2)

    h.register_hook(write)
    ((x @ W).sum() + (x @ W).sum() + h.sum()).backward()
    assert W.grad.tolist() == [[2.0, 2.0], [2.0, 2.0]]


def test_a_long_sequence_is_added_up_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = []
    right = engine._sum_of_several

    def counted(node: Any, g: Any, calls: Any, began: int) -> Any:
        parts.append([len(waiting) for waiting in calls.values()])
        return right(node, g, calls, began)

    monkeypatch.setattr(engine, "_sum_of_several", counted)
    monkeypatch.setattr(engine, "MANY", 15)
    W = leaf([[1.0, 2.0], [3.0, 4.0]])
    xs = [tl.tensor([[float(i), 1.0]], dtype=tl.float64) for i in range(20)]
    sum([(x @ W).sum() for x in xs], tl.zeros((), dtype=tl.float64)).backward()
    assert parts == [[8], [8], [3]]  # of two numbers each; the first of twenty does not wait
    assert W.grad.tolist() == [[190.0, 190.0], [20.0, 20.0]]
