"""Steps of an optimizer down a loss on random batches: the one loop by which the models here are trained.

Rows of a batch are drawn with replacement under torch's present seed. Left out: epochs, validation and early stopping;
a loop wants every generation trained alike.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


def descend(
    loss: Callable[[], Tensor],
    optimizer: torch.optim.Optimizer,
    steps: int,
    *,
    schedule: Any = None,
    clip: float | None = None,
) -> tuple[float, ...]:
    """Each step's loss before it is taken. schedule: of the rate; clip: the longest a gradient may be."""
    parameters = [one for group in optimizer.param_groups for one in group["params"]]
    history = []
    for _ in range(steps):
        value = loss()
        optimizer.zero_grad()
        value.backward()  # type: ignore[no-untyped-call]
        if clip is not None:
            torch.nn.utils.clip_grad_norm_(parameters, clip)
        optimizer.step()
        if schedule is not None:
            schedule.step()
        history.append(value.detach())
    return tuple(torch.stack(history).tolist())


def train_to_classify(
    net: torch.nn.Module,
    points: Tensor,  # (n, ...) what net takes
    labels: Tensor,  # (n,) int64
    optimizer: torch.optim.Optimizer,
    *,
    steps: int,
    batch: int,
) -> None:
    """Trains `net`, of which `optimizer` holds the parameters, by cross entropy, and leaves it in evaluation mode."""

    def loss() -> Tensor:
        rows = torch.randint(len(points), (batch,))
        return torch.nn.functional.cross_entropy(net(points[rows]), labels[rows])

    descend(loss, optimizer, steps)
    net.eval()
