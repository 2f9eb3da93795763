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


@behaviour
def of_grad_node_outputs(lib: Any) -> Any:
    x = lib.ones(2, requires_grad=True)
    y = x * 2
    e = lib.autograd.graph.get_gradient_edge(y)
    g = lib.autograd.grad(e, x, lib.ones(2))
    x2 = lib.ones(2, requires_grad=True)
    e = lib.autograd.graph.get_gradient_edge(x2 * 2)
    lib.autograd.backward(e, lib.ones(2))
    return (g, x2.grad)


@behaviour
def of_backward_inputs(lib: Any) -> Any:
    x = lib.ones(2, requires_grad=True)
    y = lib.ones(2, requires_grad=True)
    f = lambda: x**2 + y * x + y**2
    f().backward(lib.ones(2), inputs=[x])
    a = (x.grad, y.grad)
    z = f()
    lib.autograd.backward(z, lib.ones(2), inputs=x)
    m = x * 2
    (m * 3).sum().backward(inputs=[m])
    return (
        a,
        x.grad,
        y.grad,
        m.grad,
        error(lambda: f().backward(lib.ones(2), inputs=[]), 60),
        error(lambda: f().backward(lib.ones(2), inputs=[lib.ones(2)]), 60),
        error(lambda: f().backward(lib.ones(2), inputs=[1]), 60),
    )


@behaviour
def of_retain_graph(lib: Any) -> Any:
    x = lib.ones(2, requires_grad=True)
    y = x * x
    y.sum().backward()
    return (error(lambda: y.sum().backward(), 70), error(lambda: (x + 1).sum().backward()))


@behaviour
def of_second_time_no_saved(lib: Any) -> Any:
    x = lib.ones(2, requires_grad=True)
    y = x + 1
    s = y.sum()
    s.backward()
    return (error(lambda: s.backward()), x.grad)


@behaviour
def of_grad_nonleaf_warn(lib: Any) -> Any:
    x = lib.ones(2, requires_grad=True)
    y = x * 2
    return warned(lambda: y.grad)


@behaviour
def of_hooks(lib: Any) -> Any:
    x = lib.ones(2, 2, requires_grad=True)
    y = lib.ones(2, 2) * 2
    y.requires_grad_()
    c = [0]

    def bw(inc, g):
        c[0] += inc

    z = x**2 + x * 2 + x * y + y
    x.register_hook(lambda *a: bw(0, *a))
    t = z.register_hook(lambda *a: bw(1, *a))
    z.backward(lib.ones(2, 2), retain_graph=True)
    a = c[0]
    t2 = z.register_hook(lambda *a: bw(2, *a))
    z.backward(lib.ones(2, 2), retain_graph=True)
    b = c[0]
    t2.remove()
    z.backward(lib.ones(2, 2), retain_graph=True)
    d = c[0]

    def hk(g):
        return g * 2

    t.remove()
    z.register_hook(hk)
    y.grad.zero_()
    z.backward(lib.ones(2, 2), retain_graph=True)
    e = y.grad.clone()
    y.register_hook(hk)
    y.grad.zero_()
    z.backward(lib.ones(2, 2))
    return (a, b, d, e, y.grad)


@behaviour
def of_hook_order(lib: Any) -> Any:
    log = []
    x = lib.ones(2, requires_grad=True)
    y = x * 2
    y.register_hook(lambda g: (log.append(("a", g.clone())), g * 2)[1])
    y.retain_grad()
    y.register_hook(lambda g: (log.append(("b", g.clone())), g * 3)[1])
    y.sum().backward()
    return (log, y.grad, x.grad)


@behaviour
def of_retain_grad(lib: Any) -> Any:
    inp = lib.ones(1, 3, requires_grad=True)
    h1 = inp * 3
    out = (h1 * h1).sum()
    h1.retain_grad()
    h1.retain_grad()
    out.backward(retain_graph=True)
    a = h1.grad.clone()
    r = (h1.retains_grad, inp.retains_grad)
    out.backward(retain_graph=True)
    b = h1.grad.clone()
    inp.retain_grad()
    out.backward()
    return (a, b, r, inp.grad, inp.retains_grad)


@behaviour
def of_retain_grad_inplace(lib: Any) -> Any:
    a = lib.tensor([1.0], requires_grad=True).clone()
    a.retain_grad()
    a.add_(1) if 0 else a
    a * 2
    a.add_(1)
    r = a.retains_grad
    a.sum().backward()
    return (r, a.grad)


@behaviour
def of_retain_grad_inplace2(lib: Any) -> Any:
    l = lib.tensor([1.0, 2.0], requires_grad=True)
    a = l * 2
    a.retain_grad()
    log = []
    a.register_hook(lambda g: log.append(g.clone()))
    a.mul_(3)
    a.sum().backward()
    return (a.grad, log, l.grad)


