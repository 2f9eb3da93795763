"""The door of an op with a fixed number of arrays: `Primitive.apply` without its questions.

A call is ordinary if nobody watches it and the arrays with a derivative are all float32 or all
float64 (or Python numbers beside one, where the op promotes). What follows from the declaration is
worked out once, here; an ordinary call computes, and keeps what the rules will ask for. Everything
else is handed to `apply`, errors included. Read it against `Primitive.take` and `record`: the same
steps in the same order. Tests hold the two equal; doors.py has shorter ways for the simplest ops.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from .declaration import Recipe
from .dtypes import number_dtype
from .modes import current
from .node import Node
from .primitive import FLOAT32, FLOAT64, Primitive, generic_door, output, shares_memory
from .tensor import Tensor, live_node, make, make_view

_ndarray = np.ndarray
_NUMBERS = (float, int)


def ordinary_door(op: Primitive) -> Callable[..., Any]:
    """The public function of an op that is not variadic."""
    otherwise = generic_door(op)
    differentiable = op.typed if op.joint else {i for i, r in enumerate(op.rules) if r is not None}
    if op.promote and op.typed != differentiable:
        return otherwise
    forward, arity = op.forward, op.arity
    joint, residuals, shown = op.joint, op.residual, op.shown
    outputs, view = op.outputs, op.view
    promote = op.promote is not None
    number = promote and op.check is None and not op.tensors
    # of each input: a bit if it has a derivative, else 0; what is kept if these bits are wanted
    bits = [1 << i if i in differentiable else 0 for i in range(arity)]
    recipes: dict[int, Recipe] = {}

    @functools.wraps(forward)
    def call(*args: Any, **meta: Any) -> Any:
        if len(args) != arity:
            return otherwise(*args, **meta)
        if type(args[0]) is _ndarray:  # inside a rule
            for x in args:
                if isinstance(x, Tensor):
                    return otherwise(*args, **meta)
            return forward(*args, **meta)
        mode = current()
        if mode.watch is not None:
            return otherwise(*args, **meta)
        arrays: list[Any] = []
        parents: list[Node | None] = []
        dtype = None
        numbers = False
        wanted = 0
        for x, bit in zip(args, bits):
            if isinstance(x, Tensor):
                a = x.array
                node = x.node if x.base is None else live_node(x)
                if bit:
                    if a.dtype is not dtype:
                        if dtype is not None:
                            return otherwise(*args, **meta)
                        dtype = a.dtype
                    if node is not None:
                        wanted |= bit
                else:
                    if (node is not None and joint) or a.dtype.kind == "c":
                        return otherwise(*args, **meta)
                    node = None
                arrays.append(a)
                parents.append(node)
            elif x is None:
                arrays.append(None)
                parents.append(None)
            elif (type(x) is float or type(x) is int) and (bit if number else not promote):
                arrays.append(x)
                parents.append(None)
                numbers = True
            else:
                return otherwise(*args, **meta)
        if dtype is not FLOAT32 and dtype is not FLOAT64:
            return otherwise(*args, **meta)
        if numbers:
            arrays = [
                a
                if type(a) not in _NUMBERS
                else np.array(a, dtype if promote else number_dtype(a).numpy)
                for a in arrays
            ]
        try:
            out = forward(*arrays, **meta)
        except (ValueError, TypeError):  # `apply` words the error
            return op.apply(args, meta)
        residual: Any = None
        if residuals:
            out, residual = out
        if not outputs and type(out) is not _ndarray:
            out = np.asarray(out)
        made = None
        if wanted and mode.grad and (outputs or out.dtype.kind in "fc"):
            recipe = recipes.get(wanted)
            if recipe is None:
                need = tuple([bool(wanted >> i & 1) for i in range(arity)])
                recipe = recipes[wanted] = op.recipe(need)
            saved = recipe.saved(arrays, meta, out, residual)
            if outputs:
                shapes = tuple([np.shape(a) for a in out])
                made = Node(op, tuple(parents), saved, shapes, None)
            else:
                made = Node(op, tuple(parents), saved, out.shape, out.dtype)
        if outputs:
            of = args[0] if view else None
            return tuple([output(a, made, i, of) for i, a in enumerate(out)])
        if view and shares_memory(out, arrays[0]):
            return make_view(out, made, args[0])
        if shown:
            return make(out, made), *[make(np.asarray(r)) for r in residual[:shown]]
        return make(out, made)

    return call
