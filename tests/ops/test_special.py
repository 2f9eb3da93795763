"""Special functions against 40-digit values, and what they do at the edges of their domains."""

from __future__ import annotations

import math

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite import special

ONE = tl.tensor(1.0, dtype=tl.float64)
FUNCTIONS = {
    "trigamma": lambda x: special.polygamma(1, x),
    "polygamma_3": lambda x: special.polygamma(3, x),
    "zeta_of_2": lambda q: special.zeta(2.0, q),
    "zeta_at_1": lambda s: special.zeta(s, 1.0),
}

#: name: (relative accuracy promised, pairs of an argument and the value, computed with mpmath)
VALUES = {
    "erf": (
        3e-16,
        [
            (1e-300, 1.1283791670955126e-300),
            (1e-10, 1.1283791670955126e-10),
            (0.3, 0.32862675945912742),
            (0.84374, 0.76722012418324062),
            (0.84376, 0.76723119818800574),
            (1.1, 0.88020506957408173),
            (1.2499, 0.92287647318753194),
            (1.2501, 0.92292377741235646),
            (2.5, 0.99959304798255504),
            (2.858, 0.99994696259443683),
            (5.9, 0.99999999999999993),
        ],
    ),
    "erfc": (
        2e-15,
        [
            (-3.0, 1.9999779095030014),
            (-0.5, 1.5204998778130465),
            (1e-05, 0.99998871620832942),
            (0.5, 0.47950012218695346),
            (0.9, 0.20309178757716786),
            (1.3, 0.065992055059347554),
            (2.8, 7.5013194665459103e-5),
            (3.0, 2.2090496998585441e-5),
            (6.0, 2.1519736712498913e-17),
            (12.0, 1.3562611692059042e-64),
            (26.0, 5.6631924088561428e-296),
        ],
    ),
    "erfcx": (
        2e-15,
        [
            (-2.0, 108.94090438997797),
            (0.0, 1.0),
            (0.7, 0.52593033734944096),
            (1.24, 0.36992186520845662),
            (1.26, 0.36574532725079928),
            (2.9, 0.18460182595559082),
            (7.0, 0.079800054329152933),
            (50.0, 0.011281536265323773),
            (100000.0, 5.6418958351954681e-6),
        ],
    ),
    "erfinv": (
        1e-14,
        [
            (-0.999999, -3.4589107372754988),
            (-0.7, -0.73286907795921678),
            (-0.1, -0.088855990494257692),
            (1e-12, 8.86226925452758e-13),
            (0.3, 0.27246271472675435),
            (0.7001, 0.73302073113588956),
            (0.99, 1.8213863677184495),
            (0.99999999, 4.0522372432687634),
        ],
    ),
    "ndtr": (
        2e-13,
        [
            (-37.0, 5.7255712225245768e-300),
            (-10.0, 7.6198530241605261e-24),
            (-1.0, 0.15865525393145705),
            (0.0, 0.5),
            (0.5, 0.6914624612740131),
            (3.0, 0.99865010196836991),
            (8.0, 0.99999999999999938),
        ],
    ),
    "log_ndtr": (
        5e-15,
        [
            (-1000.0, -500007.82669481218),
            (-40.0, -804.60844201375379),
            (-2.0, -3.7831843336820319),
            (-0.9, -1.6924928065613382),
            (0.0, -0.69314718055994531),
            (1.5, -0.069143455612233983),
            (6.0, -9.8658764552437573e-10),
        ],
    ),
    "ndtri": (
        1e-14,
        [
            (1e-200, -30.205594179579643),
            (1e-20, -9.2623400897984076),
            (1e-06, -4.753424308822899),
            (0.01, -2.3263478740408411),
            (0.3, -0.52440051270804082),
            (0.499999, -2.5066282745665594e-6),
            (0.6, 0.25334710313579974),
            (0.99, 2.3263478740408408),
            (0.999999, 4.7534243088170878),
        ],
    ),
    "i0": (
        4e-15,
        [
            (0.0, 1.0),
            (1e-09, 1.0),
            (0.5, 1.0634833707413235),
            (7.5, 268.16131151518936),
            (29.9, 708478330489.01453),
            (30.1, 862432920031.77921),
            (100.0, 1.0737517071310738e42),
            (-3.0, 4.8807925858650241),
        ],
    ),
    "i0e": (
        4e-15,
        [
            (0.0, 1.0),
            (1e-09, 0.999999999),
            (0.5, 0.64503527044915007),
            (7.5, 0.1483158300773955),
            (29.9, 0.073269219046001908),
            (30.1, 0.073023294131060942),
            (700.0, 0.015081295651531358),
            (-3.0, 0.2430003541618254),
        ],
    ),
    "i1": (
        4e-15,
        [
            (1e-09, 5.0000000000000003e-10),
            (0.5, 0.25789430539089632),
            (7.5, 249.58436542268814),
            (29.9, 696528308361.09269),
            (30.1, 847983630191.54143),
            (100.0, 1.0683693903381625e42),
            (-3.0, -3.9533702174026094),
        ],
    ),
    "i1e": (
        4e-15,
        [
            (1e-09, 4.9999999950000003e-10),
            (0.5, 0.1564208031848717),
            (7.5, 0.1380412115485542),
            (29.9, 0.072033374911868788),
            (30.1, 0.071799854351014333),
            (700.0, 0.015070519444716847),
            (-3.0, -0.19682671329730085),
        ],
    ),
    "gammaln": (
        4e-15,
        [
            (1e-20, 46.051701859880914),
            (0.1, 2.2527126517342059),
            (0.49, 0.59224962933526706),
            (0.51, 0.55297381792980072),
            (0.999, 5.7803853289138024e-4),
            (1.001, -5.7639359828330615e-4),
            (1.4999, -0.12078588195849394),
            (1.5001, -0.12077858396397449),
            (1.9999, -4.2275208772153458e-5),
            (2.0001, 4.2281658112919946e-5),
            (2.499, 0.28397995905052872),
            (2.501, 0.28538627225308436),
            (3.7, 1.4280723266653881),
            (9.99, 12.779315214350193),
            (10.01, 12.824350262448247),
            (123.4, 469.33609744219059),
            (1000000000000000.0, 3.3538776394910669e16),
            (-0.5, 1.2655121234846454),
            (-1.5, 0.86004701537648101),
            (-7.3, -7.7791016298268517),
        ],
    ),
    "digamma": (
        1e-14,
        [
            (1e-05, -100000.57719921567),
            (0.1, -10.423754940411076),
            (0.9, -0.75492694994705135),
            (1.4, -0.061384544585116237),
            (1.5, 0.036489973978576521),
            (3.3, 1.0348224890596217),
            (9.9, 2.2411803166063814),
            (10.1, 2.2622143570941481),
            (1000000.0, 13.815510057964191),
            (-0.5, 0.036489973978576521),
            (-3.3, 3.6203534605921258),
        ],
    ),
    "trigamma": (
        2e-14,
        [
            (0.01, 10001.621213528313),
            (0.7, 2.8340491566946109),
            (1.0, 1.6449340668482264),
            (3.3, 0.35350154184106183),
            (20.0, 0.05127082293520312),
            (1000.0, 0.0010005001666666333),
            (-0.5, 8.9348022005446793),
            (-3.3, 14.817739525515929),
        ],
    ),
    "polygamma_3": (
        2e-14,
        [
            (0.1, 60004.512876790253),
            (0.7, 25.879149678427738),
            (1.0, 6.4939394022668291),
            (3.3, 0.08584966733688494),
            (20.0, 2.6937422133963891e-4),
        ],
    ),
    "zeta_of_2": (
        1e-14,
        [
            (0.1, 101.43329915079275),
            (0.5, 4.9348022005446793),
            (1.0, 1.6449340668482264),
            (2.25, 0.55732915450711074),
            (30.0, 0.033895060357739944),
        ],
    ),
    "zeta_at_1": (
        1e-14,
        [
            (1.01, 100.57794333849678),
            (1.5, 2.6123753486854883),
            (2.0, 1.6449340668482264),
            (7.0, 1.0083492773819228),
            (20.0, 1.0000009539620339),
            (60.0, 1.0),
        ],
    ),
}


