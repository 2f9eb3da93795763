"""Max unpooling: values written back to the places their maxima came from, zeros elsewhere."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core.doors import composed, primitive
from ..core.samples import Integer, Real, sample
from .arguments import of_tensors
from .pooling import windows_of
from .pools import pick


@primitive(
    lambda g, y, dims: pick(g, y, dims=dims),
    None,
    promote=None,
    method=False,
    title="MaxUnpool",
    samples=[sample(Real("n 1"), Integer("n 1", 0, 5), plane=(5,), dims=1)],
)
def put_back(x: Any, y: Any, *, plane: Any, dims: Any) -> Any:
    """Zeros with x written at the indices y into the flattened plane; of equal indices the last.

    The derivative is PyTorch's: each x gets the gradient at its index, those overwritten too.
    """
    lead = x.shape[: x.ndim - dims]
    out = np.zeros((*lead, math.prod(plane)), x.dtype)
    rows = (*lead, math.prod(x.shape[x.ndim - dims :]))
    np.put_along_axis(out, y.reshape(rows), x.reshape(rows), -1)
    return out.reshape(*lead, *plane)


def _max_unpool(
    dims: int, input: Any, indices: Any, kernel: Any, stride: Any, padding: Any, size: Any
) -> Any:
    function = f"max_unpool{dims}d"
    windows = windows_of(function, dims, kernel, stride, padding)
    if indices.array.shape != input.array.shape:
        raise RuntimeError(
            f"Expected shape of indices to be same as that of the input tensor "
            f"({list(input.array.shape)}) but got indices tensor with shape: "
            f"{list(indices.array.shape)}"
        )
    plane = input.array.shape[-dims:]
    geometry = (plane, windows["stride"], windows["kernel"], windows["padding"])
    usual = [(n - 1) * s + k - 2 * p for n, s, k, p in zip(*geometry, strict=True)]
    if size is None:
        size = usual
    elif len(size) not in (dims, dims + 2):
        raise ValueError(
            f"output_size should be a sequence containing {dims} or {dims + 2} elements, "
            f"but it has a length of '{len(size)}'"
        )
    size = tuple([int(n) for n in tuple(size)[-dims:]])
    for d, (n, standard, step) in enumerate(zip(size, usual, windows["stride"], strict=True)):
        if not standard - step < n < standard + step:
            raise ValueError(
                f'invalid output_size "{size}" (dim {d} must be between {standard - step} '
                f"and {standard + step})"
            )
    y = indices.array
    if y.size and not (y.min() >= 0 and y.max() < math.prod(size)):
        wrong = y.min() if y.min() < 0 else y.max()
        volume = "x".join(map(str, size))
        raise RuntimeError(
            f"Found an invalid max index: {wrong} (output volumes are of size {volume})"
        )
    return put_back(input, indices, plane=size, dims=dims)


@composed(method=False)
def max_unpool1d(
    input: Any,
    indices: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    output_size: Any = None,
) -> Any:
    """Put maxima back where `max_pool1d` found them; zeros elsewhere."""
    return _max_unpool(1, input, indices, kernel_size, stride, padding, output_size)


@composed(method=False)
@of_tensors
def max_unpool2d(
    input: Any,
    indices: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    output_size: Any = None,
) -> Any:
    """Put maxima back where `max_pool2d` found them; zeros elsewhere."""
    return _max_unpool(2, input, indices, kernel_size, stride, padding, output_size)


@composed(method=False)
def max_unpool3d(
    input: Any,
    indices: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    output_size: Any = None,
) -> Any:
    """Put maxima back where `max_pool3d` found them; zeros elsewhere."""
    return _max_unpool(3, input, indices, kernel_size, stride, padding, output_size)
