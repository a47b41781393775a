"""c2st and provenance: what the classifier sees, its error under one law, calibration, weights that restore tails."""

from __future__ import annotations

import clouds
import numpy as np
import pytest
from scipy.stats import norm

from geometry.catalog import compute
from geometry.compare.classifier import FOLDS, scores
from geometry.compare.provenance import post_stratified, strata
from geometry.errors import UsageError
from geometry.pairs import executor, scan


def test_one_law_is_one_half_with_an_honest_error() -> None:
    found = [compute("c2st", clouds.gaussian(200, 6, s), clouds.gaussian(150, 6, 300 + s)) for s in range(24)]
    values = np.array([one.value for one in found])
    assert abs(values.mean() - 0.5) < 4 * values.std() / np.sqrt(24)
    assert np.mean([one.stderr for one in found]) / values.std() == pytest.approx(1, abs=0.2)  # of rows alone: .7
    assert sum(abs(one.z) > 1.96 for one in found) <= 3


def test_a_shift_has_a_closed_area() -> None:
    """Means m apart at unit variance: Phi(m / sqrt 2)."""
    x, y = clouds.gaussian(2000, 3), clouds.gaussian(2000, 3, 1)
    x[:, 0] += 1
    made = compute("c2st", x, y)
    assert made.value == pytest.approx(norm.cdf(np.sqrt(0.5)), abs=0.02)
    assert made.low < made.value < made.high
    assert made.per_point.mean() == pytest.approx(made.value, abs=0.01)


@pytest.mark.parametrize("kind", ["scale", "one direction", "far apart"])
def test_lost_variance_is_seen(kind: str) -> None:
    x, y = clouds.gaussian(400, 20), clouds.gaussian(400, 20, 1)
    x = x * 0.8 if kind == "scale" else x + 100 if kind == "far apart" else x * np.r_[0.2, np.ones(19)]
    assert compute("c2st", x, y).value > (0.999 if kind == "far apart" else 0.75)


def test_directions_decide_what_is_seen() -> None:
    spectrum = np.arange(1.0, 11)[::-1]
    x, y = clouds.gaussian(400, 10) * spectrum, clouds.gaussian(400, 10, 1) * spectrum
    x[:, 5] += 8
    assert compute("c2st", x, y).value > 0.8 > compute("c2st", x, y, directions=1).value
    with pytest.raises(UsageError, match="directions"):
        compute("c2st", x, y, directions=0)


def test_copies_are_not_recognised_by_their_twins() -> None:
    """Each row four times: all copies of a row are in one fold, and the error counts them as one."""
    x, y = np.repeat(clouds.gaussian(125, 10), 4, axis=0), clouds.gaussian(500, 10, 1)
    made = compute("c2st", x, y)
    assert abs(made.z) < 3.5
    assert made.stderr > 1.2 * compute("c2st", clouds.gaussian(500, 10), y).stderr
    one = scores(scan(x, executor()), scan(y, executor()), 50, 0)
    assert not isinstance(one, str)
    for group in np.unique(one.group):
        assert len(np.unique(one.fold[one.group == group])) == 1
    assert np.bincount(one.fold, minlength=FOLDS).min() > 50


def test_an_outlier_is_one_row_among_many() -> None:
    x, y = clouds.outlier(300, 5, far=1e6), clouds.gaussian(300, 5, 1)
    assert 0.35 < compute("c2st", x, y).value < 0.65


def test_seeds_deal_other_folds() -> None:
    x, y = clouds.gaussian(100, 3), clouds.gaussian(100, 3, 1)
    assert compute("c2st", x, y, seed=0).value != compute("c2st", x, y, seed=1).value


@pytest.mark.parametrize("name", ["c2st", "provenance"])
def test_reasons(name: str) -> None:
    def reasons(x: np.ndarray, y: np.ndarray) -> set[str]:
        made = compute(name, x, y)
        return {one.reason for one in (made.values() if isinstance(made, dict) else [made])}

    assert reasons(clouds.gaussian(19, 3), clouds.gaussian(50, 3)) == {"few-rows"}
    assert reasons(np.ones((30, 3)), np.ones((30, 3))) == {"no-spread"}
    assert reasons(np.ones((30, 3)), 2 * np.ones((30, 3))) == {"equal-rows"}
    assert reasons(np.repeat(clouds.gaussian(3, 3), 10, axis=0), clouds.gaussian(50, 3)) == {"few-distinct-rows"}


