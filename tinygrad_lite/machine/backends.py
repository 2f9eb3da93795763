"""`torch.backends`: switches that scripts set, kept and read back; nothing depends on them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from types import SimpleNamespace
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


class _Flagged(_Switches):
    """Switches that are also set many at a time, and for the time of a `with`."""

    def version(self) -> None:
        """None: there is no such library."""

    def set_flags(self, *values: Any, **flags: Any) -> tuple[Any, ...]:
        """Set those that are not None (by order, or by name as `_name`); gives all values before.

        TypeError for an unknown name.
        """
        names = [name for name in self.__dict__ if name[0] != "_"]
        before = tuple(self.__dict__[name] for name in names)
        given = dict(zip(names, values, strict=False))
        given.update((name.removeprefix("_"), value) for name, value in flags.items())
        for name, value in given.items():
            if name not in names:
                raise TypeError(f"set_flags() got an unexpected keyword argument {name!r}")
            if value is not None:
                self.__dict__[name] = value
        return before

    @contextlib.contextmanager
    def flags(self, *values: Any, **flags: Any) -> Iterator[None]:
        """Set inside, as before outside; `enabled` is False unless given, as in PyTorch."""
        before = self.set_flags(False)
        self.set_flags(*values, **flags)
        try:
            yield
        finally:
            self.set_flags(*before)


class _Einsum(_Flagged):
    def get_opt_einsum(self) -> None:
        """None: the order of the products is chosen here."""


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


class _Mps(_Switches):
    def is_macos_or_newer(self, major: int, minor: int) -> bool:
        """False: nothing here asks for the system."""
        return False


cuda = _Cuda(
    "cuda",
    matmul=_Switches(
        "cuda.matmul",
        allow_tf32=False,
        allow_fp16_reduced_precision_reduction=True,
        allow_bf16_reduced_precision_reduction=True,
    ),
)
cudnn = _Flagged(
    "cudnn",
    enabled=False,
    deterministic=False,
    benchmark=False,
    benchmark_limit=10,
    allow_tf32=True,
)
mps = _Mps("mps")
mkl = _Switches("mkl")
cpu = SimpleNamespace(get_cpu_capability=lambda: "DEFAULT")
mkldnn = _Flagged("mkldnn", enabled=False, deterministic=False, allow_tf32=True)
openmp = _Switches("openmp")
opt_einsum = _Einsum("opt_einsum", enabled=False, strategy=None)
