"""Random programs of ops, in-place writes, views, detach, hooks and no_grad, run by the engine and
by Scalars at once.

The model of a tensor: `Memory` holds numbers, shared by everything that looks at them; a `History`
holds one Scalar for each, saying how it was computed (a detached tensor shares the memory but has a
history of its own); a `Model` is a window (an array of positions) onto a history. A view reads
through Scalars of its own, made anew when its history was rewritten.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .naive import Scalar, gradient


class Memory:
    """Numbers that tensors share."""

    def __init__(self, values: Sequence[float]) -> None:
        self.values = list(values)


class History:
    """How each number in a memory was computed. `rewritten` counts recorded in-place writes."""

    def __init__(self, memory: Memory, cells: list[Scalar]) -> None:
        self.memory = memory
        self.cells = cells
        self.rewritten = 0

    def current(self) -> list[Scalar]:
        """The Scalars, brought up to date with numbers written behind the history's back."""
        for i, (cell, value) in enumerate(zip(self.cells, self.memory.values, strict=True)):
            if cell.value != value:
                self.cells[i] = overridden(cell, value)
        return self.cells


class Override(Scalar):
    """The same history with another number in its place: what a write under no_grad leaves."""

    __slots__ = ()


def overridden(cell: Scalar, value: float) -> Scalar:
    """`cell` with the number `value`."""
    return Override(value, (cell,), (1.0,))


def original(cell: Scalar) -> Scalar:
    """The Scalar whose number was overridden: the one that a hook belongs to."""
    while isinstance(cell, Override):
        cell = cell.parents[0]
    return cell


class Model:
    """A tensor: positions in a history, as an array of its shape."""

    def __init__(self, history: History, where: np.ndarray, *, view: bool = False) -> None:
        self.history = history
        self.where = where
        self.view = view
        self._read: tuple[int, np.ndarray] | None = None

    def cells(self) -> np.ndarray:
        """The Scalars it reads, an object array of its shape."""
        whole = self.history.current()
        direct = _objects([whole[i] for i in self.where.reshape(-1)], self.where.shape)
        if not self.view:
            return direct
        if self._read is None or self._read[0] != self.history.rewritten:
            own = _objects([c.same() for c in direct.reshape(-1)], direct.shape)
            self._read = (self.history.rewritten, own)
        own = self._read[1].reshape(-1)
        for i, c in enumerate(direct.reshape(-1)):
            if own[i].value != c.value:
                own[i] = overridden(own[i], c.value)
        return self._read[1]

    def write(self, values: np.ndarray, recorded: bool) -> None:
        """Store Scalars in place."""
        for position, new in zip(self.where.reshape(-1), values.reshape(-1), strict=True):
            self.history.memory.values[position] = new.value
            if recorded:
                self.history.cells[position] = new
        self.history.rewritten += recorded

    def look(self, where: np.ndarray) -> Model:
        """A view: made through this tensor, it reads through it until the next rewriting."""
        seen = Model(self.history, where, view=True)
        mine = dict(zip(self.where.reshape(-1).tolist(), self.cells().reshape(-1), strict=True))
        own = [mine[p].same() for p in where.reshape(-1).tolist()]
        seen._read = (self.history.rewritten, _objects(own, where.shape))
        return seen


def _objects(items: Sequence[Any], shape: tuple[int, ...]) -> np.ndarray:
    found = np.empty(len(items), dtype=object)
    found[:] = items
    return found.reshape(shape)


def fresh(cells: np.ndarray) -> Model:
    """A tensor of its own that holds these Scalars."""
    flat = list(cells.reshape(-1))
    memory = Memory([c.value for c in flat])
    return Model(History(memory, flat), np.arange(len(flat)).reshape(cells.shape))


