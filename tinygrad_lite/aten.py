"""Functions that PyTorch has under `torch.` as well as under `torch.nn.functional`, with the other
signature: every argument by position, reductions as numbers (0 none, which is what PyTorch takes
when nothing is said, 1 mean, 2 sum).

They are found as `tinygrad_lite.<name>`, and imported when first asked for.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from . import linalg
from .core.tensor import Tensor
from .nn import functional as F
from .nn.functional import max_pool1d_with_indices as max_pool1d_with_indices
from .nn.functional import native_channel_shuffle as native_channel_shuffle
from .ops import random
from .ops.activation import sigmoid
from .ops.arguments import of_tensors
from .ops.splitting import split
from .ops.trigonometric import tanh

__all__ = [
    "adaptive_max_pool1d",
    "addmv_",
    "affine_grid_generator",
    "alpha_dropout_",
    "as_strided_",
    "batch_norm",
    "binary_cross_entropy_with_logits",
    "constant_pad_nd",
    "convolution",
    "cosine_embedding_loss",
    "ctc_loss",
    "detach_",
    "dropout_",
    "embedding",
    "feature_alpha_dropout",
    "feature_dropout",
    "frobenius_norm",
    "grid_sampler",
    "grid_sampler_2d",
    "grid_sampler_3d",
    "gru_cell",
    "hinge_embedding_loss",
    "index_put_",
    "instance_norm",
    "kl_div",
    "ldexp_",
    "lstm_cell",
    "margin_ranking_loss",
    "max_pool1d_with_indices",
    "native_channel_shuffle",
    "native_dropout",
    "native_layer_norm",
    "norm_except_dim",
    "nuclear_norm",
    "poisson_nll_loss",
    "rnn_relu_cell",
    "rnn_tanh_cell",
    "rrelu_",
    "threshold_",
    "triplet_margin_loss",
]

_REDUCTIONS = ("none", "mean", "sum")


def _word(reduction: Any) -> str:
    """The reduction's name, of its number."""
    return reduction if isinstance(reduction, str) else _REDUCTIONS[reduction]


@of_tensors
def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    pos_weight: Tensor | None = None,
    reduction: int = 0,
) -> Tensor:
    """`nn.functional.binary_cross_entropy_with_logits`."""
    return F.binary_cross_entropy_with_logits(
        input, target, weight=weight, pos_weight=pos_weight, reduction=_word(reduction)
    )


@of_tensors
def kl_div(
    input: Tensor, target: Tensor, reduction: int = 0, *, log_target: bool = False
) -> Tensor:
    """`nn.functional.kl_div`; mean is over all elements."""
    pointwise = F.kl_div(input, target, reduction="none", log_target=log_target)
    return _reduced(pointwise, reduction)


def _reduced(x: Tensor, reduction: Any) -> Tensor:
    word = _word(reduction)
    found: Tensor = x.mean() if word == "mean" else x.sum() if word == "sum" else x
    return found


def poisson_nll_loss(
    input: Tensor, target: Tensor, log_input: bool, full: bool, eps: float, reduction: int
) -> Tensor:
    """`nn.functional.poisson_nll_loss`."""
    return F.poisson_nll_loss(
        input, target, log_input=log_input, full=full, eps=eps, reduction=_word(reduction)
    )


@of_tensors
def cosine_embedding_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0.0, reduction: int = 0
) -> Tensor:
    """`nn.functional.cosine_embedding_loss`."""
    return F.cosine_embedding_loss(input1, input2, target, margin, reduction=_word(reduction))


@of_tensors
def hinge_embedding_loss(
    input: Tensor, target: Tensor, margin: float = 1.0, reduction: int = 0
) -> Tensor:
    """`nn.functional.hinge_embedding_loss`."""
    return F.hinge_embedding_loss(input, target, margin, reduction=_word(reduction))


@of_tensors
def margin_ranking_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0.0, reduction: int = 0
) -> Tensor:
    """`nn.functional.margin_ranking_loss`."""
    return F.margin_ranking_loss(input1, input2, target, margin, reduction=_word(reduction))


@of_tensors
def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    reduction: int = 0,
) -> Tensor:
    """`nn.functional.triplet_margin_loss`."""
    return F.triplet_margin_loss(
        anchor, positive, negative, margin, p, eps, swap, reduction=_word(reduction)
    )


