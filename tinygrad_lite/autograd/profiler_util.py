"""What a profiler recorded: events, their averages by name, a table of them, and a trace file."""

from __future__ import annotations

import gzip
import json
import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple


class Interval(NamedTuple):
    """A stretch of time, in microseconds since the recording began."""

    start: float
    end: float

    def elapsed_us(self) -> float:
        """Its length in microseconds."""
        return self.end - self.start


def shown_time(us: float) -> str:
    """Microseconds as PyTorch prints them: 12.500us, 1.860ms, 2.000s."""
    if us >= 1e6:
        return f"{us / 1e6:.3f}s"
    return f"{us / 1e3:.3f}ms" if us >= 1e3 else f"{us:.3f}us"


def shown_memory(size: int) -> str:
    """Bytes as PyTorch prints them: 196 B, 2.50 KB."""
    for unit, scale in (("GB", 1 << 30), ("MB", 1 << 20), ("KB", 1 << 10)):
        if abs(size) >= scale:
            return f"{size / scale:.2f} {unit}"
    return f"{size} B"


class _Costs:
    """What one event and an average of many have in common; times in microseconds, sizes in bytes.

    The device is the CPU alone: what concerns others is 0.
    """

    key: str
    count: int
    cpu_time_total: float
    self_cpu_time_total: float
    cpu_memory_usage: int
    self_cpu_memory_usage: int
    device_time = device_time_total = self_device_time_total = 0.0
    cuda_time = cuda_time_total = self_cuda_time_total = 0.0
    device_memory_usage = self_device_memory_usage = 0
    is_async = is_remote = is_legacy = False
    node_id = -1

    @property
    def cpu_time(self) -> float:
        """The mean time of one call."""
        return self.cpu_time_total / self.count if self.count else 0.0

    @property
    def cpu_time_str(self) -> str:
        """`cpu_time` with its unit."""
        return shown_time(self.cpu_time)

    @property
    def cpu_time_total_str(self) -> str:
        """`cpu_time_total` with its unit."""
        return shown_time(self.cpu_time_total)

    @property
    def self_cpu_time_total_str(self) -> str:
        """`self_cpu_time_total` with its unit."""
        return shown_time(self.self_cpu_time_total)


class FunctionEvent(_Costs):
    """One op, one node of a backward pass, or one named block, that ran.

    time_range        when, in microseconds since the recording began
    cpu_parent        the event inside of which it ran, or None
    cpu_children      the events that ran inside of it
    input_shapes      of its inputs, if shapes were recorded
    cpu_memory_usage  bytes of the arrays that it and its children made, if memory was recorded
    stack             the lines of the program that called it, if stacks were recorded
    """

    count = 1

    def __init__(self, id: int, name: str, start: float, parent: FunctionEvent | None) -> None:
        self.id = id
        self.name = self.key = self.trace_name = name
        self.thread = threading.get_native_id()
        self.time_range = Interval(start, start)
        self.cpu_parent = parent
        self.cpu_children: list[FunctionEvent] = []
        self.input_shapes: list[Any] = []
        self.stack: list[str] = []
        self.own_memory = 0
        if parent is not None:
            parent.cpu_children.append(self)

    @property
    def cpu_time_total(self) -> float:  # type: ignore[override]
        """From its begin to its end."""
        return self.time_range.elapsed_us()

    @property
    def self_cpu_time_total(self) -> float:  # type: ignore[override]
        """The same without its children."""
        return self.cpu_time_total - sum(child.cpu_time_total for child in self.cpu_children)

    @property
    def self_cpu_memory_usage(self) -> int:  # type: ignore[override]
        """Bytes of the arrays that it made itself."""
        return self.own_memory

    @property
    def cpu_memory_usage(self) -> int:  # type: ignore[override]
        """Bytes of the arrays that it and its children made."""
        return self.own_memory + sum(child.cpu_memory_usage for child in self.cpu_children)

    def __repr__(self) -> str:
        return (
            f"<FunctionEvent id={self.id} name={self.name} cpu_time={self.cpu_time_str} "
            f"start_us={self.time_range.start:.3f} end_us={self.time_range.end:.3f} "
            f"cpu_children={[child.id for child in self.cpu_children]} "
            f"input_shapes={self.input_shapes} cpu_memory_usage={self.cpu_memory_usage}>"
        )


