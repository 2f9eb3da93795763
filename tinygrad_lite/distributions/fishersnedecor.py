"""The F distribution."""

from __future__ import annotations

import math
from typing import Any

from ..core.dtypes import finfo
from ..core.tensor import Tensor
from ..ops.gamma import lgamma
from ..ops.selection import where
from . import constraints
from .distribution import Elementwise
from .gamma import Gamma


class FisherSnedecor(Elementwise):
    """(x / df1) / (y / df2) for x ~ Chi2(df1), y ~ Chi2(df2)."""

    arg_constraints = {"df1": constraints.positive, "df2": constraints.positive}
    support = constraints.positive
    has_rsample = True
    df1: Tensor
    df2: Tensor

    def __init__(self, df1: Any, df2: Any, validate_args: bool | None = None) -> None:
        super().__init__(validate_args, df1=df1, df2=df2)

    @property
    def mean(self) -> Tensor:
        df2 = where(self.df2 <= 2, math.nan, self.df2)
        return df2 / (df2 - 2)

    @property
    def mode(self) -> Tensor:
        mode = (self.df1 - 2) / self.df1 * self.df2 / (self.df2 + 2)
        return where(self.df1 <= 2, math.nan, mode)

    @property
    def variance(self) -> Tensor:
        m, n = self.df1, where(self.df2 <= 4, math.nan, self.df2)
        return 2 * n**2 * (m + n - 2) / (m * (n - 2) ** 2 * (n - 4))

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        tiny = finfo(self.df1.dtype).tiny
        first = Gamma(self.df1 / 2, self.df1, validate_args=False).rsample(sample_shape)
        second = Gamma(self.df2 / 2, self.df2, validate_args=False).rsample(sample_shape)
        return (first / second.clamp(min=tiny)).clamp(min=tiny)

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        a, b, ratio = self.df1 / 2, self.df2 / 2, self.df1 / self.df2
        constant = lgamma(a + b) - lgamma(a) - lgamma(b) + a * ratio.log()
        return constant + (a - 1) * value.log() - (a + b) * (ratio * value).log1p()
