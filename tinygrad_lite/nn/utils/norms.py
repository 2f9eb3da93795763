"""Norms of the slices of a weight, and their bound: one slice per unit is the usual case."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from ...core.node import touch
from ...core.shapes import canonical_axis
from ...core.tensor import Parameter, Tensor
from ...ops.bounds import clamp
from ...ops.linalg_norms import vector_norm
from ..modules.conv import ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from ..modules.module import Module
from ..parameter import is_lazy

__all__ = ["max_norm_", "unit_axis"]


def norm_except_dim(v: Tensor, dim: int, norm_type: float = 2.0) -> Tensor:
    """The norm of each slice v[..., i, ...] along `dim`, shaped (1, ..., n, ..., 1).

    For dim -1 the norm of all of v, without axes: PyTorch's word for `dim=None` in `weight_norm`.
    """
    if dim == -1:
        return vector_norm(v, norm_type)
    return _slice_norms(v, dim, norm_type)


def _slice_norms(v: Tensor, dim: int, norm_type: float) -> Tensor:
    axis = canonical_axis(dim, v.array.ndim)
    others = tuple([i for i in range(v.array.ndim) if i != axis])
    # no axes to reduce over: each element is a slice of its own
    return vector_norm(v, norm_type, dim=others, keepdim=True) if others else v.abs()


def norm_to_bound(v: Tensor, max_norm: float, dim: int, norm_type: float) -> Tensor:
    """v * min(1, max_norm / norm) by slices along `dim`; differentiable, also at v = 0.

    At a norm of exactly `max_norm` the derivative is that of the scaled side.
    """
    # The bound goes to the norm, not to the quotient: max_norm / 0 would poison the gradient.
    return v * (max_norm / clamp(_slice_norms(v, dim, norm_type), min=max_norm))


def check_bound(max_norm: float) -> None:
    """ValueError unless a norm can be as large as `max_norm` without being 0."""
    if not max_norm > 0:
        raise ValueError(f"max_norm must be positive, got {max_norm}")


def unit_axis(module: Module) -> int:
    """The axis of `module.weight` along which its output units lie: 1 if transposed, else 0."""
    return int(isinstance(module, (ConvTranspose1d, ConvTranspose2d, ConvTranspose3d)))


def max_norm_(
    parameters: Module | Tensor | Iterable[Tensor],
    max_norm: float,
    dim: int | None = None,
    norm_type: float = 2.0,
) -> None:
    """Scale down, in place, every slice whose norm exceeds `max_norm`: a step after `opt.step()`.

        w_i <- w_i * min(1, max_norm / ||w_i||)       for each slice w_i of a weight along `dim`

    parameters  a Module: all its parameters with two axes or more, so biases and the scales of
                normalizations stay; or a Tensor, or several: all of them, vectors as well, whose
                elements are then slices of their own
    dim         the axis that counts the units; default 0, and 1 for transposed convolutions in a
                Module. With 0, w_i are the weights coming into unit i
    norm_type   p of the norm

    The slices within the bound keep their bits. ValueError for a bound that is not positive.
    Source: Srivastava et al. 2014 ("Dropout", section 5.1), with bounds of 3 to 4 there.
    """
    check_bound(max_norm)
    for p, axis in _constrained(parameters, dim):
        w = p.array
        others = tuple([i for i in range(w.ndim) if i != canonical_axis(axis, w.ndim)])
        norms = _norms(w, others, norm_type)
        if norms.size and norms.max() > max_norm:
            w *= np.where(norms > max_norm, max_norm / np.maximum(norms, max_norm), 1).astype(
                w.dtype
            )
            touch(w, "max_norm_")


def _norms(w: np.ndarray, axes: tuple[int, ...], p: float) -> np.ndarray:
    size = np.abs(w).astype(np.float64)
    if p == np.inf:
        return size.max(axis=axes, keepdims=True, initial=0.0)
    return (size**p).sum(axis=axes, keepdims=True) ** (1.0 / p)


def _constrained(
    parameters: Module | Tensor | Iterable[Tensor], dim: int | None
) -> Iterator[tuple[Tensor, int]]:
    """Each parameter with its axis of units."""
    if isinstance(parameters, Module):
        seen: set[Parameter] = set()
        for module in parameters.modules():
            for p in module._parameters.values():
                if p is not None and p not in seen and not is_lazy(p) and p.array.ndim > 1:
                    seen.add(p)
                    yield p, unit_axis(module) if dim is None else dim
    else:
        tensors: Iterable[Tensor] = [parameters] if isinstance(parameters, Tensor) else parameters
        for t in tensors:
            yield t, 0 if dim is None else dim
