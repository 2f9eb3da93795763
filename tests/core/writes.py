"""What tests of writes in place are made of."""

from __future__ import annotations

from typing import Any

import tinygrad_lite as tl
from tinygrad_lite.core.inplace import in_place
from tinygrad_lite.core.primitive import Primitive, generic_door


def leaf(values: Any, dtype: Any = tl.float64) -> tl.Tensor:
    return tl.tensor(values, dtype=dtype, requires_grad=True)


def value(values: Any, dtype: Any = tl.float64) -> tl.Tensor:
    """A Tensor with a history, which may be written."""
    return leaf(values, dtype) * 1


def written(forward: Any, *rules: Any, by: str = "op_", **options: Any) -> Any:
    call = generic_door(Primitive(forward, rules, **options))
    call.op = Primitive(forward, rules, **options)  # type: ignore[attr-defined]
    return in_place(call, by)
