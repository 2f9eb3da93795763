"""Recording, hooks, saved tensors, views and modes behave as in PyTorch, seen from outside."""

from __future__ import annotations

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
def of_function(lib: Any) -> Any:

    class F(lib.autograd.Function):
        @staticmethod
        def forward(ctx, a, s, b):
            ctx.s = s
            ctx.save_for_backward(a, b)
            return a + s * b + a * b

        @staticmethod
        def backward(ctx, g):
            a, b = ctx.saved_tensors
            return (g + g * b, None, g * ctx.s + g * a)

    x = lib.arange(4.0).requires_grad_()
    y = (lib.arange(4.0) + 1).requires_grad_()
    r = F.apply(x, 2, y)
    go = lib.ones((), requires_grad=True)
    r.sum().backward(go, create_graph=True)
    return (x.grad, y.grad, x.grad.grad_fn is not None, type(r.grad_fn).__name__, r.grad_fn.name())


@behaviour
def of_writes_through_data_elsewhere(lib: Any) -> Any:
    """What was saved is one region of a buffer, and .data writes into the next one: allowed."""

    class Put(lib.autograd.Function):
        @staticmethod
        def forward(ctx, buffer, value, index):
            ctx.index = index
            buffer.data[index] = value
            return buffer

        @staticmethod
        def backward(ctx, g):
            return g, g[ctx.index], None

    w = lib.tensor([1.0, 2.0], requires_grad=True)
    c = lib.tensor([1.0, 2.0, 3.0], requires_grad=True)
    k = Put.apply(lib.zeros(2, 3), w * 1, (..., 0))
    for i in range(2):
        y = (k[..., : i + 1] * c[: i + 1]).sum(-1)
        k = Put.apply(k, y * w, (..., i + 1))
    (k * c).sum().backward()
    return w.grad, c.grad


@behaviour
def of_once_diff(lib: Any) -> Any:
    od = lib.autograd.function.once_differentiable

    class F(lib.autograd.Function):
        @staticmethod
        def forward(ctx, a):
            ctx.save_for_backward(a)
            return a * a

        @staticmethod
        @od
        def backward(ctx, g):
            assert not lib.is_grad_enabled()
            (a,) = ctx.saved_tensors
            return 2 * a * g

    x = lib.arange(3.0).requires_grad_()
    y = F.apply(x)
    (g,) = lib.autograd.grad(y.sum(), x, create_graph=True)
    return (g.requires_grad, error(lambda: g.sum().backward()))


