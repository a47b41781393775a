"""Tables of who was lost and who is new, from a run on sets that are known."""

from __future__ import annotations

import csv
from pathlib import Path

import clouds
import numpy as np
import pytest

from geometry.analysis import Analysis, analyze
from geometry.report.attribution import KINDS, write_tables
from geometry.types import EmbeddingSet, Record


@pytest.fixture(scope="module")
def analysis() -> Analysis:
    whole = clouds.clusters(240, 5)
    names = np.array([f"row {i}" for i in range(240)])
    labels = np.array([f"mode {i % 4}" for i in range(240)])
    copies = np.concatenate([whole[:120], whole[:120] + 0.05 * clouds.gaussian(120, 5)])
    sets = [
        EmbeddingSet(whole, generation=0, ids=names, labels=labels),
        EmbeddingSet(copies, generation=7, ids=names, labels=labels, origin=np.arange(240) % 2),
    ]
    return analyze(sets, statistics="novelty,provenance,tail_survival,mode_coverage")


def table(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def test_every_row_says_who_it_is_and_what_it_is_like(analysis: Analysis, tmp_path: Path) -> None:
    paths = {path.name: path for path in write_tables(analysis.record, tmp_path)}
    rows = table(paths["rows_1.csv"])
    assert [row["row"] for row in rows] == [str(i) for i in range(240)]
    assert rows[3]["id"] == "row 3" and rows[3]["label"] == "mode 3" and rows[3]["origin"] == "1"
    assert {row["novelty"] for row in rows[:120]} == {"copy"}
    assert {row["novelty"] for row in rows} <= set(KINDS)
    assert all(0 < float(row["provenance"]) < 1 for row in rows)
    assert "rows_0.csv" not in paths


def test_weights_are_a_file_that_training_can_read(analysis: Analysis, tmp_path: Path) -> None:
    paths = {path.name: path for path in write_tables(analysis.record, tmp_path)}
    weights = np.load(paths["weights_1.npy"])
    assert weights.shape == (240,) and weights.dtype == np.float64
    assert weights.mean() == pytest.approx(1, rel=1e-5) and (weights >= 0).all()
    column = [float(row["weight"]) for row in table(paths["rows_1.csv"])]
    assert column == pytest.approx(weights, rel=1e-5)


def test_lost_rows_carry_their_id_and_generation(analysis: Analysis, tmp_path: Path) -> None:
    paths = {path.name: path for path in write_tables(analysis.record, tmp_path)}
    lost = table(paths["lost_tails.csv"])
    assert [row["id"] for row in lost] == [f"row {row['row']}" for row in lost]
    assert {row["lost_since_generation"] for row in lost} <= {"7"}
    assert table(paths["lost_modes.csv"]) == []


def test_a_run_without_such_statistics_writes_nothing(analysis: Analysis, tmp_path: Path) -> None:
    assert write_tables(Record(analysis.record.run, [], {}), tmp_path) == []
    assert list(tmp_path.iterdir()) == []
