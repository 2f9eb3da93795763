"""Numbers drawn into a Tensor that is there already."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.inplace import require_writable, store
from ..core.random import numpy_generator
from ..core.tensor import Tensor, bind, make
from .arguments import kind, no_kernel, unsupported
from .random import (
    bernoulli,
    floating,
    integers,
    multinomial,
    require_spread,
    standard_normal,
    uniform,
)


def _filled(self: Tensor, values: Any, by: str) -> Tensor:
    """`values` stored into `self`, which from then on does not depend on anything."""
    require_writable(self)
    return store(self, make(np.asarray(values).astype(self.array.dtype, copy=False)), by)


def _float_dtype(self: Tensor, check: str) -> Any:
    return floating(check, self.dtype)


def _continuous(self: Tensor, name: str) -> None:
    if self.array.dtype.kind != "f":
        raise RuntimeError(
            f"{name} distribution is a continuous probability distribution. dtype must be a "
            f"floating point but you specified {kind(self.array.dtype)}"
        )


def normal_(self: Tensor, mean: float = 0, std: float = 1, *, generator: Any = None) -> Tensor:
    """Fill with normal numbers."""
    require_spread(std)
    dtype = _float_dtype(self, "normal_kernel_cpu")
    draw = standard_normal(numpy_generator(generator), self.array.shape, dtype)
    if (mean, std) != (0, 1):
        draw *= std
        draw += mean
    return _filled(self, draw, "normal_")


def uniform_(self: Tensor, *bounds: float, generator: Any = None, **named: Any) -> Tensor:
    """uniform_(from=0, to=1): fill with numbers uniform in [from, to)."""
    low = bounds[0] if bounds else named.pop("from", 0.0)
    high = bounds[1] if len(bounds) > 1 else named.pop("to", 1.0)
    if low > high:
        raise RuntimeError(
            f"uniform_ expects to return a [from, to) range, but found from={low:g} > to={high:g}"
        )
    dtype = _float_dtype(self, "check_uniform_bounds")
    draw = uniform(numpy_generator(generator), self.array.shape, dtype)
    start = low * (1 + 1j) if dtype.kind == "c" else low
    if (low, high) != (0, 1):
        draw *= high - low
        draw += start
    return _filled(self, draw, "uniform_")


def exponential_(self: Tensor, lambd: float = 1, *, generator: Any = None) -> Tensor:
    """Fill with exponential numbers of rate `lambd`."""
    if lambd <= 0:
        raise RuntimeError(f"exponential_ expects lambda > 0.0, but found lambda={lambd:g}")
    _continuous(self, "Exponential")
    draw = numpy_generator(generator).standard_exponential(self.array.shape)
    return _filled(self, draw / lambd, "exponential_")


def bernoulli_(self: Tensor, p: Any = 0.5, *, generator: Any = None) -> Tensor:
    """Fill with 1 with probability `p` (a number or a Tensor), else 0."""
    if self.array.dtype.kind == "c":
        which = "tensor_cpu_self" if isinstance(p, Tensor) else "scalar_cpu"
        raise no_kernel(f"bernoulli_{which}_", self.array.dtype)
    if isinstance(p, Tensor) and p.array.dtype.kind != "f":
        raise no_kernel("bernoulli_tensor_cpu_p_", p.array.dtype)
    chance = p.array if isinstance(p, Tensor) else p
    if not np.all((np.asarray(chance) >= 0) & (np.asarray(chance) <= 1)):
        raise RuntimeError(f"bernoulli_ expects p to be in [0, 1], but got p={p}")
    return _filled(self, numpy_generator(generator).random(self.array.shape) < chance, "bernoulli_")


def random_(self: Tensor, *bounds: Any, generator: Any = None, **named: Any) -> Tensor:
    """random_(from=0, to): fill with whole numbers in [from, to), by default all there are."""
    given = [b for b in bounds if b is not None]
    high = given.pop() if given else named.pop("to", None)
    low = given.pop() if given else named.pop("from", 0)
    _require_bounds(self.array.dtype, low, high)
    if high is None:
        d = self.array.dtype
        digits = {"float16": 11, "float32": 24, "float64": 53, "bool": 1}.get(d.name)
        high = 2**digits if digits else int(np.iinfo(d).max)
    values = integers(numpy_generator(generator), low, high, self.array.shape, self.array.dtype)
    return _filled(self, values, "random_")


def _require_bounds(dtype: np.dtype, low: Any, high: Any) -> None:
    """RuntimeError for whole numbers from `low` to `high` - 1 that the dtype cannot hold."""
    if dtype.kind == "c":
        raise (
            unsupported("random_kernel", dtype)
            if high is None
            else RuntimeError(
                "check_random_bounds handles only integral, floating-point and boolean types"
            )
        )
    if high is None or low >= high or dtype.kind == "f":
        return
    least, most = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    for name, value in (("from", low), ("to - 1", high - 1)):
        if not least <= value <= most:
            raise RuntimeError(
                f"{name} is out of bounds for {_C_NAMES.get(dtype.name, dtype.name)}"
            )


_C_NAMES = {"uint8": "unsigned char", "int8": "signed char", "int16": "short", "int32": "int"}
_C_NAMES["int64"] = "long"


def cauchy_(self: Tensor, median: float = 0, sigma: float = 1, *, generator: Any = None) -> Tensor:
    """Fill with Cauchy numbers."""
    if sigma <= 0:
        raise RuntimeError(f"cauchy_ expects sigma > 0.0, but found sigma={sigma:g}")
    _continuous(self, "Cauchy")
    draw = numpy_generator(generator).standard_cauchy(self.array.shape)
    return _filled(self, median + sigma * draw, "cauchy_")


def geometric_(self: Tensor, p: float, *, generator: Any = None) -> Tensor:
    """Fill with the number of trials up to the first success of probability `p`."""
    if not 0 < p < 1:
        raise RuntimeError(f"geometric_ expects p to be in (0, 1), but got p={p:g}")
    return _filled(self, numpy_generator(generator).geometric(p, self.array.shape), "geometric_")


def log_normal_(self: Tensor, mean: float = 1, std: float = 2, *, generator: Any = None) -> Tensor:
    """Fill with exp of normal numbers."""
    if std <= 0:
        raise RuntimeError(f"log_normal_ expects std > 0.0, but found std={std:g}")
    _continuous(self, "LogNormal")
    draw = numpy_generator(generator).standard_normal(self.array.shape)
    return _filled(self, np.exp(mean + std * draw), "log_normal_")


for _function in (
    normal_,
    uniform_,
    exponential_,
    bernoulli_,
    random_,
    cauchy_,
    geometric_,
    log_normal_,
):
    bind(_function.__name__, _function)
bind("bernoulli", bernoulli)
bind("multinomial", multinomial)
