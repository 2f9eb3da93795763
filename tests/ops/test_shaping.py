"""Views, joining and splitting: memory, strides and nodes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite.core.primitive import REGISTRY


def test_views_share_memory() -> None:
    x = tl.arange(24.0).reshape(2, 3, 4)
    views = {
        "view": x.view(6, 4),
        "reshape": x.reshape(-1),
        "transpose": x.transpose(0, 2),
        "permute": x.permute(2, 0, 1),
        "mT": x.mT,
        "expand": x.expand(5, 2, 3, 4),
        "squeeze": x.squeeze(),
        "unsqueeze": x.unsqueeze(1),
        "flatten": x.flatten(1),
        "unflatten": x.unflatten(2, (2, 2)),
        "split": x.split(1)[1],
        "chunk": x.chunk(2, 1)[0],
        "unbind": x.unbind(1)[2],
        "narrow": x.narrow(1, 1, 2),
        "select": x.select(0, 1),
        "diagonal": x.diagonal(0, 1, 2),
        "unfold": x.unfold(2, 2, 1),
        "movedim": x.movedim(0, 2),
        "as_strided": x.as_strided((2, 2), (1, 3), 1),
    }
    for name, v in views.items():
        assert np.shares_memory(v.array, x.array), name
        assert v._base is x._base if x._base is not None else v._base is x, name


def test_what_copies() -> None:
    x = tl.arange(12.0).reshape(3, 4)
    y = [x.flip(0), x.roll(1), x.repeat(1, 1), x.tril(), x.diag(), x.T.reshape(-1), x.tile(1, 1)]
    for v in (*y, tl.cat([x]), tl.stack([x]), x.repeat_interleave(1, 0), x.rot90(4)):
        assert not np.shares_memory(v.array, x.array)


def test_view_refuses_what_strides_do_not_allow() -> None:
    x = tl.arange(6.0).reshape(2, 3)
    with pytest.raises(RuntimeError, match="view size is not compatible with input tensor's size"):
        x.t().view(-1)
    assert x.t().reshape(-1).tolist() == [0, 3, 1, 4, 2, 5]
    assert x.t().view(3, 1, 2).shape == (3, 1, 2)


def test_expand_has_stride_0_and_is_not_writable() -> None:
    x = tl.ones(3, 1).expand(3, 4)
    assert x.stride() == (1, 0)
    with pytest.raises(RuntimeError, match="more than one element of the written-to tensor"):
        x.add_(1)
    assert x.clone().add_(1).sum() == 24
    assert tl.ones(4, 6)[:, ::2].unsqueeze(1).expand(4, 2, 3).shape == (4, 2, 3)


def test_writes_pass_through_views_of_views() -> None:
    x = tl.zeros(2, 3, requires_grad=True) * 1
    x.t()[1:][0].add_(2)
    assert x.tolist() == [[0.0, 2.0, 0.0], [0.0, 2.0, 0.0]]
    assert x.grad_fn is not None


def test_split_backward_joins_once() -> None:
    x = tl.arange(6.0).requires_grad_()
    a, b, c = x.split(2)
    assert a.grad_fn is b.grad_fn and (a.output_nr, b.output_nr) == (0, 1)
    (a * c).sum().backward()  # b is not used: zeros
    assert x.grad.tolist() == [4.0, 5.0, 0.0, 0.0, 0.0, 1.0]


def test_the_short_ways_record_what_apply_records() -> None:
    x = tl.arange(6.0).reshape(2, 3).requires_grad_()
    y = tl.ones(2, 3, requires_grad=True)
    for short, op, args, meta in (
        (tl.cat([x, y], 1), "joined", (x, y), {"dim": 1}),
        (tl.stack([x, y], 1), "stacked", (x, y), {"dim": 1}),
        (x.split(2, 1)[0], "pieces", (x,), {"sizes": (2, 1), "dim": 1}),
        (x.unbind(1)[0], "slices", (x,), {"dim": 1}),
        (x @ y.T, "product", (x, y.T), {}),
        (tl.nn.functional.linear(x, y, tl.ones(2)), "affine", (x, y, tl.ones(2)), {}),
    ):
        long = REGISTRY[op].apply(args, meta)
        long = long[0] if isinstance(long, tuple) else long
        np.testing.assert_array_equal(short.detach().numpy(), long.detach().numpy())
        a, b = short.node, long.node
        if a.parents and type(a).__name__ == "Pick":
            a, b = a.parents[0], b.parents[0]
        assert a.op is b.op
        assert len(a.saved) == len(b.saved)
        for p, q in zip(a.saved, b.saved, strict=True):
            np.testing.assert_equal(p, q)


def test_cat_skips_the_empty_vector_of_old() -> None:
    x = tl.ones(2, 3)
    assert tl.cat([tl.zeros(0), x]).shape == (2, 3)
    with pytest.raises(RuntimeError, match="Sizes of tensors must match except in dimension 0"):
        tl.cat([x, tl.ones(2, 2)])


def test_cat_promotes() -> None:
    out = tl.cat([tl.tensor([1]), tl.tensor([1.5]), tl.tensor([True])])
    assert out.dtype is tl.float32 and out.tolist() == [1.0, 1.5, 1.0]


def test_windows_that_overlap_add_up() -> None:
    x = tl.arange(5.0).requires_grad_()
    x.unfold(0, 3, 1).sum().backward()
    assert x.grad.tolist() == [1.0, 2.0, 3.0, 2.0, 1.0]


def test_in_place_forms_of_views() -> None:
    x = tl.zeros(2, 3)
    same = x.t_()
    assert same is x and x.shape == (3, 2)
    x.unsqueeze_(0).transpose_(0, 1).squeeze_()
    assert x.shape == (3, 2)
    y = tl.ones(2, 3, requires_grad=True) * 2
    y.t_()
    (y[0] * 3).sum().backward()


@pytest.mark.parametrize(
    "call",
    [
        lambda: tl.cat([tl.ones(2)], out=tl.ones(2)),
        lambda: tl.stack([tl.ones(2)], out=tl.ones(2)),
        lambda: tl.matmul(tl.ones(2), tl.ones(2), out=tl.ones(1)),
        lambda: tl.linalg.det(tl.eye(2), out=tl.ones(1)),
    ],
)
def test_out_is_refused(call: Callable[[], object]) -> None:
    with pytest.raises(TypeError, match="out= is not supported"):
        call()
