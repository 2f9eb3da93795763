"""x[index] and x[index] = value, for every index PyTorch accepts.

An index is read as PyTorch reads it: first its basic parts (integers, slices, None, Ellipsis) take
a view, then the integer arrays and masks pick elements out of that view. The result of the second
step lies where the first array was, or in front if other axes lie between the arrays: NumPy's rule,
except that an integer is always a basic part.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from types import EllipsisType, NoneType
from typing import Any

import numpy as np

from ..core.chain import blank
from ..core.doors import primitive
from ..core.inplace import rebase, require_apart, require_writable
from ..core.modes import current
from ..core.node import Leaf, Node, owner
from ..core.primitive import REGISTRY
from ..core.samples import Real, sample
from ..core.tensor import Tensor, bind, live_node, stamp
from ..kernels import lines, masks
from ..kernels.scatter import add_rows
from .arguments import fitting, kind
from .expanding import expanded_shape
from .index_reading import INT64, Index, complaint, is_basic, is_simple, parse
from .views import reshaped, sliced

_ROWS = np.array([2, 0, 2])
_MASK = np.array([True, False, True])


@primitive(
    lambda g, x_shape, index: scattered(g, shape=x_shape, index=index),
    promote=None,
    method=False,
    title="Index",
    samples=[
        sample(Real("3 n"), index=(_ROWS,)),
        sample(Real("n 3 3"), index=(slice(None), _ROWS[:2], _MASK)),
        sample(Real("3 n"), index=(_MASK,)),
    ],
)
def picked(x: Any, *, index: Index) -> Any:
    """x[index] for integer arrays and masks, one at most for each axis, and full slices; a copy."""
    i = index[-1]
    if len(index) == 1 and i.shape == x.shape and x.size >= masks.LARGE:
        if i.dtype.kind == "b":
            return masks.picked(x, i)
    if i.dtype.kind != "b" and all(isinstance(s, slice) for s in index[:-1]):
        return x.take(i, axis=len(index) - 1)
    return x[index]


@primitive(
    lambda g, index: picked(g, index=index),
    promote=None,
    method=False,
    title="IndexBackward",
    samples=[
        sample(Real("3 m"), shape=lambda m: (4, m), index=(_ROWS,)),
        sample(Real("2 m"), shape=lambda m: (3, m), index=(_MASK,)),
    ],
)
def scattered(g: Any, *, shape: Sequence[int], index: Index) -> Any:
    """Zeros of `shape` with g added at `index` (elements picked twice receive both)."""
    i = index[0]
    if len(index) == 1 and len(shape) > 1 and i.dtype.kind != "b":
        rows = (i % max(shape[0], 1)).reshape(-1)
        width = math.prod(shape[1:])
        return add_rows(g.reshape(rows.size, width), rows, shape[0]).reshape(shape)
    i = index[-1]
    alone = len(index) == 1 or sum(not isinstance(i, slice) for i in index) == 1
    if alone and i.ndim == 1 and i.dtype is INT64:
        dim = len(index) - 1
        sums = lines.add_along_axis(g, i % max(shape[dim], 1), tuple(shape), dim)
        if sums is not None:
            return sums
    if alone and i.dtype.kind == "b" and i.shape == tuple(shape) and g.ndim == 1:
        return masks.spread(g, i)
    out = np.zeros(shape, g.dtype)
    if alone and i.dtype.kind == "b":
        out[index] += g  # a single mask names no element twice
    else:
        np.add.at(out, index, g)
    return out


@primitive(
    lambda g, index: replaced(g, blank(g, ()), index=index),
    lambda g, index: g[index],
    promote=None,
    method=False,
    title="IndexPut",
    samples=[
        sample(Real("3 n"), Real("3 n"), index=(np.array([2, 0, 1]),)),
        sample(Real("3 n"), Real("2 n"), index=(_MASK,)),
        sample(Real("3 n"), Real(""), index=(1, slice(0, None, 2))),
    ],
)
def replaced(x: Any, v: Any, *, index: Index) -> Any:
    """x with v, broadcast, in the place of x[index]."""
    out = np.array(x)
    out[index] = v
    return out


# -- x[index] --------------------------------------------------------------------------------------


def getitem(self: Tensor, index: Any) -> Any:
    """x[index]: a view for integers, slices, None and Ellipsis, a copy where arrays take part."""
    if type(index) is Tensor and is_simple(index.array, self.array):
        return _pick(self, (index.array,))
    if is_basic(index):
        key = index if type(index) is tuple else (index,)
        try:
            return sliced(self, index=key)
        except IndexError as error:
            if key.count(...) < 2:
                raise complaint(error, self.array, index) from None
    basic, advanced = parse(as_tuple(index), self.array.shape)
    try:
        x = sliced(self, index=basic) if any(b != slice(None) for b in basic) else self
    except IndexError as error:
        raise complaint(error, self.array, index) from None
    if advanced is None:
        return x
    return _pick(x, advanced)


def as_tuple(index: Any) -> Any:
    """A list that holds Tensors, lists, slices or None stands for a tuple; others are arrays."""
    if not isinstance(index, list) or len(index) >= 32:
        return index
    if any(isinstance(i, _NO_NUMBERS) for i in index):
        warnings.warn(
            "Using a non-tuple sequence for multidimensional indexing is deprecated and will be "
            "changed in pytorch 2.9; use x[tuple(seq)] instead of x[seq]. In pytorch 2.9 this will "
            "be interpreted as tensor index, x[torch.tensor(seq)], which will result either in an "
            "error or a different result",
            UserWarning,
            stacklevel=3,
        )
        return tuple(index)
    return index


_NO_NUMBERS = (slice, NoneType, EllipsisType, Tensor, list, tuple, range)


def _pick(x: Tensor, advanced: Index) -> Any:
    try:
        return picked(x, index=advanced)
    except IndexError as error:
        raise complaint(error, x.array, advanced) from None


# -- x[index] = value ------------------------------------------------------------------------------


def setitem(self: Tensor, index: Any, value: Any) -> None:
    """x[index] = value, in place; differentiable in x and in the value.

    The value is broadcast and converted to x's dtype.
    """
    target: Tensor = self
    where: Any
    basic_only = is_basic(index) and (type(index) is not tuple or index.count(...) < 2)
    if basic_only and isinstance(self.node, Leaf) and current().grad:
        raise RuntimeError(
            "a view of a leaf Variable that requires grad is being used in an in-place operation. "
            "Wrap the write in `with no_grad():`, or write out of place"
        )
    if basic_only and 0 in self.array.strides and index is not Ellipsis:
        # an expanded tensor may be written where the index picks one of the copies
        target, index = getitem(self, index), ...
    require_writable(target)
    if basic_only:
        where = index if type(index) is tuple else (index,)
    elif type(index) is Tensor and is_simple(index.array, self.array):
        where = (index.array,)
    else:
        basic, advanced = parse(as_tuple(index), self.array.shape)
        where, basic_only = basic, advanced is None  # Tensors without axes are numbers
        if advanced is not None:
            where = advanced
            if any(b != slice(None) for b in basic):
                target = getitem(self, basic)
    v: Any
    if isinstance(value, Tensor):
        v = value.array
        if basic_only and value.base is not None and _is_there(target, where, v):
            return  # x[i] += y ends with x[i] = (x[i] itself)
        if not basic_only and v.dtype != target.array.dtype:
            _require_one_dtype(target.array, where, v)
        if v.base is not None or target.array.base is not None:
            require_apart(target.array[where] if basic_only else target.array, v, partly=basic_only)
    elif isinstance(value, (int, float, complex, bool)):
        v = fitting(value, target.array.dtype)
    elif isinstance(value, np.generic):
        v = np.asarray(value)
    else:
        room = type(value).__module__
        name = type(value).__name__ if room == "builtins" else f"{room}.{type(value).__name__}"
        raise TypeError(f"can't assign a {name} to a {self.type()}")
    a = target.array
    if current().grad:
        parents = (live_node(target), live_node(value) if isinstance(value, Tensor) else None)
        if parents[0] is not None or parents[1] is not None:
            _record_write(target, where, value, parents)
            return
    _assign(a, where, v)
    stamp(target, "__setitem__")


def _require_one_dtype(a: np.ndarray, where: Index, v: np.ndarray) -> None:
    """RuntimeError for a value of another dtype, unless it is one element under a single mask."""
    arrays = [i for i in where if isinstance(i, np.ndarray)]
    if not arrays or (len(where) == 1 and arrays[0].dtype.kind == "b" and v.size == 1):
        return
    raise RuntimeError(
        "Index put requires the source and destination dtypes match, got "
        f"{kind(a.dtype)} for the destination and {kind(v.dtype)} for the source."
    )


def _is_there(x: Tensor, where: Index, v: np.ndarray) -> bool:
    """Whether v is already what x[where] looks at."""
    if owner(v) is not owner(x.array):
        return False
    region = x.array[where]
    return (
        isinstance(region, np.ndarray)
        and region.shape == v.shape
        and region.strides == v.strides
        and region.__array_interface__["data"] == v.__array_interface__["data"]
    )


def _assign(a: np.ndarray, where: Index, v: Any) -> None:
    if isinstance(v, np.ndarray) and np.may_share_memory(a, v):
        v = v.copy()
    try:
        a[where] = v
    except IndexError as error:
        raise complaint(error, a, where) from None
    except (ValueError, TypeError) as error:  # of a mask, NumPy says it in a TypeError
        shape = _shape_of(a, where)
        surplus = np.ndim(v) - len(shape)
        if surplus > 0 and np.shape(v)[:surplus] == (1,) * surplus:
            _assign(a, where, np.reshape(v, np.shape(v)[surplus:]))
            return
        if not any(isinstance(i, np.ndarray) for i in where):
            expanded_shape(np.asarray(v), shape)  # words the error
        raise RuntimeError(
            f"shape mismatch: value tensor of shape {list(np.shape(v))} cannot be broadcast "
            f"to indexing result of shape {list(shape)}"
        ) from error


def _shape_of(a: np.ndarray, where: Index) -> tuple[int, ...]:
    return np.broadcast_to(np.int8(0), a.shape)[where].shape


def _record_write(x: Tensor, where: Index, value: Any, parents: Any) -> None:
    """Write, and give x the node of "x with `where` replaced"."""
    v = value
    if isinstance(value, Tensor) and value.array.ndim and value.array.shape[0] == 1:
        surplus = value.array.ndim - len(_shape_of(x.array, where))
        if surplus > 0 and value.array.shape[:surplus] == (1,) * surplus:
            v = reshaped(value, shape=value.array.shape[surplus:])
            parents = (parents[0], live_node(v))
    values = v.array if isinstance(v, Tensor) else np.asarray(v)
    _assign(x.array, where, values)
    stamp(x, "__setitem__")
    op = REGISTRY["replaced"]
    saved = op.keep(parents, (x.array, values), {"index": where}, x.array, None)
    rebase(x, Node(op, parents, saved, x.array.shape, x.array.dtype))


bind("__getitem__", getitem)
bind("__setitem__", setitem)
