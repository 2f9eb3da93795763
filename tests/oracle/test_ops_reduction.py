"""Reductions and cumulative functions against PyTorch: value, derivatives, errors."""

from __future__ import annotations

import numpy as np
import pytest

from tests.oracle.compare import cases, compare, compare_errors

SMOOTH = """
torch.sum(x); x.sum(); x.sum(0); x.sum(1); x.sum(-1); x.sum(dim=0, keepdim=True); x.sum((0, 1))
x.sum([0]); x.sum(dim=(-1, 0), keepdim=True); z.sum((0, 2)); z.sum(1); z.sum((0, 1, 2))
torch.sum(x, 1, True); x.sum(axis=1); x.sum(axis=0, keepdims=True)
torch.sum(x, dtype=torch.float32); x.sum(()); x.sum(dim=[]); x.sum(None)
x.sum(dim=None, keepdim=True); s.sum(); s.sum(0); s.sum(-1); e.sum(); e.sum(0); e.sum(1); i.sum()
m.sum(); i32.sum(0); b.sum(1); f.sum(); i.sum(dtype=torch.float64); m.sum(0, dtype=torch.int32)
x.mean(); x.mean(0); x.mean(-1, keepdim=True); x.mean((0, 1)); z.mean((0, 2))
torch.mean(x, dim=1); s.mean(); torch.mean(x, (0, 1), True); x.mean(axis=1)
i.mean(dtype=torch.float64); e.mean(); e.mean(0); e.mean(1); f.mean(0)
x.mean(dtype=torch.float32); x.var(); x.var(0); x.var(1, keepdim=True); x.var((0, 1))
x.var(unbiased=False); x.var(1, False); x.var(False); x.var(dim=1, correction=0)
torch.var(x, 1, correction=2); torch.var(x, dim=(0, 1), unbiased=True); z.var(1)
z.var((0, 2), keepdim=True); x.var(dim=None); x.var(axis=0); x.var(0, True, True); x.std()
x.std(0); x.std(1, keepdim=True); x.std(unbiased=False); torch.std(x, dim=1, correction=0)
x.std(False); torch.std(x, (0, 1)); z.std((1, 2)); x.std(0, unbiased=False, keepdim=True)
torch.std(z, 2, correction=2); torch.var_mean(x); torch.var_mean(x, 0)
torch.var_mean(x, dim=1, keepdim=True); torch.std_mean(x); torch.std_mean(x, 1)
torch.std_mean(x, (0, 1), correction=0); torch.var_mean(x, 1, unbiased=False); x.prod(); x.prod(0)
x.prod(1, keepdim=True); torch.prod(x, dim=-1); zeros.prod(); zeros.prod(0); zeros.prod(1)
zeros.prod(1, keepdim=True); z.prod(1); i.prod(); m.prod(); i.prod(0); s.prod()
torch.prod(i, dtype=torch.float64); zeros[:, 1].prod(); zeros[1].prod()
torch.prod(f, 0, dtype=torch.float64); torch.logsumexp(x, 0); torch.logsumexp(x, dim=(0, 1))
x.logsumexp(-1, keepdim=True); big.logsumexp(1); z.logsumexp((0, 2)); s.logsumexp(0)
torch.logsumexp(i, 0); torch.special.logsumexp(x, 1); x.logsumexp((0,)); torch.norm(x); x.norm()
x.norm(2); x.norm(1); x.norm(3); x.norm(p=1.5); x.norm(2, 0); x.norm(dim=1); x.norm(2, 1, True)
x.norm('fro'); torch.norm(x, dim=(0, 1)); x.norm(4, -1); p.norm(0.5); x.norm(p=2, dim=0)
torch.norm(z, 2, (0, 2)); torch.norm(f); torch.dist(x, y); torch.dist(x, y, 1)
torch.dist(x, row, 3); x.dist(y); torch.dist(x, y, p=2.5); torch.nansum(x)
torch.nansum(odd[:2, :2]); x.nansum(1); torch.nanmean(x); x.nanmean(0); odd.nanmean(1)
torch.nansum(odd, dim=0, keepdim=True); torch.nanmean(odd, 0); torch.nansum(i); odd.nansum()
x.cumsum(0); x.cumsum(1); x.cumsum(-1); torch.cumsum(x, dim=0); i.cumsum(0); m.cumsum(1)
s.cumsum(0); torch.cumsum(i32, 0); torch.cumsum(x, 1, dtype=torch.float32); e.cumsum(0)
b.cumsum(1); f.cumsum(1); x.cumprod(0); x.cumprod(1); torch.cumprod(x, dim=-1); zeros.cumprod(0)
zeros.cumprod(1); i.cumprod(0); torch.cumprod(i, 1, dtype=torch.float64); s.cumprod(0)
z.cumprod(1); m.cumprod(0); torch.logcumsumexp(x, 0); torch.logcumsumexp(x, dim=1)
big.logcumsumexp(1); s.logcumsumexp(0); torch.diff(x); torch.diff(x, dim=0); torch.diff(x, n=2)
x.diff(1, 0); torch.diff(x, prepend=col); torch.diff(x, append=y)
torch.diff(x, n=2, dim=1, prepend=col, append=col); torch.diff(m); torch.diff(i, n=3)
torch.diff(o, n=6); torch.diff(x, 0); torch.trapezoid(x); torch.trapezoid(x, dx=0.5)
torch.trapezoid(x, dim=0); torch.trapezoid(x, row); torch.trapezoid(x, y); torch.trapz(x, dx=2)
torch.cumulative_trapezoid(x); torch.trapezoid(x, col[:, 0], dim=0)
torch.cumulative_trapezoid(x, row); torch.cumulative_trapezoid(x, dx=0.1, dim=0)
torch.trapz(x, y); torch.quantile(o, 0.4); torch.quantile(x, 0.3); torch.quantile(x, 0.3, dim=1)
torch.quantile(x, torch.tensor([0.1, 0.5], dtype=x.dtype), dim=0); x.quantile(0.5, 1, True)
torch.quantile(x, torch.tensor([0.1, 0.5, 1.0], dtype=x.dtype))
torch.quantile(x, 0.4, interpolation='lower')
torch.quantile(x, 0.4, dim=0, interpolation='higher')
torch.quantile(x, 0.4, 1, interpolation='midpoint')
torch.quantile(x, 0.4, interpolation='nearest')
x.quantile(torch.tensor([0.2], dtype=x.dtype), 1, True); torch.quantile(x, 0.6, keepdim=True)
torch.quantile(odd, 0.5, dim=1); torch.nanquantile(odd, 0.5, dim=1); torch.nanquantile(x, 0.3)
torch.quantile(z, 0.7, dim=1); torch.nanquantile(z, 0.5, 2, keepdim=True); torch.combinations(o)
torch.combinations(o, r=3); torch.combinations(o, 2, True); torch.meshgrid(o, row, indexing='ij')
torch.meshgrid(o, row, s, indexing='xy'); torch.meshgrid([o, row], indexing='xy')
torch.cartesian_prod(o, row)
"""

