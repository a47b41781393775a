"""Rows planted at the ends of known directions are found there."""

from __future__ import annotations

import numpy as np
import pytest

from geometry.pairs import executor, scan
from geometry.pairs.furthest import directions, furthest


def test_the_furthest_rows_along_planted_directions_are_found() -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(300, 5)) * [5, 3, 0.1, 0.1, 0.1]
    points[17, 0], points[40, 0], points[99, 1] = 60, -50, 40
    along = directions(scan(points, executor("cpu")), 2)
    rows, scores = furthest(points, along, 4)
    assert rows.shape == scores.shape == (2, 2, 4)
    ends = {int(rows[0, 0, 0]), int(rows[0, 1, 0])}
    assert ends == {17, 40}
    assert 99 in {int(rows[1, 0, 0]), int(rows[1, 1, 0])}
    assert (np.diff(scores[:, 0]) <= 0).all() and (np.diff(scores[:, 1]) >= 0).all()
    assert scores[0, 0, 0] == pytest.approx(
        abs(points[rows[0, 0, 0], 0] - points[:, 0].mean()) / points[:, 0].std(), rel=0.01
    )


def test_rows_without_spread_have_no_direction() -> None:
    along = directions(scan(np.ones((20, 3)), executor("cpu")), 2)
    assert along.axes.shape == (3, 0)
    assert furthest(np.ones((20, 3)), along)[0].shape[0] == 0
