"""Products of matrices and vectors.

Products do not promote: both operands must have one dtype, as in PyTorch. Integer products wrap.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..core.chain import sum_to
from ..core.doors import composed, primitive
from ..core.modes import current
from ..core.node import Node
from ..core.primitive import REGISTRY
from ..core.rules import with_kernel, with_sum
from ..core.samples import Real, sample
from ..core.shapes import broadcast_shape
from ..core.tensor import Tensor, bind, live_node, make
from ..kernels import matmul as kernels
from .arguments import c_name, kind, no_out, require_tensor, unsupported

_ndarray = np.ndarray


def multiply(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The matrix product of arrays of at least one axis; a batch of rows times one matrix is
    folded into a single product."""
    if y.ndim == 2 and x.ndim > 2 and x.flags.c_contiguous:
        return kernels.matmul(_rows(x), y).reshape(*x.shape[:-1], y.shape[1])
    return kernels.matmul(x, y)


def _rows(x: Any) -> Any:
    """x as a matrix: all axes but the last folded into one."""
    return x if x.ndim == 2 else x.reshape(math.prod(x.shape[:-1]), x.shape[-1])


def _summed(d: Any, shape: Any) -> Any:
    """d summed over the axes along which the operand was broadcast."""
    return d if d.shape == shape else sum_to(d, shape=shape)


def _rows_of_all(arrays: Iterable[Any]) -> Any:
    """The rows of all arrays under each other."""
    return np.concatenate([_rows(a) for a in arrays])


# Of a matrix that serves several products the gradient is a sum of products, and that is one
# product of what stands under each other:  sum_t x_t^T g_t = [x_1; x_2; ...]^T [g_1; g_2; ...]


def _sum_towards_left(calls: Sequence[Any]) -> Any:
    gs, ys, shapes = zip(*calls, strict=True)
    if len(shapes[0]) != 2 or any(y.ndim > 2 for y in ys):
        return functools.reduce(np.add, [_towards_left(*call) for call in calls])
    return multiply(_rows_of_all([g.T for g in gs]).T, _rows_of_all([y.T for y in ys]))


def _sum_towards_right(calls: Sequence[Any]) -> Any:
    gs, xs, shapes = zip(*calls, strict=True)
    if len(shapes[0]) != 2:
        return functools.reduce(np.add, [_towards_right(*call) for call in calls])
    return multiply(_rows_of_all(xs).T, _rows_of_all(gs))


def _sum_towards_W(calls: Sequence[Any]) -> Any:
    gs, xs = zip(*calls, strict=True)
    return kernels.linear_weight_grad(_rows_of_all(gs), _rows_of_all(xs))


def _sum_towards_b(calls: Sequence[Any]) -> Any:
    gs, shapes = zip(*calls, strict=True)
    if len(shapes[0]) > 1 or len({g.shape[-1] for g in gs}) > 1:
        return functools.reduce(np.add, [sum_to(g, shape=shape) for g, shape in calls])
    return sum_to(_rows_of_all(gs), shape=shapes[0])


@with_sum(_sum_towards_left)
def _towards_left(g: Any, y: Any, x_shape: Any) -> Any:
    if len(x_shape) == 1:
        return g * y if y.ndim == 1 else _summed(product(y, g[..., None])[..., 0], x_shape)
    if y.ndim == 1:
        return g[..., None] * y
    return _summed(product(g, y.mT), x_shape)


@with_sum(_sum_towards_right)
def _towards_right(g: Any, x: Any, y_shape: Any) -> Any:
    if x.ndim == 1:
        return g * x if len(y_shape) == 1 else x[:, None] * g[..., None, :]
    if len(y_shape) == 1:
        return product(_rows(x).mT, g.reshape(math.prod(g.shape)))
    if len(y_shape) == 2 and x.ndim > 2:
        return product(_rows(x).mT, _rows(g))
    return _summed(product(x.mT, g), y_shape)


