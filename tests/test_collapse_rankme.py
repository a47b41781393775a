"""rankme: against the singular values of the uncentred rows, and its bound."""

from __future__ import annotations

import clouds
import numpy as np
import pytest

from geometry.catalog import compute


def entropy_rank(values: np.ndarray) -> float:
    share = values[values > 0] / values.sum()
    return float(np.exp(-(share * np.log(share)).sum()))


def test_rankme_is_of_the_uncentred_matrix() -> None:
    points = clouds.power_law(300, 10) + np.linspace(0, 2, 10)
    singular = np.linalg.svd(points, compute_uv=False)
    share = singular / singular.sum() + 1e-7
    assert float(compute("rankme", points)) == pytest.approx(entropy_rank(share), rel=1e-9)


@pytest.mark.parametrize(("n", "d"), [(300, 10), (10, 40), (10, 5000)])
def test_rankme_never_exceeds_what_the_matrix_can_have(n: int, d: int) -> None:
    points = np.linalg.qr(clouds.gaussian(max(n, d), min(n, d)))[0]
    points = points if n > d else points.T
    assert min(n, d) * 0.999 < float(compute("rankme", points)) <= min(n, d)


def test_a_far_mean_is_one_direction() -> None:
    assert float(compute("rankme", clouds.gaussian(200, 8) + 1e4)) == pytest.approx(1, abs=0.02)
