"""Calls of registered ops, drawn from the samples they declare."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from .. import ops
from ..core.doors import COMPOSED, Composed
from ..core.primitive import REGISTRY, Primitive
from ..core.samples import Sample, draw, draw_meta, draw_values, input_shape, letters
from .calls import Case

Entry = Primitive | Composed


def registered() -> dict[str, Entry]:
    """Every declared primitive, and every composed function that declares samples.

    Primitives of complex numbers declare none, for samples are real; functions composed of them,
    that take and give real numbers, do (ops/complex_numbers.py, ops/fourier.py).
    """
    for module in pkgutil.iter_modules(ops.__path__):
        importlib.import_module(f"{ops.__name__}.{module.name}")
    found: dict[str, Entry] = {n: op for n, op in REGISTRY.items() if op.samples or not op.analytic}
    found.update({f"composed {name}": c for name, c in COMPOSED.items() if c.samples})
    return found


def samples_of(entry: Entry) -> list[Sample]:
    """The declared samples of an op, as a list."""
    samples = entry.samples
    return [samples] if isinstance(samples, Sample) else list(samples)


def case_of(entry: Entry, s: Sample, arrays: list[np.ndarray], meta: dict[str, Any]) -> Case:
    """The call of `entry` with these arrays."""
    floats = [i for i, a in enumerate(arrays) if a.dtype.kind == "f"]
    if isinstance(entry, Primitive):
        if entry.joint:  # a joint rule answers for the inputs it declares to be typed
            floats = [i for i in floats if i in entry.typed]
        elif not entry.variadic:
            floats = [i for i in floats if entry.rules and entry.rules[i] is not None]
        names = entry.inputs if not entry.variadic else ()
        call = entry.call  # type: ignore[attr-defined]
        if entry.shown:
            call = _value_of(call)
        return Case(
            entry.name,
            call,
            arrays,
            meta,
            tuple(floats) if entry.differentiable else (),
            names,
            entry,
            s.smooth,
            entry.broadcasts,
        )
    parameters = inspect.signature(entry.call).parameters.values()
    names = tuple(p.name for p in parameters if p.kind is not p.KEYWORD_ONLY)
    return Case(entry.name, entry.call, arrays, meta, tuple(floats), names, None, s.smooth)


def _value_of(call: Any) -> Any:
    """`call` without the parts of the residual that it shows: they have no derivative."""
    return lambda *args, **meta: call(*args, **meta)[0]


def seeded(name: str, seed: int = 0) -> np.random.Generator:
    """A generator that depends on the op's name, not on the order of the tests."""
    return np.random.default_rng([zlib.crc32(name.encode()), seed])


def cases(entry: Entry, count: int, seed: int = 0) -> Iterator[Case]:
    """`count` calls of each declared sample."""
    rng = seeded(entry.name, seed)
    for s in samples_of(entry):
        for _ in range(count):
            arrays, meta = draw(s, rng)
            yield case_of(entry, s, arrays, meta)


def shaped(
    s: Sample, lead: tuple[int, ...], sizes: dict[str, int], rng: np.random.Generator
) -> tuple[list[np.ndarray], dict[str, Any]]:
    """A call whose "..." is `lead` and whose letters are `sizes`."""
    shapes = [input_shape(spec.shape, sizes, lead) for spec in s.inputs]
    values = [draw_values(x, shape, sizes, rng) for x, shape in zip(s.inputs, shapes, strict=True)]
    return values, draw_meta(s, sizes, shapes, rng)


def empty_cases(entry: Entry) -> Iterator[Case]:
    """Calls with no elements: "..." holding a 0, then each letter 0 in turn."""
    rng = seeded(entry.name, 1)
    for s in samples_of(entry):
        names = letters(s)
        choices: list[tuple[tuple[int, ...], dict[str, int]]] = []
        if any("..." in spec.shape.split() for spec in s.inputs):
            ones = dict.fromkeys(names, 2)
            choices += [((0,), ones), ((2, 0), ones), ((0, 3), ones)]
        choices += [((), {n: 0 if n == name else 2 for n in names}) for name in names]
        for lead, sizes in choices:
            try:
                arrays, meta = shaped(s, lead, sizes, rng)
            except (ValueError, IndexError, ZeroDivisionError):
                continue  # the sample itself cannot be drawn this small
            yield case_of(entry, s, arrays, meta)


def broadcast_cases(entry: Entry) -> Iterator[Case]:
    """Elementwise ops of several inputs: each pair of shapes that broadcast in another way."""
    rng = seeded(entry.name, 2)
    for s in samples_of(entry):
        which = [i for i, x in enumerate(s.inputs) if getattr(x, "broadcast", False)]
        if len(which) < 2:
            continue
        pairs = [((3, 1), (1, 4)), ((), (2, 3)), ((4,), (2, 1)), ((2, 3), (3,)), ((1, 1), (2, 2))]
        for first, second in pairs:
            shapes = [
                input_shape(x.shape, {}, first if i == which[0] else second)
                for i, x in enumerate(s.inputs)
            ]
            arrays = [
                draw_values(x, shape, {}, rng) for x, shape in zip(s.inputs, shapes, strict=True)
            ]
            yield case_of(entry, s, arrays, draw_meta(s, {}, shapes, rng))


def sized_cases(entry: Entry, n: int) -> Iterator[Case]:
    """Larger calls, on which kernels take their parallel path: sizes such that the largest input
    has about `n` elements."""
    rng = seeded(entry.name, 3)
    for s in samples_of(entry):
        names = letters(s)
        most = max((_freedom(x.shape) for x in s.inputs), default=0)
        if not most:
            continue
        each = max(2, round(n ** (1 / most)))
        arrays, meta = shaped(s, (each,), dict.fromkeys(names, each), rng)
        yield case_of(entry, s, arrays, meta)


def _freedom(words: str) -> int:
    """How many axes of a shape are open."""
    return sum(not w.isdigit() for w in words.split())
