"""Embeddings and one-hot codes: rows of a matrix chosen by integers."""

from __future__ import annotations

import numpy as np

from ...core.modes import no_grad
from ...core.node import touch
from ...core.tensor import Tensor, make
from ...ops.arguments import of_tensors
from ...ops.embedding import gather_rows
from ...ops.mixing import Sparse, mixed_along


def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """weight[input]: one row for each index.

    padding_idx         the row that gets no gradient
    max_norm            rows that are used are first rescaled, in place, to at most this norm
    scale_grad_by_freq  a row's gradient is divided by how often the row was used
    """
    if not isinstance(input, Tensor):
        kind = type(input).__name__
        raise TypeError(f"embedding(): argument 'indices' (position 2) must be Tensor, not {kind}")
    if input.array.dtype not in (np.int64, np.int32):
        raise RuntimeError(
            "Expected tensor for argument #1 'indices' to have one of the following scalar types: "
            f"Long, Int; but got {input.dtype} instead (embedding)"
        )
    if weight.array.ndim != 2:
        raise RuntimeError(f"'weight' must be 2-D, got {list(weight.array.shape)} (embedding)")
    rows = weight.array.shape[0]
    if padding_idx is not None:
        if not -rows <= padding_idx < rows:
            raise AssertionError("Padding_idx must be within num_embeddings")
        padding_idx %= rows
    _check_rows(input.array, rows)
    if max_norm is not None:
        _renormalize(weight, input.array, max_norm, norm_type)
    if scale_grad_by_freq and weight.requires_grad:
        counts = np.bincount(input.array.ravel(), minlength=rows)
        scale = (1.0 / np.maximum(counts, 1)).astype(weight.array.dtype)
        weight = _scaled_gradient(weight, make(scale[:, None]))
    return gather_rows(weight, input, padding=padding_idx)


def _scaled_gradient(weight: Tensor, scale: Tensor) -> Tensor:
    """`weight`, whose gradient is multiplied by `scale` on its way."""
    return weight.detach() * (1 - scale) + weight * scale


def _check_rows(index: np.ndarray, rows: int) -> None:
    if index.size and not (index.min() >= 0 and index.max() < rows):
        raise IndexError(
            f"index out of range in self: {int(index.min())} to {int(index.max())} "
            f"for {rows} rows (embedding)"
        )


def _renormalize(weight: Tensor, index: np.ndarray, max_norm: float, norm_type: float) -> None:
    with no_grad():
        used = np.unique(index)
        norms = np.linalg.norm(weight.array[used], norm_type, axis=1)
        long = norms > max_norm
        if long.any():
            weight.array[used[long]] *= (max_norm / (norms[long] + 1e-7))[:, None]
            touch(weight.array, "embedding_renorm")


@of_tensors
def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """Codes of length `num_classes` (default: largest + 1): 1 at the class, 0 elsewhere (int64)."""
    x = tensor.array
    if x.dtype != np.int64:
        raise RuntimeError(
            f"one_hot is only applicable to index tensor of type LongTensor, got {tensor.dtype}"
        )
    if x.size == 0:
        if num_classes <= 0:
            raise RuntimeError("Can not infer total number of classes from empty tensor.")
        return make(np.zeros((*x.shape, num_classes), np.int64))
    if x.min() < 0:
        raise RuntimeError("Class values must be non-negative.")
    classes = int(x.max()) + 1 if num_classes == -1 else num_classes
    if x.max() >= classes:
        raise RuntimeError("Class values must be smaller than num_classes.")
    out = np.zeros((*x.shape, classes), np.int64)
    out.reshape(-1, classes)[np.arange(x.size), x.reshape(-1)] = 1
    return make(out)


