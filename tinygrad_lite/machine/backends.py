"""`torch.backends`: switches that scripts set, kept and read back; nothing depends on them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any


class _Switches:
    """Attributes with PyTorch's defaults; setting an unknown one raises AttributeError."""

    def __init__(self, name: str, available: bool = False, **switches: Any) -> None:
        self.__dict__.update(_name=name, _available=available, **switches)

    def is_available(self) -> bool:
        """Whether the backend is in use."""
        return self._available  # type: ignore[attr-defined]

    is_built = is_available

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in self.__dict__:
            raise AttributeError(f"backends.{self.__dict__['_name']} has no switch {name!r}")
        self.__dict__[name] = value


class _Cuda(_Switches):
    def flash_sdp_enabled(self) -> bool:
        """False."""
        return False

    def enable_flash_sdp(self, enabled: bool) -> None:
        """Accepted; there is one implementation of attention."""

    @contextlib.contextmanager
    def sdp_kernel(self, *args: bool, **enabled: bool) -> Iterator[None]:
        """Accepted; there is one implementation of attention."""
        yield

    enable_mem_efficient_sdp = enable_math_sdp = enable_cudnn_sdp = enable_flash_sdp


cuda = _Cuda(
    "cuda",
    matmul=_Switches(
        "cuda.matmul",
        allow_tf32=False,
        allow_fp16_reduced_precision_reduction=True,
        allow_bf16_reduced_precision_reduction=True,
    ),
)
cudnn = _Switches(
    "cudnn",
    enabled=False,
    deterministic=False,
    benchmark=False,
    benchmark_limit=10,
    allow_tf32=True,
)
mps = _Switches("mps")
mkl = _Switches("mkl")
mkldnn = _Switches("mkldnn", enabled=False)
openmp = _Switches("openmp")
