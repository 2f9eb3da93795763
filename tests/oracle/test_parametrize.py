"""Parametrized modules against PyTorch's: keys, values, gradients, states in both directions."""

from __future__ import annotations

import copy
import pickle
import warnings
from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl

torch = pytest.importorskip("torch")

# `t` is the package, `P` its parametrizations, `U` its nn.utils
CASES = [
    ("P.weight_norm(t.nn.Linear(4, 3))", (2, 4)),
    ("P.weight_norm(t.nn.Linear(4, 3), dim=1)", (2, 4)),
    ("P.weight_norm(t.nn.Linear(4, 3), dim=None)", (2, 4)),
    ("P.weight_norm(t.nn.Linear(4, 3), 'bias')", (2, 4)),
    ("P.weight_norm(t.nn.Conv2d(4, 6, 3))", (2, 4, 5, 5)),
    ("P.weight_norm(t.nn.Conv2d(4, 6, 3), dim=-2)", (2, 4, 5, 5)),
    ("P.weight_norm(t.nn.ConvTranspose1d(4, 6, 3), dim=1)", (2, 4, 5)),
    ("P.weight_norm(P.weight_norm(t.nn.Linear(4, 3)), 'bias')", (2, 4)),
    ("P.spectral_norm(t.nn.Linear(4, 3))", (2, 4)),
    ("P.spectral_norm(t.nn.Linear(4, 3), n_power_iterations=3, dim=1)", (2, 4)),
    ("P.spectral_norm(t.nn.Linear(4, 3), 'bias')", (2, 4)),
    ("P.spectral_norm(t.nn.Linear(4, 3), eps=0.5)", (2, 4)),
    ("P.spectral_norm(t.nn.Conv2d(4, 6, 3))", (2, 4, 5, 5)),
    ("P.spectral_norm(t.nn.ConvTranspose2d(4, 6, 3))", (2, 4, 5, 5)),
    *[
        (f"P.orthogonal(t.nn.Linear({a}, {b}), orthogonal_map='{name}', use_trivialization={u})", s)
        for name in ("matrix_exp", "cayley", "householder")
        for u in (True, False)
        for a, b, s in [(4, 3, (2, 4)), (3, 5, (2, 3)), (4, 4, (2, 4))]
    ],
    ("P.orthogonal(t.nn.Linear(4, 4))", (2, 4)),
    ("P.orthogonal(t.nn.Linear(4, 3))", (2, 4)),
    ("P.orthogonal(t.nn.Conv1d(4, 3, 5))", (2, 4, 6)),
    ("P.spectral_norm(P.orthogonal(t.nn.Linear(4, 3)))", (2, 4)),
    ("U.weight_norm(t.nn.Linear(4, 3))", (2, 4)),
    ("U.weight_norm(t.nn.Linear(4, 3), dim=None)", (2, 4)),
    ("U.weight_norm(t.nn.Conv2d(4, 6, 3), dim=1)", (2, 4, 5, 5)),
    ("U.spectral_norm(t.nn.Linear(4, 3))", (2, 4)),
    ("U.spectral_norm(t.nn.Linear(4, 3), n_power_iterations=2, dim=1)", (2, 4)),
    ("U.spectral_norm(t.nn.ConvTranspose2d(4, 6, 3))", (2, 4, 5, 5)),
]


