"""Taking apart: split, chunk, unbind and their relatives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.chain import blank
from ..core.doors import composed, primitive
from ..core.modes import current
from ..core.node import Node, Pick
from ..core.primitive import REGISTRY, Primitive
from ..core.samples import Real, one_of, sample
from ..core.shapes import canonical_axis
from ..core.tensor import Tensor, bind, live_node, make_view
from .arguments import kind, numpy_names, of_tensors
from .joining import along, joined, offsets, stacked
from .views import sliced


def _together(g: Any, x_shape: Sequence[int], sizes: Sequence[int], dim: int) -> Any:
    known = next(a for a in g if a is not None)
    shape = list(x_shape)
    parts = []
    for a, n in zip(g, sizes, strict=True):
        shape[dim] = n
        parts.append(blank(known, tuple(shape)) if a is None else a)
    return joined(*parts, dim=dim)


@primitive(
    _together,
    outputs=True,
    view=True,
    promote=None,
    method=False,
    title="Split",
    samples=[sample(Real("n 5 m"), sizes=one_of((2, 3), (5,), (1, 1, 3)), dim=1)],
)
def pieces(x: Any, *, sizes: Sequence[int], dim: int) -> Any:
    """x cut along the axis `dim` into pieces of the given sizes."""
    return tuple([x[along(dim, s)] for s in offsets(sizes)])


def _restacked(g: Any, x_shape: Sequence[int], dim: int) -> Any:
    known = next(a for a in g if a is not None)
    shape = (*x_shape[:dim], *x_shape[dim + 1 :])
    return stacked(*[blank(known, shape) if a is None else a for a in g], dim=dim)


@primitive(
    _restacked,
    outputs=True,
    view=True,
    promote=None,
    method=False,
    title="Unbind",
    samples=[sample(Real("3 n"), dim=0), sample(Real("n 2 m"), dim=1)],
)
def slices(x: Any, *, dim: int) -> Any:
    """x[0], x[1], ... along the axis `dim`."""
    lead = (slice(None),) * dim
    return tuple([x[(*lead, i, ...)] for i in range(x.shape[dim])])


def _views(op: Primitive, x: Tensor, arrays: Sequence[np.ndarray], *meta: Any) -> tuple[Any, ...]:
    """The views `arrays` of x as outputs of one node: what `op.apply` would record."""
    a = x.array
    node = (x.node if x.base is None else live_node(x)) if current().grad else None
    if node is None:
        return tuple([make_view(v, None, x) for v in arrays])
    shapes = tuple([v.shape for v in arrays])
    source = Node(op, (node,), (None, None, a.shape, *meta), shapes, None)
    d = a.dtype
    return tuple([make_view(v, Pick(source, i, v.shape, d), x) for i, v in enumerate(arrays)])


def _cut(x: Tensor, sizes: Sequence[int], dim: int) -> tuple[Any, ...]:
    """x in pieces: the short way through `pieces`."""
    a = x.array
    if current().watch is not None:
        return pieces(x, sizes=sizes, dim=dim)
    lead = (slice(None),) * dim
    arrays, start = [], 0
    for n in sizes:
        arrays.append(a[(*lead, slice(start, start + n))])
        start += n
    return _views(REGISTRY["pieces"], x, arrays, sizes, dim)


@composed()
def split(
    tensor: Any, split_size_or_sections: Any = None, dim: int = 0, *, split_size: Any = None
) -> Any:
    """Views of consecutive pieces along `dim`: all of one size, the last maybe less, or a list."""
    if split_size is not None:
        split_size_or_sections = split_size
    if isinstance(split_size_or_sections, (list, tuple)):
        return split_with_sizes(tensor, split_size_or_sections, dim)
    n, d = _extent("split", tensor, dim)
    size = split_size_or_sections
    if isinstance(size, bool) or not hasattr(size, "__index__"):
        raise TypeError(f"split_size must be an int or a list of ints, not {type(size).__name__}")
    size = int(size)
    if size < 0:
        raise RuntimeError(f"split expects split_size be non-negative, but got split_size={size}")
    if size == 0:
        if n:
            raise RuntimeError(
                f"split_size can only be 0 if dimension size is 0, but got dimension size of {n}"
            )
        return _cut(tensor, (0,), d)
    count = max(-(-n // size), 1)
    return _cut(tensor, (size,) * (count - 1) + (n - size * (count - 1),), d)


def _extent(name: str, x: Any, dim: int) -> tuple[int, int]:
    if not isinstance(x, Tensor):
        raise TypeError(f"{name}(): argument 'input' must be Tensor, not {type(x).__name__}")
    if x.array.ndim == 0:
        if name == "tensor_split":
            raise RuntimeError(
                "tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 "
                "dims"
            )
        raise RuntimeError(f"{name} expects at least a 1-dimensional tensor")
    d = canonical_axis(dim, x.array.ndim)
    return x.array.shape[d], d


@composed()
def split_with_sizes(input: Any, split_sizes: Sequence[int], dim: int = 0) -> Any:
    """Views of consecutive pieces of the given sizes along `dim`; they must sum to its size."""
    n, d = _extent("split_with_sizes", input, dim)
    sizes = tuple([int(s) for s in split_sizes])
    if any(s < 0 for s in sizes):
        raise RuntimeError(
            "split_with_sizes expects split_sizes have only non-negative entries, "
            f"but got split_sizes={list(sizes)}"
        )
    if sum(sizes) != n:
        raise RuntimeError(
            f"split_with_sizes expects split_sizes to sum exactly to {n} (input tensor's size at "
            f"dimension {d}), but got split_sizes={list(sizes)}"
        )
    return _cut(input, sizes, d)


@composed()
@numpy_names
def chunk(input: Any, chunks: int, dim: int = 0) -> Any:
    """At most `chunks` views of equal size along `dim`; the last may be smaller."""
    n, d = _extent("chunk", input, dim)
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    size = -(-n // chunks)
    if size == 0:
        return _cut(input, (0,) * chunks, d)
    return split(input, size, d)


def _bounds(n: int, sections: Any) -> list[int]:
    """The sizes of tensor_split's pieces: `sections` is their number or the list of cuts."""
    if isinstance(sections, Tensor):
        sections = sections.tolist()
    if isinstance(sections, int):
        if sections <= 0:
            raise RuntimeError(f"number of sections must be larger than 0, got {sections}")
        return [n // sections + (i < n % sections) for i in range(sections)]
    raise TypeError(type(sections).__name__)


@composed()
@numpy_names
def tensor_split(
    input: Any, indices_or_sections: Any, dim: int = 0, *, indices: Any = None, sections: Any = None
) -> Any:
    """Views along `dim`: a number of nearly equal pieces, or cut before each given index."""
    for given in (indices, sections):
        indices_or_sections = indices_or_sections if given is None else given
    n, d = _extent("tensor_split", input, dim)
    cuts = indices_or_sections
    if isinstance(cuts, Tensor):
        if cuts.array.dtype != np.int64:
            raise RuntimeError(
                "tensor_split expected tensor_indices_or_sections to have dtype of long, but got "
                f"{kind(cuts.array.dtype)}"
            )
        if cuts.array.ndim > 1:
            raise RuntimeError(
                "tensor_split expected tensor_indices_or_sections to be a zero-dimensional or "
                f"one-dimensional tensor, but got a tensor with {cuts.array.ndim} dims"
            )
        cuts = cuts.tolist()
    if not isinstance(cuts, (list, tuple)):
        return _cut(input, tuple(_bounds(n, cuts)), d)
    ends = [slice(None, c).indices(n)[1] for c in cuts]
    edges = list(zip([0, *ends], [*ends, n], strict=True))
    return tuple([sliced(input, index=along(d, slice(a, max(a, b)))) for a, b in edges])


def _split_along(name: str, dim: int, least: int) -> Any:
    @of_tensors
    @of_tensors
    @of_tensors
    def cut(input: Any, indices_or_sections: Any) -> Any:
        if input.ndim < least:
            raise RuntimeError(
                f"torch.{name} requires a tensor with at least {least} dimension, but got a tensor "
                f"with {input.ndim} dimensions!"
            )
        d = 0 if name == "hsplit" and input.ndim == 1 else dim
        n = indices_or_sections
        if isinstance(n, int) and (n == 0 or input.shape[d] % n):
            raise RuntimeError(
                f"torch.{name} attempted to split along dimension {d}, but the size of the "
                f"dimension {input.shape[d]} is not divisible by the split_size "
                f"{indices_or_sections}!"
            )
        return tensor_split(input, indices_or_sections, d)

    cut.__name__ = cut.__qualname__ = name
    cut.__doc__ = f"Views that cut the tensor along axis {dim}, see `tensor_split`."
    return composed()(cut)


hsplit = _split_along("hsplit", 1, 1)
vsplit = _split_along("vsplit", 0, 2)
dsplit = _split_along("dsplit", 2, 3)


@composed()
@numpy_names
def unbind(input: Any, dim: int = 0) -> Any:
    """Views x[0], x[1], ... along the axis `dim`."""
    if input.array.ndim == 0:
        raise IndexError("Dimension specified as 0 but tensor has no dimensions")
    d = canonical_axis(dim, input.array.ndim)
    if current().watch is not None:
        return slices(input, dim=d)
    op = REGISTRY["slices"]
    return _views(op, input, op.forward(input.array, dim=d), d)


def _iterate(self: Tensor) -> Any:
    if self.array.ndim == 0:
        raise TypeError("iteration over a 0-d tensor")
    return iter(self.unbind(0))


bind("__iter__", _iterate)
