"""How the spectrum falls: closed answers of spectra, the range of the slope, nulls of isotropic rows, errors."""

from __future__ import annotations

import clouds
import numpy as np
import pytest

from geometry.catalog import compute
from geometry.errors import UsageError
from geometry.types import Estimate, Moments


def of_spectrum(values: np.ndarray, n: int = 1000) -> Moments:
    return Moments(n, np.zeros(len(values)), np.diag(np.asarray(values, float)))


def first(name: str, x: object) -> Estimate:
    outcome = compute(name, x)
    return outcome if isinstance(outcome, Estimate) else outcome["alpha"]


def test_halving_spectrum() -> None:
    made = compute("nesum", of_spectrum(0.5 ** np.arange(60)))
    assert made.name == "nesum"
    assert made.value == pytest.approx(2, rel=1e-9)


@pytest.mark.parametrize("k", [1, 5, 12])
def test_k_equal_eigenvalues(k: int) -> None:
    moments = of_spectrum(np.r_[np.ones(k), np.zeros(12 - k)])
    assert compute("nesum", moments).value == pytest.approx(k)


def test_condition_is_the_ratio_of_singular_values() -> None:
    assert compute("condition", of_spectrum([9.0, 4.0, 1.0])).value == pytest.approx(3)
    points = clouds.power_law(100, 6)
    singular = np.linalg.svd(points - points.mean(0), compute_uv=False)
    assert compute("condition", points).value == pytest.approx(singular[0] / singular[-1], rel=1e-9)


@pytest.mark.parametrize(
    "points",
    [clouds.gaussian(10, 10), clouds.low_rank(100, 8, rank=5), np.c_[clouds.gaussian(50, 3), np.full(50, 0.1)]],
)
def test_condition_of_a_singular_set(points: clouds.Cloud) -> None:
    assert compute("condition", points).reason == "rank-deficient"


@pytest.mark.parametrize("alpha", [0.0, 0.8, 2.5])
def test_power_law_spectrum(alpha: float) -> None:
    made = compute("alpha_req", of_spectrum(np.arange(1.0, 51) ** -alpha))
    assert made["alpha"].value == pytest.approx(alpha, abs=1e-9)
    if alpha == 0:
        assert made["fit"].reason == "equal-eigenvalues"
    else:
        assert made["fit"].value == pytest.approx(1)


def test_range_of_the_slope() -> None:
    """Flat to the tenth eigenvalue, i^-1 from there to the thirtieth, zero beyond."""
    values = np.r_[np.full(10, 1 / 11), 1 / np.arange(11.0, 31), np.zeros(20)]
    assert compute("alpha_req", of_spectrum(values), first=11)["alpha"].value == pytest.approx(1)
    assert compute("alpha_req", of_spectrum(values), last=10)["alpha"].value == pytest.approx(0, abs=1e-12)
    whole = compute("alpha_req", of_spectrum(values))
    x, y = np.log(np.arange(1, 31)), np.log(values[:30])
    assert whole["alpha"].value == pytest.approx(-np.polyfit(x, y, 1)[0])
    assert whole["fit"].value == pytest.approx(np.corrcoef(x, y)[0, 1] ** 2)
    np.testing.assert_array_equal(whole["alpha"].profile["i"], np.arange(1, 31))
    with pytest.raises(UsageError, match="alpha_req"):
        compute("alpha_req", of_spectrum(values), first=5, last=5)


def test_two_eigenvalues_have_no_slope() -> None:
    assert compute("alpha_req", of_spectrum([2.0, 1.0]))["alpha"].reason == "few-eigenvalues"


@pytest.mark.parametrize("name", ["nesum", "condition", "alpha_req"])
def test_null_is_what_isotropic_rows_give(name: str) -> None:
    made = first(name, clouds.gaussian(1000, 100))
    assert made.value == pytest.approx(made.null, rel=0.05)


@pytest.mark.parametrize("name", ["nesum", "condition", "alpha_req"])
def test_error_is_that_of_repeated_draws(name: str) -> None:
    made = [first(name, clouds.power_law(400, 8, seed)) for seed in range(60)]
    spread = np.std([estimate.value for estimate in made], ddof=1)
    assert np.mean([estimate.stderr for estimate in made]) == pytest.approx(spread, rel=0.3)
