"""What a user has who walks from a model to its layers: a factory, checkpoints of generations, labelled images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import checkpoints
import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

from geometry.loops.training import train_to_classify

NET = '''"""A network of the digits."""

from collections import OrderedDict

from torch import nn


def build():
    """8 x 8 images, flat, to 10 classes."""
    stem = nn.Sequential(nn.Unflatten(1, (1, 8, 8)), nn.Conv2d(1, 8, 3, stride=2, padding=1), nn.ReLU())
    body = nn.Sequential(nn.Flatten(), nn.Linear(128, 32), nn.ReLU())
    return nn.Sequential(OrderedDict(stem=stem, body=body, head=nn.Linear(32, 10)))
'''
GENERATIONS, ROWS, STEPS = 3, 240, 150


def write(folder: Path) -> None:
    """net.py, probe.npz and checkpoints/gen_{0,1,2}/model.safetensors; each generation learns what the last one says.

    Classes go as they do when rare answers are never drawn again: the second generation has six left, the third two.
    """
    (folder / "net.py").write_text(NET)
    space: dict[str, Any] = {}
    exec(NET, space)
    bundle = load_digits()
    images, said = torch.tensor(bundle.data / 16, dtype=torch.float32), torch.tensor(bundle.target)
    np.savez(folder / "probe.npz", images=images[:ROWS].numpy(), labels=bundle.target[:ROWS])
    for g in range(GENERATIONS):
        kept = said < 10 - 4 * g
        net = trained(space["build"], images[kept], said[kept], seed=g)
        checkpoints.write(folder / "checkpoints" / f"gen_{g}", "safetensors", net.state_dict())
        with torch.no_grad():
            said = net(images).argmax(1)


def trained(build: Any, images: torch.Tensor, labels: torch.Tensor, seed: int) -> nn.Module:
    """The network after STEPS batches of images (n, 64) with labels (n,)."""
    torch.manual_seed(seed)
    net: nn.Module = build()
    optimizer = torch.optim.Adam(net.parameters(), 5e-3)
    train_to_classify(net, images, labels, optimizer, steps=STEPS, batch=64)
    return net
