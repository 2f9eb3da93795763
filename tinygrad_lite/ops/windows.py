"""Window functions of signal processing, 1-d Tensors of `window_length` numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core.tensor import Tensor, require_cpu
from .bessel import i0 as _bessel
from .filling import dtype_or_default, finished


def _window(
    name: str, n: int, periodic: bool, formula: Any, dtype: Any, device: Any, requires_grad: bool
) -> Tensor:
    """formula(phase in [0, 1]) at n points; the last point is left out if `periodic`."""
    require_cpu(device)
    if n < 0:
        raise RuntimeError(f"{name} requires non-negative window_length, got window_length={n}")
    numpy_dtype = dtype_or_default(dtype)
    if numpy_dtype.kind != "f":
        raise RuntimeError(f"{name} expects floating point dtypes, got: {dtype}")
    if n <= 1:
        return finished(np.ones(n, numpy_dtype), requires_grad)
    phase = np.arange(n) / (n if periodic else n - 1)
    return finished(formula(phase).astype(numpy_dtype), requires_grad)


def _cosines(*weights: float) -> Any:
    def formula(phase: np.ndarray) -> np.ndarray:
        terms = [(-1) ** k * w * np.cos(2 * math.pi * k * phase) for k, w in enumerate(weights)]
        return np.asarray(sum(terms))

    return formula


def hann_window(
    window_length: int,
    periodic: bool = True,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """0.5 - 0.5 cos(2 pi k / N)."""
    formula = _cosines(0.5, 0.5)
    return _window("hann_window", window_length, periodic, formula, dtype, device, requires_grad)


def hamming_window(
    window_length: int,
    periodic: bool = True,
    alpha: float = 0.54,
    beta: float = 0.46,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """alpha - beta cos(2 pi k / N)."""
    formula = _cosines(alpha, beta)
    return _window("hamming_window", window_length, periodic, formula, dtype, device, requires_grad)


def blackman_window(
    window_length: int,
    periodic: bool = True,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """0.42 - 0.5 cos(2 pi k / N) + 0.08 cos(4 pi k / N)."""
    formula = _cosines(0.42, 0.5, 0.08)
    return _window(
        "blackman_window", window_length, periodic, formula, dtype, device, requires_grad
    )


def bartlett_window(
    window_length: int,
    periodic: bool = True,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """1 - |2 k / N - 1|, a triangle."""
    return _window(
        "bartlett_window",
        window_length,
        periodic,
        lambda phase: 1 - np.abs(2 * phase - 1),
        dtype,
        device,
        requires_grad,
    )


def kaiser_window(
    window_length: int,
    periodic: bool = True,
    beta: float = 12.0,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """I0(beta sqrt(1 - (2 k / N - 1)^2)) / I0(beta)."""

    def formula(phase: np.ndarray) -> np.ndarray:
        inside = np.sqrt(np.maximum(1 - (2 * phase - 1) ** 2, 0))
        return np.asarray(_bessel(beta * inside) / _bessel(np.asarray(beta, np.float64)))

    return _window("kaiser_window", window_length, periodic, formula, dtype, device, requires_grad)
