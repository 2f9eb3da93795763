"""Grids, powers and combinations of 1-d Tensors, built of views and picks."""

from __future__ import annotations

import itertools
import warnings
from typing import Any

import numpy as np

from ..core.doors import composed
from ..core.samples import Real, sample
from ..core.tensor import Tensor, make
from .arguments import of_tensors
from .expanding import broadcast_to, expand
from .extremes import take_along
from .joining import cat
from .powers import pow
from .shaping import reshape
from .views import reshaped


@of_tensors
def meshgrid(*tensors: Any, indexing: str | None = None) -> tuple[Tensor, ...]:
    """Grids of coordinates: for n 1-d Tensors, n Tensors of n dimensions.

    indexing "ij" (PyTorch's default, with a UserWarning if not given): the first Tensor varies
    along the first axis; "xy": the first two axes change places.
    """
    vectors = tensors[0] if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)) else tensors
    if not vectors:
        raise RuntimeError("meshgrid expects a non-empty TensorList")
    if indexing is None:
        warnings.warn(
            "torch.meshgrid: in an upcoming release, it will be required to pass the indexing "
            "argument.",
            UserWarning,
            stacklevel=3,
        )
        indexing = "ij"
    if indexing not in ("ij", "xy"):
        raise RuntimeError(
            'torch.meshgrid: indexing must be one of "xy" or "ij", but received: ' + indexing
        )
    if len({v.array.dtype for v in vectors}) > 1:
        raise RuntimeError("meshgrid expects all tensors to have the same dtype")
    for v in vectors:
        if v.array.ndim > 1:
            raise RuntimeError(
                f"torch.meshgrid: Expected 0D or 1D tensor in the tensor list but got: {v}"
            )
    n = len(vectors)
    order = list(range(n))
    if indexing == "xy" and n > 1:
        order[:2] = [1, 0]
    shape = tuple([vectors[i].array.size for i in order])
    grids = []
    for i, v in enumerate(vectors):
        at = order.index(i)
        column = reshape(v, tuple([-1 if k == at else 1 for k in range(n)]))
        grids.append(broadcast_to(column, shape))
    return tuple(grids)


@of_tensors
def combinations(input: Tensor, r: int = 2, with_replacement: bool = False) -> Tensor:
    """Every choice of r elements of a 1-d Tensor, in order: (number of choices, r)."""
    if input.array.ndim != 1:
        raise RuntimeError(f"Expect a 1D vector, but got shape {list(input.array.shape)}")
    if r < 0:
        raise RuntimeError(f"Expect a non-negative number, but got {r}")
    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    if not r:
        return input[:0]
    picks = np.array(list(choose(range(input.array.size), r)), np.int64).reshape(-1, r)
    return reshape(take_along(input, index=picks.reshape(-1), axis=0), picks.shape)


@composed(method=False, samples=[sample(Real("n"))])
@of_tensors
def vander(x: Tensor, N: int | None = None, increasing: bool = False) -> Tensor:
    """The Vandermonde matrix: (n, N), its columns powers of x, the highest first."""
    if x.array.ndim != 1:
        raise RuntimeError("x must be a one-dimensional tensor.")
    count = x.array.size if N is None else N
    if count < 0:
        raise RuntimeError("N must be non-negative.")
    powers = np.arange(count) if increasing else np.arange(count)[::-1].copy()
    return pow(reshape(x, (-1, 1)), make(powers))


@composed(method=False)
@of_tensors
def cartesian_prod(*tensors: Any) -> Any:
    """All combinations of elements of several vectors, one a row, the last varying fastest."""
    if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)):
        tensors = tuple(tensors[0])
    for x in tensors:
        if x.array.ndim != 1:
            raise RuntimeError(f"Expect a 1D vector, but got shape {list(x.array.shape)}")
    if len(tensors) == 1:
        return tensors[0]
    shape = tuple([x.array.size for x in tensors])
    columns = []
    for i, x in enumerate(tensors):
        place = tuple([n if k == i else 1 for k, n in enumerate(shape)])
        columns.append(reshape(expand(reshaped(x, shape=place), shape), (-1, 1)))
    return cat(columns, 1)
