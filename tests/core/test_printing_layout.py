"""Formats, widths, line breaks and summaries: texts that PyTorch printed."""

from __future__ import annotations

from typing import Any

import pytest

import tinygrad_lite as tl
from tinygrad_lite.core.printing import format_tensor, get_printoptions, printoptions

PRINTED = """\
>>> show([1 + 2j, -3 - 4.5j], tl.complex64)
tensor([ 1.+2.0000j, -3.-4.5000j])
>>> show([1 + 2j, -3 - 0j], tl.complex64)
tensor([ 1.+2.j, -3.+0.j])
>>> show([complex('nan-infj'), 1 + 1j], tl.complex64)
tensor([nan-infj, 1.+1.j])
>>> show([[1.5 + 2j, 3j, 1e3 + 1j]] * 2, tl.complex64, linewidth=40)
tensor([[   1.5000+2.j,    0.0000+3.j,
         1000.0000+1.j],
        [   1.5000+2.j,    0.0000+3.j,
         1000.0000+1.j]])
>>> show([i + 0.5 + i * 1j for i in range(7)], tl.complex64, linewidth=46)
tensor([0.5000+0.j, 1.5000+1.j, 2.5000+2.j,
        3.5000+3.j, 4.5000+4.j, 5.5000+5.j,
        6.5000+6.j])
>>> show([1.0, 1000.0])
tensor([   1., 1000.])
>>> show([0.5, 500.0])
tensor([  0.5000, 500.0000])
>>> show([0.5, 500.25])
tensor([5.0000e-01, 5.0025e+02])
>>> show([2.0, 2000.5], tl.float64)
tensor([2.0000e+00, 2.0005e+03], dtype=torch.float64)
>>> show([2.0, 600.5], tl.float64)
tensor([  2.0000, 600.5000], dtype=torch.float64)
>>> show([0.5, 0.25], tl.float64)
tensor([0.5000, 0.2500], dtype=torch.float64)
>>> show([1e8], tl.float64)
tensor([100000000.], dtype=torch.float64)
>>> show([1e8 + 1], tl.float64)
tensor([1.0000e+08], dtype=torch.float64)
>>> show([1.5e8, 1e8 + 0.5], tl.float64)
tensor([1.5000e+08, 1.0000e+08], dtype=torch.float64)
>>> show([1e-4], tl.float64)
tensor([0.0001], dtype=torch.float64)
>>> show([9.9e-5], tl.float64)
tensor([9.9000e-05], dtype=torch.float64)
>>> show([0.0, 0.0])
tensor([0., 0.])
>>> show([float('inf'), float('nan'), 1.0])
tensor([inf, nan, 1.])
>>> show([float('-inf')])
tensor([-inf])
>>> show([float('inf'), 0.0])
tensor([inf, 0.])
>>> show([60000.0, 30.5], tl.float16)
tensor([6.0000e+04, 3.0500e+01], dtype=torch.float16)
>>> show([6e-5], tl.float16)
tensor([6.0022e-05], dtype=torch.float16)
>>> show([1.0, -20.0], sci_mode=True)
tensor([ 1.0000e+00, -2.0000e+01])
>>> show([1e-6, 1.0], sci_mode=False)
tensor([0.0000, 1.0000])
>>> show([1.23456], precision=2)
tensor([1.23])
>>> show([1.5, 2.25], precision=6)
tensor([1.500000, 2.250000])
>>> show(list(range(30)), tl.int64)
tensor([ 0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12, 13, 14, 15, 16, 17,
        18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29])
>>> show(list(range(30)), tl.int64, linewidth=20)
tensor([ 0,  1,  2,
         3,  4,  5,
         6,  7,  8,
         9, 10, 11,
        12, 13, 14,
        15, 16, 17,
        18, 19, 20,
        21, 22, 23,
        24, 25, 26,
        27, 28, 29])
>>> show(list(range(5)), tl.int64, linewidth=3)
tensor([0,
        1,
        2,
        3,
        4])
>>> show([i + 0.5 for i in range(12)], linewidth=49)
tensor([ 0.5000,  1.5000,  2.5000,  3.5000,
         4.5000,  5.5000,  6.5000,  7.5000,
         8.5000,  9.5000, 10.5000, 11.5000])
>>> show([i + 0.5 for i in range(12)], linewidth=48)
tensor([ 0.5000,  1.5000,  2.5000,  3.5000,
         4.5000,  5.5000,  6.5000,  7.5000,
         8.5000,  9.5000, 10.5000, 11.5000])
>>> show([[[1.5] * 9] * 2] * 2, linewidth=44)
tensor([[[1.5000, 1.5000, 1.5000, 1.5000,
          1.5000, 1.5000, 1.5000, 1.5000,
          1.5000],
         [1.5000, 1.5000, 1.5000, 1.5000,
          1.5000, 1.5000, 1.5000, 1.5000,
          1.5000]],

        [[1.5000, 1.5000, 1.5000, 1.5000,
          1.5000, 1.5000, 1.5000, 1.5000,
          1.5000],
         [1.5000, 1.5000, 1.5000, 1.5000,
          1.5000, 1.5000, 1.5000, 1.5000,
          1.5000]]])
>>> show([[[1.5] * 9] * 2] * 2, linewidth=43)
tensor([[[1.5000, 1.5000, 1.5000, 1.5000,
          1.5000, 1.5000, 1.5000, 1.5000,
          1.5000],
         [1.5000, 1.5000, 1.5000, 1.5000,
          1.5000, 1.5000, 1.5000, 1.5000,
          1.5000]],

        [[1.5000, 1.5000, 1.5000, 1.5000,
          1.5000, 1.5000, 1.5000, 1.5000,
          1.5000],
         [1.5000, 1.5000, 1.5000, 1.5000,
          1.5000, 1.5000, 1.5000, 1.5000,
          1.5000]]])
>>> show(list(range(6)), tl.int64, threshold=6)
tensor([0, 1, 2, 3, 4, 5])
>>> show(list(range(6)), tl.int64, threshold=5)
tensor([0, 1, 2, 3, 4, 5])
>>> show(list(range(7)), tl.int64, threshold=5)
tensor([0, 1, 2,  ..., 4, 5, 6])
>>> show([[*range(5)]] * 5, tl.int64, threshold=5, edgeitems=2)
tensor([[0, 1,  ..., 3, 4],
        [0, 1,  ..., 3, 4],
        ...,
        [0, 1,  ..., 3, 4],
        [0, 1,  ..., 3, 4]])
>>> show([[*range(4)]] * 4, tl.int64, threshold=5, edgeitems=2)
tensor([[0, 1, 2, 3],
        [0, 1, 2, 3],
        [0, 1, 2, 3],
        [0, 1, 2, 3]])
>>> show([[*range(5)]] * 2, tl.int64, threshold=5, edgeitems=2)
tensor([[0, 1,  ..., 3, 4],
        [0, 1,  ..., 3, 4]])
>>> show([[*range(3)]] * 5, tl.int64, threshold=5, edgeitems=2)
tensor([[0, 1, 2],
        [0, 1, 2],
        ...,
        [0, 1, 2],
        [0, 1, 2]])
>>> show([[[*range(3)]] * 3] * 3, tl.int64, threshold=5, edgeitems=1)
tensor([[[0,  ..., 2],
         ...,
         [0,  ..., 2]],

        ...,

        [[0,  ..., 2],
         ...,
         [0,  ..., 2]]])
>>> show([*range(2), 10**6, *range(3)], tl.int64, threshold=5, edgeitems=1)
tensor([0,  ..., 2])
>>> show([[1, 2, 1], [10**6] * 3, [3, 10**6, 4]], tl.int64, threshold=5, edgeitems=1)
tensor([[1,  ..., 1],
        ...,
        [3,  ..., 4]])
>>> show([1, 10**6, 2], tl.int64, threshold=3, edgeitems=1)
tensor([      1, 1000000,       2])
>>> show(list(range(4)), tl.int64, threshold=0, edgeitems=0)
tensor([...], size=(4,))
>>> show([[1, 2], [3, 4]], tl.int64, threshold=0, edgeitems=0)
tensor([...], size=(2, 2))
>>> show([True, False], tl.bool)
tensor([ True, False])
>>> show(5, tl.int64)
tensor(5)
>>> show(2.5, tl.float64)
tensor(2.5000, dtype=torch.float64)
>>> show([-5, 3], tl.int8)
tensor([-5,  3], dtype=torch.int8)
>>> show([1.5], tl.float64, linewidth=37, requires_grad=True)
tensor([1.5000],
       dtype=torch.float64,
       requires_grad=True)
>>> show([1.5], tl.float64, linewidth=38, requires_grad=True)
tensor([1.5000], dtype=torch.float64,
       requires_grad=True)
>>> show([1.5], tl.float64, linewidth=57, requires_grad=True)
tensor([1.5000], dtype=torch.float64,
       requires_grad=True)
>>> show([1.5], tl.float64, linewidth=58, requires_grad=True)
tensor([1.5000], dtype=torch.float64, requires_grad=True)
>>> show([[1.5, 2.5], [3.5, 4.5]], tl.float64, linewidth=23, requires_grad=True)
tensor([[1.5000,
         2.5000],
        [3.5000,
         4.5000]],
       dtype=torch.float64,
       requires_grad=True)
>>> show([[1.5, 2.5], [3.5, 4.5]], tl.float64, linewidth=24, requires_grad=True)
tensor([[1.5000, 2.5000],
        [3.5000, 4.5000]],
       dtype=torch.float64,
       requires_grad=True)
>>> show([[1.5, 2.5], [3.5, 4.5]], tl.float64, linewidth=45, requires_grad=True)
tensor([[1.5000, 2.5000],
        [3.5000, 4.5000]],
       dtype=torch.float64,
       requires_grad=True)
>>> show([[1.5, 2.5], [3.5, 4.5]], tl.float64, linewidth=46, requires_grad=True)
tensor([[1.5000, 2.5000],
        [3.5000, 4.5000]],
       dtype=torch.float64, requires_grad=True)
>>> show([[1.5, 2.5], [3.5, 4.5]], tl.float64, linewidth=47, requires_grad=True)
tensor([[1.5000, 2.5000],
        [3.5000, 4.5000]],
       dtype=torch.float64, requires_grad=True)
>>> show([[1.5, 2.5], [3.5, 4.5]], tl.float64, linewidth=48, requires_grad=True)
tensor([[1.5000, 2.5000],
        [3.5000, 4.5000]], dtype=torch.float64,
       requires_grad=True)
>>> show([[1.5, 2.5], [3.5, 4.5]], tl.float64, linewidth=67, requires_grad=True)
tensor([[1.5000, 2.5000],
        [3.5000, 4.5000]], dtype=torch.float64,
       requires_grad=True)
>>> show([[1.5, 2.5], [3.5, 4.5]], tl.float64, linewidth=68, requires_grad=True)
tensor([[1.5000, 2.5000],
        [3.5000, 4.5000]], dtype=torch.float64, requires_grad=True)
>>> show([[1.5, 2.5]] * 3, tl.float64, linewidth=44)
tensor([[1.5000, 2.5000],
        [1.5000, 2.5000],
        [1.5000, 2.5000]],
       dtype=torch.float64)
>>> show([[1.5, 2.5]] * 3, tl.float64, linewidth=50)
tensor([[1.5000, 2.5000],
        [1.5000, 2.5000],
        [1.5000, 2.5000]], dtype=torch.float64)
>>> show([0.0] * 30, linewidth=40)
tensor([0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0.,
        0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0.,
        0., 0., 0., 0., 0., 0., 0., 0.])
>>> show([i + 0.5 + i * 1j for i in range(7)], tl.complex64, linewidth=40)
tensor([0.5000+0.j, 1.5000+1.j, 2.5000+2.j,
        3.5000+3.j, 4.5000+4.j, 5.5000+5.j,
        6.5000+6.j])
>>> show([0, 10] * 9, tl.int64, linewidth=31)
tensor([ 0, 10,  0, 10,  0, 10,
         0, 10,  0, 10,  0, 10,
         0, 10,  0, 10,  0, 10])
"""
CASES = [case.split("\n", 1) for case in PRINTED[len(">>> ") :].split("\n>>> ")]


