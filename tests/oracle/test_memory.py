"""Writes into memory that is read, storages, set_ and resize_, and the order elements lie in."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

import tinygrad_lite as tl
from tests.oracle.snippets import agree, programs

WRITES = programs("""
    x = t.arange(5.); x[1:].add_(x[:-1])
    x = t.arange(5.); x[1:] = x[:-1]; x
    x = t.arange(9.).view(3, 3); x.add_(x.t())
    x = t.arange(9.).view(3, 3); x.copy_(x.t())
    x = t.arange(9.).view(3, 3); x[0] = x[1]; x[:, 0] = x[:, 1]; x[0] = x[0]; x.add_(x); x
    x = t.arange(9.).view(3, 3); x.add_(x[0])
    x = t.arange(9.).view(3, 3); x.view(-1).mul_(x.view(-1))
    x = t.arange(6.); x[::2].add_(x[1::2])
    x = t.arange(9.).view(3, 3); i = t.tensor(1); x[i, i] += 1; x[i] *= 2; x[i, 0] = x[i, 2]; x
    x = t.arange(9.).view(3, 3); i = t.tensor(1); x[i] = x[0]; x[:, i] = x[:, 2]; x
    x = t.arange(9.).view(3, 3); i = t.tensor([0, 1]); x[i] += 1; x[i, i] -= 1; x[i, 0] = x[0, i]; x
    x = t.arange(3); x.index_add_(0, x, t.ones(3, dtype=t.int64))
    x = t.arange(3); x.scatter_(0, t.tensor([0]), x)
    x = t.arange(3); x.put_(t.tensor([0]), x[:1])
    x = t.arange(3); x.index_put_((x,), t.tensor(1))
    x = t.ones(1).expand(3); x.fill_(2.0); x.zero_(); x
    x = t.ones(1).expand(3); x.copy_(t.ones(3))
    x = t.ones(1).expand(3); x.normal_()
""")
STORAGES = programs("""
    x = t.arange(6.); t.empty(0).set_(x.untyped_storage(), 2, (2, 2), (2, 1))
    x = t.arange(6.); y = t.empty(0).set_(x.untyped_storage()); y[0] = 7; x
    x = t.arange(6.); t.empty(0).set_(x, 1, (2,), (3,))
    t.empty(0).set_(t.ones(2, dtype=t.float64))
    t.empty(0).set_(t.ones(2, dtype=t.float64).storage())
    x = t.arange(6.); y = x[2:]; y.resize_(2); y[0] = 9; x
    x = t.arange(6.).view(2, 3).t(); x.resize_(2, 2)
    t.arange(2.).resize_(2, 1, 1, 1, memory_format=t.channels_last)
    s = t.IntStorage([-1, 0, 3]); [s.type(), s.float().tolist(), s.bool().tolist(), s[2]]
    t.FloatStorage(3)[5]
    s = t.FloatStorage(2); s.copy_(t.FloatStorage([1, 2])).tolist()
    x = t.arange(4.); s = x.storage(); d = __import__("copy").deepcopy([x, s]); d[0][1] = 5; d[1][1]
""")
VIEWS = programs("""
    t.zeros(4, 3).view(t.float64)
    t.zeros(4, 4)[:, 1:3].view(t.float64)
    t.zeros(4, 4).t().view(t.int16)
    t.tensor(1.0).view(t.int16)
    t.zeros(4, 4).as_strided((2, 2), (1, 1)).view(t.int64)
    t.zeros(2, 2, requires_grad=True).view(t.int32).requires_grad
    t.zeros(2, 2, requires_grad=True).view(t.float64).requires_grad
    x = t.zeros(3, 2, 2); z = t.view_as_complex(x.transpose(0, 1)); z[0, 1] = 1 + 2j; x
    t.view_as_complex(t.zeros(3, 2, 2).transpose(1, 2))
    t.view_as_complex(t.zeros(9).as_strided((2, 2), (1, 1)))
    t.view_as_complex(t.zeros(2, dtype=t.int32))
    x = t.ones(2); x.positive() is x
    t.tensor(1.0).mT
    t.ones(2).mH
    t.ones(2).adjoint()
    t.broadcast_shapes(1, -2)
    t.broadcast_shapes(1.5)
    t.broadcast_shapes((3, 5), (2, 4, 1))
    t.ones(3).broadcast_to(2, 3)
    t.ones(3).tensor_split(t.tensor([1.0]))
    t.tensor(1.0).tensor_split(2)
    t.combinations(t.arange(3), 0)
    t.tril_indices(-1, 2)
    t.tril_indices(2, 2, dtype=t.float32)
    t.tensor(1.0).movedim(0, 0)
    t.block_diag()
