"""Arguments at the edge of what is allowed: refused, or computed as PyTorch does."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_lite as tl


def test_a_copied_slice_checks_its_dim_and_step():
    x = tl.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(tl.slice_copy(x, -1, 1).numpy(), [[1, 2], [4, 5]])
    with pytest.raises(IndexError, match="Dimension out of range"):
        tl.slice_copy(x, 2)
    with pytest.raises(RuntimeError, match="slice step must be positive"):
        tl.slice_copy(x, 0, 0, 2, -1)
    with pytest.raises(IndexError, match="0-dim"):
        tl.slice_copy(tl.tensor(1.0))


def test_a_masked_product_checks_its_dim():
    x = tl.ones(2, 3)
    for dim in (2, (0, 2)):
        with pytest.raises(IndexError, match="Dimension out of range"):
            tl.masked.prod(x, dim)
    with pytest.raises(RuntimeError):
        tl.masked.prod(x, (0, 0))


def test_booleans_have_no_least_element_to_mask_with():
    x = tl.tensor([True, False])
    with pytest.raises(NotImplementedError, match=r"on torch\.bool input"):
        tl.masked.amax(x, 0, mask=x)


def test_transforms_have_a_positive_length():
    for n in (0, -1):
        with pytest.raises(RuntimeError, match="Invalid number of data points"):
            tl.fft.fft(tl.ones(4), n=n)
    assert tl.fft.fft2(tl.ones(2, 4), s=(-1, 2)).shape == (2, 2)  # there -1 is the input's length


def test_frequencies_are_in_the_default_dtype():
    assert tl.fft.fftfreq(4).dtype == tl.fft.rfftfreq(4).dtype == tl.float32
    assert tl.fft.fftfreq(4, dtype=tl.float64).dtype == tl.float64


def test_a_short_signal_is_padded_by_its_ends():
    x = tl.tensor([1.0, 2.0, 3.0])
    frames = tl.stft(x, 10, hop_length=1, pad_mode="replicate", return_complex=True)
    np.testing.assert_allclose(frames[0].real.numpy()[0], 5 * 1 + 6 + 2 * 3, rtol=1e-6)
    with pytest.raises(RuntimeError, match="Padding size"):
        tl.stft(x, 10, pad_mode="circular", return_complex=True)


def test_running_log_sums_of_complex_vectors():
    z = np.array([0.3 + 1j, -1 + 0.2j, 2 - 0.5j])
    got = tl.logcumsumexp(tl.tensor(z), 0).numpy()
    np.testing.assert_allclose(np.exp(got), np.cumsum(np.exp(z)), rtol=1e-14)
