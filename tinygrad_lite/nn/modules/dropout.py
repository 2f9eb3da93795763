"""Dropout: noise that multiplies, in training only."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ...core.modes import no_grad
from ...core.tensor import Tensor
from .. import functional as F
from ..parameter import is_lazy
from .module import Module


def _check(p: float) -> None:
    if p < 0 or p > 1:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")


class _DropoutNd(Module):
    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        _check(p)
        self.p = p
        self.inplace = inplace

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_DropoutNd):
    """Each element zero with probability p, the others divided by 1 - p (Hinton et al. 2012)."""

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout(input, self.p, self.training, self.inplace)


class Dropout1d(_DropoutNd):
    """Whole channels of (N, C, L) zero with probability p."""

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout1d(input, self.p, self.training, self.inplace)


class Dropout2d(_DropoutNd):
    """Whole channels of (N, C, H, W) zero with probability p (Tompson et al. 2015)."""

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout2d(input, self.p, self.training, self.inplace)


class Dropout3d(_DropoutNd):
    """Whole channels of (N, C, D, H, W) zero with probability p."""

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout3d(input, self.p, self.training, self.inplace)


class AlphaDropout(_DropoutNd):
    """Dropout that keeps mean 0 and variance 1 under SELU (Klambauer et al. 2017)."""

    def forward(self, input: Tensor) -> Tensor:
        return F.alpha_dropout(input, self.p, self.training)


class FeatureAlphaDropout(_DropoutNd):
    """Alpha dropout of whole channels."""

    def forward(self, input: Tensor) -> Tensor:
        return F.feature_alpha_dropout(input, self.p, self.training)


class DropConnect(Module):
    """A layer of whose connections each is cut with probability p, in training only.

        y = layer(x) with weights  W * M / (1 - p),        M_ij = 1 with probability 1 - p, else 0

    Dropout silences units; here single weights are silenced, in a fresh mask at every forward pass.
    What survives is scaled up, so evaluation uses the weights as they are.

    module  any layer that has weights of its own: `Linear`, convolutions, `LSTM` (where it is the
            weight drop of Merity et al. 2017)
    p       the share of connections cut
    names   the parameters it applies to; by default those with "weight" in their names

    `DropConnect(Linear(784, 256))` wraps: the layer keeps its parameters, under `module.` in
    `state_dict`. One mask serves the whole batch, where Wan et al. draw one for each sample, which
    takes N times the memory of W; and evaluation is the mean network, not their Gaussian samples
    (for samples: `nn.utils.monte_carlo_predict`). ValueError if there is nothing to apply it to.
    Source: Wan, Zeiler, Zhang, LeCun and Fergus 2013, "Regularization of Neural Networks using
    DropConnect".
    """

    def __init__(self, module: Module, p: float = 0.5, names: Iterable[str] | None = None) -> None:
        super().__init__()
        _check(p)
        own = [name for name, w in module._parameters.items() if w is not None]
        if names is None:
            names = [name for name in own if "weight" in name]
        self.names = list(names)
        unknown = [name for name in self.names if name not in own]
        if unknown or not self.names:
            raise ValueError(
                f"{type(module).__name__} has no parameter {', '.join(unknown) or 'weight'} of its "
                f"own to drop from; it has: {', '.join(own) or 'none'}. Wrap the layers that have "
                "weights, one by one, before any parametrization of them."
            )
        self.p = p
        self.module = module

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        parameters: dict[str, Any] = self.module._parameters
        if not self.training or self.p == 0:
            return self.module(*args, **kwargs)
        if any(is_lazy(parameters[name]) for name in self.names):
            with no_grad():  # the first call gives the weights their shapes
                self.module(*args, **kwargs)
        whole = {name: parameters[name] for name in self.names}
        try:
            parameters.update((name, F.dropout(w, self.p)) for name, w in whole.items())
            return self.module(*args, **kwargs)
        finally:
            parameters.update(whole)

    def extra_repr(self) -> str:
        return f"p={self.p}, names={self.names}"
