"""geo_mle: the regression on a made curve, bending taken off, its options."""

from __future__ import annotations

import clouds
import numpy as np
import pytest
from sklearn.linear_model import Ridge

from geometry.catalog import compute
from geometry.dimension.geo_mle import at_zero
from geometry.errors import UsageError


def test_regression_is_ridge_on_the_radius_and_its_square() -> None:
    """By the normal equations of scikit-learn's Ridge, in whatever unit the radius is."""
    weight = np.linspace(1, 2, 31)
    scaled = np.linspace(0.3, 1.7, 31)
    dims = 4 + 0.5 * scaled - 0.2 * scaled**2
    powers = np.stack([scaled, scaled**2], axis=1)
    want = Ridge(alpha=5e-3).fit(powers, dims, weight / weight.sum()).intercept_
    for unit in (1.0, 50.0):
        assert at_zero(scaled * unit, dims, weight) == pytest.approx(want, rel=1e-9)
    assert want == pytest.approx(4, abs=0.2)


def test_bending_is_taken_off() -> None:
    """A noise-free curve whose turns come within reach of the 40th neighbour."""
    turns = np.random.default_rng(0).uniform(0, 10 * np.pi, 1500)
    points = np.c_[100 * np.cos(turns), 100 * np.sin(turns), turns * 8]
    assert compute("mle", points, k=60).value > 1.2
    assert compute("geo_mle", points).value == pytest.approx(1, abs=0.1)


def test_value_is_the_profile_at_zero_with_an_honest_error() -> None:
    made = [compute("geo_mle", clouds.periodic_table(800, 3, seed, k=100)) for seed in range(8)]
    values = [one.value for one in made]
    assert np.mean(values) == pytest.approx(3, abs=0.15)
    assert 0.4 < np.mean([one.stderr for one in made]) / np.std(values, ddof=1) < 3
    curve = made[0].profile
    assert at_zero(curve["radius"], curve["dimension"], np.ones(31)) == pytest.approx(made[0].value, abs=0.2)


def test_options_are_used_and_fall_with_the_rows() -> None:
    points = clouds.gaussian(300, 3)
    assert len({compute("geo_mle", points, **o).value for o in ({}, {"k1": 5}, {"k2": 30})}) == 3
    assert compute("geo_mle", clouds.gaussian(30, 3)).k == 14
    with pytest.raises(UsageError, match="k1 = 40"):
        compute("geo_mle", points, k1=40, k2=10)


def test_copies_do_not_stop_it() -> None:
    made = compute("geo_mle", clouds.copies(300, 3, share=0.3))
    assert made.status == "ok"
    assert np.isfinite(made.profile["dimension"]).all()
