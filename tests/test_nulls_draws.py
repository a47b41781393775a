"""Null draws: the covariance of the set exactly, its marginals, radii and norms, and nothing else of it."""

from __future__ import annotations

import clouds
import numpy as np
import pytest

from geometry.nulls.core import Core, core_of
from geometry.nulls.draws import ellipsoid, elliptical, independent, normalised_gaussian
from geometry.pairs import Scan, executor

ENGINE = executor("cpu")


def core(points: clouds.Cloud) -> Core:
    return core_of(Scan(points, ENGINE))


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("m", [2, 5, 12])
@pytest.mark.parametrize("draw", [elliptical, independent], ids=lambda draw: draw.__name__)
def test_the_sample_covariance_is_that_of_the_set(draw: object, m: int) -> None:
    made = core(clouds.clusters(300, 12))
    rows = draw(made, m, rng())  # type: ignore[operator]
    assert rows.shape == (300, m)
    assert np.allclose(rows.mean(axis=0), 0, atol=1e-12)
    assert np.allclose(rows.T @ rows / 300, np.diag(made.sd[:m] ** 2), atol=1e-10)


def test_marginals_of_the_independent_law_are_those_of_the_set() -> None:
    """A bimodal coordinate stays bimodal: the two orderings differ by a rotation of the order of 1 / sqrt(n)."""
    points = np.c_[np.sign(clouds.gaussian(900, 1)) + 0.1 * clouds.gaussian(900, 1, 1), clouds.gaussian(900, 3, 2) / 4]
    made = core(points)
    rows = independent(made, 4, rng())
    for column, own in zip(rows.T, made.sorted_scores, strict=True):
        assert np.abs(np.sort(column) - own).mean() < 0.05 * own.std()
    assert (np.abs(rows[:, 0]) < 0.5).mean() < 0.02
    assert (np.abs(elliptical(made, 4, rng())[:, 0]) < 0.5).mean() > 0.2


def test_the_independent_law_breaks_what_binds_the_columns() -> None:
    angle = rng().uniform(0, 2 * np.pi, 900)
    ring = core(np.c_[np.cos(angle), np.sin(angle)])
    rows = independent(ring, 2, rng())
    radius = np.linalg.norm(rows / ring.sd, axis=1)
    assert radius.std() > 0.3  # on the ring it is 0


def test_radii_of_the_elliptical_law_are_those_of_the_set() -> None:
    made = core(clouds.clusters(800, 6, count=2) * np.arange(6.0, 0, -1))
    own = np.sort(np.linalg.norm(made.scores / made.sd, axis=1))
    found = np.sort(np.linalg.norm(elliptical(made, 6, rng()) / made.sd, axis=1))
    assert np.abs(found - own).mean() < 0.05 * own.mean()


def test_directions_of_the_elliptical_law_are_uniform() -> None:
    made = core(clouds.clusters(900, 5, count=2, spread=0.1))
    rows = elliptical(made, 5, rng()) / made.sd
    cosines = rows[:, 0] / np.linalg.norm(rows, axis=1)
    assert (cosines**2).mean() == pytest.approx(1 / 5, abs=0.02)
    assert (cosines**4).mean() == pytest.approx(3 / 35, abs=0.015)  # 1 / 25 for two poles


def test_an_ellipsoid_is_one_smooth_surface() -> None:
    made = core(clouds.sphere(900, 16, offset=2.0))
    rows = ellipsoid(made, rng())
    assert np.allclose(rows.T @ rows / 900, np.diag(made.sd**2), atol=1e-10)
    radius = np.linalg.norm(rows / made.sd, axis=1)
    assert radius.std() / radius.mean() < 2 / np.sqrt(900)


@pytest.mark.parametrize("offset", [0.0, 0.4])
def test_the_normalised_gaussian_has_one_length_and_the_sets_mean_and_spectrum(offset: float) -> None:
    points = clouds.normalised(clouds.power_law(1500, 12) + offset)
    made = core(points)
    rows = normalised_gaussian(made, rng())
    assert np.allclose(rows.mean(axis=0), 0, atol=1e-12)
    lengths = np.linalg.norm(rows + made.mean, axis=1)
    assert lengths == pytest.approx(np.ones(1500), abs=0.03)
    assert rows.std(axis=0) == pytest.approx(made.sd, rel=0.06)


def test_normalised_rows_have_their_raw_length_whatever_it_is() -> None:
    made = core(7 * clouds.normalised(clouds.gaussian(800, 8) + 0.3))
    lengths = np.linalg.norm(normalised_gaussian(made, rng()) + made.mean, axis=1)
    assert lengths == pytest.approx(np.full(800, 7.0), rel=0.03)


def test_a_draw_depends_on_the_generator_alone() -> None:
    points = clouds.clusters(200, 6)
    order = np.random.default_rng(2).permutation(200)
    for draw in (elliptical, independent):
        first, again = draw(core(points), 6, rng(5)), draw(core(points[order]), 6, rng(5))
        assert np.allclose(first, again, atol=1e-8)
        assert not np.allclose(first, draw(core(points), 6, rng(6)))
