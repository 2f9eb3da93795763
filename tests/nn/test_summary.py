"""`summary`: the table, its numbers, and that it leaves no trace in the model."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite import nn
from tinygrad_lite.nn import functional as F
from tinygrad_lite.nn.utils import freeze, parametrizations, summary


class Net(nn.Module):
    """PyTorch's MNIST example of old."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 10, 5)
        self.conv2 = nn.Conv2d(10, 20, 5)
        self.conv2_drop = nn.Dropout2d()
        self.fc1 = nn.Linear(320, 50)
        self.fc2 = nn.Linear(50, 10)

    def forward(self, x: Any) -> Any:
        x = F.relu(F.max_pool2d(self.conv1(x), 2))
        x = F.relu(F.max_pool2d(self.conv2_drop(self.conv2(x)), 2))
        x = F.relu(self.fc1(x.view(-1, 320)))
        return F.log_softmax(self.fc2(F.dropout(x, training=self.training)), dim=1)


# Line for line what torchinfo 1.8.0 prints of the same model in PyTorch with
# col_names=("output_size", "num_params", "mult_adds"), but for its spelling of the unit (M).
TORCHINFO = """
===================================================================================================================
Layer (type:depth-idx)                   Output Shape              Param #                   Mult-Adds
===================================================================================================================
Net                                      [2, 10]                   --                        --
├─Conv2d: 1-1                            [2, 10, 24, 24]           260                       299,520
├─Conv2d: 1-2                            [2, 20, 8, 8]             5,020                     642,560
├─Dropout2d: 1-3                         [2, 20, 8, 8]             --                        --
├─Linear: 1-4                            [2, 50]                   16,050                    32,100
├─Linear: 1-5                            [2, 10]                   510                       1,020
===================================================================================================================
Total params: 21,840
Trainable params: 21,840
Non-trainable params: 0
Total mult-adds (M): 0.98
===================================================================================================================
Input size (MB): 0.01
Forward/backward pass size (MB): 0.11
Params size (MB): 0.09
Estimated Total Size (MB): 0.21
===================================================================================================================
""".strip()  # noqa: E501


@pytest.mark.parametrize(
    "call",
    [
        lambda net: summary(net, tl.zeros(2, 1, 28, 28)),
        lambda net: summary(net, (2, 1, 28, 28)),
        lambda net: summary(net, [(2, 1, 28, 28)]),
        lambda net: summary(net, input_size=(2, 1, 28, 28)),
        lambda net: summary(net, input_size=[(2, 1, 28, 28)], dtypes=[tl.float32]),
        lambda net: summary(net, input_data=tl.zeros(2, 1, 28, 28)),
        lambda net: summary(net, {"x": tl.zeros(2, 1, 28, 28)}),
        lambda net: summary(net, x=tl.zeros(2, 1, 28, 28)),
    ],
)
def test_prints_as_torchinfo(call: Any) -> None:
    assert str(call(Net())) == TORCHINFO


def rows(result: Any) -> list[tuple[str, int, Any, int, int]]:
    return [(r.name, r.depth, r.output_shape, r.params, r.mult_adds) for r in result.summary_list]


def test_nesting_depth_and_lists() -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.ModuleList([nn.Linear(3, 3), nn.Linear(3, 3, bias=False)])
            self.tail = nn.Sequential(nn.ReLU(), nn.Sequential(nn.Linear(3, 2), nn.Tanh()))
            self.scale = nn.Parameter(tl.ones(2))

        def forward(self, x: Any) -> Any:
            for layer in (*self.layers, self.layers[0]):
                x = layer(x)
            return self.tail(x) * self.scale

    result = summary(Model(), (4, 3))
    assert rows(result) == [
        ("Model", 0, [4, 2], 2, 0),
        ("ModuleList", 1, None, 0, 0),
        ("Linear", 2, [4, 3], 12, 48),
        ("Linear", 2, [4, 3], 9, 36),
        ("Linear", 2, [4, 3], 0, 48),
        ("Sequential", 1, [4, 2], 0, 0),
        ("ReLU", 2, [4, 3], 0, 0),
        ("Sequential", 2, [4, 2], 0, 0),
        ("Linear", 3, [4, 2], 8, 32),
        ("Tanh", 3, [4, 2], 0, 0),
    ]
    assert result.total_params == 31 and result.total_mult_adds == 164
    text = str(result)
    assert text.count("(recursive)") == 1
    assert "│    │    └─Linear: 3-1" in text
    flat = str(summary(Model(), (4, 3), depth=1)).splitlines()
    assert [line.split()[-2:] for line in flat[4:6]] == [["21", "132"], ["8", "32"]]
    assert flat[6].startswith("===")


