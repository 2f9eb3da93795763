"""The recorder: what it sees, how what runs inside of something is accounted for, and its table."""

from __future__ import annotations

import gzip
import json
import re
import threading
from pathlib import Path
from typing import Any

import pytest

import tinygrad_lite as tl
from tinygrad_lite.autograd.profiler import profile, record_function
from tinygrad_lite.autograd.profiler_util import EventList, FunctionEvent, Interval
from tinygrad_lite.core.modes import current


def event(id: int, name: str, start: float, end: float, parent: Any = None) -> FunctionEvent:
    made = FunctionEvent(id, name, start, parent)
    made.time_range = Interval(start, end)
    return made


def test_ops_nodes_optimizer_and_blocks_are_seen_in_order() -> None:
    layer = tl.nn.Linear(3, 2)
    optimizer = tl.optim.SGD(layer.parameters(), lr=0.1)
    x = tl.randn(4, 3)
    with profile() as prof:
        with record_function("forward"):
            loss = tl.relu(layer(x)).sum()
        loss.backward()
        optimizer.step()
    events = prof.function_events
    assert [e.name for e in events] == [
        "forward", "aten::addmm", "aten::relu", "aten::sum",
        "SumBackward0", "ReluBackward0", "AddmmBackward0", "Optimizer.step#SGD.step",
    ]  # fmt: skip
    assert [c.name for c in events[0].cpu_children] == ["aten::addmm", "aten::relu", "aten::sum"]
    assert all(
        e.cpu_parent is (events[0] if i in (1, 2, 3) else None) for i, e in enumerate(events)
    )
    starts = [e.time_range.start for e in events]
    assert starts == sorted(starts)
    assert all(0 < e.self_cpu_time_total <= e.cpu_time_total for e in events)
    assert current().watch is None


def test_same_gradients_as_unseen() -> None:
    x = tl.randn(5, 3, requires_grad=True)

    def loss() -> Any:
        return tl.softmax(x * 2, 1).pow(2).sum()

    (plain,) = tl.autograd.grad(loss(), x)
    with profile():
        (seen,) = tl.autograd.grad(loss(), x)
    assert tl.equal(plain, seen)


def test_own_time_is_without_that_of_children_and_recursion_counts_once() -> None:
    outer = event(1, "f", 0.0, 100.0)
    inner = event(2, "f", 10.0, 60.0, outer)
    leaf = event(3, "g", 20.0, 50.0, inner)
    found = EventList([outer, inner, leaf])
    assert [e.self_cpu_time_total for e in found] == [50.0, 20.0, 30.0]
    assert found.self_cpu_time_total == 100.0
    f, g = found.key_averages()
    assert (f.key, f.count, f.cpu_time_total, f.self_cpu_time_total) == ("f", 2, 100.0, 70.0)
    assert (g.key, g.count, g.cpu_time, g.cpu_time_str) == ("g", 1, 30.0, "30.000us")
    assert found.total_average().count == 3


def test_table() -> None:
    a = event(1, "a", 0.0, 1500.0)
    found = EventList([a, event(2, "b" * 70, 500.0, 1250.0, a)], profile_memory=True)
    text = found.key_averages().table(sort_by="self_cpu_time_total", row_limit=1, header="H")
    lines = text.splitlines()
    assert lines[0] == "=" * len(lines[2])
    assert lines[1] == "H"
    assert re.split(r"\s{2,}", lines[3].strip()) == [
        "Name", "Self CPU %", "Self CPU", "CPU total %", "CPU total", "CPU time avg", "CPU Mem",
        "Self CPU Mem", "# of Calls",
    ]  # fmt: skip
    assert lines[5].split() == [
        "a",
        "50.00%",
        "750.000us",
        "100.00%",
        "1.500ms",
        "1.500ms",
        "0",
        "B",
        "0",
        "B",
        "1",
    ]
    assert lines[-1] == "Self CPU time total: 1.500ms"
    assert "b" * 52 + "..." in found.table()
    assert "0.750ms" in found.table(time_unit="ms")
    assert found.table(top_level_events_only=True).count("1.500ms") == 3
    with pytest.raises(AttributeError, match="zzz"):
        found.table(sort_by="zzz")
    with pytest.raises(ValueError, match="time_unit must be one of"):
        found.table(time_unit="h")


