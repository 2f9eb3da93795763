"""While a pool runs, LAPACK has BLAS on one thread, and gives the others back."""

from __future__ import annotations

import numpy as np
import pytest

from tinygrad_lite.kernels import _blas, _threads, lapack


@pytest.mark.parametrize("running", [True, False])
def test_blas_gets_its_threads_back(monkeypatch: pytest.MonkeyPatch, running: bool) -> None:
    threads, seen = [4], []
    monkeypatch.setattr(_threads, "running", lambda: running)
    monkeypatch.setattr(_blas, "get_num_threads", lambda: threads[0])
    monkeypatch.setattr(_blas, "set_num_threads", lambda n: threads.__setitem__(0, n))

    def function(x: int, sign: int = 1) -> int:
        seen.append(threads[0])
        if x == 0:
            raise np.linalg.LinAlgError("singular")
        return x * sign

    alone = lapack._alone(function)
    assert alone(3, sign=-1) == -3
    with pytest.raises(np.linalg.LinAlgError):
        alone(0)
    assert seen == [1, 1] if running else [4, 4]
    assert threads == [4]


def test_a_factor() -> None:
    x = np.array([[4.0, 2.0], [2.0, 3.0]])
    np.testing.assert_array_equal(lapack.cholesky(x), np.linalg.cholesky(x))
