"""A transformer block as people write it by hand, of members and in one class, to count the generated one beside.

Both compute with the weights of a generated block, and check nothing.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from generated.activation import SwiGLU
from generated.attention import GroupedQueryAttention
from generated.transformer import TransformerBlock


class Rotary(nn.Module):
    """Rotary positions."""

    def __init__(self, dim: int, base: float) -> None:
        super().__init__()
        self.dim, self.base = dim, base

    def forward(self, x: Tensor) -> Tensor:
        return rotated(x, self.dim, self.base)


class Attention(nn.Module):
    """Causal attention of several heads."""

    def __init__(self, like: GroupedQueryAttention) -> None:
        super().__init__()
        self.heads, self.dim = like.num_heads, like.dim
        self.head_dim = self.dim // self.heads
        self.query, self.key, self.value, self.output = like.query, like.key, like.value, like.output
        self.rotary = Rotary(self.head_dim, like.base)

    def forward(self, x: Tensor) -> Tensor:
        batch, length, _ = x.shape
        q = self.query(x).reshape(batch, length, self.heads, self.head_dim).transpose(1, 2)
        k = self.key(x).reshape(batch, length, self.heads, self.head_dim).transpose(1, 2)
        v = self.value(x).reshape(batch, length, self.heads, self.head_dim).transpose(1, 2)
        h = F.scaled_dot_product_attention(self.rotary(q), self.rotary(k), v, is_causal=True)
        y: Tensor = self.output(h.transpose(1, 2).reshape(batch, length, self.dim))
        return y


class FeedForward(nn.Module):
    """A gated network of three weights of its own."""

    def __init__(self, like: SwiGLU) -> None:
        super().__init__()
        self.gate_weight, self.up_weight, self.down_weight = like.gate_weight, like.up_weight, like.down_weight

    def forward(self, x: Tensor) -> Tensor:
        gated = F.silu(F.linear(x, self.gate_weight)) * F.linear(x, self.up_weight)
        return F.linear(gated, self.down_weight)


class Block(nn.Module):
    """The block, made of the same members as the generated one."""

    def __init__(self, like: TransformerBlock) -> None:
        super().__init__()
        self.attention_norm = nn.RMSNorm(like.dim, like.eps)
        self.attention = Attention(like.attention)
        self.feed_forward_norm = nn.RMSNorm(like.dim, like.eps)
        self.feed_forward = FeedForward(like.feed_forward)
        self.attention_norm.load_state_dict(like.attention_norm.state_dict())
        self.feed_forward_norm.load_state_dict(like.feed_forward_norm.state_dict())

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.attention_norm(x))
        y: Tensor = x + self.feed_forward(self.feed_forward_norm(x))
        return y


class Flat(nn.Module):
    """The block in one class, whose forward calls no module."""

    def __init__(self, like: TransformerBlock) -> None:
        super().__init__()
        attention, network = like.attention, like.feed_forward
        self.heads, self.dim, self.base, self.eps = attention.num_heads, attention.dim, attention.base, like.eps
        self.head_dim = self.dim // self.heads
        self.attention_norm, self.feed_forward_norm = like.attention_norm.weight, like.feed_forward_norm.weight
        self.query, self.key, self.value = attention.query.weight, attention.key.weight, attention.value.weight
        self.output, self.gate, self.up = attention.output.weight, network.gate_weight, network.up_weight
        self.down = network.down_weight

    def forward(self, x: Tensor) -> Tensor:
        batch, length, _ = x.shape
        h = F.rms_norm(x, (self.dim,), self.attention_norm, self.eps)
        q = F.linear(h, self.query).reshape(batch, length, self.heads, self.head_dim).transpose(1, 2)
        k = F.linear(h, self.key).reshape(batch, length, self.heads, self.head_dim).transpose(1, 2)
        v = F.linear(h, self.value).reshape(batch, length, self.heads, self.head_dim).transpose(1, 2)
        q, k = rotated(q, self.head_dim, self.base), rotated(k, self.head_dim, self.base)
        h = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + F.linear(h.transpose(1, 2).reshape(batch, length, self.dim), self.output)
        h = F.rms_norm(x, (self.dim,), self.feed_forward_norm, self.eps)
        return x + F.linear(F.silu(F.linear(h, self.gate)) * F.linear(h, self.up), self.down)


def rotated(x: Tensor, dim: int, base: float) -> Tensor:
    """Pairs of features, turned by angles that are counted in float32."""
    frequency = base ** (-torch.arange(0, dim, 2, device=x.device, dtype=torch.float32) / dim)
    angle = torch.outer(torch.arange(x.shape[-2], device=x.device, dtype=torch.float32), frequency)
    a, b = x.float().chunk(2, dim=-1)
    c, s = torch.cos(angle), torch.sin(angle)
    return torch.cat([a * c - b * s, b * c + a * s], dim=-1).type_as(x)
