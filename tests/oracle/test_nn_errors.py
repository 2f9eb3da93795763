"""What layers refuse: PyTorch's exception type, and the first words of its message."""

from __future__ import annotations

import re
import warnings
from typing import Any

import pytest

import tinygrad_lite as tl

torch = pytest.importorskip("torch")

# Expressions over `nn` and `x`, which makes zeros of a shape; `i` makes whole numbers.
CALLS = """
nn.Linear(3, 4)(x(2, 5))
nn.Linear(3, 4)(x(3, 2))
nn.Linear(3, 4)(x())
nn.Linear(-1, 4)
nn.Linear(3, 4)(i(2, 3))
nn.Linear(3)
nn.Linear(3, 4, nope=1)
nn.Bilinear(3, 4, 5)(x(2, 3), x(2, 3))
nn.Bilinear(3, 4, 5)(x(2, 3), x(3, 4))
nn.Bilinear(0, 4, 5)
nn.Conv2d(3, 4, 3)(x(2, 2, 8, 8))
nn.Conv2d(3, 4, 3)(x(8, 8))
nn.Conv2d(3, 4, 3)(x(1, 2, 3, 8, 8))
nn.Conv2d(3, 4, 9)(x(2, 3, 8, 8))
nn.Conv2d(3, 4, 3, groups=2)
nn.Conv2d(4, 3, 3, groups=2)
nn.Conv2d(4, 4, 3, groups=0)
nn.Conv2d(4, 4, 3, padding='same', stride=2)
nn.Conv2d(4, 4, 3, padding='around')
nn.Conv2d(4, 4, 3, padding_mode='mirror')
nn.Conv2d(3, 4, 3, padding=8, padding_mode='reflect')(x(2, 3, 8, 8))
nn.Conv1d(3, 4, 3)(x(3, 3, 3, 3))
nn.Conv3d(3, 4, 3)(x(3, 3))
nn.Conv2d(3, 4, 3)(i(2, 3, 8, 8))
nn.ConvTranspose2d(3, 4, 3)(x(2, 2, 8, 8))
nn.ConvTranspose2d(3, 4, 3, stride=2, output_padding=2)(x(2, 3, 8, 8))
nn.ConvTranspose2d(3, 4, 3, stride=2)(x(2, 3, 4, 4), output_size=(20, 20))
nn.ConvTranspose2d(3, 4, 3, padding_mode='circular')
nn.MaxPool2d(3)(x(2, 3, 2, 2))
nn.MaxPool2d(2, padding=2)(x(2, 3, 4, 4))
nn.MaxPool2d(2, dilation=0)(x(2, 3, 4, 4))
nn.MaxPool1d(2)(x(4))
nn.AvgPool2d(2, padding=2)(x(2, 3, 4, 4))
nn.AvgPool2d(2, divisor_override=0)(x(2, 3, 4, 4))
nn.AdaptiveAvgPool2d((2, 2, 2))(x(2, 3, 4, 4))
nn.AdaptiveMaxPool1d(2)(x(3))
nn.MaxUnpool2d(2)(x(1, 1, 2, 2), i(1, 1, 2, 3))
nn.MaxUnpool2d(2)(x(1, 1, 2, 2), i(1, 1, 2, 2), output_size=(9, 9))
nn.BatchNorm1d(3)(x(2, 4))
nn.BatchNorm1d(3)(x(3))
nn.BatchNorm1d(3)(x(1, 3))
nn.BatchNorm1d(3)(x(1, 3, 1))
nn.BatchNorm2d(3)(x(2, 3, 4))
nn.BatchNorm3d(3)(x(2, 3, 4, 4))
nn.BatchNorm2d(3)(x(2, 4, 3, 3))
nn.InstanceNorm1d(3)(x(2, 3, 1))
nn.InstanceNorm2d(3)(x(2, 3))
nn.InstanceNorm2d(3, affine=True)(x(2, 4, 3, 3))
nn.LayerNorm(4)(x(2, 3))
nn.LayerNorm((3, 4))(x(4, 3))
nn.LayerNorm(())(x(4, 3))
nn.RMSNorm(4)(x(2, 3))
nn.GroupNorm(3, 4)
nn.GroupNorm(2, 4)(x(2, 6))
nn.GroupNorm(2, 4)(x(4))
nn.GroupNorm(4, 4)(x(1, 4))
nn.LocalResponseNorm(2)(x(2, 3))
nn.Dropout(1.5)
nn.Dropout(-0.1)
nn.AlphaDropout(2)
nn.Dropout2d(3)
nn.PReLU(4)(x(2, 3))
nn.PReLU(2)(x())
nn.GLU()(x(2, 3))
nn.GLU()(x())
nn.Softmax(dim=3)(x(2, 3))
nn.Softmax2d()(x(2, 3))
nn.RReLU(0.5, 0.1)(x(2))
nn.Threshold(0.1)
nn.Hardtanh(2, 1)
nn.Softshrink(-1)(x(2))
nn.ReLU()('text')
nn.Embedding(5, 3)(x(2))
nn.Embedding(5, 3)(i(2) + 5)
nn.Embedding(5, 3)(i(2) - 1)
nn.Embedding(5, 3, padding_idx=5)
nn.Embedding(5, 3, padding_idx=-6)
nn.Embedding(5, 3, _weight=x(4, 3))
nn.EmbeddingBag(5, 3)(i(2, 2), i(2))
nn.EmbeddingBag(5, 3)(i(4))
nn.EmbeddingBag(5, 3)(i(4), i(2) + 1)
nn.EmbeddingBag(5, 3)(i(2, 2, 2))
nn.EmbeddingBag(5, 3, mode='mean')(i(2, 2), per_sample_weights=x(2, 2))
nn.EmbeddingBag(5, 3, mode='sum')(i(2, 2), per_sample_weights=x(2, 3))
nn.EmbeddingBag(5, 3, mode='median')(i(2, 2))
nn.Flatten(2)(x(2, 3))
nn.Unflatten(1, (2, 2))(x(2, 3))
nn.Unflatten(1, 2)
nn.PixelShuffle(2)(x(1, 3, 2, 2))
nn.PixelUnshuffle(2)(x(1, 3, 3, 2))
nn.ChannelShuffle(2)(x(1, 3, 2, 2))
nn.ChannelShuffle(0)(x(1, 4, 2, 2))
nn.Upsample(scale_factor=2, mode='bilinear')(x(2, 3, 4))
nn.Upsample(scale_factor=2, mode='nope')(x(2, 3, 4))
nn.Upsample()(x(2, 3, 4))
nn.Fold((4, 4), 2)(x(1, 8, 5))
nn.Fold((4, 4), 2)(x(1, 7, 9))
nn.Unfold(5)(x(1, 2, 4, 4))
nn.ReflectionPad1d(4)(x(2, 3, 4))
nn.ReflectionPad2d(4)(x(3, 4))
nn.ReplicationPad2d(1)(x(3))
nn.CircularPad1d(5)(x(2, 3, 4))
nn.ZeroPad2d(-3)(x(2, 3, 4, 4))
nn.RNN(3, 4, nonlinearity='sin')
nn.RNN(3, 4, proj_size=2)
nn.RNN(3, 4)(x(5))
nn.RNN(3, 4)(x(5, 2, 4))
nn.RNN(3, 4)(x(5, 2, 3), x(1, 3, 4))
nn.RNN(3, 4)(x(5, 2, 3), x(1, 4))
nn.RNN(3, 4)(x(5, 3), x(1, 2, 4))
nn.LSTM(3, 4)(x(5, 2, 3), (x(1, 2, 4), x(1, 2, 5)))
nn.LSTM(3, 4)(x(5, 2, 3), (x(1, 2), x(1, 2)))
nn.LSTM(3, 4, proj_size=4)
nn.LSTM(3, 4, dropout=2)
nn.LSTM(3, 4, proj_size=-1)
nn.GRU(3, 4, proj_size=2)
nn.GRU(3, 4)(x(5, 2, 3), x(2, 2, 4))
nn.RNNCell(3, 4)(x(2, 2, 3))
nn.RNNCell(3, 4, nonlinearity='sin')(x(2, 3))
nn.LSTMCell(3, 4)(x(2, 3), (x(3, 4), x(2, 4)))
nn.MultiheadAttention(5, 2)
nn.MultiheadAttention(0, 2)
nn.MultiheadAttention(4, 2)(x(3, 2, 5), x(3, 2, 5), x(3, 2, 5))
nn.MultiheadAttention(4, 2)(x(3), x(3), x(3))
nn.MultiheadAttention(4, 2)(x(3, 2, 4), x(3, 2, 4), x(4, 2, 4))
nn.MultiheadAttention(4, 2)(x(3, 2, 4), x(3, 2, 4), x(3, 2, 4), attn_mask=x(2, 2))
nn.MultiheadAttention(4, 2)(x(3, 2, 4), x(3, 2, 4), x(3, 2, 4), key_padding_mask=x(3, 2))
nn.MultiheadAttention(4, 2)(x(3, 2, 4), x(3, 2, 4), x(3, 2, 4), attn_mask=i(3, 3))
nn.TransformerEncoderLayer(4, 2, activation='tanh')
nn.TransformerEncoderLayer(5, 2)
nn.Transformer(4, 2, 1, 1, 4)(x(3, 2, 4), x(3, 3, 4))
nn.Transformer(4, 2, 1, 1, 4)(x(3, 2, 5), x(3, 2, 4))
nn.Transformer(4, 2, 1, 1, 4)(x(3, 2, 5), x(3, 2, 5))
nn.CosineSimilarity(dim=3)(x(2, 3), x(2, 3))
nn.CosineSimilarity()(x(2, 3), x(3, 4))
nn.PairwiseDistance()(x(2, 3), x(2, 4))
nn.L1Loss()(x(2, 3), x(3, 2))
nn.MSELoss(reduction='nope')(x(2), x(2))
nn.SmoothL1Loss(beta=-1)(x(2), x(2))
nn.HuberLoss(delta=0)(x(2), x(2))
nn.HuberLoss(delta='1')
nn.BCELoss()(x(2) + 2, x(2))
nn.BCELoss()(x(2), x(3))
nn.BCEWithLogitsLoss()(x(2), x(3))
nn.CrossEntropyLoss()(x(2, 3), x(2, 4))
nn.CrossEntropyLoss()(x(2, 3), i(2) + 3)
nn.CrossEntropyLoss(label_smoothing=2)(x(2, 3), i(2))
nn.NLLLoss()(x(2, 3), i(3))
nn.NLLLoss()(x(2, 3), x(2))
nn.MultiMarginLoss(p=3)
nn.MultiMarginLoss(weight=x(2, 2))
nn.MultiMarginLoss()(x(2, 3), i(2) + 5)
nn.MultiLabelMarginLoss()(x(2, 3), i(2, 2))
nn.CosineEmbeddingLoss()(x(2, 3), x(2, 3), x(3))
nn.MarginRankingLoss()(x(2), x(2, 1), x(2))
nn.TripletMarginLoss(margin=-1)
nn.TripletMarginWithDistanceLoss(margin=-1)
nn.TripletMarginLoss()(x(2, 3), x(2), x(2, 3))
nn.GaussianNLLLoss()(x(2, 3), x(2, 3), x(3, 2))
nn.GaussianNLLLoss()(x(2), x(2), x(2) - 1)
nn.KLDivLoss(reduction='nope')(x(2), x(2))
nn.PoissonNLLLoss(reduction='nope')(x(2), x(2))
nn.CTCLoss(blank=7)(x(5, 2, 3), i(2, 2) + 1, i(2) + 5, i(2) + 2)
nn.CTCLoss()(x(5, 2, 3), i(2, 2) + 1, i(2) + 9, i(2) + 2)
nn.Module()(x(2))
nn.Module(3)
nn.Tanh(inplace=True)
nn.Sigmoid(1)
nn.Sequential(nn.Linear(3, 4), nn.Linear(5, 6))(x(2, 3))
nn.Sequential(3)
nn.Sequential(nn.ReLU())[1]
nn.ModuleList([3])
nn.ModuleList([nn.ReLU()])[2]
nn.ModuleList()(x(2))
nn.ModuleDict({'a': 3})
nn.ModuleDict({'a': nn.ReLU()})['b']
nn.ModuleDict({'a.b': nn.ReLU()})
nn.ParameterList([nn.Linear(2, 2)])[1]
nn.LazyLinear(4).weight.shape
nn.LazyConv2d(4, 3)(x(2, 2))
nn.LazyBatchNorm2d()(x(2, 2))
nn.init.calculate_gain('nope')
nn.init.calculate_gain('leaky_relu', 'a')
nn.init.xavier_normal_(x(3))
nn.init.kaiming_normal_(x(3, 3), mode='fan')
nn.init.kaiming_normal_(x(3, 3), nonlinearity='nope')
nn.init.orthogonal_(x(3))
nn.init.eye_(x(3))
nn.init.dirac_(x(3, 3))
nn.init.dirac_(x(3, 3, 3), groups=2)
nn.init.sparse_(x(3), 0.5)
"""