def build(t: Any, make: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # nn.utils.weight_norm is deprecated
        names = {"t": t, "U": t.nn.utils, "P": t.nn.utils.parametrizations}
        return eval(make, names).double()  # the text is this file's own


def arrays(module: Any) -> dict[str, np.ndarray]:
    return {k: v.numpy().copy() for k, v in module.state_dict().items()}


def load(t: Any, module: Any, state: dict[str, np.ndarray]) -> None:
    module.load_state_dict({k: t.from_numpy(v.copy()) for k, v in state.items()})


def run(t: Any, module: Any, x: np.ndarray) -> dict[str, np.ndarray]:
    """Output and gradients of a weighted sum of two calls: both see their own weights."""
    a = t.tensor(x, requires_grad=True)
    module.zero_grad()
    y, z = module(a), module(a * 0.5)
    w = t.tensor(np.random.default_rng(3).normal(size=tuple(y.shape)))
    ((y * w).sum() + (z * y).sum()).backward()
    found = {"y": y.detach().numpy(), "z": z.detach().numpy(), "x": a.grad.numpy()}
    return found | {n: p.grad.numpy() for n, p in module.named_parameters() if p.grad is not None}


def assert_same(ours: dict[str, np.ndarray], theirs: dict[str, np.ndarray]) -> None:
    assert list(ours) == list(theirs)
    for name, value in theirs.items():
        # 1e-10: the matrix exponential and LAPACK's reflections are iterations of their own
        np.testing.assert_allclose(ours[name], value, rtol=1e-9, atol=1e-10, err_msg=name)


@pytest.mark.parametrize(("make", "shape"), CASES, ids=[make for make, _ in CASES])
def test_same_as_pytorch(make: str, shape: tuple[int, ...]) -> None:
    ours, theirs = build(tl, make), build(torch, make)
    assert repr(ours) == repr(theirs)
    x = np.random.default_rng(1).normal(size=shape)
    load(tl, ours, arrays(theirs))
    for mode in (True, False):
        ours.train(mode), theirs.train(mode)
        assert_same(run(tl, ours, x), run(torch, theirs, x))
        assert_same(arrays(ours), arrays(theirs))
    fresh = build(tl, make)
    load(torch, theirs, arrays(fresh))
    assert_same(run(tl, fresh.eval(), x), run(torch, theirs.eval(), x))
    ours_metadata = {k: dict(v) for k, v in ours.state_dict()._metadata.items()}
    assert ours_metadata == {k: dict(v) for k, v in theirs.state_dict()._metadata.items()}


@pytest.mark.parametrize("make", [make for make, _ in CASES if make.startswith("P.")])
def test_first_value_and_removal(make: str) -> None:
    """From the same weight: the same parametrized weight (where no drawing is involved)."""
    start = make[make.rindex("t.nn.") : make.index(")", make.rindex("t.nn.")) + 1]
    plain = build(torch, start)
    found = []
    for t in (tl, torch):
        module = build(t, start)
        load(t, module, arrays(plain))
        functions = {"t": t, "U": t.nn.utils, "P": t.nn.utils.parametrizations, "m": module}
        eval(make.replace(start, "m"), functions)  # the text is this file's own
        name = next(iter(module.parametrizations))
        module.eval()
        before = getattr(module, name).detach().numpy().copy()
        original = list(module.parameters())
        t.nn.utils.parametrize.remove_parametrizations(module, name)
        after = getattr(module, name).detach().numpy().copy()
        np.testing.assert_array_equal(before, after)
        kept = [any(p is q for q in module.parameters()) for p in original]
        found.append((before, kept, list(module.state_dict()), type(module).__name__))
    (ours, theirs) = (values for values, *_ in found)
    if "spectral" in make:  # the estimate of sigma starts from draws: the same but for a factor
        ours, theirs = ours / np.linalg.norm(ours), theirs / np.linalg.norm(theirs)
    np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)
    assert found[0][1:] == found[1][1:]


@pytest.mark.parametrize(
    "make",
    [
        "P.weight_norm(t.nn.Linear(4, 3))",
        "P.orthogonal(t.nn.Linear(4, 3))",
        "P.orthogonal(t.nn.Linear(4, 4), orthogonal_map='cayley')",
        "P.orthogonal(t.nn.Linear(3, 4), orthogonal_map='householder', use_trivialization=False)",
        "P.spectral_norm(t.nn.Linear(4, 3))",
    ],
)
def test_assignment(make: str) -> None:
    rng = np.random.default_rng(5)
    found = []
    ours, theirs = build(tl, make), build(torch, make)
    value, _ = np.linalg.qr(rng.normal(size=tuple(theirs.weight.shape)))
    value = value if value.shape == tuple(theirs.weight.shape) else value.T
    if value.shape != tuple(theirs.weight.shape):
        value = np.linalg.qr(rng.normal(size=tuple(theirs.weight.shape))[::-1].T)[0].T
    for t, module in ((tl, ours), (torch, theirs)):
        identity = [id(p) for p in module.parameters()]
        module.weight = t.tensor(value)
        assert identity == [id(p) for p in module.parameters()]
        found.append(module.eval().weight.detach().numpy())
    if "spectral" in make:  # u and v are not the ones of this matrix, and were drawn
        return
    np.testing.assert_allclose(found[0], found[1], atol=1e-12)
    np.testing.assert_allclose(found[0], value, atol=1e-12)


