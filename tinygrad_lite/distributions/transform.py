"""Invertible functions with their Jacobians, to make distributions out of others.

A transform t is called as t(x); `t.inv(y)` undoes it, and `t.log_abs_det_jacobian(x, y)` is
log |dy/dx| for y = t(x). `domain.event_dim` says how many of the last dimensions belong together.
With `cache_size=1` the last x and y are kept, so that inverting a fresh y gives x back exactly.
Source: PyTorch documentation, `torch.distributions.transforms`.
"""

from __future__ import annotations

import functools
import operator
from typing import Any

from ..core.tensor import Size, Tensor
from ..ops.like import zeros_like
from . import constraints
from .constraints import Constraint
from .utils import sum_rightmost


class Transform:
    """Base class. Subclasses define `_call`, `_inverse` and `log_abs_det_jacobian`."""

    bijective = False
    domain: Any
    codomain: Any

    def __init__(self, cache_size: int = 0) -> None:
        if cache_size not in (0, 1):
            raise ValueError(f"cache_size must be 0 or 1, got {cache_size}")
        self._cache_size = cache_size
        self._last: tuple[Any, Any] = (None, None)

    @property
    def event_dim(self) -> int:
        """How many dimensions belong together, if it is as many before and after."""
        if self.domain.event_dim != self.codomain.event_dim:
            raise ValueError("Please use either .domain.event_dim or .codomain.event_dim")
        dims: int = self.domain.event_dim
        return dims

    @property
    def sign(self) -> Any:
        """1 or -1 (or a Tensor of them) where the transform keeps or turns the order of numbers."""
        raise NotImplementedError(f"{type(self).__name__} does not keep an order")

    @property
    def inv(self) -> Transform:
        """The inverse, itself a transform."""
        return InverseTransform(self)

    def _arguments(self) -> tuple[Any, ...]:
        """What `__init__` was called with, but for the cache size."""
        return ()

    def with_cache(self, cache_size: int = 1) -> Transform:
        """The same transform with another cache size."""
        if self._cache_size == cache_size:
            return self
        made: Any = type(self)
        twin: Transform = made(*self._arguments(), cache_size=cache_size)
        return twin

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and all(
            _same(a, b) for a, b in zip(self._arguments(), other._arguments(), strict=True)
        )

    __hash__ = object.__hash__

    def __call__(self, x: Tensor) -> Tensor:
        if self._cache_size and x is self._last[0]:
            kept: Tensor = self._last[1]
            return kept
        y = self._call(x)
        if self._cache_size:
            self._last = x, y
        return y

    def undo(self, y: Tensor) -> Tensor:
        """x with self(x) = y; what `inv` calls."""
        if self._cache_size and y is self._last[1]:
            kept: Tensor = self._last[0]
            return kept
        x = self._inverse(y)
        if self._cache_size:
            self._last = x, y
        return x

    def _call(self, x: Tensor) -> Tensor:
        raise NotImplementedError

    def _inverse(self, y: Tensor) -> Tensor:
        raise NotImplementedError

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """log |dy/dx|, without the dimensions that belong together."""
        raise NotImplementedError

    def forward_shape(self, shape: Any) -> Any:
        """The shape of y for an x of this shape."""
        return shape

    def inverse_shape(self, shape: Any) -> Any:
        """The shape of x for a y of this shape."""
        return shape

    def __getstate__(self) -> Any:
        return self.__dict__ | {"_last": (None, None)}

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, Tensor) or isinstance(b, Tensor):
        equal = a == b
        return bool(equal.array.all()) if isinstance(equal, Tensor) else bool(equal)
    return bool(a == b)


class InverseTransform(Transform):
    """What `inv` of a transform returns; its own `inv` is that transform again."""

    def __init__(self, transform: Transform) -> None:
        super().__init__()
        self.transform = transform

    @property
    def domain(self) -> Any:
        return self.transform.codomain

    @property
    def codomain(self) -> Any:
        return self.transform.domain

    @property
    def bijective(self) -> bool:  # type: ignore[override]
        return self.transform.bijective

    @property
    def sign(self) -> Any:
        return self.transform.sign

    @property
    def inv(self) -> Transform:
        return self.transform

    def _arguments(self) -> tuple[Any, ...]:
        return (self.transform,)

    def with_cache(self, cache_size: int = 1) -> Transform:
        return self.transform.with_cache(cache_size).inv

    def __call__(self, x: Tensor) -> Tensor:
        return self.transform.undo(x)

    def undo(self, y: Tensor) -> Tensor:
        return self.transform(y)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return -self.transform.log_abs_det_jacobian(y, x)

    def forward_shape(self, shape: Any) -> Any:
        return self.transform.inverse_shape(shape)

    def inverse_shape(self, shape: Any) -> Any:
        return self.transform.forward_shape(shape)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.transform!r})"


