"""Classification losses against PyTorch: classes or probabilities, weights, ignored classes."""

from __future__ import annotations

import pytest

from tests.oracle.comparing import lines
from tests.oracle.functional.tables import hold

ENDINGS = (")", ", reduction='sum')", ", reduction='none')")

# Each is closed by every ending above.
CALLS = """
x(4,3) i(4)<3 w(3) :1 F.nll_loss(x, i, w.exp().detach()
x(4,3) i(4)<3 :1 F.nll_loss(x, i, ignore_index=1
x(4,3) i(4)<3 w(3) :1 F.nll_loss(x, i, w.exp().detach(), ignore_index=0
x(4,3,2) i(4,2)<3 w(3) :1 F.nll_loss(x, i, w.exp().detach(), ignore_index=2
x(2,3,2,2) i(2,2,2)<3 :1 F.nll_loss(x, i
x(3) i()<3 :1 F.nll_loss(x, i
x(4,3) i(4)<3 w(3) :1 F.cross_entropy(x, i, w.exp().detach()
x(4,3) i(4)<3 :1 F.cross_entropy(x, i, ignore_index=1
x(4,3) i(4)<3 :1 F.cross_entropy(x, i, label_smoothing=0.3
x(4,3) i(4)<3 w(3) :1 F.cross_entropy(x, i, w.exp().detach(), ignore_index=0, label_smoothing=0.3
x(4,3,2) i(4,2)<3 w(3) :1 F.cross_entropy(x, i, w.exp().detach(), ignore_index=2
x(2,3,2,2) i(2,2,2)<3 :1 F.cross_entropy(x, i, label_smoothing=1.0
x(3) i()<3 :1 F.cross_entropy(x, i
x(3) i(1)<3 :0 F.cross_entropy(x, i
x(3) y(3) :1 F.cross_entropy(x, y.softmax(0)
x(3) y(3) w(3) :1 F.cross_entropy(x, y.softmax(0), w.exp().detach(), label_smoothing=0.25
x(4,3) y(4,3) w(3) :1 F.cross_entropy(x, y.softmax(1), w.exp().detach()
x(4,3) y(4,3) w(3) :1 F.cross_entropy(x, y.softmax(1), w.exp().detach(), label_smoothing=0.25
x(4,3,2) y(4,3,2) w(3) :1 F.cross_entropy(x, y.softmax(1), w.exp().detach()
x(4,3,2) y(4,3,2) :1 F.cross_entropy(x, y.softmax(1), label_smoothing=1.0
x(0,3) y(0,3) :1 F.cross_entropy(x, y
x(4,3) y(4,3) :1 F.cross_entropy(x, y.softmax(1), t.ones(3)
x(4,3) w(5,3) b(5) i(4)<5 :1 F.linear_cross_entropy(x, w, i, linear_bias=b
x(4,3) w(5,3) y(4,5) :1 F.linear_cross_entropy(x, w, y.softmax(1), label_smoothing=0.25
x(4,3) w(5,3) i(4)<5 v(5) :1 F.linear_cross_entropy(x, w, i, weight=v.exp().detach()
x(4,3) w(5,3) i(4)<5 :1 F.linear_cross_entropy(x, w, i, ignore_index=2
x(4,3) w(5,3) i(4)<5 :1 F.linear_cross_entropy(x, w, i - (i == 0) * 100
x(4,3) w(5,2,3) i(4,2)<5 b(5,2) :1 F.linear_cross_entropy(x, w, i, linear_bias=b
x(3) w(5,3) i()<5 :1 F.linear_cross_entropy(x, w, i
x(3) w(5,3) y(5) :1 F.linear_cross_entropy(x, w, y.softmax(0)
"""

SINGLE = """
x(2,1) i(2)<1 :1 F.nll_loss(x, i - 100, reduction='sum')
x(2,1) i(2)<1 w(1) :1 F.nll_loss(x, i - 100, w.detach(), reduction='sum')
x(4,3) i(4)<3 w(3) :1 F.nll_loss(x.float(), i, w.float().exp().detach(), ignore_index=1)
x(2,0) y(2,0) :1 F.cross_entropy(x, y, reduction='none')
x(4,3) y(4,3) w(3) :1 F.cross_entropy(x.float(), y.float().softmax(1), w.exp().detach())
x(4,3) i(4)<3 :1 F.nll_loss(x, i, None, None, 1, None, 'sum')
x(4,3) i(4)<3 :1 F.nll_loss(x, i - (i == 0) * 100)
x(4,3) i(4)<3 :1 F.nll_loss(x, i - (i == 0) * 99, ignore_index=-99)
x(4,3) i(4)<3 :1 F.nll_loss(x.float(), i, ignore_index=1)
x(4,3) i(4)<3 :1 F.nll_loss(x, i.to(t.uint8))
x(4,3) i(4)<3 :1 F.nll_loss(x, i * 0 + 2)
x(4,3) i(4)<3 :1 F.nll_loss(x, i * 0 + 2, ignore_index=2)
x(4,3) i(4)<3 :1 F.nll_loss(x / (x != x), i * 0 + 2, ignore_index=2, reduction='none')
x(4,3) i(4)<3 :1 F.nll_loss(x, i * 0 + 3, ignore_index=3, reduction='sum')
x(3) i(1)<3 :0 F.nll_loss(x, i, reduction='sum')
x(3) i(1)<3 :0 F.nll_loss(x, i)
x(0,3) i(0)<3 :1 F.nll_loss(x, i, reduction='sum')
x(1,3) i(1)<3 :1 F.nll_loss(x, i, reduction='none')
x(2,1) i(2)<1 :1 F.nll_loss(x, i)
x(4,3) i(4)<3 :1 F.cross_entropy(x, i * 0 + 2, ignore_index=2)
x(4,3) i(4)<3 w(3) :1 F.cross_entropy(x, i, w.exp().detach(), None, 1, None, 'sum', 0.3)
x(4,3) i(4)<3 :1 F.cross_entropy(x, i - (i == 0) * 100)
x(4,3) i(4)<3 :1 F.cross_entropy(x, i.to(t.uint8))
x(4,3) i(4)<3 :1 F.cross_entropy(x, i * 0 + 3, ignore_index=3, reduction='sum')
x(4,3) y(4,3) :1 F.cross_entropy(x, y.softmax(1), None, None, -1, None, 'sum', 0.5)
x(4,3) y(4,3) :1 F.cross_entropy(x.float(), y.softmax(1).float(), label_smoothing=0.5)
x(2,1) y(2,1) :1 F.cross_entropy(x, y)
x(0,3) i(0)<3 :1 F.nll_loss(x, i)
x(0,3) i(0)<3 :1 F.cross_entropy(x, i)
"""

TABLE = [call + end for call in lines(CALLS) for end in ENDINGS] + lines(SINGLE)


@pytest.mark.parametrize("line", TABLE)
def test_a_classification_loss(line: str) -> None:
    hold(line)
