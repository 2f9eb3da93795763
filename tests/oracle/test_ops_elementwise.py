"""Elementwise functions against PyTorch: value, gradient, second derivative, errors."""

from __future__ import annotations

import numpy as np
import pytest

from tests.oracle.compare import cases, compare, compare_errors

SMOOTH = """
x.add(2, y); torch.add(x, 2, y); x.sub(0.5, y); x.addcmul(2, y, p); torch.addcdiv(x, 2, y, p)
x.clone().add_(-0.1, y); x.clone().addcdiv_(-1, y, p); x.clone().addcmul_(0.5, y, y); x + y
x + row; x + col; x + s; s + x; x + 2; 2 + x; x + 2.5; x + True; torch.add(x, y, alpha=3)
torch.add(x, row, alpha=0.5); x.add(y, alpha=-1); torch.add(input=x, other=y); x + i; i + x; f + x
x - y; x - row; row - x; x - 1; 1 - x; 2.5 - x; torch.sub(x, y, alpha=2); torch.rsub(x, y)
torch.rsub(x, 2); torch.subtract(x, y, alpha=0.5); x.sub(y); x - i; -x; torch.neg(x)
torch.negative(x); x * y; x * row; x * col; x * s; s * x; x * 2; 2 * x; x * i; x * m
torch.multiply(x, y); x.mul(3); x / p; x / 2; 2 / p; x / j; torch.div(x, p); torch.divide(x, p)
torch.true_divide(x, p); x.div(p); x.true_divide(2); s / p; row / col; p ** 2; x ** 2; x ** 3
p ** 0.5; p ** -1; p ** -0.5; x ** 0; p ** q; 2 ** x; p ** x; p ** row; 2.5 ** x; torch.pow(x, 2)
torch.pow(2, x); torch.pow(p, q); x.pow(3); p.pow(exponent=1.5); torch.pow(x, j.abs())
torch.square(x); torch.sqrt(p); torch.rsqrt(p); torch.reciprocal(p); p.sqrt(); p.rsqrt()
torch.float_power(p, 2); torch.float_power(p, q); torch.float_power(2, x); torch.exp(x)
torch.exp2(x); torch.expm1(x); torch.log(p); torch.log2(p); torch.log10(p); torch.log1p(p)
x.exp(); p.log(); p.log10(); torch.logaddexp(x, y); torch.logaddexp2(x, y)
torch.logaddexp(big, y); torch.sin(x); torch.cos(x); torch.tan(u); torch.asin(u); torch.acos(u)
torch.atan(x); torch.atan2(x, y); torch.sinh(x); torch.cosh(x); torch.tanh(x); torch.asinh(x)
torch.acosh(p + 1); torch.atanh(u); torch.arcsin(u); torch.arccos(u); torch.arctan(x)
torch.arctan2(x, y); torch.arcsinh(x); torch.arccosh(p + 1); torch.arctanh(u); torch.hypot(x, y)
torch.deg2rad(x); torch.rad2deg(x); torch.erf(x); torch.erfc(x); torch.erfinv(u); torch.lgamma(p)
torch.digamma(p); torch.polygamma(1, p); torch.polygamma(2, p); p.polygamma(1)
torch.mvlgamma(p + 2, 3); torch.special.multigammaln(p + 2, 2); torch.sinc(x); torch.i0(x)
torch.special.i0e(x); torch.special.i1(x); torch.special.i1e(x); torch.logit(v)
torch.logit(v, eps=0.2); torch.logit(v, 0.01); torch.special.expit(x); torch.xlogy(x, p)
torch.xlogy(x, 2.0); torch.special.xlog1py(x, p); torch.special.xlogy(2, p); torch.special.entr(p)
torch.special.erfcx(x); torch.special.ndtr(x); torch.special.ndtri(v); torch.special.log_ndtr(x)
torch.special.gammaln(p); torch.special.psi(p); torch.special.exp2(x); torch.sigmoid(x)
x.sigmoid(); torch.sigmoid(big); torch.nn.functional.logsigmoid(x); torch.lerp(x, y, 0.3)
torch.lerp(x, y, p); torch.lerp(x, y, s); x.lerp(y, 0.9); torch.addcmul(x, y, p)
torch.addcmul(x, y, p, value=0.5); torch.addcdiv(x, y, p); torch.addcdiv(x, y, p, value=-2)
x.addcmul(row, col); torch.addcmul(x, row, col, value=2); torch.softmax(x, 0)
torch.softmax(x, dim=-1); x.softmax(1); torch.softmax(z, 1); torch.softmax(big, 1)
torch.log_softmax(x, 0); torch.log_softmax(x, dim=1); z.log_softmax(-1); torch.log_softmax(big, 1)
torch.softmax(i, 0, dtype=torch.float64); torch.softmax(x, 1, dtype=torch.float32)
torch.softmax(s, 0); torch.special.softmax(x, 1); torch.special.log_softmax(x, dim=0)
torch.log_softmax(s, -1); torch.where(m, x, y); torch.where(m, x, 0.0); torch.where(m, 1.0, x)
torch.where(m, x, row); torch.where(x > 0, x, s); x.where(m, y); torch.where(m, x, i)
torch.where(m[0], x, col); torch.where(p > 1, torch.log(p), torch.sqrt(p)); torch.where(m, i, 2.5)
torch.where(m, 1, 2)
"""

