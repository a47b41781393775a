"""fisher_s: spheres, the law inverted, shares by hand, the projection, no pair left."""

from __future__ import annotations

import clouds
import numpy as np
import pytest

from geometry.catalog import compute
from geometry.dimension.fisher_s import ALPHAS, sphere_dimension


@pytest.mark.parametrize("dim", [2, 5, 20])
def test_the_law_of_the_sphere_comes_back(dim: int) -> None:
    share = (1 - ALPHAS**2) ** ((dim - 1) / 2) / (ALPHAS * np.sqrt(2 * np.pi * dim))
    np.testing.assert_allclose(sphere_dimension(share, ALPHAS), dim, rtol=1e-10)


@pytest.mark.parametrize("dim", [5, 12])
def test_gaussians_are_spheres_after_whitening(dim: int) -> None:
    points = clouds.gaussian(1500, dim) * np.linspace(1, 2, dim)
    made = compute("fisher_s", np.hstack([points, 0.05 * clouds.gaussian(1500, 7, 1)]))
    assert made.value == pytest.approx(dim, rel=0.12)


def test_shares_by_hand() -> None:
    points = clouds.gaussian(200, 4)
    centred = points - points.mean(axis=0)
    values, vectors = np.linalg.eigh(centred.T @ centred / 200)
    unit = clouds.normalised(centred @ vectors / np.sqrt(values))
    product = unit @ unit.T - 2 * np.eye(200)
    shares = [(product > alpha).sum() / (200 * 199) for alpha in ALPHAS]
    made = compute("fisher_s", points)
    np.testing.assert_allclose(made.profile["share"], shares, atol=2.5e-5)
    at = np.argmin(np.abs(ALPHAS - 0.9 * ALPHAS[np.flatnonzero(shares)[-1]]))
    assert made.value == pytest.approx(made.profile["dimension"][at])
    counts = (product > ALPHAS[at]).sum(axis=1)
    assert np.array_equal(np.isnan(made.per_point), counts == 0)


def test_error_is_that_of_repeated_draws() -> None:
    made = [compute("fisher_s", clouds.shell(400, 6, seed)) for seed in range(10)]
    fixed = [one.profile["dimension"][5] for one in made]
    assert 0.3 < np.mean([one.stderr for one in made]) / np.std(fixed, ddof=1) < 3


def test_no_pair_left_is_no_value() -> None:
    assert compute("fisher_s", clouds.gaussian(60, 50)).reason == "no-pair-left"
    assert compute("fisher_s", clouds.gaussian(2, 50)).reason == "few-rows"
