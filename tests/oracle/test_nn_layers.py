"""Layers whose inputs are not just shapes against PyTorch's: tables, lazy ones, noise, clusters."""

from __future__ import annotations

import inspect
import itertools
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl

torch = pytest.importorskip("torch")

RNG = np.random.default_rng(3)


def pair(make: str) -> tuple[Any, Any]:
    """The layer in both libraries, in float64 and with PyTorch's initial state."""
    ours, theirs = (eval(f"t.nn.{make}", {"t": t}).double() for t in (tl, torch))  # our own text
    ours.load_state_dict({k: tl.tensor(v.numpy()) for k, v in theirs.state_dict().items()})
    return ours, theirs


def values(outs: Any) -> list[np.ndarray]:
    found = outs if isinstance(outs, (tuple, list)) else [outs]
    return [o.detach().numpy() for o in found]


def agree(make: str, call: Callable[[Any, Any], Any]) -> None:
    """Outputs of `call(t, layer)`, gradients towards the parameters, and the state afterwards."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours, theirs = pair(make)
        assert repr(ours) == repr(theirs)
        for training in (True, False):
            found = []
            for t, layer in ((tl, ours), (torch, theirs)):
                layer.train(training)
                layer.zero_grad()
                outs = call(t, layer)
                first = outs[0] if isinstance(outs, (tuple, list)) else outs
                (first * t.arange(1, first.numel() + 1).reshape(first.shape)).sum().backward()
                grads = [p.grad for p in layer.parameters()]
                found.append([*values(outs), *[None if g is None else g.numpy() for g in grads]])
            for a, b in zip(*found, strict=True):
                assert (a is None) == (b is None)
                if a is not None:
                    np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-9)
        assert list(ours.state_dict()) == list(theirs.state_dict())
        for key, value in theirs.state_dict().items():
            np.testing.assert_allclose(ours.state_dict()[key].numpy(), value.numpy(), rtol=1e-7)


# -- tables ----------------------------------------------------------------------------------------

WORDS = RNG.integers(0, 7, (4, 5))


@pytest.mark.parametrize(
    "options",
    [
        "",
        ", padding_idx=2",
        ", padding_idx=-1",
        ", max_norm=1.0",
        ", max_norm=1.5, norm_type=1.0",
        ", scale_grad_by_freq=True",
        ", padding_idx=1, scale_grad_by_freq=True",
    ],
)
def test_embedding(options: str) -> None:
    agree(f"Embedding(7, 3{options})", lambda t, layer: layer(t.tensor(WORDS)))


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
@pytest.mark.parametrize("options", ["", ", padding_idx=2", ", max_norm=1.0"])
def test_embedding_bag(mode: str, options: str) -> None:
    make = f"EmbeddingBag(7, 3, mode={mode!r}{options})"
    agree(make, lambda t, layer: layer(t.tensor(WORDS)))
    agree(make, lambda t, layer: layer(t.tensor(WORDS.ravel()), t.tensor([0, 3, 3, 11])))


def test_embedding_bag_options() -> None:
    weights = RNG.normal(size=WORDS.shape)
    agree(
        "EmbeddingBag(7, 3, mode='sum')",
        lambda t, layer: layer(t.tensor(WORDS), per_sample_weights=t.tensor(weights)),
    )
    agree(
        "EmbeddingBag(7, 3, include_last_offset=True)",
        lambda t, layer: layer(t.tensor(WORDS.ravel()), t.tensor([0, 4, 9, 20])),
    )


@pytest.mark.parametrize("mode", ["sum", "mean"])
def test_embedding_bag_scaled_by_frequency(mode: str) -> None:
    """As an `Embedding` scales. PyTorch's bag divides by the frequency of another word."""
    bag, table = pair(f"EmbeddingBag(7, 3, mode={mode!r}, scale_grad_by_freq=True)")[0], []
    for t in (tl, torch):
        layer = t.nn.Embedding.from_pretrained(
            t.tensor(bag.weight.detach().numpy()), freeze=False, scale_grad_by_freq=True
        )
        out = getattr(layer(t.tensor(WORDS)), mode)(1)
        (out * t.arange(12).reshape(4, 3)).sum().backward()
        table.append(layer.weight.grad.numpy())
    (bag(tl.tensor(WORDS)) * tl.arange(12).reshape(4, 3)).sum().backward()
    np.testing.assert_allclose(bag.weight.grad.numpy(), table[1], rtol=1e-12)
    np.testing.assert_allclose(table[0], table[1], rtol=1e-12)


