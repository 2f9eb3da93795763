"""A character GPT as nanoGPT trains it on a laptop: 4 layers, 4 heads, 128 wide, blocks of 64.

Attention, layer norm, GELU, tied embedding, AdamW with decay on matrices only, clipping at 1.0.
Weights come from NumPy; dropout is off, so that losses can be compared.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

TARGETS = {"character GPT step": 0.85}

LAYERS, HEADS, WIDTH, BLOCK, BATCH, VOCABULARY = 4, 4, 128, 64, 12, 65

Step = Callable[[], float]


def model(torch: Any) -> Any:
    """The network, its weights drawn from NumPy."""
    nn = torch.nn
    F = nn.functional

    class Attention(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.c_attn = nn.Linear(WIDTH, 3 * WIDTH)
            self.c_proj = nn.Linear(WIDTH, WIDTH)

        def forward(self, x: Any) -> Any:
            B, T, C = x.size()
            q, k, v = self.c_attn(x).split(WIDTH, dim=2)
            q, k, v = (t.view(B, T, HEADS, C // HEADS).transpose(1, 2) for t in (q, k, v))
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
            return self.c_proj(y.transpose(1, 2).contiguous().view(B, T, C))

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.ln_1, self.attn, self.ln_2 = nn.LayerNorm(WIDTH), Attention(), nn.LayerNorm(WIDTH)
            self.mlp = nn.Sequential(
                nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH)
            )

        def forward(self, x: Any) -> Any:
            x = x + self.attn(self.ln_1(x))
            return x + self.mlp(self.ln_2(x))

    class GPT(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.wte, self.wpe = nn.Embedding(VOCABULARY, WIDTH), nn.Embedding(BLOCK, WIDTH)
            self.h = nn.ModuleList([Block() for _ in range(LAYERS)])
            self.ln_f = nn.LayerNorm(WIDTH)
            self.lm_head = nn.Linear(WIDTH, VOCABULARY, bias=False)
            self.wte.weight = self.lm_head.weight

        def forward(self, idx: Any, targets: Any) -> Any:
            x = self.wte(idx) + self.wpe(torch.arange(idx.size(1)))
            for block in self.h:
                x = block(x)
            logits = self.lm_head(self.ln_f(x))
            return F.cross_entropy(logits.view(-1, VOCABULARY), targets.view(-1))

    gpt = GPT()
    rng = np.random.default_rng(0)
    with torch.no_grad():
        for name, p in gpt.named_parameters():
            if p.dim() == 2:
                p.copy_(torch.from_numpy(rng.normal(0, 0.02, tuple(p.shape)).astype(np.float32)))
            elif name.endswith("bias"):
                p.zero_()
    return gpt


def character_gpt(torch: Any) -> Step:
    """One training step."""
    gpt = model(torch)
    matrices = [p for p in gpt.parameters() if p.dim() >= 2]
    others = [p for p in gpt.parameters() if p.dim() < 2]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.99))
    text = torch.from_numpy(np.random.default_rng(1).integers(0, VOCABULARY, 20_000))
    starts = np.random.default_rng(2)

    def step() -> float:
        at = starts.integers(0, len(text) - BLOCK - 1, BATCH)
        x = torch.stack([text[i : i + BLOCK] for i in at])
        y = torch.stack([text[i + 1 : i + 1 + BLOCK] for i in at])
        loss = gpt(x, y)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(gpt.parameters(), 1.0)
        optimizer.step()
        return float(loss.item())

    return step


PROCESSES = {"character GPT": character_gpt}


def workloads() -> dict[str, tuple[Step, Step]]:
    """Name: (ours, PyTorch's)."""
    import torch

    import tinygrad_lite

    return {"character GPT step": (character_gpt(tinygrad_lite), character_gpt(torch))}
