"""The main process's side of loading with workers: hand out tasks, take batches in order."""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing
import os
import shutil
import time
import weakref
from collections.abc import Callable, Collection, Iterator
from multiprocessing.connection import wait
from typing import Any, NoReturn

from .transport import open_directory, unpack
from .worker import Ended, Failure, Job, Resume, Task, run


class Worker:
    """One process, the pipe to it, and what it is doing."""

    def __init__(self, context: Any, job: Job, others: list[Worker]) -> None:
        self.connection, theirs = context.Pipe()
        # A forked process inherits our ends of all pipes and has to close them, or it would never
        # learn that we closed ours.
        ours = [self.connection, *[other.connection for other in others]]
        # daemon: killed at the interpreter's exit, even if a script never finishes its epoch
        self.process = context.Process(target=run, args=(job, theirs, ours), daemon=True)
        self.process.start()
        theirs.close()
        self.active = True  # its stream has not ended in this epoch
        self.pending = 0


class Pool:
    """Worker processes that turn indices into batches.

    `next_batch` returns batches in the order of the indices (or as they come, with
    `in_order=False`) and raises StopIteration after the last. At most `prefetch` tasks per worker
    are under way. What a worker raises is raised here, with its traceback in the message.
    """

    def __init__(
        self,
        *,
        dataset: Any,
        make_fetcher: Callable[[Any], Any],
        num_workers: int,
        prefetch: int,
        base_seed: int,
        init_fn: Callable[[int], None] | None,
        context: Any,
        timeout: float,
        in_order: bool,
    ) -> None:
        self.prefetch = prefetch
        self.timeout = timeout
        self.in_order = in_order
        context = multiprocessing.get_context() if context is None else context
        directory = open_directory()
        self.workers: list[Worker] = []
        self.close = weakref.finalize(self, shut_down, self.workers, directory, os.getpid())
        for i in range(num_workers):
            job = Job(make_fetcher, dataset, init_fn, i, num_workers, base_seed, directory)
            self.workers.append(Worker(context, job, self.workers))

    def start(self, indices: Iterator[Any]) -> None:
        """Begin an epoch: hand out the first tasks."""
        self.indices = indices
        self.sent = self.wanted = 0  # numbers of the next task and of the next batch to return
        self.owner: dict[int, Worker] = {}
        self.arrived: dict[int, Any] = {}
        self.turn = itertools.cycle(self.workers)
        for worker in self.workers:
            worker.active, worker.pending = True, 0
        for _ in range(self.prefetch * len(self.workers)):
            self._hand_out()

    def restart(self, indices: Iterator[Any]) -> None:
        """Begin another epoch with the same processes, whatever was left of the one before."""
        for worker in self.workers:
            self._send(worker, Resume())
        waiting = set(self.workers)
        while waiting:
            worker, number, _ = self._receive(waiting)
            if number is None:
                waiting.remove(worker)
        self.start(indices)

    def next_batch(self) -> Any:
        """The next batch. RuntimeError if a worker died or nothing came within `timeout`."""
        while True:
            while self.wanted < self.sent:
                owner = self.owner.get(self.wanted)
                if owner is not None and (owner.active or self.wanted in self.arrived):
                    break
                # Delivered out of order, or its worker's stream ended before it came to this one.
                self.owner.pop(self.wanted, None)
                self.wanted += 1
            else:
                raise StopIteration
            if self.wanted in self.arrived:
                return self._deliver(self.wanted, self.arrived.pop(self.wanted))
            worker, number, batch = self._receive(self.workers)
            worker.pending -= 1
            if isinstance(batch, Ended):
                if worker.active:
                    worker.active = False
                    self._hand_out()
            elif self.in_order and number != self.wanted:
                self.arrived[number] = batch
            else:
                return self._deliver(number, batch)

    def _deliver(self, number: int, batch: Any) -> Any:
        del self.owner[number]
        self._hand_out()
        if isinstance(batch, Failure):
            batch.reraise()
        return batch

    def _hand_out(self) -> None:
        """Give the next indices to the worker whose turn it is."""
        active = sum(worker.active for worker in self.workers)
        under_way = sum(worker.pending for worker in self.workers if worker.active)
        for worker in itertools.islice(self.turn, len(self.workers)):
            if worker.active and (self.in_order or worker.pending * active <= under_way):
                break
        else:
            return
        try:
            task = Task(self.sent, next(self.indices))
        except StopIteration:
            return
        self._send(worker, task)
        self.owner[self.sent] = worker
        worker.pending += 1
        self.sent += 1

    def _send(self, worker: Worker, message: Any) -> None:
        try:
            worker.connection.send(message)
        except (BrokenPipeError, ConnectionResetError):
            self._died([worker])

    def _receive(self, workers: Collection[Worker]) -> tuple[Worker, Any, Any]:
        """One answer of one of `workers`: (worker, number of the task, batch)."""
        connections = {worker.connection: worker for worker in workers}
        processes = {worker.process.sentinel: worker for worker in workers}
        ready = wait([*connections, *processes], self.timeout or None)
        if not ready:
            raise RuntimeError(
                f"DataLoader timed out after {self.timeout} seconds: no worker delivered a batch"
            )
        for item in ready:
            worker = connections.get(item)
            if worker is not None:
                try:
                    return worker, *unpack(worker.connection.recv_bytes())
                except (EOFError, ConnectionResetError):
                    self._died([worker])
        return self._died([processes[item] for item in ready])

    def _died(self, workers: list[Worker]) -> NoReturn:
        for worker in workers:
            worker.process.join(timeout=1)
        pids = ", ".join(str(worker.process.pid) for worker in workers)
        codes = ", ".join(str(worker.process.exitcode) for worker in workers)
        raise RuntimeError(
            f"DataLoader worker (pid(s) {pids}) exited unexpectedly with exit code {codes}; "
            "with num_workers=0 the error shows where it happens"
        )


def shut_down(workers: list[Worker], directory: str | None, pid: int) -> None:
    """Let the processes end; kill those that do not within five seconds in all."""
    if os.getpid() != pid:
        return  # a forked copy of the pool: the processes are not ours
    for worker in workers:
        with contextlib.suppress(OSError):
            worker.connection.send(None)
        worker.connection.close()
    deadline = time.monotonic() + 5
    for worker in workers:
        worker.process.join(timeout=max(0.0, deadline - time.monotonic()))
        if worker.process.is_alive():
            worker.process.terminate()
            worker.process.join(timeout=1)
    if directory is not None:
        shutil.rmtree(directory, ignore_errors=True)
