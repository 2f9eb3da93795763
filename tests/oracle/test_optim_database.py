"""PyTorch's own database of optimizers, run against this package.

PyTorch's test suite keeps, for each optimizer, the options it tests it with and the arguments it
must refuse (`common_optimizers.optim_db`). Every set of options takes some steps here on a loss
with curvature, in both libraries from the same numbers, in both precisions and with every
implementation the options allow; parameters and `state_dict` must agree. Every refused argument
must be refused with the same type of error, and with a message PyTorch's own pattern matches.
"""

from __future__ import annotations

import re
import warnings
from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl

torch = pytest.importorskip("torch")
pytest.importorskip("expecttest", reason="PyTorch's test utilities import it")

from torch.testing._internal import common_optimizers  # noqa: E402

INFOS = {info.optim_cls.__name__: info for info in common_optimizers.optim_db}
#: what stays out, and why
EXCLUDED = {
    "SparseAdam": "it steps along sparse gradients, and there are no sparse Tensors here",
}
NAMES = [name for name in INFOS if name not in EXCLUDED]
SHAPES = {"Muon": [(3, 4), (5, 2)]}  # which takes matrices only
STEPS = 4
#: where PyTorch itself rounds: Muon's update in bfloat16 (to 1 %), ASGD's eta under `foreach`
ROUNDED = {("Muon", None): 2e-3, ("ASGD", "foreach"): 1e-7}
SCRATCH = {"al"}  # of LBFGS: PyTorch keeps a list that every step overwrites


def inputs(name: str) -> list[Any]:
    found = list(INFOS[name].optim_inputs_func("cpu"))
    return [i for i in found if not i.kwargs.get("capturable")]  # an option of CUDA graphs


CASES = [
    pytest.param(name, i, id=f"{name}-{i.desc}".replace(" ", "_"))
    for name in NAMES
    for i in inputs(name)
]


def converted(value: Any) -> Any:
    """PyTorch's option as ours: Tensors of learning rates and the like."""
    if isinstance(value, torch.Tensor):
        return tl.tensor(value.detach().numpy())
    if isinstance(value, (tuple, list)):
        return type(value)(converted(v) for v in value)
    if isinstance(value, dict):
        return {k: converted(v) for k, v in value.items()}
    return value


def copied(value: Any) -> Any:
    """PyTorch's option, its Tensors copied: some optimizers write into them."""
    return value.clone() if isinstance(value, torch.Tensor) else value


def trained(t: Any, name: str, kwargs: dict[str, Any], dtype: str) -> tuple[list[Any], Any]:
    """Parameters and optimizer after some steps on sum(a (p - b)^2 + sin(p))."""
    rng = np.random.default_rng(0)
    params, aims = [], []
    for shape in SHAPES.get(name, [(3, 4), (5,), ()]):
        params.append(t.nn.Parameter(t.tensor(rng.normal(size=shape).astype(dtype))))
        aims.append(t.tensor(rng.normal(size=shape).astype(dtype)))
    optimizer = getattr(t.optim, name)(params, **kwargs)

    def closure() -> Any:
        optimizer.zero_grad()
        terms = [((p - b) ** 2 * 0.7 + t.sin(p)).sum() for p, b in zip(params, aims, strict=True)]
        loss = sum(terms[1:], terms[0])
        loss.backward()
        return loss

    for _ in range(STEPS):
        optimizer.step(closure)
    return params, optimizer


def implementations(name: str, kwargs: dict[str, Any]) -> list[dict[str, Any]]:
    supported = INFOS[name].supported_impls
    lr = kwargs.get("lr")
    flags = [f for f in ("foreach", "fused") if f in supported]
    if isinstance(lr, torch.Tensor):  # PyTorch: not with foreach unless capturable
        flags = [f for f in flags if f != "foreach"]
    return [{}, *({flag: True} for flag in flags)]


