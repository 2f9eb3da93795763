"""What transforms say of arguments: names of functions, structures of nests, which argument."""

from __future__ import annotations

import functools
from typing import Any

from ..core.tensor import Tensor
from ..core.trees import flatten


def name_of(func: Any) -> str:
    """What a function is called in messages."""
    if hasattr(func, "__name__"):
        return func.__name__
    if isinstance(func, functools.partial):
        return f"functools.partial({name_of(func.func)}, ...)"
    return repr(func)


def shape_of(tree: Any) -> str:
    """The structure of a nest of containers, with * for its leaves."""
    leaves, rebuild = flatten(tree)
    return str(rebuild(["*"] * len(leaves))).replace("'*'", "*")


def canonical_argnums(argnums: Any, count: int) -> tuple[int, ...]:
    """The numbers of the arguments meant, counted from the front. RuntimeError if there are none
    such, or one twice."""
    if not isinstance(argnums, (int, tuple)):
        raise RuntimeError(f"argnums must be int or Tuple[int, ...], got: {type(argnums)}")
    numbers = argnums if isinstance(argnums, tuple) else (argnums,)
    if not numbers:
        raise RuntimeError("argnums must be non-empty")
    for n in numbers:
        if not isinstance(n, int):
            raise RuntimeError(f"argnum must be int, got: {type(n)}")
        if not -count <= n < count:
            raise RuntimeError(f"Got argnum={n}, but only {count} positional inputs")
    numbers = tuple([n % count for n in numbers])
    if len(set(numbers)) != len(numbers):
        raise RuntimeError(f"argnums elements must be unique, got {numbers}")
    return numbers


def with_aux(api: str, value: Any) -> tuple[Any, Any]:
    """The two parts of what a function returns that has an auxiliary value."""
    if not (isinstance(value, tuple) and len(value) == 2):
        raise RuntimeError(
            f"{api}: output of function f should be a tuple: (output, aux) if has_aux is True"
        )
    for x in flatten(value[1])[0]:
        if not isinstance(x, Tensor):
            raise RuntimeError(f"Expected tensors, got unsupported type {type(x)}")
    return value


def require_tensors(api: str, outputs: list[Any]) -> None:
    """RuntimeError unless a function returned at least one Tensor, and nothing else."""
    if not outputs or (len(outputs) == 1 and outputs[0] is None):
        raise RuntimeError(
            f"{api}: Expected f to be a function that has non-empty output (got output = {outputs})"
        )
    for x in outputs:
        if not isinstance(x, Tensor):
            raise RuntimeError(
                f"{api}: expected f(*primals) to return only tensors, got unsupported type "
                f"{type(x)}"
            )


def require_inputs(api: str, what: str, values: list[Any]) -> None:
    """RuntimeError unless these are Tensors, at least one."""
    if not values:
        raise RuntimeError(f"{api}: Expected {what} to contain at least one Tensor.")
    for x in values:
        if not isinstance(x, Tensor):
            raise RuntimeError(f"{api}: Expected {what} to only contain Tensors, got {type(x)}")


def require_real(api: str, what: str, values: list[Any]) -> None:
    """RuntimeError for complex Tensors."""
    for i, x in enumerate(values):
        if x.array.dtype.kind == "c":
            raise RuntimeError(
                f"{api}: Expected all {what} to be real but received complex tensor at flattened "
                f"input idx: {i}"
            )
