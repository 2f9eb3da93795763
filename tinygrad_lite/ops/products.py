"""Every other product, made of `matmul`: mm, bmm, dot, outer, addmm, kron, cross.

Operands must have one dtype, as in PyTorch.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.doors import composed, primitive
from ..core.samples import Real, one_of, sample
from ..core.shapes import broadcast_shape, canonical_axis
from ..core.tensor import Tensor
from .arguments import converted, kind, no_out, numpy_names, of_tensors, require_tensor
from .expanding import expand
from .matrix import matmul
from .rearranging import rolled
from .reduction import total
from .views import diagonal_of, permuted, reshaped


def _ranks(name: str, message: str, *expected: tuple[Tensor, int]) -> None:
    for x, ndim in expected:
        require_tensor(name, x)
        if x.array.ndim != ndim:
            raise RuntimeError(message)


@composed(samples=[sample(Real("n k"), Real("k m"))])
def mm(input: Any, mat2: Any, *, out: Any = None) -> Any:
    """The product of two matrices: (n, k) @ (k, m)."""
    no_out("mm", out)
    for name, x in (("self", input), ("mat2", mat2)):
        _ranks("mm", f"{name} must be a matrix", (x, 2))
    return matmul(input, mat2)


@composed(samples=[sample(Real("b n k"), Real("b k m"))])
def bmm(input: Any, mat2: Any, *, out: Any = None) -> Any:
    """The products of two batches of matrices: (b, n, k) @ (b, k, m)."""
    no_out("bmm", out)
    for i, x in ((1, input), (2, mat2)):
        _ranks("bmm", f"batch{i} must be a 3D tensor", (x, 3))
    x, y = input.array.shape, mat2.array.shape
    if x[0] != y[0] or x[2] != y[1]:
        raise RuntimeError(
            "Expected size for first two dimensions of batch2 tensor to be: "
            f"[{x[0]}, {x[2]}] but got: [{y[0]}, {y[1]}]."
        )
    return matmul(input, mat2)


@composed(samples=[sample(Real("n k"), Real("k"))])
@of_tensors
def mv(input: Any, vec: Any, *, out: Any = None) -> Any:
    """The product of a matrix and a vector: (n, k) @ (k,)."""
    no_out("mv", out)
    if input.array.ndim != 2 or vec.array.ndim != 1:
        raise RuntimeError(
            f"vector + matrix @ vector expected, got 1, {input.array.ndim}, {vec.array.ndim}"
        )
    return matmul(input, vec)


@composed(samples=[sample(Real("n"), Real("n"))])
@of_tensors
def dot(input: Any, tensor: Any, *, out: Any = None) -> Any:
    """The dot product of two vectors."""
    no_out("dot", out)
    if input.array.ndim != 1 or tensor.array.ndim != 1:
        raise RuntimeError(
            f"1D tensors expected, but got {input.array.ndim}D and {tensor.array.ndim}D tensors"
        )
    return matmul(input, tensor)


@composed()
@of_tensors
def vdot(input: Any, other: Any, *, out: Any = None) -> Any:
    """The dot product of two vectors, the first conjugated."""
    return dot(input.conj(), other, out=out)


@composed(samples=[sample(Real("n k"), Real("m k"))])
@of_tensors
def inner(input: Any, other: Any, *, out: Any = None) -> Any:
    """Products summed over the last axis of both: (..., k), (***, k) -> (..., ***)."""
    no_out("inner", out)
    x, y = input.array, other.array
    if x.ndim == 0 or y.ndim == 0:
        return input * other
    if x.shape[-1] != y.shape[-1]:
        raise RuntimeError(
            "inner() the last dimension must match on both input tensors but got shapes "
            f"{list(x.shape)} and {list(y.shape)}"
        )
    return tensordot(input, other, dims=([-1], [-1]))


@primitive(
    lambda g, y: matmul(g, y),
    lambda g, x: matmul(x, g),
    method=False,
    title="Mul",
    samples=[sample(Real("n"), Real("m"))],
)
def pairs(x: Any, y: Any) -> Any:
    """All products of elements of two vectors of floats."""
    return np.multiply(x[:, None], y)


@composed(samples=[sample(Real("n"), Real("m"))])
@of_tensors
def outer(input: Any, vec2: Any, *, out: Any = None) -> Any:
    """All products of elements of two vectors: (n,), (m,) -> (n, m)."""
    no_out("outer", out)
    for name, x in (("self", input), ("vec2", vec2)):
        if x.array.ndim != 1:
            raise RuntimeError(f"outer: Expected 1-D argument {name}, but got {x.array.ndim}-D")
    if input.array.dtype == vec2.array.dtype and input.array.dtype.kind == "f":
        return pairs(input, vec2)
    return reshaped(input, shape=(input.array.size, 1)) * vec2


@composed()
@of_tensors
def ger(input: Any, vec2: Any, *, out: Any = None) -> Any:
    """The same as `outer`."""
    return outer(input, vec2, out=out)


# -- added to something ----------------------------------------------------------------------------


def _whole(x: Any, *weights: Any) -> Any:
    """The weights as whole numbers if x holds such."""
    return tuple([int(w) if x.array.dtype.kind in "iu" else w for w in weights])


def _added(x: Any, y: Any, beta: Any, alpha: Any, shape: tuple[int, ...], name: str) -> Any:
    """beta * x + alpha * y; with beta 0, x is not even looked at (it may hold NaN)."""
    require_tensor(name, x)
    if x.array.dtype != y.array.dtype:
        raise RuntimeError(
            "self and mat2 must have the same dtype, but got "
            f"{kind(x.array.dtype)} and {kind(y.array.dtype)}"
        )
    y = y if alpha == 1 else y * alpha
    if beta == 0:
        return y
    return (expand(x, shape) if x.array.shape != shape else x) * beta + y


_WEIGHTS: dict[str, Any] = {"beta": one_of(1, 0.5), "alpha": one_of(1, -2.0)}


@composed(inplace=True, samples=[sample(Real("n m"), Real("n k"), Real("k m"), **_WEIGHTS)])
@of_tensors
def addmm(input: Any, mat1: Any, mat2: Any, *, beta: Any = 1, alpha: Any = 1) -> Any:
    """beta * input + alpha * (mat1 @ mat2)."""
    for name, x in (("mat1", mat1), ("mat2", mat2)):
        _ranks("addmm", f"{name} must be a matrix, got {x.array.ndim}-D tensor", (x, 2))
    y = matmul(mat1, mat2)
    beta, alpha = _whole(y, beta, alpha)
    return _added(input, y, beta, alpha, y.array.shape, "addmm")


@composed(inplace=True, samples=[sample(Real("n"), Real("n k"), Real("k"), **_WEIGHTS)])
@of_tensors
def addmv(input: Any, mat: Any, vec: Any, *, beta: Any = 1, alpha: Any = 1) -> Any:
    """beta * input + alpha * (mat @ vec)."""
    if input.array.ndim > 1 or mat.array.ndim != 2 or vec.array.ndim != 1:
        raise RuntimeError(
            f"vector + matrix @ vector expected, got {input.array.ndim}, {mat.array.ndim}, "
            f"{vec.array.ndim}"
        )
    y = matmul(mat, vec)
    beta, alpha = _whole(y, beta, alpha)
    return _added(input, y, beta, alpha, y.array.shape, "addmv")


@composed(inplace=True, samples=[sample(Real("n m"), Real("n"), Real("m"), **_WEIGHTS)])
@of_tensors
def addr(input: Any, vec1: Any, vec2: Any, *, beta: Any = 1, alpha: Any = 1) -> Any:
    """beta * input + alpha * outer(vec1, vec2)."""
    for name, x in (("vec1", vec1), ("vec2", vec2)):
        _ranks("addr", f"addr: Expected 1-D argument {name}, but got {x.array.ndim}-D", (x, 1))
    y = outer(vec1, vec2)
    if input.array.dtype.kind == "b" and y.array.dtype.kind == "b":  # and, or
        return (y if alpha else ~(y | ~y)) | (input & bool(beta))
    return _added(input, y, beta, alpha, y.array.shape, "addr")


@composed(inplace=True, samples=[sample(Real("n m"), Real("b n k"), Real("b k m"), **_WEIGHTS)])
def baddbmm(input: Any, batch1: Any, batch2: Any, *, beta: Any = 1, alpha: Any = 1) -> Any:
    """beta * input + alpha * bmm(batch1, batch2)."""
    y = bmm(batch1, batch2)
    beta, alpha = _whole(y, beta, alpha)
    return _added(input, y, beta, alpha, y.array.shape, "baddbmm")


@composed(inplace=True, samples=[sample(Real("n m"), Real("b n k"), Real("b k m"), **_WEIGHTS)])
def addbmm(input: Any, batch1: Any, batch2: Any, *, beta: Any = 1, alpha: Any = 1) -> Any:
    """beta * input + alpha * the sum of bmm(batch1, batch2) over the batch."""
    for i, x in ((1, batch1), (2, batch2)):
        _ranks("addbmm", f"batch{i} must be a 3D tensor", (x, 3))
    y = tensordot(batch1, batch2, dims=([0, 2], [0, 1]))
    beta, alpha = _whole(y, beta, alpha)
    return _added(input, y, beta, alpha, y.array.shape, "addbmm")


# -- more axes -------------------------------------------------------------------------------------


@composed(method=False, samples=[sample(Real("n k m"), Real("m k p"), dims=([2, 1], [0, 1]))])
def tensordot(a: Any, b: Any, dims: Any = 2, out: Any = None) -> Any:
    """Products summed over axes: the last `dims` of a with the first of b, or two lists of axes."""
    no_out("tensordot", out)
    if isinstance(dims, Tensor):
        dims = dims.tolist()
    if isinstance(dims, (tuple, list)) and len(dims) == 2 and isinstance(dims[0], (tuple, list)):
        of_a, of_b = dims
    elif isinstance(dims, int):
        if dims < 0:
            raise RuntimeError(f"tensordot expects dims >= 0, but got dims={dims}")
        if dims > min(a.array.ndim, b.array.ndim):
            raise RuntimeError(f"tensordot expects dims < ndim_a or ndim_b, but got dims={dims}")
        of_a, of_b = range(a.array.ndim - dims, a.array.ndim), range(dims)
    else:
        of_a, of_b = [dims[0]], [dims[1]]
    left = [canonical_axis(d, a.array.ndim) for d in of_a]
    right = [canonical_axis(d, b.array.ndim) for d in of_b]
    if len(left) != len(right):
        raise RuntimeError("both dimension lists should have same length")
    for i, j in zip(left, right, strict=True):
        n, m = a.array.shape[i], b.array.shape[j]
        if n == m:
            continue
        if n == 1:
            b = converted(total(b, axes=(j,), keepdim=True), b.dtype)
        elif m == 1:
            a = converted(total(a, axes=(i,), keepdim=True), a.dtype)
        else:
            raise RuntimeError(
                f"contracted dimensions need to match, but first has size {n} in dim {i} and "
                f"second has size {m} in dim {j}"
            )
    free_a = [i for i in range(a.array.ndim) if i not in left]
    free_b = [j for j in range(b.array.ndim) if j not in right]
    rows = [a.array.shape[i] for i in free_a]
    columns = [b.array.shape[j] for j in free_b]
    inside = math.prod(a.array.shape[i] for i in left)
    x = permuted(a, axes=(*free_a, *left)) if free_a + left != list(range(a.array.ndim)) else a
    y = permuted(b, axes=(*right, *free_b)) if right + free_b != list(range(b.array.ndim)) else b
    x = reshaped(x, shape=(math.prod(rows), inside))
    y = reshaped(y, shape=(inside, math.prod(columns)))
    return reshaped(matmul(x, y), shape=(*rows, *columns))


@composed(samples=[sample(Real("n 2"), Real("3 m")), sample(Real("n"), Real("2 m"))])
def kron(input: Any, other: Any, *, out: Any = None) -> Any:
    """The Kronecker product: every element of the input times the whole of the other."""
    no_out("kron", out)
    require_tensor("kron", input)
    require_tensor("kron", other, "other", 2)
    ndim = max(input.array.ndim, other.array.ndim)
    n = (1,) * (ndim - input.array.ndim) + input.array.shape
    m = (1,) * (ndim - other.array.ndim) + other.array.shape
    x = reshaped(input, shape=tuple([s for size in n for s in (size, 1)]))
    y = reshaped(other, shape=tuple([s for size in m for s in (1, size)]))
    return reshaped(x * y, shape=tuple([a * b for a, b in zip(n, m, strict=True)]))


@composed(method=False)
@of_tensors
def chain_matmul(*matrices: Any, out: Any = None) -> Any:
    """The product of several matrices in the cheapest order."""
    no_out("chain_matmul", out)
    if len(matrices) == 1 and isinstance(matrices[0], (tuple, list)):
        matrices = tuple(matrices[0])
    for i, x in enumerate(matrices):
        _ranks("chain_matmul", f"Tensor dimension is {x.array.ndim}, expected 2 instead.", (x, 2))
        if i and x.array.shape[0] != matrices[i - 1].array.shape[1]:
            matmul(matrices[i - 1], x)  # words the error
    if not matrices:
        raise RuntimeError("chain_matmul(): Expected one or more matrices")
    sizes = [matrices[0].array.shape[0], *[x.array.shape[1] for x in matrices]]
    return _chained(list(matrices), _cheapest(sizes), 0, len(matrices) - 1)


def _cheapest(sizes: Sequence[int]) -> dict[tuple[int, int], int]:
    """Where to cut the product of matrices i..j, for all i < j (dynamic programming)."""
    count = len(sizes) - 1
    cost = {(i, i): 0 for i in range(count)}
    cut = {}
    for span in range(1, count):
        for i in range(count - span):
            j = i + span
            options = [
                (cost[i, k] + cost[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1], k)
                for k in range(i, j)
            ]
            cost[i, j], cut[i, j] = min(options)
    return cut


def _chained(xs: list[Tensor], cut: dict[tuple[int, int], int], i: int, j: int) -> Any:
    if i == j:
        return xs[i]
    k = cut[i, j]
    return matmul(_chained(xs, cut, i, k), _chained(xs, cut, k + 1, j))


@composed(samples=[sample(Real("n 3"), Real("n 3"), dim=-1)])
@numpy_names
@of_tensors
def cross(input: Any, other: Any, dim: int | None = None, *, out: Any = None) -> Any:
    """The cross product of vectors of 3 along `dim` (by default the first axis of size 3)."""
    no_out("cross", out)
    if input.array.ndim != other.array.ndim:
        raise RuntimeError("linalg.cross: inputs must have the same number of dimensions.")
    shape = broadcast_shape([input.array.shape, other.array.shape])
    if dim is None:
        warnings.warn(
            "Using torch.cross without specifying the dim arg is deprecated.\nPlease either pass "
            "the dim explicitly or simply use torch.linalg.cross.\nThe default value of dim will "
            "change to agree with that of linalg.cross in a future release.",
            UserWarning,
            stacklevel=4,
        )
        found = [i for i, n in enumerate(shape) if n == 3]
        if not found:
            raise RuntimeError("no dimension of size 3 in input")
        d = found[0]
    else:
        d = canonical_axis(dim, len(shape))
    if input.array.shape[d] != 3 or other.array.shape[d] != 3:
        raise RuntimeError(
            f"linalg.cross: inputs dimension {d} must have length 3. Got "
            f"{input.array.shape[d]} and {other.array.shape[d]}"
        )
    x1, x2 = (rolled(input, shifts=(-s,), axes=(d,)) for s in (1, 2))
    y1, y2 = (rolled(other, shifts=(-s,), axes=(d,)) for s in (1, 2))
    return x1 * y2 - x2 * y1


@composed(samples=[sample(Real("n m"))])
@of_tensors
def trace(input: Any) -> Any:
    """The sum of the diagonal of a matrix."""
    if input.array.ndim != 2:
        raise RuntimeError(f"trace: expected a matrix, but got tensor with dim {input.array.ndim}")
    return diagonal_of(input, offset=0).sum()
