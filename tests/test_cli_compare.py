"""The compare command: two files side by side, one strict document, pairs, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import clouds
import numpy as np
import pytest
from jsonschema import Draft202012Validator

from geometry.catalog import compute
from geometry.cli import main
from geometry.schema import read_record, schema_text

N, D = 200, 6
X, Y = clouds.power_law(N, D), 0.3 * clouds.power_law(N, D, 1)


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    np.save(tmp_path / "old.npy", X)
    np.savez(tmp_path / "new.npz", first=Y, second=clouds.gaussian(50, D))
    return str(tmp_path / "old.npy"), f"{tmp_path / 'new.npz'}:first"


def document(capsys: pytest.CaptureFixture[str], *words: object) -> dict[str, Any]:
    assert main(["compare", *map(str, words), "-q", "-j"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    Draft202012Validator(json.loads(schema_text())).validate(found)
    return found


def test_b_is_held_against_a(files: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    found = document(capsys, *files, "--statistics", "scale,frechet")
    values = {(row["position"], row["name"], row["variant"]): row["value"] for row in found["results"]}
    assert values[1, "frechet", ""] == pytest.approx(compute("frechet", Y, X).value)
    assert values[1, "scale", "ratio"] == pytest.approx(compute("scale", Y, X).value)
    assert [one["name"] for one in found["inputs"]] == ["old", "new"]
    assert "variance" in found["verdict"]["generations"][1]["changes"]


def test_the_table_speaks_of_a_and_b_and_of_no_generation(
    files: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", *files, "-q", "--statistics", "scale,cka"]) == 0
    said = capsys.readouterr().out
    lines = said.splitlines()
    assert lines[0].startswith("A  old  200 x 6") and lines[1].startswith("B  new  200 x 6")
    assert "generation" not in said
    assert any(line.split()[:2] == ["scale", "ratio"] and "to" in line for line in lines)
    assert "undefined: unpaired" in said
    assert "--paired says that they are" in said
    assert lines[-1].startswith("B differs from A in: variance")


def test_equal_laws_do_not_differ(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, seed in (("a", 3), ("b", 4)):
        np.save(tmp_path / f"{name}.npy", clouds.gaussian(N, D, seed))
    assert main(["compare", str(tmp_path / "a.npy"), str(tmp_path / "b.npy"), "-q", "--statistics", "scale"]) == 0
    assert "None of the changes" in capsys.readouterr().out.splitlines()[-1]


def test_by_default_every_statistic_of_two_sets_and_a_folder(
    files: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    assert main(["compare", *files, "--paired", "-q", "-o", str(out)]) == 0
    assert capsys.readouterr().out.rstrip().endswith("report.html")
    rows = read_record(out).results
    assert {"cka", "c2st", "novelty", "provenance", "rtd", "prdc", "vendi_ratio"} <= {row["name"] for row in rows}
    assert "mle" not in {row["name"] for row in rows}
    assert [row for row in rows if row["status"] == "failed" or row["reason"] == "unpaired"] == []
    assert (out / "report.html").stat().st_size > 10_000
    assert main(["compare", *files, "-q", "-o", str(out)]) == 2
    assert "--force" in capsys.readouterr().err


def test_options_reach_the_run(files: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    one, other = (document(capsys, *files, "--statistics", "scale", "--sample", 60, "--seed", seed) for seed in (0, 1))
    assert [given["n_used"] for given in one["inputs"]] == [60, 60]
    assert [row["value"] for row in one["results"]] != [row["value"] for row in other["results"]]
    wide = document(capsys, *files, "--statistics", "scale", "-k", 150, "--memory-budget", "3M")
    assert wide["k"] == 150 and wide["arguments"]["memory_budget"] == 3 << 20


def test_pairs_by_position_and_by_the_files_own_ids(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    order = np.random.default_rng(0).permutation(N)
    np.savez(tmp_path / "a.npz", x=X, ids=np.arange(N))
    np.savez(tmp_path / "b.npz", x=(X + 0.1)[order], ids=order)
    paths = tmp_path / "a.npz", tmp_path / "b.npz"
    for words in ((), ("--paired",)):
        (row,) = document(capsys, *paths, "--statistics", "procrustes", *words)["results"]
        assert row["value"] == pytest.approx(0, abs=1e-6)
    for name in ("a", "b"):
        np.save(tmp_path / f"{name}.npy", np.load(tmp_path / f"{name}.npz")["x"])
    bare = tmp_path / "a.npy", tmp_path / "b.npy"
    assert document(capsys, *bare, "--statistics", "procrustes")["results"][0]["reason"] == "unpaired"
    assert document(capsys, *bare, "--statistics", "procrustes", "--paired")["results"][0]["value"] > 0.5


def test_what_is_no_pair_of_sets_is_refused(
    files: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "runs").mkdir()
    for g in range(2):
        np.save(tmp_path / "runs" / f"gen_{g}.npy", X)
    assert main(["compare", files[0], str(tmp_path / "runs")]) == 2
    assert "holds 2 sets" in capsys.readouterr().err
    np.save(tmp_path / "short.npy", Y[:50])
    assert main(["compare", files[0], str(tmp_path / "short.npy"), "--paired"]) == 2
    assert "--paired" in capsys.readouterr().err
    assert main(["compare", files[0], str(tmp_path / "none.npy")]) == 3
    assert main(["compare", *files, "--statistics", "frechett"]) == 2
    assert "did you mean 'frechet'" in capsys.readouterr().err


def test_rows_with_nan(tmp_path: Path, files: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    np.save(tmp_path / "bad.npy", np.vstack([Y, np.full((1, D), np.nan)]))
    assert main(["compare", files[0], str(tmp_path / "bad.npy")]) == 3
    assert "NaN" in capsys.readouterr().err
    dropped = document(capsys, files[0], tmp_path / "bad.npy", "--nan", "drop", "--statistics", "scale")
    assert [one["dropped"] for one in dropped["inputs"]] == [0, 1]
