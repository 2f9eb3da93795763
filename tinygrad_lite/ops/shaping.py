"""Shapes and axes: view, reshape, transpose, expand, squeeze, flatten, diagonal and the like.

All of these are views wherever PyTorch's are: the result shares memory with its input.
"""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core import dtypes
from ..core.chain import cast, sum_to
from ..core.doors import composed
from ..core.inplace import require_known_view
from ..core.modes import current, enable_grad
from ..core.node import Leaf
from ..core.primitive import REGISTRY
from ..core.samples import Real, one_of, sample
from ..core.shapes import broadcast_shape, canonical_axes, canonical_axis, infer_size, shape_from
from ..core.tensor import Size, Tensor, bind, live_node, make, make_view
from .arguments import kind, numpy_names, of_tensors, require_tensor
from .views import (
    permuted,
    reshaped,
    view_door,
)

broadcast = view_door(REGISTRY["broadcast"])
TensorFunction = Callable[..., Any]


def no_out(name: str, out: Any) -> None:
    """Raise TypeError if the caller passed `out=`."""
    if out is not None:
        raise TypeError(
            f"{name}(): out= is not supported, because it hides a write from the graph; "
            f"assign the result, or copy it: x.copy_({name}(...))"
        )


def sizes_of(name: str, sizes: Sequence[Any], named: Any) -> tuple[int, ...]:
    """The sizes given as `f(2, 3)`, `f((2, 3))` or by name."""
    if named is not None:
        sizes = (named,) if isinstance(named, (tuple, list)) else ((named,),)
    if len(sizes) == 1 and type(sizes[0]) is int:
        return (sizes[0],)
    if not sizes:
        raise TypeError(f'{name}() missing 1 required positional arguments: "shape"')
    return shape_from(sizes, name)


# -- another shape ---------------------------------------------------------------------------------


@composed(samples=[sample(Real("n m k"), shape=lambda n, m, k: (m, n * k))])
def reshape(input: Any, *sizes: Any, shape: Any = None) -> Any:
    """The same elements in row-major order in another shape; one size may be -1.

    A view where strides allow it, else a copy.
    """
    if sizes and type(sizes[0]) is int and isinstance(input, Tensor):
        try:
            if min(sizes) >= -1:
                return reshaped(input, shape=sizes)
        except (ValueError, TypeError):
            pass  # worded below
    require_tensor("reshape", input)
    target = sizes_of("reshape", sizes, shape)
    return reshaped(input, shape=infer_size(target, input.array.size))


@composed()
def view(input: Any, *sizes: Any, size: Any = None, dtype: Any = None) -> Any:
    """The same memory in another shape (or, for a dtype, its bits read as that type).

    RuntimeError where no view of that shape exists: use `reshape`, which copies then.
    """
    if sizes and type(sizes[0]) is int and input.array.flags.c_contiguous:
        try:
            if min(sizes) >= -1:
                return reshaped(input, shape=sizes)
        except (ValueError, TypeError):
            pass  # worded below
    if dtype is None and sizes and isinstance(sizes[0], dtypes.dtype):
        dtype = sizes[0]
    if dtype is not None:
        return _view_as_type(input, dtypes.to_numpy(dtype))
    a = input.array
    target = infer_size(sizes_of("view", sizes, size), a.size)
    if not a.flags.c_contiguous:
        try:
            np.reshape(a, target, copy=False)
        except ValueError:
            raise RuntimeError(
                "view size is not compatible with input tensor's size and stride (at least one "
                "dimension spans across two contiguous subspaces). Use .reshape(...) instead. "
                f"(size {list(a.shape)}, stride {list(input.stride())}, asked for {list(target)})"
            ) from None
    return reshaped(input, shape=target)


def _view_as_type(x: Tensor, d: np.dtype) -> Tensor:
    a = x.array
    if d == a.dtype:
        return x
    if d.itemsize != a.itemsize:
        _require_fitting_elements(x, d)
    # there is no derivative towards other bits: of a recorded Tensor the view has no history
    return make_view(a.view(d), None, x) if live_node(x) is None else make(a.view(d))


