"""Repeated without copying: expand, broadcast_to and company, and the shapes that broadcast."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.chain import cast, sum_to
from ..core.doors import composed
from ..core.primitive import REGISTRY
from ..core.samples import Real, sample
from ..core.shapes import broadcast_shape
from ..core.tensor import Size
from .arguments import kind, of_tensors, sizes_of
from .views import view_door

broadcast = view_door(REGISTRY["broadcast"])


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
