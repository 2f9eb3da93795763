"""Names that only raise: the type, and that the message says what to do instead."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import tinygrad_lite as tl
from tinygrad_lite import nn
from tinygrad_lite.machine.absent import ABSENT


def found(path: str) -> Any:
    thing: Any = tl
    for part in path.split("."):
        thing = getattr(thing, part)
    return thing


@pytest.mark.parametrize("name", sorted(ABSENT))
def test_absent(name: str) -> None:
    arguments = (tl.ones(2),) if name.startswith("Tensor.") else ()
    with pytest.raises(NotImplementedError) as caught:
        found(name)(*arguments)
    assert str(caught.value).startswith(f"{name} is not available in tinygrad_lite: ")
    assert ABSENT[name] in str(caught.value)


def test_scripts_that_ask_for_sparse_or_quantized_tensors_stop() -> None:
    """As PyTorch's own error for a dense Tensor is a RuntimeError, so is ours."""
    for method in ("coalesce", "values", "indices", "crow_indices", "int_repr"):
        with pytest.raises(RuntimeError, match="there are no"):
            getattr(tl.ones(2, 2), method)()
    assert tl.ones(2, 3).to_dense().shape == (2, 3)
    assert (tl.ones(2, 3).sparse_dim(), tl.ones(2, 3).dense_dim()) == (0, 2)


# The names of the ranked list of what public scripts use that have no meaning here.
RANKED: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "torch.cuda.synchronize": (lambda: tl.cuda.synchronize(), RuntimeError, "CPU only"),
    "torch.cuda.set_device": (lambda: tl.cuda.set_device(0), RuntimeError, "CPU only"),
    "~cuda": (lambda: nn.Linear(1, 1).cuda(), RuntimeError, "CPU only"),
    "Tensor.cuda": (lambda: tl.ones(1).cuda(), RuntimeError, "CPU only"),
    "torch.accelerator.set_device_index": (
        lambda: tl.accelerator.set_device_index(0), RuntimeError, "CPU only",
    ),
    "nn.parallel.scatter": (lambda: nn.parallel.scatter(tl.ones(2), [0]), RuntimeError, "no GPUs"),
    "nn.parallel.DistributedDataParallel": (
        lambda: nn.parallel.DistributedDataParallel(nn.Linear(1, 1)), RuntimeError, "one process",
    ),
    "torch.distributed.init_process_group": (
        lambda: tl.distributed.init_process_group("gloo"), RuntimeError, "one process",
    ),
    "torch.distributed.destroy_process_group": (
        lambda: tl.distributed.destroy_process_group(), RuntimeError, "one process",
    ),
    "torch.distributed.all_reduce": (
        lambda: tl.distributed.all_reduce(tl.ones(1)), RuntimeError, "one process",
    ),
    "torch.bfloat16": (lambda: tl.ones(1).to(tl.bfloat16), NotImplementedError, "a name only"),
    "Tensor.to_sparse": (lambda: tl.ones(1).to_sparse(), NotImplementedError, "no sparse"),
    "Tensor.indices": (lambda: tl.ones(1).indices(), NotImplementedError, "no sparse"),
    "Tensor.pin_memory": (lambda: tl.ones(1).pin_memory(), NotImplementedError, "for a GPU"),
    "torch.sparse_coo_tensor": (lambda: tl.sparse_coo_tensor(), NotImplementedError, "no sparse"),
    "torch.spmm": (lambda: tl.spmm(), NotImplementedError, "no sparse"),
    "torch.onnx.export": (lambda: tl.onnx.export(), NotImplementedError, "from PyTorch"),
    "~share_memory": (lambda: nn.Linear(1, 1).share_memory(), NotImplementedError, "state_dict"),
}  # fmt: skip


@pytest.mark.parametrize("name", RANKED)
def test_ranked_names_without_a_meaning(name: str) -> None:
    call, error, says = RANKED[name]
    with pytest.raises(error, match=says):
        call()


def test_resize_is_reshape_with_a_warning() -> None:
    x = tl.arange(6.0).requires_grad_()
    with pytest.warns(UserWarning, match="non-inplace resize is deprecated"):
        y = x.resize(2, 3)
    y.sum().backward()
    assert y.shape == (2, 3)
    with (
        pytest.warns(UserWarning, match="non-inplace"),
        pytest.raises(RuntimeError, match="requested resize to 2x2"),
    ):
        x.resize(2, 2)


def test_a_tensor_has_no_name() -> None:
    assert tl.ones(1).name is None
