"""Everyday programs as people write them from memory, each a function of the library."""

# ruff: noqa: UP031, UP032, C416  as people write
from __future__ import annotations

import csv
import io
from typing import Any

import numpy as np


def _random(torch: Any) -> Any:
    rng = np.random.default_rng(0)
    return lambda *shape: torch.from_numpy(rng.standard_normal(shape).astype("float32"))


def csv_file(torch: Any) -> None:
    """A CSV file into a TensorDataset."""
    data = torch.utils.data
    text = (
        "sepal,petal,label\n5.1,1.4,setosa\n7.0,4.7,versicolor\n6.3,6.0,virginica\n4.9,1.5,setosa\n"
    )
    rows = list(csv.DictReader(io.StringIO(text)))
    names = sorted({r["label"] for r in rows})
    X = torch.tensor([[float(r["sepal"]), float(r["petal"])] for r in rows])
    y = torch.tensor([names.index(r["label"]) for r in rows])
    ds = data.TensorDataset(X, y)
    print(len(ds), ds[0], ds[1:3])
    for xb, yb in data.DataLoader(ds, batch_size=3):
        print(xb, yb, xb.shape, yb.dtype)
    mean, std = X.mean(0), X.std(0)
    print((X - mean) / std, mean, std)
    print(X.mean(0, keepdim=True).shape, f"{X.mean():.3f} {X[0, 0]} {y[0]}", "%.2f" % X[0, 1])
    a, b = data.random_split(ds, [0.5, 0.5])
    print(len(a), len(b), type(a).__name__)


def dataset_transforms(torch: Any) -> None:
    """An own Dataset with a transform, batches of dictionaries."""
    data = torch.utils.data

    class D(data.Dataset):
        def __init__(self, n, tf=None):
            self.n, self.tf = n, tf

        def __len__(self):
            return self.n

        def __getitem__(self, i):
            if i >= self.n:
                raise IndexError
            s = {"x": np.full((2,), i, dtype="float32"), "y": i % 2, "n": f"s{i}", "f": float(i)}
            return self.tf(s) if self.tf else s

    d = D(5, lambda s: {**s, "x": torch.from_numpy(s["x"]) * 2})
    for b in data.DataLoader(d, batch_size=2, drop_last=True):
        print(b)
    print(len(data.DataLoader(d, 2)), [k for k in next(iter(data.DataLoader(d)))])
    print(data.ConcatDataset([d, d])[7], len(d + d))
    print(data.Subset(d, [1, 3])[1])


def confusion(torch: Any) -> None:
    """Confusion matrix, precision, recall."""
    t = torch.tensor([0, 1, 2, 2, 1, 0, 2])
    p = torch.tensor([0, 2, 2, 2, 1, 1, 0])
    cm = torch.zeros(3, 3, dtype=torch.int64)
    for a, b in zip(t, p):
        cm[a, b] += 1
    print(cm)
    cm2 = torch.bincount(t * 3 + p, minlength=9).reshape(3, 3)
    print(torch.equal(cm, cm2))
    prec = cm.diag() / cm.sum(0)
    rec = cm.diag() / cm.sum(1)
    print(prec, rec, 2 * prec * rec / (prec + rec))
    print(cm.diagonal().sum() / cm.sum(), (t == p).float().mean().item(), (t == p).sum())
    cm3 = torch.zeros(3, 3)
    cm3.index_put_((t, p), torch.ones(7), accumulate=True)
    print(cm3)


def tying(torch: Any) -> None:
    """An embedding that is also the last layer."""
    nn = torch.nn

    class LM(nn.Module):
        def __init__(self):
            super().__init__()
            self.emb = nn.Embedding(5, 3)
            self.rnn = nn.GRU(3, 3, batch_first=True)
            self.out = nn.Linear(3, 5, bias=False)
            self.out.weight = self.emb.weight

        def forward(self, x):
            return self.out(self.rnn(self.emb(x))[0])

    m = LM()
    print(m)
    print(len(list(m.parameters())), [n for n, _ in m.named_parameters()], list(m.state_dict()))
    print(m.out.weight is m.emb.weight, sum(p.numel() for p in m.parameters()))
    m(torch.tensor([[1, 2]])).sum().backward()
    print(m.emb.weight.grad.shape)


