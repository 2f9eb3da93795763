"""`torch._C`: the few names of PyTorch's compiled half that libraries ask for.

There is no compiled half here; each name says what is true of this package.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from ..autograd.graph import saved_tensors_hooks_are_enabled
from ..core import modes
from ..core.dtypes import dtype as dtype
from ..core.node import Leaf, Node
from ..core.random import Generator as Generator
from ..core.saved import SavedTensor
from ..core.tensor import Size as Size
from ..core.tensor import Tensor as TensorBase
from ..core.tensor import device as device
from ..ops.conversion import parse_to
from .subclass import DisableTorchFunction as DisableTorchFunction
from .subclass import DisableTorchFunctionSubclass as DisableTorchFunctionSubclass
from .subclass import disabled as _disabled_torch_function_impl  # noqa: F401

_TensorBase = TensorBase


class Value:
    """A value in the graph of a scripted function; imported for annotations, and never made."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError(
            "torch._C.Value: nothing is scripted in tinygrad_lite, so no graph has values"
        )


def _log_api_usage_once(event: str) -> None:
    """Accepted: nothing is logged."""


def _get_tracing_state() -> None:
    """None: nothing is ever traced."""


def _are_functorch_transforms_active() -> bool:
    """False: transforms work on ordinary Tensors."""
    return False


def _is_alias_of(a: Any, b: Any) -> bool:
    """Whether two Tensors share memory."""
    import numpy as np

    return bool(np.may_share_memory(a.array, b.array))


def _get_default_device() -> str:
    """cpu."""
    return "cpu"


def _current_graph_task_id() -> int:
    """The number of the backward pass that runs; -1 outside of one."""
    sweep = modes.current().sweep
    return -1 if sweep is None else sweep[2]


def _will_engine_execute_node(node: Node) -> bool:
    """Whether the backward pass that runs visits `node`. RuntimeError outside of one."""
    if not isinstance(node, Node):
        raise RuntimeError(f"_will_engine_execute_node expects an grad_fn, but got {type(node)}")
    sweep = modes.current().sweep
    if sweep is None:
        raise RuntimeError(
            "_get_should_execute_nodes should only be called during the backward pass"
        )
    order, needed, _ = sweep
    return node in (order if needed is None else needed)


_TensorMeta = type(TensorBase)  # the class of Tensor, which libraries that subclass it ask for


def _parse_to(*args: Any, **kwargs: Any) -> tuple[Any, Any, bool, Any]:
    """What `x.to(*args, **kwargs)` asks for: device, dtype, non_blocking and memory_format.

    TypeError for an argument that is none of those.
    """
    where, kind, blocking, copy, memory_format = parse_to(args, kwargs, "tensor")
    if copy:
        raise RuntimeError(".to() does not accept copy argument")
    return None if where is None else device(where), kind, bool(blocking), memory_format


_autograd = SimpleNamespace(
    SavedTensor=SavedTensor, _saved_tensors_hooks_is_enabled=saved_tensors_hooks_are_enabled
)
_functions = SimpleNamespace(AccumulateGrad=Leaf)
is_grad_enabled = modes.is_grad_enabled
_nn = SimpleNamespace(_parse_to=_parse_to)
