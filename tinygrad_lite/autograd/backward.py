"""`backward` and `grad`: the two ways to ask for derivatives."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.engine import backprop, has_memory_alone
from ..core.node import Node
from ..core.tensor import Tensor, bind, live_node, make
from ..kernels._memory import keep_freed_memory
from .graph import GradientEdge


def backward(
    tensors: Any,
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    grad_variables: Any = None,
    inputs: Any = None,
) -> None:
    """Add d(sum of `tensors`) / d(leaf) to the `.grad` of every leaf (or of `inputs` only).

    grad_tensors  for each tensor the gradient of the loss by it; may be None for a scalar
    retain_graph  keep the graph for another pass (default: `create_graph`)
    create_graph  record the pass itself, for derivatives of derivatives
    grad_variables  the old name of grad_tensors (FutureWarning)

    RuntimeError for a tensor without a graph, a non-scalar without gradient, a graph already freed.
    """
    if grad_variables is not None:
        warnings.warn(
            "`grad_variables` is deprecated. Use `grad_tensors` instead.",
            FutureWarning,
            stacklevel=2,
        )
        if grad_tensors is not None:
            raise RuntimeError(
                "`grad_tensors` and `grad_variables` (deprecated) arguments both passed to "
                "`backward()`. Please only use `grad_tensors`."
            )
        grad_tensors = grad_variables
    outputs = _sequence(tensors)
    roots = _roots(outputs, _sequence(grad_tensors, len(outputs)), create_graph)
    retain = create_graph if retain_graph is None else retain_graph
    if inputs is None:
        backprop(roots, retain_graph=retain, create_graph=create_graph)
        return
    targets = _sequence(inputs)
    if not targets:
        raise RuntimeError("`inputs` argument to `backward()` cannot be empty.")
    _require_places(targets)
    for t in targets:
        if isinstance(t, Tensor):
            t.retain_grad()  # of a leaf nothing; others keep it in later passes too, as in PyTorch
    nodes = [_node_of_input(t) for t in targets]
    backprop(roots, nodes, retain_graph=retain, create_graph=create_graph)


def grad(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Tensor | None, ...]:
    """The gradients of sum(outputs * grad_outputs) towards `inputs`; `.grad` stays as it is.

    allow_unused       None instead of an error for an input the outputs do not depend on
    materialize_grads  zeros instead of None
    is_grads_batched   `grad_outputs` have a leading axis: one pass for each of its entries
    """
    if not only_inputs:
        raise ValueError("grad(only_inputs=False) is gone from PyTorch too; use backward()")
    if materialize_grads and allow_unused is False:
        raise ValueError(
            "Expected allow_unused to be True or not passed when materialize_grads=True"
        )
    outs, targets = _sequence(outputs), _sequence(inputs)
    if not targets:
        raise RuntimeError("`inputs` argument to `grad()` cannot be empty.")
    _require_places(targets)
    gs = _sequence(grad_outputs, len(outs))
    retain = create_graph if retain_graph is None else retain_graph
    if is_grads_batched:
        return _batched(outs, targets, gs, retain, create_graph, allow_unused, materialize_grads)
    nodes = [_node_of_input(t) for t in targets]
    roots = _roots(outs, gs, create_graph)
    found = backprop(roots, nodes, retain_graph=retain, create_graph=create_graph, accumulate=False)
    result: list[Tensor | None] = []
    for node, target in zip(nodes, targets):
        g = found.get(node)
        if g is None:
            if not (allow_unused or materialize_grads):
                raise RuntimeError(
                    f"The differentiated Tensor at index {len(result)} appears to not have been "
                    "used in the graph. Set allow_unused=True if this is the desired behavior. "
                    f"(It has the shape {list(node.shape)}.)"
                )
            if materialize_grads and isinstance(target, GradientEdge):
                raise RuntimeError(
                    "materialize_grads cannot be used when the given input is a GradientEdge"
                )
            result.append(_zeros(node, create_graph) if materialize_grads else None)
        elif create_graph:
            result.append(g)
        else:
            result.append(make(g if g.flags.writeable and has_memory_alone(g) else g.copy()))
    return tuple(_unaliased(result, create_graph, gs))


def _zeros(node: Node, recorded: bool) -> Tensor:
    """The gradient of what was not used; a leaf, so that it may itself be differentiated."""
    zeros = make(np.zeros(node.shape, node.dtype))
    return zeros.requires_grad_() if recorded else zeros


def _unaliased(gradients: list[Any], recorded: bool, given: Sequence[Any]) -> list[Any]:
    """No two returned gradients, and none given by the caller, share one array."""
    if recorded:
        return gradients
    seen = {id(g.array) for g in given if isinstance(g, Tensor)}
    for i, g in enumerate(gradients):
        if g is not None:
            if id(g.array) in seen:
                gradients[i] = g = make(g.array.copy())
            seen.add(id(g.array))
    return gradients


def _batched(
    outs: Sequence[Tensor],
    targets: Sequence[Tensor],
    gs: Sequence[Any],
    retain: bool,
    create_graph: bool,
    allow_unused: bool | None,
    materialize_grads: bool,
) -> tuple[Tensor | None, ...]:
    if not gs or any(not isinstance(g, Tensor) or g.array.ndim == 0 for g in gs):
        raise ValueError("is_grads_batched=True needs grad_outputs with a leading batch axis")
    for i, (out, g) in enumerate(zip(outs, gs)):
        if g.array.shape[1:] != out.array.shape:
            raise RuntimeError(
                "If `is_grads_batched=True`, we interpret the first dimension of each grad_output "
                "as the batch dimension. The sizes of the remaining dimensions are expected to "
                f"match the shape of corresponding output, but a mismatch was detected: "
                f"grad_output[{i}] has a shape of {g.shape} and output[{i}] has a shape of "
                f"{out.shape}."
            )
    rows = []
    count = len(gs[0])
    for i in range(count):
        rows.append(
            grad(
                outs,
                targets,
                [g[i] for g in gs],
                retain or i + 1 < count,
                create_graph,
                allow_unused=allow_unused,
                materialize_grads=materialize_grads,
            )
        )
    from ..ops.joining import stack

    return tuple(
        [None if any(g is None for g in column) else stack(column) for column in zip(*rows)]
    )


def _sequence(value: Any, length: int | None = None) -> Sequence[Any]:
    if value is None and length is not None:
        return [None] * length
    values = [value] if isinstance(value, (Tensor, GradientEdge)) else list(value)
    if length is not None and len(values) < length:
        raise RuntimeError(f"got {length} tensors and {len(values)} gradients")
    return values


def _require_places(targets: Sequence[Any]) -> None:
    for t in targets:
        if not isinstance(t, (Tensor, GradientEdge)):
            raise RuntimeError(
                f"all inputs have to be Tensors or GradientEdges, but got {type(t).__name__}"
            )


def _node_of_input(place: Tensor | GradientEdge) -> Node:
    if isinstance(place, GradientEdge):
        return _node_of_edge(place)
    node = live_node(place)
    if node is None:
        raise RuntimeError(
            "One of the differentiated Tensors does not require grad"
            f" (shape {list(place.array.shape)}); call requires_grad_() on it first"
        )
    return node


def _roots(
    outputs: Sequence[Tensor], gradients: Sequence[Any], recorded: bool
) -> list[tuple[Node, Any]]:
    keep_freed_memory()  # whoever differentiates frees and makes the same arrays over and over
    roots = []
    for i, (t, g) in enumerate(zip(outputs, gradients)):
        if isinstance(t, GradientEdge):
            roots.append(_root_of_edge(t, g, i, recorded))
            continue
        node = live_node(t)
        if node is None:
            raise RuntimeError(
                f"element {i} of tensors does not require grad and does not have a grad_fn "
                f"(shape {list(t.array.shape)}): no input required grad, or it was computed under "
                "no_grad or from a detached tensor"
            )
        roots.append((node, _root_gradient(t, g, i, recorded)))
    return roots


def _node_of_edge(edge: GradientEdge) -> Node:
    """The node whose value's gradient stands at an edge."""
    own, node = edge.ownership_token, edge.node
    if own is not None:
        return own
    if node.op is not None and node.op.outputs:
        raise RuntimeError(
            f"{node.name()} has several outputs: make the edge by get_gradient_edge(tensor)"
        )
    return node