class FunctionEventAvg(_Costs):
    """The sum of several events: those of one name, or all."""

    def __init__(self, key: str, input_shapes: Any = "", stack: Sequence[str] = ()) -> None:
        self.key = key
        self.input_shapes = input_shapes
        self.stack = list(stack)
        self.count = 0
        self.cpu_time_total = self.self_cpu_time_total = 0.0
        self.cpu_memory_usage = self.self_cpu_memory_usage = 0

    def add(self, other: FunctionEvent | FunctionEventAvg) -> FunctionEventAvg:
        """Count `other` in; what ran inside of an event of the same name is not counted twice."""
        parent = getattr(other, "cpu_parent", None)
        while parent is not None and parent.key != other.key:
            parent = parent.cpu_parent
        if parent is None:
            self.cpu_time_total += other.cpu_time_total
            self.cpu_memory_usage += other.cpu_memory_usage
        self.self_cpu_time_total += other.self_cpu_time_total
        self.self_cpu_memory_usage += other.self_cpu_memory_usage
        self.count += other.count
        return self

    def __repr__(self) -> str:
        return (
            f"<FunctionEventAvg key={self.key} self_cpu_time={self.self_cpu_time_total_str} "
            f"cpu_time={self.cpu_time_str} input_shapes={self.input_shapes} "
            f"cpu_memory_usage={self.cpu_memory_usage}>"
        )