def _fitting(x: np.ndarray, y: np.ndarray) -> None:
    """Raise RuntimeError, as PyTorch words it, unless x @ y is defined."""
    if x.ndim == 0 or y.ndim == 0:
        raise RuntimeError(
            f"both arguments to matmul need to be at least 1D, but they are {x.ndim}D and {y.ndim}D"
        )
    if x.dtype != y.dtype:
        if x.ndim == 1 and y.ndim == 1:
            raise RuntimeError(
                f"dot : expected both vectors to have same dtype, but found {kind(x.dtype)} and "
                f"{kind(y.dtype)}"
            )
        raise RuntimeError(
            f"expected m1 and m2 to have the same dtype, but got: {c_name(x.dtype)} != "
            f"{c_name(y.dtype)}; convert one of them with .to(dtype)"
        )
    inner = y.shape[-2] if y.ndim > 1 else y.shape[0]
    if x.shape[-1] == inner:
        if x.dtype.kind == "b":
            name = {1: "dot", 2: "addmm_impl"}.get(max(x.ndim, y.ndim), "bmm")
            raise unsupported(name, x.dtype)
        return
    if x.ndim == 1 and y.ndim == 1:
        raise RuntimeError(
            f"inconsistent tensor size, expected tensor [{x.shape[0]}] and src [{y.shape[0]}] to "
            f"have the same number of elements, but got {x.shape[0]} and {y.shape[0]} elements "
            "respectively"
        )
    if y.ndim == 1:
        n = x.size // max(x.shape[-1], 1)
        raise RuntimeError(
            f"size mismatch, got input ({n}), mat ({n}x{x.shape[-1]}), vec ({y.shape[0]})"
        )
    if y.ndim == 2:
        n = 1 if x.ndim == 1 else x.size // max(x.shape[-1], 1)
        raise RuntimeError(
            f"mat1 and mat2 shapes cannot be multiplied ({n}x{x.shape[-1]} and "
            f"{y.shape[0]}x{y.shape[1]})"
        )
    raise RuntimeError(
        f"Expected size for first two dimensions of batch2 tensor to be: "
        f"[{y.shape[0]}, {x.shape[-1]}] but got: [{y.shape[0]}, {y.shape[-2]}]. "
        f"(matmul of {list(x.shape)} and {list(y.shape)})"
    )


@primitive(
    _towards_left,
    _towards_right,
    promote=None,
    method=False,
    title="Mm",
    samples=[
        sample(Real("n k"), Real("k m")),
        sample(Real("b n k"), Real("k m")),
        sample(Real("b n k"), Real("a 1 k m")),
        sample(Real("k"), Real("k")),
        sample(Real("k"), Real("b k m")),
        sample(Real("b n k"), Real("k")),
    ],
)
def product(x: Any, y: Any) -> Any:
    """x @ y for arrays of any rank from 1 on, leading axes broadcast against each other."""
    _fitting(x, y)
    return np.asarray(multiply(x, y))


@composed()
def matmul(input: Any, other: Any, *, out: Any = None) -> Any:
    """The matrix product: (..., n, k) @ (..., k, m) -> (..., n, m), leading axes broadcast.

    A vector on the left is a row, on the right a column, whose axis then goes; two vectors give
    their dot product. RuntimeError if shapes do not fit or dtypes differ.
    """
    no_out("matmul", out)
    if not (isinstance(input, Tensor) and isinstance(other, Tensor)):
        for x in (input, other):
            if not isinstance(x, (Tensor, _ndarray)):
                require_tensor("matmul", x)
        return product(input, other)
    mode = current()
    if mode.watch is not None:
        return product(input, other)
    x, y = input.array, other.array
    try:
        if x.dtype is not y.dtype or x.dtype.kind == "b":
            _fitting(x, y)
        result = multiply(x, y)
    except (ValueError, IndexError):
        _fitting(x, y)
        broadcast_shape([x.shape[:-2], y.shape[:-2]])  # words the error
        raise
    if type(result) is not _ndarray:
        result = np.asarray(result)
    if mode.grad:
        m = input.node if input.base is None else live_node(input)
        n = other.node if other.base is None else live_node(other)
        if m is not None or n is not None:
            saved = (
                x if n is not None else None,
                y if m is not None else None,
                None,
                x.shape,
                y.shape,
            )
            return make(result, Node(_PRODUCT, (m, n), saved, result.shape, result.dtype))
    return make(result)


_PRODUCT = REGISTRY["product"]


def _at(self: Tensor, other: Any) -> Any:
    return matmul(self, other) if isinstance(other, (Tensor, _ndarray)) else NotImplemented


bind("__matmul__", _at)
bind("__rmatmul__", lambda self, other: matmul(other, self))


@with_kernel(kernels.linear_input_grad)
def _affine_towards_x(g: Any, W: Any) -> Any:
    return product(g, W)


@with_sum(_sum_towards_W)
@with_kernel(kernels.linear_weight_grad)
def _affine_towards_W(g: Any, x: Any) -> Any:
    return product(_rows(g).mT, _rows(x)) if g.ndim > 1 else g[:, None] * x


