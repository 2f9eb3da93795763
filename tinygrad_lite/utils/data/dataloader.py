"""DataLoader: iterate over a dataset in batches, in this process or with worker processes.

Source: PyTorch documentation, "torch.utils.data".
"""

from __future__ import annotations

import functools
import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, TypeVar

from ...core.random import Generator, numpy_generator
from ._utils.collate import default_collate, default_convert
from ._utils.fetch import IterableFetcher, MapFetcher
from ._utils.info import get_worker_info
from .dataset import Dataset, IterableDataset
from .sampler import BatchSampler, RandomSampler, Sampler, SequentialSampler

__all__ = ["DataLoader", "default_collate", "default_convert", "get_worker_info"]

T_co = TypeVar("T_co", covariant=True)


class _EndlessSampler(Sampler[None]):
    """None for ever: a stream of samples has no indices, and ends by itself."""

    def __iter__(self) -> Iterator[None]:
        while True:
            yield None


class DataLoader(Generic[T_co]):
    """An iterable over batches of a dataset; each `iter()` is one epoch.

    Args:
        dataset: map-style (`__getitem__`, `__len__`) or an `IterableDataset`.
        batch_size: samples in a batch; None switches batching off.
        shuffle: a new random order each epoch.
        sampler: an iterable of indices instead of `shuffle`.
        batch_sampler: an iterable of lists of indices instead of the three above and `drop_last`.
        num_workers: processes that load in advance; 0 loads in this one.
        collate_fn: makes a batch of a list of samples (`default_collate`).
        pin_memory: for GPUs; there are none, so a warning says that it has no effect.
        drop_last: leave out a last batch that is smaller than `batch_size`.
        timeout: seconds to wait for a worker; 0 for ever.
        worker_init_fn: called in each worker with its number, after seeding.
        multiprocessing_context: a start method ("fork", "spawn", "forkserver") or a context.
        generator: where the order and the workers' seeds come from.
        prefetch_factor: batches each worker loads in advance (2).
        persistent_workers: keep the processes, and their copies of the dataset, between epochs.
        in_order: whether batches of several workers come in the sampler's order.

    Worker i is seeded with a number drawn anew each epoch, plus i: Python's `random`, NumPy's
    global generator and ours. An exception in a worker is raised here as the same type with the
    worker's traceback in its message. ValueError for options that exclude each other.
    """

    def __init__(
        self,
        dataset: Dataset[T_co],
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Sampler[Any] | Iterable[Any] | None = None,
        batch_sampler: Sampler[list[Any]] | Iterable[list[Any]] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[Any], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None,
        multiprocessing_context: Any = None,
        generator: Generator | None = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ) -> None:
        _check_workers(num_workers, timeout, prefetch_factor, persistent_workers)
        streams = isinstance(dataset, IterableDataset)
        if streams:
            _check_stream(shuffle, sampler, batch_sampler)
        if sampler is not None and shuffle:
            raise ValueError("sampler option is mutually exclusive with shuffle")
        if batch_sampler is not None:
            if batch_size != 1 or shuffle or sampler is not None or drop_last:
                raise ValueError(
                    "batch_sampler option is mutually exclusive with batch_size, shuffle, "
                    "sampler, and drop_last"
                )
            batch_size = None
        elif batch_size is None and drop_last:
            raise ValueError(
                "batch_size=None option disables auto-batching and is mutually exclusive with "
                "drop_last"
            )
        self.dataset = dataset
        self.num_workers = num_workers
        if num_workers > 0 and prefetch_factor is None:
            prefetch_factor = 2
        self.prefetch_factor = prefetch_factor
        self.pin_memory = pin_memory
        self.pin_memory_device = pin_memory_device
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.multiprocessing_context = multiprocessing_context
        self.in_order = in_order
        if sampler is None:
            if streams:
                sampler = _EndlessSampler()
            elif shuffle:
                sampler = RandomSampler(dataset, generator=generator)  # type: ignore[arg-type]
            else:
                sampler = SequentialSampler(dataset)  # type: ignore[arg-type]
        if batch_size is not None and batch_sampler is None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        self.batch_size = batch_size
        self.drop_last = drop_last
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        self.generator = generator
        if collate_fn is None:
            collate_fn = default_collate if self._auto_collation else default_convert
        self.collate_fn = collate_fn
        self.persistent_workers = persistent_workers
        self._told_length: int | None = None
        self._iterator: _BaseDataLoaderIter | None = None
        self._initialized = True
        self.check_worker_number_rationality()

    def __setattr__(self, name: str, value: Any) -> None:
        fixed = ("batch_size", "batch_sampler", "sampler", "drop_last", "dataset")
        if name in (*fixed, "persistent_workers") and self.__dict__.get("_initialized"):
            raise ValueError(
                f"{name} attribute should not be set after {type(self).__name__} is initialized"
            )
        super().__setattr__(name, value)

    @property
    def multiprocessing_context(self) -> Any:
        """The context workers are started with; None for Python's default."""
        return self._context

    @multiprocessing_context.setter
    def multiprocessing_context(self, context: Any) -> None:
        if context is not None:
            import multiprocessing  # 20 ms that loading in one process does without

            if self.num_workers == 0:
                raise ValueError(
                    "multiprocessing_context can only be used with multi-process loading "
                    f"(num_workers > 0), but got num_workers={self.num_workers}"
                )
            if isinstance(context, str):
                methods = multiprocessing.get_all_start_methods()
                if context not in methods:
                    raise ValueError(
                        "multiprocessing_context option should specify a valid start method in "
                        f"{methods!r}, but got multiprocessing_context={context!r}"
                    )
                context = multiprocessing.get_context(context)
            if not isinstance(context, multiprocessing.context.BaseContext):
                raise TypeError(
                    "multiprocessing_context option should be a valid context object or a string "
                    f"specifying the start method, but got multiprocessing_context={context}"
                )
        self._context = context

    @property
    def _auto_collation(self) -> bool:
        return self.batch_sampler is not None

    @property
    def _index_sampler(self) -> Any:
        return self.batch_sampler if self._auto_collation else self.sampler

    def __iter__(self) -> _BaseDataLoaderIter:
        if self.num_workers == 0:
            return _SingleProcessDataLoaderIter(self)
        if not self.persistent_workers:
            return _MultiProcessingDataLoaderIter(self)
        if self._iterator is None:
            self._iterator = _MultiProcessingDataLoaderIter(self)
        else:
            self._iterator.restart(self)
        return self._iterator

    def __len__(self) -> int:
        """Batches in an epoch; for a stream, what its own length leads one to expect."""
        if not isinstance(self.dataset, IterableDataset):
            return len(self._index_sampler)
        length: int = len(self.dataset)  # type: ignore[arg-type]
        self._told_length = length
        if self.batch_size is None:
            return length
        return length // self.batch_size if self.drop_last else -(-length // self.batch_size)

    def check_worker_number_rationality(self) -> None:
        """Warn if there are to be more workers than processors."""
        available = (
            len(os.sched_getaffinity(0))
            if hasattr(os, "sched_getaffinity")
            else os.cpu_count() or self.num_workers
        )
        if self.num_workers > available:
            warnings.warn(
                f"This DataLoader will create {self.num_workers} worker processes in total. Our "
                f"suggested max number of worker in current system is {available}. Please be "
                "aware that excessive worker creation might get DataLoader running slow or even "
                "freeze, lower the worker number to avoid potential slowness/freeze if necessary.",
                stacklevel=3,
            )


