"""What the examples of PyTorch's own documentation showed, where the two once differed."""

from __future__ import annotations

import collections
import importlib
import warnings

import numpy as np
import pytest

import tinygrad_lite as tl

torch = pytest.importorskip("torch")
importlib.import_module("torch.utils.checkpoint")
LIBRARIES = pytest.mark.parametrize("t", [torch, tl], ids=["torch", "tinygrad_lite"])


@LIBRARIES
@pytest.mark.filterwarnings("ignore:torch.asarray")
def test_asarray_keeps_the_graph_unless_told_not_to(t):
    w = t.tensor([1.0, 2.0], requires_grad=True)
    y = w * 2
    assert t.asarray(w) is w
    assert t.asarray(y).grad_fn is not None
    assert t.asarray(y, dtype=t.float64).requires_grad
    assert not t.asarray(y, requires_grad=False).requires_grad
    assert t.asarray([1.0], requires_grad=True).requires_grad
    assert not t.asarray([1.0]).requires_grad


@LIBRARIES
def test_the_older_qr_says_some(t):
    A = t.arange(6.0).reshape(3, 2) ** 2
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for some, square in ((True, 2), (False, 3)):
            for Q, R in (t.qr(A, some=some), A.qr(some)):
                assert tuple(Q.shape) == (3, square)
                assert tuple(R.shape) == (square, 2)
                t.testing.assert_close(Q @ R, A)


@LIBRARIES
def test_complex_numbers_are_close_within_the_tolerance_of_their_parts(t):
    for dtype, rtol in ((t.complex64, 1.3e-6), (t.complex128, 1e-7)):
        x = t.tensor([1e3 + 1e3j], dtype=dtype)
        t.testing.assert_close(x * (1 + rtol / 2), x)
        with pytest.raises(AssertionError):
            t.testing.assert_close(x * (1 + rtol * 2), x)


@LIBRARIES
def test_a_hook_after_accumulation_may_return_the_tensor_it_wrote(t):
    p = t.zeros(3, requires_grad=True)
    handle = p.register_post_accumulate_grad_hook(lambda p: p.add_(p.grad, alpha=-0.5))
    p.backward(t.ones(3))
    assert p.tolist() == [-0.5] * 3
    handle.remove()
    p.register_post_accumulate_grad_hook(lambda p: 3)
    with pytest.raises(TypeError, match="expected Variable, but hook returned 'int'"):
        p.backward(t.ones(3))


@LIBRARIES
def test_a_capsule_is_an_array(t):
    x = t.arange(4.0)
    y = t.from_dlpack(t.utils.dlpack.to_dlpack(x))
    y[0] = 7
    assert x[0] == 7
    assert t.from_dlpack(np.arange(3)).tolist() == [0, 1, 2]


@LIBRARIES
def test_what_libraries_take_from_checkpoint(t):
    from_file = t.utils.checkpoint
    x, y = t.ones(2, requires_grad=True), t.zeros(2)
    assert from_file.get_device_states(x, y) == ([], [])
    from_file.set_device_states([], [])
    a, b, c = from_file.detach_variable((x * 2, y, 3))
    assert (a.is_leaf, a.requires_grad, b.requires_grad, c) == (True, True, False, 3)
    with pytest.warns(UserWarning, match="None of the inputs have requires_grad=True"):
        from_file.check_backward_validity((y,))
    z = from_file.CheckpointFunction.apply(lambda v: v.exp(), True, x)
    z.sum().backward()
    t.testing.assert_close(x.grad, x.detach().exp())


@LIBRARIES
def test_the_configuration_is_told(t):
    config = importlib.import_module(f"{t.__name__}.__config__")
    assert "Python" in config.show() or "GCC" in config.show()
    assert "get_num_threads() :" in config.parallel_info()


def test_limits_of_dtypes_that_are_names_only():
    names = ("float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz", "float8_e8m0fnu")
    for name in ("bfloat16", *names):
        ours, theirs = tl.finfo(getattr(tl, name)), torch.finfo(getattr(torch, name))
        for field in ("bits", "eps", "max", "min", "tiny", "smallest_normal", "resolution"):
            assert getattr(ours, field) == getattr(theirs, field), (name, field)
        assert getattr(tl, name).itemsize == getattr(torch, name).itemsize
        assert repr(getattr(tl, name)) == f"torch.{name}"
    with pytest.raises(NotImplementedError, match="float8_e5m2 is a name only"):
        tl.zeros(2, dtype=tl.float8_e5m2)


@LIBRARIES
def test_futures(t):
    futures = importlib.import_module(f"{t.__name__}.futures")
    first, second = t.futures.Future(), futures.Future()
    later = first.then(lambda f: f.wait() + 1)
    both = futures.collect_all([first, second])
    first.set_result(1)
    assert later.wait() == 2 and first.value() == 1 and not both.done()
    with pytest.raises(RuntimeError, match="Attempting to mark a completed Future"):
        first.set_result(2)
    second.set_exception(KeyError("gone"))
    for failed in (both, second):
        with pytest.raises(KeyError):
            failed.wait()
    assert futures.wait_all([first, later]) == [1, 2]


