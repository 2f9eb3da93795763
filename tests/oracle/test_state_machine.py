"""Random programs run here and by PyTorch at once: values, gradients, and the same refusals."""

from __future__ import annotations

import os

import pytest

import tinygrad_lite as tl
from tinygrad_lite.testing import programs

torch = pytest.importorskip("torch")

STEPS = int(os.environ.get("TINYGRAD_LITE_STEPS", "4000"))


@pytest.mark.parametrize("seed", range(3))
def test_random_programs(seed: int) -> None:
    _, disagreements = programs.run(STEPS // 3, seed, tl, torch)
    assert not disagreements, min(disagreements, key=len)
