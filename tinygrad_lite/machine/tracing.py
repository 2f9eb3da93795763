"""`torch._dynamo._trace_wrapped_higher_order_op`: of it, what mask-building code enters."""

from __future__ import annotations

import contextlib


class TransformGetItemToIndex(contextlib.nullcontext[None]):
    """Nothing to transform: `x[i]` with a Tensor index is never traced here."""
