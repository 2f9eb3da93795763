"""Freezing with and without running statistics; running statistics computed anew."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite import nn
from tinygrad_lite.nn.utils import freeze, unfreeze
from tinygrad_lite.optim.swa_utils import update_bn


def network() -> Any:
    return nn.Sequential(
        nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(16, 3)
    )


def state(module: Any) -> dict[str, np.ndarray]:
    return {k: v.numpy().copy() for k, v in module.state_dict().items()}


def same(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> bool:
    return all(np.array_equal(a[k], b[k]) for k in a)


def test_freeze_keeps_parameters_but_not_statistics() -> None:
    net = network()
    assert freeze(net[:2]) is not None
    assert [p.requires_grad for p in net.parameters()] == [False] * 4 + [True] * 2
    before = state(net[1])
    net(tl.randn(5, 2, 4, 4)).sum().backward()
    after = state(net[1])
    assert np.array_equal(before["weight"], after["weight"])
    assert not np.array_equal(before["running_mean"], after["running_mean"])


def test_freeze_with_statistics_survives_train() -> None:
    net = network()
    net(tl.randn(5, 2, 4, 4))
    freeze(net[1], statistics=True)
    before = state(net[1])
    net.train()
    assert net.training and net[0].training and not net[1].training
    x = tl.randn(5, 2, 4, 4)
    out = net[:2](x)
    assert same(state(net[1]), before)
    np.testing.assert_array_equal(out.detach(), copy.deepcopy(net).eval()[:2](x).detach())
    assert list(net.state_dict()) == list(network().state_dict())


@pytest.mark.parametrize("twin", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_frozen_statistics_stay_frozen_in_copies(twin: Any) -> None:
    net = twin(freeze(network(), statistics=True)).train()
    before = state(net)
    net(tl.randn(5, 2, 4, 4))
    assert same(state(net), before)
    assert not any(p.requires_grad for p in net.parameters())


def test_unfreeze() -> None:
    net = freeze(network(), statistics=True)
    net.train()
    unfreeze(net)
    assert net[1].training and all(p.requires_grad for p in net.parameters())
    before = state(net[1])
    net(tl.randn(5, 2, 4, 4))
    assert not same(state(net[1]), before)
    net.eval()
    assert not unfreeze(freeze(net, statistics=True))[1].training


def test_layers_without_statistics_are_left() -> None:
    net = nn.Sequential(
        nn.InstanceNorm2d(2), nn.BatchNorm2d(2, track_running_stats=False), nn.GroupNorm(1, 2)
    )
    freeze(net, statistics=True)
    net.train()
    assert all(m.training for m in net)
    tracked = nn.InstanceNorm2d(2, track_running_stats=True)
    freeze(tracked, statistics=True).train()
    before = state(tracked)
    tracked(tl.randn(2, 2, 3, 3))
    assert same(state(tracked), before)


def test_train_still_wants_a_bool() -> None:
    with pytest.raises(ValueError, match="expected to be boolean"):
        nn.BatchNorm1d(2).train(1)  # type: ignore[arg-type]


def batches(sizes: list[int]) -> list[Any]:
    rng = np.random.default_rng(2)
    return [tl.tensor(rng.normal(n, 1 + n / 5, (n, 3, 2))) for n in sizes]


def test_update_bn_exact_is_one_big_batch() -> None:
    norm = nn.BatchNorm1d(3).double()
    norm(tl.randn(4, 3, 2, dtype=tl.float64))
    loader = batches([7, 7, 7, 2])
    update_bn(loader, norm, exact=True)
    everything = np.concatenate([b.numpy() for b in loader])
    np.testing.assert_allclose(norm.running_mean, everything.mean((0, 2)), rtol=1e-13)
    np.testing.assert_allclose(norm.running_var, everything.var((0, 2), ddof=1), rtol=1e-13)
    assert norm.training and norm.momentum == 0.1 and int(norm.num_batches_tracked) == 4


def test_update_bn_as_pytorch_is_the_mean_of_batches() -> None:
    norm = nn.BatchNorm1d(3).double()
    loader = batches([7, 7, 7, 2])
    update_bn(loader, norm)
    means = [b.numpy().mean((0, 2)) for b in loader]
    variances = [b.numpy().var((0, 2), ddof=1) for b in loader]
    np.testing.assert_allclose(norm.running_mean, np.mean(means, 0), rtol=1e-12)
    np.testing.assert_allclose(norm.running_var, np.mean(variances, 0), rtol=1e-12)


def test_update_bn_exact_far_from_zero() -> None:
    """Moments are joined without a difference of large sums."""
    norm = nn.BatchNorm1d(1).double()
    loader = [tl.randn(50, 1, dtype=tl.float64) + 1e8 for _ in range(3)]
    update_bn(loader, norm, exact=True)
    everything = np.concatenate([b.numpy() for b in loader]) - 1e8
    assert norm.running_var.item() == pytest.approx(everything.var(ddof=1), rel=1e-6)


@pytest.mark.parametrize("exact", [True, False])
def test_update_bn_skips_what_is_frozen_or_no_batch_norm(exact: bool) -> None:
    net = nn.Sequential(
        nn.BatchNorm2d(2), nn.InstanceNorm2d(2, track_running_stats=True), nn.BatchNorm2d(2)
    )
    freeze(net[0], statistics=True)
    before = state(net[0])
    update_bn([(tl.randn(4, 2, 3, 3) + 3, 0)], net, exact=exact)
    assert same(state(net[0]), before) and not net[0].training
    assert net[1].momentum == 0.1
    assert int(net[2].num_batches_tracked) == 1


def test_update_bn_restores_the_model_after_an_error() -> None:
    net = nn.Sequential(nn.BatchNorm1d(3)).eval()
    with pytest.raises(ValueError):
        update_bn([tl.randn(4, 3, 2, 2)], net, exact=True)
    assert not net.training and net[0].momentum == 0.1
    assert not net[0]._forward_pre_hooks
