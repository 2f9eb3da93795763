"""Rooms under the paths by which scripts import them."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

from tinygrad_lite import version

PATHS = (
    "accelerator", "amp", "autograd", "autograd.functional", "backends", "backends.cudnn",
    "backends.mps", "cuda", "cuda.amp", "distributed", "distributions", "func", "jit", "linalg",
    "multiprocessing", "nn.attention", "nn.functional", "nn.init", "nn.modules.batchnorm",
    "nn.modules.utils", "nn.parallel", "nn.parallel.data_parallel", "nn.parallel.distributed",
    "nn.parallel.scatter_gather", "nn.utils.rnn", "onnx", "optim.lr_scheduler",
    "optim.adamw", "optim.swa_utils", "autograd.anomaly_mode", "functional",
    "profiler", "random", "sparse", "special", "utils.checkpoint",
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


def test_flags_of_a_backend_return_when_the_block_ends() -> None:
    import tinygrad_lite as tl

    for backend in (tl.backends.cudnn, tl.backends.mkldnn, tl.backends.opt_einsum):
        assert not backend.enabled
        with backend.flags(enabled=True):
            assert backend.enabled
        assert not backend.enabled
        with pytest.raises(TypeError, match="speed"):
            backend.set_flags(_speed=1)
    assert tl.backends.cudnn.set_flags(_benchmark=True)[2] is False
    assert tl.backends.cudnn.benchmark
    tl.backends.cudnn.set_flags(_benchmark=False)
    assert tl.backends.cudnn.version() is None
    assert tl.backends.opt_einsum.get_opt_einsum() is None


UNEDITED = """
import sys, types
import tinygrad_lite
if {copied}:
    face = types.ModuleType("torch")
    face.__dict__.update(vars(tinygrad_lite))
else:
    face = tinygrad_lite
sys.modules["torch"] = face
import torch, torch.nn as nn, torch.nn.functional as F, torch.optim as optim
import torch.backends.cudnn as cudnn
import torch.multiprocessing as mp
from torch import Tensor, nn as again
from torch.cuda.amp import GradScaler
from torch.functional import einsum
from torch.nn.modules.fold import Unfold
from torch.nn.utils.rnn import pad_sequence
from torch.optim.adamw import AdamW
from torch.optim.lr_scheduler import StepLR
from torch.utils.data import DataLoader
import torch.distributions as D
from torch.torch_version import TorchVersion
assert torch.__version__ >= (2, 2) and torch.__version__ > "1.9" and torch.__version__ < "10"
assert torch.__version__ == TorchVersion("2.13") != "2.1" and not torch.__version__ <= "2.9.1"
assert torch.__version__.split(".")[0] == "2" and tinygrad_lite.version.__version__[0] == "0"
assert nn is again is tinygrad_lite.nn and F is nn.functional and optim is tinygrad_lite.optim
assert isinstance(nn.Linear(1, 1), tinygrad_lite.nn.Module)
assert Tensor is tinygrad_lite.Tensor and einsum is tinygrad_lite.einsum
assert DataLoader is tinygrad_lite.utils.data.DataLoader and D is tinygrad_lite.distributions
assert cudnn is tinygrad_lite.backends.cudnn and AdamW is optim.AdamW and Unfold is nn.Unfold
for missing in ("torch.nope", "torch.nn.nope.deeper"):
    try:
        __import__(missing)
    except ModuleNotFoundError as error:
        assert "nope" in str(error), error
    else:
        raise AssertionError(missing)
"""


@pytest.mark.parametrize("copied", [False, True])
def test_under_the_name_torch_nothing_is_loaded_twice(copied: bool) -> None:
    """One line makes `import torch...` this package; a copy of its namespace does as well."""
    script = UNEDITED.replace("{copied}", str(copied))
    subprocess.run([sys.executable, "-c", script], check=True)


def test_the_version_is_the_package_s_own_under_its_own_name() -> None:
    script = "import tinygrad_lite as torch; print(torch.__version__)"
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == version.__version__


def test_gradients_of_convolutions_need_no_import_of_their_own() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import tinygrad_lite as t; print(t.nn.grad.conv2d_input)"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "conv2d_input" in done.stdout, done.stderr
