"""`geometry generate`: every option, what it writes, what it refuses, and that it survives being killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geometry.cli import generate, main
from geometry.loops.model import MODELS, options_of
from geometry.loops.regimes import REGIMES
from geometry.sources import load

TINY = ("--generations", "2", "-n", "30", "--set", "d=3")


def call(*words: str | Path, model: str = "gaussian", regime: str = "replace") -> int:
    return main(["generate", model, "--regime", regime, *TINY, *map(str, words)])


def document(capsys: pytest.CaptureFixture[str], *words: str | Path, **kind: str) -> dict[str, Any]:
    assert call("-j", "-q", *words, **kind) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_it_writes_what_the_analysis_reads_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["generate", "vae", "--regime", "accumulate", "-o", str(tmp_path), "--generations", "2", "-n", "40"]
    assert main([*words, "--set", "steps=3", "--set", "latent=2", "--set", "noise=false"]) == 0
    shown = capsys.readouterr()
    assert "generation 2 of 2: trained on 40 of gen_0, 40 of gen_1" in shown.err
    assert f"geometry analyze '{tmp_path}/gen_{{generation}}/embeddings.npy'" in shown.out
    samples = load([f"{tmp_path}/gen_{{generation}}/embeddings.npy"])
    assert [one.generation for one in samples] == [0, 1, 2]
    for t, one in enumerate(samples):
        assert one.labels is not None and one.origin is not None and len(one.labels) == 40
        assert set(one.origin) == {"real" if t == 0 else f"gen_{t}"}
    probes = load([f"{tmp_path}/gen_{{generation}}/representation.npy"])
    assert [one.generation for one in probes] == [1, 2]
    assert all(one.ids is not None and one.labels is not None and one.points.shape == (1797, 2) for one in probes)
    card = json.loads((tmp_path / "gen_2" / "card.json").read_text())
    assert card["origins"] == {"0": 40, "1": 40} and card["options"] == {"steps": 3, "latent": 2, "noise": False}
    training = np.load(tmp_path / "gen_2" / "training.npy")
    assert training.shape == (80, 3) and np.array_equal(np.unique(training[:, 1]), [0, 1])


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (("--seed", "1"), {}),
        (("-n", "31"), {}),
        (("--bias", "0.9"), {}),
        (("--set", "d=4"), {}),
        (("--replicates", "2"), {}),
        (("--real-share", "0.5"), {"regime": "fresh"}),
        (("--peers", "3"), {"regime": "exchange"}),
        (("--weights", "tail_survival"), {"regime": "tail-reweighted"}),
    ],
)
def test_every_option_changes_what_is_drawn(
    tmp_path: Path, words: tuple[str, ...], kind: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("-q", "-o", tmp_path / "a", **kind) == call("-q", "-o", tmp_path / "b", *words, **kind) == 0
    one, other = (np.load(tmp_path / name / "gen_2" / "samples.npy") for name in "ab")
    assert one.tobytes() != other.tobytes()


def test_bias_has_the_names_of_the_field(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    drawn = []
    for i, flag in enumerate(("--bias", "--lambda", "--temperature")):
        assert call("-q", flag, "0.5", "-o", tmp_path / str(i)) == 0
        drawn.append((tmp_path / str(i) / "gen_2" / "samples.npy").read_bytes())
    assert drawn[0] == drawn[1] == drawn[2]


def test_replicates_of_models_that_train_alone_have_folders_of_their_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["generate", "gmm", "--regime", "replace", "-n", "30", "--generations", "1", "--replicates", "2"]
    assert main([*words, "-j", "-o", str(tmp_path)]) == 0
    shown = capsys.readouterr()
    assert "replicate 1, generation 1 of 1" in shown.err
    assert [rows[-1]["folder"] for rows in json.loads(shown.out)["lineages"]] == [
        str(tmp_path / f"replicate_{r}" / "gen_1") for r in (0, 1)
    ]


def test_json_tells_of_every_generation(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = document(capsys, "-o", tmp_path, "--replicates", "200")
    (rows,) = found["lineages"]
    assert [row["generation"] for row in rows] == [0, 1, 2]
    assert rows[2]["origins"] == {"1": 30}
    assert abs(rows[2]["variance"] - (1 - 1 / 30) ** 2) < 0.05
    assert found["arguments"]["regime"] == "replace"


def test_a_longer_run_goes_on_and_another_needs_force(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("-o", tmp_path, "-q") == 0
    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("gen_*/*")}
    assert call("-o", tmp_path, "-q", "--generations", "4") == 0
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in before.items())
    assert (tmp_path / "gen_4").is_dir()
    assert call("-o", tmp_path, "--seed", "1") == 3
    assert "--force" in capsys.readouterr().err
    assert call("-o", tmp_path, "-q", "--seed", "1", "--force") == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["gen_0", "gen_1", "gen_2"]


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "thesis.txt").write_text("years")
    assert call("-o", tmp_path) == 2
    assert "not empty" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
    assert call("-o", tmp_path, "-q", "--force") == 0
    assert (tmp_path / "thesis.txt").read_text() == "years"


def test_dry_run_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = document(capsys, "-o", tmp_path / "a", "--dry-run", regime="accumulate")
    assert (found["fits"], found["rows"]) == (2, 90) and found["seconds"] > 0
    assert not (tmp_path / "a").exists()
    assert call("--dry-run") == 0
    assert "2 fits on 60 rows in all" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("gausian", "--regime", "replace", "-o", "x"), "did you mean 'gaussian'"),
        (("gaussian", "--regime", "replac", "-o", "x"), "did you mean 'replace'"),
        (("gaussian", "--regime", "replace"), "-o DIR"),
        (("gaussian", "--regime", "replace", "-o", "x", "--set", "d"), "NAME=VALUE"),
        (("gaussian", "--regime", "replace", "-o", "x", "--set", "d=many"), "d is a whole number"),
        (("vae", "--regime", "replace", "-o", "x", "--set", "noise=maybe"), "noise is true or false"),
        (("gaussian", "--regime", "replace", "-o", "x", "--set", "e=1"), "no option 'e'; it has: d"),
        (("gaussian", "--regime", "replace", "-o", "x", "--data", "y"), "no option 'data'"),
        (("gmm", "--regime", "replace", "-o", "x", "--device", "auto"), ""),
        (("language-model", "--regime", "replace", "-o", "x"), "needs a text file"),
    ],
)
def test_what_cannot_be_is_said(
    words: tuple[str, ...], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    code = main(["generate", *words, "--generations", "1", "-n", "30"])
    assert code == (2 if message else 0)
    assert message in capsys.readouterr().err


def test_every_model_and_replicate_is_shown_where_it_lies(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["generate", "gmm", "--regime", "exchange", "--replicates", "2", "--generations", "1", "-n", "30", "-q"]
    assert main([*words, "-j", "-o", str(tmp_path)]) == 0
    folders = [Path(row["folder"]) for one in json.loads(capsys.readouterr().out)["lineages"] for row in one]
    places = [tmp_path / f"replicate_{r}" / model for r in range(2) for model in ("", "model_1")]
    assert folders == [place / f"gen_{t}" for place in places for t in range(2)]
    assert all((folder / "card.json").exists() for folder in folders)


def test_the_real_rows_of_one_that_trains_alone_are_in_its_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["generate", "gmm", "--regime", "replace", "--generations", "1", "-n", "30", "--replicates", "2", "-q"]
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(30, 2)))  # its law has no checkpoint
    assert main([*words, "--data", str(tmp_path / "x.npy"), "-o", str(tmp_path / "out")]) == 0
    assert f"{tmp_path / 'out' / 'replicate_0'}/gen_{{generation}}" in capsys.readouterr().out


def test_fresh_without_real_rows_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["generate", "gaussian", "--regime", "fresh", "--generations", "1", "-n", "9", "-q", "-o", str(tmp_path)]
    assert main(words) == 0
    assert "fresh without --real-share draws no real rows" in capsys.readouterr().err
    assert main([*words[:-1], str(tmp_path / "some"), "--real-share", "0.5"]) == 0
    assert capsys.readouterr().err == ""


def test_data_is_an_option_of_the_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(30, 2)))
    words = [
        "generate",
        "gmm",
        "--regime",
        "replace",
        "--generations",
        "1",
        "-n",
        "30",
        "--data",
        str(tmp_path / "x.npy"),
    ]
    assert main([*words, "-o", str(tmp_path / "out"), "-q"]) == 0
    card = json.loads((tmp_path / "out" / "gen_0" / "card.json").read_text())
    assert card["options"] == {"data": str(tmp_path / "x.npy")}


def test_the_encoder_of_images_is_named_by_the_same_flag(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["generate", "vae", "--regime", "replace", "-n", "20", "--generations", "1", "--set", "steps=2", "-q"]
    assert main([*words, "--encoder", "classifier", "-o", str(tmp_path)]) == 0
    assert np.load(tmp_path / "gen_1" / "embeddings.npy").shape == (20, 32)
    assert call("--encoder", "pixels", "-o", tmp_path / "none") == 2
    assert "gaussian has no option 'encoder'" in capsys.readouterr().err


def test_help_names_every_model_option_and_regime() -> None:
    text = generate.EPILOG
    assert all(f"  {name} " in text for name in (*MODELS, *REGIMES))
    for model in MODELS:
        part = text[text.index(f"  {model} ") :].split("\n\n")[0]
        for option, default in options_of(model).items():
            shown = str(default).lower() if isinstance(default, bool) else default
            assert f"{option}={shown}" in part, (model, option)


def test_killed_and_run_again_gives_the_same_bytes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["generate", "gaussian", "--regime", "accumulate-subsample", "--generations", "60", "-n", "400", "-q", "-o"]
    command = [sys.executable, "-m", "geometry", *words, str(tmp_path / "killed")]
    child = subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"}, stdout=subprocess.DEVNULL)
    until = time.monotonic() + 120
    while not (tmp_path / "killed" / "gen_1").exists() and child.poll() is None and time.monotonic() < until:
        time.sleep(0.002)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert (tmp_path / "killed" / "gen_1").exists()
    assert main([*words, str(tmp_path / "killed")]) == main([*words, str(tmp_path / "whole")]) == 0
    files = sorted(path.relative_to(tmp_path / "whole") for path in (tmp_path / "whole").rglob("*"))
    assert files == sorted(path.relative_to(tmp_path / "killed") for path in (tmp_path / "killed").rglob("*"))
    for name in files:
        if (tmp_path / "whole" / name).is_file():
            assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "killed" / name).read_bytes(), name