@behaviour
def of_returns_input(lib: Any) -> Any:

    class F(lib.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x

        @staticmethod
        def backward(ctx, g):
            return g * 2

    out = []
    for shape in [(1,), ()]:
        v = lib.ones(shape, requires_grad=True)
        F.apply(v).backward()
        out.append(v.grad.clone())
        with lib.no_grad():
            v.grad.zero_()
        F.apply(v.clone()).backward()
        out.append(v.grad)
    v = lib.ones(2, requires_grad=True)
    r = F.apply(v)
    out += [r is v, r._base is v, r.data_ptr() == v.data_ptr()]
    return out


@behaviour
def of_returns_none(lib: Any) -> Any:

    class F(lib.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return None

    x = lib.ones(1, requires_grad=True)
    F.apply(x).backward()
    a = x.grad
    F.apply(x**2).backward()
    b = x.grad
    F.apply(x).sum().backward()
    return (a, b, x.grad, lib.autograd.grad(F.apply(x), x, allow_unused=True)[0])


@behaviour
def of_materialize(lib: Any) -> Any:
    seen = []

    class F(lib.autograd.Function):
        @staticmethod
        def forward(ctx, x, m):
            ctx.set_materialize_grads(m)
            return (x * 2, x * 3)

        @staticmethod
        def backward(ctx, g1, g2):
            seen.append(g2 if g2 is None else g2.clone())
            return (g1, None)

    for m in (True, False):
        x = lib.ones(2, requires_grad=True)
        F.apply(x, m)[0].sum().backward()
    return seen


@behaviour
def of_exc_in_backward(lib: Any) -> Any:

    class F(lib.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, g):
            raise ValueError("Simulate error")

    x = lib.rand(3, requires_grad=True)
    return error(lambda: F.apply(x * 2).sum().backward())


@behaviour
def of_invalid_grads(lib: Any) -> Any:

    class F(lib.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return lib.randn(10)

    x = lib.rand(5, 5, requires_grad=True)
    return error(lambda: F.apply(x).sum().backward(), 110)


@behaviour
def of_dtype_of_grad(lib: Any) -> Any:

    class F(lib.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g.double()

    x = lib.rand(5, requires_grad=True)
    F.apply(x).sum().backward()
    return x.grad.dtype


@behaviour
def of_expandable_grad(lib: Any) -> Any:

    class F(lib.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g.sum(0, keepdim=True)

    class G(F):
        @staticmethod
        def backward(ctx, g):
            return g[None]

    x = lib.ones(5, 5, requires_grad=True)
    a = error(lambda: F.apply(x).sum().backward(), 100)
    b = error(lambda: G.apply(x).sum().backward(), 100)
    return (a, b, x.grad)


@behaviour
def of_accumulate(lib: Any) -> Any:
    go = lib.ones(2, 2)
    out = []
    for cg in (False, True):
        x = lib.ones(2, 2, requires_grad=True)
        y = x + 2
        y.backward(go, retain_graph=True)
        g = x.grad
        c = g.clone()
        y.backward(go, create_graph=cg)
        out += [g, c, g is x.grad]
    return out


@behaviour
def of_accumulate_ref(lib: Any) -> Any:
    out = []
    for cg in (False, True):
        p = lib.tensor([1.5, 1.5]).requires_grad_()
        p.grad = lib.tensor([1.5, 1.5])
        s = p.grad
        p.backward(lib.tensor([1.5, 1.5]), create_graph=cg)
        out += [s is p.grad, p.grad]
    return out


@behaviour
def of_grad_steal(lib: Any) -> Any:
    x = lib.ones(3, requires_grad=True)
    g = lib.ones(3)
    x.backward(g)
    a = x.grad is g
    x = lib.ones(3, requires_grad=True)
    (x * 1).backward(g)
    g.fill_(5)
    y = lib.ones(3, requires_grad=True)
    z = lib.ones(3, requires_grad=True)
    (y + z).backward(lib.ones(3))
    y.grad.zero_()
    return (a, x.grad, z.grad)


@behaviour
def of_sum_empty(lib: Any) -> Any:
    a = lib.rand(4, 0, requires_grad=True)
    b = lib.rand(4, 1, requires_grad=True)
    (a + b).sum().backward()
    return (a.grad, b.grad)


@behaviour
def of_hv(lib: Any) -> Any:
    x = lib.tensor([[1.0, 2], [3, 4]], requires_grad=True)
    y = lib.tensor([[2.0, 3], [4, 5]], requires_grad=True)
    z = x**2 + y * x + y**2
    z.backward(lib.ones(2, 2), create_graph=True)
    gs = 2 * x.grad + y.grad
    gs.backward(lib.ones(2, 2))
    return (x.grad, y.grad)


@behaviour
def of_grad_unused(lib: Any) -> Any:
    x = lib.ones(2, requires_grad=True)
    y = lib.ones(2, requires_grad=True)
    return (
        error(lambda: lib.autograd.grad((x * 2).sum(), [x, y]), 80),
        lib.autograd.grad((x * 2).sum(), [x, y], allow_unused=True),
        lib.autograd.grad((x * 2).sum(), [x, y], materialize_grads=True),
        error(
            lambda: lib.autograd.grad(
                (x * 2).sum(), [x, y], allow_unused=False, materialize_grads=True
            ),
            60,
        ),
        error(lambda: lib.autograd.grad((x * 2).sum(), []), 60),
        error(lambda: lib.autograd.grad(lib.ones(1), x), 60),
    )


@behaviour
def of_grad_to_node(lib: Any) -> Any:
    x = lib.ones(2, requires_grad=True)
    y = x * 2
    z = y * 3
    e = lib.autograd.graph.get_gradient_edge(y)
    g = lib.autograd.grad(z.sum(), e)
    e2 = lib.autograd.graph.get_gradient_edge(x)
    return (
        g,
        e.output_nr,
        type(e.node).__name__,
        lib.autograd.grad((x * 2).sum(), e2),
        error(lambda: lib.autograd.graph.get_gradient_edge(lib.ones(2)), 60),
    )


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("behaviour", BEHAVIOURS, ids=lambda f: f.__name__[3:])
def test_behaviour(behaviour: Callable[[Any], Any]) -> None:
    check(behaviour)
