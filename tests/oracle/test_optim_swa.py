"""Weight averaging against PyTorch: AveragedModel, SWALR, update_bn, the averaging functions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import tinygrad_lite as tl  # noqa: E402
from tinygrad_lite.core.tensor import make  # noqa: E402
from tinygrad_lite.optim import swa_utils  # noqa: E402
from tinygrad_lite.training.averaging import AveragedModel  # noqa: E402

THEIRS = torch.optim.swa_utils


def models() -> tuple[Any, Any]:
    """The same small network with batch normalization, ours and theirs."""
    theirs = torch.nn.Sequential(
        torch.nn.Linear(4, 5), torch.nn.BatchNorm1d(5), torch.nn.ReLU(), torch.nn.Linear(5, 2)
    )
    ours = tl.nn.Sequential(
        tl.nn.Linear(4, 5), tl.nn.BatchNorm1d(5), tl.nn.ReLU(), tl.nn.Linear(5, 2)
    )
    state = {k: tl.tensor(v.numpy()) for k, v in theirs.state_dict().items()}
    ours.load_state_dict(state)
    return ours, theirs


def move(ours: Any, theirs: Any, seed: int) -> None:
    """The same change of all parameters and of the running mean."""
    rng = np.random.default_rng(seed)
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        value = rng.standard_normal(p.shape).astype(np.float32)
        p.data = make(value)
        q.data = torch.tensor(value)
    value = rng.standard_normal(5).astype(np.float32)
    ours[1].running_mean = make(value)
    theirs[1].running_mean = torch.tensor(value)


def same(ours: Any, theirs: Any) -> None:
    mine, other = ours.state_dict(), theirs.state_dict()
    assert list(mine) == list(other)
    for key, value in other.items():
        np.testing.assert_allclose(mine[key].numpy(), value.numpy(), rtol=1e-5, atol=1e-6)


KINDS: list[Any] = [
    lambda m: {},
    lambda m: {"use_buffers": True},
    lambda m: {"avg_fn": m.get_ema_avg_fn(0.9)},
    lambda m: {"avg_fn": m.get_swa_avg_fn()},
    lambda m: {"multi_avg_fn": m.get_ema_multi_avg_fn(0.7)},
    lambda m: {"multi_avg_fn": m.get_swa_multi_avg_fn()},
    lambda m: {"avg_fn": lambda old, new, count: old * 0.5 + new * 0.5},
]


@pytest.mark.parametrize("kind", KINDS)
def test_averages(kind: Any) -> None:
    ours, theirs = models()
    a = AveragedModel(ours, **kind(swa_utils))
    b = THEIRS.AveragedModel(theirs, **kind(THEIRS))
    same(a, b)
    for seed in range(5):
        move(ours, theirs, seed)
        a.update_parameters(ours)
        b.update_parameters(theirs)
        same(a, b)
    x = np.random.default_rng(9).standard_normal((3, 4)).astype(np.float32)
    a.eval()
    b.eval()
    np.testing.assert_allclose(
        a(tl.tensor(x)).detach().numpy(), b(torch.tensor(x)).detach().numpy(), rtol=1e-4, atol=1e-5
    )
    loader = [np.random.default_rng(s).standard_normal((8, 4)).astype(np.float32) for s in range(3)]
    swa_utils.update_bn([(tl.tensor(x), 0) for x in loader], a)
    THEIRS.update_bn([(torch.tensor(x), 0) for x in loader], b)
    same(a, b)
    assert not a.training
    assert a.module[1].momentum == b.module[1].momentum


def test_the_average_is_a_module() -> None:
    ours, _ = models()
    average = AveragedModel(ours)
    assert isinstance(average, tl.nn.Module)
    assert swa_utils.AveragedModel is AveragedModel
    assert all(p is not q for p, q in zip(average.parameters(), ours.parameters(), strict=True))
    other = AveragedModel(ours)
    other.load_state_dict(average.state_dict())
    with pytest.raises(AssertionError, match="Only one of avg_fn and multi_avg_fn"):
        AveragedModel(ours, avg_fn=lambda *_: 0, multi_avg_fn=lambda *_: None)
    for library in (swa_utils, THEIRS):
        with pytest.raises(ValueError, match="Invalid decay value 1.5 provided"):
            library.get_ema_avg_fn(1.5)


@pytest.mark.parametrize(
    "options",
    [
        {"swa_lr": 0.05},
        {"swa_lr": [0.05, 0.9], "anneal_epochs": 5, "anneal_strategy": "linear"},
        {"swa_lr": 0.05, "anneal_epochs": 0},
        {"swa_lr": 0.3, "anneal_epochs": 40},
    ],
)
def test_swalr(options: dict[str, Any]) -> None:
    p, q = make(np.zeros(2)).requires_grad_(), torch.zeros(2, requires_grad=True)
    p2, q2 = make(np.zeros(2)).requires_grad_(), torch.zeros(2, requires_grad=True)
    a = tl.optim.SGD([{"params": [p]}, {"params": [p2], "lr": 0.2}], lr=1.0)
    b = torch.optim.SGD([{"params": [q]}, {"params": [q2], "lr": 0.2}], lr=1.0)
    p.grad, q.grad = make(np.zeros(2)), torch.zeros(2)
    ours, theirs = swa_utils.SWALR(a, **options), THEIRS.SWALR(b, **options)
    assert set(ours.state_dict()) == set(theirs.state_dict())
    for _ in range(60):
        np.testing.assert_allclose(ours.get_last_lr(), theirs.get_last_lr(), rtol=1e-12)
        a.step()
        b.step()
        ours.step()
        theirs.step()
    for library, optimizer in ((swa_utils, a), (THEIRS, b)):
        with pytest.raises(ValueError, match="anneal_strategy must be one of"):
            library.SWALR(optimizer, 0.1, anneal_strategy="x")
        with pytest.raises(ValueError, match="anneal_epochs must be equal or greater than 0"):
            library.SWALR(optimizer, 0.1, anneal_epochs=-1)
