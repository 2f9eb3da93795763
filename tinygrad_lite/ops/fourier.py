"""Discrete Fourier transforms.

    fourier(x)[k] = scale * sum_j x[j] exp(-+ 2 pi i j k / n)        (minus; plus if inverse)

The matrix of the transform is symmetric, so the transform is its own transpose, and with it its own
derivative (complex_numbers.py says what flows backward). Real transforms keep half of the values:
the other half of a real signal's transform is its conjugate. All norms, sizes and axes are done
here, once: a transform of another length is that of the signal cut, or with zeros behind it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.chain import cast, conjugate
from ..core.doors import composed, primitive
from ..core.dtypes import get_default_dtype
from ..core.samples import Real, one_of, sample
from ..core.shapes import canonical_axis
from ..core.tensor import Tensor, make
from .arguments import converted, kind, require_tensor
from .complex_numbers import view_as_complex, view_as_real
from .padding import pad_constant
from .rearranging import roll


@primitive(
    lambda g, axes, inverse, scale: fourier(g, axes=axes, inverse=inverse, scale=scale),
    promote=None,
    method=False,
    title="FftC2C",
)
def fourier(x: Any, *, axes: Sequence[int], inverse: bool, scale: float) -> Any:
    """The transform of complex x over `axes`, times `scale`."""
    transform = np.fft.ifftn if inverse else np.fft.fftn
    out = transform(x, axes=tuple(axes), norm="forward" if inverse else "backward")
    return _scaled(out, scale)


@primitive(
    lambda g, x_shape, axis, scale: fourier(
        _fitted(g, axis, x_shape[axis]), axes=(axis,), inverse=False, scale=scale
    ),
    promote=None,
    method=False,
    title="FftR2C",
)
def real_fourier(x: Any, *, axis: int, scale: float) -> Any:
    """The first n // 2 + 1 values of the transform of real x along `axis`, times `scale`."""
    return _scaled(np.fft.rfft(x, axis=axis), scale)


@primitive(
    lambda g, axis, size, scale: (
        conjugate(real_fourier(g, axis=axis, scale=scale)) * _twice(g, axis, size)
    ),
    promote=None,
    method=False,
    title="FftC2R",
)
def real_of_half(x: Any, *, axis: int, size: int, scale: float) -> Any:
    """The real signal of `size` whose inverse transform has x as its first half, times `scale`."""
    return _scaled(np.fft.irfft(x, size, axis=axis, norm="forward"), scale)


def _scaled(x: Any, scale: float) -> Any:
    return x if scale == 1 else np.multiply(x, x.real.dtype.type(scale))


def _fitted(x: Any, axis: int, n: int) -> Any:
    """x cut along `axis`, or with zeros behind it, to length n."""
    if x.shape[axis] == n:
        return x
    pads = [(0, n - x.shape[axis]) if i == axis else (0, 0) for i in range(x.ndim)]
    return pad_constant(x, pads=tuple(pads))


