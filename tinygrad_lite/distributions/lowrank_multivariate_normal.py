"""Normal vectors whose covariance is a diagonal plus a matrix of low rank."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core.tensor import Tensor
from ..ops.linalg import cholesky, solve_triangular
from ..ops.sequences import eye
from . import constraints
from .distribution import Distribution
from .multivariate_normal import squared_distance
from .utils import lazy_property, standard_normal


class LowRankMultivariateNormal(Distribution):
    """Vectors of n normal numbers with mean `loc` and covariance W W' + diag(d).

    W (n, m) is `cov_factor`, d `cov_diag`. With C = I + W' diag(d)^-1 W, an m x m matrix,

        |W W' + D| = |C| |D|,    (W W' + D)^-1 = D^-1 - D^-1 W C^-1 W' D^-1    (Woodbury).
    """

    arg_constraints = {
        "loc": constraints.real_vector,
        "cov_factor": constraints.independent(constraints.real, 2),
        "cov_diag": constraints.independent(constraints.positive, 1),
    }
    support = constraints.real_vector
    has_rsample = True

    def __init__(
        self, loc: Tensor, cov_factor: Tensor, cov_diag: Tensor, validate_args: bool | None = None
    ) -> None:
        if loc.ndim < 1:
            raise ValueError("loc must be at least one-dimensional.")
        n = loc.shape[-1]
        if cov_factor.ndim < 2:
            raise ValueError(
                "cov_factor must be at least two-dimensional, with optional leading batch "
                "dimensions"
            )
        if cov_factor.shape[-2] != n:
            raise ValueError(f"cov_factor must be a batch of matrices with shape {n} x m")
        if tuple(cov_diag.shape[-1:]) != (n,):
            raise ValueError(f"cov_diag must be a batch of vectors with shape {(n,)}")
        try:
            batch = np.broadcast_shapes(loc.shape[:-1], cov_factor.shape[:-2], cov_diag.shape[:-1])
        except ValueError:
            raise ValueError(
                f"Incompatible batch shapes: loc {loc.shape}, cov_factor {cov_factor.shape}, "
                f"cov_diag {cov_diag.shape}"
            ) from None
        self.loc = loc.expand((*batch, n))
        self.cov_factor = cov_factor.expand((*batch, *cov_factor.shape[-2:]))
        self.cov_diag = cov_diag.expand((*batch, n))
        super().__init__(batch, (n,), validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        twin = self._twin(batch_shape, _instance)
        twin.loc = self.loc.expand((*batch_shape, *self.loc.shape[-1:]))
        twin.cov_diag = self.cov_diag.expand((*batch_shape, *self.loc.shape[-1:]))
        twin.cov_factor = self.cov_factor.expand((*batch_shape, *self.cov_factor.shape[-2:]))
        return twin

    @lazy_property
    def _scaled(self) -> Tensor:
        """diag(d)^-1 W."""
        return self.cov_factor / self.cov_diag.unsqueeze(-1)

    @lazy_property
    def _capacitance(self) -> Tensor:
        """The Cholesky factor of C."""
        m = self.cov_factor.shape[-1]
        return cholesky(self.cov_factor.mT @ self._scaled + eye(m, dtype=self.loc.dtype))

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        return (self.cov_factor**2).sum(-1) + self.cov_diag

    @lazy_property
    def covariance_matrix(self) -> Tensor:
        """W W' + diag(d)."""
        return self.cov_factor @ self.cov_factor.mT + self.cov_diag.diag_embed()

    @lazy_property
    def scale_tril(self) -> Tensor:
        """The lower Cholesky factor of the covariance."""
        return cholesky(self.covariance_matrix)

    @lazy_property
    def precision_matrix(self) -> Tensor:
        """The inverse of the covariance."""
        half = solve_triangular(self._capacitance, self._scaled.mT, upper=False)
        return self.cov_diag.reciprocal().diag_embed() - half.mT @ half

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        m = self.cov_factor.shape[-1]
        common = standard_normal((*shape[:-1], m), self.loc).unsqueeze(-1)
        own = standard_normal(shape, self.loc)
        return self.loc + (self.cov_factor @ common).squeeze(-1) + self.cov_diag.sqrt() * own

    def _log_det(self) -> Tensor:
        root = self._capacitance.diagonal(dim1=-2, dim2=-1)
        return 2 * root.log().sum(-1) + self.cov_diag.log().sum(-1)

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        x = value - self.loc
        projected = (self._scaled.mT @ x.unsqueeze(-1)).squeeze(-1)
        distance = (x**2 / self.cov_diag).sum(-1) - squared_distance(self._capacitance, projected)
        n = self._event_shape[0]
        return -0.5 * (n * math.log(2 * math.pi) + self._log_det() + distance)

    def entropy(self) -> Tensor:
        n = self._event_shape[0]
        return 0.5 * (n * (1 + math.log(2 * math.pi)) + self._log_det())