class Twin:
    """One tensor of a program: the model and, for each backend, the real one."""

    def __init__(self, name: str, model: Model, reals: list[Any], *, leaf: bool = False) -> None:
        self.name = name
        self.model = model
        self.reals = reals
        self.leaf = leaf
        self.origin = model.cells().copy() if leaf else None

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape."""
        return self.model.where.shape


class Difference(AssertionError):
    """The engine and the model disagree. The message has the program."""


MODIFIED = "modified by an inplace operation"
REFUSALS = ("leaf Variable", "view of a leaf", "single memory location", "output with shape")
UNARY = ("neg", "sin", "tanh", "relu")
BINARY = ("add", "sub", "mul")
LIMIT = 12


class Program:
    """A program under way: `step(name, numbers)` runs one statement on model and backends.

    Numbers choose among what is there, so any numbers make a valid program. `lines` is what was
    done; `errors` counts refusals ("modified by an inplace operation"), which are no difference.
    """

    def __init__(self, *backends: Any) -> None:
        self.backends = backends
        self.twins: list[Twin] = []
        self.lines: list[str] = []
        # PyTorch refuses, or leaves undefined, a write whose operand partly lies in what is written
        self.careful = any(b.__name__ == "torch" for b in backends)
        self.errors = 0
        self.count = 0
        self.disagreements: list[str] = []
        self.make_leaf(1, 2)
        self.make_leaf(2, 5)

    # -- making tensors -----------------------------------------------------------------------

    def add(self, model: Model, reals: list[Any], line: str, *, leaf: bool = False) -> None:
        """Append a tensor and compare its value."""
        self.count += 1
        twin = Twin(f"t{self.count}", model, reals, leaf=leaf)
        self.twins.append(twin)
        if len(self.twins) > LIMIT:
            self.twins.pop(2)
        self.lines.append(f"{twin.name} = {line}")
        self.compare(twin, line)

    def compare(self, twin: Twin, line: str) -> None:
        """The backends' numbers are the model's."""
        want = np.array([c.value for c in twin.model.cells().reshape(-1)]).reshape(twin.shape)
        for real in twin.reals:
            got = np.asarray(real.detach().numpy())
            if got.shape != want.shape or not np.allclose(got, want, rtol=1e-9, atol=1e-12):
                raise Difference(self.story(f"{line}: value {got}, expected {want}"))

    def story(self, ending: str) -> str:
        """The program so far, and how it ended."""
        return "\n".join([*self.lines, ending])

    def pick(self, i: int) -> Twin:
        """One of the tensors."""
        return self.twins[i % len(self.twins)]

    def make_leaf(self, i: int, j: int) -> None:
        """A new leaf that requires grad."""
        shape = [(3,), (2, 3), (3, 2), (1,), (2, 2)][i % 5]
        values = np.sin(np.arange(math.prod(shape)) * (j % 7 + 1) + i).reshape(shape)
        cells = _objects([Scalar(float(v)) for v in values.reshape(-1)], shape)
        reals = [
            b.tensor(values.tolist(), dtype=b.float64, requires_grad=True) for b in self.backends
        ]
        self.add(fresh(cells), reals, f"leaf{shape}", leaf=True)

    def unary(self, i: int, j: int) -> None:
        """An elementwise function."""
        x, name = self.pick(i), UNARY[j % len(UNARY)]
        f = {"neg": Scalar.__neg__, "sin": Scalar.sin, "tanh": Scalar.tanh, "relu": Scalar.relu}
        cells = _objects([f[name](c) for c in x.model.cells().reshape(-1)], x.shape)
        self.add(fresh(cells), [getattr(r, name)() for r in x.reals], f"{x.name}.{name}()")

    def binary(self, i: int, j: int, k: int) -> None:
        """A sum, difference or product, broadcast."""
        x, y, name = self.pick(i), self.pick(j), BINARY[k % len(BINARY)]
        try:
            a, b = np.broadcast_arrays(x.model.cells(), y.model.cells())
        except ValueError:
            return
        cells = _BINARY[name](a, b)
        reals = [getattr(r, name)(s) for r, s in zip(x.reals, y.reals, strict=True)]
        self.add(fresh(np.asarray(cells)), reals, f"{x.name}.{name}({y.name})")

    def matmul(self, i: int, j: int) -> None:
        """A matrix product."""
        x, y = self.pick(i), self.pick(j)
        if len(x.shape) != 2 or len(y.shape) != 2 or x.shape[1] != y.shape[0]:
            return
        a, b = x.model.cells(), y.model.cells()
        rows = [
            _total([a[r, k] * b[k, c] for k in range(a.shape[1])])
            for r in range(a.shape[0])
            for c in range(b.shape[1])
        ]
        cells = _objects(rows, (a.shape[0], b.shape[1]))
        self.add(fresh(cells), [r @ s for r, s in zip(x.reals, y.reals)], f"{x.name} @ {y.name}")

    def total(self, i: int, j: int) -> None:
        """A sum over one axis."""
        x = self.pick(i)
        if not x.shape:
            return
        axis = j % len(x.shape)
        columns = np.moveaxis(x.model.cells(), axis, -1)
        shape = columns.shape[:-1]
        flat = columns.reshape(-1, columns.shape[-1])
        cells = _objects([_total(list(row)) for row in flat], shape)
        self.add(fresh(cells), [r.sum(axis) for r in x.reals], f"{x.name}.sum({axis})")

    # -- views --------------------------------------------------------------------------------

    def view(self, i: int, j: int) -> None:
        """A view: slice, row, transpose, reshape, expand or the like."""
        x = self.pick(i)
        where = x.model.where
        ways: list[tuple[str, np.ndarray, Callable[[Any], Any]]] = []
        if where.ndim >= 1 and where.shape[0] > 1:
            ways.append(("[1:]", where[1:], lambda r: r[1:]))
            ways.append(("[0]", where[0], lambda r: r[0]))
            ways.append(("[::2]", where[::2], lambda r: r[::2]))
        if where.ndim == 2:
            ways.append((".t()", where.T, lambda r: r.t()))
            ways.append(("[:, 0]", where[:, 0], lambda r: r[:, 0]))
        if where.ndim >= 1:
            ways.append((".unsqueeze(0)", where[None], lambda r: r.unsqueeze(0)))
        if not ways:
            return
        name, window, call = ways[j % len(ways)]
        self.add(x.model.look(window), [call(r) for r in x.reals], f"{x.name}{name}")

    def detach(self, i: int) -> None:
        """The same memory outside the graph."""
        x = self.pick(i)
        memory = x.model.history.memory
        history = History(memory, [Scalar(v) for v in memory.values])
        reals = [r.detach() for r in x.reals]
        self.add(Model(history, x.model.where), reals, f"{x.name}.detach()")

    # -- writing ------------------------------------------------------------------------------

    def write(self, i: int, j: int, k: int, *, recorded: bool = True) -> None:
        """An in-place op: add_, sub_, mul_, copy_, or a unary one."""
        x, y = self.pick(i), self.pick(j)
        name = (*BINARY, "copy", "tanh", "neg")[k % 6]
        try:
            other = np.broadcast_to(y.model.cells(), x.shape)
        except ValueError:
            return
        if name in (*BINARY, "copy") and self.careful and overlap(x.model, y.model):
            return
        if self.careful and x.model.view and any(r.is_leaf for r in x.reals):
            return  # PyTorch calls a view a leaf whose base was none when the view was made
        own = x.model.cells()
        if name == "copy":
            new = _objects([c.same() for c in other.reshape(-1)], x.shape)
        elif name in BINARY:
            new = np.asarray(_BINARY[name](own, other))
        else:
            new = _objects([getattr(c, _SCALAR[name])() for c in own.reshape(-1)], x.shape)
        binary = name in (*BINARY, "copy")
        line = f"{x.name}.{name}_({y.name if binary else ''})" + ("" if recorded else "  # no_grad")
        outcomes = []
        for b, r, s in zip(self.backends, x.reals, y.reals, strict=True):
            try:
                with b.set_grad_enabled(recorded):
                    getattr(r, name + "_")(*([s] if binary else []))
                outcomes.append("")
            except RuntimeError as error:
                outcomes.append(str(error))
        refused = [bool(o) for o in outcomes]
        if any(refused) is not all(refused):
            raise Difference(self.story(f"{line}: {outcomes}"))
        if any(refused):
            known = (
                "leaf Variable",
                "view of a leaf",
                "single memory location",
                "output with shape",
            )
            if not any(k in outcomes[0] for k in known):
                raise Difference(self.story(f"{line}: {outcomes[0]}"))
            self.errors += 1
            return
        self.lines.append(line)
        x.model.write(new, recorded)
        for twin in self.twins:
            self.compare(twin, line)

    def write_unrecorded(self, i: int, j: int, k: int) -> None:
        """An in-place op under no_grad."""
        self.write(i, j, k, recorded=False)

    # -- gradients ----------------------------------------------------------------------------

    def hook(self, i: int, j: int) -> None:
        """A hook that multiplies the gradient."""
        x = self.pick(i)
        if not all(r.requires_grad for r in x.reals):
            return
        factor = (2.0, -1.0, 0.5)[j % 3]
        if self.careful and x.model.view:  # PyTorch drops a view's hooks at the next write, even
            return  # under no_grad, and 2.13 crashes in register_hook of some
        for r in x.reals:
            r.register_hook(lambda g: g * factor)
        for c in x.model.cells().reshape(-1):
            original(c).hooks.append(lambda g: g * factor)
        self.lines.append(f"{x.name}.register_hook({factor} * g)")

    def backward(self, i: int, j: int) -> None:
        """Backward from a weighted sum of two tensors, into the `.grad` of every leaf."""
        x, y = self.pick(i), self.pick(j)
        line = f"({x.name}.sum() * 2 + {y.name}.sum()).backward(retain_graph=True)"
        two = Scalar(2.0)
        loss = _total(list(x.model.cells().reshape(-1))) * two
        loss = loss + _total(list(y.model.cells().reshape(-1)))
        outcomes = []
        for r, s in zip(x.reals, y.reals, strict=True):
            real = r.sum() * 2 + s.sum()
            if not real.requires_grad:
                outcomes.append("no grad")
                continue
            leaves = [t for t in self.twins if t.leaf]
            before = [self._grad(t, r, x) for t in leaves]
            try:
                real.backward(retain_graph=True)
                outcomes.append("")
            except RuntimeError as error:
                if MODIFIED not in str(error):
                    raise Difference(self.story(f"{line}: {error}")) from error
                outcomes.append("modified")
                self._restore(leaves, before, r, x)
        self.lines.append(line)
        if len(set(outcomes)) > 1:
            self.disagreements.append(self.story(f"{line}: {outcomes}"))
        if "" not in outcomes:
            self.errors += "modified" in outcomes
            return
        found = gradient(loss)
        for t in self.twins:
            if t.origin is None:
                continue
            reached = [c in found for c in t.origin.reshape(-1)]
            more = np.array([found.get(c, 0.0) for c in t.origin.reshape(-1)]).reshape(t.shape)
            for k, outcome in enumerate(outcomes):
                if outcome:
                    continue
                self._compare_gradient(t, k, more, any(reached), line)

    def _grad(self, twin: Twin, real: Any, of: Twin) -> Any:
        k = next(n for n, r in enumerate(of.reals) if r is real)
        g = twin.reals[k].grad
        return None if g is None else g.clone()

    def _restore(self, leaves: list[Twin], before: list[Any], real: Any, of: Twin) -> None:
        k = next(n for n, r in enumerate(of.reals) if r is real)
        for t, g in zip(leaves, before, strict=True):
            t.reals[k].grad = g

    def _compare_gradient(
        self, t: Twin, k: int, more: np.ndarray, reached: bool, line: str
    ) -> None:
        real = t.reals[k]
        got = None if real.grad is None else np.asarray(real.grad.detach().numpy()).copy()
        real.grad = None
        if got is None:
            if np.any(np.abs(more) > 1e-9):
                raise Difference(self.story(f"{line}: no gradient for {t.shape}, expected {more}"))
            return
        scale = max(1.0, float(np.max(np.abs(more))))
        if not np.allclose(got, more, rtol=1e-7, atol=1e-9 * scale):
            raise Difference(self.story(f"{line}: gradient of a leaf\n{got}\nexpected\n{more}"))


def overlap(x: Model, y: Model) -> bool:
    """Whether two windows share some numbers without being the same window."""
    if x.history.memory is not y.history.memory:
        return False
    same = x.where.shape == y.where.shape and np.array_equal(x.where, y.where)
    return not same and not set(x.where.reshape(-1)).isdisjoint(y.where.reshape(-1).tolist())


_BINARY: dict[str, Any] = {"add": np.add, "sub": np.subtract, "mul": np.multiply}
_SCALAR = {"tanh": "tanh", "neg": "__neg__"}


def _total(cells: list[Scalar]) -> Scalar:
    total = cells[0].same()
    for c in cells[1:]:
        total = total + c
    return total


#: The statements of a program, with how many numbers each takes and how often it is drawn.
STATEMENTS: dict[str, tuple[int, int]] = {
    "make_leaf": (2, 1),
    "unary": (2, 4),
    "binary": (3, 6),
    "matmul": (2, 2),
    "total": (2, 1),
    "view": (2, 5),
    "detach": (1, 1),
    "write": (3, 6),
    "write_unrecorded": (3, 1),
    "hook": (2, 1),
    "backward": (2, 4),
}


def run(steps: int, seed: int, *backends: Any, length: int = 40) -> tuple[int, list[str]]:
    """Random programs of up to `length` statements until `steps` are done.

    Returns the number of refused statements and the programs that one backend refused and another
    did not. Raises Difference where a value or gradient is not the model's.
    """
    rng = np.random.default_rng(seed)
    names = [n for n, (_, weight) in STATEMENTS.items() for _ in range(weight)]
    errors, disagreements, done = 0, [], 0
    while done < steps:
        program = Program(*backends)
        for _ in range(length):
            name = names[int(rng.integers(len(names)))]
            numbers = [int(n) for n in rng.integers(0, 1000, STATEMENTS[name][0])]
            getattr(program, name)(*numbers)
            done += 1
        errors += program.errors
        disagreements += program.disagreements
    return errors, disagreements