SYMMETRIC = """
class Symmetric(t.nn.Module):
    def forward(self, X):
        return X.triu() + X.triu(1).T
    def right_inverse(self, A):
        return A.triu()

class Skewed(t.nn.Module):
    def forward(self, X):
        return X + 1

class Pair(t.nn.Module):
    def forward(self, x, y):
        return x.unsqueeze(-1) @ y.unsqueeze(-2)
    def right_inverse(self, Z):
        return Z[:, 0].clone(), Z[0].clone()

class Wider(t.nn.Module):
    def forward(self, X):
        return t.cat([X, X])

class Halved(t.nn.Module):
    def forward(self, X):
        return X.float()

class NoTensor(t.nn.Module):
    def forward(self, X):
        return 3

class Alone(t.nn.Module):
    def forward(self, X):
        return X
    def right_inverse(self, X):
        return (X,)

class Halves(t.nn.Module):
    def forward(self, a, b):
        return t.cat([a, b])
    def right_inverse(self, X):
        return t.split(X, 2)

class BadInverse(t.nn.Module):
    def __init__(self, value):
        super().__init__()
        self.value = value
    def forward(self, *X):
        return X[0]
    def right_inverse(self, X):
        return self.value(X)
"""


def names_of(t: Any) -> dict[str, Any]:
    names: dict[str, Any] = {"t": t, "Z": t.nn.utils.parametrize, "copy": copy, "pickle": pickle}
    exec(SYMMETRIC, names)  # the text is this file's own
    names["m"] = t.nn.Linear(4, 4).double()
    with t.no_grad():
        names["m"].weight.copy_(t.tensor(np.arange(16.0).reshape(4, 4) / 7))
        names["m"].bias.zero_()
    names["R"] = names["Z"].register_parametrization
    return names


@pytest.mark.parametrize(
    "script",
    [
        "R(m, 'weight', Symmetric()); r = m.weight",
        "R(m, 'weight', Symmetric()); m.weight = m.weight + 2; r = m.weight",
        "R(m, 'weight', Pair()); r = m.weight",
        "R(m, 'weight', Pair()); R(m, 'weight', Symmetric()); r = m.weight",
        "R(m, 'weight', Symmetric()); R(m, 'weight', Skewed()); r = m.weight",
        "R(m, 'weight', Symmetric()); R(m, 'bias', Skewed()); r = m(m.weight)",
        "R(m, 'weight', Wider(), unsafe=True); r = m.weight",
        "R(m, 'weight', Halved(), unsafe=True); r = m.weight",
        "R(m, 'weight', Symmetric()); c = copy.deepcopy(m); r = c.weight + m.weight",
        "R(m, 'weight', Symmetric()); m.requires_grad_(False); r = m.weight",
        "m.register_buffer('b', t.ones(4, 4).double()); R(m, 'b', Symmetric()); r = m.b",
        (
            "m.register_buffer('b', t.ones(4, 4).double()); R(m, 'b', Pair()); r = m.b;"
            " Z.remove_parametrizations(m, 'b')"
        ),
        "R(m, 'weight', Symmetric()); Z.remove_parametrizations(m, 'weight', False); r = m.weight",
        "R(m, 'weight', Alone()); r = m.weight",
        "R(m, 'weight', Halves()); r = m.weight",
        "m.weight.requires_grad = False; R(m, 'weight', Halves()); r = m.weight",
        (
            "R(m, 'weight', Symmetric()); R(m.parametrizations.weight, 'original', Symmetric());"
            " r = m.weight"
        ),
        (
            "R(m, 'weight', Symmetric()); n = m.parametrizations.weight;"
            " R(n, 'original', Symmetric()); Z.remove_parametrizations(n, 'original', False);"
            " Z.remove_parametrizations(m, 'weight', False); r = m.weight"
        ),
        (
            "R(m, 'weight', Symmetric()); R(m, 'bias', Skewed());"
            " Z.remove_parametrizations(m, 'weight'); r = m.weight @ m.bias"
        ),
        "R(m, 'weight', Pair()); Z.remove_parametrizations(m, 'weight'); r = m.weight",
        (
            "R(m, 'weight', Symmetric()); n = t.nn.Linear(4, 4, False).double();"
            " Z.transfer_parametrizations_and_params(m, n); r = n.weight; m = n"
        ),
        (
            "R(m, 'weight', Pair()); n = t.nn.Linear(4, 4, False).double();"
            " Z.transfer_parametrizations_and_params(m, n, 'weight'); r = n.weight; m = n"
        ),
        (
            "R(m, 'weight', Symmetric()); n = t.nn.Module();"
            " Z.transfer_parametrizations_and_params(m, n); r = n.weight; m = n"
        ),
    ],
)
def test_script(script: str) -> None:
    """The same value, the same keys, the same class, the same gradients afterwards."""
    found = []
    for t in (tl, torch):
        names = names_of(t)
        exec(script, names)
        m, r = names["m"], names["r"]
        grads: dict[str, np.ndarray] = {}
        if r.requires_grad:
            (r * r).sum().backward()
            grads = {n: p.grad.numpy() for n, p in m.named_parameters() if p.grad is not None}
        kinds = [type(m).__name__, names["Z"].type_before_parametrizations(m).__name__]
        flags = [names["Z"].is_parametrized(m), names["Z"].is_parametrized(m, "weight")]
        values = {
            "r": r.detach().numpy(),
            **arrays(m),
            **{f"grad {n}": g for n, g in grads.items()},
        }
        found.append((values, kinds, flags, repr(m), [n for n, _ in m.named_parameters()]))
    assert_same(found[0][0], found[1][0])
    assert found[0][1:] == found[1][1:]


