"""`torch.utils.flop_counter`: the arithmetic of matrix products, convolutions and attention.

A product of (n, k) and (k, m) is 2 n k m operations. Its backward pass is as many for each of the
two gradients. Biases, and what works element by element, count for nothing.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from ...core.modes import MODE, Watcher, current
from ...ops.attention import attention
from ...ops.convolution import convolution, convolution_input
from ...ops.matrix import affine, product
from ..modules._hooks import register_module_forward_hook, register_module_forward_pre_hook

__all__ = ["FlopCounterMode"]


def _affine(out: Any, x: Any, W: Any, b: Any) -> int:
    return 2 * out.size * int(W.shape[1])


def _product(out: Any, x: Any, y: Any) -> int:
    return 2 * out.size * int(x.shape[-1])


def _convolution(out: Any, x: Any, w: Any, b: Any, **geometry: Any) -> int:
    return 2 * out.size * math.prod(w.shape[1:])


def _transposed(out: Any, x: Any, w: Any, **geometry: Any) -> int:
    return 2 * x.size * math.prod(w.shape[1:])


def _attention(out: Any, x: Any, k: Any, v: Any, mask: Any, **options: Any) -> int:
    return 2 * math.prod(out.shape[:-1]) * k.shape[-2] * (k.shape[-1] + v.shape[-1])


_FORMULAS: dict[Any, tuple[str, Callable[..., int]]] = {
    getattr(f, "op", f): (name, formula)
    for f, name, formula in (
        (affine, "addmm", _affine),
        (product, "mm", _product),
        (convolution, "convolution", _convolution),
        (convolution_input, "convolution", _transposed),
        (attention, "scaled_dot_product_attention", _attention),
    )
}


class FlopCounterMode(Watcher):
    """Counts what runs within `with FlopCounterMode() as counter:`, backward passes too.

    display  print `get_table()` at the end
    depth    how deep into the modules the table goes

    `mods` is accepted, modules are found as they are called. TypeError for a `custom_mapping`.
    """

    def __init__(
        self, mods: Any = None, depth: int = 2, display: bool = True, custom_mapping: Any = None
    ) -> None:
        super().__init__()
        if custom_mapping:
            raise TypeError(
                "FlopCounterMode: custom_mapping names PyTorch's internal ops; count those parts "
                "by hand and add them to get_total_flops()"
            )
        self.depth = depth
        self.display = display
        self._counts: dict[str, dict[str, int]] = {}

    def __enter__(self) -> FlopCounterMode:
        self._counts = defaultdict(lambda: defaultdict(int))
        self._path: list[str] = []  # the names of the modules that run, outermost first
        self._stack: list[Any] = []  # and they themselves
        self._made: dict[Any, tuple[str, int, tuple[str, ...]]] = {}
        self._handles = [
            register_module_forward_pre_hook(self._enter),
            register_module_forward_hook(self._leave, always_call=True),
        ]
        outer = current()
        self.outer = outer.watch
        self._token = MODE.set(outer.but(watch=self))
        return self

    def __exit__(self, *exc: object) -> None:
        MODE.reset(self._token)
        for handle in self._handles:
            handle.remove()
        self._made.clear()
        if self.display:
            print(self.get_table())  # noqa: T201

    def get_total_flops(self) -> int:
        """All that was counted."""
        return sum(self._counts.get("Global", {}).values())

    def get_flop_counts(self) -> dict[str, dict[str, int]]:
        """By module ("Global" is all, then e.g. "Net", "Net.layer"), then by op."""
        return {name: dict(found) for name, found in self._counts.items()}

    def get_table(self, depth: int | None = None) -> str:
        """The counts as text: a line for each module, indented, with its share of the whole."""
        depth = self.depth if depth is None else depth
        total = self.get_total_flops()
        lines = []
        for name, found in self._counts.items():
            level = 0 if name == "Global" else 1 + name.count(".")
            if level <= depth:
                flops = sum(found.values())
                share = 100 * flops / total if total else 0.0
                lines.append(f"{'  ' * level + name:<40} {flops:>16,} {share:>7.2f}%")
        return "\n".join([f"{'Module':<40} {'FLOP':>16} {'% total':>8}", *lines])

    # -- where we are -----------------------------------------------------------------------------

    def _enter(self, module: Any, args: Any) -> None:
        name = type(module).__name__
        if self._stack:
            inner = (n for n, m in self._stack[-1].named_modules() if m is module)
            name = f"{self._path[-1]}.{next(inner, name)}"
        self._path.append(name)
        self._stack.append(module)

    def _leave(self, module: Any, args: Any, output: Any) -> None:
        self._path.pop()
        self._stack.pop()

    # -- as a watcher -----------------------------------------------------------------------------

    def forward(self, op: Any, arrays: Any, meta: Any, out: Any, node: Any) -> None:
        """An op ran."""
        if op in _FORMULAS:
            name, formula = _FORMULAS[op]
            where = ("Global", *self._path)
            flops = int(formula(out, *arrays, **meta))
            self._add(where, name, flops)
            if node is not None:
                self._made[node] = (name, flops, where)
        super().forward(op, arrays, meta, out, node)

    def backward(self, node: Any, contributions: Any) -> None:
        """A node's gradients were computed."""
        if node in self._made:
            name, flops, where = self._made[node]
            # of the two factors (attention: of all three); a bias is a sum, not a product
            wanted = sum(p is not None for p in node.parents[:2])
            self._add(where, name + "_backward" * (name == "convolution"), wanted * flops)
        super().backward(node, contributions)

    def _add(self, where: tuple[str, ...], name: str, flops: int) -> None:
        for place in dict.fromkeys(where):
            self._counts[place][name] += flops
