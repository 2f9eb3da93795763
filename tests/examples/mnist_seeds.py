"""The acceptance run of examples/mnist.py: several seeds, ten epochs, then ten after restoring.

    python -m tests.examples.mnist_seeds [--seeds 5] [--data DIR]

Each half is a process of its own, so that the second one has nothing but the saved file. Prints
every run, and exits non-zero unless the mean after ten epochs is at least 0.9479 and after twenty
at least 0.9640, with every run in 0.946 to 0.952 and in 0.962 to 0.968.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "examples" / "mnist.py"
BANDS = {10: (0.9479, 0.946, 0.952), 20: (0.9640, 0.962, 0.968)}  # least mean, least, greatest


def curve(*arguments: str) -> list[float]:
    """The test accuracies that one process of the example prints, one an epoch."""
    command = [sys.executable, str(SCRIPT), *arguments]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return [float(x) for x in re.findall(r"^epoch .* test (\S+)", done.stdout, re.MULTILINE)]


def main() -> int:
    """Run the seeds and judge them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--data", default=os.environ.get("TINYGRAD_LITE_DATA"))
    options = parser.parse_args()
    if not options.data:
        parser.error("the full MNIST is needed: --data or TINYGRAD_LITE_DATA")
    after: dict[int, list[float]] = {10: [], 20: []}
    for seed in range(options.seeds):
        with tempfile.TemporaryDirectory() as out:
            base = ("--data", options.data, "--out", out, "--seed", str(seed), "--epochs", "10")
            first, second = curve(*base), curve(*base, "--restore")
        after[10].append(first[-1])
        after[20].append(second[-1])
        print(f"seed {seed}:", *(f"{x:.4f}" for x in first), "|", *(f"{x:.4f}" for x in second))
    good = True
    for epochs, (mean_wanted, least, greatest) in BANDS.items():
        runs = after[epochs]
        mean = sum(runs) / len(runs)
        fits = mean >= mean_wanted and all(least <= x <= greatest for x in runs)
        good &= fits
        print(
            f"after {epochs}: mean {mean:.4f} (>= {mean_wanted}), least {min(runs):.4f}, "
            f"greatest {max(runs):.4f} ({least} to {greatest}): {'yes' if fits else 'NO'}"
        )
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
