"""How many multiply-adds a forward pass takes: counted op by op, whoever calls the op."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ...core.modes import Watcher
from ...ops.attention import attention
from ...ops.convolution import convolution, convolution_input
from ...ops.matrix import affine, product
from ...ops.recurrent import gru, lstm, rnn

__all__ = ["Counter"]


def _affine(out: Any, x: Any, W: Any, b: Any) -> int:
    return out.size * (W.shape[1] + (b is not None))


def _product(out: Any, x: Any, y: Any) -> int:
    return out.size * x.shape[-1]


def _convolution(out: Any, x: Any, w: Any, b: Any, **geometry: Any) -> int:
    return out.size * (math.prod(w.shape[1:]) + (b is not None))


def _transposed(out: Any, x: Any, w: Any, **geometry: Any) -> int:
    return x.size * math.prod(w.shape[1:])


def _attention(out: Any, x: Any, k: Any, v: Any, mask: Any, **options: Any) -> int:
    return math.prod(out.shape[:-1]) * k.shape[-2] * (k.shape[-1] + v.shape[-1])


def _recurrence(out: Any, x: Any, *rest: Any, **options: Any) -> int:
    weights = [w for w in rest[-4:] if w is not None]  # w_ih, w_hh, b_ih, b_hh
    return math.prod(x.shape[:-1]) * sum(w.size for w in weights)


# Every op that sums products. What is not here works element by element, and counts for nothing.
_BY_FUNCTION: dict[Any, Callable[..., int]] = {
    affine: _affine,
    product: _product,
    convolution: _convolution,
    convolution_input: _transposed,
    attention: _attention,
    rnn: _recurrence,
    gru: _recurrence,
    lstm: _recurrence,
}
# A watcher is told the op, which a small function stands in front of.
_FORMULAS = {getattr(f, "op", f): formula for f, formula in _BY_FUNCTION.items()}


class Counter(Watcher):
    """A watcher: calls `found(count)` for every op that sums products; `outer` goes on watching.

    The products of matrices, convolutions, recurrences and attention, one for each; a bias that
    such an op adds counts as one more term of its sum.
    """

    def __init__(self, found: Callable[[int], None], outer: Watcher | None) -> None:
        super().__init__(outer)
        self.found = found

    def forward(self, op: Any, arrays: Any, meta: Any, out: Any, node: Any) -> None:
        """An op ran."""
        if op in _FORMULAS:
            self.found(int(_FORMULAS[op](out, *arrays, **meta)))
        super().forward(op, arrays, meta, out, node)
