"""Losses that are worth a kernel: cross entropy of logits, likelihood of classes, distances."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.doors import primitive
from ..core.fused import fused
from ..core.rules import with_kernel
from ..core.samples import Integer, Real, one_of, sample
from ..core.tensor import make
from ..kernels import activations, distances, elementwise
from ..kernels import losses as kernels
from .activation import sigmoid
from .arguments import no_kernel, unsupported
from .selection import where
from .softmax import log_softmax


def _backward(
    g: Any,
    need: Any,
    x: Any,
    target: Any,
    weight: Any,
    residual: Any,
    ignore_index: int,
    label_smoothing: float,
    reduction: str,
) -> Any:
    try:  # not `if residual`: two threads may ask at once
        dx = residual.pop()  # only once: it becomes a gradient, into which programs may write
    except IndexError:  # another pass took it, or nobody asked for it when the loss was computed
        _, dx = kernels.cross_entropy(
            x, target, weight, ignore_index, label_smoothing, reduction, True
        )
    dx = kernels.cross_entropy_backward(g, dx, x.shape, target, ignore_index)
    return dx, None, None


def _reference(
    x: Any,
    target: Any,
    weight: Any,
    *,
    ignore_index: int,
    label_smoothing: float,
    reduction: str,
    gradient: bool,
) -> Any:
    """Minus the mean over classes, weighted by the smoothed target, of log softmax(x)."""
    l = log_softmax(x, 1 if x.array.ndim > 1 else 0)
    return _expected(l, target, weight, ignore_index, label_smoothing, reduction)


def _nll_reference(x: Any, target: Any, weight: Any, *, ignore_index: int, reduction: str) -> Any:
    """Minus the scores of the targets, as the sum over all classes of score times indicator."""
    return _expected(x, target, weight, ignore_index, 0.0, reduction)


def _expected(
    scores: Any,
    target: Any,
    weight: Any,
    ignore_index: int,
    label_smoothing: float,
    reduction: str,
) -> Any:
    """Minus the sum over classes of weight times smoothed indicator of the target times score."""
    axis = 1 if scores.array.ndim > 1 else 0
    y = target if isinstance(target, np.ndarray) else target.array
    kept = y != ignore_index
    label = np.where(kept, y, 0)
    classes = scores.array.shape[axis]
    along = [-1 if i == axis else 1 for i in range(scores.array.ndim)]
    share = np.expand_dims(label, axis) == np.arange(classes).reshape(along)
    share = (1 - label_smoothing) * share + label_smoothing / classes
    counts = kept.astype(scores.array.dtype)
    if weight is not None:
        w = weight if isinstance(weight, np.ndarray) else weight.array
        share = share * w.reshape(along)
        counts = counts * w[label]
    terms = scores * make(share.astype(scores.array.dtype))
    loss = where(make(np.asarray(kept)), -terms.sum(axis), 0.0)
    if reduction == "none":
        return loss
    return loss.sum() / float(counts.sum()) if reduction == "mean" else loss.sum()


@fused(
    backward=_backward,
    reference=_reference,
    residual=True,
    promote=None,
    title="NllLoss",
    samples=[
        sample(
            Real("n 3"),
            Integer("n", 0, 3),
            Real("3", low=0.5),
            label_smoothing=one_of(0.0, 0.2),
            reduction=one_of("mean", "sum", "none"),
            ignore_index=-100,
            gradient=one_of(True, False),
        )
    ],
    typed=(0,),
)
def cross_entropy_of_classes(
    x: Any,
    target: Any,
    weight: Any,
    *,
    ignore_index: int,
    label_smoothing: float,
    reduction: str,
    gradient: bool,
) -> Any:
    """-log softmax(x)[target] for logits x (N, C, ...), weighted, smoothed and reduced.

    gradient  compute the derivative too, softmax(x) - indicator(target): where the loss is, the
              exponentials are, and the backward pass has only to scale it
    """
    if x.dtype.kind != "f":
        raise no_kernel("log_softmax_lastdim_kernel_impl", x.dtype)
    loss, derivative = kernels.cross_entropy(
        x, target, weight, ignore_index, label_smoothing, reduction, gradient
    )
    return loss, [derivative] if gradient else []


def _nll_backward(
    g: Any,
    need: Any,
    target: Any,
    weight: Any,
    residual: Any,
    x_shape: Any,
    ignore_index: int,
    reduction: str,
) -> Any:
    dx = kernels.nll_backward(g, target, weight, residual, x_shape, ignore_index, reduction)
    return dx, None, None


@fused(
    backward=_nll_backward,
    reference=_nll_reference,
    residual=True,
    promote=None,
    title="NllLoss",
    samples=[
        sample(
            Real("n 3"),
            Integer("n", 0, 3),
            Real("3", low=0.5),
            reduction=one_of("mean", "sum", "none"),
            ignore_index=-100,
        ),
        sample(
            Real("n 3 m"),
            Integer("n m", 0, 3),
            Real("3", low=0.5),
            reduction=one_of("mean", "sum", "none"),
            ignore_index=1,
        ),
    ],
    typed=(0,),
)
def nll_of_classes(x: Any, target: Any, weight: Any, *, ignore_index: int, reduction: str) -> Any:
    """-x[target] for log-probabilities x (N, C, ...), weighted and reduced."""
    if x.dtype.kind != "f":
        raise unsupported("nll_loss_out_frame", x.dtype)
    return kernels.nll(x, target, weight, ignore_index, reduction)


def _huber_slope(g: Any, x: Any, delta: float) -> Any:
    slope = np.minimum(x, delta)
    slope = np.maximum(slope, -delta)
    slope *= g
    return slope


@with_kernel(_huber_slope)
def _huber_rule(g: Any, x: Any, delta: float) -> Any:
    """Beyond the kinks, these included, a constant, whose own derivative is 0."""
    return g * where(x >= delta, delta, where(x <= -delta, -delta, x))


@primitive(
    _huber_rule,
    method=False,
    title="HuberLoss",
    samples=[sample(Real("n m", avoid=(-0.5, 0.0, 0.5)), delta=0.5)],
)
def huber(x: Any, *, delta: float) -> Any:
    """x^2 / 2 where |x| < delta, else delta (|x| - delta / 2), elementwise.

    As m (|x| - m / 2) with m = min(|x|, delta).
    """
    size = np.abs(x)
    m = np.minimum(size, delta)
    return m * (size - m * 0.5)


def _logistic_slope(g: Any, x: Any, y: Any) -> Any:
    d = elementwise.sigmoid(x)
    d = np.subtract(d, y, out=d) if isinstance(d, np.ndarray) else d - y
    d *= g
    return d


@with_kernel(_logistic_slope)
def _logistic_rule(g: Any, x: Any, y: Any) -> Any:
    return g * (sigmoid(x) - y)


@primitive(
    _logistic_rule,
    lambda g, x: -(g * x),
    method=False,
    title="BinaryCrossEntropyWithLogits",
    samples=[sample(Real("n m"), Real("n m", low=0.0, high=1.0))],
)
def logistic_loss(x: Any, y: Any) -> Any:
    """(1 - y) x - log sigmoid(x), elementwise: -y log p - (1 - y) log(1 - p) for p = sigmoid(x)."""
    return activations.logistic(y, x)


def _distance_reference(x: Any, y: Any, kind: str, beta: float, reduction: str) -> Any:
    d = x - y
    if kind == "square":
        loss = d * d
    else:
        loss = d.abs()
        if kind != "absolute":
            loss = where(loss < beta, 0.5 * d * d, beta * (loss - 0.5 * beta))
        if kind == "smooth":
            loss = loss * (1 / beta)
    return loss if reduction == "none" else loss.mean() if reduction == "mean" else loss.sum()


_APART = Real("n m", low=1.55, high=3.0), Real("n m", low=-1.0, high=1.5)
_ANYWHERE = Real("n m", low=1.0, high=2.0), Real("n m", low=-1.0, high=0.5)


def _distance(kind: str, title: str, inputs: Any, betas: Any) -> Any:
    """The op of one function of x - y, of one shape, reduced; kernels/distances.py states it.

    The derivative of |d| at 0 is 0; of "huber" at |d| = beta it is that of either side.
    """

    def slopes(g: Any, need: Any, x: Any, y: Any, beta: float, reduction: str) -> Any:
        dx = distances.distance_backward(g, x, y, kind, beta, reduction)
        return dx if need[0] else None, -dx if need[1] else None

    def loss(x: Any, y: Any, *, beta: float = 1.0, reduction: str) -> Any:
        return distances.distance(x, y, kind, beta, reduction)

    loss.__name__ = f"{kind}_distance"
    loss.__doc__ = f"The {kind} distance of x and y, of one shape: see kernels/distances.py."
    reductions = one_of("mean", "sum", "none")
    return fused(
        backward=slopes,
        reference=lambda x, y, *, beta, reduction: _distance_reference(x, y, kind, beta, reduction),
        title=title,
        samples=[sample(*inputs, beta=betas, reduction=reductions)],
    )(loss)


square_distance = _distance("square", "MseLoss", _APART, 1.0)
absolute_distance = _distance("absolute", "Mean", _APART, 1.0)  # as PyTorch shows it
smooth_distance = _distance("smooth", "SmoothL1Loss", _ANYWHERE, one_of(0.4, 3.5))
huber_distance = _distance("huber", "HuberLoss", _ANYWHERE, one_of(0.4, 3.5))
