"""Modules, their hooks and states, containers, samplers and loaders behave as in PyTorch."""

# ruff: noqa: E742

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

from tests.oracle.behaviours import check, error, net

BEHAVIOURS: list[Callable[[Any], Any]] = []


def behaviour(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    BEHAVIOURS.append(f)
    return f


@behaviour
def of_to_empty(lib: Any) -> Any:
    n = net(lib)
    return error(lambda: n.to_empty(device="cpu").p.shape)


@behaviour
def of_named_members_dup(lib: Any) -> Any:
    m = lib.nn.Module()
    m.a = lib.nn.Parameter(lib.ones(1))
    m.b = m.a
    return ([k for k, _ in m.named_parameters()], len(list(m.parameters())), list(m.state_dict()))


@behaviour
def of_stack_state(lib: Any) -> Any:
    ms = [lib.nn.Linear(2, 2) for _ in range(3)]
    for i, m in enumerate(ms):
        lib.nn.init.constant_(m.weight, i)
        lib.nn.init.constant_(m.bias, i)
    p, b = lib.func.stack_module_state(ms)
    return (p, b)


@behaviour
def of_params_vec(lib: Any) -> Any:
    n = lib.nn.Linear(2, 1)
    lib.nn.init.ones_(n.weight)
    lib.nn.init.zeros_(n.bias)
    v = lib.nn.utils.parameters_to_vector(n.parameters())
    lib.nn.utils.vector_to_parameters(v * 3, n.parameters())
    return (v, n.weight)


@behaviour
def of_clip(lib: Any) -> Any:
    p = lib.nn.Parameter(lib.ones(3))
    p.grad = lib.ones(3) * 4
    a = lib.nn.utils.clip_grad_norm_([p], 1.0)
    b = lib.nn.utils.get_total_norm([p.grad])
    c = p.grad.clone()
    lib.nn.utils.clip_grad_value_(p, 0.1)
    return (
        a,
        b,
        c,
        p.grad,
        lib.nn.utils.clip_grad_norm_([], 1.0),
        error(lambda: lib.nn.utils.clip_grad_norm_([lib.nn.Parameter(lib.ones(1))], 1.0)),
    )


@behaviour
def of_iterable(lib: Any) -> Any:
    D = lib.utils.data

    class I(D.IterableDataset):
        def __iter__(s):
            return iter(range(7))

    class J(I):
        def __len__(s):
            return 7

    L = D.DataLoader
    i = I()
    return (
        list(L(i, batch_size=3)),
        list(L(i, batch_size=3, drop_last=True)),
        list(L(i, batch_size=None)),
        error(lambda: len(L(i)), 40),
        len(L(J(), batch_size=2)),
        error(lambda: L(i, shuffle=True), 60),
        error(lambda: L(i, sampler=[1]), 60),
        error(lambda: L(i, batch_sampler=[[1]]), 60),
        list(D.ChainDataset([i, i])),
        error(lambda: i[0], 30),
        list(i + i),
        D.get_worker_info(),
    )


@behaviour
def of_samplers(lib: Any) -> Any:
    D = lib.utils.data
    g = lambda: lib.Generator().manual_seed(3)
    ds = list(range(10))
    return [
        list(D.SequentialSampler(ds)),
        sorted(D.RandomSampler(ds, generator=g())),
        len(D.RandomSampler(ds, replacement=True, num_samples=25)),
        sorted(D.SubsetRandomSampler([3, 4, 5], generator=g())),
        list(D.BatchSampler(D.SequentialSampler(ds), 3, False)),
        list(D.BatchSampler(D.SequentialSampler(ds), 3, True)),
        len(D.BatchSampler(range(10), 3, False)),
        len(list(D.WeightedRandomSampler([0.1, 0.9], 6, generator=g()))),
        len(list(D.RandomSampler(ds, num_samples=15))),
        list(D.BatchSampler(range(10), 4, drop_last=False)),
    ]


@behaviour
def of_split(lib: Any) -> Any:
    D = lib.utils.data
    a = D.random_split(range(10), [3, 7], generator=lib.Generator().manual_seed(1))
    b = D.random_split(range(10), [0.3, 0.3, 0.4])
    return (
        [len(x) for x in a],
        sorted(list(a[0]) + list(a[1])),
        [len(x) for x in b],
        type(a[0]).__name__,
        error(lambda: D.random_split(range(3), [0.5, 0.6]), 50),
        len(D.random_split(range(3), [0.01, 0.99])[0]),
        a[0][0] in range(10),
    )


@behaviour
def of_convert(lib: Any) -> Any:
    c = lib.utils.data.default_convert
    return [
        c(np.ones(2)),
        c([1, np.ones(1)]),
        c({"a": np.zeros(1)}),
        c("s"),
        c(3),
        c(np.float64(3)),
    ]


@behaviour
def of_loader_shuffle_gen(lib: Any) -> Any:
    D = lib.utils.data
    a = [
        list(
            map(
                int,
                lib.cat(
                    list(
                        D.DataLoader(
                            range(10),
                            batch_size=3,
                            shuffle=True,
                            generator=lib.Generator().manual_seed(1),
                        )
                    )
                ),
            )
        )
        for _ in range(2)
    ]
    l = D.DataLoader(range(10), shuffle=True)
    return (
        a[0] == a[1],
        sorted(a[0]),
        type(l.sampler).__name__,
        type(l.batch_sampler).__name__,
        l.batch_size,
        l.num_workers,
        l.drop_last,
        l.pin_memory,
        l.timeout,
        l.prefetch_factor,
        l.persistent_workers,
        l.dataset is not None,
    )


@behaviour
def of_getitems(lib: Any) -> Any:

    class G(lib.utils.data.Dataset):
        def __len__(s):
            return 4

        def __getitem__(s, i):
            return i

        def __getitems__(s, ix):
            return [i * 10 for i in ix]

    return (
        list(lib.utils.data.DataLoader(G(), batch_size=2)),
        error(lambda: lib.utils.data.Dataset()[0], 20),
        list(lib.utils.data.DataLoader(lib.utils.data.Subset(G(), [3, 1]), batch_size=2)),
    )


@behaviour
def of_collate_fn(lib: Any) -> Any:
    D = lib.utils.data.DataLoader
    return (
        list(D(range(5), batch_size=2, collate_fn=lambda b: sum(b))),
        list(D(range(3), batch_size=None, collate_fn=lambda b: -b)),
        list(D(range(4), batch_sampler=[[0, 3], [1]])),
        list(D(range(4), sampler=[3, 1])),
    )


@behaviour
def of_save_requires_grad(lib: Any) -> Any:
    f = io.BytesIO()
    x = lib.ones(2, requires_grad=True)
    x.grad = lib.ones(2)
    lib.save(x, f)
    f.seek(0)
    y = lib.load(f)
    return (y.requires_grad, y.grad)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("behaviour", BEHAVIOURS, ids=lambda f: f.__name__[3:])
def test_behaviour(behaviour: Callable[[Any], Any]) -> None:
    check(behaviour)
