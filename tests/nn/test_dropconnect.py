"""DropConnect, and Monte-Carlo dropout."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite import nn
from tinygrad_lite.nn import functional as F
from tinygrad_lite.nn.utils import monte_carlo_dropout, monte_carlo_predict


def test_drops_connections_and_scales_the_others() -> None:
    linear = nn.Linear(30, 20, bias=False)
    layer = nn.DropConnect(linear, p=0.25)
    seen = layer(tl.eye(30)).detach().numpy().T  # the weights of this pass
    kept = seen != 0
    np.testing.assert_allclose(seen[kept], linear.weight.detach().numpy()[kept] / 0.75, rtol=1e-6)
    assert 0.65 < kept.mean() < 0.85
    assert kept.any(0).all() and kept.any(1).all()  # no unit was silenced as a whole
    again = layer(tl.eye(30)).detach().numpy().T
    assert (again != 0).tolist() != kept.tolist()


def test_the_mean_over_masks_is_the_plain_layer() -> None:
    layer = nn.DropConnect(nn.Linear(4, 3), p=0.3)
    x = tl.randn(2, 4)
    with tl.no_grad():
        mean = np.mean([layer(x).numpy() for _ in range(4000)], 0)
    np.testing.assert_allclose(mean, layer.module(x).detach(), atol=0.05)


def test_evaluation_is_the_plain_layer() -> None:
    layer = nn.DropConnect(nn.Linear(4, 3)).eval()
    x = tl.randn(2, 4)
    np.testing.assert_array_equal(layer(x).detach(), layer.module(x).detach())
    assert repr(layer).startswith("DropConnect(\n  p=0.5, names=['weight']")
    assert list(layer.state_dict()) == ["module.weight", "module.bias"]


def test_gradient_reaches_what_was_kept() -> None:
    linear = nn.Linear(5, 4)
    layer = nn.DropConnect(linear)
    weight = linear.weight
    layer(tl.ones(1, 5)).sum().backward()
    assert linear.weight is weight  # the parameter is back in its place
    g = weight.grad.numpy()
    assert set(np.unique(g)) == {0.0, 2.0}
    np.testing.assert_array_equal(linear.bias.grad, np.ones(4))


def test_parameters_are_back_after_an_error() -> None:
    linear = nn.Linear(5, 4)
    layer = nn.DropConnect(linear)
    with pytest.raises(RuntimeError):
        layer(tl.ones(1, 3))
    assert isinstance(linear.weight, nn.Parameter)
    layer(tl.ones(1, 5))


@pytest.mark.parametrize(
    ("inner", "shape", "names"),
    [
        (lambda: nn.Conv2d(2, 3, 2), (1, 2, 4, 4), ["weight"]),
        (lambda: nn.LSTM(3, 4, 2), (5, 2, 3), [f"weight_{a}_l{k}" for k in (0, 1) for a in "ih"]),
        (lambda: nn.LazyLinear(3), (2, 4), ["weight"]),
        (lambda: nn.Linear(4, 3), (2, 4), ["weight", "bias"]),
    ],
)
def test_other_layers(inner: Any, shape: tuple[int, ...], names: list[str]) -> None:
    names = [n.replace("_i_", "_ih_").replace("_h_", "_hh_") for n in names]
    chosen = names if "bias" in names else None
    layer = nn.DropConnect(inner(), 0.5, chosen)
    assert layer.names == names
    x = tl.randn(*shape)
    outputs = [layer(x) for _ in range(2)]
    a, b = (o[0] if isinstance(o, tuple) else o for o in outputs)
    assert not np.array_equal(a.detach(), b.detach())
    a.sum().backward()
    for name in names:
        assert layer.module._parameters[name].grad is not None


def test_all_or_nothing() -> None:
    x = tl.randn(2, 4)
    np.testing.assert_array_equal(nn.DropConnect(nn.Linear(4, 3, False), 1.0)(x).detach(), 0)
    whole = nn.DropConnect(nn.Linear(4, 3), 0.0)
    np.testing.assert_array_equal(whole(x).detach(), whole.module(x).detach())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.DropConnect(nn.Linear(2, 2), 1.5), "between 0 and 1, but got 1.5"),
        (lambda: nn.DropConnect(nn.ReLU()), "ReLU has no parameter weight"),
        (lambda: nn.DropConnect(nn.Linear(2, 2), names=["W"]), "no parameter W of its own"),
        (
            lambda: nn.DropConnect(nn.utils.parametrizations.weight_norm(nn.Linear(2, 2))),
            "before any parametrization",
        ),
    ],
)
def test_refusals(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


# -- Monte-Carlo dropout --------------------------------------------------------------------------


def network() -> Any:
    return nn.Sequential(
        nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.4), nn.RReLU(), nn.Linear(8, 3)
    )


def test_only_dropout_trains_inside_and_flags_come_back() -> None:
    net = network()
    net[2].eval()
    before = [m.training for m in net.modules()]
    statistics = net[1].running_mean.clone()
    with monte_carlo_dropout(net) as inside:
        assert inside is net
        assert [type(m).__name__ for m in net.modules() if m.training] == ["Dropout"]
        net(tl.randn(5, 4))
    assert [m.training for m in net.modules()] == before
    with pytest.raises(RuntimeError), monte_carlo_dropout(net):
        net(tl.randn(5, 3))
    assert [m.training for m in net.modules()] == before
    np.testing.assert_array_equal(net[1].running_mean, statistics)


def test_mean_and_spread_are_those_of_the_samples() -> None:
    net = network().eval()
    x = tl.randn(5, 4)
    tl.manual_seed(3)
    with monte_carlo_dropout(net), tl.no_grad():
        samples = np.stack([net(x).numpy() for _ in range(12)]).astype(np.float64)
    tl.manual_seed(3)
    found = monte_carlo_predict(net, x, samples=12)
    assert found.mean.dtype == tl.float32 and not found.mean.requires_grad
    np.testing.assert_allclose(found.mean, samples.mean(0), rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(found.std, samples.std(0, ddof=1), rtol=1e-5, atol=1e-7)


def test_spread_of_a_known_distribution() -> None:
    """Dropout of ones: values 0 and 1 / (1 - p), with variance p / (1 - p)."""
    mean, std = monte_carlo_predict(nn.Dropout(0.2), tl.ones(2000), samples=50)
    assert mean.mean().item() == pytest.approx(1, abs=0.01)
    assert (std**2).mean().item() == pytest.approx(0.25, rel=0.02)


def test_transform_is_applied_before_the_mean() -> None:
    net = network()
    mean, _ = monte_carlo_predict(net, tl.randn(5, 4), samples=5, transform=lambda y: y.softmax(-1))
    np.testing.assert_allclose(mean.numpy().sum(-1), 1, rtol=1e-6)


def test_dropout_inside_recurrent_attention_and_own_layers() -> None:
    class Own(nn.Module):
        def forward(self, x: Any) -> Any:
            return F.dropout(x, 0.5, self.training)

    x = tl.randn(6, 2, 4)
    models = [
        (nn.LSTM(4, 4, 2, dropout=0.5), ()),
        (nn.TransformerEncoderLayer(4, 2, 8, dropout=0.3), ()),
        (nn.DropConnect(nn.Linear(4, 4)), ()),
        (Own(), (Own,)),
    ]
    for model, layers in models:
        pick = (lambda out: out[0]) if isinstance(model, nn.LSTM) else None
        spread = monte_carlo_predict(model, x, samples=4, transform=pick, layers=layers).std
        assert spread.numpy().any(), type(model).__name__


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: monte_carlo_predict(nn.Linear(2, 2), tl.ones(1, 2)), ValueError, "no dropout"),
        (lambda: monte_carlo_predict(nn.Dropout(), tl.ones(1), samples=1), ValueError, "2 samples"),
        (
            lambda: monte_carlo_predict(nn.LSTM(2, 2, 2, dropout=0.5), tl.ones(1, 2)),
            TypeError,
            "returned a tuple",
        ),
    ],
)
def test_monte_carlo_refusals(call: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        call()
