"""In-place writes and views: PyTorch's gradient, or an error naming the op. Never a wrong one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl


def leaf(values: Any) -> tl.Tensor:
    return tl.tensor(values, dtype=tl.float64, requires_grad=True)


def test_a_write_after_a_save_names_op_and_version() -> None:
    x = leaf([1.0, 2.0])
    y = x * 1
    z = y * y
    y.add_(1)
    with pytest.raises(RuntimeError) as error:
        z.sum().backward()
    text = str(error.value)
    assert "modified by an inplace operation" in text
    assert "[torch.DoubleTensor [2]]" in text
    assert "mul saved as its 'x'" in text
    assert "written by add_ (version 1)" in text


def test_a_write_before_the_save_is_fine() -> None:
    x = leaf([1.0, 2.0])
    y = x * 1
    y.add_(1)
    (y * y).sum().backward()
    assert x.grad.tolist() == [4.0, 6.0]


def test_a_write_into_what_nobody_saved_is_fine() -> None:
    x = leaf([1.0, 2.0])
    y = x + 1
    z = y + y
    y.mul_(10)
    z.sum().backward()
    assert x.grad.tolist() == [2.0, 2.0]


def test_an_op_that_saved_its_value_notices_a_write_into_it() -> None:
    y = leaf([0.5]).exp()
    y.mul_(2)
    with pytest.raises(RuntimeError, match="exp saved as its 'out'"):
        y.sum().backward()


def test_exp_in_place_keeps_what_it_stored() -> None:
    x = leaf([0.5])
    y = x * 1
    y.exp_()
    y.sum().backward()
    assert x.grad.item() == pytest.approx(np.exp(0.5))


def test_a_write_through_a_view_reaches_the_base() -> None:
    x = leaf([1.0, 2.0, 3.0])
    y = x * 2
    y[1:].mul_(10)
    y.sum().backward()
    assert y.tolist() == [2.0, 40.0, 60.0]
    assert x.grad.tolist() == [2.0, 20.0, 20.0]


def test_a_write_into_the_base_reaches_its_views() -> None:
    x = leaf([1.0, 2.0])
    y = x * 1
    view = y[:1]
    y.mul_(3)
    assert view.tolist() == [3.0]
    view.sum().backward()
    assert x.grad.tolist() == [3.0, 0.0]


def test_a_view_of_a_view_of_a_transpose() -> None:
    x = leaf([[1.0, 2.0], [3.0, 4.0]])
    y = x * 1
    y.t()[0].mul_(5)
    y.sum().backward()
    assert x.grad.tolist() == [[5.0, 1.0], [5.0, 1.0]]


def test_assignment_by_index_mask_and_slice() -> None:
    x, v = leaf([1.0, 2.0, 3.0]), leaf([7.0])
    y = x * 1
    y[y > 1.5] = 0
    y[0:1] = v
    y[2] += v[0]
    (y * tl.tensor([1.0, 10.0, 100.0], dtype=tl.float64)).sum().backward()
    assert y.tolist() == [7.0, 0.0, 7.0]
    assert x.grad.tolist() == [0.0, 0.0, 0.0]
    assert v.grad.tolist() == [101.0]


def test_leaves_may_not_be_written() -> None:
    x = leaf([1.0, 2.0])
    for write in (lambda: x.add_(1), lambda: x.__setitem__(0, 1.0)):
        with pytest.raises(RuntimeError, match="leaf Variable that requires grad"):
            write()
    with pytest.raises(RuntimeError, match="view of a leaf Variable that requires grad"):
        x[:1].add_(1)
    assert x.tolist() == [1.0, 2.0]


def test_a_leaf_may_be_written_under_no_grad() -> None:
    x = leaf([1.0, 2.0])
    with tl.no_grad():
        x -= 0.5
        x[0] = 9.0
    assert x.tolist() == [9.0, 1.5]
    assert x.is_leaf
    assert x.requires_grad
    (x * x).sum().backward()
    assert x.grad.tolist() == [18.0, 3.0]


def test_a_write_under_no_grad_after_a_save_is_noticed() -> None:
    x = leaf([1.0, 2.0])
    loss = (x * x).sum()
    with tl.no_grad():
        x -= 0.1
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_a_write_through_detach_is_noticed() -> None:
    x = leaf([1.0, 2.0])
    y = x * 1
    z = y * y
    y.detach().add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        z.sum().backward()


def test_a_tensor_without_grad_gets_the_history_of_what_is_written() -> None:
    x = leaf([1.0, 2.0])
    buffer = tl.zeros(3, dtype=tl.float64)
    buffer[1:] = x * 2
    assert buffer.requires_grad
    buffer.sum().backward()
    assert x.grad.tolist() == [2.0, 2.0]


def test_shapes_and_dtypes_that_do_not_fit_change_nothing() -> None:
    x = tl.tensor([1, 2])
    with pytest.raises(RuntimeError, match="can't be cast"):
        x.add_(0.5)
    with pytest.raises(RuntimeError, match="doesn't match the broadcast shape"):
        x.add_(tl.ones(3, 2, dtype=tl.int64))
    assert x.tolist() == [1, 2]


def test_expanded_memory_may_not_be_written() -> None:
    x = tl.ones(1).expand(3)
    with pytest.raises(RuntimeError, match="single memory location"):
        x.add_(1)


def test_versions() -> None:
    x = tl.ones(3)
    assert x._version == 0
    x.add_(1)
    x[0] = 5.0
    assert x._version == 2
    assert x[1:]._version == 2


def test_double_backward_through_writes() -> None:
    x = leaf([1.0, 2.0])
    y = x * 1
    last = y[1].clone()
    y[0] = last * last
    (g,) = tl.autograd.grad((y * y).sum(), x, create_graph=True)
    np.testing.assert_allclose(g.tolist(), [0.0, 4 * 2.0**3 + 2 * 2.0])
    (h,) = tl.autograd.grad(g.sum(), x)
    np.testing.assert_allclose(h.tolist(), [0.0, 12 * 4.0 + 2])


def test_optimizer_like_updates_over_many_steps() -> None:
    w = leaf([5.0])
    for _ in range(50):
        loss = (w * w).sum()
        w.grad = None
        loss.backward()
        with tl.no_grad():
            w -= 0.1 * w.grad
    assert abs(w.item()) < 1e-3
