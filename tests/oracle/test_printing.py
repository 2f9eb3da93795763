"""The printed text, character for character, against PyTorch."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tinygrad_lite.core.printing import format_tensor, printoptions

torch = pytest.importorskip("torch")

FLOATS = ["float16", "float32", "float64"]
OTHERS = ["int8", "int16", "int32", "int64", "uint8", "bool", "complex64", "complex128"]


def elements(dtype):
    if dtype.startswith("complex"):
        part = elements(f"float{int(dtype[7:]) // 2}")
        return st.builds(complex, part, part)
    if dtype not in FLOATS:
        return None
    width = int(dtype[5:])
    tame = st.floats(-100, 100, width=width) | st.integers(-9, 9).map(float)
    return st.one_of(tame, tame, tame, st.floats(width=width))


@st.composite
def arrays(draw):
    dtype = draw(st.sampled_from(FLOATS + OTHERS))
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=9))
    return draw(hnp.arrays(dtype, shape, elements=elements(dtype)))


options = st.fixed_dictionaries(
    {},
    optional={
        "precision": st.integers(0, 8),
        "threshold": st.sampled_from([0, 5, 20, 1000]),
        "edgeitems": st.integers(0, 3),
        "linewidth": st.sampled_from([10, 40, 80, 120]),
        "sci_mode": st.sampled_from([None, True, False]),
    },
)


@settings(max_examples=400, deadline=None)
@given(arrays(), options, st.booleans(), st.booleans())
def test_text_is_pytorchs(array, chosen, wants_grad, derived):
    tensor = torch.tensor(array)
    dtype = str(tensor.dtype)
    plain = {"torch.float32", "torch.int64", "torch.bool", "torch.complex64"}
    wants_grad = wants_grad and tensor.dtype.is_floating_point
    tensor.requires_grad_(wants_grad)
    if wants_grad and derived:
        tensor = tensor.clone()
    node = f"<{type(tensor.grad_fn).__name__}>" if tensor.grad_fn is not None else None
    torch._tensor_str.set_printoptions(profile="default")
    try:
        torch.set_printoptions(**chosen)
        expected = repr(tensor)
    finally:
        torch.set_printoptions(profile="default")
    with printoptions(**chosen):
        text = format_tensor(
            array,
            dtype_suffix=None if dtype in plain else dtype,
            requires_grad=wants_grad,
            grad_fn=node,
        )
    assert text == expected


@pytest.mark.parametrize("shape", [(2000,), (40, 40), (7, 9, 30), (2, 3, 4, 50), (1001, 1)])
@pytest.mark.parametrize("scale", [1.0, 1e-3, 1e3])
def test_summaries(shape, scale):
    array = np.random.default_rng(0).normal(size=shape).astype(np.float32) * np.float32(scale)
    text = format_tensor(array, dtype_suffix=None, requires_grad=False, grad_fn=None)
    assert text == repr(torch.tensor(array))


def test_parameter():
    values = np.arange(3, dtype=np.float32)
    text = format_tensor(
        values, dtype_suffix=None, requires_grad=True, grad_fn=None, parameter=True
    )
    assert text == repr(torch.nn.Parameter(torch.tensor(values)))
