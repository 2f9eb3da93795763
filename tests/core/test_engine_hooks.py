"""Hooks on values, leaves and nodes: what they see, what they may return, every error in full."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite.autograd.graph import saved_tensors_hooks
from tinygrad_lite.core.primitive import Primitive, generic_door


def leaf(values: Any) -> tl.Tensor:
    return tl.tensor(values, dtype=tl.float64, requires_grad=True)


class Returning:
    """A hook that is an object: it has no `__name__` of its own."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __call__(self, *gradients: Any) -> Any:
        return self.value


def narrow(g: Any, *rest: Any) -> Any:
    return g.float() if isinstance(g, tl.Tensor) else tuple(d.float() for d in g)


def shorten(g: Any, *rest: Any) -> Any:
    return g[:1] if isinstance(g, tl.Tensor) else tuple(d[:1] for d in g)


def one_more(g: Any, *rest: Any) -> Any:
    return (*g, g[0])


TYPE = "has changed the type of value (was torch.float64 got torch.float32)"
SIZE = "has changed the size of value (was [2] got [1])"
MISFITS = [
    ("value", Returning(3), TypeError, "expected Variable, but hook returned 'int'"),
    ("value", narrow, RuntimeError, f"hook 'narrow' {TYPE}"),
    ("value", Returning(tl.ones(2)), RuntimeError, f"hook 'Returning' {TYPE}"),
    ("value", shorten, RuntimeError, f"hook 'shorten' {SIZE}"),
    ("before", Returning(3), TypeError, "expected Variable, but hook returned 'int'"),
    ("before", narrow, RuntimeError, f"hook 'narrow' {TYPE}"),
    ("before", shorten, RuntimeError, f"hook 'shorten' {SIZE}"),
    ("after", narrow, RuntimeError, f"hook 'narrow' {TYPE}"),
    ("after", Returning(tl.ones(2)), RuntimeError, f"hook 'Returning' {TYPE}"),
    (
        "before",
        one_more,
        RuntimeError,
        "hook 'one_more' has returned an incorrect number of values (got 2, but expected 1)",
    ),
    (
        "after",
        Returning(()),
        RuntimeError,
        "hook 'Returning' has returned an incorrect number of values (got 0, but expected 1)",
    ),
    (
        "accumulated",
        Returning(3),
        TypeError,
        ("expected Variable, but hook returned 'int': a hook after accumulation returns nothing"),
    ),
    (
        "accumulated",
        Returning(tl.ones(2)),
        RuntimeError,
        "Tensor post accumulate grad hooks should return None.",
    ),
]


@pytest.mark.parametrize(("place", "hook", "kind", "message"), MISFITS)
def test_a_hook_that_returns_what_does_not_fit(
    place: str, hook: Callable[..., Any], kind: type[Exception], message: str
) -> None:
    x = leaf([1.0, 2.0])
    y = x.exp()
    register = {
        "value": y.register_hook,
        "before": y.grad_fn.register_prehook,
        "after": y.grad_fn.register_hook,
        "accumulated": x.register_post_accumulate_grad_hook,
    }[place]
    register(hook)
    with pytest.raises(kind) as raised:
        y.sum().backward()
    assert (type(raised.value), str(raised.value)) == (kind, message)


def test_hooks_record_only_when_the_pass_does() -> None:
    """As in PyTorch: ops inside a hook are part of the graph under `create_graph` alone."""
    modes = []
    x = leaf([1.0, 2.0])
    y = x * x
    y.register_hook(lambda g: modes.append(tl.is_grad_enabled()))
    y.sum().backward(retain_graph=True)
    with tl.no_grad():
        tl.autograd.grad(y, x, tl.ones(2, dtype=tl.float64), create_graph=True)
    assert modes == [False, True]
    assert tl.is_grad_enabled()


def test_what_a_value_hook_returns_is_differentiated() -> None:
    x = leaf(2.0)
    y = x * x
    handle = y.register_hook(lambda g: g * g)
    (first,) = tl.autograd.grad(y * y, x, create_graph=True)  # (2 y)^2 2 x = 8 x^5
    assert first.item() == 256.0
    handle.remove()
    (second,) = tl.autograd.grad(first, x)
    assert second.item() == 640.0


