"""The laws of DESIGN.md, held over every declared op: a new op is tested without an edit here.

TINYGRAD_LITE_LAWS=ci|dev|thorough says how many calls are drawn of each sample.
"""

from __future__ import annotations

import os

import numpy as np
import pytest

import tinygrad_lite  # noqa: F401  (declares the ops)
from tinygrad_lite.core.fused import Fused
from tinygrad_lite.testing import drawing, laws
from tinygrad_lite.testing.report import Skip

DRAWS = {"ci": 4, "dev": 12, "thorough": 200}[os.environ.get("TINYGRAD_LITE_LAWS", "ci")]
ENTRIES = drawing.registered()
EVERY_LAW = {**laws.LAWS, **laws.OP_LAWS}


@pytest.mark.parametrize("name", ENTRIES)
def test_laws(name: str) -> None:
    entry = ENTRIES[name]
    samples = drawing.samples_of(entry)
    assert samples, f"{name} declares no samples: nothing about it is tested"
    rng = drawing.seeded(name)
    drawn = said = 0
    for case in drawing.cases(entry, DRAWS):
        order = 3 if isinstance(entry, Fused) and drawn == 0 and case.smooth else 2
        drawn += 1
        said += laws.check_case(case, rng, EVERY_LAW, order=order)
    assert said >= drawn / 3, f"{name}: {drawn - said} of {drawn} calls lie at a kink; mend samples"


@pytest.mark.parametrize("name", ENTRIES)
def test_broadcasting_and_empty_inputs(name: str) -> None:
    entry = ENTRIES[name]
    rng = drawing.seeded(name)
    for case in drawing.broadcast_cases(entry):
        try:
            laws.LAWS["rule_is_derivative"](case, rng)
        except Skip:
            continue
        laws.LAWS["gradient_fits"](case, rng)
    for case in drawing.empty_cases(entry):
        laws.empty_is_accepted(case, rng)


@pytest.mark.parametrize("name", [n for n, e in ENTRIES.items() if isinstance(e, Fused)])
def test_kernels_of_large_arrays(name: str) -> None:
    """Above the threshold of a kernel's parallel path it is still the reference."""
    for case in drawing.sized_cases(ENTRIES[name], 1 << 14):
        laws.OP_LAWS["fused_is_reference"](case, np.random.default_rng(0))
