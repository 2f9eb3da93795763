"""`torch.compiler` and `torch._dynamo`: functions stay as they are."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

from .absent import _absent
from .settings import compile as compile

__path__: list[str] = []  # a package, for what PyTorch has below `_dynamo`


def is_compiling() -> bool:
    """False."""
    return False


is_dynamo_compiling = is_exporting = is_compiling


def disable(
    fn: Any = None, recursive: bool = True, *, reason: str | None = None, wrapping: bool = True
) -> Any:
    """`fn`, or a decorator that returns its function."""
    return (lambda f: f) if fn is None else fn


def allow_in_graph(fn: Any) -> Any:
    """`fn`."""
    return fn


assume_constant_result = disallow_in_graph = graph_break_on_failure = allow_in_graph


def mark_dynamic(*args: Any, **kwargs: Any) -> None:
    """Nothing to mark: no size was assumed."""


mark_static = mark_static_address = maybe_mark_dynamic = mark_dynamic


class OptimizedModule:
    """Nothing is an instance: `compile` gives the Module itself."""


eval_frame = SimpleNamespace(OptimizedModule=OptimizedModule)


def substitute_in_graph(original_fn: Any, **options: Any) -> Callable[[Any], Any]:
    """A decorator that returns its function."""
    return lambda f: f


def reset() -> None:
    """Nothing was compiled."""


def cudagraph_mark_step_begin() -> None:
    """Nothing to mark."""


def graph_break(msg: str = "") -> None:
    """There is no graph to break."""


def list_backends(exclude_tags: Any = ()) -> list[str]:
    """None: []."""
    return []


@contextlib.contextmanager
def set_stance(stance: str = "default", **options: Any) -> Iterator[None]:
    """Everything runs as written, which is the stance "force_eager"."""
    yield


def optimize(*args: Any, **kwargs: Any) -> Callable[[Any], Any]:
    """A decorator that returns its function."""
    return lambda f: f


explain = _absent("_dynamo.explain", "nothing is compiled, so there is nothing to explain")
export = _absent("_dynamo.export", "keep the Module and its state_dict")
config = SimpleNamespace(suppress_errors=False, verbose=False, cache_size_limit=8)