def _not_affine(x: np.ndarray, W: np.ndarray, b: np.ndarray | None) -> Exception:
    """What is wrong with the operands of x @ W.T + b."""
    if x.dtype != W.dtype:
        if b is None:
            _fitting(x, W.T)
        return RuntimeError(
            f"mat1 and mat2 must have the same dtype, but got {kind(x.dtype)} and {kind(W.dtype)}"
        )
    if x.ndim == 0:
        return RuntimeError(
            f"both arguments to linear need to be at least 1D, but they are 0D and {W.ndim}D"
        )
    if x.shape[-1] != W.shape[-1]:
        n = x.size // max(x.shape[-1], 1)
        return RuntimeError(
            f"mat1 and mat2 shapes cannot be multiplied ({n}x{x.shape[-1]} and "
            f"{W.shape[-1]}x{W.shape[0]})"
        )
    return unsupported("addmm_impl", x.dtype)


def _name_of_affine(node: Any) -> str:
    """What PyTorch shows: a product of matrices, or the view of it that has more axes."""
    if len(node.shape) == 2:
        return "MmBackward0" if node.parents[2] is None else "AddmmBackward0"
    return "UnsafeViewBackward0" if node.parents[2] is None else "ViewBackward0"


@primitive(
    _affine_towards_x,
    _affine_towards_W,
    with_sum(_sum_towards_b)(lambda g, b_shape: sum_to(g, shape=b_shape)),
    promote=None,
    method=False,
    title="Addmm",
    named=_name_of_affine,
    samples=[
        sample(Real("n k"), Real("m k"), Real("m")),
        sample(Real("a b k"), Real("m k"), Real("m")),
        sample(Real("k"), Real("m k"), Real("m")),
    ],
)
def affine(x: Any, W: Any, b: Any) -> Any:
    """x @ W.T + b: x (..., k), W (m, k), b (m,) or None; the result is (..., m)."""
    if x.dtype != W.dtype or x.ndim == 0 or x.shape[-1] != W.shape[-1] or x.dtype.kind == "b":
        raise _not_affine(x, W, b)
    if b is None or (b.shape == W.shape[:1] and b.dtype == x.dtype):
        return kernels.linear(x, W, b)
    out = multiply(x, W.T)
    if b.dtype != out.dtype:
        raise RuntimeError(
            f"self and mat2 must have the same dtype, but got {kind(b.dtype)} and {kind(W.dtype)}"
        )
    if b.ndim > out.ndim or (b.ndim and b.shape[-1] not in (1, out.shape[-1])):
        raise RuntimeError(
            f"The expanded size of the tensor ({out.shape[-1]}) must match the existing size "
            f"({b.shape[-1]}) at non-singleton dimension {out.ndim - 1}.  "
            f"Target sizes: {list(out.shape)}.  Tensor sizes: {list(b.shape)}"
        )
    out += b
    return out


_AFFINE = REGISTRY["affine"]


@composed(method=False)
def linear(input: Any, weight: Any, bias: Any = None) -> Any:
    """input @ weight.T + bias as one op: (..., in), (out, in), (out,) -> (..., out)."""
    mode = current()
    if mode.watch is None and isinstance(input, Tensor) and isinstance(weight, Tensor):
        x, W = input.array, weight.array
        b = None if bias is None else bias.array
        if x.dtype is W.dtype and W.ndim == 2 and x.ndim:
            try:
                out = _AFFINE.forward(x, W, b)
            except ValueError:
                return affine(input, weight, bias)
            if mode.grad:
                l = input.node if input.base is None else live_node(input)
                m = weight.node if weight.base is None else live_node(weight)
                n = None if bias is None else live_node(bias)
                if l is not None or m is not None or n is not None:
                    saved = (
                        x if m is not None else None,
                        W if l is not None else None,
                        None,
                        None,
                        b.shape if n is not None and b is not None else None,
                    )
                    return make(out, Node(_AFFINE, (l, m, n), saved, out.shape, out.dtype))
            return make(out)
    for position, (name, x) in enumerate((("input", input), ("weight", weight)), 1):
        if not isinstance(x, np.ndarray):  # as which rules have them
            require_tensor("linear", x, name, position)
    if weight.ndim == 1:
        return matmul(input, weight) if bias is None else matmul(input, weight) + bias
    return affine(input, weight, bias)