def test_from_pretrained() -> None:
    table = RNG.normal(size=(7, 3))
    for name, freeze in itertools.product(("Embedding", "EmbeddingBag"), (True, False)):
        made = [
            getattr(t.nn, name).from_pretrained(t.tensor(table), freeze=freeze) for t in (tl, torch)
        ]
        assert made[0].weight.requires_grad == made[1].weight.requires_grad
        assert repr(made[0]) == repr(made[1])
        a, b = (layer(t.tensor(WORDS)) for t, layer in zip((tl, torch), made, strict=True))
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy())


# -- layers that learn their input's size ----------------------------------------------------------

LAZY = [
    ("LazyLinear(4)", (3, 5)),
    ("LazyLinear(4, bias=False)", (2, 3, 5)),
    ("LazyConv1d(4, 2)", (2, 3, 5)),
    ("LazyConv2d(4, 2, padding=1, groups=3, bias=False)".replace("4", "6"), (2, 3, 4, 4)),
    ("LazyConv3d(4, 2)", (3, 3, 3, 3)),
    ("LazyConvTranspose1d(4, 2)", (2, 3, 5)),
    ("LazyConvTranspose2d(4, 2, output_padding=1, stride=2)", (2, 3, 4, 4)),
    ("LazyConvTranspose3d(4, 2)", (2, 3, 3, 3, 3)),
    ("LazyBatchNorm1d()", (4, 3)),
    ("LazyBatchNorm1d(affine=False)", (4, 3, 2)),
    ("LazyBatchNorm2d(momentum=None)", (4, 3, 2, 2)),
    ("LazyBatchNorm3d(track_running_stats=False)", (4, 3, 2, 2, 2)),
    ("LazyInstanceNorm1d()", (4, 3, 5)),
    ("LazyInstanceNorm2d(affine=False)", (4, 3, 2, 2)),
    ("LazyInstanceNorm3d(track_running_stats=False)", (4, 3, 2, 2, 2)),
]