def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Any,
    target_lengths: Any,
    blank: int = 0,
    reduction: int = 0,
    zero_infinity: bool = False,
) -> Tensor:
    """`nn.functional.ctc_loss`."""
    return F.ctc_loss(
        log_probs, targets, input_lengths, target_lengths, blank, _word(reduction), zero_infinity
    )


def batch_norm(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool = False,
) -> Tensor:
    """`nn.functional.batch_norm`."""
    return F.batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps)


def instance_norm(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    use_input_stats: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool = False,
) -> Tensor:
    """`nn.functional.instance_norm`."""
    return F.instance_norm(
        input, running_mean, running_var, weight, bias, use_input_stats, momentum, eps
    )


def embedding(
    weight: Tensor,
    indices: Tensor,
    padding_idx: int = -1,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """`nn.functional.embedding`, the table first; padding_idx -1: none."""
    padding = None if padding_idx < 0 else padding_idx
    return F.embedding(indices, weight, padding, None, 2.0, scale_grad_by_freq, sparse)


def feature_dropout(input: Tensor, p: float, train: bool) -> Tensor:
    """`nn.functional.dropout2d` of any number of dimensions from 2."""
    if not train or p == 0:
        return input
    shape = (*input.shape[:2], *[1] * (input.dim() - 2))
    kept = random.bernoulli(input.new_full(shape, 1 - p))
    scaled: Tensor = input * (kept / (1 - p) if p < 1 else kept)
    return scaled


def feature_alpha_dropout(input: Tensor, p: float, train: bool) -> Tensor:
    """`nn.functional.feature_alpha_dropout`."""
    return F.feature_alpha_dropout(input, p, train)


@of_tensors
def constant_pad_nd(input: Tensor, pad: Sequence[int], value: float = 0) -> Tensor:
    """`nn.functional.pad` in mode constant."""
    return F.pad(input, pad, "constant", value)


def grid_sampler(
    input: Tensor, grid: Tensor, interpolation_mode: int, padding_mode: int, align_corners: bool
) -> Tensor:
    """`nn.functional.grid_sample`, modes by number."""
    mode = ("bilinear", "nearest", "bicubic")[interpolation_mode]
    padding = ("zeros", "border", "reflection")[padding_mode]
    return F.grid_sample(input, grid, mode, padding, align_corners)


grid_sampler_2d = grid_sampler_3d = grid_sampler


def affine_grid_generator(theta: Tensor, size: Sequence[int], align_corners: bool) -> Tensor:
    """`nn.functional.affine_grid`."""
    return F.affine_grid(theta, list(size), align_corners)


def convolution(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    transposed: bool,
    output_padding: Sequence[int],
    groups: int,
) -> Tensor:
    """A convolution of as many dimensions as `weight` has, or (transposed) its adjoint."""
    dims = weight.dim() - 2
    if transposed:
        adjoint = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)[dims - 1]
        return adjoint(input, weight, bias, stride, padding, output_padding, groups, dilation)
    conv = (F.conv1d, F.conv2d, F.conv3d)[dims - 1]
    return conv(input, weight, bias, stride, padding, dilation, groups)


def native_layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None,
    bias: Tensor | None,
    eps: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """(layer_norm, the means, 1 / sqrt(variance + eps))."""
    axes = tuple(range(-len(normalized_shape), 0))
    x = input.detach()
    mean = x.mean(axes, keepdim=True)
    deviation = (x.var(axes, correction=0, keepdim=True) + eps).rsqrt()
    return F.layer_norm(input, normalized_shape, weight, bias, eps), mean, deviation


def native_dropout(input: Tensor, p: float, train: bool | None) -> tuple[Tensor, Tensor]:
    """(dropout, which elements it kept)."""
    if train is False:
        return input, input.new_ones(input.shape).bool()
    kept = random.bernoulli(input.new_full(input.shape, 1 - p))
    return input * kept * (1 / (1 - p) if p < 1 else 0.0), kept.bool()


# -- one step of a recurrent layer -----------------------------------------------------------------


