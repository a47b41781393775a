"""Capture from a model on a device, here a pretended one: the rows, the pooling by a mask, steering, inputs made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pretended_cuda import pretended_cuda
from torch import Tensor, nn

from geometry.sources.capture import Request, Steer, capture, subject
from geometry.sources.capture.data import items
from geometry.sources.capture.sight import Ascent, made_inputs


class Words(nn.Module):
    """Tokens to vectors, one a token."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.table, self.turn = nn.Embedding(11, 6), nn.Linear(6, 6)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        found: Tensor = self.turn(self.table(input_ids))
        return found


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(144, 5))


def tokens() -> list[dict[str, Tensor]]:
    draw = np.random.default_rng(0)
    mask = torch.from_numpy((draw.random((12, 7)) < 0.7).astype(np.int64))
    mask[:, 0] = 1
    ids = torch.from_numpy(draw.integers(0, 11, (12, 7)))
    return [{"input_ids": ids[part], "attention_mask": mask[part]} for part in (slice(0, 7), slice(7, 12))]


IMAGES = np.random.default_rng(0).random((20, 1, 8, 8)).astype(np.float32)
ASKED = {
    "maps": (network, IMAGES, {"layers": ("*",), "pool": "mean", "batch": 8}),
    "places": (network, IMAGES, {"layers": ("0", "1"), "pool": "none"}),
    "steered": (network, IMAGES, {"layers": ("3",), "steer": (Steer("0", np.ones(4), 2.0),)}),
    **{
        f"tokens, {pool}": (Words, tokens(), {"layers": ("table", "turn"), "pool": pool})
        for pool in ("mean", "last", "none")
    },
}


@pytest.mark.parametrize("name", ASKED)
def test_rows_are_those_of_the_cpu(name: str, tmp_path: Path) -> None:
    make, data, words = ASKED[name]
    asked: dict[str, Any] = words
    capture(make(), data, Request(**asked), tmp_path / "cpu")
    with pretended_cuda():
        capture(make(), data, Request(**asked, device="cuda"), tmp_path / "cuda")
    files = sorted(file.name for file in (tmp_path / "cpu").glob("*.npy"))
    assert len(files) >= len(asked["layers"])
    for file in files:
        assert np.array_equal(np.load(tmp_path / "cpu" / file), np.load(tmp_path / "cuda" / file)), file


def test_inputs_are_made_for_a_model_wherever_it_is() -> None:
    given, axis, how = items(IMAGES), np.eye(5)[:, :1], Ascent(steps=3)
    expected = made_inputs(subject(network()), "3", axis, given, how)
    with pretended_cuda():
        being = subject(network())
        being.module.to("cuda")
        found = made_inputs(being, "3", axis, given, how)
    assert found[0] == pytest.approx(expected[0], abs=1e-6) and found[1] == pytest.approx(expected[1], abs=1e-5)
