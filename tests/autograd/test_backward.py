"""`backward` and `grad`: which gradients are asked for, what may be given, what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_lite as torch
from tests.refusals import Refusal, refusals
from tinygrad_lite.autograd import backward, grad
from tinygrad_lite.autograd.graph import GradientEdge, get_gradient_edge


def leaf(*values: float) -> torch.Tensor:
    return torch.tensor(values, requires_grad=True)


def complex_leaf() -> torch.Tensor:
    return torch.tensor([1 + 2j, 3 - 1j], requires_grad=True)


# which graphs are kept, which are recorded


def test_a_recorded_pass_keeps_the_graph_for_another():
    x = leaf(2.0)
    y = (x**3).sum()
    backward(y, create_graph=True)
    backward(y)
    np.testing.assert_allclose(x.grad.detach().numpy(), [24])


def test_a_pass_frees_the_graph_unless_told_otherwise():
    x = leaf(2.0)
    for call in (backward, lambda y, **kw: grad(y, x, **kw)):
        y = (x**3).sum()
        call(y, create_graph=True, retain_graph=False)
        with pytest.raises(RuntimeError, match="a second time"):
            call(y)
        y = (x**3).sum()
        call(y, retain_graph=True)
        call(y)
        with pytest.raises(RuntimeError, match="a second time"):
            call(y)


def test_what_an_input_saved_is_kept_for_a_pass_from_there():
    x = leaf(2.0)
    h = x**3
    y = (h**2).sum()
    np.testing.assert_allclose(grad(y, h)[0].numpy(), [16])
    np.testing.assert_allclose(grad(h.sum(), x)[0].numpy(), [12])
    h = x**3
    grad((h**2).sum(), [h, x])
    with pytest.raises(RuntimeError, match="a second time"):
        grad(h.sum(), x)


def test_recorded_gradients_of_chosen_inputs_can_be_differentiated():
    x = leaf(2.0)
    z = x**3
    backward(z.sum(), inputs=[x], create_graph=True)
    assert x.grad.requires_grad
    np.testing.assert_allclose(grad(x.grad.sum(), x)[0].numpy(), [12])


def test_gradients_are_plain_unless_recorded():
    x = leaf(2.0)
    (g,) = grad((x**3).sum(), x)
    assert not g.requires_grad
    (x**3).sum().backward()
    assert not x.grad.requires_grad
    (g,) = grad((x**3).sum(), x, create_graph=True)
    assert g.requires_grad


def test_a_recorded_pass_starts_from_the_given_gradient_as_a_variable():
    x, v = leaf(1.0, 2.0), leaf(3.0, 4.0)
    for outputs in (x**2, get_gradient_edge(x**2)):
        (g,) = grad(outputs, x, v, create_graph=True)
        np.testing.assert_allclose(grad(g.sum(), v)[0].numpy(), [2, 4])


def test_an_unrecorded_pass_gives_rules_plain_tensors():
    seen = []

    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, g):
            seen.append(g.requires_grad)
            return 2 * g * ctx.saved_tensors[0]

    x, v = leaf(1.0), leaf(1.0)
    grad(Square.apply(x), x, v)
    grad(Square.apply(x), x, v, create_graph=True)
    assert seen == [False, True]


# what is returned


def test_unreached_inputs_are_none_or_zeros_of_their_shape_and_dtype():
    x = leaf(1.0)
    other = torch.ones(2, 3, dtype=torch.float64, requires_grad=True)
    assert grad(x.sum(), [x, other], allow_unused=True)[1] is None
    zeros = grad(x.sum(), [x, other], materialize_grads=True)[1]
    assert zeros.dtype == torch.float64
    np.testing.assert_array_equal(zeros.numpy(), np.zeros((2, 3)))


def test_grad_leaves_the_accumulated_gradients_alone():
    x = leaf(1.0)
    grad(x.sum(), x)
    assert x.grad is None


def test_returned_gradients_may_be_written():
    x = leaf(1.0, 2.0)
    (g,) = grad(x.sum(), x)  # its rule gives one number, expanded
    g.add_(1)
    np.testing.assert_array_equal(g.numpy(), [2, 2])


def test_returned_gradients_share_memory_neither_with_each_other_nor_with_what_was_given():
    x = leaf(1.0, 2.0)
    y = x * 1
    flat = y.view(2, 1)
    v = torch.ones(2, 1)
    found = grad(flat, [x, y, flat], v)
    for g in found:
        g.mul_(5)
    for g in found:
        np.testing.assert_array_equal(g.numpy().ravel(), [5, 5])
    np.testing.assert_array_equal(v.numpy().ravel(), [1, 1])


def test_the_same_input_twice_gives_two_arrays():
    x = leaf(1.0, 2.0)
    a, b = grad((x * 3).sum(), [x, x])
    a.mul_(0)
    np.testing.assert_array_equal(b.numpy(), [3, 3])


def test_gradients_that_are_one_array_keep_their_graphs_when_recorded():
    x, y = leaf(2.0), leaf(1.0)
    gx, gy = grad(((x + y) ** 3).sum(), [x, y], create_graph=True)
    assert gx.requires_grad and gy.requires_grad
    np.testing.assert_allclose(grad(gy.sum(), x)[0].numpy(), [18])


# gradients from several places


def test_a_tensor_after_an_edge_is_a_root_too():
    x = leaf(2.0)
    a, b = x * 2, x * 3
    backward([get_gradient_edge(a), b], [torch.ones(1), None])
    np.testing.assert_array_equal(x.grad.numpy(), [5])


def test_more_gradients_than_outputs_are_ignored():
    x = leaf(2.0)
    (g,) = grad(x * 2, x, [torch.ones(1), torch.ones(7)])
    np.testing.assert_array_equal(g.numpy(), [2])


def test_an_edge_stands_for_its_tensor_as_root_and_as_input():
    x = leaf(1.0, 2.0)
    y = x * 2
    z = (y**2).double()
    (g,) = grad(get_gradient_edge(z), get_gradient_edge(y), torch.ones(2, dtype=torch.float64))
    assert g.dtype == torch.float32
    np.testing.assert_array_equal(g.numpy(), [4, 8])
    backward(get_gradient_edge((x**2).sum()), inputs=[get_gradient_edge(x)])
    np.testing.assert_array_equal(x.grad.numpy(), [2, 4])


def test_an_edge_made_by_hand_stands_for_its_nodes_value():
    x = leaf(1.0, 2.0)
    y = x * 2
    z = (y**2).sum()
    (g,) = grad(z, GradientEdge(y.grad_fn, 0))
    np.testing.assert_array_equal(g.numpy(), [4, 8])


def test_an_edge_of_an_accumulating_node_stands_for_its_leaf():
    x = leaf(1.0, 2.0)
    node = (x * 2).grad_fn.next_functions[0][0]
    (g,) = grad((x * 2).sum(), GradientEdge(node, 0))
    np.testing.assert_array_equal(g.numpy(), [2, 2])


def test_a_root_from_an_edge_has_the_dtype_of_its_value():
    z = complex_leaf()
    (g,) = grad(get_gradient_edge(z * 2), z, torch.ones(2, dtype=torch.complex64))
    np.testing.assert_array_equal(g.numpy(), [2, 2])


def test_a_complex_output_takes_a_complex_gradient():
    z = complex_leaf()
    (g,) = grad(z * 2j, z, torch.ones(2, dtype=torch.complex64))
    np.testing.assert_array_equal(g.numpy(), [-2j, -2j])


def test_one_element_of_any_shape_needs_no_gradient():
    x = torch.ones(1, 1, requires_grad=True)
    (x * 2).backward()
    np.testing.assert_array_equal(x.grad.numpy(), [[2]])


def test_the_old_name_of_grad_tensors_is_understood():
    x = leaf(1.0, 2.0)
    with pytest.warns(FutureWarning) as record:
        backward(x * 2, grad_variables=torch.tensor([1.0, 5.0]))
    assert str(record[0].message) == ("`grad_variables` is deprecated. Use `grad_tensors` instead.")
    np.testing.assert_array_equal(x.grad.numpy(), [2, 10])
    with (
        pytest.warns(FutureWarning),
        pytest.raises(RuntimeError, match="arguments both passed to") as e,
    ):
        backward(x * 2, torch.ones(2), grad_variables=torch.ones(2))
    assert str(e.value) == (
        "`grad_tensors` and `grad_variables` (deprecated) arguments both passed to `backward()`. "
        "Please only use `grad_tensors`."
    )


def test_the_method_takes_the_arguments_of_the_function():
    x, y = leaf(1.0, 2.0), leaf(1.0, 1.0)
    z = (x * y) ** 2
    z.backward(torch.ones(2), True, True, inputs=[x])
    assert y.grad is None and x.grad.requires_grad
    z.backward(torch.ones(2))
    np.testing.assert_array_equal(y.grad.numpy(), [2, 8])
    assert torch.Tensor.backward.__name__ == "backward"


# many passes at once


def test_batched_gradients_are_one_pass_for_each_entry():
    x, y = leaf(1.0, 2.0, 3.0), leaf(1.0, 1.0, 1.0)
    a, b = x**2 * y, x * y
    batch = torch.eye(3), torch.zeros(3, 3)
    gx, gy = grad([a, b], [x, y], batch, is_grads_batched=True)
    np.testing.assert_array_equal(gx.numpy(), np.diag([2, 4, 6]))
    np.testing.assert_array_equal(gy.numpy(), np.diag([1, 4, 9]))


def test_batched_gradients_of_a_scalar():
    x = leaf(1.0, 2.0)
    (g,) = grad((x**2).sum(), x, torch.tensor([1.0, 10.0]), is_grads_batched=True)
    np.testing.assert_array_equal(g.numpy(), [[2, 4], [20, 40]])


def test_batched_passes_free_the_graph_with_the_last_unless_it_is_to_be_kept():
    x = leaf(1.0, 2.0)
    y = x**2
    for keep in (True, None):
        grad(y, x, torch.eye(2), retain_graph=keep, is_grads_batched=True)
    with pytest.raises(RuntimeError, match="a second time"):
        grad(y, x, torch.eye(2), is_grads_batched=True)


def test_batched_gradients_may_be_recorded():
    x = leaf(1.0, 2.0)
    (g,) = grad(x**3, x, torch.eye(2), create_graph=True, is_grads_batched=True)
    np.testing.assert_allclose(grad(g.sum(), x)[0].numpy(), [6, 12])
    (g,) = grad(x**3, x, torch.eye(2), is_grads_batched=True)
    assert not g.requires_grad


def test_batched_gradients_of_unused_inputs_are_none_or_zeros():
    x, other = leaf(1.0, 2.0), leaf(1.0)
    ask: Callable[..., Any] = lambda **kw: grad(
        x**2, [x, other], torch.eye(2), is_grads_batched=True, **kw
    )
    assert ask(allow_unused=True)[1] is None
    np.testing.assert_array_equal(ask(materialize_grads=True)[1].numpy(), [[0], [0]])
    with pytest.raises(RuntimeError, match="at index 1 appears to not have been used"):
        ask()


# what is refused, in which words

X = leaf(1.0, 2.0)
Z = complex_leaf()
PLAIN = torch.ones(3)
SCALAR = torch.tensor(3.0)
NOT_SCALAR = (
    "grad can be implicitly created only for scalar outputs (got shape [2]; reduce it first by "
    "sum() or mean(), or pass gradient=)"
)
NO_GRAPH = (
    "element 1 of tensors does not require grad and does not have a grad_fn (shape [3]): no input "
    "required grad, or it was computed under no_grad or from a detached tensor"
)
NO_BATCH = "is_grads_batched=True needs grad_outputs with a leading batch axis"
BATCH_SHAPES = (
    "If `is_grads_batched=True`, we interpret the first dimension of each grad_output as the batch "
    "dimension. The sizes of the remaining dimensions are expected to match the shape of "
    "corresponding output, but a mismatch was detected: grad_output[1] has a shape of "
    "torch.Size([4, 3]) and output[1] has a shape of torch.Size([2])."
)
COMPLEX = (
    "For complex Tensors, both grad_output and output are required to have the same dtype. "
    "Mismatch in dtype: grad_output[1] has a dtype of torch.{} and output[1] has a dtype of "
    "torch.{}."
)
REFUSED: list[Refusal] = [
    (lambda: backward(X * 2), RuntimeError, NOT_SCALAR),
    (lambda: grad(X * 2, X), RuntimeError, NOT_SCALAR),
    (lambda: backward([X.sum(), PLAIN]), RuntimeError, NO_GRAPH),
    (lambda: grad([X.sum(), PLAIN], X), RuntimeError, NO_GRAPH),
    (
        lambda: backward(Z.sum()),
        RuntimeError,
        (
            "grad can be implicitly created only for real scalar outputs but got torch.complex64; "
            "pass gradient=, or differentiate a real function of it"
        ),
    ),
    (
        lambda: backward([X.sum(), X * 2], [None, PLAIN]),
        RuntimeError,
        (
            "Mismatch in shape: grad_output[1] has a shape of torch.Size([3]) and output[1] has a "
            "shape of torch.Size([2])."
        ),
    ),
    (
        lambda: backward([X.sum(), get_gradient_edge(X * 2)], [None, PLAIN]),
        RuntimeError,
        (
            "Mismatch in shape: grad_output[1] has a shape of torch.Size([3]) and output[1] has a "
            "shape of torch.Size([2])."
        ),
    ),
    (
        lambda: backward([X.sum(), Z * 2], [None, torch.ones(2)]),
        RuntimeError,
        COMPLEX.format("float32", "complex64"),
    ),
    (
        lambda: backward([X.sum(), X * 2], [None, torch.ones(2, dtype=torch.complex64)]),
        RuntimeError,
        COMPLEX.format("complex64", "float32"),
    ),
    (
        lambda: backward([X * 2], [3.0]),
        TypeError,
        "gradients can be either Tensors or None, but got float",
    ),
    (
        lambda: backward([X.sum(), X.sum()], [SCALAR]),
        RuntimeError,
        "got 2 tensors and 1 gradients",
    ),
    (lambda: backward(None), TypeError, "'NoneType' object is not iterable"),
    (lambda: grad(X.sum(), None), TypeError, "'NoneType' object is not iterable"),
    (
        lambda: backward(X.sum(), inputs=[]),
        RuntimeError,
        "`inputs` argument to `backward()` cannot be empty.",
    ),
    (
        lambda: grad(X.sum(), []),
        RuntimeError,
        "`inputs` argument to `grad()` cannot be empty.",
    ),
    (
        lambda: backward(X.sum(), inputs=[X, 3.0]),
        RuntimeError,
        "all inputs have to be Tensors or GradientEdges, but got float",
    ),
    (
        lambda: grad(X.sum(), [X, "x"]),
        RuntimeError,
        "all inputs have to be Tensors or GradientEdges, but got str",
    ),
    (
        lambda: grad(X.sum(), [X, PLAIN]),
        RuntimeError,
        (
            "One of the differentiated Tensors does not require grad (shape [3]); call "
            "requires_grad_() on it first"
        ),
    ),
    (
        lambda: backward(X.sum(), inputs=PLAIN),
        RuntimeError,
        "can't retain_grad on Tensor that has requires_grad=False",
    ),
    (
        lambda: grad(X.sum(), [X, torch.ones(1, 3, requires_grad=True)]),
        RuntimeError,
        (
            "The differentiated Tensor at index 1 appears to not have been used in the graph. Set "
            "allow_unused=True if this is the desired behavior. (It has the shape [1, 3].)"
        ),
    ),
    (
        lambda: grad(X.sum(), X, only_inputs=False),
        ValueError,
        "grad(only_inputs=False) is gone from PyTorch too; use backward()",
    ),
    (
        lambda: grad(X.sum(), X, allow_unused=False, materialize_grads=True),
        ValueError,
        "Expected allow_unused to be True or not passed when materialize_grads=True",
    ),
    (lambda: grad(X * 2, X, is_grads_batched=True), ValueError, NO_BATCH),
    (lambda: grad([], X, is_grads_batched=True), ValueError, NO_BATCH),
    (lambda: grad(X * 2, X, [2.0], is_grads_batched=True), ValueError, NO_BATCH),
    (lambda: grad(X.sum(), X, SCALAR, is_grads_batched=True), ValueError, NO_BATCH),
    (
        lambda: grad([X.sum(), X * 2], X, [torch.ones(4), torch.ones(4, 3)], is_grads_batched=True),
        RuntimeError,
        BATCH_SHAPES,
    ),
    (
        lambda: grad(X.sum(), GradientEdge(X.reshape(2, 1).unbind()[0].grad_fn, 0)),
        RuntimeError,
        "UnbindBackward0 has several outputs: make the edge by get_gradient_edge(tensor)",
    ),
]


test_refusals_say_what_is_wrong = refusals(REFUSED)


# what is not used


def test_zeros_for_what_is_not_used_may_be_differentiated_where_the_pass_is_recorded():
    x, unused = leaf(2.0), leaf(3.0)
    for recorded in (False, True):
        _, zero = grad((x * x).sum(), (x, unused), create_graph=recorded, materialize_grads=True)
        assert zero.tolist() == [0.0] and zero.requires_grad is recorded


def test_an_edge_that_is_not_used_has_no_zeros():
    x, unused = leaf(2.0), leaf(3.0)
    with pytest.raises(RuntimeError, match="^materialize_grads cannot be used when"):
        grad((x * x).sum(), get_gradient_edge(unused), materialize_grads=True)


# a node called, a leaf with gradients of another dtype, passes that are numbered


def test_a_node_may_be_called_with_the_gradient_of_its_value():
    x, y = leaf(2.0), leaf(3.0)
    towards_x, towards_y = (x * y).grad_fn(torch.tensor([10.0]))
    assert (towards_x.tolist(), towards_y.tolist()) == ([30.0], [20.0])
    assert x.exp().sum().grad_fn(torch.tensor(5.0)).tolist() == [5.0]
    with pytest.raises(TypeError, match="^expected 1 arguments, got 2 instead"):
        (x * y).grad_fn(towards_x, towards_y)


def test_a_leaf_may_take_gradients_of_another_dtype():
    x = leaf(2.0)
    assert x.grad_dtype is torch.float32
    x.grad_dtype = torch.float64
    (x * 3).sum().backward()
    assert x.grad.dtype is torch.float64 and x.grad.item() == 3
    with pytest.raises(RuntimeError, match="^Cannot set grad_dtype to"):
        x.grad_dtype = torch.float16
    x.grad_dtype = x.grad = None
    x.grad = torch.ones(1, dtype=torch.float16)
    for access in (lambda y: y.grad_dtype, lambda y: setattr(y, "grad_dtype", None)):
        with pytest.raises(RuntimeError, match="on leaf tensors"):
            access(x * 2)


def test_a_pass_knows_its_number_and_its_nodes():
    number, visits = torch._C._current_graph_task_id, torch._C._will_engine_execute_node
    x, y = leaf(2.0), leaf(3.0)
    z, other = x * y, x.exp().grad_fn
    seen: list[Any] = []
    z.register_hook(lambda g: seen.append((number(), visits(z.grad_fn), visits(other))))
    z.backward(retain_graph=True)
    z.backward()
    (first, *found), (second, *_) = seen
    assert second - first == 1 and found == [True, False] and number() == -1
    with pytest.raises(RuntimeError, match="during the backward pass"):
        visits(z.grad_fn)


def test_writes_that_do_not_count_are_not_complained_of():
    x = leaf(2.0)
    y = x * 1
    z = y * y
    with torch.autograd._unsafe_preserve_version_counter(y):
        y.mul_(5)
    assert y._version == 0
    z.backward()
    assert x.grad.item() == 20
