"""Derivatives of functions: Jacobians, Hessians, and their products with vectors.

vjp   v^T J     one backward pass           hvp   H v     (backward of the gradient times v)
jvp   J v       two backward passes: the vjp is linear in v, and its transpose is the jvp
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.modes import enable_grad
from ..core.tensor import Tensor, make
from ..ops.joining import stack
from .backward import grad

Function = Callable[..., Any]


def _tuple(value: Any, name: str, function: str) -> tuple[tuple[Tensor, ...], bool]:
    several = isinstance(value, (tuple, list))
    values = tuple(value) if several else (value,)
    for i, v in enumerate(values):
        if not isinstance(v, Tensor):
            raise TypeError(
                f"The {name} given to {function} must be either a Tensor or a tuple of Tensors but "
                f"the value at index {i} has type {type(v)}."
            )
    return values, several


def _variables(inputs: tuple[Tensor, ...], create_graph: bool) -> tuple[Tensor, ...]:
    """Fresh places on the tape to differentiate towards (connected to the inputs if recorded)."""
    if create_graph:
        return tuple([x.view_as(x) if x.requires_grad else _leaf(x) for x in inputs])
    return tuple([_leaf(x) for x in inputs])


def _leaf(x: Tensor) -> Tensor:
    return make(x.array).requires_grad_()


def _call(func: Function, inputs: tuple[Tensor, ...], name: str) -> tuple[tuple[Tensor, ...], bool]:
    return _tuple(func(*inputs), "outputs of the user-provided function", name)


def _vectors(
    v: Any, like: tuple[Tensor, ...], name: str, function: str, several: bool = True
) -> tuple[Tensor, ...]:
    if v is None:
        if len(like) != 1 or like[0].array.size != 1:
            what = (
                "the user-provided function returns"
                if name == "output"
                else "the input to the user-provided function is"
            )
            raise RuntimeError(
                f"The vector v can only be None if {what} a single Tensor with a single element. "
                f"({function})"
            )
        return (make(np.ones_like(like[0].array)),)
    vectors, _ = _tuple(v, "v", function)
    if not several and len(vectors) != 1:
        raise RuntimeError("The given v should contain a single Tensor.")
    if len(vectors) != len(like):
        raise RuntimeError(
            f"v is a tuple of invalid length: should be {len(like)} but got {len(vectors)}."
        )
    for i, (a, b) in enumerate(zip(vectors, like, strict=True)):
        if a.array.shape != b.array.shape:
            raise RuntimeError(
                f"{f'Entry {i} in ' if several else ''}v has invalid size: should be {b.shape} but "
                f"got {a.shape}."
            )
    return vectors


def _gradients(
    outputs: tuple[Tensor, ...],
    inputs: tuple[Tensor, ...],
    vectors: tuple[Any, ...],
    create_graph: bool,
    strict: bool,
    function: str,
) -> tuple[Tensor, ...]:
    """sum of outputs * vectors differentiated; zeros where an input plays no part."""
    pairs = [(o, v) for o, v in zip(outputs, vectors, strict=True) if o.requires_grad]
    found: tuple[Tensor | None, ...] = (None,) * len(inputs)
    if pairs:
        found = grad(
            [o for o, _ in pairs],
            inputs,
            [v for _, v in pairs],
            create_graph=create_graph,
            retain_graph=True,
            allow_unused=True,
        )
    if strict:
        _require_gradients(outputs, function)
    if strict and any(g is None for g in found):
        i = next(i for i, g in enumerate(found) if g is None)
        what = "The jacobian" if function.startswith("the ") else "The output"
        if function.startswith("Output"):
            what = function
        raise RuntimeError(
            f"{what} of the user-provided function is independent of input {i}. This is not "
            f"allowed in strict mode. ({function})"
        )
    zeros = [make(np.zeros_like(x.array)) for x in inputs]
    return tuple([z if g is None else g for g, z in zip(found, zeros, strict=True)])


def _require_gradients(values: tuple[Tensor, ...], function: str) -> None:
    """In strict mode: RuntimeError if one of the values depends on no input."""
    for i, value in enumerate(values):
        if value.requires_grad:
            continue
        if function.startswith("the "):
            raise RuntimeError(
                f"While computing {function}, found that the jacobian of the user-provided "
                f"function with respect to input {i} does not require gradients. The outputs must "
                "be computed in a differentiable manner from the input when running in strict mode."
            )
        raise RuntimeError(
            f"Output {i} of the user-provided function does not require gradients. The outputs "
            "must be computed in a differentiable manner from the input when running in strict "
            "mode."
        )


def _packed(values: tuple[Any, ...], several: bool, create_graph: bool) -> Any:
    if not create_graph:
        values = tuple([v.detach() if isinstance(v, Tensor) else v for v in values])
    return values if several else values[0]


def vjp(
    func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """func(inputs) and v^T J, J the Jacobian of func at inputs."""
    with enable_grad():
        xs, several = _tuple(inputs, "inputs", "vjp")
        xs = _variables(xs, create_graph)
        ys, several_out = _call(func, xs, "vjp")
        vs = _vectors(v, ys, "output", "vjp", several_out)
        gs = _gradients(ys, xs, vs, create_graph, strict, "vjp")
    return _packed(ys, several_out, create_graph), _packed(gs, several, create_graph)


def _pushed(
    ys: tuple[Tensor, ...],
    xs: tuple[Tensor, ...],
    vs: tuple[Tensor, ...],
    create_graph: bool,
    strict: bool,
) -> tuple[Tensor, ...]:
    """J v: the vjp u^T J is linear in u, so its derivative by u, times v, is J v."""
    us = tuple([make(np.zeros_like(y.array)).requires_grad_() for y in ys])
    gs = _gradients(ys, xs, us, True, strict, "jvp")
    return _gradients(gs, us, vs, create_graph, False, "jvp")


def jvp(
    func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """func(inputs) and J v, J the Jacobian of func at inputs."""
    with enable_grad():
        xs, several = _tuple(inputs, "inputs", "jvp")
        vs = _vectors(v, xs, "input", "jvp", several)
        xs = _variables(xs, create_graph)
        ys, several_out = _call(func, xs, "jvp")
        js = _pushed(ys, xs, vs, create_graph, strict)
    return _packed(ys, several_out, create_graph), _packed(js, several_out, create_graph)


def jacobian_rows(
    ys: tuple[Tensor, ...], xs: tuple[Tensor, ...], create_graph: bool, strict: bool
) -> tuple[tuple[Tensor, ...], ...]:
    """For each output and input the Jacobian, of shape (*output, *input): one pass an element."""
    result = []
    for k, y in enumerate(ys):
        rows: list[tuple[Tensor, ...]] = []
        for i in range(y.array.size):
            seed = np.zeros_like(y.array)
            seed.reshape(-1)[i] = 1
            vectors = tuple([make(seed) if j == k else None for j in range(len(ys))])
            only = (ys[k],), (vectors[k],)
            rows.append(_gradients(only[0], xs, only[1], create_graph, strict, f"Output {k}"))
        shape = y.array.shape
        if rows:
            columns = [stack(column) for column in zip(*rows, strict=True)]
        else:
            columns = [make(np.zeros((0, *x.array.shape), x.array.dtype)) for x in xs]
        result.append(
            tuple([c.reshape((*shape, *x.array.shape)) for c, x in zip(columns, xs, strict=True)])
        )
    return tuple(result)


def jacobian(
    func: Function,
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """The Jacobian of func at inputs: shape (*output, *input); tuples for several of either.

    `vectorize` and `strategy` choose a way in PyTorch; the value is the same.
    """
    if strategy not in ("reverse-mode", "forward-mode"):
        raise AssertionError(
            f'Expected strategy to be "forward-mode" or "reverse-mode", got {strategy}'
        )
    with enable_grad():
        xs, several = _tuple(inputs, "inputs", "jacobian")
        xs = _variables(xs, create_graph)
        ys, several_out = _call(func, xs, "jacobian")
        blocks = jacobian_rows(ys, xs, create_graph, strict)
    rows = tuple([_packed(row, several, create_graph) for row in blocks])
    return rows if several_out else rows[0]


def _require_scalar(y: Any, function: str) -> Tensor:
    ys, several = _tuple(y, "outputs of the user-provided function", function)
    if several or ys[0].array.size != 1:
        raise RuntimeError(
            f"The Tensor returned by the function given to {function} should contain a single "
            "element"
        )
    return ys[0].reshape(())


def hessian(
    func: Function,
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """The Hessian of a scalar function: shape (*input, *input); a tuple of tuples for several."""
    with enable_grad():
        xs, several = _tuple(inputs, "inputs", "hessian")
        xs = _variables(xs, create_graph)
        y = _require_scalar(func(*xs), "hessian")
        one = make(np.ones_like(y.array))
        gs = _gradients((y,), xs, (one,), True, strict, "hessian")
        if strict:
            _require_gradients(gs, "the hessian")
        blocks = jacobian_rows(gs, xs, create_graph, strict)
    rows = tuple([_packed(row, several, create_graph) for row in blocks])
    return rows if several else rows[0]


def _second(
    func: Function, inputs: Any, v: Any, create_graph: bool, strict: bool, function: str
) -> tuple[Any, Any]:
    with enable_grad():
        xs, several = _tuple(inputs, "inputs", function)
        vs = _vectors(v, xs, "input", function, several)
        xs = _variables(xs, create_graph)
        y = _require_scalar(func(*xs), function)
        one = make(np.ones_like(y.array))
        gs = _gradients((y,), xs, (one,), True, strict, function)
        products = _gradients(gs, xs, vs, create_graph, strict, "the hessian")
    return _packed((y,), False, create_graph), _packed(products, several, create_graph)


def hvp(
    func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """func(inputs) and H v, H the Hessian of the scalar function at inputs."""
    return _second(func, inputs, v, create_graph, strict, "hvp")


def vhp(
    func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """func(inputs) and v^T H: H is symmetric, so this is `hvp`."""
    return _second(func, inputs, v, create_graph, strict, "vhp")
