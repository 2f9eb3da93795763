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


def test_zeta_below_nought():
    """zeta(s, q) = q^-s + zeta(s, q + 1) for whole s, wherever q is not a pole."""
    q = tl.tensor([-1.5, -0.25, -7.75, 2.5], dtype=tl.float64)
    for s in (2.0, 3.0):
        got = tl.special.zeta(tl.tensor(s, dtype=tl.float64), q).numpy()
        above = tl.special.zeta(tl.tensor(s, dtype=tl.float64), q + 1).numpy()
        np.testing.assert_allclose(got, q.numpy() ** -s + above, rtol=1e-13)
    shape = tl.tensor([2.0, 2.5, 2.0], dtype=tl.float64)
    at = tl.special.zeta(shape, tl.tensor([-2.0, -1.5, -1e9 - 0.5], dtype=tl.float64)).numpy()
    np.testing.assert_array_equal(at, [np.inf, np.nan, np.nan])


def test_a_singular_matrix_has_no_factors_unless_its_info_is_read():
    singular = tl.zeros(2, 3, 3)
    with pytest.raises(RuntimeError, match=r"U\[1,1\] is zero"):
        tl.linalg.lu_factor(singular)
    with pytest.raises(RuntimeError, match=r"U\[1,1\] is zero"):
        tl.lu(singular)
    assert tl.linalg.lu_factor_ex(singular).info.tolist() == [1, 1]
    assert tl.lu(singular, get_infos=True)[2].tolist() == [1, 1]


def test_as_strided_in_place_is_a_write():
    leaf = tl.ones(4, requires_grad=True)
    with pytest.raises(RuntimeError, match="a leaf Variable"):
        leaf.as_strided_((2,), (1,))
    y = leaf * 3
    y.as_strided_((2,), (2,))
    y.sum().backward()
    assert leaf.grad.tolist() == [3, 0, 3, 0]


def test_sizes_and_ranges_that_make_no_sense():
    with pytest.raises(RuntimeError, match="not finite"):
        tl.histogramdd(tl.full((3, 2), float("nan")), [2, 3])
    with pytest.raises(RuntimeError, match="must not be negative"):
        tl.empty_strided((2, 3), (-1, 2))
