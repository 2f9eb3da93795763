"""What a node is called where it is printed: grad_fn=<MseLossBackward0>."""

from __future__ import annotations

import pytest

import tinygrad_lite

torch = pytest.importorskip("torch")

NAMES = """
F.mse_loss(x, y);F.smooth_l1_loss(x, y);F.huber_loss(x, y);F.l1_loss(x, y);x.sum();x.sum(1);x.mean()
x.mean(0);F.linear(x, y);F.linear(x, y, z);F.linear(x[None], y, z);F.linear(x[None], y)
F.max_pool2d(x[None, None], 2);F.max_pool1d(x[None], 2);F.avg_pool2d(x[None, None], 2)
F.adaptive_avg_pool2d(x[None, None], 2);F.dropout(x, 0.5);F.cross_entropy(x, z.long().detach() * 0)
"""


@pytest.mark.parametrize("expression", NAMES.replace("\n", ";").strip(";").split(";"))
def test_names_of_nodes(expression):
    names = []
    for lib in (tinygrad_lite, torch):
        x, y = (lib.ones(4, 4, requires_grad=True) for _ in range(2))
        scope = {"F": lib.nn.functional, "x": x, "y": y, "z": lib.ones(4, requires_grad=True)}
        names.append(type(eval(expression, scope).grad_fn).__name__)
    assert names[0] == names[1]