@of_tensors
def lstm_cell(
    input: Tensor,
    hx: Sequence[Tensor],
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """(h', c') of an LSTM: c' = sigmoid(f) c + sigmoid(i) tanh(g), h' = sigmoid(o) tanh(c')."""
    h, c = hx
    gates = F.linear(input, w_ih, b_ih) + F.linear(h, w_hh, b_hh)
    i, f, g, o = split(gates, gates.shape[-1] // 4, -1)
    new: Tensor = sigmoid(f) * c + sigmoid(i) * tanh(g)
    return sigmoid(o) * tanh(new), new


@of_tensors
def gru_cell(
    input: Tensor,
    hx: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
) -> Tensor:
    """h' of a GRU: n = tanh(n_x + sigmoid(r) n_h), h' = n + sigmoid(z) (h - n)."""
    of_x, of_h = F.linear(input, w_ih, b_ih), F.linear(hx, w_hh, b_hh)
    size = hx.shape[-1]
    rx, zx, nx = split(of_x, size, -1)
    rh, zh, nh = split(of_h, size, -1)
    n = tanh(nx + sigmoid(rx + rh) * nh)
    new: Tensor = n + sigmoid(zx + zh) * (hx - n)
    return new


def _simple(activation: Callable[[Tensor], Tensor], name: str) -> Callable[..., Tensor]:
    @of_tensors
    @of_tensors
    def cell(
        input: Tensor,
        hx: Tensor,
        w_ih: Tensor,
        w_hh: Tensor,
        b_ih: Tensor | None = None,
        b_hh: Tensor | None = None,
    ) -> Tensor:
        return activation(F.linear(input, w_ih, b_ih) + F.linear(hx, w_hh, b_hh))

    cell.__name__ = cell.__qualname__ = f"rnn_{name}_cell"
    cell.__doc__ = f"h' = {name}(W_ih x + b_ih + W_hh h + b_hh)."
    return cell


rnn_tanh_cell = _simple(tanh, "tanh")
rnn_relu_cell = _simple(F.relu, "relu")

# -- norms and in-place forms ----------------------------------------------------------------------


def frobenius_norm(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """The square root of the sum of squares over `dim`."""
    found: Tensor = linalg.vector_norm(
        input, 2, None if isinstance(dim, (list, tuple)) and not dim else dim, keepdim
    )
    return found


def nuclear_norm(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """The sum of the singular values."""
    found: Tensor = linalg.matrix_norm(input, "nuc", (-2, -1) if dim is None else dim, keepdim)
    return found


@of_tensors
def norm_except_dim(v: Tensor, pow: int = 2, dim: int = 0) -> Tensor:
    """The norm over all dimensions but `dim`, which are kept; dim -1: over all."""
    axes = None if dim == -1 else tuple(i for i in range(v.dim()) if i != dim % v.dim())
    if axes == ():
        return v.abs()
    found: Tensor = linalg.vector_norm(v, pow, axes, keepdim=dim != -1)
    return found


@of_tensors
def adaptive_max_pool1d(input: Tensor, output_size: Any) -> tuple[Tensor, Tensor]:
    """The maxima and where they are (`nn.functional` has one that gives the maxima alone)."""
    found: tuple[Tensor, Tensor] = F.adaptive_max_pool1d(input, output_size, True)
    return found


def _written(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    @functools.wraps(function)
    def call(input: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        return function(input, *args, inplace=True, **kwargs)

    call.__name__ = function.__name__ + "_"
    return call


threshold_ = _written(F.threshold)
rrelu_ = _written(F.rrelu)


def dropout_(input: Tensor, p: float, train: bool) -> Tensor:
    """`nn.functional.dropout`, in place."""
    return F.dropout(input, p, train, inplace=True)


def alpha_dropout_(input: Tensor, p: float, train: bool) -> Tensor:
    """`nn.functional.alpha_dropout`, in place."""
    return F.alpha_dropout(input, p, train, inplace=True)


def _method(name: str) -> Callable[..., Tensor]:
    def call(input: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        written: Tensor = getattr(input, name)(*args, **kwargs)
        return written

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"`Tensor.{name}`."
    return call


detach_ = _method("detach_")
index_put_ = _method("index_put_")
ldexp_ = _method("ldexp_")
as_strided_ = _method("as_strided_")
addmv_ = _method("addmv_")
