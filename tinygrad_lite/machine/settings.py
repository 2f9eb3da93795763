"""Global settings: threads, determinism, precision, default device, compilation."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any

from ..core import dtypes
from ..core.determinism import chosen as _deterministic
from ..core.tensor import CPU, Tensor, device, require_cpu
from ..kernels import _threads

_matmul_precision = "highest"


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
    """Accepted: every op here gives the same result every time. `empty` then fills its memory,
    see `torch.utils.deterministic`."""
    for name, flag in (("'mode' (position 1)", mode), ("'warn_only'", warn_only)):
        if not isinstance(flag, bool):
            raise TypeError(
                f"_set_deterministic_algorithms(): argument {name} must be bool, not "
                f"{type(flag).__name__}"
            )
    _deterministic.update(on=mode, warn_only=warn_only)


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
    warnings.warn(
        "torch.set_default_tensor_type() is deprecated as of PyTorch 2.1, please use "
        "torch.set_default_dtype() and torch.set_default_device() as alternatives.",
        UserWarning,
        stacklevel=2,
    )
    name = t if isinstance(t, str) else getattr(t, "__name__", str(t))
    kinds = {"FloatTensor": dtypes.float32, "DoubleTensor": dtypes.float64}
    kinds["HalfTensor"] = dtypes.float16
    short = name.rsplit(".", 1)[-1]
    if "cuda" in name or short not in kinds:
        start = "" if short.endswith("Tensor") else "invalid type object: "
        raise TypeError(
            f"{start}only floating-point types are supported as the default type, got {name}"
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


def _assert(condition: Any, message: str) -> None:
    """AssertionError with the message unless `condition` holds."""
    if not isinstance(condition, bool):
        condition = bool(condition)
    assert condition, message


def _checker(name: str, error: type[Exception]) -> Callable[..., None]:
    def check(cond: Any, message: Callable[[], str] | None = None) -> None:
        if not isinstance(cond, bool):
            raise TypeError(f"cond must be a bool, but got {type(cond)}")
        if not cond:
            raise error(
                "Expected cond to be True, but got False." if message is None else str(message())
            )

    check.__name__ = name
    check.__doc__ = f"{error.__name__} with `message()` unless `cond`, a bool, holds."
    return check


def _check_tensor_all(cond: Any, message: Callable[[], Any] | None = None) -> None:
    """RuntimeError with `message()` unless all elements of `cond`, a Tensor of bools, hold."""
    if not isinstance(cond, Tensor):
        raise TypeError(f"cond must be a tensor, but got {type(cond)}")
    if cond.array.dtype != bool:
        raise TypeError(f"cond tensor must have dtype torch.bool, but got {cond.dtype}")
    _check(bool(cond.array.all()), message)


_check = _checker("_check", RuntimeError)
_check_index = _checker("_check_index", IndexError)
_check_value = _checker("_check_value", ValueError)
_check_type = _checker("_check_type", TypeError)
_check_not_implemented = _checker("_check_not_implemented", NotImplementedError)


def _assert_async(condition: Any, message: str = "") -> None:
    """RuntimeError with the message unless the Tensor `condition`, of one element, holds."""
    if not bool(condition):
        raise RuntimeError(message or "Expected Tensor with single nonzero value, but got zero")


def is_autocast_enabled(device_type: str | None = None) -> bool:
    """False: every op keeps its operands' precision."""
    return False


def is_autocast_cache_enabled() -> bool:
    """True, PyTorch's default: there is nothing to keep."""
    return True


def get_autocast_dtype(device_type: str) -> Any:
    """What autocast would convert to: bfloat16 on the CPU, else float16."""
    return dtypes.bfloat16 if device_type == "cpu" else dtypes.float16


def get_deterministic_debug_mode() -> int:
    """0: as it is; 1: `use_deterministic_algorithms(True, warn_only=True)`; 2: errors."""
    if not _deterministic["on"]:
        return 0
    return 1 if _deterministic["warn_only"] else 2


def set_deterministic_debug_mode(debug_mode: int | str) -> None:
    """`use_deterministic_algorithms` by number, or "default", "warn", "error"."""
    if not isinstance(debug_mode, (int, str)):
        raise TypeError(f"debug_mode must be str or int, but got {type(debug_mode)}")
    words = {"default": 0, "warn": 1, "error": 2}
    named = isinstance(debug_mode, str)
    mode: Any = words.get(str(debug_mode), debug_mode) if named else debug_mode
    if mode not in (0, 1, 2):
        wanted = "one of `default`, `warn`, `error`" if named else "0, 1, or 2"
        raise RuntimeError(f"invalid value of debug_mode, expected {wanted}, but got {mode}")
    use_deterministic_algorithms(mode > 0, warn_only=mode == 1)


_warn_always = False


def set_warn_always(b: bool, /) -> None:
    """Accepted: warnings go through Python's filters, which decide how often they are shown."""
    global _warn_always
    if not isinstance(b, bool):
        raise TypeError(f"setWarnOnlyOnce expects a bool, but got {type(b).__name__}")
    _warn_always = b


def is_warn_always_enabled() -> bool:
    """What was last set."""
    return _warn_always
