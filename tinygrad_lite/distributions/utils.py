"""What several distributions share: broadcasting of parameters, probabilities and logits."""

from __future__ import annotations

import functools
import math
import numbers
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.dtypes import finfo, get_default_dtype
from ..core.modes import enable_grad
from ..core.tensor import Tensor, make
from ..ops.activation import sigmoid
from ..ops.creation import tensor
from ..ops.expanding import broadcast_tensors
from ..ops.random import randn
from ..ops.softmax import softmax

EULER = 0.57721566490153286060


def broadcast_all(*values: Any) -> tuple[Tensor, ...]:
    """Tensors and numbers as Tensors of one shape; numbers take the dtype of the first Tensor.

    ValueError for anything else.
    """
    if not all(isinstance(value, (Tensor, numbers.Number)) for value in values):
        kinds = [type(value).__name__ for value in values]
        raise ValueError(f"Input arguments must all be instances of Number or Tensor, got {kinds}")
    tensors = [value for value in values if isinstance(value, Tensor)]
    dtype = tensors[0].dtype if tensors else get_default_dtype()
    made = [value if isinstance(value, Tensor) else tensor(value, dtype=dtype) for value in values]
    return tuple(broadcast_tensors(*made))


def standard_normal(shape: Sequence[int], like: Tensor) -> Tensor:
    """Standard normal numbers in the dtype of `like`."""
    return randn(tuple(shape), dtype=like.dtype)


def _standard_normal(shape: Sequence[int], dtype: Any, device: Any) -> Tensor:
    """The same under the name and arguments that libraries take from PyTorch."""
    return randn(tuple(shape), dtype=dtype, device=device)


def sum_rightmost(value: Tensor, dims: int) -> Tensor:
    """`value` summed over its last `dims` dimensions."""
    return value.reshape((*value.shape[: value.ndim - dims], -1)).sum(-1) if dims else value


def logits_to_probs(logits: Tensor, is_binary: bool = False) -> Tensor:
    """sigmoid(logits), or softmax along the last dimension."""
    return sigmoid(logits) if is_binary else softmax(logits, -1)


def clamp_probs(probs: Tensor) -> Tensor:
    """Probabilities kept eps away from 0 and 1, so that their logits are finite."""
    eps = finfo(probs.dtype).eps
    return probs.clamp(min=eps, max=1 - eps)


def probs_to_logits(probs: Tensor, is_binary: bool = False) -> Tensor:
    """log(p / (1 - p)), or log(p) for probabilities of several outcomes."""
    clamped = clamp_probs(probs)
    return clamped.log() - (-clamped).log1p() if is_binary else clamped.log()


def one_of_both(probs: Any, logits: Any) -> dict[str, Any]:
    """{"probs": probs} or {"logits": logits}; ValueError unless exactly one is given."""
    if (probs is None) == (logits is None):
        raise ValueError("Either `probs` or `logits` must be specified, but not both.")
    return {"logits": logits} if probs is None else {"probs": probs}


class lazy_property:
    """A property computed once, at its first use, and recorded even under `no_grad`."""

    def __init__(self, compute: Callable[[Any], Any]) -> None:
        self.compute = compute
        functools.update_wrapper(self, compute)  # type: ignore[arg-type]

    def __get__(self, instance: Any, kind: Any = None) -> Any:
        if instance is None:
            return self
        with enable_grad():
            value = self.compute(instance)
        setattr(instance, self.compute.__name__, value)
        return value


def tril_matrix_to_vec(mat: Tensor, diag: int = 0) -> Tensor:
    """The elements of (..., n, n) on and below diagonal `diag`, row by row."""
    n = mat.shape[-1]
    if not -n <= diag < n:
        raise ValueError(f"diag ({diag}) provided is outside [{-n}, {n - 1}].")
    rows, columns = np.tril_indices(n, diag)
    return mat[..., make(rows), make(columns)]


def vec_to_tril_matrix(vec: Tensor, diag: int = 0) -> Tensor:
    """(..., n, n) with the elements of `vec` on and below diagonal `diag`, and zeros above.

    ValueError if no n has so many of them.
    """
    size = vec.shape[-1]
    shift = 1 + 2 * diag
    n = (-shift + math.sqrt(shift**2 + 8 * size + 4 * abs(diag) * (diag + 1))) / 2
    if abs(n - round(n)) > finfo(vec.dtype).eps:
        raise ValueError(
            f"The size of last dimension is {size} which cannot be expressed as "
            "the lower triangular part of a square D x D matrix."
        )
    n = round(n)
    rows, columns = np.tril_indices(n, diag)
    flat = vec.new_zeros((*vec.shape[:-1], n * n))
    places = make(rows * n + columns).expand(vec.shape)
    return flat.scatter(-1, places, vec).reshape((*vec.shape[:-1], n, n))


# the names that libraries take from PyTorch
_sum_rightmost = sum_rightmost
euler_constant = EULER
