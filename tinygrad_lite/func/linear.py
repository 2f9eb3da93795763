"""A function's linear part at a point, and what else `torch.func` offers around functions."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from ..autograd.backward import grad as _grad
from ..core.modes import enable_grad
from ..core.tensor import Tensor, make
from ..core.trees import flatten
from .derivatives import _alias, _released
from .structure import shape_of

Function = Callable[..., Any]


def linearize(func: Function, *primals: Any) -> tuple[Any, Function]:
    """func(*primals), and the function (*tangents) -> J tangents, J its Jacobian at `primals`.

    `func` runs once; each call of the second function is two passes over its graph. J v is the
    derivative of w -> J^T w, which is linear, along v. Tangents are nested like the primals.

    ValueError for primals that are not floating; RuntimeError for tangents of another structure,
    shape or dtype.
    """
    points, rebuild = flatten(primals)
    for x in points:
        if isinstance(x, Tensor) and x.array.dtype.kind not in "fc":
            raise ValueError(f"Expected primal to be floating point or complex, but got: {x.dtype}")
    structure = shape_of(primals)
    with enable_grad():
        aliases = [_alias(x) if isinstance(x, Tensor) else x for x in points]
        value = func(*rebuild(aliases))
        results, rebuild_results = flatten(value)
        live = [isinstance(y, Tensor) and y.requires_grad for y in results]
        outputs = [y for y, wanted in zip(results, live, strict=True) if wanted]
        weights = [make(np.zeros_like(y.array)).requires_grad_() for y in outputs]
        inputs = [x for x in aliases if isinstance(x, Tensor)]
        pulled: Any = ()
        if outputs:
            pulled = _grad(outputs, inputs, weights, create_graph=True, allow_unused=True)

    def pushed(*tangents: Any) -> Any:
        given, _ = flatten(tangents)
        if shape_of(tangents) != structure:
            raise RuntimeError(
                f"Expected the tangents {shape_of(tangents)} to have the same argspec as the "
                f"primals {structure}"
            )
        pairs = [(x, t) for x, t in zip(points, given, strict=True) if isinstance(x, Tensor)]
        for i, (x, t) in enumerate(pairs):
            for what in ("shape", "dtype"):
                if getattr(x, what) != getattr(t, what):
                    raise RuntimeError(
                        f"tangent:{i} with {what} {getattr(t, what)} in flattened pytree doesn't "
                        f"match the {what} {getattr(x, what)} of the corresponding primal."
                    )
        used = [
            (g, t)
            for g, (_, t) in zip(pulled, pairs, strict=bool(pulled))
            if g is not None and g.requires_grad
        ]
        found: Any = [None] * len(weights)
        if used:
            vectors = [t for _, t in used]
            keep = any(t.requires_grad for t in vectors) or any(
                isinstance(x, Tensor) and x.requires_grad for x in points
            )
            found = _grad(
                [g for g, _ in used],
                weights,
                vectors,
                retain_graph=True,
                create_graph=keep,
                allow_unused=True,
            )
        moved = iter(found)
        rows = []
        for y, wanted in zip(results, live, strict=True):
            row = next(moved) if wanted else None
            if row is None:
                row = make(np.zeros_like(y.array)) if isinstance(y, Tensor) else y
            rows.append(row)
        return rebuild_results(rows)

    return _released(primals, {}, value), pushed


def functionalize(func: Function, *, remove: str = "mutations") -> Function:
    """`func`: its results, and what it writes into its arguments, are the same either way.

    PyTorch rewrites the program so that a compiler meets no in-place operation; there is none here.
    RuntimeError unless `remove` is "mutations" or "mutations_and_views".
    """
    if remove not in ("mutations", "mutations_and_views"):
        raise RuntimeError(
            f"functionalize(f, remove='mutations'): received invalid argument for remove={remove}. "
            "Valid options are: remove='mutations', remove='mutations_and_views'"
        )

    @functools.wraps(func)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        return func(*args, **kwargs)

    return wrapped


def replace_all_batch_norm_modules_(root: Any) -> Any:
    """Let every batch normalization in the module `root` use its batch only: no running averages.

    These are written in place, which a function under `vmap` must not do. Returns `root`.
    """
    for module in root.modules():
        if any(kind.__name__ == "_BatchNorm" for kind in type(module).__mro__):
            module.running_mean = module.running_var = None
            module.num_batches_tracked = None
            module.track_running_stats = False
    return root
