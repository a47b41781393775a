"""two_nn: the Pareto line, each fit, and what copies do."""

from __future__ import annotations

import clouds
import numpy as np
import pytest

from geometry.catalog import compute
from geometry.errors import UsageError
from geometry.types import Neighbors


def pareto_table(n: int = 1000, dim: float = 5.0) -> Neighbors:
    """mu_i = (1 - i/n)^(-1/dim), i = 1 .. n, the last (infinite) one replaced by a large number."""
    mu = (1 - np.minimum(np.arange(1, n + 1), n - 1e-9) / n) ** (-1 / dim)
    return Neighbors(np.c_[np.ones(n), mu])


def test_the_line_is_exact() -> None:
    assert float(compute("two_nn", pareto_table())) == pytest.approx(5, rel=1e-12)


def test_fraction_of_the_largest_ratios_is_left_out() -> None:
    table = pareto_table()
    spoiled = Neighbors(np.c_[np.ones(1000), np.where(np.arange(1000) >= 850, 1e3, table.dist[:, 1])])
    assert float(compute("two_nn", spoiled, fraction=0.2)) == pytest.approx(5, rel=1e-12)
    assert float(compute("two_nn", spoiled)) < 4


def test_fits_follow_their_formulas() -> None:
    log_mu = (
        np.sort(np.log(clouds.periodic_table(500, 4).sq_dist[:, 1] / clouds.periodic_table(500, 4).sq_dist[:, 0])) / 2
    )
    kept = log_mu[:450]
    want = {
        "mle": 499 / log_mu.sum(),
        "censored": 449 / (kept.sum() + 50 * kept[-1]),
        "bayes": 502 / (log_mu.sum() + 5),
    }
    for fit, value in want.items():
        assert float(compute("two_nn", clouds.periodic_table(500, 4), fit=fit)) == pytest.approx(value, rel=1e-12)


def test_without_boundary_it_is_unbiased() -> None:
    values = [float(compute("two_nn", clouds.periodic_table(2000, 5, seed, k=2), fit="mle")) for seed in range(10)]
    stderr = compute("two_nn", clouds.periodic_table(2000, 5, k=2), fit="mle").stderr
    assert np.mean(values) == pytest.approx(5, abs=3 * stderr / np.sqrt(10))
    assert np.std(values, ddof=1) == pytest.approx(stderr, rel=0.6)


def test_rows_with_copies_are_left_out() -> None:
    made = compute("two_nn", clouds.copies(400, 5, share=0.25))
    assert made.status == "ok"
    assert made.n == 200
    assert compute("two_nn", np.repeat(clouds.gaussian(50, 5), 2, axis=0)).reason == "no-distinct-distances"


@pytest.mark.parametrize("options", [{"fit": "none"}, {"fraction": 1.0}])
def test_unknown_options_are_named(options: dict) -> None:
    with pytest.raises(UsageError, match="two_nn"):
        compute("two_nn", clouds.gaussian(50, 3), **options)


def test_profile_follows_the_scale() -> None:
    """Near by, a noisy curve is as wide as its noise; with fewer rows it is a line."""
    profile = compute("two_nn", clouds.helix(2000, 3, noise=0.02)).profile
    assert profile["share"].tolist() == [1, 0.5, 0.25, 0.125]
    assert np.all(np.diff(profile["dimension"]) < 0)
    flat = compute("two_nn", clouds.periodic_table(2000, 3, k=64), fit="mle")
    assert flat.profile["dimension"][0] == flat.value
    np.testing.assert_allclose(flat.profile["dimension"], 3, rtol=0.08)


def test_profile_goes_as_far_as_the_table() -> None:
    assert compute("two_nn", clouds.periodic_table(500, 3, k=16)).profile["share"].tolist() == [1, 0.5]
    assert compute("two_nn", clouds.gaussian(50, 3)).profile["share"].tolist() == [1, 0.5]
    assert compute("two_nn", pareto_table()).profile["share"].tolist() == [1]
