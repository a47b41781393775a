"""Ranks of the spectrum: closed answers, nulls of isotropic sets, the uncentred matrix, and errors."""

from __future__ import annotations

import clouds
import numpy as np
import pytest

from geometry.catalog import compute
from geometry.errors import UsageError
from geometry.types import Moments

HALVING = 0.5 ** np.arange(60)
NAMES = ("effective_rank", "participation_ratio", "iso_score", "stable_rank", "rankme")


def of_spectrum(values: np.ndarray, n: int = 1000) -> Moments:
    return Moments(n, np.zeros(len(values)), np.diag(np.asarray(values, float)))


def one(name: str, x: object, **options: object) -> float:
    outcome = compute(name, x, **options)
    return float(outcome["covariance"] if isinstance(outcome, dict) else outcome)


def entropy_rank(values: np.ndarray) -> float:
    share = values[values > 0] / values.sum()
    return float(np.exp(-(share * np.log(share)).sum()))


def test_halving_spectrum() -> None:
    assert one("effective_rank", of_spectrum(HALVING)) == pytest.approx(4, rel=1e-9)
    assert one("participation_ratio", of_spectrum(HALVING)) == pytest.approx(3, rel=1e-9)
    assert one("stable_rank", of_spectrum(HALVING)) == pytest.approx(2, rel=1e-9)


@pytest.mark.parametrize("k", [1, 5, 12])
def test_k_equal_eigenvalues(k: int) -> None:
    moments = of_spectrum(np.r_[np.ones(k), np.zeros(12 - k)])
    ranks = compute("effective_rank", moments)
    values = [ranks["singular"], ranks["covariance"], compute("participation_ratio", moments)]
    assert [float(value) for value in [*values, compute("stable_rank", moments)]] == pytest.approx([k] * 4)
    assert one("iso_score", moments) == pytest.approx((k - 1) / 11, abs=1e-12)
    assert one("rankme", moments) == pytest.approx(k, rel=1e-3)


def test_singular_values_and_eigenvalues_are_named_apart() -> None:
    halving = HALVING[:30]  # further ones are rounding beside the first
    made = compute("effective_rank", of_spectrum(halving))
    assert made["singular"].value == pytest.approx(entropy_rank(np.sqrt(halving)), rel=1e-9)
    assert made["singular"].value > 1.5 * made["covariance"].value
    for of in made:
        assert compute("effective_rank", of_spectrum(halving), of=of) == made[of]
    with pytest.raises(UsageError, match="gram"):
        compute("effective_rank", of_spectrum(HALVING), of="gram")


@pytest.mark.parametrize(("n", "d"), [(400, 20), (200, 200), (60, 300)])
@pytest.mark.parametrize("name", NAMES[:3])
def test_null_is_what_isotropic_rows_give(name: str, n: int, d: int) -> None:
    outcome = compute(name, clouds.gaussian(n, d))
    for estimate in outcome.values() if isinstance(outcome, dict) else [outcome]:
        assert estimate.value == pytest.approx(estimate.null, rel=0.02)


def test_null_of_the_participation_ratio() -> None:
    assert compute("participation_ratio", of_spectrum(np.ones(100), n=400)).null == pytest.approx(100 / 1.25)
    assert compute("effective_rank", of_spectrum(np.ones(100), n=400))["covariance"].null == pytest.approx(
        100 * np.exp(-0.125), rel=1e-9
    )


def test_wide_rows_agree_with_the_covariance() -> None:
    """Beyond the widths at which a covariance is formed, the spectrum comes from the rows."""
    points = clouds.power_law(40, 60) + 0.2
    wide = np.hstack([points, np.zeros((40, 4100))])
    for name in ("effective_rank", "participation_ratio", "stable_rank"):
        assert one(name, wide) == pytest.approx(one(name, points), rel=1e-9)
    assert one("rankme", wide) == pytest.approx(one("rankme", points), rel=1e-3)


@pytest.mark.parametrize("name", NAMES)
def test_error_is_that_of_repeated_draws(name: str) -> None:
    draws = [compute(name, clouds.power_law(400, 10, seed) + 0.3) for seed in range(60)]
    made = [outcome["covariance"] if isinstance(outcome, dict) else outcome for outcome in draws]
    spread = np.std([estimate.value for estimate in made], ddof=1)
    assert np.mean([estimate.stderr for estimate in made]) == pytest.approx(spread, rel=0.3)


def test_one_dimension_has_no_isotropy() -> None:
    assert compute("iso_score", clouds.gaussian(50, 1)).reason == "one-dimension"
