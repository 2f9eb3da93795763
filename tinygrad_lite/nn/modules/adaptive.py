"""A softmax over many classes that spends its work on the frequent ones (Grave et al. 2017)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from ...core.tensor import Tensor, make
from ...ops.joining import cat
from ...ops.selection import where
from .. import functional as F
from .container import ModuleList, Sequential
from .linear import Linear
from .module import Module


class _ASMoutput(NamedTuple):
    output: Tensor
    loss: Tensor


class AdaptiveLogSoftmaxWithLoss(Module):
    """log p(class) in two steps: a head over frequent classes and clusters, a tail per cluster.

    Classes are numbered by falling frequency. Those below cutoffs[0] stand in the head, each of
    the others in the cluster between two cutoffs: log p(c) = log p(cluster) + log p(c | cluster).
    Tail i sees its input through a projection to in_features // div_value^(i + 1) numbers.
    """

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        cutoffs: Sequence[int],
        div_value: float = 4.0,
        head_bias: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        cutoffs = list(cutoffs)
        if not cutoffs:
            raise ValueError("cutoffs should be a sequence of length larger than 0")
        increasing = all(a < b for a, b in pairwise(cutoffs))
        whole = all(int(c) == c for c in cutoffs)
        if not increasing or not whole or cutoffs[0] <= 0 or cutoffs[-1] > n_classes - 1:
            raise ValueError(
                "cutoffs should be a sequence of unique, positive integers sorted in an increasing "
                f"order, where each value is between 1 and n_classes-1; got {cutoffs} for "
                f"{n_classes} classes"
            )
        self.in_features = in_features
        self.n_classes = n_classes
        self.cutoffs = [*cutoffs, n_classes]
        self.div_value = div_value
        self.head_bias = head_bias
        self.shortlist_size = self.cutoffs[0]
        self.n_clusters = len(self.cutoffs) - 1
        self.head_size = self.shortlist_size + self.n_clusters
        kind = {"device": device, "dtype": dtype}
        self.head = Linear(in_features, self.head_size, bias=head_bias, **kind)
        self.tail = ModuleList()
        for i, (low, high) in enumerate(pairwise(self.cutoffs)):
            narrow = int(in_features // div_value ** (i + 1))
            self.tail.append(
                Sequential(
                    Linear(in_features, narrow, bias=False, **kind),
                    Linear(narrow, high - low, bias=False, **kind),
                )
            )

    def reset_parameters(self) -> None:
        """Draw all weights anew."""
        self.head.reset_parameters()
        for projection, scores in self.tail:
            projection.reset_parameters()
            scores.reset_parameters()

    def forward(self, input_: Tensor, target_: Tensor) -> _ASMoutput:
        """(log p(target), its negative mean) for input (N, in_features) and target (N)."""
        single = self._check(input_, target_)
        x = input_.unsqueeze(0) if single else input_
        y = target_.array.reshape(-1)
        cluster = np.searchsorted(np.array(self.cutoffs), y, side="right")  # 0: in the shortlist
        place = np.where(cluster == 0, y, self.shortlist_size + cluster - 1)
        output = F.log_softmax(self.head(x), 1).gather(1, make(place[:, None])).squeeze(1)
        for i in range(self.n_clusters):  # only the rows of a cluster pass its tail
            rows = np.flatnonzero(cluster == i + 1)
            if rows.size:
                logs = F.log_softmax(self.tail[i](x.index_select(0, make(rows))), 1)
                within = logs.gather(1, make((y[rows] - self.cutoffs[i])[:, None])).squeeze(1)
                output = output.index_add(0, make(rows), within)
        loss = (-output).mean()
        return _ASMoutput(output.squeeze(0) if single else output, loss)

    def _check(self, input: Tensor, target: Tensor) -> bool:
        """Whether there is no batch axis; RuntimeError for shapes and classes that do not fit."""
        rank, x, y = target.array.ndim, input.array, target.array
        if rank > 1:
            raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
        if rank == 1 and x.shape[:1] != y.shape:
            raise RuntimeError("Input and target should have the same size in the batch dimension.")
        if x.ndim != rank + 1:
            raise RuntimeError(
                f"{rank}D target tensor expects {rank + 1}D input tensors, but found inputs with "
                f"size {input.size()}"
            )
        if y.size and not (y.min() >= 0 and y.max() < self.n_classes):
            raise RuntimeError(
                f"Target values should be in [0, {self.n_classes - 1}], but values in range "
                f"[{y.min()}, {y.max()}] were found. "
            )
        return rank == 0

    def log_prob(self, input: Tensor) -> Tensor:
        """log p of every class: (N, n_classes) for input (N, in_features)."""
        head = F.log_softmax(self.head(input), 1)
        parts = [head[:, : self.shortlist_size]]
        for i in range(self.n_clusters):
            k = self.shortlist_size + i
            parts.append(F.log_softmax(self.tail[i](input), 1) + head[:, k : k + 1])
        return cat(parts, 1)

    def predict(self, input: Tensor) -> Tensor:
        """The class of highest probability, (N): a tail is asked where its cluster is likeliest."""
        first = self.head(input).argmax(1)
        elsewhere = first.array >= self.shortlist_size
        if not elsewhere.any():
            return first
        return where(make(elsewhere), self.log_prob(input).argmax(1), first)
