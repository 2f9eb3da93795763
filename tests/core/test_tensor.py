"""Tensor itself, Size and device: facts."""

from __future__ import annotations

import copy
import math
import pickle
import warnings
from operator import add
from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite.core.tensor import CPU, bind, make, make_view, require_cpu, stamp


def leaf(values: Any, dtype: Any = tl.float64) -> tl.Tensor:
    return tl.tensor(values, dtype=dtype, requires_grad=True)


def from_array(array: Any) -> tl.Tensor:
    return make(np.asarray(array))


# -- Size and device ------------------------------------------------------------------------------


def test_sizes() -> None:
    size = tl.Size([2, 3, 4])
    assert size.numel() == 24
    assert tl.Size([]).numel() == 1
    assert (size[0], size[-1]) == (2, 4)
    sums = [add(size, (5,)), add((5,), size), add(size, size[:0]), add((), size), size[1:]]
    assert sums == [(2, 3, 4, 5), (5, 2, 3, 4), (2, 3, 4), (2, 3, 4), (3, 4)]
    products = [size * 2, 2 * size]
    assert products == [(2, 3, 4, 2, 3, 4)] * 2
    assert {type(made) for made in sums + products} == {tl.Size}
    assert repr(size) == "torch.Size([2, 3, 4])"


DEVICES = ("cpu", "cuda", "mps", "xpu", "meta", "hpu", "mtia", "xla", "ipu", "vulkan", "hip")


@pytest.mark.parametrize("name", DEVICES)
def test_devices(name: str) -> None:
    one, two = tl.device(name), tl.device(f"{name}:1")
    assert (one.type, one.index) == (name, None)
    assert (two.type, two.index) == (name, 1)
    assert (str(one), str(two)) == (name, f"{name}:1")
    assert repr(one) == f"device(type='{name}')"
    assert repr(two) == f"device(type='{name}', index=1)"
    assert tl.device(name, 1) == two == tl.device(two)
    assert hash(tl.device(name, 1)) == hash(two)
    assert one != two
    assert one != name
    assert tl.device(3) == tl.device("cuda:3")
    assert pickle.loads(pickle.dumps(two)) == two
    assert copy.deepcopy(one) == one


def test_devices_are_told_apart_by_their_hash() -> None:
    made = [tl.device(name, index) for name in DEVICES for index in (None, 0, 1)]
    assert len({hash(d) for d in made}) == len(set(made)) == len(made)


def test_the_cpu() -> None:
    assert tl.device() == CPU == tl.device("cpu")
    assert tl.ones(1).device is CPU
    assert tl.ones(1).get_device() == -1
    with tl.device("cpu") as inside:
        assert inside == CPU
    for where in (None, "cpu", "cpu:0", CPU):
        require_cpu(where)


# -- making ---------------------------------------------------------------------------------------


def test_the_legacy_constructor() -> None:
    assert tl.Tensor().shape == (0,)
    assert tl.Tensor(2, 3).shape == (2, 3)
    assert tl.Tensor(2, 3).dtype is tl.Tensor().dtype is tl.float32
    assert tl.Tensor(2).shape == (2,)
    assert tl.Tensor(np.int64(2)).shape == (2,)
    assert tl.Tensor(tl.Size([2, 3])).shape == (2, 3)
    assert tl.Tensor([1, 2]).tolist() == [1.0, 2.0]
    assert tl.Tensor([1, 2]).dtype is tl.float32
    assert tl.Tensor((2, 3)).tolist() == [2.0, 3.0]
    assert tl.Tensor(np.ones(2)).dtype is tl.float32
    given = tl.ones(2)
    assert np.shares_memory(tl.Tensor(given).array, given.array)
    integers = tl.tensor([1, 2])
    assert tl.Tensor(integers).dtype is tl.int64
    array = np.ones(2, np.float32)
    assert not np.shares_memory(tl.Tensor(array).array, array)
    for made in (tl.Tensor(2), tl.Tensor([1.0]), tl.Tensor(given, device="cpu")):
        assert (made.node, made._grad, made.base, made.seen) == (None, None, None, None)


def test_the_internal_constructors() -> None:
    array = np.ones(2)
    t = make(array)
    assert t.array is array
    assert (t.node, t._grad, t.base, t.seen) == (None, None, None, None)
    y = leaf([1.0, 2.0]) * 1
    view = make_view(y.array[:1], y.node, y)
    assert (view.base, view.seen, view.node, view._grad) == (y, y.node, y.node, None)
    inner = make_view(view.array, y.node, view)
    assert inner.base is y


