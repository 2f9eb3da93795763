"""Reductions, generators, scattering, printing options behave as in PyTorch."""

from __future__ import annotations

import copy
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
def of_reduce(lib: Any) -> Any:
    x = A(lib, 2, 3)
    i = lib.tensor([[1, 2], [3, 4]])
    e = lib.ones(0)
    L = lib.tensor
    return [
        error(f, 22)
        for f in (
            lambda: x.sum(),
            lambda: x.sum(0),
            lambda: x.sum((0, 1)),
            lambda: x.sum(dim=(), keepdim=True),
            lambda: i.sum().dtype,
            lambda: i.mean(),
            lambda: i.prod(),
            lambda: x.max(),
            lambda: x.max(1),
            lambda: x.min(0, keepdim=True),
            lambda: e.max(),
            lambda: e.sum(),
            lambda: e.mean(),
            lambda: e.prod(),
            lambda: e.argmax(),
            lambda: lib.ones(0, 3).max(0),
            lambda: lib.ones(3, 0).sum(0).shape,
            lambda: x.std(),
            lambda: L([1.0]).std(),
            lambda: x.var(0, unbiased=False),
            lambda: x.var(dim=0, correction=2),
            lambda: x.argmax(),
            lambda: x.argmin(1, keepdim=True),
            lambda: x.any(),
            lambda: x.all(1),
            lambda: x.median(),
            lambda: x.median(0),
            lambda: x.mode(),
            lambda: x.norm(),
            lambda: x.norm(p=1, dim=0),
            lambda: x.norm("fro"),
            lambda: x.cumsum(1),
            lambda: x.cumprod(0),
            lambda: x.logsumexp(0),
            lambda: x.sum(5),
            lambda: x.sum((0, 0)),
            lambda: x.max((0, 1)),
            lambda: x.amax((0, 1)),
            lambda: x.aminmax(),
            lambda: x.quantile(0.5),
            lambda: x.nanmean(),
            lambda: x.count_nonzero(),
            lambda: x.unique(),
            lambda: lib.unique(L([3, 1, 1]), return_inverse=True, return_counts=True),
            lambda: lib.unique_consecutive(L([1, 1, 2])),
            lambda: x.topk(2),
            lambda: x.sort(descending=True),
            lambda: x.argsort(),
            lambda: x.kthvalue(1),
            lambda: lib.histc(x, 3),
            lambda: lib.bincount(L([0, 1, 1])),
            lambda: lib.bincount(L([-1])),
            lambda: x.diff(),
            lambda: x.dist(x + 1),
            lambda: lib.std_mean(x),
            lambda: lib.var_mean(x, 0),
            lambda: x.trace(),
            lambda: x.logcumsumexp(0),
            lambda: x.cummax(0),
            lambda: lib.searchsorted(L([1, 2, 3]), L([2])),
            lambda: lib.bucketize(L([2]), L([1, 2, 3]), right=True),
            lambda: L([float("nan"), 1.0]).max(),
            lambda: L([float("nan"), 1.0]).nansum(),
            lambda: L([True, True]).sum(),
            lambda: L([1, 2], dtype=lib.uint8).sum().dtype,
            lambda: x.mean(dtype=lib.double).dtype,
            lambda: lib.max(x, x + 1).sum(),
            lambda: x.max(dim=1).indices,
            lambda: x.sum(axis=0),
            lambda: x.mean(axis=(0, 1)),
            lambda: str(x.max(1))[:40],
        )
    ]


@behaviour
def of_generator(lib: Any) -> Any:
    lib.manual_seed(3)
    g = lib.Generator()
    g.manual_seed(5)
    s = g.get_state()
    a = lib.rand(2, generator=g)
    g.set_state(s)
    b = lib.rand(2, generator=g)
    return (
        lib.equal(a, b),
        g.initial_seed(),
        g.device.type,
        type(g.seed()).__name__,
        error(lambda: g.manual_seed("a"), 30),
        g.manual_seed(-1).initial_seed(),
        (lambda c: lib.equal(lib.rand(2, generator=c), lib.rand(2, generator=g)))(g.clone_state()),
        lib.default_generator is not None,
        lib.initial_seed(),
    )


@behaviour
def of_rng(lib: Any) -> Any:
    s = lib.get_rng_state()
    a = lib.rand(3)
    lib.set_rng_state(s)
    b = lib.rand(3)
    with lib.random.fork_rng():
        lib.rand(5)
    lib.rand(1)
    lib.manual_seed(0)
    d = lib.rand(2)
    lib.manual_seed(0)
    return (lib.equal(a, b), lib.equal(d, lib.rand(2)), s.dtype)


@behaviour
def of_deepcopy_views(lib: Any) -> Any:
    x = lib.arange(4.0)
    y = x[1:3]
    a, b = copy.deepcopy([x, y])
    a[1] = 9
    return (b, y)


@behaviour
def of_where(lib: Any) -> Any:
    x = lib.tensor([1.0, -1.0])
    return (
        lib.where(x > 0, x, 0.0),
        lib.where(x > 0, 1, 0),
        lib.where(x > 0),
        lib.where(x > 0, x, x.double()).dtype,
        error(lambda: lib.where(x, x, x), 60),
        x.where(x > 0, lib.tensor(0.0)),
    )


