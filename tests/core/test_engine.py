"""The engine: depth, memory, accumulation, hooks, freeing."""

from __future__ import annotations

import gc
import sys
import tracemalloc
import weakref
from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite.core import engine


def leaf(values: Any, dtype: Any = tl.float64) -> tl.Tensor:
    return tl.tensor(values, dtype=dtype, requires_grad=True)


def test_a_chain_of_a_million_nodes() -> None:
    """Built, differentiated and freed without recursion."""
    x = leaf([1.0])
    y = x
    for _ in range(1_000_000):
        y = y + x
    y.sum().backward()
    assert x.grad.item() == 1_000_001
    first = weakref.ref(y.grad_fn)
    del y
    assert first() is None


def test_a_deep_chain_is_freed_without_a_backward() -> None:
    x = leaf([1.0])
    y = x
    for _ in range(200_000):
        y = y * x
    del y  # a recursive release of the chain would overflow the C stack


def test_a_deep_chain_with_second_derivatives() -> None:
    x = leaf(1.0)
    y = x
    for _ in range(3000):
        y = y * 1.0 + 0.0
    (g,) = tl.autograd.grad(y * y, x, create_graph=True)
    (h,) = tl.autograd.grad(g, x)
    assert (g.item(), h.item()) == (2.0, 2.0)


def test_no_reference_cycles() -> None:
    """With the garbage collector off, nothing of a pass survives it."""

    def work() -> None:
        w = leaf(np.ones((4, 4)))
        x = tl.tensor(np.ones((2, 4)))
        h = (x @ w).tanh()
        view = h[:, 1:]
        loss = (view * view).sum() + h.mean() + (w * w).sum().sqrt()
        h.retain_grad()
        w.register_hook(lambda g: g * 2)
        (g,) = tl.autograd.grad(loss, w, create_graph=True)
        g.sum().backward()
        inplace = w * 2
        inplace[0] = inplace[1] * 3
        inplace.add_(1).sum().backward()

    work()
    gc.collect()
    gc.disable()
    try:
        work()
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_memory_after_many_passes_is_what_it_was() -> None:
    w = leaf(np.ones((50, 50)))

    def step() -> None:
        w.grad = None
        ((w @ w).tanh() * w).sum().backward()
        with tl.no_grad():
            w.sub_(w.grad * 1e-3)

    for _ in range(3):
        step()
    tracemalloc.start()
    step()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(20):
        step()
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert after - before < 10_000


def test_what_a_node_saved_is_freed_by_the_pass() -> None:
    x = leaf(np.ones(100))
    h = x * 2
    array = weakref.ref(h.array)
    loss = (h * h).sum()
    del h
    assert array() is not None  # saved
    loss.backward()
    assert array() is None


def test_gradients_do_not_share_memory() -> None:
    x, y = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    (x + y).sum().backward()
    assert not np.shares_memory(x.grad.numpy(), y.grad.numpy())
    x.grad += 1.0
    assert y.grad.tolist() == [1.0, 1.0]


def test_the_incoming_gradient_is_not_taken_over() -> None:
    x, g = leaf([1.0, 2.0]), tl.ones(2, dtype=tl.float64)
    (x + 0.0).backward(g)
    x.grad.mul_(5.0)
    assert g.tolist() == [1.0, 1.0]
    x.backward(g)
    assert g.tolist() == [1.0, 1.0]
    assert x.grad.tolist() == [6.0, 6.0]


def test_accumulation() -> None:
    x = leaf([1.0, 2.0])
    for n in range(1, 4):
        (x * x).sum().backward()
        assert x.grad.tolist() == [2.0 * n, 4.0 * n]
    kept = x.grad
    x.grad = None
    (x * 3).sum().backward()
    assert kept.tolist() == [6.0, 12.0]
    assert x.grad.tolist() == [3.0, 3.0]


def test_accumulation_into_a_recorded_gradient() -> None:
    x = leaf(2.0)
    (x * x * x).backward(create_graph=True)
    recorded = x.grad
    (x * x).backward()
    assert recorded is x.grad  # in place, as PyTorch does it
    assert x.grad.item() == 16.0
    assert x.grad.requires_grad


def test_a_value_used_many_times() -> None:
    x = leaf(3.0)
    y = x * x
    (y + y * y + y).backward()
    assert x.grad.item() == pytest.approx(2 * 6 + 2 * 9 * 6)


def test_the_order_of_use_does_not_matter() -> None:
    x = leaf([0.3, -0.4])
    a, b = x.exp(), x.sin()
    (a * b + b).sum().backward()
    first = x.grad.clone()
    x.grad = None
    b, a = x.sin(), x.exp()
    (b + b * a).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), first.numpy(), rtol=1e-14)


# -- freeing and retaining ------------------------------------------------------------------------


def test_a_second_backward_is_an_error_that_names_the_op() -> None:
    x = leaf(2.0)
    y = x * x
    y.backward()
    with pytest.raises(RuntimeError, match=r"backward through the graph a second time(.|\n)*Mul"):
        y.backward()


