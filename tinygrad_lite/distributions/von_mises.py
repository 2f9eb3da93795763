"""The von Mises distribution: a normal distribution on the circle."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core.random import numpy_generator
from ..core.tensor import Tensor, make
from ..ops.bessel import i0e, i1e
from . import constraints
from .distribution import Elementwise


class VonMises(Elementwise):
    """p(x) = exp(k cos(x - loc)) / (2 pi I0(k)) for angles x, k the concentration.

    `variance` is the circular one, 1 - I1(k) / I0(k). The Bessel functions are exact to rounding,
    where PyTorch's are polynomials good to 1e-7.
    """

    arg_constraints = {"loc": constraints.real, "concentration": constraints.positive}
    support = constraints.real
    loc: Tensor
    concentration: Tensor

    def __init__(self, loc: Any, concentration: Any, validate_args: bool | None = None) -> None:
        super().__init__(validate_args, loc=loc, concentration=concentration)

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        return 1 - i1e(self.concentration) / i0e(self.concentration)

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        k = self.concentration
        return k * ((value - self.loc).cos() - 1) - math.log(2 * math.pi) - i0e(k).log()

    def sample(self, sample_shape: Any = ()) -> Tensor:
        """By rejection from a wrapped Cauchy distribution (Best and Fisher 1979)."""
        shape = self._extended_shape(sample_shape)
        k = np.broadcast_to(self.concentration.array.astype(np.float64), shape)
        tau = 1 + np.sqrt(1 + 4 * k * k)
        rho = (tau - np.sqrt(2 * tau)) / (2 * k)
        r = np.where(k < 1e-5, 1 / k + k, (1 + rho * rho) / (2 * rho))
        angle, todo = np.zeros(shape), np.ones(shape, bool)
        generator = numpy_generator()
        while todo.any():
            u1, u2, u3 = generator.random((3, *shape))
            z = np.cos(np.pi * u1)
            f = (1 + r * z) / (r + z)
            c = k * (r - f)
            taken = todo & ((c * (2 - c) > u2) | (np.log(c / u2) + 1 - c >= 0))
            angle = np.where(taken, np.sign(u3 - 0.5) * np.arccos(np.clip(f, -1, 1)), angle)
            todo &= ~taken
        turned = (angle + np.pi + self.loc.array) % (2 * np.pi) - np.pi
        return make(turned.astype(self.loc.array.dtype))
