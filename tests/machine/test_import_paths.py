"""Rooms under the paths by which scripts import them."""

from __future__ import annotations

import importlib

import pytest

PATHS = (
    "accelerator", "amp", "autograd", "autograd.functional", "backends", "backends.cudnn",
    "backends.mps", "cuda", "cuda.amp", "distributed", "distributions", "func", "jit", "linalg",
    "multiprocessing", "nn.attention", "nn.functional", "nn.init", "nn.modules.batchnorm",
    "nn.modules.utils", "nn.parallel", "nn.utils.rnn", "onnx", "optim.lr_scheduler",
    "optim.swa_utils", "profiler", "random", "sparse", "special", "utils.checkpoint",
    "utils.data", "utils.data.distributed",
)  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_importable(path: str) -> None:
    assert importlib.import_module(f"tinygrad_lite.{path}") is not None


def test_as_scripts_write_it() -> None:
    import tinygrad_lite as tl
    import tinygrad_lite.backends.cudnn as cudnn
    import tinygrad_lite.multiprocessing as mp
    from tinygrad_lite.cuda.amp import GradScaler
    from tinygrad_lite.nn.modules.conv import _ConvNd
    from tinygrad_lite.nn.modules.utils import _pair, _reverse_repeat_tuple

    assert cudnn is tl.backends.cudnn
    assert mp.spawn is tl.multiprocessing.spawn
    assert GradScaler is tl.amp.GradScaler
    assert isinstance(tl.nn.Conv2d(1, 1, 1), _ConvNd)
    assert _pair(3) == (3, 3)
    assert _pair([1, 2]) == (1, 2)
    assert _reverse_repeat_tuple((1, 2), 2) == (2, 2, 1, 1)


def test_one_implementation_of_attention() -> None:
    import tinygrad_lite as tl
    from tinygrad_lite.nn.attention import SDPBackend, sdpa_kernel

    assert tl.nn.attention.SDPBackend is SDPBackend
    q = tl.randn(1, 2, 3, 4)
    plain = tl.nn.functional.scaled_dot_product_attention(q, q, q)
    with sdpa_kernel([SDPBackend.MATH, SDPBackend.FLASH_ATTENTION]):
        assert tl.equal(tl.nn.functional.scaled_dot_product_attention(q, q, q), plain)
    with pytest.raises(AssertionError, match="must be an instance of SDPBackend"), sdpa_kernel("x"):
        pass
