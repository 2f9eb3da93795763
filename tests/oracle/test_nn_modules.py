"""Every layer against PyTorch's: parameters, values, gradients, running state, evaluation."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl

torch = pytest.importorskip("torch")

Make = Callable[[Any], Any]
FLOATS = "floats"


def case(make: str, *shapes: Any) -> Any:
    """A layer as the text of its constructor, and the shapes of its inputs."""
    return pytest.param(make, shapes, id=f"{make}-{'x'.join(str(s) for s in shapes)}")


CASES = [
    *[case(f"Linear(4, 3, bias={b})", s) for b in (True, False) for s in [(2, 4), (4,), (2, 5, 4)]],
    *[case(f"Bilinear(3, 4, 5, bias={b})", (2, 3), (2, 4)) for b in (True, False)],
    case("Identity(3, a=4)", (2, 3)),
    case("Flatten()", (2, 3, 4)),
    case("Flatten(0, 1)", (2, 3, 4)),
    case("Unflatten(1, (2, 3))", (4, 6)),
    *[
        case(f"Conv1d(4, 6, {options})", (2, 4, 9))
        for options in (
            "3",
            "3, stride=2",
            "3, padding=1",
            "3, padding='same'",
            "3, dilation=2",
            "3, groups=2",
            "3, bias=False",
            "3, padding=2, padding_mode='circular'",
        )
    ],
    *[
        case(f"Conv2d(4, 6, {options})", (2, 4, 7, 8))
        for options in (
            "3",
            "(3, 2)",
            "3, stride=2",
            "3, stride=(2, 1), padding=(1, 2)",
            "3, padding='same'",
            "4, padding='same'",
            "3, padding='valid'",
            "3, dilation=2",
            "3, dilation=(2, 1), padding=2",
            "3, groups=2",
            "1",
            "1, stride=2, bias=False",
            "3, padding=1, padding_mode='reflect'",
            "3, padding=1, padding_mode='replicate'",
        )
    ],
    case("Conv2d(4, 8, 3, groups=4, padding=1)", (2, 4, 5, 5)),
    case("Conv2d(4, 6, 3)", (4, 6, 6)),
    case("Conv3d(2, 4, 2, stride=2, padding=1)", (2, 2, 4, 5, 4)),
    case("Conv3d(2, 4, (1, 2, 3), groups=2)", (2, 2, 3, 4, 4)),
    case("ConvTranspose1d(4, 6, 3, stride=2, output_padding=1)", (2, 4, 5)),
    *[
        case(f"ConvTranspose2d(4, 6, {options})", (2, 4, 5, 4))
        for options in (
            "3",
            "3, stride=2",
            "3, stride=2, padding=1, output_padding=1",
            "3, groups=2",
            "2, dilation=2, bias=False",
        )
    ],
    case("ConvTranspose3d(2, 4, 2, stride=2)", (2, 2, 3, 2, 3)),
    *[
        case(f"MaxPool{d}d({options})", (2, 3, *(7, 8, 6)[:d]))
        for d in (1, 2, 3)
        for options in ("2", "3, 2", "3, 2, 1", "2, ceil_mode=True", "2, dilation=2", "3, stride=1")
    ],
    *[
        case(f"AvgPool{d}d({options})", (2, 3, *(7, 8, 6)[:d]))
        for d in (1, 2, 3)
        for options in ("2", "3, 2", "3, 2, 1", "3, 2, 1, ceil_mode=True", "3, 2, 1, False, False")
    ],
    case("AvgPool2d(2, divisor_override=3)", (2, 3, 4, 4)),
    case("LPPool1d(2, 3)", (2, 3, 7)),
    case("LPPool2d(3, 2, ceil_mode=True)", (2, 3, 5, 5)),
    *[case(f"AdaptiveAvgPool{d}d({o})", (2, 3, *(7, 8, 6)[:d])) for d in (1, 2, 3) for o in (1, 3)],
    *[case(f"AdaptiveMaxPool{d}d({o})", (2, 3, *(7, 8, 6)[:d])) for d in (1, 2, 3) for o in (1, 3)],
    case("AdaptiveAvgPool2d((None, 3))", (2, 3, 5, 6)),
    *[
        case(f"{mode}Pad{d}d({p})", (2, 3, *(5, 6, 4)[:d]))
        for mode in ("Reflection", "Replication", "Circular", "Zero")
        for d in (1, 2, 3)
        for p in (1, tuple(range(2 * d))[::-1] if d == 1 else (1, 2) * d)
    ],
    case("ConstantPad2d((1, 0, 2, 1), 3.5)", (2, 3, 4, 4)),
    case("ConstantPad1d(-1, 0.5)", (2, 3, 4)),
    *[
        case(f"{name}({options})", (3, 5))
        for name, variants in {
            "ReLU": ("", "inplace=False"),
            "ReLU6": ("",),
            "LeakyReLU": ("", "0.2"),
            "PReLU": ("", "5", "init=0.1"),
            "RReLU": ("0.2, 0.2",),
            "ELU": ("", "0.5"),
            "SELU": ("",),
            "CELU": ("", "0.7"),
            "GELU": ("", "'tanh'"),
            "SiLU": ("",),
            "Mish": ("",),
            "Softplus": ("", "2.0", "1.0, 0.5"),
            "Softsign": ("",),
            "Hardtanh": ("", "-0.5, 0.7"),
            "Hardswish": ("",),
            "Hardsigmoid": ("",),
            "LogSigmoid": ("",),
            "Tanhshrink": ("",),
            "Softshrink": ("", "0.3"),
            "Hardshrink": ("", "0.3"),
            "Threshold": ("0.1, 2.0",),
            "Sigmoid": ("",),
            "Tanh": ("",),
            "Softmax": ("dim=0", "dim=-1"),
            "LogSoftmax": ("dim=1",),
            "Softmin": ("dim=1",),
        }.items()
        for options in variants
    ],
    case("GLU(1)", (3, 6)),
    case("Softmax2d()", (2, 3, 4, 4)),
    *[
        case(f"BatchNorm1d({options})", s)
        for options in ("4", "4, eps=0.1", "4, momentum=0.3", "4, momentum=None", "4, affine=False")
        for s in [(5, 4), (5, 4, 3)]
    ],
    case("BatchNorm1d(4, track_running_stats=False)", (5, 4)),
    case("BatchNorm2d(4)", (3, 4, 2, 5)),
    case("BatchNorm3d(2, momentum=None)", (3, 2, 2, 3, 2)),
    case("InstanceNorm1d(4)", (2, 4, 5)),
    case("InstanceNorm2d(4, affine=True, track_running_stats=True)", (2, 4, 5, 3)),
    case("InstanceNorm2d(4)", (4, 5, 3)),
    case("InstanceNorm3d(2, affine=True)", (2, 2, 3, 2, 2)),
    *[case(f"LayerNorm({o})", (3, 4, 5)) for o in ("5", "(4, 5)", "5, 0.1", "5, bias=False")],
    case("LayerNorm(5, elementwise_affine=False)", (3, 5)),
    *[case(f"RMSNorm({o})", (3, 4, 5)) for o in ("5", "(4, 5)", "5, eps=0.1")],
    case("RMSNorm(5, elementwise_affine=False)", (3, 5)),
    *[case(f"GroupNorm({o})", (3, 4, 5)) for o in ("1, 4", "2, 4", "4, 4", "2, 4, affine=False")],
    case("GroupNorm(2, 6)", (2, 6, 3, 4)),
    case("LocalResponseNorm(2)", (2, 5, 4)),
    case("LocalResponseNorm(3, 0.5, 0.6, 2.0)", (2, 5, 4, 3)),
    case("PixelShuffle(2)", (2, 8, 3, 2)),
    case("PixelUnshuffle(2)", (2, 2, 4, 6)),
    case("ChannelShuffle(2)", (2, 6, 3, 2)),
    case("Upsample(scale_factor=2)", (2, 3, 4)),
    case("Upsample(size=(5, 7), mode='bilinear')", (2, 3, 4, 4)),
    case("Upsample(scale_factor=1.5, mode='bicubic', align_corners=True)", (2, 3, 4, 4)),
    case("Unfold(2, padding=1)", (2, 3, 4, 4)),
    case("Fold((4, 4), 2, stride=2)", (2, 12, 4)),
    case("PairwiseDistance(p=1)", (3, 4), (3, 4)),
    case("PairwiseDistance(keepdim=True)", (3, 4), (3, 4)),
    case("CosineSimilarity(dim=1)", (3, 4), (3, 4)),
    case("Sequential(t.nn.Linear(4, 3), t.nn.Tanh(), t.nn.Linear(3, 2))", (2, 4)),
]


def pair(make: str) -> tuple[Any, Any]:
    """The layer in both libraries, in float64, with PyTorch's initial state."""
    ours, theirs = (
        eval(f"t.nn.{make}", {"t": t})  # the text is this file's own
        for t in (tl, torch)
    )
    ours, theirs = ours.double(), theirs.double()
    with torch.no_grad():  # initial values that hide no term
        for i, p in enumerate(theirs.parameters()):
            p.add_(torch.linspace(-0.3, 0.4, p.numel(), dtype=p.dtype).reshape(p.shape) * (i + 1))
    state = {k: tl.tensor(v.numpy()) for k, v in theirs.state_dict().items()}
    ours.load_state_dict(state)
    return ours, theirs


