"""Parametrizations: what PyTorch cannot be asked about, or does worse."""

from __future__ import annotations

import copy
import io
import pickle
import threading
import warnings
from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite import nn
from tinygrad_lite.nn.utils import parametrizations, parametrize
from tinygrad_lite.nn.utils.parametrize import register_parametrization


class Symmetric(nn.Module):
    def forward(self, X: Any) -> Any:
        return X.triu() + X.triu(1).T


class Twice(nn.Module):
    def forward(self, X: Any) -> Any:
        return 2 * X

    def right_inverse(self, X: Any) -> Any:
        return X / 2


class Stacked(nn.Module):
    def forward(self, X: Any) -> Any:
        return tl.cat([X, X])

    def right_inverse(self, X: Any) -> Any:
        return X + 100


MAKERS = {
    "weight_norm": lambda m: parametrizations.weight_norm(m),
    "weight_norm all": lambda m: parametrizations.weight_norm(m, dim=None),
    "spectral_norm": lambda m: parametrizations.spectral_norm(m).eval(),  # u and v stand still
    "matrix_exp": lambda m: parametrizations.orthogonal(m, orthogonal_map="matrix_exp"),
    "cayley": lambda m: parametrizations.orthogonal(m, orthogonal_map="cayley"),
    "householder": lambda m: parametrizations.orthogonal(m, orthogonal_map="householder"),
    "max_norm": lambda m: parametrizations.max_norm(m, max_norm=0.6),
    "max_norm 1": lambda m: parametrizations.max_norm(m, max_norm=0.6, norm_type=1.0, dim=1),
}


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize("shape", [(4, 3), (3, 4), (3, 3)])
def test_gradients_are_the_derivatives(kind: str, shape: tuple[int, int]) -> None:
    layer = MAKERS[kind](nn.Linear(*shape).double())
    x = tl.randn(2, shape[0], dtype=tl.float64)
    named = dict(layer.named_parameters())

    def output(*values: Any) -> Any:
        return tl.func.functional_call(layer, dict(zip(named, values, strict=True)), x)

    values = [p.detach().clone() for p in named.values()]
    if kind == "householder":  # signs are read off the diagonal: keep away from the jumps
        diagonal = values[1].numpy()[range(3), range(3)]
        values[1].numpy()[range(3), range(3)] = 1.5 * np.sign(diagonal)
    values = [v.requires_grad_() for v in values]
    assert tl.autograd.gradcheck(output, values)
    if "householder" not in kind and "matrix" not in kind:
        assert tl.autograd.gradgradcheck(output, values)


@pytest.mark.parametrize("kind", ["matrix_exp", "cayley", "householder"])
@pytest.mark.parametrize("trivial", [True, False])
def test_training_stays_orthogonal(kind: str, trivial: bool) -> None:
    layer = nn.Linear(6, 4, bias=False).double()
    parametrizations.orthogonal(layer, orthogonal_map=kind, use_trivialization=trivial)
    target = tl.linalg.qr(tl.randn(6, 6, dtype=tl.float64)).Q[:4]
    x = tl.randn(50, 6, dtype=tl.float64)
    optimizer = tl.optim.Adam(layer.parameters(), lr=0.05)
    losses = []
    for _ in range(60):
        optimizer.zero_grad()
        loss = ((layer(x) - x @ target.T) ** 2).mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.2 * losses[0]
    W = layer.weight.detach().numpy()
    np.testing.assert_allclose(W @ W.T, np.eye(4), atol=1e-12)


def test_spectral_norm_finds_the_largest_singular_value() -> None:
    layer = parametrizations.spectral_norm(nn.Conv2d(3, 5, 3).double(), n_power_iterations=50)
    layer(tl.randn(1, 3, 4, 4, dtype=tl.float64))
    W = layer.weight.detach().numpy().reshape(5, -1)
    assert np.linalg.norm(W, 2) == pytest.approx(1, rel=1e-6)


def test_spectral_norm_backward_through_two_passes() -> None:
    """Each pass renews u and v; the first one's backward must not see the second one's."""
    layer = parametrizations.spectral_norm(nn.Linear(4, 3).double())
    (
        layer(tl.randn(2, 4, dtype=tl.float64)).sum() - layer(tl.randn(2, 4).double()).sum()
    ).backward()
    assert layer.parametrizations.weight.original.grad is not None


