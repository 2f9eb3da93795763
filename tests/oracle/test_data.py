"""The same loader in PyTorch and here gives the same batches: values, dtypes, containers, order."""

from __future__ import annotations

import collections
import os

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite.utils import data as ours

torch = pytest.importorskip("torch")
theirs = torch.utils.data

Point = collections.namedtuple("Point", ["x", "y"])


def plain(value):
    """A batch in terms both sides share: Tensors as (dtype, shape, values), types by name."""
    if isinstance(value, (tl.Tensor, torch.Tensor)):
        return str(value.dtype), tuple(value.shape), value.tolist()
    if isinstance(value, dict):
        return type(value).__name__, {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value).__name__, [plain(item) for item in value]
    return type(value).__name__, value


SAMPLES = [
    lambda i, lib: i,
    lambda i, lib: i / 2,
    lambda i, lib: i > 1,
    lambda i, lib: str(i),
    lambda i, lib: bytes([i]),
    lambda i, lib: np.float32(i),
    lambda i, lib: np.int8(i),
    lambda i, lib: np.full((2, 3), i, np.float64),
    lambda i, lib: np.full((), i, np.uint8),
    lambda i, lib: lib.tensor([i, i + 1]),
    lambda i, lib: lib.tensor(i / 2),
    lambda i, lib: (i, float(i), str(i)),
    lambda i, lib: [i, [i, (i,)]],
    lambda i, lib: {"a": i, "b": (lib.tensor([1.0 * i]), "x")},
    lambda i, lib: collections.OrderedDict(a=i),
    lambda i, lib: Point(i, lib.tensor(i)),
    lambda i, lib: (lib.tensor([[i]]), np.arange(2) * i),
]


@pytest.mark.parametrize("make", SAMPLES)
@pytest.mark.parametrize(
    "options",
    [{}, {"batch_size": 2}, {"batch_size": 2, "drop_last": True}, {"batch_size": None}],
)
def test_batches(make, options):
    a = [plain(b) for b in ours.DataLoader([make(i, tl) for i in range(5)], **options)]
    b = [plain(b) for b in theirs.DataLoader([make(i, torch) for i in range(5)], **options)]
    assert a == b


def errors(lib, module):
    """Calls that raise, by name."""

    class Stream(lib.IterableDataset):
        def __iter__(self):
            return iter(range(3))

    three = lib.TensorDataset(module.arange(3))
    loader = lib.DataLoader
    return {
        "workers": lambda: loader(three, num_workers=-1),
        "timeout": lambda: loader(three, timeout=-1),
        "prefetch": lambda: loader(three, prefetch_factor=2),
        "persistent": lambda: loader(three, persistent_workers=True),
        "shuffle and sampler": lambda: loader(three, shuffle=True, sampler=[0]),
        "batch_sampler": lambda: loader(three, batch_sampler=[[0]], shuffle=True),
        "drop_last": lambda: loader(three, batch_size=None, drop_last=True),
        "batch_size 0": lambda: loader(three, batch_size=0),
        "context": lambda: loader(three, multiprocessing_context="fork"),
        "stream shuffle": lambda: loader(Stream(), shuffle=True),
        "stream sampler": lambda: loader(Stream(), sampler=[0]),
        "stream length": lambda: len(loader(Stream())),
        "set": lambda: setattr(loader(three), "batch_size", 3),
        "index": lambda: list(loader(three, sampler=[5])),
        "collate": lambda: list(loader([None])),
        "unequal": lambda: list(loader([[1], [1, 2]], batch_size=2)),
        "unequal tensors": lambda: list(loader([module.ones(1), module.ones(2)], batch_size=2)),
        "strings": lambda: list(loader([np.array(["a"])])),
        "tensor dataset": lambda: lib.TensorDataset(module.ones(2), module.ones(3)),
        "stack": lambda: lib.StackDataset([1], [1, 2]),
        "stack of nothing": lambda: lib.StackDataset(),
        "concat": lambda: lib.ConcatDataset([]),
        "concat stream": lambda: lib.ConcatDataset([Stream()]),
        "concat index": lambda: lib.ConcatDataset([[1]])[-2],
        "chain": lambda: list(lib.ChainDataset([three])),
        "dataset": lambda: lib.Dataset()[0],
        "split": lambda: lib.random_split(three, [1, 1]),
        "split fraction": lambda: lib.random_split(three, [1.5, -0.5]),
        "random": lambda: lib.RandomSampler([]),
        "random samples": lambda: lib.RandomSampler([1], num_samples=0),
        "random replacement": lambda: lib.RandomSampler([1], replacement=1),
        "weights": lambda: lib.WeightedRandomSampler([[1.0]], 1),
        "weighted samples": lambda: lib.WeightedRandomSampler([1.0], -1),
        "batches": lambda: lib.BatchSampler([1], 1.5, False),
        "batches drop": lambda: lib.BatchSampler([1], 1, 1),
        "rank": lambda: lib.DistributedSampler([1], 2, 2),
    }


