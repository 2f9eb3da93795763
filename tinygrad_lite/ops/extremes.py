"""The largest, the smallest and the middle: reductions that pick elements.

`amax`, `amin` and `max()` over everything share the gradient evenly among ties; `max(dim)`,
`median` and the like have picked one index, and all of the gradient goes there.
"""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import numpy as np

from ..core.chain import cast
from ..core.doors import composed, primitive
from ..core.samples import Real, one_of, sample
from ..core.shapes import canonical_axis
from ..core.tensor import Tensor, make
from ..kernels import extremes as kernels
from ..kernels import lines
from ..kernels.copying import contiguous, row_major
from .arguments import (
    axes_of,
    no_kernel,
    of_tensors,
    renamed,
    require_tensor,
    unsupported,
)
from .arithmetic import where
from .bounds import maximum, minimum
from .reduction import spread, total

_AXES: dict[str, Any] = {"axes": one_of(None, 0, 1, (0, 1)), "keepdim": one_of(False, True)}
_DISTINCT = Real("n m", distinct=True)


RETURNED: dict[str, Any] = {}
"""The named tuples below and in other files, by name; `torch.return_types`."""


def returned(name: str, *fields: str) -> Any:
    """The named tuple that a function of several values returns, as `return_types.<name>`."""
    kind: Any = namedtuple(name, fields)  # type: ignore[misc]

    def show(self: Any) -> str:
        inner = ",\n".join(f"{f}={v!r}" for f, v in zip(self._fields, self, strict=True))
        return f"torch.return_types.{name}(\n{inner})"

    for attribute, value in (
        ("__repr__", show),
        ("__module__", f"{__package__.partition('.')[0]}.return_types"),  # pickle finds it there
    ):
        setattr(kind, attribute, value)
    RETURNED[name] = kind
    return kind


max_values = returned("max", "values", "indices")
min_values = returned("min", "values", "indices")
median_values = returned("median", "values", "indices")
nanmedian_values = returned("nanmedian", "values", "indices")
mode_values = returned("mode", "values", "indices")
aminmax_values = returned("aminmax", "min", "max")


# -- picking along an axis -------------------------------------------------------------------------


@primitive(
    lambda g, x_shape, index, axis, keepdim: put_along(
        g, shape=x_shape, index=index, axis=axis, keepdim=keepdim
    ),
    promote=None,
    method=False,
    title="TakeAlongDim",
    samples=[
        sample(Real("3 m"), index=lambda m: np.zeros((2, m), np.int64), axis=0),
        sample(Real("3 m"), index=lambda m: np.ones((1, m), np.int64), axis=0, keepdim=False),
    ],
)
def take_along(x: Any, *, index: Any, axis: int, keepdim: bool = True) -> Any:
    """The elements of x at `index` (an int64 array) along `axis`.

    Without `keepdim` the index has size 1 there, and the axis goes.
    """
    if x.ndim == 0:
        return x.copy()
    out = lines.take_along(x, index, axis % x.ndim)
    out = np.take_along_axis(x, index, axis) if out is None else out
    return out if keepdim else out.squeeze(axis)


@primitive(
    lambda g, index, axis, keepdim: take_along(g, index=index, axis=axis, keepdim=keepdim),
    promote=None,
    method=False,
    samples=[
        sample(
            Real("2 m"),
            shape=lambda m: (3, m),
            index=lambda m: np.zeros((2, m), np.int64),
            axis=0,
        )
    ],
)
def put_along(x: Any, *, shape: Any, index: Any, axis: int, keepdim: bool = True) -> Any:
    """Zeros of `shape` with x added at `index` along `axis`: the adjoint of `take_along`."""
    if not shape:
        return np.zeros(shape, x.dtype) + x
    if not keepdim:
        x = np.expand_dims(x, axis)
    sums = lines.add_along(x, index, tuple(shape), axis % len(shape))
    if sums is not None:
        return sums
    out = np.zeros(shape, x.dtype)
    if index.shape[axis] == 1:
        np.put_along_axis(out, index, x, axis)
    else:
        grid: list[Any] = list(np.ogrid[tuple(slice(n) for n in index.shape)])
        grid[axis] = index
        np.add.at(out, tuple(grid), x)
    return out


