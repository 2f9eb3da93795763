"""Choosing between values: where, clamp, maximum, minimum, lerp, and their relatives."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ..core import dtypes
from ..core.doors import composed, primitive
from ..core.primitive import pointwise
from ..core.samples import Boolean, Real, one_of, reals, sample
from ..core.tensor import Tensor, bind, make
from ..kernels import activations, elementwise, masks, select
from ..kernels import arithmetic as kernels
from ..kernels.copying import row_major
from . import arithmetic
from .arguments import (
    also,
    c_name,
    converted,
    deprecated,
    kind,
    not_complex,
    ordered,
    renamed,
    require_tensor,
)
from .arithmetic import are_floats, minus, mul, plus, zero
from .comparison import isnan
from .division import div

choose = arithmetic.where
_TWO = [sample(Real(broadcast=True), Real(low=-2.03, high=2.01, broadcast=True))]


@composed(method=False, samples=[sample(Boolean(), Real(broadcast=True), Real(broadcast=True))])
def where(condition: Any, input: Any = None, other: Any = None, **names: Any) -> Any:
    """input where the condition holds, other elsewhere; both broadcast, either may be a number.

    `where(condition)` alone gives the indices of the true elements, one Tensor an axis. A NaN or
    an infinite derivative in the branch not taken does not reach the gradient. RuntimeError if the
    condition is not bool.
    """
    if names:
        input = names.pop("self", input)
        renamed("where", names)
    if not isinstance(condition, Tensor):
        raise TypeError(
            "where(): argument 'condition' (position 1) must be Tensor, "
            f"not {type(condition).__name__}"
        )
    if input is None and other is None:
        return tuple([make(i) for i in masks.positions(condition.array, True)])
    _require_condition(condition)
    return choose(condition, input, other)


def _require_condition(condition: Tensor) -> None:
    if condition.array.dtype not in (np.bool_, np.uint8):
        raise RuntimeError(
            "where expected condition to be a boolean tensor, but got a tensor with dtype "
            f"{kind(condition.array.dtype)}"
        )
    if condition.array.dtype == np.uint8:
        warnings.warn(
            "where received a uint8 condition tensor. This behavior is deprecated and will be "
            "removed in a future version of PyTorch. Use a boolean condition instead.",
            UserWarning,
            stacklevel=3,
        )


bind("where", lambda self, condition, other: where(condition, self, other))


# -- the larger, the smaller -----------------------------------------------------------------------


def _larger(g: Any, x: Any, y: Any) -> Any:
    """All of g where x > y, half where they are equal; all where either is NaN, as in PyTorch."""
    return choose(x == y, g * 0.5, choose(x < y, 0.0, g))


def _ordered(name: str) -> Any:
    """The check of an op that compares sizes: complex numbers have none."""

    def check(*xs: Any) -> None:
        if any(getattr(x, "dtype", None) is not None and x.dtype.kind == "c" for x in xs):
            raise RuntimeError(f"{name} not implemented for complex tensors.")

    return check


@primitive(
    _larger,
    lambda g, x, y: _larger(g, y, x),
    broadcasts=True,
    tensors=(0, 1),
    ufunc=np.maximum,
    kernel=kernels.maximum,
    check=_ordered("maximum"),
    samples=_TWO,
)
def maximum(x: Any, y: Any) -> Any:
    """The larger of x and y, elementwise; NaN if either is. At a tie each gets half of g."""
    return np.maximum(x, y)


@primitive(
    lambda g, x, y: _larger(g, -x, -y),
    lambda g, x, y: _larger(g, -y, -x),
    broadcasts=True,
    tensors=(0, 1),
    ufunc=np.minimum,
    kernel=kernels.minimum,
    check=_ordered("minimum"),
    samples=_TWO,
)
def minimum(x: Any, y: Any) -> Any:
    """The smaller of x and y, elementwise; NaN if either is. At a tie each gets half of g."""
    return np.minimum(x, y)


@primitive(
    lambda g, x, y: choose((x >= y) | isnan(y), g, 0.0),
    lambda g, x, y: choose((x >= y) | isnan(y), 0.0, g),
    broadcasts=True,
    tensors=(0, 1),
    check=ordered("fmax not"),
    samples=_TWO,
)
def fmax(x: Any, y: Any) -> Any:
    """The larger of x and y, elementwise, ignoring NaN. At a tie x gets all of g."""
    return np.fmax(x, y)


@primitive(
    lambda g, x, y: choose((x <= y) | isnan(y), g, 0.0),
    lambda g, x, y: choose((x <= y) | isnan(y), 0.0, g),
    broadcasts=True,
    tensors=(0, 1),
    check=ordered("fmin not"),
    samples=_TWO,
)
def fmin(x: Any, y: Any) -> Any:
    """The smaller of x and y, elementwise, ignoring NaN. At a tie x gets all of g."""
    return np.fmin(x, y)


# -- clamp -----------------------------------------------------------------------------------------


def _bounded(kernel: str) -> Any:
    complex_ones = not_complex(kernel)

    def check(x: Any, bound: Any) -> None:
        if not isinstance(bound, np.ndarray) and np.iscomplexobj(x):
            raise NotImplementedError("clamp is not supported for complex types")
        complex_ones(x, bound)

    return check


@primitive(
    lambda g, x, low: choose(x >= low, g, 0.0),
    lambda g, x, low: choose(x < low, g, 0.0),
    broadcasts=True,
    method=False,
    title="ClampMin",
    check=_bounded("maximum_cpu"),
    samples=_TWO,
)
def at_least(x: Any, low: Any) -> Any:
    """max(x, low), elementwise. At the bound x gets all of g."""
    return np.maximum(x, low)


@primitive(
    lambda g, x, high: choose(x <= high, g, 0.0),
    lambda g, x, high: choose(x > high, g, 0.0),
    broadcasts=True,
    method=False,
    title="ClampMax",
    check=_bounded("minimum_cpu"),
    samples=_TWO,
)
def at_most(x: Any, high: Any) -> Any:
    """min(x, high), elementwise. At the bound x gets all of g."""
    return np.minimum(x, high)


@primitive(
    lambda g, x, low, high: choose((x >= low) & (x <= high), g, 0.0),
    lambda g, x, low, high: choose((x < low) & (low < high), g, 0.0),
    lambda g, x, low, high: choose((x > high) | (high < low), g, 0.0),
    broadcasts=True,
    method=False,
    title="Clamp",
    samples=[
        sample(
            Real(avoid=(-1.0, 1.0)),
            Real(low=-1.02, high=-0.98, broadcast=True),
            Real(low=0.98, high=1.02, broadcast=True),
        )
    ],
)
def between(x: Any, low: Any, high: Any) -> Any:
    """min(max(x, low), high), elementwise; high where low > high. At a bound x gets all of g."""
    if low.ndim == high.ndim == 0:
        return np.clip(x, low, high)
    return np.minimum(np.maximum(x, low), high)


def _inside(x: Any, low: Any, high: Any) -> Any:
    if low is None:
        return x <= high
    return x >= low if high is None else (x >= low) & (x <= high)


def _limit(x: Any, out: Any = None, *, low: Any, high: Any) -> Any:
    if x.size >= elementwise.SMALL and low == low and high == high:
        number = x.dtype.type
        least, most = -np.inf if low is None else low, np.inf if high is None else high
        return activations.hardtanh(x, number(least), number(most), out=out)
    if low is not None:
        x = np.maximum(x, x.dtype.type(low), out=out)
    return x if high is None else np.minimum(x, x.dtype.type(high), out=out)


@primitive(
    lambda g, x, low, high: choose(_inside(x, low, high), g, 0.0),
    method=False,
    title="Clamp",
    ufunc=_limit,
    samples=[
        sample(Real(avoid=(-1.0, 0.5)), low=-1.0, high=0.5),
        sample(Real(avoid=(0.5,)), low=0.5),
        sample(Real(avoid=(0.5,)), high=0.5),
    ],
)
def limited(x: Any, *, low: Any = None, high: Any = None) -> Any:
    """`between` with numbers for bounds, in x's dtype. At a bound x gets all of g."""
    return _limit(x, low=low, high=high)


