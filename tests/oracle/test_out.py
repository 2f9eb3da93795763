"""`out=`: the result stands in the given Tensor, which takes its shape; nothing is recorded."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("torch")

from tests.oracle.behaviours import check, error

ONE = [
    "abs",
    "neg",
    "exp",
    "log",
    "sqrt",
    "sin",
    "cos",
    "tanh",
    "sigmoid",
    "floor",
    "ceil",
    "round",
    "sign",
    "reciprocal",
    "rsqrt",
    "square",
    "erf",
    "log1p",
    "expm1",
    "digamma",
    "logical_not",
    "angle",
]
TWO = [
    "add",
    "sub",
    "mul",
    "div",
    "pow",
    "maximum",
    "minimum",
    "fmod",
    "remainder",
    "atan2",
    "floor_divide",
    "true_divide",
    "eq",
    "lt",
    "gt",
    "le",
    "ge",
    "ne",
    "logical_and",
    "hypot",
    "copysign",
    "max",
]
ALONG = [
    "sum",
    "mean",
    "prod",
    "std",
    "var",
    "logsumexp",
    "amax",
    "amin",
    "nansum",
    "cumsum",
    "cumprod",
    "any",
    "all",
    "softmax",
]
FLAT: dict[str, Callable[[Any, Any], Any]] = {
    "matmul": lambda t, x: (x, x.t()),
    "mm": lambda t, x: (x, x.t()),
    "bmm": lambda t, x: (x[None], x.t()[None]),
    "mv": lambda t, x: (x, x[0]),
    "dot": lambda t, x: (x[0], x[1]),
    "outer": lambda t, x: (x[0], x[1]),
    "addmm": lambda t, x: (t.ones(2, 2), x, x.t()),
    "baddbmm": lambda t, x: (t.ones(2, 2), x[None], x.t()[None]),
    "addr": lambda t, x: (x, x[:, 0], x[0]),
    "addcmul": lambda t, x: (x, x, x),
    "addcdiv": lambda t, x: (x, x, x),
    "lerp": lambda t, x: (x, x * 2, 0.5),
    "cat": lambda t, x: ([x, x], 1),
    "stack": lambda t, x: ([x, x],),
    "hstack": lambda t, x: ([x, x],),
    "where": lambda t, x: (x > 2, x, -x),
    "clamp": lambda t, x: (x, 1.5, 2.5),
    "tril": lambda t, x: (x,),
    "triu": lambda t, x: (x,),
    "diag": lambda t, x: (x,),
    "gather": lambda t, x: (x, 1, t.tensor([[0, 2], [1, 0]])),
    "index_select": lambda t, x: (x, 1, t.tensor([2, 0])),
    "take": lambda t, x: (x, t.tensor([5, 0])),
    "masked_select": lambda t, x: (x, x > 2),
    "norm": lambda t, x: (x,),
    "cross": lambda t, x: (x, x.flip(1), 1),
    "renorm": lambda t, x: (x, 2, 0, 1.0),
    "histc": lambda t, x: (x, 3),
    "inverse": lambda t, x: (x[:, :2],),
    "zeros": lambda t, x: (2, 3),
    "ones": lambda t, x: (2, 3),
    "full": lambda t, x: ((2, 3), 7.0),
    "eye": lambda t, x: (2, 3),
    "arange": lambda t, x: (1, 5),
    "linspace": lambda t, x: (0, 1, 4),
}
PAIRS = ("sort", "topk", "kthvalue", "max", "min", "median", "mode", "cummax", "cummin")


def _x(lib: Any) -> Any:
    return lib.tensor([[3.0, 1.0, 2.5], [0.5, 2.0, 4.0]])


@pytest.mark.parametrize("name", ONE)
def test_one(name: str) -> None:
    check(
        lambda lib: (lambda out: (getattr(lib, name)(_x(lib), out=out) is out, out))(lib.empty(0))
    )


@pytest.mark.parametrize("name", TWO)
def test_two(name: str) -> None:
    def call(lib: Any) -> Any:
        out = lib.empty(2, 3, dtype=lib.float64)
        return getattr(lib, name)(_x(lib), _x(lib).flip(1), out=out) is out, out

    check(call)


@pytest.mark.parametrize("name", ALONG)
def test_along(name: str) -> None:
    def call(lib: Any) -> Any:
        out = lib.empty(0, dtype=lib.bool if name in ("any", "all") else lib.float32)
        return getattr(lib, name)(_x(lib), 1, out=out) is out, out

    check(call)


@pytest.mark.parametrize("name", FLAT)
def test_others(name: str) -> None:
    def call(lib: Any) -> Any:
        out = lib.empty(0)
        return getattr(lib, name)(*FLAT[name](lib, _x(lib)), out=out) is out, out

    check(call)


@pytest.mark.parametrize("name", PAIRS)
def test_pairs(name: str) -> None:
    def call(lib: Any) -> Any:
        values, indices = lib.empty(0), lib.empty(0, dtype=lib.int64)
        more = (2,) if name in ("topk", "kthvalue") else (1,)
        found = getattr(lib, name)(_x(lib), *more, out=(values, indices))
        return found[0] is values, found[1] is indices, values, indices

    check(call)


def keywords(lib: Any) -> Any:
    x, out = _x(lib), lib.empty(0)
    lib.add(x, x, alpha=3, out=out)
    one = out.clone()
    lib.div(x, 2, rounding_mode="floor", out=out)
    two = out.clone()
    lib.std(x, 1, unbiased=False, keepdim=True, out=lib.empty(0))
    return one, two, lib.sum(x, dim=0, keepdim=True, out=lib.empty(0)), lib.exp(x, out=None)


def into_a_view_and_into_itself(lib: Any) -> Any:
    a = lib.ones(4)
    lib.mul(a[:2], 3, out=a[2:])
    seen = a.clone()
    lib.add(a, 1, out=a)
    return seen, a, a._version


def refused(lib: Any) -> Any:
    x, w = lib.ones(2), lib.ones(2, requires_grad=True)
    with lib.no_grad():
        allowed = lib.add(w, 1, out=lib.empty(2))
    return (
        error(lambda: lib.add(w, 1, out=lib.ones(2)), 200),
        error(lambda: lib.add(x, 1, out=w), 200),
        error(lambda: lib.cat([w, w], out=lib.ones(4)), 200),
        error(lambda: lib.add(x, 1, out=lib.ones(2).long()), 200),
        allowed,
    )


def resized(lib: Any) -> Any:
    out = lib.ones(2)
    with warnings.catch_warnings(record=True) as record:
        warnings.simplefilter("always")
        lib.add(lib.ones(2, 3), 1, out=out)
    return out, [str(w.message)[:150] for w in record]


def made(lib: Any) -> Any:
    whole = lib.empty(0, dtype=lib.int64)
    names = ("zeros", "ones", "randn", "rand", "empty")
    shapes = [getattr(lib, n)(2, 3, out=lib.empty(0)).shape for n in names]
    return (
        shapes, lib.arange(3.0, out=whole).clone(), lib.randperm(4, out=whole).sort()[0],
        lib.multinomial(lib.ones(3), 3, out=whole).sort()[0], lib.zeros(2, out=lib.ones(2).int()),
        lib.normal(lib.zeros(2), lib.zeros(2), out=lib.empty(0)),
        lib.randint(1, (2, 2), out=lib.empty(0)),
        lib.randint_like(lib.ones(2), high=1), lib.randint_like(lib.ones(2), 3, 4),
        lib.linalg.norm(lib.ones(4), out=lib.empty(0)),
        lib.fft.fft(lib.ones(2), out=whole.cfloat()),
    )  # fmt: skip


@pytest.mark.filterwarnings("ignore:An output with one or more elements")
@pytest.mark.parametrize(
    "behaviour", [keywords, into_a_view_and_into_itself, refused, resized, made]
)
def test_out(behaviour: Callable[[Any], Any]) -> None:
    check(behaviour)
