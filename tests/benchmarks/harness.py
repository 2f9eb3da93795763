"""Two contenders, one process, in turn: the ratio of their times, and that they did the same work.

A ratio is taken per round, from two measurements that stand next to each other, and the order
alternates from round to round: what the machine does meanwhile hits both. What is reported is the
median of the rounds with the least and the greatest.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

Step = Callable[[], Any]

COMPARED_STEPS = 4
PAUSE = 0.01  # seconds; worker threads of the other contender spin a while before they sleep


class Disagreement(AssertionError):
    """The contenders did not do the same work, so their times say nothing."""


@dataclass(frozen=True)
class Result:
    """One workload measured: seconds a step, and their ratio, smaller is faster than PyTorch."""

    name: str
    ours: float
    theirs: float
    ratio: float
    least: float
    greatest: float
    rounds: int
    target: float | None = None

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None without one."""
        return None if self.target is None else self.ratio <= self.target

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "met": self.met}


def as_array(value: Any) -> np.ndarray | None:
    """What a step returned, as a NumPy array: number, array, Tensor of either library, or tuple."""
    if value is None:
        return None
    if isinstance(value, (tuple, list)):
        return np.concatenate([np.ravel(as_array(v)) for v in value])  # type: ignore[arg-type]
    if hasattr(value, "detach"):
        value = value.detach().numpy()
    return np.asarray(value, dtype=np.float64)


def compare(name: str, ours: Step, theirs: Step, tolerance: float = 1e-4) -> None:
    """Take the first steps with each; raise Disagreement unless their results agree.

    Several steps, because the first loss of a training step does not depend on its backward pass.
    """
    for step in range(COMPARED_STEPS):
        a, b = as_array(ours()), as_array(theirs())
        if a is None or b is None:
            if (a is None) != (b is None):
                raise Disagreement(f"{name}: only one contender returned something to compare")
            return
        if a.shape != b.shape:
            raise Disagreement(f"{name}, step {step}: shapes {a.shape} and {b.shape}")
        scale = max(float(np.abs(b).max(initial=0.0)), 1e-30)
        error = float(np.abs(a - b).max(initial=0.0)) / scale
        if not error <= tolerance:  # NaN is no agreement either
            raise Disagreement(
                f"{name}, step {step}: results differ by {error:.2g} of {scale:.4g} "
                f"(allowed: {tolerance:g})"
            )


def seconds(step: Step, repeats: int) -> float:
    """Seconds for one of `repeats` steps in a row."""
    calls = range(repeats)
    start = time.perf_counter()
    for _ in calls:
        step()
    return (time.perf_counter() - start) / repeats


def repeats_for(step: Step, wanted: float) -> int:
    """How many steps take about `wanted` seconds."""
    repeats = 1
    while True:
        once = seconds(step, repeats)
        if once * repeats >= wanted / 4 or repeats >= 1 << 20:
            return max(1, round(wanted / once))
        repeats *= 2


def measure(
    name: str,
    ours: Step,
    theirs: Step,
    *,
    rounds: int = 15,
    window: float = 0.05,
    tolerance: float = 1e-4,
    target: float | None = None,
) -> Result:
    """Compare the results, then the times: `rounds` pairs of windows of about `window` seconds."""
    compare(name, ours, theirs, tolerance)
    contenders = (ours, theirs)
    repeats = [repeats_for(step, window) for step in contenders]
    times: tuple[list[float], list[float]] = ([], [])
    gc.collect()
    gc.freeze()  # a program has one of the libraries: its nodes do not pay for walking the other
    for k in range(rounds):
        for which in (0, 1) if k % 2 == 0 else (1, 0):
            time.sleep(PAUSE)
            contenders[which]()  # its threads awake, its data in the cache
            times[which].append(seconds(contenders[which], repeats[which]))
    gc.unfreeze()
    ratios = [a / b for a, b in zip(*times, strict=True)]
    return Result(
        name,
        ours=statistics.median(times[0]),
        theirs=statistics.median(times[1]),
        ratio=statistics.median(ratios),
        least=min(ratios),
        greatest=max(ratios),
        rounds=rounds,
        target=target,
    )


def duration(s: float) -> str:
    """12.3 us, 4.56 ms or 1.23 s."""
    for unit, scale in (("us", 1e-6), ("ms", 1e-3)):
        if s < 1000 * scale:
            return f"{s / scale:.3g} {unit}"
    return f"{s:.3g} s"


ROW = "{:34} {:>9} {:>9} {:>7} {:>15} {:>7}  {}"
HEADING = ROW.format("workload", "ours", "torch", "ratio", "least-greatest", "target", "")


def row(result: Result) -> str:
    """One line of the table."""
    verdict = {None: "", True: "met", False: "MISSED"}[result.met]
    return ROW.format(
        result.name,
        duration(result.ours),
        duration(result.theirs),
        f"{result.ratio:.2f}",
        f"{result.least:.2f}-{result.greatest:.2f}",
        "" if result.target is None else f"{result.target:.2f}",
        verdict,
    )