def inputs(shapes: Any, seed: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.permutation(np.linspace(-2.1, 2.3, int(np.prod(s)))).reshape(s) for s in shapes]


def run(t: Any, layer: Any, arrays: list[np.ndarray]) -> tuple[np.ndarray, list[np.ndarray]]:
    xs = [t.tensor(a, requires_grad=True) for a in arrays]
    out = layer(*xs)
    weights = t.tensor(np.cos(np.arange(out.numel())).reshape(tuple(out.shape)))
    for p in layer.parameters():
        p.grad = None
    (out * weights).sum().backward()
    wanted = [*xs, *layer.parameters()]
    return out.detach().numpy(), [w.grad.numpy() for w in wanted]


def equal(ours: Any, theirs: Any) -> None:
    np.testing.assert_allclose(ours, theirs, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize(("make", "shapes"), CASES)
def test_layer(make: str, shapes: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours, theirs = pair(make)
        named = [(n, tuple(p.shape)) for n, p in ours.named_parameters()]
        assert named == [(n, tuple(p.shape)) for n, p in theirs.named_parameters()]
        assert list(ours.state_dict()) == list(theirs.state_dict())
        assert repr(ours) == repr(theirs)
        for step in range(5):
            arrays = inputs(shapes, step)
            (a, ga), (b, gb) = run(tl, ours, arrays), run(torch, theirs, arrays)
            equal(a, b)
            for x, y in zip(ga, gb, strict=True):
                equal(x, y)
        for name, value in theirs.state_dict().items():
            equal(ours.state_dict()[name].numpy(), value.numpy())
        ours.eval(), theirs.eval()
        (a, ga), (b, gb) = run(tl, ours, arrays), run(torch, theirs, arrays)
        equal(a, b)
        for x, y in zip(ga, gb, strict=True):
            equal(x, y)
        theirs.load_state_dict(
            {k: torch.from_numpy(v.numpy().copy()) for k, v in ours.state_dict().items()}
        )


LOSSES = [
    *[(f"{n}(reduction='{r}')", "real") for n in ("L1Loss", "MSELoss", "SmoothL1Loss", "HuberLoss")
      for r in ("mean", "sum", "none")],
    ("SmoothL1Loss(beta=0.5)", "real"),
    ("HuberLoss(delta=0.5)", "real"),
    *[(f"BCEWithLogitsLoss(reduction='{r}')", "share") for r in ("mean", "sum", "none")],
    ("BCEWithLogitsLoss(pos_weight=t.tensor([1.0, 2.0, 0.5], dtype=t.float64))", "share"),
    *[(f"CrossEntropyLoss({o})", "class") for o in (
        "", "reduction='sum'", "reduction='none'", "label_smoothing=0.2", "ignore_index=1",
        "ignore_index=1, label_smoothing=0.1",
        "weight=t.tensor([1.0, 2.0, 0.5], dtype=t.float64)",
        "weight=t.tensor([1.0, 2.0, 0.5], dtype=t.float64), label_smoothing=0.3",
        "weight=t.tensor([1.0, 2.0, 0.5], dtype=t.float64), label_smoothing=0.3, ignore_index=0",
        "weight=t.tensor([1.0, 2.0, 0.5], dtype=t.float64), reduction='none'")],
    *[(f"CrossEntropyLoss({o})", "share") for o in ("", "label_smoothing=0.2", "reduction='none'")],
    *[(f"NLLLoss({o})", "class") for o in (
        "", "reduction='sum'", "ignore_index=2",
        "weight=t.tensor([1.0, 2.0, 0.5], dtype=t.float64)")],
    *[(f"KLDivLoss(reduction='{r}')", "share") for r in ("batchmean", "sum", "mean", "none")],
    ("KLDivLoss(reduction='sum', log_target=True)", "real"),
    *[(f"PoissonNLLLoss({o})", "positive") for o in ("", "log_input=True, full=True")],
    *[(f"HingeEmbeddingLoss({o})", "sign") for o in ("", "margin=0.3", "reduction='none'")],
    ("SoftMarginLoss()", "sign"),
    ("MultiLabelSoftMarginLoss()", "share"),
    *[(f"MultiMarginLoss({o})", "class") for o in ("", "p=2", "margin=0.4", "reduction='none'",
      "weight=t.tensor([1.0, 2.0, 0.5], dtype=t.float64)")],
    ("MultiLabelMarginLoss()", "labels"),
    ("MultiLabelMarginLoss(reduction='none')", "labels"),
]  # fmt: skip


def target_of(kind: str, n: int) -> np.ndarray:
    rng = np.random.default_rng(1)
    return {
        "real": rng.normal(size=(n, 3)),
        "share": rng.dirichlet(np.ones(3), n),
        "positive": rng.uniform(0.2, 4.0, (n, 3)),
        "class": rng.integers(0, 3, n),
        "sign": rng.choice([-1.0, 1.0], (n, 3)),
        "labels": np.array([[0, -1, 1], [2, 0, -1], [1, 2, 0], [-1, 0, 1], [2, -1, 0]])[:n],
    }[kind]


@pytest.mark.parametrize(("make", "kind"), LOSSES)
def test_loss(make: str, kind: str) -> None:
    found = []
    x, y = np.random.default_rng(0).normal(size=(5, 3)), target_of(kind, 5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for t in (tl, torch):
            loss = eval(f"t.nn.{make}", {"t": t})  # the text is this file's own
            a = t.tensor(x, requires_grad=True)
            out = loss(a, t.tensor(y))
            (g,) = t.autograd.grad(out.sum(), a, create_graph=True)
            second = np.zeros_like(x)
            once = make.startswith(("MultiMargin", "MultiLabelMargin"))  # all that PyTorch has
            if g.requires_grad and not once:
                h = t.autograd.grad((g * g).sum(), a, allow_unused=True)[0]
                second = np.zeros_like(x) if h is None else h.numpy(force=True)
            found.append((out.detach().numpy(), g.detach().numpy(), second))
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-10)


PAIRS = [
    "CosineEmbeddingLoss()",
    "CosineEmbeddingLoss(margin=0.3, reduction='sum')",
    "TripletMarginLoss()",
    "TripletMarginLoss(p=1, swap=True, margin=0.4)",
    "TripletMarginWithDistanceLoss(swap=True)",
    "MarginRankingLoss(margin=0.2)",
    "GaussianNLLLoss()",
    "GaussianNLLLoss(full=True, reduction='sum')",
]


@pytest.mark.parametrize("make", PAIRS)
def test_loss_of_several(make: str) -> None:
    rng = np.random.default_rng(2)
    found = []
    a, b = rng.normal(size=(4, 3)), rng.normal(size=(4, 3))
    third = rng.normal(size=(4, 3))
    if make.startswith("Cosine"):
        third = np.array([1, -1, 1, -1])
    elif make.startswith("Margin"):
        third = np.sign(third)
    elif make.startswith("Gauss"):
        third = np.exp(third)
    for t in (tl, torch):
        xs = [t.tensor(v, requires_grad=v.dtype == float) for v in (a, b, third)]
        out = eval(f"t.nn.{make}", {"t": t})(*xs)  # the text is this file's own
        out.sum().backward()
        grads = [x.grad for x in xs if x.grad is not None]
        found.append([out.detach().numpy(), *[g.numpy() for g in grads]])
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-10)
