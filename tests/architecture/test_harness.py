"""The benchmark harness: it refuses to time contenders that do different work."""

from __future__ import annotations

import itertools
import time

import numpy as np
import pytest

from tests.benchmarks import harness


def test_disagreement_is_found_at_any_step() -> None:
    def slowly_wrong() -> harness.Step:
        values = itertools.chain([1.0, 2.0], itertools.repeat(3.001))
        return lambda: next(values)

    right = itertools.chain([1.0, 2.0], itertools.repeat(3.0))
    with pytest.raises(harness.Disagreement, match="step 2: results differ"):
        harness.compare("x", slowly_wrong(), lambda: next(right))


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (float("nan"), 1.0),
        (1.0, None),
        (np.ones(3), np.ones(2)),
        ((np.ones(2), 1.0), (np.ones(2), 2.0)),
    ],
)
def test_what_is_no_agreement(ours: object, theirs: object) -> None:
    with pytest.raises(harness.Disagreement):
        harness.compare("x", lambda: ours, lambda: theirs)


def test_what_is_agreement() -> None:
    harness.compare("x", lambda: None, lambda: None)
    harness.compare("x", lambda: (np.ones((2, 2)), 3), lambda: [np.ones((2, 2)), 3.00001])


def test_the_ratio_is_ours_over_theirs() -> None:
    slow, fast = (lambda: time.sleep(0.004)), (lambda: time.sleep(0.001))
    result = harness.measure("x", slow, fast, rounds=3, window=0.008, target=0.5)
    assert result.ratio > 1.5
    assert result.least <= result.ratio <= result.greatest
    assert result.met is False
    assert "MISSED" in harness.row(result)
