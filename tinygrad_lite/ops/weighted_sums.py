"""Sums with a weight: lerp, addcmul, addcdiv."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import dtypes
from ..core.doors import composed, primitive
from ..core.rules import pointwise
from ..core.samples import Real, one_of, reals, sample
from ..core.tensor import Tensor, make
from ..kernels import arithmetic as kernels
from .arguments import c_name, converted, deprecated, no_kernel, of_tensors, overflow
from .arithmetic import are_floats, minus, mul, plus, where
from .division import div


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
        raise no_kernel("lerp_kernel_scalar", input.array.dtype)
    if not isinstance(weight, Tensor):
        if isinstance(weight, complex) and input.array.dtype.kind == "f":
            raise overflow(input.array.dtype)
        return mixed(input, end, weight=weight)
    way = minus(end, input)
    near = plus(input, mul(weight, way))
    return where(make(np.abs(weight.array) < 0.5), near, minus(end, mul(way, 1 - weight)))


def _c_name(x: Tensor) -> str:
    return c_name(x.array.dtype)


# -- a product or a quotient added -----------------------------------------------------------------

_VALUE_FIRST_AND_LAST = (
    "Number value, Tensor tensor1, Tensor tensor2",
    "Tensor tensor1, Tensor tensor2, *, Number value = 1",
)


def _comes_to(op: Any) -> Any:
    """What the in-place form of a sum with a weighted term is: that op of these arguments."""
    return lambda tensor1, tensor2, *, value=1: (op, (tensor1, tensor2), {"value": value})


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
    comes_to=_comes_to(plus_product),
    samples=reals(3),
)
@of_tensors
def addcmul(input: Any, tensor1: Any, tensor2: Any, *rest: Any, value: Any = 1) -> Any:
    """input + value * tensor1 * tensor2, elementwise."""
    if rest:  # addcmul(value, tensor1, tensor2)
        deprecated("addcmul", *_VALUE_FIRST_AND_LAST)
        value, tensor1, (tensor2,) = tensor1, tensor2, rest
    if are_floats(value, input, tensor1, tensor2):
        return plus_product(input, tensor1, tensor2, value=value)
    if input.array.dtype.kind == tensor1.array.dtype.kind == tensor2.array.dtype.kind == "b":
        raise no_kernel("addcmul_cpu_out", np.bool_)
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
    comes_to=_comes_to(plus_quotient),
    samples=_QUOTIENTS,
)
@of_tensors
def addcdiv(input: Any, tensor1: Any, tensor2: Any, *rest: Any, value: Any = 1) -> Any:
    """input + value * tensor1 / tensor2, elementwise. RuntimeError for integers."""
    if rest:  # addcdiv(value, tensor1, tensor2)
        deprecated("addcdiv", *_VALUE_FIRST_AND_LAST)
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
