"""Laws of memory and precision: layouts, strides of zero, float32."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from .agreement import differ, same_gradients
from .calls import Case
from .report import LawError, worst

#: What float32 may lose beyond what rounding its inputs loses, in units of float32's epsilon.
ULPS = 64.0


def layouts(a: np.ndarray) -> dict[str, np.ndarray]:
    """The same numbers laid out in memory otherwise."""
    found = {"read-only": a.copy()}
    found["read-only"].flags.writeable = False
    if a.ndim:
        wide = np.zeros((*a.shape[:-1], a.shape[-1] * 2 + 1), a.dtype)
        wide[..., 1::2] = a
        found["stride 2, offset 1"] = wide[..., 1::2]
        every = (slice(None, None, -1),) * a.ndim
        found["negative strides"] = np.ascontiguousarray(a[every])[every]
    if a.ndim > 1:
        found["transposed"] = np.ascontiguousarray(a.T).T
    return found


def any_layout(case: Case, rng: np.random.Generator) -> None:
    """Value and gradients depend on the numbers in an array, not on how it lies in memory."""
    cs = case.cotangents(rng)
    value, grads = case.value(), case.gradient(cs) if cs else []

    def compare(subject: Case, given: Sequence[np.ndarray], how: str) -> None:
        try:
            values = subject.value()
        except RuntimeError as error:
            if "view size is not compatible" in str(error):  # x.view(): PyTorch refuses as well
                return
            raise
        for got, want in zip(values, value, strict=True):
            differ("any_layout", case, f"the value with {how}", got, want, 1e-10)
        if cs:
            found = subject.gradient(given)
            same_gradients("any_layout", case, f"with {how}", found, grads, 1e-10)

    for i, a in enumerate(case.arrays):
        for how, other in layouts(a).items():
            arrays = [other if j == i else b for j, b in enumerate(case.arrays)]
            compare(case.with_arrays(arrays), cs, f"{case.name_of(i)} of {how}")
    for how in ("negative strides", "transposed", "stride 2, offset 1", "read-only"):
        given = [layouts(c).get(how, c) for c in cs]
        if cs:
            compare(case, given, f"g of {how}")
    if cs:
        repeated = [np.broadcast_to(c.ravel()[:1].reshape((1,) * c.ndim), c.shape) for c in cs]
        want = case.gradient([c.copy() for c in repeated])
        got = case.gradient(repeated)
        same_gradients("any_layout", case, "with g of stride 0", got, want, 1e-10)


def stride_zero(case: Case, rng: np.random.Generator) -> None:
    """An expanded input (stride 0) gives what its contiguous copy gives."""
    cs = case.cotangents(rng)
    for i, a in enumerate(case.arrays):
        for axis in range(a.ndim):
            if a.shape[axis] < 2:
                continue
            part = np.take(a, [0], axis)
            arrays = list(case.arrays)
            arrays[i] = np.broadcast_to(part, a.shape).copy()
            full = case.with_arrays(arrays)
            arrays[i] = np.ndarray(
                a.shape, a.dtype, part, 0, _zeroed(part.strides, part.shape, axis)
            )
            expanded = case.with_arrays(arrays)
            try:
                want = full.value()
                expanded.value()
                same = cs and [w.shape for w in want if w.dtype.kind == "f"] == [
                    c.shape for c in cs
                ]
                grads = full.gradient(cs) if same else None
            except (RuntimeError, ValueError, IndexError):
                continue  # ties that the op's domain excludes, or x.view() of what is no view
            how = f"{case.name_of(i)} expanded along axis {axis}"
            for g, w in zip(expanded.value(), want, strict=True):
                differ("stride_zero", full, f"the value with {how}", g, w, 1e-10)
            if grads is not None:
                same_gradients("stride_zero", full, f"with {how}", expanded.gradient(cs), grads)


def _zeroed(strides: tuple[int, ...], shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    return tuple(0 if i == axis else s for i, s in enumerate(strides))


def float32_is_close(case: Case, rng: np.random.Generator) -> None:
    """Value and gradients in float32 are what float64 gives, up to ULPS epsilons of what a
    backward stable computation may lose: the value's own rounding plus that of its inputs."""
    if any(a.dtype.kind not in "fbiu" for a in case.arrays):
        return
    single = case.as_dtype(np.float32)
    double = single.as_dtype(np.float64)
    values = double.value()
    cs = [c.astype(np.float32).astype(np.float64) for c in case.cotangents(rng)]
    if not cs:
        return
    with np.errstate(all="ignore"):
        _rounded(case, "the value", lambda c: [v for v in c.value() if v.dtype.kind == "f"], double)
        if any(v.dtype.kind == "f" and not np.all(np.isfinite(v)) for v in values):
            return

        def all_gradients(c: Case) -> list[np.ndarray]:
            given = [g.astype(c.inputs()[0].dtype) for g in cs] if c.wanted else cs
            pairs = zip(c.gradient(given), c.inputs(), strict=True)
            return [np.zeros_like(x) if g is None else g for g, x in pairs]

        if case.wanted:
            incoming = max(float(np.max(np.abs(c), initial=0.0)) for c in cs)
            _rounded(case, "the gradient", all_gradients, double, incoming)


def _rounded(
    case: Case,
    what: str,
    compute: Callable[[Case], list[np.ndarray]],
    double: Case,
    incoming: float = 0.0,
) -> None:
    eps = float(np.finfo(np.float32).eps)
    want = compute(double)
    got = compute(double.as_dtype(np.float32))
    moved = [np.zeros(w.shape) for w in want]
    rng = np.random.default_rng(0)
    for _ in range(3):  # what inputs off by one rounding would give
        arrays = [
            a * (1 + 4 * eps * rng.choice([-1.0, 1.0], a.shape)) if a.dtype.kind == "f" else a
            for a in double.arrays
        ]
        for m, w, v in zip(moved, want, compute(double.with_arrays(arrays)), strict=True):
            if v.shape == w.shape:
                np.maximum(m, np.abs(v - w), out=m)
    largest = max((float(np.max(np.abs(w), initial=0.0)) for w in want), default=0.0)
    largest = max(largest, incoming)  # a gradient of tanh(20) has g's rounding, not its own
    for k, (g, w, m) in enumerate(zip(got, want, moved, strict=True)):
        if not np.all(np.isfinite(w)):
            continue
        allowed = ULPS * (eps * (np.abs(w) + 0.05 * largest) + m) + 1e-35
        off = np.abs(g.astype(np.float64) - w) / allowed
        if np.all(off <= 1):
            continue
        index = worst(np.where(off <= 1, 0.0, off), np.zeros(w.shape)) if w.ndim else ()
        a, b = float(g[index]), float(w[index])
        if what == "the value":
            where = "the value"
        else:
            where = f"the gradient towards {case.name_of(case.wanted[k])}"
        raise LawError(
            "float32_is_close",
            f"{case.name}: {where}{list(index)} is {a:.10g} in float32 and {b:.10g} in float64, "
            f"relative error {abs(a - b) / max(abs(b), 1e-300):.1e}: precision is lost",
            double.as_dtype(np.float32),
            index=index,
            analytic=a,
            numeric=b,
        )
