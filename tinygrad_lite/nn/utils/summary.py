"""A model as a table: its layers as they are called, their outputs, parameters and work."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...core.dtypes import dtype as Dtype
from ...core.modes import MODE, current, no_grad
from ...core.node import touch
from ...core.random import fork_rng
from ...core.tensor import Tensor
from ...ops.filling import zeros
from ..modules.module import Module
from ..parameter import is_lazy
from .multiply_adds import Counter

__all__ = ["LayerInfo", "Summary", "summary"]


@dataclass(eq=False)
class LayerInfo:
    """One call of one module; or a module that was not called but holds others, or parameters."""

    module: Module
    depth: int
    index: int  # among the modules at this depth
    repeated: bool = False  # called before: its parameters are counted there
    output_shape: list[int] | None = None
    output_bytes: int = 0
    params: int = 0  # of its own, without its children's
    trainable: int = 0
    param_bytes: int = 0
    mult_adds: int = 0  # while no child was running
    children: list[LayerInfo] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The class of the module."""
        return type(self.module).__name__

    def walk(self) -> Iterator[LayerInfo]:
        """This row and those below it, in the order of the table."""
        yield self
        for child in self.children:
            yield from child.walk()

    def cells(self, whole: bool) -> tuple[str, str, str]:
        """Output shape, parameters and multiply-adds; of all below together if `whole`."""
        rows = list(self.walk()) if whole else [self]
        params, work = sum(r.params for r in rows), sum(r.mult_adds for r in rows)
        count = f"{params:,}" if params else "--"
        if params and not any(r.trainable for r in rows):
            count = f"({count})"  # frozen
        if self.repeated and any(True for _ in self.module.parameters()):
            count = "(recursive)"
        shape = "--" if self.output_shape is None else str(self.output_shape)
        return shape, count, f"{work:,}" if work else "--"


_WIDTH, _COLUMN = 40, 25  # torchinfo's


class Summary:
    """What `summary` returns: prints as a table; the numbers are attributes.

    total_params, trainable_params   each Parameter counted once, however often it is used
    total_mult_adds                  of the one forward pass, all samples of the batch
    total_input, total_param_bytes   bytes
    total_output_bytes               twice (value and gradient) the outputs of layers that have
                                     parameters and no layers inside, as torchinfo estimates it
    summary_list                     all rows (`LayerInfo`), whatever the depth printed
    """

    def __init__(self, root: LayerInfo, depth: int, total_input: int | None) -> None:
        self.depth = depth
        self.ran = total_input is not None
        self.summary_list = list(root.walk())
        self.total_params = sum(r.params for r in self.summary_list)
        self.trainable_params = sum(r.trainable for r in self.summary_list)
        self.total_mult_adds = sum(r.mult_adds for r in self.summary_list)
        self.total_input = total_input or 0
        self.total_param_bytes = sum(r.param_bytes for r in self.summary_list)
        self.total_output_bytes = 2 * sum(
            r.output_bytes
            for r in self.summary_list
            if not r.children and any(True for _ in r.module.parameters())
        )

    def _table(self) -> list[str]:
        shown = [r for r in self.summary_list if r.depth <= self.depth]
        titles = [f"{_branch(r.depth)}{r.name}{_number(r)}" for r in shown]
        longest = max(len(r.name + _number(r)) + 5 * r.depth + 1 for r in shown)
        width = _WIDTH if longest < _WIDTH else math.ceil(longest / 5) * 5
        header = ("Output Shape", "Param #", "Mult-Adds")
        rule = "=" * (width + _COLUMN * len(header))
        lines = [rule, _row("Layer (type:depth-idx)", header, width), rule]
        for title, r in zip(titles, shown, strict=True):
            lines.append(_row(title, r.cells(whole=r.depth == self.depth), width))
        return [*lines, rule]

    def __repr__(self) -> str:
        lines = self._table()
        rule = lines[-1]
        lines += [
            f"Total params: {self.total_params:,}",
            f"Trainable params: {self.trainable_params:,}",
            f"Non-trainable params: {self.total_params - self.trainable_params:,}",
        ]
        if self.ran:
            sizes = self.total_input, self.total_output_bytes, self.total_param_bytes
            lines += [
                f"Total mult-adds {_readable(self.total_mult_adds)}",
                rule,
                f"Input size (MB): {sizes[0] / 1e6:.2f}",
                f"Forward/backward pass size (MB): {sizes[1] / 1e6:.2f}",
                f"Params size (MB): {sizes[2] / 1e6:.2f}",
                f"Estimated Total Size (MB): {sum(sizes) / 1e6:.2f}",
            ]
        return "\n".join([*lines, rule])


