"""python -m tests.benchmarks [--only NAME] [--rounds N] [--smoke] [--processes] [--json FILE]

Runs every workload next to PyTorch eager and prints the ratios with their targets. Exits non-zero
when a workload fails or the contenders disagree; a missed target is printed, and an error only with
--strict, since a busy machine misses too.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import os
import platform
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

from tests.benchmarks import harness, processes

HERE = Path(__file__).parent
MACHINERY = {"__init__", "__main__", "harness", "processes"}


def families() -> list[ModuleType]:
    """The workload modules, in alphabetical order."""
    names = sorted(path.stem for path in HERE.glob("*.py") if path.stem not in MACHINERY)
    modules = [importlib.import_module(f"tests.benchmarks.{name}") for name in names]
    return [module for module in modules if hasattr(module, "workloads")]


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    versions = {
        name: importlib.import_module(name).__version__
        for name in ("numpy", "numba", "torch", "tinygrad_lite")
    }
    return {
        "cpus": os.cpu_count(),
        "machine": platform.machine(),
        "python": sys.version,
        **versions,
    }


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--only", default="", help="families or workloads whose name contains this")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--smoke", action="store_true", help="few short rounds: does it all run?")
    parser.add_argument("--processes", action="store_true", help="also start-up time and memory")
    parser.add_argument("--strict", action="store_true", help="a missed target is an error")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args()
    if importlib.util.find_spec("torch") is None:
        parser.exit(2, 'the contender is missing: pip install -e ".[oracle]"\n')
    rounds, window = (3, 0.002) if options.smoke else (options.rounds, 0.05)

    results: list[harness.Result] = []
    rows: list[dict[str, Any]] = []
    failed: list[str] = []
    print(harness.HEADING)
    for module in families():
        family = module.__name__.rpartition(".")[2]
        try:
            pairs = module.workloads()
        except Exception:
            traceback.print_exc()
            failed.append(family)
            continue
        for name, (ours, theirs) in pairs.items():
            if options.only not in family and options.only not in name:
                continue
            try:
                result = harness.measure(
                    name,
                    ours,
                    theirs,
                    rounds=rounds,
                    window=window,
                    tolerance=getattr(module, "TOLERANCES", {}).get(name, 1e-4),
                    target=getattr(module, "TARGETS", {}).get(name),
                )
            except Exception:
                traceback.print_exc()
                failed.append(name)
                continue
            results.append(result)
            print(harness.row(result), flush=True)
        if options.processes:
            for name in getattr(module, "PROCESSES", {}):
                if options.only in family or options.only in name:
                    found = processes.measure(module.__name__, name, rounds=5, steps=50)
                    rows.append(found)
                    for key, unit in (("first_step", "s"), ("peak_mb", "MB")):
                        ours_, theirs_ = found[key]["ours"], found[key]["theirs"]
                        print(f"{name}, {key}: {ours_:.3g} {unit}, torch {theirs_:.3g} {unit}")

    if options.json:
        figures = {
            "machine": machine(),
            "workloads": [result.as_dict() for result in results],
            "processes": rows,
        }
        options.json.write_text(json.dumps(figures, indent=2) + "\n")
    missed = [result.name for result in results if result.met is False]
    if missed:
        print("targets missed:", ", ".join(missed))
    if failed:
        print("FAILED:", ", ".join(failed))
    return int(bool(failed) or (options.strict and bool(missed)))


if __name__ == "__main__":
    sys.exit(main())