def test_what_a_prehook_and_a_node_hook_return_is_differentiated() -> None:
    x = leaf(2.0)
    y = x.exp()
    before = y.grad_fn.register_prehook(lambda outputs: (outputs[0] * outputs[0],))
    after = y.grad_fn.register_hook(lambda inputs, outputs: (inputs[0] * outputs[0],))
    z = y * y  # towards y 2 y; before the rule 4 y^2; after it 4 y^3, times 4 y^2: 16 y^5
    (first,) = tl.autograd.grad(z, x, create_graph=True)
    assert first.item() == pytest.approx(16 * np.exp(10.0))
    before.remove()
    after.remove()
    (second,) = tl.autograd.grad(first, x)
    assert second.item() == pytest.approx(80 * np.exp(10.0))


def test_the_first_of_several_hooks_sees_the_gradient_the_next_its_replacement() -> None:
    seen = []
    x = leaf([1.0])
    y = x * 3
    y.register_hook(lambda g: seen.append(g.item()) or g * 2)
    y.retain_grad()
    y.register_hook(lambda g: seen.append(g.item()) or g * 5)
    y.sum().backward()
    assert seen == [1.0, 2.0]
    assert y.grad.item() == 10.0  # retained: after all hooks
    assert x.grad.item() == 30.0


def test_a_retained_gradient_is_recorded_under_create_graph_and_else_a_copy() -> None:
    x = leaf([2.0])
    y = x * x
    y.retain_grad()
    (y * y).sum().backward(create_graph=True)
    assert y.grad.requires_grad
    (slope,) = tl.autograd.grad(y.grad.sum(), x)
    assert slope.item() == 8.0
    kept = []
    z = x * x
    z.retain_grad()
    z.register_hook(kept.append)
    z.sum().backward()
    assert not z.grad.requires_grad
    assert not np.shares_memory(z.grad.numpy(), kept[0].numpy())


def test_hooks_of_the_node_that_adds_to_a_leaf() -> None:
    """They run once a pass, before and after `.grad` grows; the one before may replace."""
    x = leaf([1.0, 2.0])
    add = (x * 2).grad_fn.next_functions[0][0]
    seen = []
    add.register_prehook(lambda outputs: (outputs[0] * 10,))
    add.register_hook(
        lambda inputs, outputs: seen.append((inputs, outputs[0].tolist(), x.grad.tolist()))
    )
    (x * 2 + x).sum().backward()
    assert x.grad.tolist() == [30.0, 30.0]
    assert seen == [((), [30.0, 30.0], [30.0, 30.0])]


def test_hooks_of_the_node_that_adds_to_a_leaf_are_differentiated() -> None:
    x = leaf(2.0)
    y = x * x
    seen = []
    add = y.grad_fn.next_functions[0][0]
    add.register_prehook(lambda outputs: (outputs[0] * outputs[0],))
    add.register_hook(lambda inputs, outputs: seen.append(outputs[0].requires_grad))
    y.backward(create_graph=True)
    assert x.grad.item() == 16.0
    first, x.grad = x.grad, None
    assert seen == [True]
    assert tl.autograd.grad(first, x)[0].item() == 16.0  # of 4 x^2


def test_a_hook_may_return_one_tensor_for_one_input() -> None:
    x = leaf([1.0, 2.0])
    y = x.exp()
    y.grad_fn.register_hook(lambda inputs, outputs: outputs[0] * 7)
    y.grad_fn.register_prehook(lambda outputs: outputs[0] * 3)
    y.sum().backward()
    assert x.grad.tolist() == [21.0, 21.0]


