"""label_agreement and modality_gap: groups with known places; curvature: lines and polygons."""

from __future__ import annotations

import clouds
import numpy as np
import pytest

from geometry.catalog import compute
from geometry.errors import UsageError

LABELS = np.arange(400) % 2


def two_groups(gap: float, seed: int = 0, d: int = 6) -> np.ndarray:
    points = clouds.gaussian(400, d, seed)
    points[:, 0] += gap * LABELS
    return points


def test_agreement_by_hand() -> None:
    """On a line a a b b, one neighbour: the inner rows have the other label nearest."""
    made = compute("label_agreement", np.array([[0.0], [3], [5], [6]]), labels=np.array(list("aabb")), k=1)
    np.testing.assert_array_equal(made.per_point, [1, 0, 1, 1])
    assert made.value == 0.75 and made.null == pytest.approx(1 / 3)
    np.testing.assert_array_equal(made.profile["agreement"], [0.5, 1])


def test_agreement_of_far_and_of_mixed_groups() -> None:
    assert compute("label_agreement", two_groups(100), labels=LABELS).value == 1
    mixed = compute("label_agreement", two_groups(0), labels=LABELS)
    assert abs(mixed.z) < 3.5
    assert compute("label_agreement", two_groups(2), labels=LABELS, k=3).k == 3
    with pytest.raises(UsageError, match="k of 1"):
        compute("label_agreement", two_groups(2), labels=LABELS, k=0)


def test_the_error_of_agreement_is_that_of_new_rows() -> None:
    found = [compute("label_agreement", two_groups(1.5, seed), labels=LABELS) for seed in range(24)]
    assert 0.5 < np.mean([one.stderr for one in found]) / np.std([one.value for one in found]) < 2


@pytest.mark.parametrize("name", ["label_agreement", "modality_gap"])
def test_without_labels_there_is_no_answer(name: str) -> None:
    made = compute(name, two_groups(1))
    assert {one.reason for one in (made.values() if isinstance(made, dict) else [made])} == {"no-labels"}


def test_gap_of_gaussians_is_unbiased() -> None:
    """Means 3 apart, unit variance in 6 dimensions: distance 3, gap 3 / sqrt 6."""
    found = [compute("modality_gap", two_groups(3, seed), labels=LABELS) for seed in range(30)]
    distance, gap = ([float(one[name]) for one in found] for name in ("distance", "gap"))
    assert np.mean(distance) == pytest.approx(3, abs=0.05)
    assert np.mean(gap) == pytest.approx(3 / np.sqrt(6), abs=0.03)
    assert 0.5 < np.mean([one["distance"].stderr for one in found]) / np.std(distance) < 1.8
    squares = [float(compute("modality_gap", two_groups(0, seed), labels=LABELS)["distance"]) for seed in range(10)]
    assert np.median(squares) < 0.25


def test_separability_of_means() -> None:
    """Nearest mean of unit Gaussians 3 apart: Phi(1.5) = .933; chance 1/2 or below, a row's own mean lacking it."""
    made = compute("modality_gap", two_groups(3), labels=LABELS)["separability"]
    assert made.value == pytest.approx(0.933, abs=0.04)
    assert made.low < made.value < made.high
    assert made.per_point.mean() == made.value
    assert 0.3 < made.null < 0.6 and made.z > 5
    none = compute("modality_gap", two_groups(0), labels=LABELS)["separability"]
    assert abs(none.value - none.null) < 0.15


def test_cone_of_each_group() -> None:
    points = np.vstack([np.tile([3.0, 4.0], (10, 1)), clouds.gaussian(1000, 2)])
    made = compute("modality_gap", points, labels=np.array(["far"] * 10 + ["round"] * 1000))
    assert made["cone far"].value == pytest.approx(1)
    assert made["cone round"].value < 0.1
    np.testing.assert_array_equal(made["distance"].profile["group"], ["far", "round"])


def test_three_groups_and_one() -> None:
    """Points on a triangle with sides 3, 4, 5: root of the mean squared side."""
    points = np.repeat([[0.0, 0], [3, 0], [0, 4]], 5, axis=0) + 10
    made = compute("modality_gap", points, labels=np.repeat([1, 2, 3], 5))
    assert made["distance"].value == pytest.approx(np.sqrt((9 + 16 + 25) / 3))
    assert made["gap"].reason == "groups-without-spread"
    assert made["separability"].value == 1
    alone = compute("modality_gap", points, labels=np.ones(15))
    assert alone["distance"].reason == "one-group"


@pytest.mark.parametrize("sides", [3, 6, 100])
def test_regular_polygon(sides: int) -> None:
    angle = 2 * np.pi * np.arange(sides) / sides
    points = np.c_[np.cos(angle), np.sin(angle)] @ clouds.rotation(5)[:2] + 7
    made = compute("curvature", points)
    assert made["turning"].value == pytest.approx(2 * np.pi / sides, rel=1e-9)
    assert made["closure"].value == pytest.approx(1 / (sides - 1), rel=1e-9)
    assert np.isnan(made["turning"].per_point[[0, -1]]).all()


def test_line_with_rows_that_stand_still() -> None:
    steps = np.array([0.0, 1, 1, 2.5, 7])[:, None] * [1.0, 2.0]
    made = compute("curvature", steps)
    assert made["turning"].value == pytest.approx(0, abs=1e-7)
    assert made["closure"].value == pytest.approx(1)
    back = compute("curvature", np.array([[0.0], [1], [0]]))
    assert back["turning"].value == pytest.approx(np.pi) and back["closure"].value == 0


def test_order_without_meaning_is_its_own_null() -> None:
    made = compute("curvature", clouds.gaussian(400, 50))["turning"]
    assert abs(made.z) < 3.5
    assert made.null == pytest.approx(2 * np.pi / 3, abs=0.02)
    curve = clouds.helix(400, 3, noise=0)
    ordered = curve[np.argsort(np.random.default_rng([0, 2]).uniform(0, 30, 400))]
    assert compute("curvature", ordered)["turning"].z < -10


def test_the_error_of_turning_is_that_of_new_walks() -> None:
    found = [compute("curvature", np.cumsum(clouds.gaussian(300, 3, s), axis=0))["turning"] for s in range(40)]
    assert np.mean([one.value for one in found]) == pytest.approx(np.pi / 2, abs=0.03)
    assert 0.6 < np.mean([one.stderr for one in found]) / np.std([one.value for one in found]) < 1.6
