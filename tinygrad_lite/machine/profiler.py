"""The recorder of `autograd.profiler`, started and stopped by a schedule of steps.

with profile(schedule=schedule(wait=1, warmup=1, active=3), on_trace_ready=handler) as prof:
    for batch in loader:
        train(batch)
        prof.step()
"""

from __future__ import annotations

import enum
import json
import os
import socket
import time
import warnings
from collections.abc import Callable, Iterable
from typing import Any

from ..autograd.profiler import Recorder, events_of, record_function, refuse
from ..autograd.profiler_util import EventList

__all__ = [
    "EventList",
    "ProfilerAction",
    "ProfilerActivity",
    "kineto_available",
    "profile",
    "record_function",
    "schedule",
    "supported_activities",
    "tensorboard_trace_handler",
]


class ProfilerActivity(enum.Enum):
    """What may be profiled. There is the CPU; the others are accepted and find nothing."""

    CPU = 0
    XPU = 1
    CUDA = 2
    HPU = 3
    MTIA = 4
    PrivateUse1 = 5


class ProfilerAction(enum.Enum):
    """What a schedule says of a step."""

    NONE = 0
    WARMUP = 1
    RECORD = 2
    RECORD_AND_SAVE = 3


_RECORDS = (ProfilerAction.RECORD, ProfilerAction.RECORD_AND_SAVE)


def schedule(
    *,
    wait: int,
    warmup: int,
    active: int,
    repeat: int = 0,
    skip_first: int = 0,
    skip_first_wait: int = 0,
) -> Callable[[int], ProfilerAction]:
    """What to do at each step: skip `skip_first`, then in turn wait, warm up, and record.

    The cycle of `wait + warmup + active` steps is repeated `repeat` times (0: without end); with
    `skip_first_wait` the first cycle does not wait. AssertionError for negative numbers, for
    `active` below 1, and, of the function returned, for a negative step.
    """
    numbers = {"wait": wait, "warmup": warmup, "repeat": repeat, "skip_first": skip_first}
    if active <= 0 or min(numbers.values()) < 0:
        raise AssertionError(
            f"Invalid profiler schedule arguments. Got {numbers} (each must be >= 0) and "
            f"active={active} (must be > 0)."
        )
    if warmup == 0:
        warnings.warn(
            "Profiler won't be using warmup, this can skew profiler results", stacklevel=2
        )
    cycle = wait + warmup + active

    def action(step: int) -> ProfilerAction:
        if step < 0:
            raise AssertionError(f"Step must be non-negative. Got {step}.")
        at = step - skip_first
        if at < 0:
            return ProfilerAction.NONE
        if skip_first_wait:
            at += wait
        done, at = divmod(at, cycle)
        if (repeat and done >= repeat) or at < wait:
            return ProfilerAction.NONE
        if at < wait + warmup:
            return ProfilerAction.WARMUP
        return ProfilerAction.RECORD if at < cycle - 1 else ProfilerAction.RECORD_AND_SAVE

    return action


def _always(step: int) -> ProfilerAction:
    return ProfilerAction.RECORD