""")
ORDER = programs(
    """
    t.zeros_like(t.ones(2, 3).t())
    t.ones_like(t.ones(2, 3, 4).permute(2, 0, 1), dtype=t.int64)
    t.full_like(t.ones(2, 3).t(), 5., memory_format=t.contiguous_format)
    t.zeros_like(t.ones(1, 3).expand(2, 3))
    t.empty(1, 2, 3, 4, memory_format=t.channels_last).stride()
    t.empty(1, 2, 3, memory_format=t.channels_last)
    t.rand_like(t.ones(2, 3).t()).stride()
    t.ones(2, 3, 4).permute(2, 0, 1).sum(1)
    t.ones(2, 3, 4).permute(2, 0, 1).mean(0)
    t.ones(2, 3, 4).permute(2, 0, 1).amax(0)
    t.ones(2, 3, 4).permute(2, 0, 1).std(0)
    t.ones(2, 3, 4).permute(2, 0, 1).any(0)
    t.ones(2, 3, 4).permute(2, 0, 1).cumsum(0)
    t.cat([t.ones(2, 3).t()] * 2)
    t.stack([t.ones(2, 3).t()] * 2)
    t.ones(2, 3).t().masked_fill(t.tensor([True, False]), 2.0)
    t.ones(1, 2, 3).swapaxes(0, 1).stride()
    t.use_deterministic_algorithms(True); x = t.empty(2); t.use_deterministic_algorithms(False); x
    t.use_deterministic_algorithms(True); x = t.empty(2, dtype=t.int8); \