def _require_fitting_elements(x: Tensor, d: np.dtype) -> None:
    """RuntimeError unless the elements along the last axis make up whole elements of dtype d."""
    how = f"to view {kind(x.array.dtype)} as {kind(d)} (different element sizes)"
    if x.array.ndim == 0:
        raise RuntimeError(f"self.dim() cannot be 0 {how}")
    stride, shape = x.stride(), x.array.shape
    ratio = max(d.itemsize // x.array.itemsize, 1)
    numbers = {"size(-1)": shape[-1], "storage_offset()": x.storage_offset()}
    numbers |= {f"stride({i})": s for i, s in enumerate(stride[:-1]) if shape[i] != 1}
    for name, n in numbers.items():
        if n % ratio:
            raise RuntimeError(f"self.{name} must be divisible by {ratio} {how}, but got {n}")
        if stride[-1] != 1:
            raise RuntimeError(f"self.stride(-1) must be 1 {how}, but got {stride[-1]}")


@composed()
@of_tensors
def view_as(input: Any, other: Any) -> Any:
    """`input.view(other.shape)`."""
    return view(input, other.array.shape)


@composed()
@of_tensors
def reshape_as(input: Any, other: Any) -> Any:
    """`input.reshape(other.shape)`."""
    return reshape(input, other.array.shape)


def resize(self: Tensor, *sizes: Any) -> Tensor:
    """The same elements in another shape; PyTorch's old name of `reshape`, with its warning."""
    shape = shape_from(sizes)
    warnings.warn("non-inplace resize is deprecated", UserWarning, stacklevel=2)
    if math.prod(shape) != self.array.size:
        wanted, given = ("x".join(map(str, s)) for s in (shape, self.array.shape))
        raise RuntimeError(
            f"requested resize to {wanted} ({math.prod(shape)} elements in total), but the given "
            f"tensor has a size of {given} ({self.array.size} elements). Use resize_ (in place) to "
            "change the number of elements"
        )
    return reshape(self, shape)


bind("resize", resize)


@composed(samples=[sample(Real("n m k"), start_dim=one_of(0, 1, -2), end_dim=one_of(2, -1))])
def flatten(input: Any, start_dim: int = 0, end_dim: int = -1) -> Any:
    """Axes `start_dim` to `end_dim` (both included) as one."""
    require_tensor("flatten", input)
    shape = input.array.shape
    if not shape:
        canonical_axis(start_dim, 0), canonical_axis(end_dim, 0)
        return reshaped(input, shape=(1,))
    first, last = canonical_axis(start_dim, len(shape)), canonical_axis(end_dim, len(shape))
    if first > last:
        raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
    if first == last:
        return input
    merged = math.prod(shape[first : last + 1])
    return reshaped(input, shape=(*shape[:first], merged, *shape[last + 1 :]))


@composed()
def ravel(input: Any) -> Any:
    """All elements in row-major order."""
    return reshape(input, -1)


@composed(samples=[sample(Real("6 n"), dim=0, sizes=one_of((2, 3), (-1, 2)))])
@numpy_names
def unflatten(input: Any, dim: int, sizes: Any) -> Any:
    """The axis `dim` as several axes of the given sizes, one of which may be -1."""
    sizes = shape_from((sizes,), "unflatten")
    shape = input.array.shape
    if not sizes:
        raise RuntimeError("unflatten: sizes must be non-empty")
    d = canonical_axis(dim, len(shape))
    n = shape[d]
    known = math.prod([s for s in sizes if s != -1])
    if (-1 in sizes and (known == 0 or n % known)) or (-1 not in sizes and known != n):
        raise RuntimeError(
            f"unflatten: Provided sizes {list(sizes)} don't multiply up to the size of dim {d} "
            f"({n}) in the input tensor"
        )
    return reshaped(input, shape=(*shape[:d], *infer_size(sizes, n), *shape[d + 1 :]))


@composed(samples=[sample(Real("n 1 m"), dim=one_of(1, -2, 0)), sample(Real("1 n 1"))])
@numpy_names
def squeeze(input: Any, dim: Any = None) -> Any:
    """Without its axes of size 1: all of them, or those of them named by `dim`."""
    require_tensor("squeeze", input)
    shape = input.array.shape
    if dim is None:
        return reshaped(input, shape=tuple([n for n in shape if n != 1]))
    axes = canonical_axes(dim, len(shape)) if dim != () else ()
    kept = tuple([n for i, n in enumerate(shape) if n != 1 or i not in axes])
    return reshaped(input, shape=kept)


@composed(samples=[sample(Real("n m"), dim=one_of(0, 1, 2, -1, -3))])
@numpy_names
def unsqueeze(input: Any, dim: int) -> Any:
    """With a new axis of size 1 at place `dim`."""
    require_tensor("unsqueeze", input)
    shape = input.array.shape
    d = canonical_axis(dim, len(shape) + 1)
    return reshaped(input, shape=(*shape[:d], 1, *shape[d:]))


def _atleast(n: int, widen: Callable[[tuple[int, ...]], tuple[int, ...]]) -> TensorFunction:
    def function(*tensors: Any) -> Any:
        if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)):
            return tuple([function(x) for x in tensors[0]])
        if len(tensors) != 1:
            return tuple([function(x) for x in tensors])
        x = tensors[0]
        require_tensor(function.__name__, x)
        return x if x.array.ndim >= n else reshaped(x, shape=widen(x.array.shape))

    function.__name__ = function.__qualname__ = f"atleast_{n}d"
    function.__doc__ = f"With at least {n} axes, new ones of size 1; several inputs give a tuple."
    return composed(method=False)(function)