class EventList(list[Any]):
    """Events, or averages of them."""

    def __init__(
        self, *events: Any, profile_memory: bool = False, with_stack: bool = False
    ) -> None:
        super().__init__(*events)
        self._memory = profile_memory
        self._stack = with_stack

    def __str__(self) -> str:
        return self.table()

    @property
    def self_cpu_time_total(self) -> float:
        """The sum of all events' own times, in microseconds."""
        return sum(event.self_cpu_time_total for event in self)

    def key_averages(
        self,
        group_by_input_shapes: bool = False,
        group_by_stack_n: int = 0,
        group_by_overload_name: bool = False,
    ) -> EventList:
        """One average for each name; on request for each name and shapes of inputs, and for each
        of the lines (the innermost `group_by_stack_n`) that called."""
        found: dict[Any, FunctionEventAvg] = {}
        for event in self:
            shapes = event.input_shapes if group_by_input_shapes else ""
            stack = event.stack[:group_by_stack_n]
            mark = (event.key, str(shapes), *stack)
            if mark not in found:
                found[mark] = FunctionEventAvg(event.key, shapes, stack)
            found[mark].add(event)
        return EventList(found.values(), profile_memory=self._memory, with_stack=self._stack)

    def total_average(self) -> FunctionEventAvg:
        """The sum of all, under the name Total."""
        total = FunctionEventAvg("Total")
        for event in self:
            total.add(event)
        return total

    def table(
        self,
        sort_by: str | None = None,
        row_limit: int = 100,
        max_src_column_width: int = 75,
        max_name_column_width: int = 55,
        max_shapes_column_width: int = 80,
        header: str | None = None,
        top_level_events_only: bool = False,
        time_unit: str | None = None,
    ) -> str:
        """The events as text, a line for each.

        sort_by    count, cpu_time, cpu_time_total, self_cpu_time_total, cpu_memory_usage or
                   self_cpu_memory_usage: the greatest first. AttributeError for other names
        row_limit  how many lines at most; -1: all
        time_unit  us, ms or s for all times; None: what suits each. ValueError for others
        """
        unit = _unit(time_unit)
        events = list(self)
        if sort_by is not None:
            events.sort(key=lambda event: getattr(event, sort_by), reverse=True)
        if top_level_events_only:
            events = [e for e in events if getattr(e, "cpu_parent", None) is None]
        whole = sum(e.self_cpu_time_total for e in self)
        shapes = any(e.input_shapes for e in events)
        stacks = self._stack and any(e.stack for e in events)
        titles = ["Name", "Self CPU %", "Self CPU", "CPU total %", "CPU total", "CPU time avg"]
        titles += ["CPU Mem", "Self CPU Mem"] * self._memory + ["# of Calls"]
        titles += ["Input Shapes"] * shapes + ["Source Location"] * stacks
        rows = []
        for e in events[: row_limit if row_limit >= 0 else None]:
            row = [_cut(e.key, max_name_column_width)]
            for time in (e.self_cpu_time_total, e.cpu_time_total):
                row += [f"{100 * time / whole if whole else 0:.2f}%", unit(time)]
            row.append(unit(e.cpu_time))
            if self._memory:
                row += [shown_memory(e.cpu_memory_usage), shown_memory(e.self_cpu_memory_usage)]
            row.append(str(e.count))
            if shapes:
                row.append(_cut(str(e.input_shapes or "[]"), max_shapes_column_width))
            if stacks:
                row.append(_cut(e.stack[0] if e.stack else "", -max_src_column_width))
            rows.append(row)
        widths = [max(map(len, column)) for column in zip(titles, *rows)]
        widths[1:] = [max(width, 12) for width in widths[1:]]
        rule = "  ".join("-" * width for width in widths) + "  "
        lines = [rule, *(_line(row, widths) for row in (titles, *rows)), rule]
        lines.insert(2, rule)
        if header is not None:
            lines = ["=" * len(rule), header, *lines]
        return "\n".join([*lines, f"Self CPU time total: {unit(whole)}", ""])

    def export_chrome_trace(
        self, path: str | os.PathLike[str], metadata: Mapping[str, Any] | None = None
    ) -> None:
        """Write the events as a JSON file that chrome://tracing, Perfetto and TensorBoard draw;
        gzipped if `path` ends in .gz. `metadata` is written beside them."""
        pid = os.getpid()
        traced = [
            {
                "ph": "X",
                "cat": "cpu_op" if e.input_shapes or "::" in e.name else "user_annotation",
                "name": e.name,
                "pid": pid,
                "tid": e.thread,
                "ts": e.time_range.start,
                "dur": e.cpu_time_total,
                "args": {"External id": e.id, "Input Dims": e.input_shapes},
            }
            for e in self
        ]
        text = json.dumps({"schemaVersion": 1, **(metadata or {}), "traceEvents": traced}, indent=1)
        if str(path).endswith(".gz"):
            with gzip.open(path, "wt") as file:
                file.write(text)
        else:
            Path(path).write_text(text)

    def export_stacks(
        self, path: str | os.PathLike[str], metric: str = "self_cpu_time_total"
    ) -> None:
        """Write a line for each stack, outermost first, and the sum of `metric` over its events:
        what flame graphs are drawn from. ValueError for another metric than
        self_cpu_time_total."""
        if metric not in self.supported_export_stacks_metrics():
            raise ValueError(
                f"metric should be one of: {self.supported_export_stacks_metrics()}, got {metric!r}"
            )
        sums: dict[str, float] = {}
        for event in self:
            if event.stack:
                stack = ";".join(line.replace(" ", "_") for line in reversed(event.stack))
                sums[stack] = sums.get(stack, 0.0) + getattr(event, metric)
        Path(path).write_text("".join(f"{stack} {int(us)}\n" for stack, us in sums.items()))

    @staticmethod
    def supported_export_stacks_metrics() -> list[str]:
        """What `export_stacks` can sum."""
        return ["self_cpu_time_total"]


def _unit(name: str | None) -> Any:
    if name is None:
        return shown_time
    scales = {"us": 1.0, "ms": 1e3, "s": 1e6}
    if name not in scales:
        raise ValueError(f"time_unit must be one of {list(scales)}, got {name!r}")
    return lambda us: f"{us / scales[name]:.3f}{name}"


def _cut(text: str, width: int) -> str:
    """`text` in at most `width` characters; of a negative width the end is kept."""
    if len(text) <= abs(width):
        return text
    return text[: width - 3] + "..." if width > 0 else "..." + text[width + 3 :]


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.rjust(width) for cell, width in zip(cells, widths)) + "  "