def picked(x: Tensor, index: Any, axis: int, keepdim: bool) -> tuple[Tensor, Tensor]:
    """(values, indices) of x at `index`, whose shape has 1 at `axis`; the axis goes unless kept."""
    values = take_along(x, index=index, axis=axis, keepdim=keepdim)
    if not keepdim and x.array.ndim:
        index = index.squeeze(axis)
    return values, make(np.asarray(index))


# -- amax, amin ------------------------------------------------------------------------------------


def _evenly(g: Any, x: Any, out: Any, axes: Any, keepdim: bool, nan: bool) -> Any:
    """g shared among the elements equal to the value. Where that is NaN: among the NaN if `nan`,
    else NaN for all (0 / 0)."""
    shape = tuple(x.shape)
    level = spread(out, shape=shape, axes=axes, keepdim=keepdim)
    hit = (x == level) | ((x != x) & (level != level)) if nan else x == level
    count = cast(total(hit, axes=axes, keepdim=True), dtype=np.dtype(_dtype(g)))
    g = spread(g, shape=shape, axes=axes, keepdim=keepdim)
    return where(hit, g, 0.0) / count


def _dtype(x: Any) -> Any:
    return x.array.dtype if isinstance(x, Tensor) else x.dtype


@primitive(_evenly, promote=None, method=False, title="Amax", samples=[sample(_DISTINCT, **_AXES)])
def largest(x: Any, *, axes: Any = None, keepdim: bool = False, nan: bool = False) -> Any:
    """The largest element over `axes`, NaN if there is one. Ties share g evenly."""
    return row_major(kernels.extreme(x, axes, keepdim, largest=True))


@primitive(_evenly, promote=None, method=False, title="Amin", samples=[sample(_DISTINCT, **_AXES)])
def smallest(x: Any, *, axes: Any = None, keepdim: bool = False, nan: bool = False) -> Any:
    """The smallest element over `axes`, NaN if there is one. Ties share g evenly."""
    return row_major(kernels.extreme(x, axes, keepdim, largest=False))


def _require_elements(name: str, x: Tensor, axes: Any) -> None:
    if x.array.size:
        return
    if axes is None:
        error = IndexError if name in ("argmax", "argmin") else RuntimeError
        raise error(
            f"{name}(): Expected reduction dim to be specified for input.numel() == 0. "
            "Specify the reduction dim with the 'dim' argument."
        )
    for axis in (axes,) if isinstance(axes, int) else axes:
        if x.array.shape[axis] == 0:
            raise IndexError(f"{name}(): Expected reduction dim {axis} to have non-zero size.")


def _extreme(name: str, reduce: Any, doc: str) -> Any:
    def call(input: Any, dim: Any = (), keepdim: bool = False, **names: Any) -> Any:
        if names:
            input, dim, keepdim = renamed(name, names, input=input, dim=dim, keepdim=keepdim)
        require_tensor(name, input)
        if input.array.dtype.kind == "c":
            raise unsupported("max_values" if name == "amax" else "min_values", input.array.dtype)
        axes = axes_of(dim, input.array.ndim)
        _require_elements(name, input, axes)
        return reduce(input, axes=axes, keepdim=keepdim)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = doc
    dims: dict[str, Any] = {"dim": one_of((), 0, -1, (0, 1)), "keepdim": one_of(False, True)}
    return composed(samples=[sample(_DISTINCT, **dims)])(call)


amax = _extreme("amax", largest, "Largest element over `dim`; ties share the gradient evenly.")
amin = _extreme("amin", smallest, "Smallest element over `dim`; ties share the gradient evenly.")


@composed(samples=[sample(_DISTINCT, dim=one_of(None, 0, 1), keepdim=one_of(False, True))])
@of_tensors
def aminmax(input: Any, *, dim: Any = None, keepdim: bool = False, **names: Any) -> Any:
    """(min, max) over `dim`; ties share the gradient evenly."""
    if names:
        input, dim, keepdim = renamed("aminmax", names, input=input, dim=dim, keepdim=keepdim)
    if input.array.dtype.kind == "c":
        raise unsupported("aminmax", input.array.dtype)
    axes = axes_of(dim, input.array.ndim)
    if axes is None and not input.array.size:
        raise RuntimeError(
            "aminmax(): cannot compute aminmax over an empty dimension as the operation has no "
            "identity."
        )
    _require_elements("aminmax", input, axes)
    return aminmax_values(
        smallest(input, axes=axes, keepdim=keepdim), largest(input, axes=axes, keepdim=keepdim)
    )