@LIBRARIES
@pytest.mark.parametrize("reverse", [False, True])
def test_associative_scan(t, reverse):
    room = importlib.import_module(f"{t.__name__}._higher_order_ops.associative_scan")
    a, b = t.arange(1.0, 13).reshape(2, 6) / 8, t.ones(2, 6)
    found = room.associative_scan(
        lambda l, r: (l[0] * r[0], r[0] * l[1] + r[1]), (a, b), 1, reverse, "generic"
    )
    h, order = t.zeros(2), range(6)[::-1] if reverse else range(6)
    for i in order:
        h = a[:, i] * h + b[:, i]
        t.testing.assert_close(found[1][:, i], h)
    with pytest.raises(ValueError, match="scan dimension > 0"):
        room.associative_scan(lambda l, r: l + r, a[:0], 0, combine_mode="generic")


@LIBRARIES
def test_storage_of_a_file(t, tmp_path):
    path = tmp_path / "bytes"
    path.write_bytes(bytes(range(8)))
    part = t.UntypedStorage.from_file(str(path), nbytes=6)
    part[0] = 9
    assert part.tolist() == [9, 1, 2, 3, 4, 5] and path.read_bytes()[0] == 0
    assert part[2:4].untyped().tolist() == [2, 3]
    with pytest.raises(RuntimeError, match="file"):
        t.UntypedStorage.from_file(str(path), nbytes=9)
    whole = t.UntypedStorage.from_file(str(path), shared=True, nbytes=10)
    whole[9] = 5
    assert path.read_bytes() == bytes([*range(8), 0, 5])


@LIBRARIES
def test_the_records_of_a_file(t, tmp_path):
    t.save({"w": t.ones(3)}, tmp_path / "file")
    reader = (t.PyTorchFileReader if t is tl else t._C.PyTorchFileReader)(str(tmp_path / "file"))
    assert {"data.pkl", "data/0"} <= set(reader.get_all_records())
    assert len(reader.get_record("data/0")) == 12 and not reader.has_record("data/1")


@LIBRARIES
def test_counts_of_arithmetic_are_those_of_products_forward_and_backward(t):
    room = importlib.import_module(f"{t.__name__}.utils.flop_counter")
    nn = t.nn
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(16, 5))
    x = t.ones(2, 3, 4, 4)
    with room.FlopCounterMode(display=False) as counter:
        model(x).sum().backward()
    found = {name: sum(ops.values()) for name, ops in counter.get_flop_counts().items()}
    conv, linear = 2 * 2 * 16 * 27, 2 * 2 * 16 * 5
    assert found["Sequential.0"] == 2 * conv  # x needs no gradient
    assert found["Sequential.2"] == 3 * linear
    assert counter.get_total_flops() == found["Global"] == found["Sequential"]
    assert found["Global"] == 2 * conv + 3 * linear
    if t is tl:  # PyTorch's takes another library
        assert "Sequential.2" in counter.get_table()


@LIBRARIES
def test_a_normal_distribution_with_a_factor_of_its_own(t):
    class Own(t.distributions.MultivariateNormal):
        def __init__(self, loc, factor):
            self.loc, self._unbroadcasted_scale_tril = loc, factor
            t.distributions.Distribution.__init__(self, loc.shape[:-1], loc.shape[-1:], False)

    loc, factor, x = t.zeros(2), t.eye(2) * 2, t.ones(2)
    made = t.distributions.MultivariateNormal(loc, scale_tril=factor)
    t.testing.assert_close(Own(loc, factor).log_prob(x), made.log_prob(x))
    t.testing.assert_close(Own(loc, factor).entropy(), made.entropy())


@LIBRARIES
def test_inner_ops_by_name(t):
    aten, x = t.ops.aten, t.arange(6).view(2, 3)
    assert aten.add(x, 1).tolist() == aten.add.Tensor(x, x.new_ones(())).tolist()
    assert aten.slice(x, 1, 0, 3, 2).tolist() == [[0, 2], [3, 5]]
    assert aten.index(x, [None, t.tensor([2, 0])]).tolist() == [[2, 0], [5, 3]]
    assert aten.any.dim(x > 3, 0).tolist() == [False, True, True]
    assert aten.sym_size.int(x, 1) == 3 and aten.alias(x).data_ptr() == x.data_ptr()
    copied = aten._to_copy(x, dtype=t.int64)
    assert copied.data_ptr() != x.data_ptr() and copied.tolist() == x.tolist()
    assert aten.add is aten.add and aten.add.Tensor is aten.add.Tensor is not aten.add.Scalar
    assert aten.add.Tensor.overloadpacket is aten.add
    assert (str(aten.add.Tensor), aten.add.Tensor.name()) == ("aten.add.Tensor", "aten::add.Tensor")
    assert repr(aten.add.Tensor) == "<OpOverload(op='aten.add', overload='Tensor')>"
    assert repr(aten.add) == "<OpOverloadPacket(op='aten.add')>"
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        _ = aten.nonsense