def test_parameters() -> None:
    data = tl.ones(2)
    p = tl.nn.Parameter(data)
    assert p.requires_grad
    assert np.shares_memory(p.array, data.array)
    assert (p._grad, p.base, p.seen) == (None, None, None)
    frozen = tl.nn.Parameter(data, requires_grad=False)
    assert (frozen.requires_grad, frozen.node) == (False, None)
    empty = tl.nn.Parameter()
    assert (empty.shape, empty.dtype, empty.requires_grad) == ((0,), tl.float32, True)
    text = "Parameter containing:\ntensor([1., 1.], requires_grad=True)"
    assert repr(p) == text


# -- facts ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dtype", "size", "floating", "complex_", "signed"),
    [
        (tl.float16, 2, True, False, True),
        (tl.float64, 8, True, False, True),
        (tl.complex64, 8, False, True, True),
        (tl.int16, 2, False, False, True),
        (tl.uint8, 1, False, False, False),
        (tl.bool, 1, False, False, False),
    ],
)
def test_facts_of_the_dtype(
    dtype: Any, size: int, floating: bool, complex_: bool, signed: bool
) -> None:
    t = tl.ones(2, 3, dtype=dtype)
    assert t.dtype is dtype
    assert (t.itemsize, t.element_size(), t.nbytes) == (size, size, 6 * size)
    assert t.is_floating_point() == floating
    assert t.is_complex() == complex_
    assert t.is_signed() == signed


def test_facts_of_the_shape() -> None:
    t = tl.ones(2, 3, 4)
    assert (t.ndim, t.dim(), t.ndimension(), t.numel(), t.nelement()) == (3, 3, 3, 24, 24)
    assert type(t.shape) is type(t.size()) is tl.Size
    assert (t.shape, t.size(), t.size(1), t.size(-1), t.size(dim=0)) == ((2, 3, 4),) * 2 + (3, 4, 2)
    assert len(t) == 2
    assert hash(t) == id(t)


STRIDES = [
    (np.zeros((2, 3, 4)), (12, 4, 1), 0),
    (np.zeros((2, 3, 4)).transpose(2, 0, 1), (1, 12, 4), 0),
    (np.zeros((4, 6))[1:, ::2], (6, 2), 6),
    (np.zeros(5)[::-1], (-1,), 4),
    (np.zeros((2, 0, 3)), (3, 3, 1), 0),
    (np.zeros((0,)), (1,), 0),
    (np.zeros(()), (), 0),
    (np.zeros((4, 6), np.float32)[2:, 3], (6,), 15),
    (np.zeros((3, 1))[:, 0:1], (1, 1), 0),
    (np.frombuffer(b"12345678", np.uint8)[2:], (1,), 0),
]


@pytest.mark.parametrize(("array", "strides", "offset"), STRIDES)
def test_strides_and_offsets(array: np.ndarray, strides: tuple[int, ...], offset: int) -> None:
    t = make(array)
    assert t.stride() == strides
    for dim in range(-array.ndim, array.ndim):
        assert t.stride(dim) == strides[dim]
    assert t.storage_offset() == offset
    assert {type(n) for n in (*t.stride(), t.storage_offset())} == {int}
    assert t.data_ptr() == array.__array_interface__["data"][0]
    assert t.is_contiguous() == array.flags.c_contiguous


def test_an_axis_of_one_element_has_a_stride_as_any_other() -> None:
    assert tl.ones(1).expand(1).stride() == (1,)
    assert tl.ones(3, 1).expand(3, 1).stride() == (1, 1)
    assert tl.ones(3, 1).expand(3, 2).stride() == (1, 0)


def test_where_it_is() -> None:
    t = tl.ones(1)
    assert t.is_cpu is True
    for name in ("cuda", "mps", "xpu", "sparse", "quantized", "meta", "mkldnn"):
        assert getattr(t, f"is_{name}") is False


# -- the place on the tape ------------------------------------------------------------------------


def test_asking_for_a_gradient() -> None:
    x = tl.ones(2)
    assert (x.requires_grad, x.is_leaf, x.grad_fn, x.grad) == (False, True, None, None)
    assert x.requires_grad_() is x
    assert (x.requires_grad, x.is_leaf, x.grad_fn) == (True, True, None)
    node = x.node
    assert x.requires_grad_().node is node
    assert x.requires_grad_(False).node is None
    x.requires_grad = True
    assert x.requires_grad
    z = tl.ones(2, dtype=tl.complex64).requires_grad_()
    assert z.requires_grad
    y = x * 2
    assert (y.requires_grad, y.is_leaf, y.grad_fn.name()) == (True, False, "MulBackward0")
    assert y.requires_grad_() is y
    assert not y.is_leaf


