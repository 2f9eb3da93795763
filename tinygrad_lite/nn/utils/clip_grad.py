"""Gradient clipping, in place."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable
from types import GeneratorType
from typing import Any

import numpy as np

from ...core.node import touch
from ...core.tensor import Tensor, make


def _listed(parameters: Any) -> list[Tensor]:
    """The parameters; one Tensor is a list of one. Warns of a generator that is at its end."""
    if isinstance(parameters, Tensor):
        return [parameters]
    listed = list(parameters)
    if not listed and isinstance(parameters, GeneratorType):
        warnings.warn(
            "`parameters` is an empty generator, no gradient clipping will occur.", stacklevel=3
        )
    return listed


def _with_gradient(parameters: Any) -> list[Tensor]:
    return [p for p in _listed(parameters) if p._grad is not None]


def _norm(arrays: Iterable[np.ndarray], p: float) -> Any:
    """The p-norm of all elements of all arrays, in the arrays' precision."""
    arrays = list(arrays)
    if not arrays:
        return np.zeros((), np.float32)
    if p == 2:
        squares = [float(np.vdot(a.ravel(), a.ravel())) for a in arrays]
        return arrays[0].dtype.type(math.sqrt(math.fsum(squares)))
    norms = [np.linalg.norm(a.ravel(), p) for a in arrays if a.size]
    return arrays[0].dtype.type(np.linalg.norm(np.asarray(norms), p) if norms else 0)


def get_total_norm(
    tensors: Iterable[Tensor],
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """The norm of all elements of `tensors` as one vector."""
    total = _norm([t.array for t in _listed(tensors)], float(norm_type))
    if error_if_nonfinite and not np.isfinite(total):
        raise RuntimeError(
            f"The total norm of order {float(norm_type)} for gradients from `parameters` is "
            "non-finite, so "
            "it cannot be clipped. To disable this error and scale the gradients by the non-finite "
            "norm anyway, set `error_if_nonfinite=False`"
        )
    return make(np.asarray(total))


def clip_grads_with_norm_(
    parameters: Any, max_norm: float, total_norm: Tensor, foreach: bool | None = None
) -> None:
    """Multiply every gradient by min(1, max_norm / (total_norm + 1e-6))."""
    coefficient = float(max_norm) / (float(total_norm.array) + 1e-6)
    if coefficient >= 1.0:
        return
    for p in _with_gradient(parameters):
        g = p._grad.array  # type: ignore[union-attr]
        np.multiply(g, g.dtype.type(coefficient), out=g)
        touch(g, "clip_grad_norm_")


def clip_grad_norm_(
    parameters: Any,
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Scale all gradients, in place, so that their common norm is at most `max_norm`.

    Returns the norm before clipping. RuntimeError for a non-finite norm if `error_if_nonfinite`;
    nothing has been changed then. Source: Pascanu et al. 2013.
    """
    parameters = _listed(parameters)
    grads = [p._grad for p in _with_gradient(parameters)]
    total = get_total_norm(grads, norm_type, error_if_nonfinite)  # type: ignore[arg-type]
    clip_grads_with_norm_(parameters, max_norm, total)
    return total


def clip_grad_value_(parameters: Any, clip_value: float, foreach: bool | None = None) -> None:
    """Clip every element of every gradient to [-clip_value, clip_value], in place."""
    limit = float(clip_value)
    for p in _with_gradient(parameters):
        g = p._grad.array  # type: ignore[union-attr]
        np.clip(g, -limit, limit, out=g)
        touch(g, "clip_grad_value_")


def clip_grad_norm(
    parameters: Any,
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Deprecated name of `clip_grad_norm_`."""
    warnings.warn(
        "torch.nn.utils.clip_grad_norm is now deprecated in favor of "
        "torch.nn.utils.clip_grad_norm_.",
        FutureWarning,
        stacklevel=2,
    )
    return clip_grad_norm_(parameters, max_norm, norm_type, error_if_nonfinite, foreach)
