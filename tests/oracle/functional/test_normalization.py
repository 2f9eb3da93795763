"""Normalizations against PyTorch: statistics, running averages, defaults."""

from __future__ import annotations

import pytest

from tests.oracle.comparing import lines
from tests.oracle.functional.tables import hold

# Calls that move running averages (m, v): the averages are compared as well.
MOVING = """
x(4,3) w(3) b(3) : F.batch_norm(x, m, v)
x(4,3) w(3) b(3) : F.batch_norm(x, m, v, w, b)
x(4,3) w(3) b(3) : F.batch_norm(x, m, v, w, b, False, 0.5, 0.3)
x(4,3) w(3) b(3) : F.batch_norm(x, m, v, eps=0.0)
x(4,3) : F.batch_norm(x, m, v, training=True)
x(4,3) w(3) b(3) : F.batch_norm(x, m, v, w, b, True, 0.5, 0.3)
x(4,3,2) w(3) b(3) : F.batch_norm(x, m, v, w, None, True)
x(2,3,2,2) w(3) b(3) :1 F.batch_norm(x, m, v, None, b, True)
x(1,3,2) : F.batch_norm(x, m, v, training=True)
x(2,3) : F.batch_norm(x, m, v, training=True)
x(4,3) : F.batch_norm(x.float(), m.float(), v.float(), training=True)
x(4,3,2) w(3) b(3) : F.instance_norm(x, m, v)
x(4,3,2) w(3) b(3) : F.instance_norm(x, m, v, w, b)
x(4,3,2) w(3) b(3) : F.instance_norm(x, m, v, w, b, True, 0.5, 0.3)
x(4,3,2) w(3) b(3) : F.instance_norm(x, m, v, w, b, False, 0.5, 0.3)
x(4,3,2) w(3) b(3) : F.instance_norm(x, m, v, w, None, use_input_stats=False)
x(1,3,2,2) : F.instance_norm(x, m, v, None, None, momentum=0.25)
"""

OTHERS = """
x(1,1) : F.batch_norm(x, t.tensor([2.0]).double(), t.tensor([3.0]).double())
i(2,4,3)<9 :0 F.local_response_norm(i, 3, 3.0).float()
x(4,3) : F.batch_norm(x, None, None, training=True)
x(0,3) w(3) b(3) :0 F.batch_norm(x, None, None, w, b, True)
x(4,3,2) : F.instance_norm(x)
x(2,3,0) :0 F.instance_norm(x)
x(4,3,2) w(3) b(3) : F.instance_norm(x, weight=w, bias=b, eps=0.3)
x(4,3) : F.layer_norm(x, (3,))
x(4,3) w(3) b(3) : F.layer_norm(x, (3,), w, b)
x(4,3) w(3) b(3) : F.layer_norm(x, [3], w, b, 0.3)
x(4,3,2) w(3,2) b(3,2) : F.layer_norm(x, (3, 2), w, b)
x(4,3,2) w(3,2) b(3,2) : F.layer_norm(x, (3, 2), w)
x(4,3) w(4,3) b(4,3) : F.layer_norm(x, (4, 3), w, b)
x(4,3) : F.rms_norm(x, (3,))
x(4,3) : F.rms_norm(x * 1e-8, (3,))
x(4,3) :1 F.rms_norm(x.float() * 1e-4, (3,))
x(4,3) w(3) : F.rms_norm(x, (3,), w)
x(4,3) w(3) : F.rms_norm(x, [3], w, 0.3)
x(4,3,2) w(3,2) : F.rms_norm(x, (3, 2), w)
x(4,6) : F.group_norm(x, 2)
x(4,6) w(6) b(6) : F.group_norm(x, 2, w, b)
x(4,6) w(6) b(6) : F.group_norm(x, 3, w, b, 0.3)
x(2,4,3) w(4) b(4) : F.group_norm(x, 2, w)
x(2,4,2,2) w(4) b(4) :0 F.group_norm(x, 4, None, b)
x(1,4,2) : F.group_norm(x, 4)
x(2,4) : F.group_norm(x, 4)
x(1,4) : F.group_norm(x, 1)
x(1,6) : F.group_norm(x, 3)
x(0,4) w(4) b(4) :0 F.group_norm(x, 2, w, b)
x(0,4,2) w(4) b(4) :0 F.group_norm(x, 2)
x(2,4,3) : F.local_response_norm(x, 2)
x(2,5,3) : F.local_response_norm(x, 3, 0.5, 0.6, 1.5)
x(2,5,3,2) : F.local_response_norm(x, 4, 0.5)
x(2,5,3) : F.local_response_norm(x, 1, 0.5)
x(2,5,2,2,2) : F.local_response_norm(x, 5, alpha=0.5, beta=2.0, k=0.25)
x(2,2,3) : F.local_response_norm(x, 5, 0.5)
x(0,4,3) :0 F.local_response_norm(x, 2)
x(4,3) : F.normalize(x)
x(4,3) : F.normalize(x, 3.0, 0)
x(4,3) : F.normalize(x, p=1, dim=-1)
x(4,3) : F.normalize(x, 2.0, 1, 5.0)
x(4,3) :1 F.normalize(x * 1e-13)
x(4,3) : F.normalize(x, dim=(0, 1))
x(3) : F.normalize(x, dim=0)
"""

TABLE = lines(OTHERS)
for line in lines(MOVING):
    inputs, call = line.split(" :")
    order, call = call.split(" ", 1)
    call = call.replace("m.float()", "m").replace("v.float()", "v")
    kind = "float32" if ".float()" in call else "float64"
    start = f"t.tensor([1.0, 2, 3], dtype=t.{kind}), t.tensor([2.0, 1, 5], dtype=t.{kind})"
    TABLE.append(f"{inputs} :{order} (lambda m, v: ({call}, m, v))({start})")


@pytest.mark.parametrize("line", TABLE)
def test_a_normalization(line: str) -> None:
    hold(line)
