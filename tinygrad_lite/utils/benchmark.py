"""Timing of small pieces of code: `Timer`, what it measured, and tables that compare.

Source: PyTorch documentation, `torch.utils.benchmark`.
"""

from __future__ import annotations

import contextlib
import math
import sys
import textwrap
import timeit
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, NoReturn

import numpy as np

from ..kernels import _threads

_UNITS = ((1e-9, "ns"), (1e-6, "us"), (1e-3, "ms"), (1.0, "s"))


def select_unit(t: float) -> tuple[str, float]:
    """The unit in which `t` seconds is a number from 1 to 999, and that unit in seconds."""
    for scale, unit in reversed(_UNITS):
        if t >= scale:
            return unit, scale
    return "ns", 1e-9


class TaskSpec(NamedTuple):
    """What was timed."""

    stmt: str
    setup: str
    global_setup: str = ""
    label: str | None = None
    sub_label: str | None = None
    description: str | None = None
    env: str | None = None
    num_threads: int = 1

    @property
    def title(self) -> str:
        """label: sub_label, or the statement."""
        if self.label is not None:
            return self.label + (f": {self.sub_label}" if self.sub_label else "")
        return self.stmt if "\n" not in self.stmt else f"stmt:\n{self.stmt}"

    def setup_str(self) -> str:
        """The setup as it is printed."""
        if self.setup in ("", "pass"):
            return ""
        return f"setup:\n{self.setup}" if "\n" in self.setup else f"setup: {self.setup}"


class Measurement:
    """Times of one task: `times` is seconds per run of the statement, one for each measurement."""

    def __init__(
        self,
        number_per_run: int,
        raw_times: list[float],
        task_spec: TaskSpec,
        metadata: dict[Any, Any] | None = None,
    ) -> None:
        self.number_per_run = number_per_run
        self.raw_times = raw_times
        self.task_spec = task_spec
        self.metadata = metadata

    def __getattr__(self, name: str) -> Any:
        if name in ("stmt", "setup", "label", "sub_label", "description", "env", "num_threads"):
            return getattr(self.task_spec, name)
        raise AttributeError(f"'Measurement' object has no attribute {name!r}")

    @property
    def times(self) -> list[float]:
        """Seconds per run."""
        return [t / self.number_per_run for t in self.raw_times]

    @property
    def median(self) -> float:
        """Their median."""
        return float(np.median(self.times))

    @property
    def mean(self) -> float:
        """Their mean."""
        return float(np.mean(self.times))

    @property
    def iqr(self) -> float:
        """The distance between their quartiles."""
        low, high = np.percentile(self.times, (25, 75))
        return float(high - low)

    @property
    def significant_figures(self) -> int:
        """How many figures of the median the spread leaves: log10 of median / (iqr / 2), 1 to 5."""
        if len(self.times) < 4:
            return 3
        spread = self.iqr / 2
        return 5 if not spread else min(max(int(math.log10(self.median / spread)) + 1, 1), 5)

    @property
    def has_warnings(self) -> bool:
        """Whether the quartiles are more than a tenth of the median apart."""
        return self.iqr / self.median > 0.1 if self.median else False

    def meets_confidence(self, threshold: float = 0.1) -> bool:
        """Whether the quartiles lie within `threshold` of the median."""
        return self.iqr / self.median < threshold if self.median else True

    @property
    def title(self) -> str:
        """What was timed, in a line."""
        return self.task_spec.title

    @staticmethod
    def merge(measurements: Iterable[Measurement]) -> list[Measurement]:
        """One Measurement for each task, with all its times."""
        tasks: dict[TaskSpec, list[float]] = {}
        for m in measurements:
            tasks.setdefault(m.task_spec, []).extend(m.times)
        return [Measurement(1, times, spec) for spec, times in tasks.items()]

    def __repr__(self) -> str:
        head = f"<{type(self).__module__}.Measurement object at {id(self):#x}>"
        unit, scale = select_unit(self.median)
        lines = [head, self.title]
        if self.description and self.description not in self.title:
            lines.append(self.description)
        if self.task_spec.setup_str():
            lines.append(self.task_spec.setup_str())
        count = len(self.raw_times)
        if count > 1:
            low, high = np.percentile(self.times, (25, 75)) / scale
            lines.append(f"  Median: {self.median / scale:.2f} {unit}")
            lines.append(f"  IQR:    {self.iqr / scale:.2f} {unit} ({low:.2f} to {high:.2f})")
        else:
            lines.append(f"  {self.median / scale:.2f} {unit}")
        threads = f"{self.num_threads} thread" + ("s" if self.num_threads != 1 else "")
        runs = f"{self.number_per_run} runs" + (" per measurement" if count > 1 else "")
        lines.append(f"  {count} measurement{'s' if count > 1 else ''}, {runs}, {threads}")
        if self.has_warnings:
            lines.append("  WARNING: Interquartile range is more than a tenth of the median.")
        return "\n".join(lines)