def _check_workers(
    num_workers: int, timeout: float, prefetch_factor: int | None, persistent_workers: bool
) -> None:
    if num_workers < 0:
        raise ValueError(
            "num_workers option should be non-negative; "
            f"use num_workers=0 to disable multiprocessing. Got {num_workers}"
        )
    if timeout < 0:
        raise ValueError(f"timeout option should be non-negative, got {timeout}")
    if num_workers == 0 and prefetch_factor is not None:
        raise ValueError(
            "prefetch_factor option could only be specified in multiprocessing."
            "let num_workers > 0 to enable multiprocessing, otherwise set prefetch_factor to None."
        )
    if prefetch_factor is not None and prefetch_factor <= 0:
        raise ValueError(f"prefetch_factor option should be non-negative, got {prefetch_factor}")
    if persistent_workers and num_workers == 0:
        raise ValueError("persistent_workers option needs num_workers > 0")


def _check_stream(shuffle: Any, sampler: Any, batch_sampler: Any) -> None:
    given = {"shuffle": shuffle or None, "sampler": sampler, "batch_sampler": batch_sampler}
    for name, value in given.items():
        if value is not None:
            raise ValueError(
                f"DataLoader with IterableDataset: expected unspecified {name} option, "
                f"but got {name}={value}; a stream decides its own order"
            )