def _branch(depth: int) -> str:
    return "" if depth == 0 else "├─" if depth == 1 else "│    " * (depth - 1) + "└─"


def _number(row: LayerInfo) -> str:
    return f": {row.depth}-{row.index}" if row.depth else ""


def _row(title: str, cells: tuple[str, ...], width: int) -> str:
    columns = " ".join(f"{c:<{_COLUMN}}" for c in cells)
    return f"{title:<{width}} {columns}".rstrip()


def _readable(count: int) -> str:
    for unit, size in (("T", 1e12), ("G", 1e9), ("M", 1e6)):
        if count >= size or unit == "M":
            value = count / size
            return f"({unit}): {value:,.0f}" if value.is_integer() else f"({unit}): {value:,.2f}"
    raise AssertionError


# -- running the model ----------------------------------------------------------------------------


class _Trace:
    """Builds the rows while the model runs, from hooks on its modules."""

    def __init__(self, model: Module) -> None:
        self.parent: dict[int, Module] = {}
        for module in model.modules():
            for child in module.children():
                self.parent.setdefault(id(child), module)
        self.counts: dict[int, int] = {}
        self.first: dict[int, LayerInfo] = {}  # by module
        self.known: set[int] = set()  # parameters
        self.root = self.new(model, None)
        self.stack: list[LayerInfo] = []

    def new(self, module: Module, above: LayerInfo | None) -> LayerInfo:
        """A row below `above`, with the parameters nobody had yet."""
        depth = 0 if above is None else above.depth + 1
        before = self.first.get(id(module))
        if before is not None and before.depth == depth:
            index = before.index
        else:
            index = self.counts[depth] = self.counts.get(depth, 0) + 1
        row = LayerInfo(module, depth, index, repeated=before is not None)
        self.first.setdefault(id(module), row)
        for p in module._parameters.values():
            if p is not None and id(p) not in self.known:
                self.known.add(id(p))
                size = 0 if is_lazy(p) else p.array.size
                row.params += size
                row.trainable += size if p.requires_grad else 0
                row.param_bytes += p.array.nbytes
        if above is not None:
            above.children.append(row)
        return row

    def below(self, above: LayerInfo, module: Module) -> LayerInfo:
        """`above`, or the row of the ModuleList (or the like) in it that holds `module`."""
        holders: list[Module] = []
        holder = self.parent.get(id(module))
        while holder is not None and holder is not above.module:
            holders.insert(0, holder)
            holder = self.parent.get(id(holder))
        if holder is None:  # not registered under its caller
            return above
        for h in holders:
            found = next((r for r in above.children if r.module is h), None)
            above = self.new(h, above) if found is None else found
        return above

    def enter(self, module: Module, inputs: Any) -> None:
        if not self.stack and module is self.root.module:
            self.stack.append(self.root)
        else:
            above = self.stack[-1] if self.stack else self.root
            self.stack.append(self.new(module, self.below(above, module)))

    def leave(self, module: Module, inputs: Any, output: Any) -> None:
        row = self.stack.pop()
        tensors = list(_tensors(output))
        if tensors:
            row.output_shape = list(tensors[0].shape)
            row.output_bytes = sum(t.nbytes for t in tensors)

    def count(self, mult_adds: int) -> None:
        """As the watcher's answer: work for the innermost module."""
        (self.stack[-1] if self.stack else self.root).mult_adds += mult_adds

    def run(self, args: list[Any], named: dict[str, Any]) -> None:
        """Call the model and fill the rows."""
        model = self.root.module
        handles = []
        outer = current()
        token = MODE.set(outer.but(watch=Counter(self.count, outer.watch)))
        try:
            for module in model.modules():
                handles.append(module.register_forward_pre_hook(self.enter, prepend=True))
                handles.append(module.register_forward_hook(self.leave))
            model(*args, **named)
        finally:
            MODE.reset(token)
            for handle in handles:
                handle.remove()

    def add_the_rest(self, all_of_it: bool) -> None:
        """Rows for modules that were not called: those with parameters, or all."""
        for module in self.root.module.modules():
            own = any(p is not None for p in module._parameters.values())
            if id(module) not in self.first and (own or all_of_it):
                holder = self.parent[id(module)]
                while id(holder) not in self.first:
                    holder = self.parent[id(holder)]
                above = self.first[id(holder)]
                self.new(module, self.below(above, module))


