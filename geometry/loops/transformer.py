"""A small causal transformer over characters (Vaswani et al. 2017; Radford et al. 2019): the network alone.

Layers normalise before attention and before the feed-forward part, which is four times as wide; positions are learned;
the output shares its weights with the input. A row starts from a mark of its own, so that its first character is
predicted too. Keys and values of earlier positions are kept while rows are drawn.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

COLDEST = 1e-30  # a temperature that float32 still holds
Kept = tuple[Tensor, Tensor]  # keys and values (b, heads, positions so far, width / heads)


@dataclass(frozen=True)
class Size:
    """letters of the alphabet, length of a row, width, layers, heads."""

    letters: int
    length: int
    width: int
    layers: int
    heads: int


class Block(nn.Module):
    """Attention, then a feed-forward part, each added to what comes in."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.before = nn.LayerNorm(width)
        self.attend = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.after = nn.LayerNorm(width)
        self.feed = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor, kept: Kept | None = None) -> tuple[Tensor, Kept]:
        b, length, width = x.shape
        split = self.attend(self.before(x)).view(b, length, 3, self.heads, width // self.heads)
        query, key, value = split.permute(2, 0, 3, 1, 4)
        if kept is not None:
            key, value = torch.cat([kept[0], key], 2), torch.cat([kept[1], value], 2)
        mixed = nn.functional.scaled_dot_product_attention(query, key, value, is_causal=kept is None)
        x = x + self.out(mixed.transpose(1, 2).reshape(b, length, width))
        return x + self.feed(self.after(x)), (key, value)


class Transformer(nn.Module):
    """Logits of the next character at every position of rows (b, length)."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.size = size
        self.letter = nn.Embedding(size.letters + 1, size.width)  # the last one marks the start
        self.position = nn.Embedding(size.length, size.width)
        self.blocks = nn.ModuleList(Block(size.width, size.heads) for _ in range(size.layers))
        self.norm = nn.LayerNorm(size.width)
        for weight in (self.letter.weight, self.position.weight):
            nn.init.normal_(weight, std=0.02)

    def states(self, rows: Tensor) -> Tensor:
        """(b, length, width) what is known before each character of rows (b, length)."""
        start = torch.full_like(rows[:, :1], self.size.letters)
        x = self._embedded(torch.cat([start, rows[:, :-1]], 1), 0)
        for block in self.blocks:
            x, _ = block(x)
        normed: Tensor = self.norm(x)
        return normed

    def losses(self, rows: Tensor) -> Tensor:
        """(b, length) nats by which each character of the rows surprises."""
        logits = self._logits(self.states(rows))
        return nn.functional.cross_entropy(logits.transpose(1, 2), rows, reduction="none")

    def drawn(self, n: int, temperature: float) -> Tensor:
        """(n, length) rows, each character drawn from softmax(logits / temperature)."""
        rows = torch.full((n, 1), self.size.letters)
        kept: list[Kept | None] = [None] * self.size.layers
        for at in range(self.size.length):
            x = self._embedded(rows[:, -1:], at)
            for i, block in enumerate(self.blocks):
                x, kept[i] = block(x, kept[i] if at else _nothing(x, self.size))
            logits = self._logits(self.norm(x))[:, 0]
            shares = torch.softmax((logits - logits.amax(1, keepdim=True)) / max(temperature, COLDEST), 1)
            rows = torch.cat([rows, torch.multinomial(shares, 1)], 1)
        return rows[:, 1:]

    def _embedded(self, rows: Tensor, first: int) -> Tensor:
        embedded: Tensor = self.letter(rows) + self.position.weight[first : first + rows.shape[1]]
        return embedded

    def _logits(self, x: Tensor) -> Tensor:
        return x @ self.letter.weight[: self.size.letters].T


def _nothing(x: Tensor, size: Size) -> Kept:
    """Keys and values of no position."""
    empty = x.new_empty(len(x), size.heads, 0, size.width // size.heads)
    return empty, empty
