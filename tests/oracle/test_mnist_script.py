"""examples/mnist.py is a PyTorch script: with the imports changed back it runs there unchanged."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")


def test_the_script_runs_on_pytorch(tmp_path: Path) -> None:
    ours = (Path(__file__).parents[2] / "examples" / "mnist.py").read_text()
    theirs = ours.replace("import tinygrad_lite as torch", "import torch")
    theirs = re.sub(r"^from tinygrad_lite\b", "from torch", theirs, flags=re.MULTILINE)
    imports = [line for line in theirs.splitlines() if re.match(r"(import|from) ", line)]
    assert not any("tinygrad_lite" in line for line in imports)
    (tmp_path / "mnist.py").write_text(theirs)
    done = subprocess.run(
        [sys.executable, "mnist.py", "--digits"],
        cwd=tmp_path, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert float(done.stdout.rsplit("test accuracy:", 1)[1]) >= 0.96
