"""Slices and elements by number: index_select, index_add, take, put, masked_select and the like.

All are made of `picked`, `scattered` and `replaced` (indexing.py): read, add, replace.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.chain import broadcast
from ..core.doors import composed
from ..core.shapes import broadcast_shape, canonical_axis
from ..core.tensor import Tensor, make
from .arguments import kind, numpy_names, of_tensors
from .index_reading import Index, complaint, parse
from .indexing import picked, replaced, scattered
from .scattering import gather, reduced
from .views import reshaped, sliced


def _along(name: str, x: Tensor, dim: int, index: Any) -> tuple[int, np.ndarray]:
    """The axis, and the index as a vector of positions along it."""
    if not isinstance(index, Tensor):
        raise TypeError(
            f"{name}(): argument 'index' (position 3) must be Tensor, not {type(index).__name__}"
        )
    d = canonical_axis(dim, x.array.ndim)
    i = index.array
    if i.ndim > 1:
        raise _wrong(name, "ndim", ndim=i.ndim)
    if i.dtype not in (np.int64, np.int32):
        raise _wrong(name, "dtype", dtype=kind(i.dtype))
    i = i.reshape(-1)
    n = x.array.shape[d] if x.array.ndim else 1
    if name == "index_select":
        _selectable(x, i, n, d)
    elif i.size and (i.min() < -n or i.max() >= n):
        raise _wrong(name, "place", place=i[(i < -n) | (i >= n)][0], dim=d, size=n)
    return d, i


# What is said of an index, by op (None: any other) and by what is wrong with it. It is PyTorch's
# words, which are about the in-place form of some ops whichever was called.
_BEYOND = "index {place} is out of bounds for dimension {dim} with size {size}"
_WRONG: dict[tuple[str | None, str], tuple[type[Exception], str]] = {
    (None, "ndim"): (IndexError, "{op}_(): Index is supposed to be a vector, but got dim: {ndim}"),
    ("index_fill", "ndim"): (RuntimeError, "Index has to be a vector/scalar, but got {ndim}-D"),
    ("index_copy", "ndim"): (
        IndexError,
        "{op}_(): Index should have dimension 1 or 0 (got {ndim})",
    ),
    ("index_select", "ndim"): (
        IndexError,
        "{op}(): Index is supposed to be a vector, but got {ndim}-D",
    ),
    (None, "dtype"): (
        RuntimeError,
        "{op}_(): Expected dtype int32/int64 for index but got: {dtype}",
    ),
    ("index_fill", "dtype"): (IndexError, "{op}_(): Expected dtype int64 for index, got {dtype}"),
    ("index_copy", "dtype"): (
        RuntimeError,
        "{op}_(): Expected a long tensor for index, but got {dtype}",
    ),
    ("index_select", "dtype"): (
        RuntimeError,
        "{op}(): Expected dtype int32 or int64 for index, got {dtype}",
    ),
    ("index_add", "place"): (RuntimeError, _BEYOND),
    ("index_fill", "place"): (IndexError, _BEYOND),
    ("index_copy", "place"): (IndexError, "{op}_(): " + _BEYOND),
    ("index_reduce", "place"): (
        IndexError,
        "index out of range in self: {op}() got index {place} for size {size}",
    ),
}


def _wrong(op: str, what: str, **facts: Any) -> Exception:
    error, text = _WRONG.get((op, what)) or _WRONG[None, what]
    return error(text.format(op=op, **facts))


def _selectable(x: Tensor, i: np.ndarray, n: int, d: int) -> None:
    """RuntimeError unless `index_select` may take the indices i along axis d, of size n.

    IndexError for indices beyond the first axis, as PyTorch says it.
    """
    if not x.array.ndim and i.size != 1:
        raise RuntimeError(
            f"index_select(): Index to scalar can have only 1 value, got {i.size} value(s)"
        )
    if i.size and n == 0:
        raise RuntimeError("index_select(): self indexing axis dim should be positive")
    if i.size and (i.min() < 0 or i.max() >= n):
        wrong = i[(i < 0) | (i >= n)][0]
        if d == 0:
            raise IndexError(f"index out of range in self: got index {wrong} for size {n}")
        raise RuntimeError(f"INDICES element is out of DATA bounds, id={wrong} axis_dim={n}")


def _at(d: int, i: Any) -> Index:
    return (slice(None),) * d + (i,)


@composed()
@numpy_names
def index_select(input: Any, dim: int, index: Any) -> Any:
    """The slices index[0], index[1], ... of the input along `dim`; a copy."""
    d, i = _along("index_select", input, dim, index)
    x = input if input.array.ndim else reshaped(input, shape=(1,))
    out = picked(x, index=_at(d, i))
    return out if input.array.ndim else reshaped(out, shape=())


def _matching(name: str, x: Tensor, d: int, i: np.ndarray, source: Tensor) -> Any:
    """`source` checked against the slices of x that it goes to."""
    if source.array.dtype != x.array.dtype:
        if name == "index_copy":
            raise RuntimeError(
                "index_copy_(): self and source expected to have the same dtype, but got (self) "
                f"{kind(x.array.dtype)} and (source) {kind(source.array.dtype)}"
            )
        raise RuntimeError(
            f"{name}_(): self ({kind(x.array.dtype)}) and source ({kind(source.array.dtype)}) must "
            "have the same scalar type"
        )
    want = (*x.array.shape[:d], i.size, *x.array.shape[d + 1 :]) if x.array.ndim else ()
    if source.array.shape == want:
        return source
    if source.array.ndim == 0 and i.size == 1:
        return broadcast(source, shape=want)
    if name == "index_copy" and x.array.ndim and 0 < source.array.ndim != x.array.ndim:
        raise IndexError(
            "index_copy_(): When source and destination are not scalars, their dimensionality must "
            f"match. Source dimensionality ({source.array.ndim}), destination dimensionality "
            f"({x.array.ndim})"
        )
    have = source.array.shape[min(d, source.array.ndim - 1)] if source.array.ndim else 1
    if have != i.size:
        kind_of_error = IndexError if name == "index_copy" else RuntimeError
        raise kind_of_error(
            f"{name}_(): Number of indices ({i.size}) should be equal to source.size(dim)"
            + (f" ({have})" if name == "index_copy" else f": ({have}), for dim: {d}")
        )
    if name == "index_add":
        raise RuntimeError(
            "source tensor shape must match self tensor shape, excluding the specified dimension. "
            f"Got self.shape = {list(x.array.shape)} source.shape = {list(source.array.shape)}"
        )
    raise RuntimeError(
        f"{name}_(): Source/destination tensor must have same slice shapes. Destination slice "
        f"shape: {list(want)} at dimension {d} and source slice shape: "
        f"{list(source.array.shape)} at dimension {d}."
    )


@composed(inplace=True, apart=True)
def index_add(input: Any, dim: int, index: Any, source: Any, *, alpha: Any = 1) -> Any:
    """The input with alpha * source[i] added to its slice number index[i] along `dim`."""
    d, i = _along("index_add", input, dim, index)
    y = _matching("index_add", input, d, i, source)
    y = y if alpha == 1 else y * alpha
    if not input.array.ndim:
        return input + y
    return input + scattered(y, shape=input.array.shape, index=_at(d, i))


@composed(inplace=True, apart=True)
def index_copy(input: Any, dim: int, index: Any, source: Any) -> Any:
    """The input with source[i] in the place of its slice number index[i] along `dim`."""
    d, i = _along("index_copy", input, dim, index)
    y = _matching("index_copy", input, d, i, source)
    return replaced(input, y, index=_at(d, i) if input.array.ndim else (...,))


@composed(inplace=True, apart=True)
def index_fill(input: Any, dim: int, index: Any, value: Any) -> Any:
    """The input with `value`, a number or 0-d Tensor, in its slices index[0], index[1], ..."""
    d, i = _along("index_fill", input, dim, index)
    if not isinstance(value, Tensor):
        value = make(np.asarray(value, input.array.dtype))
    if value.array.ndim:
        raise RuntimeError(
            "index_fill_ only supports a 0-dimensional value tensor, but got tensor with "
            f"{value.array.ndim} dimension(s)."
        )
    # a slice named twice is filled once: the value's gradient counts it once
    return replaced(input, value, index=_at(d, np.unique(i)) if input.array.ndim else (...,))


@composed(inplace=True, apart=True)
def index_reduce(
    input: Any, dim: int, index: Any, source: Any, reduce: str, *, include_self: bool = True
) -> Any:
    """Slices of source that share a place reduced by prod, mean, amax or amin."""
    if reduce not in ("prod", "mean", "amax", "amin"):
        raise RuntimeError(
            f"index_reduce(): Expected reduce to be one of prod, mean, amax or amin but got "
            f"{reduce}."
        )
    d, i = _along("index_reduce", input, dim, index)
    y = _matching("index_reduce", input, d, i, source)
    if input.array.ndim == 0:
        one = reshaped(input, shape=(1,)), reshaped(y, shape=(1,))
        return reshaped(
            reduced(one[0], 0, make(i.reshape(1)), one[1], reduce, include_self, "index_reduce"),
            shape=(),
        )
    shape = [1] * input.array.ndim
    shape[d] = i.size
    full = make(np.broadcast_to(i.reshape(shape), y.array.shape))
    return reduced(input, d, full, y, reduce, include_self, "index_reduce")


# -- any index -------------------------------------------------------------------------------------


@composed(inplace=True, apart=True)
def index_put(input: Any, indices: Any, values: Any, accumulate: bool = False) -> Any:
    """The input with `values` in the place of (or added to) input[indices]; None: a full axis."""
    if not isinstance(indices, (tuple, list)):
        raise TypeError(
            "index_put(): argument 'indices' (position 2) must be tuple of Tensors, not "
            f"{type(indices).__name__}"
        )
    full = tuple([slice(None) if i is None else i for i in indices])
    _, index = parse(full, input.array.shape)
    if index is None:
        index = full
    if not isinstance(values, Tensor):
        values = make(np.asarray(values, input.array.dtype))
    if values.array.dtype != input.array.dtype:
        raise RuntimeError(
            "Index put requires the source and destination dtypes match, got "
            f"{kind(input.array.dtype)} for the destination and {kind(values.array.dtype)} for "
            "the source."
        )
    try:
        target = np.broadcast_to(np.int8(0), input.array.shape)[index].shape
    except IndexError as error:
        raise complaint(error, input.array, index) from None
    try:
        fits = broadcast_shape([target, values.array.shape]) == target
    except RuntimeError:
        fits = False
    if not fits:
        raise RuntimeError(
            f"shape mismatch: value tensor of shape {list(values.array.shape)} cannot be broadcast "
            f"to indexing result of shape {list(target)}"
        )
    if not accumulate:
        return replaced(input, values, index=index)
    y = broadcast(values, shape=target)
    return input + scattered(y, shape=input.array.shape, index=index)


@composed()
@of_tensors
def take(input: Any, index: Any) -> Any:
    """The elements at `index` of the input as if flattened, in the shape of the index."""
    flat = reshaped(input, shape=(input.array.size,))
    i = _flat_index("take", index, input.array.size)
    return reshaped(picked(flat, index=(i.reshape(-1),)), shape=i.shape)


def _flat_index(name: str, index: Tensor, n: int) -> np.ndarray:
    i = index.array
    if i.dtype != np.int64:
        raise RuntimeError(f"{name}(): Expected a long tensor for index, but got {kind(i.dtype)}")
    if i.size and n == 0 and name == "take":
        raise IndexError("take(): tried to take from an empty tensor")
    if i.size and (i.min() < -n or i.max() >= n):
        wrong = i[(i < -n) | (i >= n)].flat[0]
        raise IndexError(
            f"out of range: tried to access index {wrong} on a tensor of {n} elements."
        )
    return i


@composed(inplace=True, apart=True)
@of_tensors
def put(input: Any, index: Any, source: Any, accumulate: bool = False) -> Any:
    """The input with source's elements at (or added at) `index`, counted as if flattened."""
    n = input.array.size
    i = _flat_index("put_", index, n).reshape(-1)
    if source.array.dtype != input.array.dtype:
        raise RuntimeError(
            "put_(): self and source expected to have the same dtype, but got self.dtype = "
            f"{kind(input.array.dtype)} and source.dtype = {kind(source.array.dtype)}"
        )
    if source.array.size != i.size:
        raise IndexError(
            "put_(): Expected source and index to have the same number of elements, but got "
            f"source.numel() = {source.array.size}, index.numel() = {i.size}"
        )
    flat = reshaped(input, shape=(n,))
    values = reshaped(source, shape=(i.size,))
    if accumulate:
        out = flat + scattered(values, shape=(n,), index=(i,))
    else:
        out = replaced(flat, values, index=(i,))
    return reshaped(out, shape=input.array.shape)


