"""binary_id: fair bits, dependent bits, the fit against a general minimiser, what is not binary."""

from __future__ import annotations

import clouds
import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.spatial.distance import pdist

from geometry.catalog import compute
from geometry.dimension.binary_id import _log_law, fit
from geometry.errors import UsageError


def bits(n: int, d: int, seed: int = 0) -> clouds.Cloud:
    return np.random.default_rng(seed).integers(0, 2, (n, d)).astype(float)


@pytest.mark.parametrize("dim", [12, 40])
def test_fair_bits_are_a_dimension_each(dim: int) -> None:
    made = compute("binary_id", bits(700, dim))
    assert abs(made.value - dim) < 4 * made.stderr
    assert made.stderr < 0.1 * dim


def test_fit_is_the_least_divergence() -> None:
    distance, count = np.arange(4, 12), np.array([3, 9, 40, 96, 200, 380, 610, 800])
    share = count / count.sum()

    def loss(theta: clouds.Cloud) -> float:
        return float(-share @ _log_law(distance.astype(float), *theta))

    found = fit(distance, count)
    best = minimize(loss, found, method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-14, "maxiter": 4000})
    assert loss(np.array(found)) <= best.fun + 1e-12
    np.testing.assert_allclose(found, best.x, rtol=1e-3)


def test_distances_are_hamming_distances_up_to_their_quantile() -> None:
    points = bits(300, 20)
    profile = compute("binary_id", points, quantile=0.3).profile
    distances = (pdist(points, "cityblock")).astype(int)
    cut = np.sort(distances)[int(np.ceil(0.3 * len(distances))) - 1]
    assert profile["distance"][-1] == cut
    counted = np.bincount(distances)[profile["distance"]]
    np.testing.assert_allclose(profile["empirical"], counted / counted.sum())
    assert profile["model"].sum() == pytest.approx(1)


def test_units_do_not_matter_and_signs_are_bits_on_request() -> None:
    points = bits(300, 16)
    want = compute("binary_id", points).value
    assert compute("binary_id", 6 * points - 3).value == want
    spins = (2 * points - 1) * np.random.default_rng(1).uniform(0.5, 2, points.shape)
    assert compute("binary_id", spins).reason == "not-binary"
    assert compute("binary_id", spins, sign=True).value == want


def test_hidden_bits_count_once() -> None:
    """Four of five columns repeat another one: far fewer dimensions than columns."""
    assert compute("binary_id", np.hstack([bits(600, 12)] * 5)).status in ("ok", "undefined")
    shared = bits(600, 60)
    shared[:, 12:] = np.where(
        np.random.default_rng(2).uniform(size=(600, 48)) < 0.2, shared[:, 12:], np.tile(shared[:, :12], 4)
    )
    assert compute("binary_id", shared).value < 45


def test_quantile_is_a_share_and_equal_rows_have_none() -> None:
    with pytest.raises(UsageError, match="quantile = 0"):
        compute("binary_id", bits(50, 5), quantile=0)
    assert compute("binary_id", np.vstack([np.zeros((9, 4)), np.ones((9, 4))])).reason == "no-distinct-distances"
