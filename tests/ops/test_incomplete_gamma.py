"""igamma and igammac against closed forms, and their limits."""

from __future__ import annotations

import math

import numpy as np
import pytest

import tinygrad_lite as tl


@pytest.mark.parametrize("a", [1, 2, 5, 30])
def test_of_a_whole_shape(a: int) -> None:
    """1 - P(n, x) = e^-x sum of x^k / k!, k < n."""
    x = np.linspace(0.1, 60.0, 40)
    upper = np.exp(-x) * sum(x**k / math.factorial(k) for k in range(a))
    shape = tl.full((40,), float(a), dtype=tl.float64)
    np.testing.assert_allclose(tl.igammac(shape, tl.from_numpy(x)).numpy(), upper, rtol=1e-12)
    np.testing.assert_allclose(tl.igamma(shape, tl.from_numpy(x)).numpy(), 1 - upper, atol=1e-13)


def test_both_ways_meet_where_the_method_changes() -> None:
    for a in (999.0, 1e5 - 1, 1e5 + 1, 1e9):
        x = a + np.array([-2.0, 0.0, 1.5]) * math.sqrt(a)
        shape = tl.full((3,), a, dtype=tl.float64)
        both = tl.igamma(shape, tl.from_numpy(x)) + tl.igammac(shape, tl.from_numpy(x))
        np.testing.assert_allclose(both.numpy(), 1.0, atol=1e-9)


def test_limits() -> None:
    nan, inf = math.nan, math.inf
    a = tl.tensor([0.0, 0.0, inf, inf, 2.0, 2.0, -1.0, 1.0], dtype=tl.float64)
    x = tl.tensor([0.0, 1.0, 1.0, inf, 0.0, inf, 1.0, -1.0], dtype=tl.float64)
    np.testing.assert_array_equal(tl.igamma(a, x).numpy(), [nan, 1, 0, nan, 0, 1, nan, nan])
    np.testing.assert_array_equal(tl.igammac(a, x).numpy(), [nan, 0, 1, nan, 1, 0, nan, nan])


def test_the_shape_has_no_derivative_and_says_so() -> None:
    a = tl.tensor([2.0], requires_grad=True)
    x = tl.tensor([1.0], requires_grad=True)
    with pytest.raises(RuntimeError, match="derivative for 'input' is not implemented"):
        tl.igamma(a, x).sum().backward()
    tl.igamma(a.detach(), x).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), math.exp(-1.0), rtol=1e-6)
