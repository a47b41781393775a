"""Influence functions against a bootstrap of rows; pair means against repeated draws; sampling of many rows."""

from __future__ import annotations

from collections.abc import Callable

import clouds
import numpy as np
import pytest

from geometry.pairs import executor, influence, scan
from geometry.pairs.influence import influence_stderr, pairwise_stderr, participation, row_scores, spectral_influence

FUNCTIONS: dict[str, Callable[[np.ndarray], tuple[float, np.ndarray]]] = {
    "participation": participation,
    "trace": lambda values: (values.sum(), np.ones(len(values))),
    "sum of roots": lambda values: (np.sqrt(values).sum(), 0.5 / np.sqrt(values)),
}


def eigenvalues(points: np.ndarray) -> np.ndarray:
    return np.linalg.eigvalsh(np.cov(points.T, ddof=0))[::-1]


def heavy(n: int, d: int, seed: int = 0) -> np.ndarray:
    """Radii that vary: the error is not the Gaussian one."""
    radius = np.random.default_rng(seed).gamma(3.0, size=(n, 1)) ** 0.5
    return clouds.power_law(n, d, seed) * radius


@pytest.mark.parametrize("name", FUNCTIONS)
def test_spectral_error_is_that_of_a_bootstrap(name: str) -> None:
    function, points = FUNCTIONS[name], heavy(400, 6)
    rng = np.random.default_rng(1)
    values = [function(eigenvalues(points[rng.integers(0, 400, 400)]))[0] for _ in range(400)]
    base = scan(points, executor())
    spectrum = base.spectrum.eigenvalues
    pull = spectral_influence(row_scores(base), spectrum, function(spectrum)[1])
    assert influence_stderr(pull, 400) == pytest.approx(np.std(values, ddof=1), rel=0.12)
    assert pull.mean() == pytest.approx(0, abs=1e-10 * np.abs(pull).max())


def test_derivatives_of_the_participation_ratio() -> None:
    values, step = np.array([4.0, 2.0, 1.0, 0.5]), 1e-6
    for j, weight in enumerate(participation(values)[1]):
        moved = values + step * np.eye(4)[j]
        assert weight == pytest.approx((participation(moved)[0] - participation(values)[0]) / step, rel=1e-4, abs=1e-5)


def test_many_rows_are_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    points = clouds.power_law(2000, 5)
    whole = scan(points, executor())
    full = influence_stderr(spectral_influence(row_scores(whole), whole.spectrum.eigenvalues, np.ones(5)), 2000)
    monkeypatch.setattr(influence, "MOST_ROWS", 500)
    part = scan(points, executor())
    scores = row_scores(part)
    assert scores.shape == (500, 5)
    assert row_scores(part) is scores
    sampled = influence_stderr(spectral_influence(scores, part.spectrum.eigenvalues, np.ones(5)), 2000)
    assert sampled == pytest.approx(full, rel=0.2)


@pytest.mark.parametrize("rows", [60, 300])
def test_pair_error_is_that_of_repeated_draws(rows: int) -> None:
    """The mean of x_i x_j about a mean of 1, over (some rows, all 300 rows)."""
    values, errors = [], []
    for seed in range(300):
        x = clouds.gaussian(300, 1, seed)[:, 0] + 1
        row_means = x[:rows] * (x.sum() - x[:rows]) / 299
        values.append(row_means.mean())
        errors.append(pairwise_stderr(row_means, 300))
    assert np.mean(errors) == pytest.approx(np.std(values, ddof=1), rel=0.12)


def test_one_row_has_no_error() -> None:
    assert np.isnan(influence_stderr(np.zeros(1), 1))
    assert np.isnan(pairwise_stderr(np.zeros(1), 1))
