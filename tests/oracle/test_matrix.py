"""Products of matrices, einsum and statistics against PyTorch."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_lite as tl
from tests.oracle.comparing import compare, lines, same_error

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore")  # PyTorch warns of what it will change

CALLS = """
x(3,4) y(4,5) : x @ y
x(3,4) y(4) : x @ y
x(4) y(4,5) : x @ y
x(4) y(4) : x @ y
x(2,3,4) y(4,5) : x @ y
x(2,3,4) y(4) : x @ y
x(4) y(2,4,5) : x @ y
x(3,4) y(2,4,5) : x @ y
x(2,3,4) y(2,4,5) : t.matmul(x, y)
x(2,1,3,4) y(5,4,2) : t.matmul(x, y)
x(1,2,3,4) y(6,1,4,2) : x.matmul(y)
x(4,3) y(4,5) : x.T @ y
x(4,3) y(5,4) : x.T @ y.T
x(2,4,3) y(4,5) : x.mT @ y
x(2,3,4) y(5,4) : x @ y.T
x(3,2,4) y(4,5) : x.transpose(0, 1) @ y
x(3,4) : x @ x.T
x(3,3) : x @ x @ x
x(0,4) y(4,5) : x @ y
x(3,0) y(0,5) : x @ y
x(2,0,4) y(4,5) : x @ y
x(3,4) y(4,0) : x @ y
x(1,1) y(1,1) : x @ y
n(3,4) : n @ n.T
n(4) :0 n @ n
n(2,3,4) :0 n @ n.mT
x(3,4) y(4,5) : t.mm(x, y)
x(3,4) y(4,5) : x.mm(y)
x(3,4) y(4) : t.mv(x, y)
x(3,4) y(4) : x.mv(y)
x(4) y(4) : t.dot(x, y)
x(4) y(4) : x.dot(y)
x(0) y(0) : x.dot(y)
x(4) y(4) : t.vdot(x, y)
x(2,3,4) y(2,4,5) : t.bmm(x, y)
x(2,3,4) y(2,4,5) : x.bmm(y)
x(4) y(4) : t.inner(x, y)
x(2,4) y(3,4) : t.inner(x, y)
x(2,3,4) y(4) : x.inner(y)
x(2,3) y() : t.inner(x, y)
x(3) y(4) : t.outer(x, y)
x(3) y(4) : x.outer(y)
x(3) y(4) : t.ger(x, y)
x(3,5) y(3,4) z(4,5) : t.addmm(x, y, z)
x(5) y(3,4) z(4,5) : t.addmm(x, y, z, beta=0.5, alpha=2)
x(3,5) y(3,4) z(4,5) : x.addmm(y, z, alpha=-1)
x() y(3,4) z(4,5) : t.addmm(x, y, z)
x(3,5) y(3,4) z(4,5) : (x * 1).addmm_(y, z)
x(3,5) y(3,4) z(4,5) : t.addmm(x * nan, y, z, beta=0).detach()
x(3) y(3,4) z(4) : t.addmv(x, y, z)
x(3) y(3,4) z(4) : x.addmv(y, z, beta=2, alpha=0.5)
x(3,4) y(3) z(4) : t.addr(x, y, z)
x(3,4) y(3) z(4) : x.addr(y, z, beta=0.5, alpha=3)
x(2,3,5) y(2,3,4) z(2,4,5) : t.baddbmm(x, y, z)
x(1,5) y(2,3,4) z(2,4,5) : x.baddbmm(y, z, beta=0.5)
x(3,5) y(2,3,4) z(2,4,5) : t.addbmm(x, y, z)
x(3,5) y(2,3,4) z(2,4,5) : t.addbmm(x, y, z, beta=2, alpha=0.5)
x(2,3) y(4,5) : t.kron(x, y)
x(2) y(3) : x.kron(y)
x(2,3) y(3) : t.kron(x, y)
x(2,3,4) y(4,3,5) : t.tensordot(x, y, dims=([1, 2], [1, 0]))
x(2,3,4) y(3,4,5) : t.tensordot(x, y)
x(2,3) y(3,5) : t.tensordot(x, y, 1)
x(2,3) y(4) : t.tensordot(x, y, dims=0)
x(2,3) y(3,2) : t.tensordot(x, y, ([0, 1], [1, 0]))
x(2,3) y(3,5) : t.tensordot(x, y, ((-1,), (0,)))
x(2,3) y(3,4) z(4,5) : t.chain_matmul(x, y, z)
x(2,3) y(2,3) : t.cross(x, y, dim=1)
x(3,2) y(3,2) : t.cross(x, y, 0)
x(3) y(3) : x.cross(y)
x(2,3) y(1,3) : t.linalg.cross(x, y)
x(3,4) : t.trace(x)
x(3,3) : x.trace()
x(3,5) : t.cov(x)
x(3,5) : x.cov(correction=0)
x(5) : t.cov(x)
x(3,4) : t.cov(x, fweights=t.tensor([1, 2, 1, 3]))
x(3,4) : t.cov(x, aweights=t.tensor([0.5, 1.0, 2.0, 1.5]).double())
x(3,4) : t.cov(x, fweights=t.tensor([1, 2, 1, 3]), aweights=t.tensor([0.5, 1.0, 2.0, 1.5]).double())
x(3,5) : t.corrcoef(x)
x(5) : x.corrcoef()
x(3,4) y(5,4) :1 t.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist")
x(3,4) y(5,4) :1 t.cdist(x, y, p=1)
x(3,4) y(5,4) :1 t.cdist(x, y, p=3.0)
x(3,4) y(5,4) :1 t.cdist(x, y, p=inf)
x(2,3,4) y(2,5,4) :1 t.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist")
x(4,3) :1 t.pdist(x)
x(4,3) :1 t.pdist(x, p=1)
x(2) y(3) : t.cartesian_prod(x, y)
x(2) y(3) z(2) : t.cartesian_prod(x, y, z)
x(2) : t.cartesian_prod(x)
x(2,3) y(4,3) : t.nn.functional.linear(x, y)
x(2,3) y(4,3) z(4) : t.nn.functional.linear(x, y, z)
x(5,2,3) y(4,3) z(4) : t.nn.functional.linear(x, y, z)
x(3) y(4,3) z(4) : t.nn.functional.linear(x, y, bias=z)
x(2,3) y(3) : t.nn.functional.linear(x, y)
x(2,0) y(4,0) z(4) : t.nn.functional.linear(x, y, z)
x(3,4) y(4,5) : t.einsum("ij,jk->ik", x, y)
x(3,4) y(4,5) : t.einsum("ij,jk", x, y)
x(3,4) : t.einsum("ij->ji", x)
x(3,4) : t.einsum("ba", x)
x(3,3) : t.einsum("ii->i", x)
x(3,3) : t.einsum("ii", x)
x(3,4) : t.einsum("ij->", x)
x(3,4) : t.einsum("ij->j", x)
x(3) y(4) : t.einsum("i,j->ij", x, y)
x(3) y(3) : t.einsum("i,i->", x, y)
x(3) y(3) : t.einsum("i,i->i", x, y)
x(2,3,4) y(2,4,5) : t.einsum("bij,bjk->bik", x, y)
x(2,3,4,5) y(2,3,6,5) : t.einsum("bhid,bhjd->bhij", x, y)
x(2,3,4,5) y(2,3,5,6) : t.einsum("bhij,bhjd->bihd", x, y)
x(2,3) y(3,4) z(4,5) : t.einsum("ij,jk,kl->il", x, y, z)
x(2,3) y(3,4) z(4,5) v(5,2) : t.einsum("ij,jk,kl,lm->im", x, y, z, v)
x(2,3) y(3,4) z(4,5) v(5,2) : t.einsum("ij,jk,kl,li->", x, y, z, v)
x(2,3,4) y(4,5) z(3,5) : t.einsum("abc,cd,bd->a", x, y, z)
x(3,4) y(3,4) z(3,4) : t.einsum("ij,ij,ij->j", x, y, z)
x(3,3,4) y(4,5) : t.einsum("iij,jk->k", x, y)
x(2,3,4) y(4,5) : t.einsum("...ij,...jk->...ik", x, y)
x(2,3,4) y(2,4) : t.einsum("b...i,bi->b...", x, y)
x(2,3,1) y(2,3,4) : t.einsum("i...,i...->...", x, y)
x(3,1) y(4,5) : t.einsum("ij,jk->ik", x, y)
x(2,3,3) : t.einsum("...ii->...i", x)
x(2,3) y(3,4) : t.einsum("ij, jk -> ki", x, y)
x(2,3) y(3,4) : t.einsum(x, [0, 1], y, [1, 2], [0, 2])
x(2,3) y(3,4) : t.einsum(x, [0, 1], y, [1, 2])
x(2,3) y(3,4) : t.einsum("ij,jk->ik", [x, y])
x(2,3,4) y(5,4) z(5,3) : t.einsum("bnm,km,kn->bk", x, y, z)
x(2,3) y() : t.einsum("ij,->ij", x, y)
x() y() : t.einsum(",->", x, y)
x(3,2) y(3) : t.einsum("ia,i->a", x, y)
x(0,3) y(3,2) : t.einsum("ij,jk->ik", x, y)
"""

ERRORS = """
x(2,3) y(4,5) : x @ y
x(2,3) y(2) : x @ y
x(3) y(4) : x @ y
x(3) y(4,5) : x @ y
x(2,2,3) y(4,5) : x @ y
x(2,2,3) y(2,4,5) : x @ y
x(2,2,3) y(3,3,5) : x @ y
x() y(3) : x @ y
x(2,3) n(3,2) : x @ n
x(3) n(3) : x @ n
x(2,3) y(3,2) : x @ y.float()
x(2,3) : x @ 2
x(2,3) : x @ [1, 2, 3]
x(2,3) y(3) : t.mm(x, y)
x(2,3) y(2,3) : t.mm(x, y)
x(3) y(3,2) : t.mm(x, y)
x(2,3) y(2,3) : t.bmm(x, y)
x(2,2,3) y(3,3,2) : t.bmm(x, y)
x(2,3) y(2) : t.mv(x, y)
x(3) y(3) : t.mv(x, y)
x(2,3) y(3) : t.dot(x, y)
x(2) y(3) : t.dot(x, y)
x(2,3) y(3) : t.outer(x, y)
x(2,3) y(4) : t.inner(x, y)
x(2,2) y(3,4) z(4,5) : t.addmm(x, y, z)
x(3,5) y(3,4,1) z(4,5) : t.addmm(x, y, z)
x(3) y(3) z(4) : t.addmv(x, y, z)
x(3) y(3,2) z(4) : t.addr(x, y, z)
x(2,3,5) y(2,3,4) z(3,4,5) : t.baddbmm(x, y, z)
x(2,3) y(4,5) : t.tensordot(x, y, dims=([1], [0]))
x(2,3) y(4,5) : t.tensordot(x, y, dims=([0, 1], [0]))
x(2,3) y(3) : t.tensordot(x, y, dims=2)
x(2,3) y(3) : t.tensordot(x, y, dims=-1)
x(2,4) y(2,4) : t.cross(x, y, dim=1)
x(2,3) y(3) : t.cross(x, y, dim=1)
x(3) : t.trace(x)
x(2,3,4) : t.cov(x)
x(3) y(4,3) : t.cdist(x, y)
x(2,3) y(4,4) : t.cdist(x, y)
x(2,3) y(4,3) : t.cdist(x, y, p=-1)
x(3) : t.pdist(x)
x(2,3) : t.cartesian_prod(x)
x(2,3) y(4,4) : t.nn.functional.linear(x, y)
x(2,3) y(4,3) n(4) : t.nn.functional.linear(x, y.float())
x(2,3) : t.einsum("ij")
x(2,3) : t.einsum("ijk", x)
x(2,3) : t.einsum("i", x)
x(2,3) : t.einsum("ij,jk", x)
x(2,3) : t.einsum("ij", x, x)
x(2,3) : t.einsum("ij->ijk", x)
x(2,3) : t.einsum("ij->ii", x)
x(2,3) y(4,5) : t.einsum("ij,jk->ik", x, y)
x(2,3) : t.einsum("ii", x)
x(2,3) : t.einsum("i1", x)
"""


@pytest.mark.parametrize("line", lines(CALLS))
def test_calls(line: str) -> None:
    compare(torch, line)


@pytest.mark.parametrize("line", lines(ERRORS))
def test_errors(line: str) -> None:
    same_error(torch, line)


@pytest.mark.parametrize("dtype", ["int64", "int32", "int16", "int8", "uint8"])
def test_integer_products_wrap_around(dtype: str) -> None:
    rng = np.random.default_rng(0)
    info = np.iinfo(dtype)
    a, b = (rng.integers(info.min, info.max, (4, 4), dtype=dtype) for _ in range(2))
    want = torch.tensor(a) @ torch.tensor(b)
    got = tl.tensor(a) @ tl.tensor(b)
    assert str(got.dtype) == str(want.dtype)
    np.testing.assert_array_equal(got.numpy(), want.numpy())


def test_float32_products() -> None:
    rng = np.random.default_rng(0)
    for shapes in [((50, 60), (60, 70)), ((8, 20, 30), (30, 40)), ((6, 20, 30), (6, 30, 10))]:
        a, b = (rng.standard_normal(s).astype(np.float32) for s in shapes)
        want, got = torch.tensor(a) @ torch.tensor(b), tl.tensor(a) @ tl.tensor(b)
        np.testing.assert_allclose(got.numpy(), want.numpy(), rtol=1e-5, atol=1e-5)


def test_random_equations() -> None:
    """Random equations of two to four operands: value and gradients."""
    rng = np.random.default_rng(0)
    size = dict(zip("abcdef", (2, 3, 1, 4, 2, 3), strict=True))
    for _ in range(60):
        count = rng.integers(1, 5)
        terms = ["".join(rng.choice(list("abcdef"), rng.integers(0, 4))) for _ in range(count)]
        known = sorted(set("".join(terms)))
        out = "".join(rng.permutation(known)[: rng.integers(0, len(known) + 1)])
        equation = ",".join(terms) + ("->" + out if rng.integers(0, 4) else "")
        arrays = [rng.standard_normal([size[c] for c in term]) for term in terms]
        values = []
        for t in (torch, tl):
            xs = [t.tensor(a).requires_grad_() for a in arrays]
            y = t.einsum(equation, *xs)
            (y * y).sum().backward()
            values.append([y.detach().numpy(), *[x.grad.numpy() for x in xs]])
        for a, b in zip(*values, strict=True):
            np.testing.assert_allclose(b, a, rtol=1e-9, atol=1e-9, err_msg=equation)
