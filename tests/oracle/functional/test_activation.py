"""Activations against PyTorch: defaults, options, borders, in place."""

from __future__ import annotations

import pytest

from tests.oracle.comparing import lines
from tests.oracle.functional.tables import hold, torch

# Those with an in-place form, and those of them with a function of that name.
IN_PLACE = """
relu(a
relu6(a
leaky_relu(a
leaky_relu(a, 0.3
elu(a
elu(a, 0.7
selu(a
celu(a
celu(a, 0.5
silu(a
mish(a
hardtanh(a
hardtanh(a, -0.5, 0.8
hardswish(a
threshold(a, 0.3, 7.0
rrelu(a
rrelu(a, 0.2, 0.6
"""

OTHERS = """
x(3,4) :1 F.hardsigmoid(x.float() * 3)
x(3,4) :1 (lambda a: (F.hardsigmoid(a, inplace=True) is a, a))(x.float() * 3)
x(3,4) :0 F.hardsigmoid(x)
x(3,4) : F.relu6(x * 4)
x(3,4) : F.hardswish(x * 3)
x(2,3) : F.sigmoid(x)
x(2,3) : F.tanh(x)
x(2,3) : F.logsigmoid(x)
x(2,3) : F.tanhshrink(x)
x(2,3) : F.softsign(x)
x(2,3) : F.gelu(x)
x(2,3) : F.gelu(x, approximate='none')
x(2,3) : F.gelu(x, approximate='tanh')
x(2,3) : F.softplus(x)
x(2,3) : F.softplus(x, 2.5)
x(2,3) : F.softplus(x, 1.5, 1.0)
x(2,3) : F.softplus(x * 15)
x(2,9) : F.softshrink(x)
x(2,9) : F.softshrink(x, 1.2)
x(2,9) : F.softshrink(x, 0.0)
x(2,9) : F.hardshrink(x)
x(2,9) : F.hardshrink(x, 1.2)
x(2,3) : F.threshold(x, 0.1, 20.0)
x(2,4) : F.glu(x)
x(2,6) : F.glu(x)
x(4,3) : F.glu(x, 0)
x(2,4,3) : F.glu(x, dim=-2)
x(2,3) w(1) : F.prelu(x, w)
x(2,3) w(3) : F.prelu(x, w)
x(2,3,4) w(3) : F.prelu(x, w)
x(2,3) w() : F.prelu(x, w)
x(3) w(1) : F.prelu(x, w)
x() w(1) : F.prelu(x, w)
x() w() : F.prelu(x, w)
x(2,1,3) w(1) : F.prelu(x, w)
w(3) :1 F.prelu(t.zeros(2, 3).double(), w)
x(2,3) w(3) :1 F.prelu(x - x.detach(), w)
x(2,3) : F.softmax(x, 1)
x(2,3) : F.softmax(x, dim=0)
x(2,3) : F.softmin(x, 1)
x(2,3) : F.softmin(x, dim=-2)
x(2,3) : F.log_softmax(x, 1)
x(2,3) : F.log_softmax(x, dim=0)
x(2,3) : F.softmax(x, 1, 3, t.float32)
x(2,3) : F.softmin(x, 1, 3, t.float32)
x(2,3) : F.log_softmax(x, 1, 3, t.float32)
x(2,3) :0 F.rrelu(x, 0.25, 0.25, True)
x(2,3) :1 F.rrelu(x, 0.25, 0.25, training=True)
x(2,3) :1 F.rrelu(x, 0.25, 0.5, False, False)
x(2,3) :1 (lambda a: (F.rrelu(a, 0.25, 0.25, True, True) is a, a))(x * 1)
x(2,3) :1 (lambda a: (F.rrelu_(a, 0.25, 0.25, True) is a, a))(x * 1)
x(2,3) :1 (lambda a: (F.rrelu_(a, 0.25, 0.5) is a, a))(x * 1)
x(2,3) :1 F.rrelu(x - x.detach(), 0.25, 0.25, True)
x(2,3) : F.hardtanh(x, 0.5, 0.5)
"""

TABLE = lines(OTHERS)
for call in lines(IN_PLACE):
    name, rest = call.split("(", 1)
    TABLE.append(f"x(3,4) : F.{name}({rest.replace('a', 'x', 1)})")
    TABLE.append(f"x(3,4) :1 (lambda a: (F.{call}, inplace=True) is a, a))(x * 2)")
    if hasattr(torch.nn.functional, name + "_"):
        TABLE.append(f"x(3,4) :1 (lambda a: (F.{name}_({rest}) is a, a))(x * 2)")
# The dimension that softmax takes where none is given.
for name in ("softmax", "softmin", "log_softmax"):
    for shape in ("", "3", "2,3", "2,3,2", "2,3,2,2", "2,1,2,1,2"):
        TABLE.append(f"x({shape}) :1 F.{name}(x)")


@pytest.mark.parametrize("line", TABLE)
def test_an_activation(line: str) -> None:
    hold(line)
