"""The compiled pass equals the NumPy reference, bit for bit."""

from __future__ import annotations

from itertools import chain
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from tinygrad_lite.kernels import updates, updates_adaptive, updates_moments
from tinygrad_lite.kernels._jit import enabled
from tinygrad_lite.kernels.updates import Rule

pytestmark = pytest.mark.skipif(not enabled(), reason="numba is switched off or missing")

RULES = {**updates.RULES, **updates_adaptive.RULES, **updates_moments.RULES}

flag = st.sampled_from([0.0, 1.0])
rate = st.floats(1e-4, 1.0)
decay = st.one_of(st.just(0.0), st.floats(1e-4, 0.5))
beta = st.floats(0.0, 0.999)
eps = st.sampled_from([1e-10, 1e-8, 1e-3, 0.1])
MOMENTS = (flag, st.floats(0.5, 1.0), decay, beta, beta, beta, st.floats(-1.0, -1e-4), rate, eps)
RMSPROP = (flag, decay, rate, beta, beta, eps, flag, beta)
CONSTANTS = {
    "sgd": (flag, decay, rate),
    "sgd_momentum": (flag, decay, rate, beta, beta, flag, flag),
    "asgd": (flag, decay, st.floats(0.5, 1.0), rate, rate, flag),
    "rprop": (flag, rate, st.floats(1.0, 2.0), st.just(1e-6), st.just(50.0), st.just(0.0)),
    "lion": (flag, st.floats(0.5, 1.0), rate, beta, beta, beta, beta),
    "adagrad": (flag, decay, rate, eps, flag),
    "adadelta": (flag, decay, rate, beta, beta, eps),
    "rmsprop": RMSPROP,
    "rmsprop_momentum": RMSPROP,
    "rmsprop_centered": RMSPROP,
    "rmsprop_centered_momentum": RMSPROP,
    "ftrl": (flag, rate, rate, decay, decay, st.just(0.0)),
    "adam": (*MOMENTS, flag),
    "amsgrad": (*MOMENTS, flag),
    "adamax": (flag, decay, beta, beta, st.floats(-1.0, -1e-4), eps),
    "nadam": (*MOMENTS[:6], st.floats(-1.0, 0.0), st.floats(-1.0, 0.0), rate, eps),
    "radam": (*MOMENTS, flag),
}
SIGNED = {"exp_avg", "momentum_buffer", "ax", "prev", "z", "grad_avg"}  # the rest is >= 0


def test_every_rule_is_tested() -> None:
    assert set(CONSTANTS) == set(RULES)


def row_of(name: str, sizes: list[int], dtype: Any, rng: np.random.Generator) -> list[Any]:
    arrays = [rng.standard_normal(size).astype(dtype) for size in sizes]
    return arrays if name in SIGNED or name in "pg" else [np.abs(a) + dtype(0.01) for a in arrays]


def sweep(rule: Rule, rows: list[Any], constants: np.ndarray, ways: int | None) -> None:
    offsets = np.cumsum([0, *(a.size for a in rows[0])], dtype=np.int64)
    table = np.array([[id(a) for a in row] for row in rows], dtype=np.int64)
    if ways is None:
        rule.run(table, offsets, constants)
    else:
        rule.sweep.serial(table, offsets, constants, ways)


@pytest.mark.filterwarnings("ignore:.*encountered in:RuntimeWarning")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", sorted(RULES))
@given(data=st.data())
def test_pass_equals_reference(name: str, dtype: Any, data: st.DataObject) -> None:
    """Random sizes, constants by parameter, histories of three steps, any number of shares."""
    rule = RULES[name]
    sizes = data.draw(st.lists(st.integers(0, 70), min_size=1, max_size=5))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    rows = [row_of(key, sizes, dtype, rng) for key in ("p", "g", *rule.state)]
    expected = [[a.copy() for a in row] for row in rows]
    for _ in range(3):
        constants = [data.draw(st.tuples(*CONSTANTS[name])) for _ in sizes]
        sweep(rule, rows, np.array(constants, dtype), data.draw(st.integers(1, 4)))
        for i, c in enumerate(constants):
            new = rule(*(row[i] for row in expected), constants=c)
            for row, value in zip([expected[0], *expected[2:]], new, strict=True):
                assert value.dtype == dtype
                row[i][...] = value
        rows[1] = row_of("g", sizes, dtype, rng)
        expected[1] = rows[1]
    for got, wanted in zip(rows, expected, strict=True):
        for a, b in zip(got, wanted, strict=True):
            np.testing.assert_array_equal(a, b)


def test_parallel_equals_serial() -> None:
    rng = np.random.default_rng(0)
    rule = RULES["adam"]
    sizes = [1, updates.SERIAL_BELOW, 0, 777]
    rows = [row_of(key, sizes, np.float32, rng) for key in ("p", "g", *rule.state)]
    twin = [[a.copy() for a in row] for row in rows]
    constants = np.tile(
        np.array((0, 0.99, 0, 0.1, 0.99, 0.01, -0.1, 0.5, 1e-8, 0), np.float32), (len(sizes), 1)
    )
    sweep(rule, rows, constants, None)
    sweep(rule, twin, constants, 1)
    for a, b in zip(chain(*rows), chain(*twin), strict=True):
        np.testing.assert_array_equal(a, b)


def test_not_finite_passes_through() -> None:
    """NaN and infinities take the same way in both."""
    values = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-40, 3e38], np.float32)
    for name, rule in RULES.items():
        rows = [[np.resize(values, 49)], [np.repeat(values, 7)]]
        rows += [[np.resize(values[::-1], 49).copy()] for _ in rule.state]
        expected = [row[0].copy() for row in rows]
        c = tuple(0.5 for _ in CONSTANTS[name])
        sweep(rule, rows, np.array([c], np.float32), 1)
        with np.errstate(all="ignore"):
            new = rule(*expected, constants=c)
        for row, value in zip([rows[0], *rows[2:]], new, strict=True):
            np.testing.assert_array_equal(row[0], value)


def test_misfit_finds_what_a_pass_cannot_read() -> None:
    good = np.zeros((2, 3), np.float32)
    flags = updates.C_CONTIGUOUS | updates.ALIGNED
    descr = id(good.dtype)
    offsets = np.array([0, 6, 12])
    bad = [
        np.zeros((2, 3)),
        np.zeros((3, 2), np.float32).T,
        np.zeros(5, np.float32),
        np.zeros((2, 6), np.float32)[:, ::2],
        np.zeros((2, 3), ">f4"),
    ]
    assert updates.addressable()
    for array in bad:
        row = np.array([id(good), id(array)])
        assert updates.misfit(row, offsets, descr, flags) == 1
    same = good.reshape(3, 2)
    row = np.array([id(good), id(same)])
    assert updates.misfit(row, offsets, descr, flags) == -1