LINES = [line for line in CALLS.strip().splitlines() if line]

# Messages of PyTorch's that name its own innards instead of what is wrong: only the type counts.
OWN_WORDS = {
    "nn.AdaptiveMaxPool1d(2)(x(3))",  # "for argument #1 'self' (while checking arguments for"
    "nn.Conv2d(3, 4, 3)(i(2, 3, 8, 8))",  # "long int"
    "nn.EmbeddingBag(5, 3, mode='sum')(i(2, 2), per_sample_weights=x(2, 3))",  # "torch.Size("
    "nn.ReflectionPad2d(4)(x(3, 4))",  # a table of what it supports, where we say what it is
    "nn.ZeroPad2d(-3)(x(2, 3, 4, 4))",  # "narrow(): length must be non-negative."
}


def raised_by(t: Any, call: str) -> Exception | None:
    """What evaluating the call raises."""
    names = {
        "nn": t.nn,
        "x": lambda *shape: t.zeros(shape),
        "i": lambda *shape: t.zeros(shape, dtype=t.int64),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            eval(call, names)  # this file's own text
        except Exception as error:
            return error
    return None


@pytest.mark.parametrize("call", LINES)
def test_error(call: str) -> None:
    ours, theirs = raised_by(tl, call), raised_by(torch, call)
    assert theirs is not None, "a call that PyTorch takes"
    assert type(ours) is type(theirs), f"{ours!r}, PyTorch: {theirs!r}"
    if call not in OWN_WORDS:  # the name of a function or argument may stand in front
        plain = re.sub(r"^(Argument #\d+|\w+): ", "", str(theirs))
        first = " ".join(plain.split()[:3])
        assert first in str(ours), f"{ours}\nPyTorch: {theirs}"
