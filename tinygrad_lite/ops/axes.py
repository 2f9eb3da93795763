"""Another order of axes: permute, transpose, movedim, and x.T and its like. All are views."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from ..core.doors import composed
from ..core.samples import Real, one_of, sample
from ..core.shapes import canonical_axis
from ..core.tensor import Tensor, bind
from .arguments import require_tensor, sizes_of
from .views import permuted, turned

TensorFunction = Callable[..., Any]


@composed(samples=[sample(Real("n m k"), dims=one_of((1, 2, 0), (-1, 0, 1)))])
def permute(input: Any, *axes: Any, dims: Any = None) -> Any:
    """With axis `dims[i]` in place i."""
    require_tensor("permute", input)
    order = sizes_of("permute", axes, dims)
    ndim = input.array.ndim
    if len(order) != ndim:
        raise RuntimeError(
            "permute(sparse_coo): number of dimensions in the tensor input does not match the "
            f"length of the desired ordering of dimensions i.e. input.dim() = {ndim} is not equal "
            f"to len(dims) = {len(order)}"
        )
    canonical = tuple([canonical_axis(d, ndim) for d in order])
    if len(set(canonical)) != ndim:
        raise RuntimeError("permute(): duplicate dims are not allowed.")
    return permuted(input, axes=canonical)


@composed(samples=[sample(Real("n m k"), dim0=one_of(0, -1), dim1=one_of(1, -2))])
def transpose(input: Any, dim0: int, dim1: int) -> Any:
    """With the axes `dim0` and `dim1` exchanged."""
    require_tensor("transpose", input)
    ndim = input.array.ndim
    i, j = canonical_axis(dim0, ndim), canonical_axis(dim1, ndim)
    axes = list(range(ndim))
    if ndim:
        axes[i], axes[j] = j, i
    return permuted(input, axes=tuple(axes))


def _transposed_like(name: str, first: str, second: str) -> TensorFunction:
    def exchange(input: Any, *dims: Any, **named: Any) -> Any:
        given = (*dims, *[named[n] for n in (first, second) if n in named])
        return transpose(input, *given)

    exchange.__name__ = exchange.__qualname__ = name
    exchange.__doc__ = "The same as `transpose`."
    return composed()(exchange)


swapaxes = _transposed_like("swapaxes", "axis0", "axis1")
swapdims = _transposed_like("swapdims", "dim0", "dim1")


@composed(samples=[sample(Real("n m"))])
def t(input: Any) -> Any:
    """The transpose of a matrix; a vector or scalar as it is."""
    require_tensor("t", input)
    if input.array.ndim > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {input.ndim}D")
    return permuted(input, axes=tuple(range(input.array.ndim))[::-1])


def _T(self: Tensor) -> Any:
    """All axes in reverse order."""
    ndim = self.array.ndim
    if ndim not in (0, 2):
        warnings.warn(
            "The use of `x.T` on tensors of dimension other than 2 to reverse their shape is "
            "deprecated and it will throw an error in a future release. Consider `x.mT` to "
            "transpose batches of matrices or `x.permute(*torch.arange(x.ndim - 1, -1, -1))` to "
            "reverse the dimensions of a tensor.",
            UserWarning,
            stacklevel=2,
        )
    return permuted(self, axes=tuple(range(ndim))[::-1])


def _mT(self: Tensor) -> Any:
    """The last two axes exchanged."""
    return _transposed(self, "mT")


def _transposed(self: Tensor, name: str) -> Any:
    ndim = self.array.ndim
    if ndim == 0 and name in ("mT", "mH"):
        warnings.warn(
            f"Tensor.{name} is deprecated on 0-D tensors. This function is the identity in these "
            "cases.",
            UserWarning,
            stacklevel=3,
        )
        return self
    if ndim < 2:
        raise RuntimeError(
            f"tensor.{name} is only supported on matrices or batches of matrices. Got {ndim}-D "
            "tensor."
        )
    return permuted(self, axes=(*range(ndim - 2), ndim - 1, ndim - 2))


def _H(self: Tensor) -> Any:
    """The conjugate transpose of a matrix."""
    if self.array.ndim not in (0, 2):
        raise RuntimeError(
            f"tensor.H is only supported on matrices (2-D tensors). Got {self.ndim}-D tensor."
        )
    return _conjugated(t(self))


def _mH(self: Tensor) -> Any:
    """The conjugate transposes of a batch of matrices."""
    return _conjugated(_transposed(self, "mH"))


def _conjugated(x: Tensor) -> Any:
    return x.conj() if x.array.dtype.kind == "c" else x


def adjoint(input: Any) -> Any:
    """The conjugate transposes of a batch of matrices."""
    return _conjugated(_transposed(input, "adjoint()"))


for _name, _getter in (("T", _T), ("mT", _mT), ("H", _H), ("mH", _mH)):
    bind(_name, property(_getter))
bind("adjoint", adjoint)


@composed(samples=[sample(Real("n m k"), source=(0, -1), destination=one_of((2, 0), (0, 1)))])
def movedim(input: Any, source: Any, destination: Any) -> Any:
    """With the axes `source` at the places `destination`, the others in order."""
    ndim = input.array.ndim
    if ndim == 0:
        return permuted(input, axes=())
    source = (source,) if not isinstance(source, (tuple, list)) else source
    destination = (destination,) if not isinstance(destination, (tuple, list)) else destination
    if len(source) != len(destination):
        raise RuntimeError(
            "movedim: Invalid source or destination dims: source "
            f"({list(source)} dims) should contain the same number of dims as destination "
            f"({list(destination)} dims)"
        )
    src = [canonical_axis(d, ndim) for d in source]
    dst = [canonical_axis(d, ndim) for d in destination]
    for name, dims, given in (("source", src, source), ("destination", dst, destination)):
        if len(set(dims)) != len(dims):
            raise RuntimeError(f"movedim: repeated dim in `{name}` ({list(given)})")
    order = [-1] * ndim
    for s, d in zip(src, dst, strict=True):
        order[d] = s
    rest = iter([i for i in range(ndim) if i not in src])
    return permuted(input, axes=tuple([next(rest) if s < 0 else s for s in order]))


@composed()
def moveaxis(input: Any, source: Any, destination: Any) -> Any:
    """The same as `movedim`."""
    return movedim(input, source, destination)


for _function in (t, transpose, swapaxes, swapdims):
    turned(_function)
