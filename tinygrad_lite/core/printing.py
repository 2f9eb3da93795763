"""The text a tensor prints as: PyTorch's, character for character.

Pure functions from an array and a few strings to text; nothing here knows what a Tensor is.
The rules (PyTorch, `torch/_tensor_str.py`), so that a reader can predict what is printed:

* every element of one tensor is printed in one format, chosen from its finite, nonzero values:
  integers (`1.`) if all are whole, scientific if max/min > 1000 or max > 1e8 or min < 1e-4,
  else fixed point with `precision` digits; all are padded to the widest finite one;
* more than `threshold` elements: only `edgeitems` at each end of each dimension are shown;
* lines are broken so that a row fits in `linewidth` characters.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

__all__ = ["format_tensor", "get_printoptions", "printoptions", "set_printoptions"]


@dataclass
class PrintOptions:
    """What `set_printoptions` sets; one for the process, as in PyTorch."""

    precision: int = 4
    threshold: float = 1000
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None


OPTIONS = PrintOptions()

PROFILES: dict[str, dict[str, Any]] = {
    "default": {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80},
    "short": {"precision": 2, "threshold": 1000, "edgeitems": 2, "linewidth": 80},
    "full": {"precision": 4, "threshold": math.inf, "edgeitems": 3, "linewidth": 80},
}


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Set how tensors are printed from now on, in the whole process.

    Args:
        precision: digits after the point (4 at first).
        threshold: a tensor with more elements than this is summarized (1000).
        edgeitems: how many elements a summary shows at each end of a dimension (3).
        linewidth: characters in a line (80).
        profile: "default", "short" or "full"; applied first, the others override it. An
            unknown name is ignored, as PyTorch does.
        sci_mode: True or False force or forbid scientific notation; None, which every call
            without this argument goes back to, lets the values decide.
    """
    given = {
        "precision": precision,
        "threshold": threshold,
        "edgeitems": edgeitems,
        "linewidth": linewidth,
    }
    chosen = dict(PROFILES.get(profile or "", {}))
    chosen.update({name: value for name, value in given.items() if value is not None})
    for name, value in chosen.items():
        setattr(OPTIONS, name, value)
    OPTIONS.sci_mode = sci_mode


def get_printoptions() -> dict[str, Any]:
    """The options in force, as keyword arguments for `set_printoptions`."""
    return asdict(OPTIONS)


@contextlib.contextmanager
def printoptions(**options: Any) -> Iterator[None]:
    """`set_printoptions(**options)` for the length of a `with` block."""
    before = get_printoptions()
    set_printoptions(**options)
    try:
        yield
    finally:
        set_printoptions(**before)


def format_tensor(
    array: np.ndarray,
    *,
    dtype_suffix: str | None,
    requires_grad: bool,
    grad_fn: str | None,
    name: str = "tensor",
    parameter: bool = False,
) -> str:
    """The text of a tensor that holds `array`.

    Args:
        array: the values.
        dtype_suffix: "torch.float64" and the like, or None for the dtypes that go unnamed: the
            default float and its complex twin, int64 and bool. (All but the first are named
            when there is no element to tell them by.)
        requires_grad: whether to add `requires_grad=True`; not added beside a `grad_fn`.
        grad_fn: the node as it is shown, "<MulBackward0>", or None for a leaf.
        name: what stands before the parenthesis; a subclass's name.
        parameter: whether to begin with the line `Parameter containing:`.
    """
    prefix = f"{name}("
    suffixes = []
    if array.size == 0:
        body = "[]"
        if array.ndim != 1:
            suffixes.append(f"size={tuple(array.shape)}")
        if dtype_suffix is None and array.dtype.kind in "ibc":
            dtype_suffix = f"torch.{array.dtype.name}"
    else:
        body = _body(array, len(prefix))
        if not OPTIONS.edgeitems:
            suffixes.append(f"size={tuple(array.shape)}")
    if dtype_suffix is not None:
        suffixes.append(f"dtype={dtype_suffix}")
    if grad_fn is not None:
        suffixes.append(f"grad_fn={grad_fn}")
    elif requires_grad:
        suffixes.append("requires_grad=True")
    text = _append(prefix + body, suffixes, indent=len(prefix))
    return f"Parameter containing:\n{text}" if parameter else text


