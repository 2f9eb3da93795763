"""`Function`: the node and its ctx, the rules about outputs and gradients."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

import tinygrad_lite as torch
from tests.autograd.functions import Cube, Powers, function, leaf
from tinygrad_lite.autograd import Function, grad
from tinygrad_lite.autograd.function import InplaceFunction, once_differentiable
from tinygrad_lite.core.modes import MODE, Watcher, current

# the node and its ctx


def test_attributes_of_ctx_are_seen_on_the_node():
    def forward(ctx, x, k):
        ctx.k = k
        return x * k

    y = function(forward, lambda ctx, g: (g * ctx.k, None)).apply(leaf(1.0), 7)
    assert y.grad_fn.k == 7
    assert y.grad_fn.needs_input_grad == (True, False)
    assert y.grad_fn.name() == "FBackward" and type(y.grad_fn).__name__ == "FBackward"
    with pytest.raises(AttributeError):
        y.grad_fn.nothing


@pytest.mark.parametrize("name", ["_extras", "note", "ctx"])
def test_what_a_node_itself_lacks_is_not_looked_for_in_ctx(name: str):
    y = Cube.apply(leaf(1.0))
    node = y.grad_fn
    if name == "ctx":
        del node.ctx
    else:
        setattr(node.ctx, name, "the user's")
    with pytest.raises(AttributeError, match=f"^{name}$"):
        getattr(node, name)


def test_calls_of_one_function_share_a_node_class_and_its_subclasses_have_their_own():
    class Parent(Cube):
        pass

    class Child(Parent):
        pass

    a, b, c = [F.apply(leaf(1.0)).grad_fn for F in (Parent, Parent, Child)]
    assert type(a) is type(b) is not type(c)
    assert type(c).__name__ == "ChildBackward"
    assert type(a).__slots__ == ()


def test_the_node_knows_the_tensors_it_was_made_from():
    x, y = leaf(1.0), leaf(2.0)
    F = function(lambda ctx, x, k, y, z: x * y, lambda ctx, g: (g, None, g, g))
    first, second, third = F.apply(x, 3, y, torch.ones(1)).grad_fn.next_functions
    assert first[0].variable is x and second[0].variable is y
    assert third == (None, 0)


def test_needs_input_grad_says_who_wants_a_gradient():
    seen = []

    def forward(ctx, *args):
        seen.append(ctx.needs_input_grad)
        return args[0] * 1

    F = function(forward, lambda ctx, g: (g, None, None))
    F.apply(leaf(1.0), torch.ones(1), 3)
    F.apply(torch.ones(1), leaf(1.0), leaf(1.0))
    assert seen == [(True, False, False), (False, True, True)]


def test_nothing_is_recorded_without_need():
    assert not Cube.apply(torch.ones(1)).requires_grad
    with torch.no_grad():
        assert not Cube.apply(leaf(1.0)).requires_grad


def test_a_forward_pass_is_not_recorded():
    seen = []

    def forward(ctx, x):
        y = x * 2
        seen.append((torch.is_grad_enabled(), y.requires_grad))
        return y

    function(forward, lambda ctx, g: g).apply(leaf(1.0))
    assert seen == [(False, False)]


def test_keyword_arguments_reach_forward():
    F = function(lambda ctx, x, *, k=1: x * k, lambda ctx, g: g)
    assert F.apply(torch.ones(1), k=4).item() == 4


def test_setup_context_sees_inputs_and_output():
    class Double(Function):
        @staticmethod
        def forward(x, k=2):
            return x * k

        @staticmethod
        def setup_context(ctx, inputs, output):
            assert not torch.is_grad_enabled()
            ctx.seen = inputs, output
            ctx.save_for_backward(inputs[0])

        @staticmethod
        def backward(ctx, g):
            return g * 2, None

    x = leaf(3.0)
    y = Double.apply(x)
    assert y.grad_fn.seen[0] == (x, 2) and y.grad_fn.seen[1] is y
    assert y.grad_fn.saved_tensors[0] is x
    assert Double.apply(torch.ones(1), k=5).item() == 5


# outputs


def test_one_output_in_a_tuple_stays_a_tuple():
    F = function(lambda ctx, x: (x * 2,), lambda ctx, g: g * 2)
    assert [type(F.apply(x)) for x in (leaf(1.0), torch.ones(1))] == [tuple, tuple]
    x = leaf(1.0)
    (y,) = F.apply(x)
    y.backward()
    assert x.grad.tolist() == [2.0]
    assert torch.is_tensor(function(lambda ctx, x: x * 2, lambda ctx, g: g).apply(x))


def test_an_input_returned_is_a_view_of_it_with_a_history_of_its_own():
    F = function(lambda ctx, x: x, lambda ctx, g: g * 5)
    x = leaf(1.0)
    y = F.apply(x)
    assert y is not x and x.is_leaf and y._is_view() and y._base is x
    assert y.data_ptr() == x.data_ptr()
    y.backward()
    assert x.grad.tolist() == [5.0]


def test_a_foreign_tensor_with_a_history_keeps_it():
    other = leaf(3.0) * 1
    before = other.grad_fn
    F = function(lambda ctx, x: other, lambda ctx, g: g * 5)
    x = leaf(1.0)
    y = F.apply(x)
    assert other.grad_fn is before and y is not other and y.grad_fn is not before
    y.backward()
    assert x.grad.tolist() == [5.0]


def test_what_is_no_tensor_passes_through():
    F = function(lambda ctx, x: (x * 2, "text", None, 3), lambda ctx, *g: g[0] * 2)
    x = leaf(1.0)
    y, *rest = F.apply(x)
    assert rest == ["text", None, 3]
    y.backward()
    assert x.grad.tolist() == [2.0]


def test_outputs_of_integers_and_marked_ones_require_no_gradient():
    def forward(ctx, x):
        marked, counted = x * 2, x.long()
        ctx.mark_non_differentiable(marked)
        return counted, marked, x * 3

    seen = []

    def backward(ctx, a, b, c):
        seen.extend([a.dtype, b.tolist(), c.tolist()])
        return c * 3

    x = leaf(1.0)
    counted, marked, y = function(forward, backward).apply(x)
    assert (counted.requires_grad, marked.requires_grad, y.requires_grad) == (False, False, True)
    y.backward()
    assert seen == [torch.int64, [0.0], [1.0]]
    assert x.grad.tolist() == [3.0]


@pytest.mark.parametrize("several", [False, True])
def test_an_input_written_and_marked_dirty_takes_the_history(several: bool):
    def forward(ctx, x):
        ctx.mark_dirty(x)
        x.mul_(2)
        return (x, x + 1) if several else x

    F = function(forward, lambda ctx, *g: sum(g) * 2)
    x = leaf(1.0)
    z = x * 1
    out = F.apply(z)
    y = out[0] if several else out
    assert y is z and z.tolist() == [2.0]
    assert z.grad_fn.name() == "FBackward"
    (sum(out) if several else out).backward()
    assert x.grad.tolist() == [4.0 if several else 2.0]


def test_a_leaf_marked_dirty_is_refused():
    def forward(ctx, x):
        ctx.mark_dirty(x)
        return x

    with pytest.raises(RuntimeError) as e:
        function(forward, lambda ctx, g: g).apply(leaf(1.0))
    assert str(e.value) == (
        "a leaf Variable that requires grad has been used in an in-place operation. Wrap the write "
        "in `with no_grad():`, or write out of place"
    )


def test_dirty_inputs_must_be_returned():
    def forward(ctx, x, y):
        ctx.mark_dirty(x, y)
        return x

    z = leaf(1.0) * 1
    with pytest.raises(RuntimeError) as e:
        function(forward, lambda ctx, g: (g, g)).apply(z, z * 1)
    assert str(e.value) == (
        "Some elements marked as dirty during the forward method were not returned as output. The "
        "inputs that are modified inplace must all be outputs of the Function."
    )


# gradients


def test_gradients_of_unused_outputs_are_zeros_of_their_shape_and_dtype():
    seen = []

    def forward(ctx, x):
        return x * 2, torch.ones(2, 3, dtype=torch.float64), "no tensor"

    def backward(ctx, a, b, c):
        seen.extend([b, c])
        return a

    function(forward, backward).apply(leaf(1.0))[0].backward()
    assert seen[0].dtype == torch.float64 and seen[0].tolist() == [[0.0] * 3] * 2
    assert seen[1] is None


def test_gradients_of_unused_outputs_are_none_if_asked():
    seen = []

    def forward(ctx, x):
        ctx.set_materialize_grads(False)
        return x * 2, x * 3

    def backward(ctx, a, b):
        seen.append(a)
        return b

    function(forward, backward).apply(leaf(1.0))[1].backward()
    assert seen == [None]


def test_more_gradients_than_arguments_may_be_none():
    x = leaf(1.0)
    function(lambda ctx, x: x * 1, lambda ctx, g: (g * 4, None, None)).apply(x).backward()
    assert x.grad.tolist() == [4.0]


def test_gradients_for_what_wants_none_are_dropped():
    x = leaf(1.0)
    F = function(lambda ctx, k, x: x * 1, lambda ctx, g: (g, g * 4))
    F.apply(torch.ones(1), x).backward()
    assert x.grad.tolist() == [4.0]


def test_no_gradient_for_the_first_but_one_for_the_second():
    x, y = leaf(1.0), leaf(1.0)
    function(lambda ctx, x, y: x * y, lambda ctx, g: (None, g * 4)).apply(x, y).backward()
    assert x.grad is None and y.grad.tolist() == [4.0]


def test_a_gradient_that_was_broadcast_is_summed_back():
    x = torch.ones(3, 1, requires_grad=True)
    F = function(lambda ctx, x: x.sum(), lambda ctx, g: g * torch.ones(2, 3, 4))
    F.apply(x).backward()
    assert x.grad.tolist() == [[8.0]] * 3


def test_the_backward_pass_may_be_called_vjp():
    class F(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        def vjp(ctx, g):
            return g * 3

    x = leaf(1.0)
    F.apply(x).backward()
    assert x.grad.tolist() == [3.0]


# decorated and derived ones


def test_once_differentiable_runs_unrecorded_and_refuses_a_second_derivative():
    seen = []

    @once_differentiable
    def backward(ctx, g):
        "Gives the double."
        seen.append(torch.is_grad_enabled())
        return g * 2, None, None

    assert backward.__doc__ == "Gives the double."
    F = function(lambda ctx, x, y, k: x * 2, backward)
    x, y, v = leaf(1.0), leaf(1.0), leaf(1.0)
    F.apply(x, y, 1).backward()
    assert x.grad.tolist() == [2.0] and not x.grad.requires_grad
    (g,) = grad(F.apply(x, y, 1), x, v, create_graph=True)
    assert g.tolist() == [2.0] and g.grad_fn.name() == "Error"
    assert g.grad_fn.next_functions[0][0].variable is v
    assert seen == [False, False]
    with pytest.raises(RuntimeError) as e:
        g.backward()
    assert str(e.value) == (
        "trying to differentiate twice a function that was marked with @once_differentiable"
    )


def test_a_gradient_is_sealed_by_any_incoming_one_that_can_be_differentiated():
    F = function(
        lambda ctx, x: (x * 2, x * 3), once_differentiable(lambda ctx, g, h: g * 2 + h * 3)
    )
    x, v = leaf(1.0), leaf(1.0)
    (g,) = grad(F.apply(x)[1], x, v, create_graph=True)  # nothing arrives at the first output
    assert g.grad_fn.next_functions[0][0].variable is v


def test_what_depends_on_nothing_differentiable_is_not_sealed():
    F = function(lambda ctx, x: x * 2, once_differentiable(lambda ctx, g: g * 2))
    with torch.enable_grad():
        found = F.backward(None, torch.ones(1))
    assert not found.requires_grad


def test_inplace_function_remembers_whether_it_is():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        assert InplaceFunction().inplace is False
        assert InplaceFunction(True).inplace is True


def test_a_watcher_sees_the_call_once_for_each_output():
    seen: list[Any] = []

    class Watch(Watcher):
        def forward(self, op, arrays, meta, out, node):
            if op.name == "Powers":
                seen.append(([a.tolist() for a in arrays], meta, out.tolist(), node))

    token = MODE.set(current().but(watch=Watch()))
    try:
        a, _b = Powers.apply(leaf(3.0))
        Powers.apply(torch.ones(1))
    finally:
        MODE.reset(token)
    assert seen == [([[3.0]], {}, [3.0], a.grad_fn), ([[3.0]], {}, [9.0], a.grad_fn)]
