"""Where the time goes: every op, every node of a backward pass, every named block, timed.

    with profile() as prof:
        model(x).sum().backward()
    print(prof.key_averages().table(sort_by="self_cpu_time_total"))

A recorder is a watcher (core/modes.py), so while it runs every op takes the long way through
`Primitive.apply`: what an op computes takes as long as ever, its overhead is that of the long way.
Tensors that are made (`zeros`, `randn`) are no ops here and are not shown.
"""

from __future__ import annotations

import contextlib
import time
from typing import Any

import numpy as np

from ..core.modes import MODE, Watcher, around, current
from ..core.node import Node
from .anomaly import user_lines
from .profiler_util import EventList, FunctionEvent, FunctionEventAvg, Interval

__all__ = ["EventList", "FunctionEvent", "FunctionEventAvg", "profile", "record_function"]


class Recorder(Watcher):
    """Notes when what runs began and ended. Only what the thread that made it does."""

    def __init__(self, shapes: bool = False, memory: bool = False, stack: bool = False) -> None:
        super().__init__(current().watch)
        self.shapes = shapes
        self.memory = memory
        self.stack = stack
        self.events: list[FunctionEvent] = []
        self._running: list[FunctionEvent] = []
        self._began = time.perf_counter_ns()

    def start(self) -> None:
        """Listen from now on."""
        MODE.set(current().but(watch=self))

    def stop(self) -> None:
        """Listen no longer; what still runs ends now."""
        while self._running:
            self._end(self._running[-1])
        watch = current().watch
        if watch is self:
            MODE.set(current().but(watch=self.outer))
            return
        while watch is not None and watch.outer is not self:
            watch = watch.outer
        if watch is not None:
            watch.outer = self.outer

    def around(self, name: str) -> contextlib.AbstractContextManager[Any]:
        """A context that times what runs inside."""
        return _Span(self, name, super().around(name))

    def forward(self, op: Any, arrays: Any, meta: Any, out: Any, node: Any) -> None:
        """Note shapes and memory of the op that runs."""
        if self._running and not op.on_tensors:  # a Function's `forward` has ended by now
            event = self._running[-1]
            if self.shapes:
                event.input_shapes = [list(np.shape(a)) for a in arrays]
            if self.memory:
                made = out if isinstance(out, tuple) else (out,)
                event.own_memory += sum(a.nbytes for a in made if _is_new(a))
        super().forward(op, arrays, meta, out, node)

    def before(self, node: Node) -> None:
        """A node's rules begin."""
        self._begin(_name_of(node))
        super().before(node)

    def backward(self, node: Node, contributions: Any) -> None:
        """They have run."""
        super().backward(node, contributions)
        if self._running:
            event = self._running[-1]
            if self.memory:
                event.own_memory += sum(a.nbytes for a in contributions if _is_new(a))
            self._end(event)

    def failed(self, node: Node) -> None:
        """A node's rules raised."""
        if self._running and self._running[-1].name == _name_of(node):
            self._end(self._running[-1])
        super().failed(node)

    def _now(self) -> float:
        return (time.perf_counter_ns() - self._began) / 1e3

    def _begin(self, name: str) -> FunctionEvent:
        parent = self._running[-1] if self._running else None
        event = FunctionEvent(len(self.events) + 1, name, 0.0, parent)
        if self.stack:
            event.stack = [line.strip() for line in reversed(user_lines().splitlines())]
        self.events.append(event)
        self._running.append(event)
        event.time_range = Interval(self._now(), 0.0)
        return event

    def _end(self, event: FunctionEvent) -> None:
        now = self._now()
        while self._running:
            last = self._running.pop()
            last.time_range = Interval(last.time_range.start, now)
            if last is event:
                break


def _name_of(node: Node) -> str:
    """By the op: the node of a linear layer of three axes bears the name of PyTorch's last step,
    ViewBackward0, and would hide the products."""
    op = node.op
    return node.name() if op.named is None or op.on_tensors else f"{op.title}Backward0"


class _Span:
    """The context of one event."""

    def __init__(
        self, recorder: Recorder, name: str, outer: contextlib.AbstractContextManager[Any]
    ) -> None:
        self.recorder = recorder
        self.name = name
        self.outer = outer

    def __enter__(self) -> None:
        self.event = self.recorder._begin(self.name)
        self.outer.__enter__()

    def __exit__(self, *exc: Any) -> None:
        self.outer.__exit__(*exc)
        self.recorder._end(self.event)


