"""A Tensor is an array plus a node.

`array` is always an `np.ndarray`; `node` is its place on the tape (None: no gradient is wanted).
There is no arithmetic here: operators and methods are bound by the declarations in `ops/`.

A view shares its array's memory with its `base`, and `seen` remembers the base's node at the time
of its making: once an in-place write has given the base a new node, the two differ and the view's
node is made anew from the base (see inplace.py).
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np

from . import dtypes
from .device import CPU as CPU
from .device import Size as Size
from .device import device as device
from .device import require_cpu as require_cpu
from .dtypes import dtype, from_numpy_dtype
from .node import WRITES, Handle, Keeper, Leaf, Node, Pick, Write, owner, shown, touch, type_name
from .shapes import canonical_axis

_size = tuple.__new__  # a Size of what is known to be a tuple of ints


class Tensor:
    """An n-dimensional array that remembers how it was made, so that it can be differentiated.

    `Tensor(2, 3)` is uninitialized, `Tensor([1, 2])` holds float copies of the data; both are
    PyTorch's legacy forms: prefer `tensor(data)`, which infers the dtype.
    """

    __slots__ = ("__dict__", "__weakref__", "_grad", "array", "base", "node", "seen")
    __array_priority__ = 1000  # array + Tensor is the Tensor's business

    array: np.ndarray
    node: Node | None  # its place on the tape; a view's may be out of date: ask live_node(x)
    base: Tensor | None  # of a view: the Tensor it looks into, never itself a view
    seen: Any  # of a view: base.node when `node` was made; UNCOUNTED: made by .data
    _grad: Tensor | None

    def __new__(cls, *data: Any, device: Any = None) -> Self:
        require_cpu(device)
        numpy_dtype = dtypes.get_default_dtype().numpy
        self = _new(cls)
        self.node = self._grad = self.base = self.seen = None
        if len(data) == 1 and not isinstance(data[0], (int, np.integer, Size)):
            content = data[0].array if isinstance(data[0], Tensor) else data[0]
            if isinstance(content, (float, complex)):
                raise TypeError(f"new(): data must be a sequence (got {type(content).__name__})")
            if isinstance(content, str):
                raise TypeError("new(): invalid data type 'str'")
            shared = isinstance(data[0], Tensor)  # of whatever dtype
            self.array = content if shared else np.array(content, dtype=numpy_dtype)
        else:
            sizes = data[0] if len(data) == 1 and isinstance(data[0], Size) else data
            self.array = np.zeros(sizes if data else 0, dtype=numpy_dtype)
        return self

    # -- what it is -------------------------------------------------------------------------------

    @property
    def shape(self) -> Size:
        """Sizes along every axis."""
        return _size(Size, self.array.shape)

    @property
    def dtype(self) -> dtype:
        """Element type."""
        return from_numpy_dtype(self.array.dtype)

    @property
    def device(self) -> device:
        """Always `device(type='cpu')`."""
        return CPU

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self.array.ndim

    @property
    def itemsize(self) -> int:
        """Bytes in one element."""
        return self.array.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes in all elements."""
        return self.array.nbytes

    def size(self, dim: int | None = None) -> Any:
        """`shape`, or the size along axis `dim`."""
        if dim is None:
            return _size(Size, self.array.shape)
        axis = canonical_axis(dim, self.array.ndim)
        if self.array.ndim == 0:
            raise IndexError("Dimension specified as 0 but tensor has no dimensions")
        return self.array.shape[axis]

    def dim(self) -> int:
        """Number of axes."""
        return self.array.ndim

    ndimension = dim

    def numel(self) -> int:
        """Number of elements."""
        return self.array.size

    nelement = numel

    def element_size(self) -> int:
        """Bytes in one element."""
        return self.array.itemsize

    def stride(self, dim: int | None = None) -> Any:
        """Steps, in elements, from one element to the next along each axis (or along `dim`)."""
        a = self.array
        if 0 not in a.shape:
            steps = [s // a.itemsize for s in a.strides]
        else:  # NumPy's are all 0
            steps = [math.prod([max(n, 1) for n in a.shape[d + 1 :]]) for d in range(a.ndim)]
        if 1 in a.shape:  # an axis that was inserted has step 0, in PyTorch one past its neighbour
            beyond = 1
            for d in range(a.ndim - 1, -1, -1):
                if a.shape[d] == 1 and steps[d] == 0:
                    steps[d] = beyond
                beyond = steps[d] * a.shape[d]
        strides = tuple(steps)
        return strides if dim is None else strides[canonical_axis(dim, a.ndim)]

    def storage_offset(self) -> int:
        """Elements between the start of the memory and the first element."""
        root = owner(self.array)
        if not isinstance(root, np.ndarray):
            return 0
        return (self.data_ptr() - root.__array_interface__["data"][0]) // self.array.itemsize

    def data_ptr(self) -> int:
        """Address of the first element."""
        return self.array.__array_interface__["data"][0]

    def is_contiguous(self, memory_format: Any = None) -> bool:
        """Whether elements lie in memory in row-major order without gaps, or (`channels_last`) in
        the row-major order of the axes with the channels, axis 1, put last."""
        a = self.array
        ndim = CHANNELS_LAST.get(getattr(memory_format, "name", ""))
        if ndim is not None:
            return a.ndim == ndim and np.moveaxis(a, 1, -1).flags.c_contiguous
        return a.flags.c_contiguous

    def is_floating_point(self) -> bool:
        """Whether the dtype is floating."""
        return self.array.dtype.kind == "f"

    def is_complex(self) -> bool:
        """Whether the dtype is complex."""
        return self.array.dtype.kind == "c"

    def is_signed(self) -> bool:
        """Whether the dtype can hold negative numbers."""
        return self.array.dtype.kind not in "bu"

    def get_device(self) -> int:
        """-1, PyTorch's number for the CPU."""
        return -1

    is_cuda = is_mps = is_xpu = is_mtia = is_ipu = is_xla = is_vulkan = is_maia = False
    is_sparse = is_sparse_csr = is_nested = is_quantized = is_meta = is_mkldnn = False
    is_cpu = True

    # -- its place on the tape --------------------------------------------------------------------

    @property
    def requires_grad(self) -> bool:
        """Whether gradients flow to or through this Tensor."""
        return live_node(self) is not None

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        self.requires_grad_(value)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Ask (or stop asking) for a gradient. RuntimeError for a non-leaf or a non-float."""
        node = live_node(self)
        if not isinstance(node, (Leaf, type(None))):
            if requires_grad:
                return self
            raise RuntimeError(
                "you can only change requires_grad flags of leaf variables. If you want to use a "
                "computed variable in a subgraph that doesn't require differentiation use "
                "var_no_grad = var.detach()."
            )
        if not requires_grad:
            self.node = None
        elif node is None:
            if self.array.dtype.kind not in "fc":
                raise RuntimeError(
                    "only Tensors of floating point dtype can require gradients "
                    f"(floating point or complex), not {self.dtype}"
                )
            self.node = Leaf(self)
            if "_grad_dtype" in self.__dict__:
                self.node.dtype = _numpy_or_none(self.__dict__["_grad_dtype"])
        return self

    @property
    def is_leaf(self) -> bool:
        """Whether it was made by the user rather than by a recorded op."""
        return isinstance(live_node(self), (Leaf, type(None)))

    @property
    def grad_fn(self) -> Node | None:
        """The node that made it; None for a leaf."""
        node = live_node(self)
        return None if isinstance(node, Leaf) else shown(node)

    @property
    def output_nr(self) -> int:
        """Which output of its `grad_fn` this is."""
        return self.node.saved if isinstance(self.node, Pick) else 0

    @property
    def grad(self) -> Tensor | None:
        """The accumulated gradient of a leaf (or of a Tensor that retains it), else None."""
        if self._grad is None and self.node is not None and not self.retains_grad:
            if not isinstance(self.node, Leaf):
                warnings.warn(
                    "The .grad attribute of a Tensor that is not a leaf Tensor is being accessed. "
                    "Its .grad attribute won't be populated during autograd.backward(). If you "
                    "indeed want the .grad field to be populated for a non-leaf Tensor, use "
                    ".retain_grad() on the non-leaf Tensor.",
                    UserWarning,
                    stacklevel=2,
                )
        return self._grad

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None:
            if not isinstance(value, Tensor):
                raise TypeError(f"assigned grad expected to be a Tensor or None but got {value!r}")
            if value is self:
                raise RuntimeError("can't assign Variable as its own grad")
            if value.array.shape != self.array.shape:
                raise RuntimeError(
                    f"attempting to assign a gradient of size '{list(value.array.shape)}' to a "
                    f"tensor of size '{list(self.array.shape)}'. Please ensure that the gradient "
                    "and the tensor are the same size"
                )
            expected = self.__dict__.get("_grad_dtype", self.dtype)
            if expected is not None and value.dtype is not expected:
                raise RuntimeError(
                    f"attempting to assign a gradient with dtype '{value.dtype}' to a tensor with "
                    f"grad_dtype '{type_name(expected)}'. The gradient must have the tensor's "
                    "grad_dtype"
                )
        self._grad = value

    @grad.deleter
    def grad(self) -> None:
        self._grad = None

    @property
    def grad_dtype(self) -> dtype | None:
        """The dtype of this leaf's gradients: its own, unless another is set; None: any.

        RuntimeError for a Tensor that is not a leaf, or that has a gradient of another dtype.
        """
        if not self.is_leaf:
            raise RuntimeError("grad_dtype can only be accessed on leaf tensors.")
        return self.__dict__.get("_grad_dtype", self.dtype)

    @grad_dtype.setter
    def grad_dtype(self, value: dtype | None) -> None:
        if not self.is_leaf:
            raise RuntimeError("grad_dtype can only be set on leaf tensors.")
        if self._grad is not None and value not in (None, self._grad.dtype):
            raise RuntimeError(
                f"Cannot set grad_dtype to '{value}' because there is already a gradient with "
                f"dtype '{self._grad.dtype}'. Please clear the gradient (.grad = None) before"
            )
        self.__dict__["_grad_dtype"] = value
        if self.node is not None:
            self.node.dtype = _numpy_or_none(value)

    @property
    def data(self) -> Tensor:
        """The same memory without the history. Writes through it are not noticed: a backward pass
        that needs what they destroyed is silently wrong (through `detach()` it raises)."""
        t = make(self.array)
        t.seen = UNCOUNTED
        return t

    @data.setter
    def data(self, value: Tensor) -> None:
        if not isinstance(value, Tensor):
            raise TypeError(f"Variable data has to be a tensor, but got {type(value).__name__}")
        if self.node is not None and value.array.dtype.kind not in "fc":
            raise RuntimeError(
                "data set to a tensor that requires gradients must be floating point or complex "
                f"dtype, not {value.dtype}"
            )
        self.array = value.array
        if isinstance(self.node, Leaf):
            self.node.shape, self.node.dtype = self.array.shape, self.array.dtype

    @property
    def _version(self) -> int:
        """How often this Tensor's memory was written in place (through `.data`: not counted)."""
        write = WRITES.of.get(id(owner(self.array)))
        return 0 if write is None else write.count

    @property
    def _base(self) -> Tensor | None:
        """The Tensor that this one is a view of."""
        return self.base

    def _is_view(self) -> bool:
        """Whether writes into this Tensor reach another one through the graph."""
        return self.base is not None

    def detach(self) -> Tensor:
        """The same memory, outside the graph."""
        return make(self.array)

    def detach_(self) -> Tensor:
        """Leave the graph: this Tensor becomes a leaf that wants no gradient."""
        if self.base is not None:
            raise RuntimeError(
                "Can't detach views in-place. Use detach() instead. If you are using "
                "torch.func, this may be an internal limitation."
            )
        self.node = None
        return self

    def retain_grad(self) -> None:
        """Keep this non-leaf's gradient in `.grad` after a backward pass."""
        node = live_node(self)
        if node is None:
            raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
        if not isinstance(node, Leaf) and not self.retains_grad:
            node.hooks = [] if node.hooks is None else node.hooks
            node.hooks.append(Keeper(self))

    @property
    def retains_grad(self) -> bool:
        """Whether `retain_grad` was called on this non-leaf."""
        hooks = None if self.node is None else self.node.hooks
        return hooks is not None and any(isinstance(h, Keeper) for h in hooks)

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> Handle:
        """Call `hook(grad)` whenever this Tensor's gradient is computed; it may return another."""
        node = live_node(self)
        if node is None:
            raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
        node.hooks = [] if node.hooks is None else node.hooks
        return Handle(node.hooks, hook)

    def register_post_accumulate_grad_hook(self, hook: Callable[[Tensor], None]) -> Handle:
        """Call `hook(tensor)` after a backward pass has added to this leaf's `.grad`."""
        node = live_node(self)
        if node is None:
            raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
        if not isinstance(node, Leaf):
            raise RuntimeError(
                "post accumulate grad hooks cannot be registered on non-leaf tensors"
            )
        node.after = [] if node.after is None else node.after
        return Handle(node.after, hook)

    def __hash__(self) -> int:
        return id(self)


def _numpy_or_none(d: dtype | None) -> Any:
    return None if d is None else d.numpy


CHANNELS_LAST = {"channels_last": 4, "channels_last_3d": 5}  # and the rank they are for
UNCOUNTED = object()
"""Stands in `seen` of a Tensor made by `.data`: what is written through it is not a version."""

_new = object.__new__


def make(array: np.ndarray, node: Node | None = None) -> Tensor:
    """A Tensor of this array and node: the constructor the engine uses."""
    t = _new(Tensor)
    t.array = array
    t.node = node
    t._grad = None
    t.base = None
    t.seen = None
    return t


def make_view(array: np.ndarray, node: Node | None, of: Tensor) -> Tensor:
    """A Tensor that shares memory with `of`: writes through either reach the other."""
    base = of if of.base is None else of.base
    t = _new(Tensor)
    t.array = array
    t.node = node
    t._grad = None
    t.base = base
    t.seen = base.node
    return t


def stamp(x: Tensor, by: str) -> Write:
    """Record that `x` was written in place by the op `by`.

    A write through `.data` is nobody's business, as in PyTorch: programs use it to fill parts of an
    array that is already in use. Who wants to be told of mistakes writes through `detach()`.
    """
    if (x if x.base is None else x.base).seen is UNCOUNTED:
        return Write()
    return touch(x.array, by)


def live_node(x: Tensor) -> Node | None:
    """The node of `x`; that of a view is made anew if its base was written in place since."""
    base = x.base
    if base is None or base.node is x.seen:
        return x.node
    return x._renew()  # type: ignore[attr-defined, no-any-return]


class Parameter(Tensor):
    """A Tensor that a Module registers when it is assigned as an attribute.

    `Parameter(data, requires_grad=True)` shares memory with `data`.
    """

    def __new__(cls, data: Any = None, requires_grad: bool = True) -> Self:
        if data is None:
            data = make(np.zeros(0, dtype=dtypes.get_default_dtype().numpy))
        if not isinstance(data, Tensor):
            raise TypeError(f"Parameter data must be a Tensor, not {type(data).__name__}")
        self = _new(cls)
        self.array = data.array
        self.node = self._grad = self.base = self.seen = None
        if requires_grad:
            self.requires_grad_()
        return self

    def __repr__(self, *, tensor_contents: Any = None) -> str:
        return "Parameter containing:\n" + super().__repr__()


def bind(name: str, function: Any) -> None:
    """Make `function` a method (or property) of Tensor: how declarations above this layer reach it.

    Raises TypeError if the name is taken, so that two declarations cannot silently compete.
    """
    if name in Tensor.__dict__ and name not in _REPLACEABLE:
        raise TypeError(f"Tensor.{name} is already declared")
    setattr(Tensor, name, function)


_REPLACEABLE: Sequence[str] = ("__eq__", "__hash__", "__doc__")