def _append(text: str, suffixes: list[str], indent: int) -> str:
    """`text` and the suffixes, each on the last line if it fits there, else on a new one."""
    # One more than the length of the last line, if there is one line only: PyTorch counts so.
    used = len(text) - text.rfind("\n") + 1
    for suffix in suffixes:
        if used + len(suffix) + 2 > OPTIONS.linewidth:
            text += ",\n" + " " * indent + suffix
            used = indent + len(suffix)
        else:
            text += ", " + suffix
            used += len(suffix) + 2
    return text + ")"


def _body(array: np.ndarray, indent: int) -> str:
    summarize = array.size > OPTIONS.threshold
    width, padded = _chosen_format(_corners(array) if summarize else array)
    if array.ndim == 0:
        return padded(array.item())
    # PyTorch divides before it knows the width of nan and inf: such a row may run over.
    per_line = max(1, (OPTIONS.linewidth - indent - array.ndim + 1) // (width + 2))
    return _nested(array, indent, summarize, per_line, padded)


def _nested(
    array: np.ndarray, indent: int, summarize: bool, per_line: int, padded: Callable[[Any], str]
) -> str:
    edge = OPTIONS.edgeitems
    cut = summarize and len(array) > 2 * edge
    shown = [array[:edge], array[len(array) - edge :]] if cut else [array]
    if array.ndim == 1:
        parts = [[padded(value) for value in piece.tolist()] for piece in shown]
        dots, newline = (" ..." if edge else "..."), "\n"
        row = parts[0] + [dots] + parts[1] if cut else parts[0]
        lines = [", ".join(row[i : i + per_line]) for i in range(0, len(row), per_line)]
    else:
        parts = [
            [_nested(item, indent + 1, summarize, per_line, padded) for item in piece]
            for piece in shown
        ]
        newline = "\n" * (array.ndim - 1)
        lines = parts[0] + ["..."] + parts[1] if cut else parts[0]
    return "[" + ("," + newline + " " * (indent + 1)).join(lines) + "]"


def _corners(array: np.ndarray) -> np.ndarray:
    """The elements a summary shows, from which it chooses its format."""
    edge = OPTIONS.edgeitems
    for axis, size in enumerate(array.shape):
        if size > 2 * edge:
            ends = [*range(edge), *range(size - edge, size)]
            array = array.take(ends, axis=axis)
    return array


def _chosen_format(array: np.ndarray) -> tuple[int, Callable[[Any], str]]:
    """The width of an element, and the function that spells one: (width, value -> text)."""
    if array.dtype.kind == "f":
        return _float_format(array)
    if array.dtype.kind != "c":
        width = max((len(str(value)) for value in array.ravel().tolist()), default=1)
        return width, lambda value: str(value).rjust(width)
    (left, real), (right, imaginary) = _float_format(array.real), _float_format(array.imag)

    def spell(value: complex) -> str:
        part = imaginary(value.imag).lstrip() + "j"
        return real(value.real) + (part if part[0] in "+-" else "+" + part)

    return left + right + 1, spell


def _float_format(array: np.ndarray) -> tuple[int, Callable[[float], str]]:
    telling = array[np.isfinite(array) & (array != 0)]
    whole = bool((telling == np.ceil(telling)).all())
    scientific = False
    if telling.size:
        sizes = np.abs(telling).astype(np.float64)
        least, greatest = float(sizes.min()), float(sizes.max())
        scientific = (
            greatest / least > 1000.0 or greatest > 1.0e8 or least < 1.0e-4
            if OPTIONS.sci_mode is None
            else OPTIONS.sci_mode
        )
    if scientific:
        pattern = f".{OPTIONS.precision}e"
    else:
        pattern = ".0f" if whole else f".{OPTIONS.precision}f"

    def spell(value: float) -> str:
        text = format(value, pattern)
        # The point shows that 1. is a float. nan and inf show it themselves.
        return text + "." if whole and not scientific and math.isfinite(value) else text

    # nan, inf and zeros do not count: as in PyTorch they may stick out of the columns.
    width = max((len(spell(value)) for value in telling.tolist()), default=1)
    return width, lambda value: spell(value).rjust(width)
