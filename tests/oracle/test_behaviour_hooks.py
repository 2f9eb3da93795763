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


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("behaviour", BEHAVIOURS, ids=lambda f: f.__name__[3:])
def test_behaviour(behaviour: Callable[[Any], Any]) -> None:
    check(behaviour)