KINKED = """
e.prod(); e.prod(0); torch.max(x); x.max(); x.max(0); x.max(1); x.max(-1, keepdim=True)
torch.max(x, dim=1); ties.max(); ties.max(0); x.min(); x.min(0); x.min(dim=1, keepdim=True)
ties.min(); ties.min(1); i.max(); i.max(0); m.max(); i32.min(1); torch.max(x, 1)[0]
torch.max(x, 1).values; torch.max(x, 1).indices; x.max(axis=0); odd.max(); odd.max(1); odd.min(1)
s.max(); s.max(0); z.max(1); z.min(2, True); b.max(0); f.max(1); torch.max(x, 0, True)
torch.amax(x, 0); x.amax(); x.amax((0, 1)); x.amax(1, keepdim=True); ties.amax(1); ties.amax(0)
ties.amax(); torch.amin(x, (0, 1)); ties.amin(dim=1); x.amin(-1); i.amax(0); odd.amax(0)
odd.amin(1); s.amax(0); z.amax((0, 2)); torch.aminmax(x); torch.aminmax(x, dim=0)
x.aminmax(dim=1, keepdim=True); ties.aminmax(dim=0); i.aminmax(); torch.argmax(x); x.argmax(0)
x.argmax(dim=1, keepdim=True); x.argmax(-1); torch.argmin(x); x.argmin(1); ties.argmax(1)
ties.argmin(0); i.argmax(); odd.argmax(1); odd.argmin(1); s.argmax(); x.argmax(keepdim=True)
x.argmax(None); s.argmin(0); z.argmax(1); x.argmin(dim=None); z.argmin(keepdim=True); torch.all(m)
m.all(0); m.all(dim=1, keepdim=True); x.all(); b.all(); b.all(0); i.any(); i.any(1); x.any(0)
m.any(dim=(0, 1)); m.all((0, 1)); torch.any(m, 1); torch.any(b, 0); e.all(); e.any(); e.all(0)
s.any(); m.all(axis=0); m.any(1, True); m.any(dim=-1, keepdim=True); zeros.all(1)
torch.all(zeros, dim=(0,)); torch.count_nonzero(zeros); torch.count_nonzero(zeros, 0)
zeros.count_nonzero(dim=(0, 1)); m.count_nonzero(); x.median(); x.median(0)
x.median(1, keepdim=True); ties.median(); ties.median(0); ties.median(1); i.median(); o.median()
odd.median(); odd.median(1); odd.nanmedian(); odd.nanmedian(1); x.nanmedian(0); torch.median(z, 1)
s.median(); s.median(0); i.median(1); torch.nanmedian(ties, dim=1, keepdim=True); f.median(0)
torch.mode(i); torch.mode(ties, 0); i.mode(1); torch.mode(k, dim=0, keepdim=True); x.mode()
s.mode(0); b.mode(0); torch.cummax(x, 0); x.cummax(1); ties.cummax(1); ties.cummax(0)
odd.cummax(1); torch.cummin(x, dim=0); ties.cummin(1); odd.cummin(1); i.cummax(1); z.cummin(1)
s.cummax(0); x.cummax(dim=-1); x.norm(float('inf')); x.norm(-float('inf')); x.norm(0)
x.norm(math.inf, 0); ties.norm(math.inf, 1); ties.norm(math.inf); ties.norm(-math.inf, 1)
zeros.norm(1); zeros.norm(2, 0); (zeros * 0).norm(); (zeros * 0).norm(1); (zeros * 0).norm(3)
(zeros * 0).norm(2, 1); zeros.norm(0, 1); zeros.norm(1.5); zeros.norm(3, 0); (zeros * 0).norm(1.5)
(zeros * 0).norm(math.inf); torch.dist(x, x); (zeros * 0).std(); (zeros * 0).std(1)
(zeros * 0).var(); zeros[:, :1].var(1); x[:1].std(0); x[:1].var(0); x[:1, :1].std()
x[:1, :1].var(); low.logsumexp(1); low.logsumexp((0, 1)); odd.logsumexp(1); odd.sum(); odd.mean(0)
odd.prod(1); odd.cumsum(1); odd.var(1); low.logcumsumexp(1)[:, -1:] * 0; odd.norm(dim=1)
e.logsumexp(0); x.cumsum(0).cumprod(1).amax(1); torch.std(x, dim=0).mean() / x.norm()
"""

