"""Joining tensors: cat, stack and their relatives."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.doors import composed, primitive
from ..core.modes import current
from ..core.node import Node
from ..core.primitive import REGISTRY, Primitive
from ..core.samples import Real, one_of, sample
from ..core.shapes import canonical_axis
from ..core.tensor import Tensor, live_node, make
from ..kernels import copying
from ..kernels.copying import row_major
from .arguments import no_out, numpy_names
from .shaping import atleast_1d, atleast_2d, atleast_3d, reshape
from .views import sliced


def along(axis: int, index: Any) -> tuple[Any, ...]:
    """The index that takes `index` along `axis` and everything of the axes before."""
    return (slice(None),) * axis + (index,)


def offsets(sizes: Sequence[int]) -> list[slice]:
    """Where parts of these sizes lie, one behind the other."""
    bounds = [0]
    for n in sizes:
        bounds.append(bounds[-1] + n)
    return [slice(a, b) for a, b in itertools.pairwise(bounds)]


def _apart(g: Any, tensors_shape: Sequence[Sequence[int]], dim: int) -> tuple[Any, ...]:
    places = offsets([shape[dim] for shape in tensors_shape])
    return tuple([sliced(g, index=along(dim, s)) for s in places])


@primitive(
    _apart,
    method=False,
    title="Cat",
    samples=[sample(Real("n m"), Real("n k"), Real("n 1"), dim=1), sample(Real("n"), dim=0)],
)
def joined(*tensors: Any, dim: int) -> Any:
    """Arrays joined along the axis `dim`."""
    return _in_order(copying.joined(tensors, dim))


def _in_order(out: np.ndarray) -> np.ndarray:
    """The joined arrays, copied unless they are row-major or channels-last. NumPy keeps any order
    that all of them have."""
    if out.ndim < 2 or out.flags.c_contiguous:
        return out
    kept = out.ndim in (4, 5) and np.moveaxis(out, 1, -1).flags.c_contiguous
    return out if kept else out.copy()


@primitive(
    lambda g, tensors_shape, dim: tuple(
        [sliced(g, index=along(dim, i)) for i in range(len(tensors_shape))]
    ),
    method=False,
    title="Stack",
    samples=[sample(Real("n m"), Real("n m"), dim=one_of(0, 1, 2)), sample(Real(""), dim=0)],
)
def stacked(*tensors: Any, dim: int) -> Any:
    """Arrays of one shape joined along a new axis `dim`."""
    return row_major(copying.joined([np.expand_dims(x, dim) for x in tensors], dim))


def sequence_of_tensors(name: str, tensors: Any) -> list[Tensor]:
    """`tensors` as a list; TypeError unless they are Tensors, RuntimeError if there are none."""
    if isinstance(tensors, Tensor) or not isinstance(tensors, (list, tuple)):
        raise TypeError(
            f"{name}(): argument 'tensors' (position 1) must be tuple of Tensors, "
            f"not {type(tensors).__name__}"
        )
    for i, x in enumerate(tensors):
        if not isinstance(x, Tensor):
            raise TypeError(
                f"expected Tensor as element {i} in argument 0, but got {type(x).__name__}"
            )
    return list(tensors)


def _listed(tensors: Any) -> Any:
    if type(tensors) is list or type(tensors) is tuple:
        return tensors
    raise TypeError


@composed(method=False)
def cat(tensors: Any, dim: int = 0, *, axis: int | None = None, out: Any = None) -> Any:
    """Tensors joined along the axis `dim`; all other sizes must agree. Dtypes are promoted.

    A tensor of shape (0,) is skipped whatever the others' shapes are, as PyTorch does.
    """
    no_out("cat", out)
    dim = dim if axis is None else axis
    try:
        arrays = [x.array for x in _listed(tensors)]
        d = dim if dim >= 0 else dim + arrays[0].ndim
        value = _in_order(copying.joined(arrays, d))
    except (ValueError, IndexError, TypeError, AttributeError):
        pass  # what is wrong, or (0,) among others, is seen below
    else:
        if current().watch is None and all(a.dtype is value.dtype for a in arrays):
            return _recorded(REGISTRY["joined"], tensors, arrays, value, d)
    xs = sequence_of_tensors("cat", tensors)
    if not xs:
        raise ValueError("torch.cat(): expected a non-empty list of Tensors")
    solid = [x for x in xs if x.array.shape != (0,)] or xs
    first = solid[0].array
    for i, x in enumerate(solid):
        if x.array.ndim == 0:
            raise RuntimeError(
                f"zero-dimensional tensor (at position {i}) cannot be concatenated; "
                "use stack, or reshape it to (1,)"
            )
    d = canonical_axis(dim, first.ndim)
    for i, x in enumerate(solid[1:], 1):
        a = x.array
        if a.ndim != first.ndim:
            raise RuntimeError(
                f"Tensors must have same number of dimensions: got {first.ndim} and {a.ndim}"
            )
        if a.shape[:d] != first.shape[:d] or a.shape[d + 1 :] != first.shape[d + 1 :]:
            pairs = enumerate(zip(first.shape, a.shape, strict=True))
            wrong = next((m, n) for k, (m, n) in pairs if k != d and m != n)
            raise RuntimeError(
                f"Sizes of tensors must match except in dimension {d}. Expected size {wrong[0]} "
                f"but got size {wrong[1]} for tensor number {i} in the list."
            )
    return joined(*solid, dim=d)


concat = concatenate = cat


def _recorded(
    op: Primitive, tensors: Sequence[Tensor], arrays: list[Any], value: np.ndarray, dim: int
) -> Tensor:
    """The Tensor of `value`: what `op.apply` would record for tensors of one dtype."""
    if current().grad:
        nodes = tuple([x.node if x.base is None else live_node(x) for x in tensors])
        if nodes.count(None) != len(nodes):
            saved = (None, None, tuple([a.shape for a in arrays]), dim)
            return make(value, Node(op, nodes, saved, value.shape, value.dtype))
    return make(value)


@composed(method=False)
@numpy_names
def stack(tensors: Any, dim: int = 0, *, out: Any = None) -> Any:
    """Tensors of one shape joined along a new axis `dim`."""
    no_out("stack", out)
    try:
        arrays = [x.array for x in _listed(tensors)]
        shape = arrays[0].shape
        d = dim if dim >= 0 else dim + len(shape) + 1
        wide = (*shape[:d], 1, *shape[d:])
        same = d <= len(shape) and all(a.shape == shape for a in arrays)
        value = row_major(copying.joined([a.reshape(wide) for a in arrays], d)) if same else None
    except (ValueError, IndexError, TypeError, AttributeError):
        value = None  # what is wrong is seen below
    if value is not None and current().watch is None:
        if all(a.dtype is value.dtype for a in arrays):
            return _recorded(REGISTRY["stacked"], tensors, arrays, value, d)
    xs = sequence_of_tensors("stack", tensors)
    if not xs:
        raise RuntimeError("stack expects a non-empty TensorList")
    shape = xs[0].array.shape
    for i, x in enumerate(xs):
        if x.array.shape != shape:
            raise RuntimeError(
                f"stack expects each tensor to be equal size, but got {list(shape)} at entry 0 "
                f"and {list(x.array.shape)} at entry {i}"
            )
    return stacked(*xs, dim=canonical_axis(dim, len(shape) + 1))


@composed(method=False)
def hstack(tensors: Any, *, out: Any = None) -> Any:
    """Tensors joined along axis 1 (vectors along axis 0)."""
    no_out("hstack", out)
    xs = [atleast_1d(x) for x in sequence_of_tensors("hstack", tensors)]
    if not xs:
        raise RuntimeError("hstack expects a non-empty TensorList")
    return cat(xs, 0 if xs[0].ndim == 1 else 1)


@composed(method=False)
def vstack(tensors: Any, *, out: Any = None) -> Any:
    """Tensors joined along axis 0; vectors are rows."""
    no_out("vstack", out)
    xs = [atleast_2d(x) for x in sequence_of_tensors("vstack", tensors)]
    if not xs:
        raise RuntimeError("vstack expects a non-empty TensorList")
    return cat(xs, 0)


row_stack = vstack


@composed(method=False)
def dstack(tensors: Any, *, out: Any = None) -> Any:
    """Tensors joined along axis 2."""
    no_out("dstack", out)
    xs = [atleast_3d(x) for x in sequence_of_tensors("dstack", tensors)]
    if not xs:
        raise RuntimeError("dstack expects a non-empty TensorList")
    return cat(xs, 2)


@composed(method=False)
def column_stack(tensors: Any, *, out: Any = None) -> Any:
    """Tensors joined along axis 1; scalars and vectors are columns."""
    no_out("column_stack", out)
    xs = sequence_of_tensors("column_stack", tensors)
    if not xs:
        raise RuntimeError("column_stack expects a non-empty TensorList")
    return hstack([reshape(x, (x.numel(), 1)) if x.ndim <= 1 else x for x in xs])