def _twice(g: Any, axis: int, size: int) -> Any:
    """2 for each of the half's values that has a conjugate in the other half, else 1."""
    array = g if isinstance(g, np.ndarray) else g.array
    weights = np.full(size // 2 + 1, 2, array.dtype)
    weights[0] = 1
    if size % 2 == 0:
        weights[-1] = 1
    weights = weights.reshape([-1 if i == axis else 1 for i in range(array.ndim)])
    return weights if isinstance(g, np.ndarray) else make(weights)


# -- arguments -------------------------------------------------------------------------------------


def _scale(n: int, norm: Any, inverse: bool) -> float:
    if norm not in (None, "backward", "ortho", "forward"):
        raise RuntimeError(f'Invalid normalization mode: "{norm}"')
    if norm == "ortho":
        return 1 / math.sqrt(n)
    return 1 / n if (norm == "forward") != inverse else 1.0


_OPPOSITE = {None: "forward", "backward": "forward", "forward": "backward", "ortho": "ortho"}


def _opposite(norm: Any) -> Any:
    return _OPPOSITE.get(norm, norm)


def _complex(function: str, input: Any) -> Tensor:
    """`input` in the complex dtype of its precision; integers take the default's."""
    x = _floating(function, input)
    if x.array.dtype.kind == "c":
        return x
    return cast(x, dtype=np.result_type(x.array.dtype, np.complex64))


def _real(function: str, input: Any) -> Tensor:
    x = _floating(function, input)
    if x.array.dtype.kind == "c":
        raise RuntimeError(f"{function} expects a real input tensor, but got {kind(x.array.dtype)}")
    return x


def _floating(function: str, input: Any) -> Tensor:
    require_tensor(f"fft_{function}", input)
    if input.array.dtype == np.float16:
        raise RuntimeError(f"Unsupported dtype Half ({function}); convert with .float() first")
    if input.array.dtype.kind in "biu":
        return converted(input, get_default_dtype())
    return input


def _axis(input: Tensor, dim: int) -> int:
    if input.array.ndim == 0:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    return canonical_axis(dim, input.array.ndim)


def _length(n: Any, default: int) -> int:
    size = default if n is None or n == -1 else int(n)
    if size < 1:
        raise RuntimeError(f"Invalid number of data points ({size}) specified")
    return size


def _sizes(input: Tensor, s: Any, dim: Any) -> tuple[list[int], list[Any]]:
    """The axes of a transform and their lengths, None where the input's."""
    ndim = input.array.ndim
    if dim is not None:
        axes = [_axis(input, d) for d in ((dim,) if isinstance(dim, int) else dim)]
        if len(set(axes)) != len(axes):
            raise RuntimeError("FFT dims must be unique")
    if s is None:
        return (list(range(ndim)) if dim is None else axes), [None] * (
            ndim if dim is None else len(axes)
        )
    s = [s] if isinstance(s, int) else list(s)
    if dim is not None:
        if len(s) != len(axes):
            raise RuntimeError(
                "When given, dim and shape arguments must have the same length, "
                f"got {len(axes)} and {len(s)}"
            )
        return axes, s
    if len(s) > ndim:
        raise RuntimeError(
            f"Got shape with {len(s)} values but input tensor only has {ndim} dimensions."
        )
    return list(range(ndim - len(s), ndim)), s


def _transform(x: Tensor, axes: list[int], sizes: list[int], norm: Any, inverse: bool) -> Any:
    for axis, n in zip(axes, sizes, strict=True):
        x = _fitted(x, axis, n)
    scale = _scale(math.prod(sizes), norm, inverse)
    return fourier(x, axes=tuple(axes), inverse=inverse, scale=scale) if axes else x


def _both(function: str, input: Any, s: Any, dim: Any, norm: Any, inverse: bool) -> Any:
    x = _complex(function, input)
    axes, wanted = _sizes(x, s, dim)
    sizes = [_length(n, x.array.shape[a]) for a, n in zip(axes, wanted, strict=True)]
    return _transform(x, axes, sizes, norm, inverse)


def _of_real(function: str, input: Any, s: Any, dim: Any, norm: Any) -> Any:
    """Real along the last axis, then complex over the others."""
    x = _real(function, input)
    axes, wanted = _sizes(x, s, dim)
    if not axes:
        raise RuntimeError(f"{function} must transform at least one axis")
    sizes = [_length(n, x.array.shape[a]) for a, n in zip(axes, wanted, strict=True)]
    for axis, n in zip(axes, sizes, strict=True):
        x = _fitted(x, axis, n)
    out = real_fourier(x, axis=axes[-1], scale=_scale(math.prod(sizes), norm, False))
    if len(axes) == 1:
        return out
    return fourier(out, axes=tuple(axes[:-1]), inverse=False, scale=1.0)


def _to_real(function: str, input: Any, s: Any, dim: Any, norm: Any, conjugated: bool) -> Any:
    """Complex over all axes but the last, then to real numbers along that."""
    x = _complex(function, input)
    axes, wanted = _sizes(x, s, dim)
    if not axes:
        raise RuntimeError(f"{function} must transform at least one axis")
    shape = x.array.shape
    sizes = [_length(n, shape[a]) for a, n in zip(axes[:-1], wanted[:-1], strict=True)]
    last = _length(wanted[-1], 2 * (shape[axes[-1]] - 1))
    for axis, n in zip(axes, [*sizes, last // 2 + 1], strict=True):
        x = _fitted(x, axis, n)
    x = conjugate(x) if conjugated else x
    if sizes:
        x = fourier(x, axes=tuple(axes[:-1]), inverse=True, scale=1.0)
    scale = _scale(math.prod(sizes) * last, norm, True)
    return real_of_half(x, axis=axes[-1], size=last, scale=scale)


def _one(input: Any, n: Any, dim: int) -> tuple[Any, tuple[int]]:
    if isinstance(input, Tensor):
        _axis(input, dim)
    if n is not None and n < 1:
        raise RuntimeError(f"Invalid number of data points ({n}) specified")
    return (None if n is None else (n,)), (dim,)


# -- the public functions --------------------------------------------------------------------------


def fft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """sum_j x[j] exp(-2 pi i j k / n) along `dim`.

    n     length: the input is cut, or followed by zeros
    norm  "backward" (the default: the inverse divides by n), "ortho" (both divide by its root),
          "forward" (this divides)
    """
    return _both("fft", input, *_one(input, n, dim), norm, False)


def ifft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """The inverse of `fft`."""
    return _both("ifft", input, *_one(input, n, dim), norm, True)


def fft2(input: Tensor, s: Any = None, dim: Any = (-2, -1), norm: str | None = None) -> Tensor:
    """`fft` along two axes."""
    return _both("fft2", input, s, dim, norm, False)


def ifft2(input: Tensor, s: Any = None, dim: Any = (-2, -1), norm: str | None = None) -> Tensor:
    """The inverse of `fft2`."""
    return _both("ifft2", input, s, dim, norm, True)


def fftn(input: Tensor, s: Any = None, dim: Any = None, norm: str | None = None) -> Tensor:
    """`fft` along several axes (default: all, or the last len(s))."""
    return _both("fftn", input, s, dim, norm, False)


def ifftn(input: Tensor, s: Any = None, dim: Any = None, norm: str | None = None) -> Tensor:
    """The inverse of `fftn`."""
    return _both("ifftn", input, s, dim, norm, True)


def rfft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """The first n // 2 + 1 values of the `fft` of a real signal: the others are conjugates."""
    return _of_real("rfft", input, *_one(input, n, dim), norm)


def irfft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """The real signal of length n (default: 2 (m - 1)) whose `rfft` is the input."""
    return _to_real("irfft", input, *_one(input, n, dim), norm, False)


def rfft2(input: Tensor, s: Any = None, dim: Any = (-2, -1), norm: str | None = None) -> Tensor:
    """`rfft` along the last of two axes, `fft` along the other."""
    return _of_real("rfft2", input, s, dim, norm)


def irfft2(input: Tensor, s: Any = None, dim: Any = (-2, -1), norm: str | None = None) -> Tensor:
    """The inverse of `rfft2`."""
    return _to_real("irfft2", input, s, dim, norm, False)


def rfftn(input: Tensor, s: Any = None, dim: Any = None, norm: str | None = None) -> Tensor:
    """`rfft` along the last axis, `fft` along the others."""
    return _of_real("rfftn", input, s, dim, norm)


def irfftn(input: Tensor, s: Any = None, dim: Any = None, norm: str | None = None) -> Tensor:
    """The inverse of `rfftn`."""
    return _to_real("irfftn", input, s, dim, norm, False)


def hfft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """The real `fft` of a signal of which the input is the first half, conjugates the other."""
    return _to_real("hfft", input, *_one(input, n, dim), _opposite(norm), True)


def ihfft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """The inverse of `hfft`."""
    return conjugate(_of_real("ihfft", input, *_one(input, n, dim), _opposite(norm)))


def hfft2(input: Tensor, s: Any = None, dim: Any = (-2, -1), norm: str | None = None) -> Tensor:
    """`hfft` along the last of two axes, `fft` along the other."""
    return _to_real("hfft2", input, s, dim, _opposite(norm), True)


def ihfft2(input: Tensor, s: Any = None, dim: Any = (-2, -1), norm: str | None = None) -> Tensor:
    """The inverse of `hfft2`."""
    return conjugate(_of_real("ihfft2", input, s, dim, _opposite(norm)))


def hfftn(input: Tensor, s: Any = None, dim: Any = None, norm: str | None = None) -> Tensor:
    """`hfft` along the last axis, `fft` along the others."""
    return _to_real("hfftn", input, s, dim, _opposite(norm), True)


def ihfftn(input: Tensor, s: Any = None, dim: Any = None, norm: str | None = None) -> Tensor:
    """The inverse of `hfftn`."""
    return conjugate(_of_real("ihfftn", input, s, dim, _opposite(norm)))


def _shifted(function: str, input: Any, dim: Any, back: bool) -> Tensor:
    require_tensor(f"fft_{function}", input)
    dims = range(input.array.ndim) if dim is None else (dim,) if isinstance(dim, int) else dim
    axes = [_axis(input, d) for d in dims]
    if not axes:
        return input.clone()
    sizes = [input.array.shape[a] for a in axes]
    return roll(input, [(n + 1) // 2 if back else n // 2 for n in sizes], axes)


def fftshift(input: Tensor, dim: Any = None) -> Tensor:
    """Frequencies in ascending order: the zero one in the middle."""
    return _shifted("fftshift", input, dim, False)


def ifftshift(input: Tensor, dim: Any = None) -> Tensor:
    """The inverse of `fftshift`."""
    return _shifted("ifftshift", input, dim, True)


def _frequencies(values: np.ndarray, n: int, d: float, options: dict[str, Any]) -> Tensor:
    from .creation import tensor

    known = {k: v for k, v in options.items() if k in ("dtype", "device", "requires_grad")}
    unknown = options.keys() - known.keys() - {"layout", "pin_memory"}
    if unknown:
        raise TypeError(f"fftfreq() got an unexpected keyword argument '{min(unknown)}'")
    if known.get("dtype") is None:
        known["dtype"] = get_default_dtype()
    return tensor(values / (n * d), **known)


def fftfreq(n: int, d: float = 1.0, **options: Any) -> Tensor:
    """The frequencies of `fft`'s values: [0, 1, ..., -2, -1] / (n d), d the sampling distance."""
    values = np.arange(n, dtype=np.float64)
    values[(n + 1) // 2 :] -= n
    return _frequencies(values, n, d, options)


def rfftfreq(n: int, d: float = 1.0, **options: Any) -> Tensor:
    """The frequencies of `rfft`'s values: [0, 1, ..., n // 2] / (n d)."""
    return _frequencies(np.arange(n // 2 + 1, dtype=np.float64), n, d, options)


@composed(method=False, samples=[sample(Real("2 n 4 2"), norm=one_of("ortho", "forward"))])
def fourier_pairs(input: Any, norm: str = "ortho") -> Any:
    """`fft2` of complex numbers given and returned as (..., 2) floats: what the laws hold."""
    return view_as_real(fft2(view_as_complex(input.contiguous().clone()), norm=norm))


@composed(method=False, samples=[sample(Real("2 n 6")), sample(Real("2 n 7"))])
def filtered(input: Any) -> Any:
    """irfft(w rfft(x)), w a fixed filter: the laws of the real transforms."""
    half = rfft(input, norm="ortho")
    w = np.exp(-np.arange(half.array.shape[-1]) * (0.3 + 0.7j))
    return irfft(half * make(w.astype(half.array.dtype)), n=input.array.shape[-1])
