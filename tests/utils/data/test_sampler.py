"""Samplers: which indices, how many, in what order, and what is refused."""

from __future__ import annotations

from collections import Counter

import pytest

import tinygrad_lite as tl
from tinygrad_lite.utils.data import (
    BatchSampler,
    DistributedSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
    random_split,
)


def seeded(seed=0):
    return tl.Generator().manual_seed(seed)


def test_sampler_is_abstract():
    with pytest.raises(NotImplementedError):
        iter(Sampler())


def test_sequential():
    sampler = SequentialSampler("abc")
    assert list(sampler) == [0, 1, 2] and len(sampler) == 3


def test_random_is_a_permutation():
    sampler = RandomSampler(range(50), generator=seeded())
    first, second = list(sampler), list(sampler)
    assert sorted(first) == list(range(50)) and first != second
    assert list(RandomSampler(range(50), generator=seeded())) == first
    assert all(type(i) is int for i in first)


def test_random_is_randperm():
    """As in PyTorch, so that a script may foresee the order."""
    expected = tl.randperm(20, generator=seeded(4)).tolist()
    assert list(RandomSampler(range(20), generator=seeded(4))) == expected
    both = random_split(range(20), [8, 12], generator=seeded(4))
    assert both[0].indices + both[1].indices == expected


def test_random_without_generator_follows_manual_seed():
    tl.manual_seed(3)
    first = list(RandomSampler(range(50)))
    tl.manual_seed(3)
    assert list(RandomSampler(range(50))) == first


def test_random_with_num_samples():
    drawn = list(RandomSampler(range(10), num_samples=25, generator=seeded()))
    assert len(drawn) == 25
    assert sorted(drawn[:10]) == sorted(drawn[10:20]) == list(range(10))
    drawn = list(RandomSampler(range(10), replacement=True, num_samples=3000))
    assert len(drawn) == 3000 and set(drawn) == set(range(10))


def test_random_refuses():
    with pytest.raises(TypeError, match="replacement should be a boolean value"):
        RandomSampler(range(3), replacement=1)
    for bad in (0, -1, 2.0):
        with pytest.raises(ValueError, match="num_samples should be a positive integer"):
            RandomSampler(range(3), num_samples=bad)
    with pytest.raises(ValueError, match="num_samples should be a positive integer"):
        RandomSampler([])
    with pytest.raises(ValueError, match="empty data_source"):
        list(RandomSampler([], num_samples=3))


def test_subset_random():
    sampler = SubsetRandomSampler([3, 5, 8], generator=seeded())
    assert sorted(sampler) == [3, 5, 8] and len(sampler) == 3


def test_weighted():
    drawn = Counter(WeightedRandomSampler([0.0, 1.0, 3.0], 8000, generator=seeded()))
    assert drawn[0] == 0
    assert 0.70 < drawn[2] / 8000 < 0.80
    once = list(WeightedRandomSampler(tl.tensor([1.0, 2.0, 3.0]), 3, replacement=False))
    assert sorted(once) == [0, 1, 2]


def test_weighted_refuses():
    with pytest.raises(ValueError, match="num_samples should be a positive integer"):
        WeightedRandomSampler([1.0], 0)
    with pytest.raises(ValueError, match="num_samples should be a positive integer"):
        WeightedRandomSampler([1.0], True)
    with pytest.raises(ValueError, match="replacement should be a boolean"):
        WeightedRandomSampler([1.0], 1, replacement=0)
    with pytest.raises(ValueError, match="weights should be a 1d sequence"):
        WeightedRandomSampler([[1.0]], 1)
    with pytest.raises(RuntimeError, match="without replacement"):
        list(WeightedRandomSampler([1.0], 2, replacement=False))


def test_batches():
    assert list(BatchSampler(range(5), 2, False)) == [[0, 1], [2, 3], [4]]
    assert list(BatchSampler(range(5), 2, True)) == [[0, 1], [2, 3]]
    assert len(BatchSampler(range(5), 2, False)) == 3
    assert len(BatchSampler(range(5), 2, True)) == 2
    for bad in (0, -1, True, 1.5):
        with pytest.raises(ValueError, match="batch_size should be a positive integer"):
            BatchSampler(range(5), bad, False)
    with pytest.raises(ValueError, match="drop_last should be a boolean"):
        BatchSampler(range(5), 2, 1)


@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize(("size", "replicas"), [(10, 3), (9, 3), (2, 5), (7, 1)])
def test_distributed_parts(size, replicas, drop_last):
    parts = [
        list(DistributedSampler(range(size), replicas, rank, drop_last=drop_last))
        for rank in range(replicas)
    ]
    assert len({len(part) for part in parts}) == 1
    together = [i for part in parts for i in part]
    if drop_last:
        assert len(set(together)) == len(together) == size // replicas * replicas
    else:
        assert set(together) == set(range(size))


def test_distributed_order():
    plain = DistributedSampler(range(10), 3, 1, shuffle=False)
    assert list(plain) == [1, 4, 7, 0] and len(plain) == 4
    sampler = DistributedSampler(range(100), 2, 0, seed=5)
    first = list(sampler)
    assert list(sampler) == first
    sampler.set_epoch(1)
    assert list(sampler) != first


def test_distributed_refuses():
    with pytest.raises(RuntimeError, match="Default process group has not been initialized"):
        DistributedSampler(range(3))
    with pytest.raises(ValueError, match=r"Invalid rank 2, rank should be in .* \[0, 1\]"):
        DistributedSampler(range(3), 2, 2)
