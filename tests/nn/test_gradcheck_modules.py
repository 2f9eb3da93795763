"""Every layer and loss: gradients towards inputs and parameters are difference quotients.

In double precision, in training and in evaluation, first and second order. Random layers draw the
same mask at each call, as the generator is set anew: what is checked is the derivative of a pass.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite import nn
from tinygrad_lite.func import functional_call
from tinygrad_lite.testing import gradcheck, gradgradcheck

# What needs no row: containers, bases, and the classes that turn into others at their first call.
CONTAINERS = {"Module", "Sequential", "ModuleList", "ModuleDict", "ParameterList", "ParameterDict"}
BASES = {"RNNBase", "RNNCellBase", "DataParallel"}

IMAGE, VOLUME = (2, 4, 4, 3), (2, 2, 3, 3, 3)
CLASSES = np.array([0, 2, 1, 2])
SIGNS = np.array([[1.0, -1, 1], [-1, -1, 1], [1, 1, -1], [-1, 1, -1]])
SHARES = np.array([[0.2, 0.5, 0.3], [0.1, 0.1, 0.8], [0.6, 0.2, 0.2], [0.3, 0.4, 0.3]])
LABELS = np.array([[0, -1, 1], [2, 0, -1], [1, 2, 0], [-1, 0, 1]])
WORDS = np.array([[1, 4, 2], [0, 4, 4]])

ACTIVATIONS = (
    "ReLU ReLU6 LeakyReLU PReLU RReLU ELU SELU CELU GELU SiLU Mish Softplus Softsign Hardtanh "
    "Hardswish Hardsigmoid LogSigmoid Tanhshrink Softshrink Hardshrink Sigmoid Tanh"
)

# A layer as the text of its constructor, then its inputs: a shape is filled with distinct numbers
# on both sides of zero and wants a gradient; an array is taken as it is.
ROWS: list[tuple[Any, ...]] = [
    ("Identity()", (2, 3)),
    ("Linear(4, 3)", (2, 4)),
    ("Linear(4, 3, bias=False)", (4,)),
    ("Bilinear(3, 2, 4)", (2, 3), (2, 2)),
    ("Flatten()", (2, 3, 2)),
    ("Unflatten(1, (2, 3))", (2, 6)),
    ("Embedding(5, 3)", WORDS),
    ("Embedding(5, 3, padding_idx=3)", WORDS),
    *[(f"EmbeddingBag(5, 3, mode={m!r})", WORDS) for m in ("sum", "mean", "max")],
    ("Conv1d(4, 2, 3, stride=2, padding=1)", (2, 4, 6)),
    ("Conv2d(4, 2, (3, 2), padding='same', groups=2)", IMAGE),
    ("Conv2d(4, 2, 2, padding=1, padding_mode='circular', bias=False)", IMAGE),
    ("Conv3d(2, 2, 2, dilation=2)", (1, 2, 3, 3, 3)),
    ("ConvTranspose1d(4, 2, 3, stride=2, output_padding=1)", (2, 4, 3)),
    ("ConvTranspose2d(4, 2, 2, groups=2)", (1, 4, 3, 2)),
    ("ConvTranspose3d(2, 2, 2, stride=2)", (1, 2, 2, 2, 2)),
    ("MaxPool1d(2, 1)", (2, 3, 5)),
    ("MaxPool2d(2, ceil_mode=True)", IMAGE),
    ("MaxPool3d(2, padding=1)", VOLUME),
    ("AvgPool1d(2, 1, 1)", (2, 3, 5)),
    ("AvgPool2d(3, 2, 1, count_include_pad=False)", IMAGE),
    ("AvgPool3d(2)", VOLUME),
    ("LPPool1d(4, 2)", (2, 3, 4)),
    ("LPPool2d(2, 2)", IMAGE),
    ("LPPool3d(4, 2)", VOLUME),
    ("FractionalMaxPool2d(2, output_size=2)", IMAGE),
    ("FractionalMaxPool3d(2, output_ratio=0.7)", VOLUME),
    *[(f"Adaptive{k}Pool1d(2)", (2, 3, 5)) for k in ("Avg", "Max")],
    *[(f"Adaptive{k}Pool2d((2, 3))", IMAGE) for k in ("Avg", "Max")],
    *[(f"Adaptive{k}Pool3d(2)", VOLUME) for k in ("Avg", "Max")],
    *[
        (f"MaxUnpool{d}d(2)", (1, 1, *(2,) * d), 2 * np.arange(2**d).reshape(1, 1, *(2,) * d))
        for d in (1, 2, 3)
    ],
    *[
        (f"{mode}Pad{d}d(1)", (2, 2, *(3, 4, 2)[:d]))
        for mode in ("Zero", "Reflection", "Replication", "Circular")
        for d in (1, 2, 3)
    ],
    *[(f"ConstantPad{d}d(1, 2.5)", (2, 2, *(3, 4, 2)[:d])) for d in (1, 2, 3)],
    *[
        (f"{name}()", (3, 4))
        for name in ACTIVATIONS.split()
    ],
    ("PReLU(4)", (3, 4)),
    ("GELU('tanh')", (3, 4)),
    ("Threshold(0.1, 2.0)", (3, 4)),
    ("GLU()", (3, 4)),
    ("Maxout(2)", (3, 4)),
    *[(f"{name}(dim=1)", (3, 4)) for name in ("Softmax", "LogSoftmax", "Softmin")],
    ("Softmax2d()", IMAGE),
    ("BatchNorm1d(4)", (3, 4)),
    ("BatchNorm1d(4, affine=False, momentum=None)", (3, 4, 2)),
    ("BatchNorm2d(4, track_running_stats=False)", IMAGE),
    ("BatchNorm3d(2)", VOLUME),
    ("SyncBatchNorm(4)", IMAGE),
    ("InstanceNorm1d(4)", (2, 4, 5)),
    ("InstanceNorm2d(4, affine=True, track_running_stats=True)", IMAGE),
    ("InstanceNorm3d(2, affine=True)", VOLUME),
    ("LayerNorm((3, 4))", (2, 3, 4)),
    ("LayerNorm(4, bias=False)", (2, 3, 4)),
    ("RMSNorm(4)", (3, 4)),
    ("GroupNorm(2, 4)", IMAGE),
    ("LocalResponseNorm(3, alpha=0.5)", IMAGE),
    ("CrossMapLRN2d(3, alpha=0.5)", IMAGE),
    ("Dropout(0.4)", (3, 4)),
    ("Dropout1d(0.4)", (2, 4, 3)),
    ("Dropout2d(0.4)", IMAGE),
    ("Dropout3d(0.4)", VOLUME),
    ("AlphaDropout(0.4)", (3, 4)),
    ("FeatureAlphaDropout(0.4)", IMAGE),
    ("DropConnect(nn.Linear(4, 3), 0.4)", (2, 4)),
    ("PixelShuffle(2)", (1, 4, 2, 3)),
    ("PixelUnshuffle(2)", (1, 2, 4, 2)),
    ("ChannelShuffle(2)", IMAGE),
    *[(f"Upsample(scale_factor=2, mode={m!r})", IMAGE) for m in ("nearest", "bilinear", "bicubic")],
    ("UpsamplingNearest2d(scale_factor=2)", IMAGE),
    ("UpsamplingBilinear2d(scale_factor=2)", IMAGE),
    ("Unfold(2, padding=1)", IMAGE),
    ("Fold((3, 3), 2)", (1, 8, 4)),
    ("CosineSimilarity()", (3, 4), (3, 4)),
    ("PairwiseDistance(p=3)", (3, 4), (3, 4)),
    *[(f"{k}(3, 2, num_layers=2, bidirectional=True)", (3, 2, 3)) for k in ("RNN", "GRU", "LSTM")],
    ("LSTM(3, 4, proj_size=2, batch_first=True)", (2, 3, 3)),
    ("LSTM(3, 2, num_layers=2, dropout=0.4)", (3, 2, 3)),
    ("RNN(3, 2, nonlinearity='relu')", (3, 2, 3)),
    *[(f"{k}Cell(3, 2)", (2, 3)) for k in ("RNN", "GRU", "LSTM")],
    ("MultiheadAttention(4, 2)", (3, 2, 4), (2, 2, 4), (2, 2, 4)),
    ("MultiheadAttention(4, 2, add_bias_kv=True, kdim=3, vdim=2)", (3, 1, 4), (2, 1, 3), (2, 1, 2)),
    ("TransformerEncoderLayer(4, 2, 3, dropout=0.3)", (3, 1, 4)),
    ("TransformerDecoderLayer(4, 2, 3, dropout=0.0, norm_first=True)", (2, 1, 4), (3, 1, 4)),
    ("TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 3, 0.0), 2)", (2, 1, 4)),
    ("TransformerDecoder(nn.TransformerDecoderLayer(4, 2, 3, 0.0), 1)", (2, 1, 4), (2, 1, 4)),
    ("Transformer(4, 2, 1, 1, 3, 0.0)", (2, 1, 4), (2, 1, 4)),
    *[(f"{name}()", (4, 3), SHARES) for name in ("L1Loss", "MSELoss", "SmoothL1Loss", "HuberLoss")],
    ("BCELoss()", "probabilities", SHARES),
    ("BCEWithLogitsLoss()", (4, 3), SHARES),
    ("KLDivLoss(reduction='batchmean')", (4, 3), SHARES),
    ("PoissonNLLLoss()", (4, 3), SHARES),
    ("GaussianNLLLoss()", (4, 3), SHARES, "probabilities"),
    ("NLLLoss(ignore_index=1)", (4, 3), CLASSES),
    ("NLLLoss2d()", (2, 3, 2, 1), CLASSES.reshape(2, 2, 1)),
    ("CrossEntropyLoss(label_smoothing=0.2)", (4, 3), CLASSES),
    ("CrossEntropyLoss()", (4, 3), SHARES),
    ("LinearCrossEntropyLoss(5, 3, bias=True)", (4, 5), CLASSES),
    ("AdaptiveLogSoftmaxWithLoss(6, 5, [2, 3], div_value=1.5)", (4, 6), np.array([0, 4, 2, 3])),
    ("HingeEmbeddingLoss()", (4, 3), SIGNS),
    ("SoftMarginLoss()", (4, 3), SIGNS),
    ("MarginRankingLoss(margin=0.1)", (4, 3), (4, 3), SIGNS),
    ("CosineEmbeddingLoss()", (4, 3), (4, 3), SIGNS[:, 0]),
    ("MultiMarginLoss()", (4, 3), CLASSES),
    ("MultiLabelMarginLoss()", (4, 3), LABELS),
    ("MultiLabelSoftMarginLoss()", (4, 3), SHARES),
    ("TripletMarginLoss()", (4, 3), (4, 3), (4, 3)),
    ("TripletMarginWithDistanceLoss(swap=True)", (4, 3), (4, 3), (4, 3)),
    ("CTCLoss()", (4, 2, 3), WORDS[:, :2] % 3, np.array([4, 4]), np.array([2, 1])),
]  # fmt: skip


def argument(spec: Any, rng: np.random.Generator) -> Any:
    """An input as its row describes it."""
    if isinstance(spec, np.ndarray):
        return tl.tensor(spec)
    if spec == "probabilities":
        return tl.tensor(rng.uniform(0.2, 0.8, (4, 3)), requires_grad=True)
    n = int(np.prod(spec))
    values = (np.arange(n) - n / 2 + 0.3) * (4.3 / n)  # at least 4.3/n apart, none at a kink
    return tl.tensor(rng.permutation(values).reshape(spec), requires_grad=True)


def floats(value: Any) -> list[Any]:
    """The floating Tensors in nested results."""
    if isinstance(value, tl.Tensor):
        return [value] if value.is_floating_point() else []
    if isinstance(value, (tuple, list)):
        return [t for v in value for t in floats(v)]
    return []


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_gradients(row: tuple[Any, ...], training: bool) -> None:
    text, *specs = row
    tl.manual_seed(0)
    rng = np.random.default_rng(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = eval(f"nn.{text}", {"nn": nn}).double().train(training)  # this file's own text
        inputs = [argument(spec, rng) for spec in specs]
        named = dict(module.named_parameters())
        parameters = [p.detach().clone().requires_grad_() for p in named.values()]
        for p in parameters:
            p.data.add_(tl.tensor(rng.uniform(-0.3, 0.3, tuple(p.shape))))

        def run(*tensors: Any) -> Any:
            tl.manual_seed(1)
            given = dict(zip(named, tensors[len(inputs) :], strict=True))
            args = list(tensors[: len(inputs)])
            if text == "CTCLoss()":  # its gradient is that of a function of log-probabilities
                args[0] = args[0].log_softmax(-1)
            outs = floats(functional_call(module, given, tuple(args)))
            return outs[0] if len(outs) == 1 else tuple(outs)

        everything = (*inputs, *parameters)
        small = sum(t.numel() for t in everything if t.requires_grad) <= 60
        assert gradcheck(run, everything, fast_mode=not small)
        assert gradgradcheck(run, everything, fast_mode=True)


def test_every_module_has_a_row() -> None:
    modules = {
        name
        for name, value in vars(nn).items()
        if isinstance(value, type) and issubclass(value, nn.Module) and not name.startswith("Lazy")
    }
    rows = {row[0].split("(")[0] for row in ROWS}
    assert modules - CONTAINERS - BASES == rows
