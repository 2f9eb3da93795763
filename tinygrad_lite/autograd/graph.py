"""The graph itself: nodes, edges, what nodes save, hooks on several gradients at once.

`saved_tensors_hooks(pack, unpack)`   what is saved inside is kept as pack(tensor)
`save_on_cpu()`                       the same with nothing to do: everything is on the CPU
`allow_mutation_on_saved_tensors()`   what is saved inside is kept as a copy, so it may be written
`register_multi_grad_hook`            call a function once all (or any) of some gradients are known
`GradientEdge`, `get_gradient_edge`   a place of the graph to differentiate from or towards
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

from ..core.modes import MODE, Mode, Watcher, current
from ..core.node import Node as Node
from ..core.node import mark_packed, shown, touch
from ..core.saved import pack_all
from ..core.tensor import Tensor, live_node


class GradientEdge(NamedTuple):
    """Output number `output_nr` of `node`; `backward` and `grad` take it in a Tensor's place."""

    node: Node
    output_nr: int
    ownership_token: Node | None = None


def get_gradient_edge(tensor: Tensor) -> GradientEdge:
    """The edge at which the gradient of `tensor` is. RuntimeError if it requires no gradient."""
    node = live_node(tensor)
    if node is None:
        raise RuntimeError(
            "It is not possible to get the gradient edge for a Tensor that does not require "
            "gradients."
        )
    seen = shown(node)
    assert seen is not None
    return GradientEdge(seen, tensor.output_nr, node)


class _Packing(Watcher):
    """Packs what every new node saved."""

    def __init__(
        self, pack: Callable[[Any], Any], unpack: Callable[[Any], Any], outer: Watcher | None
    ) -> None:
        super().__init__(outer)
        self.pack = pack
        self.unpack = unpack

    def forward(self, op: Any, arrays: Any, meta: Any, out: Any, node: Any) -> None:
        outer = self.outer
        while isinstance(outer, _Packing):  # only the innermost hooks pack
            outer = outer.outer
        if outer is not None:
            outer.forward(op, arrays, meta, out, node)
        if node is None:
            return
        if op.on_tensors:
            for saved in node.saved[1]:
                if saved.array is not None:
                    saved.register_hooks(self.pack, self.unpack)
        elif op.holds:
            node.saved = pack_all(node, self.pack, self.unpack)
            mark_packed(node)


class _Forbidden(Watcher):
    """Inside `disable_saved_tensors_hooks`: entering hooks raises."""

    def __init__(self, message: str, outer: Watcher | None) -> None:
        super().__init__(outer)
        self.message = message


def _itself(x: Any) -> Any:
    return x


def _forbidden() -> _Forbidden | None:
    layer = current().watch
    while isinstance(layer, Watcher) and not isinstance(layer, _Forbidden):
        layer = layer.outer
    return layer if isinstance(layer, _Forbidden) else None


def saved_tensors_hooks_are_enabled() -> bool:
    """Whether `saved_tensors_hooks` may be entered."""
    return _forbidden() is None


class saved_tensors_hooks:
    """Context manager: every tensor saved for a backward pass inside is kept as `pack(tensor)`,
    and `unpack` gives it back when the backward pass needs it.

    `pack` must not write into its argument; `unpack` must return a tensor of the same shape and
    dtype. Of nested contexts the innermost counts.
    """

    def __init__(
        self, pack_hook: Callable[[Tensor], Any], unpack_hook: Callable[[Any], Tensor]
    ) -> None:
        self.pack_hook = pack_hook
        self.unpack_hook = unpack_hook
        self._tokens: list[Any] = []

    def __enter__(self) -> saved_tensors_hooks:
        outer = current().watch
        forbidden = _forbidden()
        if forbidden is not None:
            raise RuntimeError(forbidden.message)
        watch = _Packing(self.pack_hook, self.unpack_hook, outer)
        self._tokens.append(MODE.set(current().but(watch=watch)))
        return self

    def __exit__(self, *exc: object) -> None:
        MODE.reset(self._tokens.pop())


