"""`torch.special`: special functions, most of them also under their own names in the package."""

from __future__ import annotations

from .ops.activation import sigmoid as expit
from .ops.bessel import i0 as i0
from .ops.bessel import i0e as i0e
from .ops.bessel import i1 as i1
from .ops.bessel import i1e as i1e
from .ops.bessel_second import airy_ai as airy_ai
from .ops.bessel_second import bessel_j0 as bessel_j0
from .ops.bessel_second import bessel_j1 as bessel_j1
from .ops.bessel_second import bessel_y0 as bessel_y0
from .ops.bessel_second import bessel_y1 as bessel_y1
from .ops.bessel_second import modified_bessel_i0 as modified_bessel_i0
from .ops.bessel_second import modified_bessel_i1 as modified_bessel_i1
from .ops.bessel_second import modified_bessel_k0 as modified_bessel_k0
from .ops.bessel_second import modified_bessel_k1 as modified_bessel_k1
from .ops.bessel_second import scaled_modified_bessel_k0 as scaled_modified_bessel_k0
from .ops.bessel_second import scaled_modified_bessel_k1 as scaled_modified_bessel_k1
from .ops.bessel_second import spherical_bessel_j0 as spherical_bessel_j0
from .ops.exponential import exp2 as exp2
from .ops.exponential import expm1 as expm1
from .ops.exponential import log1p as log1p
from .ops.gamma import digamma as digamma
from .ops.gamma import gammaln as gammaln
from .ops.gamma import multigammaln as multigammaln
from .ops.gamma import polygamma as polygamma
from .ops.gamma import psi as psi
from .ops.gamma import zeta as zeta
from .ops.incomplete_gamma import gammainc as gammainc
from .ops.incomplete_gamma import gammaincc as gammaincc
from .ops.polynomials import chebyshev_polynomial_t as chebyshev_polynomial_t
from .ops.polynomials import chebyshev_polynomial_u as chebyshev_polynomial_u
from .ops.polynomials import chebyshev_polynomial_v as chebyshev_polynomial_v
from .ops.polynomials import chebyshev_polynomial_w as chebyshev_polynomial_w
from .ops.polynomials import hermite_polynomial_h as hermite_polynomial_h
from .ops.polynomials import hermite_polynomial_he as hermite_polynomial_he
from .ops.polynomials import laguerre_polynomial_l as laguerre_polynomial_l
from .ops.polynomials import legendre_polynomial_p as legendre_polynomial_p
from .ops.polynomials import shifted_chebyshev_polynomial_t as shifted_chebyshev_polynomial_t
from .ops.polynomials import shifted_chebyshev_polynomial_u as shifted_chebyshev_polynomial_u
from .ops.polynomials import shifted_chebyshev_polynomial_v as shifted_chebyshev_polynomial_v
from .ops.polynomials import shifted_chebyshev_polynomial_w as shifted_chebyshev_polynomial_w
from .ops.reduction import logsumexp as logsumexp
from .ops.rounding import round as round
from .ops.softmax import log_softmax as log_softmax
from .ops.softmax import softmax as softmax
from .ops.special import entr as entr
from .ops.special import erf as erf
from .ops.special import erfc as erfc
from .ops.special import erfcx as erfcx
from .ops.special import erfinv as erfinv
from .ops.special import log_ndtr as log_ndtr
from .ops.special import logit as logit
from .ops.special import ndtr as ndtr
from .ops.special import ndtri as ndtri
from .ops.special import sinc as sinc
from .ops.special import xlog1py as xlog1py
from .ops.special import xlogy as xlogy

__all__ = [
    "airy_ai",
    "bessel_j0",
    "bessel_j1",
    "bessel_y0",
    "bessel_y1",
    "chebyshev_polynomial_t",
    "chebyshev_polynomial_u",
    "chebyshev_polynomial_v",
    "chebyshev_polynomial_w",
    "digamma",
    "entr",
    "erf",
    "erfc",
    "erfcx",
    "erfinv",
    "exp2",
    "expit",
    "expm1",
    "gammainc",
    "gammaincc",
    "gammaln",
    "hermite_polynomial_h",
    "hermite_polynomial_he",
    "i0",
    "i0e",
    "i1",
    "i1e",
    "laguerre_polynomial_l",
    "legendre_polynomial_p",
    "log1p",
    "log_ndtr",
    "log_softmax",
    "logit",
    "logsumexp",
    "modified_bessel_i0",
    "modified_bessel_i1",
    "modified_bessel_k0",
    "modified_bessel_k1",
    "multigammaln",
    "ndtr",
    "ndtri",
    "polygamma",
    "psi",
    "round",
    "scaled_modified_bessel_k0",
    "scaled_modified_bessel_k1",
    "shifted_chebyshev_polynomial_t",
    "shifted_chebyshev_polynomial_u",
    "shifted_chebyshev_polynomial_v",
    "shifted_chebyshev_polynomial_w",
    "sinc",
    "softmax",
    "spherical_bessel_j0",
    "xlog1py",
    "xlogy",
    "zeta",
]
