"""A call under test: a function of Tensors, the arrays it is given, and its derivatives.

Everything here goes through the engine's one entrance, `backprop`, so it works for anything that
takes and returns Tensors: an op, a plain function, a Module, an autograd.Function.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..core.engine import backprop
from ..core.modes import enable_grad, is_grad_enabled
from ..core.node import Leaf
from ..core.tensor import Tensor, live_node, make

Arrays = list[np.ndarray]
Map = Callable[..., Any]


def leaf(array: np.ndarray) -> Tensor:
    """A Tensor of a copy-free `array` that wants a gradient."""
    t = make(array)
    t.node = Leaf(t)
    return t


def outputs_of(value: Any) -> list[Tensor]:
    """The Tensors in what a function returned: one, a sequence, or the values of a dict."""
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (tuple, list)):
        return [t for v in value for t in outputs_of(v)]
    return []


def floats_of(value: Any) -> list[Tensor]:
    """The floating ones of `outputs_of(value)`: those that can have a derivative."""
    return [t for t in outputs_of(value) if t.array.dtype.kind == "f"]


def numbers_of(value: Any) -> list[Tensor]:
    """As `floats_of`, with the complex ones."""
    return [t for t in outputs_of(value) if t.array.dtype.kind in "fc"]


def gradients(
    outputs: Sequence[Tensor],
    inputs: Sequence[Tensor],
    cotangents: Sequence[Any],
    *,
    create_graph: bool = False,
    retain_graph: bool = False,
) -> list[Any]:
    """sum_k cotangent_k * d output_k / d input, for each input.

    Cotangents are arrays (None: no gradient for this output), with `create_graph` Tensors, and so
    are the results; None for an input that does not influence the outputs.
    """
    roots = []
    for out, c in zip(outputs, cotangents, strict=True):
        node = live_node(out)
        if node is not None and c is not None:
            roots.append((node, c))
    nodes = [live_node(x) for x in inputs]
    found = backprop(
        roots,
        [n for n in nodes if n is not None],
        retain_graph=retain_graph or create_graph,
        create_graph=create_graph,
        accumulate=False,
    )
    return [None if n is None else found.get(n) for n in nodes]


def vjp_map(function: Map, count: int) -> Map:
    """The function (inputs..., cotangents...) -> gradients of `function`'s first `count` inputs.

    It is again a function of Tensors, so it can be handed to every check that `function` can. Its
    own gradient is recorded only when somebody wants one: else the rules run on arrays.
    """

    def derivative(*args: Tensor) -> list[Tensor]:
        recorded = is_grad_enabled() and any(live_node(a) is not None for a in args)
        with enable_grad():
            inputs = [x if live_node(x) is not None else leaf(x.array) for x in args[:count]]
            outputs = [o for o in numbers_of(function(*inputs)) if live_node(o) is not None]
            given = args[count:]
            cotangents = list(given) if recorded else [c.array for c in given]
            found = gradients(outputs, inputs, cotangents, create_graph=recorded)
        return [
            make(np.zeros_like(x.array)) if g is None else g if recorded else make(g)
            for x, g in zip(inputs, found, strict=True)
        ]

    return derivative


@dataclass(frozen=True)
class Case:
    """One call: `call(*tensors of arrays, **meta)`, differentiated towards inputs `wanted`.

    op        the Primitive behind it, if it is one
    smooth    whether it has two derivatives everywhere near the inputs
    oracle    a NumPy function that computes the same value
    function_class  the autograd.Function subclass behind it, if it is one
    order     the highest order to which its derivatives exist
    """

    name: str
    call: Map
    arrays: Arrays
    meta: dict[str, Any] = field(default_factory=dict)
    wanted: tuple[int, ...] = ()
    names: tuple[str, ...] = ()
    op: Any = None
    smooth: bool = True
    broadcasts: bool = False
    oracle: Callable[..., Any] | None = None
    function_class: Any = None
    order: int = 2

    @property
    def ways(self) -> tuple[bool, ...]:
        """Whether a gradient is recorded, for each way it can be computed."""
        return (False, True) if self.order > 1 else (False,)

    def with_arrays(self, arrays: Sequence[np.ndarray]) -> Case:
        """The same call of other arrays."""
        return replace(self, arrays=list(arrays))

    def as_dtype(self, dtype: Any) -> Case:
        """The same call with its floating arrays converted."""
        arrays = [a.astype(dtype) if a.dtype.kind == "f" else a for a in self.arrays]
        return self.with_arrays(arrays)

    def name_of(self, i: int) -> str:
        """What input number i is called in reports."""
        return self.names[i] if i < len(self.names) else f"input {i}"

    def function(self) -> Map:
        """The call as a function of its wanted inputs alone."""

        def of_wanted(*xs: Tensor) -> Any:
            args: list[Any] = [make(a) for a in self.arrays]
            for i, x in zip(self.wanted, xs, strict=True):
                args[i] = x
            return self.call(*args, **self.meta)

        return of_wanted

    def inputs(self) -> Arrays:
        """The arrays of the wanted inputs."""
        return [self.arrays[i] for i in self.wanted]

    def value(self, *, call: Map | None = None) -> list[np.ndarray]:
        """All outputs as arrays."""
        out = (call or self.call)(*[make(a) for a in self.arrays], **self.meta)
        return [t.array for t in outputs_of(out)]

    def cotangents(self, rng: np.random.Generator) -> Arrays:
        """One random array for each floating output, none of its elements near zero."""
        outs = floats_of(self.function()(*[make(a) for a in self.inputs()]))
        return [signed(o.array.shape, rng).astype(o.array.dtype) for o in outs]

    def gradient(
        self,
        cotangents: Sequence[np.ndarray],
        *,
        call: Map | None = None,
        mask: Sequence[bool] | None = None,
        recorded: bool = False,
    ) -> list[np.ndarray | None]:
        """The gradients towards the wanted inputs, by the rules on arrays (or, recorded, on
        Tensors). `mask` says which of the wanted inputs require one: the others give None."""
        subject = self if call is None else replace(self, call=call)
        mask = [True] * len(self.wanted) if mask is None else mask
        arrays = self.inputs()
        xs = [leaf(a) if m else make(a) for a, m in zip(arrays, mask, strict=True)]
        outs = floats_of(subject.function()(*xs))
        given: list[Any] = [make(c) for c in cotangents] if recorded else list(cotangents)
        found = gradients(outs, xs, given, create_graph=recorded)
        return [g.array if isinstance(g, Tensor) else g for g in found]


def signed(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Random numbers of absolute value 0.5 to 1: a direction in which no element goes unseen."""
    return np.asarray(rng.uniform(0.5, 1.0, shape) * rng.choice([-1.0, 1.0], shape))
