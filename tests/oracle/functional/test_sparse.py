"""Bilinear maps, embeddings, bags and one-hot codes against PyTorch."""

from __future__ import annotations

import pytest

from tests.oracle.comparing import lines
from tests.oracle.functional.tables import hold

TABLE = """
x(2,3) y(2,4) w(5,3,4) : F.bilinear(x, y, w)
x(2,3) y(2,4) w(5,3,4) b(5) : F.bilinear(x, y, w, b)
x(2,2,3) y(2,2,4) w(5,3,4) b(5) : F.bilinear(x, y, w, b)
x(3) y(4) w(5,3,4) b(5) : F.bilinear(x, y, w, b)
i(3)<5 w(5,2) :1 F.embedding(i, w)
i(2,3)<5 w(5,2) :1 F.embedding(i, w)
i()<5 w(5,2) :1 F.embedding(i, w)
i(0)<5 w(5,2) :1 F.embedding(i, w)
i(6)<2 w(2,2) :1 F.embedding(i, w, 1)
i(6)<2 w(2,2) :1 F.embedding(i, w, padding_idx=-1)
i(6)<2 w(2,2) :1 F.embedding(i, w, padding_idx=-2)
i(6)<2 w(2,2) :1 F.embedding(i, w, 0)
i(6)<2 w(2,2) :1 F.embedding(i.int(), w, scale_grad_by_freq=True)
i(9)<5 w(5,2) :1 F.embedding(i, w, scale_grad_by_freq=True)
i(9)<5 w(5,2) :1 F.embedding(i, w.float(), scale_grad_by_freq=True)
i(2,3)<5 w(5,2) :1 F.embedding(i, w, None, None, 2.0, True)
i(9)<5 w(6,2) :1 F.embedding(i * 0 + 1, w, scale_grad_by_freq=True)
i(9)<5 w(5,2) :0 F.embedding(i, w.detach(), scale_grad_by_freq=True)
i(4)<5 w(5,2) :0 (lambda v: (F.embedding(i, v, max_norm=1.0), v))(w.detach().clone())
i(4)<5 w(5,2) :0 (lambda v: (F.embedding(i, v, None, 0.5, 1.0), v))(w.detach().clone())
i(4)<5 w(5,2) :0 (lambda v: (F.embedding(i, v, None, 0.5, 3.0), v))(w.detach().clone())
i(4)<5 w(5,2) :0 (lambda v: (F.embedding(i, v, None, 9.0), v))(w.detach().clone())
i(2)<5 w(5,2) :0 (lambda v: (F.embedding(i, v, max_norm=0.001), v))(w.detach().clone() * 1e-3)
i(4)<5 w(5,2) :0 (lambda v: (F.embedding(i, v, max_norm=1.0), v))(w.detach().float())
i(2,2)<5 :0 (lambda v: (F.embedding(i, v, max_norm=5.0), v))(t.tensor([[3.0, 4.0]] * 5).double())
i(4)<3 :0 F.one_hot(i)
i(4)<3 :0 F.one_hot(i, 5)
i(4)<3 :0 F.one_hot(i, num_classes=3)
i(2,2)<3 :0 F.one_hot(i)
i()<3 :0 F.one_hot(i, 3)
i(0)<3 :0 F.one_hot(i, 3)
i(2,0)<3 :0 F.one_hot(i, 1)
i(4)<3 :0 F.one_hot(i * 0)
i(4)<3 :0 F.one_hot(i * 0, 1)
"""

# Each with every mode below; `o` stands for offsets.
BAGS = """
i(3,4)<5 w(5,2) :1 F.embedding_bag(i, w
i(6)<5 w(5,2) :1 F.embedding_bag(i, w, t.tensor([0, 2, 3])
i(6)<5 w(5,2) :1 F.embedding_bag(i, w, t.tensor([0, 2, 2, 6])
i(6)<5 w(5,2) :1 F.embedding_bag(i, w, t.tensor([0, 2, 4]), include_last_offset=True
i(6)<5 w(5,2) :1 F.embedding_bag(i, w, t.tensor([0, 3, 6]), include_last_offset=True
i(3,4)<3 w(3,2) :1 F.embedding_bag(i, w, padding_idx=1
i(3,4)<3 w(3,2) :1 F.embedding_bag(i, w, padding_idx=-1
i(3,4)<3 w(3,2) :1 F.embedding_bag(i * 0 + 1, w, padding_idx=1
i(6)<3 w(3,2) :1 F.embedding_bag(i, w, t.tensor([0, 2, 3]), padding_idx=2
i(3,4)<5 w(5,2) :1 F.embedding_bag(i, w.float()
i(3,4)<5 w(5,2) :1 F.embedding_bag(i * 0 + 1, w.float(), padding_idx=1
i(1,4)<5 w(5,2) :1 F.embedding_bag(i, w
i(4,1)<5 w(5,2) :1 F.embedding_bag(i, w
i(0)<5 w(5,2) :0 F.embedding_bag(i, w, t.tensor([0, 0])
"""

MODES = (")", ", mode='mean')", ", mode='sum')", ", mode='max')")

SINGLE = """
i(0)<5 w(5,2) :0 F.embedding_bag(i, w.detach(), i)
i(3,4)<5 w(5,2) :1 F.embedding_bag(i, w, padding_idx=-5)
i(3,4)<5 w(5,2) :1 F.embedding_bag(i, w, padding_idx=4)
i(3)<5 w(5,2) :0 F.embedding(i.int(), w)
i(3,4)<5 w(5,2) v(3,4) :1 F.embedding_bag(i, w, mode='sum', per_sample_weights=v)
i(6)<5 w(5,2) v(6) :1 F.embedding_bag(i, w, t.tensor([0, 2, 3]), mode='sum', per_sample_weights=v)
i(6)<5 w(5,2) v(6) :1 F.embedding_bag(i, w, t.tensor([0, 2, 3]), None, 2.0, False, 'sum', False, v)
i(3,4)<3 w(3,2) v(3,4) :1 F.embedding_bag(i, w, None, None, 2.0, False, 'sum', False, v, False, 1)
i(3,4)<5 w(5,2) :0 (lambda v: (F.embedding_bag(i, v, max_norm=1.0), v))(w.detach().clone())
i(3,4)<5 w(5,2) :0 (lambda v: (F.embedding_bag(i, v, None, 0.5, 1.0), v))(w.detach().clone())
"""

EVERY = lines(TABLE) + [line + mode for line in lines(BAGS) for mode in MODES] + lines(SINGLE)


@pytest.mark.parametrize("line", EVERY)
def test_rows_chosen_by_integers(line: str) -> None:
    hold(line)
