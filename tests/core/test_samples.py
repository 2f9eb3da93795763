"""Samples: every kind of input is drawn as it is described, and all its cases occur."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tinygrad_lite.core.samples import (
    Axis,
    Boolean,
    Integer,
    OneOf,
    Real,
    Sample,
    axis,
    draw,
    draw_meta,
    draw_values,
    input_shape,
    letters,
    one_of,
    reals,
    sample,
)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def values(spec: Any, shape: tuple[int, ...] = (2000,), sizes: Any = None) -> np.ndarray:
    return draw_values(spec, shape, sizes or {}, rng())


# -- descriptions ---------------------------------------------------------------------------------


def test_descriptions() -> None:
    one = sample(Real("n"), Boolean(), dim=axis(1), keepdim=one_of(False, True), k=3)
    assert one.inputs == (Real("n"), Boolean())
    assert one.meta == {"dim": Axis(1), "keepdim": OneOf((False, True)), "k": 3}
    assert one.smooth is True
    assert sample(Real(), smooth=False).smooth is False
    assert axis() == Axis(0)
    assert one == Sample(one.inputs, one.meta, True)


def test_elementwise_samples() -> None:
    (single,) = reals(1)
    assert single.inputs == (Real("...", -2.0, 2.0, broadcast=False),)
    (double,) = reals(2, 0.5, 3.0, avoid=(1.0,))
    assert double.inputs == (Real("...", 0.5, 3.0, avoid=(1.0,), broadcast=True),) * 2
    assert (double.meta, double.smooth) == ({}, True)


def test_shapes_are_words() -> None:
    sizes = {"n": 3, "m": 4}
    assert input_shape("n m", sizes, (7, 8)) == (3, 4)
    assert input_shape("... n 1 12", sizes, (7, 8)) == (7, 8, 3, 1, 12)
    assert input_shape("...", sizes, ()) == ()
    assert input_shape("", sizes, (7,)) == ()


def test_letters_are_the_names_of_sizes_in_order() -> None:
    assert letters(sample(Real("... m n 3"), Integer("n k"), Boolean("m"))) == ["m", "n", "k"]
    assert letters(sample(Real("..."))) == []


# -- values ---------------------------------------------------------------------------------------


def test_booleans() -> None:
    drawn = values(Boolean())
    assert drawn.dtype == np.bool_
    assert set(drawn.tolist()) == {False, True}
    assert 0.45 < drawn.mean() < 0.55


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (Integer(low=-2, high=3), {-2, -1, 0, 1, 2}),
        (Integer(), {0, 1, 2, 3, 4}),
        (Integer(high="n"), {0, 1, 2}),
        (Integer(low=3, high="n"), {3}),
        (Integer(low=5, high=5), {5}),
    ],
)
def test_integers(spec: Integer, expected: set[int]) -> None:
    drawn = values(spec, sizes={"n": 3})
    assert drawn.dtype == np.int64
    assert set(drawn.tolist()) == expected


def test_reals_fill_their_interval() -> None:
    drawn = values(Real(low=1.0, high=3.0))
    assert drawn.dtype == np.float64
    assert 1.0 <= drawn.min() < 1.01
    assert 2.99 < drawn.max() <= 3.0
    assert values(Real(), (2, 3)).shape == (2, 3)
    assert type(values(Real(), ())) is np.ndarray


def test_reals_keep_away_from_points() -> None:
    spec = Real(low=-1.0, high=1.0, avoid=(0.0, 0.5), margin=0.1)
    drawn = values(spec)
    plain = values(Real(low=-1.0, high=1.0))
    for point in spec.avoid:
        assert np.abs(drawn - point).min() >= 0.1 - 1e-12
    near = (np.abs(plain) < 0.1) | (np.abs(plain - 0.5) < 0.1)
    np.testing.assert_array_equal(drawn[~near], plain[~near])
    assert set(np.round(drawn[near], 12).tolist()) == {-0.1, 0.1, 0.4, 0.6}
    for point in spec.avoid:  # to the side they were on, the point itself upwards
        side = near & (np.abs(plain - point) < 0.1)
        assert ((drawn[side] > point) == (plain[side] >= point)).all()


class Fixed:
    """A generator that gives what it was told to."""

    def __init__(self, *numbers: float) -> None:
        self.numbers = np.array(numbers)

    def uniform(self, low: float, high: float, shape: Any) -> np.ndarray:
        return self.numbers


def test_at_an_end_of_the_interval_values_go_the_other_way() -> None:
    high = Real(low=0.0, high=1.0, avoid=(1.0,), margin=0.1)
    assert draw_values(high, (2,), {}, Fixed(1.0, 0.95)).tolist() == [0.9, 0.9]
    low = Real(low=0.0, high=1.0, avoid=(0.0,), margin=0.1)
    assert draw_values(low, (3,), {}, Fixed(0.0, 0.05, 0.1)).tolist() == [0.1, 0.1, 0.1]
    almost = Real(low=0.0, high=1.0, avoid=(0.05, 0.95), margin=0.1)
    drawn = draw_values(almost, (4,), {}, Fixed(0.0, 0.1, 0.9, 1.0))
    np.testing.assert_allclose(drawn, [0.15, 0.15, 0.85, 0.85])
    exact = Real(low=0.0, high=1.0, avoid=(0.5,), margin=0.5)
    assert draw_values(exact, (2,), {}, Fixed(0.5, 0.4)).tolist() == [1.0, 0.0]


def test_distinct_values() -> None:
    drawn = values(Real(low=-1.0, high=1.0, distinct=True), (3, 4))
    np.testing.assert_allclose(np.sort(drawn.reshape(-1)), np.linspace(-1, 1, 12))
    assert drawn.reshape(-1).tolist() != sorted(drawn.reshape(-1).tolist())
    assert values(Real(low=-1.0, distinct=True), ()).tolist() == -1.0
    assert values(Real(low=-1.0, distinct=True), (1,)).tolist() == [-1.0]
    assert values(Real(distinct=True), (0,)).tolist() == []
    assert sorted(values(Real(low=0.0, high=1.0, distinct=True), (2,)).tolist()) == [0.0, 1.0]


def test_a_function_makes_values_valid() -> None:
    spec = Real(through=lambda x: x + x.T)
    drawn = values(spec, (3, 3))
    np.testing.assert_array_equal(drawn, drawn.T)
    assert type(values(Real(through=lambda x: x.sum()), (3,))) is np.ndarray


# -- metadata -------------------------------------------------------------------------------------


def metas(shapes: Any, sizes: Any = None, times: int = 200, **meta: Any) -> list[dict[str, Any]]:
    draws = rng()
    s = sample(*[Real() for _ in shapes], **meta)
    return [draw_meta(s, sizes or {}, shapes, draws) for _ in range(times)]


def test_metadata_of_every_kind() -> None:
    drawn = metas([(2, 3), ()], k=3, mode=one_of("a", "b", "c"), dim=axis(), other=axis(1))
    assert {m["k"] for m in drawn} == {3}
    assert {m["mode"] for m in drawn} == {"a", "b", "c"}
    assert {m["dim"] for m in drawn} == {-2, -1, 0, 1}
    assert {m["other"] for m in drawn} == {-1, 0}  # a number has one axis
    assert {type(m["dim"]) for m in drawn} == {int}
    assert list(drawn[0]) == ["k", "mode", "dim", "other"]


def test_metadata_made_of_sizes() -> None:
    (drawn,) = metas(
        [(2, 3)], {"n": 4, "m": 5}, times=1,
        shape=lambda m, n: (m, n), first=lambda shapes: shapes[0], call=np.sqrt,
    )  # fmt: skip
    assert drawn == {"shape": (5, 4), "first": (2, 3), "call": np.sqrt}


# -- whole calls ----------------------------------------------------------------------------------


def test_a_call_is_drawn_with_shared_sizes() -> None:
    s = sample(Real("... n m"), Integer("m n 2"), size=lambda n: n)
    draws = rng()
    seen: set[Any] = set()
    leads: set[Any] = set()
    for _ in range(600):
        (x, y), meta = draw(s, draws)
        *lead, n, m = x.shape
        assert y.shape == (m, n, 2)
        assert meta == {"size": n}
        assert (x.dtype, y.dtype) == (np.float64, np.int64)
        seen.add((n, m))
        leads.add(tuple(lead))
    assert seen == {(n, m) for n in range(1, 5) for m in range(1, 5)}
    sides = (1, 2, 3)
    assert leads == {(), *[(a,) for a in sides], *[(a, b) for a in sides for b in sides]}


def test_inputs_that_broadcast_have_ones_and_missing_axes() -> None:
    (s,) = reals(2)
    draws = rng()
    pairs = set()
    for _ in range(3000):
        (x, y), _ = draw(s, draws)
        np.broadcast_shapes(x.shape, y.shape)
        pairs.add((x.shape, y.shape))
    assert ((2, 3), (2, 3)) in pairs
    assert ((2, 1), (1, 3)) in pairs
    assert ((2, 3), (3,)) in pairs
    assert ((2, 3), ()) in pairs
    assert ((), (2, 3)) in pairs
    assert ((), ()) in pairs
    assert max(max((0, *x)) for x, _ in pairs) == 3
    (alone,) = reals(1)
    shapes = {draw(alone, draws)[0][0].shape for _ in range(300)}
    assert shapes == {
        (),
        *[(a,) for a in (1, 2, 3)],
        *[(a, b) for a in (1, 2, 3) for b in (1, 2, 3)],
    }


def test_half_of_the_axes_are_kept_and_few_left_out() -> None:
    s = sample(Real(), Real(broadcast=True))
    draws = rng()
    kept: list[bool] = []
    left_out: list[bool] = []
    for _ in range(4000):
        (x, y), _ = draw(s, draws)
        left_out.append(y.ndim < x.ndim)
        if y.ndim == x.ndim == 2:
            kept += [b == a for a, b in zip(x.shape, y.shape, strict=True) if a > 1]
    assert 0.45 < np.mean(kept) < 0.55
    assert 0.08 < np.mean(left_out) < 0.12  # (1/2 + 2/3) / 3 of a quarter


def test_inputs_that_do_not_broadcast_share_their_leading_shape() -> None:
    s = sample(Real(), Integer(), Integer("... n", high="n"))
    draws = rng()
    for _ in range(50):
        (x, i, k), _ = draw(s, draws)
        assert x.shape == i.shape == k.shape[:-1]
        assert k.max(initial=0) < k.shape[-1]


def test_a_draw_can_be_repeated() -> None:
    s = sample(Real("... n", avoid=(0.0,)), Boolean("n", broadcast=True), dim=axis())
    for seed in range(5):
        (a, b), one = draw(s, rng(seed))
        (c, d), two = draw(s, rng(seed))
        np.testing.assert_array_equal(a, c)
        np.testing.assert_array_equal(b, d)
        assert one == two
