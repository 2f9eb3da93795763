"""Anomaly detection: stop at the first gradient that is NaN and say which line made its op.

While it is on, every op that runs notes the lines of the user's program that called it, and a
backward pass that fails warns with those of the node it failed at. A gradient with a NaN stops the
pass. With `check_values=True` so does, in the forward pass already, a value that is not finite
although everything it was computed from was finite. It also finds what no version counter can see:
an array written through `.numpy()` after a node saved it, by a checksum of what was saved.
"""

from __future__ import annotations

import linecache
import os
import re
import sys
import warnings
import weakref
import zlib
from types import FrameType
from typing import Any

import numpy as np

from ..core.modes import MODE, Watcher, current, mode_context
from ..core.node import Node, Write

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_FRAMES = 3


def user_lines() -> str:
    """The innermost lines outside this package, as a traceback shows them (latest last)."""
    frame: FrameType | None = sys._getframe(1)
    lines: list[str] = []
    while frame is not None and len(lines) < _FRAMES:
        code = frame.f_code
        if not code.co_filename.startswith(_PACKAGE):
            lines.append(f'  File "{code.co_filename}", line {frame.f_lineno}, in {code.co_name}')
        frame = frame.f_back
    return "\n".join(reversed(lines))


def _with_source(lines: str) -> str:
    """What `user_lines` gave, each line followed by what is written there."""
    shown = []
    for line in lines.splitlines():
        place = re.match(r'  File "(.*)", line (\d+), in ', line)
        source = linecache.getline(place[1], int(place[2])).strip() if place else ""
        shown += [line, f"    {source}"] if source else [line]
    return "\n".join(shown)


class Anomaly(Watcher):
    """The watcher: remembers where nodes were made; checks values, gradients and saved arrays."""

    def __init__(self, check_nan: bool, check_values: bool = False) -> None:
        watch = current().watch
        super().__init__(watch.outer if isinstance(watch, Anomaly) else watch)
        self.check_nan = check_nan
        self.check_values = check_values
        self.sums: weakref.WeakKeyDictionary[Node, list[int | None]] = weakref.WeakKeyDictionary()

    def forward(self, op: Any, arrays: Any, meta: Any, out: Any, node: Node | None) -> None:
        """Called after an op ran."""
        if node is not None:
            node.note = user_lines()  # type: ignore[attr-defined]
            if isinstance(node.saved, tuple):
                self.sums[node] = [_checksum(a) for a in node.saved]
        if self.check_values and current().sweep is None:  # of a backward pass gradients are judged
            for value in out if isinstance(out, tuple) else (out,):
                place = _first_bad(value)
                if place is not None and not _any_bad(arrays, meta):
                    raise RuntimeError(_forward_message(op, arrays, value, place))
        super().forward(op, arrays, meta, out, node)

    def before(self, node: Node) -> None:
        """Called before a node's rules run: what it saved must be what it was."""
        super().before(node)
        sums = self.sums.get(node)
        if sums is None or not isinstance(node.saved, tuple):
            return
        for name, array, old in zip(node.op.layout, node.saved, sums):
            if old is not None and _checksum(array) not in (old, None):
                made = node.note  # type: ignore[attr-defined]
                raise RuntimeError(
                    f"the array that {node.op.name} saved as its '{name}' (shape "
                    f"{list(array.shape)}) was changed since, without an op of this library: "
                    "probably through an array obtained by .numpy() or given to from_numpy(). "
                    f"Copy it before writing. Saved here:\n{made}"
                )

    def backward(self, node: Node, contributions: Any) -> None:
        """Called with the gradients that a node's rules made."""
        super().backward(node, contributions)
        if not self.check_nan:
            return
        for i, d in enumerate(contributions):
            value = getattr(d, "array", d)
            if isinstance(value, np.ndarray) and _first_bad(value, nan_only=True) is not None:
                made = getattr(node, "note", None)
                where = f" It was made here:\n{made}" if made else ""
                raise RuntimeError(
                    f"Function '{node.name()}' returned nan values in its {i}th output "
                    f"(op {node.op.name}, gradient of shape {list(value.shape)}).{where}"
                )

    def failed(self, node: Node) -> None:
        """Called when a backward pass raises at `node`."""
        made = getattr(node, "note", None)
        where = (
            f"Traceback of forward call that caused the error:\n{_with_source(made)}"
            if made
            else "No forward pass information available. Enable detect anomaly during forward pass "
            "for more information."
        )
        warnings.warn(f"Error detected in {node.name()}. {where}", UserWarning, stacklevel=2)
        super().failed(node)

    def written(self, write: Write) -> None:
        """Called after an in-place write."""
        write.where = user_lines()
        super().written(write)