class ComposeTransform(Transform):
    """`parts` one after the other, the first first."""

    def __init__(self, parts: list[Transform], cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.parts = [part.with_cache(cache_size) for part in parts] if cache_size else parts

    def _arguments(self) -> tuple[Any, ...]:
        return (self.parts,)

    def _joined(self, ends: list[tuple[Constraint, Constraint]]) -> Constraint:
        """The first of `ends`, with as many dimensions as all of them together need."""
        if not ends:
            return constraints.real
        dims = ends[-1][1].event_dim
        for near, far in reversed(ends):
            dims = max(dims + near.event_dim - far.event_dim, near.event_dim)
        first = ends[0][0]
        extra = dims - first.event_dim
        return constraints.independent(first, extra) if extra else first

    @property
    def domain(self) -> Any:
        return self._joined([(part.domain, part.codomain) for part in self.parts])

    @property
    def codomain(self) -> Any:
        return self._joined([(part.codomain, part.domain) for part in reversed(self.parts)])

    @property
    def bijective(self) -> bool:  # type: ignore[override]
        return all(part.bijective for part in self.parts)

    @property
    def sign(self) -> Any:
        return functools.reduce(operator.mul, [part.sign for part in self.parts], 1)

    @property
    def inv(self) -> Transform:
        return ComposeTransform([part.inv for part in reversed(self.parts)])

    def __call__(self, x: Tensor) -> Tensor:
        for part in self.parts:
            x = part(x)
        return x

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        if not self.parts:
            return zeros_like(x)
        steps = [x]
        for part in self.parts[:-1]:
            steps.append(part(steps[-1]))
        steps.append(y)
        dims = self.domain.event_dim
        total: Any = 0
        for part, before, after in zip(self.parts, steps, steps[1:], strict=False):
            each = part.log_abs_det_jacobian(before, after)
            total = total + sum_rightmost(each, dims - part.domain.event_dim)
            dims += part.codomain.event_dim - part.domain.event_dim
        summed: Tensor = total
        return summed

    def forward_shape(self, shape: Any) -> Any:
        for part in self.parts:
            shape = part.forward_shape(shape)
        return shape

    def inverse_shape(self, shape: Any) -> Any:
        for part in reversed(self.parts):
            shape = part.inverse_shape(shape)
        return shape

    def __repr__(self) -> str:
        inside = ",\n    ".join([repr(part) for part in self.parts])
        return f"{type(self).__name__}(\n    {inside}\n)"


identity_transform = ComposeTransform([])


class IndependentTransform(Transform):
    """A transform of which the last `reinterpreted_batch_ndims` dimensions belong together."""

    def __init__(
        self, base_transform: Transform, reinterpreted_batch_ndims: int, cache_size: int = 0
    ) -> None:
        super().__init__(cache_size)
        self.base_transform = base_transform.with_cache(cache_size)
        self.reinterpreted_batch_ndims = reinterpreted_batch_ndims

    def _arguments(self) -> tuple[Any, ...]:
        return self.base_transform, self.reinterpreted_batch_ndims

    @property
    def domain(self) -> Any:
        return constraints.independent(self.base_transform.domain, self.reinterpreted_batch_ndims)

    @property
    def codomain(self) -> Any:
        return constraints.independent(self.base_transform.codomain, self.reinterpreted_batch_ndims)

    @property
    def bijective(self) -> bool:  # type: ignore[override]
        return self.base_transform.bijective

    @property
    def sign(self) -> Any:
        return self.base_transform.sign

    def _call(self, x: Tensor) -> Tensor:
        if x.ndim < self.domain.event_dim:
            raise ValueError("Too few dimensions on input")
        return self.base_transform(x)

    def _inverse(self, y: Tensor) -> Tensor:
        if y.ndim < self.codomain.event_dim:
            raise ValueError("Too few dimensions on input")
        return self.base_transform.undo(y)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        each = self.base_transform.log_abs_det_jacobian(x, y)
        return sum_rightmost(each, self.reinterpreted_batch_ndims)

    def forward_shape(self, shape: Any) -> Any:
        return self.base_transform.forward_shape(shape)

    def inverse_shape(self, shape: Any) -> Any:
        return self.base_transform.inverse_shape(shape)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.base_transform!r}, {self.reinterpreted_batch_ndims})"


class ReshapeTransform(Transform):
    """Events of shape `in_shape` as events of shape `out_shape`."""

    bijective = True

    def __init__(self, in_shape: Any, out_shape: Any, cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.in_shape, self.out_shape = Size(in_shape), Size(out_shape)
        if self.in_shape.numel() != self.out_shape.numel():
            raise ValueError(
                "in_shape, out_shape have different numbers of elements: "
                f"{self.in_shape} and {self.out_shape}"
            )
        self.domain = constraints.independent(constraints.real, len(self.in_shape))
        self.codomain = constraints.independent(constraints.real, len(self.out_shape))

    def _arguments(self) -> tuple[Any, ...]:
        return self.in_shape, self.out_shape

    def _call(self, x: Tensor) -> Tensor:
        return x.reshape(self.forward_shape(x.shape))

    def _inverse(self, y: Tensor) -> Tensor:
        return y.reshape(self.inverse_shape(y.shape))

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return x.new_zeros(x.shape[: x.ndim - len(self.in_shape)])

    def forward_shape(self, shape: Any) -> Any:
        return _exchanged(shape, self.in_shape, self.out_shape)

    def inverse_shape(self, shape: Any) -> Any:
        return _exchanged(shape, self.out_shape, self.in_shape)


def _exchanged(shape: Any, old: Size, new: Size) -> Size:
    if len(shape) < len(old):
        raise ValueError("Too few dimensions on input")
    cut = len(shape) - len(old)
    if tuple(shape[cut:]) != tuple(old):
        raise ValueError(f"Shape mismatch: expected {shape[cut:]} but got {old}")
    return Size((*shape[:cut], *new))