def _tensors(value: Any) -> Iterator[Tensor]:
    """The Tensors in nested tuples, lists and dictionaries."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (tuple, list)):
        for v in value:
            yield from _tensors(v)
    elif isinstance(value, dict):
        yield from _tensors(list(value.values()))


@contextmanager
def _unchanged(model: Module) -> Iterator[None]:
    """Afterwards: training flags, buffers and hooks as they were."""
    modules = list(model.modules())
    flags = [m.training for m in modules]
    hooks = [m._hook_registries for m in modules]
    buffers = [dict(m._buffers) for m in modules]
    contents = [
        (b, b.array, b.array.copy()) for own in buffers for b in own.values() if b is not None
    ]
    try:
        yield
    finally:
        for module, flag, own, hook in zip(modules, flags, buffers, hooks, strict=True):
            module.training = flag
            module._buffers.clear()
            module._buffers.update(own)
            if hook is None:
                object.__setattr__(module, "_hook_registries", None)
        for buffer, array, content in contents:
            buffer.array = array
            if not np.array_equal(array, content):
                array[...] = content
                touch(array, "summary")


def summary(
    model: Module,
    input: Any = None,
    *,
    input_size: Any = None,
    input_data: Any = None,
    depth: int = 3,
    mode: str = "eval",
    dtypes: list[Dtype] | None = None,
    **kwargs: Any,
) -> Summary:
    """Run `model` once, without gradients, and tabulate its layers: `print(summary(model, x))`.

    input       a Tensor, a tuple or list of them for several arguments, or a dict of keyword
                arguments; or a size such as (32, 1, 28, 28), or a list of sizes, for zeros.
                torchinfo's `input_data=` and `input_size=` are taken too. None: nothing is run,
                and the table has the parameters only
    depth       how deep the table goes; a row at that depth speaks for all below it
    mode        "eval" or "train": how the model is run
    dtypes      of the inputs made from sizes, one for each; default the default dtype
    kwargs      further arguments of `forward`

    The model, its buffers, its training flags and the random numbers to come are left as they were;
    a model with lazy layers is copied for the run. Parameters in parentheses are frozen;
    "(recursive)" is a layer called before. Multiply-adds are counted in the ops that run, so those
    of functions called by a `forward` are in: the products of matrix multiplication, convolution,
    recurrence and attention, and the bias of the first three; nothing elementwise, and no look-ups.
    (torchinfo estimates them from parameters instead: with the bias for convolutions and for (N, C)
    inputs of Linear it finds the same numbers.)
    ValueError for another mode; what the model raises comes through.
    """
    if mode not in ("eval", "train"):
        raise ValueError(f"mode must be 'eval' or 'train', got {mode!r}")
    args, named = _arguments(input if input_data is None else input_data, input_size, dtypes)
    named = {**named, **kwargs}
    if not args and not named:
        trace = _Trace(model)
        trace.add_the_rest(all_of_it=True)
        return Summary(trace.root, depth, None)
    with fork_rng(), no_grad():
        if any(is_lazy(t) for t in (*model.parameters(), *model.buffers())):
            model = copy.deepcopy(model)
            model.eval()(*args, **named)  # gives the parameters their shapes
        with _unchanged(model):
            model.train(mode == "train")
            trace = _Trace(model)
            trace.run(args, named)
    trace.add_the_rest(all_of_it=False)
    return Summary(trace.root, depth, sum(t.nbytes for t in _tensors([args, named])))


def _arguments(
    data: Any, size: Any, dtypes: list[Dtype] | None
) -> tuple[list[Any], dict[str, Any]]:
    """Positional and keyword arguments for the model."""
    if size is None and (_is_size(data) or _are_sizes(data)):
        size = data
    if size is not None:
        sizes = [size] if _is_size(size) else list(size)
        kinds: list[Any] = [None] * len(sizes) if dtypes is None else dtypes
        return [zeros(*s, dtype=k) for s, k in zip(sizes, kinds, strict=True)], {}
    if data is None:
        return [], {}
    if isinstance(data, dict):
        return [], data
    return (list(data) if isinstance(data, (tuple, list)) else [data]), {}


def _is_size(value: Any) -> bool:
    sequence = isinstance(value, (tuple, list)) and len(value) > 0
    return sequence and all(isinstance(n, int) for n in value)


def _are_sizes(value: Any) -> bool:
    return isinstance(value, (tuple, list)) and len(value) > 0 and all(map(_is_size, value))
