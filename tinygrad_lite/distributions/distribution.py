"""What every distribution is: a batch of independent random variables with events of one shape.

A sample has the shape sample_shape + batch_shape + event_shape. `sample` draws without gradient;
`rsample`, where `has_rsample`, draws as a differentiable function of the parameters (the
"reparameterization trick"); `log_prob` and `entropy` are ordinary recorded computations.
Source: PyTorch documentation, "torch.distributions".
"""

from __future__ import annotations

import warnings
from typing import Any, Self

from ..core.modes import no_grad
from ..core.tensor import Size, Tensor
from . import constraints
from .constraints import Constraint
from .utils import broadcast_all, lazy_property


class Distribution:
    """Base class. Subclasses define what their mathematics gives; the rest raises."""

    has_rsample = False
    has_enumerate_support = False
    arg_constraints: Any = {}
    _validate_args = __debug__

    @staticmethod
    def set_default_validate_args(value: bool) -> None:
        """Whether parameters and values are checked unless `validate_args` says otherwise."""
        if value not in (True, False):
            raise ValueError(f"validate_args is True or False, not {value!r}")
        Distribution._validate_args = value

    def __init__(
        self,
        batch_shape: Any = (),
        event_shape: Any = (),
        validate_args: bool | None = None,
    ) -> None:
        self._batch_shape = Size(batch_shape)
        self._event_shape = Size(event_shape)
        if validate_args is not None:
            self._validate_args = validate_args
        if self._validate_args:
            for name, constraint in self.arg_constraints.items():
                lazy = isinstance(getattr(type(self), name, None), lazy_property)
                if not constraints.is_dependent(constraint) and not (
                    lazy and name not in self.__dict__
                ):
                    self._check_parameter(name, constraint)

    def _check_parameter(self, name: str, constraint: Constraint) -> None:
        value = getattr(self, name)
        if not constraint.check(value).array.all():
            raise ValueError(
                f"Expected parameter {name} ({type(value).__name__} of shape "
                f"{tuple(value.shape)}) of distribution {self!r} to satisfy the constraint "
                f"{constraint!r}, but found invalid values:\n{value}"
            )

    # -- shapes -----------------------------------------------------------------------------------

    @property
    def batch_shape(self) -> Size:
        """The shape of the batch of parameters."""
        return self._batch_shape

    @property
    def event_shape(self) -> Size:
        """The shape of one sample of one of the batch."""
        return self._event_shape

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        """The same distribution with its batch expanded to `batch_shape` (as Tensor.expand)."""
        raise NotImplementedError

    def _get_checked_instance(self, cls: type, _instance: Any = None) -> Any:
        """An instance of this class without parameters, for the `expand` that `cls` defines.

        NotImplementedError if a subclass of `cls` has an `__init__` of its own, for which that
        `expand` does not know the parameters.
        """
        if _instance is not None:
            return _instance
        if type(self).__init__ is not cls.__init__:  # type: ignore[misc]
            raise NotImplementedError(
                f"Subclass {type(self).__name__} of {cls.__name__} that defines a custom __init__ "
                "method must also define a custom .expand() method."
            )
        return type(self).__new__(type(self))

    def _twin(self, batch_shape: Any, _instance: Any) -> Self:
        """`_get_checked_instance` for the class of this package, with its shapes."""
        ours = next(kind for kind in type(self).__mro__ if kind.__module__.startswith(__package__))
        twin = self._get_checked_instance(ours, _instance)
        twin._batch_shape = Size(batch_shape)
        twin._event_shape = self._event_shape
        twin._validate_args = self._validate_args
        made: Self = twin
        return made

    def _extended_shape(self, sample_shape: Any = ()) -> Size:
        return Size((*sample_shape, *self._batch_shape, *self._event_shape))

    # -- what a subclass defines ------------------------------------------------------------------

    @property
    def support(self) -> Any:
        """The set that samples lie in."""
        raise NotImplementedError

    @property
    def mean(self) -> Tensor:
        """The expected value."""
        raise NotImplementedError

    @property
    def mode(self) -> Tensor:
        """The most probable value."""
        raise NotImplementedError(f"{type(self)} does not implement mode")

    @property
    def variance(self) -> Tensor:
        """The variance of each component."""
        raise NotImplementedError

    @property
    def stddev(self) -> Tensor:
        """The square root of the variance."""
        return self.variance.sqrt()

    def sample(self, sample_shape: Any = ()) -> Tensor:
        """Draws of shape sample_shape + batch_shape + event_shape, without gradient."""
        with no_grad():
            return self.rsample(sample_shape)

    def sample_n(self, n: int) -> Tensor:
        """Deprecated form of `sample((n,))`."""
        warnings.warn(
            "`sample_n(n)` will be deprecated. Use `sample((n,))` instead.",
            FutureWarning,
            stacklevel=2,
        )
        return self.sample((n,))

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        """Draws that are a differentiable function of the parameters."""
        raise NotImplementedError(f"{type(self).__name__} has no rsample (has_rsample is False)")

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the density, or of the probability, at `value`."""
        raise NotImplementedError

    def cdf(self, value: Tensor) -> Tensor:
        """The probability of a sample <= `value`."""
        raise NotImplementedError

    def icdf(self, value: Tensor) -> Tensor:
        """The quantile: the inverse of `cdf`."""
        raise NotImplementedError

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """All values of a finite support, along dimension 0."""
        raise NotImplementedError

    def entropy(self) -> Tensor:
        """-E[log_prob], of shape batch_shape, in nats."""
        raise NotImplementedError

    def perplexity(self) -> Tensor:
        """exp(entropy)."""
        return self.entropy().exp()

    # -- checks -----------------------------------------------------------------------------------

    def _validate_sample(self, value: Any) -> None:
        """ValueError unless `value` is a Tensor that fits the shapes and lies in the support."""
        if not self._validate_args:
            return
        if not isinstance(value, Tensor):
            raise ValueError("The value argument to log_prob must be a Tensor")
        shape, event = value.array.shape, tuple(self._event_shape)
        start = len(shape) - len(event)
        if shape[max(start, 0) :] != event:
            raise ValueError(
                "The right-most size of value must match event_shape: "
                f"{value.shape} vs {self._event_shape}."
            )
        expected = (*self._batch_shape, *event)
        for i, j in zip(reversed(shape), reversed(expected), strict=False):
            if i != 1 and j != 1 and i != j:
                expected = Size(expected)
                raise ValueError(
                    "Value is not broadcastable with batch_shape+event_shape: "
                    f"{value.shape} vs {expected}."
                )
        if not self.support.check(value).array.all():
            raise ValueError(
                f"Expected value argument ({type(value).__name__} of shape {tuple(value.shape)}) "
                f"to be within the support ({self.support!r}) of the distribution {self!r}, but "
                f"found invalid values:\n{value}"
            )

    def __repr__(self) -> str:
        parts = []
        for name in self.arg_constraints:
            if name in self.__dict__:
                value = self.__dict__[name]
                parts.append(f"{name}: {value if value.numel() == 1 else value.size()}")
        return f"{type(self).__name__}({', '.join(parts)})"


class Elementwise(Distribution):
    """Distributions of single numbers whose parameters broadcast against each other."""

    def __init__(self, validate_args: bool | None = None, **parameters: Any) -> None:
        values = broadcast_all(*parameters.values())
        self._names = tuple(parameters)
        for name, value in zip(parameters, values, strict=True):
            setattr(self, name, value)
        super().__init__(values[0].shape, validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        twin = self._twin(batch_shape, _instance)
        twin._names = self._names
        for name in self._names:
            setattr(twin, name, getattr(self, name).expand(tuple(batch_shape)))
        return twin
