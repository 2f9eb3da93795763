"""`torch._foreach_*` and the grouping that optimizers of others rely on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl

torch = pytest.importorskip("torch")

UNARY = [
    *("abs", "ceil", "cos", "erf", "exp", "floor", "log1p", "neg", "reciprocal", "round"),
    *("rsqrt", "sigmoid", "sign", "sqrt", "tanh"),
]
CALLS: dict[str, tuple[Any, ...]] = {
    **dict.fromkeys(UNARY, ()),
    "add": ("list",),
    "sub": ("numbers",),
    "mul": (3.0,),
    "div": ("scalar",),
    "maximum": ("list",),
    "minimum": (0.3,),
    "clamp_min": (0.4,),
    "clamp_max": ("list",),
    "addcmul": ("list", "list", 0.5),
    "addcdiv": ("list", "list", "numbers"),
    "lerp": ("list", 0.25),
    "pow": (2,),
}


def lists(t: Any, seed: int) -> list[Any]:
    rng = np.random.default_rng(seed)
    return [t.from_numpy(rng.uniform(0.1, 1, size=s)) for s in ((3,), (2, 2), ())]


def arguments(t: Any, kinds: tuple[Any, ...]) -> list[Any]:
    known = {"list": lists(t, 1), "numbers": [1.0, 2.0, 3.0], "scalar": t.tensor(2.0).double()}
    return [known.get(k, k) if isinstance(k, str) else k for k in kinds]


@pytest.mark.parametrize("name", CALLS)
def test_each_of_a_list(name: str) -> None:
    results = []
    for t in (torch, tl):
        given = lists(t, 0)
        made = getattr(t, f"_foreach_{name}")(given, *arguments(t, CALLS[name]))
        assert getattr(t, f"_foreach_{name}_")(given, *arguments(t, CALLS[name])) is given
        results.append([x.numpy() for x in (*made, *given)])
    for want, got in zip(*results, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-12)


def test_norms_powers_copies_and_zeros() -> None:
    for t in (torch, tl):
        x = lists(t, 0)
        y = t._foreach_add([t.zeros(s.shape, dtype=s.dtype) for s in x], 0.0)
        t._foreach_copy_(y, x)
        assert all(t.equal(a, b) for a, b in zip(x, y, strict=True))
        norms = t._foreach_norm(x, 1)
        np.testing.assert_allclose([float(n) for n in norms], [float(a.abs().sum()) for a in x])
        np.testing.assert_allclose(t._foreach_pow(2.0, x)[2].item(), 2.0 ** x[2].item())
        t._foreach_zero_(y)
        assert sum(float(a.sum()) for a in y) == 0
        with pytest.raises(RuntimeError, match="Tensor lists must have the same number of tensors"):
            t._foreach_add(x, y[:2])


def test_an_op_that_is_none() -> None:
    with pytest.raises(AttributeError, match="_foreach_nonsense"):
        tl._foreach_nonsense


def test_groups_by_dtype() -> None:
    shown = []
    for t in (torch, tl):
        group = __import__(f"{t.__name__}.utils._foreach_utils", fromlist=["x"])
        x = [t.zeros(1), t.zeros(2).double(), t.zeros(3)]
        y = [t.ones(1), t.ones(2), t.ones(3)]
        found = group._group_tensors_by_device_and_dtype([x, y], with_indices=True)
        shown.append(
            sorted(
                (str(d).removeprefix("torch."), [len(a) for a in lists], list(where))
                for (_, d), (lists, where) in found.items()
            )
        )
    assert shown[0] == shown[1]