def surgery(torch: Any) -> None:
    """Replacing, removing and adding layers."""
    nn = torch.nn
    m = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(inplace=True),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 10),
    )
    m[5] = nn.Linear(8, 2)
    m.add_module("sm", nn.LogSoftmax(dim=1))
    del m[2]
    print(m)
    print(m[:2])
    print(m[-1])
    for n, p in m.named_parameters():
        p.requires_grad = n.startswith("4")
        print(n, p.requires_grad, tuple(p.shape))
    m.insert(1, nn.Identity())
    m.append(nn.Dropout(0.1))
    print(len(m), m)
    setattr(m, "1", nn.GELU("tanh"))
    print(m.pop(-1), m)
    print(m.get_submodule("0"), [n for n, _ in m.named_children()])

    def repl(mod):
        for n, c in mod.named_children():
            if isinstance(c, nn.BatchNorm2d):
                setattr(mod, n, nn.GroupNorm(2, c.num_features))
            else:
                repl(c)

    repl(m)
    print(m)
    print(
        nn.Sequential(
            nn.Sequential(nn.ReLU(), nn.ReLU()),
            *[nn.Linear(2, 2) for _ in range(3)],
            nn.ModuleList([nn.Tanh() for _ in range(3)]),
            nn.ModuleDict({"a": nn.LSTM(2, 3, num_layers=2, bidirectional=True)}),
        )
    )


def masking(torch: Any) -> None:
    """Sequences of several lengths."""
    lens = torch.tensor([3, 1, 2])
    mask = torch.arange(lens.max())[None, :] < lens[:, None]
    print(mask)
    x = torch.arange(9.0).view(3, 3)
    print(
        x.masked_fill(~mask, float("-inf")),
        x[mask],
        (x * mask).sum(1) / lens,
        x.masked_fill(~mask, float("-inf")).softmax(-1),
    )
    print(
        x.masked_select(mask),
        mask.any(0),
        mask.all(1),
        mask.nonzero(),
        torch.nonzero(mask, as_tuple=True),
        torch.where(mask),
    )
    seqs = [torch.arange(n) for n in (3, 1, 2)]
    pad = torch.nn.utils.rnn.pad_sequence(seqs, batch_first=True, padding_value=-1)
    print(pad)
    p = torch.nn.utils.rnn.pack_padded_sequence(pad, lens, batch_first=True, enforce_sorted=False)
    print(p)
    print(torch.nn.utils.rnn.pad_packed_sequence(p, batch_first=True))
    print(torch.nn.utils.rnn.unpad_sequence(pad, lens, batch_first=True))


def bucketing(torch: Any) -> None:
    """Batches of like lengths."""
    nn = torch.nn
    D = torch.utils.data
    lens = [5, 2, 9, 1, 7, 3]
    order = sorted(range(6), key=lambda i: lens[i])

    class BS(D.Sampler):
        def __init__(self, o, b):
            self.o, self.b = o, b

        def __iter__(self):
            for i in range(0, len(self.o), self.b):
                yield self.o[i : i + self.b]

        def __len__(self):
            return (len(self.o) + self.b - 1) // self.b

    data = [torch.ones(n) for n in lens]
    dl = D.DataLoader(
        data,
        batch_sampler=BS(order, 2),
        collate_fn=lambda b: nn.utils.rnn.pad_sequence(b, batch_first=True),
    )
    print([tuple(b.shape) for b in dl], len(dl))
    print(list(D.BatchSampler(D.SequentialSampler(data), 4, False)))


def onehot(torch: Any) -> None:
    """One-hot codes."""
    F = torch.nn.functional
    t = torch.tensor([0, 2, 1])
    print(
        F.one_hot(t),
        F.one_hot(t, 4).float(),
        torch.eye(3)[t],
        torch.zeros(3, 3).scatter_(1, t[:, None], 1.0),
    )
    print(F.one_hot(t).argmax(-1), F.one_hot(t).dtype, torch.arange(3) == t[:, None])
    try:
        F.one_hot(torch.tensor([1.0]))
    except Exception as e:
        print(type(e).__name__, str(e)[:40])
    try:
        F.one_hot(torch.tensor([5]), 3)
    except Exception as e:
        print(type(e).__name__, str(e)[:40])


