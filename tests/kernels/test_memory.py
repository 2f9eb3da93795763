"""Freed memory is used again instead of being given back."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

SCRIPT = """
import resource
import numpy as np
from tinygrad_lite.kernels._memory import keep_freed_memory

print(keep_freed_memory())
def touch():
    a, b = np.ones(4_000_000, np.float32), np.ones(4_000_000, np.float32)
for _ in range(3):
    touch()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    touch()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def run(**settings: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="a setting of glibc")
def test_arrays_get_pages_that_were_touched_before():
    kept, faults = run(TINYGRAD_LITE_KEEP_MEMORY="1")
    assert kept == "True"
    assert int(faults) < 100


def test_it_can_be_switched_off():
    assert run(TINYGRAD_LITE_KEEP_MEMORY="0")[0] == "False"