@pytest.mark.parametrize(("name", "case"), CASES)
def test_steps(name: str, case: Any) -> None:
    for dtype, tolerance in (("float64", 1e-10), ("float32", 2e-6)):
        if (name, dtype) == ("LBFGS", "float32"):
            continue  # near the minimum the last digit decides how many iterations follow
        for flag in implementations(name, case.kwargs):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                kwargs = {k: copied(v) for k, v in case.kwargs.items()}
                rounded = ROUNDED.get((name, next(iter(flag), None)), ROUNDED.get((name, None), 0))
                near = max(tolerance, rounded)
                theirs, their_optimizer = trained(torch, name, {**kwargs, **flag}, dtype)
                ours, our_optimizer = trained(tl, name, {**converted(case.kwargs), **flag}, dtype)
            for p, q in zip(ours, theirs, strict=True):
                np.testing.assert_allclose(
                    p.detach().numpy(), q.detach().numpy(), near, near, err_msg=str(flag)
                )
            same_state(our_optimizer.state_dict(), their_optimizer.state_dict(), near)


def same_state(ours: Any, theirs: Any, tolerance: float) -> None:
    assert ours.keys() == theirs.keys()
    assert ours["state"].keys() == theirs["state"].keys()
    for i, state in theirs["state"].items():
        assert ours["state"][i].keys() == state.keys() - SCRATCH
        for key, value in state.items():
            mine = ours["state"][i].get(key)
            if isinstance(mine, float):
                assert mine == pytest.approx(float(value), rel=10 * tolerance), key
            elif isinstance(value, torch.Tensor):
                a, b = mine.detach().numpy(), value.detach().numpy()
                assert (a.shape, a.dtype) == (b.shape, b.dtype), key
                np.testing.assert_allclose(a, b, 10 * tolerance, 10 * tolerance, err_msg=key)
            elif not isinstance(value, (list, tuple, type(None))):
                assert mine == pytest.approx(value, rel=10 * tolerance), key
    for group, their_group in zip(ours["param_groups"], theirs["param_groups"], strict=True):
        assert group.keys() == their_group.keys()


ERRORS = [
    pytest.param(name, e, id=f"{name}-{e.optimizer_error_input.desc}".replace(" ", "_"))
    for name in NAMES
    for e in INFOS[name].optim_error_inputs_func(device="cpu", dtype=torch.float32)
]


def ours_of(params: Any, known: dict[int, Any] | None = None) -> Any:
    """PyTorch's parameters or groups of them as ours; one for one."""
    known = {} if known is None else known
    if params is None:
        return [tl.nn.Parameter(tl.randn(2, 3))]
    if isinstance(params, torch.Tensor):
        if id(params) not in known:
            made = tl.tensor(params.detach().numpy(), requires_grad=params.requires_grad)
            if isinstance(params, torch.nn.Parameter):
                made = tl.nn.Parameter(made)
            if params.grad is not None:
                made.grad = tl.tensor(params.grad.numpy())
            known[id(params)] = made
        return known[id(params)]
    if isinstance(params, dict):
        return {k: ours_of(v, known) for k, v in params.items()}
    if isinstance(params, (list, tuple, set)):
        return type(params)(ours_of(v, known) for v in params)
    return params


@pytest.mark.parametrize(("name", "error"), ERRORS)
def test_refusals(name: str, error: Any) -> None:
    given = error.optimizer_error_input
    kwargs = converted(given.kwargs)
    params = ours_of(given.params)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if error.error_on is common_optimizers.OptimizerErrorEnum.CONSTRUCTION_ERROR:
            if issubclass(error.error_type, Warning):
                with pytest.warns(error.error_type, match=error.error_regex):
                    getattr(tl.optim, name)(params, **kwargs)
                return
            with pytest.raises(error.error_type) as caught:
                getattr(tl.optim, name)(params, **kwargs)
            assert re.search(error.error_regex, str(caught.value)), str(caught.value)
            return
        optimizer = getattr(tl.optim, name)(params, **kwargs)
        with pytest.raises(error.error_type) as caught:
            optimizer.step()
        assert re.search(error.error_regex, str(caught.value)), str(caught.value)


@pytest.mark.parametrize("name", sorted(EXCLUDED))
def test_what_is_excluded_says_so(name: str) -> None:
    assert name in INFOS
    pytest.skip(EXCLUDED[name])
