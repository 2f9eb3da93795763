"""The Wishart distribution of random covariance matrices."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core.tensor import Tensor
from ..ops.gamma import digamma, mvlgamma
from ..ops.linalg import cholesky, slogdet, solve_triangular
from ..ops.sequences import arange, eye
from . import constraints
from .chi2 import Chi2
from .exp_family import ExponentialFamily
from .multivariate_normal import _factor_of_precision
from .utils import broadcast_all, lazy_property, standard_normal


class Wishart(ExponentialFamily):
    """Sums of `df` outer products of normal vectors of covariance C, as p x p matrices.

    C is given as itself, its inverse or its lower Cholesky factor; exactly one. df > p - 1.
    """

    arg_constraints = {
        "covariance_matrix": constraints.positive_definite,
        "precision_matrix": constraints.positive_definite,
        "scale_tril": constraints.lower_cholesky,
        "df": constraints.greater_than(0),
    }
    support = constraints.positive_definite
    has_rsample = True

    def __init__(
        self,
        df: Any,
        covariance_matrix: Tensor | None = None,
        precision_matrix: Tensor | None = None,
        scale_tril: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:
        given = {
            "covariance_matrix": covariance_matrix,
            "precision_matrix": precision_matrix,
            "scale_tril": scale_tril,
        }
        chosen = [(name, matrix) for name, matrix in given.items() if matrix is not None]
        if len(chosen) != 1:
            raise ValueError(
                "Exactly one of covariance_matrix or precision_matrix or scale_tril may be "
                "specified."
            )
        ((name, matrix),) = chosen
        if matrix.ndim < 2:
            raise ValueError(
                "scale_tril must be at least two-dimensional, with optional leading batch "
                "dimensions"
            )
        p = matrix.shape[-1]
        (df,) = broadcast_all(df) if isinstance(df, Tensor) else (matrix.new_tensor(float(df)),)
        batch = np.broadcast_shapes(df.shape, matrix.shape[:-2])
        if (df.array <= p - 1).any():
            raise ValueError(f"Value of df={df} expected to be greater than ndim - 1 = {p - 1}.")
        self.df = df.expand(batch)
        self._name = name
        setattr(self, name, matrix.expand((*batch, p, p)))
        super().__init__(batch, (p, p), validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        twin = self._twin(batch_shape, _instance)
        twin.df, twin._name = self.df.expand(tuple(batch_shape)), self._name
        matrix = getattr(self, self._name)
        setattr(twin, self._name, matrix.expand((*batch_shape, *matrix.shape[-2:])))
        return twin

    @lazy_property
    def scale_tril(self) -> Tensor:
        """The lower Cholesky factor of C."""
        if self._name == "covariance_matrix":
            return cholesky(self.covariance_matrix)
        return _factor_of_precision(self.precision_matrix)

    @lazy_property
    def covariance_matrix(self) -> Tensor:
        """C."""
        return self.scale_tril @ self.scale_tril.mT

    @lazy_property
    def precision_matrix(self) -> Tensor:
        """The inverse of C."""
        unit = eye(self._event_shape[0], dtype=self.df.dtype).expand(self.scale_tril.shape)
        inverse = solve_triangular(self.scale_tril, unit, upper=False)
        return inverse.mT @ inverse

    @property
    def mean(self) -> Tensor:
        return self.df[..., None, None] * self.covariance_matrix

    @property
    def mode(self) -> Tensor:
        factor = self.df - self._event_shape[0] - 1
        factor = factor + (factor <= 0) * math.nan if (factor.array <= 0).any() else factor
        return factor[..., None, None] * self.covariance_matrix

    @property
    def variance(self) -> Tensor:
        C = self.covariance_matrix
        d = C.diagonal(dim1=-2, dim2=-1)
        return self.df[..., None, None] * (C**2 + d.unsqueeze(-1) * d.unsqueeze(-2))

    def _half_log_det(self) -> Tensor:
        return self.scale_tril.diagonal(dim1=-2, dim2=-1).log().sum(-1)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        """L A A' L', A lower triangular of normal numbers and roots of chi-squares (Bartlett)."""
        p = self._event_shape[0]
        shape = self._extended_shape(sample_shape)
        degrees = self.df.unsqueeze(-1) - arange(p, dtype=self.df.dtype)
        roots = Chi2(degrees, validate_args=False).rsample(sample_shape).sqrt()
        A = standard_normal(shape, self.df).tril(-1) + roots.diag_embed()
        half = self.scale_tril @ A
        return half @ half.mT

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        p, n = self._event_shape[0], self.df
        log_det = 2 * cholesky(value).diagonal(dim1=-2, dim2=-1).log().sum(-1)
        trace = (self.precision_matrix * value).sum((-2, -1))
        constant = -n * p * math.log(2) / 2 - n * self._half_log_det() - mvlgamma(n / 2, p)
        return constant + (n - p - 1) / 2 * log_det - trace / 2

    def entropy(self) -> Tensor:
        p, n = self._event_shape[0], self.df
        psi = digamma(n.unsqueeze(-1) / 2 - arange(p, dtype=n.dtype) / 2).sum(-1)
        return (
            (p + 1) * (self._half_log_det() + p * math.log(2) / 2)
            + mvlgamma(n / 2, p)
            - (n - p - 1) / 2 * psi
            + n * p / 2
        )

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return (-self.precision_matrix / 2, (self.df - self.event_shape[-1] - 1) / 2)

    def _log_normalizer(self, x: Tensor, y: Tensor) -> Tensor:  # type: ignore[override]
        p = self.event_shape[-1]
        half = y + (p + 1) / 2
        return half * (p * math.log(2) - slogdet(-2 * x)[1]) + mvlgamma(half, p)
