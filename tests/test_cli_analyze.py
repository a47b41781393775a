"""The analyze command: one strict document, the folder it writes, what it refuses, and that each option counts."""

from __future__ import annotations

import io
import json
from argparse import ArgumentTypeError
from contextlib import nullcontext, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NoReturn

import clouds
import numpy as np
import pytest
import torch
from jsonschema import Draft202012Validator

from geometry.catalog import DEFAULT
from geometry.cli import main
from geometry.cli.analyze import size
from geometry.schema import read_record, schema_text

N, D = 150, 8
QUICK = ("--statistics", "scale", "-q")


@pytest.fixture(scope="module")
def generations(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three generations: a cloud, another draw of it, and one shrunk to a third."""
    folder = tmp_path_factory.mktemp("generations")
    for g, factor in enumerate((1.0, 1.0, 1 / 3)):
        np.save(folder / f"gen_{g}.npy", factor * clouds.power_law(N, D, seed=g))
    return folder


@pytest.fixture(scope="module")
def whole(generations: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str, Path]:
    """Standard output, standard error and folder of a run with everything."""
    out = tmp_path_factory.mktemp("run") / "run"
    said, told = io.StringIO(), io.StringIO()
    with redirect_stdout(said), redirect_stderr(told):
        assert main(["analyze", str(generations), "-o", str(out), "--json"]) == 0
    return said.getvalue(), told.getvalue(), out


def document(text: str) -> dict[str, Any]:
    """The one strict document that `text` is, valid by the schema."""

    def refuse(constant: str) -> NoReturn:
        raise AssertionError(f"{constant} is not JSON")

    found: dict[str, Any] = json.loads(text, parse_constant=refuse)
    Draft202012Validator(json.loads(schema_text())).validate(found)
    return found


def analysed(capsys: pytest.CaptureFixture[str], *words: object) -> dict[str, Any]:
    """The document of a quick run with further arguments."""
    assert main(["analyze", *map(str, words), *QUICK, "--json"]) == 0
    return document(capsys.readouterr().out)


def test_json_is_one_strict_document_that_meets_the_schema(whole: tuple[str, str, Path]) -> None:
    found = document(whole[0])
    assert [one["n"] for one in found["inputs"]] == [N] * 3
    assert {row["name"] for row in found["results"]} == set(DEFAULT)
    assert [row for row in found["results"] if row["status"] == "failed"] == []
    assert found["verdict"]["onsets"]["variance"]["generation"] == 2
    assert [one["changes"] for one in found["verdict"]["generations"]][:2] == [[], []]


def test_progress_is_on_stderr_and_quiet_has_none(
    whole: tuple[str, str, Path], generations: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert f"gen_1: {N} x {D}, statistics" in whole[1]
    analysed(capsys, generations)
    assert main(["analyze", str(generations), *QUICK]) == 0
    assert capsys.readouterr().err == ""


def test_the_folder_holds_the_same_run(whole: tuple[str, str, Path]) -> None:
    said, _, folder = whole
    record = read_record(folder)
    assert record.run | {"results": record.results} == json.loads(said)
    document((folder / "run.json").read_text("utf-8"))
    rows = (folder / "results.csv").read_text("utf-8").splitlines()
    assert len(rows) == len(record.results) + 1
    assert (folder / "report.html").stat().st_size > 10_000
    assert list((folder / "figures").glob("*.png"))
    assert not list(folder.rglob(".*"))
    for g in range(3):
        assert record.arrays[f"coordinates.radial.{g}"].shape == (N, 3)
        assert record.arrays[f"eigenvalues.{g}"].shape == (D,)


def test_a_folder_with_something_in_it_is_not_overwritten(
    generations: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text("precious")
    words = ["analyze", str(generations), "-o", str(tmp_path / "run"), *QUICK, "--format", "svg"]
    assert main(words) == 2
    assert "--force" in capsys.readouterr().err
    assert (tmp_path / "run" / "run.json").read_text() == "precious"
    assert main([*words, "--force"]) == 0
    assert capsys.readouterr().out.rstrip().endswith("report.html")
    document((tmp_path / "run" / "run.json").read_text("utf-8"))
    assert {path.suffix for path in (tmp_path / "run" / "figures").glob("*.*")} >= {".svg"}
    assert not list((tmp_path / "run" / "figures").glob("*.png"))


def test_a_file_in_place_of_the_folder_is_3_before_anything_runs(
    generations: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "run").write_text("precious")
    assert main(["analyze", str(generations), "-o", str(tmp_path / "run")]) == 3
    assert "is a file" in capsys.readouterr().err


def test_the_table_names_generations_states_and_the_summary(
    generations: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["analyze", str(generations), *QUICK]) == 0
    out = capsys.readouterr().out
    assert "generation" in out and "variance since generation 2" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--statistics", "two_n"), "did you mean 'two_nn'?"),
        (("--reference", "7"), "none of the generations"),
        (("--reference=--5",), "none of the generations"),
    ],
)
def test_what_is_not_there_is_a_usage_error(
    words: tuple[str, ...], said: str, generations: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["analyze", str(generations), *words]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.skipif(torch.cuda.is_available(), reason="the error is that of a machine without a CUDA device")
def test_cuda_without_a_gpu_says_why(generations: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyze", str(generations), "--device", "cuda"]) == 2
    assert "--device cuda: " in capsys.readouterr().err


def test_reference_by_number_and_by_name(generations: Path, capsys: pytest.CaptureFixture[str]) -> None:
    by_number = analysed(capsys, generations, "--reference", 2)
    by_name = analysed(capsys, generations, "--reference", "gen_2")
    assert by_number["reference"] == by_name["reference"] == 2
    ratio = [row["value"] for row in by_number["results"] if (row["generation"], row["variant"]) == (0, "ratio")]
    assert len(ratio) == 1 and 6 < ratio[0] < 13


def test_statistics_sample_seed_and_k(generations: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain, sampled = (analysed(capsys, generations, *words) for words in ((), ("--sample", 60)))
    assert {row["name"] for row in plain["results"]} == {"scale"}
    assert [one["n_used"] for one in sampled["inputs"]] == [60] * 3
    other = analysed(capsys, generations, "--sample", 60, "--seed", 1)
    values = [[row["value"] for row in run["results"]] for run in (sampled, other)]
    assert other["seed"] == 1 and values[0] != values[1]
    wide = analysed(capsys, generations, "--sample", 60, "-k", 80)
    assert wide["k"] == 80 and any("not k = 80" in warning for warning in wide["warnings"])


def test_key_pattern_and_nan(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    points = clouds.power_law(40, 4)
    spoilt = np.vstack([points, np.full((1, 4), np.nan)])
    for g in range(2):
        (tmp_path / f"step{g}").mkdir()
        np.savez(tmp_path / f"step{g}" / "x.npz", a=points, b=spoilt)
    words = (tmp_path, "--pattern", "step{generation}/x.npz")
    assert [one["n"] for one in analysed(capsys, *words, "--key", "a")["inputs"]] == [40, 40]
    assert main(["analyze", *map(str, words), "--key", "b"]) == 3
    assert "NaN" in capsys.readouterr().err
    dropped = analysed(capsys, *words, "--key", "b", "--nan", "drop")
    assert [one["dropped"] for one in dropped["inputs"]] == [1, 1]
    assert any("dropped" in warning for warning in dropped["warnings"])


def test_memory_and_threads(
    generations: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert analysed(capsys, generations, "--memory-budget", "2M")["arguments"]["memory_budget"] == 2 << 20
    assert [size(text) for text in ("7", "3k", "1G", "1.5GiB", "2TB")] == [7, 3 << 10, 1 << 30, 3 << 29, 2 << 40]
    for wrong in ("0", "1X", "-3", "G", "0.1"):
        with pytest.raises(ArgumentTypeError, match="is no size"):
            size(wrong)
    asked: list[int] = []
    monkeypatch.setattr(torch, "set_num_threads", asked.append)

    def limited(limits: int, user_api: str | None = None) -> Any:
        if user_api is None:
            asked.append(limits)
        return nullcontext()

    monkeypatch.setattr("threadpoolctl.threadpool_limits", limited)
    analysed(capsys, generations, "--threads", 1)
    assert asked[:2] == [1, 1]  # then the engine's own turns between its threads and torch's
