"""core/tensor.pyi says what Tensor is now."""

from __future__ import annotations

import importlib.util

import pytest

from tests.architecture.stubs import TARGET, generate


def test_the_stub_is_fresh() -> None:
    if importlib.util.find_spec("ruff") is None:
        pytest.skip("ruff formats the stub and is not installed")
    assert TARGET.exists(), "run python -m tests.architecture.stubs"
    assert TARGET.read_text() == generate(), "stale: run python -m tests.architecture.stubs"
