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
from ..core.fused import alias
from ..core.modes import enable_grad, is_grad_enabled
from ..core.tensor import Tensor, make
from ..core.trees import flatten, tree_map
from ..ops.joining import stack
from .structure import (
    canonical_argnums,
    require_inputs,
    require_real,
    require_tensors,
    shape_of,
    with_aux,
)

Function = Callable[..., Any]


def _alias(x: Any) -> Any:
    """The same value at a place of its own on the tape."""
    if not isinstance(x, Tensor):
        raise ValueError(f"Thing passed to transform API must be Tensor, got {type(x)}")
    if x.array.dtype.kind not in "fc":
        raise RuntimeError(
            "only Tensors of floating point dtype can require gradients (or of a complex one), and "
            f"func differentiates towards one of dtype {x.dtype}"
        )
    return x.view_as(x) if x.requires_grad else make(x.array).requires_grad_()


def _chosen(
    args: tuple[Any, ...], argnums: Any, rewritable: bool = False
) -> tuple[list[Any], Callable[[Any], Any], Any]:
    """Aliases of the chosen arguments' leaves, all arguments with them in place, and a rebuild."""
    numbers = canonical_argnums(argnums, len(args))
    leaves, rebuild = flatten(tuple([args[n] for n in numbers]))
    aliases = [_alias(x) for x in leaves]
    chosen = rebuild([_rewritable(x) for x in aliases] if rewritable else aliases)
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


def _released(args: Any, kwargs: Any, tree: Any, recording: bool = True) -> Any:
    """Detach results when nothing around asks for their derivative.

    recording  whether the transform was called where operations are recorded
    """
    outer = any(isinstance(x, Tensor) and x.requires_grad for x in flatten((args, kwargs))[0])
    if outer and recording:
        return tree
    return tree_map(lambda t: t.detach() if isinstance(t, Tensor) else t, tree)


def grad_and_value(func: Function, argnums: Any = 0, has_aux: bool = False) -> Function:
    """A function that returns (gradient of func, value of func), and aux where `has_aux`."""

    @functools.wraps(func)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        recording = is_grad_enabled()
        with enable_grad():
            aliases, shaped, full = _chosen(args, argnums)
            output = func(*full, **kwargs)
            aux = None
            if has_aux:
                output, aux = with_aux("grad_and_value(f)(*args)", output)
            if not isinstance(output, Tensor):
                raise RuntimeError(
                    "grad_and_value(f)(*args): Expected f(*args) to return a Tensor, got "
                    f"{type(output)}"
                )
            if output.array.ndim != 0:
                raise RuntimeError(
                    "grad_and_value(f)(*args): Expected f(*args) to return a scalar Tensor, got "
                    f"tensor with {output.array.ndim} dims. Maybe you wanted to use the vjp or "
                    "jacrev APIs instead?"
                )
            if output.array.dtype.kind == "c":
                raise RuntimeError(
                    "grad can be implicitly created only for real scalar outputs but got "
                    f"{output.dtype}"
                )
            found = _differentiated(output, aliases, make(np.ones_like(output.array)))
        value = (output, aux) if has_aux else output
        return _released(args, kwargs, (shaped(found), value), recording)

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
    recording = is_grad_enabled()
    with enable_grad():
        leaves, rebuild = flatten(primals)
        aliases = [_alias(x) for x in leaves]
        output = func(*rebuild(aliases))
        aux = None
        if has_aux:
            output, aux = with_aux("vjp(f, *primals)", output)
    outputs, rebuild_output = flatten(output)
    require_tensors("vjp(f, *primals)", outputs)

    def pull(cotangents: Any, *more: Any) -> Any:
        cotangents = (cotangents, *more) if more else cotangents
        given, _ = flatten(cotangents)
        if shape_of(cotangents) != shape_of(output):
            raise RuntimeError(
                "Expected pytree structure of cotangents to be the same as pytree structure of "
                f"outputs to the function. cotangents: {shape_of(cotangents)}, primal output: "
                f"{shape_of(output)}"
            )
        pulling = is_grad_enabled()
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
        return _released(primals, given, rebuild(list(found)), pulling)

    value, aux = _released(primals, {}, (rebuild_output(outputs), aux), recording)
    return (value, pull, aux) if has_aux else (value, pull)


