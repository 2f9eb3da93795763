"""Running sums, products and extremes, differences, and the trapezoidal rule.

The products and `logcumsumexp` are fused: their reference is a scan by doubling (Hillis and Steele,
1986), y[k:] = y[k:] * y[:-k] for k = 1, 2, 4, ..., which is differentiable to every order at zeros
too.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.doors import composed, primitive
from ..core.fused import fused
from ..core.samples import Real, one_of, sample
from ..core.shapes import canonical_axis
from ..core.tensor import Tensor, make
from ..kernels import extremes, lines
from ..kernels.copying import contiguous, row_major
from .arguments import converted, numpy_names, renamed, require_tensor, unsupported
from .comparison import ne
from .exponential import complex_logaddexp, logaddexp
from .extremes import returned, take_along
from .joining import cat
from .parts import narrow
from .reduction import sum

_ALONG: dict[str, Any] = {"axis": one_of(0, 1)}
_DIMS: dict[str, Any] = {"dim": one_of(0, 1, -1)}
cummax_values = returned("cummax", "values", "indices")
cummin_values = returned("cummin", "values", "indices")


def _accumulate(ufunc: Any, x: Any, axis: int, dtype: Any = None) -> Any:
    if x.ndim == 0:
        return x.astype(dtype or x.dtype)
    return row_major(ufunc.accumulate(x, axis, dtype))


def _scanned(x: Any, op: Any, axis: int) -> Any:
    """Running `op` of a Tensor, by doubling."""
    n = x.shape[axis] if x.ndim else 1
    k = 1
    while k < n:
        head, tail = narrow(x, axis, 0, k), narrow(x, axis, k, n - k)
        x = cat([head, op(tail, narrow(x, axis, 0, n - k))], axis)
        k *= 2
    return x


# -- sums ------------------------------------------------------------------------------------------


@primitive(
    lambda g, axis, reverse: running_sum(g, axis=axis, reverse=not reverse),
    promote=None,
    method=False,
    title="Cumsum",
    samples=[sample(Real("n m"), reverse=one_of(False, True), **_ALONG)],
)
def running_sum(x: Any, *, axis: int, reverse: bool = False) -> Any:
    """Sums of the elements up to and including each along `axis` (from the end if `reverse`)."""
    return row_major(lines.running_sum(x, axis, reverse))


@composed(inplace=True, samples=[sample(Real("n m"), **_DIMS)])
@numpy_names
def cumsum(input: Any, dim: Any, *, dtype: Any = None, **names: Any) -> Any:
    """Sums of the elements up to and including each along `dim`; integers give int64."""
    if names:
        input, dim = renamed("cumsum", names, input=input, dim=dim)
    require_tensor("cumsum", input)
    out = running_sum(converted(input, dtype), axis=canonical_axis(dim, input.array.ndim))
    return converted(out, dtype)


# -- products --------------------------------------------------------------------------------------


def _running_product_rule(g: Any, x: Any, out: Any, axis: int) -> Any:
    """dx_j = sum over i >= j of g_i out_i / x_j.

    From the first zero on all products are 0; that zero itself gets what the products would have
    been without it, later elements nothing.
    """
    zero = x == 0
    whole = lines.running_sum(g * out, axis, reverse=True)
    if not zero.any():
        return whole / x
    first = zero & (_accumulate(np.add, zero, axis, np.int64) == 1)
    without = _accumulate(np.multiply, np.where(first, 1, x), axis)
    at_zero = lines.running_sum(g * without, axis, reverse=True)
    return np.where(first, at_zero, np.where(zero, 0, whole / np.where(zero, 1, x)))


@fused(
    backward=_running_product_rule,
    reference=lambda x, axis: _scanned(x, lambda a, b: a * b, axis),
    promote=None,
    title="Cumprod",
    samples=[sample(Real("n m"), **_ALONG)],
)
def running_product(x: Any, *, axis: int) -> Any:
    """Products of the elements up to and including each along `axis`."""
    return _accumulate(np.multiply, x, axis, np.int64 if x.dtype.kind in "biu" else None)


@composed(inplace=True, samples=[sample(Real("n m"), **_DIMS)])
@numpy_names
def cumprod(input: Any, dim: Any, *, dtype: Any = None, **names: Any) -> Any:
    """Products of the elements up to and including each along `dim`; integers give int64.

    Exact derivatives at zeros.
    """
    if names:
        input, dim = renamed("cumprod", names, input=input, dim=dim)
    require_tensor("cumprod", input)
    out = running_product(converted(input, dtype), axis=canonical_axis(dim, input.array.ndim))
    return converted(out, dtype)


# -- logarithms of sums ----------------------------------------------------------------------------


def _running_log_sum_rule(g: Any, x: Any, out: Any, axis: int) -> Any:
    """dx_j = exp(x_j - out_j) t_j with t_j = g_j + exp(out_j - out_(j+1)) t_(j+1).

    No factor exceeds 1, since out grows along the axis.
    """
    if x.ndim == 0:
        return g * np.exp(x - out)
    rows, level = np.moveaxis(g, axis, 0).copy(), np.moveaxis(out, axis, 0)
    decay = np.exp(level[:-1] - level[1:])
    for j in range(len(rows) - 2, -1, -1):
        rows[j] += np.where(np.isnan(decay[j]), 0, decay[j]) * rows[j + 1]
    return np.moveaxis(rows, 0, axis) * np.exp(x - out)


@fused(
    backward=_running_log_sum_rule,
    reference=lambda x, axis: _scanned(x, logaddexp, axis),
    promote="float",
    title="Logcumsumexp",
    samples=[sample(Real("n m"), **_ALONG)],
)
def running_log_sum(x: Any, *, axis: int) -> Any:
    """log of the running sums of exp(x) along `axis`, without overflow."""
    if x.dtype.kind == "c":
        rows = np.moveaxis(np.array(x, ndmin=1), axis, 0)
        for i in range(1, len(rows)):
            rows[i] = complex_logaddexp(rows[i - 1], rows[i])
        return np.moveaxis(rows, 0, axis).reshape(x.shape)
    return _accumulate(np.logaddexp, x, axis)


@composed(samples=[sample(Real("n m"), **_DIMS)])
@numpy_names
def logcumsumexp(input: Any, dim: Any, **names: Any) -> Any:
    """log(cumsum(exp(input))) along `dim`, without overflow."""
    if names:
        input, dim = renamed("logcumsumexp", names, input=input, dim=dim)
    require_tensor("logcumsumexp", input)
    if input.array.dtype.kind not in "fc":
        raise unsupported("logcumsumexp_out", input.array.dtype)
    return running_log_sum(input, axis=canonical_axis(dim, input.array.ndim))


# -- extremes --------------------------------------------------------------------------------------


def _running_extreme(name: str, ufunc: Any, kind: Any, doc: str) -> Any:
    @numpy_names
    def call(input: Any, dim: Any, **names: Any) -> Any:
        if names:
            input, dim = renamed(name, names, input=input, dim=dim)
        require_tensor(name, input)
        a = input.array
        if a.ndim == 0 and dim not in (0, -1):
            raise IndexError(f"{name}(): Expected reduction dim -1 or 0 for scalar but got {dim}")
        axis = canonical_axis(dim, a.ndim)
        if a.dtype.kind == "c":
            raise unsupported(name, a.dtype)
        if a.ndim == 0:
            return kind(take_along(input, index=np.asarray(0), axis=0), make(np.asarray(0)))
        a = np.ascontiguousarray(a)
        found = extremes.running(np.moveaxis(a, axis, -1), ufunc is np.maximum)
        if found is not None:
            index = contiguous(np.moveaxis(found, -1, axis))
            return kind(take_along(input, index=index, axis=axis), make(index))
        best = ufunc.accumulate(a, axis)
        places = np.arange(a.shape[axis]).reshape([-1 if i == axis else 1 for i in range(a.ndim)])
        new = (a == best) | (a != a)
        index = np.maximum.accumulate(np.where(new, places, 0), axis)
        return kind(take_along(input, index=index, axis=axis), make(index))

    call.__name__ = call.__qualname__ = name
    call.__doc__ = doc
    return composed(samples=[sample(Real("n m", distinct=True), **_DIMS)])(call)


cummax = _running_extreme(
    "cummax",
    np.maximum,
    cummax_values,
    "(values, indices): the largest so far along `dim` and its latest place, which gets g.",
)
cummin = _running_extreme(
    "cummin",
    np.minimum,
    cummin_values,
    "(values, indices): the smallest so far along `dim` and its latest place, which gets g.",
)


# -- differences and areas -------------------------------------------------------------------------


@composed(samples=[sample(Real("4 3"), n=one_of(1, 2), **_DIMS)])
def diff(
    input: Any, n: int = 1, dim: int = -1, prepend: Any = None, append: Any = None, **names: Any
) -> Any:
    """The n-th difference input[i + 1] - input[i] along `dim`, after joining the two ends."""
    if names:
        input, dim = renamed("diff", names, input=input, dim=dim)
    require_tensor("diff", input)
    if input.array.ndim == 0:
        raise RuntimeError("diff expects input to be at least one-dimensional")
    axis = canonical_axis(dim, input.array.ndim)
    if n < 0:
        raise RuntimeError(f"order must be non-negative but got {n}")
    if n == 0:  # the ends are not looked at
        return input.clone()
    ends = [x for x in (prepend, input, append) if x is not None]
    for x in ends:
        _require_end(input.array.shape, x.array.shape, axis)
    x = cat(ends, axis) if len(ends) > 1 else input
    for _ in range(n):
        size = x.array.shape[axis]
        late = narrow(x, axis, min(1, size), max(size - 1, 0))
        early = narrow(x, axis, 0, max(size - 1, 0))
        x = ne(late, early) if x.array.dtype.kind == "b" else late - early
    return x


def _require_end(shape: tuple[int, ...], end: tuple[int, ...], axis: int) -> None:
    """RuntimeError unless what is to be joined to the input differs from it along `axis` only."""
    if len(end) != len(shape):
        raise RuntimeError(
            "diff expects prepend or append to be the same dimension as input, got "
            f"{len(end)} and {len(shape)} dimensions"
        )
    for d, (n, m) in enumerate(zip(shape, end, strict=True)):
        if n != m and d != axis:
            raise RuntimeError(
                "diff expects the shape of tensor to prepend or append to match that of input "
                f"except along the differencing dimension; input.size({d}) = {n}, but got "
                f"tensor.size({d}) = {m}"
            )


def _panels(name: str, y: Any, x: Any, dx: Any, dim: int) -> tuple[Any, int]:
    """The areas between neighbours along `dim`, and the axis."""
    require_tensor(name, y, "y")
    if any(isinstance(t, Tensor) and t.array.dtype.kind == "b" for t in (y, x)):
        which = "`y`" if x is None else "`x` or `y`"
        raise RuntimeError(f"{name}: received a bool input for {which}, but bool is not supported")
    axis = canonical_axis(dim, y.array.ndim)
    n = y.array.shape[axis]
    both = narrow(y, axis, 0, max(n - 1, 0)) + narrow(y, axis, min(1, n), max(n - 1, 0))
    if x is None:
        return both * ((1 if dx is None else dx) / 2), axis
    if dx is not None:
        raise TypeError(f"{name}() takes the points x or the step dx, not both")
    if isinstance(x, Tensor) and x.array.ndim == 1:
        if len(x) != n:
            raise RuntimeError(
                f"{name}: There must be one `x` value for each sample point, got {len(x)} for {n}"
            )
        x = x.reshape([-1 if i == axis else 1 for i in range(y.array.ndim)])
    return both * diff(x, dim=axis - y.array.ndim) * 0.5, axis


@composed(method=False, samples=[sample(Real("4 3"), dim=one_of(0, -1))])
def trapezoid(y: Any, x: Any = None, *, dx: Any = None, dim: int = -1) -> Any:
    """The integral of y along `dim` by the trapezoidal rule, at points x or in steps dx (1)."""
    panels, axis = _panels("trapezoid", y, x, dx, dim)
    return sum(panels, axis)


@composed(method=False, samples=[sample(Real("4 3"), dim=one_of(0, -1))])
def cumulative_trapezoid(y: Any, x: Any = None, *, dx: Any = None, dim: int = -1) -> Any:
    """The running integral of y along `dim` by the trapezoidal rule."""
    panels, axis = _panels("cumulative_trapezoid", y, x, dx, dim)
    return cumsum(panels, axis)


trapz = trapezoid
