"""Bad input: PyTorch's type of error (or warning), and parameters, gradients and state untouched.

Each case is a function of the library that prepares a model and an optimizer with a history of two
steps, and returns the call that goes wrong. It is run under both.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_lite

torch = pytest.importorskip("torch")

OPTIMIZERS = ["SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Rprop", "NAdam", "Adafactor"]


class Trained:
    """Two parameters, an optimizer with two steps behind it, and fresh gradients."""

    def __init__(self, library: Any, name: str) -> None:
        self.library = library
        start = np.linspace(-1, 1, 12)
        self.params = [
            library.nn.Parameter(library.tensor(start.reshape(3, 4))),
            library.nn.Parameter(library.tensor(start[:5])),
        ]
        options = {"momentum": 0.9} if name == "SGD" else {}
        self.make = getattr(library.optim, name)
        self.optimizer = self.make(self.params, lr=0.1, **options)
        for _ in range(2):
            self.gradients()
            self.optimizer.step()
        self.gradients()

    def gradients(self) -> None:
        self.optimizer.zero_grad()
        sum((p**3).sum() for p in self.params).backward()

    def everything(self) -> list[Any]:
        """Values, gradients, options and state, as what can be compared."""
        found: list[Any] = [p.detach().numpy().copy() for p in self.params]
        found += [None if p.grad is None else p.grad.numpy().copy() for p in self.params]
        for group in self.optimizer.param_groups:
            found.append({key: repr(v) for key, v in group.items() if key != "params"})
            found.append([id(p) for p in group["params"]])
        for p in self.params:
            for key, value in sorted(self.optimizer.state[p].items()):
                copied = value.numpy().copy() if hasattr(value, "numpy") else value
                found.append((key, copied))
        return found


def negative_rate(t: Trained) -> Any:
    return lambda: t.make(t.params, lr=-0.1)


def no_parameters(t: Trained) -> Any:
    return lambda: t.make([])


def no_leaf(t: Trained) -> Any:
    return lambda: t.make([t.params[0] * 2])


def no_leaf_in_a_group(t: Trained) -> Any:
    return lambda: t.optimizer.add_param_group({"params": [t.params[0] * 2]})


def a_number(t: Trained) -> Any:
    return lambda: t.optimizer.add_param_group({"params": [1.0]})


def twice_in_a_group(t: Trained) -> Any:
    return lambda: t.make([t.params[0], t.params[0]])


def twice_in_two_groups(t: Trained) -> Any:
    return lambda: t.make([{"params": t.params}, {"params": [t.params[1]]}])


def added_again(t: Trained) -> Any:
    return lambda: t.optimizer.add_param_group({"params": [t.params[1]]})


def clip_nan(t: Trained) -> Any:
    t.params[1].grad[2] = float("nan")
    clip = t.library.nn.utils.clip_grad_norm_
    return lambda: clip(t.params, 1.0, error_if_nonfinite=True)


def clip_infinite(t: Trained) -> Any:
    t.params[0].grad[0, 0] = float("inf")
    clip = t.library.nn.utils.clip_grad_norm_
    return lambda: clip(t.params, 1.0, error_if_nonfinite=True)


def fewer_groups(t: Trained) -> Any:
    other = t.make([{"params": [p]} for p in t.params], lr=0.1)
    return lambda: t.optimizer.load_state_dict(other.state_dict())


def fewer_parameters(t: Trained) -> Any:
    other = t.make(t.params[:1], lr=0.1)
    return lambda: t.optimizer.load_state_dict(other.state_dict())


def no_groups(t: Trained) -> Any:
    return lambda: t.optimizer.load_state_dict({"state": {}})


CASES: list[Callable[[Trained], Any]] = [
    negative_rate, no_parameters, no_leaf, no_leaf_in_a_group, a_number, twice_in_a_group,
    twice_in_two_groups, added_again, clip_nan, clip_infinite, fewer_groups, fewer_parameters,
    no_groups,
]  # fmt: skip


def outcome(call: Callable[[], Any]) -> tuple[type | None, list[type]]:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            call()
        except Exception as error:
            return type(error), [w.category for w in said]
    return None, [w.category for w in said]


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_same_error_and_nothing_touched(case: Callable[[Trained], Any], name: str) -> None:
    found = []
    for library in (tinygrad_lite, torch):
        trained = Trained(library, name)
        call = case(trained)
        before = trained.everything()
        found.append(outcome(call))
        np.testing.assert_equal(trained.everything(), before)
    assert found[0] == found[1]
    assert found[0][0] is not None or found[0][1] == [UserWarning]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_step_without_gradients_warns_and_changes_nothing(name: str) -> None:
    """PyTorch does nothing and says nothing; here a warning says what was forgotten."""
    for library in (tinygrad_lite, torch):
        trained = Trained(library, name)
        trained.optimizer.zero_grad()
        before = trained.everything()
        error, said = outcome(trained.optimizer.step)
        assert error is None
        np.testing.assert_equal(trained.everything(), before)
        assert said == ([UserWarning] if library is tinygrad_lite else [])
    optimizer = getattr(tinygrad_lite.optim, name)([tinygrad_lite.ones(2, requires_grad=True)])
    with pytest.warns(UserWarning, match=r"backward\(\)"):
        optimizer.step()
