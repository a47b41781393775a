"""A capture that is there is left, another is refused with what differs, and leftovers of a kill are removed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import models
import numpy as np
import pytest
import torch

from geometry.errors import UsageError
from geometry.sources.capture import Request, Steer, capture
from geometry.sources.captured import read_card
from geometry.types import Array

ASKED = Request(("stem", "head"), batch=4)


@pytest.fixture(scope="module")
def images() -> Array:
    return np.random.default_rng(0).uniform(size=(10, 64)).astype(np.float32)


def stamps(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}


def test_the_same_capture_is_left_as_it_is(images: Array, tmp_path: Path) -> None:
    np.savez(tmp_path / "probe.npz", x=images, labels=np.arange(10))
    for data in (images, str(tmp_path / "probe.npz")):
        out = tmp_path / f"out-{isinstance(data, str)}"
        capture(models.convolutions(), data, ASKED, out)
        before, told = stamps(out), []
        assert capture(models.convolutions(), data, ASKED, out, progress=told.append) == out
        assert stamps(out) == before and told == []
        capture(models.convolutions(), data, ASKED, out, progress=told.append, force=True)
        assert told == [4, 8, 10] and stamps(out) != before


def other_weights() -> torch.nn.Module:
    net = models.convolutions()
    with torch.no_grad():
        net.get_submodule("head").bias[3] += 1e-3
    return net


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"model": other_weights()}, r"\(weights not"),
        ({"model": models.convolutions(6)}, r"\(weights not"),
        ({"data": np.zeros((10, 64), np.float32)}, r"\(items not"),
        ({"request": Request(("stem",), batch=4)}, r"\(layers not"),
        ({"request": Request(("stem", "head"), batch=5)}, r"\(batch not"),
        ({"request": Request(("stem", "head"), batch=4, limit=9)}, r"\(limit not"),
        ({"request": Request(("stem", "head"), batch=4, pool="none")}, r"\(pool not"),
        ({"request": Request(("stem", "head"), batch=4, see=1)}, r"\(see not"),
        ({"request": Request(("stem", "head"), batch=4, steer=(Steer("stem", np.ones(8)),))}, r"\(steer not"),
        ({"generation": 1}, r"\(generation not"),
        ({"checkpoint": "other.pt"}, r"\(checkpoint not"),
    ],
)
def test_another_capture_is_refused_with_what_differs(
    images: Array, tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    plain: dict[str, Any] = {"model": models.convolutions(), "data": images, "request": ASKED, "out": tmp_path / "out"}
    capture(**plain)
    before = stamps(tmp_path / "out")
    if "checkpoint" in changes:
        torch.save(models.convolutions().state_dict(), tmp_path / "other.pt")
        changes = {"model": "models:convolutions", "checkpoint": tmp_path / "other.pt"}
        said = r"\(checkpoint, model not"
    with pytest.raises(UsageError, match=f"holds another capture {said} the same.*--force"):
        capture(**plain | changes)
    assert stamps(tmp_path / "out") == before


def test_weights_of_every_kind_are_told_apart(tmp_path: Path) -> None:
    def net(value: float) -> torch.nn.Module:
        torch.manual_seed(0)
        made = torch.nn.Sequential(torch.nn.LazyLinear(3), torch.nn.Linear(3, 2))
        made.register_buffer("scales", torch.tensor([value], dtype=torch.bfloat16), persistent=False)
        made.register_buffer("flag", torch.tensor(True))
        return made

    rows = np.ones((5, 4), np.float32)
    capture(net(1.0), rows, ["1"], tmp_path / "out")
    assert capture(net(1.0), rows, ["1"], tmp_path / "out") == tmp_path / "out"
    with pytest.raises(UsageError, match=r"\(weights not"):
        capture(net(2.0), rows, ["1"], tmp_path / "out")


def test_directions_are_told_apart_by_their_numbers(images: Array, tmp_path: Path) -> None:
    def steered(value: float) -> Path:
        request = Request(("head",), steer=(Steer("stem", np.full(8, value)),))
        return capture(models.convolutions(), images, request, tmp_path / "out")

    assert steered(1.0) == steered(1.0)
    with pytest.raises(UsageError, match="steer"):
        steered(2.0)


def test_batches_in_memory_are_never_taken_for_others(tmp_path: Path) -> None:
    batches = [torch.zeros(3, 4, dtype=torch.long)]
    capture(models.Tokens(), batches, ["table"], tmp_path / "out")
    assert read_card(tmp_path / "out")["made_by"]["items"] is None
    with pytest.raises(UsageError, match=r"\(items not"):
        capture(models.Tokens(), batches, ["table"], tmp_path / "out")


def test_what_a_killed_capture_left_is_removed_and_nothing_else(images: Array, tmp_path: Path) -> None:
    for name in (".out.123.part", ".other.123.part"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "stem.npy").write_bytes(b"half")
    capture(models.convolutions(), images, ASKED, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".other.123.part", "out"]
