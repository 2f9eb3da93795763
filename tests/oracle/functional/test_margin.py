"""Losses with a margin, and the distances they measure it in, against PyTorch.

Their reductions and deprecated flags are in test_loss.py.
"""

from __future__ import annotations

import pytest

from tests.oracle.comparing import lines
from tests.oracle.functional.tables import hold

TABLE = """
x(2,1) :1 F.multilabel_margin_loss(x, t.tensor([[-1], [0]]))
x(2,3) : F.hinge_embedding_loss(x, t.tensor([[1., -1, 1], [-1, -1, 1]]), 0.3)
x(2,3) :1 F.hinge_embedding_loss(x, t.tensor([[1., -1, 0.5], [-1, 0, 3]]), reduction='none')
x(3) :1 F.hinge_embedding_loss(x - x.detach() + 1, t.tensor([1., -1, -1]), reduction='none')
x(2,3) : F.hinge_embedding_loss(x, t.tensor([[1., -1, 1], [-1, -1, 1]]), 0.3, None, None, 'sum')
x(3) y(3) : F.margin_ranking_loss(x, y, t.tensor([1., -1, 1]), 0.5)
x(3) y(3) : F.margin_ranking_loss(x, y, t.tensor([1., -1, 1]), 0.5, None, None, 'sum')
x(2,3) y(2,1) : F.margin_ranking_loss(x, y, t.ones(1, 3), reduction='none')
x(2,3) y(2,3) : F.soft_margin_loss(x, y.detach(), None, None, 'sum')
x(2,3) : F.multilabel_soft_margin_loss(x, t.tensor([[1., 0, 1], [0, 0, 1]]), t.tensor([1., 2, 5]))
x(2,3) : F.multilabel_soft_margin_loss(x, t.ones(2, 3) * 0.3, t.ones(3), None, None, 'sum')
x(3) : F.multilabel_soft_margin_loss(x, t.tensor([1., 0, 1]))
x(2,2,3) : F.multilabel_soft_margin_loss(x, t.ones(2, 2, 3), reduction='none')
x(4,3) i(4)<3 :1 F.multi_margin_loss(x, i, 2)
x(4,3) i(4)<3 :1 F.multi_margin_loss(x, i, 2, 0.3)
x(4,3) i(4)<3 :1 F.multi_margin_loss(x, i, p=2, reduction='none')
x(4,3) i(4)<3 w(3) :1 F.multi_margin_loss(x, i, 1, 0.3, w.exp().detach(), None, None, 'sum')
x(4,3) i(4)<3 w(3) :1 F.multi_margin_loss(x, i, p=2, weight=w.exp().detach())
x(3) i()<3 :1 F.multi_margin_loss(x, i)
x(3) i()<3 :1 F.multi_margin_loss(x, i, reduction='none')
x(3) i(1)<3 :1 F.multi_margin_loss(x, i, reduction='none')
x(1,3) i(1)<3 :1 F.multi_margin_loss(x, i, reduction='none')
x(1,3) i()<3 :1 F.multi_margin_loss(x, i)
x(2,1) i(2)<1 :1 F.multi_margin_loss(x, i)
x(0,3) i(0)<3 :0 F.multi_margin_loss(x, i, reduction='none')
x(4,3) i(4)<3 :1 F.multi_margin_loss(x.float(), i)
x(4) :1 F.multilabel_margin_loss(x, t.tensor([3, 0, -1, 1]))
x(4) :1 F.multilabel_margin_loss(x, t.tensor([3, 0, -1, 1]), reduction='none')
x(1,4) :1 F.multilabel_margin_loss(x, t.tensor([[3, 0, -1, 1]]), reduction='none')
x(2,4) :1 F.multilabel_margin_loss(x, t.tensor([[-1, 0, -1, 1], [0, 1, 2, 3]]), reduction='none')
x(2,4) :1 F.multilabel_margin_loss(x, t.tensor([[0, 1, 0, 1], [2, 2, -1, -1]]), None, None, 'sum')
x(2,4) :1 F.multilabel_margin_loss(x * 3, t.tensor([[1, 2, -1, 0], [1, 3, -1, -1]]))
x(2,4) :1 F.multilabel_margin_loss(x.float(), t.tensor([[1, 2, -1, 0], [1, 3, -1, -1]]))
x(2,3) y(2,3) : F.cosine_embedding_loss(x, y, t.tensor([1, -1]), 0.3)
x(2,3) y(2,3) : F.cosine_embedding_loss(x, x + y * 0.1, t.tensor([-1, -1]), 0.3, None, None, 'sum')
x(2,3) y(2,3) : F.cosine_embedding_loss(x, -y, t.tensor([-1, -1]), reduction='none')
x(2,3) y(2,3) : F.cosine_embedding_loss(x, x + y * 0.1, t.tensor([-1, -1]), 0.3, reduction='none')
x(3) y(3) : F.cosine_embedding_loss(x, y, t.tensor(1))
x(2,3) y(2,3) :1 F.cosine_embedding_loss(x * 1e-6, y * 1e-6, t.tensor([1, 1]))
x(2,3) y(2,3) :1 F.cosine_embedding_loss(x * 1e-6, y, t.tensor([1, 1]))
x(2,3) y(2,3) :1 F.cosine_embedding_loss(x, y * 1e-6, t.tensor([1, 1]))
x(2,3) y(2,3) :1 F.cosine_embedding_loss(x, y, t.tensor([0, 2]), reduction='none')
x(2,3) y(2,3) : F.pairwise_distance(x, y)
x(2,3) y(2,3) : F.pairwise_distance(x, y, 3.0, 0.1)
x(2,3) y(2,3) : F.pairwise_distance(x, y, 1.0, 0.1, True)
x(2,3) y(2,3) : F.pairwise_distance(x, y, keepdim=True)
x(3) y(3) : F.pairwise_distance(x, y)
x(2,1,3) y(1,2,3) : F.pairwise_distance(x, y, eps=0.5)
x(2,3) y(2,3) : F.cosine_similarity(x, y)
x(2,3) y(2,3) : F.cosine_similarity(x, y, 0)
x(2,3,4) y(2,3,4) : F.cosine_similarity(x, y)
x(2,3,4) y(2,3,4) : F.cosine_similarity(x, y, dim=-1)
x(2,3) y(3) : F.cosine_similarity(x, y, -1)
x(2,3) y(2,3) :1 F.cosine_similarity(x, y, 1, 3.0)
x(2,3) y(2,3) :1 F.cosine_similarity(x * 1e-9, y)
x(2,3) y(2,3) :1 F.cosine_similarity(x, y * 1e-9)
x(2,3) y(2,3) z(2,3) : F.triplet_margin_loss(x, y, z, 0.5, 3.0, 0.1, True, None, None, 'sum')
x(2,3) y(2,3) z(2,3) : F.triplet_margin_loss(x, y, z, margin=3.0)
x(2,3) y(2,3) z(2,3) : F.triplet_margin_loss(x, y, z, margin=3.0, p=1)
x(2,3) y(2,3) z(2,3) : F.triplet_margin_loss(x, y, z, margin=3.0, eps=0.3)
x(2,3) y(2,3) z(2,3) : F.triplet_margin_loss(x, y, z, margin=3.0, swap=True, reduction='none')
x(2,3) y(2,3) z(2,3) : F.triplet_margin_loss(x, y, z, swap=True)
x(3) y(3) z(3) : F.triplet_margin_loss(x, y, z, margin=2.0)
x(4,3) y(4,3) z(4,3) : F.triplet_margin_with_distance_loss(x, y, z, margin=2.0)
x(4,3) y(4,3) z(4,3) : F.triplet_margin_with_distance_loss(x, y, z, margin=4.0, swap=True)
x(4,3) y(4,3) z(4,3) : F.triplet_margin_with_distance_loss(x, y, z, swap=True, reduction='sum')
"""

# with a distance that tells its two sides apart
OWN = "x(4,3) y(4,3) z(4,3) : F.triplet_margin_with_distance_loss(x, y, z, distance_function="
OWN += "lambda a, b: (a * b * b).sum(-1)"
ALL = [*lines(TABLE), OWN + ")", OWN + ", swap=True, margin=0.3, reduction='none')"]


@pytest.mark.parametrize("line", ALL)
def test_a_margin(line: str) -> None:
    hold(line)