@pytest.mark.parametrize(("make", "shape"), LAZY, ids=[make for make, _ in LAZY])
def test_lazy(make: str, shape: tuple[int, ...]) -> None:
    x = RNG.normal(size=shape).astype(np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours, theirs = (eval(f"t.nn.{make}", {"t": t}) for t in (tl, torch))  # our own text
        assert list(ours.state_dict()) == list(theirs.state_dict())
        assert ours.has_uninitialized_params() == theirs.has_uninitialized_params()
        theirs(torch.tensor(x))
        ours(tl.tensor(x))
        assert type(ours).__name__ == type(theirs).__name__
        assert repr(ours) == repr(theirs)
        state = {k: tl.tensor(v.numpy()) for k, v in theirs.state_dict().items()}
        fresh = eval(f"t.nn.{make}", {"t": tl})  # our own text
        fresh.load_state_dict(state)  # a state gives a lazy layer its shapes as well
        if state:  # and the first input its sizes: PyTorch's norms still say 0 features then
            fresh.eval()(tl.tensor(x))
            assert repr(fresh) == repr(ours)
        ours.load_state_dict(state)
        for layer in (ours, fresh):
            for mode in (True, False):
                a, b = layer.train(mode)(tl.tensor(x)), theirs.train(mode)(torch.tensor(x))
                np.testing.assert_allclose(a.detach(), b.detach(), rtol=1e-5, atol=1e-6)
            theirs.load_state_dict({k: torch.tensor(v.numpy()) for k, v in state.items()})


# -- pooling undone --------------------------------------------------------------------------------


@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize("options", ["2", "3, 2", "3, 2, 1"])
def test_unpooling(dims: int, options: str) -> None:
    x = RNG.permutation(np.arange(6.0 * 5 * 7**dims)).reshape(6, 5, *(7,) * dims)
    found = []
    for t in (tl, torch):
        pool = eval(f"t.nn.MaxPool{dims}d({options}, return_indices=True)", {"t": t})
        unpool = eval(f"t.nn.MaxUnpool{dims}d({options})", {"t": t})
        leaf = t.tensor(x, requires_grad=True)
        small, places = pool(leaf)
        out = unpool(small, places, output_size=leaf.shape)
        (out * t.arange(out.numel()).reshape(out.shape)).sum().backward()
        found.append((places.numpy(), out.detach().numpy(), leaf.grad.numpy(), repr(unpool)))
    for a, b in zip(*found, strict=True):
        np.testing.assert_array_equal(a, b)


# -- noise -----------------------------------------------------------------------------------------

NOISE = {
    "Dropout": ((20, 30, 40), (0, 1, 2)),  # a shape, and the axes along which masks differ
    "Dropout1d": ((60, 50, 4), (0, 1)),
    "Dropout2d": ((60, 50, 4, 3), (0, 1)),
    "Dropout3d": ((60, 50, 2, 3, 2), (0, 1)),
    "AlphaDropout": ((20, 30, 40), (0, 1, 2)),
    "FeatureAlphaDropout": ((60, 50, 4, 3), (0, 1)),
}


@pytest.mark.parametrize("p", [0.1, 0.5, 0.8])
@pytest.mark.parametrize("name", NOISE)
def test_noise(name: str, p: float) -> None:
    """The same two values at the same rate, and masks shared along the same axes."""
    shape, own = NOISE[name]
    shared = tuple(set(range(len(shape))) - set(own))
    kinds, rates = [], []
    for t in (tl, torch):
        t.manual_seed(0)
        out = getattr(t.nn, name)(p)(t.ones(shape)).numpy()
        assert (np.ptp(out, axis=shared) == 0).all()
        found, counts = np.unique(out, return_counts=True)
        kinds.append(found)
        rates.append(counts[0] / out.size)
        layer = getattr(t.nn, name)(p).eval()
        np.testing.assert_array_equal(layer(t.ones(shape)).numpy(), np.ones(shape))
    np.testing.assert_allclose(kinds[0], kinds[1], rtol=1e-6, atol=1e-7)
    independent = np.prod([shape[axis] for axis in own])
    for rate in rates:
        assert abs(rate - p) < 4.5 * np.sqrt(p * (1 - p) / independent)


@pytest.mark.parametrize("p", [0.0, 1.0])
@pytest.mark.parametrize("name", NOISE)
def test_noise_at_its_ends(name: str, p: float) -> None:
    x = RNG.normal(size=(3, 4, 5) if name != "Dropout3d" else (2, 3, 2, 2, 2)).astype(np.float32)
    found = []
    for t in (tl, torch):
        leaf = t.tensor(x, requires_grad=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            out = getattr(t.nn, name)(p)(leaf)
        (out * out).sum().backward()
        found.append((out.detach().numpy(), leaf.grad.numpy()))
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("training", [True, False])
def test_rrelu(training: bool) -> None:
    """In training slopes are uniform between the bounds; in evaluation their mean."""
    slopes = []
    for t in (tl, torch):
        t.manual_seed(0)
        x = -t.ones(100_000)
        slopes.append(-t.nn.RReLU(0.1, 0.4).train(training)(x).numpy())
    if not training:
        np.testing.assert_allclose(slopes[0], slopes[1], rtol=1e-6)
        np.testing.assert_allclose(slopes[0], 0.25, rtol=1e-6)
        return
    for s in slopes:
        assert s.min() == pytest.approx(0.1, abs=1e-4)
        assert s.max() == pytest.approx(0.4, abs=1e-4)
        assert s.mean() == pytest.approx(0.25, abs=1e-3)
        assert s.var() == pytest.approx(0.3**2 / 12, rel=0.02)


# -- clusters --------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", ["[3, 7]", "[4], head_bias=True", "[2, 5, 9], div_value=1.5"])
def test_adaptive_softmax(options: str) -> None:
    make = f"AdaptiveLogSoftmaxWithLoss(8, 12, {options})"
    x, y = RNG.normal(size=(20, 8)), RNG.integers(0, 12, 20)
    agree(make, lambda t, layer: layer(t.tensor(x), t.tensor(y)))
    agree(make, lambda t, layer: layer(t.tensor(x), t.tensor(y % 2)).loss)
    agree(make, lambda t, layer: layer(t.tensor(x[0]), t.tensor(y[0])))
    agree(make, lambda t, layer: layer.log_prob(t.tensor(x)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours, theirs = pair(make)
    for scale in (0.1, 1.0, 30.0):
        a, b = ours.predict(tl.tensor(scale * x)), theirs.predict(torch.tensor(scale * x))
        np.testing.assert_array_equal(a.numpy(), b.numpy())


ADAPTIVE_ERRORS = [
    "AdaptiveLogSoftmaxWithLoss(8, 12, [])",
    "AdaptiveLogSoftmaxWithLoss(8, 12, [5, 3])",
    "AdaptiveLogSoftmaxWithLoss(8, 12, [3, 3])",
    "AdaptiveLogSoftmaxWithLoss(8, 12, [0, 3])",
    "AdaptiveLogSoftmaxWithLoss(8, 12, [3, 12])",
    "AdaptiveLogSoftmaxWithLoss(8, 12, [3])(t.zeros(4, 8), t.full((4,), 12))",
    "AdaptiveLogSoftmaxWithLoss(8, 12, [3])(t.zeros(4, 8), t.full((4,), -1))",
    "AdaptiveLogSoftmaxWithLoss(8, 12, [3])(t.zeros(4, 8), t.zeros(3, dtype=t.int64))",
    "AdaptiveLogSoftmaxWithLoss(8, 12, [3])(t.zeros(8), t.zeros(8, dtype=t.int64))",
    "AdaptiveLogSoftmaxWithLoss(8, 12, [3])(t.zeros(4, 8), t.zeros((4, 1), dtype=t.int64))",
    "AdaptiveLogSoftmaxWithLoss(8, 12, [3])(t.zeros(4, 8), t.tensor(3))",
    "FractionalMaxPool2d(2)",
    "FractionalMaxPool2d(2, 3, 0.5)",
    "FractionalMaxPool2d(2, output_ratio=1.5)",
    "FractionalMaxPool3d(0, output_size=2)",
    "FractionalMaxPool3d(2, output_ratio=(0.5, 0.5, 1.0))",
    "LinearCrossEntropyOptions(acc_policy='fast')",
    "LinearCrossEntropyOptions(batch_chunk_size=0)",
    "LinearCrossEntropyOptions(chunking_method='aspect_ratio:0')",
    "LinearCrossEntropyOptions(acc_dtype=t.int64)",
]


@pytest.mark.parametrize("call", ADAPTIVE_ERRORS)
def test_errors(call: str) -> None:
    raised = []
    for t in (tl, torch):
        with pytest.raises((RuntimeError, ValueError, TypeError, IndexError)) as info:
            eval(f"t.nn.{call}", {"t": t})  # our own text
        raised.append(info.value)
    ours, theirs = raised
    assert type(ours) is type(theirs)
    assert str(ours).split()[:3] == str(theirs).split()[:3]


# -- the rest --------------------------------------------------------------------------------------


def test_decoder_stack() -> None:
    x, memory = RNG.normal(size=(3, 2, 8)), RNG.normal(size=(4, 2, 8))
    for norm in ("None", "t.nn.LayerNorm(8)"):
        layer = "t.nn.TransformerDecoderLayer(8, 2, 16, 0.0)"
        agree(
            f"TransformerDecoder({layer}, 2, {norm})",
            lambda t, layer: layer(t.tensor(x), t.tensor(memory)),
        )


@pytest.mark.parametrize("make", ["UpsamplingNearest2d(scale_factor=2)", "UpsamplingBilinear2d(5)"])
def test_upsampling(make: str) -> None:
    x = RNG.normal(size=(2, 3, 4, 3))
    found = []
    for t in (tl, torch):
        leaf = t.tensor(x, requires_grad=True)
        layer = eval(f"t.nn.{make}", {"t": t})  # our own text
        out = layer(leaf)
        (out * out).sum().backward()
        found.append((out.detach().numpy(), leaf.grad.numpy()))
        text = repr(layer)
    assert repr(eval(f"t.nn.{make}", {"t": tl})) == text
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


def test_buffers_by_assignment() -> None:
    found = []
    for t in (tl, torch):
        module = t.nn.Module()
        module.kept = t.nn.Buffer(t.arange(3))
        module.passing = t.nn.Buffer(t.zeros(2), persistent=False)
        module.kept = t.ones(1)  # an assigned Tensor takes the buffer's place
        assert isinstance(module.passing, t.nn.Buffer)
        found.append(([n for n, _ in module.named_buffers()], list(module.state_dict())))
    assert found[0] == found[1] == (["kept", "passing"], ["kept"])


def public_modules() -> list[str]:
    """The modules that both libraries have."""
    both = set(dir(tl.nn)) & set(dir(torch.nn))
    classes = {name: getattr(torch.nn, name) for name in both}
    return sorted(
        n for n, c in classes.items() if isinstance(c, type) and issubclass(c, torch.nn.Module)
    )


@pytest.mark.parametrize("name", public_modules())
def test_signatures(name: str) -> None:
    """Constructors and `forward` take PyTorch's arguments, in its order, with its defaults."""
    if name in ("RNN", "GRU", "LSTM"):  # overloaded there: *args
        return
    for method in ("__init__", "forward"):
        sides = []
        for t in (tl, torch):
            signature = inspect.signature(getattr(getattr(t.nn, name), method))
            parameters = [p for p in signature.parameters.values() if p.name not in ("_freeze",)]
            sides.append(
                [(p.name, p.kind, getattr(p.default, "__name__", p.default)) for p in parameters]
            )
        if method == "__init__":
            assert sides[0] == sides[1]
        elif not any(kind == inspect.Parameter.VAR_POSITIONAL for _, kind, _ in sides[0]):
            assert [a[0] for a in sides[0]] == [b[0] for b in sides[1]]


def test_no_module_is_missing() -> None:
    theirs = {
        n
        for n, c in vars(torch.nn).items()
        if isinstance(c, type) and issubclass(c, torch.nn.Module)
    }
    assert theirs - set(dir(tl.nn)) == {"Container"}  # Module under PyTorch's oldest name


ENDS = np.array([[0, 0, 0, 0], [0, 0, 1, 1], [0, 0, 0, 1]], bool)
STARTS = ENDS[:, ::-1].copy()
RAGGED = [
    *itertools.product((ENDS, STARTS), ("", ", enable_nested_tensor=False")),
    (ENDS, ", mask_check=False"),  # unchecked, PyTorch reads the wrong places of STARTS
]


@pytest.mark.parametrize(("padding", "options"), RAGGED)
@pytest.mark.parametrize(
    "layer",
    [
        "8, 2, 16, 0.0, batch_first=True",
        "8, 2, 16, 0.0, batch_first=True, activation='gelu'",
        "8, 2, 16, 0.0, batch_first=True, activation=t.nn.functional.silu",
        "8, 2, 16, 0.0, batch_first=True, norm_first=True",
        "8, 2, 16, 0.0, batch_first=True, bias=False",
        "8, 1, 16, 0.0, batch_first=True",
        "9, 3, 16, 0.0, batch_first=True",
    ],
)
def test_padded_places_in_inference(layer: str, options: str, padding: np.ndarray) -> None:
    """They are 0 where PyTorch takes its path for ragged batches, and only there."""
    width = int(layer[0])
    x = RNG.normal(size=(3, 4, width))
    make = (
        f"TransformerEncoder(t.nn.TransformerEncoderLayer({layer}), 2, t.nn.LayerNorm({width})"
        f"{options})"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sides = list(zip((tl, torch), pair(make), strict=True))
        for training, recorded, masked in itertools.product((False, True), repeat=3):
            found = []
            for t, encoder in sides:
                encoder.train(training)
                mask = t.zeros(4, 4, dtype=t.float64) if masked else None
                with t.set_grad_enabled(recorded):
                    out = encoder(t.tensor(x), mask, t.tensor(padding))
                found.append(out.detach().numpy())
            np.testing.assert_allclose(*found, rtol=1e-7, atol=1e-9)
