"""`torch._higher_order_ops.associative_scan`: running results of an associative function.

    y[0] = x[0],  y[i] = combine_fn(y[i - 1], x[i])  along `dim`

By doubling: after step k every place holds the result over the 2^k elements that end there, so
log2(n) calls of `combine_fn` on whole Tensors do the work of n calls on slices.
Source: W. D. Hillis, G. L. Steele, Data parallel algorithms, CACM 29 (1986).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..core.shapes import canonical_axis
from ..core.trees import flatten
from ..ops.joining import cat


def associative_scan(
    combine_fn: Callable[[Any, Any], Any],
    xs: Any,
    dim: int,
    reverse: bool = False,
    combine_mode: str = "pointwise",
) -> Any:
    """The running results of `xs`, a Tensor or a nest of Tensors of one length along `dim`.

    combine_fn    f(left, right) of two such nests, associative and elementwise along `dim`
    reverse       from the end to the start
    combine_mode  accepted: both of PyTorch's ways give these values

    ValueError if `dim` has no elements.
    """
    leaves, rebuild = flatten(xs)
    axis = canonical_axis(dim, leaves[0].ndim)
    n = leaves[0].shape[axis]
    if not n:
        raise ValueError(
            "All xs leaves must at least have 'dim' number of dimensions and scan dimension > 0"
        )
    found = [x.flip(axis) for x in leaves] if reverse else leaves
    step = 1
    while step < n:
        before = rebuild([x.narrow(axis, 0, n - step) for x in found])
        after = rebuild([x.narrow(axis, step, n - step) for x in found])
        rest = flatten(combine_fn(before, after))[0]
        found = [cat([x.narrow(axis, 0, step), y], axis) for x, y in zip(found, rest, strict=True)]
        step *= 2
    return rebuild([x.flip(axis) for x in found] if reverse else found)
