"""Schedules and tables beside PyTorch's."""

from __future__ import annotations

import itertools
import warnings

import pytest

import tinygrad_lite as tl

torch = pytest.importorskip("torch")


def test_schedules() -> None:
    names = ("wait", "warmup", "active", "repeat", "skip_first", "skip_first_wait")
    for values in itertools.product((0, 2), (0, 1), (1, 3), (0, 2), (0, 3), (0, 1)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ours, theirs = (m.profiler.schedule(**dict(zip(names, values))) for m in (tl, torch))
        for step in range(25):
            assert ours(step).name == theirs(step).name, (values, step)


def test_actions_and_activities() -> None:
    for name in ("ProfilerAction", "ProfilerActivity"):
        ours, theirs = getattr(tl.profiler, name), getattr(torch.profiler, name)
        known = getattr(theirs, "__members__", {})
        assert {k: int(v.value) for k, v in known.items() if k in ours.__members__} == {
            k: v.value for k, v in ours.__members__.items()
        }


def test_names_of_ops_and_nodes_that_both_have() -> None:
    """Ours are among PyTorch's, which also shows what its ops are made of."""

    def seen(m: object) -> list[str]:
        x = m.ones(4, 3, requires_grad=True)  # type: ignore[attr-defined]
        w = m.ones(2, 3, requires_grad=True)  # type: ignore[attr-defined]
        b = m.ones(2, requires_grad=True)  # type: ignore[attr-defined]
        y = m.ones(4, dtype=m.int64)  # type: ignore[attr-defined]
        f = m.nn.functional  # type: ignore[attr-defined]
        optimizer = m.optim.Adam([w, b])  # type: ignore[attr-defined]
        with m.profiler.profile() as prof:  # type: ignore[attr-defined]
            h = f.layer_norm(f.gelu(f.linear(x, w, b)) * 2 + 1, (2,))  # type: ignore[attr-defined]
            f.cross_entropy(h.tanh(), y).backward()
            optimizer.step()
        return [e.key for e in prof.key_averages()]

    theirs = set(seen(torch))
    ours = seen(tl)
    assert "Optimizer.step#Adam.step" in ours
    assert [name for name in ours if name not in theirs] == ["aten::nll_loss"] * (
        "aten::nll_loss" not in theirs
    )
