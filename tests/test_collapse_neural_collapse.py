"""neural_collapse: a simplex is 0 throughout, measures by hand, a classifier, permuted labels, errors."""

from __future__ import annotations

import clouds
import numpy as np
import pytest

from geometry.catalog import compute
from geometry.errors import InputError

LABELS = np.arange(120) % 4
SIMPLEX = np.eye(4) - 0.25


def near_simplex(noise: float, seed: int = 0, n: int = 120) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return SIMPLEX[np.arange(n) % 4] @ clouds.rotation(4) + noise * rng.standard_normal((n, 4)) + 3


def test_a_simplex_has_collapsed() -> None:
    weights = SIMPLEX @ clouds.rotation(4)
    made = compute("neural_collapse", near_simplex(0), labels=LABELS, classifier=(weights, -3 * weights.sum(axis=1)))
    assert set(made) == {"nc1", "nc2_equinorm", "nc2_equiangular", "nc2_simplex", "nc3", "nc4"}
    for key, estimate in made.items():
        assert estimate.value == pytest.approx(0, abs=1e-9), key


def test_measures_by_hand() -> None:
    points = clouds.clusters(120, 6, count=4) * [1, 2, 3, 1, 1, 1]
    classes = [points[c == LABELS] for c in range(4)]
    means = np.array([rows.mean(0) for rows in classes])
    centred = means - means.mean(0)
    within = sum((rows - rows.mean(0)).T @ (rows - rows.mean(0)) for rows in classes) / 120
    lengths = np.linalg.norm(centred, axis=1)
    cosines = (centred @ centred.T / np.outer(lengths, lengths))[np.triu_indices(4, 1)]
    want = {
        "nc1": np.trace(within @ np.linalg.pinv(centred.T @ centred / 4, rcond=1e-9)) / 4,
        "nc2_equinorm": lengths.std() / lengths.mean(),
        "nc2_equiangular": cosines.std(),
        "nc2_simplex": np.abs(cosines + 1 / 3).mean(),
    }
    made = compute("neural_collapse", points, labels=LABELS)
    assert {key: one.value for key, one in made.items()} == pytest.approx(want)


def test_classifier() -> None:
    """A classifier of the means agrees with them; with its classes turned round it does not, nor with a large bias."""
    points = near_simplex(0.1)
    means = np.array([points[c == LABELS].mean(0) for c in range(4)])
    nearest = (means, -(means**2).sum(axis=1) / 2)
    assert compute("neural_collapse", points, labels=LABELS, classifier=nearest)["nc4"].value == 0
    turned = compute("neural_collapse", points, labels=LABELS, classifier=(means[::-1], nearest[1][::-1]))
    assert turned["nc4"].value == 1
    assert turned["nc3"].value > 1
    lopsided = (means, np.array([100.0, 0, 0, 0]))
    assert compute("neural_collapse", points, labels=LABELS, classifier=lopsided)["nc4"].value == pytest.approx(0.75)
    with pytest.raises(InputError, match="classifier"):
        compute("neural_collapse", points, labels=LABELS, classifier=means[:3])


def test_permuted_labels_are_the_null() -> None:
    points = clouds.gaussian(2000, 6)
    for key, made in compute("neural_collapse", points, labels=np.arange(2000) % 5).items():
        assert made.null / 6 < made.value < made.null * 6, key
    tight = compute("neural_collapse", near_simplex(0.05), labels=LABELS)["nc1"]
    assert tight.high < tight.null / 10


def test_classes_of_one_row_take_no_part() -> None:
    points = np.vstack([near_simplex(0.1), [[50.0, 0, 0, 0]]])
    made = compute("neural_collapse", points, labels=np.r_[LABELS, 99])
    assert made["nc1"].n == 120
    assert made["nc1"].value == pytest.approx(compute("neural_collapse", points[:-1], labels=LABELS)["nc1"].value)


@pytest.mark.parametrize(
    ("labels", "reason"), [(None, "no-labels"), (np.zeros(120), "few-groups"), (np.arange(120) % 60, "equal-means")]
)
def test_without_an_answer(labels: np.ndarray | None, reason: str) -> None:
    half = clouds.gaussian(60, 4)
    made = compute("neural_collapse", np.vstack([half, -half]), **({} if labels is None else {"labels": labels}))
    assert {one.reason for one in made.values()} == {reason}


def test_a_mean_at_the_centre_has_no_angle() -> None:
    means = np.array([[1.0, 0], [-1, 0], [0, 0]])
    made = compute("neural_collapse", np.repeat(means, 4, axis=0), labels=np.repeat([0, 1, 2], 4))
    assert made["nc2_simplex"].reason == "mean-without-direction"
    assert made["nc2_equinorm"].value == pytest.approx(np.sqrt(0.5))


@pytest.mark.parametrize("key", ["nc1", "nc2_equinorm", "nc2_equiangular", "nc2_simplex"])
def test_error_is_that_of_repeated_draws(key: str) -> None:
    made = [compute("neural_collapse", near_simplex(0.3, seed), labels=LABELS)[key] for seed in range(40)]
    spread = np.std([estimate.value for estimate in made], ddof=1)
    assert 0.6 < np.mean([estimate.stderr for estimate in made]) / spread < 1.8
