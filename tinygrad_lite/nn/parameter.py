"""Parameters, and parameters whose shape is not known yet."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import dtypes
from ..core.tensor import Parameter as Parameter
from ..core.tensor import Tensor, make, require_cpu


class Buffer(Tensor):
    """A Tensor that a Module registers as a buffer when it is assigned as an attribute.

    `Buffer(data, persistent=True)` shares memory with `data`; persistent ones are in `state_dict`.
    """

    def __init__(self, data: Any = None, *, persistent: bool = True) -> None:
        super().__init__()
        if data is not None:
            self.array = data.array
            if data.requires_grad:
                self.requires_grad_()
        self.persistent = persistent


class _Uninitialized:
    """Marks a tensor that gets its shape from the first input a lazy module sees."""

    array: np.ndarray
    node: Any

    def materialize(self, shape: Any, device: Any = None, dtype: Any = None) -> None:
        """Give it a shape (and uninitialized contents), and make it an ordinary tensor."""
        require_cpu(device)
        kind = self.array.dtype if dtype is None else dtypes.to_numpy(dtype)
        self.array = np.zeros(tuple(shape), kind)
        wanted = self.requires_grad  # type: ignore[attr-defined]
        self.__class__ = self.cls_to_become  # type: ignore[attr-defined]
        if wanted:
            self.node = None
            self.requires_grad_()  # type: ignore[attr-defined]

    @property
    def shape(self) -> Any:
        raise RuntimeError(
            "Can't access the shape of an uninitialized parameter or buffer. This error usually "
            "happens in `load_state_dict` when trying to load an uninitialized parameter into an "
            "initialized one. Call `forward` to initialize the parameters before accessing their "
            "attributes."
        )

    def __repr__(self, *, tensor_contents: Any = None) -> str:
        return f"<{type(self).__name__}>"


class UninitializedParameter(_Uninitialized, Parameter):
    """A Parameter without a shape: `materialize(shape)` gives it one."""

    cls_to_become = Parameter

    def __init__(self, requires_grad: bool = True, device: Any = None, dtype: Any = None) -> None:
        require_cpu(device)
        kind = dtypes.to_numpy(dtypes.get_default_dtype() if dtype is None else dtype)
        super().__init__(make(np.zeros(0, kind)), requires_grad)


class UninitializedBuffer(_Uninitialized, Tensor):
    """A buffer without a shape: `materialize(shape)` gives it one."""

    cls_to_become = Tensor

    def __init__(self, requires_grad: bool = False, device: Any = None, dtype: Any = None) -> None:
        require_cpu(device)
        kind = dtypes.to_numpy(dtypes.get_default_dtype() if dtype is None else dtype)
        super().__init__()
        self.array = np.zeros(0, kind)


def is_lazy(t: Any) -> bool:
    """Whether `t` has no shape yet."""
    return isinstance(t, _Uninitialized)
