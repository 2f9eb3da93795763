"""The four operations and their mixtures on large arrays, and copies: what NumPy gives."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite.kernels import arithmetic, copying, reduce, remainders
from tinygrad_lite.kernels._jit import enabled, use_numba

pytestmark = [
    pytest.mark.skipif(not enabled(), reason="numba is off"),
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),  # NumPy's, of inf - inf and 0 / 0
]

SIX = ("add", "subtract", "multiply", "divide", "maximum", "minimum")
MIXTURES = {"add_scaled": 2, "add_product": 3, "add_quotient": 3, "mix": 2}
PAIRS = [
    ((300,), (300,)),
    ((20, 15), ()),
    ((20, 15), (1, 1)),
    ((20, 15), (15,)),
    ((20, 15), (1, 15)),
    ((20, 15), (20, 1)),
    ((4, 5, 15), (5, 1)),
    ((4, 5, 15), (1, 5, 1)),
    ((4, 5, 15), (5, 15)),
    ((4, 5, 15), (4, 1, 1)),
    ((4, 5, 15), (4, 1, 15)),
    ((4, 1, 15), (5, 1)),
    ((15,), (1, 1, 15)),
    ((3, 0), (3, 1)),
]


@pytest.fixture(autouse=True)
def everything_is_large(monkeypatch):
    for module, names in ((arithmetic, ("LARGE", "PARALLEL", "SHORT")), (copying, ("LARGE",))):
        for name in names:
            monkeypatch.setattr(module, name, 1)
    monkeypatch.setattr(copying, "WORTH_LOADING", 1)
    monkeypatch.setattr(arithmetic, "ready", lambda size: enabled())


def draw(shape, dtype="f4", seed=0):
    x = np.asarray(np.random.default_rng(seed).normal(size=shape)).astype(dtype)
    if x.dtype.kind == "f" and x.ndim:
        x.reshape(-1)[::7] = np.inf
        x.reshape(-1)[::11] = -0.0
    return x


@pytest.mark.parametrize("shapes", PAIRS)
@pytest.mark.parametrize(
    ("name", "dtype"),
    [*itertools.product(SIX, ["f4", "f2", "i4"]), ("subtract", "f8"), ("maximum", "f8")],
)
def test_operations_of_two(name, dtype, shapes):
    kernel = getattr(arithmetic, name)
    x, y = draw(shapes[0], dtype), draw(shapes[1], dtype, 1)
    for a, b in ((x, y), (y, x)):
        want = kernel.ufunc(a, b)
        got = kernel(a, b)
        assert got.dtype == want.dtype
        np.testing.assert_array_equal(got, want)
        if a.shape == want.shape and a.dtype == want.dtype:
            out = a.copy()
            assert kernel(out, b, out=out) is out
            np.testing.assert_array_equal(out, want)
        else:
            with pytest.raises((ValueError, TypeError)):
                kernel(a, b, out=a)


@pytest.mark.parametrize("name", SIX)
def test_other_layouts(name):
    kernel = getattr(arithmetic, name)
    x = draw((12, 20))
    square = draw((16, 16), seed=2)
    for a, b in (
        (x.T, x.T),
        (x.T, draw((20, 12), seed=1)),
        (square, square.T),
        (x[:, ::2], x[:, 1::2]),
        (x[::-1], x),
        (x.T, x.T[0]),
        (x[:, :9], x[:, 3:12]),
        (x[:, :9], x[0, :9]),
        (x[:9, None], x[None]),
        (x[:9, None], x[None, :, :1]),
        (x.reshape(2, 3, 4, 10).transpose(0, 3, 1, 2), x[0, :10].reshape(10, 1, 1)),
        (x, np.broadcast_to(x[:, :1], x.shape)),
    ):
        got, want = kernel(a, b), kernel.ufunc(a, b)
        np.testing.assert_array_equal(got, want)
        assert got.strides == want.strides
    np.testing.assert_array_equal(kernel(x, 3), kernel.ufunc(x, np.float32(3)))
    np.testing.assert_array_equal(kernel(3, x), kernel.ufunc(np.float32(3), x))


@pytest.mark.parametrize("name", SIX)
def test_what_is_written_may_be_read(name):
    kernel = getattr(arithmetic, name)
    for read in (
        lambda x: x,
        lambda x: x.T,
        lambda x: x[0],
        lambda x: x[:, :1],
        lambda x: x[3, 3],
        lambda x: x[::-1],
    ):
        x, y = draw((16, 16)), draw((16, 16))
        kernel(x, read(x), out=x)
        np.testing.assert_array_equal(x, kernel.ufunc(y, read(y)))
    x, y = draw(100), draw(100)
    kernel(x[1:], x[:-1], out=x[1:])
    np.testing.assert_array_equal(x[1:], kernel.ufunc(y[1:], y[:-1]))


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("number", [-0.25, 0.5, 2])
@pytest.mark.parametrize("name", MIXTURES)
def test_mixtures(name, number, dtype):
    kernel, count = getattr(arithmetic, name), MIXTURES[name]
    x = [np.random.default_rng(k).normal(size=(12, 20)).astype(dtype) for k in range(count)]
    every = [x, [a.T for a in x], [x[0], *[a[0] for a in x[1:]]], [a[:, ::2] for a in x]]
    for arrays in every:
        want = kernel.numpy(*[a.astype("f8") for a in arrays], number)
        got = kernel(*arrays, value=number)
        assert got.dtype == dtype
        eps = np.finfo(dtype).eps
        np.testing.assert_allclose(got, want, rtol=4 * eps, atol=32 * eps)
        out = arrays[0].copy("K")
        kernel(out, *arrays[1:], out=out, value=number)
        np.testing.assert_array_equal(out, got)
    with pytest.raises(ValueError, match="non-broadcastable output"):
        kernel(x[0][0], *x[1:], out=x[0][0], value=number)


def test_a_mixture_reads_what_it_writes():
    x = draw((16, 16))
    want = arithmetic.add_scaled.numpy(x, x.T, 2.0)
    arithmetic.add_scaled(x, x.T, out=x, value=2.0)
    np.testing.assert_array_equal(x, want)


@pytest.mark.parametrize("dtype", ["f4", "f8", "f2", "i8", "u1", "?", "c8", "c16"])
def test_copies_and_assignments(dtype):
    x = draw((12, 20)).astype(dtype)
    for a in (x, x.T, x[:, ::2], x[::-1], np.broadcast_to(x[0], (5, 20)), x[0, 1:], x[1]):
        got = copying.duplicated(a)
        np.testing.assert_array_equal(got, a)
        assert got.flags.owndata
        np.testing.assert_array_equal(copying.copied(a), a)
        assert copying.copied(a).flags.c_contiguous
        to = np.empty_like(x)[tuple(slice(n) for n in a.shape)] if a.ndim == 2 else np.empty_like(a)
        if to.shape == a.shape:
            copying.assign(to, a)
            np.testing.assert_array_equal(to, a)
    for number in (0, 1, 2.5, np.array(3), -1 if np.dtype(dtype).kind not in "u" else 7):
        for to in (x.copy(), x.copy().T, x.copy()[:, 1:], x.copy()[0, 1:]):
            copying.assign(to, number)
            np.testing.assert_array_equal(to, np.full(to.shape, number).astype(dtype))
    y = x.copy()
    copying.assign(y[1:], y[:-1])
    np.testing.assert_array_equal(y[1:], x[:-1])
    copying.assign(y, draw((12, 20), "f8"))
    np.testing.assert_array_equal(y, draw((12, 20), "f8").astype(dtype))


@pytest.mark.parametrize("dtype", ["f4", "f8", "i8", "f2", "?", "c8"])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_joined(axis, dtype):
    x = draw((3, 5, 8)).astype(dtype)
    short = x[(slice(None),) * axis + (slice(0, 2),)].copy()
    for arrays in ((x, x), (x, short, x), (x, x[:, ::-1]), (x, x[:0].reshape(3, 5, 0))[:axis]):
        if arrays:
            got = copying.joined(arrays, axis)
            np.testing.assert_array_equal(got, np.concatenate(arrays, axis))
            assert got.dtype == dtype
    for wrong in ((x, x[:2]), (x, x[0])):
        if axis:
            with pytest.raises(ValueError, match="must"):
                copying.joined(wrong, axis)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("shape", [(100_000,), (70_000, 2), (3, 40_000), (8, 16, 1024)])
def test_sums_of_products(shape, dtype):
    """More exact than BLAS, whose errors have a root mean square of 10 eps sqrt(n) for float64.

    That of ours is 1.7 where a vector holds 8 numbers, 2.5 where it holds 4 (each of its sums is
    then twice as long), and 1.3 for float32; pairwise sums have 1.
    """
    x, y = (np.random.default_rng(k).normal(size=shape).astype(dtype) for k in range(2))
    bound = np.finfo(dtype).eps * x.size**0.5 * {"f4": 4, "f8": 10}[dtype]
    for axis in (None, len(shape) - 1):
        exact = (x.astype(np.longdouble) * y).sum(axis)
        got = reduce.dots(x, y, axis)
        assert got.dtype == dtype
        assert np.abs(got - exact).max() <= bound
        assert reduce.dots(x, y, axis, True).ndim == x.ndim


def test_the_kernels_are_reached():
    n = 1 << 18
    x, y = tl.randn(n, requires_grad=True), tl.randn(n, requires_grad=True)
    ((x + y) * x / y - x).sum().backward()
    z = x.detach().clone()
    tl.stack([tl.cat([x, y]), tl.cat([x, y])], 1).norm().backward()
    z.add_(z, alpha=2).mul_(2).lerp_(y.detach(), 0.5).addcmul_(z, z).addcdiv_(z, z).fill_(0)
    ran = {run.kernel.rpartition(".")[2] for run in tl.kernels() if run.how != "numpy"}
    ran = {name.removesuffix("_serial") for name in ran}  # where there is one thread only
    names = "map2_add map2_subtract map2_multiply map2_divide"
    names += " map2_1_add_scaled map1_1_multiply map2_1_mix map3_1_add_product"
    names += " map3_1_add_quotient fill_each cast_each copy_rows dot_rows"
    assert set(names.split()) <= ran


def test_without_numba():
    x, y = draw((300,)), draw((300,), seed=1)
    with use_numba(False):
        np.testing.assert_array_equal(arithmetic.add(x, y), x + y)
        np.testing.assert_array_equal(arithmetic.add_scaled(x, y, value=2.0), x + y * 2)


@pytest.mark.parametrize("turn", [False, True])
def test_lines_along_which_nothing_moves(turn):
    """Of both arrays the line is one number. Repeated arrays do not decide the layout."""
    x = np.broadcast_to(np.arange(1.0, 31.0), (9, 1, 30))
    column = np.arange(1.0, 31.0)[:, None]
    pairs = [(x, np.asarray(2.0)), (x, x[:1]), (np.broadcast_to(column, (30, 9)), column)]
    for a, b in pairs:
        a, b = (b, a) if turn else (a, b)
        found = arithmetic.divide(a, b)
        np.testing.assert_array_equal(found, np.divide(a, b))
        assert found.flags.c_contiguous


@pytest.mark.parametrize("method", ["add_", "sub_", "add", "sub"])
def test_true_is_no_number_to_scale_by(method):
    x = tl.ones(40)
    with pytest.raises(RuntimeError, match="Boolean alpha only supported for Boolean results"):
        getattr(x, method)(tl.ones(40), alpha=True)
    assert (x == 1).all()


@pytest.mark.parametrize("name", ["add_scaled", "add_product", "add_quotient", "mix"])
@pytest.mark.parametrize("side", [4, 300])  # NumPy reuses temporary arrays from 256 kB
def test_a_mixture_of_two_layouts_is_row_major_at_any_size(name, side):
    x = np.ones((side, side))
    f = getattr(arithmetic, name)
    assert f(x, *[x.T.copy().T] * (MIXTURES[name] - 1), a=2.0).flags.c_contiguous


def test_remainders_of_any_two_numbers_are_those_of_numpy():
    special = np.array([0, -0.0, np.inf, -np.inf, np.nan, 1e-45, -3e38, 1, -2, 0.1], np.float32)
    some = np.random.default_rng(0).integers(0, 1 << 32, (2, 4000), np.uint32).view(np.float32)
    near = np.rint(some[0] % 50) * np.float32(0.1)  # quotients that are all but whole
    x = np.concatenate([some[0], near, np.repeat(special, 10)])
    y = np.concatenate([some[1], np.full_like(near, -0.1), np.tile(special, 10)])
    for name in ("fmod", "remainder", "floor_divide"):
        kernel = getattr(remainders, name)
        for a, b in ((x, y), (x, np.float32(-1.5).reshape(())), (y[:30], x[:20, None])):
            got, want = kernel(a, b), kernel.ufunc(a, b)
            assert got.dtype == want.dtype
            np.testing.assert_array_equal(got, want)
            np.testing.assert_array_equal(np.signbit(got[got == 0]), np.signbit(want[want == 0]))
