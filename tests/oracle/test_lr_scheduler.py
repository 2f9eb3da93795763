"""Every scheduler against PyTorch's: 100 steps, composed forms, resumption, errors."""

from __future__ import annotations

import copy
import warnings
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tinygrad_lite import optim  # noqa: E402
from tinygrad_lite.core.tensor import make  # noqa: E402

THEIRS = torch.optim.lr_scheduler
OURS = optim.lr_scheduler


def pair(kind: str = "SGD", lrs: tuple[float, ...] = (0.5, 0.02), **options: Any) -> Any:
    """The same optimizer, ours and theirs, with one group a rate."""
    options = options or ({"momentum": 0.9} if kind == "SGD" else {})
    ours = [{"params": [make(np.zeros(2, np.float32)).requires_grad_()], "lr": lr} for lr in lrs]
    theirs = [{"params": [torch.zeros(2, requires_grad=True)], "lr": lr} for lr in lrs]
    for a, b in zip(ours, theirs, strict=True):
        a["params"][0].grad = make(np.zeros(2, np.float32))
        b["params"][0].grad = torch.zeros(2)
    return getattr(optim, kind)(ours, lr=0.1, **options), getattr(torch.optim, kind)(
        theirs, lr=0.1, **options
    )


SCHEDULERS: list[tuple[str, dict[str, Any]]] = [
    ("LambdaLR", {"lr_lambda": lambda t: 0.95**t}),
    ("LambdaLR", {"lr_lambda": [lambda t: 1 / (t + 1), lambda t: (t + 1) ** -0.5]}),
    ("MultiplicativeLR", {"lr_lambda": lambda t: 0.97 + 0.0001 * t}),
    ("StepLR", {"step_size": 7}),
    ("StepLR", {"step_size": 30, "gamma": 0.5}),
    ("MultiStepLR", {"milestones": [10, 40, 40, 80], "gamma": 0.3}),
    ("ConstantLR", {}),
    ("ConstantLR", {"factor": 0.25, "total_iters": 30}),
    ("LinearLR", {}),
    ("LinearLR", {"start_factor": 0.01, "end_factor": 0.7, "total_iters": 40}),
    ("ExponentialLR", {"gamma": 0.93}),
    ("PolynomialLR", {}),
    ("PolynomialLR", {"total_iters": 80, "power": 2.5}),
    ("CosineAnnealingLR", {"T_max": 100}),
    ("CosineAnnealingLR", {"T_max": 13, "eta_min": 0.001}),
    ("CosineAnnealingWarmRestarts", {"T_0": 9}),
    ("CosineAnnealingWarmRestarts", {"T_0": 5, "T_mult": 2, "eta_min": 1e-4}),
    ("CyclicLR", {"base_lr": 0.01, "max_lr": 0.3, "step_size_up": 11}),
    (
        "CyclicLR",
        {
            "base_lr": 0.1,
            "max_lr": [0.3, 0.9],
            "step_size_up": 5,
            "step_size_down": 17,
            "mode": "triangular2",
        },
    ),
    (
        "CyclicLR",
        {"base_lr": 0.1, "max_lr": 1.0, "step_size_up": 8, "mode": "exp_range", "gamma": 0.99},
    ),
    (
        "CyclicLR",
        {
            "base_lr": 0.1,
            "max_lr": 1.0,
            "step_size_up": 8,
            "scale_fn": lambda x: 1 / (5 ** (x * 0.1)),
            "scale_mode": "iterations",
            "cycle_momentum": False,
        },
    ),
    ("OneCycleLR", {"max_lr": 0.9, "total_steps": 101}),
    (
        "OneCycleLR",
        {
            "max_lr": [0.9, 0.1],
            "epochs": 11,
            "steps_per_epoch": 10,
            "pct_start": 0.2,
            "anneal_strategy": "linear",
            "div_factor": 10.0,
            "final_div_factor": 50.0,
        },
    ),
    ("OneCycleLR", {"max_lr": 0.9, "total_steps": 120, "three_phase": True, "pct_start": 0.4}),
]
IDS = [f"{name}-{i}" for i, (name, _) in enumerate(SCHEDULERS)]


