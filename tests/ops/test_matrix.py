"""Products, einsum, linalg: identities, shapes, and what may not be copied."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite.testing import gradcheck, gradgradcheck


def _normal(*shape: int, seed: int = 0) -> tl.Tensor:
    rng = np.random.default_rng(seed)
    return tl.tensor(rng.standard_normal(shape)).requires_grad_()


def test_every_rank_against_numpy() -> None:
    shapes = [((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 4)), ((2, 3), (3, 4)), ((5, 2, 3), (3, 4))]
    shapes += [((2, 3), (5, 3, 4)), ((5, 2, 3), (5, 3, 4)), ((6, 1, 2, 3), (5, 3, 4))]
    for a, b in shapes:
        x, y = _normal(*a), _normal(*b, seed=1)
        z = x @ y
        np.testing.assert_allclose(z.detach().numpy(), x.detach().numpy() @ y.detach().numpy())
        assert gradcheck(tl.matmul, (x, y))
        assert gradgradcheck(tl.matmul, (x, y))


def test_linear_is_one_node_and_skips_the_gradient_nobody_wants() -> None:
    x, W, b = _normal(4, 3).detach(), _normal(2, 3), _normal(2)
    y = tl.nn.functional.linear(x, W, b)
    assert y.grad_fn is not None
    assert [p is None for p in y.grad_fn.parents] == [True, False, False]
    assert y.grad_fn.saved[1] is None, "the weight is kept only for the gradient of x"
    assert gradcheck(tl.nn.functional.linear, (_normal(2, 4, 3), W, b))


def test_mismatches_say_what_they_are() -> None:
    x = tl.ones(2, 3)
    with pytest.raises(RuntimeError, match=r"shapes cannot be multiplied \(2x3 and 4x5\)"):
        x @ tl.ones(4, 5)
    with pytest.raises(RuntimeError, match="expected m1 and m2 to have the same dtype"):
        x @ tl.ones(3, 2, dtype=tl.float64)
    with pytest.raises(TypeError, match="unsupported operand"):
        x @ 2


def test_einsum_of_more_operands_takes_the_cheap_path() -> None:
    """abc,bd,ce->ade over 40 each would be 40 ** 5 products in one go."""
    x, y, z = _normal(20, 40, 40), _normal(40, 30, seed=1), _normal(40, 30, seed=2)
    got = tl.einsum("abc,bd,ce->ade", x, y, z)
    arrays = [t.detach().numpy() for t in (x, y, z)]
    np.testing.assert_allclose(
        got.detach().numpy(), np.einsum("abc,bd,ce->ade", *arrays, optimize=True), atol=1e-9
    )


def test_factorizations_give_back_the_matrix() -> None:
    a = _normal(4, 4).detach()
    spd = a @ a.T + tl.eye(4, dtype=tl.float64)
    la = tl.linalg
    L = la.cholesky(spd)
    Q, R = la.qr(a)
    U, S, Vh = la.svd(a)
    w, V = la.eigh(spd)
    eye = tl.eye(4, dtype=tl.float64)
    for got, want in (
        (L @ L.T, spd),
        (Q @ R, a),
        (Q.T @ Q, eye),
        (U @ tl.diag(S) @ Vh, a),
        (V @ tl.diag(w) @ V.T, spd),
        (la.inv(a) @ a, eye),
        (a @ la.solve(a, spd), spd),
        (la.matrix_exp(a) @ la.matrix_exp(-a), eye),
        (la.matrix_power(a, -2) @ a @ a, eye),
        (a @ la.pinv(a), eye),
    ):
        np.testing.assert_allclose(got.numpy(), want.numpy(), atol=1e-9)


def test_cholesky_looks_at_the_lower_triangle_only() -> None:
    a = tl.tensor([[2.0, 99.0], [1.0, 3.0]], dtype=tl.float64).requires_grad_()
    L = tl.linalg.cholesky(a)
    np.testing.assert_allclose((L @ L.T).detach().numpy(), [[2, 1], [1, 3]])
    L.sum().backward()
    assert a.grad[0, 1] == 0


def test_singular_matrices() -> None:
    zero = tl.zeros(2, 2)
    with pytest.raises(tl.linalg.LinAlgError, match="singular"):
        tl.linalg.inv(zero)
    with pytest.raises(tl.linalg.LinAlgError, match="singular"):
        tl.linalg.solve(zero, tl.ones(2))
    with pytest.raises(tl.linalg.LinAlgError, match="not positive-definite"):
        tl.linalg.cholesky(-tl.eye(2))
    assert tl.linalg.det(zero) == 0
    sign, log = tl.linalg.slogdet(zero)
    assert sign == 0 and log == -float("inf")
    assert tl.linalg.pinv(zero).tolist() == [[0.0, 0.0], [0.0, 0.0]]


def test_sorting_is_stable_and_nan_is_largest() -> None:
    x = tl.tensor([2.0, float("nan"), 1.0, 2.0])
    assert x.sort().indices.tolist() == [2, 0, 3, 1]
    assert x.sort(descending=True).indices.tolist() == [1, 0, 3, 2]
    assert tl.tensor([1, 0, 1]).sort(descending=True).indices.tolist() == [0, 2, 1]
    low = tl.tensor([-128, 127, 0], dtype=tl.int8)
    assert low.sort(descending=True).values.tolist() == [127, 0, -128]


def test_results_of_several_values_have_names() -> None:
    found = tl.tensor([3.0, 1.0, 2.0]).topk(2)
    assert found.values.tolist() == [3.0, 2.0] and found.indices.tolist() == [0, 2]
    values, indices = found
    assert values is found[0] and indices is found[1]
    assert "torch.return_types.topk(" in repr(found)
