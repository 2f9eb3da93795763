"""examples/optimizer_paths.py and examples/weight_decay.py show what they claim."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_paths(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("matplotlib")
    script = load("optimizer_paths")
    monkeypatch.setattr(script, "RATES", [0.01, 0.32])
    kept = {name: script.OPTIMIZERS[name] for name in ("SGD", "momentum", "Adam", "Rprop", "LBFGS")}
    monkeypatch.setattr(script, "OPTIMIZERS", kept)
    monkeypatch.setattr(script, "animate", lambda r, f: script_animate(r, f, frames=4))
    script_animate = load("optimizer_paths").animate
    results = script.main(["--out", str(tmp_path), "--steps", "120"])
    assert (tmp_path / "paths.png").stat().st_size > 10_000
    assert (tmp_path / "paths.gif").stat().st_size > 10_000
    printed = capsys.readouterr().out
    assert all(name in printed for name in (*results, *kept))
    steps = {key: results["ravine"][key][0] for key in kept}
    assert steps["SGD"] is None  # too slow along the ravine at any rate that is stable across
    assert steps["LBFGS"] < steps["Adam"] < 120
    for walks in results.values():
        starts = {tuple(path[0]) for _, _, path in walks.values()}
        assert len(starts) == 1


def test_weight_decay() -> None:
    result = load("weight_decay").main()
    decay = 0.999**1000
    for name in ("SGD, penalty", "SGD, shrinking", "AdamW, shrinking"):
        assert result[name] == pytest.approx((decay, decay), abs=0.01)
    assert result["Adam, penalty"][0] > 0.6
    assert abs(result["Adam, penalty"][1]) < 0.01
