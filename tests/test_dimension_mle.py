"""mle: closed answers of power-law distances, both combinations, k, copies, and its error."""

from __future__ import annotations

import clouds
import numpy as np
import pytest

from geometry.catalog import compute
from geometry.errors import UsageError
from geometry.pairs.subsample import width_for
from geometry.registry import entry
from geometry.types import Neighbors

CLOSED = {2: 2.161666607, 5: 5.404166518, 10: 10.808333036}


def power_table(dim: float, k: int = 20, n: int = 10) -> Neighbors:
    """r_j = (j / k)^(1 / dim) in every row."""
    return Neighbors(np.tile((np.arange(1, k + 1) / k) ** (1 / dim), (n, 1)))


@pytest.mark.parametrize("dim", CLOSED)
def test_power_law_distances(dim: int) -> None:
    made = compute("mle", power_table(dim))
    assert made.value == pytest.approx(CLOSED[dim], abs=1e-9)
    np.testing.assert_allclose(made.per_point, CLOSED[dim], atol=1e-9)


def test_combinations_follow_their_formulas() -> None:
    table = clouds.periodic_table(300, 4, k=20)
    dist = np.sqrt(table.sq_dist)
    logs = np.log(dist[:, -1:] / dist[:, :-1]).sum(axis=1)
    assert compute("mle", table).value == pytest.approx(19 / logs.mean(), rel=1e-12)
    assert compute("mle", table, combine="arithmetic").value == pytest.approx((18 / logs).mean(), rel=1e-12)


def test_k_is_the_number_of_neighbours_used() -> None:
    table = power_table(5)
    want = 5 * 9 / np.log(10 / np.arange(1, 10)).sum()
    made = compute("mle", table, k=10)
    assert made.value == pytest.approx(want, rel=1e-12)
    assert made.k == 10
    assert compute("mle", clouds.gaussian(12, 3)).k == 11


def test_torus_has_no_bias_and_an_honest_error() -> None:
    made = [compute("mle", clouds.periodic_table(1000, 5, seed, k=width_for(20))) for seed in range(16)]
    values = [estimate.value for estimate in made]
    assert np.mean(values) == pytest.approx(5, abs=0.05)
    assert 0.8 < np.mean([estimate.stderr for estimate in made]) / np.std(values, ddof=1) < 1.8


def test_the_shared_table_is_asked_for_at_once() -> None:
    assert entry("mle").k == width_for(20)
    assert compute("mle", clouds.gaussian(200, 3)).stderr > 0


def test_copies_drop_out_of_the_sum() -> None:
    """One copy of every row: of 20 neighbours one is at 0, the others come in pairs of equal distance."""
    points = clouds.gaussian(400, 4)
    doubled = compute("mle", np.repeat(points, 2, axis=0))
    assert doubled.status == "ok"
    assert doubled.value == pytest.approx(compute("mle", points, k=10).value, rel=0.15)


def test_a_row_without_distances_has_no_value_of_its_own() -> None:
    points = np.vstack([np.zeros((25, 3)), clouds.gaussian(100, 3) + 5])
    made = compute("mle", points)
    assert np.isnan(made.per_point[:25]).all()
    assert np.isfinite(made.per_point[25:]).all()


@pytest.mark.parametrize("options", [{"combine": "median"}, {"k": 2}])
def test_unknown_options_are_named(options: dict) -> None:
    with pytest.raises(UsageError, match="mle"):
        compute("mle", clouds.gaussian(50, 3), **options)


def test_noise_is_taken_off() -> None:
    points = clouds.helix(1000, 6, noise=0.02)
    plain, corrected, more = (compute("mle", points, noise=noise).value for noise in (0.0, 0.02, 0.04))
    assert 1 < more < corrected - 0.03 < corrected < plain - 0.03


def test_noise_correction_is_the_mean_logarithm() -> None:
    dist, noise = np.array([[1.0, 2.0, 2.5, 4.0]]), 0.4
    spread = np.sqrt(2) * noise

    def mean_log(r: float) -> float:
        grid = np.linspace(1e-9, r + 10 * spread, 200_001)
        weight = np.exp(-((grid - r) ** 2) / (2 * spread**2))
        return float((weight * np.log(grid)).sum() / weight.sum())

    want = 3 / sum(np.log(4) - mean_log(r) for r in dist[0, :3])
    assert compute("mle", Neighbors(dist), noise=noise).value == pytest.approx(want, rel=0.01)
    with pytest.raises(UsageError, match="noise = -1"):
        compute("mle", Neighbors(dist), noise=-1.0)
