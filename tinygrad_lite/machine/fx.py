"""`torch.fx`: graphs of programs are not captured here; decorators that mark functions for that do
nothing."""

from __future__ import annotations

from typing import Any, NoReturn

__path__: list[str] = []  # a package, for what PyTorch has below it


def wrap(fn_or_name: Any) -> Any:
    """Itself: nothing traces, so nothing needs to be kept out of a trace."""
    return fn_or_name


def symbolic_trace(root: Any, concrete_args: Any = None) -> NoReturn:
    """NotImplementedError: run the module, or look at its backward graph by `viz`."""
    raise NotImplementedError(
        "fx.symbolic_trace: programs are not captured here; call the module itself"
    )


def _nothing(name: str) -> type:
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError(
            f"fx.{name}: programs are not captured here; call the module itself"
        )

    doc = "Nothing is an instance; NotImplementedError when called: see `symbolic_trace`."
    return type(name, (), {"__init__": __init__, "__doc__": doc, "__module__": __name__})


Graph = _nothing("Graph")
GraphModule = _nothing("GraphModule")
Interpreter = _nothing("Interpreter")
Node = _nothing("Node")
Proxy = _nothing("Proxy")
Tracer = _nothing("Tracer")
Transformer = _nothing("Transformer")
