"""Recurrent layers one step at a time: the cells of `RNN`, `GRU` and `LSTM`."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

from ...core.tensor import Parameter, Tensor, make
from ...ops import recurrent as ops
from ...ops.filling import empty, zeros
from .. import init
from .module import Module


class RNNCellBase(Module):
    """What the three cells share: two weights and two biases."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool,
        num_chunks: int,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.bias = bias
        rows = num_chunks * hidden_size
        kind = {"dtype": dtype, "device": device}
        self.weight_ih = Parameter(empty(rows, input_size, **kind))
        self.weight_hh = Parameter(empty(rows, hidden_size, **kind))
        for name in ("bias_ih", "bias_hh"):
            self.register_parameter(name, Parameter(empty(rows, **kind)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all weights anew, uniform on +-1 / sqrt(hidden_size)."""
        bound = 1.0 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def _step(self, input: Tensor, hx: Any, count: int, step: Callable[..., Any]) -> Any:
        if input.array.ndim not in (1, 2):
            raise ValueError(
                f"{type(self).__name__}: Expected input to be 1D or 2D, got {input.array.ndim}D "
                "instead"
            )
        single = input.array.ndim == 1
        x = input.unsqueeze(0) if single else input
        n, width = x.array.shape
        if width != self.input_size:
            raise RuntimeError(
                f"input has inconsistent input_size: got {width} expected {self.input_size}"
            )
        if hx is None:
            state = [make(zeros(n, self.hidden_size, dtype=x.dtype).array)] * count
        else:
            given = hx if isinstance(hx, (tuple, list)) else (hx,)
            for i, h in enumerate(given):
                if h.array.ndim not in (1, 2):
                    name = f"hx[{i}]" if count == 2 else "hidden"
                    raise ValueError(
                        f"{type(self).__name__}: Expected {name} to be 1D or 2D, got "
                        f"{h.array.ndim}D instead"
                    )
            state = [h.unsqueeze(0) if single else h for h in given]
            for i, h in enumerate(state):
                if h.array.shape[0] != n:
                    raise RuntimeError(
                        f"Input batch size {n} doesn't match hidden{i} batch size "
                        f"{h.array.shape[0]}"
                    )
                if h.array.shape[1] != self.hidden_size:
                    raise RuntimeError(
                        f"hidden{i} has inconsistent hidden_size: got {h.array.shape[1]}, "
                        f"expected {self.hidden_size}"
                    )
        found = step(x, *state, self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh)
        if not single:
            return found
        return tuple([h.squeeze(0) for h in found]) if count == 2 else found.squeeze(0)

    def extra_repr(self) -> str:
        parts = f"{self.input_size}, {self.hidden_size}"
        return parts if self.bias else parts + f", bias={self.bias}"


class RNNCell(RNNCellBase):
    """One step of an `RNN`."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 1, device, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        if self.nonlinearity not in ("tanh", "relu"):
            raise RuntimeError(f"Unknown nonlinearity: {self.nonlinearity}")
        relu_cell = self.nonlinearity == "relu"
        return self._step(input, hx, 1, functools.partial(ops.rnn_step, relu_cell=relu_cell))

    def extra_repr(self) -> str:
        plain = super().extra_repr()
        return (
            plain if self.nonlinearity == "tanh" else f"{plain}, nonlinearity={self.nonlinearity}"
        )


class GRUCell(RNNCellBase):
    """One step of a `GRU`."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 3, device, dtype)

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        return self._step(input, hx, 1, ops.gru_step)


class LSTMCell(RNNCellBase):
    """One step of an `LSTM`: (h, c)."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 4, device, dtype)

    def forward(
        self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, Tensor]:
        return self._step(input, hx, 2, ops.lstm_step)
