"""Functions whose outputs are views, or have no derivative; the class of their nodes."""

from __future__ import annotations

import pytest

import tinygrad_lite as torch
from tinygrad_lite.autograd import Function


def test_gradients_of_outputs_without_derivative_may_stay_away():
    class Parts(Function):
        @staticmethod
        def forward(ctx, x):
            whole = x.floor()
            ctx.mark_non_differentiable(whole)
            ctx._materialize_non_diff_grads = False
            return x - whole, whole

        @staticmethod
        def backward(ctx, g, none):
            assert none is None
            return g

    x = torch.tensor([1.5], requires_grad=True)
    Parts.apply(x)[0].backward()
    assert x.grad.item() == 1


def test_a_view_written_in_place_must_be_the_only_output():
    class Double(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.mark_dirty(x)
            return x.mul_(2), x + 1

        @staticmethod
        def backward(ctx, g, h):
            return 2 * g + 2 * h

    x = torch.ones(2, 2, requires_grad=True).clone()
    Double.apply(x)
    with pytest.raises(RuntimeError, match="cannot return more than one Tensor"):
        Double.apply(x[0])


def test_the_class_of_its_nodes_and_the_old_name_of_what_is_saved():
    class Old(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, g):
            with pytest.warns(DeprecationWarning, match="saved_variables"):
                (x,) = ctx.saved_variables
            return 2 * x * g

    x = torch.tensor([3.0], requires_grad=True)
    y = Old.apply(x)
    assert type(y.grad_fn) is Old._backward_cls
    y.backward()
    assert x.grad.item() == 6


def test_what_is_marked_as_written_should_be_an_input():
    class Fresh(Function):
        @staticmethod
        def forward(ctx, x, view):
            out = x * 3
            out = out.view_as(out) if view else out
            ctx.mark_dirty(out)
            return out

        @staticmethod
        def backward(ctx, g):
            return 3 * g, None

    x = torch.ones(2, requires_grad=True)
    with pytest.warns(UserWarning, match="received a tensor that was not an input"):
        Fresh.apply(x, False)
    with pytest.raises(RuntimeError, match="received a tensor that was not an input"):
        Fresh.apply(x, True)


def test_setup_context_sees_defaults():
    class Power(Function):
        @staticmethod
        def forward(x, n=3):
            return x**n

        @staticmethod
        def setup_context(ctx, inputs, output):
            x, ctx.n = inputs
            ctx.save_for_backward(x)

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return g * ctx.n * x ** (ctx.n - 1), None

    x = torch.tensor(2.0, requires_grad=True)
    Power.apply(x).backward()
    assert x.grad.item() == 12
