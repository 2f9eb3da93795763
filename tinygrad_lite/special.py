"""`torch.special`: special functions, most of them also under their own names in the package."""

from __future__ import annotations

from .ops.activation import log_softmax as log_softmax
from .ops.activation import sigmoid as expit
from .ops.activation import softmax as softmax
from .ops.bessel import i0 as i0
from .ops.bessel import i0e as i0e
from .ops.bessel import i1 as i1
from .ops.bessel import i1e as i1e
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
from .ops.reduction import logsumexp as logsumexp
from .ops.rounding import round as round
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
    "i0",
    "i0e",
    "i1",
    "i1e",
    "log1p",
    "log_ndtr",
    "log_softmax",
    "logit",
    "logsumexp",
    "multigammaln",
    "ndtr",
    "ndtri",
    "polygamma",
    "psi",
    "round",
    "sinc",
    "softmax",
    "xlog1py",
    "xlogy",
    "zeta",
]
