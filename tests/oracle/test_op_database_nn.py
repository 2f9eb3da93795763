"""nn.functional, linalg, fft, special, signal against PyTorch's own database of operators.

Every entry of these rooms is compared by `op_database.hold`: values, dtypes, gradients, in-place
forms, aliases, errors. What stands out stands in a table below, by name and with its reason.
"""

from __future__ import annotations

import re
import warnings
from typing import Any

import pytest

from tests.oracle import op_database

ROOMS = ("nn.functional.", "linalg.", "fft.", "special.", "signal.", "masked.")

_INEXACT = (
    "PyTorch's own values are off by up to 1e-5 (mpmath); tests/ops/test_bessel.py holds ours"
)
#: what stays out, and why
EXCLUDED = {
    "linalg.ldl_factor": "no LDL factorization; cholesky, eigh and solve serve symmetric matrices",
    "linalg.ldl_factor_ex": "no LDL factorization",
    "linalg.ldl_solve": "no LDL factorization",
    "nn.functional.batch_norm[without_cudnn]": "it has samples on CUDA only",
    "nn.functional.silu[complex]": "silu of complex numbers: the activation is real",
    **dict.fromkeys(
        ("special.airy_ai", "special.bessel_j0", "special.bessel_j1"),
        _INEXACT,
    ),
    **dict.fromkeys(("special.bessel_y0", "special.bessel_y1"), _INEXACT),
}
#: whose values are drawn: dtypes and shapes are compared
RANDOM = {
    *("dropout", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout[with_train]"),
    *("rrelu", "fractional_max_pool2d", "fractional_max_pool3d"),
    *("scaled_dot_product_attention", "multi_head_attention_forward"),  # with dropout
}
_BYTES = "PyTorch's weights for bytes have 15 bits: one in a hundred is rounded the other way"
_SINGLE = "PyTorch computes in single precision what is computed in double here"
#: dtypes that are left out of an entry, and why
WITHOUT = {
    "special.polygamma[special_polygamma_n_0]": ("float32", _SINGLE),
    "special.hermite_polynomial_he": ("float32", _SINGLE),
    "nn.functional.grid_sample": ("float32", _SINGLE),
    "nn.functional.upsample_bilinear": (("float32", "uint8"), _SINGLE),
    "nn.functional.interpolate[bilinear]": ("uint8", _BYTES),
    "nn.functional.interpolate[bicubic]": ("uint8", _BYTES),
}
NAMES = [n for n in op_database.ENTRIES if n.startswith(ROOMS) and n not in EXCLUDED]


@pytest.mark.parametrize("name", NAMES)
def test_an_entry(name: str) -> None:
    left_out = WITHOUT.get(name, ("",))[0]
    if name.startswith("masked."):  # whose wrapper hides masked results: they agree here as well
        op_database.ENTRIES[name].gradcheck_wrapper = lambda f, *args, **kwargs: f(*args, **kwargs)
    compared = op_database.hold(
        name,
        random=name.removeprefix("nn.functional.") in RANDOM,
        dtypes=[d for d in op_database.DTYPES if d not in left_out],
    )
    assert not compared.failures, "\n".join([*compared.failures[:5], str(compared.counts)])
    assert sum(compared.counts.values()), "nothing was compared"


def errors() -> list[Any]:
    found = []
    for name in NAMES:
        op = op_database.ENTRIES[name]
        if op.error_inputs_func is not None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                every = list(op.error_inputs("cpu"))
            found += [pytest.param(name, e, id=f"{name}-{i}") for i, e in enumerate(every)]
    return found


#: messages that differ on purpose: PyTorch's says "internal error", or which size of several
WORDED_OTHERWISE = ("internal error", "non-empty 4D or 5D", "non-batch dimensions to have positive")


@pytest.mark.parametrize(("name", "error"), errors())
def test_the_message_of_an_error(name: str, error: Any) -> None:
    """What users may have written an `except` or a `pytest.raises(match=...)` for."""
    if any(words in error.error_regex for words in WORDED_OTHERWISE):
        return
    op, sample = op_database.ENTRIES[name], error.sample_input
    twins = op_database.Twins(True, False)
    try:
        given = twins(sample.input), twins(tuple(sample.args)), twins(dict(sample.kwargs))
    except op_database.Inapplicable as reason:
        pytest.skip(str(reason))
    ours = op_database.twin_of(op.op, op.name)
    assert ours is not None
    warnings.simplefilter("ignore")
    with pytest.raises(error.error_type) as caught:
        ours(given[0], *given[1], **given[2])
    assert re.search(error.error_regex, str(caught.value)), str(caught.value)


@pytest.mark.parametrize("name", sorted(EXCLUDED))
def test_what_is_excluded_says_why(name: str) -> None:
    assert name in op_database.ENTRIES
    pytest.skip(EXCLUDED[name])