def _is_new(a: Any) -> bool:
    """Whether an array has memory of its own, rather than being a view."""
    return isinstance(a, np.ndarray) and a.base is None


class record_function(contextlib.ContextDecorator):
    """A block, or a function, that the profiler shows under `name`. Free when none listens."""

    def __init__(self, name: str, args: str | None = None) -> None:
        self.name = name
        self.args = args

    def _recreate_cm(self) -> record_function:
        return record_function(self.name, self.args)

    def __enter__(self) -> record_function:
        self._block = around(self.name)
        self._block.__enter__()
        return self

    def __exit__(self, *exc: Any) -> None:
        self._block.__exit__(*exc)


class profile:
    """Context manager: times what runs inside; the profiler of `torch.autograd.profiler`.

    enabled         False: nothing is recorded
    record_shapes   note the shapes of inputs, for `key_averages(group_by_input_shape=True)`
    profile_memory  note the bytes of the arrays that ops make
    with_stack      note the lines of the program that called
    with_flops, with_modules  NotImplementedError if set: `utils.flop_counter.FlopCounterMode`
                    counts operations by module

    What concerns other devices (use_cuda and the like) is accepted: there is the CPU alone.

    RuntimeError if it is entered twice, or asked before it has ended.
    """

    def __init__(
        self,
        enabled: bool = True,
        *,
        use_cuda: bool = False,
        use_device: str | None = None,
        record_shapes: bool = False,
        with_flops: bool = False,
        profile_memory: bool = False,
        with_stack: bool = False,
        with_modules: bool = False,
        use_kineto: bool = False,
        use_cpu: bool = True,
        experimental_config: Any = None,
        acc_events: bool = False,
        custom_trace_id_callback: Any = None,
    ) -> None:
        refuse(with_flops=with_flops, with_modules=with_modules)
        self.enabled = enabled
        self.record_shapes = record_shapes
        self.profile_memory = profile_memory
        self.with_stack = with_stack
        self.entered = False
        self._recorder: Recorder | None = None
        self.function_events: EventList | None = None

    def __enter__(self) -> profile:
        if self.enabled:
            if self.entered:
                raise RuntimeError("Profiler context manager is not reentrant")
            self.entered = True
            self._recorder = Recorder(self.record_shapes, self.profile_memory, self.with_stack)
            self._recorder.start()
        return self

    def __exit__(self, *exc: object) -> None:
        if self._recorder is not None:
            self._recorder.stop()
            self.function_events = events_of(self._recorder)

    def __repr__(self) -> str:
        events = self.function_events
        return "<unfinished torch.autograd.profile>" if events is None else repr(events)

    __str__ = __repr__

    def _finished(self) -> EventList:
        if self.function_events is None:
            raise RuntimeError("Profiler didn't finish running")
        return self.function_events

    def table(self, *args: Any, **options: Any) -> str:
        """`EventList.table` of all events."""
        return self._finished().table(*args, **options)

    def key_averages(
        self,
        group_by_input_shape: bool = False,
        group_by_stack_n: int = 0,
        group_by_overload_name: bool = False,
    ) -> EventList:
        """The averages by name: `EventList.key_averages`."""
        return self._finished().key_averages(group_by_input_shape, group_by_stack_n)

    def total_average(self) -> FunctionEventAvg:
        """The sum of all events."""
        return self._finished().total_average()

    def export_chrome_trace(self, path: Any) -> None:
        """Write a trace file: `EventList.export_chrome_trace`."""
        self._finished().export_chrome_trace(path)

    def export_stacks(self, path: Any, metric: str = "self_cpu_time_total") -> None:
        """Write the sums by stack: `EventList.export_stacks`."""
        self._finished().export_stacks(path, metric)

    @property
    def self_cpu_time_total(self) -> float:
        """All that was recorded, in microseconds."""
        return self._finished().self_cpu_time_total


def events_of(recorder: Recorder) -> EventList:
    """What was recorded so far."""
    return EventList(recorder.events, profile_memory=recorder.memory, with_stack=recorder.stack)


def refuse(**wanted: bool) -> None:
    """NotImplementedError for the first of these options that is set."""
    for name, value in wanted.items():
        if value:
            raise NotImplementedError(
                f"profile({name}=True) is not available in tinygrad_lite: "
                "utils.flop_counter.FlopCounterMode counts the operations of each module"
            )
