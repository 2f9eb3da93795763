"""The multivariate normal distribution."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core.tensor import Tensor
from ..ops.linalg import cholesky, solve_triangular
from ..ops.rearranging import flip
from ..ops.sequences import eye
from . import constraints
from .distribution import Distribution
from .utils import lazy_property, standard_normal


def squared_distance(factor: Tensor, x: Tensor) -> Tensor:
    """x' (L L')^-1 x for the last dimension of x, by solving L y = x: (..., n) -> (...).

    What stands above the diagonal of L is not looked at.
    """
    shape = np.broadcast_shapes(factor.shape[:-2], x.shape[:-1])
    n = x.shape[-1]
    x = x.expand((*shape, n)).unsqueeze(-1)
    y = solve_triangular(factor.expand((*shape, n, n)), x, upper=False)
    return (y**2).sum((-2, -1))


def _factor_of_precision(precision: Tensor) -> Tensor:
    """The Cholesky factor of the inverse, without inverting: flip, factor, flip, solve."""
    flipped = flip(cholesky(flip(precision, (-2, -1))), (-2, -1)).mT
    unit = eye(precision.shape[-1], dtype=precision.dtype).expand(precision.shape)
    return solve_triangular(flipped, unit, upper=False)


class MultivariateNormal(Distribution):
    """Vectors of n normal numbers with mean `loc` and covariance C.

    C is given as itself, as its inverse or as its lower Cholesky factor; exactly one of them.
    p(x) = exp(-(x - loc)' C^-1 (x - loc) / 2) / sqrt((2 pi)^n |C|).
    """

    arg_constraints = {
        "loc": constraints.real_vector,
        "covariance_matrix": constraints.positive_definite,
        "precision_matrix": constraints.positive_definite,
        "scale_tril": constraints.lower_cholesky,
    }
    support = constraints.real_vector
    has_rsample = True

    def __init__(
        self,
        loc: Tensor,
        covariance_matrix: Tensor | None = None,
        precision_matrix: Tensor | None = None,
        scale_tril: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:
        if loc.ndim < 1:
            raise ValueError("loc must be at least one-dimensional.")
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
                f"{name} must be at least two-dimensional, with optional leading batch dimensions"
            )
        batch = np.broadcast_shapes(matrix.shape[:-2], loc.shape[:-1])
        n = loc.shape[-1]
        self.loc = loc.expand((*batch, n))
        self._name = name
        setattr(self, name, matrix.expand((*batch, *matrix.shape[-2:])))
        super().__init__(batch, (n,), validate_args=validate_args)
        # The factor keeps the batch it was given with: factoring copies would be waste.
        if name == "scale_tril":
            self._unbroadcasted_scale_tril = matrix
        elif name == "covariance_matrix":
            self._unbroadcasted_scale_tril = cholesky(matrix)
        else:
            self._unbroadcasted_scale_tril = _factor_of_precision(matrix)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        twin = self._twin(batch_shape, _instance)
        n = self.event_shape[0]
        twin.loc = self.loc.expand((*batch_shape, n))
        twin._name, twin._unbroadcasted_scale_tril = self._name, self._factor
        setattr(twin, self._name, getattr(self, self._name).expand((*batch_shape, n, n)))
        return twin

    @property
    def _factor(self) -> Tensor:
        # PyTorch's name, under which programs that build on this class keep a factor of their own
        found: Tensor = self._unbroadcasted_scale_tril
        return found

    def _batched(self, matrix: Tensor) -> Tensor:
        return matrix.expand((*self._batch_shape, *matrix.shape[-2:]))

    @lazy_property
    def scale_tril(self) -> Tensor:
        """The lower Cholesky factor of the covariance."""
        return self._batched(self._factor)

    @lazy_property
    def covariance_matrix(self) -> Tensor:
        """The covariance."""
        return self._batched(self._factor @ self._factor.mT)

    @lazy_property
    def precision_matrix(self) -> Tensor:
        """The inverse of the covariance."""
        unit = eye(self.event_shape[0], dtype=self.loc.dtype).expand(self._factor.shape)
        inverse = solve_triangular(self._factor, unit, upper=False)
        return self._batched(inverse.mT @ inverse)

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        return (self._factor**2).sum(-1).expand((*self._batch_shape, *self._event_shape))

    def _half_log_det(self) -> Tensor:
        return self._factor.diagonal(dim1=-2, dim2=-1).log().sum(-1)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        noise = standard_normal(self._extended_shape(sample_shape), self.loc)
        return self.loc + (self._factor @ noise.unsqueeze(-1)).squeeze(-1)

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        distance = squared_distance(self._factor, value - self.loc)
        n = self._event_shape[0]
        return -0.5 * (n * math.log(2 * math.pi) + distance) - self._half_log_det()

    def entropy(self) -> Tensor:
        n = self._event_shape[0]
        entropy = 0.5 * n * (1 + math.log(2 * math.pi)) + self._half_log_det()
        return entropy.expand(tuple(self._batch_shape))
