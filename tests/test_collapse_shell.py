"""shell: hollow, filled and heavy-tailed sets, the Gaussian value at any n, and its errors."""

from __future__ import annotations

from collections.abc import Callable

import clouds
import numpy as np
import pytest

from geometry.catalog import compute
from geometry.errors import InputError
from geometry.types import Moments


def test_by_hand() -> None:
    points = clouds.clusters(200, 5) + 2
    radius = np.linalg.norm(points - points.mean(0), axis=1)
    made = compute("shell", points)
    assert made["cv"].value == pytest.approx(radius.std() / radius.mean(), rel=1e-10)
    rank = float(compute("participation_ratio", points))
    assert made["ratio"].value == pytest.approx(made["cv"].value * np.sqrt(2 * rank), rel=1e-10)


@pytest.mark.parametrize(("n", "d"), [(2000, 64), (500, 400)])
def test_gaussian_is_filled(n: int, d: int) -> None:
    ratio = compute("shell", clouds.gaussian(n, d))["ratio"]
    assert ratio.value == pytest.approx(ratio.null, abs=4 * ratio.stderr)
    assert abs(ratio.value - ratio.null) < 0.1


def test_shell_is_hollow_and_student_radii_are_heavy() -> None:
    assert compute("shell", clouds.shell(1000, 30))["ratio"].value < 0.2
    rng = np.random.default_rng(0)
    student = clouds.gaussian(1000, 30) / np.sqrt(rng.chisquare(4, (1000, 1)) / 4)
    assert compute("shell", student)["ratio"].value > 2


def test_density_is_one_over_all_radii() -> None:
    profile = compute("shell", clouds.gaussian(1000, 10))["cv"].profile
    mass = profile["density"] * np.diff(profile["radius_edges"])
    assert mass.sum() == pytest.approx(1)
    assert profile["radius_edges"][np.argmax(mass)] == pytest.approx(1, abs=0.15)


def of_five_classes(seed: int) -> clouds.Cloud:
    """Classes about an uneven middle, of which a draw has now more, now fewer: the centre moves, and with it radii."""
    centres = 2 * np.random.default_rng(99).normal(size=(5, 6))
    rng = np.random.default_rng(seed)
    return centres[rng.integers(0, 5, 400)] + 0.6 * rng.normal(size=(400, 6))


@pytest.mark.parametrize("key", ["cv", "ratio"])
@pytest.mark.parametrize("draw", [lambda seed: clouds.power_law(400, 12, seed), of_five_classes])
def test_error_is_that_of_repeated_draws(key: str, draw: Callable[[int], clouds.Cloud]) -> None:
    made = [compute("shell", draw(seed))[key] for seed in range(60)]
    spread = np.std([estimate.value for estimate in made], ddof=1)
    assert np.mean([estimate.stderr for estimate in made]) == pytest.approx(spread, rel=0.3)


def test_moments_hold_no_radii() -> None:
    with pytest.raises(InputError, match="needs the points"):
        compute("shell", Moments(100, np.zeros(3), np.eye(3)))
