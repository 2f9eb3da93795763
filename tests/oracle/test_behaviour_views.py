"""Recording, hooks, saved tensors, views and modes behave as in PyTorch, seen from outside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("torch")

from tests.oracle.behaviours import check, error, warned

BEHAVIOURS: list[Callable[[Any], Any]] = []


def behaviour(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    BEHAVIOURS.append(f)
    return f


@behaviour
def of_saved_hooks_nested(lib: Any) -> Any:
    x = lib.tensor([2.0, 3], requires_grad=True)
    H = lib.autograd.graph.saved_tensors_hooks
    with H(lambda t: 2 * t, lambda t: t):
        with H(lambda t: 4 * t, lambda t: t):
            y = x * x
        z = x * x
    y.sum().backward()
    a = x.grad.clone()
    x.grad = None
    z.sum().backward()
    return (a, x.grad)


@behaviour
def of_disable_saved_hooks(lib: Any) -> Any:
    x = lib.tensor([2.0, 3], requires_grad=True)
    G = lib.autograd.graph

    def f():
        with G.disable_saved_tensors_hooks("no way"):
            with G.saved_tensors_hooks(lambda t: t, lambda t: t):
                return x * x

    return error(f)


@behaviour
def of_save_on_cpu(lib: Any) -> Any:
    x = lib.tensor([2.0, 3], requires_grad=True)
    with lib.autograd.graph.save_on_cpu():
        y = x * x
    with lib.autograd.graph.save_on_cpu(pin_memory=False):
        y = y * x
    y.sum().backward()
    return x.grad


@behaviour
def of_saved_hooks_function(lib: Any) -> Any:
    log = []

    class F(lib.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x, None)
            return x * x

        @staticmethod
        def backward(ctx, g):
            x, n = ctx.saved_tensors
            assert n is None
            return 2 * x * g

    x = lib.tensor([2.0, 3], requires_grad=True)
    with lib.autograd.graph.saved_tensors_hooks(
        lambda t: (log.append("p"), t)[1], lambda t: (log.append("u"), t * 2)[1]
    ):
        y = F.apply(x)
    y.sum().backward()
    return (log, x.grad)


@behaviour
def of_multi_grad_hook(lib: Any) -> Any:
    ts = [lib.ones(2, requires_grad=True) for _ in range(4)]
    log = []
    h = lib.autograd.graph.register_multi_grad_hook(
        ts, lambda gs: log.append([g if g is None else g.clone() for g in gs])
    )
    (ts[0] * 2 + ts[1] * 3).sum().backward()
    a = len(log)
    (ts[0] + ts[1] + ts[2] + ts[3]).sum().backward()
    h.remove()
    (ts[0] + ts[1] + ts[2] + ts[3]).sum().backward()
    log2 = []
    h = lib.autograd.graph.register_multi_grad_hook(
        ts, lambda g: log2.append(g.clone()), mode="any"
    )
    (ts[0] * 2 + ts[1] * 3).sum().backward()
    return (a, log, len(log2))


@behaviour
def of_increment_version(lib: Any) -> Any:
    a = lib.rand(5, requires_grad=True)
    v = a._version
    lib.autograd.graph.increment_version(a)
    b = a._version - v
    lib.autograd.graph.increment_version((a, a))
    return (b, a._version - v)


@behaviour
def of_allow_mutation(lib: Any) -> Any:
    with lib.autograd.graph.allow_mutation_on_saved_tensors():
        a = lib.ones(2, requires_grad=True)
        b = a.clone()
        c = b * b
        b.mul_(3)
        c.sum().backward()
    return a.grad


@behaviour
def of_version(lib: Any) -> Any:
    x = lib.ones(3)
    v = [x._version]
    x.add_(1)
    v.append(x._version)
    y = x.view(3, 1)
    y.mul_(2)
    v += [x._version, y._version]
    d = x.detach()
    d.add_(1)
    v += [x._version]
    x.data.add_(1)
    v += [x._version]
    z = x.clone()
    v += [z._version]
    x[0] = 1
    v += [x._version]
    x.zero_().fill_(2)
    v += [x._version]
    return v


@behaviour
def of_detach(lib: Any) -> Any:
    x = lib.ones(2, requires_grad=True)
    y = x + 2
    y = y.detach()
    z = y * 4 + 2
    a = (y.requires_grad, z.requires_grad)
    x = lib.ones(2, requires_grad=True)
    y = x * 2
    y = y.detach()
    b = y.grad_fn
    y.requires_grad_()
    z = x + y
    z.sum().backward()
    v = x.view(2)
    return (
        a,
        b,
        x.grad,
        y.grad,
        error(lambda: v.detach_(), 40),
        error(lambda: (x * 2).detach_().requires_grad),
    )


@behaviour
def of_detach_views(lib: Any) -> Any:
    x = lib.ones(2, requires_grad=True)
    d = x.detach()
    x.detach()
    return (
        d._base is None,
        d.is_leaf,
        d._is_view() if hasattr(d, "_is_view") else None,
        x.view(2)._is_view(),
        x.view(2)._base is x,
        (x * 1).view(2)._base is None,
    )


@behaviour
def of_grad_mode_class_deco(lib: Any) -> Any:

    def f():

        @lib.no_grad()
        class Foo:
            def __init__(self):
                self.v = lib.is_grad_enabled()

        return Foo().v

    return warned(f)


@behaviour
def of_gen_exceptions(lib: Any) -> Any:
    out = []

    @lib.no_grad()
    def gen():
        try:
            for _i in range(3):
                try:
                    yield lib.is_grad_enabled()
                except KeyError:
                    out.append(("caught", lib.is_grad_enabled()))
                    yield "x"
        finally:
            out.append(("fin", lib.is_grad_enabled()))

    g = gen()
    out.append(next(g))
    out.append(g.throw(KeyError))
    g.close()
    out.append(lib.is_grad_enabled())

    @lib.enable_grad()
    def gen2():
        v = yield 1
        while True:
            v = yield (v * 2)

    with lib.no_grad():
        g = gen2()
        next(g)
        out.append(g.send(4))
    return out


@behaviour
def of_no_grad_view_inplace(lib: Any) -> Any:
    x = lib.ones(2, 2, requires_grad=True).clone()
    with lib.no_grad():
        v = x[0]
    return error(lambda: v.mul_(2), 90)


@behaviour
def of_no_grad_view_unaffected(lib: Any) -> Any:
    x = lib.ones(2, 2, requires_grad=True)
    with lib.no_grad():
        x[0].mul_(3)
        x.mul_(2)
    x.sum().backward()
    return (x, x.grad, x.is_leaf)


@behaviour
def of_multi_view_inplace(lib: Any) -> Any:
    x = lib.ones(2, 2, requires_grad=True).clone()
    a, _b = x.unbind(0)
    r = error(lambda: a.mul_(2), 90)
    c, _d = x.split(1)
    r2 = error(lambda: c.mul_(2), 90)
    e, _f = x.chunk(2)
    return (r, r2, error(lambda: e.mul_(2), 90))


@behaviour
def of_view_inplace_base_no_grad(lib: Any) -> Any:
    base = lib.zeros(3)
    r = lib.ones(2, requires_grad=True)
    v = base[:2]
    v.mul_(r) if 0 else v.add_(r)
    return (
        base.requires_grad,
        v.requires_grad,
        type(base.grad_fn).__name__,
        type(v.grad_fn).__name__,
        base.is_leaf,
    )


@behaviour
def of_setitem_grad(lib: Any) -> Any:
    r = lib.ones(3, requires_grad=True)
    x = lib.zeros(3, 3)
    x[1] = r * 2
    x[:, 0] = 5.0
    x[lib.tensor([2]), lib.tensor([1])] = r[0]
    (x * x).sum().backward()
    return (x, r.grad)


@behaviour
def of_inference_deco(lib: Any) -> Any:

    @lib.inference_mode()
    def f(x):
        return (x * x, lib.is_inference_mode_enabled())

    @lib.inference_mode(False)
    def g():
        return lib.is_inference_mode_enabled()

    @lib.inference_mode
    def h():
        return lib.is_inference_mode_enabled()

    x = lib.ones(2, requires_grad=True)
    r = f(x)
    return (r[0].requires_grad, r[1], g(), h())


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("behaviour", BEHAVIOURS, ids=lambda f: f.__name__[3:])
def test_behaviour(behaviour: Callable[[Any], Any]) -> None:
    check(behaviour)
