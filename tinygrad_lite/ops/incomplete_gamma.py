"""The incomplete gamma function in NumPy, and how a gamma variable moves with its shape.

P(a, x) is the probability that a gamma variable of shape a is at most x. If x is drawn by any
method and a changes while P(a, x) is held fixed, x moves by

    dx/da = -(dP/da) / (dP/dx)

which is the derivative that makes gamma samples differentiable (Figurnov, Mohamed and Mnih,
"Implicit reparameterization gradients", 2018). Three ways to compute both, all in float64:

* x <= a + 1: the series P = x^a e^-x / Gamma(a) * sum of c_n, c_0 = 1/a, c_n = c_(n-1) x / (a + n);
* x > a + 1: Lentz's continued fraction of 1 - P, carried along with its derivative by a;
* a > 1000: the Cornish-Fisher expansion of x in powers of 1/sqrt(a), whose normal quantile z is
  found by Newton's method; the others would need sqrt(a) steps.

x is given by its logarithm, since for small a most samples are below the smallest float.
Accuracy of dx/da: 3e-9 relative against numeric derivatives (tests/distributions).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.doors import composed, primitive
from ..core.samples import Integer, Real, sample
from .arguments import as_arrays, floats_only, require_tensor
from .exponential import exp, log
from .gamma import digamma, lgamma
from .special import ndtr

LARGE = 1000.0
VAST = 1e5  # above, the series would take thousands of terms, whose factor has lost nine digits


def log_slope(a: np.ndarray, log_x: np.ndarray) -> np.ndarray:
    """d(log x)/da with P(a, x) held fixed, elementwise, in float64."""
    shape = np.broadcast_shapes(a.shape, log_x.shape)
    a = np.broadcast_to(a, shape).astype(np.float64).ravel()
    log_x = np.broadcast_to(log_x, shape).astype(np.float64).ravel()
    x = np.exp(log_x)
    out = np.empty_like(x)
    large = a > LARGE
    right = ~large & (x > a + 1)
    left = ~large & ~right
    if left.any():
        out[left] = _series(a[left], log_x[left])[1]
    if right.any():
        fraction, slope = _fraction(a[right], x[right])
        out[right] = fraction * (log_x[right] - digamma(a[right])) + slope
    if large.any():
        out[large] = _expansion(a[large], x[large])[1] / x[large]
    return out.reshape(shape)


def regularized(a: np.ndarray, x: np.ndarray, upper: bool = False) -> np.ndarray:
    """P(a, x), elementwise, in float64; 1 - P(a, x) if `upper`, without cancellation."""
    shape = np.broadcast_shapes(a.shape, x.shape)
    a = np.broadcast_to(a, shape).astype(np.float64).ravel()
    x = np.broadcast_to(x, shape).astype(np.float64).ravel()
    out = np.zeros_like(x)
    log_x = np.log(np.maximum(x, np.finfo(float).tiny))
    front = np.exp(a * log_x - x - lgamma(a))
    large = a > VAST
    right = ~large & (x > a + 1)
    left = ~large & ~right & (x > 0)
    if large.any():
        out[large] = _normal(a[large], x[large], upper)
    if left.any():
        below = front[left] * _series(a[left], log_x[left])[0]
        out[left] = 1 - below if upper else below
    if right.any():
        above = front[right] * _fraction(a[right], x[right])[0]
        out[right] = above if upper else 1 - above
    if upper:
        out[x == 0] = 1
    return out.reshape(shape)


def _series(a: np.ndarray, log_x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sum of c_n, and -sum of c_n (log x - psi(a + n + 1)), which is d(log x)/da."""
    x = np.exp(log_x)
    term = 1 / a
    psi = digamma(a) + term  # psi(a + 1)
    total = term.copy()
    slope = term * (psi - log_x)
    for n in range(1, 100_000):
        term = term * x / (a + n)
        psi = psi + 1 / (a + n)
        step = term * (psi - log_x)
        total += term
        slope += step
        # A step can vanish by chance where log x = psi: hence the term as well.
        if (np.abs(step) + term * 1e-3 <= 1e-17 * np.abs(slope) + 1e-17 * total).all():
            break
    return total, slope