atleast_1d = _atleast(1, lambda s: (1,))
atleast_2d = _atleast(2, lambda s: (1, *s) if s else (1, 1))
atleast_3d = _atleast(3, lambda s: {0: (1, 1, 1), 1: (1, *s, 1), 2: (*s, 1)}[len(s)])


# -- another order of axes -------------------------------------------------------------------------


@composed(samples=[sample(Real("n m k"), dims=one_of((1, 2, 0), (-1, 0, 1)))])
def permute(input: Any, *axes: Any, dims: Any = None) -> Any:
    """With axis `dims[i]` in place i."""
    require_tensor("permute", input)
    order = sizes_of("permute", axes, dims)
    ndim = input.array.ndim
    if len(order) != ndim:
        raise RuntimeError(
            "permute(sparse_coo): number of dimensions in the tensor input does not match the "
            f"length of the desired ordering of dimensions i.e. input.dim() = {ndim} is not equal "
            f"to len(dims) = {len(order)}"
        )
    canonical = tuple([canonical_axis(d, ndim) for d in order])
    if len(set(canonical)) != ndim:
        raise RuntimeError("permute(): duplicate dims are not allowed.")
    return permuted(input, axes=canonical)


@composed(samples=[sample(Real("n m k"), dim0=one_of(0, -1), dim1=one_of(1, -2))])
def transpose(input: Any, dim0: int, dim1: int) -> Any:
    """With the axes `dim0` and `dim1` exchanged."""
    require_tensor("transpose", input)
    ndim = input.array.ndim
    i, j = canonical_axis(dim0, ndim), canonical_axis(dim1, ndim)
    axes = list(range(ndim))
    if ndim:
        axes[i], axes[j] = j, i
    return permuted(input, axes=tuple(axes))


def _transposed_like(name: str, first: str, second: str) -> TensorFunction:
    def exchange(input: Any, *dims: Any, **named: Any) -> Any:
        given = (*dims, *[named[n] for n in (first, second) if n in named])
        return transpose(input, *given)

    exchange.__name__ = exchange.__qualname__ = name
    exchange.__doc__ = "The same as `transpose`."
    return composed()(exchange)


swapaxes = _transposed_like("swapaxes", "axis0", "axis1")
swapdims = _transposed_like("swapdims", "dim0", "dim1")


@composed(samples=[sample(Real("n m"))])
def t(input: Any) -> Any:
    """The transpose of a matrix; a vector or scalar as it is."""
    require_tensor("t", input)
    if input.array.ndim > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {input.ndim}D")
    return permuted(input, axes=tuple(range(input.array.ndim))[::-1])


