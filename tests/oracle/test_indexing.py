"""Reading and writing by index, gather and scatter, index_* and masks, against PyTorch."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import tinygrad_lite as tl
from tests.oracle.comparing import compare, evaluate, flat, lines, same_error, same_value

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore")  # PyTorch warns of what it will change

READS = """
x(4,5) : x[0]
x(4,5) : x[-1]
x(4,5) : x[1:3]
x(4,5) : x[::2]
x(4,5) : x[:, 1]
x(4,5) : x[..., -2]
x(4,5) : x[1, 2]
x(4,5) : x[None]
x(4,5) : x[:, None, 1:]
x(4,5) : x[1:3, ::3]
x(4,5) : x[..., None]
x(4,5) : x[()]
x(4,5) : x[...]
x(4,5) : x[:]
x() : x[()]
x() : x[None]
x() : x[...]
x(4,5) : x[10:]
x(4,5) : x[3:1]
x(4,5) : x[-3:-1, -100:100]
x(4,5) : x[t.tensor(2)]
x(4,5) : x[t.tensor(1):t.tensor(3)]
x(4,5) : x[:, t.tensor(-1)]
x(4,5) : x[True]
x(4,5) : x[False]
x(4,5) : x[None, True]
x(4,5) : x[t.tensor(True)]
x(4,5) : x[[0, 2]]
x(4,5) : x[[0, 2], 1]
x(4,5) : x[[0, 2], [1, 3]]
x(4,5) : x[(0, 2)]
x(4,5) : x[[[0, 1], [2, 3]]]
x(4,5) : x[:, [0, 2]]
x(4,5) : x[1:, [0, 0, 1]]
x(4,5) i(3)<4 : x[i]
x(4,5) i(3)<4 : x[i - 4]
x(4,5) i(2,3)<4 : x[i]
x(4,5) i(2,3)<4 j(3)<5 : x[i, j]
x(4,5) i(2,1)<4 j(3)<5 : x[i, j]
x(4,5) i(3)<4 : x[i, 1]
x(4,5) i(3)<4 : x[i, 1:3]
x(4,5) i(3)<4 : x[i, None]
x(4,5) i(3)<4 : x[None, i]
x(4,5) i(3)<5 : x[..., i]
x(4,5) i(3)<5 : x[1, i]
x(4,5) i(0)<4 : x[i]
x(4,5) i()<4 : x[i]
x(4,5) i()<4 : x[i, i]
x(4,5) : x[[]]
x(4,5) : x[t.tensor([], dtype=t.long)]
x(4,5) m(4) : x[m]
x(4,5) m(5) : x[:, m]
x(4,5) m(4,5) : x[m]
x(4,5) : x[x > 0]
x(4,5) m(4) : x[m, 1]
x(4,5) m(4) : x[m, 1:3]
x(4,5) m(4) : x[~m]
x(4,5) m(4) : x[m, None]
x(4,5) : x[[True, False, True, False]]
x(4,5) : x[t.tensor([1, 0, 1, 1], dtype=t.uint8)]
x(4,5) : x[t.tensor([1, 0, 1], dtype=t.int32)]
x(2,3,4) i(2)<2 : x[i, :, i]
x(2,3,4) i(2)<2 : x[:, i, i]
x(2,3,4) i(2)<2 : x[i, i]
x(2,3,4) i(2)<2 : x[0, :, i]
x(2,3,4) i(2)<2 : x[i, :, 0]
x(2,3,4) i(2)<2 : x[i, 0]
x(2,3,4) i(2)<2 : x[i, None, i]
x(2,3,4) i(2)<2 : x[i, ..., i]
x(2,3,4) i(2)<2 : x[..., i, i]
x(2,3,4) i(2,2)<2 j(2)<3 : x[i, j]
x(2,3,4) i(2,2)<2 j(2)<3 : x[i, :, j]
x(2,3,4) m(2,3) : x[m]
x(2,3,4) m(3,4) : x[:, m]
x(2,3,4) m(3) i(1)<2 : x[i, m]
x(2,3,4) m(2) : x[m, :, 1]
x(2,3,4) m(2) : x[m, ..., None]
x(2,3,4) : x[0, [1, 2], :, None]
x(2,3,4) : x[[0, 1], 1:, [2, 3]]
x(2,3,4) : x[1:, [0, 2], ::2]
x(2,3,4) : x[np.array([0, 1])]
x(2,3,4) : x[:, np.int64(1)]
x(2,3,4) : x[range(2)]
x(4,5) : x.T[1:3, [0, 1]]
x(4,5) : x[::2][:, 1:][1]
n(4,5) i(2)<4 : n[i]
m(4) : m[1:]
x(4,5) : (x[0], x[1:], x[..., 0])
x(4,5) i(3)<4 : x[i].sum() * x[0, 0]
x(4,5) : x[t.tensor([[0], [1]]), t.tensor([0, 1])]
x(3,3) : x[t.arange(3), t.arange(3)]
x(3,4) i(3)<4 : x[range(3), i]
x(1,5) i(7)<1 : x[i]
"""

WRITES = """
x(4,5) : w(x, 0, 1.5)
x(4,5) : w(x, -1, 2)
x(4,5) y(5) : w(x, 1, y)
x(4,5) y(5) : w(x, slice(1, 3), y)
x(4,5) y(1,5) : w(x, 1, y)
x(4,5) y(1,1,5) : w(x, slice(0, 2), y)
x(4,5) y(4) : w(x, (slice(None), 2), y)
x(4,5) y() : w(x, (1, 2), y)
x(4,5) y(1) : w(x, (1, 2), y)
x(4,5) y() : w(x, Ellipsis, y)
x(4,5) y(2,1) : w(x, (slice(None, None, 2), slice(1, 4)), y)
x(4,5) y(4,1) : w(x, (slice(None), slice(1, 2)), y)
x(4,5) y(4,1,5) : w(x, (slice(None), None), y)
x() y() : w(x, (), y)
x() : w(x, None, 3.0)
x(4,5) m(4) : w(x, m, 0)
x(4,5) m(4,5) : w(x, m, 0.0)
x(4,5) m(4,5) y() : w(x, m, y)
x(4,5) y(5) : w(x, [True, False, True, False], y)
x(4,5) : w(x, x > 0, -1)
x(4,5) y(5) m(4) : w(x, m, y)
x(4,5) i(1)<4 y(5) : w(x, i, y)
x(4,5) y(2,5) : w(x, [2, 0], y)
x(4,5) y(2) : w(x, ([2, 0], [1, 3]), y)
x(4,5) y(2) : w(x, (slice(None), [1, 3]), y)
x(4,5) y(4,2) : w(x, (slice(None), [1, 3]), y)
x(4,5) y(2) : w(x, (1, [1, 3]), y)
x(4,5) y(3,2) : w(x, (slice(1, None), [1, 3]), y)
x(4,5) y(2,1) : w(x, ([[0], [1]], [0, 4]), y)
x(4,5) : w(x, ([0, 2], slice(1, 3)), 7)
x(4,5) : w(x, t.tensor([0, 2]), 1.0)
x(4,5) y(5) : w(x, t.tensor(2), y)
x(4,5) : w(x, (t.tensor([3, 1]), 0), 2.5)
x(2,3,4) y(2,3) : w(x, ([0, 1], slice(None), [0, 2]), y)
x(2,3,4) y(2) : w(x, ([0, 1], 1, [0, 2]), y)
x(2,3,4) y(2,2) : w(x, (0, slice(1, None), [0, 2]), y)
x(2,3,4) y(4) m(2,3) : w(x, m, y)
x(2,3,4) y(3) : w(x, (Ellipsis, 1), y)
x(2,3,4) y(3,1) : w(x, (1, Ellipsis), y)
x(2,3,4) : w(x, (0, 1, 2), 5)
x(2,3,4) y(1,4) : w(x, ([1], [2]), y)
x(4,5) n(5) : w(x, 0, n)
n(4,5) : w(n, 0, 3)
n(4,5) y(5) : w(n, 1, y.detach())
n(4,5) m(4,5) : w(n, m, 9)
m(4,5) : w(m, 0, True)
x(4,5) : w(x, True, 3)
x(4,5) y(5) : w(x, (None, 1), y)
x(4,5) y(0,5) : w(x, slice(2, 2), y)
x(4,5) y(2,5) : w(x, slice(0, 4, 2), y * 2)
x(4,5) : w(x, 0, x[1] * 2)
x(4,5) : w(x, slice(0, 2), x[2:] + x[0])
x(4,5) y(5) : w(x, 0, y) * y
x(4,5) y(5) : w(x, (..., ...), y)
"""

CALLS = """
x(3,4) i(3,2)<4 : t.gather(x, 1, i)
x(3,4) i(2,4)<3 : x.gather(0, i)
x(3,4) i(2,2)<3 : x.gather(dim=0, index=i)
x(3,4) i(3,5)<4 : x.gather(-1, i)
x(2,3,4) i(2,3,1)<4 : x.gather(2, i)
x(2,3,4) i(1,2,3)<3 : x.gather(1, i)
x(5) i(3)<5 : x.gather(0, i)
x() i()<1 : x.gather(0, i)
x(3,4) i(0)<3 : x.gather(0, i)
x(3,5) y(3,4) : x.scatter(1, t.tensor([[0, 1, 2, 3], [4, 3, 2, 1], [1, 2, 0, 4]]), y)
x(3,5) y(3,4) : t.scatter(x, 1, t.tensor([[0, 1], [4, 3], [1, 2]]), y.detach())
x(3,5) i(3,2)<5 : x.scatter(1, i, 2.5)
x(3,5) i(1,5)<3 : x.scatter(0, i, value=1)
x(3,5) i(3,2)<5 : x.scatter(dim=1, index=i, value=-1.0)
x(3,5) i(3,2)<5 :0 x.detach().scatter(1, i, 2.0, reduce="add")
x(3,5) i(3,2)<5 :0 x.detach().scatter(1, i, 2.0, reduce="multiply")
x(3,5) i(3,4)<5 y(3,4) : x.scatter_add(1, i, y)
x(3,5) i(2,2)<3 y(3,4) : t.scatter_add(x, 0, i, y.detach())
x(5) i(4)<5 y(4) : x.scatter_add(0, i, y)
x(3,5) i(3,4)<5 y(3,4) : x.scatter_reduce(1, i, y, "sum")
x(3,5) i(3,4)<5 y(3,4) : x.scatter_reduce(1, i, y, "sum", include_self=False)
x(3,5) i(3,4)<5 y(3,4) : x.scatter_reduce(1, i, y, "mean")
x(3,5) i(3,4)<5 y(3,4) : t.scatter_reduce(x, 1, i, y, "mean", include_self=False)
x(3,5) i(3,4)<5 y(3,4) :1 x.scatter_reduce(1, i, y, "amax")
x(3,5) i(3,4)<5 y(3,4) :1 x.scatter_reduce(1, i, y, reduce="amin", include_self=False)
x(3,5) i(3,4)<5 y(3,4) :1 x.scatter_reduce(1, i, y, "prod")
x(3,5) i(3,4)<5 y(3,4) :1 x.scatter_reduce(1, i, y, "prod", include_self=False)
n(3,5) i(3,4)<5 :0 n.scatter_reduce(1, i, i, "mean")
n(3,5) i(3,4)<5 :0 n.scatter_reduce(1, i, i, "amax")
x(3,5) i(3,4)<5 y(3,4) : (x * 1).scatter_add_(1, i, y)
x(3,5) i(3,2)<5 : (x * 1).scatter_(1, i, 1.0)
x(3,5) i(3,4)<5 y(3,4) :1 (x * 1).scatter_reduce_(1, i, y, "amax")
i(3,1)<5 :0 t.zeros(3, 5).scatter_(1, i, 1)
i(3,1)<5 :0 t.zeros(3, 5, dtype=t.long).scatter_(1, i, 1)
x(4,3) i(5)<4 : x.index_select(0, i)
x(4,3) i(2)<3 : t.index_select(x, 1, i)
x(4,3) i()<3 : x.index_select(dim=-1, index=i)
x(4,3) i(0)<3 : x.index_select(0, i)
x() i(1)<1 : x.index_select(0, i)
x(4,3) i(5)<4 y(5,3) : x.index_add(0, i, y)
x(4,3) i(2)<3 y(4,2) : t.index_add(x, 1, i, y, alpha=2)
x(4,3) i(5)<4 y(5,3) : (x * 1).index_add_(0, i, y, alpha=-1)
x(4,3) y(2,3) : x.index_copy(0, t.tensor([2, 0]), y)
x(4,3) y(4,2) : t.index_copy(x, 1, t.tensor([2, 0]), y)
x(4,3) y(2,3) : (x * 1).index_copy_(0, t.tensor([1, 3]), y)
x(4,3) i(2)<4 : x.index_fill(0, i, 2.0)
x(4,3) i(2)<3 y() : x.index_fill(1, i, y)
x(4,3) i(2)<4 : (x * 1).index_fill_(0, i, -1)
x(4,3) i(3)<4 y(3,3) :1 x.index_reduce(0, i, y, "amax")
x(4,3) i(3)<4 y(3,3) :1 x.index_reduce(0, i, y, "mean", include_self=False)
x(4,3) i(3)<4 y(3,3) :1 x.index_reduce(0, i, y, "prod")
x(4,3) y(2) : x.index_put((t.tensor([0, 2]), t.tensor([1, 1])), y)
x(4,3) y(3) : t.index_put(x, (t.tensor([0, 2]),), y)
x(4,3) i(3)<4 y(3,3) : x.index_put((i,), y, accumulate=True)
x(4,3) i(3)<4 j(3)<3 y() : x.index_put((i, j), y, accumulate=True)
x(4,3) m(4,3) y() : x.index_put((m,), y)
x(4,3) i(3)<4 y(3,3) : (x * 1).index_put_((i,), y, accumulate=True)
x(4,3) i(5)<12 : x.take(i)
x(4,3) i(2,2)<12 : t.take(x, i)
x(4,3) : t.take(x, t.tensor([-1, 0]))
x(4,3) y(2) : x.put(t.tensor([3, 7]), y)
x(4,3) i(4)<12 y(4) : x.put(i, y, accumulate=True)
x(4,3) y(2,1) : t.put(x, t.tensor([[3], [7]]), y)
x(4,3) y(2) : (x * 1).put_(t.tensor([3, 7]), y)
x(3,4) i(3,2)<4 : t.take_along_dim(x, i, 1)
x(3,4) i(1,2)<4 : x.take_along_dim(i, dim=1)
x(1,4) i(3,2)<4 : x.take_along_dim(i, 1)
x(3,4) i(5)<12 : t.take_along_dim(x, i)
x(3,4) m(3,4) : x.masked_select(m)
x(3,4) m(4) : t.masked_select(x, m)
x(4) m(3,4) : x.masked_select(m)
x() m() : x.masked_select(m)
x(3,4) m(3,4) y(12) : x.masked_scatter(m, y)
x(3,4) m(4) y(3,4) : t.masked_scatter(x, m, y)
x(3,4) m(3,4) y(12) : (x * 1).masked_scatter_(m, y)
x(3,4) m(3,4) : x.masked_fill(m, 2.0)
x(3,4) m(4) : x.masked_fill(m, -math.inf).softmax(1)
"""

ERRORS = """
x(3,4) : x[3]
x(3,4) : x[-4]
x(3,4) : x[0, 4]
x(3,4) : x[:, -5]
x(3,4) : x[0, 0, 0]
x() : x[0]
x() : x[:]
x(3,4) : x[::-1]
x(3,4) : x[::0]
x(3,4) : x[1.5]
x(3,4) : x["a"]
x(3,4) : x[t.tensor([0.5])]
x(3,4) : x[t.tensor([3])]
x(3,4) : x[[0, 5]]
x(3,4) : x[:, [0, -5]]
x(3,4) m(4) : x[m]
x(3,4) m(2,4) : x[m]
x(3,4) m(3,4,1) : x[m]
x(3,4) i(2)<3 j(3)<3 : x[i, j]
x(3,4) i(2)<3 : x[i, i, i]
x(3,4) : x[0:"a"]
x(3,4) : x[5, [0]]
x(3,4) : w(x, 3, 1.0)
x(3,4) y(3) : w(x, 0, y)
x(3,4) y(2,4) : w(x, 0, y)
x(3,4) y(3) : w(x, [0, 1], y)
x(3,4) y(2) m(3,4) : w(x, m > 2, y)
x(3,4) : w(x, (slice(None, None, -1),), 0)
x(3,4) : w(x, [7], 0)
x(3,4) : w(x.expand(2, 3, 4), (slice(None), 0), 1.0)
x(3,4) : w(x.requires_grad_(), 0, 1.0)
x(3,4) : w(x.requires_grad_()[0], 0, 1.0)
x(3,4) i(3,2)<4 : x.gather(2, i)
x(3,4) i(3)<4 : x.gather(1, i)
x(3,4) : x.gather(1, t.tensor([[0], [5], [0]]))
x(3,4) : x.gather(1, t.tensor([[-1], [0], [0]]))
x(3,4) : x.gather(1, t.tensor([[0.0], [1.0], [0.0]]))
x(3,4) i(4,2)<4 : x.gather(1, i)
x(3,4) i(3,2)<4 y(3,1) : x.scatter(1, i, y)
x(3,4) i(3,2)<4 n(3,2) : x.scatter(1, i, n)
x(3,4) y(3,2) : x.scatter(1, t.tensor([[4, 0], [0, 0], [0, 0]]), y)
x(3,4) i(3,2)<4 y(3,2) : x.scatter_reduce(1, i, y, "biggest")
x(3,4) i(3,2)<4 y(3,2) : x.scatter_add(2, i, y)
x(3,4) : x.index_select(0, t.tensor([3]))
x(3,4) : x.index_select(0, t.tensor([[0]]))
x(3,4) : x.index_select(0, t.tensor([0.0]))
x(3,4) : x.index_select(2, t.tensor([0]))
x(3,4) y(2,4) : x.index_add(0, t.tensor([0]), y)
x(3,4) y(1,3) : x.index_add(0, t.tensor([0]), y)
x(3,4) n(1,4) : x.index_add(0, t.tensor([0]), n)
x(3,4) y(2,4) : x.index_copy(0, t.tensor([0]), y)
x(3,4) : x.index_fill(0, t.tensor([0]), t.tensor([1.0]))
x(3,4) : x.take(t.tensor([12]))
x(3,4) : x.take(t.tensor([0.0]))
x(3,4) y(3) : x.put(t.tensor([0]), y)
x(3,4) i(3)<3 : t.take_along_dim(x, i, 1)
x(3,4) m(3) : x.masked_select(m)
x(3,4) n(3,4) : x.masked_select(n)
x(3,4) y(2) : x.masked_scatter(x > -5, y)
"""


def write(x: object, index: object, value: object) -> object:
    """x * 1 with `index` replaced: what a line of WRITES calls `w`."""
    y = x * 1 if x.is_floating_point() else x.clone()
    y[index] = value
    return y


def write_here(x: object, index: object, value: object) -> object:
    x[index] = value
    return x


@pytest.fixture(autouse=True)
def _writing(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    from tests.oracle import comparing

    function = write_here if "errors" in request.node.name else write
    monkeypatch.setitem(comparing._NAMES, "w", function)


@pytest.mark.parametrize("line", [*lines(READS), *lines(WRITES), *lines(CALLS)])
def test_calls(line: str) -> None:
    compare(torch, line)


@pytest.mark.parametrize("line", lines(ERRORS))
def test_errors(line: str) -> None:
    same_error(torch, line, 20)


ENTRIES = [
    0,
    -1,
    slice(None),
    slice(1, None),
    slice(None, None, 2),
    None,
    Ellipsis,
    [1, 0],
    [[0, 1]],
    "mask",
    True,
]


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_every_mixture_of_entries(ndim: int) -> None:
    """Reads and writes with every pair or triple of kinds of entries, result placement included."""
    shape = (2, 3, 4)[:ndim]
    a = np.arange(24.0).reshape(2, 3, 4)[(slice(None),) * ndim + (0,) * (3 - ndim)].copy()
    count = 0
    for n in range(1, min(ndim + 1, 3) + 1):
        for entries in itertools.product(ENTRIES, repeat=n):
            index, axis = [], 0
            left = sum(e is not None and e is not Ellipsis and e is not True for e in entries)
            for e in entries:
                if e is Ellipsis:
                    axis += max(ndim - left, 0)
                elif e == "mask" and axis < ndim:
                    e = torch.arange(shape[axis]) % 2 == 0
                index.append(e)
                axis += e is not None and e is not Ellipsis and e is not True
            if "mask" in [e for e in index if isinstance(e, str)]:
                continue
            count += _same_at(a, tuple(index))
    assert count > 10


def _same_at(a: np.ndarray, index: tuple) -> bool:
    mine = tuple(tl.tensor(e.numpy()) if isinstance(e, torch.Tensor) else e for e in index)
    x, y = torch.tensor(a), tl.tensor(a)
    try:
        want = x[index]
    except (IndexError, ValueError, RuntimeError):
        with pytest.raises((IndexError, ValueError, RuntimeError)):
            y[mine]
        return False
    got = y[mine]
    assert tuple(got.shape) == tuple(want.shape), index
    np.testing.assert_array_equal(got.numpy(), want.numpy())
    values = np.arange(want.numel(), dtype=float).reshape(tuple(want.shape)) + 100
    x[index] = torch.tensor(values)
    y[mine] = tl.tensor(values)
    np.testing.assert_array_equal(y.numpy(), x.numpy(), err_msg=str(index))
    return True


DTYPES = ["float32", "float16", "int64", "int32", "int16", "int8", "uint8", "bool"]
OF_EVERY_DTYPE = """
x.sort() ; x.argsort() ; t.unique(x) ; x.tril() ; x.flip(0) ; x.roll(1) ; x @ x.T ; x[0] @ x[1]
t.bmm(x[None], x.T[None]) ; t.einsum('ij,kj->ik', x, x) ; t.outer(x[0], x[1]) ; t.kron(x, x)
x.gather(1, i) ; x.scatter(1, i, x) ; x.scatter_add(1, i, x) ; x.scatter_reduce(1, i, x, 'prod')
x.scatter_reduce(1, i, x, 'amax') ; x.index_add(0, i[0, :3] % 3, x) ; x.index_fill(0, i[0, :1], 1)
x.masked_select(x > 0) ; t.bincount(x[0]) ; t.histc(x, 3) ; x.nonzero() ; t.diag(x[0])
t.cross(x[:, :3], x[:, :3], dim=1) ; t.linalg.norm(x) ; t.linalg.det(x[:, :3]) ; t.cov(x)
t.nn.functional.one_hot(x[0]) ; t.nn.functional.linear(x, x) ; t.addmm(x[:, :3], x, x.T)
x.repeat_interleave(2) ; t.cat([x, i]) ; t.stack([x, i]) ; t.tensordot(x, x, ([1], [1]))
t.cartesian_prod(x[0], x[1]) ; x[x > 0] ; x.take(i) ; x.put(i[0], x[0]) ; t.block_diag(x, i)
x.unfold(1, 2, 1) ; t.matrix_power(x[:, :3], 2) ; t.linalg.solve(x[:, :3], x) ; t.cdist(x, x)
x.index_select(1, i[0]) ; x.masked_scatter(x > 0, x) ; t.unique_consecutive(x) ; x.diag_embed()
w(x, 0, 1) ; w(x, 0, 1.7) ; w(x, 0, -1) ; w(x, 0, True) ; w(x, [0], 2.5) ; w(x, x > 0, 3)
w(x, 0, t.tensor(2.5)) ; w(x, [0], t.tensor([1.5, 1, 1, 1])) ; w(x, 0, 300) ; w(x, 0, nan)
w(x, x > 0, t.tensor(2.5)) ; x.topk(4)[0] ; t.searchsorted(x[0].sort()[0].long(), x.long())
"""


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype(dtype: str) -> None:
    """The same value and dtype, or refused by both."""
    rng = np.random.default_rng(0)
    a = rng.uniform(-2, 2, (3, 4)) if dtype[0] == "f" else rng.integers(0, 3, (3, 4))
    i = rng.integers(0, 3, (3, 4))
    rough = 2e-3 if dtype == "float16" else 1e-5
    # what PyTorch lacks a kernel for and NumPy has
    extra = {("float16", "t.cdist(x, x)")}
    for expression in OF_EVERY_DTYPE.replace("\n", " ; ").split(" ; "):
        if not expression.strip() or (dtype, expression) in extra:
            continue
        found = []
        for t in (tl, torch):
            names = {"x": t.tensor(a.astype(dtype)), "i": t.tensor(i)}
            try:
                value = evaluate(t, expression, {**names, "w": write_copy})
            except Exception as error:
                found.append(error)
            else:
                found.append(flat(value))
        mine, theirs = found
        what = f"{dtype}: {expression}"
        assert isinstance(mine, Exception) == isinstance(theirs, Exception), f"{what}: {found}"
        if not isinstance(mine, Exception):
            for p, q in zip(mine, theirs, strict=True):
                same_value(what, p, q, rough, rough)


def write_copy(x: object, index: object, value: object) -> object:
    y = x.clone()
    y[index] = value
    return y