@behaviour
def of_retain_grads_hook_inplace_order(lib: Any) -> Any:
    l = lib.tensor([1.0, 2.0], requires_grad=True)
    a = l.clone()
    log = []
    a.register_hook(lambda g: log.append(("pre", g.clone())))
    a.mul_(3)
    a.register_hook(lambda g: log.append(("post", g.clone())))
    a.sum().backward()
    return log


@behaviour
def of_leaf_hook_persist(lib: Any) -> Any:
    x = lib.ones(2, requires_grad=True)
    log = []
    x.register_hook(lambda g: log.append(g.clone()))
    (x * 2).sum().backward()
    (x * 3).sum().backward()
    lib.autograd.grad((x * 4).sum(), x)
    return log


@behaviour
def of_post_acc_order(lib: Any) -> Any:
    x = lib.ones(2, requires_grad=True)
    log = []
    x.register_post_accumulate_grad_hook(lambda p: log.append("post"))
    x.register_hook(lambda g: log.append("pre"))
    (x * 2).sum().backward()
    return log


@behaviour
def of_node_hooks(lib: Any) -> Any:
    x = lib.ones(2, requires_grad=True)
    y = x * 2
    log = []
    y.grad_fn.register_hook(lambda gi, go: log.append((len(gi), gi[0], go[0])))
    y.grad_fn.register_prehook(lambda go: (log.append(go), (go[0] * 2,))[1])
    y.sum().backward()
    return (log, x.grad)


@behaviour
def of_node_hook_types(lib: Any) -> Any:
    x = lib.ones(2, requires_grad=True)
    y = x * 2
    y.grad_fn.register_hook(lambda gi, go: (gi[0] * 5, None))
    y.sum().backward()
    z = lib.ones(2, requires_grad=True)
    w = z * 2
    w.grad_fn.register_hook(lambda gi, go: (gi[0], gi[1], gi[0]))
    return (x.grad, error(lambda: w.sum().backward(), 60))


@behaviour
def of_accgrad_hooks(lib: Any) -> Any:
    x = lib.ones(2, requires_grad=True)
    y = x * 2
    acc = y.grad_fn.next_functions[0][0]
    log = []
    acc.register_hook(lambda gi, go: log.append((len(gi), go[0])))
    acc.register_prehook(lambda go: log.append(go[0]))
    y.sum().backward()
    return (log, acc.variable is x, type(acc).__name__, acc.name())


@behaviour
def of_metadata(lib: Any) -> Any:
    x = lib.ones(2, requires_grad=True)
    y = x * 2
    y.grad_fn.metadata["a"] = 1
    z = y + 1
    return (z.grad_fn.next_functions[0][0].metadata, z.grad_fn.next_functions[0][0] is y.grad_fn)


@behaviour
def of_saved(lib: Any) -> Any:
    x = lib.tensor([2.0, 3], requires_grad=True)
    y = lib.tensor([4.0, 5], requires_grad=True)
    z = x * y
    e = x.exp()
    s = x.sum(0)
    p = x**2
    out = [
        z.grad_fn._saved_self,
        z.grad_fn._saved_other,
        z.grad_fn._saved_self is x,
        e.grad_fn._saved_result,
        s.grad_fn._saved_self_sym_sizes,
        p.grad_fn._saved_self,
        p.grad_fn._saved_exponent,
    ]
    z.sum().backward()
    out.append(error(lambda: z.grad_fn._saved_self, 60))
    return out


@behaviour
def of_raw_saved(lib: Any) -> Any:
    x = lib.tensor([2.0, 3], requires_grad=True)
    z = x * x
    h = z.grad_fn._raw_saved_self
    h.register_hooks(lambda t: t * 2, lambda t: t * 10)
    return (error(lambda: z.grad_fn._saved_self),)


@behaviour
def of_isinstance_node(lib: Any) -> Any:
    x = lib.ones(2, requires_grad=True)
    y = x * 2
    N = lib.autograd.graph.Node

    class F(lib.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g

    return (
        isinstance(y.grad_fn, N),
        issubclass(type(y.grad_fn), N),
        isinstance(F.apply(x).grad_fn, N),
        issubclass(F, N) if 0 else 0,
        isinstance(y.grad_fn.next_functions[0][0], N),
        isinstance(3, N),
    )


@behaviour
def of_saved_hooks(lib: Any) -> Any:
    log = []
    x = lib.tensor([2.0, 3], requires_grad=True)
    with lib.autograd.graph.saved_tensors_hooks(
        lambda t: (log.append(("pack", t.detach().clone())), t.detach().numpy().copy())[1],
        lambda a: (log.append("unpack"), lib.from_numpy(a))[1],
    ):
        y = x * x
        e = x.exp()
    z = x * x
    (y.sum() + e.sum() + z.sum()).backward()
    return (len(log), x.grad)


@behaviour
def of_saved_hooks_scale(lib: Any) -> Any:
    x = lib.tensor([2.0, 3], requires_grad=True)
    with lib.autograd.graph.saved_tensors_hooks(lambda t: t, lambda t: t * 2):
        y = x * x
    y.sum().backward()
    return x.grad


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
