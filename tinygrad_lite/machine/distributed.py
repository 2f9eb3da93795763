"""`torch.distributed`: not available; a script that asks first takes its single-process path."""

from __future__ import annotations

from typing import Any, NoReturn


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


def init_process_group(*args: Any, **kwargs: Any) -> None:
    """RuntimeError: not available."""
    _missing("init_process_group()")


def destroy_process_group(*args: Any, **kwargs: Any) -> None:
    """RuntimeError: not available."""
    _missing("destroy_process_group()")


def get_rank(group: Any = None) -> int:
    """RuntimeError: not available."""
    _missing("get_rank()")


def get_world_size(group: Any = None) -> int:
    """RuntimeError: not available."""
    _missing("get_world_size()")


def all_reduce(*args: Any, **kwargs: Any) -> Any:
    """RuntimeError: not available."""
    _missing("all_reduce()")


def all_gather(*args: Any, **kwargs: Any) -> Any:
    """RuntimeError: not available."""
    _missing("all_gather()")


def broadcast(*args: Any, **kwargs: Any) -> Any:
    """RuntimeError: not available."""
    _missing("broadcast()")


def barrier(*args: Any, **kwargs: Any) -> Any:
    """RuntimeError: not available."""
    _missing("barrier()")
