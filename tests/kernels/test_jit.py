"""numba on demand: names, digests, the list of what ran, the cache, switches."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite.kernels import _jit
from tinygrad_lite.kernels._jit import enabled, jit, kernels, prange, use_numba

ROOT = Path(__file__).parents[2]
needs_numba = pytest.mark.skipif(not enabled(), reason="numba is off")
needs_threads = pytest.mark.skipif(tl.get_num_threads() == 1, reason="there is one thread")
TWO = {"NUMBA_NUM_THREADS": "2"}  # with one, the parallel kernels that the scripts name do not run


@jit
def square(x):
    return x * x


@jit
def cube(x):
    return x * x * x


@jit(parallel=True)
def each(x, out):
    for i in prange(x.size):
        out[i] = square(x[i])


cubes = each.bind("cubes", square=cube)


def run(script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The script in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**os.environ, **TWO, **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@needs_numba
@needs_threads
def test_parallel_serial_and_bound():
    x = np.arange(1000.0)
    out = np.empty_like(x)
    each(x, out)
    np.testing.assert_array_equal(out, x * x)
    cubes(x, out)
    np.testing.assert_array_equal(out, x**3)
    each.serial(x, out)
    np.testing.assert_array_equal(out, x * x)
    rows = {row.kernel.rpartition(".")[2]: row for row in kernels()}
    assert rows["each"].how in ("cached", "compiled")
    assert rows["each_serial"].seconds > 0
    assert "each_cubes" in rows


@needs_threads
def test_kernels_at_the_top_level_lists_what_ran(capsys):
    from tinygrad_lite.kernels import elementwise

    assert tl.kernels is kernels
    if enabled():
        elementwise.tanh(np.ones(50_000, np.float32))
        rows = [row for row in tl.kernels() if row.kernel == "elementwise.map1_tanh"]
        single = [row for row in rows if "float32" in row.signature]
        assert single and all(row.how in ("cached", "compiled") for row in rows)
    print(tl.kernels())
    assert "seconds" in capsys.readouterr().out


def test_switched_off_a_kernel_is_plain_python():
    x = np.arange(5.0)
    out = np.empty_like(x)
    with use_numba(False):
        assert not enabled()
        each(x, out)
        cubes(x, out)
    np.testing.assert_array_equal(out, x**2)  # the names of its module


def test_import_loads_no_numba():
    done = run("import sys, tinygrad_lite; print('numba' in sys.modules)")
    assert done.stdout.strip() == "False", done.stderr


@pytest.mark.parametrize("variable", ["TINYGRAD_LITE_NUMBA=0", "NUMBA_DISABLE_JIT=1"])
def test_environment_switches_numba_off(variable):
    name, _, value = variable.partition("=")
    script = """
import numpy as np, sys
from tinygrad_lite.kernels import _jit, elementwise, matmul, softmax
x = np.linspace(-1, 1, 90000, dtype=np.float32)
assert not _jit.enabled()
elementwise.tanh(x); matmul.matmul(x.reshape(300, 300), x.reshape(300, 300))
softmax.softmax(x.reshape(300, 300))
assert all(run.how == "numpy" for run in _jit.kernels())
print("numba" in sys.modules)
"""
    done = run(script, **{name: value})
    assert done.stdout.strip() == "False", done.stderr


SLOW = """
import numpy as np
from tinygrad_lite.kernels import _jit, elementwise
_jit._compiling["seconds"] = 1.0
y = elementwise.tanh(np.ones(50000, np.float32))
assert y[0] > 0.7
print([run.how for run in _jit.runs if run.kernel == "elementwise.map1_tanh"])
"""


@needs_numba
def test_compiling_is_announced_once_and_kept(tmp_path):
    first = run(SLOW, NUMBA_CACHE_DIR=str(tmp_path))
    assert "compiled" in first.stdout, first.stderr
    assert first.stderr.count("tinygrad_lite: compiling kernels") == 1
    second = run(SLOW, NUMBA_CACHE_DIR=str(tmp_path))
    assert "cached" in second.stdout
    assert second.stderr == ""


@needs_numba
def test_the_process_that_compiles_adds_up_in_the_same_order(tmp_path):
    script = """
import hashlib
import numpy as np
from tinygrad_lite.kernels import normalize, softmax
x = np.random.default_rng(0).normal(size=(300, 257)).astype(np.float32)
w = x[0]
y, mean, rstd = normalize.layer_norm(x, w, w, 1, 1e-5)
back = normalize.layer_norm_backward(x, x, w, mean, rstd, 1, (True, True, True))
results = softmax.softmax(x), softmax.softmax_backward(x, x), y, *back
print(hashlib.sha1(b"".join(r.tobytes() for r in results)).hexdigest())
"""
    first, second = (run(script, NUMBA_CACHE_DIR=str(tmp_path)) for _ in range(2))
    assert first.stdout == second.stdout != "", first.stderr


@needs_numba
def test_two_processes_may_compile_at_once(tmp_path):
    environment = {**os.environ, **TWO, "NUMBA_CACHE_DIR": str(tmp_path)}
    both = [
        subprocess.Popen([sys.executable, "-c", SLOW], cwd=ROOT, env=environment, stdout=-1)
        for _ in range(2)
    ]
    for process in both:
        out, _ = process.communicate(timeout=300)
        assert process.returncode == 0
        assert b"c" in out
    assert "cached" in run(SLOW, NUMBA_CACHE_DIR=str(tmp_path)).stdout


@needs_numba
@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root writes everywhere")
def test_a_cache_folder_that_cannot_be_written(tmp_path):
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    done = run(SLOW, NUMBA_CACHE_DIR=str(tmp_path))
    assert done.returncode == 0, done.stderr


@needs_numba
def test_a_callee_in_another_file_is_part_of_the_name():
    from tinygrad_lite.kernels import _math, elementwise

    digest = _jit._digest(_math.__file__)
    assert any(digest in name for name in elementwise.tanh.loop._foreign())