KINKED = """
torch.abs(x); abs(x); torch.absolute(x); zeros.abs(); torch.sign(zeros); x.sign()
torch.copysign(x, y); torch.copysign(x, -1.0); torch.copysign(zeros, y[:, :4]); torch.signbit(odd)
torch.floor(x); torch.ceil(x); torch.trunc(x); torch.fix(x); torch.round(x); torch.frac(x)
x.round(); torch.round(x, decimals=2); torch.round(big, decimals=-1); x.floor(); x.ceil()
torch.round(zeros); torch.floor(i); torch.ceil(i); torch.round(i); torch.trunc(i)
torch.div(x, p, rounding_mode='floor'); torch.div(x, p, rounding_mode='trunc')
torch.div(i, j, rounding_mode='trunc'); torch.div(i, j, rounding_mode='floor')
torch.div(i, 2.5, rounding_mode='floor'); i // j; i // 3; i // -3; x % p; x % 0.7; -x % 0.7
torch.remainder(x, p); torch.fmod(x, p); torch.fmod(x, 0.7); i % j; torch.fmod(i, j); i % 3
i % -3; torch.remainder(-5, j); odd % 2.0; torch.fmod(odd, 2.0); i // 2.5; i % 2.5; b // 3; b % 7
torch.fmod(i, -3); torch.maximum(x, y); torch.minimum(x, y); torch.maximum(x, row)
torch.maximum(ties, ties); torch.maximum(ties, ties.flip(0)); torch.minimum(ties, ties.flip(1))
torch.fmax(ties, ties.flip(0)); torch.fmax(x, y); torch.fmin(x, y); torch.fmax(odd, x)
torch.fmin(x, odd); torch.maximum(odd, x); torch.minimum(x, odd); torch.max(x, y); torch.min(x, y)
torch.max(x, other=y); torch.maximum(i, j); torch.maximum(i, x); torch.fmin(i, j)
torch.min(ties, ties.flip(0)); torch.clamp(x, -0.5, 0.5); torch.clamp(x, min=-0.5)
torch.clamp(x, max=0.5); x.clamp(0); x.clip(-1, 1); torch.clamp(zeros, 0, 2)
torch.clamp(zeros, min=0); torch.clamp(zeros, max=0); x.clamp(0.5, -0.5); torch.clamp(x, y, y + 1)
torch.clamp(x, min=row); torch.clamp(x, max=col); torch.clamp(x, y, y - 1)
torch.clamp(zeros, zeros, zeros); torch.clip(x, max=0.1); torch.clamp_min(x, 0.2)
torch.clamp_max(x, 0.2); torch.clamp(i, 0, 2); torch.clamp(i, 0.5); torch.clamp(i, max=j)
torch.clamp(odd, -1, 1); x.clamp_min(0); torch.relu(x); x.relu(); torch.relu(zeros); torch.relu(i)
torch.relu(odd); torch.celu(x); torch.celu(x, 0.7); torch.selu(x); torch.threshold(x, 0.1, 20)
torch.heaviside(i, j); torch.nan_to_num(odd); torch.nan_to_num(odd, 1.0, 2.0, 3.0)
torch.nan_to_num(odd, nan=7.0); i.nan_to_num(); torch.masked_fill(x, m, 0.5); x.masked_fill(m, s)
x.masked_fill(m[0], 1); i.masked_fill(m, 3); x.masked_fill(m, -math.inf)
torch.where(odd > 0, odd.log(), x); torch.where(x > 9, 1 / zeros, x); torch.sqrt(zeros.abs())
torch.rsqrt(zeros); zeros ** 0.5; zeros ** 0; zeros ** zeros; zeros ** 2; zeros ** 1; 0 ** zeros
zeros ** -1; torch.log(zeros); 1 / zeros; zeros / zeros; torch.log1p(-p)
torch.atan2(zeros * 0, zeros * 0); torch.hypot(zeros, zeros * 0); torch.sinc(zeros)
torch.xlogy(zeros, x); torch.xlogy(zeros, zeros); torch.special.xlog1py(zeros, x)
torch.special.entr(zeros); torch.logit(zeros); torch.logit(x, eps=0.3); torch.erfinv(zeros)
torch.lgamma(zeros); torch.digamma(zeros.abs() + 0.5); torch.logaddexp(low, low); torch.exp(odd)
torch.tanh(odd); torch.sigmoid(odd); torch.erf(odd); torch.expm1(odd); torch.atan(odd)
torch.asinh(odd); torch.cosh(odd); torch.softmax(odd, 1); torch.softmax(low, 1)
torch.log_softmax(low, 0); torch.softmax(e, 1); torch.log_softmax(e, 0); x.relu() + x.abs()
torch.float_power(i, 2); torch.positive(x); +x
"""