@pytest.mark.parametrize("name", errors(ours, tl))
def test_errors(name):
    with pytest.raises(Exception) as expected:
        errors(theirs, torch)[name]()
    with pytest.raises(type(expected.value)) as raised:
        errors(ours, tl)[name]()
    begin = str(expected.value)[:30].split("(")[0]
    assert str(raised.value).startswith(begin)


def shards(lib):
    class Shard(lib.IterableDataset):
        """Worker 0 has less than the others."""

        def __iter__(self):
            info = lib.get_worker_info()
            if info is None:
                return iter(range(20))
            return iter(range(100 * info.id, 100 * info.id + 3 + 8 * info.id))

    return Shard()


@pytest.mark.filterwarnings("ignore:This DataLoader will create")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("batch_size", [None, 1, 2, 3])
@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("prefetch", [1, 2])
def test_order_of_streams_with_workers(batch_size, workers, prefetch):
    if workers == 3 and prefetch == 1 and (os.cpu_count() or 1) < 2:
        pytest.skip("too many processes")
    options = {"batch_size": batch_size, "num_workers": workers, "prefetch_factor": prefetch}
    a = [plain(b) for b in ours.DataLoader(shards(ours), **options)]
    b = [plain(b) for b in theirs.DataLoader(shards(theirs), **options)]
    assert a == b


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize(("size", "replicas"), [(10, 3), (2, 5), (9, 3)])
def test_distributed_sampler(size, replicas, drop_last, shuffle):
    for rank in range(replicas):
        a = ours.DistributedSampler(range(size), replicas, rank, shuffle, 0, drop_last)
        b = theirs.DistributedSampler(range(size), replicas, rank, shuffle, 0, drop_last)
        assert len(a) == len(b) == len(list(a)) == len(list(b))
        assert shuffle or list(a) == list(b)


@pytest.mark.parametrize("fractions", [[0.3, 0.3, 0.4], [0.5, 0.5], [0.01, 0.99], [1.0]])
@pytest.mark.parametrize("size", [1, 7, 10, 101])
@pytest.mark.filterwarnings("ignore:Length of split")
def test_split_lengths(size, fractions):
    a = [len(part) for part in ours.random_split(range(size), fractions)]
    assert a == [len(part) for part in theirs.random_split(range(size), fractions)]


def test_modules_and_names():
    for name in theirs.__all__:
        if "Pipe" in name or "pipe" in name or name.endswith(("validation", "disabled")):
            continue  # torchdata's
        if name in (
            "DataChunk",
            "non_deterministic",
            "guaranteed_datapipes_determinism",
            "_DatasetKind",
        ):
            continue
        assert hasattr(ours, name), name
    for module in ("dataloader", "dataset", "sampler", "distributed"):
        for name in getattr(theirs, module).__all__:
            assert hasattr(getattr(ours, module), name), f"{module}.{name}"