def test_work_of_functions_is_counted_where_they_are_called() -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.W = nn.Parameter(tl.randn(4, 5))

        def forward(self, x: Any) -> Any:
            y = x @ self.W  # 3 * 4 * 5
            return tl.einsum("ij,kj->ik", y, y) + F.linear(y, tl.ones(3, 5))  # 3 * 3 * 5, twice

    assert summary(Model(), (3, 4)).total_mult_adds == 60 + 45 + 45


@pytest.mark.parametrize(
    ("layer", "sizes", "expected"),
    [
        (nn.Linear(3, 4), [(2, 5, 3)], 2 * 5 * 4 * (3 + 1)),
        (nn.Conv1d(4, 6, 3, groups=2, bias=False), [(2, 4, 9)], 2 * 6 * 7 * 2 * 3),
        (nn.Conv2d(4, 6, (3, 2), stride=2), [(4, 7, 6)], 6 * 3 * 3 * (4 * 6 + 1)),
        (nn.ConvTranspose2d(4, 6, 3, stride=2), [(2, 4, 5, 5)], 2 * 4 * 25 * 6 * 9),
        (nn.LSTM(3, 4), [(5, 2, 3)], 10 * 16 * (3 + 4 + 2)),
        (nn.GRU(3, 4, 2, bidirectional=True), [(5, 2, 3)], 10 * 2 * 12 * (3 + 4 + 2 + 8 + 4 + 2)),
        (nn.RNN(3, 4, bias=False), [(5, 2, 3)], 10 * 4 * (3 + 4)),
        (nn.LSTM(3, 4, proj_size=2), [(5, 2, 3)], 10 * (16 * (3 + 2 + 2) + 4 * 2)),
        (nn.GRUCell(3, 4), [(5, 3)], 5 * 12 * (3 + 4 + 2)),
        (nn.Bilinear(3, 4, 5), [(2, 3), (2, 4)], 2 * 5 * (12 + 1)),
        (
            nn.MultiheadAttention(8, 2, batch_first=True),
            [(2, 5, 8), (2, 6, 8), (2, 6, 8)],
            2 * (5 * 8 * 9 + 2 * 6 * 8 * 9 + 2 * 5 * 6 * 8 + 5 * 8 * 9),
        ),
        (nn.BatchNorm2d(3), [(2, 3, 4, 4)], 0),
        (nn.ReLU(), [(2, 3)], 0),
    ],
)
def test_multiply_adds(layer: Any, sizes: Any, expected: int) -> None:
    assert summary(layer, sizes).total_mult_adds == expected


def test_fused_attention_counts_both_products() -> None:
    class Model(nn.Module):
        def forward(self, q: Any, k: Any, v: Any) -> Any:
            return F.scaled_dot_product_attention(q, k, v)

    sizes = [(2, 3, 5, 4), (2, 3, 7, 4), (2, 3, 7, 6)]
    assert summary(Model(), sizes).total_mult_adds == 2 * 3 * 5 * 7 * (4 + 6)


def test_memory() -> None:
    net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)).double()
    result = summary(net, tl.zeros(5, 3, dtype=tl.float64))
    assert result.total_input == 5 * 3 * 8
    assert result.total_param_bytes == (16 + 10) * 8
    assert result.total_output_bytes == 2 * 5 * (4 + 2) * 8


