"""Collating: from samples of every kind to a batch."""

from __future__ import annotations

import types
from collections import OrderedDict, UserDict, namedtuple

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite.utils.data import default_collate, default_convert
from tinygrad_lite.utils.data._utils.collate import collate

Point = namedtuple("Point", ["x", "y"])


def test_numbers():
    assert default_collate([0, 1]).dtype == tl.int64
    assert default_collate([0.5, 1.5]).dtype == tl.float64
    assert default_collate([True, False]).dtype == tl.bool
    assert default_collate([np.float32(1), np.float32(2)]).dtype == tl.float32
    assert default_collate([np.float64(1), np.float64(2)]).dtype == tl.float64


def test_tensors_and_arrays():
    batch = default_collate([tl.ones(2), tl.zeros(2)])
    assert batch.tolist() == [[1, 1], [0, 0]] and batch.dtype == tl.float32
    batch = default_collate([np.ones(2, np.int32), np.zeros(2, np.int32)])
    assert batch.tolist() == [[1, 1], [0, 0]] and batch.dtype == tl.int32
    with pytest.raises(RuntimeError, match="equal size"):
        default_collate([tl.ones(2), tl.ones(3)])


def test_gradients_flow_through():
    x = tl.ones(2, requires_grad=True)
    (default_collate([x, 2 * x]) ** 2).sum().backward()
    assert x.grad.tolist() == [10, 10]


def test_containers():
    assert default_collate(["a", "b"]) == ["a", "b"]
    assert default_collate([b"a", b"b"]) == [b"a", b"b"]
    pair = default_collate([(0, 1.0), (2, 3.0)])
    assert type(pair) is list and [t.tolist() for t in pair] == [[0, 2], [1, 3]]
    rows = default_collate([[0, 1], [2, 3]])
    assert type(rows) is list and [t.tolist() for t in rows] == [[0, 2], [1, 3]]
    point = default_collate([Point(0, 1), Point(2, 3)])
    assert type(point) is Point and point.y.tolist() == [1, 3]
    named = default_collate([{"a": 0, "b": [1]}, {"a": 2, "b": [3]}])
    assert named["a"].tolist() == [0, 2] and named["b"][0].tolist() == [1, 3]
    for kind in (OrderedDict, UserDict):
        assert type(default_collate([kind(a=0), kind(a=1)])) is kind
    frozen = types.MappingProxyType({"a": 0})
    assert default_collate([frozen, frozen])["a"].tolist() == [0, 0]


def test_refusals():
    with pytest.raises(RuntimeError, match="each element in list of batch should be of equal size"):
        default_collate([[0, 1], [2]])
    with pytest.raises(TypeError, match="default_collate: batch must contain tensors.*found.*None"):
        default_collate([None, None])
    with pytest.raises(TypeError, match="found <U1"):
        default_collate([np.array(["a"]), np.array(["b"])])


def test_own_types():
    class Word:
        def __init__(self, text):
            self.text = text

    def join(batch, *, collate_fn_map=None):
        return "".join(word.text for word in batch)

    assert collate([Word("a"), Word("b")], collate_fn_map={Word: join}) == "ab"
    nested = collate([(Word("a"),), (Word("b"),)], collate_fn_map={Word: join})
    assert nested == ["ab"]


def test_convert():
    x = tl.ones(2)
    assert default_convert(x) is x
    assert default_convert(3) == 3 and default_convert("a") == "a"
    assert default_convert(np.arange(2)).tolist() == [0, 1]
    assert default_convert(np.float32(1)).dtype == tl.float32
    assert default_convert(np.array(["a"])).tolist() == ["a"]
    point = default_convert(Point(np.array(0), 1))
    assert type(point) is Point and isinstance(point.x, tl.Tensor) and point.y == 1
    assert isinstance(default_convert({"a": np.array(0)})["a"], tl.Tensor)
    assert isinstance(default_convert((np.array(0),)), list)
    assert default_convert([range(2)]) == [[0, 1]]
