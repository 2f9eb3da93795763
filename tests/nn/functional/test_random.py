"""What is drawn: how often, within which bounds, and that the rest of a function is exact."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import tinygrad_lite as torch

F = torch.nn.functional
N = 20_000


def near(found: float, wanted: float, deviation: float, n: int = N) -> bool:
    """Whether a mean of n draws is within five standard errors of what it should be."""
    return abs(found - wanted) <= 5 * deviation / math.sqrt(n)


def test_rrelu_draws_each_slope_from_its_range() -> None:
    slopes = F.rrelu(-torch.ones(N), 0.25, 0.5, training=True).neg()
    assert slopes.dtype == torch.float32
    assert slopes.min() >= 0.25
    assert slopes.max() < 0.5
    assert near(slopes.mean().item(), 0.375, 0.25 / math.sqrt(12))
    default = F.rrelu(-torch.ones(N), training=True).neg()
    assert 0.125 <= default.min() < 0.13
    assert 0.33 < default.max() <= 1 / 3
    x = torch.arange(4.0) + 1
    assert torch.equal(F.rrelu(x, training=True), x), "what is positive passes"
    in_place = -torch.ones(9)
    assert F.rrelu_(in_place, training=True) is in_place
    assert in_place.unique().numel() == 9
    leaf = (-torch.ones(3)).requires_grad_()
    out = F.rrelu(leaf, training=True)
    out.sum().backward()
    assert torch.allclose(leaf.grad, out.detach() / leaf.detach()), "the gradient has the slopes"


def test_gumbel_softmax_draws_classes_by_their_probabilities() -> None:
    p = torch.tensor([0.1, 0.2, 0.7])
    logits = p.log().expand(N, 3)
    soft = F.gumbel_softmax(logits)
    assert soft.dtype == torch.float32
    assert torch.allclose(soft.sum(-1), torch.ones(N), atol=1e-5)
    drawn = torch.nn.functional.one_hot(soft.argmax(-1), 3).float().mean(0)
    for found, wanted in zip(drawn.tolist(), p.tolist(), strict=True):
        assert near(found, wanted, math.sqrt(wanted * (1 - wanted)))
    assert 0 < soft.min() < soft.max() < 1.0 + 1e-6


def test_gumbel_softmax_is_sharper_at_a_low_temperature() -> None:
    def sharpness(tau: float) -> float:
        torch.manual_seed(3)
        return F.gumbel_softmax(torch.zeros(2000, 3), tau).amax(-1).mean().item()

    assert sharpness(0.1) > sharpness(1.0) > sharpness(10.0)
    torch.manual_seed(3)
    default = F.gumbel_softmax(torch.zeros(2000, 3)).amax(-1).mean().item()
    assert default == sharpness(1.0)
    torch.manual_seed(3)
    doubled = F.gumbel_softmax(torch.zeros(2, 3).double(), 2.0)
    torch.manual_seed(3)
    once = F.gumbel_softmax(torch.zeros(2, 3).double())
    torch.testing.assert_close(doubled, (once.log() / 2).softmax(-1))


def test_gumbel_softmax_hard_is_one_hot_with_the_soft_gradient() -> None:
    logits = torch.zeros(5, 3, 4, dtype=torch.float64, requires_grad=True)
    weight = torch.arange(60.0).reshape(5, 3, 4).double()
    gradients = []
    for hard in (True, False):
        torch.manual_seed(7)
        out = F.gumbel_softmax(logits, 0.5, hard, dim=1)
        assert torch.allclose(out.sum(1), torch.ones(5, 4).double())
        if hard:
            assert torch.equal(out.detach().round().unique(), torch.tensor([0.0, 1.0]).double())
            assert torch.allclose(out.detach(), out.detach().round())
        gradients.append(torch.autograd.grad((out * weight).sum(), logits)[0])
    torch.testing.assert_close(gradients[0], gradients[1])
    assert gradients[0].abs().sum() > 1


@pytest.mark.parametrize(("dim", "wanted"), [(1, [[3.0, 5.0]]), (-1, [[3.0, 5.0]])])
def test_maxout_takes_the_largest_of_neighbours(dim: int, wanted: Any) -> None:
    x = torch.tensor([[3.0, 1.0, 4.0, 5.0]], requires_grad=True)
    out = F.maxout(x, 2, dim)
    assert out.tolist() == wanted
    out.sum().backward()
    assert x.grad.tolist() == [[1.0, 0.0, 0.0, 1.0]]


def test_maxout_along_any_dimension() -> None:
    x = np.random.default_rng(0).normal(size=(4, 6, 2))
    t = torch.tensor(x)
    assert np.array_equal(F.maxout(t, 3).numpy(), x.reshape(4, 2, 3, 2).max(2))
    assert np.array_equal(F.maxout(t, 2, 0).numpy(), x.reshape(2, 2, 6, 2).max(1))
    assert np.array_equal(F.maxout(t, 2, -2).numpy(), x.reshape(4, 3, 2, 2).max(2))
    assert np.array_equal(F.maxout(t, 2, -1).numpy(), x.reshape(4, 6, 1, 2).max(3))
    assert np.array_equal(F.maxout(t, 1).numpy(), x)


def uniform_attention(function: str, dropout_p: float, **more: Any) -> Any:
    """Attention whose weights are all 1/50 and whose values are one: what dropout left, summed."""
    q = torch.zeros(1, 400, 2)
    ones = torch.ones(1, 50, 2)
    if function == "dot":
        return F.scaled_dot_product_attention(q, ones, ones, None, dropout_p)[..., 0]
    eye = torch.eye(2)
    weights = torch.cat([eye, eye, eye])
    q, ones = q.transpose(0, 1), ones.transpose(0, 1)  # (L, N, E)
    options = (2, 1, weights, None, None, None, False, dropout_p, eye, None)
    return F.multi_head_attention_forward(q, ones, ones, *options, **more)


def test_attention_drops_weights() -> None:
    found = uniform_attention("dot", 0.25)
    assert near(found.mean().item(), 1.0, math.sqrt(0.25 / 0.75 / 50), 400)
    kept = found * 50 * 0.75  # how many of 50 were kept
    assert torch.allclose(kept, kept.round(), atol=1e-3)
    assert kept.unique().numel() > 8
    assert torch.allclose(uniform_attention("dot", 0.0), torch.ones(1, 400))


def test_attention_that_drops_weights_stays_causal() -> None:
    x = torch.zeros(1, 20, 2)
    out = F.scaled_dot_product_attention(x, x, torch.eye(20)[None], None, 0.25, True)[0]
    assert torch.equal(out, out.tril())
    counts = torch.arange(1, 21).float()[:, None]
    assert torch.allclose((out * counts * 0.75).round(decimals=3).unique(), torch.arange(2.0))


@pytest.mark.parametrize("need_weights", [True, False])
def test_multi_head_attention_drops_weights_in_training(need_weights: bool) -> None:
    out, weights = uniform_attention("heads", 0.25, need_weights=need_weights)
    kept = out[..., 0] * 50 * 0.75
    assert torch.allclose(kept, kept.round(), atol=1e-3)
    assert kept.unique().numel() > 8
    assert near(out.mean().item(), 1.0, math.sqrt(0.25 / 0.75 / 50), 400)
    if need_weights:
        assert torch.allclose(weights.unique(), torch.tensor([0.0, 1 / 50 / 0.75]))
    out, weights = uniform_attention("heads", 0.25, need_weights=need_weights, training=False)
    assert torch.allclose(out, torch.ones(400, 1, 2))
    if need_weights:
        assert torch.allclose(weights, torch.full((1, 400, 50), 1 / 50))


@pytest.mark.parametrize("function", ["dropout", "alpha_dropout", "feature_alpha_dropout"])
def test_dropout_of_nothing_and_of_everything(function: str) -> None:
    drop = getattr(F, function)
    x = torch.ones(2, 3)
    assert drop(x, 0.0, True) is x
    assert drop(x, 0.5, False) is x
    if function == "dropout":
        assert drop(x, 1.0).tolist() == [[0.0] * 3] * 2
        assert drop(x) is not x
    else:
        assert drop(x) is x, "not in training by default"
        assert drop(x, 1.0, True).tolist() == [[0.0] * 3] * 2


def test_dropout_zeroes_elements_and_scales_the_rest() -> None:
    x = torch.full((N,), 3.0, dtype=torch.float64)
    for p, out in ((0.5, F.dropout(x)), (0.2, F.dropout(x, 0.2)), (0.9, F.dropout(x, p=0.9))):
        kept = out != 0
        assert near(kept.double().mean().item(), 1 - p, math.sqrt(p * (1 - p)))
        assert torch.allclose(out[kept], torch.full((1,), 3.0 / (1 - p)).double())
        assert out.dtype == torch.float64
    masks = {F.dropout(torch.ones(64)).numpy().tobytes() for _ in range(60)}
    assert len(masks) == 60, "no two alike"
    assert torch.equal(x, torch.full((N,), 3.0).double())
    assert F.dropout(x, 0.5, True, True) is x
    assert set(x.unique().tolist()) == {0.0, 6.0}


SHAPES = {  # the shapes taken, and over which axes a whole channel is one
    "dropout1d": [((40, 50, 3), 2), ((900, 3), 1)],
    "dropout2d": [((40, 50, 2, 3), 2)],
    "dropout3d": [((40, 50, 2, 1, 3), 2), ((900, 2, 1, 3), 1)],
    "feature_alpha_dropout": [((40, 50, 2, 3), 2), ((40, 50), 2)],
}


@pytest.mark.parametrize("function", SHAPES)
def test_whole_channels_are_dropped(function: str) -> None:
    drop = getattr(F, function)
    for shape, axes in SHAPES[function]:
        x = torch.ones(shape)
        for p, out in ((0.5, drop(x, training=True)), (0.2, drop(x, 0.2, True))):
            assert out.dtype == torch.float32
            flat = out.reshape(*shape[:axes], -1)
            assert torch.equal(flat, flat[..., :1].expand_as(flat)), "one value a channel"
            channels = flat[..., 0]
            values = sorted(channels.unique().tolist())
            assert len(values) == 2
            n = channels.numel()
            dropped = (channels == values[0]).double().mean().item()
            assert near(dropped, p, math.sqrt(p * (1 - p)), n)
            if "alpha" not in function:
                assert values == pytest.approx([0.0, 1 / (1 - p)])
        assert torch.equal(x, torch.ones(shape))
        assert drop(x, training=False) is x
        assert drop(x, 0.0, True) is x
        leaf = torch.ones(shape, requires_grad=True)
        drop(leaf, training=True).sum().backward()
        assert leaf.grad.unique().numel() == 2
        assert drop(x, 0.5, True, True) is x
        assert x.unique().numel() == 2
        if "alpha" not in function:
            assert torch.equal(drop(torch.ones(shape), 1.0), torch.zeros(shape))
            assert not torch.equal(drop(torch.ones(shape)), torch.ones(shape))


def test_channels_of_images_without_a_batch() -> None:
    """(C, H, W): dropout2d takes it for (N, C, L) as PyTorch does, and says so."""
    with pytest.warns(UserWarning, match="3D input to dropout2d"):
        out = F.dropout2d(torch.ones(30, 20, 5))
    assert torch.equal(out, out[..., :1].expand_as(out))
    assert out[..., 0].unique().numel() == 2
    assert (out[:, 0, 0] != out[:, 1, 0]).any()


@pytest.mark.parametrize("p", [0.2, 0.5, 0.9])
@pytest.mark.parametrize("function", ["alpha_dropout", "feature_alpha_dropout"])
def test_alpha_dropout_keeps_mean_and_variance(function: str, p: float) -> None:
    x = torch.randn(100, 200, 1 if function == "alpha_dropout" else 2, dtype=torch.float64)
    out = getattr(F, function)(x, p, True)
    assert out.dtype == torch.float64
    assert near(out.mean().item(), 0.0, 1.0)
    assert near(out.var().item(), 1.0, 2.0)
    dropped = (out == out.flatten().mode().values).all(-1)
    assert near(dropped.double().mean().item(), p, math.sqrt(p * (1 - p)))
    floor = -1.7580993408473766  # SELU's: what is dropped goes there, then a x + b
    a = (1 - p + floor**2 * p * (1 - p)) ** -0.5
    b = -a * floor * p
    torch.testing.assert_close(out[~dropped], a * x[~dropped] + b)
    torch.testing.assert_close(out[dropped], torch.full_like(out[dropped], a * floor + b))


@pytest.mark.parametrize("function", ["alpha_dropout", "feature_alpha_dropout"])
def test_alpha_dropout_in_place(function: str) -> None:
    x = torch.randn(9, 9)
    before = x.clone()
    assert getattr(F, function)(x, 0.5, True) is not x
    assert torch.equal(x, before)
    assert getattr(F, function)(x, 0.5, True, True) is x
    assert not torch.equal(x, before)
    assert getattr(F, function)(x, training=True).dtype == torch.float32
