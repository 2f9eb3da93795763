"""Every op that PyTorch has under the same name, on inputs drawn from its samples: same values,
dtypes, shapes and gradients. Nobody lists the ops: the names do."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite.testing import drawing
from tinygrad_lite.testing.calls import Case

torch = pytest.importorskip("torch")

ENTRIES = drawing.registered()
ROOMS = ("", "nn.functional", "linalg", "special", "fft")
#: Where PyTorch's own float64 is less than exact: hardsigmoid's 1 / 6 is a float32.
INEXACT = {"hardsigmoid": 1e-7}


def of_both(name: str) -> tuple[Any, Any] | None:
    """The public function called `name` here and there, from the first room that both have."""
    for room in ROOMS:
        found = []
        for package in (tl, torch):
            place: Any = package
            for part in filter(None, room.split(".")):
                place = getattr(place, part, None)
            found.append(getattr(place, name, None))
        if all(callable(f) for f in found):
            return found[0], found[1]
    return None


SHARED = {
    n: pair
    for n in ENTRIES
    if (pair := of_both(n.removeprefix("composed "))) is not None and not n.endswith("_")
}


def results(package: Any, function: Any, case: Case, dtype: str) -> tuple[list[Any], list[Any]]:
    """Values, and gradients of their sum weighted by 1, 2, 3, ..."""
    tensors = []
    for i, a in enumerate(case.arrays):
        t = package.tensor(a.astype(dtype) if a.dtype.kind == "f" else a)
        tensors.append(t.requires_grad_() if i in case.wanted else t)
    meta = {k: v.item() if isinstance(v, np.generic) else v for k, v in case.meta.items()}
    out = function(*tensors, **meta)
    outs = [o for o in (out if isinstance(out, (tuple, list)) else [out]) if hasattr(o, "dtype")]
    total = None
    for o in outs:
        if o.requires_grad:
            w = package.arange(1, o.numel() + 1).reshape(o.shape).to(o.dtype)
            part = (o * w).sum()
            total = part if total is None else total + part
    grads = []
    if total is not None:
        wanted = [tensors[i] for i in case.wanted]
        grads = package.autograd.grad(total, wanted, allow_unused=True)
        grads = [package.zeros_like(x) if g is None else g for g, x in zip(grads, wanted)]
    return outs, list(grads)


def array(t: Any) -> np.ndarray:
    return np.asarray(t.detach().numpy(force=True) if hasattr(t, "resolve_conj") else t.detach())


def test_many_ops_are_shared() -> None:
    assert len(SHARED) > 100


@pytest.mark.parametrize("name", SHARED)
def test_as_pytorch(name: str) -> None:
    ours, theirs = SHARED[name]
    compared = 0
    for case in drawing.cases(ENTRIES[name], 3, seed=5):
        for dtype, rtol in (("float64", 1e-9), ("float32", 2e-4)):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    want, want_grads = results(torch, theirs, case, dtype)
                except (TypeError, AttributeError, RuntimeError):
                    continue  # ours is an inner op with other arguments, or PyTorch has no gradient
                rtol = max(rtol, INEXACT.get(name, 0.0))
                got, got_grads = results(tl, ours, case, dtype)
            assert len(got) == len(want)
            for a, b in zip([*got, *got_grads], [*want, *want_grads], strict=True):
                assert str(a.dtype) == str(b.dtype), case
                assert tuple(a.shape) == tuple(b.shape), case
                x, y = array(a), array(b)
                size = float(np.max(np.abs(y), initial=0.0)) if y.dtype.kind == "f" else 0.0
                atol = rtol * size + 4 * np.finfo(dtype).eps
                np.testing.assert_allclose(x, y, rtol=rtol, atol=atol, err_msg=str(case))
            compared += 1
    if not compared:
        pytest.skip("PyTorch's function of this name takes other arguments")
