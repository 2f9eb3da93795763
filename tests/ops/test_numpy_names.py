"""NumPy's names of arguments, which PyTorch takes as well: axis for dim, keepdims for keepdim."""

from __future__ import annotations

from typing import Any

import pytest

import tinygrad_lite as tl

PLAIN = (
    *("cumsum", "cumprod", "cummax", "cummin", "logcumsumexp", "logsumexp", "softmax"),
    *("log_softmax", "sort", "argsort", "argmax", "sum", "mean", "unsqueeze", "squeeze"),
    *("unbind", "std", "var", "prod", "amax", "max"),
)
WITH: dict[str, dict[str, Any]] = {
    "select": {"index": 1},
    "narrow": {"start": 1, "length": 2},
    "chunk": {"chunks": 2},
    "tensor_split": {"indices_or_sections": 2},
    "repeat_interleave": {"repeats": 2},
    "gather": {"index": tl.tensor([[0, 1], [2, 0]])},
    "index_select": {"index": tl.tensor([2, 0])},
    "topk": {"k": 2},
    "kthvalue": {"k": 2},
}


def same(left: Any, right: Any) -> bool:
    if isinstance(left, tuple):
        return all(same(a, b) for a, b in zip(left, right, strict=True))
    return tl.equal(left, right)


@pytest.mark.parametrize("name", [*PLAIN, *WITH])
def test_axis_is_dim(name: str) -> None:
    x = tl.tensor([[0.3, 0.1, 0.2], [0.4, 0.6, 0.5]])
    options = WITH.get(name, {})
    by_dim = getattr(x, name)(dim=1, **options)
    assert same(getattr(x, name)(axis=1, **options), by_dim)
    assert same(getattr(tl, name)(input=x, axis=1, **options), by_dim)


def test_joining_along_an_axis() -> None:
    x = tl.ones(2, 3)
    assert tl.stack([x, x], axis=1).shape == (2, 2, 3)
    assert tl.cat([x, x], axis=1).shape == (2, 6)


def test_the_error_without_one_stays() -> None:
    with pytest.raises(TypeError, match=r"cumsum\(\) missing 1 required positional argument"):
        tl.ones(2).cumsum()
    with pytest.raises(TypeError, match="unexpected keyword argument 'axes'"):
        tl.ones(2).cumsum(0, axes=0)