def _root_of_edge(edge: GradientEdge, g: Any, i: int, recorded: bool) -> tuple[Node, Any]:
    node = _node_of_edge(edge)
    return node, _root_gradient(make(np.empty(node.shape, node.dtype)), g, i, recorded)


def _root_gradient(t: Tensor, g: Any, i: int, recorded: bool) -> Any:
    if g is None:
        if t.array.size != 1:
            raise RuntimeError(
                "grad can be implicitly created only for scalar outputs"
                f" (got shape {list(t.array.shape)}; reduce it first by sum() or mean(), or pass "
                "gradient=)"
            )
        if t.array.dtype.kind == "c":
            raise RuntimeError(
                "grad can be implicitly created only for real scalar outputs but got "
                f"{t.dtype}; pass gradient=, or differentiate a real function of it"
            )
        ones = np.ones_like(t.array)
        return make(ones) if recorded else ones
    if not isinstance(g, Tensor):
        raise TypeError(f"gradients can be either Tensors or None, but got {type(g).__name__}")
    if g.array.shape != t.array.shape:
        raise RuntimeError(
            f"Mismatch in shape: grad_output[{i}] has a shape of {g.shape} and output[{i}] has a "
            f"shape of {t.shape}."
        )
    if (g.array.dtype.kind == "c") != (t.array.dtype.kind == "c"):
        raise RuntimeError(
            "For complex Tensors, both grad_output and output are required to have the same dtype. "
            f"Mismatch in dtype: grad_output[{i}] has a dtype of {g.dtype} and output[{i}] has a "
            f"dtype of {t.dtype}."
        )
    return g if recorded else g.array


def _backward_method(
    self: Tensor,
    gradient: Tensor | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Any = None,
) -> None:
    """Add d(self) / d(leaf) to the `.grad` of every leaf: see `autograd.backward`.

    `gradient`, of self's shape, is needed unless self has one element.
    """
    backward(self, gradient, retain_graph, create_graph, inputs=inputs)


_backward_method.__name__ = "backward"
bind("backward", _backward_method)
