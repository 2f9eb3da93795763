"""Twenty ops broken on purpose: each is caught quickly, by the smallest input that shows it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

import tinygrad_lite as tl
from tinygrad_lite.core.fused import Fused
from tinygrad_lite.core.primitive import Primitive, generic_door
from tinygrad_lite.testing import LawError, check_op
from tinygrad_lite.testing.strategies import tensors

EXAMPLES, SECONDS = 200, 5.0


def op(forward: Any, *rules: Any, **options: Any) -> Any:
    """An op outside the registry."""
    forward.__name__ = "broken"
    return declared(Primitive(forward, rules, **options))


def declared(primitive: Primitive) -> Any:
    """What @primitive returns, without the registration."""
    call = generic_door(primitive)
    call.op = primitive  # type: ignore[attr-defined]
    primitive.call = call  # type: ignore[attr-defined]
    return call


def a_factor_of_1_001() -> Any:
    return op(lambda x, y: x * y, lambda g, y: g * y * 1.001, lambda g, x: g * x), "n", "n"


def a_flipped_sign() -> Any:
    return op(lambda x, y: x - y, lambda g: g, lambda g: g), "n", "n"


def a_dropped_term() -> Any:
    return op(
        lambda x: x * np.exp(x), lambda g, x: g * (tl.exp(x) if tensor(x) else np.exp(x))
    ), "n"


def tensor(x: Any) -> bool:
    return isinstance(x, tl.Tensor)


def swapped_operands() -> Any:
    return op(lambda x, y: x * y, lambda g, x: g * x, lambda g, y: g * y), "n", "n"


def a_missing_sum_over_a_broadcast_axis() -> Any:
    class Scale(tl.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any, w: Any) -> Any:
            ctx.save_for_backward(x, w)
            return x * w

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            x, w = ctx.saved_tensors
            dw = (g * x)[0] if ctx.needs_input_grad[1] else None
            return (g * w if ctx.needs_input_grad[0] else None), dw

    return Scale, "n m", "m"


def transposed() -> Any:
    rules = lambda g, y: y @ g.T, lambda g, x: x.T @ g
    return op(lambda x, y: x @ y, *rules, promote=None), "n n", "n n"


def a_mean_for_a_sum() -> Any:
    rule = lambda g, x, x_shape: g / x_shape[0] + x * 0
    return op(lambda x: x.sum(keepdims=True), rule), "n"


def wrong_at_negative_numbers() -> Any:
    return op(lambda x: np.abs(x), lambda g: g), "n"


def wrong_above_one() -> Any:
    return op(lambda x: np.clip(x, -1, 1), lambda g: g), "n"


def wrong_where_two_elements_repeat() -> Any:
    def vjp(g: Any, x: Any, index: Any) -> Any:
        d = np.zeros_like(x)
        d[index] = g  # the second write to a repeated place forgets the first
        return d, None

    return (lambda x, index: x[index], vjp), (3,), tensors((2,), tl.int64, st.integers(0, 2))


def a_second_derivative_cut_off() -> Any:
    def rule(g: Any, x: Any) -> Any:
        return g * 2 * (x.detach() if tensor(x) else x)

    return op(lambda x: x * x, rule), "n"


def an_input_written_to() -> Any:
    def forward(x: Any) -> Any:
        x += 1
        return x * 2

    return op(forward, lambda g: g * 2), "n"


def an_incoming_gradient_written_to() -> Any:
    def rule(g: Any) -> Any:
        if not tensor(g):
            g *= 2
            return g
        return g * 2

    return op(lambda x: x * 2, rule), "n"


def noise() -> Any:
    rng = np.random.default_rng(0)
    return op(lambda x: x * (1 + 1e-9 * rng.standard_normal()), lambda g: g), "n"


def a_gradient_of_the_wrong_dtype() -> Any:
    return op(
        lambda x: x * 2, lambda g: g * np.float64(2) if tensor(g) else g.astype(np.float64) * 2
    ), "n"


def a_gradient_of_the_wrong_shape() -> Any:
    return op(lambda x: x.reshape(-1), lambda g: g, promote=None), "n m"


def needs_input_grad_ignored() -> Any:
    class Product(tl.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any, y: Any) -> Any:
            ctx.save_for_backward(x, y)
            return x * y

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            x, y = ctx.saved_tensors
            return g * y, g * x

    return Product, "n", "n"


def precision_lost_in_float32() -> Any:
    def forward(x: Any) -> Any:
        return np.log(1 + x)

    return op(forward, lambda g, x: g / (1 + x)), tensors("n", low=0.0, high=0.5)


def right_on_contiguous_input_only() -> Any:
    def forward(x: Any) -> Any:
        flat = np.lib.stride_tricks.as_strided(x, (x.size,), (x.itemsize,))
        return (flat * 2).reshape(x.shape)

    return op(forward, lambda g: g * 2), "n"


def an_undeclared_view() -> Any:
    return op(
        lambda x: x[::-1], lambda g: g[::-1] if not tensor(g) else g.flip(0), promote=None
    ), "n"


def a_kernel_that_is_not_its_reference() -> Any:
    def kernel(x: Any) -> Any:
        return np.maximum(x, 0) ** 2 + np.asarray(1e-3, x.dtype)

    def backward(g: Any, x: Any) -> Any:
        return g * 2 * np.maximum(x, 0)

    kernel.__name__ = "broken"
    return declared(Fused(kernel, backward, lambda x: x.relu() * x.relu())), "n"


def a_wrong_vjp_in_numpy() -> Any:
    def logcosh(x: Any) -> Any:
        return np.abs(x) + np.log1p(np.exp(-2 * np.abs(x))) - np.log(2)

    return (logcosh, lambda g, x: g * np.tanh(np.abs(x))), "n"


BROKEN: dict[Callable[[], Any], tuple[str, int]] = {
    # the law that sees it, and the most elements per array that a minimal input may have
    a_factor_of_1_001: ("rule_is_derivative", 1),
    a_flipped_sign: ("rule_is_derivative", 1),
    a_dropped_term: ("rule_is_derivative", 1),
    swapped_operands: ("rule_is_derivative", 1),
    a_missing_sum_over_a_broadcast_axis: ("rule_is_derivative", 2),
    transposed: ("rule_is_derivative", 4),  # a transposed matrix differs from 2 by 2 upwards
    a_mean_for_a_sum: ("rule_is_derivative", 2),
    wrong_at_negative_numbers: ("rule_is_derivative", 1),
    wrong_above_one: ("rule_is_derivative", 1),
    wrong_where_two_elements_repeat: ("rule_is_derivative", 3),  # the table's size is given
    a_second_derivative_cut_off: ("rule_is_derivative", 1),
    an_input_written_to: ("leaves_inputs_alone", 1),
    an_incoming_gradient_written_to: ("leaves_inputs_alone", 1),
    noise: ("deterministic", 1),
    a_gradient_of_the_wrong_dtype: ("rules_fit", 1),
    a_gradient_of_the_wrong_shape: ("rule_is_derivative", 2),
    needs_input_grad_ignored: ("heeds_needs_input_grad", 1),
    precision_lost_in_float32: ("float32_is_close", 1),
    right_on_contiguous_input_only: ("any_layout", 2),
    an_undeclared_view: ("views_are_declared", 1),
    a_kernel_that_is_not_its_reference: ("fused_is_reference", 1),
    a_wrong_vjp_in_numpy: ("rule_is_derivative", 1),
}


@pytest.mark.parametrize("make", BROKEN, ids=lambda make: make.__name__)
def test_caught(make: Callable[[], Any]) -> None:
    law, most = BROKEN[make]
    fn, *inputs = make()
    started = time.perf_counter()
    found = check_op(fn, *inputs, examples=EXAMPLES, raise_exception=False)
    took = time.perf_counter() - started
    assert found.failure is not None, f"nobody noticed ({found})"
    assert found.failure.law.split()[0] == law, found.failure
    assert found.examples <= EXAMPLES
    assert took < SECONDS
    assert found.failure.case is not None
    sizes = [a.size for a in found.failure.case.arrays]
    assert max(sizes) <= most, f"not minimal: {sizes}\n{found.failure}"


def test_there_are_twenty() -> None:
    assert len(BROKEN) >= 20


def test_the_report() -> None:
    with pytest.raises(LawError) as error:
        check_op(*a_factor_of_1_001())
    first, *rest = str(error.value).splitlines()
    assert first.startswith("broken: gradient towards x[0] is 1.001 by the rule, 1 by finite")
    assert "(ratio 1.001, relative error 1.0e-03)" in first
    assert rest[0] == "law: rule_is_derivative (order 1)"
    assert "    x = tl.tensor([1.0], dtype=tl.float64, requires_grad=True)" in rest
    assert "    out.sum().backward()" in rest


def test_the_snippet_reproduces() -> None:
    fn, *inputs = a_flipped_sign()
    with pytest.raises(LawError) as error:
        check_op(fn, *inputs)
    lines = str(error.value).split("reproduce:\n")[1].splitlines()
    space: dict[str, Any] = {"broken": fn}
    exec("\n".join(line.strip() for line in lines if "print" not in line), space)
    assert space["y"].grad.tolist() == [1.0]  # wrong: it should be -1


@pytest.mark.parametrize("make", [a_flipped_sign, a_mean_for_a_sum])
def test_guesses(make: Callable[[], Any]) -> None:
    words = {"a_flipped_sign": "sign is flipped", "a_mean_for_a_sum": "a factor 2 missing"}
    fn, *inputs = make()
    with pytest.raises(LawError, match=words[make.__name__]):
        check_op(fn, *inputs)
