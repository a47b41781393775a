"""corr_int: a count by hand, known dimensions, the curve, and its options."""

from __future__ import annotations

import clouds
import numpy as np
import pytest
from scipy.spatial.distance import pdist, squareform

from geometry.catalog import compute
from geometry.errors import UsageError


def by_hand(points: clouds.Cloud, k1: int = 10, k2: int = 20) -> float:
    square = np.sort(squareform(pdist(points)), axis=1)
    radii = np.median(square[:, [k1, k2]], axis=0) * (1 + 1e-12)
    counts = [(square <= radius).sum() - len(points) for radius in radii]
    return float(np.log(counts[1] / counts[0]) / np.log(radii[1] / radii[0]))


def test_slope_between_the_medians() -> None:
    points = clouds.swiss_roll(301, 6)
    assert compute("corr_int", points).value == pytest.approx(by_hand(points), rel=1e-9)
    assert compute("corr_int", points, k1=5, k2=40).value == pytest.approx(by_hand(points, 5, 40), rel=1e-9)


@pytest.mark.parametrize(("maker", "dim"), [(clouds.helix, 1), (clouds.swiss_roll, 2), (clouds.sphere, 2)])
def test_curves_and_surfaces(maker: clouds.Maker, dim: int) -> None:
    options = {} if maker is clouds.sphere else {"noise": 0.0}
    made = compute("corr_int", maker(1500, 10, 0, **options))
    assert made.value == pytest.approx(dim, abs=0.15)
    assert made.exact


def test_error_is_that_of_repeated_draws() -> None:
    made = [compute("corr_int", clouds.torus(400, 6, seed, noise=0.0)) for seed in range(8)]
    spread = np.std([estimate.value for estimate in made], ddof=1)
    assert 0.5 < np.mean([estimate.stderr for estimate in made]) / spread < 2.5


def test_curve_holds_all_pairs_and_the_slope() -> None:
    points = clouds.swiss_roll(600, 4, noise=0.0)
    curve = compute("corr_int", points).profile
    assert curve["log_share"][-1] == pytest.approx(0, abs=1e-12)
    assert np.all(np.diff(curve["log_share"]) >= 0)
    dist = pdist(points)
    middle = np.exp(curve["log_radius"][len(curve["log_radius"]) // 2])
    share = np.exp(curve["log_share"][len(curve["log_radius"]) // 2])
    assert share == pytest.approx((dist <= middle).mean(), abs=1e-3)


def test_copies_count_as_pairs_at_zero() -> None:
    curve = compute("corr_int", clouds.copies(300, 4, share=0.5)).profile
    assert np.exp(curve["log_share"][0]) * 300 * 299 == pytest.approx(300, rel=0.2)


def test_few_rows_lower_both_orders() -> None:
    assert compute("corr_int", clouds.gaussian(15, 3)).k == 14
    assert compute("corr_int", clouds.gaussian(2, 3)).reason == "few-rows"


def test_orders_must_ascend() -> None:
    with pytest.raises(UsageError, match="k1 = 20"):
        compute("corr_int", clouds.gaussian(50, 3), k1=20, k2=10)
