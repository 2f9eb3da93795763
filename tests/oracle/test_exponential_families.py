"""Exponential families beside PyTorch's: natural parameters, normalizers, entropy, divergence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl

torch = pytest.importorskip("torch")

PARAMETERS: dict[str, dict[str, Any]] = {
    "Bernoulli": {"probs": [0.2, 0.7]},
    "Beta": {"concentration1": [0.5, 2.0], "concentration0": [1.5, 3.0]},
    "ContinuousBernoulli": {"probs": [0.2, 0.5]},
    "Dirichlet": {"concentration": [0.5, 2.0, 3.0]},
    "Exponential": {"rate": [0.5, 2.0]},
    "Gamma": {"concentration": [0.5, 2.0], "rate": [1.5, 3.0]},
    "Normal": {"loc": [0.5, -2.0], "scale": [1.5, 3.0]},
    "Poisson": {"rate": [0.5, 2.0]},
    "Wishart": {"df": 3.0, "covariance_matrix": [[2.0, 0.3], [0.3, 0.5]]},
}


def both(name: str) -> list[Any]:
    given = PARAMETERS[name]
    return [
        getattr(lib.distributions, name)(**{k: lib.tensor(v) for k, v in given.items()})
        for lib in (tl, torch)
    ]


def close(ours: Any, theirs: Any) -> None:
    np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("name", PARAMETERS)
def test_natural_parameters_and_normalizer(name: str) -> None:
    ours, theirs = both(name)
    assert isinstance(ours, tl.distributions.ExponentialFamily)
    for a, b in zip(ours._natural_params, theirs._natural_params, strict=True):
        close(a, b)
    close(
        ours._log_normalizer(*ours._natural_params), theirs._log_normalizer(*theirs._natural_params)
    )


@pytest.mark.parametrize("name", ["Bernoulli", "Normal", "Exponential", "Gamma"])
def test_entropy_follows_from_the_normalizer(name: str) -> None:
    ours, theirs = both(name)
    of_family = torch.distributions.ExponentialFamily.entropy(theirs)
    close(tl.distributions.ExponentialFamily.entropy(ours), of_family)


def waiting_times(lib: Any) -> Any:
    """A family of the user's own: the exponential distribution."""

    class Waiting(lib.distributions.ExponentialFamily):  # type: ignore[misc]
        arg_constraints: dict[str, Any] = {}
        _mean_carrier_measure = 0

        def __init__(self, rate: Any) -> None:
            self.rate = rate
            super().__init__(rate.shape)

        @property
        def _natural_params(self) -> Any:
            return (-self.rate,)

        def _log_normalizer(self, x: Any) -> Any:
            return -(-x).log()

    return Waiting


def test_a_family_of_the_users_own() -> None:
    found = []
    for lib in (tl, torch):
        kind = waiting_times(lib)
        p, q = kind(lib.tensor([1.0, 2.0])), kind(lib.tensor([3.0, 1.0]))
        kl = lib.distributions.kl_divergence
        found.append((p.entropy(), kl(p, q)))
        with pytest.raises(NotImplementedError, match="different exponential families"):
            kl(p, lib.distributions.Exponential(1.0))
    for a, b in zip(*found, strict=True):
        close(a, b)


@pytest.mark.parametrize("diag", [-1, 0, 1])
def test_lower_triangles_as_vectors(diag: int) -> None:
    ours, theirs = tl.distributions.utils, torch.distributions.utils
    m = np.arange(9.0).reshape(1, 3, 3)
    vector = ours.tril_matrix_to_vec(tl.tensor(m), diag)
    close(vector, theirs.tril_matrix_to_vec(torch.tensor(m), diag))
    theirs_back = theirs.vec_to_tril_matrix(torch.tensor(vector.numpy()), diag)
    close(ours.vec_to_tril_matrix(vector, diag), theirs_back)
    with pytest.raises(ValueError, match="cannot be expressed as the lower triangular part"):
        ours.vec_to_tril_matrix(tl.zeros(2))
    with pytest.raises(ValueError, match=r"diag \(3\) provided is outside"):
        ours.tril_matrix_to_vec(tl.tensor(m), 3)
