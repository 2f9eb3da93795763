"""The op that tests of declarations are about: the product, scaled."""

from __future__ import annotations

from typing import Any

import tinygrad_lite as tl
from tinygrad_lite.core.primitive import (
    Primitive,
)


def leaf(values: Any, dtype: Any = tl.float64) -> tl.Tensor:
    return tl.tensor(values, dtype=dtype, requires_grad=True)


def towards_x(g: Any, y: Any) -> Any:
    return g * y


def towards_y(g: Any, x: Any, scale: Any) -> Any:
    return g * x * scale


def times(x: Any, y: Any, *, scale: float = 1.0, name: Any = None) -> Any:
    """The product.

    Scaled.
    """
    return x * y * scale


def times_op(**options: Any) -> Primitive:
    return Primitive(times, (towards_x, towards_y), **options)


USAGE = "times(x: 'Any', y: 'Any', *, scale: 'float' = 1.0, name: 'Any' = None) -> 'Any'"
