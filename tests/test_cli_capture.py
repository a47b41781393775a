"""The capture command: generations of checkpoints to folders that `analyze --by layer` reads; options; exit codes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
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


def test_layers_that_a_glob_cannot_have_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save(tmp_path / "tokens.npy", np.random.default_rng(1).integers(0, 11, (9, 4)))
    line = ["capture", "--model", "models:Tokens", "--data", str(tmp_path / "tokens.npy"), "--layers", "*", "-q"]
    assert main([*line, "-o", str(tmp_path / "out")]) == 0
    assert "warning: 3 layers of a glob are left out, the first: layer 'recurrent'" in capsys.readouterr().err


def test_killed_between_generations_and_given_again_it_goes_on_to_the_same_bytes(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "slow.py").write_text(SLOW)
    more = ("--layers", "stem", "hidden", "--checkpoint", str(runs / "gen_{generation}"))
    line = ["capture", "--model", f"{tmp_path / 'slow.py'}:build", "--data", str(runs / "probe.npz"), *more]
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    tests = f"{Path(__file__).parent}{os.pathsep}{Path(__file__).parent.parent}"
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": tests, "SLOW": str(killed)}
    child = subprocess.Popen(
        [sys.executable, "-m", "geometry", *line, "-o", str(killed)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until = time.monotonic() + 120
    while not list(killed.glob(".gen_1.*.part")) and child.poll() is None and time.monotonic() < until:
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert list(killed.glob(".gen_1.*.part")) and not (killed / "gen_1").exists()
    before = {path: path.stat().st_mtime_ns for path in (killed / "gen_0").glob("*.*")}
    capsys.readouterr()
    assert main([*line, "-o", str(killed)]) == 0
    told = capsys.readouterr().err.splitlines()
    assert ["already captured" in line for line in told] == [True, False, False]
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in before.items())
    assert main([*line, "-o", str(whole), "-q"]) == 0
    files = sorted(path.relative_to(whole) for path in whole.rglob("*"))
    assert files == sorted(path.relative_to(killed) for path in killed.rglob("*"))
    for name in (name for name in files if (whole / name).is_file()):
        assert (whole / name).read_bytes() == (killed / name).read_bytes(), name


SLOW = """
import os, pathlib, time
import models

class Slow(models.Convolutions):
    def forward(self, images):
        if list(pathlib.Path(os.environ.get("SLOW", "nowhere")).glob(".gen_1.*.part")):  # the second generation
            time.sleep(60)
        return super().forward(images)

def build():
    return Slow()
"""


def test_a_folder_that_holds_more_or_other_generations_is_refused(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    every = words(runs, tmp_path / "out", "--checkpoint", str(runs / "gen_{generation}"), "--layers", "stem")
    assert main(every) == 0
    assert main(every) == 0  # all there
    assert main([*every, "--limit", "7"]) == 2
    assert "(limit not the same)" in capsys.readouterr().err
    (tmp_path / "out" / "gen_9").mkdir()
    assert main(every) == 2
    assert "is not empty" in capsys.readouterr().err
    assert main([*every, "--force"]) == 0
    one = words(runs, tmp_path / "one", "--checkpoint", str(runs / "gen_1"), "--layers", "stem")
    assert main(one) == main(one) == 0