@pytest.mark.parametrize("dim", [0, 1])
@pytest.mark.parametrize("norm_type", [1.0, 2.0, float("inf")])
def test_max_norm_parametrization(dim: int, norm_type: float) -> None:
    layer = nn.Linear(5, 4, bias=False).double()
    before = layer.weight.detach().clone()
    norms = np.linalg.norm(before.numpy(), norm_type, axis=1 - dim, keepdims=True)
    bound = float(np.median(norms))
    parametrizations.max_norm(layer, max_norm=bound, dim=dim, norm_type=norm_type)
    expected = before.numpy() * np.minimum(1, bound / norms)
    np.testing.assert_allclose(layer.weight.detach(), expected, rtol=1e-14)
    inside = np.broadcast_to(norms <= bound, expected.shape)
    np.testing.assert_array_equal(layer.weight.detach().numpy()[inside], before.numpy()[inside])


def test_max_norm_at_zero_has_the_gradient_of_the_identity() -> None:
    layer = nn.Linear(3, 2, bias=False).double()
    with tl.no_grad():
        layer.weight.zero_()
    parametrizations.max_norm(layer, max_norm=1.0)
    layer(tl.ones(1, 3, dtype=tl.float64)).sum().backward()
    np.testing.assert_array_equal(layer.parametrizations.weight.original.grad, np.ones((2, 3)))


def test_max_norm_step() -> None:
    model = nn.Sequential(nn.Linear(5, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 3))
    model.append(nn.ConvTranspose1d(3, 2, 2))
    with tl.no_grad():
        for p in model.parameters():
            p.mul_(10)
    before = [p.detach().clone() for p in model.parameters()]
    versions = [p._version for p in model.parameters()]
    nn.utils.max_norm_(model, 0.5)
    for module in model:
        for name, p in module.named_parameters():
            if p.ndim > 1:
                units = 1 if isinstance(module, nn.ConvTranspose1d) else 0
                rows = np.moveaxis(p.detach().numpy(), units, 0).reshape(p.shape[units], -1)
                np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 0.5, rtol=1e-6)
            else:  # biases and the scales of normalizations
                old = next(b for b, q in zip(before, model.parameters(), strict=True) if q is p)
                np.testing.assert_array_equal(p.detach(), old, err_msg=name)
    written = [p._version > v for p, v in zip(model.parameters(), versions, strict=True)]
    assert written == [p.ndim > 1 for p in model.parameters()]


def test_max_norm_step_on_tensors_leaves_what_is_within() -> None:
    w = nn.Parameter(tl.tensor([[3.0, 4.0], [0.3, 0.4], [0.0, 0.0]]))
    nn.utils.max_norm_(w, 1.0)
    np.testing.assert_allclose(w.detach(), [[0.6, 0.8], [0.3, 0.4], [0, 0]], rtol=1e-6)
    nn.utils.max_norm_([w], 0.5, dim=1, norm_type=1)
    np.testing.assert_allclose(abs(w.detach().numpy()).sum(0), [0.5, 0.5], rtol=1e-6)
    with pytest.raises(ValueError, match="max_norm must be positive, got 0"):
        nn.utils.max_norm_(w, 0)
    with pytest.raises(ValueError, match="max_norm must be positive"):
        parametrizations.max_norm(nn.Linear(2, 2), max_norm=-1.0)


def test_a_write_by_max_norm_spoils_a_pending_backward() -> None:
    """The version counter: no silently wrong gradient."""
    layer = nn.Linear(3, 3)
    loss = layer(layer(tl.randn(2, 3) * 10)).sum()
    nn.utils.max_norm_(layer, 0.1)
    with pytest.raises(RuntimeError, match="max_norm_"):
        loss.backward()


def test_copies_are_independent() -> None:
    """In PyTorch a copy shares the class, and taking the property from one breaks the other."""
    layer = register_parametrization(nn.Linear(3, 3), "weight", Symmetric())
    twin = copy.deepcopy(layer)
    parametrize.remove_parametrizations(twin, "weight")
    assert type(twin) is nn.Linear and not parametrize.is_parametrized(twin)
    np.testing.assert_array_equal(layer.weight.detach(), twin.weight.detach())
    register_parametrization(layer, "bias", Twice())
    with tl.no_grad():
        layer.parametrizations.weight.original.zero_()
    assert twin.weight.detach().numpy().any()


def test_copy_of_a_model_shares_nothing_and_keeps_ties() -> None:
    model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    for layer in model:
        register_parametrization(layer, "weight", Symmetric())
    model[1].parametrizations.weight.original = model[0].parametrizations.weight.original
    twin = copy.deepcopy(model)
    first, second = (layer.parametrizations.weight.original for layer in twin)
    assert first is second and first is not model[0].parametrizations.weight.original


