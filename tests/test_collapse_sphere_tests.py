"""Tests of uniformity on the sphere: the octahedron, sums by hand, size under uniformity, power, the centre."""

from __future__ import annotations

from math import gamma, pi

import clouds
import numpy as np
import pytest

from geometry.catalog import compute
from geometry.collapse import sphere_tests
from geometry.collapse.sphere_laws import share_left

NAMES = ("rayleigh", "bingham", "gine", "ajne")
OCTAHEDRON = np.vstack([np.eye(3), -np.eye(3)])


@pytest.mark.parametrize(("name", "want"), [*zip(NAMES, (0, 0, 0.453521, 0), strict=True)])
def test_octahedron(name: str, want: float) -> None:
    for points in (OCTAHEDRON, 5 * OCTAHEDRON @ clouds.rotation(3) + 7):
        made = compute(name, points)
        assert made.value == pytest.approx(want, abs=1e-6)
        assert made.profile["p_value"][0] > 0.5


def test_sums_by_hand() -> None:
    points, d = clouds.clusters(60, 4) + 0.5, 4
    unit = points - points.mean(0)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    angle = np.arccos(np.clip((unit @ unit.T)[np.triu_indices(60, 1)], -1, 1))
    factor = (d - 1) / 120 * (gamma((d - 1) / 2) / gamma(d / 2)) ** 2
    scatter = unit.T @ unit / 60
    want = {
        "rayleigh": 60 * d * (unit.mean(0) ** 2).sum(),
        "bingham": 60 * d * (d + 2) / 2 * ((scatter**2).sum() - 1 / d),
        "gine": 30 - factor * np.sin(angle).sum(),
        "ajne": 15 - angle.sum() / (60 * pi),
    }
    for name, value in want.items():
        assert compute(name, points).value == pytest.approx(value, rel=1e-9, abs=1e-9), name


@pytest.mark.parametrize("center", [False, True])
@pytest.mark.parametrize(("n", "d"), [(80, 3), (150, 10)])
def test_size_under_uniformity(n: int, d: int, center: bool) -> None:
    """P values are uniform, mean 1/2, a twentieth below .05, about a known origin and about the sample's own mean."""
    for name in NAMES:
        made = [compute(name, clouds.gaussian(n, d, seed), center=center) for seed in range(200)]
        p = np.array([one.profile["p_value"][0] for one in made])
        assert p.mean() == pytest.approx(0.5, abs=0.07), name
        assert (p < 0.05).mean() == pytest.approx(0.05, abs=0.04), name
        assert np.std([one.z for one in made]) == pytest.approx(1, abs=0.15), name
        null = np.mean([one.null for one in made])
        assert np.mean([one.value for one in made]) == pytest.approx(null, rel=0.15), name


def test_power_against_a_mean_and_an_axis() -> None:
    toward, along = clouds.gaussian(200, 5), clouds.gaussian(200, 5)
    toward[:, 0] += 1
    along[:, 0] *= 2
    p = {name: [float(compute(name, x, center=False).profile["p_value"][0]) for x in (toward, along)] for name in NAMES}
    assert p["rayleigh"][0] < 1e-6 > p["ajne"][0]
    assert p["bingham"][1] < 1e-6 > p["gine"][1]
    assert p["rayleigh"][1] > 1e-3 < p["ajne"][1]


def test_own_mean_leaves_the_share_that_radii_tell() -> None:
    """Of a shell 1/d^2, of a Gaussian in three dimensions 1 - 8/(3 pi); a skew is still seen."""
    assert share_left(np.full(10, 3.0), 5) == pytest.approx(1 / 25)
    assert share_left(np.linalg.norm(clouds.gaussian(20_000, 3), axis=1), 3) == pytest.approx(
        1 - 8 / (3 * pi), abs=0.01
    )
    assert share_left(np.array([0.0, 1, 1, 1, 1]), 2) == pytest.approx((4 / 4 + 1) / 5)
    assert share_left(np.array([1.0, 2.0]), 1) == 1
    skew = np.random.default_rng(0).exponential(size=(300, 4))
    assert compute("rayleigh", skew).profile["p_value"][0] < 1e-6 > compute("ajne", skew).profile["p_value"][0]


def test_many_rows_are_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sphere_tests, "SUM_ROWS", 100)
    made = compute("gine", clouds.gaussian(150, 4))
    assert (made.n, made.exact) == (100, False)
    assert compute("gine", clouds.gaussian(100, 4)).exact


@pytest.mark.parametrize("name", NAMES)
def test_error_is_that_of_repeated_draws_away_from_uniformity(name: str) -> None:
    made = [compute(name, 1 + clouds.power_law(200, 6, seed), center=False) for seed in range(50)]
    spread = np.std([estimate.value for estimate in made], ddof=1)
    assert np.mean([estimate.stderr for estimate in made]) == pytest.approx(spread, rel=0.35)


@pytest.mark.parametrize("name", NAMES[1:])
def test_one_dimension_has_no_sphere(name: str) -> None:
    assert compute(name, clouds.gaussian(20, 1)).reason == "one-dimension"
