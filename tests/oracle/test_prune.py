"""Pruning against PyTorch: masks, keys, gradients, rounds, errors."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl

torch = pytest.importorskip("torch")
pytest.importorskip("torch.nn.utils.prune")  # which `import torch` does not load


def names_of(t: Any) -> dict[str, Any]:
    rng = np.random.default_rng(4)
    names = {"t": t, "np": np, "copy": copy, "P": t.nn.utils.prune}
    for name, layer in {
        "m": t.nn.Linear(5, 4).double(),
        "n": t.nn.Linear(4, 3).double(),
        "c": t.nn.Conv2d(3, 4, 2).double(),
    }.items():
        for p in layer.parameters():
            p.data = t.tensor(rng.normal(size=tuple(p.shape)))
        names[name] = layer

    class Largest(t.nn.utils.prune.BasePruningMethod):
        PRUNING_TYPE = "unstructured"

        def compute_mask(self, t: Any, default_mask: Any) -> Any:
            mask = default_mask.clone()
            mask.view(-1)[t.abs().argmax()] = 0
            return mask

    names["Largest"] = Largest
    return names


SCRIPTS = [
    "P.l1_unstructured(m, 'weight', 3)",
    "P.l1_unstructured(m, 'weight', 0.3); P.l1_unstructured(m, 'bias', amount=1)",
    "P.l1_unstructured(m, 'weight', 0.3); P.l1_unstructured(m, 'weight', 0.5)",
    "P.l1_unstructured(m, 'weight', 0)",
    "P.l1_unstructured(m, 'weight', 0.3, importance_scores=-m.weight)",
    "P.ln_structured(m, 'weight', 2, n=2, dim=0)",
    "P.ln_structured(c, 'weight', 0.5, n=1, dim=1)",
    "P.ln_structured(c, 'weight', 1, n=float('inf'), dim=-1)",
    "P.ln_structured(c, 'weight', 1, n=2, dim=0); P.ln_structured(c, 'weight', 1, n=2, dim=0)",
    (
        "P.l1_unstructured(c, 'weight', 9); P.ln_structured(c, 'weight', 1, n=2, dim=0);"
        "P.l1_unstructured(c, 'weight', 0.25)"
    ),
    "P.identity(m, 'weight')",
    "P.custom_from_mask(m, 'bias', t.tensor([1, 0, 1, 0]))",
    "P.l1_unstructured(m, 'weight', 5); P.custom_from_mask(m, 'weight', t.ones(4, 5).tril())",
    "P.global_unstructured([(m, 'weight'), (n, 'weight')], P.L1Unstructured, amount=0.4)",
    (
        "P.l1_unstructured(m, 'weight', 5);"
        "P.global_unstructured(((m, 'weight'), (n, 'weight')), P.L1Unstructured, amount=7)"
    ),
    "Largest.apply(m, 'weight'); Largest.apply(m, 'weight'); Largest.apply(m, 'weight')",
    "P.l1_unstructured(m, 'weight', 3); P.remove(m, 'weight')",
    "P.l1_unstructured(m, 'weight', 3); P.l1_unstructured(m, 'weight', 3); P.remove(m, 'weight')",
    "m.weight.data = P.L1Unstructured(4).prune(m.weight).data",
]


@pytest.mark.parametrize("script", SCRIPTS)
def test_same_as_pytorch(script: str) -> None:
    found = []
    for t in (tl, torch):
        names = names_of(t)
        exec(script, names)  # the text is this file's own
        layers = [names[n] for n in "mnc"]
        values: dict[str, np.ndarray] = {}
        rng = np.random.default_rng(0)
        for name, layer, shape in zip("mnc", layers, [(2, 5), (2, 4), (2, 3, 4, 4)], strict=True):
            x = t.tensor(rng.normal(size=shape), requires_grad=True)
            y = layer(x)
            (y * y).sum().backward()
            values |= {f"{name} y": y.detach().numpy(), f"{name} x": x.grad.numpy()}
            values |= {f"{name}.{k}": v.numpy() for k, v in layer.state_dict().items()}
            values |= {f"{name}.{k} grad": p.grad.numpy() for k, p in layer.named_parameters()}
            values[f"{name} pruned"] = np.array(t.nn.utils.prune.is_pruned(layer))
        found.append(values)
    assert list(found[0]) == list(found[1])
    for name, value in found[1].items():
        np.testing.assert_allclose(found[0][name], value, rtol=1e-12, atol=1e-12, err_msg=name)


@pytest.mark.parametrize(
    "script",
    [
        "P.l1_unstructured(m, 'weight', -1)",
        "P.l1_unstructured(m, 'weight', 1.5)",
        "P.l1_unstructured(m, 'weight', 'half')",
        "P.l1_unstructured(m, 'weight', 21)",
        "P.l1_unstructured(m, 'none', 1)",
        "P.ln_structured(m, 'bias', 1, 2, 0)",
        "P.ln_structured(m, 'weight', 1, 2, 2)",
        "P.random_structured(m, 'weight', 9, 0)",
        "P.custom_from_mask(m, 'weight', t.ones(3))",
        "P.l1_unstructured(m, 'weight', 1, importance_scores=t.ones(3))",
        "P.remove(m, 'weight')",
        "P.global_unstructured([(m, 'weight')], P.LnStructured, amount=1, n=2)",
        "P.global_unstructured(3, P.L1Unstructured, amount=1)",
        "P.global_unstructured([(m, 'weight')], P.L1Unstructured, [1], amount=1)",
    ],
)
def test_same_errors(script: str) -> None:
    raised = []
    for t in (tl, torch):
        names = names_of(t)
        with pytest.raises(Exception) as info:
            exec(script, names)  # the text is this file's own
        raised.append(info.value)
        if t is tl:  # as it was; PyTorch may have put the weight behind the bias
            assert list(names["m"].state_dict()) == ["weight", "bias"]
        names["m"](t.ones(1, 5).double())
    assert type(raised[0]) is type(raised[1]), raised
    assert str(raised[0]).split()[:4] == str(raised[1]).split()[:4], raised


@pytest.mark.parametrize(
    ("script", "zeros"),
    [
        ("P.random_unstructured(m, 'weight', 7)", 7),
        ("P.random_unstructured(m, 'weight', 0.5)", 10),
        ("P.random_unstructured(m, 'weight', 7); P.random_unstructured(m, 'weight', 7)", 14),
        ("P.random_structured(m, 'weight', 2, dim=0)", 10),
        ("P.random_structured(m, 'weight', 2, dim=1)", 8),
    ],
)
def test_random_methods_prune_as_much(script: str, zeros: int) -> None:
    for t in (tl, torch):
        names = names_of(t)
        exec(script, names)  # the text is this file's own
        assert int((names["m"].weight == 0).sum()) == zeros


def test_a_pruned_module_is_copied_and_loaded() -> None:
    names = names_of(tl)
    m = names["P"].l1_unstructured(names["m"], "weight", 6)
    state = {k: v.numpy() for k, v in m.state_dict().items()}
    theirs = torch.nn.utils.prune.identity(torch.nn.Linear(5, 4).double(), "weight")
    theirs.load_state_dict({k: torch.tensor(v) for k, v in state.items()})
    x = np.ones((2, 5))
    np.testing.assert_allclose(m(tl.tensor(x)).detach(), theirs(torch.tensor(x)).detach())
    m.weight = m.weight.detach()  # a non-leaf attribute is what deepcopy refuses, as in PyTorch
    twin = copy.deepcopy(m)
    tl.nn.utils.prune.remove(twin, "weight")
    np.testing.assert_array_equal(twin(tl.tensor(x)).detach(), m(tl.tensor(x)).detach())
    assert tl.nn.utils.prune.is_pruned(m)
