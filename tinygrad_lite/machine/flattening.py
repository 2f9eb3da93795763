"""`torch._utils`: many Tensors as one, as programs that send or count parameters write it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ..core.tensor import Tensor
from ..ops.joining import cat


def _flatten_dense_tensors(tensors: Iterable[Tensor]) -> Tensor:
    """All elements of Tensors of one dtype, in one Tensor of one axis."""
    joined: Tensor = cat([t.reshape(-1) for t in tensors])
    return joined


def _unflatten_dense_tensors(flat: Tensor, tensors: Iterable[Tensor]) -> tuple[Tensor, ...]:
    """The parts of `flat` as views with the shapes of `tensors`, which it was made of."""
    shapes = [t.shape for t in tensors]
    parts = flat.split([shape.numel() for shape in shapes])
    return tuple([part.view(shape) for part, shape in zip(parts, shapes, strict=True)])


def _take_tensors(tensors: Iterable[Tensor], size_limit: int) -> Iterator[list[Tensor]]:
    """Lists of Tensors of one dtype, of together at most `size_limit` bytes (or of one Tensor)."""
    waiting: dict[Any, list[Tensor]] = {}
    for t in tensors:
        block = waiting.setdefault(t.dtype, [])
        if block and sum(b.nbytes for b in block) + t.nbytes > size_limit:
            yield block
            block = waiting[t.dtype] = []
        block.append(t)
    yield from waiting.values()
