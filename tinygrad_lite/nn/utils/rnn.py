"""Sequences of different lengths in one tensor: padded, or packed without padding.

A packed sequence holds the first elements of all sequences, then the second ones, and so on, the
sequences in order of decreasing length; `batch_sizes[t]` says how many are longer than t.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ...core import dtypes
from ...core.tensor import Tensor, make
from ...ops.joining import cat, stack
from ..functional.vision import pad


class PackedSequence(NamedTuple):
    """What `pack_padded_sequence` returns and recurrent layers take."""

    data: Tensor
    batch_sizes: Tensor
    sorted_indices: Tensor | None = None
    unsorted_indices: Tensor | None = None

    def to(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """As `Tensor.to`, of the data; itself if nothing changes."""
        data = self.data.to(*args, **kwargs)
        return self if data is self.data else self._replace(data=data)

    @property
    def is_cuda(self) -> bool:
        return False

    def is_pinned(self) -> bool:
        """False."""
        return False

    def pin_memory(self) -> PackedSequence:
        """Itself: there is no other memory."""
        return self

    def cpu(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """Itself, or in another dtype, as `to`."""
        return self.to(*args, device="cpu", **kwargs)

    def cuda(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """Raises: there is no GPU."""
        return self._replace(data=self.data.cuda(*args, **kwargs))

    def double(self) -> PackedSequence:
        """The data as float64; the next ones likewise."""
        return self.to(dtype=dtypes.float64)

    def float(self) -> PackedSequence:
        return self.to(dtype=dtypes.float32)

    def half(self) -> PackedSequence:
        return self.to(dtype=dtypes.float16)

    def long(self) -> PackedSequence:
        return self.to(dtype=dtypes.int64)

    def int(self) -> PackedSequence:
        return self.to(dtype=dtypes.int32)

    def short(self) -> PackedSequence:
        return self.to(dtype=dtypes.int16)

    def char(self) -> PackedSequence:
        return self.to(dtype=dtypes.int8)

    def byte(self) -> PackedSequence:
        return self.to(dtype=dtypes.uint8)


def invert_permutation(permutation: Tensor | None) -> Tensor | None:
    """The permutation that undoes `permutation`."""
    return None if permutation is None else make(np.argsort(permutation.array))


def pack_padded_sequence(
    input: Tensor, lengths: Any, batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """Drop the padding of `input` (T, N, ...), of which sequence n is lengths[n] long.

    RuntimeError for a length below 1, above T, or (with `enforce_sorted`) out of order.
    """
    sizes = np.asarray(lengths.array if isinstance(lengths, Tensor) else lengths, np.int64)
    if input.array.size == 0:
        raise RuntimeError("Cannot pack empty tensors.")
    x = input.transpose(0, 1) if batch_first else input
    order = None
    if enforce_sorted:
        if np.any(np.diff(sizes) > 0):
            raise RuntimeError(
                "`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. "
                "You can pass `enforce_sorted=False` to pack_padded_sequence and/or pack_sequence "
                "to sidestep this requirement if you do not need ONNX exportability."
            )
    else:
        order = np.argsort(-sizes, kind="stable")
        sizes = sizes[order]
        x = x[:, make(order)]
    if x.array.shape[1] != sizes.size:
        raise RuntimeError(
            f"Expected `len(lengths)` to be equal to batch_size, but got {sizes.size} "
            f"(batch_size={x.array.shape[1]})"
        )
    if sizes.size == 0 or sizes.min() <= 0:
        raise RuntimeError(
            "Length of all samples has to be greater than 0, but found an element in "
            "'lengths' that "
            "is <= 0"
        )
    if sizes[0] > x.array.shape[0]:
        raise RuntimeError(
            f"Expected sequence length to be larger than or equal to {sizes[0]}, got "
            f"{x.array.shape[0]}"
        )
    batch_sizes = (sizes[None, :] > np.arange(sizes[0])[:, None]).sum(1)
    data = cat([x[t, :n] for t, n in enumerate(batch_sizes.tolist())])
    indices = None if order is None else make(order)
    return PackedSequence(data, make(batch_sizes), indices, invert_permutation(indices))


def pad_packed_sequence(
    sequence: PackedSequence,
    batch_first: bool = False,
    padding_value: float = 0.0,
    total_length: int | None = None,
) -> tuple[Tensor, Tensor]:
    """The padded (T, N, ...) tensor of a packed sequence, and the lengths."""
    batch_sizes = sequence.batch_sizes.array
    steps, n = len(batch_sizes), int(batch_sizes[0])
    if total_length is not None and total_length < steps:
        raise ValueError(
            "Expected total_length to be at least the length of the longest sequence in input, but "
            f"got total_length={total_length} and max sequence length being {steps}"
        )
    rows = []
    for part in sequence.data.split(batch_sizes.tolist()):
        missing = n - part.array.shape[0]
        sides = (0, 0) * (part.array.ndim - 1)
        rows.append(pad(part, (*sides, 0, missing), value=padding_value) if missing else part)
    out = stack(rows)
    if total_length is not None and total_length > steps:
        sides = (0, 0) * (out.array.ndim - 1)
        out = pad(out, (*sides, 0, total_length - steps), value=padding_value)
    lengths = make((batch_sizes[:, None] > np.arange(n)[None, :]).sum(0))
    if sequence.unsorted_indices is not None:
        out = out[:, sequence.unsorted_indices]
        lengths = lengths[sequence.unsorted_indices]
    return (out.transpose(0, 1) if batch_first else out), lengths


def pad_sequence(
    sequences: Sequence[Tensor],
    batch_first: bool = False,
    padding_value: float = 0.0,
    padding_side: str = "right",
) -> Tensor:
    """Stack sequences (L_i, ...) into (L, N, ...), the short ones filled with `padding_value`."""
    if padding_side not in ("left", "right"):
        raise RuntimeError(f"padding_side must be 'left' or 'right', got {padding_side!r}")
    if not isinstance(sequences, Iterable):
        raise RuntimeError(
            "pad_sequence: Expected iterable for input sequences, but got arg of type: "
            f"{type(sequences)}"
        )
    sequences = list(sequences)
    if not sequences:
        raise RuntimeError("received an empty list of sequences")
    longest = max(s.array.shape[0] for s in sequences)
    rows = []
    for s in sequences:
        missing = longest - s.array.shape[0]
        sides = (0, 0) * (s.array.ndim - 1)
        ends = (0, missing) if padding_side == "right" else (missing, 0)
        rows.append(pad(s, (*sides, *ends), value=padding_value) if missing else s)
    return stack(rows, 0 if batch_first else 1)


def unpad_sequence(
    padded_sequences: Tensor, lengths: Tensor, batch_first: bool = False
) -> list[Tensor]:
    """The sequences of a padded tensor, each at its own length."""
    x = padded_sequences if batch_first else padded_sequences.transpose(0, 1)
    return [row[:n] for row, n in zip(x, lengths.tolist(), strict=True)]


def pack_sequence(sequences: Sequence[Tensor], enforce_sorted: bool = True) -> PackedSequence:
    """Pack a list of sequences (L_i, ...)."""
    lengths = [s.array.shape[0] for s in sequences]
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """The list of sequences of a packed one."""
    padded, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(padded, lengths, batch_first=True)