@behaviour
def of_set_printoptions(lib: Any) -> Any:
    r = repr(lib.tensor([1.23456789]))
    lib.set_printoptions(precision=2)
    a = repr(lib.tensor([1.23456789]))
    lib.set_printoptions(profile="default")
    return (
        r,
        a,
        repr(lib.ones(2, dtype=lib.long)),
        repr(lib.tensor([10000000000.0, 1])),
        repr(lib.tensor(float("nan"))),
        repr(lib.ones(0, 3)),
        repr(lib.ones(2, requires_grad=True) * 2),
        repr(lib.arange(2000.0))[:60],
        repr(lib.tensor([1 + 2j])),
        repr(lib.tensor([True])),
        repr(lib.ones(2).double()),
    )


@behaviour
def of_gather_scatter(lib: Any) -> Any:
    x = A(lib, 2, 3)
    i = lib.tensor([[0, 1, 1], [1, 0, 0]])
    return [
        error(f, 22)
        for f in (
            lambda: x.gather(1, i),
            lambda: x.gather(0, i),
            lambda: x.scatter(1, i, 9.0),
            lambda: x.scatter(1, i, x),
            lambda: x.scatter_add(1, i, x),
            lambda: x.scatter_reduce(1, i, x, "amax"),
            lambda: x.scatter_reduce(1, i, x, "mean", include_self=False),
            lambda: x.gather(1, i + 5),
            lambda: x.gather(1, i.float()),
            lambda: x.gather(2, i),
            lambda: x.scatter(1, i, x.double()),
            lambda: x.index_select(0, lib.tensor([0, 0])),
            lambda: x.index_select(0, lib.tensor([5])),
            lambda: x.index_select(0, lib.tensor([[0]])),
            lambda: x.masked_select(lib.tensor([True, False, True])),
            lambda: x.nonzero(),
            lambda: x.nonzero(as_tuple=True),
            lambda: lib.argwhere(x > 2),
            lambda: x.take_along_dim(i, 1),
            lambda: lib.tensor(3.0).nonzero().shape,
        )
    ]


@behaviour
def of_misc_methods(lib: Any) -> Any:
    x = A(lib, 2, 3)
    return [
        error(f, 22)
        for f in (
            lambda: x.sub(1, alpha=2),
            lambda: lib.rsub(x, 1),
            lambda: x.add(1, alpha=2.0),
            lambda: lib.tensor([1]).add(1, alpha=1.5),
            lambda: x.clamp(1),
            lambda: x.clamp(),
            lambda: x.clamp(min=lib.tensor(2.0)),
            lambda: x.clip(max=2),
            lambda: x.true_divide(2),
            lambda: x.div(2, rounding_mode="floor"),
            lambda: x.div(2, rounding_mode="x"),
            lambda: x.fmod(2),
            lambda: x.remainder(-2),
            lambda: x.lerp(x, 0.5),
            lambda: x.addcmul(x, x, value=2),
            lambda: x.trunc(),
            lambda: x.round(decimals=1),
            lambda: x.softmax(1).sum(),
            lambda: x.softmax(-1, dtype=lib.double).dtype,
            lambda: x.logit().shape,
            lambda: x.rot90(),
            lambda: x.fliplr(),
            lambda: x.repeat_interleave(2),
            lambda: x.repeat_interleave(lib.tensor([1, 2]), 0),
            lambda: x.renorm(2, 0, 1.0),
            lambda: lib.tensordot(x, x.t(), 1),
            lambda: lib.einsum("ij,ij->", x, x),
            lambda: lib.einsum("bij,bjk->bik", x[None], x.t()[None]),
            lambda: lib.chain_matmul(x, x.t()),
            lambda: x @ x,
            lambda: x @ x[0],
            lambda: lib.cdist(x, x),
            lambda: x.cov(),
            lambda: x.corrcoef(),
            lambda: lib.cross(x, x),
            lambda: x.hash_tensor() if 0 else 0,
            lambda: x.vander() if 0 else 0,
            lambda: lib.atleast_2d(x[0]).shape,
            lambda: lib.broadcast_tensors(x, x[0])[1].shape,
            lambda: lib.broadcast_shapes((2, 1), (3,)),
            lambda: x.bitwise_not(),
            lambda: x.logical_xor(x),
            lambda: lib.isclose(x, x),
            lambda: lib.isfinite(x),
            lambda: x.heaviside(lib.tensor(1.0)),
            lambda: x.xlogy(x),
            lambda: x.gcd(x),
            lambda: lib.tensor([4]).gcd(lib.tensor([6])),
            lambda: x.trapz() if hasattr(x, "trapz") else "no",
            lambda: lib.trapz(x),
            lambda: x.ldexp(lib.tensor(1)),
            lambda: x.frexp(),
            lambda: x.nextafter(x + 1).shape,
            lambda: x.copysign(-1.0),
            lambda: x.signbit(),
            lambda: x.square(),
            lambda: x.float_power(2).dtype,
            lambda: x.multiply(2),
            lambda: x.absolute(),
            lambda: x.greater(1),
            lambda: x.ne(1),
            lambda: x.sinc(),
            lambda: x.deg2rad(),
            lambda: x.dsplit(1),
            lambda: x.vsplit(2),
            lambda: x.view(6).hsplit(3),
            lambda: lib.dstack([x, x]).shape,
            lambda: lib.block_diag(x).shape,
            lambda: x.inner(x),
            lambda: x.outer(x),
            lambda: x[0].outer(x[0]),
            lambda: x.det(),
            lambda: x.pinverse().shape,
            lambda: x.svd()[1],
            lambda: lib.ones(2, 2).logdet(),
            lambda: x.mvlgamma(2),
            lambda: x.index_reduce(0, lib.tensor([0]), x[:1], "mean"),
        )
    ]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("behaviour", BEHAVIOURS, ids=lambda f: f.__name__[3:])
def test_behaviour(behaviour: Callable[[Any], Any]) -> None:
    check(behaviour)
