"""From unconstrained numbers to constrained ones: a transform for each constraint.

`biject_to(c)` is one to one (and has a Jacobian): for sampling. `transform_to(c)` need not be: it
is the better behaved one for optimizing. Source: PyTorch documentation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import constraints
from . import transforms as t

Factory = Callable[[Any], t.Transform]


class ConstraintRegistry:
    """A function of constraints, to which kinds of constraints are added by `register`."""

    def __init__(self) -> None:
        self._registry: dict[type, Factory] = {}

    def register(self, constraint: Any, factory: Factory | None = None) -> Any:
        """Let `factory(c)` answer for constraints of this type; also as a decorator."""
        if factory is None:
            return lambda factory: self.register(constraint, factory)
        if isinstance(constraint, constraints.Constraint):
            constraint = type(constraint)
        if not (isinstance(constraint, type) and issubclass(constraint, constraints.Constraint)):
            raise TypeError(
                "Expected constraint to be either a Constraint subclass or instance, "
                f"but got {constraint}"
            )
        self._registry[constraint] = factory
        return factory

    def __call__(self, constraint: Any) -> t.Transform:
        factory = self._registry.get(type(constraint))
        if factory is None:
            raise NotImplementedError(f"Cannot transform {type(constraint).__name__} constraints")
        return factory(constraint)


biject_to = ConstraintRegistry()
transform_to = ConstraintRegistry()


def _shifted(c: Any) -> t.Transform:
    return t.ComposeTransform([t.ExpTransform(), t.AffineTransform(c.lower_bound, 1)])


def _below(c: Any) -> t.Transform:
    return t.ComposeTransform([t.ExpTransform(), t.AffineTransform(c.upper_bound, -1)])


def _positive(c: Any) -> t.Transform:
    plain = isinstance(c.lower_bound, (int, float)) and c.lower_bound == 0
    return t.ExpTransform() if plain else _shifted(c)


def _between(c: Any) -> t.Transform:
    low, high = c.lower_bound, c.upper_bound
    numbers = isinstance(low, (int, float)) and isinstance(high, (int, float))
    if numbers and low == 0 and high == 1:
        return t.SigmoidTransform()
    return t.ComposeTransform([t.SigmoidTransform(), t.AffineTransform(low, high - low)])


for _registry in (biject_to, transform_to):

    def _independent(c: Any, registry: ConstraintRegistry = _registry) -> t.Transform:
        return t.IndependentTransform(registry(c.base_constraint), c.reinterpreted_batch_ndims)

    def _cat(c: Any, registry: ConstraintRegistry = _registry) -> t.Transform:
        return t.CatTransform([registry(part) for part in c.cseq], c.dim, c.lengths)

    def _stack(c: Any, registry: ConstraintRegistry = _registry) -> t.Transform:
        return t.StackTransform([registry(part) for part in c.cseq], c.dim)

    _registry.register(constraints.real, lambda c: t.identity_transform)
    _registry.register(constraints.independent, _independent)
    _registry.register(constraints.greater_than, _positive)
    _registry.register(constraints.greater_than_eq, _positive)
    _registry.register(constraints.less_than, _below)
    _registry.register(constraints.interval, _between)
    _registry.register(constraints.half_open_interval, _between)
    _registry.register(constraints.corr_cholesky, lambda c: t.CorrCholeskyTransform())
    _registry.register(constraints.cat, _cat)
    _registry.register(constraints.stack, _stack)

biject_to.register(constraints.simplex, lambda c: t.StickBreakingTransform())
transform_to.register(constraints.simplex, lambda c: t.SoftmaxTransform())
transform_to.register(constraints.lower_cholesky, lambda c: t.LowerCholeskyTransform())
for _kind in (constraints.positive_definite, constraints.positive_semidefinite):
    transform_to.register(_kind, lambda c: t.PositiveDefiniteTransform())
