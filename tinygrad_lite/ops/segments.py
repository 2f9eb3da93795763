"""Reductions of neighbours: each row of the result is that of a run of rows."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core.doors import composed
from ..core.shapes import canonical_axis
from ..core.tensor import Tensor, make
from .arguments import floats_only, require_tensor
from .index_ops import index_add, index_reduce, index_select

_START = {"sum": 0.0, "mean": 0.0, "prod": 1.0, "max": -math.inf, "min": math.inf}


@composed(method=False)
def segment_reduce(
    data: Any,
    reduce: str,
    *,
    lengths: Tensor | None = None,
    indices: Tensor | None = None,
    offsets: Tensor | None = None,
    axis: int = 0,
    unsafe: bool = False,
    initial: Any = None,
) -> Any:
    """The sum, mean, max, min or prod of runs of `data` along `axis`, which is the last axis of the
    runs' `lengths` (or of their `offsets`, with the end as the last of them).

    A run of no elements gives `initial`, or what the reduction starts with (NaN for a mean).
    """
    require_tensor("segment_reduce", data, "data")
    floats_only("_segment_reduce_cpu")(data.array)
    axis = canonical_axis(axis, data.array.ndim)
    if reduce not in _START:
        raise RuntimeError(
            f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}"
        )
    starts, counts = _runs(data.array.shape, lengths, indices, offsets, axis, unsafe)
    outer, rest = data.array.shape[:axis], data.array.shape[axis + 1 :]
    n, size = counts.shape[-1], data.array.shape[axis]
    starts, counts = starts.reshape(-1, n), counts.reshape(-1, n)
    each = counts.reshape(-1)
    target = np.repeat(np.arange(each.size), each)
    within = np.arange(target.size) - np.repeat(np.cumsum(each) - each, each)
    row = np.repeat(np.arange(len(counts)), n)
    source = within + np.repeat(starts.reshape(-1) + row * size, each)
    rows = index_select(data.reshape(len(counts) * size, *rest), 0, make(source))
    first = _START[reduce] if initial is None else float(initial)
    out = data.detach().new_full((each.size, *rest), first)
    place = make(target)
    if reduce in ("sum", "mean"):
        out = index_add(out, 0, place, rows)
    else:
        ours = {"max": "amax", "min": "amin"}.get(reduce, reduce)
        out = index_reduce(out, 0, place, rows, ours)
    if reduce == "mean":
        lowest = 0 if initial is None else 1  # 0 / 0 is NaN
        divisor = np.maximum(each, lowest).astype(data.array.dtype)
        out = out / make(divisor.reshape(-1, *(1 for _ in rest)))
    return out.reshape(*outer, n, *rest)


def _runs(
    shape: tuple[int, ...], lengths: Any, indices: Any, offsets: Any, axis: int, unsafe: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Where the runs start and how long they are. RuntimeError if they are no runs of `shape`."""
    if indices is not None:
        raise RuntimeError("segment_reduce(): indices based reduction is not supported yet.")
    if lengths is None and offsets is None:
        raise RuntimeError("segment_reduce(): Either lengths or offsets must be defined.")
    name, given = ("lengths", lengths) if offsets is None else ("offsets", offsets)
    require_tensor("segment_reduce", given, name)
    found = given.array
    if axis != found.ndim - 1:
        raise RuntimeError(
            f"segment_reduce(): Expected axis to be the last dimension of {name} but got {axis}."
        )
    if found.dtype.kind not in "iu":
        raise NotImplementedError(
            f"\"_segment_reduce_{name}_cpu_kernel1\" not implemented for 'Float'"
        )
    if offsets is not None:
        starts, counts = found[..., :-1], np.diff(found)
        if (counts < 0).any():
            raise RuntimeError("Expected segment_length >= 0 to be true, but got false.")
        return starts, counts
    if not unsafe:
        if found.size and found.min() < 0:
            raise RuntimeError("lengths contains negative value!")
        if (found.sum(-1) != shape[axis]).any():
            raise RuntimeError(
                "segment_reduce(): Expected all rows of lengths along axis to sum to "
                "data.size(lengths.dim()-1) when !unsafe."
            )
    return np.cumsum(found, -1) - found, found