def test_shapes_memory_and_lines() -> None:
    x = tl.randn(4, 3)
    with profile(record_shapes=True, profile_memory=True, with_stack=True) as prof:
        tl.exp(x)
        x.t()
        tl.exp(x[:2])
    exp, t, _, second = prof.function_events
    assert (exp.input_shapes, exp.cpu_memory_usage) == ([[4, 3]], 48)
    assert t.cpu_memory_usage == 0  # a view
    assert "test_shapes_memory_and_lines" in exp.stack[0]
    by_shape = {str(e.input_shapes): e for e in prof.key_averages(True) if e.key == "aten::exp"}
    assert by_shape.keys() == {"[[4, 3]]", "[[2, 3]]"}
    assert len([e for e in prof.key_averages(group_by_stack_n=1) if e.key == "aten::exp"]) == 2
    assert "Source Location" in prof.table()
    assert second.input_shapes == [[2, 3]]


def test_files(tmp_path: Path) -> None:
    with profile(with_stack=True, record_shapes=True) as prof, record_function("block"):
        tl.sin(tl.ones(2))
    prof.export_chrome_trace(tmp_path / "t.json")
    prof.export_chrome_trace(tmp_path / "t.json.gz")
    plain = json.loads((tmp_path / "t.json").read_text())
    with gzip.open(tmp_path / "t.json.gz", "rt") as file:
        assert json.load(file) == plain
    block, sin = plain["traceEvents"]
    assert (block["cat"], sin["cat"], sin["name"]) == ("user_annotation", "cpu_op", "aten::sin")
    assert block["ts"] <= sin["ts"]
    assert sin["ts"] + sin["dur"] <= block["ts"] + block["dur"] + 1e-6
    prof.export_stacks(tmp_path / "s.txt")
    assert re.search(r"test_files \d+\n", (tmp_path / "s.txt").read_text())
    with pytest.raises(ValueError, match="metric should be one of"):
        prof.export_stacks(tmp_path / "s.txt", "cpu_time")


def test_an_op_that_raises_ends() -> None:
    with profile() as prof:
        with pytest.raises(RuntimeError):
            tl.ones(2) @ tl.ones(3)
        tl.exp(tl.ones(2))
    *_, exp = prof.function_events
    assert exp.cpu_parent is None


def test_a_backward_pass_that_raises_ends() -> None:
    class Bad(tl.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 2

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            raise KeyError("mine")

    with profile() as prof:
        with pytest.raises(KeyError):
            Bad.apply(tl.ones(2, requires_grad=True)).sum().backward()
        tl.exp(tl.ones(2))
    names = [e.name for e in prof.function_events]
    assert names == ["Bad", "aten::mul", "aten::sum", "SumBackward0", "BadBackward", "aten::exp"]
    assert prof.function_events[-1].cpu_parent is None


def test_with_other_watchers() -> None:
    """Anomaly detection inside of a profile and around it; both see the op."""
    x = tl.ones(2, requires_grad=True)
    with pytest.warns(UserWarning, match="Anomaly Detection"):
        anomaly = tl.autograd.detect_anomaly()
    with profile() as prof, anomaly:
        y = x.exp()
        with record_function("block"):
            pass
    assert [e.name for e in prof.function_events] == ["aten::exp", "block"]
    assert "test_with_other_watchers" in y.grad_fn.note
    with anomaly:
        with profile() as prof:
            y = x.exp()
        assert tl.is_anomaly_enabled()
    assert "test_with_other_watchers" in y.grad_fn.note
    assert len(prof.function_events) == 1


def test_other_threads_are_not_seen() -> None:
    with profile() as prof:
        thread = threading.Thread(target=lambda: tl.exp(tl.ones(2)))
        thread.start()
        thread.join()
    assert prof.function_events == []


def test_misuse() -> None:
    prof = profile()
    assert repr(prof) == "<unfinished torch.autograd.profile>"
    with pytest.raises(RuntimeError, match="didn't finish"):
        prof.key_averages()
    with prof, pytest.raises(RuntimeError, match="not reentrant"):
        prof.__enter__()
    with profile(enabled=False) as off:
        tl.exp(tl.ones(2))
    with pytest.raises(RuntimeError, match="didn't finish"):
        off.table()
    with pytest.raises(NotImplementedError, match="FlopCounterMode"):
        profile(with_flops=True)


def test_record_function_decorates() -> None:
    @record_function("named")
    def f(n: int) -> int:
        return f(n - 1) + 1 if n else 0

    assert f(2) == 2  # nobody listens
    with profile() as prof:
        f(2)
    assert [e.name for e in prof.function_events] == ["named"] * 3
