"""Derivatives of functions: Jacobians, Hessians, and their products with vectors.

vjp   v^T J     one backward pass           hvp   H v     (backward of the gradient times v)
jvp   J v       two backward passes: the vjp is linear in v, and its transpose is the jvp
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..core.modes import enable_grad
from ..core.tensor import Tensor, make
from ..ops.joining import stack
from .backward import grad

Function = Callable[..., Any]

# What v=None needs: the end of a sentence.
_RETURNED = "the user-provided function returns a single Tensor with a single element."
_GIVEN = "the input to the user-provided function is a single Tensor with a single element."


class Strict(NamedTuple):
    """What `strict=True` says of input number {} where a gradient is None, or is a constant."""

    unused: str
    constant: str


_OUTPUT = Strict(
    "The output of the user-provided function is independent of input {}. This is not allowed in "
    "strict mode.",
    "The jacobian of the user-provided function is independent of input {}. This is not allowed in "
    "strict mode when create_graph=True.",
)
_JACOBIAN = Strict(
    "The jacobian of the user-provided function is independent of input {}. This is not allowed in "
    "strict mode.",
    "The hessian of the user-provided function is independent of input {}. This is not allowed in "
    "strict mode when create_graph=True.",
)
_CONSTANT_OUTPUT = (
    "Output {} of the user-provided function does not require gradients. The outputs must be "
    "computed in a differentiable manner from the input when running in strict mode."
)
_CONSTANT_JACOBIAN = (
    "While computing the hessian, found that the jacobian of the user-provided function with "
    "respect to input {} is independent of the input. This is not allowed in strict mode. You "
    "should ensure that your function is twice differentiable and that the jacobian depends on the "
    "inputs (this would be violated by a linear function for example)."
)


def _tuple(value: Any, name: str, function: str) -> tuple[tuple[Tensor, ...], bool]:
    several = isinstance(value, (tuple, list))
    values = tuple(value) if several else (value,)
    for i, v in enumerate(values):
        if not isinstance(v, Tensor):
            which = f"value at index {i}" if several else f"given {name}"
            raise TypeError(
                f"The {name} given to {function} must be either a Tensor or a tuple of Tensors but "
                f"the {which} has type {type(v)}."
            )
    return values, several


def _variables(inputs: tuple[Tensor, ...], create_graph: bool) -> tuple[Tensor, ...]:
    """Fresh places on the tape to differentiate towards (connected to the inputs if recorded)."""
    return tuple(
        [
            x.view_as(x) if create_graph and x.requires_grad else make(x.array).requires_grad_()
            for x in inputs
        ]
    )


def _call(func: Function, inputs: tuple[Tensor, ...], name: str) -> tuple[tuple[Tensor, ...], bool]:
    return _tuple(func(*inputs), "outputs of the user-provided function", name)


def _vectors(
    v: Any, like: tuple[Tensor, ...], needed: str, function: str, several: bool
) -> tuple[Tensor, ...]:
    if v is None:
        if len(like) != 1 or like[0].array.size != 1:
            raise RuntimeError(f"The vector v can only be None if {needed}")
        return (make(np.ones_like(like[0].array)),)
    vectors, _ = _tuple(v, "v", function)
    if not several and len(vectors) != 1:
        raise RuntimeError("The given v should contain a single Tensor.")
    if len(vectors) != len(like):
        raise RuntimeError(
            f"v is a tuple of invalid length: should be {len(like)} but got {len(vectors)}."
        )
    for i, (a, b) in enumerate(zip(vectors, like)):
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
    strict: Strict | None = None,
) -> tuple[Tensor, ...]:
    """sum of outputs * vectors differentiated; zeros where an input plays no part.

    RuntimeError in the words of `strict`, if given, instead of zeros.
    """
    pairs = [(o, v) for o, v in zip(outputs, vectors) if o.requires_grad]
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
    if strict is not None:
        for i, g in enumerate(found):
            if g is None:
                raise RuntimeError(strict.unused.format(i))
            if create_graph and not g.requires_grad:
                raise RuntimeError(strict.constant.format(i))
    return tuple([make(np.zeros_like(x.array)) if g is None else g for g, x in zip(found, inputs)])


def _require_gradients(values: tuple[Tensor, ...], words: str) -> None:
    """RuntimeError if one of the values depends on no input."""
    for i, value in enumerate(values):
        if not value.requires_grad:
            raise RuntimeError(words.format(i))


def _packed(values: tuple[Tensor, ...], several: bool, create_graph: bool) -> Any:
    if not create_graph:
        values = tuple([v.detach() for v in values])
    return values if several else values[0]


def vjp(
    func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """func(inputs) and v^T J, J the Jacobian of func at inputs."""
    with enable_grad():
        xs, several = _tuple(inputs, "inputs", "vjp")
        xs = _variables(xs, create_graph)
        ys, several_out = _call(func, xs, "vjp")
        vs = _vectors(v, ys, _RETURNED, "vjp", several_out)
        if strict:
            _require_gradients(ys, _CONSTANT_OUTPUT)
        gs = _gradients(ys, xs, vs, create_graph, _OUTPUT if strict else None)
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
    words = _OUTPUT if strict else None
    return _gradients(_gradients(ys, xs, us, True, words), us, vs, create_graph, words)


def jvp(
    func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """func(inputs) and J v, J the Jacobian of func at inputs."""
    with enable_grad():
        xs, several = _tuple(inputs, "inputs", "jvp")
        vs = _vectors(v, xs, _GIVEN, "jvp", several)
        xs = _variables(xs, create_graph)
        ys, several_out = _call(func, xs, "jvp")
        if strict:
            _require_gradients(ys, _CONSTANT_OUTPUT)
        js = _pushed(ys, xs, vs, create_graph, strict)
    return _packed(ys, several_out, create_graph), _packed(js, several_out, create_graph)


def jacobian_rows(
    ys: tuple[Tensor, ...], xs: tuple[Tensor, ...], create_graph: bool, strict: bool
) -> tuple[tuple[Tensor, ...], ...]:
    """For each output and input the Jacobian, of shape (*output, *input): one pass an element."""
    result = []
    for k, y in enumerate(ys):
        words = _OUTPUT._replace(unused=_OUTPUT.unused.replace("The output", f"Output {k}"))
        rows: list[tuple[Tensor, ...]] = []
        for i in range(y.array.size):
            seed = np.zeros_like(y.array)
            seed.flat[i] = 1
            rows.append(
                _gradients((y,), xs, (make(seed),), create_graph, words if strict else None)
            )
        if rows:
            columns = [stack(column) for column in zip(*rows)]
        else:
            columns = [make(np.zeros((0, *x.array.shape), x.array.dtype)) for x in xs]
        result.append(
            tuple([c.reshape((*y.array.shape, *x.array.shape)) for c, x in zip(columns, xs)])
        )
    return tuple(result)


def _check_strategy(strategy: str, strict: bool, vectorize: bool) -> None:
    if strict and vectorize:
        raise RuntimeError(
            "torch.autograd.functional.jacobian: `strict=True` and `vectorized=True` are not "
            "supported together. Please either set `strict=False` or `vectorize=False`."
        )
    if strategy not in ("reverse-mode", "forward-mode"):
        raise AssertionError(
            'Expected strategy to be either "forward-mode" or "reverse-mode". Hint: If your '
            'function has more outputs than inputs, "forward-mode" tends to be more performant. '
            'Otherwise, prefer to use "reverse-mode".'
        )


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
    _check_strategy(strategy, strict, vectorize)
    with enable_grad():
        xs, several = _tuple(inputs, "inputs", "jacobian")
        xs = _variables(xs, create_graph)
        ys, several_out = _call(func, xs, "jacobian")
        if strict:
            _require_gradients(ys, _CONSTANT_OUTPUT)
        blocks = jacobian_rows(ys, xs, create_graph, strict)
    rows = tuple([_packed(row, several, create_graph) for row in blocks])
    return rows if several_out else rows[0]


def _scalar(func: Function, xs: tuple[Tensor, ...], strict: bool, function: str) -> Tensor:
    """func(*xs), which must be one Tensor of one element, as a scalar."""
    ys, several = _call(func, xs, function)
    if strict:
        _require_gradients(ys, _CONSTANT_OUTPUT)
    if several:
        raise RuntimeError(f"The function given to {function} should return a single Tensor")
    if ys[0].array.size != 1:
        raise RuntimeError(
            f"The Tensor returned by the function given to {function} should contain a single "
            "element"
        )
    return ys[0].reshape(())


def _gradient(
    y: Tensor, xs: tuple[Tensor, ...], strict: bool, words: Strict | None = None
) -> tuple[Tensor, ...]:
    """The recorded gradient of a scalar; in strict mode it must depend on the inputs itself."""
    gs = _gradients((y,), xs, (None,), True, words if strict else None)
    if strict:
        _require_gradients(gs, _CONSTANT_JACOBIAN)
    return gs


def hessian(
    func: Function,
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """The Hessian of a scalar function: shape (*input, *input); a tuple of tuples for several."""
    _check_strategy(outer_jacobian_strategy, strict, vectorize)
    with enable_grad():
        xs, several = _tuple(inputs, "inputs", "hessian")
        xs = _variables(xs, create_graph)
        gs = _gradient(_scalar(func, xs, strict, "hessian"), xs, strict)
        blocks = jacobian_rows(gs, xs, create_graph, strict)
    rows = tuple([_packed(row, several, create_graph) for row in blocks])
    return rows if several else rows[0]


def _second(
    func: Function, inputs: Any, v: Any, create_graph: bool, strict: bool, function: str
) -> tuple[Any, Any]:
    with enable_grad():
        xs, several = _tuple(inputs, "inputs", function)
        vs = _vectors(v, xs, _GIVEN, function, several)
        xs = _variables(xs, create_graph)
        y = _scalar(func, xs, strict, function)
        gs = _gradient(y, xs, strict, Strict(_OUTPUT.unused, _CONSTANT_JACOBIAN))
        products = _gradients(gs, xs, vs, create_graph, _JACOBIAN if strict else None)
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
