"""From Tensors to the kernel: one group's parameters, gradients and state as rows of arrays.

A `Sweep` remembers, for one group, the arrays of the last step, gradients excepted. Each step
compares by identity what it remembers with what is there now: usually nothing has changed, and only
the gradients' row of the address table is written. Nothing is allocated per step but short lists.

Parameters that one pass over dense memory cannot serve (strided views, half precision, complex
numbers, a gradient of another layout) are updated one by one with the NumPy reference; so is
everything when the whole group is small or numba is absent. The results are the same bits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import is_
from typing import Any

import numpy as np

from ..core.node import WRITES, Write, tick, touch
from ..kernels._jit import enabled, loaded
from ..kernels.updates import ALIGNED, C_CONTIGUOUS, Rule, addressable, misfit

KERNEL_FROM = 4096
"""Elements in a group from which the compiled pass runs; below, loading numba is not worth it."""

KERNEL_AFTER = 500
"""Steps after which it runs for smaller groups too, if numba was loaded for something else."""

Constants = tuple[float, ...]


class Sweep:
    """One update rule over the parameters of one group that have gradients.

    rows[0] are the parameters' arrays, rows[1] the gradients' (empty between steps), then one row a
    state array. `new` holds the positions of parameters whose state was made for the coming step.
    """

    def __init__(self, rule: Rule, params: Sequence[Any], states: Sequence[dict[str, Any]]) -> None:
        self.rule = rule
        self.asked = list(params), list(states)
        first = {id(p): i for i, p in reversed(list(enumerate(params)))}  # a parameter given twice
        unique = sorted(first.values())  # is updated once
        self.params = [params[i] for i in unique]
        self.states = [states[i] for i in unique]
        self.new: set[int] = set()
        self.rows: list[list[np.ndarray]] = [[] for _ in range(2 + len(rule.state))]
        self.writes: list[Write] = []
        self.blocks: list[Block] = []
        self.singles: list[int] = []
        self.clocks: list[np.ndarray] = []
        self.ticks = np.zeros(0, np.float32)
        self.steps = 0

    def serves(self, rule: Rule, params: list[Any], states: list[dict[str, Any]]) -> bool:
        """Whether this is still the sweep for these parameters and states (by identity)."""
        return (
            rule is self.rule
            and len(params) == len(self.asked[0])
            and all(map(is_, params, self.asked[0]))
            and all(map(is_, states, self.asked[1]))
        )

    def count_step(self) -> np.ndarray:
        """Add one to `step` of every parameter and return the new values.

        The `step` Tensors are made to look into one array, so that one addition serves them all.
        """
        clocks = [state["step"].array for state in self.states]
        if len(clocks) != len(self.clocks) or not all(map(is_, clocks, self.clocks)):
            self.ticks = np.array(clocks, dtype=clocks[0].dtype).reshape(len(clocks))
            self.clocks = [self.ticks[i : i + 1].reshape(()) for i in range(len(clocks))]
            for state, clock in zip(self.states, self.clocks, strict=True):
                state["step"].array = clock
        self.ticks += 1
        return self.ticks

    def run(self, constants: Constants | Callable[[int], Constants], by: str) -> None:
        """Update in place. `constants` are the rule's, or a function from the position to them."""
        for block in self.blocks:
            block.run(self.rule, self.rows, constants)
        textbook = self.rule.textbook
        for i in self.singles:
            arrays = [row[i] for row in self.rows]
            c = constants(i) if callable(constants) else constants
            if arrays[0].dtype.kind == "c":
                apply_to_complex(textbook, arrays, c)
                continue
            new = textbook(*arrays, c)
            arrays[0][...] = new[0]
            for k in range(1, len(new)):
                arrays[k + 1][...] = new[k]
        now = WRITES.last = tick()
        for write in self.writes:
            write.clock = now
            write.count += 1
            write.by = by
            write.where = None
        self.new.clear()
        self.steps += 1
        if self.steps == KERNEL_AFTER and self.singles and loaded():
            self._lay_out(1)
        # Gradients are not kept: their memory is wanted for the next forward pass.
        self.rows[1] = []
        for block in self.blocks:
            block.strided = []

    def refresh(self) -> None:
        """Bring the rows up to date; raise before anything is written if an array does not fit."""
        rows = [[p.array for p in self.params], [p._grad.array for p in self.params]]
        rows += [[s[name].array for s in self.states] for name in self.rule.state]
        same = all(
            len(old) == len(new) and all(map(is_, old, new))
            for old, new in zip(self.rows, rows, strict=True)
            if new is not rows[1]
        )
        if same:  # and a gradient has its parameter's shape: Tensor.grad sees to that
            self.rows = rows
            for block in self.blocks:
                block.replace(1, rows[1])
            return
        for k, row in enumerate(rows):
            self._check(k, row, rows[0])
        self.rows = rows
        self._lay_out(1 if self.steps > KERNEL_AFTER and loaded() else KERNEL_FROM)

    def _check(self, k: int, row: list[np.ndarray], params: list[np.ndarray]) -> None:
        for array, p in zip(row, params, strict=True):
            if array.shape != p.shape:
                what = "grad" if k == 1 else self.rule.state[k - 2]
                raise RuntimeError(
                    f"The size of tensor a {list(p.shape)} must match the size of tensor b "
                    f"{list(array.shape)}: {what} does not fit its parameter; was the state of "
                    "another model loaded? Nothing was updated."
                )

    def _lay_out(self, kernel_from: int) -> None:
        """Sort the parameters into blocks for the kernel, if there are enough elements for it."""
        by = "Optimizer.step"
        self.writes = [touch(array, by) for array in self.rows[0]]
        groups: dict[np.dtype[Any], list[int]] = {}
        self.singles = []
        compiled = enabled() and addressable() and sum(a.size for a in self.rows[0]) >= kernel_from
        others = [self.rows[0], *self.rows[2:]]
        for i, p in enumerate(self.rows[0]):
            arrays = [row[i] for row in others]
            dense = compiled and p.dtype.char in "fd" and all(_dense(a, p.dtype) for a in arrays)
            if dense:
                groups.setdefault(p.dtype, []).append(i)
            else:
                self.singles.append(i)
        self.blocks = [Block(where, self.rows) for where in groups.values()]


