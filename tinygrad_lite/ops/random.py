"""Random draws. The numbers come from core/random.py (Philox, keyed by the seed), not PyTorch's.

Every function takes `generator`; None is the default one, which `manual_seed` sets.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core.dtypes import to_numpy
from ..core.random import numpy_generator
from ..core.shapes import broadcast_shape
from ..core.tensor import Tensor, make, require_cpu
from ..kernels import drawing
from .arguments import kind, no_kernel, no_out, of_tensors, require_tensor
from .filling import dtype_or_default, finished, shape_given
from .like import in_order_of


def uniform(rng: np.random.Generator, shape: Any, dtype: Any) -> np.ndarray:
    """Uniform in [0, 1) of a floating dtype; float16 never rounds up to 1."""
    if dtype == np.float16:
        return (rng.integers(0, 2048, shape) / 2048).astype(np.float16)
    if dtype.kind == "c":
        return _both_parts(uniform, rng, shape, dtype)
    if dtype == np.float32 and (size := math.prod(shape)) >= drawing.LARGE:
        return drawing.uniform(size, _key(rng)).reshape(shape)
    return np.asarray(rng.random(shape, dtype=dtype))


def _key(rng: Any) -> int:
    """64 bits of the stream, under which a counter makes many numbers."""
    return int(rng.bit_generator.random_raw())


def standard_normal(rng: np.random.Generator, shape: Any, dtype: Any) -> np.ndarray:
    """Normal of mean 0 and variance 1, of a floating or complex dtype."""
    if dtype == np.float16:
        return standard_normal(rng, shape, np.dtype(np.float32)).astype(np.float16)
    if dtype.kind == "c":  # of variance 1 together
        return _both_parts(standard_normal, rng, shape, dtype) / dtype.type(math.sqrt(2))
    if dtype == np.float32 and (size := math.prod(shape)) >= drawing.LARGE:
        return drawing.normal(size, _key(rng)).reshape(shape)
    return np.asarray(rng.standard_normal(shape, dtype=dtype))


def _both_parts(draw: Any, rng: np.random.Generator, shape: Any, dtype: Any) -> np.ndarray:
    """Complex numbers whose real and imaginary parts are drawn independently."""
    pairs = draw(rng, (*tuple(shape), 2), np.dtype(f"f{dtype.itemsize // 2}"))
    return np.asarray(pairs.view(dtype)[..., 0])


def floating(function: str, dtype: Any) -> Any:
    """The NumPy dtype of `dtype` (None: the default); NotImplementedError for one of integers."""
    numpy_dtype = dtype_or_default(dtype)
    if numpy_dtype.kind not in "fc":
        raise no_kernel(function, numpy_dtype)
    return numpy_dtype


def _sampler(name: str, draw: Any, check: str, doc: str) -> Any:
    def sample(
        *size: Any,
        generator: Any = None,
        out: Any = None,
        dtype: Any = None,
        layout: Any = None,
        device: Any = None,
        requires_grad: bool = False,
        pin_memory: bool = False,
        **named: Any,
    ) -> Tensor:
        no_out(name, out)
        require_cpu(device)
        shape = shape_given(name, size, named)
        numpy_dtype = floating(check, dtype)
        return finished(draw(numpy_generator(generator), shape, numpy_dtype), requires_grad)

    sample.__name__ = sample.__qualname__ = name
    sample.__doc__ = doc
    return sample


def _like_sampler(name: str, draw: Any, check: str, doc: str) -> Any:
    def sample(
        input: Tensor,
        *,
        dtype: Any = None,
        layout: Any = None,
        device: Any = None,
        requires_grad: bool = False,
        memory_format: Any = None,
        generator: Any = None,
    ) -> Tensor:
        require_tensor(name, input)
        require_cpu(device)
        numpy_dtype = floating(check, input.dtype if dtype is None else dtype)
        values = draw(numpy_generator(generator), input.array.shape, numpy_dtype)
        return finished(in_order_of(input.array, values, memory_format), requires_grad)

    sample.__name__ = sample.__qualname__ = name
    sample.__doc__ = doc
    return sample


rand = _sampler("rand", uniform, "check_uniform_bounds", "Uniform in [0, 1), of shape `size`.")
randn = _sampler(
    "randn", standard_normal, "normal_kernel_cpu", "Standard normal numbers, of shape `size`."
)
rand_like = _like_sampler(
    "rand_like", uniform, "check_uniform_bounds", "Uniform in [0, 1), in the shape of `input`."
)
randn_like = _like_sampler(
    "randn_like", standard_normal, "normal_kernel_cpu", "Standard normal, in the shape of `input`."
)


# -- integers --------------------------------------------------------------------------------------


def integers(rng: Any, low: int, high: int, shape: Any, dtype: Any) -> np.ndarray:
    """Whole numbers in [low, high); RuntimeError if there are none."""
    if low >= high:
        raise RuntimeError(
            f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}"
        )
    return np.asarray(rng.integers(low, high, shape)).astype(dtype)


def randint(*args: Any, generator: Any = None, **options: Any) -> Tensor:
    """randint(low=0, high, size): whole numbers in [low, high), int64 unless `dtype` says else."""
    given = list(args)
    size = options.pop("size", None)
    if size is None:
        if len(given) < 2 - ("high" in options) or isinstance(given[-1], int):
            raise TypeError("randint() received an invalid combination of arguments: size missing")
        size = given.pop()
    if "high" in options:
        given.append(options.pop("high"))
    low = options.pop("low", None)
    low = low if low is not None else (given[0] if len(given) == 2 else 0)
    high = given[-1]
    no_out("randint", options.pop("out", None))
    require_cpu(options.pop("device", None))
    dtype = options.pop("dtype", None)
    requires_grad = options.pop("requires_grad", False)
    for ignored in ("layout", "pin_memory"):
        options.pop(ignored, None)
    if options:
        raise TypeError(f"randint() got an unexpected keyword argument '{next(iter(options))}'")
    numpy_dtype = np.dtype(np.int64) if dtype is None else to_numpy(dtype)
    shape = shape_given("randint", (size,), None)
    rng = numpy_generator(generator)
    return finished(integers(rng, int(low), int(high), shape, numpy_dtype), requires_grad)


@of_tensors
def randint_like(
    input: Tensor, low: Any = None, high: Any = None, *, dtype: Any = None, **options: Any
) -> Tensor:
    """Whole numbers in [low, high) (or [0, low)), in the shape and dtype of `input`."""
    if high is None:
        low, high = 0, low
    if high is None:
        raise TypeError("randint_like() missing 1 required positional argument: 'high'")
    low = 0 if low is None else low
    layout = options.pop("memory_format", None)
    dtype = input.dtype if dtype is None else dtype
    drawn = randint(low, high, tuple(input.array.shape), dtype=dtype, **options)
    drawn.array = in_order_of(input.array, drawn.array, layout)
    return drawn


def randperm(
    n: int,
    *,
    generator: Any = None,
    out: Any = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """The numbers 0 to n - 1 in random order."""
    no_out("randperm", out)
    require_cpu(device)
    if n < 0:
        raise RuntimeError(f"Trying to create tensor with negative dimension {n}: [{n}]")
    order = numpy_generator(generator).permutation(n)
    return finished(order.astype(np.int64 if dtype is None else to_numpy(dtype)), requires_grad)


# -- distributions ---------------------------------------------------------------------------------


def normal(
    mean: Any = 0.0,
    std: Any = 1.0,
    size: Any = None,
    *,
    generator: Any = None,
    out: Any = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """Normal numbers: normal(mean, std, size) with numbers, or with Tensors that broadcast.

    A draw is a constant: unlike PyTorch's, which has a gradient of 0, it has no history.
    """
    no_out("normal", out)
    require_cpu(device)
    for value in (mean, std):
        if not isinstance(value, (Tensor, int, float, np.number)):
            raise TypeError(
                "normal() received an invalid combination of arguments - got "
                f"{type(value).__name__} for a mean or standard deviation"
            )
    require_spread(std)
    rng = numpy_generator(generator)
    if size is not None:
        numpy_dtype = floating("normal_kernel_cpu", dtype)
        draw = standard_normal(rng, shape_given("normal", (size,), None), numpy_dtype)
        return finished((draw * std + mean).astype(numpy_dtype), requires_grad)
    if not isinstance(mean, Tensor) and not isinstance(std, Tensor):
        raise TypeError(
            "normal() received an invalid combination of arguments: with two numbers, give a size"
        )
    m, s = (x.array if isinstance(x, Tensor) else x for x in (mean, std))
    broadcast_shape([np.shape(m), np.shape(s)])
    numpy_dtype = m.dtype if isinstance(mean, Tensor) else s.dtype
    if numpy_dtype.kind != "f":
        raise no_kernel("normal_kernel_cpu", numpy_dtype)
    draw = standard_normal(rng, np.broadcast_shapes(np.shape(m), np.shape(s)), numpy_dtype)
    return make(np.asarray(draw * s + m, numpy_dtype))


def require_spread(std: Any) -> None:
    """RuntimeError for a negative standard deviation."""
    if isinstance(std, Tensor):
        if (std.array < 0).any():
            raise RuntimeError("normal expects all elements of std >= 0.0")
    elif std < 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std:g}")


def bernoulli(input: Tensor, p: Any = None, *, generator: Any = None, out: Any = None) -> Tensor:
    """1 with probability `input` (or `p` everywhere), else 0, in the dtype of `input`."""
    no_out("bernoulli", out)
    require_tensor("bernoulli", input)
    if p is None and input.array.dtype.kind != "f":
        raise no_kernel("bernoulli_tensor_cpu_p_", input.array.dtype)
    chance = input.array if p is None else (p.array if isinstance(p, Tensor) else np.asarray(p))
    if not ((chance >= 0) & (chance <= 1)).all():
        raise RuntimeError("Expected p_in >= 0 && p_in <= 1 to be true, but got false.")
    draw = numpy_generator(generator).random(input.array.shape)
    return make(np.asarray(draw < chance).astype(input.array.dtype))


def _places(edges: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """How many `edges` (m, n) of its row are at most each of the `draws` (m, k): (m, k)."""
    width = edges.shape[1] * draws.shape[1]
    if width > 512:  # a search for each row: long rows are halved rather than read
        found = [np.searchsorted(e, d, "right") for e, d in zip(edges, draws, strict=True)]
        return np.stack(found)
    picks = np.empty(draws.shape, np.int64)
    step = max(1, (1 << 20) // width)  # rows whose comparisons stay in the cache
    for i in range(0, len(edges), step):
        part = slice(i, i + step)
        (edges[part, None, :] <= draws[part, :, None]).sum(axis=2, out=picks[part])
    return picks


def multinomial(
    input: Tensor,
    num_samples: int,
    replacement: bool = False,
    *,
    generator: Any = None,
    out: Any = None,
) -> Tensor:
    """Indices drawn from each row of `input`, non-negative weights: (n,) or (m, n) -> int64.

    With replacement by inverting the cumulative sum; without, the largest of weights raised to
    random powers (Efraimidis and Spirakis, 2006). RuntimeError for weights that are negative, not
    finite or all 0.
    """
    no_out("multinomial", out)
    require_tensor("multinomial", input)
    w = input.array
    if w.ndim not in (1, 2):
        raise RuntimeError("prob_dist must be 1 or 2 dim")
    if w.dtype.kind != "f":
        raise RuntimeError(
            f"multinomial only supports floating-point dtypes for input, got: {kind(w.dtype)}"
        )
    if num_samples <= 0:
        raise RuntimeError("cannot sample n_sample <= 0 samples")
    if not replacement and num_samples > w.shape[-1]:
        raise RuntimeError(
            "cannot sample n_sample > prob_dist.size(-1) samples without replacement"
        )
    if w.shape[-1] > 1 << 24:
        raise RuntimeError(
            f"number of categories cannot exceed 2^24, but there are {w.shape[-1]}: draw from "
            "parts, with the totals of the parts as weights first"
        )
    if not np.isfinite(w).all() or (w < 0).any():
        raise RuntimeError("probability tensor contains either `inf`, `nan` or element < 0")
    rows = np.atleast_2d(w).astype(np.float64)
    totals = rows.sum(axis=1)
    if (totals <= 0).any():
        raise RuntimeError("invalid multinomial distribution (sum of probabilities <= 0)")
    rng = numpy_generator(generator)
    if replacement:
        edges = np.cumsum(rows, axis=1)
        edges /= edges[:, -1:]
        draws = rng.random((len(rows), num_samples))
        picks = _places(edges, draws)
        last = rows.shape[1] - 1 - (rows[:, ::-1] > 0).argmax(axis=1)
        picks = np.minimum(picks, last[:, None])
    else:
        times = rng.standard_exponential(rows.shape)
        with_weight = np.where(rows > 0, times / np.where(rows > 0, rows, 1), math.inf)
        picks = np.argsort(with_weight, axis=1, kind="stable")[:, :num_samples]
    picks = picks.astype(np.int64)
    return make(picks[0] if w.ndim == 1 else picks)


def poisson(input: Tensor, generator: Any = None) -> Tensor:
    """Poisson numbers with the rates `input`, in its dtype."""
    require_tensor("poisson", input)
    if (input.array < 0).any():
        raise RuntimeError("invalid Poisson rate, expected rate to be non-negative")
    return make(np.asarray(numpy_generator(generator).poisson(input.array), input.array.dtype))


@of_tensors
def binomial(count: Tensor, prob: Tensor, generator: Any = None) -> Tensor:
    """Binomial numbers of `count` trials with probability `prob`, in their dtype."""
    if (count.array < 0).any():
        raise RuntimeError("count must be non-negative")
    draw = numpy_generator(generator).binomial(count.array.astype(np.int64), prob.array)
    return make(np.asarray(draw).astype(count.array.dtype))
