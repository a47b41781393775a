"""The statistics of a part agree with the registered ones, whole and within a half."""

from __future__ import annotations

import clouds
import numpy as np
import pytest

from geometry.attribution.part import STATISTICS, Part
from geometry.catalog import compute
from geometry.pairs import executor, scan


def part(points: np.ndarray, rows: np.ndarray) -> Part:
    return Part(scan(points, executor()).of_rows(rows), rows)


def test_values_are_those_of_the_statistics() -> None:
    points, rows = clouds.clusters(240, 5), np.arange(0, 240, 2)
    made = dict(zip(STATISTICS, part(points, rows).values, strict=True))
    assert made["effective_rank"] == pytest.approx(compute("effective_rank", points[rows], of="covariance").value)
    assert made["mle"] == pytest.approx(compute("mle", points[rows]).value)
    for name in ("structure_gain", "dimension_gap"):
        assert made[name] == pytest.approx(compute(name, points[rows]).value, abs=1e-9), name


def test_halves_are_of_the_whole_set() -> None:
    points, rows = clouds.gaussian(300, 4), np.arange(100, 300)
    half = np.arange(300) % 2 == 0
    made = dict(zip(STATISTICS, part(points, rows).within(half), strict=True))
    inside = points[rows[half[rows]]]
    assert made["effective_rank"] == pytest.approx(compute("effective_rank", inside, of="covariance").value)
    assert made["mle"] == pytest.approx(compute("mle", inside).value, rel=0.02)  # but for rows the table cannot fill
    assert abs(made["structure_gain"]) < 0.1


@pytest.mark.parametrize("points", [np.ones((40, 3)), clouds.gaussian(3, 3)])
def test_what_has_no_value_is_nan(points: np.ndarray) -> None:
    rows = np.arange(len(points))
    made = part(points, rows)
    assert np.isnan(made.values[:3]).all()
    assert np.isnan(made.within(rows % 2 == 0)[:3]).all()