@composed()
@of_tensors
def take_along_dim(input: Any, indices: Any, dim: int | None = None) -> Any:
    """`gather` with the index and the input broadcast against each other along the other axes."""
    if indices.array.dtype != np.int64:
        raise RuntimeError(
            "torch.take_along_dim(): dtype of indices should be Long but got "
            f"{kind(indices.array.dtype)}"
        )
    i = indices.array
    if i.size and i.min() < 0:  # counted from the end, as nowhere else
        n = input.array.size if dim is None else input.array.shape[dim]
        indices = make(np.where(i < 0, i + n, i))
    if dim is None:
        flat = reshaped(input, shape=(input.array.size,))
        return gather(flat, 0, reshaped(indices, shape=(indices.array.size,)))
    if input.array.ndim != indices.array.ndim:
        raise RuntimeError(
            "torch.take_along_dim(): input and indices should have the same number of dimensions, "
            f"but got {input.array.ndim} dimensions for input, and {indices.array.ndim} dimensions "
            "for indices"
        )
    d = canonical_axis(dim, input.array.ndim)
    a, i = list(input.array.shape), list(indices.array.shape)
    n, m = a[d], i[d]
    a[d] = i[d] = 1
    common = list(broadcast_shape([a, i]))
    x = broadcast(input, shape=(*common[:d], n, *common[d + 1 :]))
    return gather(x, d, broadcast(indices, shape=(*common[:d], m, *common[d + 1 :])))


