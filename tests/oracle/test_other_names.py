"""Functions that stand for others, under names few programs use, beside PyTorch's."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest

import tinygrad_lite as tl

torch = pytest.importorskip("torch")


def sequence(m: Any, *shape: int) -> Any:
    n = 1
    for s in shape:
        n *= s
    return ((m.arange(float(n)) * 7) % 11 / 4 - 1).reshape(shape)


def plain(result: Any) -> Any:
    if isinstance(result, (tuple, list)):
        return [plain(r) for r in result]
    return result.tolist() if hasattr(result, "tolist") else result


def outcome(m: Any, call: Callable[[Any], Any]) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return plain(call(m))
        except Exception as error:
            return type(error).__name__


CALLS: dict[str, Callable[[Any], Any]] = {
    "max_pool1d": lambda m: m.nn.functional.max_pool1d_with_indices(sequence(m, 1, 2, 7), 3, 2),
    "max_pool1d at the top": lambda m: m.max_pool1d_with_indices(sequence(m, 1, 2, 7), 3),
    "max_pool2d": lambda m: m.nn.functional.max_pool2d_with_indices(
        sequence(m, 1, 2, 5, 6), 3, padding=1, ceil_mode=True
    ),
    "max_pool3d": lambda m: m.nn.functional.max_pool3d_with_indices(sequence(m, 1, 2, 4, 4, 4), 2),
    "adaptive 1": lambda m: m.nn.functional.adaptive_max_pool1d_with_indices(
        sequence(m, 2, 3, 7), 3
    ),
    "adaptive 2": lambda m: m.nn.functional.adaptive_max_pool2d_with_indices(
        sequence(m, 2, 5, 7), (3, None)
    ),
    "adaptive 3": lambda m: m.nn.functional.adaptive_max_pool3d_with_indices(
        sequence(m, 1, 2, 3, 4, 5), 2, return_indices=False
    ),
    "channel_shuffle": lambda m: m.native_channel_shuffle(sequence(m, 1, 4, 2, 2), 2),
    "conv_tbc": lambda m: m.conv_tbc(
        sequence(m, 5, 2, 3), sequence(m, 2, 3, 4), sequence(m, 4), 1
    ).mul(100).round(),
    "conv_tbc of two axes": lambda m: m.conv_tbc(
        sequence(m, 5, 2), sequence(m, 2, 3, 4), sequence(m, 4)
    ),
    "conv_tbc of other channels": lambda m: m.conv_tbc(
        sequence(m, 5, 2, 2), sequence(m, 2, 3, 4), sequence(m, 4)
    ),
    "conv_tbc of another bias": lambda m: m.conv_tbc(
        sequence(m, 5, 2, 3), sequence(m, 2, 3, 4), sequence(m, 3)
    ),
    "cond": lambda m: m.cond(m.tensor(False), lambda x: x + 1, lambda x: x - 1, (m.ones(2),)),
    "cond of a number": lambda m: m.cond(1, lambda x: x + 1, lambda x: x - 1, (m.ones(2),)),
    "cond of several": lambda m: m.cond(m.ones(2) > 0, lambda: 1, lambda: 2),
    "cond of no function": lambda m: m.cond(True, lambda x: x, 3, (m.ones(2),)),
    "cond by a Tensor, of no function": lambda m: m.cond(
        m.tensor(True), lambda x: x, 3, (m.ones(2),)
    ),
    "cond by a Tensor, of no tuple": lambda m: m.cond(
        m.tensor(True), lambda x: x, lambda x: x, m.ones(2)
    ),
    "while_loop": lambda m: m.while_loop(
        lambda i, x: i < 3, lambda i, x: (i + 1, x * 2), (m.tensor(0), m.ones(2))
    ),
    "sym": lambda m: [
        m.sym_float(2), m.sym_int(2.7), m.sym_not(False), m.sym_sqrt(4), m.sym_max(1, 2.5),
        m.sym_max(3, 2.5), m.sym_min(1, 2), m.sym_sum([1, 2, 3]), m.sym_sum(1, 2),
        m.sym_ite(False, 1, 2),
    ],
    "sym_max of a text": lambda m: m.sym_max("a", 1),
    "sym_ite of a number": lambda m: m.sym_ite(1, 1, 2),
    "sym_ite of two kinds": lambda m: m.sym_ite(True, 1, 2.0),
    "hardshrink": lambda m: sequence(m, 6).hardshrink(0.4),
    "prelu": lambda m: sequence(m, 2, 3).prelu(m.tensor([0.5])),
    "sample_n": lambda m: m.distributions.Normal(m.zeros(3), 1).sample_n(2).shape,
    "assert_allclose": lambda m: m.testing.assert_allclose(m.ones(2), [1.0, 1.00005]),
    "assert_allclose of others": lambda m: m.testing.assert_allclose(m.ones(2), [1.0, 1.0002]),
    "clip_grad_norm": lambda m: m.nn.utils.clip_grad_norm(
        m.ones(2, requires_grad=True), 1.0, error_if_nonfinite=True, foreach=None
    ),
    "flags": lambda m: [
        getattr(m.ones(1), f"is_{name}")
        for name in ("mtia", "ipu", "xla", "vulkan", "maia", "sparse_csr", "nested")
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_same(name: str) -> None:
    assert outcome(tl, CALLS[name]) == outcome(torch, CALLS[name])


@pytest.mark.parametrize("m", [tl, torch], ids=["ours", "theirs"])
def test_a_distribution_of_a_users_own(m: Any) -> None:
    """`expand` as PyTorch's own distributions write it."""
    base = m.distributions.Distribution

    class Shifted(base):  # type: ignore[misc, valid-type]
        arg_constraints = {"loc": m.distributions.constraints.real}

        def __init__(self, loc: Any, validate_args: Any = None) -> None:
            self.loc = loc
            super().__init__(loc.shape, validate_args=validate_args)

        def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
            new = self._get_checked_instance(Shifted, _instance)
            new.loc = self.loc.expand(batch_shape)
            super(Shifted, new).__init__(batch_shape, validate_args=False)
            new._validate_args = self._validate_args
            return new

    class Other(Shifted):
        def __init__(self) -> None:
            super().__init__(m.zeros(1))

    wide = Shifted(m.ones(1)).expand(m.Size([4]))
    assert type(wide) is Shifted
    assert tuple(wide.batch_shape) == tuple(wide.loc.shape) == (4,)
    with pytest.raises(NotImplementedError, match="must also define a custom .expand"):
        Other().expand(m.Size([4]))


def test_gradients_flow_through_the_branch_and_the_loop() -> None:
    x = tl.tensor([1.0, 2.0], requires_grad=True)
    y = tl.cond(x.sum() > 0, lambda x: x * x, lambda x: x, (x,))
    (_, z) = tl.while_loop(lambda i, v: i < 3, lambda i, v: (i + 1, v * 2), (0, y))
    (g,) = tl.autograd.grad(z.sum(), x)
    assert g.tolist() == [16.0, 32.0]
    with pytest.raises(RuntimeError, match="same number of elements"):
        tl.while_loop(lambda i: i < 3, lambda i: (i, i), (0,))
