"""What nodes keep, seen from outside: PyTorch's names, hooks on one saved array, the errors."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl
from tests.refusals import Refusal, refusals
from tinygrad_lite.autograd.graph import saved_tensors_hooks
from tinygrad_lite.core.primitive import Primitive, generic_door
from tinygrad_lite.core.saved import pack_all


def leaf(values: Any) -> tl.Tensor:
    return tl.tensor(values, dtype=tl.float64, requires_grad=True)


def op(forward: Any, *rules: Any, **options: Any) -> Any:
    return generic_door(Primitive(forward, rules, **options))


def power(x: Any, y: Any, *, times: int = 2) -> Any:
    return x * y * times


def rule_x(g: Any, y: Any, times: Any, out: Any, x_shape: Any) -> Any:
    return g * y * times + out * 0


def rule_y(g: Any, x: Any, times: Any) -> Any:
    return g * x * times


POWER = op(power, rule_x, rule_y)


def test_inputs_go_by_pytorchs_names_and_by_those_of_the_declaration() -> None:
    x, y = leaf([2.0, 3.0]), leaf([5.0, 7.0])
    node = POWER(x, y, times=3).grad_fn
    for name in ("x", "self", "input"):
        assert getattr(node, f"_saved_{name}") is x
    for name in ("y", "other", "mat2", "vec", "exponent"):
        assert getattr(node, f"_saved_{name}") is y
    assert node._saved_times == 3
    assert node._saved_self_sym_sizes == node._saved_x_shape == (2,)
    value = node._saved_result
    assert value.tolist() == [30.0, 63.0]
    assert value.grad_fn is node
    assert node._saved_out.grad_fn is node


def test_a_name_of_pytorchs_that_the_op_uses_itself() -> None:
    def forward(other: Any, x: Any) -> Any:
        return other * x

    times = op(forward, lambda g, x: g * x, lambda g, other: g * other)
    a, b = leaf([2.0]), leaf([3.0])
    node = times(a, b).grad_fn
    assert node._saved_other is a
    assert node._saved_self is a
    assert node._saved_x is b


def test_a_name_that_says_saved_itself() -> None:
    def forward(a_saved_b: Any) -> Any:
        return a_saved_b * 2

    x = leaf([2.0])
    node = op(forward, lambda g, a_saved_b: g * 2)(x).grad_fn
    assert node._saved_a_saved_b is x


def test_a_saved_value_knows_its_place_on_the_tape() -> None:
    x = leaf([2.0])
    h = x * 1
    node = POWER(h, x).grad_fn
    saved = node._saved_self
    assert saved is not h
    assert saved.grad_fn is h.grad_fn
    assert saved.array is h.array
    constant = tl.ones(1, dtype=tl.float64)
    node = POWER(constant, x).grad_fn
    assert not node._saved_x.requires_grad
    x.data = tl.full((1,), 9.0, dtype=tl.float64)  # the leaf is another array now
    old = POWER(leaf([2.0]), tl.ones(1, dtype=tl.float64))
    assert old.grad_fn._saved_y.tolist() == [1.0]


def test_a_leaf_whose_array_was_replaced_is_not_what_was_saved() -> None:
    x, y = leaf([2.0]), leaf([3.0])
    node = POWER(x, y).grad_fn
    x.data = tl.full((1,), 9.0, dtype=tl.float64)
    saved = node._saved_x
    assert saved is not x
    assert saved.tolist() == [2.0]


def test_saved_metadata_arrays_and_outputs() -> None:
    def forward(x: Any, *, weights: Any) -> Any:
        return x * weights, x * 2

    def rule(g: Any, weights: Any, out: Any) -> Any:
        return sum(d * w for d, w in zip(g, (weights, 2), strict=True) if d is not None)

    a, _ = op(forward, rule, outputs=True)(leaf([2.0]), weights=np.array([5.0]))
    saved = a.grad_fn._saved_weights
    assert isinstance(saved, tl.Tensor)
    assert (saved.tolist(), saved.requires_grad) == ([5.0], False)
    assert [d.tolist() for d in a.grad_fn._saved_result] == [[10.0], [4.0]]


def test_one_array_of_several_outputs_has_no_node() -> None:
    """`out` of such an op is no single value: it could be any of the outputs."""

    def rule(g: Any, out: Any) -> Any:
        return g[0] * 2

    node = op(lambda x: np.stack([x, x * 2]), rule, outputs=True)(leaf([2.0]))[0].grad_fn
    assert node._saved_result.tolist() == [[2.0], [4.0]]
    assert not node._saved_result.requires_grad


def test_one_saved_array_is_packed() -> None:
    x, y = leaf([2.0, 3.0]), leaf([5.0, 7.0])
    z = POWER(x, y)
    packed = []
    handle = z.grad_fn._raw_saved_other
    handle.register_hooks(
        lambda t: packed.append(t.tolist()) or "kept",
        lambda content: tl.full((2,), 100.0, dtype=tl.float64) if content == "kept" else None,
    )
    assert packed == [[5.0, 7.0]]
    assert z.grad_fn._saved_other.tolist() == [100.0, 100.0]
    assert z.grad_fn._saved_self is x
    z.sum().backward()
    assert x.grad.tolist() == [200.0, 200.0]
    assert y.grad.tolist() == [4.0, 6.0]


def test_nested_tuples_are_packed() -> None:
    array = np.ones(2)
    node: Any = SimpleNamespace(saved=(array, (array, 3), "text"), op=SimpleNamespace(inputs=()))
    packed = pack_all(node, lambda t: t.tolist(), print)
    assert packed[0].content == [1.0, 1.0]
    assert packed[0].unpack is print
    assert packed[1][0].content == [1.0, 1.0]
    assert (packed[1][1], packed[2]) == (3, "text")


FREED = (
    "Trying to backward through the graph a second time (or directly access saved tensors after "
    "they have already been freed). Saved intermediate values of the graph are freed when you "
    "call .backward() or autograd.grad()."
)
FREED_HOOKS = (
    "Calling register_hooks on a saved tensor after it has been freed. Saved intermediate values "
    "of the graph are freed when you call .backward() or autograd.grad()."
)
WROTE = (
    "A saved tensor pack hook is modifying its input in place. Tensors provided as input to pack "
    "hook can not be modified by in-place operations as this can lead to unexpected side-effects. "
    "Please open an issue if you need to perform in-place operations on the input to a pack hook."
)


def node_of(freed: bool = False, only_x: bool = False) -> Any:
    x = leaf([2.0])
    y = tl.ones(1, dtype=tl.float64) if only_x else leaf([3.0])
    z = POWER(x, y)
    if freed:
        z.backward()
    return z.grad_fn


def registered(node: Any, pack: Any = lambda t: t, unpack: Any = lambda t: t) -> Any:
    node._raw_saved_self.register_hooks(pack, unpack)
    return node


def write(t: tl.Tensor) -> tl.Tensor:
    return t.add_(1)


def pack_by_writing() -> None:
    with saved_tensors_hooks(write, lambda t: t):
        POWER(leaf([2.0]) * 1, leaf([3.0]) * 1)


NOT_CALLABLE = (
    "register_hooks(): incompatible function arguments: expected a pack and an unpack hook"
)
REFUSED: list[Refusal] = [
    (lambda: node_of(freed=True)._saved_self, RuntimeError, FREED),
    (lambda: registered(node_of(freed=True)), RuntimeError, FREED_HOOKS),
    (
        lambda: registered(registered(node_of())),
        RuntimeError,
        (
            "Calling register_hooks on a saved tensor whose hooks have already been set. Hint: "
            "only one pair of hooks is allowed at a time."
        ),
    ),
    (
        lambda: registered(node_of(only_x=True)),
        RuntimeError,
        "Calling register_hooks on a saved tensor with value None is forbidden",
    ),
    (lambda: registered(node_of(), 3), TypeError, NOT_CALLABLE),
    (lambda: registered(node_of(), unpack=3), TypeError, NOT_CALLABLE),
    (lambda: registered(node_of(), write), RuntimeError, WROTE),
    (pack_by_writing, RuntimeError, WROTE),
    (
        lambda: node_of()._saved_nothing,
        AttributeError,
        "'PowerBackward0' object has no attribute '_saved_nothing'",
    ),
    (
        lambda: op(lambda x: x * 2, lambda g: g * 2)(leaf([1.0])).grad_fn._saved_other,
        AttributeError,
        "'<lambda>Backward0' object has no attribute '_saved_other'",
    ),
    (
        lambda: op(lambda x: x * 2, lambda g: g * 2)(leaf([1.0])).grad_fn._raw_saved_none,
        AttributeError,
        "'<lambda>Backward0' object has no attribute '_raw_saved_none'",
    ),
]


test_what_is_refused = refusals(REFUSED)


def test_metadata_that_is_no_array_cannot_be_packed() -> None:
    node = node_of()
    with pytest.raises(RuntimeError, match="with value None is forbidden"):
        node._raw_saved_times.register_hooks(lambda t: t, lambda t: t)


def test_a_pack_hook_is_given_the_tensor_itself_where_that_leaks_nothing() -> None:
    given = []
    weight = tl.nn.Parameter(tl.ones(1))

    def pack(t: tl.Tensor) -> tl.Tensor:
        given.append(t)
        return t

    with saved_tensors_hooks(pack, lambda t: t):
        x = weight * weight
        y = x.exp() * x
    assert given[0] is weight and given[1] is weight  # so that a hook may leave parameters alone
    assert given[3].grad_fn.name() == "ExpBackward0"
    y.backward()
    np.testing.assert_allclose(weight.grad.numpy(), 4 * np.e)


def test_what_is_kept_can_be_looked_at() -> None:
    x = leaf([2.0])
    raw = (x * x).grad_fn._raw_saved_self
    assert raw.unpack_hook is None and raw.data.tolist() == [2.0]
    raw.register_hooks(lambda t: "packed", print)
    assert raw.unpack_hook is print and raw.data == "packed"
    with pytest.raises(RuntimeError, match="from Python is forbidden"):
        tl.autograd.SavedTensor()


def test_a_number_is_no_tensor_to_pack() -> None:
    def never(t: tl.Tensor) -> tl.Tensor:
        raise AssertionError

    with saved_tensors_hooks(never, never):
        x = leaf([2.0])
        (x * 3).backward()
    assert x.grad.tolist() == [3.0]


def test_what_an_unpack_hook_gives_must_be_a_tensor() -> None:
    x = leaf([2.0])
    node = (x * x).grad_fn
    node._raw_saved_self.register_hooks(lambda t: t, lambda t: 1)
    with pytest.raises(TypeError, match="unpack_hook expected to be a Tensor"):
        node._saved_self
