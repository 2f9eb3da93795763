"""`Function`: what `forward` saves for `backward`, and how it comes back."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest

import tinygrad_lite as torch
from tests.autograd.functions import Cube, Powers, function, leaf
from tinygrad_lite.autograd import Function, grad
from tinygrad_lite.autograd.graph import saved_tensors_hooks


class Exp(Function):
    """Saves its output."""

    @staticmethod
    def forward(ctx, x):
        y = x.exp()
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, g):
        (y,) = ctx.saved_tensors
        return g * y


def test_a_saved_leaf_comes_back_as_itself():
    seen = []

    def backward(ctx, g):
        seen.extend(ctx.saved_tensors)
        return g

    def forward(ctx, x):
        ctx.save_for_backward(x, None)
        return x * 1

    x = leaf(1.0)
    function(forward, backward).apply(x).backward()
    assert seen[0] is x and seen[1] is None


def test_a_saved_leaf_given_other_data_comes_back_as_it_was():
    x = leaf(2.0)
    y = Cube.apply(x)
    x.data = torch.tensor([5.0])
    (saved,) = y.grad_fn.saved_tensors
    assert saved is not x and saved.tolist() == [2.0]
    assert saved.grad_fn is None and saved.requires_grad


def test_a_leaf_that_is_gone_comes_back_with_its_value():
    x = leaf(2.0)
    y = Cube.apply(x)
    del x
    assert y.grad_fn.saved_tensors[0].tolist() == [2.0]


def test_a_saved_value_comes_back_at_its_place_in_the_graph():
    z = leaf(2.0) * 2
    (saved,) = Cube.apply(z).grad_fn.saved_tensors
    assert saved is z
    again = Cube.apply(z * 1).grad_fn.saved_tensors[0]  # of a Tensor that is gone
    assert again.grad_fn.name() == "MulBackward0"


def test_gradients_may_be_differentiated_through_saved_inputs_and_outputs():
    x = leaf(2.0)
    for f, expected in (
        (lambda x: Cube.apply(x * 1), 12.0),
        (lambda x: Exp.apply(x), np.exp(2.0)),
        (lambda x: Powers.apply(x)[1], 2.0),
        (lambda x: sum(Powers.apply(x)), 2.0),
    ):
        (g,) = grad(f(x).sum(), x, create_graph=True)
        assert g.requires_grad
        np.testing.assert_allclose(grad(g.sum(), x)[0].item(), expected, rtol=1e-6)


def test_saved_outputs_know_the_node_that_made_them():
    y = Exp.apply(leaf(1.0))
    assert y.grad_fn.saved_tensors[0].grad_fn is y.grad_fn
    _, second = Powers.apply(leaf(3.0))
    saved = second.grad_fn.saved_tensors[1]
    assert saved.output_nr == 1 and saved.grad_fn is second.grad_fn
    assert saved.tolist() == [9.0]


def test_a_saved_output_makes_no_cycle():
    for f in (Exp.apply, lambda x: Powers.apply(x)[1]):
        y = f(leaf(1.0))
        node = weakref.ref(y.grad_fn)
        gc.disable()
        try:
            del y
            assert node() is None
        finally:
            gc.enable()


def test_saved_complex_outputs_are_part_of_the_graph():
    z = torch.tensor([1j], requires_grad=True)
    y = Exp.apply(z)
    assert y.grad_fn.saved_tensors[0].grad_fn is y.grad_fn
    _, second = Powers.apply(z)
    assert second.grad_fn.saved_tensors[1].grad_fn is second.grad_fn


def test_saved_outputs_of_integers_have_no_graph():
    def forward(ctx, x, several):
        i = x.long()
        ctx.save_for_backward(i)
        return (x * i, i) if several else i

    for several in (True, False):
        F = function(forward, lambda ctx, *g: (g[0], None))
        x = leaf(2.5)
        out = F.apply(x, several)
        out, i = out if several else (out, out)
        assert not i.requires_grad
        if several:
            (saved,) = out.grad_fn.saved_tensors
            assert saved.tolist() == [2] and not saved.requires_grad


def test_saved_tensors_are_there_before_the_call_is_recorded_too():
    def forward(ctx, x):
        ctx.save_for_backward(x)
        assert ctx.saved_tensors == (x,)
        return x * 1

    F = function(forward, lambda ctx, g: g)
    F.apply(leaf(1.0))
    F.apply(torch.ones(1))


def test_a_saved_value_written_since_is_refused():
    x = leaf(1.0, 2.0)
    z = x * 2
    y = Cube.apply(z)
    z.add_(1)
    with pytest.raises(RuntimeError) as e:
        y.sum().backward()
    assert str(e.value) == (
        "one of the variables needed for gradient computation has been modified by an inplace "
        "operation: [torch.FloatTensor [2]], saved by save_for_backward, was then written by add_ "
        "(version 1)"
    )


def test_a_saved_value_written_before_it_was_saved_is_fine():
    z = leaf(1.0) * 2
    z.add_(1)
    y = Cube.apply(z)
    torch.ones(1).add_(1)
    y.backward()


def test_saved_values_are_freed_by_the_pass():
    y = Cube.apply(leaf(1.0))
    y.backward()
    with pytest.raises(RuntimeError) as e:
        y.grad_fn.saved_tensors
    assert str(e.value) == (
        "Trying to backward through the graph a second time (or directly access saved tensors "
        "after they have already been freed). Saved intermediate values of the graph are freed "
        "when you call .backward() or autograd.grad(). Specify retain_graph=True if you need to "
        "backward through the graph a second time or if you need to access saved tensors after "
        "calling backward."
    )
    with pytest.raises(RuntimeError, match="a second time"):
        y.grad_fn._raw_saved_tensors


def test_a_backward_that_needs_nothing_saved_runs_twice():
    class Twice(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g * 2

    x = leaf(1.0)
    y = Twice.apply(x)
    y.backward()
    y.backward()
    assert x.grad.tolist() == [4.0]


# hooks on what is saved


def test_saved_values_may_be_packed():
    log = []

    def pack(t):
        log.append(("pack", t.tolist(), t.requires_grad))
        return t.numpy().copy()

    def unpack(a):
        log.append(("unpack", a.tolist()))
        return torch.from_numpy(a * 10)

    x = leaf(2.0)
    with saved_tensors_hooks(pack, unpack):
        y = Cube.apply(x)
    y.backward()
    assert log == [("pack", [2.0], True), ("unpack", [2.0])]
    assert x.grad.tolist() == [1200.0]


def test_saved_values_may_be_packed_one_by_one():
    def forward(ctx, x):
        ctx.save_for_backward(None, x)
        return x * 1

    x = leaf(2.0)
    y = function(forward, lambda ctx, g: g * ctx.saved_tensors[1]).apply(x)
    nothing, raw = y.grad_fn._raw_saved_tensors
    with pytest.raises(RuntimeError, match="None is forbidden"):
        nothing.register_hooks(lambda t: t, lambda t: t)
    assert y.grad_fn.saved_tensors[0] is None
    raw.register_hooks(lambda t: t * 3, lambda t: t + 1)
    y.backward()
    assert x.grad.tolist() == [7.0]


def test_a_packed_array_is_let_go_of():
    y = Cube.apply(leaf(2.0) * 1)
    (raw,) = y.grad_fn._raw_saved_tensors
    raw.register_hooks(lambda t: "elsewhere", lambda s: torch.tensor([len(s)]) * 1.0)
    assert raw.array is None
    assert y.grad_fn.saved_tensors[0].tolist() == [9.0]


def test_unpacking_to_something_else_is_refused():
    with saved_tensors_hooks(lambda t: t, lambda t: 3.0):
        y = Cube.apply(leaf(1.0))
    with pytest.raises(TypeError) as e:
        y.backward()
    assert str(e.value) == (
        "Output of saved tensor unpack_hook expected to be a Tensor but got result of type float"
    )