t.use_deterministic_algorithms(False); x
""".replace("\\\n", "")
)
ARGUMENTS = programs("""
    t.tensor([t.tensor([1]), t.tensor([[2.5]])])
    t.tensor([t.ones(2), t.ones(2)])
    t.tensor([1.0, 2**70])
    t.tensor([1j], dtype=t.float32)
    t.tensor([inf], dtype=t.int32)
    t.tensor([np.ones(2), np.ones(2)])
    t.tensor(np.arange(3)[::-1])
    t.tensor(np.array([1], dtype=">f4"))
    t.asarray(t.ones(2), dtype=t.float64, copy=False)
    t.arange(3, dtype=t.bool)
    t.arange(0, 3, nan)
    t.range(0, 1)
    t.linspace(0, 1j, 3)
    t.linspace(0, 1, 3, dtype=t.bool)
    t.full((2,), 1j, dtype=t.float32)
    t.full(2, 1)
    t.ones(2, dtype=t.int32).fill_(1j)
    t.vander(t.ones(2), -1)
    t.complex(t.ones(2), t.ones(2).double())
    t.hypot(t.tensor([True]), t.tensor([True]))
    t.atan2(t.tensor([1j]), t.tensor([1.0]))
    t.fmod(t.tensor([1j]), 2)
    t.arange(4.)[[range(2), range(2)]]
    t.arange(4.).view(2, 2)[[[0, 1], [1, 0]]]
    t.ones(2, 3)[t.tensor(1, dtype=t.uint8)]
    x = t.tensor(1.0); x[True] = t.full((1, 1), 5.0); x
    x = t.ones(2); x[0] = [1]
    x = t.ones(2); x[0] = None
    x = t.ones(2, dtype=t.int64); x[0] = 1j
    t.ones(3, 3).index_put_((t.tensor([0, 1]), t.tensor([0, 1, 2])), t.ones(2))
    t.unravel_index(t.tensor(0.5), (2, 2))
    t.unravel_index(t.tensor(0), (2, -3))
    t.unravel_index(t.tensor(1), (2, 2.0))
    x = t.ones(2, dtype=t.complex64); x.real = 0; x.imag = t.tensor([1.0, 2.0]); x
    x = t.ones(2); x.real = 3; x
    reversed(t.arange(4).view(2, 2))
    reversed(t.tensor(3))
    t.empty(2, 3, 4, 5).transpose(0, 1).dim_order()
    t.empty(2, 3, 4, 5, memory_format=t.channels_last).dim_order(ambiguity_check=True)
    t.empty(2, 1, 4, 5).dim_order(ambiguity_check=True)
    t.Size([1, t.tensor(2)])
    t.Size([1.5])
    t.Size([1]) + [2]
    type(t.Size([1])).__module__.count(".")
    t.ones((3., 2))
    t.ones(3.)
    t.ones(3, "x")
    t.ones((3, 3), t.float32)
    t.ones()
    t.frombuffer(b"1234", dtype=t.int8)
    t.frombuffer(bytearray(4), dtype=t.int8, count=9)
    t.frombuffer([1], dtype=t.int8)
    t.normal(t.ones(2, 3), t.ones(2))
    float(t.tensor(2 + 0j))
    int(t.tensor(2 + 1j))
    t.ones(2, requires_grad=True).apply_(lambda v: v)
    t.ones(2).map_(t.ones(2).double(), lambda a, b: a)
    x = t.ones(2); x.new(x).data_ptr() == x.data_ptr()
    t.ones(2).new(size=(1, 2)).shape
    t.Tensor(t.tensor([1, 2]))
    t.use_deterministic_algorithms(1)
    t.ones(2).as_subclass(int)
    t.device("cuda:-1")
    F.conv2d(t.ones(1, 1, 3, 3), t.ones(1, 1, 2, 2).double())
    F.conv2d(t.ones(1, 1, 3, 3), t.ones(1, 1, 2, 2).double(), t.ones(1).double())
    t.ones(2, 3).index_select(1, t.tensor([3]))
    t.ones(2, 3).index_select(0, t.tensor([3]))
    t.ones([]).index_select(0, t.tensor([0, 0]))
    t.ones(2).index_copy(0, t.tensor([0]), t.ones(1, 1))
    t.ones(2).index_fill(0, t.tensor([5]), 1.0)
    t.ones(0).take(t.tensor([0]))
    t.ones(2, 3).diff(dim=0, prepend=t.ones(2))
    t.repeat_interleave(t.tensor([1, 2], dtype=t.int32))
    t.repeat_interleave(t.tensor([1, 2], dtype=t.int16))
    t.cov(t.ones(2, 1))
    t.pdist(t.ones(3, 0), 1.0)
    t.cdist(t.ones(2, 0), t.ones(3, 0), 1.0)
    t.cdist(t.ones(2, 1), t.ones(3, 1), compute_mode="x")
    t.cdist(t.ones(2, 1), t.ones(3, 1).double())
    t.tensor(1.0).cummax(3)
    t.ones(2, dtype=t.uint8).random_(0, 300)
    t.ones(2, dtype=t.complex64).bernoulli_(0.5)
    t.ones(2).map2_(t.ones(1), t.arange(2.), lambda a, b, c: a + b + c)
    t.ones(2)[t.tensor([1, 0], dtype=t.uint8)]
    t.cross(t.eye(3), t.ones(3, 3), dim=0)
    t._check_tensor_all(t.tensor([True, False]))
    t.set_default_tensor_type(t.FloatTensor)
    t.addcmul(t.ones(2, dtype=t.bool), t.ones(2, dtype=t.bool), t.ones(2, dtype=t.bool))
