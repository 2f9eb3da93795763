"""What the functions refuse, and where they warn: the whole message, as a user reads it.

`messages/FAMILY.txt` holds a call, and below it, indented, every warning and then the error. In a
call `F` is nn.functional, `t` the package, `x` makes float zeros of a shape and `i` whole ones.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest

import tinygrad_lite as tl

CASES: list[tuple[str, list[str]]] = []
for path in sorted((Path(__file__).parent / "messages").glob("*.txt")):
    for line in path.read_text().splitlines():
        if line.startswith("    "):
            CASES[-1][1].append(line.removeprefix("    "))
        else:
            CASES.append((line, []))


def names(t: Any) -> dict[str, Any]:
    """What a call may use."""
    F = t.nn.functional
    x = lambda *shape: t.zeros(shape)

    def mha(q: Any, k: Any = None, v: Any = None, heads: int = 2, **more: Any) -> Any:
        """Attention of width 4; keys and values default to the queries."""
        k = q if k is None else k
        v = k if v is None else v
        biases = [more.pop(name, None) for name in ("bias_k", "bias_v")]
        weights = (x(12, 4), x(12), *biases, False, 0.0, x(4, 4), x(4))
        return F.multi_head_attention_forward(q, k, v, 4, heads, *weights, **more)

    return {"t": t, "F": F, "x": x, "i": lambda *n: t.zeros(n, dtype=t.int64), "mha": mha}


def raised(t: Any, call: str) -> list[str]:
    """The warnings and the error of a call, as 'Type: message'."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warnings.simplefilter("ignore", RuntimeWarning)  # NumPy's, of the log of 0
        try:
            eval(call, names(t))  # the tables' own text
        except Exception as error:
            last = [f"{type(error).__name__}: {error}"]
        else:
            last = []
    return [f"{w.category.__name__}: {w.message}" for w in caught] + last


@pytest.mark.parametrize(("call", "expected"), CASES, ids=[call for call, _ in CASES])
def test_the_whole_message(call: str, expected: list[str]) -> None:
    assert raised(tl, call) == expected
