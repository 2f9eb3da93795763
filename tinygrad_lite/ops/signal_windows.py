"""`torch.signal.windows`: window functions of M points, symmetric or (sym=False) periodic.

A periodic window is the symmetric one of M + 1 points without its last.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ..core.dtypes import float32, float64, get_default_dtype
from ..core.tensor import Tensor, require_cpu
from .bessel import i0
from .conversion import strided
from .filling import finished


def _window(
    name: str, M: int, sym: bool, options: dict[str, Any], formula: Callable[[Any, int], Any]
) -> Tensor:
    """formula(n, N) for n = 0 ... M - 1, N the distance from the first point to the last."""
    unknown = options.keys() - {"dtype", "layout", "device", "requires_grad"}
    if unknown:
        raise TypeError(f"{name}() got an unexpected keyword argument '{min(unknown)}'")
    require_cpu(options.get("device"))
    dtype = options.get("dtype") or get_default_dtype()
    if M < 0:
        raise ValueError(f"{name} requires non-negative window length, got M={M}")
    layout = options.get("layout", strided)
    if layout is not strided and layout is not None:
        raise ValueError(f"{name} is implemented for strided tensors only, got: {layout}")
    if dtype not in (float32, float64):
        raise ValueError(f"{name} expects float32 or float64 dtypes, got: {dtype}")
    values = formula(np.arange(M, dtype=np.float64), M - 1 if sym else M) if M > 1 else np.ones(M)
    return finished(np.asarray(values, dtype.numpy), bool(options.get("requires_grad", False)))


def exponential(
    M: int, *, center: float | None = None, tau: float = 1.0, sym: bool = True, **options: Any
) -> Tensor:
    """exp(-|n - center| / tau); center is the middle unless given (for sym=False)."""
    if tau <= 0:
        raise ValueError(f"Tau must be positive, got: {tau} instead.")
    if sym and center is not None:
        raise ValueError("Center must be None for symmetric windows")

    def formula(n: Any, N: int) -> Any:
        return np.exp(-np.abs(n - (N / 2 if center is None else center)) / tau)

    if M == 1 and center is not None:
        return _window("exponential", 2, True, options, formula)[:1]
    return _window("exponential", M, sym, options, formula)


def cosine(M: int, *, sym: bool = True, **options: Any) -> Tensor:
    """sin(pi (n + 0.5) / M)."""
    return _window("cosine", M, sym, options, lambda n, N: np.sin(math.pi * (n + 0.5) / (N + 1)))


def gaussian(M: int, *, std: float = 1.0, sym: bool = True, **options: Any) -> Tensor:
    """exp(-(n - N / 2)^2 / (2 std^2))."""
    if std <= 0:
        raise ValueError(f"Standard deviation must be positive, got: {std} instead.")

    def formula(n: Any, N: int) -> Any:
        return np.exp(-(((n - N / 2) / std) ** 2) / 2)

    return _window("gaussian", M, sym, options, formula)


def kaiser(M: int, *, beta: float = 12.0, sym: bool = True, **options: Any) -> Tensor:
    """I0(beta sqrt(1 - (2 n / N - 1)^2)) / I0(beta)."""
    if beta < 0:
        raise ValueError(f"beta must be non-negative, got: {beta} instead.")

    def formula(n: Any, N: int) -> Any:
        root = np.sqrt(np.maximum(1 - (2 * n / N - 1) ** 2, 0))
        return i0(beta * root) / i0(np.array([float(beta)]))

    return _window("kaiser", M, sym, options, formula)


def bartlett(M: int, *, sym: bool = True, **options: Any) -> Tensor:
    """1 - |2 n / N - 1|."""
    return _window("bartlett", M, sym, options, lambda n, N: 1 - np.abs(2 * n / N - 1))


def _cosines(name: str, M: int, weights: Iterable[float], sym: bool, options: Any) -> Tensor:
    if not isinstance(weights, Iterable):
        raise TypeError("Coefficients must be a list/tuple")
    a = list(weights)
    if not a:
        raise ValueError("Coefficients cannot be empty")

    def formula(n: Any, N: int) -> Any:
        terms = [(-1) ** k * w * np.cos(2 * math.pi * k * n / N) for k, w in enumerate(a)]
        return np.sum(terms, 0)

    return _window(name, M, sym, options, formula)


def general_cosine(M: int, *, a: Iterable[float], sym: bool = True, **options: Any) -> Tensor:
    """sum_k (-1)^k a[k] cos(2 pi k n / N)."""
    return _cosines("general_cosine", M, a, sym, options)


def general_hamming(M: int, *, alpha: float = 0.54, sym: bool = True, **options: Any) -> Tensor:
    """alpha - (1 - alpha) cos(2 pi n / N)."""
    return _cosines("general_hamming", M, (alpha, 1 - alpha), sym, options)


def hamming(M: int, *, sym: bool = True, **options: Any) -> Tensor:
    """0.54 - 0.46 cos(2 pi n / N)."""
    return _cosines("hamming", M, (0.54, 0.46), sym, options)


def hann(M: int, *, sym: bool = True, **options: Any) -> Tensor:
    """(1 - cos(2 pi n / N)) / 2."""
    return _cosines("hann", M, (0.5, 0.5), sym, options)


def blackman(M: int, *, sym: bool = True, **options: Any) -> Tensor:
    """0.42 - 0.5 cos(2 pi n / N) + 0.08 cos(4 pi n / N)."""
    return _cosines("blackman", M, (0.42, 0.5, 0.08), sym, options)


def nuttall(M: int, *, sym: bool = True, **options: Any) -> Tensor:
    """The minimum four-term Blackman-Harris window (Nuttall 1981)."""
    return _cosines("nuttall", M, (0.3635819, 0.4891775, 0.1365995, 0.0106411), sym, options)