def test_parametrized_modules_refuse_pickle_but_not_their_state() -> None:
    layer = parametrizations.weight_norm(nn.Linear(3, 3))
    with pytest.raises(RuntimeError, match="only supported through state_dict"):
        pickle.dumps(layer)
    stream = io.BytesIO()
    tl.save(layer.state_dict(), stream)
    stream.seek(0)
    fresh = parametrizations.weight_norm(nn.Linear(3, 3))
    fresh.load_state_dict(tl.load(stream))
    np.testing.assert_array_equal(fresh.weight.detach(), layer.weight.detach())
    parametrize.remove_parametrizations(layer, "weight")
    assert type(pickle.loads(pickle.dumps(layer))) is nn.Linear


def test_a_refused_parametrization_leaves_the_module() -> None:
    layer = nn.Linear(3, 3)
    before = layer.weight.detach().clone()
    with pytest.raises(ValueError, match="may not change the shape"):
        register_parametrization(layer, "weight", Stacked())
    assert type(layer) is nn.Linear
    assert isinstance(layer.weight, nn.Parameter)
    np.testing.assert_array_equal(layer.weight.detach(), before)


def test_the_optimizer_keeps_its_parameter() -> None:
    layer = nn.Linear(3, 3)
    weight = layer.weight
    optimizer = tl.optim.SGD(layer.parameters(), lr=0.1)
    register_parametrization(layer, "weight", Twice())
    assert layer.parametrizations.weight.original is weight
    layer(tl.ones(1, 3)).sum().backward()
    before = layer.weight.detach().clone()
    optimizer.step()
    np.testing.assert_allclose(layer.weight.detach(), before - 0.1 * 2 * 2, rtol=1e-5)
    parametrize.remove_parametrizations(layer, "weight")
    assert layer.weight is weight


def test_recurrent_and_attention_layers_read_parametrized_weights() -> None:
    lstm = nn.LSTM(3, 4, 2)
    register_parametrization(lstm, "weight_hh_l1", Twice())
    plain = copy.deepcopy(lstm)
    parametrize.remove_parametrizations(plain, "weight_hh_l1")
    x = tl.randn(5, 2, 3)
    np.testing.assert_array_equal(lstm(x)[0].detach(), plain(x)[0].detach())
    attention = nn.MultiheadAttention(4, 2)
    register_parametrization(attention, "in_proj_weight", Twice())
    y = tl.randn(5, 2, 4)
    attention(y, y, y)[0].sum().backward()
    assert attention.parametrizations.in_proj_weight.original.grad is not None


def test_cache_ends_with_an_error_and_is_not_shared_between_threads() -> None:
    layer = register_parametrization(nn.Linear(3, 3), "weight", Symmetric())
    with pytest.raises(AttributeError, match="bogus"), parametrize.cached():
        layer.weight.bogus  # computed, and then the error
    assert layer.weight is not layer.weight
    seen: list[bool] = []
    with parametrize.cached():
        thread = threading.Thread(target=lambda: seen.append(layer.weight is layer.weight))
        thread.start()
        thread.join()
    assert seen == [False]


def test_moving_and_converting() -> None:
    layer = parametrizations.orthogonal(nn.Linear(3, 3)).double()
    assert layer.weight.dtype == tl.float64
    assert {v.dtype for v in layer.state_dict().values()} == {tl.float64}


def test_older_hooks_can_be_pickled_before_a_forward_pass() -> None:
    layer = nn.utils.spectral_norm(nn.Linear(3, 2))
    twin = pickle.loads(pickle.dumps(layer))
    assert list(twin.state_dict()) == list(layer.state_dict())
    twin(tl.randn(1, 3))
    nn.utils.remove_spectral_norm(twin)
    assert type(twin) is nn.Linear and isinstance(twin.weight, nn.Parameter)


def test_older_weight_norm_warns() -> None:
    with pytest.warns(FutureWarning, match="parametrizations.weight_norm"):
        layer = nn.utils.weight_norm(nn.Linear(3, 2))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(RuntimeError, match="Cannot register two weight_norm hooks"):
            nn.utils.weight_norm(layer)
        with pytest.raises(ValueError, match="uninitialized"):
            nn.utils.weight_norm(nn.LazyLinear(3))


def test_skip_init_draws_nothing() -> None:
    state = tl.get_rng_state()
    layer = nn.utils.skip_init(nn.Linear, 30, 20)
    nn.utils.skip_init(nn.Conv2d, 3, 4, kernel_size=3, bias=False)
    assert tl.equal(state, tl.get_rng_state())
    assert layer.weight.shape == (20, 30) and layer.weight.requires_grad
    assert layer.training and isinstance(layer, nn.Linear)
    layer.reset_parameters()
    assert layer.weight.detach().numpy().std() > 0


def test_complex_householder_is_refused() -> None:
    layer = nn.Module()
    layer.weight = nn.Parameter(tl.eye(3, dtype=tl.complex64))
    with pytest.raises(ValueError, match="does not support complex"):
        parametrizations.orthogonal(layer, orthogonal_map="householder")
