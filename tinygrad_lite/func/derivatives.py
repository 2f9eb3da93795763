"""Derivatives as functions that return functions, of any nesting: `grad(grad(f))`.

Every transform differentiates towards fresh aliases of its arguments, recorded, so that a transform
around it can differentiate again. Arguments may be nests of tuples, lists and dictionaries.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from ..autograd.backward import grad as _grad
from ..autograd.function import pushing
from ..autograd.functional import _pushed, jacobian_rows
from ..core.modes import enable_grad
from ..core.tensor import Tensor, make
from ..core.trees import flatten, tree_map
from ..ops.joining import stack

Function = Callable[..., Any]


def _alias(x: Any) -> Any:
    """The same value at a place of its own on the tape."""
    if not isinstance(x, Tensor) or x.array.dtype.kind != "f":
        raise RuntimeError(
            "func: can only differentiate towards floating-point Tensors, got "
            f"{x.dtype if isinstance(x, Tensor) else type(x).__name__}"
        )
    return x.view_as(x) if x.requires_grad else make(x.array).requires_grad_()


def _chosen(args: tuple[Any, ...], argnums: Any) -> tuple[list[Any], Callable[[Any], Any], Any]:
    """Aliases of the chosen arguments' leaves, all arguments with them in place, and a rebuild."""
    numbers = argnums if isinstance(argnums, tuple) else (argnums,)
    for n in numbers:
        if not -len(args) <= n < len(args):
            raise RuntimeError(f"Got argnum={n}, but only {len(args)} positional inputs")
    numbers = tuple([n % len(args) for n in numbers])
    leaves, rebuild = flatten(tuple([args[n] for n in numbers]))
    aliases = [_alias(x) for x in leaves]
    chosen = rebuild(aliases)
    full = list(args)
    for n, value in zip(numbers, chosen, strict=True):
        full[n] = value

    def shaped(values: list[Any]) -> Any:
        tree = rebuild(values)
        return tree if isinstance(argnums, tuple) else tree[0]

    return aliases, shaped, full


def _differentiated(output: Tensor, aliases: list[Any], v: Tensor) -> list[Any]:
    if not output.requires_grad:
        return [make(np.zeros_like(x.array)) for x in aliases]
    return list(
        _grad(output, aliases, v, create_graph=True, allow_unused=True, materialize_grads=True)
    )


def _released(args: Any, kwargs: Any, tree: Any) -> Any:
    """Detach results when nothing around asks for their derivative."""
    outer = any(isinstance(x, Tensor) and x.requires_grad for x in flatten((args, kwargs))[0])
    if outer:
        return tree
    return tree_map(lambda t: t.detach() if isinstance(t, Tensor) else t, tree)


def grad_and_value(func: Function, argnums: Any = 0, has_aux: bool = False) -> Function:
    """A function that returns (gradient of func, value of func), and aux where `has_aux`."""

    @functools.wraps(func)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        with enable_grad():
            aliases, shaped, full = _chosen(args, argnums)
            output = func(*full, **kwargs)
            aux = None
            if has_aux:
                if not (isinstance(output, tuple) and len(output) == 2):
                    raise RuntimeError(
                        "grad_and_value(f)(*args): output of function f should be a "
                        "tuple: (output, "
                        "aux) if has_aux is True"
                    )
                output, aux = output
            if not isinstance(output, Tensor):
                raise RuntimeError(
                    "grad_and_value(f)(*args): Expected f(*args) to return a Tensor, got "
                    f"{type(output).__name__}"
                )
            if output.array.ndim != 0:
                raise RuntimeError(
                    "Expected f(*args) to return a scalar tensor, got tensor with "
                    f"{output.array.ndim} dims. Maybe you wanted to use the vjp or jacrev APIs "
                    "instead?"
                )
            found = _differentiated(output, aliases, make(np.ones_like(output.array)))
        value = (output, aux) if has_aux else output
        return _released(args, kwargs, (shaped(found), value))

    return wrapped


def grad(func: Function, argnums: Any = 0, has_aux: bool = False) -> Function:
    """A function that returns the gradient of the scalar func towards its arguments `argnums`."""
    both = grad_and_value(func, argnums, has_aux)

    @functools.wraps(func)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        gradient, value = both(*args, **kwargs)
        return (gradient, value[1]) if has_aux else gradient

    return wrapped


def value_and_grad(func: Function, argnums: Any = 0, has_aux: bool = False) -> Function:
    """As `grad_and_value`, the value first (JAX's order)."""
    both = grad_and_value(func, argnums, has_aux)

    @functools.wraps(func)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        gradient, value = both(*args, **kwargs)
        return value, gradient

    return wrapped


