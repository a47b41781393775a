"""The training loop on losses whose path is known in closed form."""

from __future__ import annotations

import pytest
import torch

from geometry.loops.training import descend, train_to_classify


def along(rate: float, steps: int, **options: object) -> tuple[torch.Tensor, tuple[float, ...]]:
    """Where gradient descent from (3, 4) on |w|^2 / 2 ends, and the losses on its way."""
    w = torch.nn.Parameter(torch.tensor([3.0, 4.0]))
    optimizer = torch.optim.SGD([w], rate)
    if "halving" in options:
        options = {"schedule": torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)}
    return w, descend(lambda: (w**2).sum() / 2, optimizer, steps, **options)


def test_losses_are_those_before_each_step_and_every_step_is_taken() -> None:
    w, history = along(0.5, 3)
    assert history == pytest.approx([12.5, 12.5 / 4, 12.5 / 16])
    assert w.tolist() == pytest.approx([3 / 8, 4 / 8])


def test_the_schedule_is_moved_after_each_step() -> None:
    w, _ = along(0.5, 2, halving=True)
    assert w.tolist() == pytest.approx([3 * 0.5 * 0.75, 4 * 0.5 * 0.75])


def test_a_gradient_is_no_longer_than_clip() -> None:
    w, _ = along(1.0, 2, clip=1.0)
    assert w.tolist() == pytest.approx([3 * 3 / 5, 4 * 3 / 5], rel=1e-5)


def test_a_net_learns_the_sign_of_its_input_and_is_left_in_evaluation_mode() -> None:
    torch.manual_seed(0)
    points = torch.linspace(-1, 1, 40)[:, None]
    labels = (points[:, 0] > 0).long()
    net = torch.nn.Sequential(torch.nn.Dropout(0.1), torch.nn.Linear(1, 2))
    train_to_classify(net, points, labels, torch.optim.SGD(net.parameters(), 1.0), steps=200, batch=16)
    assert not net.training
    assert (net(points).argmax(1) == labels).float().mean() > 0.9
