"""The teaching model: a Llama, as small as a Llama can be and still tell a story.

Plain PyTorch, top to bottom: token ids go in, a score for every possible next token comes out.
Nothing here trains (`train.py`) or writes files (`export.py`). The parts are those of Llama 2 and 3
(RMSNorm before each part, rotary positions, SwiGLU, tied embeddings), so that llama.cpp can run it.

Shapes in the comments: B dialogues in a batch, T tokens each, D width, H heads, K = D / H wide,
V tokens in the vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True)
class Config:
    """The sizes of a model; the defaults are those of lectern-101 (4,655,872 parameters)."""

    vocab: int = 1536
    dim: int = 256
    layers: int = 5
    heads: int = 4
    hidden: int = 768
    context: int = 1024  # positions seen in training; the GGUF file promises no more
    rope_base: float = 10_000.0
    norm_eps: float = 1e-5

    @property
    def head_dim(self) -> int:
        return self.dim // self.heads


def rotary_angles(config: Config) -> tuple[Tensor, Tensor]:
    """Cosine and sine for every position: two tensors (context, K/2)."""
    half = config.head_dim // 2
    speed = config.rope_base ** (-torch.arange(half).float() / half)  # (K/2): fast to slow
    angle = torch.outer(torch.arange(config.context).float(), speed)  # (context, K/2)
    return angle.cos(), angle.sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turns each pair (i, i + K/2) of a head by an angle that grows with the position.

    This pairing ("half-split") is fast in PyTorch. llama.cpp pairs (2i, 2i + 1) instead, so
    `export.py` reorders the rows of the query and key weights.
    """
    a, b = x.chunk(2, dim=-1)  # (B, H, T, K/2) each
    return torch.cat((a * cos - b * sin, a * sin + b * cos), dim=-1)  # (B, H, T, K)


class RMSNorm(nn.Module):
    """Scales each vector to length about sqrt(D), then by a learned factor per channel."""

    def __init__(self, dim: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(dim))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        scale = torch.rsqrt(x.float().pow(2).mean(-1, keepdim=True) + self.eps)  # (B, T, 1)
        scaled: Tensor = x.float() * scale * self.weight
        return scaled


class Block(nn.Module):
    """One layer: the tokens look at those before them (attention), then each thinks (SwiGLU)."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.heads = config.heads
        self.attention_norm = RMSNorm(config.dim, config.norm_eps)
        self.qkv = nn.Linear(config.dim, 3 * config.dim, bias=False)  # three matrices in one
        self.out = nn.Linear(config.dim, config.dim, bias=False)
        self.ffn_norm = RMSNorm(config.dim, config.norm_eps)
        self.gate_up = nn.Linear(config.dim, 2 * config.hidden, bias=False)  # two in one
        self.down = nn.Linear(config.hidden, config.dim, bias=False)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        x = x + self.attend(self.attention_norm(x), cos, sin)  # (B, T, D)
        gate, up = self.gate_up(self.ffn_norm(x)).chunk(2, dim=-1)  # (B, T, hidden) each
        thought: Tensor = self.down(F.silu(gate) * up)  # (B, T, D)
        return x + thought

    def attend(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        b, t, d = x.shape
        q, k, v = (
            part.view(b, t, self.heads, d // self.heads).transpose(1, 2)  # (B, H, T, K)
            for part in self.qkv(x).chunk(3, dim=-1)
        )
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        mixed = F.scaled_dot_product_attention(q.to(v.dtype), k.to(v.dtype), v, is_causal=True)
        result: Tensor = self.out(mixed.transpose(1, 2).reshape(b, t, d))  # (B, T, D)
        return result


class Llama(nn.Module):
    """Token ids (B, T) to scores for the next token (B, T, V)."""

    cos: Tensor
    sin: Tensor

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocab, config.dim)  # also the output matrix: tied
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.norm = RMSNorm(config.dim, config.norm_eps)
        cos, sin = rotary_angles(config)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        self.apply(self.initialise)

    def initialise(self, module: nn.Module) -> None:
        """Small random weights; smaller still where a layer adds to the residual stream."""
        if isinstance(module, nn.Linear | nn.Embedding):
            nn.init.normal_(module.weight, std=0.02)
        if isinstance(module, Block):
            for layer in (module.out, module.down):
                nn.init.normal_(layer.weight, std=0.02 / (2 * self.config.layers) ** 0.5)

    def forward(self, tokens: Tensor) -> Tensor:
        t = tokens.shape[1]
        assert t <= self.config.context, f"{t} tokens do not fit into {self.config.context}"
        x = self.embedding(tokens)  # (B, T, D)
        for block in self.blocks:
            x = block(x, self.cos[:t], self.sin[:t])
        scores: Tensor = F.linear(self.norm(x), self.embedding.weight)  # (B, T, V)
        return scores

    @property
    def parameter_count(self) -> int:
        return sum(weight.numel() for weight in self.parameters())
