"""The picture of the four normalizations: which elements of (N, C, H, W) share statistics."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite import nn

N, C, H, W = 3, 6, 2, 2

# Samples down, channels across; each cell stands for all of H and W. # marks what the mean and the
# variance of the element at sample 1, channel 2 are taken over.
PICTURES = {
    "BatchNorm2d(6)": """
        ..#...
        ..#...
        ..#...
    """,
    "LayerNorm([6, 2, 2])": """
        ......
        ######
        ......
    """,
    "InstanceNorm2d(6)": """
        ......
        ..#...
        ......
    """,
    "GroupNorm(3, 6)": """
        ......
        ..##..
        ......
    """,
}
PICTURES["GroupNorm(1, 6)"] = PICTURES["LayerNorm([6, 2, 2])"]
PICTURES["GroupNorm(6, 6)"] = PICTURES["InstanceNorm2d(6)"]


def layer_of(make: str) -> Any:
    return eval(f"nn.{make}", {"nn": nn}).double()  # the text is this file's own


def picture_of(shares: np.ndarray) -> str:
    """Shares (N, C, H, W) drawn as above; a cell is all or nothing."""
    cells = shares.reshape(N, C, -1)
    assert (cells.all(2) == cells.any(2)).all(), "part of a channel shares, part does not"
    return "\n".join("".join(".#"[int(cell)] for cell in row) for row in cells.all(2))


def drawn(make: str) -> str:
    return "\n".join(line.strip() for line in PICTURES[make].strip().splitlines())


@pytest.mark.parametrize("make", PICTURES)
def test_picture_by_influence(make: str) -> None:
    """An element depends on exactly those it shares statistics with."""
    x = tl.randn(N, C, H, W, dtype=tl.float64, requires_grad=True)
    (g,) = tl.autograd.grad(layer_of(make)(x)[1, 2, 0, 1], x)
    assert picture_of(g.numpy() != 0) == drawn(make)


@pytest.mark.parametrize("make", PICTURES)
def test_picture_by_statistics(make: str) -> None:
    """Over the marked elements the output has mean 0 and variance 1 - eps / (var + eps)."""
    x = tl.randn(N, C, H, W, dtype=tl.float64) * 3 + 5
    y = layer_of(make)(x).detach().numpy()
    marks = np.array([[c == "#" for c in row] for row in drawn(make).splitlines()])
    assert y[marks].mean() == pytest.approx(0, abs=1e-12)
    variance = x.numpy()[marks].var()
    assert y[marks].var() == pytest.approx(variance / (variance + 1e-5), rel=1e-12)


@pytest.mark.parametrize("make", PICTURES)
def test_evaluation_uses_shared_statistics_only_for_batches(make: str) -> None:
    """In evaluation only batch normalization lets go of the sample's own statistics."""
    layer = layer_of(make)
    layer(tl.randn(N, C, H, W, dtype=tl.float64))
    x = tl.randn(N, C, H, W, dtype=tl.float64, requires_grad=True)
    (g,) = tl.autograd.grad(layer.eval()(x)[1, 2, 0, 1], x)
    if make.startswith("Batch"):
        assert g.numpy().astype(bool).sum() == 1  # a fixed scale and shift
    else:
        assert picture_of(g.numpy() != 0) == drawn(make)


@pytest.mark.parametrize(
    "layer", [nn.LayerNorm([3, 3]), nn.GroupNorm(2, 4), nn.BatchNorm2d(4), nn.InstanceNorm2d(4)]
)
def test_sums_of_float16_are_taken_in_float32(layer: Any) -> None:
    """As float32 computes it and then rounded, in parameters of either precision."""
    x = (tl.arange(72.0).reshape(2, 4, 3, 3) * 5 % 7).half().requires_grad_()
    wide = x.detach().float().requires_grad_()
    g = (tl.arange(72.0).reshape(2, 4, 3, 3) * 3 % 5).half()
    expected = layer(wide)
    expected.backward(g.float())
    for module in (layer, layer.half()):
        x.grad = None
        out = module(x)
        out.backward(g)
        assert out.dtype == x.grad.dtype == tl.float16
        assert tl.equal(out, expected.half()) and tl.equal(x.grad, wide.grad.half())
