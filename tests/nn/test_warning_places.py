"""A warning points at the line that called the function, not into the package."""

from __future__ import annotations

import warnings

import pytest

import tinygrad_lite as torch

CALLS = """
F.mse_loss(x, x, reduce=True)
F.l1_loss(x, x, size_average=False)
F.mse_loss(x, x[0])
F.huber_loss(x, x[0])
F.kl_div(x, x)
F.softmax(x)
F.softmin(x)
F.log_softmax(x)
F.dropout2d(x)
F.dropout3d(x)
F.upsample(x[None], 2)
F.upsample_nearest(x[None], 2)
F.upsample_bilinear(x[None, None], 2)
torch.cross(y, y)
y.cross(y)
torch.meshgrid(y[0], y[0])
torch.searchsorted(y.t(), y)
"""


@pytest.mark.parametrize("call", CALLS.split("\n")[1:-1])
def test_a_warning_names_the_callers_line(call: str) -> None:
    names = {"F": torch.nn.functional, "x": torch.ones(2, 3), "y": torch.ones(3, 3), "torch": torch}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        eval(compile(call, "the caller", "eval"), names)
    assert [w.filename for w in caught] == ["the caller"]
    assert caught[0].category is UserWarning
