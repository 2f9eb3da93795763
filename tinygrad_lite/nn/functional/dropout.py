"""Dropout in all its forms. The inverted form: what survives is scaled up in training, so that
evaluation needs no change."""

from __future__ import annotations

import math
import warnings

import numpy as np

from ...core.random import numpy_generator
from ...core.tensor import Tensor, make
from ...ops.noise import dropped


def _keep(shape: tuple[int, ...], p: float) -> np.ndarray:
    """Which elements survive, each with probability 1 - p."""
    return numpy_generator().random(shape, dtype=np.float32) >= p


def _check(p: float) -> None:
    if p < 0.0 or p > 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")


def _multiplied(input: Tensor, mask: np.ndarray, p: float, inplace: bool) -> Tensor:
    scale = 1.0 / (1.0 - p) if p < 1 else 0.0
    factor = make(mask * input.array.dtype.type(scale))
    return input.mul_(factor) if inplace else input * factor


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Each element zero with probability p, the others divided by 1 - p; the identity otherwise."""
    _check(p)
    if not training or p == 0:
        return input
    out = dropped(input, p=float(p), key=int(numpy_generator().integers(2**63)))
    return input.copy_(out) if inplace else out


def _feature_mask(input: Tensor, p: float) -> np.ndarray:
    shape = input.array.shape
    return _keep((*shape[:2], *(1,) * (len(shape) - 2)), p)


def _warn_unusual(name: str, dims: int, input: Tensor) -> None:
    ndim = input.array.ndim
    if ndim not in (dims + 1, dims + 2):
        warnings.warn(
            f"{name}: Received a {ndim}-D input to {name}, which is deprecated and will result in "
            f"an error in a future release; expected {dims + 1}-D or {dims + 2}-D.",
            stacklevel=3,
        )
    elif dims == 2 and ndim == 3:
        warnings.warn(
            "dropout2d: Received a 3D input to dropout2d and assuming that channel-wise 1D dropout "
            "behavior is desired - input is interpreted as shape (N, C, L), where C is the channel "
            "dim. This behavior will change in a future release to interpret the input as one "
            "without a batch dimension, i.e. shape (C, H, W). To maintain the 1D channel-wise "
            "dropout behavior, please switch to using dropout1d instead.",
            stacklevel=3,
        )


def _feature(dims: int, input: Tensor, p: float, training: bool, inplace: bool) -> Tensor:
    if not training or p == 0:
        return input
    if input.array.ndim < 2:
        raise RuntimeError(
            f"Feature dropout requires at least 2 dimensions in the input, got {input.array.ndim}"
        )
    if input.array.ndim == dims + 1 and dims != 2:  # (C, L): no batch axis
        return _multiplied(input, _keep((input.array.shape[0], *(1,) * dims), p), p, inplace)
    return _multiplied(input, _feature_mask(input, p), p, inplace)


def dropout1d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """Whole channels of (N, C, L) or (C, L) zero with probability p."""
    _check(p)
    if input.array.ndim not in (2, 3):
        raise RuntimeError(
            f"dropout1d: Expected 2D or 3D input, but received a {input.array.ndim}D input. "
            "Note that dropout1d exists to provide channel-wise dropout on inputs with 1 spatial "
            "dimension, a channel dimension, and an optional batch dimension (i.e. "
            "2D or 3D inputs)."
        )
    return _feature(1, input, p, training, inplace)


def dropout2d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """Whole channels of (N, C, H, W) zero with probability p."""
    _check(p)
    _warn_unusual("dropout2d", 2, input)
    return _feature(2, input, p, training, inplace)


def dropout3d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """Whole channels of (N, C, D, H, W) or (C, D, H, W) zero with probability p."""
    _check(p)
    _warn_unusual("dropout3d", 3, input)
    return _feature(3, input, p, training, inplace)


_SELU_FLOOR = -1.7580993408473766  # -scale * alpha of SELU: where it saturates


def _alpha(input: Tensor, keep: np.ndarray, p: float) -> Tensor:
    a = 1.0 / math.sqrt((1 - p) * (1 + p * _SELU_FLOOR**2)) if p < 1 else 0.0
    b = -a * _SELU_FLOOR * p
    d = input.array.dtype
    factor = make((keep * a).astype(d))
    shift = make((~keep * (a * _SELU_FLOOR) + b).astype(d))
    return input * factor + shift


def alpha_dropout(
    input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Tensor:
    """Dropout to SELU's saturation value, then the affine map that restores mean and variance."""
    _check(p)
    if not training or p == 0:
        return input
    out = _alpha(input, _keep(input.array.shape, p), p)
    return input.copy_(out) if inplace else out


def feature_alpha_dropout(
    input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Tensor:
    """Alpha dropout of whole channels."""
    _check(p)
    if not training or p == 0:
        return input
    out = _alpha(input, _feature_mask(input, p), p)
    return input.copy_(out) if inplace else out