def _T(self: Tensor) -> Any:
    """All axes in reverse order."""
    ndim = self.array.ndim
    if ndim not in (0, 2):
        warnings.warn(
            "The use of `x.T` on tensors of dimension other than 2 to reverse their shape is "
            "deprecated and it will throw an error in a future release. Consider `x.mT` to "
            "transpose batches of matrices or `x.permute(*torch.arange(x.ndim - 1, -1, -1))` to "
            "reverse the dimensions of a tensor.",
            UserWarning,
            stacklevel=2,
        )
    return permuted(self, axes=tuple(range(ndim))[::-1])


def _mT(self: Tensor) -> Any:
    """The last two axes exchanged."""
    return _transposed(self, "mT")


def _transposed(self: Tensor, name: str) -> Any:
    ndim = self.array.ndim
    if ndim == 0 and name in ("mT", "mH"):
        warnings.warn(
            f"Tensor.{name} is deprecated on 0-D tensors. This function is the identity in these "
            "cases.",
            UserWarning,
            stacklevel=3,
        )
        return self
    if ndim < 2:
        raise RuntimeError(
            f"tensor.{name} is only supported on matrices or batches of matrices. Got {ndim}-D "
            "tensor."
        )
    return permuted(self, axes=(*range(ndim - 2), ndim - 1, ndim - 2))


def _H(self: Tensor) -> Any:
    """The conjugate transpose of a matrix."""
    if self.array.ndim not in (0, 2):
        raise RuntimeError(
            f"tensor.H is only supported on matrices (2-D tensors). Got {self.ndim}-D tensor."
        )
    return _conjugated(t(self))


def _mH(self: Tensor) -> Any:
    """The conjugate transposes of a batch of matrices."""
    return _conjugated(_transposed(self, "mH"))


def _conjugated(x: Tensor) -> Any:
    return x.conj() if x.array.dtype.kind == "c" else x


def adjoint(input: Any) -> Any:
    """The conjugate transposes of a batch of matrices."""
    return _conjugated(_transposed(input, "adjoint()"))


for _name, _getter in (("T", _T), ("mT", _mT), ("H", _H), ("mH", _mH)):
    bind(_name, property(_getter))
bind("adjoint", adjoint)


@composed(samples=[sample(Real("n m k"), source=(0, -1), destination=one_of((2, 0), (0, 1)))])
def movedim(input: Any, source: Any, destination: Any) -> Any:
    """With the axes `source` at the places `destination`, the others in order."""
    ndim = input.array.ndim
    if ndim == 0:
        return permuted(input, axes=())
    source = (source,) if not isinstance(source, (tuple, list)) else source
    destination = (destination,) if not isinstance(destination, (tuple, list)) else destination
    if len(source) != len(destination):
        raise RuntimeError(
            "movedim: Invalid source or destination dims: source "
            f"({list(source)} dims) should contain the same number of dims as destination "
            f"({list(destination)} dims)"
        )
    src = [canonical_axis(d, ndim) for d in source]
    dst = [canonical_axis(d, ndim) for d in destination]
    for name, dims, given in (("source", src, source), ("destination", dst, destination)):
        if len(set(dims)) != len(dims):
            raise RuntimeError(f"movedim: repeated dim in `{name}` ({list(given)})")
    order = [-1] * ndim
    for s, d in zip(src, dst, strict=True):
        order[d] = s
    rest = iter([i for i in range(ndim) if i not in src])
    return permuted(input, axes=tuple([next(rest) if s < 0 else s for s in order]))


@composed()
def moveaxis(input: Any, source: Any, destination: Any) -> Any:
    """The same as `movedim`."""
    return movedim(input, source, destination)


# -- repeated without copying ----------------------------------------------------------------------


@composed(samples=[sample(Real("n 1 m"), size=lambda n, m: (2, n, 3, -1))])
def expand(input: Any, *sizes: Any, size: Any = None, implicit: bool = False) -> Any:
    """With axes of size 1 repeated to `sizes` (-1: as it is) and new ones in front; a view."""
    target = sizes_of("expand", sizes, size)
    return broadcast(input, shape=expanded_shape(input.array, target))


