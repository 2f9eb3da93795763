"""Indexing, views, copies, generators and printing behave as in PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

from tests.oracle.behaviours import check, error


def A(lib: Any, *sizes: int) -> Any:
    return lib.arange(float(np.prod(sizes))).reshape(*sizes)


BEHAVIOURS: list[Callable[[Any], Any]] = []


def behaviour(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    BEHAVIOURS.append(f)
    return f


@behaviour
def of_index_get(lib: Any) -> Any:
    x = A(lib, 3, 4, 5)
    L = lib.tensor
    i = L([0, 2])
    m = x[:, 0, 0] > 20
    b = x > 30
    ks = [
        lambda: x[1],
        lambda: x[-1, 2],
        lambda: x[..., 1],
        lambda: x[:, None, 1],
        lambda: x[1:, ::2],
        lambda: x[i],
        lambda: x[:, i],
        lambda: x[i, :, i],
        lambda: x[i, i],
        lambda: x[i[:, None], i],
        lambda: x[m],
        lambda: x[b],
        lambda: x[m, 1],
        lambda: x[:, [0, 1]],
        lambda: x[[0, 1], [1, 2]],
        lambda: x[True],
        lambda: x[False],
        lambda: x[None],
        lambda: x[L(1)],
        lambda: x[L(True)],
        lambda: x[i.to(lib.uint8)] if 0 else 0,
        lambda: x[np.array([0, 1])],
        lambda: x[np.int64(1)],
        lambda: x[0, 1, 2],
        lambda: x[..., None].shape,
        lambda: x[1, ..., 2],
        lambda: x[i.int()],
        lambda: x[0, :, L([1, 2])],
        lambda: x[:, L([[0, 1], [2, 3]])],
        lambda: x[L([], dtype=lib.long)],
        lambda: x[0:0],
        lambda: x[slice(None), slice(1, 3)],
        lambda: x[range(2)],
        lambda: x[[[0, 1], [1, 2]]],
        lambda: x[[True, False, True]],
        lambda: x[...],
        lambda: x[:, :, L([True, False, True, False, True])],
        lambda: x[L([-1])],
        lambda: x[None, None, 0, ..., None],
        lambda: x[i, ...],
        lambda: x[..., i],
        lambda: x[i, None, i],
        lambda: x[0][0][0],
        lambda: x[L([0]), 1:3, L([1])],
    ]
    es = [
        lambda: x[3],
        lambda: x[0, 0, 0, 0],
        lambda: x[L([5])],
        lambda: x[::-1],
        lambda: x[1.0],
        lambda: x["a"],
        lambda: x[L([1.0])],
        lambda: x[L([True, False])],
        lambda: x[i, L([0, 1, 2])],
        lambda: lib.tensor(3)[0],
        lambda: x[..., ...],
        lambda: x[0, ..., 0, 0, 0],
        lambda: x[:, 5],
        lambda: lib.tensor(3)[:],
        lambda: lib.tensor(3)[None],
        lambda: lib.tensor(3)[...],
        lambda: lib.tensor(3)[()],
        lambda: lib.tensor(3)[True],
    ]
    return ([error(k) for k in ks], [error(k, 22) for k in es])


@behaviour
def of_index_set(lib: Any) -> Any:
    out = []
    L = lib.tensor
    i = L([0, 2])

    def go(k, v):
        x = A(lib, 3, 4)

        def f():
            x[k] = v
            return x

        out.append(error(f, 22))

    for k, v in [
        (0, 1.0),
        ((0, 1), 5),
        (i, 9.0),
        ((slice(None), i), L([1.0, 2.0])),
        ((i, i), L([7.0, 8.0])),
        (A(lib, 3, 4) > 5, 0.0),
        (L([True, False, True]), -1.0),
        (Ellipsis, 3.0),
        (None, 4.0),
        ((None, 0), lib.ones(1, 4)),
        (0, L([1, 2, 3, 4])),
        ((slice(None), 0), lib.ones(3, dtype=lib.double)),
        (0, lib.ones(5)),
        (3, 1.0),
        (True, 2.0),
        (False, 2.0),
        (L(1), 1.0),
        (0, True),
        ((0, 0), L([5.0])),
        ((0, 0), lib.ones(2)),
        (slice(0, 0), 1.0),
        (A(lib, 3, 4) > 5, lib.ones(6)),
        (A(lib, 3, 4) > 5, lib.ones(2)),
        (0, 1j),
        (slice(1, None), lib.ones(1, 4)),
        (0, lib.ones(1, 1, 4)),
        ([0, 1], 0.0),
        (L([0, 0]), L([[1.0], [2.0]])[1]),
    ]:
        go(k, v)
    x = lib.zeros(3, dtype=lib.long)
    x[0] = 2.7
    y = lib.zeros(2, dtype=lib.bool)
    y[0] = 5
    z = lib.zeros(3, dtype=lib.uint8)
    z[1] = 300 if 0 else 3
    return (out, x, y, z)


@behaviour
def of_index_grad(lib: Any) -> Any:
    out = []
    for k in (
        0,
        (slice(None), 1),
        lib.tensor([0, 0, 1]),
        lib.tensor([True, False, True]),
        (lib.tensor([0, 1]), lib.tensor([1, 1])),
        None,
        Ellipsis,
    ):
        x = A(lib, 3, 4).requires_grad_()
        (x[k] ** 2).sum().backward()
        out.append(x.grad)
    return out


@behaviour
def of_index_put(lib: Any) -> Any:
    x = lib.zeros(3, 3)
    i = (lib.tensor([0, 0]), lib.tensor([1, 1]))
    a = x.index_put(i, lib.tensor([1.0, 2.0]), accumulate=True)
    x.index_put_((lib.tensor([1]),), lib.tensor(5.0))
    return (
        a,
        x,
        error(lambda: x.index_put_((lib.tensor([5]),), lib.tensor(5.0)), 40),
        lib.zeros(3).index_add_(0, lib.tensor([0, 0]), lib.ones(2)),
        lib.zeros(3).index_fill_(0, lib.tensor([1]), 2.0),
        lib.zeros(3).index_copy_(0, lib.tensor([2]), lib.ones(1)),
        x.put_(lib.tensor([0, 8]), lib.tensor([1.0, 2.0])),
        x.take(lib.tensor([0, -1])),
        lib.ones(3).masked_fill_(lib.tensor([True, False, True]), 9),
        lib.ones(3).masked_scatter_(lib.tensor([True, False, True]), lib.tensor([5.0, 6.0])),
    )


@behaviour
def of_view(lib: Any) -> Any:
    x = A(lib, 2, 3, 4)
    E_ = []
    for f in (
        lambda: x.view(6, 4),
        lambda: x.view(-1),
        lambda: x.view(2, -1, 2),
        lambda: x.view(5, 5),
        lambda: x.view(-1, -1),
        lambda: x.transpose(0, 1).view(-1),
        lambda: x.view(lib.int32).dtype,
        lambda: x.view(lib.float64).shape,
        lambda: x.view(lib.uint8).shape,
        lambda: x.view((6, 4)),
        lambda: x.view(lib.Size([24])),
        lambda: x.view_as(lib.ones(24)),
        lambda: lib.ones(0).view(-1, 3) if 0 else 0,
        lambda: x[:, :, 1].view(6),
        lambda: x.view(2, 3, 2, 2).shape,
        lambda: x.reshape(4, -1),
        lambda: x.reshape(7),
        lambda: x.lib.shape,
        lambda: x.mT.shape,
        lambda: lib.ones(2, 3).t().shape,
        lambda: x.t(),
        lambda: lib.zeros(0).view(0, -1),
    ):
        E_.append(error(f, 22))
    return E_


@behaviour
def of_expand_err(lib: Any) -> Any:
    x = lib.ones(2, 1)
    return [
        error(f, 22)
        for f in (
            lambda: x.expand(2, 3),
            lambda: x.expand(-1, 3),
            lambda: x.expand(3, 3),
            lambda: x.expand(2),
            lambda: x.expand(3, -1, 2, 4) if 0 else 0,
            lambda: x.expand(2, 3).add_(1),
            lambda: x.squeeze(0).shape,
            lambda: x.squeeze((0, 1)).shape,
            lambda: x.unsqueeze(5),
            lambda: x.permute(0, 0),
            lambda: x.permute(0),
            lambda: x.transpose(0, 5),
            lambda: x.narrow(0, 1, 5),
            lambda: x.select(0, 7),
            lambda: x.split(0),
            lambda: x.split([1, 2]),
            lambda: x.chunk(0),
            lambda: lib.cat([x, lib.ones(3, 3)]),
            lambda: lib.cat([]),
            lambda: lib.stack([x, lib.ones(1)]),
            lambda: lib.stack([]),
            lambda: x.flatten(1, 0),
            lambda: x.unflatten(0, (3, -1)),
            lambda: x.repeat(2),
            lambda: x.tile(2).shape,
            lambda: x.movedim(0, 9),
            lambda: x.flip(0, 0),
            lambda: x.roll(1, (0, 1)),
            lambda: x.rot90(1, [0, 0]),
            lambda: x.diagonal(0, 0, 0),
            lambda: lib.ones(3).t().shape,
            lambda: lib.ones(2, 2, 2).t(),
            lambda: x.view(-2),
        )
    ]


@behaviour
def of_creation(lib: Any) -> Any:
    L = lib.tensor
    return [
        error(f, 22)
        for f in (
            lambda: L([1, 2]),
            lambda: L([1.0, 2]),
            lambda: L([True]),
            lambda: L(3),
            lambda: L([]),
            lambda: L([[1], [2, 3]]),
            lambda: L("a"),
            lambda: L([1, 2], dtype=lib.float16),
            lambda: L(np.ones(2)),
            lambda: L([np.ones(2), np.ones(2)]),
            lambda: L([L(1), L(2)]),
            lambda: L([1j]),
            lambda: L(None),
            lambda: L([1, 2.5, True]),
            lambda: L([2**40]),
            lambda: L([2**70]),
            lambda: L(np.float32(2)),
            lambda: L(range(3)),
            lambda: L((1, 2)) if 0 else 0,
            lambda: lib.as_tensor([1]),
            lambda: lib.from_numpy(np.arange(3, dtype=np.int16)),
            lambda: lib.from_numpy([1]),
            lambda: lib.zeros(2, 3),
            lambda: lib.zeros((2, 3)),
            lambda: lib.zeros([2]),
            lambda: lib.zeros(lib.Size([1])),
            lambda: lib.zeros(-1),
            lambda: lib.zeros(size=(2,)),
            lambda: lib.full((2,), True),
            lambda: lib.full((2,), 3),
            lambda: lib.full((2,), 1j),
            lambda: lib.full([], 2.0),
            lambda: lib.arange(5),
            lambda: lib.arange(1, 2, 0.25),
            lambda: lib.arange(5, 0, -2),
            lambda: lib.arange(0, 5, -1),
            lambda: lib.arange(0, 5, 0),
            lambda: lib.arange(5.0),
            lambda: lib.arange(0, float("inf")),
            lambda: lib.linspace(0, 1, 5),
            lambda: lib.linspace(0, 10, 3, dtype=lib.long),
            lambda: lib.linspace(0, 1, -1),
            lambda: lib.logspace(0, 2, 3),
            lambda: lib.eye(2, 3),
            lambda: lib.eye(-1),
            lambda: lib.ones_like(L([1])),
            lambda: lib.zeros_like(L([1.0]), dtype=lib.long),
            lambda: lib.empty(2, 0).shape,
            lambda: lib.tril_indices(3, 3),
            lambda: lib.triu_indices(2, 3, 1),
            lambda: lib.meshgrid(L([1, 2]), L([3]), indexing="ij"),
            lambda: lib.meshgrid(L([1, 2]), L([3]), indexing="xy"),
            lambda: lib.cartesian_prod(L([1, 2]), L([3, 4])),
            lambda: lib.combinations(L([1, 2, 3])),
            lambda: lib.complex(L([1.0]), L([2.0])),
            lambda: lib.polar(L([1.0]), L([0.0])),
            lambda: lib.vander(L([1, 2, 3])),
            lambda: lib.range(0, 2),
            lambda: lib.diag_embed(L([1.0, 2])),
            lambda: lib.block_diag(L([[1]]), L([[2, 3]])),
            lambda: lib.rand(2, 3).shape,
            lambda: lib.randint(3, (2,)).dtype,
            lambda: lib.randint(3, 1, (2,)),
            lambda: lib.randperm(4).shape,
            lambda: lib.normal(0.0, 1.0, (2,)).shape,
            lambda: lib.bernoulli(L([0.0, 1.0])),
            lambda: lib.multinomial(L([0.0, 1.0]), 1),
            lambda: lib.scalar_tensor(3.0),
            lambda: lib.asarray([1, 2]),
            lambda: lib.frombuffer(bytearray(b"\x00\x00\x00\x00"), dtype=lib.int32),
            lambda: lib.ones(2, device="cpu").device,
            lambda: lib.FloatTensor([1, 2]),
            lambda: lib.LongTensor([1, 2]),
            lambda: lib.Tensor([1, 2]),
            lambda: lib.Tensor(2, 3).shape,
            lambda: lib.IntTensor(2).shape,
            lambda: lib.BoolTensor([1, 0]),
            lambda: L([1.0]).new_tensor([2]),
            lambda: L([1]).new([1, 2]),
            lambda: L([1.0]).new_full((2,), 3),
            lambda: L([1]).new_zeros(2),
            lambda: lib.hann_window(4),
            lambda: lib.kaiser_window(3),
            lambda: lib.tensor([1, 2], names=("a",)) if 0 else 0,
            lambda: lib.empty_strided((2, 2), (1, 2)).stride(),
            lambda: lib.empty_permuted((2, 3), (1, 0)).stride(),
        )
    ]


@behaviour
def of_inplace_promo(lib: Any) -> Any:
    L = lib.tensor
    return [
        error(f, 22)
        for f in (
            lambda: L([1]).add_(1.5),
            lambda: L([1]).mul_(L([2.0])),
            lambda: L([1.0]).add_(L([2])),
            lambda: L([1]).div_(2),
            lambda: L([True]).add_(1),
            lambda: L([1.0]).add_(1j),
            lambda: L([1], dtype=lib.uint8).add_(L([2])),
            lambda: L([1.0]).pow_(2),
            lambda: L([5]).floor_divide_(2),
            lambda: L([1.0]).add_(lib.ones(2)),
            lambda: L([1]).sqrt_(),
            lambda: L([True]).sub_(L([True])),
            lambda: L([1.0, 2.0]).copy_(L([1])),
            lambda: L([1.0]).fill_(L([2.0, 3.0])),
            lambda: L([1.0]).clamp_(0, L(0.5)),
            lambda: -L([True]),
            lambda: L([True]) - L([True]),
            lambda: ~L([1.0]),
            lambda: L([1.0]) & L([1.0]),
            lambda: L([1.0]) << 1,
        )
    ]


@behaviour
def of_what_numpy_makes_of_tensors(lib: Any) -> Any:
    x = lib.tensor([0.25, 3.5, 1.125])
    made = [
        np.concatenate([x, x]),
        np.stack([x, x]),
        np.where(x > 1, 1, 0),
        np.dot(x, x),
        np.expand_dims(x, 0),
        np.ravel(x),
        np.swapaxes(x[None], 0, 1),
        np.round(x, 1),
        np.argsort(x),
        np.transpose(x[None]),
        np.clip(x, 0, 1),
    ]
    return [(isinstance(v, lib.Tensor), np.asarray(v)) for v in made]


@behaviour
def of_numpy_of_what_requires_grad(lib: Any) -> Any:
    x = lib.ones(2, requires_grad=True)
    seen = [error(lambda: x.numpy()), error(lambda: np.asarray(x)), x.numpy(force=True)]
    for mode in (lib.no_grad, lib.inference_mode):
        with mode():
            seen += [x.numpy(), np.asarray(x)]
    return seen


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("behaviour", BEHAVIOURS, ids=lambda f: f.__name__[3:])
def test_behaviour(behaviour: Callable[[Any], Any]) -> None:
    check(behaviour)