def kmeans(torch: Any) -> None:
    """K-means with cdist."""
    F = torch.nn.functional
    R = _random(torch)
    x = torch.cat([R(10, 2), R(10, 2) + 5])
    c = x[[0, -1]].clone()
    for _ in range(5):
        lab = torch.cdist(x, c).argmin(1)
        c = torch.stack([x[lab == j].mean(0) for j in range(2)])
    print(c, lab, torch.bincount(lab))
    one = F.one_hot(lab, 2).float()
    print((one.T @ x) / one.sum(0)[:, None])
    print(
        torch.zeros(2, 2).index_add_(0, lab, x),
        torch.zeros(2, 2).scatter_reduce(
            0, lab[:, None].expand(-1, 2), x, "amax", include_self=False
        ),
    )


def iou_nms(torch: Any) -> None:
    """Overlaps of boxes, non-maximum suppression."""
    a = torch.tensor([[0.0, 0, 2, 2], [1, 1, 3, 3], [5, 5, 6, 6]])
    area = (a[:, 2] - a[:, 0]) * (a[:, 3] - a[:, 1])
    lt = torch.max(a[:, None, :2], a[None, :, :2])
    rb = torch.min(a[:, None, 2:], a[None, :, 2:])
    wh = (rb - lt).clamp(min=0)
    inter = wh[..., 0] * wh[..., 1]
    print(inter / (area[:, None] + area - inter))
    keep = []
    order = torch.tensor([0.9, 0.8, 0.7]).argsort(descending=True)
    while order.numel() > 0:
        i = order[0].item()
        keep.append(i)
        order = order[1:][(inter / (area[:, None] + area - inter))[i, order[1:]] <= 0.1]
    print(keep)


def word_freq_scatter(torch: Any) -> None:
    """Counting, scattering, indexing."""
    idx = torch.tensor([0, 1, 0, 2, 1, 0])
    val = torch.arange(6.0)
    print(
        torch.zeros(3).scatter_add(0, idx, val),
        torch.bincount(idx, val),
        torch.histc(val, 3),
        torch.histogram(val, 3) if hasattr(torch, "histogram") else 0,
        torch.zeros(3).index_reduce_(0, idx, val, "mean") if 0 else 0,
        val.new_zeros(3).index_add(0, idx, val),
        torch.unique_consecutive(torch.tensor([1, 1, 2, 1]), return_counts=True),
    )
    print(
        torch.quantile(val, torch.tensor([0.25, 0.5])),
        val.diff(),
        torch.cumprod(val + 1, 0),
        val.cov(),
        torch.trapezoid(val),
        val.logcumsumexp(0),
        torch.nanmean(torch.tensor([1.0, float("nan")])),
        torch.isin(idx, torch.tensor([1])),
        torch.isclose(val, val + 1e-9),
        torch.nan_to_num(torch.tensor([float("inf"), float("nan")])),
    )
    print(
        torch.tensor([1, 2, 3]).float().mean(),
        torch.arange(10)[::3],
        torch.arange(10)[[1, -1]],
        torch.arange(12).view(3, 4)[1:, [0, 2]],
        torch.arange(12).view(3, 4)[..., None].shape,
        torch.arange(12).view(3, 4)[torch.tensor([0, 2]), torch.tensor([1, 3])],
        torch.take_along_dim(torch.arange(6).view(2, 3), torch.tensor([[0], [2]]), 1),
        torch.take(torch.arange(6), torch.tensor([5])),
    )
    x = torch.zeros(3, 3)
    x[1] = torch.tensor([1.0, 2, 3])
    x[:, 0] += 5
    x[x == 0] = -1
    x[torch.arange(3), torch.arange(3)] = 9
    x[0, 1:] *= 2
    print(x)
    x[[0, 2]] = x[[2, 0]]
    print(x)
    x.fill_diagonal_(0)
    print(x, x.nonzero().shape, x.tril(-1))


