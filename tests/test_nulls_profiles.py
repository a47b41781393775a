"""Histograms of radii and cosines beside those of the elliptical null."""

from __future__ import annotations

import clouds
import numpy as np
import pytest

from geometry.nulls.core import Core, core_of
from geometry.nulls.profiles import (
    COSINE_EDGES,
    PAIR_ROWS,
    RADIUS_EDGES,
    cosine_density,
    null_rows,
    radius_density,
)
from geometry.pairs import Scan, executor

ENGINE = executor("cpu")


def core(points: clouds.Cloud) -> Core:
    return core_of(Scan(points, ENGINE))


def test_densities_integrate_to_one() -> None:
    rows = core(clouds.student(500, 5)).scores
    assert (radius_density(rows) * np.diff(RADIUS_EDGES)).sum() == pytest.approx(1)
    assert (cosine_density(rows) * np.diff(COSINE_EDGES)).sum() == pytest.approx(1)


def test_a_shell_has_one_radius_and_a_gaussian_has_many() -> None:
    shell, ball = radius_density(clouds.shell(500, 16)), radius_density(clouds.gaussian(500, 3))
    assert (shell > 0).sum() <= 2
    assert RADIUS_EDGES[int(np.argmax(shell))] <= 1 <= RADIUS_EDGES[int(np.argmax(shell)) + 1] + 1e-9
    assert (ball > 0).sum() > 30


def test_what_lies_beyond_the_edges_counts_in_the_last_bin() -> None:
    rows = np.full((100, 1), 0.1)
    rows[0] = 100.0
    density = radius_density(rows)
    assert density[-1] * np.diff(RADIUS_EDGES)[-1] == pytest.approx(0.01)


def test_cosines_of_opposite_rows() -> None:
    rows = np.array([[1.0, 0.0], [-2.0, 0.0], [0.0, 3.0]])
    share = cosine_density(rows) * np.diff(COSINE_EDGES)
    assert share[0] == pytest.approx(1 / 3)
    assert share[50] == pytest.approx(2 / 3)


def test_cosines_of_high_dimensions_gather_at_zero() -> None:
    middle = (COSINE_EDGES[1:] + COSINE_EDGES[:-1]) / 2
    share = cosine_density(clouds.gaussian(900, 50)) * np.diff(COSINE_EDGES)
    assert (share * middle**2).sum() == pytest.approx(1 / 50, rel=0.05)


def test_rows_beyond_the_limit_are_thinned_evenly() -> None:
    rows = clouds.gaussian(2 * PAIR_ROWS, 3)
    rows[1::2] = [1.0, 0.0, 0.0]  # every second row, none of which is looked at
    assert np.array_equal(cosine_density(rows), cosine_density(rows[::2]))
    assert cosine_density(rows)[-1] < 1


def test_the_null_is_one_elliptical_draw_of_the_same_spectrum() -> None:
    made = core(clouds.clusters(400, 6, count=4))
    rows = null_rows(made, 3)
    assert rows.shape == made.scores.shape
    assert rows.std(axis=0) == pytest.approx(made.sd)
    assert np.array_equal(rows, null_rows(made, 3))
    assert not np.array_equal(rows, null_rows(made, 4))
