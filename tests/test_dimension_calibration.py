"""calibration: each scale inverted on what it was made from, real balls, and both ends."""

from __future__ import annotations

import clouds
import numpy as np
import pytest
from test_dimension_ball import uniform_ball

from geometry.dimension import calibration
from geometry.dimension.ball import mean_log_radii
from geometry.pairs import scan
from geometry.pairs.local import local_spectra, local_sums
from geometry.pairs.torch_engine import TorchExecutor


@pytest.mark.parametrize("dim", [0.6, 1.0, 4.5, 33.3, 400.0])
def test_log_ratio_comes_back(dim: float) -> None:
    means = mean_log_radii(dim, 700, 5)
    assert calibration.from_log_ratio(4 * means[4] - sum(means[:4]), 700, 5) == pytest.approx(dim, rel=1e-6)


@pytest.mark.parametrize("dim", [1, 3, 11, 25])
def test_real_balls_come_back(dim: int) -> None:
    n, k = 700, 10
    drawn = scan(uniform_ball(n, dim, 3), TorchExecutor())
    share = calibration.area_share(local_sums(drawn, k))
    value = calibration.local_participation(local_spectra(drawn, k))
    assert calibration.from_area(share, n, k) == pytest.approx(dim, rel=0.06)
    assert calibration.from_participation(value, n, k) == pytest.approx(dim, rel=0.06)


def test_ends_of_the_scale() -> None:
    assert calibration.from_log_ratio(1e-9, 500, 2) == float("inf")
    assert calibration.from_log_ratio(1e3, 500, 2) == calibration.LOWEST
    assert calibration.from_area(1.0, 500, 10) == calibration.NODES[-1]
    assert 0 < calibration.from_participation(1.0, 500, 10) <= 1


def test_rows_without_extent_are_left_out() -> None:
    points = np.vstack([np.zeros((30, 3)), clouds.gaussian(60, 3) + 9])
    whole, part = (scan(rows, TorchExecutor()) for rows in (points, points[30:]))
    assert calibration.area_share(local_sums(whole, 10)) == pytest.approx(calibration.area_share(local_sums(part, 10)))
    assert np.isnan(calibration.local_participation(local_spectra(scan(np.zeros((30, 3)), TorchExecutor()), 10)))
