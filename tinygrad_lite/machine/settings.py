"""Global settings: threads, determinism, precision, default device, compilation."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any

from ..core import dtypes
from ..core.tensor import CPU, device, require_cpu
from ..kernels import _threads

_matmul_precision = "highest"
_deterministic = {"on": False, "warn_only": False}


def set_num_threads(n: int) -> None:
    """Let kernels and BLAS use `n` threads. RuntimeError unless it is a positive integer."""
    if isinstance(n, bool) or not isinstance(n, int):
        raise TypeError(f"set_num_threads expects an int, but got {type(n).__name__}")
    if n <= 0:
        raise RuntimeError("set_num_threads expects a positive integer")
    _threads.set_num_threads(n)


def get_num_threads() -> int:
    """How many threads kernels and BLAS use."""
    return _threads.get_num_threads()


def set_num_interop_threads(n: int) -> None:
    """Accepted: ops run one after the other, so nothing runs beside them."""
    if n <= 0:
        raise RuntimeError("Expected number of threads to be greater than 0")


def get_num_interop_threads() -> int:
    """1."""
    return 1


def set_float32_matmul_precision(precision: str) -> None:
    """Accepted: products are always computed in full float32."""
    global _matmul_precision
    if precision not in ("highest", "high", "medium"):
        raise RuntimeError(f"{precision} is not one of 'highest', 'high', 'medium'")
    _matmul_precision = precision


def get_float32_matmul_precision() -> str:
    """What was last set."""
    return _matmul_precision


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Accepted: every op here gives the same result every time."""
    _deterministic.update(on=bool(mode), warn_only=bool(warn_only))


def are_deterministic_algorithms_enabled() -> bool:
    """What was last set."""
    return _deterministic["on"]


def is_deterministic_algorithms_warn_only_enabled() -> bool:
    """What was last set."""
    return _deterministic["warn_only"]


def set_default_device(where: Any) -> None:
    """RuntimeError for anything but the CPU."""
    require_cpu(where)


def get_default_device() -> device:
    """The CPU."""
    return CPU


def set_default_tensor_type(t: Any) -> None:
    """Set the default dtype by the name or class of a legacy tensor type, e.g. DoubleTensor."""
    name = t if isinstance(t, str) else getattr(t, "__name__", str(t))
    kinds = {"FloatTensor": dtypes.float32, "DoubleTensor": dtypes.float64}
    kinds["HalfTensor"] = dtypes.float16
    short = name.rsplit(".", 1)[-1]
    if "cuda" in name or short not in kinds:
        raise TypeError(
            f"only CPU floating-point types are supported as the default type, got {name}"
        )
    dtypes.set_default_dtype(kinds[short])


def set_flush_denormal(mode: bool) -> bool:
    """False: denormals are kept."""
    return False


def compile(
    model: Callable[..., Any] | None = None,
    *,
    fullgraph: bool = False,
    dynamic: bool | None = None,
    backend: Any = "inductor",
    mode: str | None = None,
    options: Any = None,
    disable: bool = False,
) -> Any:
    """`model` itself (or, without it, a decorator that returns its function): nothing is compiled.

    Warns once, unless `disable`.
    """
    if not disable:
        _say_once(
            "compile() returns the function unchanged: tinygrad_lite has no compiler "
            "yet, so it runs "
            "as before"
        )
    return (lambda function: function) if model is None else model


@functools.cache
def _say_once(message: str) -> None:
    warnings.warn(message, UserWarning, stacklevel=3)