@pytest.mark.parametrize("name", VALUES)
def test_values(name: str) -> None:
    tolerance, pairs = VALUES[name]
    function = FUNCTIONS.get(name) or getattr(special, name)
    x, want = np.array(pairs).T
    got = function(tl.from_numpy(x.copy())).numpy()
    np.testing.assert_allclose(got, want, rtol=tolerance, atol=1e-15 if name == "digamma" else 0)


@pytest.mark.parametrize("name", VALUES)
def test_float32(name: str) -> None:
    _, pairs = VALUES[name]
    function = FUNCTIONS.get(name) or getattr(special, name)
    pairs = [(x, y) for x, y in pairs if 1e-30 < abs(x) < 80 and 1e-30 < abs(y) < 1e30]
    pairs = [(x, y) for x, y in pairs if np.float32(x) == x or name in ("i0e", "i0", "i1", "erf")]
    if not pairs:
        pytest.skip("no argument of the table is a float32")
    x = np.array([p[0] for p in pairs], np.float32)
    got = function(tl.from_numpy(x)).numpy()
    assert got.dtype == np.float32
    wide = function(tl.from_numpy(x.astype(np.float64))).numpy()
    np.testing.assert_allclose(got, wide, rtol=5e-7)


EDGES = {
    "erf": [(math.inf, 1.0), (-math.inf, -1.0), (math.nan, math.nan), (0.0, 0.0)],
    "erfc": [(math.inf, 0.0), (-math.inf, 2.0), (math.nan, math.nan), (30.0, 0.0)],
    "erfcx": [(math.inf, 0.0), (-30.0, math.inf)],
    "erfinv": [(1.0, math.inf), (-1.0, -math.inf), (1.1, math.nan), (0.0, 0.0)],
    "ndtr": [(math.inf, 1.0), (-math.inf, 0.0)],
    "ndtri": [(0.0, -math.inf), (1.0, math.inf), (1.5, math.nan), (-0.1, math.nan), (0.5, 0.0)],
    "gammaln": [(0.0, math.inf), (-2.0, math.inf), (math.inf, math.inf), (1.0, 0.0), (2.0, 0.0)],
    "digamma": [(0.0, -math.inf), (-0.0, math.inf), (-3.0, math.nan), (math.inf, math.inf)],
    "logit": [(0.0, -math.inf), (1.0, math.inf), (1.5, math.nan)],
    "entr": [(0.0, 0.0), (-1.0, -math.inf), (math.nan, math.nan)],
    "sinc": [(0.0, 1.0)],
    "i1": [(0.0, 0.0)],
    "i0e": [(1e300, 0.0)],
}


