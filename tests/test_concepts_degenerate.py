"""Concepts on collapsed rows: a value or a reason, never a warning; closed answers and options of each function."""

from __future__ import annotations

import clouds
import numpy as np
import pytest
from scipy.stats import norm

from geometry.concepts import against_table, change, direction, emphasise, measure, parallelism
from geometry.concepts.analogies import mean_cosine
from geometry.errors import InputError

GROUPS = {
    "equal rows, one mean": (np.ones((6, 3)), np.ones((9, 3))),
    "equal rows, two means": (np.ones((6, 3)), 2 * np.ones((9, 3))),
    "one row each": (np.ones((1, 3)), np.zeros((1, 3))),
    "two rows each": (clouds.gaussian(2, 3), clouds.gaussian(2, 3, 1)),
    "fewer rows than dimensions": (clouds.gaussian(8, 40), clouds.gaussian(9, 40, 1)),
    "constant columns": (clouds.gaussian(20, 3) * [1, 0, 0], clouds.gaussian(20, 3, 1) * [1, 0, 0]),
    "huge": (1e30 * clouds.gaussian(20, 3), 1e30 * clouds.gaussian(20, 3, 1)),
    "offset in float32": tuple((clouds.gaussian(30, 3, s) + 1e4).astype(np.float32) for s in (0, 1)),
    "one outlier": (clouds.outlier(30, 3), clouds.gaussian(30, 3, 1)),
}


@pytest.mark.parametrize("by", ["means", "discriminant"])
@pytest.mark.parametrize("name", GROUPS)
def test_every_pair_of_groups_has_an_answer(name: str, by: str) -> None:
    found = direction(*GROUPS[name], by=by)
    assert np.isfinite(found.unit).all()
    assert np.linalg.norm(found.unit) == pytest.approx(0 if name == "equal rows, one mean" else 1)
    for one in (found.distance, found.effect, found.separability):
        assert one.status == "ok" or one.reason
    assert set(change(found, found)) == {"cosine", "distance", "effect", "separability"}


def test_groups_with_one_mean_have_no_direction_to_move_along() -> None:
    found = direction(np.ones((6, 3)), np.ones((9, 3)))
    assert found.separability.reason == "no-direction"
    assert change(found, found)["cosine"] is None
    with pytest.raises(InputError, match="no direction"):
        emphasise(np.ones((2, 3)), found)


def test_the_distance_is_cross_validated_and_its_error_honest() -> None:
    """No gap in 50 dimensions: the gap of the fitted rows is large, that of held-out rows 0 on average."""
    found = [direction(clouds.gaussian(40, 50, s), clouds.gaussian(40, 50, 99 + s), seed=s) for s in range(30)]
    values = np.array([float(one.distance) for one in found])
    assert abs(values.mean()) < 4 * values.std() / np.sqrt(30)
    assert min(one.length for one in found) > 1
    apart = [direction(clouds.gaussian(100, 4, s) + np.eye(4)[0], clouds.gaussian(80, 4, 99 + s)) for s in range(40)]
    for name in ("distance", "effect", "separability"):
        every = [getattr(one, name) for one in apart]
        assert 0.5 < np.mean([one.stderr for one in every]) / np.std([one.value for one in every]) < 1.6, name
    assert np.mean([float(one.separability) for one in apart]) == pytest.approx(norm.cdf(np.sqrt(0.5)), abs=0.03)


def test_the_discriminant_is_the_same_through_rows_and_through_dimensions() -> None:
    """Zero columns change nothing but the shrinkage, which d / (d + n) sets: compare at one d with n on either side."""
    from geometry.concepts.direction import _discriminant

    x, y = clouds.gaussian(10, 30), clouds.gaussian(12, 30, 1)
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    step = clouds.gaussian(1, 30, 2)[0]
    shrink, total = 30 / 52, ((x**2).sum() + (y**2).sum()) / 22
    inside = (x.T @ x + y.T @ y) / 22
    want = np.linalg.solve((1 - shrink) * inside + shrink * total / 30 * np.eye(30), step)
    np.testing.assert_allclose(_discriminant(x, y, step), want, rtol=1e-8)


