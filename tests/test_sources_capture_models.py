"""Checkpoints as people write them, into models as people hold them: heads of keys, tied weights, wrappers."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from geometry.errors import InputError
from geometry.sources.capture.layers import chosen
from geometry.sources.capture.models import subject


class Tied(nn.Module):
    """A table whose weights are those of the last layer too."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.norm, self.head = nn.Embedding(7, 4), nn.BatchNorm1d(4), nn.Linear(4, 7, bias=False)
        self.head.weight = self.table.weight

    def forward(self, tokens: Tensor) -> Tensor:
        out: Tensor = self.head(self.norm(self.table(tokens)))
        return out


def weights(fill: float = 0.5) -> dict[str, Tensor]:
    return {key: torch.full_like(value, fill) for key, value in Tied().state_dict().items()}


def headed(head: str, fill: float = 0.5) -> dict[str, Tensor]:
    return {head + key: value for key, value in weights(fill).items()}


def loaded(path: Path | str, model: nn.Module | None = None) -> float:
    """The one value that the weights hold after they have been loaded."""
    module = subject(Tied() if model is None else model, path).module
    assert isinstance(module, Tied)
    values = torch.cat([one.detach().flatten() for one in module.parameters()])
    assert values.min() == values.max()
    return float(values[0])


@pytest.mark.parametrize(
    "saved",
    [
        headed("module."),
        headed("_orig_mod.module."),
        headed("module._orig_mod."),
        {"state_dict": headed("model."), "epoch": 3, "optimizer_states": [{"state": {0: {"exp": torch.ones(2)}}}]},
        {"state_dict": headed("net.") | {"loss.weight": torch.ones(3)}},
        {"model": headed("module."), "optimizer": {"lr": [1.0]}},
        {"generator": weights(), "discriminator": {"main.weight": torch.ones(3, 3)}},
        {key: value for key, value in weights().items() if key != "head.weight"},
        {key: value for key, value in weights().items() if "num_batches" not in key and key != "table.weight"},
    ],
)
def test_weights_are_found_under_any_one_head(saved: dict[str, object], tmp_path: Path) -> None:
    torch.save(saved, tmp_path / "run.pt")
    assert loaded(tmp_path / "run.pt") == 0.5


def test_one_of_several_models_in_a_file_is_named(tmp_path: Path) -> None:
    torch.save({"model": weights(), "model_ema": weights(0.25), "optimizer": {}}, tmp_path / "run.pt")
    with pytest.raises(InputError, match=r"2 times.*run.pt:model.*run.pt:model_ema"):
        loaded(tmp_path / "run.pt")
    assert loaded(f"{tmp_path}/run.pt:model_ema") == 0.25
    assert loaded(f"{tmp_path}/run.pt:model") == 0.5
    with pytest.raises(InputError, match=r"'emma'.*did you mean"):
        loaded(f"{tmp_path}/run.pt:emma")


@pytest.mark.parametrize("lost", ["table.weight", "norm.running_mean"])
def test_what_is_needed_and_not_there_is_said(lost: str, tmp_path: Path) -> None:
    kept = {key: value for key, value in weights().items() if key != lost and key != "head.weight"}
    torch.save(kept, tmp_path / "run.pt")
    with pytest.raises(InputError, match=f"has no '{lost}'"):
        loaded(tmp_path / "run.pt")


MODEL = """
from __future__ import annotations
from dataclasses import dataclass
from torch import nn
from parts_of_it import WIDTH

@dataclass
class Config:
    width: int = WIDTH

def build(width: int = WIDTH) -> nn.Module:
    return nn.Linear(2, Config(width).width)
"""


def test_a_file_finds_what_lies_beside_it_and_its_dataclasses_their_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.path", [*sys.path])
    (tmp_path / "random.py").write_text(MODEL)  # a name that a module of Python has
    (tmp_path / "parts_of_it.py").write_text("WIDTH = 3")
    for _ in range(2):
        made = subject(f"{tmp_path}/random.py:build").module
        assert isinstance(made, nn.Linear) and made.out_features == 3
    assert not hasattr(sys.modules["random"], "build")
    (tmp_path / "broken.py").write_text("import no_such_module_anywhere")
    with pytest.raises(InputError, match="no_such_module_anywhere"):
        subject(f"{tmp_path}/broken.py:build")
    assert "broken" not in sys.modules


def test_a_module_is_taken_out_of_its_wrapper(tmp_path: Path) -> None:
    torch.save(weights(), tmp_path / "run.pt")
    assert loaded(tmp_path / "run.pt", nn.DataParallel(Tied())) == 0.5
    assert list(chosen(Tied(), ["module.he*"])) == list(chosen(Tied(), ["head"])) == ["head"]
