"""Shapes and axes: what is accepted, and every error in full."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tinygrad_lite.core.shapes import (
    broadcast_shape,
    canonical_axes,
    canonical_axis,
    infer_size,
    shape_from,
)


@pytest.mark.parametrize("ndim", [0, 1, 3])
def test_axes_count_from_either_end(ndim: int) -> None:
    extent = max(ndim, 1)
    for dim in range(-extent, extent):
        assert canonical_axis(dim, ndim) == dim % extent
        assert canonical_axis(np.int64(dim), ndim) == dim % extent


def test_several_axes() -> None:
    assert canonical_axes(None, 3) == (0, 1, 2)
    assert canonical_axes((), 2) == (0, 1)
    assert canonical_axes([], 2) == (0, 1)
    assert canonical_axes(-1, 3) == (2,)
    assert canonical_axes((-1, 0), 3) == (2, 0)
    assert canonical_axes([1], 3) == (1,)
    assert canonical_axes(0, 0) == ()
    assert canonical_axes(None, 0) == ()


def test_broadcast_shapes() -> None:
    assert broadcast_shape([]) == ()
    assert broadcast_shape([(2, 3)]) == (2, 3)
    assert broadcast_shape([(3,), (2, 1)]) == (2, 3)
    assert broadcast_shape([(2, 1), (3,)]) == (2, 3)
    assert broadcast_shape([(), (1,), (4, 1, 1), (5, 1)]) == (4, 5, 1)
    assert broadcast_shape([(2, 3), (2, 3), (1, 1)]) == (2, 3)
    assert broadcast_shape([(0, 1), (1, 3)]) == (0, 3)


def test_shapes_from_arguments() -> None:
    assert shape_from((2, 3)) == (2, 3)
    assert shape_from(((2, 3),)) == (2, 3)
    assert shape_from(([2, 3],)) == (2, 3)
    assert shape_from((np.int64(4),)) == (4,)
    assert shape_from(()) == ()
    assert shape_from(((),)) == ()


def test_one_size_is_inferred() -> None:
    assert infer_size((2, 3), 6) == (2, 3)
    assert infer_size([2, -1], 6) == (2, 3)
    assert infer_size((-1,), 6) == (6,)
    assert infer_size((-1, 2, 3), 12) == (2, 2, 3)
    assert infer_size((2, -1), 0) == (2, 0)
    assert infer_size((0, 3), 0) == (0, 3)
    assert infer_size((), 1) == ()
    assert type(infer_size([2, 3], 6)) is tuple
    assert {type(n) for n in infer_size((2, -1), 6)} == {int}


AMBIGUOUS = (
    "cannot reshape tensor of 0 elements into shape [0, -1] because the unspecified dimension "
    "size -1 can be any value and is ambiguous"
)
OUT_OF_RANGE = "Dimension out of range (expected to be in range of [{}, {}], but got {})"
REFUSED: list[tuple[Callable[..., Any], tuple[Any, ...], type[Exception], str]] = [
    (canonical_axis, (True, 2), TypeError, "argument 'dim' must be int, not bool (True)"),
    (canonical_axis, ("x", 2), TypeError, "argument 'dim' must be int, not str"),
    (canonical_axis, (1.0, 2), TypeError, "argument 'dim' must be int, not float"),
    (canonical_axis, (3, 3), IndexError, OUT_OF_RANGE.format(-3, 2, 3)),
    (canonical_axis, (-4, 3), IndexError, OUT_OF_RANGE.format(-3, 2, -4)),
    (canonical_axis, (1, 0), IndexError, OUT_OF_RANGE.format(-1, 0, 1)),
    (canonical_axes, ((0, 3), 3), IndexError, OUT_OF_RANGE.format(-3, 2, 3)),
    (
        canonical_axes,
        ((0, 1, -2), 3),
        RuntimeError,
        "dim 1 appears multiple times in the list of dims",
    ),
    (
        broadcast_shape,
        ([(2, 3), (4, 3)],),
        RuntimeError,
        "The size of tensor a (2) must match the size of tensor b (4) at non-singleton dimension 0",
    ),
    (
        broadcast_shape,
        ([(2,), (5, 1, 3)],),
        RuntimeError,
        "The size of tensor a (2) must match the size of tensor b (3) at non-singleton dimension 2",
    ),
    (
        broadcast_shape,
        ([(3,), (2,)],),
        RuntimeError,
        "The size of tensor a (3) must match the size of tensor b (2) at non-singleton dimension 0",
    ),
    (
        shape_from,
        ((2, "x"),),
        TypeError,
        (
            "size(): argument 'size' failed to unpack the object at pos 2 with error "
            '"type must be tuple of ints,but got str"'
        ),
    ),
    (
        shape_from,
        ((1.5,),),
        TypeError,
        "size(): argument 'size' (position 1) must be tuple of ints, not float",
    ),
    (infer_size, ((2, -3), 6), RuntimeError, "invalid shape dimension -3"),
    (infer_size, ((-2, 3), 6), RuntimeError, "invalid shape dimension -2"),
    (infer_size, ((-1, -1), 6), RuntimeError, "only one dimension can be inferred"),
    (infer_size, ((0, -1), 0), RuntimeError, AMBIGUOUS),
    (infer_size, ((2, 2), 6), RuntimeError, "shape '[2, 2]' is invalid for input of size 6"),
    (infer_size, ((4, -1), 6), RuntimeError, "shape '[4, -1]' is invalid for input of size 6"),
    (infer_size, ((), 6), RuntimeError, "shape '[]' is invalid for input of size 6"),
]


@pytest.mark.parametrize(("call", "args", "kind", "message"), REFUSED)
def test_what_is_refused(
    call: Callable[..., Any], args: tuple[Any, ...], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind) as raised:
        call(*args)
    assert (type(raised.value), str(raised.value)) == (kind, message)
