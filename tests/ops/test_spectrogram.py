"""stft and istft: the definition, the way back, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_lite as tl


def _signal(n: int = 50) -> np.ndarray:
    return np.random.default_rng(3).normal(size=n)


def test_stft_is_its_definition() -> None:
    x, n, hop = _signal(), 8, 3
    window = np.hanning(n)
    out = tl.stft(
        tl.from_numpy(x), n, hop, window=tl.from_numpy(window), center=False, return_complex=True
    )
    count = (x.size - n) // hop + 1
    k, j = np.arange(n // 2 + 1), np.arange(n)
    waves = np.exp(-2j * np.pi * np.outer(k, j) / n)
    want = np.stack([waves @ (window * x[m * hop : m * hop + n]) for m in range(count)], -1)
    np.testing.assert_allclose(out.numpy(), want, atol=1e-12)


@pytest.mark.parametrize("normalized", [False, True])
@pytest.mark.parametrize("batch", [(), (2,)])
def test_istft_leads_back(batch: tuple[int, ...], normalized: bool) -> None:
    x = np.random.default_rng(4).normal(size=(*batch, 64))
    window = tl.hann_window(16, dtype=tl.float64)
    given = {"n_fft": 16, "hop_length": 4, "window": window, "normalized": normalized}
    z = tl.stft(tl.from_numpy(x), **given, return_complex=True)
    np.testing.assert_allclose(tl.istft(z, **given, length=64).numpy(), x, atol=1e-12)


def test_the_gradient_passes_the_transform_and_back() -> None:
    x = tl.from_numpy(_signal(32)).requires_grad_()
    tl.istft(tl.stft(x, 8, return_complex=True), 8).square().sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), 2 * x.detach().numpy(), atol=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: tl.stft(x, 8), "return_complex"),
        (lambda x: tl.stft(x, 80, center=False, return_complex=True), "expected 0 < n_fft"),
        (lambda x: tl.stft(x, 8, 0, return_complex=True), "hop_length > 0"),
        (lambda x: tl.stft(x, 8, win_length=9, return_complex=True), "win_length"),
        (lambda x: tl.stft(x, 8, window=tl.ones(5), return_complex=True), "1D window"),
        (lambda x: tl.istft(x, 8), "complex-valued"),
    ],
)
def test_errors(call: object, message: str) -> None:
    with pytest.raises(RuntimeError, match=message):
        call(tl.from_numpy(_signal()))  # type: ignore[operator]
