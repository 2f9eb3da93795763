"""The distribution of a function of a random variable."""

from __future__ import annotations

from typing import Any

from ..core.modes import no_grad
from ..core.tensor import Tensor
from . import constraints
from .distribution import Distribution
from .independent import Independent
from .transforms import ComposeTransform, Transform
from .utils import sum_rightmost


class TransformedDistribution(Distribution):
    """y = t_n(... t_1(x)) for x ~ `base_distribution`.

    log p(y) = log p(x) - the sum of log |dt_i|, x being found by undoing the transforms. ValueError
    for anything but a Transform or a list of them, or a base with too few dimensions.
    """

    base_dist: Distribution
    transforms: list[Transform]

    def __init__(
        self,
        base_distribution: Distribution,
        transforms: Transform | list[Transform],
        validate_args: bool | None = None,
    ) -> None:
        listed = [transforms] if isinstance(transforms, Transform) else transforms
        if not isinstance(listed, list):
            raise ValueError(f"transforms must be a Transform or list, but was {transforms}")
        if not all(isinstance(t, Transform) for t in listed):
            raise ValueError("transforms must be a Transform or a list of Transforms")
        self.transforms = listed
        whole = ComposeTransform(listed)
        base = base_distribution
        dims_in, dims_out = whole.domain.event_dim, whole.codomain.event_dim
        shape = base.batch_shape + base.event_shape
        if len(shape) < dims_in:
            raise ValueError(
                f"base_distribution needs to have shape with size at least {dims_in}, "
                f"but got {shape}."
            )
        # Parameters of a transform may broadcast the base to more dimensions,
        out_shape = whole.forward_shape(shape)
        wide = whole.inverse_shape(out_shape)
        if tuple(wide) != tuple(shape):
            base = base.expand(wide[: len(wide) - len(base.event_shape)])
        # and a transform of vectors takes numbers for components of one event.
        event_dims = max(dims_out, len(base.event_shape) + dims_out - dims_in)
        missing = dims_in - len(base.event_shape)
        self.base_dist = Independent(base, missing) if missing > 0 else base
        cut = len(out_shape) - event_dims
        super().__init__(out_shape[:cut], out_shape[cut:], validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        twin = self._twin(batch_shape, _instance)
        shape: Any = twin._batch_shape + self.event_shape
        for transform in reversed(self.transforms):
            shape = transform.inverse_shape(shape)
        twin.base_dist = self.base_dist.expand(
            shape[: len(shape) - len(self.base_dist.event_shape)]
        )
        twin.transforms = self.transforms
        return twin

    @constraints.dependent_property(is_discrete=False)
    def support(self) -> Any:
        if not self.transforms:
            return self.base_dist.support
        support = self.transforms[-1].codomain
        extra = len(self.event_shape) - support.event_dim
        return constraints.independent(support, extra) if extra > 0 else support

    @property
    def has_rsample(self) -> bool:  # type: ignore[override]
        return self.base_dist.has_rsample

    def sample(self, sample_shape: Any = ()) -> Tensor:
        with no_grad():
            return self._forward(self.base_dist.sample(sample_shape))

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        return self._forward(self.base_dist.rsample(sample_shape))

    def _forward(self, x: Tensor) -> Tensor:
        for transform in self.transforms:
            x = transform(x)
        return x

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        dims = len(self.event_shape)
        total: Any = 0.0
        y = value
        for transform in reversed(self.transforms):
            x = transform.inv(y)
            dims += transform.domain.event_dim - transform.codomain.event_dim
            jacobian = transform.log_abs_det_jacobian(x, y)
            total = total - sum_rightmost(jacobian, dims - transform.domain.event_dim)
            y = x
        density = self.base_dist.log_prob(y)
        summed: Tensor = total + sum_rightmost(density, dims - len(self.base_dist.event_shape))
        return summed

    def _oriented(self, probability: Tensor) -> Tensor:
        """1 - probability where the transforms turn the order around."""
        sign = ComposeTransform(self.transforms).sign
        turned: Tensor = (
            probability if isinstance(sign, int) and sign == 1 else sign * (probability - 0.5) + 0.5
        )
        return turned

    def cdf(self, value: Tensor) -> Tensor:
        for transform in reversed(self.transforms):
            value = transform.inv(value)
        return self._oriented(self.base_dist.cdf(value))

    def icdf(self, value: Tensor) -> Tensor:
        return self._forward(self.base_dist.icdf(self._oriented(value)))
