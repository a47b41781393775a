"""magnitude: lines and squares, its profile, copies."""

from __future__ import annotations

import clouds
import numpy as np
import pytest

from geometry.catalog import compute


@pytest.mark.parametrize(("dim", "low", "high"), [(1, 0.85, 1.02), (2, 1.5, 2.05)])
def test_cubes_from_below(dim: int, low: float, high: float) -> None:
    made = compute("magnitude", np.random.default_rng(0).uniform(size=(500, dim)))
    assert low < made.value < high
    assert 0 < made.stderr < 0.1


def test_profile_rises_from_one_row_to_all() -> None:
    points = clouds.gaussian(200, 3)
    profile = compute("magnitude", points).profile
    assert np.all(np.diff(profile["log_magnitude"]) > 0)
    assert 0 < profile["log_magnitude"][0] < np.log(20)
    assert profile["log_magnitude"][-1] == pytest.approx(np.log(200), abs=0.1)
    assert profile["slope"].max() == pytest.approx(compute("magnitude", points).value)


def test_copies_add_nothing() -> None:
    points = clouds.gaussian(100, 3)
    doubled = compute("magnitude", np.repeat(points, 2, axis=0))
    assert doubled.value == pytest.approx(compute("magnitude", points).value, rel=1e-9)
    assert compute("magnitude", np.repeat(points[:2], 9, axis=0)).reason == "few-distinct-rows"
