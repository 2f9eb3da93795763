"""Modules, their hooks and states, containers, samplers and loaders behave as in PyTorch."""

from __future__ import annotations

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
def of_named(lib: Any) -> Any:
    n = net(lib)
    return [
        [k for k, _ in n.named_parameters()],
        [k for k, _ in n.named_parameters(remove_duplicate=False)],
        [k for k, _ in n.named_modules()],
        [k for k, _ in n.named_modules(remove_duplicate=False)],
        [k for k, _ in n.named_children()],
        [k for k, _ in n.named_buffers()],
        list(n.state_dict()),
        [k for k, _ in n.named_parameters(prefix="q", recurse=False)],
        len(list(n.modules())),
        [k for k, _ in n.named_buffers(recurse=False, prefix="x")],
    ]


@behaviour
def of_dir(lib: Any) -> Any:
    n = net(lib)
    d = dir(n)
    return (
        "l1" in d,
        "p" in d,
        "b" in d,
        "forward" in d,
        "1" in dir(lib.nn.Sequential(lib.nn.ReLU(), lib.nn.ReLU())),
    )


@behaviour
def of_getattr_err(lib: Any) -> Any:
    n = net(lib)
    return (error(lambda: n.nope, 80), error(lambda: delattr(n, "nope"), 60))


@behaviour
def of_delattr(lib: Any) -> Any:
    n = net(lib)
    del n.l1
    del n.p
    del n.b
    return ([k for k, _ in n.named_parameters()], list(n.state_dict()), hasattr(n, "p"))


@behaviour
def of_buffer_class(lib: Any) -> Any:
    m = lib.nn.Module()
    m.x = lib.nn.Buffer(lib.ones(2))
    m.y = lib.nn.Buffer(lib.ones(2), persistent=False)
    return (
        list(m.state_dict()),
        [k for k, _ in m.named_buffers()],
        isinstance(m.x, lib.nn.Buffer),
        isinstance(lib.ones(1), lib.nn.Buffer),
        isinstance(lib.nn.Parameter(lib.ones(1)), lib.Tensor),
        isinstance(lib.ones(1), lib.nn.Parameter),
    )


@behaviour
def of_get_sub(lib: Any) -> Any:
    n = net(lib)
    return [
        type(n.get_submodule("seq.0")).__name__,
        n.get_parameter("seq.0.bias"),
        n.get_buffer("b"),
        n.get_submodule("") is n,
        error(lambda: n.get_submodule("seq.5"), 60),
        error(lambda: n.get_parameter("b"), 60),
        error(lambda: n.get_buffer("p"), 60),
        error(lambda: n.get_parameter("l1.xx"), 60),
    ]


@behaviour
def of_set_sub(lib: Any) -> Any:
    n = net(lib)
    n.set_submodule("seq.0", lib.nn.Identity())
    return (repr(n.seq), error(lambda: n.set_submodule("", lib.nn.Identity()), 50))


@behaviour
def of_hooks(lib: Any) -> Any:
    n = net(lib)
    log = []
    h1 = n.register_forward_pre_hook(lambda m, i: (log.append("pre"), (i[0] * 2,))[1])
    h2 = n.register_forward_hook(lambda m, i, o: (log.append("post"), o + 1)[1])
    n.register_forward_hook(lambda m, a, k, o: log.append(("kw", sorted(k))), with_kwargs=True)
    n.register_forward_pre_hook(
        lambda m, a, k: log.append(("prekw", sorted(k))), with_kwargs=True, prepend=True
    )
    x = lib.ones(1, 2)
    a = n(x)
    h1.remove()
    h2.remove()
    b = n(x=x)
    return (a, b, log)


@behaviour
def of_hook_pre_single(lib: Any) -> Any:
    n = net(lib)
    n.register_forward_pre_hook(lambda m, i: i[0] * 2)
    return n(lib.ones(1, 2))


@behaviour
def of_backward_hooks(lib: Any) -> Any:
    n = net(lib)
    log = []
    n.register_full_backward_hook(lambda m, gi, go: log.append(("full", gi, go)))
    n.register_full_backward_pre_hook(lambda m, go: log.append(("pre", go)))
    x = lib.ones(1, 2, requires_grad=True)
    n(x).sum().backward()
    m = net(lib)
    m.register_full_backward_hook(lambda m, gi, go: (gi[0] * 10,))
    m.register_full_backward_pre_hook(lambda m, go: (go[0] * 2,))
    y = lib.ones(1, 2, requires_grad=True)
    m(y).sum().backward()
    k = net(lib)
    l2 = []
    k.register_backward_hook(lambda m, gi, go: l2.append(len(go)))
    k(lib.ones(1, 2)).sum().backward()
    return (log, x.grad, y.grad, l2)


@behaviour
def of_bw_hook_inplace(lib: Any) -> Any:
    m = lib.nn.Sequential(lib.nn.Linear(2, 2), lib.nn.ReLU(inplace=True))
    m[0].register_full_backward_hook(lambda m, a, b: None)
    return error(lambda: m(lib.ones(1, 2)).sum().backward(), 80)


@behaviour
def of_state_dict(lib: Any) -> Any:
    n = net(lib)
    s = n.state_dict(prefix="a.")
    d = OrderedDict()
    r = n.state_dict(destination=d)
    return (
        list(s),
        r is d,
        type(s).__name__,
        s["a.p"].requires_grad,
        n.state_dict(keep_vars=True)["p"] is n.p,
        hasattr(s, "_metadata"),
        s["a.p"].data_ptr() == n.p.data_ptr(),
    )


@behaviour
def of_load(lib: Any) -> Any:
    n = net(lib)
    s = n.state_dict()
    s2 = OrderedDict(s)
    s2.pop("p")
    s2["zzz"] = lib.ones(1)
    r = n.load_state_dict(s2, strict=False)
    s3 = OrderedDict(s)
    s3["p"] = lib.ones(5)
    return (
        r.missing_keys,
        r.unexpected_keys,
        str(r),
        error(lambda: n.load_state_dict(s2), 200),
        error(lambda: n.load_state_dict(s3), 300),
        str(n.load_state_dict(s)),
        error(lambda: n.load_state_dict(3), 60),
        error(lambda: n.load_state_dict(s3, strict=False), 100),
    )


@behaviour
def of_load_assign(lib: Any) -> Any:
    n = net(lib)
    s = OrderedDict(((k, v.clone().double()) for k, v in n.state_dict().items()))
    p = n.p
    n.load_state_dict(s, assign=True)
    return (n.p is p, n.p.dtype, n.p.requires_grad, n.b is s["b"], type(n.p).__name__)


@behaviour
def of_extra_state(lib: Any) -> Any:

    class M(lib.nn.Module):
        def __init__(s):
            super().__init__()
            s.v = 3

        def get_extra_state(s):
            return s.v

        def set_extra_state(s, x):
            s.v = x

    m = M()
    s = m.state_dict()
    m.v = 9
    m.load_state_dict(s)
    return (
        list(s),
        m.v,
        error(
            lambda: lib.nn.Linear(1, 1).load_state_dict(
                {"weight": lib.ones(1, 1), "bias": lib.ones(1), "_extra_state": 3}
            ),
            90,
        ),
        error(lambda: m.load_state_dict({}), 80),
    )


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("behaviour", BEHAVIOURS, ids=lambda f: f.__name__[3:])
def test_behaviour(behaviour: Callable[[Any], Any]) -> None:
    check(behaviour)
