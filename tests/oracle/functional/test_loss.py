"""Losses against PyTorch: every default, every reduction, the deprecated flags, the borders."""

from __future__ import annotations

import pytest

from tests.oracle.comparing import lines
from tests.oracle.functional.tables import hold

# A call without its last parenthesis; each is closed by every ending below.
LOSSES = """
x(2,3) y(2,3) : F.mse_loss(x, y
x(2,3) y(2,3) : F.l1_loss(x, y
x(2,3) y(2,3) : F.smooth_l1_loss(x, y
x(2,3) y(2,3) : F.binary_cross_entropy(x.sigmoid(), y.sigmoid()
x(2,3) y(2,3) : F.binary_cross_entropy_with_logits(x, y.sigmoid()
x(2,3) y(2,3) : F.kl_div(x, y.sigmoid()
x(2,3) y(2,3) : F.poisson_nll_loss(x, y.abs()
x(4,3) i(4)<3 : F.nll_loss(x, i
x(4,3) i(4)<3 : F.cross_entropy(x, i
x(4,3) y(4,3) : F.cross_entropy(x, y.softmax(1)
x(2,3) : F.hinge_embedding_loss(x, t.tensor([[1., -1, 1], [-1, -1, 1]])
x(2,3) y(2,3) : F.margin_ranking_loss(x, y, t.tensor([[1., -1, 1], [-1, -1, 1]])
x(2,3) y(2,3) : F.soft_margin_loss(x, t.tensor([[1., -1, 1], [-1, -1, 1]])
x(2,3) : F.multilabel_soft_margin_loss(x, t.tensor([[1., 0, 1], [0, 0, 1]])
x(4,3) i(4)<3 :1 F.multi_margin_loss(x, i
x(2,4) :1 F.multilabel_margin_loss(x, t.tensor([[3, 0, -1, 1], [1, -1, 2, 2]])
x(2,3) y(2,3) : F.cosine_embedding_loss(x, y, t.tensor([1, -1])
x(4,3) y(4,3) z(4,3) : F.triplet_margin_loss(x, y, z
"""

ENDINGS = (
    ")",
    ", reduction='sum')",
    ", reduction='none')",
    ", size_average=False)",
    ", reduce=False)",
    ", size_average=True, reduction='sum')",
    ", reduce=True, reduction='none')",
)

# What has no deprecated flags.
NEWER = """
x(2,3) y(2,3) : F.huber_loss(x, y
x(2,3) y(2,3) v(2,3) : F.gaussian_nll_loss(x, y, v.exp()
x(4,3) y(4,3) z(4,3) : F.triplet_margin_with_distance_loss(x, y, z
x(4,3) w(5,3) i(4)<5 : F.linear_cross_entropy(x, w, i
"""

