"""How the tables of this folder are run.

`F.` is nn.functional; what is computed in single precision is held to 2e-5.
"""

from __future__ import annotations

import warnings

import pytest

from tests.oracle import comparing

torch = pytest.importorskip("torch")


def hold(line: str) -> None:
    """Values, dtypes, first and second derivatives of a line are PyTorch's."""
    single = ".float()" in line or "float32" in line
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        comparing.compare(
            torch,
            line.replace("F.", "t.nn.functional."),
            *((2e-5, 2e-6) if single else (1e-9, 1e-11)),
        )
