"""Copies of Tensors."""

from __future__ import annotations

import copy
import io
import pickle

import numpy as np
import pytest

import tinygrad_lite
from tinygrad_lite.core.node import Node, tick
from tinygrad_lite.core.tensor import Parameter, Tensor, make


class Mine(Tensor):
    pass


class Wants(Parameter):
    """A class whose `__new__` wants an argument and whose state is its own."""

    def __new__(cls, data, scale):
        self = super().__new__(cls, data)
        self.scale = scale
        return self

    def __getstate__(self):
        return {"scale": self.scale}

    def __setstate__(self, state):
        self.scale = state["scale"] + self.numel()


def t(values, dtype=np.float32):
    return make(np.asarray(values, dtype))


def through_pickle(x):
    return pickle.loads(pickle.dumps(x))


def through_file(x):
    file = io.BytesIO()
    tinygrad_lite.save(x, file)
    file.seek(0)
    return tinygrad_lite.load(file, weights_only=False)


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


@pytest.mark.parametrize("way", [copy.copy, through_pickle, through_file])
def test_a_class_may_give_and_take_its_own_state(way):
    x = way(Wants(t([1.0, 2.0]), 3))
    assert type(x) is Wants and x.scale == 3 + 2 and x.requires_grad and x.tolist() == [1, 2]
    assert copy.deepcopy(Wants(t([1.0, 2.0]), 3)).scale == 3  # takes the attributes


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


def test_one_memo_serves_tensor_gradient_and_attributes():
    x, other = t([1.0, 2.0]).requires_grad_(), t([3.0])
    x.grad, x.note, x.me = t([5.0, 6.0]), other, x
    memo = {}
    y = x.__deepcopy__(memo)
    assert memo[id(x)] is y
    assert x.__deepcopy__(memo) is y
    assert y.me is y
    y, grad, note = copy.deepcopy([x, x.grad, other])
    assert y.grad is grad and y.note is note
    assert note is not other and note.tolist() == [3.0]


def test_an_array_and_a_tensor_of_it_are_copied_together():
    base = np.arange(4.0)
    array, view = copy.deepcopy([base, make(base[1:])])
    assert array.tolist() == [0.0, 1.0, 2.0, 3.0]
    assert view.tolist() == [1.0, 2.0, 3.0]


def test_views_of_one_element_share_and_empty_ones_take_no_memory_along():
    base = np.arange(4.0, dtype=np.float32)
    whole, one, none = copy.deepcopy([make(base), make(base[2:3]), make(base[:0])])
    assert one.array.dtype == np.float32 and one.tolist() == [2.0]
    assert np.shares_memory(whole.array, one.array)
    assert none.array.flags.owndata and none.array.shape == (0,)


def test_the_error_about_non_leaves():
    x = t([1.0]).requires_grad_() * 2
    with pytest.raises(RuntimeError) as raised:
        copy.deepcopy(x)
    assert str(raised.value) == (
        "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol "
        "at the moment; detach() this one first. If you were attempting to deepcopy a module, one "
        "of its attributes is the result of a recorded computation."
    )
