"""Monte-Carlo dropout: networks drawn from one network, and how much they differ."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeVar

import numpy as np

from ...core.modes import no_grad
from ...core.tensor import Tensor, make
from ..modules import rnn  # the file, whose own imports lead here before its classes are made
from ..modules.attention import MultiheadAttention
from ..modules.dropout import DropConnect, _DropoutNd
from ..modules.module import Module

__all__ = ["MonteCarlo", "monte_carlo_dropout", "monte_carlo_predict"]

M = TypeVar("M", bound=Module)


class MonteCarlo(NamedTuple):
    """What `monte_carlo_predict` returns."""

    mean: Tensor
    std: Tensor


@contextmanager
def monte_carlo_dropout(model: M, layers: tuple[type[Module], ...] = ()) -> Iterator[M]:
    """Inside, `model` is in evaluation mode but for its dropout; then every flag is as before.

    layers  further classes to keep in training mode: those whose own `forward` calls
            `F.dropout(x, training=self.training)`

    ValueError if there is no dropout in the model: every pass would be the same.
    """
    flags = [(module, module.training) for module in model.modules()]
    # To each of these, training means dropout and nothing else.
    kinds = (_DropoutNd, DropConnect, rnn.RNNBase, MultiheadAttention, *layers)
    dropping = [m for m, _ in flags if isinstance(m, kinds)]
    if not dropping:
        raise ValueError(
            f"{type(model).__name__} has no dropout layer, so all passes would be the same; if a "
            "forward() of yours calls F.dropout(training=self.training), name its class: "
            "layers=(YourModule,)"
        )
    try:
        model.eval()
        for module in dropping:
            module.training = True
        yield model
    finally:
        for module, training in flags:
            module.training = training


def monte_carlo_predict(
    model: Module,
    *inputs: Any,
    samples: int = 30,
    transform: Callable[[Any], Tensor] | None = None,
    layers: tuple[type[Module], ...] = (),
    **kwargs: Any,
) -> MonteCarlo:
    """Mean and standard deviation (of `samples` - 1) of `model(*inputs)` under dropout.

    transform  applied to each output before averaging; for classification the softmax, since the
               mean of probabilities is the predictive distribution and the mean of logits is not
    layers     as in `monte_carlo_dropout`

    Sums are taken in double precision and nothing is recorded for differentiation. ValueError for
    fewer than two samples; TypeError if an output is not one Tensor (give a `transform` then).
    Source: Gal and Ghahramani 2016, "Dropout as a Bayesian Approximation".
    """
    if samples < 2:
        raise ValueError(f"a spread needs at least 2 samples, got samples={samples}")
    mean: Any = 0.0
    squares: Any = 0.0
    with monte_carlo_dropout(model, layers), no_grad():
        for count in range(1, samples + 1):
            out = model(*inputs, **kwargs)
            out = out if transform is None else transform(out)
            if not isinstance(out, Tensor):
                raise TypeError(
                    f"the model returned a {type(out).__name__}, not a Tensor: choose one with "
                    "transform=lambda out: ..."
                )
            # Welford's update: no difference of large sums
            away = out.array.astype(np.float64) - mean
            mean = mean + away / count
            squares = squares + away * (out.array - mean)
    kind = out.array.dtype if out.array.dtype.kind == "f" else np.dtype(np.float32)
    std = np.sqrt(squares / (samples - 1))
    return MonteCarlo(make(np.asarray(mean, kind)), make(np.asarray(std, kind)))