# PyTorch cannot differentiate its own vander: it raises about a write in place.
VALUES = """
torch.vander(o); torch.vander(o, 3); torch.vander(o, N=3, increasing=True)
"""

ERRORS = """
x.norm(dtype=torch.float32); x.sum(2); x.sum(-3); x.sum((0, 0)); x.sum((0, 5)); x.mean(3)
i.mean(); m.mean(); i.mean(0); b.mean(); x.mean(dtype=torch.int64); x.mean((1, 1)); i.var()
i.std(); m.var(0); torch.var_mean(i); torch.std_mean(i); x.var(4); x.std((0, 0)); x.prod(7)
x.max(2); x.min(-5); e.max(); e.min(); e.max(0); e.min(0); e.argmax(); e.argmin(); e.argmax(0)
e.argmin(0); e.amax(); e.amin(0); e.amax(0); m.argmax(); m.argmin(1); x.argmax(2); x.amax(3)
x.amax((0, 0)); x.all(2); x.any(-3); torch.count_nonzero(x, 4); x.logsumexp(2)
x.logsumexp((0, 0)); i.norm(); m.norm(); x.norm(2, 4); x.norm('abc'); x.median(2); e.median(0)
x.mode(3); x.cumsum(2); x.cumprod(-4); x.cummax(2); x.cummin(5); x.logcumsumexp(2); s.cumsum(1)
x.diff(dim=2); s.diff(); x.diff(n=-1); torch.quantile(x, 1.5); torch.quantile(x, -0.1)
torch.quantile(i, 0.5); torch.quantile(e, 0.5); torch.quantile(x, 0.5, dim=2)
torch.quantile(x, torch.tensor([0.5], dtype=torch.float16))
torch.quantile(x, 0.5, interpolation='cubic')
torch.quantile(x, torch.full((1, 1), 0.5, dtype=x.dtype)); i.nanmean(); torch.nanquantile(x, 2.0)
torch.sum(1.0); torch.mean([1.0]); torch.argmax(3); torch.cumsum(1, 0); torch.logsumexp(2.0, 0)
torch.prod('a'); torch.trapezoid(x, o); torch.combinations(x); torch.combinations(o, -1)
torch.vander(x); torch.meshgrid(o, i, indexing='ij'); torch.meshgrid(x, indexing='ij')
torch.meshgrid(o, indexing='zz'); x.std(dim=2); torch.median(1.0); torch.amax(2.0)
torch.aminmax(x, dim=3); torch.dist(x, 1); x.expand(3, 4).cumsum_(3)
i.clone().cumsum_(0).cumprod_(5)
"""

