"""Reading and writing by index: what is shared, what is recorded, what it costs."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_lite as tl


def test_basic_indices_give_views_and_arrays_give_copies() -> None:
    x = tl.arange(12.0).reshape(3, 4)
    for index in (0, slice(1, 3), (..., 1), (None, 0), (slice(None), slice(None, None, 2))):
        y = x[index]
        assert np.shares_memory(y.array, x.array), index
        assert y._base is not None
    for index in ([0, 2], tl.tensor([1]), x > 3, (slice(None), [0, 1]), True):
        assert not np.shares_memory(x[index].array, x.array), index


def test_a_number_is_a_0d_view() -> None:
    x = tl.zeros(3)
    y = x[1]
    assert y.shape == () and isinstance(y.array, np.ndarray)
    y += 2
    assert x.tolist() == [0.0, 2.0, 0.0]


def test_integers_come_before_arrays_unlike_numpy() -> None:
    """NumPy counts an integer among the arrays; PyTorch takes it first."""
    x = tl.arange(24).reshape(2, 3, 4)
    assert x[0, :, [1, 2]].shape == (3, 2)
    assert x.numpy()[0, :, [1, 2]].shape == (2, 3)


def test_writing_without_a_gradient_makes_no_node() -> None:
    x = tl.zeros(3, 4)
    x[1] = 2
    x[:, 0] = tl.ones(3)
    x[x > 1] = 5
    x[[0, 2], 1] = tl.tensor([7.0, 8.0])
    assert not x.requires_grad and x._version == 4
    np.testing.assert_array_equal(x.numpy(), [[1, 7, 0, 0], [1, 5, 5, 5], [1, 8, 0, 0]])


def test_a_value_that_wants_a_gradient_makes_a_plain_tensor_part_of_the_graph() -> None:
    v = tl.tensor([1.0, 2.0], requires_grad=True)
    x = tl.zeros(3, 2)
    x[1] = v
    x[2] = x[1].clone() * v
    (x * x).sum().backward()
    np.testing.assert_allclose(v.grad.numpy(), 2 * v.detach().numpy() + 4 * v.detach().numpy() ** 3)


def test_writing_to_a_leaf_raises() -> None:
    x = tl.zeros(3, requires_grad=True)
    with pytest.raises(RuntimeError, match="a view of a leaf Variable that requires grad"):
        x[0] = 1
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        x[[0]] = 1
    with tl.no_grad():
        x[0] = 1
    assert x.tolist() == [1.0, 0.0, 0.0]


def test_a_saved_array_that_was_written_raises() -> None:
    x = tl.ones(3, requires_grad=True)
    y = x * 2
    z = y * y
    y[0] = 0
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        z.sum().backward()


def test_writing_into_an_expanded_tensor() -> None:
    x = tl.zeros(1, 3).expand(2, 3)
    with pytest.raises(RuntimeError, match="more than one element of the written-to tensor"):
        x[:, 0] = 1
    x[0] = tl.arange(3.0)  # one of the copies: written once
    assert x.tolist() == [[0.0, 1.0, 2.0], [0.0, 1.0, 2.0]]


def test_adding_into_a_region_records_one_write() -> None:
    """`x[i] += y` ends with storing the region into itself, which is left out."""
    x = tl.zeros(3, 4, requires_grad=True) * 1
    before = x._version
    x[:, 1] += 3
    assert x._version == before + 1


def test_rows_picked_twice_receive_both_gradients() -> None:
    x = tl.zeros(4, 2, requires_grad=True)
    x[[1, 1, 3]].sum().backward()
    assert x.grad.tolist() == [[0, 0], [2, 2], [0, 0], [1, 1]]
    y = tl.zeros(4, 3, requires_grad=True)
    y[tl.tensor([0, 0]), tl.tensor([2, 2])].sum().backward()
    assert y.grad[0, 2] == 2


def test_large_tables_take_the_kernel() -> None:
    rng = np.random.default_rng(0)
    for dtype in (tl.float32, tl.float64):
        table = tl.tensor(rng.standard_normal((50, 40)), dtype=dtype, requires_grad=True)
        index = rng.integers(-50, 50, (60, 60))
        g = tl.tensor(rng.standard_normal((60, 60, 40)), dtype=dtype)
        (table[index] * g).sum().backward()
        want = np.zeros((50, 40))
        np.add.at(want, index, g.numpy())
        np.testing.assert_allclose(table.grad.numpy(), want, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("index", "error", "text"),
    [
        (5, IndexError, "index 5 is out of bounds for dimension 0 with size 3"),
        ((0, 9), IndexError, "index 9 is out of bounds for dimension 1 with size 4"),
        ((0, 0, 0), IndexError, "too many indices for tensor of dimension 2"),
        (slice(None, None, -1), ValueError, "step must be greater than zero"),
        ([True, False], IndexError, r"The shape of the mask \[2\] at index 0 does not match"),
        (1.0, IndexError, "only integers, slices"),
        (tl.tensor([7]), IndexError, "index 7 is out of bounds for dimension 0 with size 3"),
    ],
)
def test_errors(index: object, error: type, text: str) -> None:
    x = tl.zeros(3, 4)
    with pytest.raises(error, match=text):
        x[index]
    with pytest.raises(error, match=text):
        x[index] = 0.0


def test_a_value_of_another_shape_is_refused_and_nothing_is_written() -> None:
    x = tl.zeros(3, 4)
    for index in (0, [0, 1], x > 1):
        with pytest.raises(RuntimeError, match="expanded size|shape mismatch"):
            x[index] = tl.ones(3)
    assert x.sum() == 0


def test_unpacking_and_iteration_are_views() -> None:
    x = tl.arange(6.0).reshape(3, 2).requires_grad_()
    a, b, c = x
    (a * b + c).sum().backward()
    assert x.grad.tolist() == [[2.0, 3.0], [0.0, 1.0], [1.0, 1.0]]
    with pytest.raises(TypeError, match="iteration over a 0-d tensor"):
        list(tl.tensor(1.0))