@pytest.mark.parametrize("name", EDGES)
@pytest.mark.parametrize("dtype", [tl.float32, tl.float64])
def test_edges(name: str, dtype: tl.dtype) -> None:
    for x, want in EDGES[name]:
        got = getattr(special, name)(tl.tensor(x, dtype=dtype)).item()
        if math.isnan(want):
            assert math.isnan(got), (name, x, got)
        else:
            assert got == pytest.approx(want, abs=1e-15), (name, x, got)


@pytest.mark.parametrize("name", ["erf", "gammaln", "digamma", "i0", "ndtri", "erfinv"])
def test_shapes(name: str) -> None:
    """0-d, empty and non-contiguous arguments, though the work is done on flat arrays."""
    function = getattr(special, name)
    assert function(tl.tensor(0.3)).shape == ()
    assert function(tl.zeros(0, 3)).shape == (0, 3)
    x = tl.rand(3, 4).t()
    np.testing.assert_array_equal(function(x).numpy(), function(x.contiguous()).numpy())
    assert function(tl.tensor(0.3, dtype=tl.float16)).dtype is tl.float16
    assert function(tl.tensor(1)).dtype is tl.float32


def test_multivariate_gamma() -> None:
    p = tl.tensor([2.5, 4.0], dtype=tl.float64)
    want = math.log(math.pi) / 2 + special.gammaln(p) + special.gammaln(p - 0.5)
    np.testing.assert_allclose(special.multigammaln(p, 2).numpy(), want.numpy(), rtol=1e-14)


def test_xlogy_at_zero() -> None:
    x = tl.tensor([0.0, 0.0, 0.0], requires_grad=True)
    y = tl.tensor([0.0, -1.0, math.nan])
    out = special.xlogy(x, y)
    assert out[:2].tolist() == [0.0, 0.0]
    assert out[2].isnan()
