"""How exact the functions are that users call: in units in the last place of float32."""

from __future__ import annotations

import math

import numpy as np
import pytest

import tinygrad_lite as tl

FUNCTIONS = {
    "exp": np.exp,
    "log": np.log,
    "expm1": np.expm1,
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "erf": np.vectorize(math.erf, otypes=[np.float64]),
}


@pytest.mark.parametrize("size", [100, 1000, 50_000])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_two_units_in_the_last_place(name: str, size: int) -> None:
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2**32, 2 * size, dtype=np.uint64).astype(np.uint32)
    everywhere = bits.view(np.float32)
    ordinary = rng.normal(size=size).astype(np.float32) * 4
    x = np.concatenate([everywhere[np.isfinite(everywhere)][: size // 2], ordinary[: size // 2]])
    got = getattr(tl, name)(tl.from_numpy(x)).numpy()
    with np.errstate(all="ignore"):
        want = FUNCTIONS[name](x.astype(np.float64))
        rounded = want.astype(np.float32)
        unit = np.spacing(np.abs(rounded)).astype(np.float64)
        off = np.abs(got - want) / unit
    inside = np.isfinite(rounded) & (np.abs(want) > np.finfo(np.float32).tiny)
    assert off[inside].max() <= 2
    assert (np.isnan(got) == np.isnan(want)).all()
    assert (got[np.isinf(rounded)] == rounded[np.isinf(rounded)]).all()