def print_dtypes(torch: Any) -> None:
    """Printing Tensors of all kinds."""
    for t in [
        torch.tensor([1, 2, 3]),
        torch.tensor([True, False]),
        torch.tensor(3),
        torch.tensor(3.0),
        torch.tensor([1e-8, 1.0, 1e8]),
        torch.tensor([float("nan"), float("inf"), -1.5]),
        torch.zeros(0),
        torch.zeros(2, 0, 3),
        torch.tensor([1 + 2j, 3.5 - 1j]),
        torch.tensor([1.0, 2.0], dtype=torch.float64),
        torch.tensor([1.5], dtype=torch.float16),
        torch.arange(3, dtype=torch.uint8),
        torch.tensor([[-1.25, 1000.5]]),
        torch.tensor(1e-10),
        torch.tensor([1000000.0, 2.0]),
        torch.tensor([100000.0, 0.5]),
        torch.tensor(float("nan")),
        torch.tensor([], dtype=torch.int64),
        torch.tensor([[[1]]]),
        torch.arange(2000),
        torch.arange(2000.0).reshape(40, 50),
        torch.eye(3),
        torch.tensor([123456789, -1]),
        torch.tensor([0.1, 0.25], requires_grad=True) * 2,
        torch.ones(3).to(torch.int8),
        torch.tensor([1e5, 1e-5]),
        torch.tensor([9999.5, 0.001]),
        torch.tensor([2.0**24, 2**25]),
    ]:
        print(t)
        print(repr(t), str(t) == repr(t))


def printoptions(torch: Any) -> None:
    """Set_printoptions."""
    R = _random(torch)
    x = R(3, 4) * 100
    torch.set_printoptions(precision=2)
    print(x, x[0, 0])
    torch.set_printoptions(sci_mode=True)
    print(x)
    torch.set_printoptions(sci_mode=False, precision=6)
    print(torch.tensor([1e-9, 1e9]))
    torch.set_printoptions(profile="short")
    print(x, torch.arange(3000).reshape(3, 1000))
    torch.set_printoptions(profile="default")
    torch.set_printoptions(threshold=5, edgeitems=1)
    print(x, torch.arange(100.0))
    torch.set_printoptions(profile="full")
    print(torch.arange(1100))
    torch.set_printoptions(profile="default", linewidth=40)
    print(torch.arange(30))
    print(R(2, 12))


def fstring(torch: Any) -> None:
    """Format strings."""
    x = torch.tensor(3.14159265)
    i = torch.tensor(42)
    b = torch.tensor(True)
    print(f"{x:.2f} {x:>10.3f} {i:05d} {i:,} {x} {i} {b} {x:e} {x!r} {i:x}")
    print("{:.4f}".format(x), "%d" % i, "%5.1f|%s" % (x, i), format(x, ".3g"), f"{x.item():.2f}")
    v = torch.tensor([1.0, 2.0])
    print(f"{v}", f"{v!r}", str(v.shape), f"{v.shape}", f"{v.dtype} {v.device}")
    try:
        print(f"{v:.2f}")
    except TypeError as e:
        print("TypeError", e)
    g = torch.tensor(2.0, requires_grad=True)
    print(f"{g}", f"{g:.3f}", g * 1)
    print(
        float(x),
        int(i),
        bool(b),
        complex(x),
        [*v],
        round(x.item(), 2),
        round(x, decimals=2) if 0 else x.round(decimals=2),
    )
    print(
        f"{torch.Size([2, 3])}",
        torch.Size([2]).numel(),
        torch.float32,
        torch.device("cpu"),
        repr(torch.device("cpu")),
    )
    print(f"{x:10}|{i:6}|{b}")


PROGRAMS = (
    csv_file,
    dataset_transforms,
    confusion,
    tying,
    surgery,
    masking,
    bucketing,
    onehot,
    kmeans,
    iou_nms,
    word_freq_scatter,
    print_dtypes,
    printoptions,
    fstring,
)
