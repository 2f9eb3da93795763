"""What a function says when an argument is not the Tensor it needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import tinygrad_lite as tl

F = tl.nn.functional
x, m = tl.ones(2), tl.ones(2, 2)

CALLS: dict[str, Callable[[], Any]] = {
    r"dot\(\): argument 'tensor' \(position 2\) must be Tensor, not int": lambda: tl.dot(x, 3),
    r"mv\(\): argument 'vec' \(position 2\) must be Tensor, not float": lambda: m.mv(0.5),
    r"addmm\(\): argument 'mat1' \(position 2\) must be Tensor, not int": lambda: m.addmm(3, m),
    r"add\(\): argument 'other' \(position 2\) must be Tensor, not list": lambda: tl.add(x, [1, 2]),
    r"eq\(\): argument 'other' \(position 2\) must be Tensor, not NoneType": lambda: tl.eq(x, None),
    r"fill_\(\): argument 'value' \(position 1\) must be Number, not NoneType": lambda: x.fill_(
        None
    ),
    r"linear\(\): argument 'weight' \(position 2\) must be Tensor, not int": lambda: F.linear(x, 3),
    r"cross_entropy_loss\(\): argument 'target' \(position 2\) must be Tensor": lambda: (
        F.cross_entropy(m, 3)
    ),
    r"nll_loss\(\): argument 'target' \(position 2\) must be Tensor, not int": lambda: F.nll_loss(
        m, 3
    ),
    r"take\(\): argument 'index' \(position 2\) must be Tensor, not list": lambda: x.take([0]),
    r"view_as\(\): argument 'other' \(position 2\) must be Tensor, not tuple": lambda: x.view_as(
        (2,)
    ),
    r"scatter_add\(\): argument 'src' \(position 3\) must be Tensor, not int": lambda: (
        x.scatter_add(0, tl.tensor([0]), 3)
    ),
    r"expected Tensor as element 1 in argument 0, but got int": lambda: tl.block_diag(x, 3),
}


@pytest.mark.parametrize("message", CALLS)
def test_the_argument_that_should_be_a_tensor_is_named(message: str) -> None:
    with pytest.raises(TypeError, match=message):
        CALLS[message]()


def test_other_attribute_errors_are_left_alone() -> None:
    class Odd(tl.Tensor):
        pass

    with pytest.raises(AttributeError, match="nothing"):
        x.as_subclass(Odd).nothing


def test_numbers_are_filled_in_at_the_precision_of_the_tensor() -> None:
    wide = tl.zeros(1, dtype=tl.float64)
    assert wide.masked_fill(wide == 0, 1.2).item() == 1.2
    assert wide.masked_fill_(wide == 0, 1.2).item() == 1.2


REFUSED: dict[str, Callable[[], Any]] = {
    "driver=. is only supported on CUDA": lambda: tl.linalg.svd(m, driver="gesvd"),
    "b should have at least 2 dimensions, but has 1": lambda: tl.cholesky_solve(x, m),
    "cholesky_inverse: A must be batches of square matrices": lambda: tl.cholesky_inverse(m[:1]),
    "dtype of the input .Float. should be convertible without narrowing": lambda: tl.linalg.norm(
        x, dtype=tl.float16
    ),
    "it must be of length 1 or 2": lambda: tl.linalg.norm(tl.ones(2, 2, 2), dim=(0, 1, 2)),
    "multi_dot.*: tensor 1 must be 2D but got 1D": lambda: tl.linalg.multi_dot([m, x, m]),
    "Expected x and y to have the same dtype": lambda: tl.linalg.vecdot(x, x.double()),
    "pivots should be a Tensor of scalar type torch.int32": lambda: tl.linalg.lu_solve(m, x, m),
    "isposinf does not support complex inputs": lambda: tl.isposinf(tl.tensor([1j])),
    "Expected both inputs to be Half, Float or Double": lambda: tl.polar(x.long(), x.long()),
    '"nextafter_cpu" not implemented for .Long.': lambda: tl.nextafter(x.long(), x.long()),
    "more than one, so unique cannot be applied": lambda: tl.unique(tl.ones(2, 0, 0), dim=1),
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_does_not_fit_is_refused_with_the_reason(message: str) -> None:
    with pytest.raises(RuntimeError, match=message):
        REFUSED[message]()


def test_weights_of_integer_products_are_whole_numbers() -> None:
    a = tl.ones(2, 2, dtype=tl.int64)
    assert tl.addmm(a, a, a, beta=0.5, alpha=2).tolist() == [[4, 4], [4, 4]]


def test_thresholds_may_be_tensors_and_matrices_empty() -> None:
    wide = tl.eye(2, dtype=tl.float64).expand(2, 2, 2)
    assert tl.linalg.pinv(wide, atol=tl.tensor([0.5, 2.0])).sum((1, 2)).tolist() == [2.0, 0.0]
    assert tl.linalg.norm(tl.zeros(0, 0), 2).item() == 0.0


def test_initial_values_and_dropped_channels_need_sound_arguments() -> None:
    init = tl.nn.init
    with pytest.raises(RuntimeError, match="normal expects std >= 0.0, but found std -1"):
        init.normal_(tl.zeros(2), std=-1.0)
    with pytest.raises(RuntimeError, match="uniform_ expects to return a .from, to. range"):
        init.uniform_(tl.zeros(2), 1.0, 0.0)
    with (
        pytest.warns(UserWarning, match="dropout2d"),
        pytest.raises(RuntimeError, match="requires at least 2 dimensions"),
    ):
        tl.nn.functional.dropout2d(tl.ones(2))