""")


REDUCTIONS = programs("""
    t.all(t.eye(2), [])
    t.mode(t.tensor([1.0, 2, 2, nan, nan, nan]))
    t.mode(t.tensor([nan, nan]))
    t.amax(t.ones(2, dtype=t.complex64))
    t.max(t.ones(2, dtype=t.complex64))
    t.max(t.ones(2, dtype=t.complex64), 0)
    t.argmax(t.ones(2, dtype=t.complex64))
    t.maximum(t.ones(2, dtype=t.complex64), t.ones(2))
    t.sort(t.ones(2, dtype=t.complex64))
    t.topk(t.ones(2, dtype=t.complex64), 1)
    t.nansum(t.ones(2, dtype=t.complex64))
    t.aminmax(t.ones(0))
    t.searchsorted(t.tensor([1, 2, 3]), 2.5, sorter=t.tensor([0, 1, 3]))
    t.searchsorted(t.tensor([1, 2, 3]), 2.5, sorter=t.tensor([0, 1]))
    t.searchsorted(t.ones(2, 2), 1)
    t.histogram(t.ones(3), 3, weight=t.ones(2))
    t.histogram(t.ones(3), 3, range=(1.0, 0.0))
    t.heaviside(t.ones(2), values=t.ones(2))
""")


FACTORIZATIONS = programs("""
    t.linalg.inv(t.zeros(3, 3))
    t.linalg.inv(t.stack([t.eye(2), t.zeros(2, 2)]))
    t.linalg.cholesky(-t.eye(3))
    t.linalg.cholesky(t.stack([t.eye(2), t.diag(t.tensor([1.0, -1]))]))
    t.linalg.solve(t.zeros(2, 3, 3), t.ones(2, 3))
    t.linalg.svd(t.full((2, 2), nan))
    t.linalg.eig(t.full((2, 2), nan))
    t.linalg.lstsq(t.ones(3, 2), t.ones(3, 1), driver="x")
    t.linalg.lstsq(t.ones(3), t.ones(3))
    t.linalg.matrix_power(t.eye(2), 1.5)
    t.linalg.householder_product(t.ones(2, 3), t.ones(4))
    t.linalg.householder_product(t.ones(3, 2), t.ones(4))
    t.linalg.vander(t.tensor(1.0))
    t.linalg.cond(t.eye(2), "x")
    t.linalg.pinv(t.eye(2), 0.5, True)
    t.kron(t.ones(2), 3)
    t.einsum()
    t.clamp_min(t.ones(2) * 1j, 1)
    t.erfc(t.ones(2) * 1j)
""")


NUMBERS = programs("""
    t.add(1, 2), t.mul(2, 3.0), t.div(1, 2), t.floor_divide(7, 2)
    t.sub(True, 1)
    t.tensor([2.5, np.float64(1)])
    t.tensor([np.float32(1), 2])
    t.tensor([np.int64(1), 2.5])
    t.tensor([np.float16(1), np.int64(2)])
    t.tensor([np.complex64(1), 1.5])
    t.tensor([[1, 2], [np.float64(1), 2]])
    t.tensor([2, t.tensor(1.0, dtype=t.float64)])
    t.heaviside(t.ones(2), t.ones(2, dtype=t.int64))
    t.heaviside(t.ones(2) * 1j, t.ones(2))
    t.fmax(t.ones(2) * 1j, t.ones(2))
    t.sign(t.ones(2) * 1j)
    t.igamma(t.tensor([1, 2]), t.tensor([1, 2]))
    t.trapezoid(t.tensor([True, False]))
    t.add(t.tensor([1]), t.tensor([1]), alpha=True)
    t.add(t.tensor([1]), t.tensor([1]), alpha=1j)
    t.tensor([True]) ** -1
    t.tensor([-3, -1, 1, 3], dtype=t.int32) ** t.tensor(-(2**31), dtype=t.int32)
    t.ldexp(t.tensor([-2, 2**-10], dtype=t.half), t.tensor([-25, 20]))
    t.ldexp(t.tensor([1], dtype=t.float64), t.tensor([128]))
    t.frexp(t.tensor([1e-6], dtype=t.half))
    t.round(t.tensor([1e4], dtype=t.half), decimals=2)
    t.lerp(t.ones(2), t.ones(2), 1j)
    t.isclose(t.tensor([1j * nan]), t.tensor([1j * nan]), equal_nan=True)
    t.clamp(t.ones(2) * 1j, 1)
    t.floor(t.ones(2) * 1j)
    t.erf(t.ones(2) * 1j)
    F.relu(t.ones(2) * 1j)
    F.silu(t.ones(2) * 1j)
    F.hardtanh(t.tensor([True]))
    t.special.bessel_j0(t.ones(3, dtype=t.float64))
    t.from_dlpack(t.ones(2, requires_grad=True))
    t.from_dlpack([1])
    c = t.utils.dlpack.to_dlpack(t.ones(2)); t.from_dlpack(c); t.from_dlpack(c)
    t.from_dlpack(t.ones(2), copy=True)
    t.finfo(t.complex64).eps, t.finfo(float).dtype, t.iinfo(int).max
    t.finfo(t.float32) == t.finfo(t.float32)
    t.iinfo(t.bool)
