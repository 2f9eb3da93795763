"""One pool for all: counts, Python threads, forks, layers; nothing crashes, no result changes."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from tinygrad_lite.kernels import _blas, _threads
from tinygrad_lite.kernels import matmul as mm
from tinygrad_lite.kernels import softmax as sm
from tinygrad_lite.kernels._jit import enabled

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(not enabled(), reason="numba is off")


@pytest.fixture
def counts():
    before = dict(_threads._state)
    blas = _blas.get_num_threads()
    yield
    _threads._state.update(before)
    _threads._seen.__dict__.clear()
    _blas.set_num_threads(blas)


WORK = """
import hashlib
import numpy as np
from tinygrad_lite.kernels import (
    activations, attention, conv, matmul, normalize, pool, random, recurrent, reduce, scatter,
    softmax, updates,
)
for room in (conv, pool, recurrent):
    room._WORTH_LOADING = room._WORTH_CALLING = 1
rng = np.random.default_rng(0)
draw = lambda *shape: rng.normal(size=shape).astype(np.float32)
x, w, q = draw(300, 256), draw(256), draw(6, 100, 32)
images, filters = draw(9, 6, 15, 15), draw(10, 6, 3, 3)
how = {"stride": (1, 1), "padding": ((1, 1), (1, 1)), "dilation": (1, 1), "groups": 1}
windows = {"kernel": (2, 2), "stride": (2, 2), "padding": (0, 0), "dilation": (1, 1)}
lstm = [draw(4, 20, 8), draw(20, 24), draw(20, 24), draw(96, 8), draw(96, 24), draw(96), draw(96)]

def rows():
    y, saved = attention.attention(q, q, q, causal=True)
    _, mean, rstd = normalize.layer_norm(x, w, w, 1, 1e-5)
    return [
        activations.gelu(x), matmul.matmul(x.T, x), softmax.softmax(x), y,
        *attention.attention_backward(y, q, q, q, y, saved, causal=True),
        *normalize.layer_norm_backward(x, x, w, mean, rstd, 1, (True, True, True)),
        *normalize.batch_norm(x, w, w, 1e-5), random.dropout(x, 0.5, 7),
        reduce.total(np.tile(x, (4, 1)), 0), reduce.total(x, 1), reduce.total(x),
        scatter.add_rows(x, np.arange(300) % 7, 7),
    ]

def images_and_sequences():
    y = conv.conv_forward(images, filters, **how)
    values, where = pool.max_pool_forward(y, **windows)
    *outputs, residuals = recurrent.lstm_forward(*lstm)
    return [
        y, conv.conv_input_grad(y, filters, input_shape=images.shape, **how),
        conv.conv_weight_grad(y, images, weight_shape=filters.shape, **how), values, where,
        pool.max_pool_backward(values, where, input_shape=y.shape, dims=2),
        *outputs, *recurrent.lstm_backward(*outputs, *lstm[:5], residuals),
    ]

def step():
    rule = updates.RULES["sgd_momentum"]
    arrays = [x.copy(), x, np.ones_like(x)]
    table = np.array([[id(a)] for a in arrays])
    constants = np.full((1, rule.sweep.names["WIDTH"]), 0.5, np.float32)
    rule.run(table, np.array([0, x.size]), constants)
    return [arrays[0], arrays[2]]

def work():
    results = rows() + images_and_sequences() + step()
    return hashlib.sha1(b"".join(np.ascontiguousarray(r).tobytes() for r in results)).hexdigest()
"""


def run(script: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", WORK + script],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def expected() -> str:
    return run("print(work())")


@pytest.mark.parametrize("count", ["1", "2", "4"])
def test_the_number_of_threads_changes_no_bit(count, expected):
    assert run("print(work())", NUMBA_NUM_THREADS=count) == expected


@pytest.mark.parametrize("layer", ["omp", "tbb", "workqueue"])
def test_every_layer_that_is_installed(layer, expected):
    script = """
try:
    print(work())
except ValueError as error:
    print("no layer" if "threading layer" in str(error) else error)
"""
    assert run(script, NUMBA_THREADING_LAYER=layer) in (expected, "no layer")


def test_set_num_threads(counts):
    x = np.random.default_rng(0).normal(size=(300, 200)).astype(np.float32)
    many = sm.softmax(x)
    _threads.set_num_threads(1)
    assert _threads.get_num_threads() == _blas.get_num_threads() == 1
    np.testing.assert_array_equal(sm.softmax(x), many)
    for bad in (0, -1, 1.5, True):
        with pytest.raises(RuntimeError, match="positive integer"):
            _threads.set_num_threads(bad)


def test_more_threads_than_cores(expected):
    script = """