_BOUNDS = frozenset({int, float, type(None)})


def _as_limited(min: Any = None, max: Any = None) -> Any:
    if min is None and max is None:
        raise TypeError("clamp() without bounds")
    return limited, (), {"low": min, "high": max}


@composed(
    inplace=True,
    comes_to=_as_limited,
    samples=[
        sample(Real(avoid=(-1.0, 0.5)), min=-1.0, max=0.5),
        sample(Real(avoid=(0.5,)), min=0.5),
        sample(Real(avoid=(0.5,)), max=0.5),
    ],
)
def clamp(input: Any, min: Any = None, max: Any = None, **names: Any) -> Any:
    """input limited to [min, max], numbers or Tensors that broadcast; None: no limit there.

    The derivative at a bound is 1. RuntimeError if both are None.
    """
    if names:
        renamed("clamp", names)
    if min is None and max is None:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
    if input.array.dtype.kind == "f" and type(min) in _BOUNDS and type(max) in _BOUNDS:
        return limited(input, low=min, high=max)
    if any(isinstance(a, complex) or _is_complex(a) for a in (input, min, max)):
        raise NotImplementedError("clamp is not supported for complex types")
    if max is None:
        return at_least(input, min)
    if min is None:
        return at_most(input, max)
    return between(input, min, max)