def snapshot(optimizer: Any) -> list[Any]:
    """Rates and momenta of all groups."""
    keys = ("lr", "momentum", "betas", "initial_lr")
    return [
        float(value)
        for group in optimizer.param_groups
        for key in keys
        if key in group
        for value in np.ravel(group[key])
    ]


def follow(ours: Any, theirs: Any, a: Any, b: Any, steps: int = 100) -> None:
    for _ in range(steps):
        np.testing.assert_allclose(snapshot(a), snapshot(b), rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(ours.get_last_lr(), theirs.get_last_lr(), rtol=1e-12, atol=1e-15)
        assert ours.last_epoch == theirs.last_epoch
        a.step()
        b.step()
        ours.step()
        theirs.step()


@pytest.mark.parametrize("kind", ["SGD", "Adam"])
@pytest.mark.parametrize(("name", "options"), SCHEDULERS, ids=IDS)
def test_follows_pytorch(name: str, options: dict[str, Any], kind: str) -> None:
    a, b = pair(kind)
    follow(getattr(OURS, name)(a, **options), getattr(THEIRS, name)(b, **options), a, b)


@pytest.mark.parametrize(("name", "options"), SCHEDULERS, ids=IDS)
def test_state_resumes(name: str, options: dict[str, Any]) -> None:
    a, _ = pair()
    first = getattr(OURS, name)(a, **options)
    for _ in range(37):
        a.step()
        first.step()
    saved = copy.deepcopy((first.state_dict(), a.state_dict()))
    b, _ = pair()
    second = getattr(OURS, name)(b, **options)
    second.load_state_dict(saved[0])
    b.load_state_dict(saved[1])
    for _ in range(40):
        a.step()
        first.step()
        b.step()
        second.step()
        assert snapshot(a) == snapshot(b)
    assert first.get_last_lr() == second.get_last_lr()


@pytest.mark.parametrize(("name", "options"), SCHEDULERS, ids=IDS)
def test_state_has_the_same_keys(name: str, options: dict[str, Any]) -> None:
    a, b = pair()
    ours = getattr(OURS, name)(a, **options).state_dict()
    theirs = getattr(THEIRS, name)(b, **options).state_dict()
    assert set(ours) == set(theirs)


@pytest.mark.parametrize(
    ("name", "options"),
    [s for s in SCHEDULERS if s[0] not in ("MultiplicativeLR", "OneCycleLR", "CyclicLR")],
)
def test_closed_form_by_epoch(name: str, options: dict[str, Any]) -> None:
    a, b = pair()
    ours, theirs = getattr(OURS, name)(a, **options), getattr(THEIRS, name)(b, **options)
    a.step()
    b.step()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        for epoch in (3, 1, 40, 41, 99):
            ours.step(epoch)
            theirs.step(epoch)
            np.testing.assert_allclose(snapshot(a), snapshot(b), rtol=1e-12, atol=1e-15)


def test_plateau() -> None:
    rng = np.random.default_rng(0)
    metrics = np.concatenate([np.linspace(1, 0.2, 30), 0.2 + 0.01 * rng.standard_normal(70)])
    for options in (
        {},
        {"patience": 2, "cooldown": 3, "factor": 0.5},
        {"mode": "max", "patience": 1, "threshold_mode": "abs", "threshold": 0.05},
        {"mode": "max", "patience": 4, "min_lr": [1e-3, 1e-2]},
        {"threshold_mode": "abs", "patience": 3, "min_lr": 1e-4, "eps": 1e-3},
    ):
        a, b = pair()
        ours = OURS.ReduceLROnPlateau(a, **options)
        theirs = THEIRS.ReduceLROnPlateau(b, **options)
        for i, value in enumerate(metrics):
            ours.step(value)
            theirs.step(value)
            assert snapshot(a) == snapshot(b)
            assert ours.get_last_lr() == theirs.get_last_lr()
            if i == 50:
                again = OURS.ReduceLROnPlateau(a, **options)
                again.load_state_dict(copy.deepcopy(ours.state_dict()))
                ours = again
        assert set(ours.state_dict()) == set(theirs.state_dict())


def composed(library: Any, optimizer: Any, which: int) -> Any:
    s = library
    if which == 0:
        parts = [
            s.LinearLR(optimizer, 0.1, total_iters=10),
            s.CosineAnnealingLR(optimizer, T_max=60, eta_min=1e-4),
            s.ExponentialLR(optimizer, 0.9),
        ]
        return s.SequentialLR(optimizer, parts, milestones=[10, 70])
    if which == 1:
        return s.ChainedScheduler(
            [s.ConstantLR(optimizer, 0.1, 20), s.ExponentialLR(optimizer, 0.95)]
        )
    if which == 2:
        inner = s.SequentialLR(
            optimizer,
            [s.ConstantLR(optimizer, 0.5, 4), s.StepLR(optimizer, 5, 0.7)],
            milestones=[20],
        )
        return s.SequentialLR(optimizer, [inner, s.PolynomialLR(optimizer, 50)], milestones=[45])
    return s.ChainedScheduler(
        [
            s.SequentialLR(
                optimizer,
                [s.LinearLR(optimizer), s.MultiplicativeLR(optimizer, lambda t: 0.99)],
                milestones=[5],
            ),
            s.MultiStepLR(optimizer, [30, 60], 0.5),
        ],
        optimizer,
    )


def build(library: Any, optimizer: Any, which: int) -> Any:
    """`composed`; a sequence in a sequence warns about the order of calls, in both libraries."""
    if which != 2:
        return composed(library, optimizer, which)
    with pytest.warns(UserWarning, match="Detected call of `lr_scheduler.step"):
        return composed(library, optimizer, which)


@pytest.mark.parametrize("which", range(4))
def test_composed(which: int) -> None:
    a, b = pair()
    ours, theirs = build(OURS, a, which), build(THEIRS, b, which)
    for _ in range(100):
        np.testing.assert_allclose(snapshot(a), snapshot(b), rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(ours.get_last_lr(), theirs.get_last_lr(), rtol=1e-12, atol=1e-15)
        a.step()
        b.step()
        ours.step()
        theirs.step()


@pytest.mark.parametrize("which", range(4))
def test_composed_resumes(which: int) -> None:
    a, _ = pair()
    first = build(OURS, a, which)
    for _ in range(33):
        a.step()
        first.step()
    saved = copy.deepcopy((first.state_dict(), a.state_dict()))
    b, _ = pair()
    second = build(OURS, b, which)
    second.load_state_dict(saved[0])
    b.load_state_dict(saved[1])
    for _ in range(60):
        for thing in (a, first, b, second):
            thing.step()
        assert snapshot(a) == snapshot(b)


def outcome(make_it: Any) -> tuple[type, str] | None:
    try:
        make_it()
    except Exception as error:
        return type(error), str(error)
    return None


BAD: list[tuple[str, dict[str, Any]]] = [
    ("LambdaLR", {"lr_lambda": [lambda t: 1.0]}),
    ("MultiplicativeLR", {"lr_lambda": 3}),
    ("ConstantLR", {"factor": 1.5}),
    ("LinearLR", {"start_factor": 0.0}),
    ("LinearLR", {"end_factor": 1.5}),
    ("OneCycleLR", {"max_lr": 0.1}),
    ("OneCycleLR", {"max_lr": 0.1, "total_steps": -1}),
    ("OneCycleLR", {"max_lr": 0.1, "epochs": 0, "steps_per_epoch": 3}),
    ("OneCycleLR", {"max_lr": 0.1, "epochs": 2, "steps_per_epoch": 0}),
    ("OneCycleLR", {"max_lr": 0.1, "total_steps": 10, "pct_start": 2.0}),
    ("OneCycleLR", {"max_lr": 0.1, "total_steps": 10, "anneal_strategy": "x"}),
    ("OneCycleLR", {"max_lr": [0.1], "total_steps": 10}),
    ("CyclicLR", {"base_lr": 0.1, "max_lr": 1.0, "mode": "x"}),
    ("CosineAnnealingWarmRestarts", {"T_0": 0}),
    ("CosineAnnealingWarmRestarts", {"T_0": 3, "T_mult": 0}),
    ("CosineAnnealingWarmRestarts", {"T_0": 3, "eta_min": "x"}),
    ("ReduceLROnPlateau", {"factor": 1.0}),
    ("ReduceLROnPlateau", {"min_lr": [1.0]}),
    ("ReduceLROnPlateau", {"mode": "x"}),
    ("ReduceLROnPlateau", {"threshold_mode": "x"}),
    ("StepLR", {"step_size": 3, "last_epoch": 4}),
    ("SequentialLR", {"schedulers": [], "milestones": []}),
]


@pytest.mark.parametrize(("name", "options"), BAD)
def test_errors(name: str, options: dict[str, Any]) -> None:
    a, b = pair()
    before = snapshot(a)
    ours = outcome(lambda: getattr(OURS, name)(a, **options))
    theirs = outcome(lambda: getattr(THEIRS, name)(b, **options))
    assert theirs is not None
    assert ours is not None
    assert ours[0] is theirs[0]
    assert ours[1].startswith(theirs[1][:20])
    assert snapshot(a) == before


def test_errors_of_composed() -> None:
    for library, (a, b) in ((OURS, pair()), (THEIRS, pair()[::-1])):
        other = library.StepLR(pair()[library is THEIRS], 3)
        mine = library.StepLR(a, 3)
        del b
        with pytest.raises(ValueError, match="expects all schedulers to belong to the same"):
            library.SequentialLR(a, [mine, other], milestones=[3])
        with pytest.raises(ValueError, match="expects number of schedulers provided to be one"):
            library.SequentialLR(a, [mine], milestones=[3])
        with pytest.raises(ValueError, match="does not support `ReduceLROnPlateau`"):
            library.ChainedScheduler([library.ReduceLROnPlateau(a)], a)
        with pytest.raises(TypeError, match="should have `optimizer` as its attribute"):
            library.ChainedScheduler([3], a)
        with pytest.raises(TypeError, match="int is not an Optimizer"):
            library.StepLR(3, 3)


def test_one_cycle_ends() -> None:
    a, b = pair()
    ours, theirs = (
        library.OneCycleLR(o, 0.1, total_steps=5) for library, o in ((OURS, a), (THEIRS, b))
    )
    for optimizer, scheduler in ((a, ours), (b, theirs)):
        for _ in range(5):
            optimizer.step()
            scheduler.step()
        with pytest.raises(ValueError, match="Tried to step 6 times"):
            scheduler.step()


def test_warnings() -> None:
    for library, which in ((OURS, 0), (THEIRS, 1)):
        scheduler = library.StepLR(pair()[which], 3)
        with pytest.warns(UserWarning, match="Detected call of `lr_scheduler.step\\(\\)` before"):
            scheduler.step()
        with pytest.warns(UserWarning, match="please use `get_last_lr\\(\\)`"):
            scheduler.get_lr()
        optimizer = pair()[which]
        scheduler = library.StepLR(optimizer, 3)
        optimizer.step = lambda: None
        with pytest.warns(UserWarning, match="has been overridden after learning rate scheduler"):
            scheduler.step()


def test_subclass_of_the_older_name() -> None:
    rates = []
    for library, which in ((OURS, 0), (THEIRS, 1)):

        class Noam(library._LRScheduler):  # type: ignore[name-defined,misc]
            def get_lr(self) -> list[float]:
                step = max(1, self._step_count)
                return [base * min(step**-0.5, step * 9**-1.5) for base in self.base_lrs]

        optimizer = pair()[which]
        scheduler = Noam(optimizer)
        seen = []
        for _ in range(20):
            optimizer.step()
            scheduler.step()
            seen += scheduler.get_last_lr()
        rates.append(seen)
    assert rates[0] == rates[1]
