"""`torch.library.custom_op`: the same programs on both sides."""

from __future__ import annotations

from typing import Any

import pytest

import tinygrad_lite as tl

torch = pytest.importorskip("torch")
LIBRARIES = pytest.mark.parametrize("t", [torch, tl], ids=["torch", "tinygrad_lite"])


def declared(t: Any, name: str) -> Any:
    """x sin(x) by the factor `by`, with its derivative."""

    def body(x, by=1.0):
        return x * x.sin() * by

    body.__annotations__ = {"x": t.Tensor, "by": float, "return": t.Tensor}
    op = t.library.custom_op(f"here::{name}", body, mutates_args=())

    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(inputs[0])
        ctx.by = inputs[1]

    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * (x.sin() + x * x.cos()) * ctx.by, None

    op.register_autograd(backward, setup_context=setup_context)
    return op


@LIBRARIES
def test_an_op_with_a_derivative(t):
    op = declared(t, "with_derivative")
    x = t.linspace(-1, 1, 5, dtype=t.float64).requires_grad_()
    y = op(x, by=2.0)
    t.testing.assert_close(y, x * x.sin() * 2)
    y.sum().backward()
    t.testing.assert_close(x.grad, 2 * (x.sin() + x * x.cos()).detach())
    t.testing.assert_close(t.ops.here.with_derivative(x), x * x.sin())
    assert t.autograd.gradcheck(op, (x,))
    assert t.autograd.gradgradcheck(op, (x,))


@LIBRARIES
def test_an_op_without_one(t):
    def body(x):
        return x.exp()

    body.__annotations__ = {"x": t.Tensor, "return": t.Tensor}
    op = t.library.custom_op("here::without_derivative", mutates_args=())(body)
    assert op(t.zeros(2)).tolist() == [1, 1]
    y = op(t.zeros(2, requires_grad=True))
    with pytest.raises(RuntimeError, match="no autograd formula was registered"):
        y.sum().backward()
    t.library.register_autograd("here::without_derivative", lambda ctx, g: g * 0 + 7)
    x = t.zeros(2, requires_grad=True)
    op(x).sum().backward()
    assert x.grad.tolist() == [7, 7]


@LIBRARIES
def test_an_op_that_writes(t):
    def body(x, by):
        x.mul_(by)

    body.__annotations__ = {"x": t.Tensor, "by": float, "return": None}
    op = t.library.custom_op("here::writes", body, mutates_args={"x"})
    x = t.ones(2)
    version = x._version
    assert op(x, 3.0) is None
    assert x.tolist() == [3, 3]
    assert x._version > version
    with pytest.raises(RuntimeError, match="autograd formula"):
        op.register_autograd(lambda ctx, g: (g, None))


@LIBRARIES
def test_what_is_wrong_is_told(t):
    def body(x):
        return x

    body.__annotations__ = {"x": t.Tensor, "return": t.Tensor}
    op = t.library.custom_op("here::aliases", body, mutates_args=())
    with pytest.raises(RuntimeError, match="may not alias any inputs"):
        op(t.ones(2))
    with pytest.raises((ValueError, RuntimeError)):
        t.library.custom_op("noname", body, mutates_args=())


@LIBRARIES
def test_another_body(t):
    op = declared(t, "another_body")

    @op.register_kernel("cpu")
    def _(x, by=1.0):
        return x + by

    @op.register_fake
    def _(x, by=1.0):
        return t.empty_like(x)

    assert op(t.ones(2), 3.0).tolist() == [4, 4]


def test_namespaces_of_ours_are_taken() -> None:
    with pytest.raises(ValueError, match="the namespace 'linalg' is taken"):
        tl.library.custom_op("linalg::mine", lambda x: x, mutates_args=())
    with pytest.raises(RuntimeError, match="there is no custom op called 'here::nothing'"):
        tl.library.register_autograd("here::nothing", lambda ctx, g: g)
    with pytest.raises(ValueError, match="mutates_args names"):
        tl.library.custom_op("here::misnamed", lambda x: x, mutates_args=("y",))