""")

SEGMENTS = programs("""
    t.segment_reduce(t.arange(6.0), "sum", lengths=t.tensor([2, 0, 4]))
    t.segment_reduce(t.arange(6.0), "mean", lengths=t.tensor([2, 0, 4]))
    t.segment_reduce(t.arange(6.0), "mean", lengths=t.tensor([2, 0, 4]), initial=1)
    t.segment_reduce(t.arange(6.0), "max", offsets=t.tensor([0, 2, 2, 6]))
    t.segment_reduce(t.arange(6.0), "min", lengths=t.tensor([1, 3]), unsafe=True)
    t.segment_reduce(t.arange(6.0).view(2, 3), "prod", lengths=t.tensor([[1, 2], [3, 0]]), axis=1)
    t.segment_reduce(t.arange(6.0).view(2, 3), "sum", lengths=t.tensor([2]), axis=-2)
    t.segment_reduce(t.arange(6.0), "sum", lengths=t.tensor([1]))
    t.segment_reduce(t.arange(6.0), "sum", lengths=t.tensor([-1, 7]))
    t.segment_reduce(t.arange(6.0), "median", lengths=t.tensor([6]))
    t.segment_reduce(t.arange(6.0), "sum")
    t.segment_reduce(t.arange(6), "sum", lengths=t.tensor([6]))
    x = t.ones(4, requires_grad=True); y = t.segment_reduce(x, "max", lengths=t.tensor([1, 0, 3])); y[::2].sum().backward(); x.grad
    x = t.arange(4.0).requires_grad_(); t.segment_reduce(x, "prod", lengths=t.tensor([3, 1])).sum().backward(); x.grad
    t._foreach_add([t.ones(2)], 1), t._foreach_norm([t.ones(2)])
    t._foreach_abs([])
    t.norm_except_dim(t.arange(3.0))
    t.adaptive_max_pool1d(t.arange(6.0).view(1, 6), 2)
    t.t_copy(t.ones(2, 3)), t.permute_copy(t.ones(2, 3, 4), (2, 0, 1))
    t.alias_copy(t.ones(2, 3).t())
""")  # noqa: E501


@pytest.mark.parametrize(
    "program",
    WRITES
    + STORAGES
    + VIEWS
    + ORDER
    + ARGUMENTS
    + REDUCTIONS
    + FACTORIZATIONS
    + NUMBERS
    + SEGMENTS,
)
def test_as_in_pytorch(program: str) -> None:
    agree(program)


@pytest.mark.parametrize(
    "ask", ["t.ones(2, device='cuda')", "t.ones(2).cuda()", "t.cuda.synchronize()"]
)
def test_a_device_that_is_not_there_is_no_assertion_of_ours(ask: str) -> None:
    with pytest.raises(AssertionError, match="Torch not compiled with CUDA enabled") as raised:
        eval(ask, {"t": tl})
    assert isinstance(raised.value, RuntimeError)