INTEGERS = """
i + j; i - j; i * j; i / j; i ** 2; i ** k; 2 ** k; i ** 0.5; -i; i + 1; i + 1.5; i * True; m + 1
m * 2; m + m; m * n; m + 1.5; m / n.float().add(1); m & n; m | n; m ^ n; ~m; ~i; i & j; i | j
i ^ j; b & 15; b | 3; b ^ b; i << 2; i >> 1; i << k; i >> k; 1 << k; b << 1; b >> 3; i << 70
i >> 70; -i >> 70; torch.bitwise_and(i, j); torch.bitwise_or(i, 7); torch.bitwise_xor(b, 1)
torch.bitwise_not(b); torch.bitwise_left_shift(i, k); torch.bitwise_right_shift(i, k); i32 << k
torch.gcd(i, j); torch.lcm(i, j); torch.exp(i); torch.sqrt(k); torch.sigmoid(i); torch.sin(m)
torch.log(k); torch.erf(i); torch.tanh(b); torch.reciprocal(j); torch.rsqrt(k + 1)
torch.square(i); torch.square(m); torch.abs(i); torch.sign(i); torch.sign(m); torch.neg(i32)
torch.abs(i32); torch.lgamma(k); torch.logaddexp(x, i); torch.atan2(i, j); i == j; i != j; i < j
i <= j; i > j; i >= j; x == y; x < 0; x > s; 0 < x; x >= row; i == 2.5; b == 255; torch.eq(x, y)
torch.ne(x, 0); torch.lt(x, y); torch.le(x, y); torch.gt(x, y); torch.ge(x, y)
torch.greater(x, y); torch.greater_equal(x, 1); torch.less(x, y); torch.less_equal(i, x)
torch.not_equal(i, j); m == n; m != True; m < n; x == x; odd == odd; odd != odd; x.eq(0); i.ge(0)
torch.logical_and(m, n); torch.logical_or(x, m); torch.logical_xor(i, k); torch.logical_not(zeros)
m.logical_and(n); torch.logical_not(m); torch.isnan(odd); torch.isinf(odd); torch.isfinite(odd)
torch.isposinf(odd); torch.isneginf(odd); torch.isreal(odd); torch.isnan(i); torch.isfinite(i)
odd.isnan(); torch.isclose(x, x + 1e-9); torch.isclose(x, y, rtol=0.5)
torch.isclose(odd, odd, equal_nan=True); torch.isclose(odd, odd); torch.isclose(i, j, atol=2)
torch.allclose(x, x + 1e-9); torch.allclose(x, y); torch.allclose(odd, odd, equal_nan=True)
torch.equal(x, x); torch.equal(x, y); torch.equal(x, row); torch.isin(i, torch.tensor([1, 2]))
torch.isin(i, j, invert=True); torch.isin(i, 3); torch.isin(2, i); torch.clamp(i, 1, 3)
torch.where(m, i, j); torch.where(m, i, 0); torch.where(m, b, i); torch.where(m)
torch.nan_to_num(i); i.float() / 2; i.double() % 2.5; torch.fmod(b, 7); torch.remainder(b, 7)
b + 250; b * 2; b - 200; -b; b.neg(); torch.add(b, 3, alpha=100); torch.add(m, n, alpha=True)
m.sum() - 1; torch.div(b, 7, rounding_mode='trunc'); torch.div(i, 3, rounding_mode='floor')
torch.floor_divide(i, -3)
"""