class Timer:
    """Times `stmt`, Python code that sees `globals` and what `setup` defines.

    Unlike `timeit` it warms up once, and by default uses one thread, whatever is set outside.
    """

    def __init__(
        self,
        stmt: str = "pass",
        setup: str = "pass",
        global_setup: str = "",
        timer: Callable[[], float] = timeit.default_timer,
        globals: dict[str, Any] | None = None,
        label: str | None = None,
        sub_label: str | None = None,
        description: str | None = None,
        env: str | None = None,
        num_threads: int = 1,
        language: Any = "python",
    ) -> None:
        if str(getattr(language, "value", language)).lower() not in ("python", "py", "0"):
            raise NotImplementedError("benchmark.Timer times Python only")
        if not isinstance(stmt, str):
            raise ValueError("Currently only a `str` stmt is supported.")
        if global_setup:
            raise ValueError("global_setup is C++ only, got Python with a global setup")
        names = dict(globals or {})
        names.setdefault("torch", sys.modules[__name__.partition(".")[0]])  # as a convenience
        stmt, setup = _unindented(stmt), _unindented(setup)
        self._timer = timeit.Timer(stmt=stmt, setup=setup, timer=timer, globals=names)
        self._task_spec = TaskSpec(stmt, setup, "", label, sub_label, description, env, num_threads)

    def _timeit(self, number: int) -> float:
        return max(self._timer.timeit(number), 1e-9)

    def _threads(self) -> Any:
        @contextlib.contextmanager
        def use(n: int) -> Iterator[None]:
            before = _threads.get_num_threads()
            _threads.set_num_threads(n)
            try:
                yield
            finally:
                _threads.set_num_threads(before)

        return use(self._task_spec.num_threads)

    def timeit(self, number: int = 1_000_000) -> Measurement:
        """One measurement of `number` runs."""
        with self._threads():
            self._timeit(max(number // 100, 2))
            return Measurement(number, [self._timeit(number)], self._task_spec)

    def repeat(self, repeat: int = -1, number: int = -1) -> NoReturn:
        """NotImplementedError: use timeit, or blocked_autorange."""
        raise NotImplementedError("See `Timer.blocked_autorange.`")

    def autorange(self, callback: Any = None) -> NoReturn:
        """NotImplementedError: use blocked_autorange."""
        raise NotImplementedError("See `Timer.blocked_autorange.`")

    def _block(self, min_run_time: float) -> int:
        """How many runs take a thousandth of `min_run_time`, and 10,000 readings of the clock."""
        clock = float(np.median([self._timeit(0) for _ in range(5)]))
        number = 1
        while True:
            taken = self._timeit(number)
            if taken > max(min_run_time / 1000, 1e4 * clock) or number >= 10**9:
                return number
            number *= 10

    def blocked_autorange(
        self,
        callback: Callable[[int, float], NoReturn] | None = None,
        min_run_time: float = 0.2,
    ) -> Measurement:
        """Measurements of blocks of runs, until they have taken `min_run_time` seconds."""
        with self._threads():
            number = self._block(min_run_time)
            times: list[float] = []
            while sum(times) < min_run_time:
                times.append(self._timeit(number))
                if callback is not None:
                    callback(number, times[-1])
        return Measurement(number, times, self._task_spec)

    def adaptive_autorange(
        self,
        threshold: float = 0.1,
        *,
        min_run_time: float = 0.01,
        max_run_time: float = 10.0,
        callback: Callable[[int, float], NoReturn] | None = None,
    ) -> Measurement:
        """As `blocked_autorange`, until the quartiles are within `threshold` of the median."""
        with self._threads():
            number = self._block(min_run_time)
            times: list[float] = []
            while sum(times) < max_run_time:
                times.append(self._timeit(number))
                if callback is not None:
                    callback(number, times[-1])
                found = Measurement(number, times, self._task_spec)
                if (
                    sum(times) > min_run_time
                    and len(times) > 3
                    and found.meets_confidence(threshold)
                ):
                    break
        return Measurement(number, times, self._task_spec)

    def collect_callgrind(self, *args: Any, **kwargs: Any) -> NoReturn:
        """NotImplementedError: use cProfile."""
        raise NotImplementedError("instruction counts are not collected; profile with cProfile")


class Compare:
    """A table of Measurements: a row for each sub_label (and env), a column for each description,
    a block for each label and number of threads. The last digits are as in `significant_figures`
    after `trim_significant_figures`."""

    def __init__(self, results: Iterable[Measurement]) -> None:
        self._results: list[Measurement] = []
        self._trim = False
        self.extend_results(results)

    def extend_results(self, results: Iterable[Measurement]) -> None:
        """Add measurements. ValueError for anything else."""
        for r in results:
            if not isinstance(r, Measurement):
                raise ValueError(f"Expected an instance of `Measurement`, got {type(r)} instead.")
            self._results.append(r)

    def trim_significant_figures(self) -> None:
        """Leave out figures that the spread makes meaningless."""
        self._trim = True

    def colorize(self, rowwise: bool = False) -> None:
        """Accepted: tables are printed without color."""

    def highlight_warnings(self) -> None:
        """Accepted: tables are printed without color."""

    def print(self) -> None:
        """Print the table."""
        sys.stdout.write(f"{self}\n")

    def __str__(self) -> str:
        merged = Measurement.merge(self._results)
        labels = dict.fromkeys(m.label or "" for m in merged)
        blocks = [
            self._block(label, [m for m in merged if (m.label or "") == label]) for label in labels
        ]
        return "\n".join(blocks)

    def _block(self, label: str, group: list[Measurement]) -> str:
        columns = list(dict.fromkeys(m.description or "" for m in group))
        unit, scale = select_unit(min(m.median for m in group))
        rows = list(dict.fromkeys((m.num_threads, m.env or "", self._row(m)) for m in group))
        cells = {}
        for m in group:
            digits = 1
            if self._trim:
                digits = max(m.significant_figures - len(str(int(m.median / scale))), 0)
            cells[m.num_threads, m.env or "", self._row(m), m.description or ""] = (
                f"{m.median / scale:.{digits}f}"
            )
        first = max(6 + len(f"({env})  {name}" if env else name) for _, env, name in rows)
        widths = [max([len(c)] + [len(cells.get((*row, c), "")) for row in rows]) for c in columns]
        head = (
            " " * first
            + "  |  "
            + "  |  ".join(c.center(w) for c, w in zip(columns, widths, strict=True))
        )
        lines = [f" {label} ".center(len(head), "-").join("[]"), head]
        threads = None
        for row in rows:
            if row[0] != threads:
                threads = row[0]
                lines.append(f"{threads} threads: ".ljust(len(head), "-"))
            name = f"({row[1]})  {row[2]}" if row[1] else row[2]
            values = [
                cells.get((*row, c), "").rjust(w) for c, w in zip(columns, widths, strict=True)
            ]
            lines.append((" " * 6 + name).ljust(first) + "  |  " + "  |  ".join(values))
        names = {"ns": "nano", "us": "micro", "ms": "milli", "s": ""}
        return "\n".join([*lines, "", f"Times are in {names[unit]}seconds ({unit}).", ""])

    @staticmethod
    def _row(m: Measurement) -> str:
        return m.sub_label or m.stmt


def _unindented(code: str) -> str:
    return textwrap.dedent(code).strip() or "pass"
