"""PyTorch's own database of modules, run against ours.

`torch.testing._internal.common_modules` lists, for nearly every module, constructor arguments with
inputs that exercise them, and calls that must fail: PyTorch's own suite lives on it. Each entry is
built on both sides and compared: representation, names, shapes and order of parameters and
buffers; then, from one state carried over through NumPy, the output, the gradients towards every
input and parameter, and the buffers after the step; in training and in evaluation. Calls that fail
there must fail here with the same exception type.
"""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl

torch = pytest.importorskip("torch")
pytest.importorskip("expecttest")  # what torch.testing._internal imports and torch does not require
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from torch.testing._internal.common_modules import ModuleErrorEnum, module_db

INFOS = [pytest.param(info, id=info.name.removeprefix("nn.")) for info in module_db]


def ours(value: Any, seen: dict[int, Any] | None = None) -> Any:
    """An argument meant for PyTorch as one for us: Tensors, dtypes, functions, layers, options.

    A Tensor that stands in two places is one Tensor here as well: `seen` are those met before.
    """
    seen = {} if seen is None else seen
    if isinstance(value, torch.Tensor):
        if id(value) not in seen:
            a = value.detach().numpy().copy()
            seen[id(value)] = tl.tensor(a, requires_grad=value.requires_grad)
        return seen[id(value)]
    if isinstance(value, torch.dtype):
        return getattr(tl, str(value).removeprefix("torch."))
    if isinstance(value, torch.nn.TransformerEncoderLayer):
        made = tl.nn.TransformerEncoderLayer(
            value.self_attn.embed_dim,
            value.self_attn.num_heads,
            value.linear1.out_features,
            value.dropout.p,
            ours(value.activation),
            value.norm1.eps,
            value.self_attn.batch_first,
            value.norm_first,
            value.linear1.bias is not None,
        )
        made.load_state_dict(ours(dict(value.state_dict())))
        return made
    if isinstance(value, torch.nn.Module):
        return getattr(tl.nn, type(value).__name__)()
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return value
    if isinstance(value, (list, tuple)):
        return type(value)(ours(v, seen) for v in value)
    if isinstance(value, dict):
        return {k: ours(v, seen) for k, v in value.items()}
    if dataclasses.is_dataclass(value):
        fields = {f.name: ours(getattr(value, f.name)) for f in dataclasses.fields(value)}
        return getattr(tl.nn, type(value).__name__)(**fields)
    if callable(value) and hasattr(tl.nn.functional, getattr(value, "__name__", "")):
        return getattr(tl.nn.functional, value.__name__)
    return value


def tensors(value: Any) -> Iterator[Any]:
    """The Tensors in nested arguments or results, in order."""
    if isinstance(value, (torch.Tensor, tl.Tensor)):
        yield value
    elif isinstance(value, (list, tuple)):
        for v in value:
            yield from tensors(v)
    elif isinstance(value, dict):
        for v in value.values():
            yield from tensors(v)


def entries(info: Any, training: bool) -> list[Any]:
    """The database's entries for one module, the same at every call."""
    torch.manual_seed(0)
    return info.module_inputs_func(
        info, device="cpu", dtype=torch.float64, requires_grad=True, training=training
    )


def build(t: Any, name: str, args: Any, kwargs: Any, training: bool) -> Any:
    module = getattr(t.nn, name)(*args, **kwargs)
    return module.to(t.float64).train(training)


def step(t: Any, module: Any, args: Any, kwargs: Any) -> tuple[list[np.ndarray], list[Any]]:
    """Outputs, and the gradients towards every input and parameter that wants one."""
    t.manual_seed(3)
    given = {id(x): x for x in tensors([args, kwargs])}.values()
    leaves = [x for x in given if x.requires_grad]
    outs = list(tensors(module(*args, **kwargs)))
    wanted = [*leaves, *(p for p in module.parameters() if p.requires_grad)]
    total: Any = 0
    for k, out in enumerate(o for o in outs if o.requires_grad):
        w = np.cos(np.arange(out.numel()) + k).reshape(tuple(out.shape))
        total = total + (out * t.tensor(w).to(out.dtype)).sum()
    grads = t.autograd.grad(total, wanted, allow_unused=True) if len(outs) and wanted else []
    arrays = [None if g is None else g.detach().numpy() for g in grads]
    return [o.detach().numpy() for o in outs], arrays


