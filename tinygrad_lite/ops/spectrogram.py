"""The short-time Fourier transform and its inverse: windows, transformed one by one.

    stft(x)[.., k, m] = sum_j w[j] x[m hop + j] exp(-2 pi i k j / n_fft)

The inverse adds the windows up again and divides by the sum of w ** 2 that each sample has seen.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ..core.doors import composed
from ..core.tensor import Tensor, make
from .arguments import kind, require_tensor
from .axes import transpose
from .complex_numbers import view_as_real
from .fourier import fft, ifft, irfft, rfft
from .padding import pad_constant, take_along_axis
from .views import reshaped, sliced, unwindowed, windows

_NUMPY_MODE: dict[str, Any] = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}


@composed()
def stft(
    input: Any,
    n_fft: int,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: Any = None,
    center: bool = True,
    pad_mode: str = "reflect",
    normalized: bool = False,
    onesided: bool | None = None,
    return_complex: bool | None = None,
) -> Any:
    """Transforms of the windows of `n_fft` samples, one every `hop_length` (n_fft // 4).

    (L,) or (B, L) -> (..., frequencies, windows), complex, or real with a last axis of 2 if
    `return_complex` is False (of real input it must be given). `window` weights the samples (by
    default 1), put in the middle if `win_length` is less than n_fft. `center`: the m-th window has
    sample m * hop_length in its middle, beyond the ends the signal is padded as `pad_mode` says.
    `normalized`: divided by sqrt(n_fft). `onesided`: n_fft // 2 + 1 frequencies, as real input has.
    """
    require_tensor("stft", input)
    a = input.array
    if a.ndim not in (1, 2):
        raise RuntimeError(f"stft(): expected a 1D or 2D tensor, but got {a.ndim}D")
    if a.dtype.kind not in "fc":
        raise RuntimeError(
            "stft(): expected a tensor of floating point or complex values, but got "
            f"{kind(a.dtype)}"
        )
    hop = n_fft // 4 if hop_length is None else hop_length
    width = n_fft if win_length is None else win_length
    imaginary = a.dtype.kind == "c" or (window is not None and window.array.dtype.kind == "c")
    if return_complex is None and not imaginary:
        raise RuntimeError(
            "stft requires the return_complex parameter be given for real inputs, and will further "
            "require that return_complex=True in a future PyTorch release."
        )
    x = input if a.ndim == 2 else reshaped(input, shape=(1, a.size))
    if center:
        x = _padded(x, n_fft // 2, pad_mode)
    size = x.array.shape[1]
    if not 0 < n_fft <= size:
        raise RuntimeError(f"stft(): expected 0 < n_fft < {size}, but got n_fft={n_fft}")
    if hop <= 0:
        raise RuntimeError(f"stft(): expected hop_length > 0, but got hop_length={hop}")
    window = _window("stft", window, width, n_fft)
    if onesided and imaginary:
        raise RuntimeError("Cannot have onesided output if window or input is complex")
    frames = windows(x, size=n_fft, step=hop)  # (B, windows, n_fft)
    if window is not None:
        frames = frames * window
    norm = "ortho" if normalized else None
    half = not imaginary if onesided is None else onesided
    out = transpose((rfft if half else fft)(frames, norm=norm), 1, 2)
    out = reshaped(out, shape=out.array.shape[1:]) if a.ndim == 1 else out
    return view_as_real(out) if return_complex is False else out


def _padded(x: Tensor, n: int, mode: str) -> Any:
    if mode == "constant":
        return pad_constant(x, pads=((0, 0), (n, n)))
    size = x.array.shape[1]
    if mode not in _NUMPY_MODE:
        raise NotImplementedError(f"Unrecognised padding mode {mode}")
    if (mode == "reflect" and n >= size) or (mode == "circular" and n > size):
        raise RuntimeError(
            "Argument #4: Padding size should be less than the corresponding input dimension, but "
            f"got: padding ({n}, {n}) at dimension 2 of input {[1, *x.array.shape]}"
        )
    return take_along_axis(x, axis=1, index=np.pad(np.arange(size), n, mode=_NUMPY_MODE[mode]))


def _window(function: str, window: Any, width: int, n_fft: int) -> Any:
    """The window with zeros around it up to n_fft; None for one of ones."""
    if not 0 < width <= n_fft:
        raise RuntimeError(
            f"{function}(): expected 0 < win_length <= n_fft, but got win_length={width}"
        )
    if window is None:
        if width == n_fft:
            return None
        window = make(np.ones(width, np.float32))
    elif window.array.shape != (width,):
        raise RuntimeError(
            f"{function}(): expected a 1D window tensor of size equal to win_length={width}, but "
            f"got window with size {list(window.array.shape)}"
        )
    left = (n_fft - width) // 2
    return pad_constant(window, pads=((left, n_fft - width - left),)) if width < n_fft else window


@composed()
def istft(
    input: Any,
    n_fft: int,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: Any = None,
    center: bool = True,
    normalized: bool = False,
    onesided: bool | None = None,
    length: int | None = None,
    return_complex: bool = False,
) -> Any:
    """The signal whose `stft` with these arguments is closest to the input (Griffin and Lim, 1984).

    (frequencies, windows) or with a batch in front -> (L,) or (B, L), cut or filled with zeros to
    `length`. RuntimeError where some sample has no window over it.
    """
    require_tensor("istft", input)
    a = input.array
    if a.dtype.kind != "c":
        raise RuntimeError(
            "istft requires a complex-valued input tensor matching the output from stft with "
            "return_complex=True."
        )
    if not a.size:
        raise RuntimeError("istft(): input tensor cannot be empty.")
    if a.ndim not in (2, 3):
        raise RuntimeError(
            f"istft(): expected a tensor with 3 or 4 dimensions, but got {a.ndim + 1}"
        )
    hop = n_fft // 4 if hop_length is None else hop_length
    width = n_fft if win_length is None else win_length
    if onesided is None:
        onesided = a.shape[-2] != n_fft
    frequencies = n_fft // 2 + 1 if onesided else n_fft
    if a.shape[-2] != frequencies:
        raise RuntimeError(
            "istft(): expected the frequency dimension (3rd to the last) of the input tensor to "
            f"match n_fft{' / 2 + 1' if onesided else ''} when onesided={onesided}, but got "
            f"{a.shape[-2]}"
        )
    if not 0 < hop <= width:
        raise RuntimeError("istft(): expected 0 < hop_length <= win_length")
    if onesided and return_complex:
        raise RuntimeError("Cannot have onesided output if window or input is complex")
    window = _window("istft", window, width, n_fft)
    if window is not None and window.array.dtype.kind == "c" and not return_complex:
        raise RuntimeError("Complex windows are incompatible with return_complex=False")
    x = input if a.ndim == 3 else reshaped(input, shape=(1, *a.shape))
    norm = "ortho" if normalized else None
    frames = transpose(x, 1, 2)
    if return_complex:
        frames = ifft(frames, norm=norm)
    else:
        half = sliced(frames, index=(..., slice(n_fft // 2 + 1)))
        frames = irfft(half, n_fft, norm=norm)
    count = frames.array.shape[1]
    size = n_fft + hop * (count - 1)
    seen: Any = make(np.ones(n_fft, frames.array.real.dtype))
    if window is not None:
        frames = frames * window
        seen = window * window
    signal = unwindowed(frames, shape=(frames.array.shape[0], size), step=hop)
    weight = unwindowed(seen.expand(1, count, n_fft), shape=(1, size), step=hop)
    start = n_fft // 2 if center else 0
    stop = size if length is None and not center else size - n_fft // 2
    if length is not None:
        stop = min(start + length, size)
    part = (slice(None), slice(start, stop))
    signal, weight = sliced(signal, index=part), sliced(weight, index=part)
    if not weight.array.size or np.abs(weight.array).min() < 1e-11:
        raise RuntimeError("istft(): window overlap add min: 1e-11; some sample has no window")
    out = signal / weight
    if length is not None and stop - start < length:
        warnings.warn(
            "The length of signal is shorter than the length parameter. Result is being padded "
            "with zeros in the tail. Please check your center and hop_length settings.",
            UserWarning,
            stacklevel=3,
        )
        out = pad_constant(out, pads=((0, 0), (0, length - (stop - start))))
    return reshaped(out, shape=out.array.shape[1:]) if a.ndim == 2 else out
