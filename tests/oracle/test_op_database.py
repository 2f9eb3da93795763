"""The functions of torch.* and Tensor.* against PyTorch's own database of operators.

Every entry outside of the rooms that test_op_database_nn.py holds is compared by
`op_database.hold`: values, dtypes, shapes, first gradients, methods, in-place forms, aliases and
errors. What is not compared is named below with its reason.
"""

from __future__ import annotations

import re

import pytest

pytest.importorskip("torch", reason="PyTorch is the oracle")
pytest.importorskip("expecttest", reason="PyTorch's operator database imports it")

import tinygrad_lite as tl
from tests.oracle import op_database

ROOMS = ("nn.functional.", "linalg.", "fft.", "special.", "signal.", "masked.", "_refs")
NAMES = [name for name in op_database.ENTRIES if not name.startswith(ROOMS)]

_INSIDE = "a name inside of PyTorch's kernels, which no script calls"
_GPU = "runs on a GPU only"
_SPARSE = "there are no sparse tensors"
#: Entries that are not compared. Their names raise here, or do not exist.
EXCLUDED = {
    **dict.fromkeys(("sparse.sampled_addmm", "sparse.mm[reduce]", "to_sparse"), _SPARSE),
    **dict.fromkeys(
        (
            "jiterator_unary",
            "jiterator_binary",
            "jiterator_4inputs_with_extra_args",
            "jiterator_binary_return_by_ref",
            "jiterator_2inputs_2outputs",
            "torch._scaled_mm",
            "torch._scaled_mm_v2",
            "torch.ops.aten._flash_attention_forward",
            "torch.ops.aten._efficient_attention_forward",
        ),
        _GPU,
    ),
    **dict.fromkeys(
        (
            "_softmax_backward_data",
            "max_pool2d_with_indices_backward",
            "native_dropout_backward",
            "torch.ops.aten._safe_softmax.default",
            "_chunk_cat",
            "slice",
            "_unsafe_masked_index",
            "_unsafe_masked_index_put_accumulate",
            "_upsample_bilinear2d_aa",
            "_segment_reduce[lengths]",
            "_segment_reduce[offsets]",
            "hash_tensor",
        ),
        _INSIDE,
    ),
    **dict.fromkeys(
        (
            "native_group_norm",
            "native_batch_norm",
            "_native_batch_norm_legit",
            "_batch_norm_with_update",
        ),
        "what nn.functional's layer_norm, group_norm, batch_norm, pad, grid_sample call in PyTorch",
    ),
    "bfloat16": "NumPy has no such type: x.bfloat16() raises and says so",
    "chalf": "NumPy has no complex numbers of two halves",
}

#: Values are drawn, by another generator than PyTorch's: dtypes and shapes are compared.
RANDOM = frozenset(
    (
        *("cauchy", "exponential", "geometric", "log_normal", "normal[in_place]", "uniform"),
        *("normal", "normal[number_mean]", "rand_like", "randint", "randint_like", "randn"),
        *("randn_like", "multinomial", "bernoulli", "empty", "empty_like", "empty_strided"),
        *("empty_permuted", "new_empty", "new_empty_strided", "resize_", "resize_as_"),
    )
)

#: The first part of the result in which the choice among equal elements shows (their indices).
TIES = {
    **dict.fromkeys(("sort", "topk", "kthvalue", "mode", "median", "nanmedian"), 1),
    "argsort": 0,
}

#: Where this package differs, knowingly: a pattern of the differences, and why they stand.
DIFFERENT = {
    "addbmm": (
        "in-place addbmm_.*output with shape",
        "PyTorch resizes the Tensor that addbmm_ writes into, against its own rule",
    ),
    "as_strided[partial_views]": (
        "lies outside of the .* elements that the input itself spans",
        "a view beyond the Tensor that it is taken of has no gradient here, and says so",
    ),
    "as_strided_scatter": (
        "gradient 0",
        "PyTorch gives the input the gradient of what was overwritten, not of what was kept",
    ),
    "matrix_exp": ("float32", "PyTorch computes in float32, this package in float64"),
    "narrow_copy": (
        "Expected dim < static_cast",
        "an assertion inside of PyTorch: narrow's IndexError is meant",
    ),
    "polygamma[polygamma_n_0]": (
        "float32: value",
        "PyTorch's float32 trigamma has an error of 2e-5; this is the float64 value, rounded",
    ),
    "round": (
        "alias special.round: did not raise NotImplementedError",
        "PyTorch rounds whole numbers under one of its two names for it only",
    ),
    "svd_lowrank": (
        "'M': ",
        "of a matrix of a higher rank than was asked for, which the draws decide about",
    ),
}


@pytest.mark.parametrize("name", [n for n in NAMES if n not in EXCLUDED])
def test_an_entry(name: str) -> None:
    compared = op_database.hold(name, name in RANDOM, TIES.get(name), limits=(1000, 60, 40, 4))
    found = compared.failures
    if name in DIFFERENT:
        pattern, _ = DIFFERENT[name]
        found = [line for line in found if not re.search(pattern, line)]
        assert len(found) < len(compared.failures), f"{name} no longer differs: {pattern}"
    assert not found, "\n".join([*found[:5], f"{len(found)} in all", str(compared.counts)])
    assert compared.counts.total() or name in TRIVIAL, f"nothing was compared of {name}"


#: Entries whose only inputs are of what this package does not claim.
TRIVIAL = frozenset({"broadcast_shapes"})


@pytest.mark.parametrize("name", EXCLUDED)
def test_what_is_excluded_is_absent_or_raises(name: str) -> None:
    function = op_database.named(op_database.ENTRIES[name].name)
    if function is None:
        return
    with pytest.raises((NotImplementedError, AttributeError)):
        function(tl.ones(2, 2))
