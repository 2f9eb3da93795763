"""examples/mnist.py next to PyTorch: the same script, and step by step the same training."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

SCRIPT = Path(__file__).parents[2] / "examples" / "mnist.py"


@pytest.fixture(scope="module")
def pytorch_script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example with its imports changed back."""
    theirs = SCRIPT.read_text().replace("import tinygrad_lite as torch", "import torch")
    theirs = re.sub(r"^from tinygrad_lite\b", "from torch", theirs, flags=re.MULTILINE)
    imports = [line for line in theirs.splitlines() if re.match(r"(import|from) ", line)]
    assert not any("tinygrad_lite" in line for line in imports)
    path = tmp_path_factory.mktemp("pytorch") / "mnist_pytorch.py"
    path.write_text(theirs)
    return path


def load(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_script_runs_on_pytorch(pytorch_script: Path) -> None:
    done = subprocess.run(
        [sys.executable, pytorch_script, "--digits", "--epochs", "5"],
        cwd=pytorch_script.parent, capture_output=True, text=True, timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert float(done.stdout.rsplit("test accuracy:", 1)[1]) >= 0.93


def test_same_weights_and_batches_same_curve(pytorch_script: Path) -> None:
    """Five epochs on the digits: losses agree to 1e-4, test accuracies to one image in 360."""
    ours, theirs = load(SCRIPT), load(pytorch_script)
    data = ours.digits()
    ours.torch.manual_seed(0)
    model, twin = ours.network(64), theirs.network(64)
    twin.load_state_dict(
        {name: torch.from_numpy(value.numpy().copy()) for name, value in model.state_dict().items()}
    )
    rng = np.random.default_rng(0)
    optimizers = [
        script.torch.optim.SGD(m.parameters(), lr=data.rate)
        for script, m in ((ours, model), (theirs, twin))
    ]
    for _ in range(5):
        order = rng.permutation(len(data.train[1]))
        batches = [order[i : i + data.batch] for i in range(0, len(order), data.batch)]
        losses, accuracies = [], []
        for script, m, optimizer in zip((ours, theirs), (model, twin), optimizers, strict=True):
            tensor = script.torch.from_numpy
            pairs = [(tensor(data.train[0][b]), tensor(data.train[1][b])) for b in batches]
            losses.append(script.train_epoch(m, optimizer, pairs))
            accuracies.append(script.accuracy(m, *map(tensor, data.test)))
        assert losses[0] == pytest.approx(losses[1], rel=1e-4)
        assert accuracies[0] == pytest.approx(accuracies[1], abs=1.5 / len(data.test[1]))
