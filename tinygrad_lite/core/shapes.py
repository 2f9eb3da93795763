"""Shapes and axes: the checks every op shares, with PyTorch's error types and wording."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from typing import Any

Shape = tuple[int, ...]


def canonical_axis(dim: Any, ndim: int) -> int:
    """`dim` as a number in [0, ndim); negative counts from the end. A 0-d tensor has one axis.

    Raises IndexError out of range and TypeError when `dim` is no integer.
    """
    if type(dim) is int and -ndim <= dim < ndim:
        return dim if dim >= 0 else dim + ndim
    if isinstance(dim, bool):
        raise TypeError(f"argument 'dim' must be int, not bool ({dim})")
    try:
        dim = operator.index(dim)
    except TypeError:
        raise TypeError(f"argument 'dim' must be int, not {type(dim).__name__}") from None
    extent = max(ndim, 1)
    if not -extent <= dim < extent:
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{-extent}, {extent - 1}], "
            f"but got {dim})"
        )
    return dim % extent


def canonical_axes(dim: Any, ndim: int) -> tuple[int, ...]:
    """Every axis named by `dim` (None or empty: all of them), sorted as given, without repeats."""
    if dim is None or (isinstance(dim, (tuple, list)) and len(dim) == 0):
        return tuple(range(ndim))
    if not isinstance(dim, (tuple, list)):
        dim = (dim,)
    axes = tuple(canonical_axis(d, ndim) for d in dim)
    if len(set(axes)) != len(axes):
        repeated = next(a for a in axes if axes.count(a) > 1)
        raise RuntimeError(f"dim {repeated} appears multiple times in the list of dims")
    return axes if ndim else ()


def broadcast_shape(shapes: Iterable[Sequence[int]]) -> Shape:
    """The shape all of `shapes` broadcast to; RuntimeError names the sizes that do not match."""
    result: list[int] = []
    for shape in shapes:
        if len(shape) > len(result):
            result = [1] * (len(shape) - len(result)) + result
        for i in range(1, len(shape) + 1):
            a, b = result[-i], shape[-i]
            if a == 1:
                result[-i] = b
            elif b not in (1, a):
                raise RuntimeError(
                    f"The size of tensor a ({a}) must match the size of tensor b ({b}) "
                    f"at non-singleton dimension {len(result) - i}"
                )
    return tuple(result)


def shape_from(args: Sequence[Any], function: str = "size") -> Shape:
    """The shape in `f(2, 3)`, `f((2, 3))` or `f([2, 3])` as a tuple of ints.

    TypeError in the name of `function` for anything else.
    """
    nested = len(args) == 1 and isinstance(args[0], (tuple, list))
    if nested:
        args = args[0]
    try:
        return tuple([operator.index(a) for a in args])
    except TypeError:
        raise TypeError(f"{function}(): {_no_size(args, nested)}") from None


def _no_size(args: Sequence[Any], nested: bool) -> str:
    """What is wrong with the sizes `args`, which are not all integers, in PyTorch's words."""
    place = next(i for i, a in enumerate(args) if not _is_index(a))
    wrong = type(args[place])
    name = f"{wrong.__module__}.{wrong.__name__}" if wrong.__module__ == "numpy" else wrong.__name__
    if nested:
        return (
            "argument 'size' (position 1) must be tuple of ints, but found element of type "
            f"{name} at pos {place}"
        )
    if place == 0:
        return f"argument 'size' (position 1) must be tuple of ints, not {name}"
    return (
        f"argument 'size' failed to unpack the object at pos {place + 1} with error \"type must be "
        f'tuple of ints,but got {name}"'
    )


def _is_index(a: Any) -> bool:
    try:
        operator.index(a)
    except TypeError:
        return False
    return True


def infer_size(shape: Sequence[int], numel: int) -> Shape:
    """`shape` with its one -1 replaced so that it holds `numel` elements (as reshape does)."""
    shape = tuple(shape)
    known, unknown = 1, -1
    for i, s in enumerate(shape):
        if s >= 0:
            known *= s
        elif s == -1 and unknown < 0:
            unknown = i
        elif min(shape) < -1:
            raise RuntimeError(f"invalid shape dimension {min(shape)}")
        else:
            raise RuntimeError("only one dimension can be inferred")
    if unknown >= 0:
        if known == 0:
            raise RuntimeError(
                f"cannot reshape tensor of {numel} elements into shape {list(shape)} because the "
                "unspecified dimension size -1 can be any value and is ambiguous"
            )
        if numel % known == 0:
            return (*shape[:unknown], numel // known, *shape[unknown + 1 :])
    elif known == numel:
        return shape
    raise RuntimeError(f"shape '{list(shape)}' is invalid for input of size {numel}")