def show(values: Any, dtype: Any = tl.float32, requires_grad: bool = False, **options: Any) -> str:
    with printoptions(**options):
        return repr(tl.tensor(values, dtype=dtype, requires_grad=requires_grad))


@pytest.mark.parametrize(("call", "text"), CASES)
def test_texts(call: str, text: str) -> None:
    assert eval(call) == text.rstrip("\n")


def test_options_one_by_one() -> None:
    given = {"precision": 7, "threshold": 8, "edgeitems": 9, "linewidth": 10, "sci_mode": True}
    before = get_printoptions()
    assert before == {
        "precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80, "sci_mode": None,
    }  # fmt: skip
    for name, value in given.items():
        with printoptions(**{name: value}):
            assert get_printoptions() == before | {name: value}
        assert get_printoptions() == before
    with printoptions(profile="short", linewidth=20):
        assert get_printoptions() == before | {"precision": 2, "edgeitems": 2, "linewidth": 20}
    with printoptions(profile="no such profile"):
        assert get_printoptions() == before
    with printoptions(sci_mode=True), printoptions(precision=2):
        assert get_printoptions()["sci_mode"] is None  # as every call without it


def test_tensors_without_elements() -> None:
    def empty(shape: tuple[int, ...], dtype: Any) -> str:
        return repr(tl.zeros(shape, dtype=dtype))

    assert empty((0,), tl.float32) == "tensor([])"
    assert empty((0,), tl.complex64) == "tensor([], dtype=torch.complex64)"
    assert empty((0,), tl.bool) == "tensor([], dtype=torch.bool)"
    assert empty((0,), tl.float64) == "tensor([], dtype=torch.float64)"
    assert empty((2, 0), tl.int64) == "tensor([], size=(2, 0), dtype=torch.int64)"


def test_the_text_of_an_array() -> None:
    array = tl.ones(2, 0).array
    given: dict[str, Any] = {"dtype_suffix": None, "requires_grad": True, "grad_fn": None}
    assert format_tensor(array, **given) == "tensor([], size=(2, 0), requires_grad=True)"
    assert format_tensor(tl.ones(0, dtype=tl.int64).array, **given) == (
        "tensor([], dtype=torch.int64, requires_grad=True)"
    )
