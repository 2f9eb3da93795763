"""channels_last: values, shapes, strides and questions are PyTorch's; gradients pass through."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("torch")

from tests.oracle.behaviours import check, error


def orders(lib: Any) -> Any:
    x = lib.arange(48.0).reshape(2, 3, 2, 4)
    last = lib.channels_last
    y, z, w = (
        x.to(memory_format=last),
        x.contiguous(memory_format=last),
        x.clone(memory_format=last),
    )
    three = lib.zeros(2, 3, 2, 2, 2).contiguous(memory_format=lib.channels_last_3d)
    return (
        [(t, t.stride(), t.is_contiguous()) for t in (x, y, z, w)],
        [t.is_contiguous(memory_format=last) for t in (x, y, z, w)],
        y.contiguous(memory_format=last) is y, y.contiguous().stride(), y.contiguous(),
        x.contiguous(memory_format=lib.contiguous_format) is x, y.to(memory_format=last) is y,
        y.clone().stride(), y.clone(memory_format=lib.contiguous_format).stride(),
        x.to(lib.float64, memory_format=last).stride(), three.stride(),
        three.is_contiguous(memory_format=lib.channels_last_3d),
        lib.ones(2).is_contiguous(memory_format=last),
        error(lambda: lib.ones(2).to(memory_format=last), 60),
        error(lambda: x.contiguous(memory_format=lib.channels_last_3d), 60),
        (y * 2 + 1).relu().stride(),
    )  # fmt: skip


def gradients(lib: Any) -> Any:
    x = lib.arange(48.0).reshape(2, 3, 2, 4).requires_grad_()
    conv = lib.nn.Conv2d(3, 2, 1).to(memory_format=lib.channels_last)
    lib.nn.init.constant_(conv.weight, 0.5)
    lib.nn.init.constant_(conv.bias, 0.1)
    out = conv(x.to(memory_format=lib.channels_last).contiguous(memory_format=lib.channels_last))
    (out**2).sum().backward()
    return out, x.grad, conv.weight.grad


@pytest.mark.parametrize("behaviour", [orders, gradients])
def test_channels_last(behaviour: Callable[[Any], Any]) -> None:
    check(behaviour)
