"""Unit rows and their cosine matrix: both forms, zero rows, the sample beyond the widths that are formed."""

from __future__ import annotations

import clouds
import numpy as np
import pytest

from geometry.collapse import unit_rows
from geometry.pairs import executor, scan


def by_hand(points: np.ndarray) -> np.ndarray:
    return points / np.linalg.norm(points, axis=1, keepdims=True)


@pytest.mark.parametrize(("n", "d"), [(80, 12), (12, 80)])
@pytest.mark.parametrize("center", [False, True])
def test_both_forms_hold_the_same_cosines(n: int, d: int, center: bool) -> None:
    points = clouds.power_law(n, d) + 0.3
    unit = by_hand(points - points.mean(0) if center else points)
    made = unit_rows.cosines(scan(points, executor()), center=center)
    square = (unit @ unit.T) ** 2
    assert made.dual == (n > d)
    assert made.square == pytest.approx(square.mean())
    np.testing.assert_allclose(made.squares(), square.mean(axis=1))
    np.testing.assert_allclose(made.mean, unit.mean(axis=0), atol=1e-14)


def test_blocks_cover_all_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    points = clouds.gaussian(50, 4)
    points[[3, 20]] = 0
    monkeypatch.setattr(unit_rows, "ROWS", 16)
    rows = list(unit_rows.unit_blocks(points))
    assert [len(block) for block in rows] == [15, 15, 16, 2]
    np.testing.assert_allclose(np.concatenate(rows), by_hand(points[points.any(axis=1)]))
    unit, seen = unit_rows.directions(scan(points, executor()), center=False)
    np.testing.assert_array_equal(seen, points.any(axis=1))
    np.testing.assert_allclose(unit[seen], np.concatenate(rows))
    assert not unit[~seen].any()


def test_a_row_at_the_mean_has_no_direction() -> None:
    points = np.concatenate([clouds.gaussian(30, 5)] * 2) * np.repeat([1, -1], 30)[:, None]
    points = np.concatenate([points, np.zeros((1, 5))]) + 1e3
    seen = unit_rows.directions(scan(points, executor()), center=True)[1]
    assert seen[:-1].all()
    assert not seen[-1]
    assert sum(map(len, unit_rows.unit_blocks(points, points.mean(0)))) == 60


def test_errors_come_from_some_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    made = unit_rows.cosines(scan(clouds.gaussian(100, 4), executor()))
    assert len(made.some()) == 100
    monkeypatch.setattr(unit_rows, "ERROR_ROWS", 30)
    assert len(made.some()) == 25


def test_wide_sets_are_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unit_rows, "MOST_COVARIANCE", 20)
    made = unit_rows.cosines(scan(clouds.gaussian(50, 30), executor()))
    assert (made.n, made.exact, made.dual) == (20, False, False)
