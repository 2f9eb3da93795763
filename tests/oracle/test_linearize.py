"""`func.linearize` and `functionalize`; batch normalization without averages, and synchronized."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
import tinygrad_lite as tl
from tests.oracle.behaviours import check, error


def _some(lib: Any, *shape: int, seed: int = 0) -> Any:
    values = np.random.default_rng(seed).standard_normal(shape)
    return lib.from_numpy(values.astype("float32"))


def linear_part(lib: Any) -> Any:
    def f(x: Any, y: Any) -> Any:
        return {"a": x["u"].sin() * y, "b": (y.sum(), lib.ones(2))}

    primals = ({"u": _some(lib, 3)}, _some(lib, 3, seed=1))
    tangents = ({"u": _some(lib, 3, seed=2)}, _some(lib, 3, seed=3))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        value, pushed = lib.func.linearize(f, *primals)
        constant, still = lib.func.linearize(lambda x: lib.ones(2), lib.ones(3))
        found = still(lib.ones(3))
    return (
        value, pushed(*tangents), pushed(*primals), constant, found.tolist(),
        error(lambda: pushed(tangents[0]), 20),
        error(lambda: pushed(*tangents[1:], tangents[1]), 20),
        error(lambda: pushed({"u": lib.ones(2)}, lib.ones(3)), 200),
        error(lambda: pushed({"u": lib.ones(3).double()}, lib.ones(3)), 200),
        error(lambda: lib.func.linearize(lambda x: x.sin(), lib.arange(3)), 200),
    )  # fmt: skip


def functional(lib: Any) -> Any:
    def f(x: Any) -> Any:
        y = x.clone()
        y[0].add_(2)
        return y * x

    bad = error(lambda: lib.func.functionalize(f, remove="views"), 88)
    return lib.func.functionalize(f)(lib.ones(2)), bad


def without_averages(lib: Any) -> Any:
    nn = lib.nn
    net = nn.Sequential(
        nn.BatchNorm1d(2), nn.Sequential(nn.BatchNorm1d(2)), nn.InstanceNorm1d(2, affine=True)
    )
    same = lib.func.replace_all_batch_norm_modules_(net) is net
    return same, list(net.state_dict()), net(_some(lib, 4, 2, 3))


def synchronized(lib: Any) -> Any:
    nn = lib.nn
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Sequential(nn.BatchNorm2d(2)))
    net[0].weight.data.fill_(0.3)
    net[0].bias.data.copy_(_some(lib, 4))
    weight = net[1].weight
    net = nn.SyncBatchNorm.convert_sync_batchnorm(net)
    one = nn.SyncBatchNorm.convert_sync_batchnorm(nn.BatchNorm1d(4, momentum=None).eval())
    x = _some(lib, 5, 3, seed=4)
    y = net[1](net[0](x))
    return (
        str(net), net[1].weight is weight, y, list(net.state_dict().items()), one.training, one(y),
        error(lambda: one(lib.ones(4)), 38), net[2](_some(lib, 2, 2, 3, 3)),
    )  # fmt: skip


@pytest.mark.filterwarnings("ignore:Attempted to insert")
@pytest.mark.parametrize("behaviour", [linear_part, functional, without_averages, synchronized])
def test_functions_of_functions(behaviour: Callable[[Any], Any]) -> None:
    check(behaviour)


def test_a_linear_part_can_be_differentiated() -> None:
    x = _some(tl, 3).requires_grad_()
    _, pushed = tl.func.linearize(lambda t: t**3, x)
    (g,) = tl.autograd.grad(pushed(tl.ones(3)).sum(), x)
    assert g.tolist() == pytest.approx((6 * x).tolist(), rel=1e-6)
