"""Elements in another order, repeated, or masked by position: flip, roll, repeat, tril, triu."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.chain import broadcast
from ..core.doors import composed, primitive
from ..core.dtypes import get_default_dtype
from ..core.samples import Real, one_of, sample
from ..core.shapes import canonical_axes, canonical_axis
from ..core.tensor import Tensor, make
from ..kernels import copying, select
from .arguments import numpy_names, of_tensors, require_tensor, sizes_of, unsupported
from .axes import transpose
from .indexing import picked
from .joining import cat
from .views import reshaped


def _triangle(name: str, keep: Any) -> Any:
    def part(x: Any, *, diagonal: int = 0) -> Any:
        if x.ndim < 2:
            raise RuntimeError(f"{name}: input tensor must have at least 2 dimensions")
        return keep(x, diagonal)

    part.__name__ = part.__qualname__ = name
    where = "at or below" if name == "tril" else "at or above"
    part.__doc__ = f"The elements {where} the diagonal number `diagonal` of each matrix, else 0."
    declared = primitive(
        lambda g, diagonal: declared(g, diagonal=diagonal),
        promote=None,
        inplace=True,
        samples=[sample(Real("n 3 4"), diagonal=one_of(0, 1, -2))],
    )(part)
    return declared


tril = _triangle("tril", lambda x, diagonal: select.triangle(x, diagonal, False))
triu = _triangle("triu", lambda x, diagonal: select.triangle(x, diagonal, True))


@primitive(
    lambda g, axes: reversed_along(g, axes=axes),
    promote=None,
    method=False,
    title="Flip",
    samples=[sample(Real("n 3 m"), axes=one_of((1,), (0, 2), ()))],
)
def reversed_along(x: Any, *, axes: Sequence[int]) -> Any:
    """x with its elements in reverse order along `axes`; a copy."""
    return copying.copied(np.flip(x, tuple(axes)))


@composed()
def flip(input: Any, *axes: Any, dims: Any = None) -> Any:
    """In reverse order along `dims`; a copy, as in PyTorch."""
    require_tensor("flip", input)
    given = sizes_of("flip", axes, dims) if axes != ((),) and dims not in ((), []) else ()
    return reversed_along(input, axes=canonical_axes(given, input.ndim) if given else ())


@composed()
@of_tensors
def fliplr(input: Any) -> Any:
    """In reverse order along axis 1."""
    if input.ndim < 2:
        raise RuntimeError("Input must be >= 2-d.")
    return reversed_along(input, axes=(1,))


@composed()
@of_tensors
def flipud(input: Any) -> Any:
    """In reverse order along axis 0."""
    if input.ndim < 1:
        raise RuntimeError("Input must be >= 1-d.")
    return reversed_along(input, axes=(0,))


@composed()
@of_tensors
def rot90(input: Any, k: int = 1, dims: Sequence[int] = (0, 1)) -> Any:
    """Rotated by k quarter turns in the plane of two axes, from the first towards the second."""
    if len(dims) != 2:
        raise RuntimeError(f"expected total rotation dims == 2, but got dims = {len(dims)}")
    if input.ndim < 2:
        raise RuntimeError(f"expected total dims >= 2, but got total dims = {input.ndim}")
    a, b = [canonical_axis(d, input.ndim) for d in dims]
    if a == b:
        raise RuntimeError(
            f"expected rotation dims to be different, but got dim0 = {dims[0]} and dim1 = {dims[1]}"
        )
    turns = k % 4
    if turns == 2:
        return reversed_along(input, axes=(a, b))
    if turns == 1:
        return transpose(reversed_along(input, axes=(b,)), a, b)
    if turns == 3:
        return reversed_along(transpose(input, a, b), axes=(b,))
    return input.clone()


@primitive(
    lambda g, shifts, axes: rolled(g, shifts=tuple([-s for s in shifts]), axes=axes),
    promote=None,
    method=False,
    title="Roll",
    samples=[sample(Real("n 3 m"), shifts=one_of((1, 2), (-4, 0)), axes=(1, 2))],
)
def rolled(x: Any, *, shifts: Sequence[int], axes: Sequence[int]) -> Any:
    """x with element i moved to place (i + shift) modulo the size, along each axis."""
    return copying.row_major(np.roll(x, shifts, axes))


@composed()
@of_tensors
def roll(input: Any, shifts: Any, dims: Any = None) -> Any:
    """Shifted cyclically along `dims`; without dims, as if flattened."""
    shifts = (shifts,) if not isinstance(shifts, (tuple, list)) else tuple(shifts)
    if dims is None or dims in ((), []):
        if len(shifts) != 1:
            raise RuntimeError(f"shifts and dimensions must align. shifts: {len(shifts)}, dims:0")
        flat = rolled(reshaped(input, shape=(input.numel(),)), shifts=shifts, axes=(0,))
        return reshaped(flat, shape=input.array.shape)
    dims = (dims,) if not isinstance(dims, (tuple, list)) else tuple(dims)
    if input.array.ndim == 0:
        raise IndexError(f"Dimension specified as {dims[0]} but tensor has no dimensions")
    if len(shifts) != len(dims):
        raise RuntimeError(
            f"shifts and dimensions must align. shifts: {len(shifts)}, dims:{len(dims)}"
        )
    return rolled(input, shifts=shifts, axes=tuple([canonical_axis(d, input.ndim) for d in dims]))


@composed(samples=[sample(Real("n m"), repeats=one_of((2, 1), (1, 1, 2)))])
def repeat(input: Any, *sizes: Any, repeats: Any = None) -> Any:
    """The tensor repeated `repeats[i]` times along axis i (further repeats: new axes in front)."""
    times = sizes_of("repeat", sizes, repeats) if sizes != ((),) else ()
    shape = input.array.shape
    if len(times) < len(shape):
        raise RuntimeError(
            "Number of dimensions of repeat dims can not be smaller than number of dimensions of "
            f"tensor (got {len(times)} repeats for {len(shape)} dimensions)"
        )
    if any(n < 0 for n in times):
        raise RuntimeError(f"Trying to create tensor with negative dimension: {list(times)}")
    shape = (1,) * (len(times) - len(shape)) + shape
    doubled = [m for n in shape for m in (1, n)]
    copies = [m for r, n in zip(times, shape, strict=True) for m in (r, n)]
    out = broadcast(reshaped(input, shape=tuple(doubled)), shape=tuple(copies))
    out = reshaped(out, shape=tuple([r * n for r, n in zip(times, shape, strict=True)]))
    return out if out.base is None else out.clone()


@composed()
def tile(input: Any, *sizes: Any, dims: Any = None) -> Any:
    """The tensor repeated `dims[i]` times along axis i, aligned at the last axis."""
    times = sizes_of("tile", sizes, dims) if sizes != ((),) else ()
    return repeat(input, (1,) * (input.ndim - len(times)) + tuple(times))


@composed(samples=[sample(Real("n m"), repeats=one_of(1, 3), dim=one_of(0, -1, None))])
@numpy_names
@of_tensors
def repeat_interleave(
    input: Any, repeats: Any = None, dim: int | None = None, *, output_size: int | None = None
) -> Any:
    """Each element repeated in place along `dim` (flattened without one).

    `repeats` is one number or one for each element; given alone, the indices are returned.
    """
    if repeats is None:
        counts = _counts(input.array)
        return make(np.repeat(np.arange(counts.size, dtype=counts.dtype), counts))
    if dim is None:
        input, dim = reshaped(input, shape=(input.numel(),)), 0
    shape = input.array.shape
    d = canonical_axis(dim, len(shape))
    if isinstance(repeats, Tensor):
        counts = _counts(repeats.array)
    else:
        counts = np.asarray(repeats)
        if (counts < 0).any():
            raise RuntimeError("Repeats must be non-negative")
    if counts.size == 1:
        n = int(counts.reshape(()))
        widened = reshaped(input, shape=(*shape[: d + 1], 1, *shape[d + 1 :]))
        copies = broadcast(widened, shape=(*shape[: d + 1], n, *shape[d + 1 :]))
        out = reshaped(copies, shape=(*shape[:d], shape[d] * n, *shape[d + 1 :]))
        return out if out.base is None else out.clone()
    if counts.ndim != 1 or counts.size != shape[d]:
        raise RuntimeError(
            f"repeats must have the same size as input along dim, but got repeats.size(0) = "
            f"{counts.size} and input.size({d}) = {shape[d]}"
        )
    return picked(input, index=(slice(None),) * d + (np.repeat(np.arange(shape[d]), counts),))


def _counts(repeats: np.ndarray) -> np.ndarray:
    """How often each element is to be repeated, checked."""
    if repeats.dtype not in (np.int32, np.int64):
        raise unsupported("repeat_interleave", repeats.dtype)
    if repeats.ndim > 1:
        raise RuntimeError(f"repeats must be 0-dim or 1-dim tensor, got {repeats.ndim}-dim")
    if (repeats < 0).any():
        raise RuntimeError("repeats can not be negative")
    return repeats


@composed(method=False)
@of_tensors
def block_diag(*tensors: Any) -> Any:
    """The matrices along the diagonal of one matrix, zero elsewhere; vectors are rows."""
    if not tensors:
        return make(np.zeros((1, 0), get_default_dtype().numpy))
    matrices = []
    for i, x in enumerate(tensors):
        if x.ndim > 2:
            raise RuntimeError(
                "torch.block_diag: Input tensors must have 2 or fewer dimensions. "
                f"Input {i} has {x.ndim} dimensions"
            )
        matrices.append(reshaped(x, shape=(1,) * (2 - x.ndim) + x.array.shape))
    width = sum(m.array.shape[1] for m in matrices)
    rows, before = [], 0
    for m in matrices:
        n, k = m.array.shape
        left, right = m.new_zeros((n, before)), m.new_zeros((n, width - before - k))
        rows.append(cat([left, m, right], 1))
        before += k
    return cat(rows, 0)