# -- argmax, argmin, max, min ----------------------------------------------------------------------


_LARGE = 1 << 15  # elements from which it pays to lay the lines of an axis side by side


def _places(find: Any, a: np.ndarray, axis: int | None, keepdim: bool) -> Any:
    """find (argmax or argmin) of a along an axis. NumPy steps through the columns of a matrix, each
    number in another line of memory."""
    if axis is None or axis == a.ndim - 1 or a.size < _LARGE or not a.flags.c_contiguous:
        return find(a, axis=axis, keepdims=keepdim)
    index = find(contiguous(np.moveaxis(a, axis, -1)), axis=-1)
    return np.expand_dims(index, axis) if keepdim else index


def _arg(name: str, find: Any, doc: str) -> Any:
    def call(input: Any, dim: Any = None, keepdim: bool = False, **names: Any) -> Any:
        if names:
            input, dim, keepdim = renamed(name, names, input=input, dim=dim, keepdim=keepdim)
        require_tensor(name, input)
        a = input.array
        if a.dtype.kind == "b":
            raise RuntimeError(f"{name}(): does not support bool input")
        if a.dtype.kind == "c":
            raise RuntimeError(f"{name}(): does not support complex input")
        axis = None if dim is None else canonical_axis(dim, a.ndim)
        _require_elements(name, input, axis)
        if a.ndim == 0:
            return make(np.asarray(0))
        return make(np.asarray(_places(find, a, axis, keepdim)))

    call.__name__ = call.__qualname__ = name
    call.__doc__ = doc
    dims: dict[str, Any] = {"dim": one_of(None, 0, -1), "keepdim": one_of(False, True)}
    return composed(samples=[sample(_DISTINCT, smooth=False, **dims)])(call)


argmax = _arg(
    "argmax", np.argmax, "Index of the first largest element over `dim` (NaN is largest)."
)
argmin = _arg("argmin", np.argmin, "Index of the first smallest element over `dim` (NaN is first).")


def _extreme_at(name: str, find: Any, reduce: Any, pair: Any, kind: Any, doc: str) -> Any:
    def call(input: Any, dim: Any = None, keepdim: bool = False, **names: Any) -> Any:
        if names:
            if "other" in names:
                return pair(input, names["other"])
            input, dim, keepdim = renamed(name, names, input=input, dim=dim, keepdim=keepdim)
        require_tensor(name, input)
        if dim is None:
            _require_elements(name, input, None)
            if input.array.dtype.kind == "c":
                raise no_kernel(f"{name}_all", input.array.dtype)
            return reduce(input, nan=True)
        if isinstance(dim, Tensor):
            return pair(input, dim)
        if isinstance(dim, (tuple, list)):
            raise TypeError(
                f"{name}() received an invalid combination of arguments: dim must be one int, "
                f"not {dim!r}; a{name} takes several"
            )
        a = input.array
        axis = canonical_axis(dim, a.ndim)
        if a.dtype.kind == "c":
            raise RuntimeError(f"{name}(): does not support complex input")
        if a.ndim == 0:
            return kind(take_along(input, index=np.asarray(0), axis=0), make(np.asarray(0)))
        _require_elements(name, input, axis)
        return kind(*picked(input, _places(find, a, axis, True), axis, keepdim))

    call.__name__ = call.__qualname__ = name
    call.__doc__ = doc
    return composed(samples=[sample(_DISTINCT)])(call)


max = _extreme_at(
    "max",
    np.argmax,
    largest,
    maximum,
    max_values,
    """max(input), max(input, dim, keepdim) or max(input, other).

    The largest element (ties share the gradient evenly); (values, indices) over `dim`, the first
    index at a tie, which gets all of the gradient; or `maximum(input, other)`.
    """,
)
min = _extreme_at(
    "min",
    np.argmin,
    smallest,
    minimum,
    min_values,
    """min(input), min(input, dim, keepdim) or min(input, other).

    The smallest element (ties share the gradient evenly); (values, indices) over `dim`, the first
    index at a tie, which gets all of the gradient; or `minimum(input, other)`.
    """,
)