class _BaseDataLoaderIter:
    """One pass over a DataLoader."""

    _HINT = ""  # what may have gone wrong where a stream is longer than it said

    def __init__(self, loader: DataLoader[Any]) -> None:
        if loader.pin_memory:
            warnings.warn(
                "'pin_memory' argument is set as true but no accelerator is found, "
                "then device pinned memory won't be used.",
                stacklevel=3,
            )
        self._index_sampler = loader._index_sampler
        self._base_seed = int(numpy_generator(loader.generator).integers(2**63))
        kind = IterableFetcher if isinstance(loader.dataset, IterableDataset) else MapFetcher
        self._make_fetcher = functools.partial(
            kind,
            batched=loader._auto_collation,
            collate_fn=loader.collate_fn,
            drop_last=loader.drop_last,
        )
        self._begin(loader)

    def _begin(self, loader: DataLoader[Any]) -> None:
        self._indices = iter(self._index_sampler)
        self._yielded = 0
        self._told_length = loader._told_length
        self._stream = loader.dataset

    def __iter__(self) -> _BaseDataLoaderIter:
        return self

    def __len__(self) -> int:
        return len(self._index_sampler)

    def __next__(self) -> Any:
        batch = self._next_batch()
        self._yielded += 1
        if self._told_length is not None and self._yielded > self._told_length:
            warnings.warn(
                f"Length of IterableDataset {self._stream} was reported to be {self._told_length} "
                f"(when accessing len(dataloader)), but {self._yielded} samples have been fetched. "
                f"{self._HINT}",
                stacklevel=2,
            )
        return batch

    def _next_batch(self) -> Any:
        raise NotImplementedError

    def restart(self, loader: DataLoader[Any]) -> None:
        raise NotImplementedError

    def __getstate__(self) -> Any:
        raise NotImplementedError(f"{type(self).__name__} cannot be pickled")


class _SingleProcessDataLoaderIter(_BaseDataLoaderIter):
    """Loads in this process, one batch at a time."""

    def __init__(self, loader: DataLoader[Any]) -> None:
        super().__init__(loader)
        if loader.timeout != 0:
            raise AssertionError("timeout needs num_workers > 0")
        self._fetcher = self._make_fetcher(loader.dataset)

    def _next_batch(self) -> Any:
        return self._fetcher.fetch(next(self._indices))


class _MultiProcessingDataLoaderIter(_BaseDataLoaderIter):
    """Loads in worker processes, ahead of the one who asks."""

    _HINT = (
        "For multiprocessing data-loading, this could be caused by not properly configuring the "
        "IterableDataset replica at each worker. Please see "
        "https://pytorch.org/docs/stable/data.html#torch.utils.data.IterableDataset for examples."
    )

    def __init__(self, loader: DataLoader[Any]) -> None:
        from ._utils.pool import Pool

        super().__init__(loader)
        self._keep = loader.persistent_workers
        self._pool = Pool(
            dataset=loader.dataset,
            make_fetcher=self._make_fetcher,
            num_workers=loader.num_workers,
            prefetch=loader.prefetch_factor or 2,
            base_seed=self._base_seed,
            init_fn=loader.worker_init_fn,
            context=loader.multiprocessing_context,
            timeout=loader.timeout,
            in_order=loader.in_order,
        )
        self._pool.start(self._indices)

    @property
    def _workers(self) -> list[Any]:
        """The processes, for who wants to see how they fare."""
        return [worker.process for worker in self._pool.workers]

    def _shutdown_workers(self) -> None:
        """Let the processes end now."""
        self._pool.close()

    def restart(self, loader: DataLoader[Any]) -> None:
        """Begin another epoch with the same processes."""
        self._begin(loader)
        self._pool.restart(self._indices)

    def _next_batch(self) -> Any:
        try:
            return self._pool.next_batch()
        except StopIteration:
            if not self._keep:
                self._pool.close()
            raise