class save_on_cpu(saved_tensors_hooks):
    """Everything is on the CPU already: saved tensors are kept as copies, nothing else."""

    def __init__(self, pin_memory: bool = False, device_type: str = "cuda") -> None:
        super().__init__(lambda t: t.clone(), _itself)


class allow_mutation_on_saved_tensors(saved_tensors_hooks):
    """What is saved inside is kept as a copy, so that it may be written before it is used.

    Backward passes over it belong inside too (AssertionError); RuntimeError inside another one.
    """

    def __init__(self) -> None:
        self._active = False

        def unpack(t: Tensor) -> Tensor:
            if not self._active:
                raise AssertionError(
                    "Trying to backward outside of the 'allow_mutation_on_saved_tensors' context "
                    "in which the graph was originally recorded."
                )
            return t

        super().__init__(lambda t: t.clone(), unpack)

    def __enter__(self) -> allow_mutation_on_saved_tensors:
        if _MUTATION.get():
            raise RuntimeError("allow_mutation_on_saved_tensors contexts cannot be nested")
        super().__enter__()
        self._token = _MUTATION.set(True)
        self._active = True
        return self

    def __exit__(self, *exc: object) -> None:
        self._active = False
        _MUTATION.reset(self._token)
        super().__exit__(*exc)


_MUTATION: ContextVar[bool] = ContextVar("tinygrad_lite_mutation", default=False)


@contextmanager
def disable_saved_tensors_hooks(error_message: str, is_error_on: bool = True) -> Iterator[None]:
    """Inside, entering `saved_tensors_hooks` raises RuntimeError with this message."""
    mode: Mode = current()
    layer = mode.watch
    while isinstance(layer, Watcher):
        if isinstance(layer, _Packing):
            raise RuntimeError(error_message)
        layer = layer.outer
    token = MODE.set(mode.but(watch=_Forbidden(error_message, mode.watch)))
    try:
        yield
    finally:
        MODE.reset(token)


class _Together:
    """The handle of several hooks."""

    def __init__(self, handles: Sequence[Any]) -> None:
        self.handles = handles

    def remove(self) -> None:
        """Take all of them out."""
        for handle in self.handles:
            handle.remove()

    def __enter__(self) -> _Together:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


def register_multi_grad_hook(
    tensors: Sequence[Tensor], fn: Callable[..., None], *, mode: str = "all"
) -> _Together:
    """Call `fn` in a backward pass once the gradients of `tensors` are known.

    mode="all"  fn(gradients), once those that this pass reaches are there (None for the others)
    mode="any"  fn(gradient) with the first one
    """
    if mode not in ("all", "any"):
        raise ValueError(f"Expects mode to be one of ('all', 'any') but got {mode}")
    nodes = []
    for t in tensors:
        node = live_node(t)
        if node is None:
            raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
        nodes.append(node)
    state: dict[str, Any] = {}  # of the pass that runs
    found: list[Any] = [None] * len(nodes)

    def hook(i: int, g: Tensor) -> None:
        this = current().sweep
        if state.get("pass") is not this:
            assert this is not None
            reached, needed = frozenset(this[0]), this[1]
            count = sum(n in reached and (needed is None or n in needed) for n in nodes)
            state.update({"pass": this, "seen": 0, "expected": count})
            found[:] = [None] * len(nodes)
        state["seen"] += 1
        found[i] = g
        complete = state["seen"] == state["expected"]
        if mode == "any":
            if state["seen"] == 1:
                fn(g)
        elif complete:
            fn(list(found))
        if complete:  # let go of the pass, and of the graph with it
            state.clear()
            found[:] = [None] * len(nodes)

    def numbered(i: int) -> Callable[[Tensor], None]:
        return lambda g: hook(i, g)

    return _Together([t.register_hook(numbered(i)) for i, t in enumerate(tensors)])


def increment_version(tensor: Any) -> None:
    """Mark `tensor` (or several) as written in place, as programs do that write behind our back."""
    for t in (tensor,) if isinstance(tensor, Tensor) else tensor:
        touch(t.array, "increment_version")