@LIBRARIES
def test_parts_of_what_is_printed(t):
    room = importlib.import_module(f"{t.__name__}._tensor_str")
    body = room._tensor_str(t.arange(3.0), 5)
    assert body == "[0., 1., 2.]" and room.PRINT_OPTS.linewidth == 80
    assert room._add_suffixes("Mine(" + body, ["size=3"], 5, False) == "Mine([0., 1., 2.], size=3)"


@LIBRARIES
def test_handles_for_hooks_of_ones_own(t):
    room = importlib.import_module(f"{t.__name__}.utils.hooks")
    hooks, kept = collections.OrderedDict(), collections.OrderedDict()
    first, second = room.RemovableHandle(hooks), room.RemovableHandle(hooks, extra_dict=kept)
    hooks.update({first.id: "a", second.id: "b"})
    kept[second.id] = True
    second.remove()
    second.remove()
    assert list(hooks.values()) == ["a"] and not kept
    with first:
        pass
    assert not hooks


@LIBRARIES
def test_the_state_of_a_model_in_one_process(t):
    room = importlib.import_module(f"{t.__name__}.distributed.checkpoint.state_dict")
    model = t.nn.Linear(2, 1)
    model.bias.requires_grad_(False)
    options = room.StateDictOptions(ignore_frozen_params=True, strict=False)
    found = room.get_model_state_dict(model, options=options)
    assert set(found) == {"weight"}
    assert room.set_model_state_dict(model, found, options=options).missing_keys == ["bias"]


@LIBRARIES
def test_what_programs_ask_before_they_choose_a_device(t):
    assert not t.xpu.is_available() and not t.xpu.is_initialized()
    assert t.xpu.device_count() == 0 and t.xpu.memory_allocated() == 0
    assert not t.xpu.is_bf16_supported()
    assert t.xpu.empty_cache() is t.xpu.manual_seed(1) is t.xpu.manual_seed_all(1) is None
    with pytest.raises((AttributeError, AssertionError)):
        t.xpu.current_device()
    assert t.jit.annotate(int, 3) == 3
    assert t.onnx.is_in_onnx_export() is False


@LIBRARIES
def test_checks(t):
    assert t._check(True) is None
    for check, error in (
        (t._check, RuntimeError),
        (t._check_index, IndexError),
        (t._check_value, ValueError),
        (t._check_type, TypeError),
        (t._check_not_implemented, NotImplementedError),
    ):
        with pytest.raises(error, match=r"^Expected cond to be True, but got False\."):
            check(False)
        with pytest.raises(error, match="^why$"):
            check(False, lambda: "why")
        with pytest.raises(TypeError, match="cond must be a bool"):
            check(1)


@LIBRARIES
def test_names_that_libraries_look_up(t):
    assert t.zeros(1).layout is not t.sparse_coo
    assert repr(t.sparse_csr) == "torch.sparse_csr"
    assert t._C._log_api_usage_once("a name") is None
    assert t._C._get_tracing_state() is None
    x = t.zeros(3)
    assert not isinstance(x, t._C.Value)
    with t._C.DisableTorchFunctionSubclass():
        assert t._C._disabled_torch_function_impl(t.add, (), (x, 1)).tolist() == [1.0] * 3
    assert not isinstance(t.zeros(1), (t.cuda.FloatTensor, t.SymInt))
    assert t.cuda.get_rng_state_all() == [] and t.cuda.set_rng_state_all([]) is None
    assert t.cuda.memory_reserved() == 0 and t.OutOfMemoryError is t.cuda.OutOfMemoryError
    assert t.cpu.is_available() and t.cpu.device_count() == 1
    parse = t._C._nn._parse_to
    assert parse("cpu", t.float64, True)[1:] == (t.float64, True, None)
    assert parse(t.ones(1).double())[:2] == (t.device("cpu"), t.float64)
    assert parse(dtype=t.half) == (None, t.half, False, None)
    assert t.complex32.is_complex and t.complex32.itemsize == 4 and t.chalf is t.complex32
    assert type(t.zeros(1)) is t.Tensor and isinstance(t.Tensor, t._C._TensorMeta)
    assert t.ones(2).bool().type(t.Tensor).dtype is t.float32
    pytree = importlib.import_module(f"{t.__name__}.utils._pytree")
    assert pytree.SUPPORTED_NODES[list].flatten_fn([1, 2]) == ([1, 2], None)
    assert set not in pytree.SUPPORTED_NODES
    assert not isinstance(t.nn.Linear(1, 1), (t.jit.ScriptModule, t.ScriptModule))
    t._assert_async(t.tensor(True))
    assert t.torch is t
    assert t.distributions.utils._standard_normal((2, 3), t.float64, None).dtype is t.float64
    assert t.serialization.MAP_LOCATION is not None


def test_nothing_is_traced():
    assert tl.fx.wrap(abs) is abs
    with pytest.raises(NotImplementedError, match="programs are not captured"):
        tl.fx.symbolic_trace(tl.nn.Linear(1, 1))