def _checksum(value: Any) -> int | None:
    if not isinstance(value, np.ndarray):
        return None
    return zlib.crc32(np.ascontiguousarray(value).tobytes())


def _first_bad(value: Any, nan_only: bool = False) -> tuple[int, ...] | None:
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "fc":
        return None
    bad = np.isnan(value) if nan_only else ~np.isfinite(value)
    if not bad.any():
        return None
    return tuple(int(i) for i in np.argwhere(bad)[0])


def _any_bad(arrays: Any, meta: dict[str, Any]) -> bool:
    for value in (*arrays, *meta.values()):
        if isinstance(value, float) and not np.isfinite(value):
            return True
        if _first_bad(value) is not None:
            return True
    return False


def _forward_message(op: Any, arrays: Any, value: np.ndarray, place: tuple[int, ...]) -> str:
    kind = "nan" if np.isnan(value[place]) else "inf"
    names = getattr(op, "inputs", ())
    named = list(names) + [f"input {i}" for i in range(len(names), len(arrays))]
    causes = []
    for name, a in zip(named, arrays):
        if not isinstance(a, np.ndarray):
            causes.append(f"{name} = {a}")
        elif np.broadcast_shapes(a.shape, value.shape) == value.shape if _fits(a, value) else False:
            at = np.broadcast_to(a, value.shape)[place]
            causes.append(f"{name}{list(place) if a.ndim else ''} = {at}")
        elif a.size:
            causes.append(f"{name} of shape {list(a.shape)}, from {a.min()} to {a.max()}")
    return (
        f"{op.name} made the first {kind}, at index {list(place)} of its value of shape "
        f"{list(value.shape)}, from {', '.join(causes)}. Here:\n{user_lines()}"
    )


def _fits(a: np.ndarray, value: np.ndarray) -> bool:
    try:
        np.broadcast_shapes(a.shape, value.shape)
    except ValueError:
        return False
    return True


class detect_anomaly(mode_context):
    """Context manager: inside, the first gradient that is NaN raises, and lines are recorded.

    check_nan     False: only record the lines (for in-place errors), without looking at gradients
    check_values  also stop at the first value of the forward pass that is NaN or infinite, naming
                  op, input and line (PyTorch has no such check)

    A backward pass that fails warns with the lines that made the op it failed at.
    """

    def __init__(self, check_nan: bool = True, *, check_values: bool = False) -> None:
        self.check_nan = check_nan
        self.check_values = check_values
        warnings.warn(
            "Anomaly Detection has been enabled. This mode will increase the runtime and should "
            "only be enabled for debugging.",
            UserWarning,
            stacklevel=2,
        )

    def changes(self) -> dict[str, Any]:
        return {"watch": Anomaly(self.check_nan, self.check_values)}

    def clone(self) -> detect_anomaly:
        return detect_anomaly(self.check_nan, check_values=self.check_values)


class set_detect_anomaly(mode_context):
    """Turn anomaly detection on or off, at once; as a context manager until the block's end."""

    def __init__(self, mode: bool, check_nan: bool = True, *, check_values: bool = False) -> None:
        self._outer = current()
        anomaly = Anomaly(check_nan, check_values)
        MODE.set(self._outer.but(watch=anomaly if mode else anomaly.outer))

    def __enter__(self) -> set_detect_anomaly:
        return self

    def __exit__(self, *exc: object) -> None:
        MODE.set(self._outer)


def is_anomaly_enabled() -> bool:
    """Whether anomaly detection is on."""
    return _watching() is not None


def is_anomaly_check_nan_enabled() -> bool:
    """Whether anomaly detection looks at values."""
    watch = _watching()
    return watch is None or watch.check_nan


def _watching() -> Anomaly | None:
    watch = current().watch
    while watch is not None and not isinstance(watch, Anomaly):
        watch = watch.outer
    return watch