# PyTorch has no derivative for these (it raises where one is asked for); here it is 0.
VALUES = """
x // p; x // 0.5; 2 // p; torch.floor_divide(x, p); 5 % p; 2.0 // zeros; 2.0 % zeros
zeros // zeros; torch.heaviside(zeros, y); torch.heaviside(x, y); torch.special.zeta(p + 1, q)
torch.sgn(zeros); x.clone().floor_divide_(0.7); x.clone().asinh_(); x.clone().heaviside_(y)
odd // 2.0; i.masked_fill(m, 1.5); x.clone().eq_(y); x.clone().gt_(0); x.clone().le_(y)
x.clone().logical_not_(); x.clone().logical_and_(y); x.clone().greater_(y)
x.clone().not_equal_(0); x.clone().sgn_(); m << 1; m >> 1; k << m
"""

IN_PLACE = """
x.clone().add_(y); x.clone().add_(2, alpha=3); x.clone().sub_(row); x.clone().mul_(y)
x.clone().div_(p); x.clone().pow_(2); p.clone().sqrt_(); x.clone().exp_(); p.clone().log_()
x.clone().neg_(); p.clone().rsqrt_(); x.clone().abs_(); x.clone().sin_(); x.clone().tanh_()
x.clone().sigmoid_(); x.clone().relu_(); x.clone().clamp_(-0.5, 0.5); x.clone().clip_(max=0)
x.clone().clamp_min_(0.1); x.clone().floor_(); x.clone().round_(); x.clone().trunc_()
x.clone().frac_(); x.clone().remainder_(0.7); x.clone().fmod_(0.7); x.clone().masked_fill_(m, 2.0)
x.clone().lerp_(y, 0.3); x.clone().addcmul_(y, p); x.clone().addcdiv_(y, p, value=2)
x.clone().reciprocal_(); x.clone().square_(); x.clone().erf_(); u.clone().erfinv_()
x.clone().expm1_(); p.clone().log1p_(); p.clone().log2_(); p.clone().log10_(); x.clone().atan_()
x.clone().atan2_(y); u.clone().asin_(); u.clone().acos_(); x.clone().cos_(); u.clone().tan_()
x.clone().sinh_(); x.clone().cosh_(); p.clone().lgamma_(); p.clone().digamma_()
v.clone().logit_(); x.clone().sinc_(); x.clone().i0_(); i.clone().bitwise_and_(3)
i.clone().bitwise_or_(k); i.clone().bitwise_xor_(1); i.clone().bitwise_not_(); i.clone().add_(1)
i.clone().floor_divide_(3); i.clone().remainder_(3); i.clone().pow_(2); m.clone().mul_(n)
x.clone().copysign_(y); x.clone().hypot_(y); x.clone().xlogy_(p); x.clone().nan_to_num_()
i.clone().gcd_(j); x.clone().multiply_(2); x.clone().subtract_(y); x.clone().divide_(2)
x.clone().true_divide_(2); x.clone().negative_(); x.clone().absolute_(); x.clone().sign_()
x.clone().ceil_(); x.clone().deg2rad_(); x.clone().exp2_(); x.clone().float_power_(2)
x.clone().cumsum_(1); x.clone().cumprod_(0); x.clone().arctan_(); torch.relu_(x.clone())
torch.selu_(x.clone()); torch.celu_(x.clone()); x.clone().fill_(2); x.clone().fill_(s)
x.clone().zero_(); x.clone().copy_(row); x.clone().copy_(i)
"""