def _is_complex(x: Any) -> bool:
    return isinstance(x, Tensor) and x.array.dtype.kind == "c"


@composed(inplace=True, samples=[sample(Real(avoid=(0.5,)), min=0.5)])
def clamp_min(input: Any, min: Any) -> Any:
    """The larger of input and min."""
    require_tensor("clamp_min", input)
    return at_least(input, min)


@composed(inplace=True, samples=[sample(Real(avoid=(0.5,)), max=0.5)])
def clamp_max(input: Any, max: Any) -> Any:
    """The smaller of input and max."""
    require_tensor("clamp_max", input)
    return at_most(input, max)


clip = also("clip", clamp, inplace=True)


# -- mixtures --------------------------------------------------------------------------------------


@primitive(
    pointwise(lambda g, weight: g * (1 - weight)),
    pointwise(lambda g, weight: g * weight),
    broadcasts=True,
    method=False,
    title="Lerp",
    ufunc=kernels.mix,
    samples=[sample(Real(broadcast=True), Real(broadcast=True), weight=one_of(0.3, 0.7))],
)
def mixed(x: Any, y: Any, *, weight: Any) -> Any:
    """x + weight (y - x) for a number `weight`, from the nearer end: see `lerp`."""
    return kernels.mix(x, y, weight=weight)


@composed(
    inplace=True,
    comes_to=lambda end, weight: (mixed, (end,), {"weight": weight}),
    samples=reals(3),
)
def lerp(input: Any, end: Any, weight: Any) -> Any:
    """input + weight * (end - input), elementwise.

    From the nearer end (end - (1 - weight) * (end - input) for weight >= 0.5), so that both are
    exact.
    """
    if isinstance(end, Tensor) and end.array.dtype != input.array.dtype:
        raise RuntimeError(
            f"expected dtype {_c_name(input)} for `end` but got dtype {_c_name(end)}"
        )
    if isinstance(weight, Tensor) and weight.array.dtype != input.array.dtype:
        raise RuntimeError(
            f"expected dtype {_c_name(input)} for `weight` but got dtype {_c_name(weight)}"
        )
    if input.array.dtype.kind not in "fc":
        raise NotImplementedError(
            f"\"lerp_kernel_scalar\" not implemented for '{kind(input.array.dtype)}'"
        )
    if not isinstance(weight, Tensor):
        if isinstance(weight, complex) and input.array.dtype.kind == "f":
            raise RuntimeError("value cannot be converted to type float without overflow")
        return mixed(input, end, weight=weight)
    way = minus(end, input)
    near = plus(input, mul(weight, way))
    return choose(make(np.abs(weight.array) < 0.5), near, minus(end, mul(way, 1 - weight)))


