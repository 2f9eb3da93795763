"""Functions of users, checkpoints, threads and derivatives of derivatives behave as in PyTorch."""

# ruff: noqa: B023, E742

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("torch")

from tests.oracle.behaviours import check, error

BEHAVIOURS: list[Callable[[Any], Any]] = []


def behaviour(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    BEHAVIOURS.append(f)
    return f


@behaviour
def of_ckpt(lib: Any) -> Any:
    ck = lib.utils.checkpoint.checkpoint
    out = []
    for re in (True, False):
        lib.manual_seed(0)
        lin = lib.nn.Linear(3, 3)
        lib.nn.init.constant_(lin.weight, 0.3)
        lib.nn.init.constant_(lin.bias, 0.1)
        x = lib.ones(2, 3, requires_grad=True)
        y = ck(lambda a, b: lin(a).tanh() * b, x, 2.0, use_reentrant=re)
        y.sum().backward()
        out += [x.grad, lin.weight.grad.clone()]
    return out


@behaviour
def of_ckpt_kwargs(lib: Any) -> Any:
    ck = lib.utils.checkpoint.checkpoint
    x = lib.ones(2, requires_grad=True)
    return (
        error(lambda: ck(lambda a, k=1: a * k, x, use_reentrant=True, k=3), 60),
        ck(lambda a, k=1: a * k, x, use_reentrant=False, k=3),
        ck(lambda d: d["a"] * 2, {"a": x}, use_reentrant=False).requires_grad,
    )


@behaviour
def of_ckpt_tuple_none(lib: Any) -> Any:
    ck = lib.utils.checkpoint.checkpoint
    x = lib.ones(2, requires_grad=True)
    out = []
    for re in (True, False):
        r = ck(lambda a: (a * 2, None, 3, a.detach()), x, use_reentrant=re)
        r[0].sum().backward()
        out += [r[1:], x.grad.clone()]
    return out


@behaviour
def of_ckpt_double(lib: Any) -> Any:
    ck = lib.utils.checkpoint.checkpoint
    x = lib.tensor([1.0, 2], requires_grad=True)
    y = ck(lambda a: a**3, x, use_reentrant=False)
    (g,) = lib.autograd.grad(y.sum(), x, create_graph=True)
    (h,) = lib.autograd.grad(g.sum(), x)
    return (g, h)


@behaviour
def of_ckpt_retain(lib: Any) -> Any:
    ck = lib.utils.checkpoint.checkpoint
    x = lib.tensor([1.0, 2], requires_grad=True)
    y = ck(lambda a: a**3, x, use_reentrant=False).sum()
    y.backward(retain_graph=True)
    y.backward()
    return x.grad


@behaviour
def of_ckpt_nested(lib: Any) -> Any:
    ck = lib.utils.checkpoint.checkpoint
    x = lib.tensor([1.0, 2], requires_grad=True)
    n = [0]

    def inner(a):
        n[0] += 1
        return a.sin()

    y = ck(lambda a: ck(inner, a * 2, use_reentrant=False) ** 2, x, use_reentrant=False).sum()
    y.backward()
    return x.grad


@behaviour
def of_ckpt_seq(lib: Any) -> Any:
    m = lib.nn.Sequential(*[lib.nn.Linear(2, 2) for _ in range(4)])
    for p in m.parameters():
        lib.nn.init.constant_(p, 0.2)
    x = lib.ones(1, 2, requires_grad=True)
    y = lib.utils.checkpoint.checkpoint_sequential(m, 2, x, use_reentrant=False)
    y.sum().backward()
    return (y, x.grad, m[0].weight.grad)


@behaviour
def of_ckpt_dropout(lib: Any) -> Any:
    x = lib.ones(100, requires_grad=True)
    y = lib.utils.checkpoint.checkpoint(
        lambda a: lib.nn.functional.dropout(a, 0.5) * a, x, use_reentrant=False
    )
    y.sum().backward()
    return bool(((x.grad != 0) == (y != 0)).all())


@behaviour
def of_ckpt_input_no_grad(lib: Any) -> Any:
    lin = lib.nn.Linear(2, 2)
    lib.nn.init.constant_(lin.weight, 0.3)
    lib.nn.init.constant_(lin.bias, 0.1)
    y = lib.utils.checkpoint.checkpoint(lin, lib.ones(1, 2), use_reentrant=False)
    y.sum().backward()
    return lin.weight.grad


@behaviour
def of_threads(lib: Any) -> Any:
    x = lib.ones(5, requires_grad=True)

    def f():
        ((x * x).sum() * 2).backward()

    ts = [threading.Thread(target=f) for _ in range(4)]
    [t.start() for t in ts]
    [t.join() for t in ts]
    return x.grad


@behaviour
def of_thread_modes(lib: Any) -> Any:
    out = []

    def f():
        out.append(lib.is_grad_enabled())

    with lib.no_grad():
        t = threading.Thread(target=f)
        t.start()
        t.join()
    return out


@behaviour
def of_isolated_backward_in_hook(lib: Any) -> Any:
    x = lib.ones(3, requires_grad=True)
    y = lib.ones(3, requires_grad=True)

    def hk(g):
        (y * 2).sum().backward() if 0 else None
        with lib.enable_grad():
            (y * y).sum().backward()

    z = x * 2
    z.register_hook(hk)
    z.sum().backward()
    return (y.grad, x.grad)


@behaviour
def of_grad_mode_in_backward(lib: Any) -> Any:
    log = []

    class F(lib.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            log.append(lib.is_grad_enabled())
            return x * 2

        @staticmethod
        def backward(ctx, g):
            log.append(lib.is_grad_enabled())
            return g * 2

    x = lib.ones(2, requires_grad=True)
    F.apply(x).sum().backward()
    lib.autograd.grad(F.apply(x).sum(), x, create_graph=True)
    return log


@behaviour
def of_reentrant(lib: Any) -> Any:

    class R(lib.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            with lib.enable_grad():
                ctx.x = x.detach().requires_grad_()
                ctx.o = ctx.x**2
            return ctx.o.detach()

        @staticmethod
        def backward(ctx, g):
            with lib.enable_grad():
                ctx.o.sum().backward()
            return ctx.x.grad * g

    x = lib.ones(2, requires_grad=True) * 3
    x = lib.tensor([3.0, 4.0], requires_grad=True)
    R.apply(x).sum().backward()
    return x.grad


@behaviour
def of_setup_context(lib: Any) -> Any:

    class C(lib.autograd.Function):
        generate_vmap_rule = True

        @staticmethod
        def forward(x, k):
            return (x**k, x + 1)

        @staticmethod
        def setup_context(ctx, inputs, output):
            x, k = inputs
            ctx.k = k
            ctx.save_for_backward(x)
            ctx.mark_non_differentiable(output[1])

        @staticmethod
        def backward(ctx, g, h):
            (x,) = ctx.saved_tensors
            return (g * ctx.k * x ** (ctx.k - 1), None)

    x = lib.tensor([1.0, 2.0], requires_grad=True)
    a, b = C.apply(x, 3)
    a.sum().backward()
    return (
        x.grad,
        b.requires_grad,
        a.requires_grad,
        error(lambda: lib.func.vmap(lambda z: C.apply(z, 2)[0])(lib.ones(3, 2))),
    )


@behaviour
def of_mark_dirty_no_grad_input(lib: Any) -> Any:

    class I(lib.autograd.Function):
        @staticmethod
        def forward(ctx, x, y):
            x.add_(y)
            ctx.mark_dirty(x)
            return x

        @staticmethod
        def backward(ctx, g):
            return (g, g * 3)

    x = lib.zeros(2)
    y = lib.ones(2, requires_grad=True)
    r = I.apply(x, y)
    r.sum().backward()
    return (r is x, x.requires_grad, y.grad)


@behaviour
def of_function_multi_output_inplace(lib: Any) -> Any:

    class I(lib.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return (x * 2, x * 3)

        @staticmethod
        def backward(ctx, a, b):
            return a * 2 + b * 3

    x = lib.ones(2, requires_grad=True)
    a, b = I.apply(x)
    a.add_(1)
    (a * b.detach() + b).sum().backward()
    return (x.grad, a.grad_fn.name(), a.output_nr, b.output_nr)


@behaviour
def of_return_view_input(lib: Any) -> Any:

    class V(lib.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.view(-1)

        @staticmethod
        def backward(ctx, g):
            return g.view(2, 2)

    x = lib.ones(2, 2, requires_grad=True)
    c = x.clone()
    r = V.apply(c)
    return (r._is_view(), error(lambda: r.add_(1), 60), V.apply(x).shape)


@behaviour
def of_save_for_backward_types(lib: Any) -> Any:

    class S(lib.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(3)
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g

    return error(lambda: S.apply(lib.ones(1, requires_grad=True)), 60)


@behaviour
def of_saved_modified(lib: Any) -> Any:

    class S(lib.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * 2

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return g * x

    x = lib.ones(1, requires_grad=True) * 2
    y = S.apply(x)
    x.add_(1)
    return error(lambda: y.sum().backward(), 90)


@behaviour
def of_saved_freed(lib: Any) -> Any:

    class S(lib.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * 2

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return g * x

    x = lib.ones(1, requires_grad=True)
    y = S.apply(x)
    y.backward()
    return (error(lambda: y.grad_fn.saved_tensors, 60), error(lambda: y.backward(), 60))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("behaviour", BEHAVIOURS, ids=lambda f: f.__name__[3:])
def test_behaviour(behaviour: Callable[[Any], Any]) -> None:
    check(behaviour)
