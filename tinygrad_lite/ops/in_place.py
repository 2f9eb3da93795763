"""The in-place forms that PyTorch also has as functions: `torch.abs_(x)` is `x.abs_()`."""

from __future__ import annotations

from typing import Any

from ..core.tensor import Tensor
from . import bessel, bitwise, conversion, gamma, rounding, selection, special, trigonometric

#: the modules that declare the methods below; imported for that
DECLARED = (bessel, bitwise, conversion, gamma, rounding, selection, special, trigonometric)


def _function(name: str) -> Any:
    return Tensor.__dict__[name]


abs_ = _function("abs_")
acos_ = _function("acos_")
acosh_ = _function("acosh_")
arccos_ = _function("arccos_")
arccosh_ = _function("arccosh_")
arcsin_ = _function("arcsin_")
arcsinh_ = _function("arcsinh_")
arctan_ = _function("arctan_")
arctanh_ = _function("arctanh_")
asin_ = _function("asin_")
asinh_ = _function("asinh_")
atan_ = _function("atan_")
atanh_ = _function("atanh_")
ceil_ = _function("ceil_")
clamp_ = _function("clamp_")
clamp_max_ = _function("clamp_max_")
clamp_min_ = _function("clamp_min_")
clip_ = _function("clip_")
cos_ = _function("cos_")
cosh_ = _function("cosh_")
deg2rad_ = _function("deg2rad_")
erf_ = _function("erf_")
erfc_ = _function("erfc_")
exp_ = _function("exp_")
exp2_ = _function("exp2_")
expm1_ = _function("expm1_")
fill_ = _function("fill_")
fix_ = _function("fix_")
floor_ = _function("floor_")
frac_ = _function("frac_")
gcd_ = _function("gcd_")
i0_ = _function("i0_")
lcm_ = _function("lcm_")
log_ = _function("log_")
log10_ = _function("log10_")
log1p_ = _function("log1p_")
log2_ = _function("log2_")
logit_ = _function("logit_")
nan_to_num_ = _function("nan_to_num_")
neg_ = _function("neg_")
negative_ = _function("negative_")
rad2deg_ = _function("rad2deg_")
reciprocal_ = _function("reciprocal_")
round_ = _function("round_")
rsqrt_ = _function("rsqrt_")
sin_ = _function("sin_")
sinc_ = _function("sinc_")
sinh_ = _function("sinh_")
sqrt_ = _function("sqrt_")
square_ = _function("square_")
tan_ = _function("tan_")
trunc_ = _function("trunc_")
xlogy_ = _function("xlogy_")
zero_ = _function("zero_")