def test_retain_graph() -> None:
    x = leaf(2.0)
    y = x * x
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.item() == 8.0
    with pytest.raises(RuntimeError, match="second time"):
        y.backward()


def test_a_graph_that_saved_nothing_may_be_passed_twice() -> None:
    x = leaf(2.0)
    y = x + 1.0
    y.backward()
    y.backward()
    assert x.grad.item() == 2.0


def test_a_part_shared_by_two_losses_is_freed_by_the_first() -> None:
    x = leaf(2.0)
    shared = x * x
    (shared * 2).backward()
    with pytest.raises(RuntimeError, match="second time"):
        (shared * 3).backward()


# -- hooks ----------------------------------------------------------------------------------------


def test_hooks_of_leaves_and_values() -> None:
    x = leaf([1.0, 2.0])
    seen = []
    handle = x.register_hook(lambda g: seen.append(g.tolist()))
    y = x * 3
    y.register_hook(lambda g: g * 10)
    y.sum().backward()
    assert x.grad.tolist() == [30.0, 30.0]
    assert seen == [[30.0, 30.0]]
    handle.remove()
    handle.remove()
    (x * 1).sum().backward()
    assert len(seen) == 1


def test_a_hook_sees_the_whole_sum_once() -> None:
    x = leaf(1.0)
    seen = []
    y = x * 2
    y.register_hook(lambda g: seen.append(g.item()))
    (y + y * 3).backward()
    assert seen == [4.0]


def test_a_hook_that_returns_another_shape_is_an_error() -> None:
    y = leaf([1.0, 2.0]) * 2
    y.register_hook(lambda g: g.sum())
    with pytest.raises(RuntimeError, match=r"has changed the size of value \(was \[2\]"):
        y.sum().backward()


def test_post_accumulate_hooks() -> None:
    x = leaf([1.0])
    seen = []
    x.register_post_accumulate_grad_hook(lambda t: seen.append(t.grad.item()))
    (x * 2).sum().backward()
    (x * 2).sum().backward()
    assert seen == [2.0, 4.0]


def test_node_hooks() -> None:
    x = leaf([1.0, 2.0])
    y = x * 2
    y.grad_fn.register_hook(lambda inputs, outputs: (inputs[0] * 5, *inputs[1:]))
    y.sum().backward()
    assert x.grad.tolist() == [10.0, 10.0]
    z = x * 2
    z.grad_fn.register_prehook(lambda outputs: (outputs[0] * 7,))
    x.grad = None
    z.sum().backward()
    assert x.grad.tolist() == [14.0, 14.0]


def test_retain_grad() -> None:
    x = leaf([1.0, 2.0])
    y = x * 2
    y.retain_grad()
    (y * y).sum().backward()
    assert y.grad.tolist() == [4.0, 8.0]
    assert x.grad.tolist() == [8.0, 16.0]
    assert not np.shares_memory(y.grad.numpy(), x.grad.numpy())


def test_a_tensor_that_is_gone_takes_its_gradient_with_it() -> None:
    x = leaf([1.0])
    y = x * 2
    del x
    y.sum().backward()  # nobody is left to receive it


def test_hooks_run_under_create_graph_on_recorded_tensors() -> None:
    x = leaf(2.0)
    y = x * x
    y.register_hook(lambda g: g * g * 3)
    (g,) = tl.autograd.grad(y * 1.0, x, create_graph=True)
    (h,) = tl.autograd.grad(g, x)
    assert (g.item(), h.item()) == (12.0, 6.0)


# -- where gradients go ---------------------------------------------------------------------------


def test_only_paths_to_the_wanted_are_followed() -> None:
    x, y = leaf(2.0), leaf(3.0)
    ran = []
    a = y * 5
    a.register_hook(lambda g: ran.append(g))
    (g,) = tl.autograd.grad(x * a, x)
    assert g.item() == 15.0
    assert not ran
    assert y.grad is None


def test_a_gradient_has_its_leafs_dtype_and_shape() -> None:
    x = leaf([1.0], tl.float32)
    y = leaf([[1.0], [2.0]], tl.float64)
    (x * y).sum().backward()
    assert x.grad.dtype is tl.float32
    assert y.grad.dtype is tl.float64
    assert tuple(x.grad.shape) == (1,)


def test_integer_inputs_have_no_gradient() -> None:
    x = leaf([1.5])
    n = tl.tensor([2])
    (x * n).sum().backward()
    assert x.grad.item() == 2.0
    with pytest.raises(RuntimeError, match="floating point"):
        n.requires_grad_()


def test_nothing_is_recorded_under_no_grad() -> None:
    x = leaf([1.0])
    with tl.no_grad():
        y = x * 2
    assert not y.requires_grad
    assert y.grad_fn is None


def test_recursion_limit_is_left_alone() -> None:
    limit = sys.getrecursionlimit()
    test_a_deep_chain_with_second_derivatives()
    assert sys.getrecursionlimit() == limit


