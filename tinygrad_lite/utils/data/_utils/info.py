"""Who the code is running for: the main process, or one of a DataLoader's workers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class WorkerInfo:
    """Who a worker is: `id` in [0, num_workers), its `seed`, and its own copy of the `dataset`."""

    id: int
    num_workers: int
    seed: int
    dataset: Any


_info: WorkerInfo | None = None


def get_worker_info() -> WorkerInfo | None:
    """The worker this code runs in; None in the main process."""
    return _info


def set_worker_info(info: WorkerInfo) -> None:
    """Called once in a worker process, before any of the user's code."""
    global _info
    _info = info
