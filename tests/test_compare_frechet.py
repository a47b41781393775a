"""frechet: the closed form, degenerate ranks, its null bias and its standard error."""

from __future__ import annotations

import numpy as np
import pytest

from geometry.compare.frechet import frechet, null_bias
from geometry.pairs import executor, scan
from geometry.pairs.scan import Scan
from geometry.types import Moments


def of(points: np.ndarray | Moments) -> Scan:
    return scan(points, executor())


def isotropic(mean: np.ndarray, deviation: float) -> Scan:
    return of(Moments(1000, mean, deviation**2 * np.eye(len(mean))))


@pytest.mark.parametrize(("a", "b"), [(1.0, 1.0), (2.0, 0.5), (0.0, 3.0), (1e-8, 1.0), (1e20, 3e20)])
def test_isotropic_gaussians(a: float, b: float) -> None:
    mean = np.arange(8.0)
    estimate = frechet(isotropic(mean, a), isotropic(np.zeros(8), b))
    assert float(estimate) == pytest.approx(mean @ mean + 8 * (a - b) ** 2, rel=1e-12)
    assert estimate.stderr is None


def test_commuting_covariances() -> None:
    """diag(l) against diag(m): the sum of (sqrt l - sqrt m)^2."""
    rng = np.random.default_rng(0)
    turn = np.linalg.qr(rng.standard_normal((6, 6)))[0]
    first, second = rng.uniform(0, 4, 6), rng.uniform(0, 4, 6)
    sets = [of(Moments(50, np.zeros(6), turn * values @ turn.T)) for values in (first, second)]
    assert float(frechet(*sets)) == pytest.approx(np.sum((np.sqrt(first) - np.sqrt(second)) ** 2), rel=1e-9)


@pytest.mark.parametrize(("far", "most"), [(1e3, 1e-9), (1e5, 1e-5)])
def test_one_large_direction_leaves_the_others_their_digits(far: float, most: float) -> None:
    """Whole numbers as deviations, turned by a reflection in quarters: the covariances are exact."""
    first, second = np.array([far, 3.0, 2.0, 1.0, 0.0]), np.array([far, 1.0, 2.0, 0.0, 2.0])
    turn = np.eye(5) - 0.5 * np.outer([1, 1, 1, 1, 0], [1, 1, 1, 1, 0])
    sets = [of(Moments(50, np.zeros(5), turn @ np.diag(deviations) ** 2 @ turn.T)) for deviations in (first, second)]
    assert float(frechet(*sets)) == pytest.approx(np.sum((first - second) ** 2), rel=most)


def test_rank_one_against_rank_one() -> None:
    """uu' and vv': |u|^2 + |v|^2 - 2 |u.v|."""
    u, v = np.random.default_rng(0).standard_normal((2, 20))
    sets = [of(Moments(50, np.zeros(20), np.outer(w, w))) for w in (u, v)]
    assert float(frechet(*sets)) == pytest.approx(u @ u + v @ v - 2 * abs(u @ v), rel=1e-6)


@pytest.mark.parametrize("n", [2, 5, 30])
def test_fewer_rows_than_dimensions_are_finite_and_symmetric(n: int) -> None:
    rng = np.random.default_rng(0)
    x, y = of(rng.standard_normal((n, 60))), of(rng.standard_normal((n + 3, 60)) + 1)
    there, back = frechet(x, y), frechet(y, x)
    assert there.status == "ok"
    assert float(there) == pytest.approx(float(back), rel=1e-6)
    assert there.stderr == pytest.approx(back.stderr, rel=1e-3)


@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_a_set_against_itself_is_zero_and_never_negative(offset: float) -> None:
    points = np.random.default_rng(0).standard_normal((40, 60)) + offset
    value = float(frechet(of(points), of(points.copy())))
    assert 0 <= value < 1e-9 * 60


def test_sets_without_spread() -> None:
    flat, round_ = np.ones((10, 3)), np.random.default_rng(0).standard_normal((30, 3))
    assert float(frechet(of(flat), of(flat * 3))) == pytest.approx(12)
    moments = of(round_).moments
    want = np.sum((moments.mean - 1) ** 2) + np.trace(moments.covariance)
    assert float(frechet(of(flat), of(round_))) == pytest.approx(want)


def test_undefined() -> None:
    assert frechet(of(np.ones((1, 3))), of(np.ones((5, 3)))).reason == "few-rows"
    wide = of(np.zeros((3, 4097), np.float32))
    assert frechet(wide, wide).reason == "too-many-dimensions"


def test_null_bias_closed_and_by_simulation() -> None:
    """One dimension: (1/n + 1/m) l (1 + 1/2), the mean's part and the deviation's part."""
    assert null_bias(np.array([3.0]), 100, 50) == pytest.approx(0.03 * 3 * 1.5)
    rng = np.random.default_rng(0)
    spread = np.sqrt(np.array([4.0, 1.0, 1.0, 0.25]))
    found = [
        frechet(of(rng.standard_normal((400, 4)) * spread), of(rng.standard_normal((300, 4)) * spread))
        for _ in range(200)
    ]
    draws = np.array([float(f) for f in found])
    assert np.mean(draws) == pytest.approx(found[0].null, rel=0.08)
    assert 0.8 < np.mean([f.stderr for f in found]) / np.std(draws) < 1.3


@pytest.mark.parametrize("law", ["gaussian", "exponential"])
def test_standard_error_against_resampled_rows(law: str) -> None:
    """Rows drawn again with replacement: the bootstrap is sound for a smooth function of moments."""
    rng = np.random.default_rng(0)
    mixed = rng.standard_normal((5, 5))
    x = (rng.standard_normal if law == "gaussian" else rng.standard_exponential)((500, 5)) @ mixed
    y = rng.standard_normal((800, 5)) + 0.5
    draws = [float(frechet(of(x[rng.integers(0, 500, 500)]), of(y[rng.integers(0, 800, 800)]))) for _ in range(150)]
    assert frechet(of(x), of(y)).stderr == pytest.approx(np.std(draws), rel=0.2)


def test_each_set_brings_its_own_error() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((4000, 3)), rng.standard_normal((4000, 3)) + 2
    both, few_x, few_y = (frechet(of(a), of(b)).stderr for a, b in ((x, y), (x[:200], y), (x, y[:200])))
    assert few_x > 2 * both
    assert few_y > 2 * both
