"""The primitives behind every view, each with its adjoint: new shape, new order of axes, a region.

A view shares memory with the tensor it was taken from (core/tensor.py). What users call is in
shaping.py, axes.py, expanding.py, parts.py and indexing.py; here metadata is already canonical:
shapes without -1, axes without negatives, an index without Tensors.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.doors import primitive
from ..core.inplace import require_known_view
from ..core.modes import current, enable_grad
from ..core.node import Leaf, Node
from ..core.primitive import REGISTRY, Primitive, shares_memory
from ..core.samples import Real, one_of, sample
from ..core.strided import geometry, layout
from ..core.tensor import Tensor, bind, live_node, make, make_view
from ..kernels import copying


def view_door(op: Primitive) -> Callable[..., Any]:
    """The short way through `op.apply` for a view, whose rule needs metadata only."""
    forward = op.forward
    extras = op.layout[2:]
    shape_of_input = op.inputs[0] + "_shape"
    shape_only = extras == (shape_of_input,)

    @functools.wraps(forward)
    def call(x: Any, **meta: Any) -> Any:
        if type(x) is np.ndarray:  # inside a rule
            return forward(x, **meta)
        if not isinstance(x, Tensor):
            return op.apply((x,), meta)
        mode = current()
        if mode.watch is not None:
            return op.apply((x,), meta)
        a = x.array
        out = forward(a, **meta)
        node = x.node if x.base is None else live_node(x)
        if node is not None:
            if not mode.grad:
                node = None
            elif shape_only:
                node = Node(op, (node,), (None, None, a.shape), out.shape, a.dtype)
            else:
                facts = [a.shape if e == shape_of_input else meta[e] for e in extras]
                node = Node(op, (node,), (None, None, *facts), out.shape, a.dtype)
        base = out.base
        if (base is not None and (base is a or base is a.base)) or shares_memory(out, a):
            return make_view(out, node, x)
        return make(out, node)

    call.op = op  # type: ignore[attr-defined]
    op.call = call  # type: ignore[attr-defined]
    return call


def view_primitive(rule: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    """Declare a primitive whose value is a view of its one input."""

    def declare(forward: Callable[..., Any]) -> Callable[..., Any]:
        call = primitive(rule, view=True, promote=None, method=False, **options)(forward)
        return view_door(call.op)  # type: ignore[attr-defined]

    return declare


def _reshaped_back(g: Any, x_shape: Sequence[int]) -> Any:
    return reshaped(g, shape=x_shape)


@view_primitive(
    _reshaped_back,
    title="View",
    samples=[
        sample(Real("n m k"), shape=lambda n, m, k: (m, n * k)),
        sample(Real("n m"), shape=lambda n, m: (n, 1, m, 1)),
    ],
)
def reshaped(x: Any, *, shape: Sequence[int]) -> Any:
    """x in another shape of as many elements, row-major; copied only where strides demand it."""
    if x.size >= copying.LARGE and not x.flags.c_contiguous:
        try:
            return np.reshape(x, shape, copy=False)
        except ValueError:
            return copying.copied(x).reshape(shape)
    return x.reshape(shape)


def _inverse(axes: Sequence[int]) -> tuple[int, ...]:
    inverse = [0] * len(axes)
    for i, axis in enumerate(axes):
        inverse[axis] = i
    return tuple(inverse)


def _permuted_back(g: Any, axes: Sequence[int]) -> Any:
    return permuted(g, axes=_inverse(axes))


@view_primitive(
    _permuted_back,
    title="Permute",
    samples=[sample(Real("n m k"), axes=one_of((1, 2, 0), (2, 1, 0), (0, 2, 1)))],
)
def permuted(x: Any, *, axes: Sequence[int]) -> Any:
    """x with axis `axes[i]` in place i."""
    return x.transpose(axes)


_REGIONS = [
    sample(Real("n m"), index=lambda n: (n - 1,)),
    sample(Real("4 m"), index=one_of((slice(1, None, 2), None), (..., 0), (0, slice(None)))),
]


@view_primitive(
    lambda g, x_shape, index: embedded(g, shape=x_shape, index=index),
    title="Slice",
    samples=_REGIONS,
)
def sliced(x: Any, *, index: tuple[Any, ...]) -> Any:
    """x[index] for integers, slices of positive step, None and Ellipsis."""
    out = x[index]
    return out if type(out) is np.ndarray else x[(*index, ...)]


@primitive(
    lambda g, index: sliced(g, index=index),
    promote=None,
    method=False,
    title="SliceScatter",
    samples=[
        sample(Real("m"), shape=lambda m: (3, m), index=(1,)),
        sample(Real("2 1 m"), shape=lambda m: (4, m), index=(slice(1, None, 2), None)),
    ],
)
def embedded(g: Any, *, shape: Sequence[int], index: tuple[Any, ...]) -> Any:
    """Zeros of `shape` with g in the region `index`."""
    out = np.zeros(shape, g.dtype)
    out[index] = g
    return out


@view_primitive(
    lambda g, x_shape, offset: on_diagonal(g, shape=x_shape, offset=offset),
    title="Diagonal",
    samples=[sample(Real("n 3 4"), offset=one_of(0, 1, -1))],
)
def diagonal_of(x: Any, *, offset: int) -> Any:
    """The diagonal (i, i + offset) of the last two axes, as the last axis."""
    out = np.diagonal(x, offset, -2, -1)
    if x.flags.writeable:
        out.flags.writeable = True  # NumPy guards it; the in-place ops check for themselves
    return out


@primitive(
    lambda g, offset: diagonal_of(g, offset=offset),
    promote=None,
    method=False,
    title="DiagonalScatter",
    samples=[
        sample(Real("n 3"), shape=lambda n: (n, 4, 5), offset=-1),
        sample(Real("n 4"), shape=lambda n: (n, 4, 5), offset=one_of(0, 1)),
    ],
)
def on_diagonal(g: Any, *, shape: Sequence[int], offset: int) -> Any:
    """Zeros of `shape` with g on the diagonal (i, i + offset) of the last two axes."""
    out = np.zeros(shape, g.dtype)
    i = np.arange(g.shape[-1])
    out[..., i + max(-offset, 0), i + max(offset, 0)] = g
    return out


@view_primitive(
    lambda g, x_shape, step: unwindowed(g, shape=x_shape, step=step),
    title="Unfold",
    samples=[sample(Real("n 5"), size=one_of(1, 3), step=one_of(1, 2))],
)
def windows(x: Any, *, size: int, step: int) -> Any:
    """The windows of `size` elements along the last axis, one every `step`; (..., window, size)."""
    count = (x.shape[-1] - size) // step + 1
    shape = (*x.shape[:-1], count, size)
    strides = (*x.strides[:-1], step * x.strides[-1], x.strides[-1])
    return np.lib.stride_tricks.as_strided(x, shape, strides)


@primitive(
    lambda g, g_shape, step: windows(g, size=g_shape[-1], step=step),
    promote=None,
    method=False,
    title="UnfoldBackward",
    samples=[sample(Real("n 2 3"), shape=lambda n: (n, 6), step=one_of(2, 3))],
)
def unwindowed(g: Any, *, shape: Sequence[int], step: int) -> Any:
    """Zeros of `shape` with every window of g (see `windows`) added in its place."""
    out = np.zeros(shape, g.dtype)
    count, size = g.shape[-2:]
    if not count:
        return out
    for i in range(size):  # element i of all windows at once: these do not overlap
        out[..., i : i + (count - 1) * step + 1 : step] += g[..., i]
    return out


def strided_view(x: Tensor, out: np.ndarray) -> Tensor:
    """`out`, any view into the memory of x's array, as a view of the Tensor x."""
    a = x.array
    node = live_node(x) if current().grad else None
    if node is not None:
        base, view = layout(a), geometry(out, a)
        extent = base[3]
        shape, strides, offset = view
        reach = offset + sum([(n - 1) * s for n, s in zip(shape, strides, strict=True)])
        if 0 not in shape and not 0 <= offset <= reach < extent:
            raise RuntimeError(
                f"as_strided: the region (offset {offset} to {reach} from the first element) lies "
                f"outside of the {extent} elements that the input itself spans, so it has no "
                "gradient; detach() the input, or take the view from its base"
            )
        if any(s == 0 and n > 1 for s, n in zip(a.strides, a.shape, strict=True)):
            raise RuntimeError("as_strided of an expanded input has no gradient: clone() it first")
        op = REGISTRY["strided"]
        saved = op.keep((node,), (a,), {"base": base, "view": view}, out, None)
        node = Node(op, (node,), saved, out.shape, out.dtype)
    return make_view(out, node, x)


def turned(function: Callable[..., Any]) -> Callable[..., Any]:
    """The in-place form of a view: the Tensor becomes that view of itself."""

    @functools.wraps(function)
    def turn(self: Tensor, *args: Any, **named: Any) -> Tensor:
        if current().grad:
            if isinstance(self.node, Leaf):
                raise RuntimeError(
                    "a leaf Variable that requires grad is being used in an in-place operation. "
                    "Wrap it in `with no_grad():`, or use the form without the underscore"
                )
            base = self.base
            if base is not None and base.node is not None and self.array.dtype.kind in "fc":
                require_known_view(self)
        with enable_grad():  # nothing is computed: whatever has a history keeps it
            seen = function(self, *args, **named)
        self.array, self.node = seen.array, seen.node
        return self

    name = function.__name__ + "_"
    turn.__name__ = turn.__qualname__ = name
    turn.__doc__ = f"`{function.__name__}` in place: the memory stays, its shape or strides change."
    bind(name, turn)
    return turn
