"""docs/reference says what the package is now."""

from __future__ import annotations

import pytest

from tests.architecture.reference import exceptions, function_rows, stale


def test_the_reference_is_fresh() -> None:
    pages = stale()
    assert not pages, f"{pages} are stale: run python -m tests.architecture.reference"


@pytest.mark.parametrize("path", ["", "linalg", "special", "fft", "nn.functional"])
def test_every_function_has_a_formula(path: str) -> None:
    assert [row.name for row in function_rows(path) if not row.formula] == []


def test_what_the_table_says_of_derivatives() -> None:
    rows = {
        row.name: row.derivatives for row in [*function_rows(""), *function_rows("nn.functional")]
    }
    assert rows["mul"] == rows["exp"] == rows["bmm"] == "1, 2"
    assert rows["argmax"] == rows["allclose"] == rows["zeros"] == rows["eq"] == "none"
    assert rows["nn.functional.conv2d"].startswith("by parts: conv")
    assert rows["tanh_"] == "as `tanh`"


def test_exceptions_have_reasons() -> None:
    names = [name for name, _, _ in exceptions()]
    assert len(set(names)) == len(names)
    assert all(why for _, _, why in exceptions())
    assert {"sparse_coo_tensor", "onnx.export", "cuda.set_device", "bfloat16"} <= set(names)
