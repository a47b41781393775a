"""scale: the trace, its ratio to a reference, and both errors."""

from __future__ import annotations

import clouds
import numpy as np
import pytest

from geometry.catalog import compute
from geometry.errors import UsageError
from geometry.types import Moments


def test_total_variance() -> None:
    points = clouds.power_law(100, 6) + 5
    made = compute("scale", points)
    assert made.value == pytest.approx(points.var(axis=0).sum(), rel=1e-10)
    assert compute("scale", Moments(50, np.ones(3), np.diag([3.0, 2.0, 1.0]))).value == pytest.approx(6)


def test_ratio_to_the_reference() -> None:
    x, y = 0.5 * clouds.gaussian(500, 6, 1), clouds.gaussian(700, 6, 2)
    made = compute("scale", x, y)
    assert made.value == pytest.approx(x.var(axis=0).sum() / y.var(axis=0).sum(), rel=1e-10)
    assert made.null == 1
    assert made.low < 0.25 < made.high
    assert made.z < -10


def test_unit_change_is_in_the_ratio_and_not_in_its_error() -> None:
    x, y = clouds.gaussian(300, 4, 1), clouds.gaussian(300, 4, 2)
    small, large = compute("scale", x, y), compute("scale", 100 * x, y)
    assert large.value == pytest.approx(1e4 * small.value)
    assert large.low / large.value == pytest.approx(small.low / small.value)


def test_errors_are_those_of_repeated_draws() -> None:
    for reference in (None, 1000):
        made = [
            compute(
                "scale",
                clouds.power_law(300, 6, seed),
                clouds.power_law(300, 6, reference + seed) if reference else None,
            )
            for seed in range(60)
        ]
        spread = np.std([estimate.value for estimate in made], ddof=1)
        assert np.mean([estimate.stderr for estimate in made]) == pytest.approx(spread, rel=0.3)


def test_a_point_has_no_variance_and_is_no_reference() -> None:
    point, cloud = np.full((30, 4), 0.1), clouds.gaussian(30, 4)
    assert compute("scale", point).value == 0
    assert compute("scale", point, cloud).value == 0
    assert compute("scale", cloud, point).reason == "reference-without-spread"


def test_other_statistics_take_no_reference() -> None:
    with pytest.raises(UsageError, match="leave y out"):
        compute("cone", clouds.gaussian(30, 4), clouds.gaussian(30, 4))
