"""Averages of weights, and the statistics of normalizations computed anew."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_lite as torch
from tinygrad_lite.optim import swa_utils

nn = torch.nn


def test_averages_are_those_of_their_formulas():
    old, new = torch.tensor([4.0]), torch.tensor([8.0])
    assert swa_utils.get_ema_avg_fn()(old, new, 3).item() == pytest.approx(4.004)
    assert swa_utils.get_ema_avg_fn(0.75)(old, new, 3).item() == 5.0
    assert swa_utils.get_swa_avg_fn()(old, new, 3).item() == 5.0
    for update, moved in (
        (swa_utils.get_ema_multi_avg_fn(0.75), 5.0),
        (swa_utils.get_ema_multi_avg_fn(), 4.004),
        (swa_utils.get_swa_multi_avg_fn(), 5.0),
    ):
        averages = [torch.tensor([4.0]), torch.tensor([4, 9])]
        update(averages, [new, torch.tensor([8, 9])], torch.tensor(3))
        assert averages[0].item() == pytest.approx(moved)
        assert averages[1].tolist() == [int(moved), 9] and averages[1].dtype == torch.int64


def test_averages_are_written_in_place_and_marked():
    average = torch.tensor([4.0], requires_grad=True)
    before = (average * average).sum()
    swa_utils.get_swa_multi_avg_fn()([average], [torch.tensor([8.0])], 1)
    with pytest.raises(RuntimeError, match=r"written by AveragedModel\.update_parameters"):
        before.backward()


def test_decays_are_shares():
    for decay in (0.0, 1.0):
        swa_utils.get_ema_avg_fn(decay)
        swa_utils.get_ema_multi_avg_fn(decay)
    for decay in (-0.5, 1.5):
        for make in (swa_utils.get_ema_avg_fn, swa_utils.get_ema_multi_avg_fn):
            with pytest.raises(ValueError) as e:
                make(decay)
            assert str(e.value) == (
                f"Invalid decay value {decay} provided. Please provide a value in [0,1] range."
            )


def batches() -> list[torch.Tensor]:
    rng = np.random.default_rng(0)
    sizes = (4, 7, 1, 0)
    return [torch.tensor(rng.normal(5, 2, (n, 3, 2)).astype(np.float32)) for n in sizes]


def model() -> nn.Sequential:
    return nn.Sequential(nn.BatchNorm1d(3), nn.LayerNorm(2), nn.BatchNorm1d(3, affine=False))


def test_exact_statistics_are_those_of_all_elements_as_one_batch():
    net = model().eval()
    given = batches()[:3]
    swa_utils.update_bn([[x, "label"] for x in given[:2]] + given[2:], net, exact=True)
    joined = np.concatenate([x.numpy() for x in given]).transpose(1, 0, 2).reshape(3, -1)
    np.testing.assert_allclose(net[0].running_mean.numpy(), joined.mean(1), rtol=1e-6)
    np.testing.assert_allclose(net[0].running_var.numpy(), joined.var(1, ddof=1), rtol=1e-6)
    assert net[0].momentum == net[2].momentum == 0.1 and not net.training
    counts = net[0].num_batches_tracked.item()
    net.train()(given[0])
    assert net[0].num_batches_tracked.item() == counts + 1
    assert not net[0]._forward_pre_hooks


def test_otherwise_the_statistics_are_the_mean_of_the_batches():
    net = model()
    given = batches()[:2]
    net[0].momentum = 0.25
    swa_utils.update_bn(given, net)
    means = [x.numpy().mean((0, 2)) for x in given]
    np.testing.assert_allclose(net[0].running_mean.numpy(), np.mean(means, 0), rtol=1e-6)
    assert net[0].momentum == 0.25 and net.training


def test_frozen_statistics_and_models_without_any_are_left_alone():
    net = model()
    net[0].running_mean.fill_(7.0)
    nn.utils.freeze(net[0], statistics=True)
    before = net[0].running_mean.clone()
    swa_utils.update_bn(batches()[:2], net)
    assert (net[0].running_mean == before).all()
    assert net[2].num_batches_tracked.item() == 2
    swa_utils.update_bn(iter([None]), nn.Sequential(nn.LayerNorm(2)))  # not even looked at
    instance = nn.InstanceNorm1d(3, track_running_stats=True)
    swa_utils.update_bn(
        iter([None]), nn.Sequential(instance, nn.BatchNorm1d(3, track_running_stats=False))
    )


def test_momenta_come_back_when_the_pass_fails():
    net = model()
    with pytest.raises(AttributeError):
        swa_utils.update_bn([batches()[0], object()], net, exact=True)
    assert net[0].momentum == 0.1 and not net[0]._forward_pre_hooks and net.training


def test_exact_statistics_are_marked_as_written():
    net = model()
    w = torch.ones(3, requires_grad=True)
    before = (w * net[0].running_mean).sum()
    swa_utils.update_bn(batches()[:2], net, exact=True)
    with pytest.raises(RuntimeError, match=r"was then written by update_bn \("):
        before.backward()


def test_statistics_of_one_element_say_nothing_and_of_two_they_do():
    x = torch.tensor([[[1.0], [5.0], [9.0]]])
    for count, var in ((1, 1.0), (2, 2.0)):
        net = nn.Sequential(nn.BatchNorm1d(3)).eval()
        joined = torch.cat([x, x + 2])[:count]
        total = swa_utils._Moments(net[0])
        net(joined)
        total.write()
        assert net[0].running_var.tolist() == [var] * 3
        assert net[0].running_mean.tolist() == ([2.0, 6.0, 10.0] if count == 2 else [0.0] * 3)


def test_no_such_name():
    with pytest.raises(AttributeError) as e:
        swa_utils.nothing
    assert str(e.value) == "module 'tinygrad_lite.optim.swa_utils' has no attribute 'nothing'"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"anneal_strategy": "jump"},
            "anneal_strategy must be one of 'cos' or 'linear', instead got jump",
        ),
        ({"anneal_epochs": -1}, "anneal_epochs must be equal or greater than 0, got -1"),
        ({"anneal_epochs": 1.5}, "anneal_epochs must be equal or greater than 0, got 1.5"),
    ],
)
def test_annealing_that_cannot_be_is_refused(options: dict[str, object], message: str):
    optimizer = torch.optim.SGD([torch.ones(1, requires_grad=True)])
    with pytest.raises(ValueError) as e:
        swa_utils.SWALR(optimizer, 0.5, **options)
    assert str(e.value) == message


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"anneal_epochs": 4, "anneal_strategy": "linear"}, [1, 0.875, 0.75, 0.625, 0.5, 0.5]),
        ({"anneal_epochs": 2}, [1, 0.75, 0.5, 0.5]),
        ({"anneal_epochs": 0}, [0.5, 0.5, 0.5]),
        ({"anneal_epochs": 1}, [1, 0.5, 0.5]),
        ({}, [0.75 + 0.25 * np.cos(np.pi * t / 10) for t in range(11)] + [0.5, 0.5]),
    ],
    ids=str,
)
def test_the_rate_anneals_to_its_end_and_stays(options: dict[str, object], expected: list[float]):
    p = torch.ones(1, requires_grad=True)
    p.grad = torch.zeros(1)
    optimizer = torch.optim.SGD([p], lr=1.0)
    scheduler = swa_utils.SWALR(optimizer, 0.5, **options)
    rates = []
    for _ in expected:
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    np.testing.assert_allclose(rates, expected, rtol=1e-12)
    with pytest.warns(UserWarning, match="get_last_lr") as record:
        scheduler.get_lr()
    assert str(record[0].message) == (
        "To get the last learning rate computed by the scheduler, please use `get_last_lr()`."
    )
