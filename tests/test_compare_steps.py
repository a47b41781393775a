"""inward_drift and mean_regression: rows moved by a known rule, redraws, and what stands without pairs."""

from __future__ import annotations

import clouds
import numpy as np
import pytest

from geometry.catalog import compute

Y = clouds.gaussian(600, 8) + 5
CENTRE = Y.mean(axis=0)


@pytest.mark.parametrize(("factor", "want"), [(0.7, 1.0), (1.2, -1.0)])
def test_rows_that_head_for_the_centre_or_flee_it(factor: float, want: float) -> None:
    made = compute("inward_drift", CENTRE + factor * (Y - CENTRE), Y, paired=True)
    assert made.value == pytest.approx(want, abs=1e-12)
    np.testing.assert_allclose(made.per_point, want, atol=1e-12)
    assert abs(made.null) < 0.05 and want * made.z > 20


def test_a_common_drift_and_a_random_step_head_nowhere() -> None:
    for step in (np.full(8, 3.0), 0.1 * clouds.gaussian(600, 8, 3)):
        made = compute("inward_drift", Y + step, Y, paired=True)
        assert abs(made.value - made.null) < 0.06
        assert made.low < made.value < made.high


def test_a_redraw_heads_inward_by_1_over_root_2_in_many_dimensions() -> None:
    made = compute("inward_drift", clouds.gaussian(1000, 300, 2), clouds.gaussian(1000, 300), paired=True)
    assert made.value == pytest.approx(np.sqrt(0.5), abs=0.005)


def test_the_error_of_the_drift_is_that_of_new_rows() -> None:
    found = []
    for seed in range(40):
        y = clouds.gaussian(200, 5, seed)
        found.append(compute("inward_drift", 0.9 * y + 0.2 * clouds.gaussian(200, 5, 99 + seed), y, paired=True))
    assert 0.6 < np.mean([one.stderr for one in found]) / np.std([one.value for one in found]) < 1.6


def test_rows_that_stay_have_no_direction() -> None:
    x = Y.copy()
    x[:300] = CENTRE + 0.5 * (Y[:300] - CENTRE)
    made = compute("inward_drift", x, Y, paired=True)
    assert made.value == pytest.approx(1)
    assert np.isnan(made.per_point[300:]).all()
    assert compute("inward_drift", Y, Y.copy(), paired=True).reason == "no-steps"


@pytest.mark.parametrize("factor", [0.0, 0.6, 1.0, 1.5])
def test_slope_of_a_known_regression(factor: float) -> None:
    x = 100 + factor * (Y - CENTRE) + 0.5 * clouds.gaussian(600, 8, 4)
    made = compute("mean_regression", x, Y, paired=True)["slope"]
    assert made.value == pytest.approx(factor, abs=4 * made.stderr)
    assert made.stderr < 0.02 and made.null == 1
    exact = compute("mean_regression", factor * Y - 7, Y, paired=True)["slope"]
    assert exact.value == pytest.approx(factor, abs=1e-12)
    np.testing.assert_allclose(exact.per_point, factor, atol=1e-9)


def test_radii_need_no_pairs() -> None:
    made = compute("mean_regression", 0.5 * Y[::-1], Y)
    assert made["slope"].reason == "unpaired"
    for name in ("radius_10", "radius_50", "radius_90"):
        assert made[name].value == pytest.approx(0.5, rel=1e-12)
        assert made[name].z < -5 and made[name].null == 1
        assert made[name].low < 0.5 < made[name].high


def test_the_quantiles_are_apart_and_their_errors_honest() -> None:
    """Only the outer half shrinks: the inner radii stay."""
    outer = np.linalg.norm(Y - CENTRE, axis=1) > np.median(np.linalg.norm(Y - CENTRE, axis=1))
    made = compute("mean_regression", CENTRE + np.where(outer, 0.8, 1.0)[:, None] * (Y - CENTRE), Y)
    assert made["radius_10"].value > made["radius_90"].value + 0.1
    found = [compute("mean_regression", clouds.student(300, 4, s), clouds.gaussian(300, 4, 50 + s)) for s in range(40)]
    for name in ("radius_10", "radius_50", "radius_90"):
        assert 0.5 < np.mean([f[name].stderr for f in found]) / np.std([f[name].value for f in found]) < 1.8
