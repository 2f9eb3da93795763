"""Compiled convolution, pooling and recurrence: the same bits whatever the number of threads."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tinygrad_lite.kernels import _jit

SCRIPT = """
import hashlib
import numpy as np
from tinygrad_lite.kernels import conv, pool, recurrent

conv._WORTH_LOADING = conv._WORTH_CALLING = 1
pool._WORTH_LOADING = pool._WORTH_CALLING = 1
recurrent._WORTH_LOADING = recurrent._WORTH_CALLING = 1
rng = np.random.default_rng(0)
draw = lambda *shape: rng.standard_normal(shape).astype(np.float32)
x, w = draw(9, 6, 15, 15), draw(10, 6, 3, 3)
how = {"stride": (1, 1), "padding": ((1, 1), (1, 1)), "dilation": (1, 1), "groups": 1}
y = conv.conv_forward(x, w, **how)
results = [y, conv.conv_input_grad(y, w, input_shape=x.shape, **how)]
results.append(conv.conv_weight_grad(y, x, weight_shape=w.shape, **how))
windows = {"kernel": (2, 2), "stride": (2, 2), "padding": (0, 0), "dilation": (1, 1)}
values, where = pool.max_pool_forward(y, **windows)
results += [values, where, pool.max_pool_backward(values, where, input_shape=y.shape, dims=2)]
args = [draw(4, 20, 8), draw(20, 24), draw(20, 24), draw(96, 8), draw(96, 24), draw(96), draw(96)]
*outputs, residuals = recurrent.lstm_forward(*args)
results += [*outputs, *recurrent.lstm_backward(*outputs, *args[:5], residuals)]
digest = hashlib.sha256()
for array in results:
    digest.update(np.ascontiguousarray(array).tobytes())
print(digest.hexdigest())
"""


@pytest.mark.skipif(not _jit.enabled(), reason="numba is off")
def test_same_bits_on_one_two_and_four_threads():
    digests = set()
    for count in ("1", "2", "4"):
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env={**os.environ, "NUMBA_NUM_THREADS": count},
            capture_output=True,
            text=True,
            check=True,
        )
        digests.add(done.stdout.strip())
    assert len(digests) == 1
