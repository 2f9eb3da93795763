"""The gated linear unit (Dauphin et al. 2017)."""

from __future__ import annotations

from typing import Any

from ..core.fused import fused
from ..core.samples import Real, sample
from ..kernels import gates as kernels
from .activation import _floating, sigmoid
from .splitting import chunk


def _reference(x: Any, *, axis: int) -> Any:
    a, b = chunk(x, 2, axis)
    return a * sigmoid(b)


@fused(
    backward=lambda g, x, axis: kernels.glu_backward(g, x, axis),
    reference=_reference,
    title="Glu",
    check=_floating("glu_cpu"),
    samples=[
        sample(Real("n 4"), axis=1),
        sample(Real("6 n"), axis=0),
        sample(Real("2 4 n"), axis=1),
    ],
)
def gated(x: Any, *, axis: int) -> Any:
    """a sigmoid(b) for the halves a, b of x along an axis."""
    return kernels.glu(x, axis)
