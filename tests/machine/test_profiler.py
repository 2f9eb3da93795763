"""The profiler that a schedule starts and stops."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

import tinygrad_lite as tl
from tinygrad_lite.profiler import (
    ProfilerAction,
    ProfilerActivity,
    profile,
    schedule,
    tensorboard_trace_handler,
)

x = tl.ones(3)


def test_everything_without_a_schedule() -> None:
    ready = []
    with profile(activities=[ProfilerActivity.CPU], on_trace_ready=ready.append) as prof:
        x.exp()
        prof.step()
        x.sin()
    assert [e.name for e in prof.events()] == ["aten::exp", "aten::sin"]
    assert ready == [prof]
    assert "aten::exp" in prof.key_averages().table(sort_by="cpu_time_total", row_limit=10)


def test_a_schedule_of_steps() -> None:
    found = []
    plan = schedule(skip_first=1, wait=1, warmup=1, active=2, repeat=2)
    with profile(schedule=plan, on_trace_ready=lambda p: found.append(p.events())) as prof:
        for _ in range(12):
            x.exp()
            prof.step()
    assert [[e.name for e in events] for events in found] == [
        ["ProfilerStep#3", "aten::exp", "ProfilerStep#4", "aten::exp"],
        ["ProfilerStep#7", "aten::exp", "ProfilerStep#8", "aten::exp"],
    ]
    assert found[0][1].cpu_parent is found[0][0]


def test_events_of_several_cycles() -> None:
    plan = schedule(wait=1, warmup=1, active=1)
    with profile(schedule=plan, acc_events=True) as prof:
        for _ in range(7):
            x.exp()
            prof.step()
    assert sum(e.name == "aten::exp" for e in prof.events()) == 2


def test_an_unfinished_cycle_is_handed_out() -> None:
    ready = []
    with pytest.warns(UserWarning, match="warmup"):
        plan = schedule(wait=0, warmup=0, active=5)
    with profile(schedule=plan, on_trace_ready=ready.append):
        x.exp()
    assert len(ready) == 1


def test_a_schedule_that_forgets_to_save() -> None:
    plan = [ProfilerAction.RECORD, ProfilerAction.NONE]
    prof = profile(schedule=plan.__getitem__)
    prof.start()
    with pytest.warns(UserWarning, match="Incorrect schedule"):
        prof.step()
    prof.stop()


@pytest.mark.parametrize("bad", [{"wait": -1}, {"warmup": -1}, {"active": 0}, {"repeat": -1}])
def test_schedules_that_make_no_sense(bad: dict[str, int]) -> None:
    with pytest.raises(AssertionError, match="Invalid profiler schedule arguments"):
        schedule(**{"wait": 0, "warmup": 1, "active": 1, **bad})
    with pytest.raises(AssertionError, match="non-negative"):
        schedule(wait=0, warmup=1, active=1)(-1)


def test_tensorboard_files(tmp_path: Path) -> None:
    for gzipped in (False, True):
        folder = tmp_path / str(gzipped)
        with profile(
            on_trace_ready=tensorboard_trace_handler(str(folder), "w", gzipped), record_shapes=True
        ) as prof:
            prof.add_metadata("note", "first")
            prof.add_metadata_json("rank", "3")
            x.exp()
        (file,) = folder.iterdir()
        assert file.name.startswith("w.")
        assert file.name.endswith(".pt.trace.json.gz" if gzipped else ".pt.trace.json")
        content = file.read_bytes()
        trace = json.loads(gzip.decompress(content) if gzipped else content)
        assert (trace["note"], trace["rank"]) == ("first", 3)
        assert trace["traceEvents"][0]["args"]["Input Dims"] == [[3]]
    (tmp_path / "file").write_text("")
    with pytest.raises(RuntimeError, match="Can't create directory"):
        tensorboard_trace_handler(str(tmp_path / "file"))(prof)


def test_misuse() -> None:
    with pytest.raises(AssertionError, match="must be initialized before getting key averages"):
        profile().key_averages()
    with pytest.raises(AssertionError, match="No valid profiler activities found"):
        profile(activities=[])
    with pytest.raises(NotImplementedError, match="with_modules"):
        profile(with_modules=True)