def _dense(array: np.ndarray, dtype: np.dtype[Any]) -> bool:
    flags = array.flags
    return array.dtype == dtype and flags.c_contiguous and flags.aligned and flags.writeable


def apply_to_complex(
    textbook: Callable[..., tuple[Any, ...]], arrays: Sequence[np.ndarray], constants: Constants
) -> None:
    """The NumPy reference for complex arrays, in place: arrays are p, g and the rule's state.

    A complex array is two real ones: its real and its imaginary part are updated separately, as
    in PyTorch.
    """
    for parts in ([a.real for a in arrays], [a.imag for a in arrays]):
        new = textbook(*parts, constants)
        for array, value in zip([parts[0], *parts[2:]], new, strict=True):
            array[...] = value


class Block:
    """The dense parameters of one dtype in a sweep, as a table for the compiled pass."""

    def __init__(self, where: list[int], rows: list[list[np.ndarray]]) -> None:
        self.where = where
        arrays = [rows[0][i] for i in where]
        self.dtype = arrays[0].dtype
        self.shapes = [a.shape for a in arrays]
        self.offsets = np.cumsum([0, *(a.size for a in arrays)], dtype=np.int64)
        self.table = np.empty((len(rows), len(where)), np.int64)
        self.constants = np.empty((0, 0), self.dtype)
        self.copies: dict[int, np.ndarray] = {}
        for k, row in enumerate(rows):
            self.replace(k, row)

    def replace(self, k: int, row: list[np.ndarray]) -> None:
        """Write row k of the table anew. A gradient of another layout is copied into a dense one.

        The copies are kept: their memory is used again at the next step.
        """
        arrays = [row[i] for i in self.where] if len(row) != len(self.where) else row
        self.table[k] = [id(a) for a in arrays]
        if k != 1:
            return
        self.strided: list[tuple[np.ndarray, np.ndarray]] = []
        flags = C_CONTIGUOUS | ALIGNED
        while (t := misfit(self.table[1], self.offsets, id(self.dtype), flags)) >= 0:
            array = arrays[t]
            if t not in self.copies:
                self.copies[t] = np.empty(self.shapes[t], self.dtype)
            self.strided.append((self.copies[t], array))
            self.table[1, t] = id(self.copies[t])

    def run(
        self,
        rule: Rule,
        rows: list[list[np.ndarray]],
        constants: Constants | Callable[[int], Constants],
    ) -> None:
        """Update in place all parameters of the block."""
        for dense, array in self.strided:
            np.copyto(dense, array)
        if callable(constants):
            table = [constants(i) for i in self.where]
            self._room(len(table[0]))[...] = table
        else:
            self._room(len(constants))[...] = constants
        rule.run(self.table, self.offsets, self.constants)

    def _room(self, width: int) -> np.ndarray:
        if self.constants.shape[1] != width:
            self.constants = np.empty((len(self.where), width), self.dtype)
        return self.constants


__all__ = ["KERNEL_AFTER", "KERNEL_FROM", "Block", "Sweep"]
