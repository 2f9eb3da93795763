"""What the examples of PyTorch's own documentation showed, where the two once differed."""

from __future__ import annotations

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
def test_names_that_libraries_look_up(t):
    assert t.zeros(1).layout is not t.sparse_coo
    assert repr(t.sparse_csr) == "torch.sparse_csr"
    assert t._C._log_api_usage_once("a name") is None
    assert t._C._get_tracing_state() is None
    x = t.zeros(3)
    with t._C.DisableTorchFunctionSubclass():
        assert t._C._disabled_torch_function_impl(t.add, (), (x, 1)).tolist() == [1.0] * 3
    assert t.torch is t
    assert t.distributions.utils._standard_normal((2, 3), t.float64, None).dtype is t.float64
    assert t.serialization.MAP_LOCATION is not None


def test_nothing_is_traced():
    assert tl.fx.wrap(abs) is abs
    with pytest.raises(NotImplementedError, match="programs are not captured"):
        tl.fx.symbolic_trace(tl.nn.Linear(1, 1))
