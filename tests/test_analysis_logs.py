"""Training logs in a run: where their values stand among the generations, the trends that show them, and errors."""

from __future__ import annotations

import json
from pathlib import Path

import clouds
import numpy as np
import pytest
from jsonschema import Draft202012Validator

from geometry import analyze
from geometry.analysis.logs import positions
from geometry.cli import main
from geometry.errors import InputError
from geometry.report import logs, trends
from geometry.schema import schema_text
from geometry.sources.logs import Curve

SETS = [clouds.gaussian(120, 4, seed) for seed in range(3)]
ROW = {"statistics": "effective_rank", "k": 8}


def curve(axis: str, *at: float) -> Curve:
    return Curve("loss", axis, np.array(at), np.arange(len(at), dtype=float), "log.csv")


def test_places_among_generations() -> None:
    numbers = np.array([0.0, 100.0, 300.0])
    for one, place, spread in (
        (curve("step", 0, 50, 100, 200, 300), [0, 0.5, 1, 1.5, 2], False),
        (curve("step", 0, 500, 1000), [0, 1, 2], True),
        (curve("generation", 0, 300, 900), [0, 2, 2], False),
        (curve("row", 0), [0], False),
        (curve("step", 999), [0], True),
    ):
        found, was_spread = positions(one, numbers)
        assert (found.tolist(), was_spread) == (place, spread)


def test_logs_are_drawn_on_the_trends(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("generation,accuracy,loss\n" + "".join(f"{g},.5,{3 - g}\n" for g in range(3)))
    (tmp_path / "b.jsonl").write_text("".join(json.dumps({"step": 10 * i, "lr": 0.1}) + "\n" for i in range(5000)))
    with_log = analyze(SETS, log=(str(tmp_path / "a.csv"), str(tmp_path / "b.jsonl")), **ROW)
    record = with_log.record
    Draft202012Validator(json.loads(schema_text())).validate(record.run)
    assert [(one["name"], one["axis"], one["spread"]) for one in record.run["logs"]] == [
        ("accuracy", "generation", False),
        ("loss", "generation", False),
        ("lr", "step", True),
    ]
    assert record.arrays["log.1.value"].tolist() == [3, 2, 1] and record.arrays["log.1.position"].tolist() == [0, 1, 2]
    assert len(record.arrays["log.2.value"]) == 2000 and record.arrays["log.2.position"][-1] == 2
    assert [note for note in record.run["warnings"] if "spread over the whole run" in note]
    bare = analyze(SETS, **ROW)
    drawn = [
        [ax.get_title(loc) for ax in trends.draw(one.record).axes for loc in ("left", "center")]
        for one in (bare, with_log)
    ]
    titles = [title for title in drawn[1] if title not in drawn[0]]
    assert titles == ["log: loss", "log: accuracy", "log: lr"]
    logged = [row[2:4] for row in trends.data(record)[1] if row[0] == "log: loss"]
    assert logged == [["0", "3"], ["1", "2"], ["2", "1"]]
    assert with_log.results == bare.results


def test_logs_that_name_their_curves_alike_are_told_apart(tmp_path: Path) -> None:
    for run in ("first", "second"):
        (tmp_path / run).mkdir()
        (tmp_path / run / "metrics.csv").write_text("step,loss\n0,1\n2,0\n")
    (tmp_path / "other.csv").write_text("step,lr\n0,1\n")
    paths = [tmp_path / "first" / "metrics.csv", tmp_path / "second" / "metrics.csv", tmp_path / "other.csv"]
    record = analyze(SETS, log=tuple(map(str, paths)), **ROW).record
    assert [heading for heading, *_ in logs.logged(record)] == ["loss (first)", "loss (second)", "lr"]


def test_a_log_that_cannot_be_read_stops_the_run_before_it_starts(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.csv does not exist"):
        analyze(SETS, log=(str(tmp_path / "none.csv"),), out=tmp_path / "run", **ROW)
    assert not (tmp_path / "run" / "run.json").exists()


def test_the_command_takes_logs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for g, points in enumerate(SETS):
        np.save(tmp_path / f"gen_{g}.npy", points)
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "a.csv").write_text("step,loss\n0,1\n2,0\n")
    words = ["analyze", str(tmp_path / "gen_{generation}.npy"), "--statistics", "scale", "-q", "-j"]
    assert main([*words, "--log", str(tmp_path / "logs" / "a.csv")]) == 0
    assert [one["name"] for one in json.loads(capsys.readouterr().out)["logs"]] == ["loss"]
