"""Functions of users, checkpoints, threads and derivatives of derivatives behave as in PyTorch."""

# ruff: noqa: B023

from __future__ import annotations

import copy
import pickle
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
def of_needs_input_grad(lib: Any) -> Any:
    log = []

    class S(lib.autograd.Function):
        @staticmethod
        def forward(ctx, x, y, z):
            log.append(ctx.needs_input_grad)
            return x * y

        @staticmethod
        def backward(ctx, g):
            log.append(ctx.needs_input_grad)
            return (g, None, None)

    x = lib.ones(1, requires_grad=True)
    y = lib.ones(1)
    S.apply(x, y, 3).backward()
    with lib.no_grad():
        S.apply(x, y, 2)
    return log


@behaviour
def of_function_kwargs(lib: Any) -> Any:

    class S(lib.autograd.Function):
        @staticmethod
        def forward(ctx, x, k=2):
            return x * k

        @staticmethod
        def backward(ctx, g):
            return g

    x = lib.ones(1, requires_grad=True)
    return (error(lambda: S.apply(x)), error(lambda: S.apply(x, k=3), 30))


@behaviour
def of_vjp_name(lib: Any) -> Any:

    class S(lib.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def vjp(ctx, g):
            return g * 5

    class B(S):
        @staticmethod
        def backward(ctx, g):
            return g

    class N(lib.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

    x = lib.ones(1, requires_grad=True)
    S.apply(x).backward()
    return (
        x.grad,
        error(lambda: B.apply(x).backward(), 60),
        error(lambda: N.apply(x).backward(), 60),
        error(lambda: lib.autograd.Function.apply(x), 50),
    )


@behaviour
def of_nondiff(lib: Any) -> Any:

    class S(lib.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            m = x > 0
            ctx.mark_non_differentiable(m)
            return (x * 2, m)

        @staticmethod
        def backward(ctx, g, m):
            assert (m == 0).all()
            return g

    x = lib.ones(2, requires_grad=True)
    a, m = S.apply(x)
    a.sum().backward()
    return (m.requires_grad, m.dtype, x.grad)


@behaviour
def of_batched_grad(lib: Any) -> Any:
    x = lib.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = x**2
    return lib.autograd.grad(y, x, lib.eye(3), is_grads_batched=True)


@behaviour
def of_backward_dup(lib: Any) -> Any:
    x = lib.ones(2, requires_grad=True)
    y = x * 2
    lib.autograd.backward([y, y], [lib.ones(2), lib.ones(2)])
    return (x.grad, lib.autograd.grad((x * 2).sum(), [x, x]))


@behaviour
def of_grad_outputs_none(lib: Any) -> Any:
    x = lib.ones(2, requires_grad=True)
    return lib.autograd.grad([x.sum(), x * 2], x, [None, lib.ones(2)])


@behaviour
def of_backward_int_grad(lib: Any) -> Any:
    x = lib.ones(2, requires_grad=True)
    return (
        error(lambda: (x * 2).backward(lib.ones(2, dtype=lib.long)), 60),
        error(lambda: (x * 2).backward(lib.ones(2, dtype=lib.double))),
        x.grad if x.grad is None else x.grad.dtype,
    )


@behaviour
def of_complex_backward(lib: Any) -> Any:
    x = lib.ones(2, requires_grad=True, dtype=lib.complex64)
    return error(lambda: (x * x).sum().backward(), 60)


@behaviour
def of_leaf_backward(lib: Any) -> Any:
    x = lib.tensor(2.0, requires_grad=True)
    x.backward()
    return x.grad


@behaviour
def of_deepcopy(lib: Any) -> Any:
    x = lib.ones(2, requires_grad=True)
    c = copy.deepcopy(x)
    x.grad = lib.ones(2) * 3
    d = copy.deepcopy(x)
    return (
        c.requires_grad,
        c.is_leaf,
        d.grad,
        error(lambda: copy.deepcopy(x * 2), 70),
        copy.copy(x) is x,
        copy.copy(x).requires_grad,
    )


@behaviour
def of_pickle(lib: Any) -> Any:
    x = lib.ones(2, requires_grad=True)
    y = pickle.loads(pickle.dumps(x))
    return (y, y.requires_grad, error(lambda: pickle.loads(pickle.dumps(x * 2)).requires_grad))


@behaviour
def of_deep_graph(lib: Any) -> Any:
    x = lib.ones(1, requires_grad=True)
    y = x
    for _ in range(20000):
        y = y + 1
    y.backward()
    del y
    return x.grad


@behaviour
def of_free_deep(lib: Any) -> Any:
    x = lib.ones(1, requires_grad=True)
    y = x * 1
    for _ in range(50000):
        y = y + y.new_zeros(1)
    del y
    return 1


@behaviour
def of_gradcheck(lib: Any) -> Any:
    gc_ = lib.autograd.gradcheck
    x = lib.tensor([1.0, 2.0], dtype=lib.double, requires_grad=True)

    class Bad(lib.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g

    return (
        gc_(lambda a: a.sin() * a, (x,)),
        lib.autograd.gradgradcheck(lambda a: a.sin() * a, (x,)),
        gc_(Bad.apply, (x,), raise_exception=False),
        error(lambda: gc_(Bad.apply, (x,)), 40),
        gc_(
            lambda a: a.sum(),
            x,
            eps=1e-05,
            atol=0.0001,
            rtol=0.001,
            check_undefined_grad=False,
            nondet_tol=0.0,
            fast_mode=True,
            check_batched_grad=False,
        ),
        error(lambda: gc_(lambda a: a * 2, (lib.ones(2),)), 40),
    )


@behaviour
def of_hook_remove_in_hook(lib: Any) -> Any:
    log = []
    x = lib.ones(1, requires_grad=True)

    def hk(g):
        log.append(1)
        h.remove()

    h = x.register_hook(hk)
    (x * 2).backward()
    (x * 2).backward()
    return log


@behaviour
def of_handle_ctx(lib: Any) -> Any:
    x = lib.ones(1, requires_grad=True)
    log = []
    with x.register_hook(lambda g: log.append(1)) as h:
        (x * 2).backward()
    (x * 2).backward()
    return (log, type(h).__name__, hasattr(h, "id"))


@behaviour
def of_unused_output(lib: Any) -> Any:
    x = lib.randn(10, 10, requires_grad=True)
    outs = x.chunk(5)
    o = outs[2]
    o = o * 4 + 2
    o.sum().backward()
    return x.grad


@behaviour
def of_type_conv_backward(lib: Any) -> Any:
    x = lib.ones(3, requires_grad=True)
    (x.double() * 2).sum().backward()
    y = lib.ones(3, dtype=lib.double, requires_grad=True)
    (y.float() + x).sum().backward()
    return (x.grad, y.grad)


@behaviour
def of_set_requires_grad_only_for_floats(lib: Any) -> Any:
    out = []
    for d in (lib.float16, lib.float32, lib.float64, lib.int8, lib.bool, lib.complex64):
        a = lib.ones(2, dtype=d)
        out.append(error(lambda: a.requires_grad_().requires_grad, 25))
        out.append(error(lambda: lib.ones(2, dtype=d, requires_grad=True).requires_grad, 25))
    return out


@behaviour
def of_requires_grad_factory(lib: Any) -> Any:
    x = lib.ones(2, 2)
    return (
        lib.ones_like(x, requires_grad=True).requires_grad,
        lib.randn_like(x, requires_grad=True).requires_grad,
        lib.empty_like(x).requires_grad,
        x.new_ones(2, requires_grad=True).requires_grad,
        lib.full((2,), 1.0, requires_grad=True).requires_grad,
        lib.eye(2, requires_grad=True).requires_grad,
        lib.linspace(0, 1, 3, requires_grad=True).requires_grad,
        lib.zeros(2).requires_grad_() is not None,
    )


@behaviour
def of_data_assign(lib: Any) -> Any:
    x = lib.ones(2, requires_grad=True)
    x.data = lib.zeros(3)
    a = x.shape

    def f():
        x.data = lib.zeros(2, dtype=lib.long)

    x.data_ptr()
    y = lib.ones(5)
    x.data = y
    return (a, error(f, 60), x.data_ptr() == y.data_ptr())


@behaviour
def of_as_leaf_inplace_requires(lib: Any) -> Any:
    a = lib.zeros(2, 2)
    b = lib.ones(2, requires_grad=True)
    a[0] = b
    r = [a.requires_grad, a.is_leaf]
    a.sum().backward()
    return (r, b.grad, error(lambda: a.requires_grad_(False), 60))


@behaviour
def of_copy_inplace_grad(lib: Any) -> Any:
    a = lib.zeros(2)
    b = lib.ones(2, requires_grad=True, dtype=lib.double)
    a.copy_(b * 2)
    a.sum().backward()
    c = lib.zeros(3, 2, requires_grad=True) * 1
    c.copy_(b)
    c.sum().backward()
    return b.grad


@behaviour
def of_where_nan(lib: Any) -> Any:
    x = lib.tensor([0.0, 1.0], requires_grad=True)
    lib.where(x > 0, x.sqrt(), lib.zeros(2)).sum().backward()
    return x.grad


@behaviour
def of_fwad(lib: Any) -> Any:
    fw = lib.autograd.forward_ad
    with fw.dual_level():
        x = fw.make_dual(lib.tensor([1.0, 2.0]), lib.tensor([1.0, 0.5]))
        y = x.sin() * x
        p, t = fw.unpack_dual(y)
        z = fw.unpack_dual(lib.ones(2))
        return [p, t, z.tangent, z.primal]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("behaviour", BEHAVIOURS, ids=lambda f: f.__name__[3:])
def test_behaviour(behaviour: Callable[[Any], Any]) -> None:
    check(behaviour)
