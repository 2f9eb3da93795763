"""`torch.distributed`: not available; a script that asks first takes its single-process path."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, NoReturn

__path__: list[str] = []  # a package, for what PyTorch has below it


class ReduceOp:
    """Names of reductions."""

    SUM, AVG, PRODUCT, MIN, MAX = "SUM", "AVG", "PRODUCT", "MIN", "MAX"


def _missing(name: str) -> NoReturn:
    raise RuntimeError(
        f"distributed.{name}: tinygrad_lite trains in one process; distributed.is_available() is "
        "False. To use the cores, threads are on already (set_num_threads)"
    )


def is_available() -> bool:
    """False."""
    return False


def is_initialized() -> bool:
    """False."""
    return False


def is_torchelastic_launched() -> bool:
    """False."""
    return False


def _among_processes(name: str) -> Callable[..., Any]:
    """A function that needs other processes: calling it is a RuntimeError."""

    def call(*args: Any, **kwargs: Any) -> NoReturn:
        _missing(f"{name}()")

    call.__name__, call.__doc__ = name, "RuntimeError: there is one process."
    return call


class ProcessGroup:
    """Processes that work together. RuntimeError: there is one process."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        _missing("ProcessGroup()")


class ZeroRedundancyOptimizer:
    """An optimizer whose state processes share out. RuntimeError: there is one process."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        _missing("optim.ZeroRedundancyOptimizer()")


class DTensor:
    """A Tensor of which each process holds a part. Nothing is an instance: there is one process."""


tensor = _tensor = SimpleNamespace(DTensor=DTensor)
optim = SimpleNamespace(ZeroRedundancyOptimizer=ZeroRedundancyOptimizer)

init_process_group = _among_processes("init_process_group")
destroy_process_group = _among_processes("destroy_process_group")
new_group = _among_processes("new_group")
get_rank = _among_processes("get_rank")
get_world_size = _among_processes("get_world_size")
get_backend = _among_processes("get_backend")
all_reduce = _among_processes("all_reduce")
all_gather = _among_processes("all_gather")
all_gather_into_tensor = _among_processes("all_gather_into_tensor")
all_gather_object = _among_processes("all_gather_object")
all_to_all = _among_processes("all_to_all")
reduce = _among_processes("reduce")
reduce_scatter = _among_processes("reduce_scatter")
gather = _among_processes("gather")
scatter = _among_processes("scatter")
broadcast = _among_processes("broadcast")
broadcast_object_list = _among_processes("broadcast_object_list")
send = _among_processes("send")
recv = _among_processes("recv")
barrier = _among_processes("barrier")

rpc = SimpleNamespace(
    **{
        name: _among_processes(f"rpc.{name}")
        for name in ("init_rpc", "rpc_sync", "rpc_async", "remote", "shutdown", "get_worker_info")
    }
)