def _c_name(x: Tensor) -> str:
    return c_name(x.array.dtype)


_VALUE_LAST = "Tensor tensor1, Tensor tensor2, *, Number value = 1"


def _times(value: Any, product: Any) -> Any:
    if isinstance(value, float) and product.array.dtype.kind in "iu":
        value = int(value)
    return product if value == 1 else product * value


def _in_one_dtype(*xs: Tensor) -> Any:
    """All in the dtype that an op of all of them computes in."""
    if len({x.array.dtype for x in xs}) == 1:
        return xs
    dimensioned = [x.dtype for x in xs if x.array.ndim]
    common = dtypes.combine(dimensioned, [x.dtype for x in xs if not x.array.ndim], [])
    return tuple([converted(x, common) for x in xs])


@primitive(
    lambda g: g,
    pointwise(lambda g, b, value: g * (b * value)),
    pointwise(lambda g, a, value: g * (a * value)),
    broadcasts=True,
    method=False,
    title="Addcmul",
    ufunc=kernels.add_product,
    samples=[
        sample(
            Real(broadcast=True), Real(broadcast=True), Real(broadcast=True), value=one_of(1, 0.5)
        )
    ],
)
def plus_product(x: Any, a: Any, b: Any, *, value: Any) -> Any:
    """x + value * a * b, elementwise, for a number `value`."""
    return kernels.add_product(x, a, b, value=value)


@composed(
    inplace=True,
    comes_to=lambda tensor1, tensor2, *, value=1: (
        plus_product,
        (tensor1, tensor2),
        {"value": value},
    ),
    samples=reals(3),
)
def addcmul(input: Any, tensor1: Any, tensor2: Any, *rest: Any, value: Any = 1) -> Any:
    """input + value * tensor1 * tensor2, elementwise."""
    if rest:  # addcmul(value, tensor1, tensor2)
        deprecated("addcmul", "Number value, Tensor tensor1, Tensor tensor2", _VALUE_LAST)
        value, tensor1, (tensor2,) = tensor1, tensor2, rest
    if are_floats(value, input, tensor1, tensor2):
        return plus_product(input, tensor1, tensor2, value=value)
    if input.array.dtype.kind == tensor1.array.dtype.kind == tensor2.array.dtype.kind == "b":
        raise NotImplementedError("\"addcmul_cpu_out\" not implemented for 'Bool'")
    input, tensor1, tensor2 = _in_one_dtype(input, tensor1, tensor2)
    return plus(input, _times(value, mul(tensor1, tensor2)))


_QUOTIENTS = [
    sample(
        Real(broadcast=True),
        Real(broadcast=True),
        Real(broadcast=True, avoid=(0.0,), margin=0.3),
        value=one_of(1, 0.5),
    )
]


@primitive(
    lambda g: g,
    pointwise(lambda g, b, value: g * value / b),
    pointwise(lambda g, a, b, value: -g * value * ((a / b) / b)),
    broadcasts=True,
    method=False,
    title="Addcdiv",
    ufunc=kernels.add_quotient,
    samples=_QUOTIENTS,
)
def plus_quotient(x: Any, a: Any, b: Any, *, value: Any) -> Any:
    """x + value * a / b, elementwise, for a number `value`."""
    return kernels.add_quotient(x, a, b, value=value)


@composed(
    inplace=True,
    comes_to=lambda tensor1, tensor2, *, value=1: (
        plus_quotient,
        (tensor1, tensor2),
        {"value": value},
    ),
    samples=_QUOTIENTS,
)
def addcdiv(input: Any, tensor1: Any, tensor2: Any, *rest: Any, value: Any = 1) -> Any:
    """input + value * tensor1 / tensor2, elementwise. RuntimeError for integers."""
    if rest:  # addcdiv(value, tensor1, tensor2)
        deprecated("addcdiv", "Number value, Tensor tensor1, Tensor tensor2", _VALUE_LAST)
        value, tensor1, (tensor2,) = tensor1, tensor2, rest
    if tensor1.array.dtype.kind in "biu" and tensor2.array.dtype.kind in "biu":
        raise RuntimeError(
            "Integer division with addcdiv is no longer supported, and in a future release addcdiv "
            "will perform a true division of tensor1 and tensor2. Convert them to float first"
        )
    if are_floats(value, input, tensor1, tensor2):
        return plus_quotient(input, tensor1, tensor2, value=value)
    input, tensor1, tensor2 = _in_one_dtype(input, tensor1, tensor2)
    return plus(input, _times(value, div(tensor1, tensor2)))


