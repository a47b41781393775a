"""Small torch models for tests of capture, and a network of the digits that can be trained on what it drew itself."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from geometry.loops.training import train_to_classify


class Convolutions(nn.Module):
    """8 x 8 images (b, 1, 8, 8), or flat (b, 64), to 10 classes, through two convolutions and a hidden layer."""

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, width, 3, padding=1), nn.ReLU())
        self.body = nn.Sequential(nn.Conv2d(width, 2 * width, 3, stride=2, padding=1), nn.ReLU())
        self.hidden = nn.Sequential(nn.Flatten(), nn.Linear(32 * width, 32), nn.ReLU())
        self.head = nn.Linear(32, 10)

    def forward(self, images: Tensor) -> Tensor:
        hidden: Tensor = self.hidden(self.body(self.stem(images.reshape(-1, 1, 8, 8))))
        out: Tensor = self.head(hidden)
        return out


class Tokens(nn.Module):
    """Token numbers (b, t) through a table, a recurrent layer that returns a tuple, and a layer that returns a dict."""

    def __init__(self, vocabulary: int = 11, d: int = 6) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.table = nn.Embedding(vocabulary, d)
        self.recurrent = nn.GRU(d, 5, batch_first=True)
        self.split = Split()
        self.unused = nn.Linear(2, 2)

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> Any:
        states, _ = self.recurrent(self.table(input_ids))
        return self.split(states)["left"]


class Split(nn.Module):
    """A dictionary of two halves."""

    def forward(self, states: Tensor) -> dict[str, Tensor]:
        return {"left": states[..., :2], "right": states[..., 2:]}


def convolutions(width: int = 8) -> nn.Module:
    """A network of fixed weights."""
    torch.manual_seed(1)
    return Convolutions(width)


def nothing() -> str:
    """No model at all."""
    return "no model"


def train(images: Tensor, labels: Tensor, *, steps: int = 300, seed: int = 0, width: int = 8) -> Convolutions:
    """The network trained on images (n, 64) and labels (n,) with cross entropy."""
    torch.manual_seed(seed)
    net = Convolutions(width)
    optimizer = torch.optim.Adam(net.parameters(), 5e-3)
    train_to_classify(net, images, labels, optimizer, steps=steps, batch=64)
    return net


def vae_encoder() -> nn.Module:
    """The VAE of the loops, called as its encoder: images (b, 64) to the mean and log-variance of 12 latents."""
    from geometry.loops.vae import Network

    class Encoder(Network):
        def forward(self, images: Tensor) -> Tensor:
            out: Tensor = self.encoder(images)
            return out

    return Encoder(64, 192, 12)
