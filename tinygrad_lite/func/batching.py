"""`vmap`: a function of one example, applied to a batch.

The examples are run one after the other and their results stacked: right for every function,
differentiable, and as fast as a loop. Where speed matters, write the batched form.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.random import get_rng_state, set_rng_state
from ..core.shapes import canonical_axis
from ..core.tensor import Tensor
from ..core.trees import REGISTERED, flatten
from ..ops.joining import stack
from .structure import name_of, shape_of


def _spread(dims: Any, tree: Any) -> list[Any] | None:
    """`dims` for every leaf of `tree`, of which it may be a prefix; None if it is none."""
    if type(dims) not in REGISTERED and not isinstance(dims, (tuple, list, dict)):
        return [dims] * len(flatten(tree)[0])
    if type(dims) is not type(tree) or len(dims) != len(tree):
        return None
    if isinstance(dims, dict):
        if dims.keys() != tree.keys():
            return None
        pairs = [(dims[key], tree[key]) for key in tree]
    elif type(dims) in REGISTERED:
        taken_apart = REGISTERED[type(dims)].flatten
        pairs = list(zip(taken_apart(dims)[0], taken_apart(tree)[0], strict=True))
    else:
        pairs = list(zip(dims, tree, strict=True))
    parts = [_spread(d, value) for d, value in pairs]
    return None if None in parts else [d for part in parts for d in part or ()]


def _input_axes(func: Any, in_dims: Any, args: tuple[Any, ...]) -> list[int | None]:
    """For every leaf of `args` the axis that holds the examples, or None."""
    call = f"vmap({name_of(func)}, in_dims={in_dims}, ...)(<inputs>)"
    if not isinstance(in_dims, (int, tuple)):
        raise ValueError(
            f"{call}: expected `in_dims` to be int or a (potentially nested) tuple matching the "
            f"structure of inputs, got: {type(in_dims)}."
        )
    if not args:
        raise ValueError(
            f"vmap({name_of(func)})(<inputs>): got no inputs. Maybe you forgot to add inputs, or "
            "you are trying to vmap over a function with no inputs. The latter is unsupported."
        )
    found = _spread(in_dims, args)
    if found is None:
        raise ValueError(
            f"{call}: in_dims is not compatible with the structure of `inputs`. in_dims has "
            f"structure {shape_of(in_dims)} but inputs has structure {shape_of(args)}."
        )
    axes: list[int | None] = []
    for x, d in zip(flatten(args)[0], found, strict=True):
        if d is not None and not isinstance(d, int):
            raise ValueError(
                f"{call}: Got in_dim={d} for an input but in_dim must be either an integer "
                "dimension or None."
            )
        if d is not None and not isinstance(x, Tensor):
            raise ValueError(
                f"{call}: Got in_dim={d} for an input but the input is of type {type(x)}. We "
                "cannot vmap over non-Tensor arguments, please use None as the respective in_dim"
            )
        if d is not None and not -x.array.ndim <= d < x.array.ndim:
            raise ValueError(
                f"{call}: Got in_dim={d} for some input, but that input is a Tensor of "
                f"dimensionality {x.array.ndim} so expected in_dim to satisfy -{x.array.ndim} <= "
                f"in_dim < {x.array.ndim}."
            )
        axes.append(None if d is None else d % x.array.ndim)
    return axes


def vmap(
    func: Callable[..., Any],
    in_dims: Any = 0,
    out_dims: Any = 0,
    randomness: str = "error",
    *,
    chunk_size: int | None = None,
) -> Callable[..., Any]:
    """A function that maps `func` over an axis of its arguments.

    in_dims     the axis for each argument (one for all; nested like the arguments; None: not
                mapped). Arguments by keyword are not mapped
    out_dims    the axis of the results that holds the examples (nested like them; None: the result
                is the same for all examples and is returned once)
    randomness  "error": drawing random numbers raises RuntimeError; "different": every example
                draws its own; "same": all draw the same
    chunk_size  accepted: examples are run one at a time

    ValueError when nothing is mapped over, sizes differ, or the dims do not fit.
    """
    if randomness not in ("error", "different", "same"):
        raise RuntimeError(
            "Only allowed values for randomness are 'error', 'different', or 'same'. "
            f"Got {randomness}"
        )
    if chunk_size is not None and chunk_size <= 0:
        raise ValueError(f"vmap: chunk_size should be None or greater than 0. (got {chunk_size})")

    @functools.wraps(func)
    def mapped(*args: Any, **kwargs: Any) -> Any:
        _require_ints(func, out_dims)
        axes = _input_axes(func, in_dims, args)
        leaves, rebuild = flatten(args)
        sizes = [x.array.shape[a] for x, a in zip(leaves, axes, strict=True) if a is not None]
        if not sizes:
            raise ValueError("vmap: Expected at least one Tensor to vmap over")
        if any(n != sizes[0] for n in sizes):
            raise ValueError(
                "vmap: Expected all tensors to have the same size in the mapped dimension, got "
                f"sizes {sizes} for the mapped dimension"
            )
        if sizes[0] == 0:
            raise ValueError("vmap: the mapped dimension has size 0, so the output is unknown")

        whole = [x for x, a in zip(leaves, axes, strict=True) if a is None]
        shared = [(x, x._version) for x in whole if isinstance(x, Tensor)]

        def one(i: int) -> Any:
            picked = [x if a is None else x.select(a, i) for x, a in zip(leaves, axes, strict=True)]
            value = func(*rebuild(picked), **kwargs)
            if any(x._version != version for x, version in shared):
                raise RuntimeError(
                    "vmap: inplace arithmetic is not possible on a Tensor that all examples share "
                    "(in_dims None): each would write into it. Map over it, or write out of place"
                )
            return value

        values = _drawing(one, sizes[0], randomness)
        dims = _output_axes(func, out_dims, values[0])
        build = flatten(values[0])[1]
        columns = zip(*[flatten(value)[0] for value in values], strict=True)
        return build([_joined(func, c, d) for c, d in zip(columns, dims, strict=True)])

    return mapped


def _drawing(one: Callable[[int], Any], count: int, randomness: str) -> list[Any]:
    """The value of every example, which draw random numbers as `randomness` says."""
    before = get_rng_state()
    values = []
    for i in range(count):
        if randomness == "same":
            set_rng_state(before)
        values.append(one(i))
        if i == 0 and randomness == "error" and not np.array_equal(before, get_rng_state()):
            raise RuntimeError(
                "vmap: called random operation while in randomness error mode. Please either use "
                "the 'same' or 'different' randomness flags on vmap or perform the randomness "
                "operation out of vmap"
            )
    return values


def _require_ints(func: Any, out_dims: Any) -> None:
    if any(d is not None and not isinstance(d, int) for d in flatten(out_dims)[0]):
        raise ValueError(
            f"vmap({name_of(func)}, ..., out_dims={out_dims}): `out_dims` must be an int, None or "
            "a python collection of ints representing where in the outputs the vmapped dimension "
            "should appear."
        )


def _output_axes(func: Any, out_dims: Any, value: Any) -> list[Any]:
    """For every leaf of a value the axis that will hold the examples, or None."""
    if isinstance(value, Tensor) and isinstance(out_dims, tuple) and len(out_dims) == 1:
        out_dims = out_dims[0]
    found = _spread(out_dims, value)
    if found is None:
        raise ValueError(
            f"vmap({name_of(func)}, ..., out_dims={out_dims})(<inputs>): out_dims is not "
            "compatible with the structure of `outputs`. out_dims has structure "
            f"{shape_of(out_dims)} but outputs has structure {shape_of(value)}."
        )
    return found


def _joined(func: Any, column: tuple[Any, ...], axis: int | None) -> Any:
    """One result of all examples: stacked, or (no axis) the one that all have in common."""
    first, name = column[0], name_of(func)
    if axis is None:
        if isinstance(first, Tensor) and any(not _same(first, other) for other in column[1:]):
            raise ValueError(
                f"vmap({name}, ...): `{name}` can not return a BatchedTensor when out_dim is None"
            )
        return first
    if not isinstance(first, Tensor):
        raise ValueError(
            f"vmap({name}, ...): `{name}` must only return Tensors, got type {type(first)}. Did "
            "you mean to set out_dims= to None for output?"
        )
    return stack(column, canonical_axis(axis, first.array.ndim + 1))


def _same(x: Tensor, y: Any) -> bool:
    return np.array_equal(x.array, y.array, equal_nan=x.array.dtype.kind in "fc")
