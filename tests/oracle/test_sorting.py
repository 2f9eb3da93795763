"""Sorting, counting and searching against PyTorch."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_lite as tl
from tests.oracle.comparing import compare, evaluate, lines, same_error

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore")  # PyTorch warns of what it will change

CALLS = """
n(3,4) :0 n.nonzero()
n(3,4) :0 t.nonzero(n > 0, as_tuple=True)
n(3,4) :0 t.argwhere(n)
x() :0 x.nonzero()
n(7) :0 t.nonzero(n)
x(3,4) :0 t.where(x > 0)
i(9)<5 :0 t.bincount(i)
i(9)<5 :0 i.bincount(minlength=8)
i(9)<5 x(9) :0 t.bincount(i, x.detach())
i(9)<5 x(9) :0 t.bincount(i, weights=x.detach().float())
i(0) :0 t.bincount(i)
x(20) :0 t.histc(x.detach(), 5)
x(20) :0 x.detach().histc(4, -1, 1)
x(20) :0 t.histc(x.detach().float(), bins=3, min=0, max=2)
x(20) :0 t.histogram(x.detach(), 5)
x(20) :0 t.histogram(x.detach(), 4, range=(-1.0, 1.5))
x(20) :0 t.histogram(x.detach(), 4, density=True)
x(20) y(20) :0 t.histogram(x.detach(), 3, weight=y.detach().abs())
x(20) :0 t.histogram(x.detach(), t.tensor([-2.0, 0.0, 0.5, 2.0], dtype=t.float64))
x(5) :0 t.searchsorted(t.tensor([-1.0, 0.0, 1.0]).double(), x.detach())
i(6)<5 :0 t.searchsorted(t.tensor([0, 1, 1, 3]), i)
i(6)<5 :0 t.searchsorted(t.tensor([0, 1, 1, 3]), i, right=True)
i(6)<5 :0 t.searchsorted(t.tensor([0, 1, 1, 3]), i, side="right", out_int32=True)
i(2,3)<5 :0 t.searchsorted(t.tensor([[0, 1, 2], [1, 3, 5]]), i)
i(6)<5 :0 t.searchsorted(t.tensor([0, 1, 1, 3]), 2)
i(6)<5 :0 t.bucketize(i, t.tensor([1, 3]))
i(6)<5 :0 t.bucketize(i, t.tensor([1, 3]), right=True)
n(9)<3 :0 t.unique(n)
n(9)<3 :0 n.unique(return_inverse=True, return_counts=True)
n(3,4)<3 :0 t.unique(n, return_inverse=True)
n(6,2)<2 :0 t.unique(n, dim=0)
n(6,2)<2 :0 t.unique(n, dim=0, return_inverse=True, return_counts=True)
n(2,6)<2 :0 t.unique(n, dim=1)
n(9)<2 :0 t.unique_consecutive(n)
n(9)<2 :0 t.unique_consecutive(n, return_inverse=True, return_counts=True)
n(6,2)<1 :0 t.unique_consecutive(n, dim=0)
i(9)<4 :0 t.isin(i, t.tensor([1, 2]))
i(4)<4 :0 t.nn.functional.one_hot(i)
i(2,3)<4 :0 t.nn.functional.one_hot(i, 6)
x(5) : x.sort()
x(3,5) : t.sort(x, 0)
x(3,5) : x.sort(dim=1, descending=True)
n(3,8)<3 :0 n.sort(stable=True)
n(3,8)<3 :0 t.sort(n, stable=True, descending=True)
x() : x.sort()
x(3,5) : x.argsort()
x(3,5) : t.argsort(x, dim=0, descending=True)
n(9)<3 :0 t.argsort(n, stable=True)
x(3,5) : t.msort(x)
x(7) : x.topk(3)
x(3,7) : t.topk(x, 2, 1)
x(3,7) : x.topk(2, dim=0, largest=False)
x(3,40) : x.topk(3)
x(3,40) : x.topk(3, largest=False)
x(3,7) : x.topk(7, sorted=True)
x() : x.topk(1)
x(7) : t.kthvalue(x, 3)
x(3,7) : x.kthvalue(2, 1)
x(3,7) : x.kthvalue(1, dim=0, keepdim=True)
x(5) :0 t.sort(t.tensor([1.0, nan, -1.0, inf, nan]))
x(5) :0 t.sort(t.tensor([1.0, nan, -1.0, inf]), descending=True)
x(3,4) : t.argsort(x)
x(3,7) : x.sort(1)[0][:, :2]
x(3,7) : x.sort().values
x(3,7) : x.topk(2).indices
x(2,3,5) : x.sort(1)
x(2,3,5) : t.sort(x, dim=-3, descending=True)
x(4,6) : x.sort(dim=0).values.cumsum(0)
x(4,6) : x.sort(1, True)[0][:, :2]
x(4,6) : x.topk(3, dim=1, largest=False, sorted=True)
x(4,6) : x.T.topk(2)
x(4,100) : x.topk(5, dim=1)
x(100,4) : x.topk(5, dim=0, largest=False)
x(4,6) : x.kthvalue(6, dim=1)
x(4,6) : t.kthvalue(x, k=2, dim=-2, keepdim=True)
x(0) : x.sort()
x(2,0) : x.sort(1)
x(3,4) :0 x.argsort(dim=0, descending=True, stable=True)
m(9) :0 m.sort(stable=True)
m(9) :0 t.argsort(m, descending=True, stable=True)
n(9) :0 t.unique(n, sorted=True, return_counts=True)
n(2,3,4)<2 :0 t.unique(n, dim=-1, return_inverse=True)
x(6) :0 t.unique(x.detach())
m(6) :0 t.unique(m)
n(2,7)<2 :0 t.unique_consecutive(n, return_inverse=True)
n(2,7)<2 :0 t.unique_consecutive(n, dim=1, return_counts=True)
n(0) :0 t.unique(n, return_counts=True)
x(3,3) :0 t.searchsorted(t.tensor([-1.0, 0.5, 1.0]).double(), x.detach(), side="right")
i(8)<4 :0 t.searchsorted(t.tensor([3, 0, 1, 2]), i, sorter=t.tensor([1, 2, 3, 0]))
x(3,4) :0 t.bucketize(x.detach(), t.tensor([-1.0, 0.0, 1.0]).double(), out_int32=True)
n(0,3) :0 n.nonzero()
n(2,0) :0 n.nonzero(as_tuple=True)
m(2,3) :0 t.nonzero(m)
i(3,4)<6 :0 t.unravel_index(i, (2, 3))
"""

ERRORS = """
n(3) : t.bincount(n - 20)
x(3) : t.bincount(x)
i(3) : t.bincount(i, minlength=-1)
i(3) : t.histc(i)
x(3) : t.histc(x, 0)
x(3) : t.histc(x, 3, 2, 1)
i(3) : t.bucketize(i, t.tensor([[1, 2]]))
i(3) : t.searchsorted(t.tensor([[1, 2], [3, 4]]), i)
i(3) : t.searchsorted(t.tensor([1, 2]), i, side="middle")
x(3) : t.nn.functional.one_hot(x)
i(3)<5 : t.nn.functional.one_hot(i + 3, 2)
n(3) : t.nn.functional.one_hot(n - 20)
x(3) : x.topk(4)
x(3) : x.topk(2, 1)
x(3) : x.kthvalue(0)
x(3) : x.kthvalue(4)
x(3) : x.sort(1)
x(3) : x.argsort(2)
x(3,4) : x.kthvalue(5, 1)
x(3,4) : x.topk(-1)
x(3,4) : x.topk(5, 1)
x(0) : x.kthvalue(1)
n(3,4) : t.unique(n, dim=2)
n(4) : t.unique_consecutive(n, dim=1)
i(3) : t.searchsorted(t.tensor([1, 2]), i, side="left", right=True)
x(4) : t.histogram(x, 0)
i(4) : t.histogram(i, 3)
i(4) x(3) : t.bincount(i, weights=x)
i(2,2) : t.bincount(i)
"""


@pytest.mark.parametrize("line", lines(CALLS))
def test_calls(line: str) -> None:
    compare(torch, line)


@pytest.mark.parametrize("line", lines(ERRORS))
def test_errors(line: str) -> None:
    same_error(torch, line, 20)


def test_named_results() -> None:
    """Fields and representation of what sort, topk and kthvalue return."""
    for call in ("x.sort()", "x.topk(2)", "x.kthvalue(2)", "t.linalg.slogdet(x[:2, :2])"):
        shown = []
        for t in (tl, torch):
            x = t.tensor([[3.0, 1.0, 2.0], [0.0, 5.0, 4.0]])
            shown.append(repr(evaluate(t, call, {"x": x})))
        assert shown[0] == shown[1]


def test_ties_and_nan() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        a = rng.integers(0, 3, (3, 7)).astype(float)
        a[rng.uniform(size=a.shape) < 0.1] = np.nan
        for descending in (False, True):
            ours = tl.tensor(a).sort(1, descending=descending, stable=True)
            theirs = torch.sort(torch.tensor(a), stable=True, dim=1, descending=descending)
            np.testing.assert_array_equal(ours.indices.numpy(), theirs.indices.numpy())
            np.testing.assert_array_equal(ours.values.numpy(), theirs.values.numpy())
            best = tl.tensor(a).topk(3, 1, largest=descending).values
            want = torch.tensor(a).topk(3, 1, largest=descending).values
            np.testing.assert_array_equal(best.numpy(), want.numpy())