def _rewritable(x: Tensor) -> Tensor:
    """`x` in the same memory, as a value computed from it, which may be written in place."""
    computed = alias(x)
    computed.node.parents = (x.node,)
    return computed


def jvp(
    func: Function, primals: Any, tangents: Any, *, strict: bool = False, has_aux: bool = False
) -> Any:
    """func(*primals) and J times the tangents (and aux where `has_aux`).

    `strict` raises RuntimeError for an output that does not depend on the primals.
    """
    api = "jvp(f, primals, tangents)"
    if not isinstance(primals, tuple):
        raise RuntimeError(
            f"{api}: Expected primals to be a tuple. E.g. it should be valid to call f(*primals)."
        )
    if shape_of(primals) != shape_of(tangents):
        raise RuntimeError(
            f"{api}: Expected primals and tangents to have the same python structure. Got primals "
            f"with structure {shape_of(primals)} and tangents with structure {shape_of(tangents)}"
        )
    leaves, rebuild = flatten(primals)
    vs, _ = flatten(tangents)
    require_inputs(api, "primals", leaves)
    require_inputs(api, "tangents", vs)
    recording = is_grad_enabled()
    with enable_grad():
        aliases = tuple([_alias(x) for x in leaves])
        output = func(*rebuild([_rewritable(x) for x in aliases]))
        aux = None
        if has_aux:
            output, aux = with_aux(api, output)
        outputs, rebuild_output = flatten(output)
        require_tensors(api, outputs)
        if strict and not all(y.requires_grad for y in outputs):
            raise RuntimeError(
                "jvp(f, primals, tangents, strict=True): The output of f is independent of the "
                "inputs. This is not allowed with strict=True."
            )
        with pushing():
            pushed = _pushed(tuple(outputs), aliases, tuple(vs), True, False)
    value = _released(
        (primals, tangents),
        {},
        (rebuild_output(outputs), rebuild_output(list(pushed)), aux),
        recording,
    )
    return value if has_aux else value[:2]


def _jacobian(func: Function, argnums: Any, has_aux: bool, forward: bool) -> Function:
    api = "jvp(f, primals, tangents)" if forward else "vjp(f, *primals)"
    name = "jacfwd" if forward else "jacrev"

    @functools.wraps(func)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        recording = is_grad_enabled()
        with enable_grad():
            aliases, shaped, full = _chosen(args, argnums, rewritable=forward)
            require_real(name, "inputs", aliases)
            output = func(*full, **kwargs)
            aux = None
            if has_aux:
                output, aux = with_aux(api, output)
            outputs, rebuild_output = flatten(output)
            require_tensors(api, outputs)
            require_real(name, "outputs", outputs)
            xs = tuple(aliases)
            blocks = (_columns if forward else _rows)(tuple(outputs), xs)
            tree = rebuild_output([shaped(list(row)) for row in blocks])
        return _released(args, kwargs, (tree, aux) if has_aux else tree, recording)

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
    func: Function,
    argnums: Any = 0,
    *,
    has_aux: bool = False,
    chunk_size: int | None = None,
    _preallocate_and_copy: bool = False,
) -> Function:
    """A function that returns the Jacobian of func, row by row (reverse mode).

    `chunk_size` and `_preallocate_and_copy` are accepted: rows are computed one at a time.
    """
    if chunk_size is not None and chunk_size <= 0:
        raise ValueError("jacrev: `chunk_size` should be greater than 0.")
    return _jacobian(func, argnums, has_aux, forward=False)


def jacfwd(
    func: Function, argnums: Any = 0, has_aux: bool = False, *, randomness: str = "error"
) -> Function:
    """A function that returns the Jacobian of func, column by column."""
    return _jacobian(func, argnums, has_aux, forward=True)


def hessian(func: Function, argnums: Any = 0) -> Function:
    """A function that returns the Hessian of the scalar func."""
    return jacfwd(jacrev(func, argnums), argnums)