# PyTorch words these as a listing of signatures; only the type is compared.
ERROR_TYPES = """
torch.where([True], x, y); torch.isin(1, 2); torch.add(x); x.exp(1, 2, 3); torch.where(m, 'a', x)
torch.special.ndtr(1.0); torch.pow(2, 3); torch.exp(); torch.atan2(x); torch.clamp(x, 'a')
torch.lerp(x)
"""

ERRORS = """
torch.exp(2.0); torch.sin(3); torch.log([1.0]); x + 'a'; x * None; x + [1]; x - {}; x / 'b'; m - n
m - 1; 1 - m; x - m; m - x; -m; torch.neg(m); +m; torch.add(i, i, alpha=1.5)
torch.sub(i, j, alpha=0.5); i ** -1; i // 0; i % 0; torch.fmod(i, 0); i // torch.zeros_like(i)
i % torch.zeros_like(i); torch.div(i, 0, rounding_mode='floor')
torch.div(x, y, rounding_mode='up'); torch.div(i, 0, rounding_mode='trunc'); x + torch.ones(3, 5)
x * torch.ones(2, 4); torch.maximum(x, torch.ones(5)); torch.pow(x, torch.ones(7))
torch.where(m, x, torch.ones(5)); x & y; x | 1; x ^ y; ~x; x << 1; x >> y; torch.bitwise_not(x)
torch.bitwise_and(x, y); torch.gcd(x, y); torch.floor(m); torch.ceil(m); torch.round(m)
torch.trunc(m); torch.frac(i); torch.abs(m); torch.relu(m); torch.clamp(x); x.clamp()
torch.where(x, x, y); torch.where(i, x, y); x.masked_fill(i, 0.0); x.masked_fill(m, row)
torch.softmax(i, 0); torch.log_softmax(i, 1); torch.softmax(x, 2); torch.softmax(x, -3)
x.log_softmax(5); torch.isclose(x, i); torch.isclose(x, y, rtol=-1); torch.isclose(x, y, atol=-1)
torch.allclose(x, i); torch.equal(x, 1); torch.lerp(x, f, 0.5); torch.lerp(i, j, 0.5)
torch.addcdiv(i, j, k); torch.polygamma(-1, p); torch.mvlgamma(p, 0)
x.clone().add_(torch.ones(2, 3, 4)); i.clone().add_(1.5); i.clone().div_(2); m.clone().add_(1)
x.add_(1); x.mul_(2); x.relu_(); x.zero_(); x.fill_(1); x.copy_(y); i.clone().copy_([1])
x.clone().fill_(row); x.clone().copy_(torch.ones(5)); i.clone().sqrt_(); torch.celu(x, 0.0)
torch.round(i, decimals=2); torch.exp(x, x); torch.sin(x, dim=1); torch.relu(1)
torch.sigmoid(None); torch.tanh('a'); torch.full((2,), 1) << 1.5; torch.lcm(x, y)
torch.nan_to_num(1.0); torch.sign([1]); x.expand(3, 4)[0].expand(3, 4).add_(1)
torch.ones(1).expand(3).mul_(2)
"""


@pytest.mark.parametrize("expression", cases(SMOOTH))
def test_smooth(expression: str) -> None:
    compare(expression)


@pytest.mark.parametrize("expression", cases(SMOOTH))
def test_smooth_float32(expression: str) -> None:
    compare(expression, order=1, wide=np.float32)


@pytest.mark.parametrize("expression", cases(KINKED))
def test_kinked(expression: str) -> None:
    compare(expression, order=1)


@pytest.mark.parametrize("expression", cases(VALUES))
def test_values(expression: str) -> None:
    compare(expression, order=0)


@pytest.mark.parametrize("expression", cases(INTEGERS))
def test_integers_and_bools(expression: str) -> None:
    compare(expression, order=1)


@pytest.mark.parametrize("expression", cases(IN_PLACE))
def test_in_place(expression: str) -> None:
    compare(expression, order=1)


@pytest.mark.parametrize("expression", cases(ERRORS))
def test_errors(expression: str) -> None:
    compare_errors(expression)


@pytest.mark.parametrize("expression", cases(ERROR_TYPES))
def test_error_types(expression: str) -> None:
    compare_errors(expression, words=0)
