"""Recurrent layers: RNN, GRU and LSTM over sequences. Single steps stand in rnn_cells.py."""

from __future__ import annotations

import math
import warnings
from typing import Any

from ...core.tensor import Parameter, Tensor
from ...ops import recurrent as ops
from ...ops.filling import empty, zeros
from ...ops.joining import cat, stack
from ...ops.matrix import linear
from .. import functional as F
from .. import init
from ..utils.rnn import PackedSequence
from .module import Module
from .rnn_cells import GRUCell as GRUCell
from .rnn_cells import LSTMCell as LSTMCell
from .rnn_cells import RNNCell as RNNCell
from .rnn_cells import RNNCellBase as RNNCellBase

_GATES = {"LSTM": 4, "GRU": 3, "RNN_TANH": 1, "RNN_RELU": 1}


class RNNBase(Module):
    """What the three layers share: weights a layer and direction, and the walk over them."""

    def __init__(
        self,
        mode: str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        if not isinstance(dropout, (int, float)) or not 0 <= dropout <= 1 or dropout is True:
            raise ValueError(
                "dropout should be a number in range [0, 1] representing the probability of an "
                "element being zeroed"
            )
        if dropout > 0 and num_layers == 1:
            warnings.warn(
                "dropout option adds dropout after all but last recurrent layer, so non-zero "
                f"dropout expects num_layers greater than 1, but got dropout={dropout} and "
                f"num_layers={num_layers}",
                UserWarning,
                stacklevel=3,
            )
        for name, flag in (("bias", bias), ("batch_first", batch_first)):
            if not isinstance(flag, bool):
                raise TypeError(f"{name} should be of type bool, got: {type(flag).__name__}")
        for name, size in (("input_size", input_size), ("hidden_size", hidden_size)):
            if not isinstance(size, int):
                raise TypeError(f"{name} should be of type int, got: {type(size).__name__}")
            if size <= 0:
                raise ValueError(f"{name} must be greater than zero")
        if num_layers <= 0:
            raise ValueError("num_layers must be greater than zero")
        if proj_size < 0:
            raise ValueError(
                "proj_size should be a positive integer or zero to disable projections"
            )
        if proj_size >= hidden_size:
            raise ValueError("proj_size has to be smaller than hidden_size")
        self.mode = mode
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = float(dropout)
        self.bidirectional = bidirectional
        self.proj_size = proj_size
        self._all_weights: list[list[str]] = []
        rows = _GATES[mode] * hidden_size
        state = proj_size or hidden_size
        directions = 2 if bidirectional else 1
        for layer in range(num_layers):
            width = input_size if layer == 0 else state * directions
            for direction in range(directions):
                suffix = f"_l{layer}" + ("_reverse" if direction else "")
                shapes: dict[str, tuple[int, ...]] = {
                    "weight_ih": (rows, width),
                    "weight_hh": (rows, state),
                }
                if bias:
                    shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)}
                if proj_size:
                    shapes["weight_hr"] = (proj_size, hidden_size)
                names = []
                for name, shape in shapes.items():
                    weight = Parameter(empty(*shape, dtype=dtype, device=device))
                    self.register_parameter(name + suffix, weight)
                    names.append(name + suffix)
                self._all_weights.append(names)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all weights anew, uniform on +-1 / sqrt(hidden_size)."""
        bound = 1.0 / math.sqrt(self.hidden_size)
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def flatten_parameters(self) -> None:
        """Nothing to do: kernels take weights where they are."""

    @property
    def all_weights(self) -> list[list[Parameter]]:
        """The weights of each layer and direction."""
        return [[getattr(self, n) for n in names] for names in self._all_weights]

    @property
    def _flat_weights_names(self) -> list[str]:
        # Programs walk these names to initialize weights and biases each in their own way.
        return [name for names in self._all_weights for name in names]

    @property
    def _flat_weights(self) -> list[Parameter]:
        return [w for weights in self.all_weights for w in weights]

    # -- one layer in one direction ---------------------------------------------------------------

    def _run(self, x: Tensor, state: Any, weights: Any) -> tuple[Tensor, Any]:
        """Values and last state over x (T, N, I); the state is a tuple of (N, H) tensors."""
        w_ih, w_hh, *rest = weights
        b_ih, b_hh = rest[:2] if self.bias else (None, None)
        if self.proj_size:
            return self._run_projected(x, state, w_ih, w_hh, b_ih, b_hh, weights[-1])
        if self.mode == "LSTM":
            y, h, c = ops.lstm(x, *state, w_ih, w_hh, b_ih, b_hh)
            return y, (h, c)
        if self.mode == "GRU":
            y, h = ops.gru(x, *state, w_ih, w_hh, b_ih, b_hh)
        else:
            relu_cell = self.mode == "RNN_RELU"
            y, h = ops.rnn(x, *state, w_ih, w_hh, b_ih, b_hh, relu_cell=relu_cell)
        return y, (h,)

    def _run_projected(
        self, x: Tensor, state: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any, w_hr: Any
    ) -> tuple[Tensor, Any]:
        h, c = state
        values = []
        for x_t in x:
            h, c = ops.lstm_step(x_t, h, c, w_ih, w_hh, b_ih, b_hh)
            h = linear(h, w_hr)
            values.append(h)
        return stack(values), (h, c)

    def _packed(
        self, data: Tensor, sizes: list[int], state: Any, weights: Any, reverse: bool
    ) -> tuple[Tensor, Any]:
        """As `_run`, over packed data: stretches of equal batch size are sequences of their own."""
        stretches: list[tuple[int, int]] = []
        for n in sizes:
            if stretches and stretches[-1][0] == n:
                stretches[-1] = (n, stretches[-1][1] + 1)
            else:
                stretches.append((n, 1))
        parts = data.split([n * steps for n, steps in stretches])
        blocks = [p.reshape(steps, n, -1) for p, (n, steps) in zip(parts, stretches, strict=True)]
        values: list[Any] = []
        if not reverse:
            finished: list[Any] = []
            for x in blocks:
                n = x.array.shape[1]
                finished.insert(0, tuple([s[n:] for s in state]))
                state = tuple([s[:n] for s in state])
                y, state = self._run(x, state, weights)
                values.append(y.reshape(-1, y.array.shape[2]))
            finished.insert(0, state)
            return cat(values), tuple([cat(pieces) for pieces in zip(*finished, strict=True)])
        start = state
        state = tuple([s[:0] for s in start])
        for x in reversed(blocks):
            n, had = x.array.shape[1], state[0].array.shape[0]
            state = tuple([cat([s, s0[had:n]]) for s, s0 in zip(state, start, strict=True)])
            y, state = self._run(x.flip(0), state, weights)
            y = y.flip(0)
            values.insert(0, y.reshape(-1, y.array.shape[2]))
        return cat(values), state

    # -- all layers -------------------------------------------------------------------------------

    def _forward(self, input: Any, hx: Any) -> tuple[Any, Any]:
        packed = isinstance(input, PackedSequence)
        x = input.data if packed else input
        sizes = input.batch_sizes.tolist() if packed else None
        order = input.sorted_indices if packed else None
        batched = packed or x.array.ndim == 3
        if not packed:
            if x.array.ndim not in (2, 3):
                raise ValueError(
                    f"{type(self).__name__}: Expected input to be 2D or 3D, got "
                    f"{x.array.ndim}D instead"
                )
            x = x if batched else x.unsqueeze(0 if self.batch_first else 1)
            x = x.transpose(0, 1) if self.batch_first else x
        weights = self.all_weights
        kind = weights[0][0].dtype
        if x.dtype != kind:
            raise ValueError(
                f"RNN input dtype ({x.dtype}) does not match weight dtype ({kind}). Convert input: "
                f"input.to({kind}), or convert model: model.to({x.dtype})"
            )
        if x.array.shape[-1] != self.input_size:
            raise RuntimeError(
                f"input.size(-1) must be equal to input_size. Expected {self.input_size}, got "
                f"{x.array.shape[-1]}"
            )
        if x.array.shape[0] == 0:
            raise RuntimeError("Expected sequence length to be larger than 0 in RNN")
        n = sizes[0] if sizes is not None else x.array.shape[1]
        states = self._initial(hx, n, batched, x, order)
        directions = 2 if self.bidirectional else 1
        finals: list[Any] = []
        for layer in range(self.num_layers):
            values = []
            for direction in range(directions):
                i = layer * directions + direction
                state = tuple([s[i] for s in states])
                if sizes is not None:
                    y, last = self._packed(x, sizes, state, weights[i], direction == 1)
                elif direction:
                    y, last = self._run(x.flip(0), state, weights[i])
                    y = y.flip(0)
                else:
                    y, last = self._run(x, state, weights[i])
                values.append(y)
                finals.append(last)
            x = values[0] if directions == 1 else cat(values, -1)
            if self.dropout and layer + 1 < self.num_layers:
                x = F.dropout(x, self.dropout, self.training)
        last_states = tuple([stack(pieces) for pieces in zip(*finals, strict=True)])
        if packed:
            undo = input.unsorted_indices
            if undo is not None:
                last_states = tuple([s[:, undo] for s in last_states])
            return input._replace(data=x), last_states
        x = x.transpose(0, 1) if self.batch_first else x
        if not batched:
            x = x.squeeze(0 if self.batch_first else 1)
            last_states = tuple([s.squeeze(1) for s in last_states])
        return x, last_states

    def _initial(self, hx: Any, n: int, batched: bool, x: Tensor, order: Any) -> tuple[Any, ...]:
        directions = 2 if self.bidirectional else 1
        layers = self.num_layers * directions
        widths = [self.proj_size or self.hidden_size]
        if self.mode == "LSTM":
            widths.append(self.hidden_size)
        if hx is None:
            return tuple([zeros(layers, n, w, dtype=x.dtype) for w in widths])
        given = hx if isinstance(hx, (tuple, list)) else (hx,)
        states = []
        for name, s, w in zip(("hidden[0]", "hidden[1]"), given, widths, strict=False):
            wanted = (layers, n, w) if batched else (layers, w)
            if not batched and s.array.ndim != 2:
                raise RuntimeError(
                    "For unbatched 2-D input, hx should also be 2-D but got "
                    f"{s.array.ndim}-D tensor"
                )
            if batched and s.array.ndim != 3:
                raise RuntimeError(
                    f"For batched 3-D input, hx should also be 3-D but got {s.array.ndim}-D tensor"
                )
            if s.array.shape != wanted:
                label = name if self.mode == "LSTM" else "hidden"
                raise RuntimeError(f"Expected {label} size {wanted}, got {list(s.array.shape)}")
            s = s if batched else s.unsqueeze(1)
            states.append(s if order is None else s[:, order])
        return tuple(states)

    def extra_repr(self) -> str:
        parts = [f"{self.input_size}, {self.hidden_size}"]
        if self.proj_size:
            parts.append(f"proj_size={self.proj_size}")
        if self.num_layers != 1:
            parts.append(f"num_layers={self.num_layers}")
        if not self.bias:
            parts.append(f"bias={self.bias}")
        if self.batch_first:
            parts.append(f"batch_first={self.batch_first}")
        if self.dropout:
            parts.append(f"dropout={self.dropout}")
        if self.bidirectional:
            parts.append(f"bidirectional={self.bidirectional}")
        return ", ".join(parts)


class RNN(RNNBase):
    """h' = tanh(W_ih x + b_ih + W_hh h + b_hh) over a sequence (or relu: nonlinearity="relu")."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if len(args) > 3:
            nonlinearity = args[3]
            args = args[:3] + args[4:]
        else:
            nonlinearity = kwargs.pop("nonlinearity", "tanh")
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(
                f"Unknown nonlinearity '{nonlinearity}'. Select from 'tanh' or 'relu'."
            )
        if kwargs.get("proj_size", 0):
            raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")
        mode = "RNN_TANH" if nonlinearity == "tanh" else "RNN_RELU"
        super().__init__(mode, *args, **kwargs)
        self.nonlinearity = nonlinearity

    def forward(self, input: Any, hx: Tensor | None = None) -> tuple[Any, Tensor]:
        """Values of the last layer at every time, and the last state of every layer."""
        y, (h,) = self._forward(input, hx)
        return y, h


class GRU(RNNBase):
    """Gated recurrent units over a sequence (Cho et al. 2014); gates in the order r, z, n."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if kwargs.get("proj_size", 0):
            raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")
        super().__init__("GRU", *args, **kwargs)

    def forward(self, input: Any, hx: Tensor | None = None) -> tuple[Any, Tensor]:
        """Values of the last layer at every time, and the last state of every layer."""
        y, (h,) = self._forward(input, hx)
        return y, h


class LSTM(RNNBase):
    """Long short-term memory over a sequence; gates in the order i, f, g, o."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__("LSTM", *args, **kwargs)

    def forward(
        self, input: Any, hx: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Any, tuple[Tensor, Tensor]]:
        """Values of the last layer at every time, and last states and cells of every layer."""
        y, (h, c) = self._forward(input, hx)
        return y, (h, c)
