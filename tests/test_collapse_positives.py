"""alignment and lidar: pairs by hand, groups given three ways, closed ranks, errors over groups."""

from __future__ import annotations

import clouds
import numpy as np
import pytest

from geometry.catalog import compute
from geometry.errors import InputError, UsageError

LABELS = np.arange(60) % 4


def directions(points: np.ndarray) -> np.ndarray:
    unit = points - points.mean(0)
    return unit / np.linalg.norm(unit, axis=1, keepdims=True)


def grouped(groups: int, per: int, seed: int, d: int = 6, spread: float = 0.5) -> np.ndarray:
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((groups, d)) * np.arange(1, d + 1) ** -0.5
    return np.repeat(centres, per, axis=0) + spread * rng.standard_normal((groups * per, d))


def test_alignment_by_hand() -> None:
    points = clouds.gaussian(60, 5) + 2
    unit = directions(points)
    pairs = np.array([(i, j) for i in range(60) for j in range(i) if LABELS[i] == LABELS[j]])
    want = ((unit[pairs[:, 0]] - unit[pairs[:, 1]]) ** 2).sum(axis=1).mean()
    for options in (
        {"labels": LABELS},
        {"groups": LABELS},
        {"pairs": pairs},
        {"labels": np.zeros(60), "groups": LABELS},
    ):
        assert compute("alignment", points, **options).value == pytest.approx(want), options
    assert compute("alignment", points, pairs=pairs).variant == "pairs"
    apart = ((unit[:, None] - unit[None]) ** 2).sum(axis=2)[np.triu_indices(60, 1)].mean()
    assert compute("alignment", points, labels=LABELS).null == pytest.approx(apart)


def test_alignment_of_copies_and_of_opposites() -> None:
    points = np.repeat(clouds.gaussian(20, 5), 3, axis=0)
    assert compute("alignment", points, labels=np.arange(60) // 3).value == pytest.approx(0, abs=1e-12)
    cross = np.vstack([np.eye(4), -np.eye(4)])
    assert compute("alignment", cross, labels=np.arange(8) % 4).value == pytest.approx(4)


def test_groups_of_one_and_rows_at_the_mean_take_no_part() -> None:
    points = np.vstack([np.eye(4), -np.eye(4), np.zeros((1, 4))])
    made = compute("alignment", points, labels=[0, 1, 2, 3, 0, 1, 2, 9, 0])
    assert made.value == pytest.approx(4)
    assert compute("alignment", points, labels=np.arange(9)).reason == "no-pairs"
    assert compute("alignment", points).reason == "no-labels"


@pytest.mark.parametrize(
    ("pairs", "error"),
    [([[0, 99]], InputError), ([0, 1], InputError), ([[0.5, 1.0]], InputError), ([[-1, 2]], InputError)],
)
def test_pairs_that_are_none(pairs: list, error: type) -> None:
    with pytest.raises(error, match="alignment"):
        compute("alignment", clouds.gaussian(60, 3), pairs=np.array(pairs))


def test_groups_and_pairs_exclude_each_other() -> None:
    with pytest.raises(UsageError, match="not both"):
        compute("alignment", clouds.gaussian(60, 3), pairs=[[0, 1]], groups=LABELS)


@pytest.mark.parametrize("scale", [1.0, 30.0])
def test_lidar_of_a_cross_is_its_rank(scale: float) -> None:
    """Means on a cross of r axes, noise alike in all directions: r equal eigenvalues."""
    rng = np.random.default_rng(0)
    means = np.hstack([np.vstack([np.eye(5), -np.eye(5)]), np.zeros((10, 3))])
    noise = np.vstack([np.eye(8), -np.eye(8)]) * 0.1
    points = scale * (means[:, None] + noise[None]).reshape(-1, 8) @ clouds.rotation(8) + rng.standard_normal(8)
    made = compute("lidar", points, labels=np.repeat(np.arange(10), 16))
    assert made.value == pytest.approx(5, rel=1e-6)


def test_lidar_by_hand() -> None:
    points, labels = clouds.gaussian(60, 5) + 2, LABELS
    groups = [points[labels == c] for c in range(4)]
    means = np.array([rows.mean(0) for rows in groups])
    within = sum((rows - rows.mean(0)).T @ (rows - rows.mean(0)) for rows in groups) / 60
    between = np.cov(means.T, ddof=0)
    for delta in (1e-4, 0.5):
        values = np.linalg.eigvals(np.linalg.solve(within + delta * np.eye(5), between)).real
        share = values[values > 1e-12] / values[values > 1e-12].sum()
        want = np.exp(-(share * np.log(share)).sum())
        assert compute("lidar", points, labels=labels, delta=delta).value == pytest.approx(want), delta
    assert compute("lidar", points, groups=labels).value == compute("lidar", points, labels=labels).value


def test_lidar_without_an_answer() -> None:
    points = clouds.gaussian(30, 4)
    assert compute("lidar", points).reason == "no-labels"
    assert compute("lidar", points, labels=np.zeros(30)).reason == "few-groups"
    mirrored = np.vstack([points, -points])
    assert compute("lidar", mirrored, labels=np.tile(np.arange(30), 2)).reason == "equal-means"
    with pytest.raises(UsageError, match="delta"):
        compute("lidar", points, groups=np.arange(30) % 3, delta=0)


@pytest.mark.parametrize("name", ["alignment", "lidar"])
def test_error_is_that_of_repeated_draws_of_groups(name: str) -> None:
    labels = np.repeat(np.arange(80), 5)
    made = [compute(name, grouped(80, 5, seed), labels=labels) for seed in range(50)]
    spread = np.std([estimate.value for estimate in made], ddof=1)
    assert np.mean([estimate.stderr for estimate in made]) == pytest.approx(spread, rel=0.35)
