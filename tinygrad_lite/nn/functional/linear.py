"""Affine and bilinear maps."""

from __future__ import annotations

from typing import Any

from ...core.tensor import Tensor
from ...ops.arguments import of_tensors
from ...ops.matrix import linear as linear


@of_tensors
def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """y[o] = x1^T W[o] x2 + b[o] for x1 (..., I), x2 (..., J), W (O, I, J)."""
    if input1.array.shape[:-1] != input2.array.shape[:-1]:
        raise RuntimeError(
            "bilinear(): input batch dimensions do not match: got "
            f"{list(input1.array.shape)} and {list(input2.array.shape)}"
        )
    for i, x in ((1, input1), (2, input2)):
        if x.array.shape[-1] != weight.array.shape[i]:
            raise RuntimeError(
                f"bilinear(): input{i} size does not match weight size: got "
                f"{x.array.shape[-1]} but expected {weight.array.shape[i]}"
            )
    o, i, j = weight.array.shape
    lead = input1.array.shape[:-1]
    x1, x2 = input1.reshape(-1, i), input2.reshape(-1, j)
    pairs = (x1.unsqueeze(2) * x2.unsqueeze(1)).reshape(-1, i * j)
    out: Any = linear(pairs, weight.reshape(o, i * j), bias)
    return out.reshape(*lead, o)
