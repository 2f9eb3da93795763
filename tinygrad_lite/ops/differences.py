"""`gradient`: derivatives of sampled functions by finite differences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.doors import composed
from ..core.samples import Real, one_of, sample
from ..core.shapes import canonical_axes
from ..core.tensor import Tensor
from .arguments import kind, require_tensor
from .joining import cat
from .parts import narrow


@composed(
    method=False,
    samples=[sample(Real("4 5"), dim=one_of(0, (0, 1)), spacing=0.5, edge_order=one_of(1, 2))],
)
def gradient(
    input: Any, *, spacing: Any = None, dim: Any = None, edge_order: int = 1
) -> tuple[Tensor, ...]:
    """The derivative of samples along each axis of `dim` (None: all), one Tensor an axis.

    Inside, second order: (f[i + 1] - f[i - 1]) / 2h; with uneven steps a before and b after,
    (a^2 f[i + 1] + (b^2 - a^2) f[i] - b^2 f[i - 1]) / (a b (a + b)). At the ends, one-sided with
    two points (`edge_order` 1) or three (2).

    `spacing`: the step h (1), one step an axis, or the coordinates of the samples, one vector an
    axis.
    """
    require_tensor("gradient", input)
    if input.array.dtype.kind == "b" or input.array.dtype == np.uint8:
        raise RuntimeError(
            f"torch.gradient: the dtype {kind(input.array.dtype)} is not supported for input"
        )
    axes = _axes(input, dim)
    if edge_order not in (1, 2):
        raise RuntimeError("torch.gradient only supports edge_order=1 and edge_order=2.")
    for d in axes:
        if input.array.shape[d] <= edge_order:
            raise RuntimeError(
                "torch.gradient expected each dimension size to be at least edge_order+1"
            )
    steps = _steps(input, spacing, axes, dim)
    return tuple([_along(input, d, h, edge_order) for d, h in zip(axes, steps, strict=True)])


def _axes(input: Tensor, dim: Any) -> tuple[int, ...]:
    ndim = input.array.ndim
    if dim is None:
        return tuple(range(ndim))
    axes = canonical_axes((dim,) if isinstance(dim, int) else tuple(dim), ndim)
    if len(set(axes)) != len(axes):
        raise RuntimeError("torch.gradient expected dim to name each dimension once")
    return axes


def _steps(input: Tensor, spacing: Any, axes: Sequence[int], dim: Any) -> list[Any]:
    """One step, or one vector of coordinates, for each axis."""
    if spacing is None:
        spacing = 1
    if isinstance(spacing, Tensor) and spacing.array.ndim == 0:
        spacing = spacing.item()
    if isinstance(spacing, Tensor):
        raise TypeError(
            "gradient() received an invalid combination of arguments: spacing must be a number, "
            "or a list with one number or one Tensor of coordinates for each dimension"
        )
    if not isinstance(spacing, (tuple, list)):
        return [spacing] * len(axes)
    if len(spacing) != len(axes):
        raise RuntimeError(
            "torch.gradient expected spacing to be unspecified, a scalar, or a list of length "
            f"{len(axes)}, but got a list of length {len(spacing)}"
        )
    for d, h in zip(axes, spacing, strict=True):
        if isinstance(h, Tensor) and h.array.shape != (input.array.shape[d],):
            raise RuntimeError(
                "torch.gradient expected each element of spacing to have one coordinate for every "
                f"sample: {input.array.shape[d]} along dimension {d}, got {list(h.array.shape)}"
            )
    return list(spacing)


def _along(f: Tensor, d: int, h: Any, edge_order: int) -> Any:
    n = f.array.shape[d]

    def at(start: int, length: int) -> Any:
        return narrow(f, d, start, length)

    if isinstance(h, Tensor):
        shape = [-1 if i == d else 1 for i in range(f.array.ndim)]
        widths = (h[1:] - h[:-1]).reshape(shape)
        a, b = narrow(widths, d, 0, n - 2), narrow(widths, d, 1, n - 2)
        first, second = narrow(widths, d, 0, 1), narrow(widths, d, min(1, n - 2), 1)
        last, before = narrow(widths, d, n - 2, 1), narrow(widths, d, max(n - 3, 0), 1)
        inner = at(2, n - 2) * (a / (b * (a + b))) + at(1, n - 2) * ((b - a) / (a * b))
        inner = inner - at(0, n - 2) * (b / (a * (a + b)))
    else:
        first = second = last = before = h
        inner = (at(2, n - 2) - at(0, n - 2)) / (2 * h)
    if edge_order == 1:
        left = (at(1, 1) - at(0, 1)) / first
        right = (at(n - 1, 1) - at(n - 2, 1)) / last
    else:
        left = _one_sided(at(0, 1), at(1, 1), at(2, 1), first, second)
        right = -_one_sided(at(n - 1, 1), at(n - 2, 1), at(n - 3, 1), last, before)
    return cat([left, inner, right], d)


def _one_sided(f0: Any, f1: Any, f2: Any, a: Any, b: Any) -> Any:
    """The slope at the first of three points, whose distances are a and b."""
    return f1 * ((a + b) / (a * b)) - f0 * ((2 * a + b) / (a * (a + b))) - f2 * (a / (b * (a + b)))
