"""`vmap`: a function of one example, applied to a batch.

The examples are run one after the other and their results stacked: right for every function,
differentiable, and as fast as a loop. Where speed matters, write the batched form.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ..core.shapes import canonical_axis
from ..core.tensor import Tensor
from ..core.trees import REGISTERED, flatten
from ..ops.joining import stack


def _axes(in_dims: Any, args: tuple[Any, ...]) -> list[int | None]:
    """For every leaf of `args` the axis that holds the examples, or None."""
    if not isinstance(in_dims, (int, tuple, list)):
        raise ValueError(
            f"vmap: expected `in_dims` to be int or a (potentially nested) tuple matching the "
            f"structure of inputs, got: {type(in_dims)}."
        )
    found: list[int | None] = []

    def visit(dims: Any, tree: Any) -> None:
        if type(tree) in REGISTERED:
            for value in REGISTERED[type(tree)].flatten(tree)[0]:
                visit(dims, value)
        elif isinstance(tree, dict):
            for key, value in tree.items():
                visit(dims[key] if isinstance(dims, dict) else dims, value)
        elif isinstance(tree, (tuple, list)):
            spread = dims if isinstance(dims, (tuple, list)) else (dims,) * len(tree)
            if len(spread) != len(tree):
                raise ValueError(
                    f"vmap: in_dims is not compatible with the structure of inputs: {in_dims} has "
                    f"structure of length {len(spread)} but inputs have {len(tree)}"
                )
            for d, value in zip(spread, tree, strict=True):
                visit(d, value)
        elif dims is None or not isinstance(tree, Tensor):
            if dims is not None and not isinstance(in_dims, int):
                raise ValueError(
                    f"vmap: Got in_dim={dims} for an input but the input is of type {type(tree)}. "
                    "We cannot vmap over non-Tensor arguments, please use None as the respective "
                    "in_dim"
                )
            found.append(None)
        else:
            if tree.array.ndim == 0:
                raise ValueError(
                    f"vmap: Got in_dim={dims} for an input but got a 0-d Tensor; there is nothing "
                    "to map over"
                )
            found.append(canonical_axis(dims, tree.array.ndim))

    visit(in_dims if isinstance(in_dims, (tuple, list)) else (in_dims,) * len(args), args)
    return found


def vmap(
    func: Callable[..., Any],
    in_dims: Any = 0,
    out_dims: Any = 0,
    randomness: str = "error",
    *,
    chunk_size: int | None = None,
) -> Callable[..., Any]:
    """A function that maps `func` over an axis of its arguments.

    in_dims   the axis for each argument (one for all; nested like the arguments; None: not mapped)
    out_dims  the axis of the results that holds the examples

    ValueError when nothing is mapped over or sizes differ.
    """
    if randomness not in ("error", "different", "same"):
        raise RuntimeError(
            "Only allowed values for randomness are 'error', 'different', or 'same', "
            f"got {randomness}"
        )

    @functools.wraps(func)
    def mapped(*args: Any, **kwargs: Any) -> Any:
        leaves, rebuild = flatten(args)
        axes = _axes(in_dims, args)
        sizes = {x.array.shape[a] for x, a in zip(leaves, axes, strict=True) if a is not None}
        if not sizes:
            raise ValueError("vmap: at least one of the inputs must be mapped over, got only None")
        if len(sizes) > 1:
            raise ValueError(
                "vmap: Expected all tensors to have the same size in the mapped dimension, got "
                f"sizes {sorted(sizes)} for the mapped dimension"
            )
        (count,) = sizes
        rows = []
        build: Any = None
        for i in range(count):
            picked = [x if a is None else x.select(a, i) for x, a in zip(leaves, axes, strict=True)]
            outputs, build = flatten(func(*rebuild(picked), **kwargs))
            for out in outputs:
                if not isinstance(out, Tensor):
                    raise ValueError(
                        f"vmap: `f` must only return Tensors, got type {type(out)} as a return."
                    )
            rows.append(outputs)
        if not rows:
            raise ValueError("vmap: the mapped dimension has size 0, so the output is unknown")
        columns = list(zip(*rows, strict=True))
        dims = _output_dims(out_dims, len(columns), build)
        return build(
            [
                column[0] if d is None else stack(column, d)
                for column, d in zip(columns, dims, strict=True)
            ]
        )

    return mapped


def _output_dims(out_dims: Any, count: int, build: Any) -> list[int | None]:
    if out_dims is None or isinstance(out_dims, int):
        return [out_dims] * count
    flat, _ = flatten(out_dims)
    if len(flat) != count:
        raise ValueError(
            f"vmap: out_dims is not compatible with the structure of outputs: {len(flat)} entries "
            f"for {count} outputs"
        )
    return flat