def embedding_bag(
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Tensor:
    """Sums, means or maxima over bags of embeddings: rows of `input`, or runs between `offsets`."""
    flat, bag, count = _bags(input, offsets, include_last_offset)
    if mode not in ("sum", "mean", "max"):
        raise ValueError(f"mode has to be one of sum, mean or max, got {mode!r}")
    if per_sample_weights is not None:
        if mode != "sum":
            raise NotImplementedError(
                "embedding_bag: per_sample_weights was not None. per_sample_weights is only "
                f"supported for mode='sum' (got mode='{mode}'). Please open a feature request."
            )
        if per_sample_weights.array.shape != input.array.shape:
            raise ValueError(
                f"embedding_bag: If per_sample_weights ({list(per_sample_weights.array.shape)}) is "
                f"not None, then it must have the same shape as the input "
                f"({list(input.array.shape)})"
            )
    places = np.arange(bag.size)
    if padding_idx is not None:
        n = weight.array.shape[0]
        if not -n <= padding_idx < n:
            raise RuntimeError(
                f"padding_idx must be within the number of embeddings, {-n} through {n - 1}, but "
                f"got {padding_idx}"
            )
        places = np.flatnonzero(flat.array != padding_idx % n)
    bag = bag[places]
    rows = embedding(flat, weight, None, max_norm, norm_type, scale_grad_by_freq)
    if mode == "max":
        return _largest_of(rows, bag, places, count)
    if per_sample_weights is not None:
        rows = rows * per_sample_weights.reshape(-1, 1)
    sizes = np.bincount(bag, minlength=count)
    share = 1.0 / sizes[bag] if mode == "mean" else np.ones(bag.size)
    matrix = Sparse((count, flat.array.size), bag, places, share)
    return mixed_along(rows, axis=0, matrix=matrix)


def _bags(
    input: Tensor, offsets: Tensor | None, include_last: bool
) -> tuple[Tensor, np.ndarray, int]:
    """The indices one after the other, the bag of each, and how many bags there are."""
    x = input.array
    if x.ndim == 2:
        if offsets is not None:
            raise ValueError(
                "if input is 2D, then offsets has to be None, as input is treated as a mini-batch "
                "of fixed length sequences"
            )
        return input.reshape(-1), np.repeat(np.arange(x.shape[0]), x.shape[1]), x.shape[0]
    if x.ndim != 1:
        raise ValueError(f"input has to be 1D or 2D Tensor, but got Tensor of dimension {x.ndim}")
    if offsets is None:
        raise ValueError("offsets has to be a 1D Tensor but got None")
    starts = offsets.array
    if starts.ndim != 1:
        raise ValueError("offsets has to be a 1D Tensor")
    if starts.size and starts[0] != 0:
        raise RuntimeError(
            "offsets[0] has to be 0, i.e., the first sequence in the mini-batch has to start from "
            f"position 0. However, got {starts[0]}"
        )
    if starts.size and starts[-1] > x.size:
        raise RuntimeError(
            f"offsets[-1] can not be greater than input's length {x.size} but got offsets[-1] of "
            f"{starts[-1]}"
        )
    if include_last:  # which says where the last bag ends: at the end, whatever it says
        starts = starts[:-1]
    if not starts.size:
        return input[:0], np.zeros(0, np.int64), 0
    return input, np.searchsorted(starts, np.arange(x.size), side="right") - 1, len(starts)


def _largest_of(rows: Tensor, bag: np.ndarray, places: np.ndarray, count: int) -> Tensor:
    """The maxima of the rows at `places` of each bag; 0 for a bag without any."""
    sizes = np.bincount(bag, minlength=count)
    longest = int(sizes.max(initial=0))
    if not longest:
        return rows.new_zeros(count, rows.shape[1]) + rows[:0].sum()
    starts = np.cumsum(sizes) - sizes
    at = np.minimum(starts[:, None] + np.arange(longest), max(len(places) - 1, 0))  # (bags, most)
    missing = np.arange(longest) >= sizes[:, None]
    spread = rows[make(places[at])].masked_fill(make(missing[..., None]), -np.inf)
    return spread.max(1).values.masked_fill(make(sizes[:, None] == 0), 0.0)
