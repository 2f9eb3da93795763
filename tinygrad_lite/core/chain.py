"""The few ops the chain rule itself needs: undoing a cast, a broadcast, a write into a region.

They come in adjoint pairs, each the derivative of the other, so derivatives of every order exist.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..kernels import copying, reduce
from .doors import primitive
from .samples import Real, sample
from .strided import Geometry, Layout, add_region, lay, region

_MATRIX: dict[str, Any] = {
    "base": lambda n, m: ((n, m), (m, 1), 0, n * m),
    "view": lambda n, m: ((n,), (m,), m - 1),  # its last column
}


def blank(g: Any, shape: Any) -> Any:
    """Zeros of this shape, an array or a Tensor as `g` is."""
    return np.zeros(shape, g.dtype) if isinstance(g, np.ndarray) else g.new_zeros(shape)


@primitive(
    lambda g, x_dtype: cast(g, dtype=x_dtype),
    promote=None,
    method=False,
    title="ToCopy",
    samples=[sample(Real("..."), dtype=np.dtype(np.float64))],
)
def cast(x: Any, *, dtype: Any) -> Any:
    """x with its elements converted to `dtype` (a NumPy dtype); a real one takes real parts."""
    if x.dtype.kind == "c" and np.dtype(dtype).kind in "fiu":
        x = x.real
    return copying.cast(x, np.dtype(dtype))


@primitive(
    lambda g: conjugate(g),
    promote=None,
    method=False,
    title="Conj",
    samples=[sample(Real("..."))],
)
def conjugate(x: Any) -> Any:
    """The complex conjugate of x; of real numbers a copy."""
    return np.conjugate(x)


@primitive(lambda g: conjugate(pairs_to_complex(g)), promote=None, method=False, title="ViewAsReal")
def complex_to_pairs(x: Any) -> Any:
    """Complex x as (..., 2) floats, real and imaginary part, on its memory."""
    return x[..., None].view(x.real.dtype)


@primitive(
    lambda g: complex_to_pairs(conjugate(g)), promote=None, method=False, title="ViewAsComplex"
)
def pairs_to_complex(x: Any) -> Any:
    """(..., 2) floats as complex numbers, on the same memory where pairs lie together."""
    if x.strides[-1] != x.itemsize:
        x = np.ascontiguousarray(x)
    return x.view(np.result_type(x.dtype, np.complex64))[..., 0]


@primitive(
    lambda g, x_shape: sum_to(g, shape=x_shape),
    promote=None,
    method=False,
    view=True,
    title="Expand",
    samples=[sample(Real("n 1 m"), shape=lambda n, m: (2, n, 3, m))],
)
def broadcast(x: Any, *, shape: Any) -> Any:
    """x repeated (without copying) to `shape`."""
    if x.flags.c_contiguous and x.size:  # the same, by strides: several times faster
        lead = len(shape) - x.ndim
        strides = [0] * lead
        for n, m, s in zip(x.shape, shape[lead:] if lead >= 0 else (), x.strides):
            if n == 1:
                strides.append(0)
            elif n == m:
                strides.append(s)
        if len(strides) == len(shape):
            return np.ndarray(shape, x.dtype, x, 0, strides)
    out = np.broadcast_to(x, shape)
    if x.flags.writeable:
        # broadcast_to guards against writing; the in-place ops do that themselves, by strides
        out.flags.writeable = True
    return out


@primitive(
    lambda g, x_shape: broadcast(g, shape=x_shape),
    promote=None,
    method=False,
    samples=[sample(Real("n m k"), shape=lambda m, k: (m, 1))],
)
def sum_to(x: Any, *, shape: Any) -> Any:
    """x summed over the axes along which `shape` would have to be broadcast to x's shape."""
    lead = x.ndim - len(shape)
    if lead > 0 and x.shape[lead:] == shape:
        return reduce.total(x, tuple(range(lead)))
    axes = tuple(range(lead)) + tuple(
        lead + i for i, n in enumerate(shape) if n == 1 and x.shape[lead + i] != 1
    )
    return reduce.total(x, axes, True).reshape(shape) if axes else x.reshape(shape)


@primitive(
    lambda g, base, view: unstrided(g, base=base, view=view),
    promote=None,
    method=False,
    title="AsStrided",
    samples=[sample(Real("n m"), **_MATRIX)],
)
def strided(x: Any, *, base: Layout, view: Geometry) -> Any:
    """The region `view` of x, where x lies in memory as `base` says."""
    buffer, _ = lay(x, base)
    return region(buffer, view).copy()


@primitive(
    lambda g, base, view: strided(g, base=base, view=view),
    promote=None,
    method=False,
    samples=[
        sample(Real("n"), base=lambda n: ((n, 3), (3, 1), 0, 3 * n), view=lambda n: ((n,), (3,), 1))
    ],
)
def unstrided(x: Any, *, base: Layout, view: Geometry) -> Any:
    """Zeros laid out as `base`, with x added into the region `view`."""
    buffer, laid = lay(np.zeros((), x.dtype), base)
    add_region(buffer, x, view)
    return laid


@primitive(
    lambda g, y_shape, base, view: strided_write(g, blank(g, y_shape), base=base, view=view),
    lambda g, base, view: strided(g, base=base, view=view),
    promote=None,
    method=False,
    title="CopySlices",
    samples=[sample(Real("n m"), Real("n"), **_MATRIX)],
)
def strided_write(x: Any, y: Any, *, base: Layout, view: Geometry) -> Any:
    """x, laid out as `base`, with the region `view` replaced by y."""
    buffer, laid = lay(x, base)
    region(buffer, view)[...] = y
    return laid


@primitive(
    lambda g, x_shape: blank(g, x_shape),
    lambda g: g,
    method=False,
    broadcasts=True,
    promote=None,
    title="Copy",
    samples=[sample(Real("n m"), Real("n m"))],
)
def overwrite(x: Any, y: Any) -> Any:
    """y in the place of x (and in its shape and dtype): what `x.copy_(y)` leaves in x."""
    return np.broadcast_to(y, x.shape).astype(x.dtype)
