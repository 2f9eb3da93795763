"""What a Primitive says when a declaration or a call of it errs."""

from __future__ import annotations

from typing import Any

import tinygrad_lite as tl
from tests.core.declaring import USAGE, leaf, times, times_op, towards_x
from tests.refusals import Refusal, refusals
from tinygrad_lite.core.primitive import (
    Primitive,
)

ONE, TWO, THREE = tl.ones(1), tl.ones(2), tl.ones(3)
MISMATCH = (
    "The size of tensor a (2) must match the size of tensor b (3) at non-singleton dimension 0"
)


def failing(error: Exception) -> Any:
    def forward(x: Any, y: Any) -> Any:
        raise error

    return forward


def no_derivative() -> Any:
    op = Primitive(times, (lambda g: (g, None),), joint=True, typed=(0,))
    return op.apply((leaf([1.0]), leaf([1.0])), {})


def never(*xs: Any, scale: float = 1.0) -> Any:
    return xs[0]


def never_one(x: Any) -> Any:
    return x


REFUSED: list[Refusal] = [
    (
        lambda: times_op().apply((ONE, ONE), {"scole": 1}),
        TypeError,
        "times() got an unexpected keyword argument 'scole'",
    ),
    (
        lambda: times_op().apply((ONE, ONE), {"scale": 1, "nome": 1}),
        TypeError,
        "times() got an unexpected keyword argument 'nome'",
    ),
    (
        lambda: times_op().apply((2.0, 3.0), {}),
        TypeError,
        "times(): argument 'input' (position 1) must be Tensor, not float",
    ),
    (
        lambda: Primitive(never, ()).apply((), {}),
        TypeError,
        "never(): argument 'input' (position 1) must be Tensor, not nothing",
    ),
    (
        lambda: times_op(tensors=(0,)).apply((2.0, ONE), {}),
        TypeError,
        "times(): argument 'input' (position 1) must be Tensor, not float",
    ),
    (
        lambda: times_op(tensors=(1,)).apply((ONE, True), {}),
        TypeError,
        "times(): argument 'other' (position 2) must be Tensor, not bool",
    ),
    (
        lambda: times_op().apply((ONE, ONE), {"out": ONE}),
        TypeError,
        (
            "times(): out= is not supported, because it hides a write from the graph; assign the "
            "result, or copy it: x.copy_(times(...))"
        ),
    ),
    (
        lambda: times_op().apply((ONE, ONE, 1, 2, 3), {}),
        TypeError,
        f"times() got 5 positional arguments: {USAGE}",
    ),
    (
        lambda: times_op().apply((ONE, ONE, 1), {"scale": 2}),
        TypeError,
        f"times() got 3 positional arguments: {USAGE}",
    ),
    (lambda: times_op().apply((ONE,), {}), TypeError, f"times() missing argument 'y': {USAGE}"),
    (
        lambda: times_op().apply((), {"y": ONE, "scale": 1}),
        TypeError,
        f"times() missing argument 'x': {USAGE}",
    ),
    (
        lambda: times_op().apply((ONE, "two"), {}),
        TypeError,
        "times(): argument 'other' (position 2) must be Tensor, not str",
    ),
    (
        lambda: times_op(broadcasts=True).apply((TWO, THREE), {}),
        RuntimeError,
        f"{MISMATCH} (times of [2] float32, [3] float32)",
    ),
    (
        lambda: Primitive(failing(ValueError("no")), ()).apply((TWO, THREE), {}),
        RuntimeError,
        "forward(): no (got [2] float32, [3] float32)",
    ),
    (
        lambda: Primitive(failing(ValueError("no")), (), broadcasts=True).apply((TWO, ONE), {}),
        RuntimeError,
        "forward(): no (got [2] float32, [1] float32)",
    ),
    (
        lambda: Primitive(failing(TypeError("no")), (), promote=None).apply((TWO, "s"), {}),
        TypeError,
        "forward(): argument 'other' (position 2) must be Tensor, not str",
    ),
    (lambda: Primitive(failing(KeyError("k")), ()).apply((TWO, ONE), {}), KeyError, "'k'"),
    (
        no_derivative,
        RuntimeError,
        "the derivative for 'y' is not implemented (times); detach() it",
    ),
    (
        lambda: times_op().apply((leaf([1j], tl.complex64), ONE), {}),
        RuntimeError,
        (
            "times(): no gradient flows through complex numbers here; compute with the real and "
            "imaginary parts as two Tensors (view_as_real)"
        ),
    ),
    (
        lambda: Primitive(lambda x: x.real, (lambda g: g,)).apply((leaf([1j], tl.complex64),), {}),
        RuntimeError,
        (
            "<lambda>(): no gradient flows through complex numbers here; compute with the real and "
            "imaginary parts as two Tensors (view_as_real)"
        ),
    ),
    (
        lambda: Primitive(lambda x: x * 1j, (lambda g: g,)).apply((leaf([1.0]),), {}),
        RuntimeError,
        (
            "<lambda>(): no gradient flows through complex numbers here; compute with the real and "
            "imaginary parts as two Tensors (view_as_real)"
        ),
    ),
    (
        lambda: Primitive(never_one, ()).apply((), {"other": ONE}),
        TypeError,
        "never_one() missing argument 'x': never_one(x: 'Any') -> 'Any'",
    ),
    (lambda: Primitive(times, (towards_x,)), TypeError, "times: 1 rules for 2 inputs"),
    (lambda: Primitive(times, (towards_x,) * 3), TypeError, "times: 3 rules for 2 inputs"),
]


test_what_is_refused = refusals(REFUSED)