def expanded_shape(a: np.ndarray, sizes: Sequence[int]) -> tuple[int, ...]:
    """`sizes` with -1 replaced; RuntimeError unless an array like `a` expands to it."""
    target = list(sizes)
    lead = len(target) - a.ndim
    if lead < 0:
        raise RuntimeError(
            f"expand(torch.{kind(a.dtype)}Tensor{{{list(a.shape)}}}, size={target}): the number of "
            f"sizes provided ({len(target)}) must be greater or equal to the number of dimensions "
            f"in the tensor ({a.ndim})"
        )
    for i, n in enumerate(target):
        have = a.shape[i - lead] if i >= lead else 1
        if n == -1:
            if i < lead:
                raise RuntimeError(
                    f"The expanded size of the tensor ({n}) isn't allowed in a leading, "
                    f"non-existing dimension {i}"
                )
            target[i] = have
        elif n < 0:
            raise RuntimeError(f"expand: invalid size {n} in {target}")
        elif have not in (1, n):
            raise RuntimeError(
                f"The expanded size of the tensor ({n}) must match the existing size ({have}) at "
                f"non-singleton dimension {i}.  Target sizes: {target}.  "
                f"Tensor sizes: {list(a.shape)}"
            )
    return tuple(target)


@composed()
@of_tensors
def expand_as(input: Any, other: Any) -> Any:
    """`input.expand(other.shape)`."""
    return expand(input, other.array.shape)


@composed()
def broadcast_to(input: Any, *sizes: Any, size: Any = None) -> Any:
    """`input.expand(size)`."""
    return expand(input, *sizes, size=size)


@composed(method=False)
@of_tensors
def broadcast_tensors(*tensors: Any) -> Any:
    """All tensors expanded to their common shape."""
    if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)):
        tensors = tuple(tensors[0])
    shape = broadcast_shape([x.array.shape for x in tensors])
    return tuple([broadcast(x, shape=shape) for x in tensors])


@composed()
def sum_to_size(input: Any, *size: Any) -> Any:
    """The input summed over the axes along which `size` would be broadcast to its shape."""
    target = sizes_of("sum_to_size", size, None)
    shape = input.array.shape
    tail = shape[len(shape) - len(target) :] if len(target) <= len(shape) else ()
    if len(tail) != len(target) or any(n not in (1, m) for n, m in zip(target, tail, strict=True)):
        raise RuntimeError(f"size {{{list(target)}}} is not expandable to size {{{list(shape)}}}.")
    if not target:
        return input.sum()  # int64 of integers, unlike the axes of size 1
    if input.array.dtype.kind in "biu" and target != shape:
        input = cast(input, dtype=np.dtype(np.int64))  # in which integers are added up
    return sum_to(input, shape=target)


def broadcast_shapes(*shapes: Any) -> Any:
    """The shape that all of these broadcast to."""
    listed: list[Any] = [(s,) if isinstance(s, int) else s for s in shapes]
    for shape in listed:
        if not isinstance(shape, (tuple, list)):
            raise RuntimeError(
                f"Input shapes should be of type ints, a tuple of ints, or a list of ints, got "
                f"{shape}"
            )
        if min(shape, default=0) < 0:
            raise ValueError(
                f"Attempting to broadcast a dimension with negative length! ({tuple(shape)})"
            )
    common = [1] * max([len(shape) for shape in listed], default=0)
    for place, shape in enumerate(listed):
        for i in range(-1, -1 - len(shape), -1):
            if shape[i] == 1 or shape[i] == common[i]:
                continue
            if common[i] != 1:
                raise RuntimeError(
                    f"Attempting to broadcast a dimension of length {shape[i]} at {i}! Mismatching "
                    f"argument at index {place} had {tuple(shape)}; but expected shape should be "
                    f"broadcastable to {common}"
                )
            common[i] = shape[i]
    return Size(common)


# -- in place: the same Tensor looks at its memory in another shape --------------------------------


def turned(function: TensorFunction) -> TensorFunction:
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


for _function in (squeeze, unsqueeze, t, transpose, swapaxes, swapdims):
    turned(_function)
