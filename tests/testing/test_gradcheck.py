"""gradcheck and gradgradcheck: what they accept, what they catch, what they say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite.core.primitive import Primitive, generic_door
from tinygrad_lite.core.tensor import Tensor, make
from tinygrad_lite.testing import GradcheckError, gradcheck, gradgradcheck


def leaf(values: Any) -> Tensor:
    return make(np.array(values, dtype=np.float64)).requires_grad_()


def op(forward: Any, *rules: Any, **options: Any) -> Any:
    """An op that is not registered, so that it may be wrong."""
    return generic_door(Primitive(forward, rules, **options))


def test_right_gradients_pass() -> None:
    x, y = leaf([[0.3, -0.5]]), leaf([[1.0], [2.0]])
    assert gradcheck(lambda x, y: x * y + y / x, (x, y))
    assert gradcheck(lambda x, y: x * y + y / x, (x, y), fast_mode=True)
    assert gradcheck(lambda x: (x * x, x + x), x, check_batched_grad=True, check_grad_dtypes=True)
    assert gradgradcheck(lambda x, y: x * y * x / y, (x, y))
    assert gradgradcheck(lambda x, y: x * y * x / y, (x, y), gen_non_contig_grad_outputs=True)
    assert gradgradcheck(lambda x: x * x * x, x, leaf([[1.0, -2.0]]), fast_mode=True)
    assert gradgradcheck(lambda x: x * x * x, x, check_fwd_over_rev=True)


def test_the_report_names_input_index_and_both_numbers() -> None:
    twice = op(lambda x, y: x * y, lambda g, y: 2 * g * y, lambda g, x: g * x)
    x, y = leaf([0.5, 1.0]), leaf([3.0, 4.0])
    with pytest.raises(GradcheckError) as error:
        gradcheck(twice, (x, y))
    first = str(error.value).splitlines()[0]
    assert first.startswith("Jacobian mismatch for output 0 with respect to input 0")
    assert "d out[1] / d input[1] is 8 analytically and 4 numerically" in first
    assert "ratio 2" in first
    assert "relative error 5.0e-01" in first
    assert "guess: a factor 2 too much" in first


@pytest.mark.parametrize(
    ("rule", "guess"),
    [
        (lambda g: -g * 3.0, "the sign is flipped"),
        (lambda g: g * 0.0, "a missing term"),
        (lambda g: g * 1.5, "a factor 2 missing"),
        (lambda g: g * 3.3, "a constant factor 1.1"),
    ],
)
def test_it_guesses_the_cause(rule: Any, guess: str) -> None:
    with pytest.raises(GradcheckError, match=guess):
        gradcheck(op(lambda x: 3.0 * x, rule), leaf([1.0, -2.0, 0.3]))


def test_transposed() -> None:
    weigh = np.arange(9.0).reshape(3, 3)
    wrong = op(lambda x: (x * weigh).sum(keepdims=True), lambda g: g * weigh.T)
    with pytest.raises(GradcheckError, match="guess: transposed"):
        gradcheck(wrong, leaf(np.ones((3, 3))))


def test_without_raise_exception_it_returns_false() -> None:
    wrong = op(lambda x: x * x, lambda g, x: g * x)
    assert gradcheck(wrong, leaf([1.0]), raise_exception=False) is False
    assert gradcheck(wrong, leaf([1.0]), raise_exception=False, fast_mode=True) is False


def test_tolerance_is_pytorchs() -> None:
    off = op(lambda x: x * 1.0, lambda g: g * 1.002)
    assert not gradcheck(off, leaf([1.0]), raise_exception=False)
    assert gradcheck(off, leaf([1.0]), rtol=3e-3)
    assert gradcheck(off, leaf([1.0]), rtol=0, atol=3e-3)


def test_a_wrong_second_derivative_is_caught_by_gradgradcheck_only() -> None:
    def rule(g: Any, x: Any) -> Any:
        return g * 2 * (x.detach() if isinstance(x, Tensor) else x)

    wrong = op(lambda x: x * x, rule)
    assert gradcheck(wrong, leaf([0.7]))
    with pytest.raises(GradcheckError):
        gradgradcheck(wrong, leaf([0.7]))
    with pytest.raises(GradcheckError, match="forward mode"):
        gradgradcheck(wrong, leaf([0.7]), check_fwd_over_rev=True, check_rev_over_rev=False)


def test_nondeterminism() -> None:
    rng = np.random.default_rng(0)
    noisy = op(lambda x: x * 1.0, lambda g: g * (1 + 1e-6 * rng.standard_normal()))
    with pytest.raises(GradcheckError, match="not reentrant"):
        gradcheck(noisy, leaf([1.0]))
    assert gradcheck(noisy, leaf([1.0]), nondet_tol=1e-4)


def test_inputs_that_cannot_be_checked() -> None:
    with pytest.raises(ValueError, match="at least one input tensor to require gradient"):
        gradcheck(lambda x: x * x, make(np.ones(2)))
    expanded = make(np.broadcast_to(np.ones(1), (3,))).requires_grad_()
    with pytest.raises(RuntimeError, match="stride 0"):
        gradcheck(lambda x: x * x, expanded)
    with pytest.raises(AssertionError, match="Expected at least one of"):
        gradcheck(lambda x: x * x, leaf([1.0]), check_backward_ad=False)
    with pytest.warns(UserWarning, match="Input #0 requires gradient and is not a double"):
        gradcheck(lambda x: x * 1, make(np.ones(2, np.float32)).requires_grad_(), atol=0.1)
    for what, grow in (("shape", lambda x: x[:0]), ("dtype", lambda x: x.float())):
        with pytest.raises(AssertionError, match=f"with the same {what} when inputs are"):
            gradcheck(lambda x, grow=grow: grow(x) if (x >= 1).all() else x, leaf([1.0]))


def complex_leaf() -> Tensor:
    return make(np.array([0.5 + 1j, -1 + 0.3j])).requires_grad_()


@pytest.mark.parametrize("fast", [False, True])
def test_complex_numbers_are_two_real_ones(fast: bool) -> None:
    z = complex_leaf()
    assert gradcheck(lambda z: (z * z, z.abs(), z.exp()), z, fast_mode=fast, check_forward_ad=True)
    assert gradgradcheck(lambda z: (z * z, z.real * z.imag), z, fast_mode=fast)

    def conjugated(z: Tensor) -> Any:  # not holomorphic, and with the wrong gradient
        out = z.clone()
        out.register_hook(lambda g: g.conj())
        return out

    with pytest.raises(GradcheckError, match="the imaginary part of complex outputs only, Jac"):
        gradcheck(conjugated, z, fast_mode=fast)


@pytest.mark.parametrize("fast", [False, True])
def test_tangents_are_checked_too(fast: bool) -> None:
    def function(factor: float) -> Any:
        class Twice(tl.autograd.Function):
            @staticmethod
            def forward(ctx: Any, x: Any) -> Any:
                return x * 2

            @staticmethod
            def backward(ctx: Any, g: Any) -> Any:
                return g * 2

            @staticmethod
            def jvp(ctx: Any, t: Any) -> Any:
                return t * factor

        return Twice.apply

    x = leaf([0.3, 0.5])
    assert gradcheck(function(2.0), x, check_forward_ad=True, fast_mode=fast)
    assert gradcheck(function(3.0), x, fast_mode=fast)
    with pytest.raises(GradcheckError, match="computed with forward mode mismatch for output 0"):
        gradcheck(function(3.0), x, check_forward_ad=True, fast_mode=fast)


@pytest.mark.parametrize("fast", [False, True])
def test_what_a_gradient_must_not_be(fast: bool) -> None:
    def shifted(x: Tensor) -> Tensor:
        y = x.clone()
        y.register_hook(lambda g: g + 1e-2)
        return y

    with pytest.raises(GradcheckError, match="backward not multiplied by grad_output"):
        gradcheck(shifted, leaf([1.0]), atol=0.1, fast_mode=fast)
    with pytest.raises(GradcheckError, match="Numerical gradient for function expected to be zero"):
        gradcheck(lambda x: (x * 2).detach(), leaf([1.0]), fast_mode=fast)
    assert gradcheck(lambda x: (), leaf([1.0]), fast_mode=fast)
    assert gradcheck(lambda x: (x * 2, x.detach()), leaf([1.0]), fast_mode=fast)


def test_inputs_keep_their_grad_and_values() -> None:
    x = leaf([1.0, 2.0])
    gradcheck(lambda x: x * x, x)
    assert x.grad is None
    np.testing.assert_array_equal(x.detach().numpy(), [1.0, 2.0])


def test_autograd_function() -> None:
    class Cube(tl.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x * x * x

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            (x,) = ctx.saved_tensors
            return 3 * g * x * x

    assert gradcheck(Cube.apply, leaf([0.5, -1.0]))
    assert gradgradcheck(Cube.apply, leaf([0.5, -1.0]))


def test_inputs_may_be_reached_on_other_ways() -> None:
    layer = tl.nn.Linear(2, 1).double()
    x, w = leaf([[1.0, 2.0]]), leaf([3.0, 4.0])
    assert gradcheck(lambda x, *_: layer(x).tanh(), (x, *layer.parameters()))
    assert gradcheck(lambda d, _: d["w"] ** 3, ({"w": w}, w))
    assert gradgradcheck(lambda d, _: d["w"] ** 3, ({"w": w}, w))
    assert w.tolist() == [3.0, 4.0] and w.grad is None
