"""Modules, their hooks and states, containers, samplers and loaders behave as in PyTorch."""

from __future__ import annotations

import copy
import pickle
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("torch")

from tests.oracle.behaviours import check, error, net

BEHAVIOURS: list[Callable[[Any], Any]] = []


def behaviour(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    BEHAVIOURS.append(f)
    return f


@behaviour
def of_to_keeps_identity(lib: Any) -> Any:
    n = net(lib)
    p = n.p
    n.double()
    return (p is n.p, n.l1.weight is n.l2.weight)


@behaviour
def of_train(lib: Any) -> Any:
    n = net(lib)
    n.eval()
    a = [m.training for m in n.modules()]
    n.train()
    return (
        a,
        n.training,
        error(lambda: n.train(3), 60),
        n.requires_grad_(False) is n,
        [p.requires_grad for p in n.parameters()],
    )


@behaviour
def of_zero_grad(lib: Any) -> Any:
    n = net(lib)
    n(lib.ones(1, 2)).sum().backward()
    n.zero_grad(set_to_none=False)
    a = (n.p.grad, n.l1.weight.grad)
    n.zero_grad()
    return (a, n.l1.weight.grad)


@behaviour
def of_seq(lib: Any) -> Any:
    R = lib.nn.ReLU
    L = lib.nn.Linear
    s = lib.nn.Sequential(R(), R())
    s.append(L(1, 1))
    s.insert(0, L(2, 2))
    s.extend([R()])
    a = repr(s)
    s.pop(1)
    del s[-1]
    b = repr(s)
    s[0] = lib.nn.Tanh()
    c = type(s[-1]).__name__
    return (
        a,
        b,
        c,
        len(s),
        repr(s[1:]),
        repr(s + lib.nn.Sequential(R())),
        repr(lib.nn.Sequential(R()) * 2),
        [type(m).__name__ for m in s],
        error(lambda: s[10], 40),
        error(lambda: s.insert(99, R()), 50),
        error(lambda: s + 3, 50),
        error(lambda: s * 0, 60),
        error(lambda: s.append(3), 50),
        repr(lib.nn.Sequential(OrderedDict(a=R(), b=R()))),
        lib.nn.Sequential(R()).append(R()) is not None,
    )


@behaviour
def of_seq_iadd(lib: Any) -> Any:
    s = lib.nn.Sequential(lib.nn.ReLU())
    s += lib.nn.Sequential(lib.nn.Tanh())
    s *= 2
    return repr(s)


@behaviour
def of_mlist(lib: Any) -> Any:
    R = lib.nn.ReLU
    m = lib.nn.ModuleList([R(), lib.nn.Tanh()])
    m.append(R())
    m.insert(1, lib.nn.Sigmoid())
    m.extend([R()])
    m += [lib.nn.Tanh()]
    m.pop(0)
    del m[0:2]
    return (
        repr(m),
        len(m),
        type(m[-1]).__name__,
        repr(m[1:]),
        type(m[1:]).__name__,
        repr([*m, R()]),
        error(lambda: m[9], 50),
        error(lambda: m(3), 50),
        error(lambda: m.extend(3), 60),
        error(lambda: lib.nn.ModuleList([3]), 50),
        "0" in dir(m),
        m[lib.tensor(0)] is m[0] if 0 else 0,
    )


@behaviour
def of_mdict(lib: Any) -> Any:
    R = lib.nn.ReLU
    m = lib.nn.ModuleDict({"a": R()})
    m["b"] = lib.nn.Tanh()
    m.update({"c": R()})
    m.update([["d", R()]])
    m.pop("a")
    return (
        list(m.keys()),
        "b" in m,
        len(m),
        [type(v).__name__ for v in m.values()],
        [k for k, _ in m.items()],
        list(m),
        error(lambda: m["zz"], 20),
        error(lambda: m.update(3), 70),
        m.clear(),
        len(m),
        error(lambda: m(3), 40),
    )


@behaviour
def of_pdict(lib: Any) -> Any:
    m = lib.nn.ParameterDict({"a": lib.ones(1)})
    m["b"] = lib.nn.Parameter(lib.ones(2))
    m.update({"c": lib.ones(3)})
    m.setdefault("d", lib.ones(1))
    n = m.copy()
    m.pop("a")
    return (
        list(m.keys()),
        list(n),
        [type(v).__name__ for v in m.values()],
        m.get("zz"),
        m.popitem()[0],
        list(lib.nn.ParameterDict.fromkeys(m, ["q"]) if 0 else []),
        list(reversed(m)),
        list(m | {"e": lib.ones(1)}),
        "b" in m,
    )


@behaviour
def of_deepcopy(lib: Any) -> Any:
    n = net(lib)
    c = copy.deepcopy(n)
    c.p.data.fill_(9)
    return (n.p, c.l1 is c.l2, list(c.state_dict()), copy.copy(n).p is n.p)


@behaviour
def of_pickle(lib: Any) -> Any:
    n = lib.nn.Sequential(lib.nn.Linear(2, 2))
    return list(pickle.loads(pickle.dumps(n)).state_dict())


@behaviour
def of_call_kwargs(lib: Any) -> Any:

    class M(lib.nn.Module):
        def __init__(s, a, b=2):
            super().__init__()
            s.a = a

        def forward(s, x, *, k=1):
            return x * k

    return (M(1)(lib.ones(1), k=3), error(lambda: lib.nn.Module(3), 60), M(1).a)


@behaviour
def of_extra_repr(lib: Any) -> Any:

    class M(lib.nn.Module):
        def extra_repr(s):
            return "a=1\nb=2"

    m = M()
    m.c = lib.nn.ReLU()
    return repr(m)


@behaviour
def of_param_ops(lib: Any) -> Any:
    p = lib.nn.Parameter(lib.ones(2))
    return (
        type(p * 2).__name__,
        type(p.data).__name__,
        type(copy.deepcopy(p)).__name__,
        repr(p),
        type(p.detach()).__name__,
        type(p.clone()).__name__,
        p.is_leaf,
        type(lib.nn.Parameter(p)).__name__,
        lib.nn.Parameter(lib.ones(1), False).requires_grad,
        type(pickle.loads(pickle.dumps(p))).__name__,
        lib.nn.Parameter().shape,
        type(p.view(2)).__name__,
    )


@behaviour
def of_lazy(lib: Any) -> Any:
    m = lib.nn.LazyLinear(3)
    a = type(m).__name__
    r = error(lambda: m.weight.shape, 60)
    m(lib.ones(1, 5))
    return (
        a,
        type(m).__name__,
        m.weight.shape,
        m.in_features,
        r,
        error(lambda: list(lib.nn.LazyLinear(2).state_dict())),
    )


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("behaviour", BEHAVIOURS, ids=lambda f: f.__name__[3:])
def test_behaviour(behaviour: Callable[[Any], Any]) -> None:
    check(behaviour)