# -- who holds an array ---------------------------------------------------------------------------


def test_an_array_has_its_memory_alone_or_not() -> None:
    held = np.ones(6)
    assert engine.has_memory_alone(np.ones(6))
    assert engine.has_memory_alone(held)
    reshaped = np.ones(6).reshape(2, 3)  # apart: an assert holds on to what it is made of
    assert engine.has_memory_alone(reshaped)
    assert not engine.has_memory_alone(held.reshape(2, 3))
    assert not engine.has_memory_alone(np.ones(6)[1:])
    assert not engine.has_memory_alone(np.frombuffer(bytes(48)))
    assert not engine.has_memory_alone(np.frombuffer(bytes(48)).reshape(2, 3))


def test_counts_of_references_measured_at_import_hold() -> None:
    assert engine._references_of_unshared() == engine._UNSHARED
    assert engine._references_by_one_view() == engine._BY_ONE_VIEW


def test_a_gradient_that_is_kept_has_its_memory_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_UNSHARED", 50)  # whoever holds the array itself
    held = np.ones(6)
    assert engine._is_unshared(held)
    reshaped = np.ones(6).reshape(2, 3)
    assert engine._is_unshared(reshaped)
    assert not engine._is_unshared(held.reshape(2, 3))
    assert not engine._is_unshared(np.ones(6)[::2])
    fixed = np.ones(6)
    fixed.flags.writeable = False
    assert not engine._is_unshared(fixed)
    holders = [held] * 60
    assert not engine._is_unshared(holders[0])


# -- gradients that are put off, to be added up at once --------------------------------------------


def _recurrent(weight: tl.Tensor, look: Any) -> tl.Tensor:
    """Four steps with one weight; `look` sees what the product is of at each step."""
    h = tl.arange(6, dtype=tl.float64).reshape(3, 2) / 6
    for _ in range(4):
        before = h * 1.0
        look(before)
        h = before + tl.nn.functional.linear(before, weight)
    return h


@pytest.mark.parametrize("name", ["hook", "function"])
def test_user_code_may_write_into_gradients_between_uses_of_one_weight(name: str) -> None:
    grads = []
    for clamp in (lambda g: g.clamp(-0.5, 0.5), lambda g: g.clamp_(-0.5, 0.5)):

        class Clamped(tl.autograd.Function):
            @staticmethod
            def forward(ctx: Any, x: Any) -> Any:
                return x.clone()

            @staticmethod
            def backward(ctx: Any, g: Any, clamp: Any = clamp) -> Any:
                return clamp(g)

        weight = leaf([[0.3, -0.7], [1.1, 0.4]])
        if name == "hook":
            h = _recurrent(
                weight, lambda h, clamp=clamp: h.requires_grad and h.register_hook(clamp)
            )
        else:
            h = tl.arange(6, dtype=tl.float64).reshape(3, 2) / 6
            for _ in range(4):
                h = Clamped.apply(tl.nn.functional.linear(h, weight))
        h.pow(2).sum().backward()
        grads.append(weight.grad.numpy())
    np.testing.assert_allclose(*grads, rtol=1e-12)


def test_a_weight_may_be_stepped_once_its_gradient_is_there() -> None:
    """Though the gradient of an older leaf, of which it is a factor, still waits."""
    grads = []
    for step in (False, True):
        x = leaf([[1.0, 2.0]])
        weights = [leaf([[0.3, -0.7], [1.1, i]]) for i in range(3)]

        def descend(p: tl.Tensor) -> None:
            p.data.sub_(p.grad, alpha=0.1)

        for w in weights if step else ():
            w.register_post_accumulate_grad_hook(descend)
        tl.stack([(x @ w).pow(2).sum() for w in weights]).sum().backward()
        grads.append(x.grad.numpy())
    np.testing.assert_allclose(*grads, rtol=1e-12)


def test_the_sum_for_a_number_is_an_array() -> None:
    b, x, W = leaf(0.5), tl.ones(2, 3, dtype=tl.float64), tl.ones(4, 3, dtype=tl.float64)
    linear = tl.nn.functional.linear
    (linear(x, W, b).sum() + linear(x, W[:2], b).sum() + linear(x, W, b).sum()).backward()
    assert type(b.grad.numpy()) is np.ndarray
    assert b.grad.item() == 20.0


def test_one_bias_for_layers_of_several_widths() -> None:
    b, x, W = leaf([0.5]), tl.ones(2, 3, dtype=tl.float64), tl.ones(4, 3, dtype=tl.float64)
    linear = tl.nn.functional.linear
    sum(linear(x, W[:n], b).sum() for n in (4, 2, 3)).backward()
    assert b.grad.tolist() == [18.0]


def test_a_table_without_columns_looked_up_several_times() -> None:
    table = tl.zeros(4, 0, requires_grad=True)
    at = tl.tensor([0, 3])
    sum(tl.nn.functional.embedding(at, table).sum() for _ in range(3)).backward()
    assert tuple(table.grad.shape) == (4, 0)
