"""Datasets and their combinations, and what they refuse."""

from __future__ import annotations

import pytest

import tinygrad_lite as tl
from tinygrad_lite.utils.data import (
    ChainDataset,
    ConcatDataset,
    Dataset,
    IterableDataset,
    StackDataset,
    Subset,
    TensorDataset,
    random_split,
)


class Squares(Dataset[int]):
    def __init__(self, size):
        self.size = size

    def __getitem__(self, index):
        return index * index

    def __len__(self):
        return self.size


class Together(Squares):
    """Knows how to fetch a batch, wrongly if `lose` is set."""

    lose = 0

    def __getitems__(self, indices):
        return [index * index for index in indices[self.lose :]]


class Count(IterableDataset[int]):
    def __init__(self, *numbers):
        self.numbers = numbers

    def __iter__(self):
        return iter(self.numbers)

    def __len__(self):
        return len(self.numbers)


def test_dataset_is_abstract():
    with pytest.raises(NotImplementedError, match="should implement __getitem__"):
        Dataset()[0]
    assert not hasattr(Dataset, "__getitems__")


def test_tensor_dataset():
    x, y = tl.arange(6).reshape(3, 2), tl.tensor([7, 8, 9])
    data = TensorDataset(x, y)
    assert len(data) == 3
    row, label = data[1]
    assert row.tolist() == [2, 3] and label.item() == 8
    assert [t.tolist() for t in data[1:]] == [[[2, 3], [4, 5]], [8, 9]]
    with pytest.raises(AssertionError, match="Size mismatch between tensors"):
        TensorDataset(x, y[:2])


def test_stack_dataset():
    pairs = StackDataset(Squares(3), Together(3))
    assert len(pairs) == 3
    assert pairs[2] == (4, 4)
    assert pairs.__getitems__([2, 0]) == [(4, 4), (0, 0)]
    named = StackDataset(a=Squares(3), b=Together(3))
    assert named[1] == {"a": 1, "b": 1}
    assert named.__getitems__([2, 0]) == [{"a": 4, "b": 4}, {"a": 0, "b": 0}]


def test_stack_dataset_refuses():
    with pytest.raises(ValueError, match="both types are given"):
        StackDataset(Squares(1), b=Squares(1))
    with pytest.raises(ValueError, match="At least one dataset"):
        StackDataset()
    with pytest.raises(ValueError, match="Size mismatch between datasets"):
        StackDataset(Squares(1), Squares(2))
    with pytest.raises(ValueError, match="Size mismatch between datasets"):
        StackDataset(a=Squares(1), b=Squares(2))
    short = Together(3)
    short.lose = 1
    with pytest.raises(ValueError, match="output size mismatch. Expected 2, got 1"):
        StackDataset(short).__getitems__([0, 1])


def test_concat_dataset():
    both = Squares(2) + Squares(3)
    assert isinstance(both, ConcatDataset)
    assert len(both) == 5
    assert [both[i] for i in range(5)] == [0, 1, 0, 1, 4]
    assert both[-1] == 4 and both[-5] == 0
    with pytest.raises(ValueError, match="should not exceed dataset length"):
        both[-6]
    with pytest.raises(AssertionError, match="should not be an empty iterable"):
        ConcatDataset([])
    with pytest.raises(AssertionError, match="does not support IterableDataset"):
        ConcatDataset([Count(1)])


def test_chain_dataset():
    chain = Count(1, 2) + Count(3)
    assert isinstance(chain, ChainDataset)
    assert list(chain) == [1, 2, 3]
    assert len(chain) == 3
    with pytest.raises(AssertionError, match="only supports IterableDataset"):
        list(ChainDataset([Squares(1)]))


def test_subset():
    subset = Subset(Squares(10), [3, 5, 7])
    assert len(subset) == 3
    assert subset[1] == 25
    assert subset.__getitems__([2, 0]) == [49, 9]
    assert Subset(Together(10), [3, 5]).__getitems__([1]) == [25]
    rows = Subset(TensorDataset(tl.arange(10)), [3, 5, 7])
    assert rows[[0, 2]][0].tolist() == [3, 7]


def test_subset_with_one_of_two_methods():
    class Half(Subset):
        def __getitem__(self, index):
            return -1

    with pytest.raises(NotImplementedError, match="Half overrides __getitem__ but not"):
        Half(Squares(2), [0])


def test_random_split_by_lengths():
    parts = random_split(Squares(10), [3, 7], generator=tl.Generator().manual_seed(0))
    assert [len(part) for part in parts] == [3, 7]
    assert sorted(parts[0].indices + parts[1].indices) == list(range(10))
    again = random_split(Squares(10), [3, 7], generator=tl.Generator().manual_seed(0))
    assert [p.indices for p in again] == [p.indices for p in parts]
    tl.manual_seed(0)
    first = random_split(Squares(10), [3, 7])[0].indices
    tl.manual_seed(0)
    assert random_split(Squares(10), [3, 7])[0].indices == first


@pytest.mark.parametrize(
    ("size", "fractions", "lengths"),
    [(10, [0.3, 0.7], [3, 7]), (11, [0.3, 0.3, 0.4], [4, 3, 4]), (5, [0.5, 0.5], [3, 2])],
)
def test_random_split_by_fractions(size, fractions, lengths):
    assert [len(part) for part in random_split(Squares(size), fractions)] == lengths


def test_random_split_refuses():
    with pytest.raises(ValueError, match="Sum of input lengths does not equal the length"):
        random_split(Squares(10), [3, 8])
    with pytest.raises(ValueError, match="Fraction at index 0 is not between 0 and 1"):
        random_split(Squares(10), [-0.5, 1.5])
    with pytest.warns(UserWarning, match="Length of split at index 1 is 0"):
        random_split(Squares(1), [0.9, 0.1])