def test_a_view_of_a_leaf_that_is_asked_for_a_gradient() -> None:
    base = tl.zeros(3)
    view = base[1:]
    base.mul_(leaf([1.0, 2.0, 3.0], tl.float32))
    assert view.requires_grad_() is view
    assert view.grad_fn.name() == "AsStridedBackward0"


def test_leaving_the_graph() -> None:
    y = leaf([1.0]) * 2
    out = y.detach()
    assert not out.requires_grad
    assert np.shares_memory(out.array, y.array)
    assert y.detach_() is y
    assert (y.requires_grad, y.is_leaf, y.node) == (False, True, None)


def test_views_and_their_base() -> None:
    y = leaf([1.0, 2.0]) * 1
    view = y[:1]
    assert view._base is y
    assert view._is_view()
    assert y._base is None
    assert not y._is_view()
    assert y.output_nr == 0
    assert y.unbind()[1].output_nr == 1


def test_data_is_the_memory_without_the_history() -> None:
    x = leaf([1.0, 2.0])
    x.data.add_(1)
    assert x.tolist() == [2.0, 3.0]
    assert x._version == 0
    assert not x.data.requires_grad
    x.detach().add_(1)
    assert x._version == 1
    x.data = tl.ones(2, 2)
    assert (x.shape, x.dtype) == ((2, 2), tl.float32)
    (x * 3).sum().backward()
    assert (x.grad.shape, x.grad.dtype) == ((2, 2), tl.float32)
    view = x.data[:1]
    view.add_(1)
    assert x._version == 0
    assert x.tolist() == [[2.0, 2.0], [1.0, 1.0]]


def test_a_write_through_data_is_not_noticed_one_through_detach_is() -> None:
    x = leaf([1.0, 2.0])
    y = x * x
    assert (stamp(x.data, "mine_").count, stamp(x.data[:1], "mine_").count) == (0, 0)
    x.data[0] = 5
    y.sum().backward(retain_graph=True)
    assert x.grad.tolist() == [10.0, 4.0]
    write = stamp(x.detach(), "mine_")
    assert (write.by, write.count) == ("mine_", 1)
    with pytest.raises(RuntimeError, match="written by mine_"):
        y.sum().backward()


def test_gradients_are_set_and_deleted() -> None:
    x = leaf([1.0, 2.0])
    g = tl.ones(2, dtype=tl.float64)
    x.grad = g
    assert x.grad is g
    del x.grad
    assert x.grad is None
    x.grad = g
    x.grad = None
    assert x.grad is None


def test_the_gradient_of_a_non_leaf_warns_unless_it_is_retained() -> None:
    y = leaf([1.0]) * 2
    with pytest.warns(UserWarning, match="not a leaf") as warned:
        assert y.grad is None
    assert str(warned[0].message) == (
        "The .grad attribute of a Tensor that is not a leaf Tensor is being accessed. Its .grad "
        "attribute won't be populated during autograd.backward(). If you indeed want the .grad "
        "field to be populated for a non-leaf Tensor, use .retain_grad() on the non-leaf Tensor."
    )
    assert not y.retains_grad
    y.retain_grad()
    y.retain_grad()
    assert y.retains_grad
    assert len(y.node.hooks) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert y.grad is None
        assert leaf([1.0]).grad is None
        assert tl.ones(1).grad is None
    hooked = leaf([1.0]) * 2
    hooked.register_hook(lambda g: g * 3)
    hooked.retain_grad()
    hooked.sum().backward()
    assert hooked.grad.tolist() == [3.0]
    x = leaf([1.0])
    x.retain_grad()
    assert not x.retains_grad
    x.register_hook(print)
    assert not x.retains_grad


def test_hooks_are_added_to_those_there_are() -> None:
    x = leaf([1.0])
    seen: list[Any] = []
    for i in range(2):
        x.register_hook(lambda g, i=i: seen.append(("before", i)))
        x.register_post_accumulate_grad_hook(lambda t, i=i: seen.append(("after", i, t is x)))
    (x * 2).sum().backward()
    assert seen == [("before", 0), ("before", 1), ("after", 0, True), ("after", 1, True)]


def test_names_that_may_be_bound() -> None:
    def method(self: tl.Tensor) -> float:
        return math.pi

    bind("_method_of_a_test", method)
    try:
        assert tl.ones(1)._method_of_a_test() == math.pi
    finally:
        del tl.Tensor._method_of_a_test
    old = tl.Tensor.__hash__
    bind("__hash__", old)
    assert tl.Tensor.__hash__ is old
