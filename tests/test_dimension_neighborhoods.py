"""Estimators that look into neighbourhoods: flat sets of known dimension, references, copies, an outlier, few rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from geometry import Estimate, UsageError, compute

NAMES = ("abid", "ca_pca", "danco", "ess", "mind_ml", "tle")
RNG = np.random.default_rng(0)


def ball(n: int, m: int, d: int) -> Any:
    """n rows uniform in an m-ball, laid into d dimensions."""
    x = RNG.normal(size=(n, m))
    x *= (RNG.random(n) ** (1 / m) / np.linalg.norm(x, axis=1))[:, None]
    return x @ np.linalg.qr(RNG.normal(size=(d, m)))[0].T


def value(name: str, points: Any, **options: Any) -> Any:
    found = compute(name, points, **options)
    return found if isinstance(found, Estimate) else next(iter(found.values()))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("m", [2, 5])
def test_a_flat_ball_has_its_dimension(name: str, m: int) -> None:
    found = value(name, ball(1200, m, 12))
    assert float(found) == pytest.approx(m, rel=0.25)


@pytest.mark.parametrize("name", NAMES)
def test_one_far_row_moves_little(name: str) -> None:
    points = ball(600, 5, 8)
    far = points.copy()
    far[0] = 1e3
    assert float(value(name, far)) == pytest.approx(float(value(name, points)), rel=0.1)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_to_measure_is_undefined(name: str) -> None:
    for points in (np.zeros((50, 4)), np.ones((2, 4)), np.ones((1, 4))):
        found = value(name, points)
        assert found.status == "undefined" and found.reason


@pytest.mark.parametrize("name", NAMES)
def test_k_is_used_and_checked(name: str) -> None:
    points = ball(400, 3, 6)
    assert float(value(name, points, k=12)) != float(value(name, points, k=25))
    assert value(name, points, k=12).k == 12
    with pytest.raises(UsageError):
        compute(name, points, k=0)


@pytest.mark.parametrize(
    ("m", "expected"), [(2, 0.636619772), (3, 0.785398163), (5, 0.883572934), (10, 0.946066064), (50, 0.989848504)]
)
def test_the_reference_of_ess(m: int, expected: float) -> None:
    from scipy.special import gammaln

    from geometry.dimension import ess

    closed = np.exp(2 * gammaln(m / 2) - gammaln((m + 1) / 2) - gammaln((m - 1) / 2))
    assert closed == pytest.approx(expected, abs=1e-9)
    assert float(ess.skewness(np.array([m], np.float64))[0]) == pytest.approx(expected, abs=1e-9)
