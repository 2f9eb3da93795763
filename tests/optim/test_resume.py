"""Stopped, saved, loaded in a new process and continued: the same bits as never stopped."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import hashlib, sys
import tinygrad_lite as torch
from tinygrad_lite import nn

kind, first, last, file, load = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:]
torch.manual_seed(3)
data = torch.randn(60, 8)
target = torch.randint(0, 3, (60,))
model = nn.Sequential(nn.Linear(8, 80), nn.BatchNorm1d(80), nn.ReLU(), nn.Dropout(0.3),
                      nn.Linear(80, 80), nn.ReLU(), nn.Linear(80, 3))
if kind == "Lookahead":
    optimizer = torch.optim.Lookahead(torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9))
else:
    optimizer = getattr(torch.optim, kind)(model.parameters(), lr=0.01)
parts = [torch.optim.lr_scheduler.LinearLR(optimizer, 0.1, total_iters=7),
         torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=30)]
scheduler = torch.optim.lr_scheduler.SequentialLR(optimizer, parts, milestones=[7])
order, position = torch.randperm(60), 0
if load == "load":
    saved = torch.load(file)
    model.load_state_dict(saved["model"])
    optimizer.load_state_dict(saved["optimizer"])
    scheduler.load_state_dict(saved["scheduler"])
    torch.set_rng_state(saved["random"])
    order, position = saved["order"], saved["position"]
loss_function = nn.CrossEntropyLoss()
for step in range(first, last):
    if position == 60:
        order, position = torch.randperm(60), 0
    rows = order[position : position + 20]
    position += 20
    optimizer.zero_grad()
    loss = loss_function(model(data[rows]), target[rows])
    loss.backward()
    optimizer.step()
    scheduler.step()
torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(),
            "scheduler": scheduler.state_dict(), "random": torch.get_rng_state(),
            "order": order, "position": position}, file)
digest = hashlib.sha256()
for value in model.state_dict().values():
    digest.update(value.numpy().tobytes())
sys.stdout.write(digest.hexdigest())
"""


def run(*arguments: object) -> str:
    command = [sys.executable, "-c", SCRIPT, *map(str, arguments)]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=root)
    return done.stdout


@pytest.mark.parametrize("kind", ["SGD", "AdamW", "NAdam", "Lookahead"])
def test_in_a_new_process(kind: str, tmp_path: Path) -> None:
    whole = run(kind, 0, 20, tmp_path / "whole.pt", "no")
    half = run(kind, 0, 10, tmp_path / "half.pt", "no")
    rest = run(kind, 10, 20, tmp_path / "half.pt", "load")
    assert whole != half
    assert rest == whole
