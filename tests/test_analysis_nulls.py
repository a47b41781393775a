"""Nulls of a run: the statistic's own, the reference, or halves of the reference."""

from __future__ import annotations

from typing import Any

import clouds
import numpy as np
import pytest

from geometry.analysis.asked import Options
from geometry.analysis.nulls import HALVES, OWN, REFERENCE, halves
from geometry.analysis.plan import Plan, plan
from geometry.analysis.rows import outcomes_of, rows_of
from geometry.catalog import compute


def rows_by_name(made: Plan, g: int) -> dict[tuple[str, str], dict[str, Any]]:
    return {(row["name"], row["variant"]): row for row in rows_of(made, g, outcomes_of(made, g))}


def test_a_statistic_of_one_set_is_held_against_the_reference_on_as_many_rows() -> None:
    sets = [clouds.gaussian(400, 6), np.hstack([clouds.gaussian(250, 3, 1), np.zeros((250, 3))])]
    made = plan(sets, Options(statistics="mle"))
    ((key, row),) = rows_by_name(made, 1).items()
    null: Any = compute("mle", made.scans[0].at_most(250).points)
    assert row["null_of"] == REFERENCE
    assert row["null"] == pytest.approx(null.value)
    assert row["z"] == pytest.approx((row["value"] - null.value) / np.hypot(row["stderr"], null.stderr))
    assert row["z"] < -5
    assert rows_by_name(made, 0)[key]["null_of"] == ""


def test_a_null_of_its_own_is_kept() -> None:
    made = plan([clouds.gaussian(200, 4), clouds.gaussian(200, 4, 1)], Options(statistics="prdc"))
    row = rows_by_name(made, 1)["prdc", "density"]
    assert (row["null"], row["null_of"]) == (1.0, OWN)


def test_a_statistic_of_two_sets_is_held_against_halves_of_the_reference() -> None:
    made = plan([clouds.gaussian(300, 5), 3 * clouds.gaussian(300, 5, 1)], Options(statistics="spectrum_shift"))
    found = rows_by_name(made, 1)
    a, b = halves(made.scans[0])
    direct: Any = compute("spectrum_shift", a.points, b.points)
    theirs = [row for row in found.values() if row["null_of"] == HALVES]
    for row in theirs:
        assert row["null"] == pytest.approx(direct[row["variant"]].value)
    assert {row["null_of"] for row in found.values()} <= {OWN, HALVES}


def test_halves_share_no_row_and_leave_none_out() -> None:
    made = plan([clouds.gaussian(101, 3)], Options())
    a, b = halves(made.scans[0])
    assert a.numbers is not None and b.numbers is not None
    assert sorted([*a.numbers, *b.numbers]) == list(range(101))
    assert (a.points == made.scans[0].points[a.numbers]).all()
    assert halves(made.scans[0])[0] is a
