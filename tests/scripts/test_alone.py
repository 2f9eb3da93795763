"""The scripts of this folder under tinygrad_lite alone: PyTorch is neither needed nor loaded."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.scripts.runner import FOLDER, load, torch_is_tinygrad_lite

SCRIPTS = ["char_transformer", "conv_net", "lstm_tagger", "policy_gradient", "vae"]


@pytest.mark.parametrize("name", SCRIPTS)
def test_trains(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with torch_is_tinygrad_lite():
        script = load(FOLDER / f"{name}.py", f"{name}_alone")
        assert script.torch.__name__ == "tinygrad_lite"
        losses = script.train(script.build())
    assert len(losses) >= 20
    assert all(loss == loss for loss in losses)
    if name != "policy_gradient":  # whose loss is no measure of success
        assert sum(losses[15:20]) < sum(losses[:5])
    assert capsys.readouterr().out


def test_as_a_program_without_pytorch() -> None:
    """`python -m tests.scripts.runner SCRIPT`, in a process where importing PyTorch would fail."""
    program = (
        "import sys, importlib.abc\n"
        "class Forbid(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        assert name.partition('.')[0] != 'torch', name\n"
        "sys.meta_path.insert(0, Forbid())\n"
        "from tests.scripts import runner\n"
        "runner.main(sys.argv[1:])\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program, FOLDER / "policy_gradient.py"],
        cwd=FOLDER.parents[1], capture_output=True, text=True, timeout=120,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Episode 20" in done.stdout


def test_a_room_that_does_not_exist_is_said_to_be_missing() -> None:
    before = dict(sys.modules)
    with torch_is_tinygrad_lite():
        import torch.nn.functional as F  # the name is the point
        from torch import optim
        from torch.utils.data import DataLoader

        assert {m.__name__.partition(".")[0] for m in (F, optim)} == {"tinygrad_lite"}
        assert DataLoader.__module__.startswith("tinygrad_lite")
        with pytest.raises(ModuleNotFoundError, match=r"torch\.quantum"):
            import torch.quantum  # noqa: F401
    names = {name for name in sys.modules if name.partition(".")[0] == "torch"}
    assert names == {name for name in before if name.partition(".")[0] == "torch"}
