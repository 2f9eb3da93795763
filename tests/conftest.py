"""What holds for every test: Hypothesis profiles, and global state sealed after each test.

TINYGRAD_LITE_PROFILE picks how many inputs are drawn: `ci` (the default), `dev`, or `thorough` for
a night's run.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

if "PYTEST_XDIST_WORKER" in os.environ:
    # One process a core already: BLAS threads on top would only take turns. Before NumPy loads.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

# No deadline: the first call of a kernel compiles it. Derandomized: the same examples every run,
# and a failure prints the line that reproduces it.
COMMON = {
    "deadline": None,
    "derandomize": True,
    "print_blob": True,
    "suppress_health_check": [HealthCheck.too_slow],
}
settings.register_profile("ci", max_examples=25, **COMMON)
settings.register_profile("dev", max_examples=100, **COMMON)
settings.register_profile("thorough", max_examples=1000, **(COMMON | {"derandomize": False}))
settings.load_profile(os.environ.get("TINYGRAD_LITE_PROFILE", "ci"))


@pytest.fixture(autouse=True)
def sealed(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every test starts from seed 0, a generator RNG of its file too, whatever ran before it; and
    none may leave the default dtype or the mode changed."""
    np.random.seed(0)
    generator = getattr(request.module, "RNG", None)
    if isinstance(generator, np.random.Generator):
        generator.bit_generator.state = np.random.default_rng(0).bit_generator.state
    package = sys.modules.get("tinygrad_lite")
    if package is None or not hasattr(package, "manual_seed"):
        yield
        return
    package.manual_seed(0)
    dtype, mode = package.get_default_dtype(), package.is_grad_enabled()
    yield
    left = package.get_default_dtype(), package.is_grad_enabled()
    package.set_default_dtype(dtype)
    package.set_grad_enabled(mode)
    overrides = sys.modules.get("tinygrad_lite.machine.overrides")
    if overrides is not None:  # a test made a class from Tensor: functions no longer ask it
        overrides.end()
    assert left == (dtype, mode), f"the test left (default dtype, grad mode) at {left}"
