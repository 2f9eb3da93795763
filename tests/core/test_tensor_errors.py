"""Every error of Tensor itself, Size and device in full."""

from __future__ import annotations

from typing import Any

import numpy as np

import tinygrad_lite as tl
from tests.refusals import Refusal, refusals
from tinygrad_lite.core.device import NoCuda
from tinygrad_lite.core.tensor import bind, make, require_cpu


def leaf(values: Any, dtype: Any = tl.float64) -> tl.Tensor:
    return tl.tensor(values, dtype=dtype, requires_grad=True)


def from_array(array: Any) -> tl.Tensor:
    return make(np.asarray(array))


DEVICES = ("cpu", "cuda", "mps", "xpu", "meta", "hpu", "mtia", "xla", "ipu", "vulkan", "hip")
KNOWN = ", ".join(DEVICES)
NO_GPU = (
    "tinygrad_lite runs on the CPU only, not on device '{}'; use device='cpu' "
    "(cuda.is_available() is False)"
)
NO_CUDA = "Torch not compiled with CUDA enabled: "
NO_GRADIENT = "cannot register a hook on a tensor that doesn't require gradient"
SCALAR = "only one element tensors can be converted to Python scalars"
INDEX = "only integer tensors of a single element can be converted to an index"


def assign(name: str, target: Any, value: Any) -> None:
    setattr(target, name, value)


REFUSED: list[Refusal] = [
    (lambda: tl.device(1.5), TypeError, "device must be a string such as 'cpu', not 1.5"),
    (lambda: tl.device("cpu:a:b"), RuntimeError, "Invalid device string: 'cpu:a:b'"),
    (lambda: tl.device("cpu:a:1"), RuntimeError, "Invalid device string: 'cpu:a:1'"),
    (lambda: tl.device("cpu:-1"), RuntimeError, "Invalid device string: 'cpu:-1'"),
    (
        lambda: tl.device("gpu"),
        RuntimeError,
        f"Expected one of {KNOWN} device type at start of device string: gpu",
    ),
    (lambda: require_cpu("cuda:1"), NoCuda, NO_CUDA + NO_GPU.format("cuda:1")),
    (lambda: tl.Tensor(2, device="cuda"), NoCuda, NO_CUDA + NO_GPU.format("cuda")),
    (lambda: tl.device("mps").__enter__(), RuntimeError, NO_GPU.format("mps")),
    (lambda: tl.Tensor(2.5), TypeError, "new(): data must be a sequence (got float)"),
    (lambda: tl.Tensor(1j), TypeError, "new(): data must be a sequence (got complex)"),
    (lambda: tl.Tensor("x"), TypeError, "new(): invalid data type 'str'"),
    (
        lambda: tl.nn.Parameter([1.0]),
        TypeError,
        "Parameter data must be a Tensor, not list",
    ),
    (
        lambda: tl.tensor(1.0).size(0),
        IndexError,
        "Dimension specified as 0 but tensor has no dimensions",
    ),
    (
        lambda: tl.ones(2).size(1),
        IndexError,
        "Dimension out of range (expected to be in range of [-1, 0], but got 1)",
    ),
    (
        lambda: (leaf([1.0]) * 1).requires_grad_(False),
        RuntimeError,
        (
            "you can only change requires_grad flags of leaf variables. If you want to use a "
            "computed variable in a subgraph that doesn't require differentiation use var_no_grad "
            "= var.detach()."
        ),
    ),
    (
        lambda: tl.tensor([1]).requires_grad_(),
        RuntimeError,
        (
            "only Tensors of floating point dtype can require gradients (floating point or "
            "complex), not torch.int64"
        ),
    ),
    (
        lambda: (leaf([1.0]) * 1)[:].detach_(),
        RuntimeError,
        (
            "Can't detach views in-place. Use detach() instead. If you are using torch.func, this "
            "may be an internal limitation."
        ),
    ),
    (
        lambda: tl.ones(1).retain_grad(),
        RuntimeError,
        "can't retain_grad on Tensor that has requires_grad=False",
    ),
    (lambda: tl.ones(1).register_hook(print), RuntimeError, NO_GRADIENT),
    (lambda: tl.ones(1).register_post_accumulate_grad_hook(print), RuntimeError, NO_GRADIENT),
    (
        lambda: (leaf([1.0]) * 1).register_post_accumulate_grad_hook(print),
        RuntimeError,
        "post accumulate grad hooks cannot be registered on non-leaf tensors",
    ),
    (
        lambda: assign("grad", leaf([1.0]), 3),
        TypeError,
        "assigned grad expected to be a Tensor or None but got 3",
    ),
    (
        lambda: (lambda x: assign("grad", x, x))(leaf([1.0])),
        RuntimeError,
        "can't assign Variable as its own grad",
    ),
    (
        lambda: assign("grad", leaf([1.0]), tl.ones(2, 1, dtype=tl.float64)),
        RuntimeError,
        (
            "attempting to assign a gradient of size '[2, 1]' to a tensor of size '[1]'. Please "
            "ensure that the gradient and the tensor are the same size"
        ),
    ),
    (
        lambda: assign("grad", leaf([1.0]), tl.ones(1)),
        RuntimeError,
        (
            "attempting to assign a gradient with dtype 'torch.float32' to a tensor with "
            "grad_dtype 'Double'. The gradient must have the tensor's grad_dtype"
        ),
    ),
    (
        lambda: assign("data", leaf([1.0]), [1.0]),
        TypeError,
        "Variable data has to be a tensor, but got list",
    ),
    (
        lambda: assign("data", leaf([1.0]), tl.tensor([1])),
        RuntimeError,
        (
            "data set to a tensor that requires gradients must be floating point or complex dtype, "
            "not torch.int64"
        ),
    ),
    (
        lambda: leaf([1.0]).numpy(),
        RuntimeError,
        "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.",
    ),
    (
        lambda: tl.ones(2).item(),
        RuntimeError,
        "a Tensor with 2 elements cannot be converted to Scalar",
    ),
    (
        lambda: bool(tl.ones(0)),
        RuntimeError,
        "Boolean value of Tensor with no values is ambiguous",
    ),
    (
        lambda: bool(tl.ones(2)),
        RuntimeError,
        "Boolean value of Tensor with more than one value is ambiguous",
    ),
    (lambda: float(tl.ones(2)), ValueError, SCALAR),
    (lambda: int(tl.ones(0)), ValueError, SCALAR),
    (lambda: complex(tl.ones(2)), ValueError, SCALAR),
    (lambda: [1][tl.tensor(0.0)], TypeError, INDEX),
    (lambda: [1][tl.tensor([0, 0])], TypeError, INDEX),
    (lambda: len(tl.tensor(1.0)), TypeError, "len() of a 0-d tensor"),
    (lambda: bind("shape", None), TypeError, "Tensor.shape is already declared"),
]


test_what_is_refused = refusals(REFUSED)
