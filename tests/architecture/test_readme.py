"""README.md and docs/: the Python in them runs and prints what they say; the commands are two."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.layers import ROOT

README = (ROOT / "README.md").read_text()
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)


CASES = [
    pytest.param(block, id=f"{page.relative_to(ROOT)}:{i}")
    for page in PAGES
    for i, block in enumerate(blocks(page))
]


@pytest.mark.parametrize("block", CASES)
def test_code_runs_and_prints_what_its_comments_say(block: str) -> None:
    done = subprocess.run([sys.executable, "-c", block], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    # print(x)  # what it prints; a long call may end in a line of its own: )  # what it prints
    said = re.findall(r"^ *(?:print\(.*)?\)  # (.*)$", block, re.MULTILINE)
    assert done.stdout.splitlines() == said


def test_two_commands() -> None:
    """One installs and does the main job, one installs and passes the tests; .ci/run reads them."""
    commands = re.findall(r"^pip install .* && .*$", README, re.MULTILINE)
    assert len(commands) == 2
    assert "python examples/mnist.py" in commands[0]
    assert "pytest" in commands[1]
    assert not any("oracle" in command or "torch" in command for command in commands)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), target
