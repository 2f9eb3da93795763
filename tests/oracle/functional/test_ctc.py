"""Connectionist temporal classification against PyTorch: lengths, blanks, the impossible."""

from __future__ import annotations

import pytest

from tests.oracle.comparing import lines
from tests.oracle.functional.tables import hold

# Logits (T, N, C) behind a log_softmax `l`, labels; each with every ending below.
CALLS = """
F.ctc_loss(l, t.tensor([[1, 2, 3], [2, 2, 1]]), (6, 6), (3, 3)
F.ctc_loss(l, t.tensor([[1, 2, 3], [2, 2, 1]]), t.tensor([6, 4]), t.tensor([3, 2])
F.ctc_loss(l, t.tensor([[1, 1, 3], [2, 2, 9]]), t.tensor([6, 5]), t.tensor([3, 2])
F.ctc_loss(l, t.tensor([1, 2, 3, 2, 2]), t.tensor([6, 5]), t.tensor([3, 2])
F.ctc_loss(l, t.tensor([1, 2, 3, 3]), [6, 6], [1, 3]
F.ctc_loss(l, t.tensor([[0, 1, 0], [1, 3, 3]]), (6, 6), (3, 3), 2
F.ctc_loss(l, t.tensor([[1, 2, 3], [2, 2, 1]]), (6, 6), (3, 0)
F.ctc_loss(l, t.tensor([[1, 2, 3], [2, 2, 1]]), (6, 6), (0, 0)
F.ctc_loss(l, t.tensor([[1, 2, 3], [2, 2, 1]]), (6, 1), (3, 1)
F.ctc_loss(l, t.tensor([[1, 2, 3], [2, 1, 3]]), (6, 2), (3, 3), zero_infinity=True
F.ctc_loss(l, t.tensor([[1, 1, 1], [2, 1, 3]]), (4, 6), (3, 3), zero_infinity=True
F.ctc_loss(l, t.tensor([[1, 2, 3], [2, 2, 1]]).int(), (6, 6), (3, 3)
F.ctc_loss(l, t.tensor([[1, 2, 3], [2, 2, 1]]), t.tensor([6, 5]).int(), t.tensor([3, 2]).int()
F.ctc_loss(l, t.tensor([[1, 1, -1], [-1, -1, -1]]), (6, 5), (2, 0)
"""

SINGLE = """
x(5,3,4) :1 F.ctc_loss(x.log_softmax(2), t.arange(1, 4), t.tensor([5, 4, 5]), t.ones(3).int())
x(5,1,4) :1 F.ctc_loss(x.log_softmax(2), t.tensor([[1, 2]]), (5,), (2,), reduction='none')
x(6,2,4) :1 F.ctc_loss(x.log_softmax(2), t.tensor([[1, 2], [2, 2]]), (6, 6), (2, 2), 0, 'sum')
x(6,4) :1 F.ctc_loss(x.log_softmax(1), t.tensor([1, 2]), t.tensor(6), t.tensor(2))
x(6,4) :1 F.ctc_loss(x.log_softmax(1), t.tensor([1, 2]), (6,), (2,), reduction='none')
x(6,4) :1 F.ctc_loss(x.log_softmax(1), t.tensor([1]), (5,), (1,), reduction='sum')
x(1,2,4) :1 F.ctc_loss(x.log_softmax(2), t.tensor([[1], [3]]), (1, 1), (1, 1))
x(3,2,4) :1 F.ctc_loss(x.log_softmax(2), t.tensor([[1, 1], [3, 2]]), (3, 2), (2, 2))
x(2,2,4) :0 F.ctc_loss(x.log_softmax(2), t.tensor([[1, 1], [3, 2]]), (2, 2), (2, 2))
x(2,2,4) :0 F.ctc_loss(x.log_softmax(2), t.tensor([[1, 1], [3, 2]]), (2, 2), (2, 2), 0, 'none')
x(6,2,4) :1 F.ctc_loss(x, t.tensor([[1, 2, 3], [2, 2, 1]]), (6, 4), (3, 2))
x(6,2,4) :1 F.ctc_loss(x.float().log_softmax(2), t.tensor([[1, 2], [2, 2]]), (6, 6), (2, 2))
x(6,2,4) :1 F.ctc_loss(x.log_softmax(2), t.tensor([[1, 2], [2, 2]]), (6, 6), (2, 2), blank=3)
x(60,1,3) :1 F.ctc_loss((x * 9).log_softmax(2), t.tensor([[1, 2]]), (60,), (2,))
"""

TABLE = lines(SINGLE)
for call in lines(CALLS):
    for ending in (")", ", reduction='sum')", ", reduction='none')"):
        TABLE.append(f"x(6,2,4) :1 (lambda l: {call}{ending})(x.log_softmax(2))")


@pytest.mark.parametrize("line", TABLE)
def test_ctc_loss(line: str) -> None:
    hold(line)
