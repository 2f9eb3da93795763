"""Distances of all pairs of rows: cdist and pdist."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.doors import composed
from ..core.fused import fused
from ..core.samples import Real, one_of, sample
from ..core.shapes import broadcast_shape
from ..core.tensor import Tensor, make
from ..kernels import separations as kernels
from .arguments import kind, of_tensors
from .reduction import p_norm
from .views import reshaped


def _separations_reference(x: Any, y: Any) -> Any:
    a, b = x.array.shape, y.array.shape
    left = reshaped(x, shape=(*a[:-1], 1, a[-1]))
    right = reshaped(y, shape=(*b[:-2], 1, *b[-2:]))
    return p_norm(left - right, p=2.0, axes=len(a))


@fused(
    backward=lambda g, need, x, y, out: kernels.separations_backward(g, x, y, out, need),
    reference=_separations_reference,
    title="CdistBackward",
    samples=[
        sample(Real("5 3", -2.0, -0.5), Real("4 3", 0.5, 2.0)),
        sample(Real("2 27 2", -2.0, -0.5), Real("2 3 2", 0.5, 2.0)),
    ],
)
def separations(x: Any, y: Any) -> Any:
    """The Euclidean distances of every row of x to every row of y."""
    return kernels.separations(x, y)


@composed(
    method=False,
    samples=[sample(Real("n 3", -2.0, -0.5), Real("m 3", 0.5, 2.0), p=one_of(2.0, 1.0, 3.0))],
)
@of_tensors
def cdist(
    x1: Any, x2: Any, p: float = 2.0, compute_mode: str = "use_mm_for_euclid_dist_if_necessary"
) -> Any:
    """The p-norm distance of every row of x1 to every row of x2: (..., n, k), (..., m, k).

    Its derivative is 0 where two rows coincide.
    """
    for name, x in (("X1", x1), ("X2", x2)):
        if x.array.ndim < 2:
            raise RuntimeError(
                f"cdist only supports at least 2D tensors, {name} got: {x.array.ndim}D"
            )
    if x1.array.shape[-1] != x2.array.shape[-1]:
        raise RuntimeError(
            f"X1 and X2 must have the same number of columns. X1: {x1.array.shape[-1]} "
            f"X2: {x2.array.shape[-1]}"
        )
    for name, x in (("X1", x1), ("X2", x2)):
        if x.array.dtype.kind != "f":
            raise RuntimeError(
                f"cdist only supports floating-point dtypes, {name} got: {kind(x.array.dtype)}"
            )
    if p < 0:
        raise RuntimeError("cdist only supports non-negative p values")
    if compute_mode not in _MODES:
        raise ValueError(f"{compute_mode} is not a valid value for compute_mode")
    if x1.array.dtype != x2.array.dtype:
        raise RuntimeError(
            f"expected scalar type {kind(x1.array.dtype)} but found {kind(x2.array.dtype)}"
        )
    a, b = x1.array.shape, x2.array.shape
    alike = a[:-2] == b[:-2] and x1.array.dtype is x2.array.dtype
    if p == 2 and alike and not compute_mode.startswith("donot"):
        return separations(x1, x2)
    if a[-1] == 0:
        return _no_columns((*broadcast_shape([a[:-2], b[:-2]]), a[-2], b[-2]), x1, x2)
    left = reshaped(x1, shape=(*a[:-1], 1, a[-1]))
    right = reshaped(x2, shape=(*b[:-2], 1, *b[-2:]))
    return p_norm(left - right, p=float(p), axes=max(len(a), len(b)))


_MODES = (
    "use_mm_for_euclid_dist_if_necessary",
    "use_mm_for_euclid_dist",
    "donot_use_mm_for_euclid_dist",
)


def _no_columns(shape: tuple[int, ...], *rows: Tensor) -> Any:
    """The distances of rows in which there is nothing: 0, with derivatives as empty as the rows."""
    nothing = make(np.zeros(shape, rows[0].array.dtype))
    for x in rows:
        nothing = nothing + x.sum()
    return nothing


@composed(method=False, samples=[sample(Real("3 3", distinct=True), p=one_of(2.0, 1.0))])
@of_tensors
def pdist(input: Any, p: float = 2.0) -> Any:
    """The distances of all pairs of rows i < j, as a vector."""
    if input.array.ndim != 2:
        raise RuntimeError(f"pdist only supports 2D tensors, got: {input.array.ndim}D")
    if input.array.dtype.kind != "f":
        raise RuntimeError("pdist only supports floating-point dtypes")
    if p < 0:
        raise RuntimeError("pdist only supports non-negative p values")
    n, columns = input.array.shape
    if columns == 0:
        return _no_columns((n * (n - 1) // 2,), input)
    i, j = np.triu_indices(n, 1)
    if p == 2 and n > kernels.FEW:
        return reshaped(separations(input, input), shape=(n * n,))[make(i * n + j)]
    return p_norm(input[i] - input[j], p=float(p), axes=1)