def same(a: Any, b: Any, what: str) -> None:
    """Equal within PyTorch's tolerances; shape and dtype exactly."""
    if a is None or b is None:  # a Tensor that the output does not depend on
        assert (a is None) == (b is None) or not np.any(b if a is None else a), what
        return
    assert a.dtype == b.dtype and a.shape == b.shape, (
        f"{what}: {a.dtype}{a.shape} {b.dtype}{b.shape}"
    )
    np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-7, err_msg=what)


def check(name: str, entry: Any, training: bool) -> None:
    """One entry on both sides."""
    made, call = entry.constructor_input, entry.forward_input
    theirs = build(torch, name, made.args, made.kwargs, training)
    mine = build(tl, name, ours(made.args), ours(made.kwargs), training)
    my_args, my_kwargs = ours((call.args, call.kwargs))
    if name.startswith("Lazy"):
        theirs(*call.args, **call.kwargs)
        mine(*my_args, **my_kwargs)
    assert repr(mine) == repr(theirs)
    state = theirs.state_dict()
    assert list(mine.state_dict()) == list(state)
    for part in ("named_parameters", "named_buffers"):
        sides = [[(n, tuple(v.shape)) for n, v in getattr(m, part)()] for m in (mine, theirs)]
        assert sides[0] == sides[1]
    mine.load_state_dict({k: tl.tensor(v.numpy().copy()) for k, v in state.items()})
    outs, grads = step(tl, mine, my_args, my_kwargs)
    their_outs, their_grads = step(torch, theirs, call.args, call.kwargs)
    assert len(outs) == len(their_outs)
    assert len(grads) == len(their_grads)
    for k, (a, b) in enumerate(zip(outs, their_outs)):
        same(a, b, f"output {k}")
    for k, (a, b) in enumerate(zip(grads, their_grads)):
        same(a, b, f"gradient {k}")
    for key, value in theirs.state_dict().items():
        same(mine.state_dict()[key].numpy(), value.numpy(), key)
    back = {k: torch.from_numpy(v.numpy().copy()) for k, v in mine.state_dict().items()}
    theirs.load_state_dict(back)


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("info", INFOS)
def test_module(info: Any, training: bool) -> None:
    name = info.module_cls.__name__
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for k, entry in enumerate(entries(info, training)):
            try:
                check(name, entry, training)
            except Exception as error:
                made, call = entry.constructor_input, entry.forward_input
                shapes = [tuple(x.shape) for x in tensors([call.args, call.kwargs])]
                error.add_note(f"entry {k}: {name}(*{made.args}, **{made.kwargs}) on {shapes}")
                raise


FAILING = [p for p in INFOS if p.values[0].module_error_inputs_func is not None]


@pytest.mark.parametrize("info", FAILING)
def test_errors(info: Any) -> None:
    """The exception type and the words that PyTorch's suite looks for."""
    name = info.module_cls.__name__
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        failures = info.module_error_inputs_func(
            info, device="cpu", dtype=torch.float64, requires_grad=True, training=True
        )
        for failure in failures:
            made = failure.module_error_input.constructor_input
            function, given = getattr(tl.nn, name), made
            if failure.error_on == ModuleErrorEnum.FORWARD_ERROR:
                function = function(*ours(made.args), **ours(made.kwargs))
                given = failure.module_error_input.forward_input
            with pytest.raises(failure.error_type, match=failure.error_regex) as raised:
                function(*ours(given.args), **ours(given.kwargs))
            assert type(raised.value) is failure.error_type


def dtypes(module: Any) -> list[tuple[str, str]]:
    """The parameters and buffers that have a shape, and what they hold."""
    tensors = [*module.named_parameters(), *module.named_buffers()]
    return [(name, str(t.dtype).split(".")[-1]) for name, t in tensors]


@pytest.mark.parametrize("info", INFOS)
def test_factory_arguments(info: Any) -> None:
    """`device` and `dtype` are taken where PyTorch takes them, and reach the same tensors."""
    name = info.module_cls.__name__
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = entries(info, training=True)[0].constructor_input
        plain = {k: v for k, v in made.kwargs.items() if k not in ("device", "dtype")}
        sides = []
        for t, args, kwargs in (
            (torch, made.args, plain),
            (tl, ours(made.args), ours(plain)),
        ):
            try:
                module = getattr(t.nn, name)(*args, **kwargs, device="cpu", dtype=t.float64)
            except TypeError:
                sides.append(None)
            else:
                sides.append(dtypes(module))
    assert sides[1] == sides[0]
