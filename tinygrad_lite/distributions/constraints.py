"""Sets that parameters and samples must lie in: `constraint.check(value)` is True where they do.

`event_dim` counts the dimensions a constraint is about as a whole (1 for a simplex); the result of
`check` lacks them. Source: PyTorch documentation, `torch.distributions.constraints`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.tensor import Tensor, make
from ..kernels import lapack
from ..ops.joining import cat as cat_tensors
from ..ops.joining import stack as stack_tensors


def _bound(bound: Any) -> Any:
    """A bound as the array or number it is."""
    return bound.array if isinstance(bound, Tensor) else bound


def _truth(found: Any) -> Tensor:
    """What NumPy found, as a Tensor: checks are made for every distribution, and record nothing."""
    return make(np.asarray(found))


class Constraint:
    """A set of values."""

    is_discrete = False
    event_dim = 0

    def check(self, value: Tensor) -> Tensor:
        """A bool Tensor: whether each event of `value` lies in the set."""
        raise NotImplementedError

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value}" for name, value in self.__dict__.items())
        return f"{type(self).__name__.lstrip('_')}({shown})"


class _Dependent(Constraint):
    """A set that other parameters decide; nothing is checked."""

    def __init__(self, *, is_discrete: bool = False, event_dim: int = 0) -> None:
        self.is_discrete = is_discrete
        self.event_dim = event_dim

    def check(self, value: Tensor) -> Tensor:
        raise ValueError("Cannot determine validity of dependent constraint")


def is_dependent(constraint: Any) -> bool:
    """Whether a constraint says no more than that there is one."""
    return isinstance(constraint, _Dependent)


class dependent_property(property, _Dependent):
    """A `support` that is computed from an instance; on the class it is a dependent constraint."""

    def __init__(
        self, fn: Callable[..., Any] | None = None, *, is_discrete: bool = False, event_dim: int = 0
    ) -> None:
        super().__init__(fn)
        self.is_discrete = is_discrete
        self.event_dim = event_dim

    def __call__(self, fn: Callable[..., Any]) -> dependent_property:
        return dependent_property(fn, is_discrete=self.is_discrete, event_dim=self.event_dim)


class IndependentConstraint(Constraint):
    """`base_constraint` for all of the last `reinterpreted_batch_ndims` dimensions at once."""

    def __init__(self, base_constraint: Constraint, reinterpreted_batch_ndims: int) -> None:
        self.base_constraint = base_constraint
        self.reinterpreted_batch_ndims = reinterpreted_batch_ndims
        self.is_discrete = base_constraint.is_discrete
        self.event_dim = base_constraint.event_dim + reinterpreted_batch_ndims

    def check(self, value: Tensor) -> Tensor:
        result = self.base_constraint.check(value)
        dims = self.reinterpreted_batch_ndims
        if result.ndim < dims:
            raise ValueError(f"Expected value.dim() >= {self.event_dim} but got {value.ndim}")
        return result.reshape((*result.shape[: result.ndim - dims], -1)).all(-1)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.base_constraint!r}, {self.reinterpreted_batch_ndims})"


class Boolean(Constraint):
    """0 or 1."""

    is_discrete = True

    def check(self, value: Tensor) -> Tensor:
        a = value.array
        return _truth((a == 0) | (a == 1))


class OneHot(Constraint):
    """Vectors of zeros with a single 1."""

    is_discrete = True
    event_dim = 1

    def check(self, value: Tensor) -> Tensor:
        a = value.array
        return _truth(((a == 0) | (a == 1)).all(-1) & (a.sum(-1) == 1))


def _whole(a: np.ndarray) -> Any:
    """Where an array holds whole numbers."""
    return True if a.dtype.kind in "iub" else a % 1 == 0


class IntegerInterval(Constraint):
    """Integers from `lower_bound` to `upper_bound`, both included."""

    is_discrete = True

    def __init__(self, lower_bound: Any, upper_bound: Any) -> None:
        self.lower_bound = lower_bound
        self.upper_bound = upper_bound

    def check(self, value: Tensor) -> Tensor:
        a = value.array
        inside = (a >= _bound(self.lower_bound)) & (a <= _bound(self.upper_bound))
        return _truth(inside & _whole(a))


class IntegerGreaterThan(Constraint):
    """Integers from `lower_bound` on."""

    is_discrete = True

    def __init__(self, lower_bound: Any) -> None:
        self.lower_bound = lower_bound

    def check(self, value: Tensor) -> Tensor:
        a = value.array
        return _truth((a >= _bound(self.lower_bound)) & _whole(a))


class Real(Constraint):
    """All numbers but nan."""

    def check(self, value: Tensor) -> Tensor:
        return _truth(value.array == value.array)


class GreaterThan(Constraint):
    """Above `lower_bound`."""

    def __init__(self, lower_bound: Any) -> None:
        self.lower_bound = lower_bound

    def check(self, value: Tensor) -> Tensor:
        return _truth(value.array > _bound(self.lower_bound))


class GreaterThanEq(Constraint):
    """`lower_bound` or above."""

    def __init__(self, lower_bound: Any) -> None:
        self.lower_bound = lower_bound

    def check(self, value: Tensor) -> Tensor:
        return _truth(value.array >= _bound(self.lower_bound))


class LessThan(Constraint):
    """Below `upper_bound`."""

    def __init__(self, upper_bound: Any) -> None:
        self.upper_bound = upper_bound

    def check(self, value: Tensor) -> Tensor:
        return _truth(value.array < _bound(self.upper_bound))


class Interval(Constraint):
    """From `lower_bound` to `upper_bound`, both included."""

    def __init__(self, lower_bound: Any, upper_bound: Any) -> None:
        self.lower_bound = lower_bound
        self.upper_bound = upper_bound

    def check(self, value: Tensor) -> Tensor:
        a = value.array
        return _truth((a >= _bound(self.lower_bound)) & (a <= _bound(self.upper_bound)))


class HalfOpenInterval(Interval):
    """From `lower_bound`, included, to `upper_bound`, excluded."""

    def check(self, value: Tensor) -> Tensor:
        a = value.array
        return _truth((a >= _bound(self.lower_bound)) & (a < _bound(self.upper_bound)))


class Simplex(Constraint):
    """Vectors of numbers >= 0 that add up to 1 (within 1e-6)."""

    event_dim = 1

    def check(self, value: Tensor) -> Tensor:
        a = value.array
        total = np.add.reduce(a, -1, dtype=np.float64)
        return _truth((a >= 0).all(-1) & (np.abs(total - 1) < 1e-6))


class Multinomial(Constraint):
    """Vectors of counts that add up to at most `upper_bound`."""

    is_discrete = True
    event_dim = 1

    def __init__(self, upper_bound: Any) -> None:
        self.upper_bound = upper_bound

    def check(self, value: Tensor) -> Tensor:
        a = value.array
        return _truth((a >= 0).all(-1) & (a.sum(-1) <= _bound(self.upper_bound)))


class LowerTriangular(Constraint):
    """Square matrices with zeros above the diagonal."""

    event_dim = 2

    def check(self, value: Tensor) -> Tensor:
        return (value.tril() == value).all(-1).all(-1)


class LowerCholesky(LowerTriangular):
    """Lower triangular matrices with a positive diagonal."""

    def check(self, value: Tensor) -> Tensor:
        return super().check(value) & (value.diagonal(dim1=-2, dim2=-1) > 0).all(-1)


class PositiveDefinite(Constraint):
    """Symmetric matrices (within 1e-6) whose eigenvalues are all positive."""

    event_dim = 2

    def check(self, value: Tensor) -> Tensor:
        a = value.array
        if a.shape[-1] != a.shape[-2]:
            return make(np.zeros(a.shape[:-2], bool))
        symmetric = np.isclose(a, a.swapaxes(-1, -2), atol=1e-6).all((-1, -2))
        positive = (lapack.eigvalsh(a) > 0).all(-1)
        return make(np.asarray(symmetric & positive))


class Square(Constraint):
    """Square matrices."""

    event_dim = 2

    def check(self, value: Tensor) -> Tensor:
        shape = value.array.shape
        return make(np.full(shape[:-2], shape[-1] == shape[-2]))


class Symmetric(Square):
    """Symmetric matrices (within 1e-6)."""

    def check(self, value: Tensor) -> Tensor:
        a = value.array
        if a.shape[-1] != a.shape[-2]:
            return super().check(value)
        return make(np.asarray(np.isclose(a, a.swapaxes(-1, -2), atol=1e-6).all((-1, -2))))


class PositiveSemidefinite(Symmetric):
    """Symmetric matrices without negative eigenvalues."""

    def check(self, value: Tensor) -> Tensor:
        symmetric = super().check(value)
        if not symmetric.array.all():
            return symmetric
        return make(np.asarray((lapack.eigvalsh(value.array) >= 0).all(-1)))


class CorrCholesky(Constraint):
    """Cholesky factors of correlation matrices: lower ones whose rows have length 1."""

    event_dim = 2

    def check(self, value: Tensor) -> Tensor:
        a = value.array
        near = np.finfo(a.dtype).eps * a.shape[-1] * 10
        unit = (np.abs(np.sqrt((a * a).sum(-1)) - 1) <= near).all(-1)
        return LowerCholesky().check(value) & make(np.asarray(unit))


class Cat(Constraint):
    """Constraints `cseq` for parts of lengths `lengths` (1 each by default) along `dim`."""

    def __init__(self, cseq: Any, dim: int = 0, lengths: Any = None) -> None:
        self.cseq = list(cseq)
        self.lengths = [1] * len(self.cseq) if lengths is None else list(lengths)
        if len(self.lengths) != len(self.cseq):
            raise AssertionError(
                f"lengths ({len(self.lengths)}) must match cseq ({len(self.cseq)})"
            )
        self.dim = dim
        self.is_discrete = any(c.is_discrete for c in self.cseq)
        self.event_dim = max(c.event_dim for c in self.cseq)

    def check(self, value: Tensor) -> Tensor:
        parts = value.split(self.lengths, self.dim)
        return cat_tensors([c.check(v) for c, v in zip(self.cseq, parts, strict=True)], self.dim)


class Stack(Constraint):
    """One of the constraints `cseq` for each index along `dim`."""

    def __init__(self, cseq: Any, dim: int = 0) -> None:
        self.cseq = list(cseq)
        self.dim = dim
        self.is_discrete = any(c.is_discrete for c in self.cseq)
        dims = max(c.event_dim for c in self.cseq)
        self.event_dim = dims + 1 if dim + dims < 0 else dims

    def check(self, value: Tensor) -> Tensor:
        parts = value.unbind(self.dim)
        return stack_tensors([c.check(v) for c, v in zip(self.cseq, parts, strict=True)], self.dim)


dependent = _Dependent()
independent = IndependentConstraint
boolean = Boolean()
one_hot = OneHot()
nonnegative_integer = IntegerGreaterThan(0)
positive_integer = IntegerGreaterThan(1)
integer_interval = IntegerInterval
real = Real()
real_vector = independent(real, 1)
positive = GreaterThan(0.0)
nonnegative = GreaterThanEq(0.0)
greater_than = GreaterThan
greater_than_eq = GreaterThanEq
less_than = LessThan
multinomial = Multinomial
unit_interval = Interval(0.0, 1.0)
interval = Interval
half_open_interval = HalfOpenInterval
simplex = Simplex()
lower_triangular = LowerTriangular()
lower_cholesky = LowerCholesky()
positive_definite = PositiveDefinite()
positive_semidefinite = PositiveSemidefinite()
square = Square()
symmetric = Symmetric()
corr_cholesky = CorrCholesky()
cat = Cat
stack = Stack