def vjp(func: Function, *primals: Any, has_aux: bool = False) -> Any:
    """func(*primals) and the function v -> v^T J (and aux where `has_aux`)."""
    with enable_grad():
        leaves, rebuild = flatten(primals)
        aliases = [_alias(x) for x in leaves]
        output = func(*rebuild(aliases))
        aux = None
        if has_aux:
            output, aux = output
    outputs, rebuild_output = flatten(output)

    def pull(cotangents: Any, *more: Any) -> Any:
        given, _ = flatten((cotangents, *more) if more else cotangents)
        if len(given) != len(outputs):
            raise RuntimeError(
                "Expected pytree structure of cotangents to be the same as pytree structure of "
                f"outputs to the function: {len(outputs)} tensors, got {len(given)}"
            )
        with enable_grad():
            pairs = [(o, v) for o, v in zip(outputs, given, strict=True) if o.requires_grad]
            found: Any = [make(np.zeros_like(x.array)) for x in aliases]
            if pairs:
                found = _grad(
                    [o for o, _ in pairs],
                    aliases,
                    [v for _, v in pairs],
                    create_graph=True,
                    retain_graph=True,
                    materialize_grads=True,
                )
        return _released(primals, given, rebuild(list(found)))

    value = _released(primals, {}, rebuild_output(outputs))
    return (value, pull, aux) if has_aux else (value, pull)


def jvp(func: Function, primals: Any, tangents: Any, *, has_aux: bool = False) -> Any:
    """func(*primals) and J times the tangents (and aux where `has_aux`)."""
    if not isinstance(primals, tuple) or not isinstance(tangents, tuple):
        raise RuntimeError("jvp(f, primals, tangents): Expected primals and tangents to be tuples")
    with enable_grad():
        leaves, rebuild = flatten(primals)
        vs, _ = flatten(tangents)
        if len(vs) != len(leaves):
            raise RuntimeError(
                "jvp(f, primals, tangents): Expected primals and tangents to have the same python "
                f"structure: {len(leaves)} and {len(vs)} tensors"
            )
        aliases = tuple([_alias(x) for x in leaves])
        output = func(*rebuild(list(aliases)))
        aux = None
        if has_aux:
            output, aux = output
        outputs, rebuild_output = flatten(output)
        with pushing():
            pushed = _pushed(tuple(outputs), aliases, tuple(vs), True, False)
    value = _released(
        (primals, tangents), {}, (rebuild_output(outputs), rebuild_output(list(pushed)))
    )
    return (*value, aux) if has_aux else value


def _jacobian(func: Function, argnums: Any, has_aux: bool, forward: bool) -> Function:
    @functools.wraps(func)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        with enable_grad():
            aliases, shaped, full = _chosen(args, argnums)
            output = func(*full, **kwargs)
            aux = None
            if has_aux:
                output, aux = output
            outputs, rebuild_output = flatten(output)
            xs = tuple(aliases)
            blocks = (_columns if forward else _rows)(tuple(outputs), xs)
            tree = rebuild_output([shaped(list(row)) for row in blocks])
        return _released(args, kwargs, (tree, aux) if has_aux else tree)

    return wrapped


def _rows(ys: tuple[Tensor, ...], xs: tuple[Tensor, ...]) -> Any:
    return jacobian_rows(ys, xs, True, False)


def _columns(ys: tuple[Tensor, ...], xs: tuple[Tensor, ...]) -> list[tuple[Tensor, ...]]:
    """The Jacobian blocks, one jvp for each element of the inputs."""
    blocks: list[list[Tensor]] = [[] for _ in ys]
    for k, x in enumerate(xs):
        columns: list[tuple[Tensor, ...]] = []
        for i in range(x.array.size):
            vs = [np.zeros_like(z.array) for z in xs]
            vs[k].reshape(-1)[i] = 1
            with pushing():
                columns.append(_pushed(ys, xs, tuple([make(v) for v in vs]), True, False))
        for row, y, pieces in zip(blocks, ys, zip(*columns, strict=True), strict=True):
            row.append(stack(pieces, -1).reshape((*y.array.shape, *x.array.shape)))
    return [tuple(row) for row in blocks]


def jacrev(
    func: Function, argnums: Any = 0, *, has_aux: bool = False, chunk_size: int | None = None
) -> Function:
    """A function that returns the Jacobian of func, row by row (reverse mode)."""
    return _jacobian(func, argnums, has_aux, forward=False)


def jacfwd(
    func: Function, argnums: Any = 0, has_aux: bool = False, *, randomness: str = "error"
) -> Function:
    """A function that returns the Jacobian of func, column by column."""
    return _jacobian(func, argnums, has_aux, forward=True)


def hessian(func: Function, argnums: Any = 0) -> Function:
    """A function that returns the Hessian of the scalar func."""
    return jacfwd(jacrev(func, argnums), argnums)