def _fraction(a: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """F with 1 - P = x^a e^-x / Gamma(a) * F, and dF/da.

    F = 1 / (x + 1 - a + k_1 / (x + 3 - a + k_2 / ...)), k_i = i (a - i), by the modified Lentz
    method; every variable is followed by its derivative by a (d in front).
    """
    b, db = x + 1 - a, -1.0
    d = 1 / b
    dd = d * d  # -db * d^2
    c, dc = np.full_like(a, np.inf), np.zeros_like(a)  # k / c is 0 in the first round
    h, dh = d.copy(), dd.copy()
    for i in range(1, 10_000):
        k, dk = i * (a - i), float(i)
        b = b + 2
        bottom = b + k * d
        dbottom = db + dk * d + k * dd
        inverse = 1 / c
        dc = db + dk * inverse - k * dc * inverse * inverse
        c = b + k * inverse
        d = 1 / bottom
        dd = -dbottom * d * d
        step, dstep = c * d, dc * d + c * dd
        dh = dh * step + h * dstep
        h = h * step
        if (np.abs(step - 1) < 1e-15).all() and (np.abs(h * dstep) <= 1e-15 * np.abs(dh)).all():
            break
    return h, dh


def _expansion(a: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The normal quantile z of x, and dx/da at fixed z, for large a."""
    r = np.sqrt(a)
    z = (x - a) / r
    for _ in range(5):
        value = a + z * r + (z * z - 1) / 3 + (z**3 - 7 * z) / (36 * r)
        value -= (3 * z**4 + 7 * z * z - 16) / (810 * a)
        slope = r + 2 * z / 3 + (3 * z * z - 7) / (36 * r) - (12 * z**3 + 14 * z) / (810 * a)
        z = z - (value - x) / slope
    by_a = 1 + z / (2 * r) - (z**3 - 7 * z) / (72 * a * r)
    return z, by_a + (3 * z**4 + 7 * z * z - 16) / (810 * a * a)


def _normal(a: np.ndarray, x: np.ndarray, upper: bool) -> np.ndarray:
    """P(a, x) (or 1 - P) of a large a, as the probability of the normal quantile of x."""
    far = (x - a) / np.sqrt(a)
    near = np.abs(far) < 38  # beyond, the smallest float is larger than the probability
    z = _expansion(a, np.where(near, x, a))[0]
    sign = -1.0 if upper else 1.0
    return np.where(near, ndtr(sign * z), (sign * far > 0).astype(np.float64))


def log_draw(rng: np.random.Generator, a: Any) -> np.ndarray:
    """The logarithm of standard gamma variables of shape a, in float64.

    For a < 1 from one of shape a + 1 and a uniform u: x = x' u^(1/a) (Marsaglia and Tsang, 2000),
    where the logarithm does not underflow.
    """
    a = np.asarray(a, np.float64)
    small = a < 1
    log = np.log(rng.standard_gamma(np.where(small, a + 1, a)))
    return np.where(small, log - rng.standard_exponential(a.shape) / a, log)


# -- as functions of Tensors -----------------------------------------------------------------------


def _probability(a: Any, x: Any, upper: bool) -> np.ndarray:
    """P or 1 - P with its limits: a = 0 is all at 0, a = inf all at inf; NaN out of the domain."""
    a, x = np.broadcast_arrays(np.asarray(a, np.float64), np.asarray(x, np.float64))
    usual = (a > 0) & (x >= 0) & np.isfinite(a) & np.isfinite(x)
    value = regularized(np.where(usual, a, 1.0), np.where(usual, x, 1.0), upper)
    one, nought = (0.0, 1.0) if upper else (1.0, 0.0)
    value = np.where(usual, value, np.nan)
    value = np.where((a >= 0) & np.isfinite(a) & (x == np.inf), one, value)
    value = np.where((a == np.inf) & (x >= 0) & np.isfinite(x), nought, value)
    value = np.where((a == 0) & (x > 0), one, value)
    return np.where((a == 0) & (x == 0), np.nan, value)


def _density(a: Any, x: Any) -> Any:
    """dP/dx = x^(a-1) e^-x / Gamma(a)."""
    return exp((a - 1) * log(x) - x - lgamma(a))


def _towards_shape(g: Any) -> Any:
    raise RuntimeError(
        "the derivative for 'input' is not implemented (igamma, igammac); detach() it. "
        "Samples of distributions.Gamma are differentiable by their shape"
    )


@primitive(
    _towards_shape,
    promote="float",
    method=False,
    title="Igamma",
    samples=[sample(Integer(low=1, high=5), smooth=False)],  # whole: its derivative only raises
)
def nought_of_shape(a: Any) -> Any:
    """Zeros like a, whose derivative raises: added to what depends on a, it says so."""
    return np.zeros_like(a)


#: whole shapes, for there is no derivative towards them to test
_PAIR = [sample(Real(low=0.5, high=5.0), Integer(low=1, high=6))]


@primitive(
    lambda g, x, a: g * _density(a, x),
    None,
    broadcasts=True,
    typed=(0, 1),
    promote="float",
    method=False,
    title="Igamma",
    samples=_PAIR,
)
def gamma_below(x: Any, a: Any) -> Any:
    """P(a, x): how likely a gamma variable of shape a is at most x."""
    x, a = as_arrays(x, a)
    return np.asarray(_probability(a, x, False), x.dtype)


@primitive(
    lambda g, x, a: -g * _density(a, x),
    None,
    broadcasts=True,
    typed=(0, 1),
    promote="float",
    method=False,
    title="Igammac",
    samples=_PAIR,
)
def gamma_above(x: Any, a: Any) -> Any:
    """1 - P(a, x), accurate where that is small."""
    x, a = as_arrays(x, a)
    return np.asarray(_probability(a, x, True), x.dtype)


def _of_shape(name: str, function: Any, input: Any, other: Any) -> Any:
    require_tensor(name, input)
    require_tensor(name, other, "other", 2)
    floats_only(f"{name}_cpu")(input.array, other.array)
    out = function(other, input.detach())
    return out + nought_of_shape(input) if input.requires_grad else out


@composed(inplace=True)
def igamma(input: Any, other: Any) -> Any:
    """P(input, other), the lower incomplete gamma function over Gamma(input).

    Its derivative towards `input` raises, as in PyTorch.
    """
    return _of_shape("igamma", gamma_below, input, other)


@composed(inplace=True)
def igammac(input: Any, other: Any) -> Any:
    """1 - P(input, other), accurate where that is small.

    Its derivative towards `input` raises, as in PyTorch.
    """
    return _of_shape("igammac", gamma_above, input, other)


gammainc, gammaincc = igamma, igammac
