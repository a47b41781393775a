"""The core of a set: copies merged, outliers set aside, order and place forgotten; heavy tails tamed to their shape."""

from __future__ import annotations

import clouds
import numpy as np
import pytest

from geometry.nulls.core import Core, core_of, directions_of, tamed
from geometry.pairs import Scan, executor

ENGINE = executor("cpu")


def core(points: clouds.Cloud, rows: int = 3000, seed: int = 0) -> Core:
    return core_of(Scan(points, ENGINE, seed=seed), rows)


def test_scores_are_the_centred_rows_in_principal_directions() -> None:
    points = clouds.power_law(200, 6) + 3
    made = core(points)
    assert np.allclose(made.scores.mean(axis=0), 0, atol=1e-12)
    assert np.allclose(made.scores.T @ made.scores / 200, np.diag(made.sd**2), atol=1e-12)
    assert np.all(np.diff(made.sd) <= 0)
    centred = points[made.rows] - points.mean(axis=0)
    assert np.allclose(np.linalg.norm(made.scores, axis=1), np.linalg.norm(centred, axis=1))
    assert np.hypot(np.linalg.norm(made.mean), made.apart) == pytest.approx(np.linalg.norm(points.mean(axis=0)))


@pytest.mark.parametrize("made", [clouds.power_law(200, 6) + 3, clouds.low_rank(60, 9), clouds.gaussian(6, 9)])
def test_scores_stand_along_their_directions(made: clouds.Cloud) -> None:
    found = core(made)
    points = made[found.rows]
    directions = directions_of(found, points)
    assert np.allclose(directions.T @ directions, np.eye(len(found.sd)), atol=1e-10)
    assert np.allclose(found.scores @ directions.T, points - points.mean(axis=0), atol=1e-10)


@pytest.mark.parametrize("jitter", [0.0, 1e-7])
def test_copies_are_merged_and_counted(jitter: float) -> None:
    made = core(clouds.copies(400, 16, share=0.1, jitter=jitter))
    assert made.merged == pytest.approx(0.1)
    assert len(made.rows) == 360


def test_long_chains_of_near_copies_leave_one_row() -> None:
    chain = clouds.gaussian(200, 8)
    chain[1:40] = chain[0] + 1e-7 * np.arange(1, 40)[:, None]
    assert len(core(chain).rows) == 161


def test_rows_merely_close_are_not_copies() -> None:
    made = core(clouds.copies(400, 16, share=0.1, jitter=0.05))
    assert made.merged == 0
    assert len(made.rows) == 400


def test_far_rows_are_set_aside_up_to_one_in_twenty() -> None:
    points = clouds.gaussian(400, 16)
    points[:20] *= 100
    few = core(points)
    assert few.outliers == pytest.approx(0.05)
    assert set(few.rows.tolist()) == set(range(20, 400))
    points[:21] = 100 * clouds.gaussian(21, 16, 5)
    many = core(points)
    assert many.outliers == 0
    assert len(many.rows) == 400


def test_directions_below_a_ten_thousandth_are_dropped() -> None:
    scales = np.array([1.0, 0.5, 2e-4, 2e-5, 0.0])
    assert len(core(clouds.gaussian(300, 5) * scales).sd) == 3


def test_the_order_of_rows_and_the_place_do_not_count() -> None:
    points = clouds.clusters(500, 12)
    order = np.random.default_rng(4).permutation(500)
    plain, shuffled, moved = core(points, 200), core(points[order], 200), core(points + 7, 200)
    assert np.array_equal(plain.rows, order[shuffled.rows])
    assert np.array_equal(plain.rows, moved.rows)
    assert np.allclose(np.abs(plain.scores), np.abs(shuffled.scores), atol=1e-9)


def test_rows_and_seed_choose_the_rows() -> None:
    points = clouds.gaussian(500, 8)
    assert len(core(points, 100).rows) == 100
    assert not np.array_equal(core(points, 100).rows, core(points, 100, seed=1).rows)
    assert np.array_equal(core(points, 100).rows, core(points, 100).rows)


def test_a_set_of_one_point_has_no_direction() -> None:
    made = core(np.full((50, 4), 0.1))
    assert (len(made.rows), len(made.sd)) == (1, 0)
    assert made.merged == pytest.approx(0.98)


def test_rows_of_one_length_are_normalised_by_design_only() -> None:
    assert core(clouds.shell(200, 16)).normalised
    assert core(5 * clouds.normalised(clouds.gaussian(200, 16) + 1)).normalised
    assert not core(clouds.gaussian(200, 16)).normalised
    assert not core(clouds.gaussian(200, 16) + 1e5).normalised  # alike because far away, not because divided


def test_one_radius_is_known_from_a_ball() -> None:
    stretched = clouds.sphere(600, 16, offset=2.0) @ np.diag(np.linspace(1, 2, 16))
    assert core(stretched).one_radius
    assert core(clouds.torus(600, 8, noise=0.0, order=2)).one_radius
    thick = clouds.sphere(600, 8) * (1 + 0.05 * clouds.gaussian(600, 1, 1))
    assert not core(thick).one_radius
    assert not core(clouds.gaussian(600, 3)).one_radius
    assert not core(clouds.gaussian(100, 60)).one_radius  # whitening alone equals so few rows


def test_a_gaussian_needs_no_taming() -> None:
    for points in (clouds.gaussian(600, 16), clouds.power_law(600, 48), clouds.shell(600, 16)):
        assert tamed(core(points)) is None


def test_student_radii_are_tamed_to_their_shape() -> None:
    """True standard deviations 3 .. 1: the tamed spectrum is proportional to them, its radii are a Gaussian's."""
    axes = np.linspace(3, 1, 8)
    before = core(clouds.student(3000, 8, freedom=3) * axes)
    after = tamed(before)
    assert after is not None
    ratio = after.sd / axes
    assert ratio.max() / ratio.min() < 1.08
    wild, calm = (np.linalg.norm(one.scores / one.sd, axis=1) for one in (before, after))
    usual = np.linalg.norm(clouds.gaussian(3000, 8), axis=1)
    for share in (0.75, 0.95, 0.99):
        assert np.quantile(calm, share) / np.median(calm) == pytest.approx(
            np.quantile(usual, share) / np.median(usual), rel=0.03
        )
    assert wild.max() / np.median(wild) > 3


def test_taming_pulls_along_the_row_and_keeps_the_inner_half() -> None:
    before = core(clouds.student(800, 6))
    after = tamed(before)
    assert after is not None
    length = np.linalg.norm(before.scores, axis=1)
    inner = np.argsort(length)[:200]
    assert np.linalg.norm(after.scores[inner], axis=1) == pytest.approx(length[inner], rel=0.1)
    assert np.linalg.norm(after.scores, axis=1).max() < 0.7 * length.max()
    assert not after.normalised
