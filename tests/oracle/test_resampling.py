"""What PyTorch's operator database leaves out: antialiased resampling, pooling at given places."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl

torch = pytest.importorskip("torch")

SIZES: list[dict[str, Any]] = [
    {"size": (4, 5)},
    {"size": (15, 6)},
    {"scale_factor": 0.4},
    {"scale_factor": (1.7, 0.6)},
    {"size": (3, 3), "align_corners": True},
    {"scale_factor": 0.7, "recompute_scale_factor": True},
]


@pytest.mark.parametrize("antialias", [True, False])
@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
@pytest.mark.parametrize("how", SIZES)
def test_interpolate(how: dict[str, Any], mode: str, antialias: bool) -> None:
    x = np.random.default_rng(0).standard_normal((2, 3, 9, 13))
    found = []
    for t in (torch, tl):
        a = t.tensor(x, requires_grad=True)
        out = t.nn.functional.interpolate(a, mode=mode, antialias=antialias, **how)
        (g,) = t.autograd.grad(out.square().sum(), a)
        found.append((out.detach().numpy(), g.numpy()))
    for ours, theirs in zip(found[1], found[0], strict=True):
        np.testing.assert_allclose(ours, theirs, 1e-12, 1e-12)


def test_bytes_are_rounded_to_within_one() -> None:
    x = np.random.default_rng(0).integers(0, 256, (1, 3, 40, 50)).astype(np.uint8)
    for antialias in (True, False):
        given = {"size": (17, 23), "mode": "bilinear", "antialias": antialias}
        ours = tl.nn.functional.interpolate(tl.tensor(x), **given).numpy().astype(int)
        theirs = torch.nn.functional.interpolate(torch.tensor(x), **given).numpy().astype(int)
        assert np.abs(ours - theirs).max() <= 1
        assert (ours != theirs).mean() < 0.02


FRACTIONS = [
    (2, (2, 3, 9, 11), (3, 2), (2, 5)),
    (2, (3, 9, 8), 2, (4, 1)),
    (3, (2, 2, 7, 8, 9), (2, 3, 2), (3, 2, 4)),
]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("dims", "shape", "kernel", "size"), FRACTIONS)
def test_fractional_pooling_at_given_places(
    dims: int, shape: tuple[int, ...], kernel: Any, size: Any, dtype: str
) -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal(shape).astype(dtype)
    u = rng.random((1 if len(shape) == dims + 1 else shape[0], shape[-dims - 1], dims))
    found = []
    for t in (torch, tl):
        a = t.tensor(x, requires_grad=True)
        pool = getattr(t.nn.functional, f"fractional_max_pool{dims}d")
        out, index = pool(
            a, kernel, size, return_indices=True, _random_samples=t.tensor(u.astype(dtype))
        )
        (g,) = t.autograd.grad(out.sum(), a)
        found.append((index.numpy(), out.detach().numpy(), g.numpy()))
    for ours, theirs in zip(found[1], found[0], strict=True):
        np.testing.assert_array_equal(ours, theirs)
