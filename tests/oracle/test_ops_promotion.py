"""dtype promotion against PyTorch: every pair of dtypes, with 0-d Tensors and Python numbers."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
import pytest

import tinygrad_lite

torch = pytest.importorskip("torch")

DTYPES = ("float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "bool")
NUMBERS = (True, 2, 2.5)
FORMS = ("dims", "zero_dim")

BINARY = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "truediv": operator.truediv,
    "floordiv": operator.floordiv,
    "mod": operator.mod,
    "pow": operator.pow,
    "lt": operator.lt,
    "eq": operator.eq,
    "and": operator.and_,
    "maximum": lambda x, y: _package(x, y).maximum(x, y),
    "fmod": lambda x, y: _package(x, y).fmod(x, y),
    "atan2": lambda x, y: _package(x, y).atan2(x, y),
    "where": lambda x, y: _package(x, y).where(_mask(x, y), x, y),
    "logical_and": lambda x, y: _package(x, y).logical_and(x, y),
    "shift": operator.lshift,
}
UNARY = (
    *("exp", "log", "sqrt", "sin", "tanh", "sigmoid", "erf", "reciprocal", "rsqrt", "lgamma"),
    *("abs", "neg", "sign", "square", "floor", "round", "trunc", "isnan", "isfinite", "relu"),
    *("sum", "mean", "prod", "cumsum", "cumprod", "max", "argmax", "all", "any", "var", "median"),
    *("logsumexp0", "amax", "count_nonzero", "nansum", "softmax0", "norm", "logical_not"),
    *("bitwise_not", "deg2rad", "positive", "expm1", "digamma", "frac", "nan_to_num", "signbit"),
)
IN_PLACE = ("add_", "mul_", "div_", "sub_", "pow_", "copy_", "floor_divide_", "eq_")


def _package(*values: Any) -> Any:
    return torch if any(isinstance(v, torch.Tensor) for v in values) else tinygrad_lite


def _mask(*values: Any) -> Any:
    return _package(*values).tensor([True, False])


def _operand(package: Any, dtype: str, form: str) -> Any:
    values = [1, 3] if form == "dims" else 3
    return package.tensor(values, dtype=getattr(package, dtype))


def _outcome(call: Any) -> Any:
    """(dtype, values) or the type of the error."""
    try:
        out = call()
    except (RuntimeError, TypeError, IndexError, NotImplementedError) as error:
        return type(error).__name__
    out = out[0] if isinstance(out, tuple) else out
    return str(out.dtype), np.asarray(out.detach().numpy(), np.float64)


def _agree(what: str, want: Any, got: Any) -> None:
    if isinstance(want, str) or isinstance(got, str):
        assert want == got, f"{what}: {got}, want {want}"
        return
    assert want[0] == got[0], f"{what}: {got[0]}, want {want[0]}"
    tolerance = 2e-3 if want[0] == "torch.float16" else 1e-6
    np.testing.assert_allclose(got[1], want[1], rtol=tolerance, atol=tolerance, err_msg=what)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", BINARY)
def test_binary(name: str, dtype: str) -> None:
    op = BINARY[name]
    for form in FORMS:
        others = [(d, f) for d in DTYPES for f in FORMS]
        for other, other_form in others:
            results = []
            for p in (torch, tinygrad_lite):
                pair = _operand(p, dtype, form), _operand(p, other, other_form)
                results.append(_outcome(lambda pair=pair: op(*pair)))
            _agree(f"{name}({dtype} {form}, {other} {other_form})", *results)
        for number in NUMBERS:
            for swapped in (False, True):
                if name in ("maximum", "fmod", "atan2", "logical_and"):
                    continue  # PyTorch takes no numbers there (fmod: only second, tested elsewhere)
                results = []
                for p in (torch, tinygrad_lite):
                    x = _operand(p, dtype, form)
                    pair = (number, x) if swapped else (x, number)
                    results.append(_outcome(lambda pair=pair: op(*pair)))
                _agree(f"{name}({dtype} {form}, {number}) swapped={swapped}", *results)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", UNARY)
def test_unary(name: str, dtype: str) -> None:
    with_dim = name in ("cumsum", "cumprod", "logsumexp0", "softmax0")
    args = (0,) if with_dim else ()
    want, got = [
        _outcome(lambda p=p: getattr(p, name.rstrip("0"))(_operand(p, dtype, "dims"), *args))
        for p in (torch, tinygrad_lite)
    ]
    _agree(f"{name}({dtype})", want, got)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", IN_PLACE)
def test_in_place(name: str, dtype: str) -> None:
    for other in (*DTYPES, *NUMBERS):
        results = []
        for p in (torch, tinygrad_lite):
            x = _operand(p, dtype, "dims")
            y = _operand(p, other, "dims") if isinstance(other, str) else other
            results.append(_outcome(lambda x=x, y=y: getattr(x, name)(y)))
        _agree(f"{dtype}.{name}({other})", *results)


def test_default_dtype_is_what_numbers_become() -> None:
    for p in (torch, tinygrad_lite):
        p.set_default_dtype(p.float64)
        try:
            assert p.tensor([1.5]).dtype is p.float64
            assert (p.tensor([1]) / 2).dtype is p.float64
            assert p.exp(p.tensor([1])).dtype is p.float64
            assert p.zeros(2).dtype is p.float64
            assert (p.tensor([1]) * 2.5).dtype is p.float64
        finally:
            p.set_default_dtype(p.float32)


def test_large_numbers_beside_small_integers_wrap() -> None:
    for p in (torch, tinygrad_lite):
        x = p.tensor([200], dtype=p.uint8)
        assert (x + 100).item() == 44
        assert (x * 2).item() == 144
        assert (-x).item() == 56
        assert p.tensor([100], dtype=p.int8).add(100).item() == -56