# -- replacing elements ----------------------------------------------------------------------------


@primitive(
    lambda g, x: choose(isnan(x) | (x == np.inf) | (x == -np.inf), 0.0, g),
    inplace=True,
    samples=reals(1),
)
def nan_to_num(x: Any, *, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    """x with NaN replaced by `nan`, inf by `posinf`, -inf by `neginf`.

    Default: 0 and the limits of the dtype. The derivative of a replaced element is 0.
    """
    return np.nan_to_num(x, nan=0.0 if nan is None else nan, posinf=posinf, neginf=neginf)


@primitive(
    lambda g, mask: choose(mask, 0.0, g),
    None,
    lambda g, mask: choose(mask, g, 0.0),
    broadcasts=True,
    promote=None,
    method=False,
    title="MaskedFill",
    samples=[sample(Real(), Boolean(broadcast=True), Real(""))],
)
def filled_where(x: Any, mask: Any, value: Any) -> Any:
    """x with `value` (0-d) where the mask holds, in x's dtype."""
    value = np.asarray(value).astype(x.dtype)
    out = select.select(mask, value, x) if x.size >= select.LARGE else None
    return row_major(np.where(mask, value, x) if out is None else out)


@composed(inplace=True, samples=[sample(Real(), Boolean(), value=0.5)])
def masked_fill(input: Any, mask: Any, value: Any) -> Any:
    """input with `value` (a number or a 0-d Tensor) where the bool mask holds; both broadcast."""
    if not isinstance(mask, Tensor):
        raise TypeError(
            f"masked_fill(): argument 'mask' (position 2) must be Tensor, not {type(mask).__name__}"
        )
    if mask.array.dtype != np.bool_:
        raise RuntimeError(
            "masked_fill_ only supports boolean masks, but got mask with dtype "
            f"{_SCALAR_NAMES.get(mask.array.dtype.name, mask.array.dtype.name)}"
        )
    if isinstance(value, Tensor) and value.array.ndim:
        raise RuntimeError(
            "masked_fill_ only supports a 0-dimensional value tensor, but got tensor with "
            f"{value.array.ndim} dimension(s)."
        )
    imaginary = isinstance(value, complex) or (
        isinstance(value, Tensor) and value.array.dtype.kind == "c"
    )
    if imaginary and input.array.dtype.kind != "c":
        raise RuntimeError(
            f"value cannot be converted to type {_c_name(input)} without overflow: it is complex"
        )
    return filled_where(input, mask, value)


_SCALAR_NAMES = {
    "float32": "float",
    "float64": "double",
    "int64": "long int",
    "int32": "int",
    "uint8": "unsigned char",
}


def _of_one_dtype(x: Any, y: Any) -> None:
    ordered("heaviside is not yet")(x, y)
    if x.dtype != y.dtype:
        raise RuntimeError("heaviside is not yet implemented for tensors with different dtypes.")


@primitive(
    zero,
    lambda g, x: choose(x == 0, g, 0.0),
    broadcasts=True,
    tensors=(0, 1),
    check=_of_one_dtype,
    inplace=True,
    samples=[sample(Real(broadcast=True, avoid=(0.0,)), Real(broadcast=True))],
)
def heaviside(x: Any, y: Any) -> Any:
    """0 for x < 0 (and for NaN), y at 0, 1 for x > 0."""
    x, y = arithmetic.alike(x, y)
    return np.where(x == 0, y, x > 0).astype(x.dtype)
