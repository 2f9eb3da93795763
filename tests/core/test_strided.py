"""Regions of memory: what a view reads and writes, elements that share a location included."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite.core.chain import blank
from tinygrad_lite.core.strided import _overlaps, add_region, geometry, lay, layout, region

GEOMETRIES = [
    ((3,), (1,), 0),
    ((3,), (-2,), 7),
    ((2, 3), (4, 1), 1),
    ((3, 2), (1, 4), 2),
    ((2, 3), (0, 2), 1),  # expanded
    ((4, 3), (1, 1), 2),  # windows: neighbours share elements
    ((3, 3), (2, 1), 0),
    ((2, 2, 2), (0, 1, 3), 0),
    ((), (), 5),
    ((0, 3), (3, 1), 0),
    ((1, 3), (0, 2), 3),
]


def positions(where: tuple) -> np.ndarray:
    shape, strides, offset = where
    places = [offset + sum(i * s for i, s in zip(at, strides)) for at in np.ndindex(shape)]
    return np.array(places, dtype=int)


@pytest.mark.parametrize("where", GEOMETRIES)
def test_adding_sums_what_shares_a_location(where: tuple) -> None:
    g = np.random.default_rng(0).standard_normal(where[0])
    buffer = np.arange(12.0)
    expected = buffer.copy()
    for p, v in zip(positions(where), g.reshape(-1), strict=True):
        expected[p] += v
    add_region(buffer, g, where)
    np.testing.assert_allclose(buffer, expected, rtol=1e-13)


@pytest.mark.parametrize("where", GEOMETRIES)
def test_a_region_reads_its_places(where: tuple) -> None:
    read = region(np.arange(12.0), where)
    np.testing.assert_array_equal(read.reshape(-1), positions(where))


def test_overlaps_is_exact_for_two_axes() -> None:
    for shape in itertools.product((1, 2, 3), repeat=2):
        for strides in itertools.product((1, 2, 3, 4, -1, -3), repeat=2):
            places = positions((shape, strides, 50))
            shared = len(set(places.tolist())) < places.size
            assert _overlaps(shape, strides) >= shared, (shape, strides)


VIEWS = [
    lambda a: a,
    lambda a: a.T,
    lambda a: a[:, 1],
    lambda a: a[::2, ::-1],
    lambda a: a[1:2],
    lambda a: a[:, 1:2].T,
    lambda a: a.reshape(2, 2, 2, 3).transpose(3, 1, 0, 2)[::2],
    lambda a: np.broadcast_to(a[:1], (1, 6)),
]


@pytest.mark.parametrize("view", VIEWS)
def test_what_slices_and_transposes_make_does_not_overlap(view: Any) -> None:
    """Added to at once, where elements that share a location are added one by one."""
    a = view(np.arange(24.0).reshape(4, 6))
    shape, strides, _ = geometry(a, a)
    assert not _overlaps(shape, strides)
    assert _overlaps((*shape, 2), (*strides, 0))


def test_many_elements_of_one_location_are_summed_as_numpy_sums() -> None:
    """Pairwise: one by one, float32 would be wrong in the fourth digit."""
    buffer = np.zeros(1, np.float32)
    add_region(buffer, np.full(1_000_000, 0.1, np.float32), ((1_000_000,), (0,), 0))
    assert buffer[0] == pytest.approx(100_000, rel=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.int16, np.complex128])
def test_a_copy_laid_out_keeps_its_dtype(dtype: Any) -> None:
    a = np.arange(6).reshape(2, 3).astype(dtype).T
    buffer, laid = lay(a, layout(a))
    assert buffer.dtype == laid.dtype == dtype
    np.testing.assert_array_equal(laid, a)
    assert blank(a, (2, 2)).dtype == dtype


def test_layout_and_geometry_of_views() -> None:
    base = np.arange(24.0).reshape(4, 6)[::-1, 1:5]
    view = base.T[1:3, ::2]
    buffer, laid = lay(base, layout(base))
    np.testing.assert_array_equal(laid, base)
    np.testing.assert_array_equal(region(buffer, geometry(view, base)), view)


def test_gradients_through_overlapping_windows() -> None:
    x = tl.tensor([1.0, 2.0, 3.0, 4.0], dtype=tl.float64, requires_grad=True)
    y = x * 1
    windows = y.unfold(0, 2, 1)
    y.mul_(2)  # the view is read anew from its base, by region
    (windows * tl.tensor([[1.0, 10.0]], dtype=tl.float64)).sum().backward()
    assert x.grad.tolist() == [2.0, 22.0, 22.0, 20.0]


def test_node_hooks_of_two_inputs_and_their_replacements() -> None:
    x = tl.tensor([1.0, 2.0], dtype=tl.float64, requires_grad=True)
    y = tl.tensor([3.0, 4.0], dtype=tl.float64, requires_grad=True)
    seen = []
    z = x * y
    z.grad_fn.register_hook(lambda inputs, outputs: seen.append((inputs, outputs)))
    z.grad_fn.register_hook(lambda inputs, outputs: (inputs[0] * 2, inputs[1] + 1))
    z.backward(tl.tensor([1.0, 10.0], dtype=tl.float64))
    (inputs, outputs), *_ = seen
    assert [t.tolist() for t in inputs] == [[3.0, 40.0], [1.0, 20.0]]
    assert [t.tolist() for t in outputs] == [[1.0, 10.0]]
    assert x.grad.tolist() == [6.0, 80.0]
    assert y.grad.tolist() == [2.0, 21.0]
    half = x * y.detach()  # an input without a gradient is None to the hook
    half.grad_fn.register_hook(lambda inputs, outputs: seen.append(inputs))
    half.sum().backward()
    assert seen[-1][1] is None
    assert seen[-1][0].tolist() == [3.0, 4.0]
