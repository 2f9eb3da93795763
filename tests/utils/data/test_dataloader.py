"""The DataLoader in one process: batches, order, options, refusals."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite.utils.data import (
    BatchSampler,
    ConcatDataset,
    DataLoader,
    Dataset,
    IterableDataset,
    SequentialSampler,
    Subset,
    TensorDataset,
    dataloader,
    get_worker_info,
)
from tinygrad_lite.utils.data._utils.fetch import take_rows


def rows(n=7):
    return TensorDataset(tl.arange(2.0 * n).reshape(n, 2), tl.arange(n))


class Stream(IterableDataset):
    def __init__(self, n, told=None):
        self.n, self.told = n, n if told is None else told

    def __iter__(self):
        return iter(range(self.n))

    def __len__(self):
        return self.told


def test_batches_in_order():
    loader = DataLoader(rows(), batch_size=3)
    assert len(loader) == 3
    batches = list(loader)
    assert [y.tolist() for _, y in batches] == [[0, 1, 2], [3, 4, 5], [6]]
    assert batches[0][0].shape == (3, 2) and batches[0][0].dtype == tl.float32
    assert len(list(DataLoader(rows(), batch_size=3, drop_last=True))) == 2


def test_shuffle_is_seeded_and_complete():
    def epoch(loader):
        return [i for _, y in loader for i in y.tolist()]

    loader = DataLoader(rows(50), batch_size=8, shuffle=True, generator=tl.Generator())
    first, second = epoch(loader), epoch(loader)
    assert sorted(first) == list(range(50)) and first != second
    tl.manual_seed(0)
    plain = DataLoader(rows(50), batch_size=8, shuffle=True)
    one = epoch(plain)
    tl.manual_seed(0)
    assert epoch(plain) == one


def test_the_short_way_equals_the_long_way():
    data = rows()
    tail = Subset(data, [5, 1, 6])
    whole = Subset(tail, [2, 0])
    for dataset, indices in [(data, [3, 0, -1]), (tail, [1, 2]), (whole, [1, 0, 1])]:
        short = take_rows(dataset, indices)
        long = dataloader.default_collate([dataset[i] for i in indices])
        assert [s.tolist() for s in short] == [t.tolist() for t in long]
        assert [s.dtype for s in short] == [t.dtype for t in long]
    batch = take_rows(data, [0, 1])
    batch[0].array[:] = -1
    assert data.tensors[0].min().item() == 0  # a batch is a copy, as stacking makes it


def test_where_the_short_way_is_not_taken():
    class Doubled(TensorDataset):
        def __getitem__(self, index):
            return tuple(2 * t for t in super().__getitem__(index))

    assert take_rows(Doubled(tl.arange(3)), [0]) is None
    assert take_rows(TensorDataset(tl.ones(3, requires_grad=True)), [0]) is None
    assert take_rows(ConcatDataset([rows(), rows()]), [0]) is None
    assert take_rows(rows(), [99]) is None
    assert take_rows(rows(), []) is None
    assert next(iter(DataLoader(Doubled(tl.arange(3)), batch_size=3)))[0].tolist() == [0, 2, 4]
    with pytest.raises(IndexError):
        list(DataLoader(rows(), batch_size=2, sampler=[99]))


def test_custom_collate_gets_the_samples():
    seen = []
    loader = DataLoader(rows(), batch_size=2, collate_fn=lambda b: seen.append(b) or len(b))
    assert list(loader) == [2, 2, 2, 1]
    assert type(seen[0]) is list and type(seen[0][0]) is tuple
    assert seen[0][1][1].item() == 1


def test_getitems_is_preferred():
    class Together(Dataset):
        def __getitem__(self, index):
            raise AssertionError

        def __getitems__(self, indices):
            return [10 * i for i in indices]

        def __len__(self):
            return 3

    assert [b.tolist() for b in DataLoader(Together(), batch_size=2)] == [[0, 10], [20]]


def test_without_batches():
    samples = list(DataLoader(rows(2), batch_size=None))
    assert samples[1][0].tolist() == [2, 3] and samples[1][1].item() == 1
    arrays = DataLoader([np.ones(2), np.zeros(2)], batch_size=None)
    assert [t.tolist() for t in arrays] == [[1, 1], [0, 0]]


def test_samplers():
    loader = DataLoader(range(10), batch_size=2, sampler=[5, 4, 3])
    assert [b.tolist() for b in loader] == [[5, 4], [3]]
    assert len(loader) == 2
    batches = BatchSampler(SequentialSampler(range(4)), 3, False)
    loader = DataLoader(range(4), batch_sampler=batches)
    assert [b.tolist() for b in loader] == [[0, 1, 2], [3]]
    assert loader.batch_size is None and len(loader) == 2


def test_streams():
    loader = DataLoader(Stream(5), batch_size=2)
    assert [b.tolist() for b in loader] == [[0, 1], [2, 3], [4]] and len(loader) == 3
    assert [b.tolist() for b in DataLoader(Stream(5), batch_size=2, drop_last=True)] == [
        [0, 1],
        [2, 3],
    ]
    assert list(DataLoader(Stream(3), batch_size=None)) == [0, 1, 2]
    loader = DataLoader(Stream(5, told=2), batch_size=1)
    assert len(loader) == 2
    with pytest.warns(UserWarning, match="was reported to be 2"):
        list(loader)


def test_iterators():
    loader = DataLoader(range(3))
    iterator = iter(loader)
    assert iter(iterator) is iterator and len(iterator) == 3
    assert next(iterator).tolist() == [0]
    assert [b.tolist() for b in loader] == [[0], [1], [2]]
    assert get_worker_info() is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_workers": -1}, "num_workers option should be non-negative"),
        ({"timeout": -1}, "timeout option should be non-negative"),
        ({"prefetch_factor": 2}, "prefetch_factor option could only be specified in"),
        ({"num_workers": 1, "prefetch_factor": -1}, "prefetch_factor option should be non-neg"),
        ({"persistent_workers": True}, "persistent_workers option needs num_workers > 0"),
        ({"sampler": [0], "shuffle": True}, "sampler option is mutually exclusive with shuffle"),
        ({"batch_sampler": [[0]], "batch_size": 2}, "batch_sampler option is mutually exclusive"),
        ({"batch_sampler": [[0]], "drop_last": True}, "batch_sampler option is mutually exclu"),
        ({"batch_size": None, "drop_last": True}, "batch_size=None option disables auto-batching"),
        ({"batch_size": 0}, "batch_size should be a positive integer value"),
        ({"multiprocessing_context": "fork"}, "multiprocessing_context can only be used with"),
        (
            {"num_workers": 1, "multiprocessing_context": "no"},
            "multiprocessing_context option should specify a valid start method",
        ),
    ],
)
def test_refusals(options, message):
    with pytest.raises(ValueError, match=message):
        DataLoader(rows(), **options)


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"shuffle": True}, "shuffle"),
        ({"sampler": [0]}, "sampler"),
        ({"batch_sampler": [[0]]}, "batch_sampler"),
    ],
)
def test_streams_refuse(options, name):
    with pytest.raises(ValueError, match=f"expected unspecified {name} option"):
        DataLoader(Stream(3), **options)


def test_fixed_attributes():
    loader = DataLoader(rows())
    for name in ("batch_size", "dataset", "sampler", "drop_last", "batch_sampler"):
        with pytest.raises(ValueError, match=f"{name} attribute should not be set after"):
            setattr(loader, name, None)
    loader.collate_fn = len
    assert next(iter(loader)) == 1


def test_pin_memory_says_that_it_does_nothing():
    with pytest.warns(UserWarning, match="'pin_memory' argument is set as true but no accelerator"):
        list(DataLoader(rows(), pin_memory=True))
