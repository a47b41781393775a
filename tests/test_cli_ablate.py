"""The ablate command: data and groups from files, options, results on disk, what it refuses."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from geometry.cli import ablate, main
from geometry.errors import UsageError
from geometry.loops.ablate import Files, Rows
from geometry.loops.ablate_data import training


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """300 rows of three groups, of which `odd` alone has clusters in directions of its own."""
    rng = np.random.default_rng(0)
    groups = np.array(["even", "plain", "odd"])[np.arange(300) % 3]
    points = np.c_[0.05 * rng.standard_normal((300, 8)), rng.standard_normal((300, 16))]
    points[groups == "odd", :8] = 3 * rng.standard_normal((6, 8))[np.arange(100) % 6]
    points[groups == "odd", :8] += 0.3 * rng.standard_normal((100, 8))
    np.savez(tmp_path / "data.npz", points=points.astype(np.float32), labels=np.arange(300) % 2, source=groups)
    np.save(tmp_path / "groups.npy", groups)
    return tmp_path / "data.npz"


def test_the_responsible_group_is_said_and_written(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = data.parent / "out"
    words = ["ablate", "pca", "--data", f"{data}:points", "--groups", "source", "--replicates", "2", "-o", str(out)]
    assert main([*words, "--option", "latent=8"]) == 0
    said = capsys.readouterr()
    assert "Structure falls most without odd." in said.out and f"geometry analyze {out / 'arms'} --by arm" in said.out
    assert "without plain, replicate 2 of 2" in said.err
    found = json.loads((out / "ablation.json").read_text())
    assert found["arguments"] == {"model": "pca", "latent": 8, "replicates": 2, "seed": 0}
    assert found["effects"][0]["group"] == "odd" and found["effects"][0]["rows"] == 100
    numbers = [found["effects"][0][key] for key in ("share", "with", "without", "change", "low", "high", "stderr")]
    assert {type(number) for number in numbers} == {float} and found["effects"][0]["significant"] in (True, False)
    assert (out / "ablation.csv").read_text().count("\n") == 1 + 3 * 4
    assert (out / "ablation.png").stat().st_size > 5000
    assert len(np.load(out / "arms" / "all" / "embeddings.npy")) == 300
    assert main([*words, "--option", "latent=8", "-q", "-j"]) == 0
    again = capsys.readouterr()
    assert json.loads(again.out) == found and again.err == ""


def test_groups_labels_and_probe_from_other_files(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save(data.parent / "probe.npy", np.load(data)["points"][:120])
    words = ["ablate", "pca", "--data", str(data), "--probe", str(data.parent / "probe.npy"), "--replicates", "2", "-q"]
    assert main([*words, "-o", str(data.parent / "by-label")]) == 0
    assert "50.0%" in capsys.readouterr().out
    assert (
        main([*words, "--groups", str(data.parent / "groups.npy"), "--seed", "5", "-o", str(data.parent / "file")]) == 0
    )
    assert "without plain" not in capsys.readouterr().err
    assert np.load(data.parent / "file" / "arms" / "without_odd" / "embeddings.npy").shape == (120, 8)


def test_the_entries_of_a_folder_are_groups(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = np.load(data)
    folder = data.parent / "sources"
    folder.mkdir()
    for name in ("even", "plain", "odd"):
        np.save(folder / f"{name}.npy", given["points"][given["source"] == name])
        np.save(folder / f"{name}_labels.npy", given["labels"][given["source"] == name])
    found = training(str(folder), None, as_rows=True)
    assert isinstance(found, Rows) and found.sizes() == {"even": 100, "odd": 100, "plain": 100}
    assert np.array_equal(found.points[found.groups == "odd"], given["points"][given["source"] == "odd"])
    assert found.labels is not None and found.labels[found.groups == "odd"].tolist() == [0, 1] * 50
    assert isinstance(training(str(folder), None, as_rows=False), Files)
    for as_rows in (True, False):
        with pytest.raises(UsageError, match="every entry is a group"):
            training(str(folder), "source", as_rows=as_rows)
    pattern = training(f"{folder}/*n.npy", None, as_rows=False)
    assert isinstance(pattern, Rows) and pattern.sizes() == {"even": 100, "plain": 100}
    np.save(folder / "wide.npy", np.ones((5, 7)))
    assert main(["ablate", "pca", "--data", str(folder), "-o", str(data.parent / "out"), "-q"]) == 3
    assert "differ in dimension" in capsys.readouterr().err and not (data.parent / "out").exists()


def test_dry_run_counts_and_writes_nothing(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = data.parent / "out"
    words = ["ablate", "pca", "--data", str(data), "--groups", "source", "-o", str(out), "--dry-run"]
    assert main([*words, "-j"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["groups"], found["trainings"], found["rows"]) == ({"even": 100, "odd": 100, "plain": 100}, 12, 200)
    assert found["seconds"] > 0 and not out.exists()
    assert main([*words[:1], "x {data} {embeddings}", *words[2:]]) == 0
    assert "12 trainings; how long the command takes is not known" in capsys.readouterr().out


def test_force_removes_the_arms_of_another_run_and_nothing_else(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ablate, "_write", lambda *given: None)
    monkeypatch.setattr(ablate, "_show", lambda *given: None)
    monkeypatch.setattr("geometry.attribution.arms", lambda *given, **options: [])  # what it finds is tested above
    out = data.parent / "out"
    words = ["ablate", "pca", "--data", str(data), "--replicates", "2", "-q", "-o", str(out)]
    assert main(words) == 0
    (out / "notes.txt").write_text("mine")
    assert main([*words, "--seed", "1"]) == 3
    assert "--force" in capsys.readouterr().err
    assert main([*words, "--seed", "1", "--groups", "source", "--force"]) == 0
    assert {path.name for path in (out / "arms").iterdir()} == {
        "all", "without_even", "without_odd", "without_plain"
    }  # fmt: skip
    assert (out / "notes.txt").read_text() == "mine"


def test_what_it_refuses(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def code(*words: str) -> tuple[int, str]:
        given = words if "-o" in words else (*words, "-o", str(data.parent / "none"))
        return main(["ablate", *given, "-q"]), capsys.readouterr().err

    for words, expected, said in (
        (("vea",), 2, "did you mean 'vae'"),
        (("pca", "--option", "latent"), 2, "NAME=VALUE"),
        (("pca", "--set", "latent=a"), 2, "latent is a whole number"),
        (("pca", "--set", "latent=0"), 2, "latent = 0; it must be positive"),
        (("vae", "--set", "steps=1.5"), 2, "steps is a whole number"),
        (("vae", "--set", "rate=nan"), 2, "a finite number"),
        (("pca", "--timeout", "5"), 2, "for training commands"),
        (("x {data} {embeddings}", "--set", "latent=3"), 2, "in its own words"),
        (("pca", "--option", "lat=3"), 2, "no option 'lat'"),
        (("pca", "--data", str(data), "--groups", "sorce"), 3, "it has: "),
        (("pca", "--data", str(data.parent / "groups.npy")), 3, "groups.npy"),
        (("pca", "-o", str(data)), 3, "is a file"),
        (("pca", "-o", str(data.parent)), 2, "is not empty"),
        ((f"{sys.executable} -c 1/0 {{data}} {{embeddings}}", "--data", str(data)), 3, "ZeroDivisionError"),
    ):
        assert code(*words)[0] == expected, words
        assert said in code(*words)[1]
    assert not (data.parent / "none" / "ablation.json").exists()
