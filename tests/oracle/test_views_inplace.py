"""Writes in place and through views against PyTorch: its value and gradient, or an error.

A program is a few lines run by both packages from the same leaves; `x` and `y` are leaves that want
a gradient, `z` and `u` plain tensors. Every tensor left at the end is compared, and so are the
gradients of a weighted sum of them. Where PyTorch refuses a program, ours may refuse it too or be
right about it: what it may never be is wrong.
"""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore")  # PyTorch warns of what it will change

LEAVES = {"x": (3, 4), "y": (4,), "z": (3, 4), "u": (4,)}


def start(t: Any) -> dict[str, Any]:
    """The leaves of a program."""
    rng = np.random.default_rng(5)
    names: dict[str, Any] = {"t": t}
    for name, shape in LEAVES.items():
        names[name] = t.tensor(rng.uniform(-2, 2, shape))
        if name in "xy":
            names[name].requires_grad_()
    names["m"] = t.tensor(rng.integers(0, 2, (3, 4)).astype(bool))
    names["i"] = t.tensor([2, 0])
    return names


def run(t: Any, program: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The values of all tensors after a program, and the gradients of x and y."""
    names = start(t)
    exec(program, names)
    values, loss = {}, 0.0
    rng = np.random.default_rng(6)
    for name in sorted(n for n in names if len(n) == 1 and n not in "tmi"):
        v = names[name]
        values[name] = v.detach().numpy().copy()
        weights = rng.uniform(-1, 1, tuple(v.shape))
        if v.requires_grad:
            loss = loss + (v * v * t.tensor(weights)).sum()
    loss.backward()
    grads = {n: None if names[n].grad is None else names[n].grad.numpy() for n in "xy"}
    return values, grads


def agree(program: str) -> bool:
    """Hold a program to PyTorch; False if either refused it."""
    try:
        want = run(torch, program)
    except RuntimeError as error:
        want = error
    try:
        got = run(tl, program)
    except (RuntimeError, IndexError) as error:
        if isinstance(error, IndexError) and not isinstance(want, Exception):
            raise
        got = error
    if isinstance(want, Exception) or isinstance(got, Exception):
        if not isinstance(want, Exception) and "modified by an inplace" not in str(got):
            raise AssertionError(f"refused: {got}\n{program}")
        return False
    for mine, theirs in zip(got, want, strict=True):
        for name, b in theirs.items():
            a = mine[name]
            assert (a is None) == (b is None), f"{name}: {a}, not {b}\n{program}"
            if b is not None:
                np.testing.assert_allclose(a, b, 1e-9, 1e-11, err_msg=f"{name}\n{program}")
    return True


PROGRAMS = """
a = x * 2; a[0] = 0
a = x * 2; a[0] = y
a = x * 2; a[:, 1] += 3
a = x * 2; a[:, 1] += y[0]
a = x * 2; a[m] = 0
a = x * 2; a[m] = y[0]
a = x * 2; a[i] = y
a = x * 2; a[i] *= 2
a = x * 2; a[i, 1:3] = y[:2]
a = x * 2; a[a > 0] = 1
a = x.exp(); a[a > 1] = 1
z[0] = y
z[1:] = x[:2]
z[m] = y[0]
z[:, i] = x[:, :2]
z[i] += y
z += x
z.mul_(x)
z[0] *= y
z.add_(y, alpha=2)
z.copy_(x)
z.fill_(2); z[0] = y
z.zero_(); z[:, 0] = x[:, 1]
a = x * 1; b = a[0]; b += 1
a = x * 1; b = a[0]; b *= y
a = x * 1; b = a.view(-1); b[3:5] = 0
a = x * 1; b = a.t(); b[1] = y[:3]
a = x * 1; b = a[1:]; c = b[:, 1:]; c *= 3
a = x * 1; b = a[1:]; c = b[:, 1:]; c[0] = y[:3]
a = x * 1; b = a[1:]; c = a[:, 1:]; b *= 2; c += y[1:]
a = x * 1; b = a[0]; a *= 2
a = x * 1; b = a[0]; a *= 2; b += 1
a = x * 1; b = a[0]; c = b * 1; a *= 2
a = x * 1; b = a.view(4, 3); a[0] = y; c = b * 2
a = x * 1; b = a.view(4, 3); c = b[1]; a[:, 0] = 1; c += 1; d = a * b.view(3, 4)
a = x * 1; b = a.diagonal(); b += 1
a = x * 1; b = a.diagonal(); b.copy_(y[:3])
a = x * 1; b = a.unfold(1, 2, 2); b[0] = 0
a = x * 1; b = a.permute(1, 0)[::2]; b.add_(1)
a = x * 1; b = a.squeeze(0).unsqueeze(0)[0]; b.mul_(2)
a = x * 1; b = a.expand(2, 3, 4); a.mul_(2)
a = x * 1; b = a.flatten(); b[::5] = y[0]
a = x * 1; b, c = a.split([1, 2]); d = b + c
a = x * 1; b = a.narrow(1, 1, 2); b.zero_()
a = x * 1; b = a.select(1, 2); b.fill_(3.0)
a = x * 1; b = a[..., None]; b[1] = 5
a = x * 1; b = a[:, 1]; b[:] = y[:3]
a = x * 1; a[0] = a[1]
a = x * 1; a[0] = a[1] * a[2]
a = x * 1; a[1:] = a[:2] * 1
a = x * 1; a[:, 0] = a[:, 1] + a[:, 2]; a[1] = a[0]
a = x * 1; a.clamp_(-1, 1)
a = x * 1; a.relu_()
a = x * 1; a.exp_()
a = x * 1; a.sigmoid_(); a[0] = y
a = x * 1; a.tanh_().mul_(2)
a = x * 1; a.abs_().sqrt_()
a = x * 1; a.neg_().add_(y)
a = x * 1; a.masked_fill_(m, 0)
a = x * 1; a.index_fill_(0, i, 1.0)
a = x * 1; a.index_add_(0, i, x[:2])
a = x * 1; a.scatter_(1, t.tensor([[0], [1], [2]]), 0.5)
a = x * 1; a.t_(); b = a * 2
a = x * 1; a.unsqueeze_(0); b = a[0] * y
a = x * 1; a.transpose_(0, 1); a[0] = 0
a = x * 1; a.squeeze_()
a = x * 1; b = a.t(); a.zero_(); c = b + 1
a = x * 1; b = a.detach(); b[0] = 0
a = x * 1; b = a.data; b += 1
a = x * y; a[0] = 1
a = x * y; b = a * a; a[0] = 1
a = x.exp(); a += 1
a = x.sigmoid(); a *= 2
a = x * 1; b = a ** 2; a += 1
a = x * 1; b = a.sum(); a += 1
a = x + 1; b = a.sin(); a[0] = 0
a = x * 1; b = a[0] * y; a[1] = 0
a = x * 1; b = a[0] * y; a[0] = 0
a = z.clone(); a[0] = y; b = a[1:] * 2
a = z; a[0] = y; b = z * x
a = z[0]; a += y; b = z * 2
a = z.view(-1); a[:4] = y; b = z.sum(0)
a = z.t(); a[:, 0] = y; a[:, 1] = y * 2
a = z[1:]; b = a[0]; b.copy_(y); c = z * a[0]
a = t.zeros(3, 4, dtype=t.float64); a[:2, 1:3] = x[1:, :2]; a[2] = y
a = t.zeros(3, dtype=t.float64); a[0] = x[0, 0]; a[1] = a[0] * 2
a = t.empty(2, 4, dtype=t.float64); a[0] = y; a[1] = u
u += y; u *= u
u[1:] = y[:-1]; u[0] = u[3] * 2
z[z > 0] = 0; z[0] = y
with t.no_grad(): x.mul_(2)
with t.no_grad(): x[0] = 0
with t.no_grad(): x[:, 1] += 3
x.data[0] = 1
x.data.mul_(3)
a = x * 2; x.data[0] = 1
a = x * y; x.data[0] = 1
a = x * 1; a[0, 0] = y[1]; a[0, 1] = a[0, 0]; a[0, 2] = a[0, 1] * x[0, 0]
a = x * 1; a += a
a = x * 1; a *= a
a = x * 1; a[0] += a[0]
a = x * 1; b = a[0]; c = a[0]; b += 1; c *= 2
a = x * 1; b = a[0]; b = b * 2; a[0] = b
a = x.sum(0); a[1:3] = y[1:3]; a /= 2
a = x.reshape(4, 3) * 1; a.view(2, 6)[0] = 0
a = x * 1; a[:, t.tensor([0, 0])] = x[:, 1:3] * 1
a = x * 1; a[t.tensor([0, 1]), t.tensor([1, 2])] = y[:2]
a = x * 1; a[None, :, 1] = y[:3]
a = x * 1; a[..., 1:][m[:, 1:]] = 0
a = x * 1; b = a[1:][m[1:]]
a = x * 1; a[0][1] = 5; a[1][1:][0] = y[0]
a = x * 1; a.T[1] = y[:3]
a = x * 1; a[1:, 1:] -= a[:2, :3] * 1
a = x * 1; a[:, 1:3] += x[:, :2]
a = x * 1; a[0] *= 2; a[0] += y; a[1] = a[0] - 1
a = x * 1; a[:] = y
a = x * 1; a[...] = 1
a = x * 1; b = a.view_as(a); b += y
a = t.stack([x[0], y]); a[0] *= 2
a = t.cat([x, y[None]]); a[3] = 0; b = a[2:] * 1
a, b, c = (x * 1).unbind(); d = a * b + c
a = (x * 1).unbind(1)[0]; b = a * 2
""".strip().splitlines()


@pytest.mark.parametrize("program", PROGRAMS)
def test_programs(program: str) -> None:
    agree(program)


def _runs(t: Any, program: str) -> bool:
    try:
        run(t, program)
    except (RuntimeError, IndexError, ValueError, TypeError, AttributeError):
        return False
    return True


def test_what_pytorch_runs_runs() -> None:
    assert [p for p in PROGRAMS if _runs(torch, p) and not _runs(tl, p)] == []


def loss_after(program: str, step: float) -> tuple[float, float]:
    """The loss of a program with its leaves moved by `step`, and its derivative by the step."""
    names = start(tl)
    rng = np.random.default_rng(1)
    directions = {n: rng.standard_normal(LEAVES[n]) for n in "xy"}
    with tl.no_grad():
        for n, d in directions.items():
            names[n].add_(tl.tensor(d * step))
    exec(program, names)
    loss = tl.zeros((), dtype=tl.float64)
    weights = np.random.default_rng(6)
    for name in sorted(n for n in names if len(n) == 1 and n not in "tmi"):
        v = names[name]
        w = tl.tensor(weights.uniform(-1, 1, tuple(v.shape)))
        loss = loss + (v * v * w).sum() if v.requires_grad else loss
    loss.backward()
    slopes = [
        (names[n].grad.numpy() * d).sum() if names[n].grad is not None else 0.0
        for n, d in directions.items()
    ]
    return loss.item(), sum(slopes)


def test_programs_that_only_pytorch_refuses() -> None:
    """It refuses writes into several outputs of one split, for instance; ours must be right."""
    checked = 0
    for seed in range(1500):
        program = random_program(seed)
        if "detach" in program or "> 0" in program or _runs(torch, program):
            continue  # what is detached, and jumps, finite differences see otherwise
        if not _runs(tl, program):
            continue
        (above, _), (below, _), (_, slope) = (loss_after(program, h) for h in (1e-6, -1e-6, 0.0))
        numeric = (above - below) / 2e-6
        assert abs(numeric - slope) <= 1e-4 * max(1, abs(numeric)), program
        checked += 1
    assert checked >= 40, checked


VIEWS = [
    "{a}[0]",
    "{a}[1:]",
    "{a}[..., 1]",
    "{a}[::2]",
    "{a}.view(-1)",
    "{a}.reshape(-1)",
    "{a}.T",
    "{a}[..., 1:3]",
    "{a}[None]",
    "{a}.flatten()",
    "{a}.unsqueeze(-1)",
    "{a}.diagonal()",
    "{a}.transpose(0, -1)",
    "{a}.unbind()[-1]",
    "{a}.split(2)[0]",
    "{a}.narrow(0, 0, 1)",
]
VALUES = ["{b}.sum()", "2.0", "{a}.detach().sum()", "y[0]", "x[1, 2]", "{b}.mean() * y[1]"]
WRITES = [
    "{a} += {v}",
    "{a} *= {v}",
    "{a}.mul_({v})",
    "{a}[0] = {v}",
    "{a}[1:] = {v}",
    "{a}[{a} > 0] = {v}",
    "{a}[...] = {v}",
    "{a}.zero_()",
    "{a}.exp_()",
    "{a}.tanh_()",
    "{a}[t.tensor([0])] = {v}",
    "{a}.sub_({v})",
]
PURE = ["{a} * {a}", "{a} * 1.5", "{a}.sin()", "{a} + {v}", "{a}.exp()"]


def random_program(seed: int) -> str:
    """A random mixture of values, views of them, and writes into either."""
    rng = random.Random(seed)
    steps = [rng.choice(["a = x * 1", "a = z.clone()", "a = x * y", "a = z", "a = x.exp()"])]
    names = ["a"]
    for letter in "bcdef"[: rng.randint(2, 5)]:
        source = rng.choice(names)
        value = rng.choice(VALUES).format(a=source, b=rng.choice(names))
        form = rng.choice([VIEWS, VIEWS, VIEWS, PURE])
        steps.append(f"{letter} = " + rng.choice(form).format(a=source, v=value))
        names.append(letter)
        for _ in range(rng.randint(0, 2)):
            target = rng.choice(names)
            value = rng.choice(VALUES).format(a=target, b=rng.choice(names))
            steps.append(rng.choice(WRITES).format(a=target, v=value))
    return "; ".join(steps)


def _shapes_fit(program: str) -> bool:
    try:
        run(torch, program)
    except (IndexError, ValueError, TypeError, AttributeError):
        return False
    except RuntimeError as error:
        return "inplace" in str(error) or "in-place" in str(error) or "leaf" in str(error)
    return True


@pytest.mark.parametrize("block", range(10))
def test_random_programs(block: int) -> None:
    ran = 0
    for seed in range(block * 150, block * 150 + 150):
        program = random_program(seed)
        if _shapes_fit(program):
            ran += agree(program)
    assert ran >= 15, f"only {ran} of 150 random programs ran"


def twice(t: Any, program: str) -> list[np.ndarray]:
    """First and second derivatives after a program, by x and y."""
    names = start(t)
    exec(program, names)
    loss, weights = 0.0, np.random.default_rng(6)
    for name in sorted(n for n in names if len(n) == 1 and n not in "tmi"):
        v = names[name]
        w = weights.uniform(-1, 1, tuple(v.shape))
        loss = loss + (v * v * v * t.tensor(w)).sum() if v.requires_grad else loss
    leaves = [names["x"], names["y"]]
    first = t.autograd.grad(loss, leaves, create_graph=True, allow_unused=True)
    total = sum((g * g).sum() for g in first if g is not None)
    second = t.autograd.grad(total, leaves, allow_unused=True)
    return [np.zeros(1) if g is None else g.detach().numpy() for g in (*first, *second)]


def test_second_derivatives_through_writes() -> None:
    compared = 0
    for program in [*PROGRAMS, *[random_program(seed) for seed in range(600)]]:
        if not _runs(torch, program) or not _runs(tl, program):
            continue
        try:
            want = twice(torch, program)
        except RuntimeError:  # nothing at the end depends on x or y
            continue
        got = twice(tl, program)
        for a, b in zip(got, want, strict=True):
            if np.isfinite(b).all():  # exp of exp of a sum overflows
                np.testing.assert_allclose(a, b, 1e-7, 1e-9, err_msg=program)
                compared += 1
    assert compared >= 800, compared


def test_many_random_writes_into_one_base() -> None:
    """Long programs: one base, many views of it alive, written in turn."""
    for seed in range(40):
        rng = random.Random(seed)
        steps = ["a = x * 1", "b = a[1:]", "c = a.T", "d = b[:, 1:3]", "e = a.view(2, 6)"]
        for _ in range(8):
            target = rng.choice("abcde")
            steps.append(
                rng.choice(
                    [
                        f"{target} *= y[{rng.randint(0, 3)}]",
                        f"{target}[0] = {rng.choice('abcde')}.sum() * 0.1",
                        f"{target} += 1",
                        f"{target}[1] *= {rng.choice('abcde')}[0, 0]",
                        f"{target}[{target} < 0] = x[0, 1]",
                    ]
                )
            )
        agree("; ".join(steps))