@pytest.mark.parametrize(
    "script",
    [
        "R(m, 'none', Symmetric())",
        "R(m, 'weight', Wider())",
        "R(m, 'weight', Halved())",
        "R(m, 'weight', NoTensor())",
        "R(m, 'weight', BadInverse(lambda X: 3))",
        "R(m, 'weight', BadInverse(lambda X: X.float()))",
        "R(m, 'weight', BadInverse(lambda X: [X, 3]))",
        "R(m, 'weight', Symmetric()); R(m, 'weight', Wider())",
        "R(m, 'weight', Symmetric()); R(m, 'weight', Halved())",
        "R(m, 'weight', Symmetric()); R(m, 'weight', NoTensor())",
        "R(m, 'weight', Symmetric()); R(m, 'weight', BadInverse(lambda X: 3))",
        "R(m, 'weight', Symmetric()); R(m, 'weight', BadInverse(lambda X: X.float()))",
        "R(m, 'weight', Symmetric()); R(m, 'weight', BadInverse(lambda X: X[0]))",
        "R(m, 'weight', Skewed()); m.weight = m.weight",
        "R(m, 'weight', Symmetric()); m.weight = m.weight.float()",
        "R(m, 'weight', Symmetric()); m.weight = t.nn.Parameter(m.weight)",
        "R(m, 'weight', Pair()); Z.remove_parametrizations(m, 'weight', False)",
        "Z.remove_parametrizations(m, 'weight')",
        "R(m, 'weight', Symmetric()); pickle.dumps(m)",
        "Z.ParametrizationList([], m.weight)",
        "t.nn.utils.parametrizations.orthogonal(m, 'bias')",
        "t.nn.utils.parametrizations.orthogonal(m, 'none')",
        "t.nn.utils.parametrizations.orthogonal(m, orthogonal_map='qr')",
        "t.nn.utils.parametrizations.orthogonal(m); m.weight = t.ones(3, 3)",
        (
            "t.nn.utils.parametrizations.orthogonal(m, use_trivialization=False);"
            " m.weight = t.ones(4, 4).double()"
        ),
        "t.nn.utils.parametrizations.spectral_norm(m, 'none')",
        "t.nn.utils.parametrizations.spectral_norm(m, n_power_iterations=0)",
        "t.nn.utils.parametrizations.spectral_norm(m, dim=2)",
        "t.nn.utils.remove_spectral_norm(m)",
        "t.nn.utils.remove_weight_norm(m)",
        "t.nn.utils.spectral_norm(t.nn.utils.spectral_norm(m))",
        "t.nn.utils.skip_init(int)",
        "t.nn.utils.skip_init(t.nn.ReLU)",
    ],
)
def test_same_errors(script: str) -> None:
    raised = []
    for t in (tl, torch):
        names = names_of(t)
        with pytest.raises(Exception) as info:
            exec(script, names)
        raised.append(info.value)
    assert type(raised[0]) is type(raised[1]), raised
    assert str(raised[0]).split()[:5] == str(raised[1]).split()[:5], raised


