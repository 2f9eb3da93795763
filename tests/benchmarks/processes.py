"""What only a process of its own can show: time from its start to the first step done, and memory.

Each contender gets fresh processes, in turn. The child is this file, run as a module with the
namespace to import and the workload to build; it takes some steps and prints its peak memory.
"""

from __future__ import annotations

import argparse
import importlib
import json
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
NAMESPACES = ("tinygrad_lite", "torch")


def measure(module: str, workload: str, *, rounds: int, steps: int) -> dict[str, Any]:
    """Medians for (ours, PyTorch's): seconds to the first step's end, and peak MB after `steps`."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in NAMESPACES}
    for k in range(rounds + 1):
        for namespace in NAMESPACES if k % 2 else reversed(NAMESPACES):
            command = [sys.executable, "-m", "tests.benchmarks.processes"]
            command += [module, workload, namespace, f"--steps={steps}", f"--start={time.time()}"]
            out = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
            if k:  # round 0 fills the file cache and compiles the kernels
                found[namespace].append(json.loads(out.stdout.splitlines()[-1]))
    row: dict[str, Any] = {"name": workload, "steps": steps}
    for key in ("first_step", "peak_mb"):
        ours, theirs = (statistics.median(r[key] for r in found[name]) for name in NAMESPACES)
        row[key] = {"ours": ours, "theirs": theirs, "ratio": ours / theirs}
    return row


def child() -> None:
    """Build the workload, take the steps, report."""
    parser = argparse.ArgumentParser()
    parser.add_argument("module")
    parser.add_argument("workload")
    parser.add_argument("namespace", choices=NAMESPACES)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--start", type=float, required=True)
    options = parser.parse_args()
    namespace = importlib.import_module(options.namespace)
    build = importlib.import_module(options.module).PROCESSES[options.workload]
    step = build(namespace)
    step()
    first = time.time() - options.start
    for _ in range(options.steps - 1):
        step()
    print(json.dumps({"first_step": first, "peak_mb": peak_kilobytes() / 1024}))


def peak_kilobytes() -> int:
    """The most memory this process has held. (`ru_maxrss` starts at what its parent had.)"""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(row for row in status.read_text().splitlines() if row.startswith("VmHWM"))
        return int(line.split()[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    child()
