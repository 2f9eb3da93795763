"""Rules compiled as they stand give what they give operator by operator."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite.core.primitive import REGISTRY
from tinygrad_lite.kernels import formulas
from tinygrad_lite.kernels._jit import enabled

FORMULAS = {
    f"{name}-{i}": rule.on_arrays
    for name, op in REGISTRY.items()
    for i, rule in enumerate(op.rules)
    if hasattr(getattr(rule, "on_arrays", None), "formula")
}
NUMBERS = ("alpha", "value", "weight")

pytestmark = pytest.mark.skipif(not enabled(), reason="numba is off")


@pytest.fixture(autouse=True)
def everything_is_large(monkeypatch):
    monkeypatch.setattr(formulas, "PARALLEL", 1)
    monkeypatch.setattr(formulas, "ready", lambda size: enabled())


def arguments(rule, dtype):
    names = rule.formula.__code__.co_varnames[: rule.formula.__code__.co_argcount]
    random = np.random.default_rng(0)
    return [
        0.3 if name in NUMBERS else random.uniform(0.1, 0.9, (12, 20)).astype(dtype)
        for name in names
    ]


@pytest.mark.parametrize("name", FORMULAS)
def test_a_formula_is_itself(name):
    rule = FORMULAS[name]
    args = arguments(rule, "f4")
    count = sum(isinstance(a, np.ndarray) for a in args)
    assert rule.loop(count, len(args) - count) is not None, "no loop for so many arguments"
    exact = rule.formula(*[a.astype("f8") if isinstance(a, np.ndarray) else a for a in args])
    with np.errstate(all="ignore"):
        for columns in (slice(None), slice(None, None, 2)):  # with gaps NumPy does it
            some = [a[:, columns] if isinstance(a, np.ndarray) else a for a in args]
            got = rule(*some)
            assert got.dtype == np.float32
            # entr and erfcx subtract numbers of size 1 that are nearly equal
            np.testing.assert_allclose(got, exact[:, columns], rtol=2e-6, atol=1e-7)


def test_special_numbers_layouts_and_other_dtypes():
    rule = FORMULAS["sqrt-0"]
    g, out = (np.random.default_rng(k).normal(size=(12, 20)) for k in range(2))
    out[0, :4] = [0, -0.0, np.inf, np.nan]
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(rule(g, out), g / (2 * out))
        np.testing.assert_array_equal(rule(g.T, out.T), (g / (2 * out)).T)
        assert rule(g.T, out.T).strides == g.T.strides
        for a, b in ((g, out[0]), (g.T, out.reshape(20, 12)), (g + 1j, out + 1j)):
            np.testing.assert_array_equal(rule(a, b), a / (2 * b))
        half = out.astype("f2")
        assert rule(half, half).dtype == np.float16


def test_they_are_reached():
    x = tl.rand(1 << 18, requires_grad=True)
    tl.sqrt(x).backward(tl.rand(1 << 18))
    ran = {run.kernel.removesuffix("_serial") for run in tl.kernels() if run.how != "numpy"}
    name = FORMULAS["sqrt-0"].loop(2, 0).name
    assert name in ran
