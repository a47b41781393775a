"""The capture command: generations of checkpoints to folders that `analyze --by layer` reads; options; exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import checkpoints
import models
import numpy as np
import pytest
import torch

from geometry.cli import main


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three generations of a network whose hidden layer shrinks in the second and third, and 60 labelled images."""
    folder = tmp_path_factory.mktemp("runs")
    state = models.convolutions().state_dict()
    for g in range(3):
        made = {key: tensor * (0.2 if g and key.startswith("hidden") else 1.0) for key, tensor in state.items()}
        checkpoints.write(folder / f"gen_{g}", "safetensors", made)
    images = np.random.default_rng(0).uniform(size=(120, 64)).astype(np.float32)
    np.savez(folder / "probe.npz", images=images, labels=np.arange(120) % 2)
    return folder


def words(runs: Path, out: Path, *more: str) -> list[str]:
    return ["capture", "--model", "models:convolutions", "--data", str(runs / "probe.npz"), "-o", str(out), "-q", *more]


def test_generations_are_captured_and_analysed_by_layer(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pattern = str(runs / "gen_{generation}" / "model.safetensors")
    more = ("--layers", "stem", "hidden", "--checkpoint", pattern, "--see", "1")
    assert main(words(runs, tmp_path / "layers", *more)) == 0
    out = capsys.readouterr().out
    assert f"{tmp_path / 'layers' / 'gen_2'}: stem 120 x 8, hidden 120 x 32" in out
    assert (tmp_path / "layers" / "gen_1" / "seen" / "hidden.png").exists()
    statistics = "scale,effective_rank,label_agreement"
    assert main(["analyze", str(tmp_path / "layers"), "--by", "layer", "--statistics", statistics, "-q", "-j"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["layers"] == ["stem", "hidden"]
    assert (document["verdict"]["first"]["layer"], document["verdict"]["first"]["generation"]) == ("hidden", 1)
    rows = {(row["layer"], row["generation"]) for row in document["results"] if row["name"] == "label_agreement"}
    assert rows == {(layer, g) for layer in ("stem", "hidden") for g in range(3)}


def test_one_checkpoint_goes_into_the_folder_itself_and_the_card_says_how(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save(tmp_path / "d.npy", np.ones(8))
    more = ("--layers", "stem", "--pool", "none", "--limit", "9", "--batch", "4", "--shape", "1x8x8", "--model-args",
            '{"width": 8}', "--steer", f"stem={tmp_path / 'd.npy'}*1.5", "--json")  # fmt: skip
    assert main(words(runs, tmp_path / "out", *more)) == 0
    (card,) = json.loads(capsys.readouterr().out).values()
    assert (card["items"], card["pool"], card["generation"]) == (9, "none", None)
    assert card["layers"] == [{"name": "stem", "file": "stem.npy", "shape": [9 * 64, 8]}]
    assert card["steer"] == [{"layer": "stem", "strength": 1.5}]


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [
        (("--layers", "bdy"), 3, "did you mean 'body'"),
        (("--layers", "stem", "--checkpoint", "nowhere.pt"), 3, "does not exist"),
        (("--layers", "stem", "--model-args", '{"depth": 3}'), 3, "unexpected keyword argument 'depth'"),
        (("--layers", "stem", "--steer", "stem"), 2, "is no LAYER=PATH"),
    ],
)
def test_what_goes_wrong_is_said_with_its_exit_code(
    more: tuple[str, ...], code: int, said: str, runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words(runs, tmp_path / "out", *more)) == code
    assert said in capsys.readouterr().err
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize("bad", [("--model-args", "[1]"), ("--shape", "8xq"), ("--pool", "max")])
def test_arguments_of_the_wrong_form_are_usage_errors(bad: tuple[str, str], runs: Path, tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as left:
        main(words(runs, tmp_path / "out", "--layers", "stem", *bad))
    assert left.value.code == 2


def test_an_average_of_checkpoints_is_captured_like_one(runs: Path, tmp_path: Path) -> None:
    a, b = (runs / f"gen_{g}" / "model.safetensors" for g in (0, 1))
    assert main(words(runs, tmp_path / "out", "--layers", "stem", "--checkpoint", f".5*{a} + .5*{b}")) == 0
    net = models.convolutions()
    with torch.no_grad(), np.load(runs / "probe.npz") as probe:
        expected = net.get_submodule("stem")(torch.tensor(probe["images"]).reshape(-1, 1, 8, 8)).mean((2, 3))
    assert np.allclose(np.load(tmp_path / "out" / "stem.npy"), expected.numpy(), atol=1e-5)
