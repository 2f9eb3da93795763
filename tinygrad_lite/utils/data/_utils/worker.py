"""What runs in a DataLoader's worker process."""

from __future__ import annotations

import multiprocessing
import queue
import random
import shutil
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

import numpy as np

from ....core.random import manual_seed
from ....kernels._threads import set_num_threads
from .info import WorkerInfo, set_worker_info
from .transport import pack


@dataclass(frozen=True)
class Task:
    """Fetch batch number `number`, at these indices."""

    number: int
    indices: Any


@dataclass(frozen=True)
class Resume:
    """Begin a new epoch. Sent back by the worker once everything before it is done."""


@dataclass(frozen=True)
class Ended:
    """Stands for a batch: this worker's stream has no more."""


class Failure:
    """An exception and its traceback as text, to be raised again in another process."""

    def __init__(self, error: BaseException, where: str) -> None:
        self.kind = type(error)
        self.where = where
        self.text = "".join(traceback.format_exception(error))

    def reraise(self) -> None:
        """Raise the same type of exception; its message holds the original traceback."""
        message = f"Caught {self.kind.__name__} {self.where}.\nOriginal {self.text}"
        if self.kind is KeyError:
            message = _PlainText(message)
        try:
            error = self.kind(message)
        except Exception:
            # An exception that wants other arguments cannot be made again.
            raise RuntimeError(message) from None
        raise error


class _PlainText(str):
    """A KeyError shows the repr of its argument: without this, a traceback on one line."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


@dataclass(frozen=True)
class Job:
    """Everything a worker needs to know at its start."""

    make_fetcher: Callable[[Any], Any]
    dataset: Any
    init_fn: Callable[[int], None] | None
    id: int
    num_workers: int
    base_seed: int
    directory: str | None

    @property
    def place(self) -> str:
        """How errors name this worker."""
        return f"in DataLoader worker process {self.id}"


def run(job: Job, connection: Connection, inherited: list[Connection]) -> None:
    """Answer tasks with batches, in order, until told to stop or until the main process is gone."""
    for other in inherited:
        other.close()
    set_num_threads(1)  # the processors are shared among the workers and the main process
    try:
        _work(job, connection)
    except (KeyboardInterrupt, BrokenPipeError, ConnectionResetError):
        pass  # the main process sees the same interrupt, or is gone
    parent = multiprocessing.parent_process()
    if job.directory is not None and parent is not None and not parent.is_alive():
        # It was killed and could not tidy up the memory that messages lie in.
        shutil.rmtree(job.directory, ignore_errors=True)


def _work(job: Job, connection: Connection) -> None:
    tasks: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(connection, tasks), daemon=True).start()
    seed = job.base_seed + job.id
    random.seed(seed)
    manual_seed(seed)
    # A mixed seed for NumPy, whose generator is the one `random` has and would repeat its numbers.
    np.random.seed(np.random.SeedSequence([job.id, job.base_seed]).generate_state(4))
    set_worker_info(WorkerInfo(job.id, job.num_workers, seed, job.dataset))
    fetcher = failure = None
    try:
        if job.init_fn is not None:
            job.init_fn(job.id)
        fetcher = job.make_fetcher(job.dataset)
    except Exception as error:
        failure = Failure(error, job.place)
    while (task := tasks.get()) is not None:
        if isinstance(task, Task):
            connection.send_bytes(_answer(task, fetcher, failure, job))
            continue
        if failure is None:
            try:
                fetcher = job.make_fetcher(job.dataset)
            except Exception as error:
                failure = Failure(error, job.place)
        connection.send_bytes(pack((None, task), None))


def _answer(task: Task, fetcher: Any, failure: Failure | None, job: Job) -> bytes:
    batch: Any = failure
    if failure is None:
        try:
            # Packed here, so that a batch that cannot be pickled is an error like any other.
            return pack((task.number, fetcher.fetch(task.indices)), job.directory)
        except StopIteration as error:
            batch = Ended() if hasattr(fetcher, "samples") else Failure(error, job.place)
        except Exception as error:
            batch = Failure(error, job.place)
    try:
        return pack((task.number, batch), None)
    except Exception:  # an exception class that cannot be pickled
        batch.kind = RuntimeError
        return pack((task.number, batch), None)


def _receive(connection: Connection, tasks: queue.SimpleQueue[Any]) -> None:
    """Keep the pipe empty, so that the main process never waits while it hands out tasks."""
    parent = multiprocessing.parent_process()
    sentinels = [] if parent is None else [parent.sentinel]
    try:
        while connection in wait([connection, *sentinels]):
            tasks.put(connection.recv())
    except (EOFError, OSError):
        pass
    tasks.put(None)