class profile:
    """Times ops, backward nodes, optimizer steps and named blocks, as `schedule` says.

    activities      kinds of activity; only ProfilerActivity.CPU finds something. AssertionError if
                    empty
    schedule        function from the step to a ProfilerAction; None: everything is recorded.
                    `step()` tells that a step has ended
    on_trace_ready  called with this object whenever a cycle's recording is complete
    record_shapes   note the shapes of inputs
    profile_memory  note the bytes of the arrays that ops make
    with_stack      note the lines of the program that called
    acc_events      keep the events of earlier cycles, too
    with_flops, with_modules  NotImplementedError if set: `utils.flop_counter.FlopCounterMode`
                    counts operations by module

    Only the thread that starts it is seen. While warming up nothing is recorded: there is no
    tracer that would have to get going.
    """

    def __init__(
        self,
        *,
        activities: Iterable[ProfilerActivity] | None = None,
        schedule: Callable[[int], ProfilerAction] | None = None,
        on_trace_ready: Callable[[profile], Any] | None = None,
        record_shapes: bool = False,
        profile_memory: bool = False,
        with_stack: bool = False,
        with_flops: bool = False,
        with_modules: bool = False,
        experimental_config: Any = None,
        execution_trace_observer: Any = None,
        acc_events: bool = False,
        use_cuda: bool | None = None,
        custom_trace_id_callback: Any = None,
    ) -> None:
        refuse(with_flops=with_flops, with_modules=with_modules)
        self.activities = supported_activities() if activities is None else set(activities)
        if not self.activities:
            raise AssertionError("No valid profiler activities found")
        self.schedule = schedule or _always
        self.record_steps = schedule is not None
        self.on_trace_ready = on_trace_ready
        self.record_shapes = record_shapes
        self.profile_memory = profile_memory
        self.with_stack = with_stack
        self.acc_events = acc_events
        self.step_num = 0
        self.current_action = self.schedule(0)
        self._recorder: Recorder | None = None
        self._listening = False
        self._step: record_function | None = None
        self._metadata: dict[str, Any] = {}

    def __enter__(self) -> profile:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def start(self) -> None:
        """Begin as the schedule says of step 0."""
        if self.current_action in _RECORDS:
            self._listen()
        self._mark_step()

    def stop(self) -> None:
        """End; what was recorded of an unfinished cycle is handed out, too."""
        self._end_step()
        if self._listening:
            self._hand_out()

    def step(self) -> None:
        """Say that a step has ended: the next one is recorded or not, as the schedule says."""
        self._end_step()
        before, self.step_num = self.current_action, self.step_num + 1
        self.current_action = self.schedule(self.step_num)
        records = self.current_action in _RECORDS
        if self._listening and (before is ProfilerAction.RECORD_AND_SAVE or not records):
            if before is ProfilerAction.RECORD:
                warnings.warn(
                    "Incorrect schedule: RECORD followed by "
                    f"{self.current_action.name}; the last step of a recording is RECORD_AND_SAVE",
                    stacklevel=2,
                )
            self._hand_out()
        if records and not self._listening:
            self._listen()
        self._mark_step()

    def _listen(self) -> None:
        earlier = self._recorder.events if self._recorder and self.acc_events else []
        self._recorder = Recorder(self.record_shapes, self.profile_memory, self.with_stack)
        self._recorder.events += earlier
        self._recorder.start()
        self._listening = True

    def _hand_out(self) -> None:
        assert self._recorder is not None
        self._recorder.stop()
        self._listening = False
        if self.on_trace_ready is not None:
            self.on_trace_ready(self)

    def _mark_step(self) -> None:
        if self.record_steps and self._listening:
            self._step = record_function(f"ProfilerStep#{self.step_num}")
            self._step.__enter__()

    def _end_step(self) -> None:
        if self._step is not None:
            self._step.__exit__(None, None, None)
            self._step = None

    # -- what was found ---------------------------------------------------------------------------

    def _recorded(self, wanted: str) -> EventList:
        if self._recorder is None:
            raise AssertionError(f"Profiler must be initialized before {wanted}")
        return events_of(self._recorder)

    def events(self) -> EventList:
        """All events of the last recording. AssertionError if there was none."""
        return self._recorded("accessing events")

    def key_averages(
        self,
        group_by_input_shape: bool = False,
        group_by_stack_n: int = 0,
        group_by_overload_name: bool = False,
    ) -> EventList:
        """The averages by name (and shapes, and lines). AssertionError if nothing was recorded."""
        events = self._recorded("getting key averages")
        return events.key_averages(group_by_input_shape, group_by_stack_n)

    def export_chrome_trace(self, path: str | os.PathLike[str], **options: Any) -> None:
        """Write a trace that chrome://tracing and Perfetto draw; gzipped if `path` ends in .gz."""
        self._recorded("exporting chrome trace").export_chrome_trace(path, self._metadata)

    def export_stacks(
        self, path: str | os.PathLike[str], metric: str = "self_cpu_time_total"
    ) -> None:
        """Write the sums by stack (`with_stack=True`)."""
        self._recorded("exporting stacks").export_stacks(path, metric)

    def add_metadata(self, key: str, value: str) -> None:
        """Put a text into the trace file."""
        self._metadata[key] = value

    def add_metadata_json(self, key: str, value: str) -> None:
        """Put a value, given as JSON, into the trace file."""
        self._metadata[key] = json.loads(value)


def tensorboard_trace_handler(
    dir_name: str, worker_name: str | None = None, use_gzip: bool = False
) -> Callable[[profile], None]:
    """An `on_trace_ready` that writes each trace to `dir_name`, as TensorBoard's plugin reads it.

    Files are called `worker.time.pt.trace.json`; the worker's name is "host_pid" by default.
    """

    def handle(prof: profile) -> None:
        try:
            os.makedirs(dir_name, exist_ok=True)
        except OSError as error:
            raise RuntimeError(f"Can't create directory: {dir_name}") from error
        worker = worker_name or f"{socket.gethostname()}_{os.getpid()}"
        end = ".pt.trace.json" + ".gz" * use_gzip
        prof.export_chrome_trace(os.path.join(dir_name, f"{worker}.{time.time_ns()}{end}"))

    return handle


def supported_activities() -> set[ProfilerActivity]:
    """The CPU."""
    return {ProfilerActivity.CPU}


def kineto_available() -> bool:
    """Whether PyTorch's tracer is there: no, there is one in Python."""
    return False