def test_parameters_frozen_shared_uncalled_and_parametrized() -> None:
    net = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3), nn.MultiheadAttention(4, 2))
    net[1].weight = net[0].weight
    freeze(net[0])
    parts = summary(net)
    assert parts.total_params == 9 + 3 + 3 + 60 + 20
    assert parts.trainable_params == 3 + 80  # the shared weight is frozen with its first owner
    assert "(12)" in str(parts) and "mult-adds" not in str(parts)
    attention = summary(net[2], [(2, 1, 4)] * 3)
    assert rows(attention)[1] == ("NonDynamicallyQuantizableLinear", 1, None, 20, 0)
    layer = parametrizations.weight_norm(nn.Linear(3, 4))
    assert summary(layer, (2, 3)).total_params == 4 + 4 + 12
    assert summary(layer).total_params == 20


def test_outputs_that_are_no_single_tensor() -> None:
    class Model(nn.Module):
        def forward(self, x: Any) -> Any:
            return {"a": [x, x + 1], "b": None}

    row = summary(Model(), (2, 3)).summary_list[0]
    assert row.output_shape == [2, 3] and row.output_bytes == 48


class Everything(nn.Module):
    """What a careless forward could disturb."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            parametrizations.spectral_norm(nn.Linear(4, 6)), nn.BatchNorm1d(6), nn.Dropout(0.5)
        )
        self.register_buffer("count", tl.zeros(()))
        self.register_buffer("last", None)

    def forward(self, x: Any) -> Any:
        self.count += 1
        self.last = x
        return self.body(x)


@pytest.mark.parametrize("mode", ["train", "eval"])
def test_leaves_no_trace(mode: str) -> None:
    net = Everything()
    net.body[1].eval()
    net.body[0].register_forward_hook(lambda *_: None)
    before = copy.deepcopy(net.state_dict())
    buffers = {n: id(b) for n, b in net.named_buffers()}
    flags = [m.training for m in net.modules()]
    hooked = [m._hook_registries is not None for m in net.modules()]
    state = tl.get_rng_state()
    summary(net, (8, 4), mode=mode)
    assert flags == [m.training for m in net.modules()]
    assert hooked == [m._hook_registries is not None for m in net.modules()]
    assert len(net.body[0]._forward_hooks) == 1 and not net.body[0]._forward_pre_hooks
    assert buffers == {n: id(b) for n, b in net.named_buffers()}
    assert all(np.array_equal(v, before[k]) for k, v in net.state_dict().items())
    assert tl.equal(state, tl.get_rng_state())
    assert all(p.grad is None for p in net.parameters())


def test_leaves_no_trace_after_an_error() -> None:
    net = Everything()
    with pytest.raises(RuntimeError):
        summary(net, (8, 3), mode="train")
    assert net.training and float(net.count) == 0 and net.last is None
    assert all(m._hook_registries is None for m in net.modules())
    with pytest.raises(ValueError, match="mode must be 'eval' or 'train'"):
        summary(net, (8, 4), mode="test")


def test_lazy_layers_stay_lazy() -> None:
    net = nn.Sequential(nn.LazyLinear(5), nn.LazyBatchNorm1d(), nn.Linear(5, 2))
    state = tl.get_rng_state()
    result = summary(net, (4, 3))
    assert result.total_params == 20 + 10 + 12
    assert [r.name for r in result.summary_list] == [
        "Sequential",
        "Linear",
        "BatchNorm1d",
        "Linear",
    ]
    assert type(net[0]) is nn.LazyLinear and net[0].has_uninitialized_params()
    assert tl.equal(state, tl.get_rng_state())


def test_a_pending_backward_pass_is_not_disturbed() -> None:
    net = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3)).eval()
    x = tl.randn(4, 3, requires_grad=True)
    out = net(x)
    summary(net, (4, 3), mode="train")
    out.sum().backward()
    assert x.grad is not None