from tinygrad_lite.kernels import _threads
_threads.set_num_threads(4)
print(work())
assert _threads.get_num_threads() == 4
"""
    assert run(script) == expected


@pytest.mark.parametrize("layer", ["omp", "workqueue"])
def test_two_python_threads_with_every_kernel(layer, expected):
    script = """
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(2) as pool_of_two:
    print(*set(pool_of_two.map(lambda _: work(), range(6))))
"""
    assert run(script, NUMBA_THREADING_LAYER=layer) == expected


def test_half_the_vector_width():
    """Kernels for a processor with AVX2 only; sums are then added up in another order."""
    pytest.importorskip("llvmlite")
    import llvmlite.binding as llvm

    features = llvm.get_host_cpu_features()
    if not (features.get("avx2") and features.get("fma")):
        pytest.skip("no AVX2 here")
    script = """
import math
product = matmul.matmul(x.T, x)
assert np.abs(product - x.T.astype("d") @ x).max() < 1e-3
exact = np.array([v * math.erfc(-v / math.sqrt(2)) / 2 for v in x.ravel().tolist()])
y = activations.gelu(x).ravel()
assert (np.abs(y - exact) <= 2 * np.spacing(np.abs(y))).all()
e = np.exp(x.astype("d"))
assert np.abs(softmax.softmax(x) - e / e.sum(1, keepdims=True)).max() < 1e-7
code = activations.gelu.loop.compiled
assert "zmm" not in "".join(code.inspect_asm().values())
print("agree")
"""
    only = ",".join(
        ("+" if on and not name.startswith(("avx512", "amx", "avx10", "evex512")) else "-") + name
        for name, on in features.items()
    )
    assert run(script, NUMBA_CPU_NAME="haswell", NUMBA_CPU_FEATURES=only) == "agree"


def test_several_python_threads_at_once():
    rng = np.random.default_rng(0)
    inputs = [rng.normal(size=(200, 150)).astype(np.float32) for _ in range(4)]
    want = [mm.matmul(x.T, sm.softmax(x)) for x in inputs]
    wrong: list[int] = []

    def work(i: int) -> None:
        for _ in range(50):
            got = mm.matmul(inputs[i].T, sm.softmax(inputs[i]))
            if not np.array_equal(got, want[i]):
                wrong.append(i)

    workers = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not wrong


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.parametrize("layer", ["omp", "workqueue"])
def test_fork_after_a_parallel_kernel(layer, expected):
    script = """
import os, sys
first = work()
child = os.fork()
if child == 0:
    from tinygrad_lite.kernels import _threads
    os._exit(0 if work() == first and _threads.get_num_threads() == 1 else 3)
_, status = os.waitpid(child, 0)
assert os.waitstatus_to_exitcode(status) == 0, status
print(work())
"""
    assert run(script, NUMBA_THREADING_LAYER=layer) == expected


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_fork_before_any_kernel(expected):
    script = """
import os
read, write = os.pipe()
child = os.fork()
if child == 0:
    os.write(write, work().encode())
    os._exit(0)
os.waitpid(child, 0)
print(os.read(read, 100).decode())
"""
    assert run(script) == expected


def test_blas_and_kernels_in_turn(expected):
    script = """
a = np.ones((400, 400), np.float32)
for _ in range(5):
    a @ a
    np.linalg.inv(np.eye(200))
    first = work()
print(first)
"""
    assert run(script) == expected


def test_threads_that_wait_soon_give_up_their_core():
    code = "import numpy as np, os; from tinygrad_lite.kernels import elementwise; "
    code += "elementwise.tanh(np.ones(100_000)); print('GOMP_SPINCOUNT' in os.environ)"
    environment = {**os.environ, "OMP_DISPLAY_ENV": "VERBOSE"}
    for name in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY", "NUMBA_THREADING_LAYER"):
        environment.pop(name, None)
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"  # of the user's environment nothing is left changed
    if "GOMP_" in done.stderr:  # GNU's OpenMP is there
        assert "GOMP_SPINCOUNT = '3000'" in done.stderr
