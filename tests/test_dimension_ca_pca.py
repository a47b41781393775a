"""ca_pca: spectra of flat and bent balls in closed form, clouds, the reach of k + 1, and its error."""

from __future__ import annotations

import clouds
import numpy as np
import pytest

from geometry.catalog import compute
from geometry.dimension.ca_pca import corrected
from geometry.errors import UsageError


@pytest.mark.parametrize("dim", [1, 2, 5, 12])
def test_a_flat_ball_has_its_own_spectrum(dim: int) -> None:
    """dim eigenvalues 1 / (dim + 2), no tail: the misfit is 0 there and nowhere else."""
    values = np.zeros((1, 20))
    values[0, :dim] = 1 / (dim + 2)
    assert corrected(values)[0] == dim


def test_the_objective_is_the_published_one() -> None:
    values = np.sort(np.random.default_rng(0).uniform(0, 0.3, (50, 6)))[:, ::-1]
    wanted = [1 + int(np.argmin([objective(row, q) for q in range(1, 7)])) for row in values]
    assert corrected(values).tolist() == wanted
    assert len(set(wanted)) > 2


def objective(values: np.ndarray, q: int) -> float:
    tail = values[q:].sum()
    gap = 1 / (q + 2) - (values[:q] + (3 * q + 4) / (q * (q + 4)) * tail)
    return float(np.sqrt((gap**2).sum()) + 2 * tail)


@pytest.mark.parametrize(
    ("points", "dim", "k"),
    [
        (clouds.ball(1000, 4), 4, 50),
        (clouds.laid_in(clouds.ball(1000, 3), 30, 0, 0.0), 3, 50),
        (clouds.sphere(1000, 10), 2, 50),
        (clouds.helix(1000, 10, noise=0.0), 1, 12),
    ],
)
def test_clouds(points: np.ndarray, dim: int, k: int) -> None:
    made = compute("ca_pca", points, k=k)
    assert made.value == pytest.approx(dim, rel=0.05)
    assert set(made.per_point) <= set(range(1, points.shape[1] + 1))


def test_bending_is_allowed_for() -> None:
    """Wide neighbourhoods of a circle: two eigenvalues above a twentieth, one dimension."""
    angle = np.random.default_rng(0).uniform(0, 2 * np.pi, 400)
    points = np.c_[np.cos(angle), np.sin(angle)]
    assert compute("ca_pca", points, k=120).value == pytest.approx(1, abs=0.05)
    assert compute("lpca", points, k=120, rule="fo").value > 1.5


def test_the_radius_lies_between_the_last_two_distances() -> None:
    """In the plane, neighbours at 1 and the next one at 1 or far away: at once a ring, or the middle of a wide ball."""
    ring = np.array([[np.cos(t), np.sin(t)] for t in np.arange(6) * np.pi / 3])
    close = compute("ca_pca", np.vstack([[0, 0], ring, 1.01 * np.eye(2)]), k=6).per_point[0]
    far = compute("ca_pca", np.vstack([[0, 0], ring, 17.0 * np.eye(2)]), k=6).per_point[0]
    spectrum = np.array([[3 / 5, 3 / 5]])
    assert close == corrected(spectrum / 1.005**2)[0]
    assert far == corrected(spectrum / 9.0**2)[0]
    assert close != far


def test_k_falls_to_one_less_than_the_neighbours() -> None:
    assert compute("ca_pca", clouds.gaussian(12, 3)).k == 10
    assert compute("ca_pca", clouds.gaussian(300, 20), k=9).value <= 8


def test_error_covers_the_spread_of_repeated_sets() -> None:
    made = [compute("ca_pca", clouds.helix(400, 8, seed, 0.0), k=20) for seed in range(12)]
    spread = np.std([one.value for one in made], ddof=1)
    assert 0.5 < np.mean([one.stderr for one in made]) / spread < 4


def test_too_few_neighbours_are_named() -> None:
    with pytest.raises(UsageError, match="ca_pca: k = 2"):
        compute("ca_pca", clouds.gaussian(50, 3), k=2)
