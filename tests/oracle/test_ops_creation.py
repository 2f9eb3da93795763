"""Creation, conversion and questions against PyTorch: value, dtype, sharing, errors."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_lite
from tests.oracle.compare import cases, compare, compare_errors

torch = pytest.importorskip("torch")

CREATION = """
torch.tensor(1); torch.tensor(1.5); torch.tensor(True); torch.tensor([1, 2])
torch.tensor([1.0, 2]); torch.tensor([]); torch.tensor([[1, 2], [3, 4]])
torch.tensor([[True], [False]]); torch.tensor([1, 2.5]); torch.tensor([True, 2])
torch.tensor((1, 2, 3)); torch.tensor([[]]); torch.tensor([1.5], dtype=torch.int64)
torch.tensor([0, 1], dtype=torch.bool); torch.tensor(3, dtype=torch.float16)
torch.tensor(np.arange(3)); torch.tensor(np.ones(2)); torch.tensor(np.float32(2))
torch.tensor([np.float64(1.5)]); torch.tensor(np.int32(4))
torch.tensor([np.float32(1), np.float32(2)]); torch.tensor(np.array([1, 2], dtype=np.uint8))
torch.tensor([torch.tensor(1.5), torch.tensor(2.5)])
torch.tensor([torch.tensor(1), torch.tensor(2)]); torch.tensor([[torch.tensor(1.0)], [2.0]])
torch.tensor(range(4)); torch.tensor([-1], dtype=torch.uint8); torch.tensor(1e300)
torch.tensor([1.0], dtype=torch.float64); torch.tensor([1, 2], device='cpu')
torch.tensor(5, dtype=torch.uint8); torch.tensor([1.0, 2.0], requires_grad=True) * 2
torch.tensor([float('nan'), float('inf')]); torch.tensor(2**40); torch.as_tensor([1, 2])
torch.as_tensor(np.ones(2)); torch.as_tensor([1.5], dtype=torch.float64); torch.as_tensor(3)
torch.as_tensor(x); torch.as_tensor(x, dtype=torch.float32); torch.asarray([1, 2])
torch.asarray(np.ones(3)); torch.asarray(2.5); torch.asarray([1], dtype=torch.float32)
torch.from_numpy(np.arange(3)); torch.from_numpy(np.ones((2, 2)))
torch.from_numpy(np.ones(3, np.float32)); torch.from_numpy(np.array([True]))
torch.from_numpy(np.array(2.0)); torch.frombuffer(bytearray(8), dtype=torch.int32)
torch.frombuffer(bytearray(8), dtype=torch.uint8, count=2, offset=1); torch.scalar_tensor(3)
torch.scalar_tensor(2, dtype=torch.int64); torch.zeros(3); torch.zeros(2, 3); torch.zeros((2, 3))
torch.zeros([2]); torch.zeros(()); torch.zeros(0); torch.zeros(2, 0)
torch.zeros(2, dtype=torch.int64); torch.zeros(size=(2, 2))
torch.zeros(3, requires_grad=True) + 1; torch.zeros(torch.Size([2])); torch.ones(2, 3)
torch.ones((2,), dtype=torch.bool); torch.ones(3, dtype=torch.float64); torch.ones([])
torch.ones(2, 1, 2); torch.empty(2, 3).shape; torch.empty((0,))
torch.empty(2, dtype=torch.int32).dtype; torch.full((2, 3), 7); torch.full((2,), 2.5)
torch.full((2,), True); torch.full((), 3.0); torch.full((2,), 1, dtype=torch.float32)
torch.full([2, 2], 3, dtype=torch.uint8); torch.full((2,), torch.tensor(2.0))
torch.full(size=(2,), fill_value=1); torch.zeros_like(x); torch.zeros_like(i); torch.ones_like(m)
torch.ones_like(x, dtype=torch.int32); torch.full_like(x, 3); torch.full_like(i, 2)
torch.full_like(x, 2.5, dtype=torch.float32); torch.empty_like(x).shape; torch.empty_like(i).dtype
torch.zeros_like(x, requires_grad=True) * 1; torch.zeros_like(f); torch.ones_like(input=x)
x.new_zeros(2); x.new_zeros((2, 3)); i.new_ones(2, 2); x.new_full((2,), 3); i.new_full((2,), 3)
x.new_empty(2, 3).shape; x.new_tensor([1, 2]); i.new_tensor([1.5])
x.new_zeros(2, dtype=torch.int64); f.new_tensor(2.5); m.new_zeros(1); x.new_ones(size=(2,))
f.new_full((1,), 2.7, dtype=torch.float64); f.new_zeros([]); torch.arange(5); torch.arange(2, 5)
torch.arange(0, 10, 3); torch.arange(5.0); torch.arange(0, 1, 0.25); torch.arange(5, 0, -1)
torch.arange(1.5, 4); torch.arange(3, dtype=torch.float64)
torch.arange(0, 5, 2, dtype=torch.int32); torch.arange(0)
torch.arange(0.5, 3, 0.5, dtype=torch.float64); torch.arange(end=4); torch.arange(start=1, end=4)
torch.arange(-3, 3); torch.arange(2.0, dtype=torch.int64); torch.arange(0, 1, 0.1)
torch.arange(1, 2.05, 0.05); torch.arange(10, 0, -3.5); torch.arange(torch.tensor(3))
torch.arange(3, 3); torch.arange(0, -1, -0.3)
torch.arange(3, requires_grad=True, dtype=torch.float32); torch.linspace(0, 1, 5)
torch.linspace(-1, 1, 10); torch.linspace(0, 10, 4, dtype=torch.int64); torch.linspace(3, 3, 3)
torch.linspace(0, 1, 1); torch.linspace(0, 1, 0); torch.linspace(5, -5, 11, dtype=torch.float64)
torch.linspace(0, 1, steps=7); torch.linspace(start=0, end=2, steps=3); torch.linspace(0, 7, 100)
torch.linspace(-3, 11, 15, dtype=torch.int32)
torch.linspace(torch.tensor(0.0), torch.tensor(1.0), 3); torch.logspace(0, 2, 3)
torch.logspace(-1, 1, 5, base=2); torch.logspace(0, 1, 4, dtype=torch.float64)
torch.logspace(0, 3, 4, 2.0); torch.logspace(0, 1, 1); torch.eye(3); torch.eye(2, 4)
torch.eye(3, dtype=torch.int64); torch.eye(0); torch.eye(3, m=2)
torch.eye(2, requires_grad=True) * 1; torch.tril_indices(3, 3); torch.tril_indices(3, 4, 1)
torch.triu_indices(3, 3); torch.triu_indices(4, 3, -1)
torch.triu_indices(3, 3, 1, dtype=torch.int32); torch.tril_indices(2, 3, offset=-1)
torch.range(1, 4); torch.range(0, 1, 0.5); torch.FloatTensor([1, 2]); torch.LongTensor([1, 2])
torch.DoubleTensor([[1.5]]); torch.IntTensor([1.7]); torch.BoolTensor([1, 0])
torch.ByteTensor([1, 2]); torch.FloatTensor(2, 3).shape; torch.LongTensor(2).dtype
torch.HalfTensor([1.5]); torch.ShortTensor([3]); torch.CharTensor([3]); torch.Tensor([1, 2])
torch.Tensor(2, 3).shape; torch.Tensor([[1.5], [2]]); torch.Tensor(torch.Size([2, 3])).shape
torch.FloatTensor(np.arange(3.0).astype(np.float32)); torch.FloatTensor().shape
torch.Tensor().shape; torch.FloatTensor([[1], [2]]); isinstance(f, torch.FloatTensor)
isinstance(i, torch.LongTensor); isinstance(x, torch.FloatTensor); isinstance(x, torch.Tensor)
isinstance(i, torch.DoubleTensor); isinstance(m, torch.BoolTensor)
isinstance(b, torch.ByteTensor)
"""

CONVERSION = """
torch.hann_window(8); torch.hann_window(5, False); torch.hamming_window(6)
torch.hamming_window(7, True, 0.6, 0.4); torch.blackman_window(9, periodic=False)
torch.bartlett_window(4); torch.kaiser_window(6, dtype=torch.float64); torch.hann_window(1)
torch.kaiser_window(5, False, 8.0, dtype=torch.float64); torch.hann_window(0)
torch.bartlett_window(7, False, dtype=torch.float64); torch.frexp(x); torch.ldexp(x.detach(), i)
torch.angle(x); torch.real(x); torch.conj(x); 2.5 in x; zeros in zeros; 0 in zeros
torch.view_as_real(torch.polar(x.detach(), y.detach())); torch.polar(x.detach(), y.detach()).abs()
torch.is_conj(x); torch.complex(x.detach(), y.detach()).real
torch.view_as_complex(z.detach()[..., :2].contiguous()).imag; torch.get_device(x)
torch.nextafter(x.detach(), y.detach()); torch.typename(f); torch.typename(i); torch.is_signed(b)
torch.detach(x); torch.resolve_neg(x); f.detach().apply_(lambda v: v * 2)
x.detach().map_(y.detach(), lambda a, b: a + b); x.detach().resize_as_(row.detach()).shape
torch.exp_(x.clone()); torch.abs_(x.clone()); torch.clamp_(x.clone(), 0, 1)
torch.zero_(x.detach()); torch.fill_(x.clone(), 2.0); torch.sqrt_(p.clone())
torch.neg_(x.clone()); torch.xlogy_(x.clone(), p); torch.round_(x.clone())
torch.nan_to_num_(odd.clone()); x.clone().copy_(1.0); x.float(); x.double(); x.half(); x.long()
x.int(); x.short(); x.char(); p.byte(); x.bool(); i.float(); m.int(); b.char()
x.to(torch.float32); x.to('cpu'); x.to('cpu', torch.float32)
x.to(device='cpu', dtype=torch.int64); x.to(f); i.to(x); x.to(torch.device('cpu'))
x.to(dtype=torch.float16); x.to(torch.float32, copy=True); x.to('cpu', non_blocking=True)
x.to(torch.float64); x.to(torch.float32, False, True); x.to(None)
x.to(device=None, dtype=torch.float32); x.to(torch.device('cpu'), torch.float32)
i.to(torch.float32); x.to(memory_format=torch.preserve_format); x.type(); f.type(); i.type()
m.type(); b.type(); x.type(torch.float32); x.type('torch.FloatTensor'); i.type(torch.DoubleTensor)
x.type(dtype=torch.int64); i32.type(); f.half().type(); x.type_as(f); i.type_as(x)
i.type(torch.LongTensor); x.type(torch.long); x.cpu(); x.clone(); x.clone().t(); x.contiguous()
x.t().contiguous(); torch.clone(x); x.detach(); x.detach().requires_grad
x.clone(memory_format=torch.contiguous_format); x.t().is_contiguous(); x.t().contiguous().stride()
x.t().clone().stride(); x.expand(3, 4).clone(); row.expand(2, 4).clone().stride()
row.expand(2, 4).contiguous().stride(); z.transpose(0, 2).clone().stride(); odd.to(torch.float32)
big.to(torch.float16); x.bool().any(); zeros.bool(); b.to(torch.int8); i.to(torch.uint8)
i.to(torch.bool); x.data_ptr() == x.detach().data_ptr()
x.to(torch.float64).data_ptr() == x.data_ptr(); x.contiguous().data_ptr() == x.data_ptr()
x.float().data_ptr() == x.data_ptr(); x.to('cpu') is x; x.double() is x; x.contiguous() is x
x.to(copy=True, dtype=x.dtype) is x; torch.is_tensor(x); torch.is_tensor(1); torch.numel(x)
x.numel(); torch.is_floating_point(x); torch.is_floating_point(i); torch.is_complex(x)
x.is_signed(); b.is_signed(); m.is_signed(); torch.is_nonzero(s)
torch.is_nonzero(torch.tensor([0])); x.is_same_size(y); x.is_same_size(row)
x.is_set_to(x.detach()); x.is_set_to(y); torch.result_type(x, 1); torch.result_type(i, 1.5)
torch.result_type(f, x); torch.result_type(i, True); torch.result_type(b, i)
torch.result_type(f, torch.tensor(1.0, dtype=torch.float64)); torch.result_type(1, 2.0)
torch.result_type(m, 3); torch.result_type(torch.tensor(1), f)
torch.can_cast(torch.float32, torch.int64); torch.can_cast(torch.int64, torch.float32)
torch.can_cast(torch.bool, torch.uint8); torch.promote_types(torch.int32, torch.float16)
torch.promote_types(torch.uint8, torch.int8); torch.promote_types(torch.int64, torch.float32)
x.element_size(); i.itemsize; x.nbytes; x.numpy(force=True).dtype.name; i.tolist(); s.item()
i.sum().item(); m.tolist(); x.detach().numpy().shape; float(s); int(i[0, 0]); x.clone().fill_(3)
i.clone().fill_(3); x.detach().clone().zero_(); x.detach().clone().copy_(f)
i.clone().copy_(x.detach()); torch.fill(x, 2.0); x.detach().set_(y.detach())
x.detach().clone().resize_(2, 2); torch.set_default_dtype(torch.float32); f.clone().copy_(x)
x.clone().copy_(s); x.clone()[0].fill_(5); torch.ones(2, 2).fill_(torch.tensor(3))
x.detach().clone().resize_((3,))
"""

ERRORS = """
torch.imag(x); torch.view_as_complex(x.detach()); torch.view_as_complex(s.detach())
torch.view_as_real(x); torch.hann_window(-1); torch.tensor([300], dtype=torch.uint8)
torch.tensor([[1, 2], [3]]); torch.tensor('a'); torch.tensor(['a']); torch.tensor(None)
torch.tensor([None]); torch.tensor(2**70); torch.tensor([2**70]); torch.tensor([1, [2]])
torch.tensor([[1], 2]); torch.tensor({}); torch.tensor([{}]); torch.tensor(np.array(['a']))
torch.tensor([[[1, 2], [3, 4]], [[5, 6], [7]]]); torch.from_numpy([1])
torch.from_numpy(np.arange(3)[::-1]); torch.from_numpy(np.array(['a']))
torch.from_numpy(np.arange(3).astype('>i4')); torch.zeros(-1); torch.ones(-2, 3); torch.empty(-1)
torch.full((-1,), 2); torch.full((2,), 'a'); torch.arange(1, 5, 0); torch.arange(1, 5, -1)
torch.arange(5, 1); torch.arange(0, float('inf')); torch.linspace(0, 1, -1); torch.eye(-1)
torch.eye(2, -1); torch.logspace(0, 1, -2); torch.frombuffer(bytearray(7), dtype=torch.int32)
torch.frombuffer(bytearray(8), dtype=torch.int32, offset=9); torch.is_floating_point(1)
torch.is_nonzero(x); torch.is_nonzero(e); x.item(); x.numpy(); x.bool().item()
x.requires_grad_().to('foo'); x.to('foo:0'); i.requires_grad_()
torch.zeros(2, dtype=torch.int64, requires_grad=True); torch.tensor([1, 2], requires_grad=True)
x.fill_(1); x.zero_(); x.detach().fill_(row.detach()); x.detach().clone().copy_(o.detach())
x.resize_(2); torch.zeros_like(1); torch.numel(3); torch.clone(1); len(s); bool(x); bool(e)
float(x); int(o); x.type('torch.FooTensor'); torch.FloatTensor(2.5); torch.tensor([1.5, 'a'])
torch.device('foo'); torch.device('cpu:a'); torch.as_tensor('a'); torch.as_tensor([[1], [2, 3]])
torch.asarray(None)
"""

ERROR_TYPES = """
x.to(1, 2, 3, 4, 5); x.to('cpu', 'cpu'); x.to(foo=1); torch.zeros(2.5); torch.zeros('a')
torch.ones(2, 'b'); torch.zeros(); torch.full((2,)); torch.arange(); torch.linspace(0, 1)
torch.eye('a'); torch.zeros(2, foo=1); torch.tensor(); torch.tensor(1, 2); torch.empty('x')
torch.zeros_like(); torch.new_zeros(1); x.new_zeros('a'); torch.arange('a')
torch.scalar_tensor('a'); x.foo; torch.LongTensor(1.5); torch.result_type(x); torch.can_cast(1, 2)
torch.ones(2, dtype='float32'); torch.zeros(2, device=3.5)
"""


@pytest.mark.parametrize("expression", cases(CREATION) + cases(CONVERSION))
def test_creation_and_conversion(expression: str) -> None:
    compare(expression, order=1)


@pytest.mark.parametrize("expression", cases(ERRORS))
def test_errors(expression: str) -> None:
    compare_errors(expression)


@pytest.mark.parametrize("expression", cases(ERROR_TYPES))
def test_error_types(expression: str) -> None:
    compare_errors(expression, words=0)


@pytest.mark.parametrize("package", [torch, tinygrad_lite])
class TestMemory:
    """Who shares memory with whom; the same statements hold for both packages."""

    def test_tensor_copies(self, package) -> None:
        a = np.ones(3)
        t = package.tensor(a)
        a[0] = 5
        assert t[0] == 1

    def test_from_numpy_and_as_tensor_share(self, package) -> None:
        a = np.ones(3)
        t, u, v = package.from_numpy(a), package.as_tensor(a), package.asarray(a)
        a[0] = 5
        assert t[0] == 5
        assert u[0] == 5
        assert v[0] == 5
        t[1] = 7
        assert a[1] == 7

    def test_as_tensor_keeps_history(self, package) -> None:
        x = package.ones(2, requires_grad=True)
        assert package.as_tensor(x) is x
        assert package.as_tensor(x, dtype=package.float64).requires_grad

    def test_copy_to_is_new(self, package) -> None:
        x = package.ones(2)
        assert x.to(package.float32) is x
        assert x.to(package.float32, copy=True).data_ptr() != x.data_ptr()

    def test_legacy_tensor_shares_its_tensor(self, package) -> None:
        x = package.ones(2)
        package.Tensor(x)[0] = 5
        assert x[0] == 5

    def test_read_only_array_warns(self, package) -> None:
        a = np.ones(3)
        a.flags.writeable = False
        with pytest.warns(UserWarning, match="not writable"):
            package.from_numpy(a)

    def test_tensor_of_tensor_warns(self, package) -> None:
        with pytest.warns(UserWarning, match="To copy construct from a tensor"):
            package.tensor(package.ones(2))

    def test_meshgrid_warns(self, package) -> None:
        with pytest.warns(UserWarning, match="indexing"):
            package.meshgrid(package.ones(2), package.ones(3))

    def test_std_of_one_element_warns(self, package) -> None:
        with pytest.warns(UserWarning, match="degrees of freedom is <= 0"):
            assert package.ones(1).std().isnan()

    def test_bfloat16_has_a_name(self, package) -> None:
        assert repr(package.bfloat16) == "torch.bfloat16"


def test_other_devices_say_so() -> None:
    for make in (
        lambda: tinygrad_lite.zeros(2, device="cuda"),
        lambda: tinygrad_lite.ones(2).cuda(),
        lambda: tinygrad_lite.ones(2).to("mps"),
        lambda: tinygrad_lite.tensor([1.0], device="cuda:0"),
    ):
        with pytest.raises(RuntimeError, match="runs on the CPU only"):
            make()


def test_out_says_so() -> None:
    x = tinygrad_lite.ones(2)
    for call in (
        lambda: tinygrad_lite.exp(x, out=x),
        lambda: tinygrad_lite.add(x, x, out=x),
        lambda: tinygrad_lite.sum(x, out=x),
        lambda: tinygrad_lite.zeros(2, out=x),
        lambda: tinygrad_lite.clamp(x, 0, out=x),
        lambda: tinygrad_lite.max(x, 0, out=(x, x)),
    ):
        with pytest.raises(TypeError, match="out= is not supported"):
            call()
    assert tinygrad_lite.exp(x, out=None).shape == (2,)


def test_bfloat16_is_refused_with_the_way_out() -> None:
    with pytest.raises(NotImplementedError, match="use float32"):
        tinygrad_lite.ones(2).to(tinygrad_lite.bfloat16)
