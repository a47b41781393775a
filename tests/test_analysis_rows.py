"""The rows of a run: every statistic of every generation, two sets at equal rows, and failures that stop nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import clouds
import numpy as np
import pytest

from geometry.analysis.asked import Options
from geometry.analysis.plan import plan
from geometry.analysis.rows import FIELDS, equal, outcomes_of, rows_of
from geometry.catalog import compute, statistics
from geometry.types import EmbeddingSet

ROWS = 160


def test_two_sets_are_compared_at_the_rows_of_the_smaller() -> None:
    made = plan([clouds.gaussian(80, 4), clouds.gaussian(50, 4, 1)], Options())
    assert [scan.n for scan in equal(made.scans[1], made.scans[0])] == [50, 50]
    assert equal(made.scans[0], made.scans[0])[0] is made.scans[0]
    rows = rows_of(made, 1, outcomes_of(made, 1))
    assert {row["n"] for row in rows if row["name"] == "prdc"} == {50}


def test_a_reference_has_no_rows_of_two_sets() -> None:
    made = plan([clouds.gaussian(60, 4), clouds.gaussian(60, 4, 1)], Options(statistics="scale,frechet"))
    first, second = ([row["name"] for row in rows_of(made, g, outcomes_of(made, g))] for g in (0, 1))
    assert "frechet" not in first
    assert "frechet" in second
    assert len([name for name in second if name == "scale"]) > len([name for name in first if name == "scale"])


def test_a_row_says_where_it_is_from_and_all_of_its_estimate() -> None:
    sets = [EmbeddingSet(clouds.gaussian(60, 4, g), generation=5 + g, layer="last") for g in range(2)]
    made = plan(sets, Options(statistics="two_nn", reference=5))
    row = rows_of(made, 1, outcomes_of(made, 1))[0]
    assert (row["generation"], row["position"], row["layer"], row["name"]) == (6, 1, "last", "two_nn")
    assert set(row) == {"generation", "position", "layer", "name", "variant", *FIELDS}
    estimate: Any = compute("two_nn", clouds.gaussian(60, 4, 1))
    assert row["value"] == estimate.value
    assert (row["low"], row["high"], row["n"], row["d"]) == (estimate.low, estimate.high, 60, 4)


def test_the_seed_and_the_rows_of_the_gauges_reach_the_statistics() -> None:
    sets = [clouds.clusters(300, 6), clouds.clusters(120, 6, 1)]
    gains = {}
    for seed in (0, 1):
        made = plan(sets, Options(statistics="structure_gain", seed=seed))
        (row,) = rows_of(made, 0, outcomes_of(made, 0))
        assert row["n"] == 120
        gains[seed] = row["value"]
    assert gains[0] != gains[1]


@pytest.fixture(scope="module")
def every_row() -> list[dict[str, Any]]:
    """All statistics of three paired generations: eight clusters, five, and zeros beside few rows."""
    points = clouds.clusters(ROWS, 5, count=8)
    sets = [points, clouds.clusters(ROWS, 5, count=5), np.where(np.arange(ROWS)[:, None] < 30, points, 0.0)]
    ids = np.arange(ROWS)
    made = [EmbeddingSet(rows, generation=g, ids=ids, labels=ids % 4) for g, rows in enumerate(sets)]
    made = plan(made, Options(statistics="all"))
    return [row for g in range(3) for row in rows_of(made, g, outcomes_of(made, g))]


def test_all_statistics_of_all_generations_are_ok_or_undefined_with_a_reason(every_row: list[dict[str, Any]]) -> None:
    assert {row["name"] for row in every_row} == {one.name for one in statistics()}
    assert {row["status"] for row in every_row} == {"ok", "undefined"}
    assert all(row["reason"] for row in every_row if row["status"] == "undefined")


def test_a_run_leaves_the_landmarks_of_homology_alone(every_row: list[dict[str, Any]]) -> None:
    """Degree 2 of as many rows as the gauges take would fill the memory of the machine."""
    (hollow,) = (row for row in every_row if (row["name"], row["variant"], row["generation"]) == ("void", "h2", 0))
    alone: Any = compute("void", clouds.clusters(ROWS, 5, count=8))
    assert hollow["value"] == alone["h2"].value


def test_a_statistic_that_fails_leaves_a_row_and_stops_nothing() -> None:
    def broken(scan: object) -> None:
        raise ZeroDivisionError("no")

    made = plan([clouds.gaussian(40, 4)], Options(statistics="scale,two_nn"))
    entries = (replace(made.entries[0], function=broken, needs=("points",)), made.entries[1])
    rows = rows_of(replace(made, entries=entries), 0, outcomes_of(replace(made, entries=entries), 0))
    assert [(row["name"], row["status"]) for row in rows if row["status"] == "failed"] == [("scale", "failed")]
    assert rows[0]["reason"] == "ZeroDivisionError: no"
    assert rows[0]["value"] is None
    assert any(row["name"] == "two_nn" and row["status"] == "ok" for row in rows)


@pytest.mark.parametrize("n", [3, 30])
def test_few_rows_give_rows_with_reasons_and_no_failure(n: int) -> None:
    made = plan([clouds.gaussian(n, 4), clouds.gaussian(n, 4, 1)], Options())
    rows = rows_of(made, 1, outcomes_of(made, 1))
    assert {row["status"] for row in rows} == {"ok", "undefined"}
    assert all(row["reason"] for row in rows if row["status"] == "undefined")