def test_cached_computes_once() -> None:
    for t in (tl, torch):
        m = t.nn.Linear(4, 4)
        calls = []

        class Counted(t.nn.Module):
            def forward(self, X: Any, calls: list[int] = calls) -> Any:
                calls.append(1)
                return 2 * X

        t.nn.utils.parametrize.register_parametrization(m, "weight", Counted())
        calls.clear()
        with t.nn.utils.parametrize.cached():
            first = m.weight
            with t.nn.utils.parametrize.cached():
                assert m.weight is first
            assert m.weight is first
        assert len(calls) == 1
        assert m.weight is not first


def test_older_hooks_load_into_the_newer_ones() -> None:
    older = build(torch, "U.weight_norm(t.nn.Linear(4, 3))")
    newer = build(tl, "P.weight_norm(t.nn.Linear(4, 3))")
    load(tl, newer, arrays(older))
    np.testing.assert_allclose(newer.weight.detach().numpy(), older.weight.detach().numpy())
    nested = tl.nn.Sequential(build(tl, "P.weight_norm(t.nn.Linear(4, 3))"))
    load(tl, nested, {"0." + k: v for k, v in arrays(older).items()})
    np.testing.assert_allclose(nested[0].weight.detach().numpy(), older.weight.detach().numpy())


@pytest.mark.parametrize("kind", ["weight_norm", "spectral_norm"])
def test_removing_the_older_hooks(kind: str) -> None:
    ours = build(tl, f"U.{kind}(t.nn.Linear(4, 3))")
    theirs = build(torch, f"U.{kind}(t.nn.Linear(4, 3))")
    load(tl, ours, arrays(theirs))
    getattr(tl.nn.utils, f"remove_{kind}")(ours)
    getattr(torch.nn.utils, f"remove_{kind}")(theirs)
    assert_same(arrays(ours), arrays(theirs))
    assert [n for n, _ in ours.named_parameters()] == [n for n, _ in theirs.named_parameters()]
    x = np.random.default_rng(0).normal(size=(2, 4))
    assert_same(run(tl, ours, x), run(torch, theirs, x))
    assert ours.state_dict()._metadata == theirs.state_dict()._metadata


@pytest.mark.parametrize(
    ("layer", "norm", "shape", "call"),
    [
        ("Conv1d(4, 6, 3)", "BatchNorm1d(6)", (2, 4, 5), "fuse_conv_bn_eval(l, n)"),
        ("Conv2d(4, 6, 3, bias=False)", "BatchNorm2d(6)", (2, 4, 5, 5), "fuse_conv_bn_eval(l, n)"),
        (
            "ConvTranspose2d(4, 6, 3)",
            "BatchNorm2d(6)",
            (2, 4, 5, 5),
            "fuse_conv_bn_eval(l, n, transpose=True)",
        ),
        ("Linear(4, 6)", "BatchNorm1d(6)", (5, 4), "fuse_linear_bn_eval(l, n)"),
        ("Linear(4, 6, bias=False)", "BatchNorm1d(6)", (5, 4), "fuse_linear_bn_eval(l, n)"),
        (
            "Conv2d(4, 6, 3)",
            "BatchNorm2d(6, affine=False)",
            (2, 4, 5, 5),
            "fuse_conv_bn_eval(l, n)",
        ),
    ],
)
def test_fusion(layer: str, norm: str, shape: tuple[int, ...], call: str) -> None:
    rng = np.random.default_rng(0)
    theirs = torch.nn.Sequential(eval(f"torch.nn.{layer}"), eval(f"torch.nn.{norm}")).double()
    for name, value in theirs[1].state_dict().items():
        if "num" not in name:
            value.copy_(torch.tensor(rng.uniform(0.5, 2.0, tuple(value.shape))))
    ours = tl.nn.Sequential(eval(f"tl.nn.{layer}"), eval(f"tl.nn.{norm}")).double()
    load(tl, ours, arrays(theirs))
    x = rng.normal(size=shape)
    found = []
    for t, model in ((tl, ours), (torch, theirs)):
        model.eval()
        names = {"l": model[0], "n": model[1], **vars(t.nn.utils)}
        fused = eval(call, names)
        assert fused is not model[0]
        found.append({"y": fused(t.tensor(x)).detach().numpy(), **arrays(fused)})
    assert_same(found[0], found[1])
    np.testing.assert_allclose(found[0]["y"], ours(tl.tensor(x)).detach().numpy(), atol=1e-12)
