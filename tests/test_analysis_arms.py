"""Arms side by side: the folder of an ablation, names for numbers, no onset, and what each arm changed."""

from __future__ import annotations

import json
from pathlib import Path

import clouds
import numpy as np
import pytest
from jsonschema import Draft202012Validator

from geometry import analyze
from geometry.analysis.arms import of_arms
from geometry.cli import main
from geometry.report import plane, trends
from geometry.schema import schema_text


@pytest.fixture(scope="module")
def ablation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An ablation's folder: without x the spread is a tenth, without y the set is turned."""
    folder = tmp_path_factory.mktemp("ablation")
    points = clouds.clusters(200, 6)
    turn = np.linalg.qr(np.random.default_rng(0).standard_normal((6, 6)))[0]
    for name, rows in (("all", points), ("without_x", 0.1 * points), ("without_y", points @ turn)):
        place = folder / "arms" / name
        (place / "replicates").mkdir(parents=True)
        np.save(place / "embeddings.npy", rows)
        np.save(place / "embeddings_ids.npy", np.arange(200))
        np.save(place / "replicates" / "1.npy", rows)
    (folder / "ablation.csv").write_text("group,change\nx,1\n")
    return folder


def test_arms_are_named_and_have_no_onset(ablation: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [str(ablation), "--by", "arm", "--statistics", "effective_rank,scale", "-q"]
    assert main(["analyze", *words, "-j"]) == 0
    found = json.loads(capsys.readouterr().out)
    Draft202012Validator(json.loads(schema_text())).validate(found)
    assert [one["name"] for one in found["verdict"]["generations"]] == ["all", "without_x", "without_y"]
    assert found["verdict"]["onsets"] == {} and found["arguments"]["align"] == "ids"
    assert (
        found["verdict"]["summary"] == "3 arms, against all: without_x in variance and modes; no change in without_y."
    )
    assert main(["analyze", *words, "--reference", "without_x"]) == 0
    said = capsys.readouterr().out
    assert said.split()[0] == "effective" and "arm" in said.split("\n")[1].split()[0]
    assert "3 arms, against without_x: all in variance" in said and "; without_y in variance" in said


def test_pictures_name_arms_and_join_none(ablation: Path) -> None:
    record = analyze(ablation, by="arm", statistics="effective_rank,angle_dimension,structure_gain", k=8).record
    figure = trends.draw(record)
    labels = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert labels == ["all", "without_x", "without_y"]
    assert {line.get_linestyle() for line in figure.axes[0].lines if len(line.get_xdata()) == 3} <= {"None", "--"}
    record.run["arguments"]["by"] = None
    assert [label.get_text() for label in trends.draw(record).axes[0].get_xticklabels()] == ["0", "1", "2"]
    assert plane.draw(record) is None or plane.draw(record).axes


def test_sentence_where_nothing_differs() -> None:
    arms = [{"name": name, "changes": []} for name in ("a", "b")]
    assert of_arms({"generations": arms, "onsets": {"x": 1}}, 1) == {
        "generations": arms,
        "onsets": {},
        "summary": "2 arms, against b: none differs by more than chance.",
    }