def test_a_hook_may_leave_out_a_gradient_or_give_one_where_none_is_wanted() -> None:
    x, y = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    z = x * y
    z.grad_fn.register_hook(lambda inputs, outputs: (None, inputs[1] * 2))
    z.sum().backward()
    assert x.grad is None
    assert y.grad.tolist() == [2.0, 4.0]
    half = x * y.detach()
    half.grad_fn.register_hook(lambda inputs, outputs: (inputs[0] * 2, inputs[0]))
    half.sum().backward()
    assert x.grad.tolist() == [6.0, 8.0]


def test_a_hook_may_return_a_list() -> None:
    x = leaf([1.0, 2.0])
    y = x.exp()
    y.grad_fn.register_prehook(lambda outputs: [outputs[0] * 0 + 2])
    y.grad_fn.register_hook(lambda inputs, outputs: [inputs[0] * 0 + 3])
    y.sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]


def test_rules_on_arrays_get_arrays_after_a_prehook_too() -> None:
    kinds = []
    op = generic_door(Primitive(lambda x: x * 2, (lambda g: kinds.append(type(g)) or g * 2,)))
    x = leaf([1.0])
    y = op(x)
    y.grad_fn.register_prehook(lambda outputs: (outputs[0] * 5,))
    y.grad_fn.register_hook(lambda inputs, outputs: kinds.extend(map(type, (*inputs, *outputs))))
    y.sum().backward()
    assert kinds == [np.ndarray, tl.Tensor, tl.Tensor]
    assert x.grad.tolist() == [10.0]


def test_a_prehook_of_a_node_with_two_outputs_sees_both() -> None:
    def rule(g: Any) -> Any:
        return g[0] * 2 + (0 if g[1] is None else g[1] * 3)

    op = generic_door(Primitive(lambda x: (x * 2, x * 3), (rule,), outputs=True))
    x = leaf([1.0])
    first, second = op(x)
    seen = []
    first.grad_fn.register_prehook(lambda outputs: seen.append(outputs))
    first.grad_fn.register_prehook(lambda outputs: (outputs[0] * 10, outputs[1]))
    first.sum().backward(retain_graph=True)
    assert (seen[0][0].tolist(), seen[0][1]) == ([1.0], None)
    assert x.grad.tolist() == [20.0]
    x.grad = None
    (first + second).sum().backward()
    assert [g.tolist() for g in seen[1]] == [[1.0], [1.0]]
    assert x.grad.tolist() == [23.0]


# -- hooks on what is saved -----------------------------------------------------------------------


def test_saved_arrays_are_packed_and_unpacked() -> None:
    packed = []
    x, y = leaf([2.0, 3.0]), leaf([5.0, 7.0])
    with saved_tensors_hooks(lambda t: packed.append(t.tolist()) or len(packed), lambda i: kept[i]):
        z = x * y
    kept = {1: tl.full((2,), 10.0, dtype=tl.float64), 2: tl.full((2,), 100.0, dtype=tl.float64)}
    z.sum().backward(retain_graph=True)
    assert packed == [[2.0, 3.0], [5.0, 7.0]]
    assert (x.grad.tolist(), y.grad.tolist()) == ([100.0, 100.0], [10.0, 10.0])
    (again,) = tl.autograd.grad(z.sum(), x, create_graph=True)
    assert again.tolist() == [100.0, 100.0]
    kept[1] = 3
    with pytest.raises(TypeError) as raised:
        z.sum().backward()
    assert str(raised.value) == (
        "Output of saved tensor unpack_hook expected to be a Tensor but got result of type int"
    )


def test_saved_tuples_are_unpacked_too() -> None:
    """An op of any number of arrays saves them as one tuple."""

    def rule(g: Any, xs: Any) -> Any:
        return [g * 2 * x for x in xs]

    def squares(*xs: Any) -> Any:
        return sum(x * x for x in xs)

    op = generic_door(Primitive(squares, (rule,)))
    x, y = leaf([2.0]), leaf([3.0])
    with saved_tensors_hooks(lambda t: t.numpy() * 10, lambda a: tl.from_numpy(a)):
        z = op(x, y)
    z.sum().backward()
    assert (x.grad.tolist(), y.grad.tolist()) == ([40.0], [60.0])