def test_emphasis_keeps_the_dtype_and_takes_the_amount() -> None:
    found = direction(clouds.gaussian(50, 4) + 1, clouds.gaussian(50, 4, 1))
    points = clouds.gaussian(5, 4, 2).astype(np.float32)
    moved = emphasise(points, found, -2.5)
    assert moved.dtype == np.float32
    np.testing.assert_allclose(moved - points, np.tile(-2.5 * found.length * found.unit, (5, 1)), atol=1e-5)
    for wrong in (lambda: emphasise(points[:, :2], found), lambda: found.scores(points[:, :2])):
        with pytest.raises(InputError, match="dimensions"):
            wrong()


def test_measure_looks_along_the_direction_it_is_given() -> None:
    along = direction(clouds.gaussian(200, 3) + 5 * np.eye(3)[0], clouds.gaussian(200, 3, 1))
    sideways = measure(along, clouds.gaussian(200, 3, 2) + 5 * np.eye(3)[1], clouds.gaussian(200, 3, 3))
    same = measure(along, clouds.gaussian(200, 3, 2) + 2 * np.eye(3)[0], clouds.gaussian(200, 3, 3))
    assert abs(float(sideways["distance"])) < 1
    assert float(same["distance"]) == pytest.approx(2, abs=0.4)
    assert measure(along, np.ones((1, 3)), np.ones((1, 3)))["distance"].reason == "few-rows"


def test_mean_cosine_by_hand() -> None:
    """Steps along x, x, y and none: cosines 1, 0, 0."""
    unit = np.array([[1.0, 0], [1, 0], [0, 1], [0, 0]])
    assert mean_cosine(unit)[0] == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("first", "second", "reason"),
    [
        (np.zeros((5, 3)), np.zeros((5, 3)), "few-steps"),
        (clouds.gaussian(1, 3), clouds.gaussian(1, 3, 1), "few-steps"),
        (np.zeros((5, 3)), np.ones((5, 3)), ""),
        (clouds.gaussian(20, 3), clouds.gaussian(20, 3)[::-1], ""),
    ],
)
def test_pairs_without_steps_or_without_a_common_one(first: np.ndarray, second: np.ndarray, reason: str) -> None:
    found = parallelism(first, second)
    assert found.parallelism.reason == reason
    assert found.cosine.shape == (len(first),)


@pytest.mark.parametrize(
    "table", [np.ones((4, 3)), np.zeros((4, 3)), clouds.gaussian(2, 3), np.repeat(np.eye(3), 3, 0)]
)
def test_tables_of_copies(table: np.ndarray) -> None:
    (found,) = against_table(np.full(3, 0.5), table, k=50)
    assert len(found.nearest) == len(table)
    assert 0 <= float(found.novelty) <= 1 and np.isfinite(found.cosine).all()


def test_novelty_is_the_rank_among_the_tables_own_distances() -> None:
    """Own nearest distances 1 1 2 4 on a line; a row 3 away from all is beyond three of four."""
    table = np.array([[0.0], [1], [3], [7]])
    (found,) = against_table(np.array([10.0]), table, k=2)
    assert float(found.novelty) == 0.75
    np.testing.assert_array_equal(found.nearest, [3, 2])
    np.testing.assert_array_equal(found.dist, [3, 7])
    assert found.novelty.exact and found.norm_level == 1


def test_a_large_table_is_sampled() -> None:
    table = clouds.gaussian(5200, 2)
    usual = against_table(clouds.gaussian(1, 2, 5), table, k=1)[0].novelty
    assert not usual.exact and usual.n == 5200
    assert float(against_table(table[:1], table, k=1)[0].novelty) == 0
    with pytest.raises(InputError, match="k = 0"):
        against_table(table[:1], table, k=0)
