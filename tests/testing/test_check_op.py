"""check_op on everything it accepts, and what it says when all is well."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_lite as tl
from tinygrad_lite import testing
from tinygrad_lite.core.tensor import Tensor
from tinygrad_lite.testing import LawError, check_op, op_test, strategies

pytest_plugins = ["pytester"]


def test_registered_ops_bring_their_samples() -> None:
    found = check_op(tl.mul)
    assert found
    assert str(found).startswith("mul: 18 laws hold over 40 drawn inputs")


def test_plain_functions() -> None:
    assert check_op(lambda x, y: (x * y).sin() + x)
    assert check_op(lambda x, y: x @ y, "n k", "k m")
    assert check_op(lambda x: (x.sum(0), x.exp()), "n m")
    assert check_op(lambda x: x.sum(-1), (2, 3))


def test_functions_of_several_floats_are_guessed_from_the_signature() -> None:
    def product(x: Any, y: Any, scale: float = 2.0) -> Any:
        return x * y * scale

    assert check_op(product)


def test_metadata_and_labels() -> None:
    def loss(x: Any, target: Any, *, reduction: str) -> Any:
        picked = x.log_softmax(-1).gather(1, target.unsqueeze(1))
        return -(picked.sum() if reduction == "sum" else picked.mean())

    modes = st.sampled_from(["sum", "mean"])
    assert check_op(loss, (2, 3), strategies.labels(3, (2,)), reduction=modes)


def test_function_classes() -> None:
    class Product(tl.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any, y: Any) -> Any:
            ctx.save_for_backward(x, y)
            return x * y

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            x, y = ctx.saved_tensors
            need = ctx.needs_input_grad
            return (g * y if need[0] else None), (g * x if need[1] else None)

    assert check_op(Product, "n m", "n m")
    with pytest.raises(LawError, match=r"backward returned shape .* guess: a missing sum"):
        check_op(Product, "n m", "m")


def test_modules_towards_inputs_and_parameters() -> None:
    class Affine(_Module):
        def __init__(self) -> None:
            self.weight = tl.tensor([[0.5, -1.0, 2.0]], requires_grad=True)
            self.bias = tl.tensor([0.25], requires_grad=True)

        def forward(self, x: Any) -> Any:
            return (x @ self.weight.t() + self.bias).tanh()

    module = Affine()
    assert check_op(module, "n 3")
    assert module.weight.dtype is tl.float32  # as it was
    assert module.weight.grad is None

    class Forgetful(Affine):
        def forward(self, x: Any) -> Any:
            return x @ self.weight.t() + self.bias.detach()

    with pytest.raises(LawError, match=r"towards bias\[0\] is 0 by the rule.*cut by detach"):
        check_op(Forgetful(), "n 3")


class _Module:
    def named_parameters(self) -> Any:
        return [(k, v) for k, v in vars(self).items() if isinstance(v, Tensor)]

    def buffers(self) -> Any:
        return []

    def __call__(self, *args: Any) -> Any:
        return self.forward(*args)


def test_numpy_pairs() -> None:
    def value(x: Any, y: Any) -> Any:
        return np.log(np.cosh(x)) * y

    def vjp(g: Any, x: Any, y: Any) -> Any:
        return g * np.tanh(x) * y, g * np.log(np.cosh(x))

    assert check_op((value, vjp), "n", "n", skip="float32_is_close")
    assert check_op(value, "n", "n", vjp=vjp, skip="float32_is_close")


def test_an_oracle() -> None:
    assert check_op(lambda x: x.exp(), "n", oracle=np.exp)
    with pytest.raises(LawError, match=r"the value\[0\] is 3\.\d+, not 2\.7\d+"):
        check_op(lambda x: x.exp() + 0.5, "n", oracle=np.exp)


def test_kinks_are_known() -> None:
    found = check_op(lambda x: x.relu(), "n")
    assert found
    assert "a kink" in str(found)
    assert "on the left" in str(found)


def test_float32_ops_are_checked_in_float64() -> None:
    assert check_op(lambda x: (x * 3).sigmoid().sum(), "n")  # whose float32 rounding is 1e-7
    assert check_op(lambda x: x.to(tl.float32).sin(), "n", order=1, skip=["float32_is_close"])
    doubled = lambda g, x: 2 * g * np.cos(x.astype(np.float32)).astype(x.dtype)
    with pytest.raises(LawError, match="factor 2 too much"):
        check_op((lambda x: np.sin(x.astype(np.float32)), doubled), "n", skip="gradient_fits")


def test_overflow_in_float32() -> None:
    wide = strategies.tensors("n", elements=st.floats(-300, 300))
    assert check_op(lambda x: x.sigmoid(), wide)
    with pytest.raises(LawError, match=r"is inf in float32"):
        check_op(lambda x: x.cosh().log(), wide)


def test_unknown_laws_and_missing_shapes() -> None:
    with pytest.raises(ValueError, match="the laws are"):
        check_op(tl.mul, skip="no_such_law")
    with pytest.raises(TypeError, match="give their shapes"):
        check_op(lambda *xs: xs[0])
    with pytest.raises(TypeError, match="expected a function"):
        check_op(3)


def test_an_op_that_raises() -> None:
    with pytest.raises(LawError, match="raised ZeroDivisionError"):
        check_op(lambda x: x / 0 if 1 // 0 else x, "n")


def test_it_takes_less_than_two_seconds_on_an_elementwise_op() -> None:
    def cost() -> float:  # in this process's own time: the machine may have other work
        started = time.process_time()
        check_op(tl.mul)
        return time.process_time() - started

    check_op(tl.mul)
    assert any(cost() < 2.0 for _ in range(3))


def test_it_leaves_the_random_state_alone() -> None:
    tl.manual_seed(5)
    first = tl.rand(2).tolist()
    tl.manual_seed(5)
    check_op(lambda x: x * 2, "n")
    assert tl.rand(2).tolist() == first


def test_op_test_is_collected(pytester: pytest.Pytester) -> None:
    root = Path(tl.__file__).parents[1]
    pytester.makeconftest('pytest_plugins = ["tinygrad_lite.testing.plugin"]')
    pytester.makepyfile(
        test_ops="""
        from tinygrad_lite.testing import op_test

        @op_test("n")
        def cube(x):
            return x * x * x

        @op_test("n", "n")
        def half_detached(x, y):
            return x * y.detach()
        """
    )
    pytester.syspathinsert(str(root))
    result = pytester.runpytest_subprocess("-q", "--op-profile", "ci", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*half_detached: gradient towards y*"])


def test_op_test_leaves_the_op_alone() -> None:
    assert op_test("n")(tl.sin) is tl.sin
    del tl.sin.__op_test__


# -- strategies -----------------------------------------------------------------------------------


@settings(max_examples=20)
@given(
    strategies.tensors("b c 2"),
    strategies.tensors((2, 3), dtype=tl.float32, elements=st.floats(-1, 1, width=32)),
    strategies.broadcastable(3),
    strategies.shared("n k", "k m"),
    strategies.indices(4, (3,)),
    strategies.labels(5),
    st.integers(0, 4).flatmap(lambda n: st.tuples(st.just(n), strategies.axes(n))),
)
def test_strategies(a: Any, b: Any, several: Any, pair: Any, i: Any, c: Any, axis: Any) -> None:
    assert a.shape[2] == 2 and a.dtype is tl.float64
    assert tuple(b.shape) == (2, 3) and b.dtype is tl.float32
    np.broadcast_shapes(*(tuple(t.shape) for t in several))
    assert pair[0].shape[1] == pair[1].shape[0]
    assert i.dtype is tl.int64 and all(-4 <= n < 4 for n in i.tolist())
    assert all(0 <= n < 5 for n in c.tolist())
    n, which = axis
    tl.ones((1,) * n).sum(which)


def test_from_samples_shrinks_to_the_smallest() -> None:
    import hypothesis

    _, arrays, _ = hypothesis.find(strategies.from_samples(tl.mul), lambda drawn: True)
    assert [a.shape for a in arrays] == [(), ()]
    assert [a.item() for a in arrays] == [1.0, 1.0]


def test_assert_close_and_make_tensor() -> None:
    testing.assert_close(tl.ones(2), tl.ones(2) * (1 + 1e-7))
    testing.assert_close({"a": [1.0, tl.ones(1)]}, {"a": [1.0, tl.ones(1)]})
    with pytest.raises(AssertionError, match="not close"):
        testing.assert_close(tl.ones(2), tl.tensor([1.0, 2.0]))
    with pytest.raises(AssertionError, match="'dtype' do not match"):
        testing.assert_close(tl.ones(2), tl.ones(2, dtype=tl.float64))
    with pytest.raises(AssertionError, match="'shape' do not match"):
        testing.assert_close(tl.ones(2), tl.ones(3))
    t = testing.make_tensor(3, 4, dtype=tl.float32, low=1, high=2, requires_grad=True)
    assert tuple(t.shape) == (3, 4) and t.requires_grad and 1 <= t.min().item() < 2
    t = testing.make_tensor((3, 4), dtype=tl.int64, noncontiguous=True, exclude_zero=True)
    assert not t.is_contiguous()