# The places of arguments, the borders between cases, shapes at the end of their range.
SINGLE = """
x(2,3) y(2,3) w(2,3) : F.mse_loss(x, y, weight=w.exp())
x(2,3) y(2,3) w(2,3) : F.mse_loss(x, y, weight=w.exp(), reduction='sum')
x(2,3) y(2,3) w(2,3) : F.mse_loss(x, y, weight=w.exp(), reduction='none')
x(2,3) y(2,3) w(2,3) : F.l1_loss(x, y, weight=w.exp())
x(2,3) y(2,3) w(2,3) : F.l1_loss(x, y, weight=w.exp(), reduction='sum')
x(2,3) y(2,3) w(2,3) : F.huber_loss(x, y, weight=w.exp())
x(2,3) y(2,3) w(2,3) : F.huber_loss(x, y, weight=w.exp(), reduction='none')
x(2,3) y(2,3) w(2,3) : F.mse_loss(x, y, None, None, 'sum', w.exp())
x(2,3) y(2,3) w(2,3) : F.l1_loss(x, y, None, None, 'sum', w.exp())
x(2,3) y(2,3) : F.smooth_l1_loss(x, y, None, None, 'sum', 0.7)
x(2,3) y(2,3) : F.smooth_l1_loss(x, y, beta=0.3)
x(2,3) y(2,3) : F.smooth_l1_loss(x, y, beta=0.0, reduction='none')
x(2,3) y(2,3) : F.smooth_l1_loss(x, y, beta=0.0, reduction='sum')
x(2,3) y(2,3) : F.huber_loss(x, y, 'sum', 0.7)
x(2,3) y(2,3) : F.huber_loss(x, y, delta=0.3)
x(3) : F.smooth_l1_loss(x - x.detach() + t.tensor([1.0, -1.0, 0.5]), t.zeros(3), reduction='none')
x(3) : F.smooth_l1_loss(x - x.detach() + t.tensor([2.0, -2.0, 0.5]), t.zeros(3).double(), beta=2.0)
x(3) : F.huber_loss(x - x.detach() + t.tensor([1, -1, 0.5]), x.detach() * 0, reduction='none')
x(2,3) y(2,3) w(3) : F.binary_cross_entropy(x.sigmoid(), y.sigmoid(), w.exp().detach())
x(2,3) y(2,3) w(3) : F.binary_cross_entropy(x.sigmoid(), y.sigmoid(), w.detach(), None, None, 'sum')
x(0,3) y(0,3) : F.binary_cross_entropy(x, y, reduction='sum')
x(2) :1 F.binary_cross_entropy(x * 0 + t.tensor([0.0, 1.0]), t.tensor([1.0, 0.0]).double())
x(2) :1 F.binary_cross_entropy(x * 0 + t.tensor([0.0, 1.0]), t.tensor([0.0, 1.0]).double())
x(2,3) y(2,3) w(3) : F.binary_cross_entropy_with_logits(x, y.sigmoid(), w.exp().detach())
x(2,3) y(2,3) w(3) : F.binary_cross_entropy_with_logits(x, y.sigmoid(), pos_weight=w.exp().detach())
x(2,3) y(2,3) i(3) j(3) : F.binary_cross_entropy_with_logits(x, y, i, None, None, 'sum', j)
x(2,3) y(2,3) : F.kl_div(x, y.sigmoid(), None, None, 'sum', False)
x(2,3) y(2,3) : F.kl_div(x, y.sigmoid(), reduction='batchmean')
x(2,3) y(2,3) : F.kl_div(x, y, log_target=True)
x(2,3) y(2,3) : F.kl_div(x, y, log_target=True, reduction='batchmean')
x(2,3) y(2,3) : F.kl_div(x, y, None, None, 'none', True)
x() y() : F.kl_div(x, y.sigmoid(), reduction='batchmean')
x(2) :1 F.kl_div(x, t.tensor([0.0, 1.0]).double())
x(2,3) y(2,3) : F.poisson_nll_loss(x, y.abs(), False, False, None, 0.3, None, 'sum')
x(2,3) y(2,3) : F.poisson_nll_loss(x.exp(), y.abs(), False)
x(2,3) : F.poisson_nll_loss(x.exp() * 0, t.ones(2, 3).double(), False)
x(2,3) y(2,3) : F.poisson_nll_loss(x, y.abs() * 3, full=True)
x(2,3) y(2,3) : F.poisson_nll_loss(x, y.abs() * 3, full=True, reduction='none')
x(3) :1 F.poisson_nll_loss(x, t.tensor([1.0, 0.5, 2.0]).double(), full=True, reduction='none')
x(2,3) y(2,3) v(2,3) : F.gaussian_nll_loss(x, y, v.exp(), True)
x(2,3) y(2,3) v(2,3) : F.gaussian_nll_loss(x, y, v.exp(), False, 0.9, 'sum')
x(2,3) y(2,3) v(2,3) :1 F.gaussian_nll_loss(x, y, v.exp(), eps=0.9, reduction='none')
x(2,3) y(2,3) v(2) : F.gaussian_nll_loss(x, y, v.exp())
x(2,3) y(2,3) v(2,1) : F.gaussian_nll_loss(x, y, v.exp(), reduction='none')
x(2,3) y(2,3) v(1,3) : F.gaussian_nll_loss(x, y, v.exp(), reduction='none')
x(2,3,4) y(2,3,4) v(2,1,4) : F.gaussian_nll_loss(x, y, v.exp(), reduction='none')
x(2,3,4) y(2,3,4) v(2,3) : F.gaussian_nll_loss(x, y, v.exp(), reduction='none')
x(2,3) y(2,3) : F.gaussian_nll_loss(x, y, 0.7)
x(2,3) y(2,3) : F.gaussian_nll_loss(x, y, 0.0, reduction='none')
x(2,3) y(2,3) v(2,3) :1 F.gaussian_nll_loss(x, y, v * 0)
x(2,3) y(2,3) v(2,3) :1 F.gaussian_nll_loss(x, y, v * 0 + 1e-6)
x(3) : F.mse_loss(x, x * 0)
x(2,3) y(3) : F.mse_loss(x, y)
x(2,3) y(3) : F.l1_loss(x, y)
x(2,3) y(3) : F.huber_loss(x, y)
"""

TABLE = [call + end for call in lines(LOSSES) for end in ENDINGS]
TABLE += [call + end for call in lines(NEWER) for end in ENDINGS[:3]]
TABLE += lines(SINGLE)


@pytest.mark.parametrize("line", TABLE)
def test_a_loss(line: str) -> None:
    hold(line)
