"""An image read at any places: sums of its values at a few neighbours of each place.

    out[n, c, p] = sum_k weight[n, k, p] x[n, c, index[n, k, p]]

x is (N, C, S), its pixels in one row; index and weight are (N, K, P), for K neighbours of P places.
The gradient towards x adds weight g at the same pixels, that towards the weights is the sum over
the channels of g times the pixels.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ._jit import FMA, jit, prange, ready
from ._rows import plane_of
from .copying import contiguous

Array = np.ndarray

SMALL = 1024
"""Products from which a kernel wins over NumPy, if numba is loaded."""
WORTH_LOADING = 1 << 17
"""Products for which it pays to load numba."""
PARALLEL = 16384
"""Products from which waking the other threads pays."""


@jit
def _clear(out):
    for i in range(out.size):
        out[i] = 0


@jit(fastmath=FMA)
def _add_picked(x, index, factor, out):
    for p in range(out.size):
        out[p] += factor[p] * x[index[p]]


@jit(fastmath=FMA)
def _add_to_picked(g, index, weight, out):
    for p in range(g.size):
        out[index[p]] += weight[p] * g[p]


@jit(parallel=True)
def blend_planes(x, index, weight, out):
    """out as above."""
    channels = x.shape[1]
    for q in prange(x.shape[0] * channels):
        n, c = q // channels, q % channels
        to = plane_of(out, n, c)
        _clear(to)
        for k in range(index.shape[1]):
            _add_picked(plane_of(x, n, c), plane_of(index, n, k), plane_of(weight, n, k), to)


@jit(parallel=True)
def blend_planes_back(g, index, weight, out):
    """out = the gradient towards x."""
    channels = g.shape[1]
    for q in prange(g.shape[0] * channels):
        n, c = q // channels, q % channels
        to = plane_of(out, n, c)
        _clear(to)
        for k in range(index.shape[1]):
            _add_to_picked(plane_of(g, n, c), plane_of(index, n, k), plane_of(weight, n, k), to)


@jit(parallel=True)
def weights_back(g, x, index, out):
    """out = the gradient towards the weights."""
    neighbours = index.shape[1]
    for q in prange(index.shape[0] * neighbours):
        n, k = q // neighbours, q % neighbours
        to = plane_of(out, n, k)
        _clear(to)
        for c in range(x.shape[1]):
            _add_picked(plane_of(x, n, c), plane_of(index, n, k), plane_of(g, n, c), to)


def _compiled(x: Array, index: Array) -> bool:
    work = index.size * x.shape[1]
    if work < SMALL or x.dtype.char not in "fd":
        return False
    return ready(work, WORTH_LOADING)


def _places(index: Array) -> Array:
    return contiguous(index).view(np.uint64)  # of a signed place numba asks if it is negative


def _picked(x: Array, index: Array) -> Array:
    """x at the index: (N, K, P, C)."""
    return x[np.arange(len(x))[:, None, None], :, index]


def blend(x: Array, index: Array, weight: Array) -> Array:
    """The weighted sums (N, C, P); places must lie in the image."""
    if not _compiled(x, index):
        return np.einsum("nkpc,nkp->ncp", _picked(x, index), weight)
    out = np.empty((*x.shape[:2], index.shape[2]), x.dtype)
    run = blend_planes if index.size * x.shape[1] >= PARALLEL else blend_planes.serial
    run(contiguous(x), _places(index), contiguous(weight), out)
    return out


def blend_backward(g: Array, index: Array, weight: Array, shape: tuple[int, ...]) -> Array:
    """The gradient towards x of `shape`."""
    out = np.zeros(shape, g.dtype)
    if not _compiled(g, index):
        terms = np.einsum("ncp,nkp->nkpc", g, weight)
        places: Any = np.arange(len(out))[:, None, None], slice(None), index
        np.add.at(out, places, terms)
        return out
    run = blend_planes_back if index.size * g.shape[1] >= PARALLEL else blend_planes_back.serial
    run(contiguous(g), _places(index), contiguous(weight), out)
    return out


def blend_backward_weight(g: Array, x: Array, index: Array) -> Array:
    """The gradient towards the weights."""
    if not _compiled(x, index):
        return np.einsum("ncp,nkpc->nkp", g, _picked(x, index))
    out = np.empty(index.shape, x.dtype)
    run = weights_back if index.size * x.shape[1] >= PARALLEL else weights_back.serial
    run(contiguous(g), contiguous(x), _places(index), out)
    return out
