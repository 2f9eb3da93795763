"""Copies of Tensors."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

from tinygrad_lite.core.node import Node, tick
from tinygrad_lite.core.tensor import Parameter, Tensor, make


class Mine(Tensor):
    pass


def t(values, dtype=np.float32):
    return make(np.asarray(values, dtype))


def through_pickle(x):
    return pickle.loads(pickle.dumps(x))


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, through_pickle])
@pytest.mark.parametrize("kind", [Tensor, Parameter, Mine])
def test_kind_values_and_attributes(way, kind):
    x = kind.__new__(kind)
    x.__setstate__((np.arange(6.0).reshape(2, 3), kind is Parameter, {"note": [1]}))
    y = way(x)
    assert type(y) is kind and y is not x
    assert (y.array == x.array).all() and y.array.dtype == x.array.dtype
    assert y.requires_grad == (kind is Parameter) and y.is_leaf
    assert y.note == [1] and (y.note is x.note) == (way is copy.copy)
    assert np.shares_memory(x.array, y.array) == (way is copy.copy)
    assert y.array.flags.writeable


def test_gradients_go_with_deepcopy_only():
    x = t([1.0, 2.0]).requires_grad_()
    x.grad = t([3.0, 4.0])
    y = copy.deepcopy(x)
    assert y.grad.tolist() == [3, 4] and y.grad is not x.grad
    assert through_pickle(x).grad is None and copy.copy(x).grad is None


def test_only_leaves_are_deep_copied():
    x = t([1.0])
    x.node = Node(None, (), (), (1,), np.dtype(np.float32))
    assert tick() > 0 and not x.is_leaf
    with pytest.raises(RuntimeError, match="Only Tensors created explicitly by the user"):
        copy.deepcopy(x)
    assert through_pickle(x).is_leaf


@pytest.mark.parametrize("order", ["C", "F"])
def test_shared_memory_is_shared_by_the_copies(order):
    base = np.array(np.arange(12.0).reshape(3, 4), order=order)
    whole, column, backwards = make(base), make(base[:, 1]), make(base[::-1])
    a, b, c, again = copy.deepcopy([whole, column, backwards, whole])
    assert a is again
    assert (b.array == base[:, 1]).all() and (c.array == base[::-1]).all()
    assert b.array.strides == column.array.strides
    a.array[:] = -1
    assert (b.array == -1).all() and (c.array == -1).all() and (base >= 0).all()


@pytest.mark.parametrize(
    "array", [np.zeros((0, 3)), np.array(2.5), np.frombuffer(b"abcd", np.uint8)]
)
def test_odd_arrays(array):
    y = copy.deepcopy(make(array))
    assert y.array.shape == array.shape and (y.array == array).all() and y.array.flags.writeable


def test_out_of_band_pickles_do_not_copy():
    x = t(range(1000))
    buffers = []
    data = pickle.dumps(x, protocol=5, buffer_callback=buffers.append)
    assert len(data) < 500 and len(buffers) == 1
    assert pickle.loads(data, buffers=buffers).tolist() == x.tolist()
