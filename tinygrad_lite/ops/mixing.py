"""A sparse matrix along one axis: interpolation is made of it."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.doors import primitive
from ..core.samples import Real, sample
from ..kernels import mixing
from ..kernels.mixing import Sparse as Sparse

_EXAMPLE = Sparse(
    (3, 4), np.array([0, 0, 2, 2, 2]), np.array([1, 2, 0, 3, 3]), np.array([0.5, -1.5, 2, 0.3, 1])
)


@primitive(
    lambda g, axis, matrix: mixed_along(g, axis=axis, matrix=matrix.T),
    promote=None,
    method=False,
    title="Upsample",
    samples=[
        sample(Real("n 4"), axis=1, matrix=_EXAMPLE),
        sample(Real("4 m 2"), axis=0, matrix=_EXAMPLE),
    ],
)
def mixed_along(x: Any, *, axis: int, matrix: Any) -> Any:
    """out[.., i, ..] = sum_k matrix[i, k] x[.., k, ..]: a linear map of each line along `axis`."""
    return mixing.mix(x, axis, matrix)
