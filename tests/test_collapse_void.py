"""void: hollow shells of any dimension against filled balls, a ring, the number of landmarks."""

from __future__ import annotations

import clouds
import numpy as np
import pytest

from geometry.catalog import compute
from geometry.collapse.void import view
from geometry.pairs import executor, scan


def ball(n: int) -> np.ndarray:
    return clouds.shell(n, 3) * np.random.default_rng(1).uniform(size=(n, 1)) ** (1 / 3)


@pytest.mark.parametrize("points", [clouds.shell(400, 3), 1e-6 * clouds.shell(400, 60) + 5])
def test_a_shell_is_hollow(points: np.ndarray) -> None:
    made = compute("void", points)["h2"]
    assert made.value > 0.5
    assert made.low > 3 * made.null
    birth, death = made.profile["birth"], made.profile["death"]
    assert 0.3 < (death - birth)[0] < 1


@pytest.mark.parametrize("points", [ball(400), clouds.gaussian(400, 3), clouds.helix(400, 20)])
def test_a_filled_set_is_not(points: np.ndarray) -> None:
    made = compute("void", points)["h2"]
    assert made.value < 0.2
    assert made.null < 0.15


def test_a_circle_is_a_ring() -> None:
    angle = np.random.default_rng(0).uniform(0, 2 * np.pi, 200)
    made = compute("void", clouds.laid_in(np.c_[np.cos(angle), np.sin(angle)], 10, 0, 0.01))
    assert made["h1"].value > 1
    assert made["h2"].value < 0.2


def test_number_of_landmarks() -> None:
    points = clouds.shell(200, 3)
    few, all_rows = compute("void", points, landmarks=40)["h2"], compute("void", points[:96])["h2"]
    assert few.value < all_rows.value
    assert few.stderr > 0
    assert not few.exact
    assert all_rows.exact
    assert all_rows.stderr is None


def test_view_keeps_the_radius() -> None:
    points = clouds.power_law(100, 12)
    made = view(scan(points, executor()), np.arange(100))
    radius = np.linalg.norm(points - points.mean(0), axis=1)
    np.testing.assert_allclose(np.linalg.norm(made, axis=1), radius / np.sqrt((radius**2).mean()))