# -- masks -----------------------------------------------------------------------------------------


def _mask(name: str, mask: Any) -> np.ndarray:
    if mask.array.dtype != bool:
        raise RuntimeError(f"{name}: expected BoolTensor for mask, got {kind(mask.array.dtype)}")
    return mask.array


@composed()
@of_tensors
def masked_select(input: Any, mask: Any) -> Any:
    """The elements where `mask` is True, as a vector; both are broadcast."""
    m = _mask("masked_select", mask)
    shape = broadcast_shape([input.array.shape, m.shape])
    x = input if input.array.shape == shape else broadcast(input, shape=shape)
    if not shape:
        return picked(reshaped(x, shape=(1,)), index=(m.reshape(1),))
    return picked(x, index=(np.broadcast_to(m, shape),))


@composed(inplace=True)
@of_tensors
def masked_scatter(input: Any, mask: Any, source: Any) -> Any:
    """The input with the first elements of `source` where the (broadcast) mask is True."""
    if mask.array.dtype != bool:
        raise RuntimeError(
            "masked_scatter_ only supports boolean masks, but got mask with dtype "
            f"{kind(mask.array.dtype)}"
        )
    m = mask.array
    if source.array.dtype != input.array.dtype:
        raise RuntimeError(
            "masked_scatter: expected self and source to have same dtypes but got "
            f"{kind(input.array.dtype)} and {kind(source.array.dtype)}"
        )
    shape = broadcast_shape([input.array.shape, m.shape])
    x = input if input.array.shape == shape else broadcast(input, shape=shape)
    m = np.broadcast_to(m, shape)
    n = int(m.sum())
    if source.array.size < n:
        raise RuntimeError(
            f"Number of elements of source < number of ones in mask ({source.array.size} < {n})"
        )
    values = sliced(reshaped(source, shape=(source.array.size,)), index=(slice(n),))
    if not shape:
        return reshaped(replaced(reshaped(x, shape=(1,)), values, index=(m.reshape(1),)), shape=())
    return replaced(x, values, index=(m,))


# -- regions ---------------------------------------------------------------------------------------


@composed()
def select_scatter(input: Any, src: Any, dim: int, index: int) -> Any:
    """The input with `src` in the place of `input.select(dim, index)`."""
    d = canonical_axis(dim, input.array.ndim)
    where = (slice(None),) * d + (int(index),)
    _same_shape("select_scatter", src, input.array[where].shape)
    return replaced(input, src, index=where)


@composed()
@of_tensors
def slice_scatter(
    input: Any, src: Any, dim: int = 0, start: Any = None, end: Any = None, step: int = 1
) -> Any:
    """The input with `src` in the place of its slice start:end:step along `dim`."""
    d = canonical_axis(dim, input.array.ndim)
    where = (slice(None),) * d + (slice(start, end, step),)
    _same_shape("slice_scatter", src, input.array[where].shape)
    return replaced(input, src, index=where)


def _same_shape(name: str, src: Tensor, shape: Sequence[int]) -> None:
    if src.array.shape != tuple(shape):
        raise RuntimeError(
            "expected src to have a size equal to the slice of self. src size = "
            f"{list(src.array.shape)}, slice size = {list(shape)} ({name})"
        )