def test_probabilities_are_those_of_the_laws() -> None:
    """N(1, 1) against N(0, 1): p = 1 / (1 + exp(1/2 - x))."""
    x, y = clouds.gaussian(1500, 2), clouds.gaussian(1500, 2, 1)
    x[:, 0] += 1
    made = compute("provenance", x, y)
    true = 1 / (1 + np.exp(0.5 - x[:, 0]))
    near = (np.abs(x) < 1.5).all(axis=1)
    assert np.abs(made["probability"].per_point - true)[near].max() < 0.1
    assert made["probability"].value == pytest.approx(true.mean(), abs=0.03)
    assert made["probability"].profile["reference"].mean() == pytest.approx(1 - true.mean(), abs=0.03)
    assert made["calibration"].value < 2.5 * made["calibration"].null


def test_calibration_holds_for_unequal_sets_with_many_features() -> None:
    """300 against 900 rows with 41 features: raw log odds are too sure, calibrated ones are not."""
    found = [
        compute("provenance", clouds.gaussian(300, 20, s) * 0.95, clouds.gaussian(900, 20, 70 + s)) for s in range(6)
    ]
    assert np.mean([one["calibration"].value for one in found]) < 2 * np.mean(
        [one["calibration"].null for one in found]
    )
    assert found[0]["probability"].value == pytest.approx(0.5, abs=0.1)


def test_the_error_of_the_mean_probability_is_of_both_sets() -> None:
    """Of one law every row of both sets counts alike: root two of what the generated rows alone would make it."""
    made = [
        compute("provenance", clouds.gaussian(500, 6, s), clouds.gaussian(500, 6, 100 + s))["probability"]
        for s in range(30)
    ]
    assert np.mean([one.stderr for one in made]) == pytest.approx(np.std([one.value for one in made]), rel=0.25)
    assert np.mean([abs(one.z) > 2.6 for one in made]) < 0.1
    few, many = (
        compute("provenance", clouds.gaussian(200, 4) + 0.5, clouds.gaussian(n, 4, 9))["probability"]
        for n in (50, 2000)
    )
    assert few.stderr > 1.2 * many.stderr


def test_strata_of_ranks() -> None:
    edges, wanted = strata(np.arange(1.0, 1000))
    np.testing.assert_allclose(edges, [500, 750, 900, 950, 990])
    np.testing.assert_allclose(wanted, [0.5, 0.25, 0.15, 0.05, 0.04, 0.01])
    edges, wanted = strata(np.r_[np.zeros(800), np.arange(1.0, 200)])
    assert len(edges) == len(wanted) - 1 and edges[0] == 0
    np.testing.assert_allclose(wanted, [0.75, 0.15, 0.05, 0.04, 0.01])


def test_post_stratified_by_hand() -> None:
    made = post_stratified(np.array([1.0, 1, 2]), np.array([0, 0, 1]), np.array([0.5, 0.25, 0.25]))
    np.testing.assert_allclose(made, [1, 1, 1])
    np.testing.assert_allclose(
        post_stratified(np.ones(4), np.array([0, 0, 0, 1]), np.array([0.5, 0.5])), [2 / 3] * 3 + [2]
    )


def test_weights_bring_the_tails_back() -> None:
    """Generated rows with thin tails: 1 % where the reference has 5; the weighted share beyond is 5 % again."""
    reference, thin = clouds.student(2000, 2), 0.9 * clouds.gaussian(2000, 2, 1)
    made = compute("provenance", thin, reference)["weights"]
    profile = made.profile
    assert profile["before"][3:].sum() < 0.06 < profile["wanted"][3:].sum() + 1e-9
    filled = profile["before"] > 0
    np.testing.assert_allclose(profile["after"][filled], profile["wanted"][filled] / profile["wanted"][filled].sum())
    assert made.per_point.mean() == pytest.approx(1) and made.per_point.min() > 0
    beyond = compute("tail_survival", thin, reference)["beyond_95"].per_point
    assert beyond.mean() < 0.04
    assert (made.per_point * beyond).mean() == pytest.approx(0.05, abs=0.011)
    assert made.value < 0.9
    same = compute("provenance", clouds.student(2000, 2, 5), reference)["weights"]
    assert same.value > 0.9
