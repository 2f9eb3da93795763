"""What leaves a Tensor for Python and NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite.core.tensor import make


def leaf(values: Any, dtype: Any = tl.float64) -> tl.Tensor:
    return tl.tensor(values, dtype=dtype, requires_grad=True)


def from_array(array: Any) -> tl.Tensor:
    return make(np.asarray(array))


def test_arrays() -> None:
    t = tl.tensor([1.0, 2.0])
    assert t.numpy() is t.array
    x = leaf([1.0, 2.0])
    assert x.numpy(force=True) is x.array
    assert np.asarray(t) is t.array
    assert np.asarray(t, dtype=np.float64).dtype == np.float64
    assert np.asarray(t, dtype=np.float32) is t.array
    assert t.__array__() is t.array
    assert t.__array__(copy=True) is not t.array
    assert t.__array__(np.dtype(np.float32), copy=True) is not t.array
    assert t.__array__(np.dtype(np.int64)).dtype == np.int64


def test_numbers() -> None:
    t = tl.tensor([[2.5]])
    assert (t.item(), float(t), int(t), complex(t), bool(t)) == (2.5, 2.5, 2, 2.5 + 0j, True)
    assert [type(v) for v in (t.item(), float(t), int(t), complex(t))] == [
        float, float, int, complex,
    ]  # fmt: skip
    assert not tl.tensor(0)
    assert tl.tensor([[1, 2]]).tolist() == [[1, 2]]
    assert tl.tensor(3).tolist() == 3
    assert [10, 20, 30][tl.tensor([2])] == 30
    assert [10, 20][tl.tensor(True)] == 20
    assert list(range(tl.tensor(3, dtype=tl.uint8))) == [0, 1, 2]


def test_formats() -> None:
    assert f"{tl.tensor(2.5):.3f}" == "2.500"
    assert f"{tl.tensor(3):>4}" == "   3"
    assert f"{tl.tensor([1.0])}" == "tensor([1.])"
    p = tl.nn.Parameter(tl.tensor(2.5))
    assert f"{p}" == str(p)


REPR = [
    (lambda: tl.tensor([1.0]), "tensor([1.])"),
    (lambda: tl.tensor([1]), "tensor([1])"),
    (lambda: tl.tensor([True]), "tensor([True])"),
    (lambda: tl.tensor([1j]), "tensor([0.+1.j])"),
    (lambda: tl.tensor([1.0], dtype=tl.float64), "tensor([1.], dtype=torch.float64)"),
    (lambda: tl.tensor([1], dtype=tl.int32), "tensor([1], dtype=torch.int32)"),
    (lambda: tl.tensor([]), "tensor([])"),
    (lambda: tl.tensor([], dtype=tl.int64), "tensor([], dtype=torch.int64)"),
    (lambda: tl.tensor([], dtype=tl.float64), "tensor([], dtype=torch.float64)"),
    (lambda: leaf([1.0], tl.float32), "tensor([1.], requires_grad=True)"),
    (lambda: leaf([1.0], tl.float32) * 1, "tensor([1.], grad_fn=<MulBackward0>)"),
]


@pytest.mark.parametrize(("make_it", "text"), REPR)
def test_text(make_it: Callable[[], tl.Tensor], text: str) -> None:
    assert repr(make_it()) == text


def test_a_tensor_restored_from_its_state() -> None:
    t = tl.Tensor.__new__(tl.Tensor)
    array = np.ones(2)
    t.__setstate__((array, True, {"note": 1}))
    assert t.array is array
    assert (t.requires_grad, t.note, t._grad, t.base, t.seen) == (True, 1, None, None, None)