# PyTorch words these as a listing of signatures; only the type is compared.
ERROR_TYPES = """
torch.all(1); x.cumsum(1.5); x.mean(dim='b'); x.sum(dim=1.5); x.sum(dim='a'); x.max((0, 1))
x.min((0,)); x.prod((0, 1)); x.argmax((0, 1)); x.sum(0, 1, 2, 3); x.logsumexp(); x.cumsum()
x.cummax(); torch.quantile(x); x.sum(out=3, foo=1); x.mean(foo=2); x.max(foo=1); x.argmin(bar=0)
torch.sum(); x.median((0, 1)); x.mode('a'); torch.std(x, 0, True, True, 1); x.amax('a')
torch.trapezoid(x, row, dx=1)
"""


@pytest.mark.parametrize("expression", cases(SMOOTH))
def test_smooth(expression: str) -> None:
    compare(expression)


@pytest.mark.parametrize("expression", cases(SMOOTH))
def test_smooth_float32(expression: str) -> None:
    compare(expression, order=1, wide=np.float32)


@pytest.mark.parametrize("expression", cases(KINKED))
def test_kinked(expression: str) -> None:
    compare(expression, order=1)


@pytest.mark.parametrize("expression", cases(VALUES))
def test_values(expression: str) -> None:
    compare(expression, order=0)


@pytest.mark.parametrize("expression", cases(ERRORS))
def test_errors(expression: str) -> None:
    compare_errors(expression)


@pytest.mark.parametrize("expression", cases(ERROR_TYPES))
def test_error_types(expression: str) -> None:
    compare_errors(expression, words=0)
