"""Moments, spectra and half samples against NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from pair_clouds import CLOUDS, DTYPES, Maker, draw

from geometry.pairs import executor, reference, scan
from geometry.pairs.spectrum import spectrum_of_covariance, spectrum_of_points
from geometry.pairs.subsample import half_sample_stderr, halves, restrict, width_for
from geometry.pairs.torch_engine import TorchExecutor
from geometry.types import Neighbors


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("maker", CLOUDS)
def test_moments(maker: Maker, dtype: type) -> None:
    for n, d in ((1, 3), (63, 7), (300, 20)):
        points = draw(maker, n, d, dtype)
        got, want = TorchExecutor().moments(points), reference.moments(points)
        largest = float(np.abs(points.astype(np.float64)).max())
        np.testing.assert_allclose(got.mean, want.mean, rtol=1e-12, atol=1e-15 * largest)
        np.testing.assert_allclose(
            got.covariance,
            want.covariance,
            rtol=1e-9,
            atol=1e-12 * float(np.abs(want.covariance).max()) + (1e-15 * largest) ** 2,
        )
        assert got.n == n


def test_moments_of_more_rows_than_a_block() -> None:
    points = np.random.default_rng(0).standard_normal((20_000, 3)).astype(np.float32) + 100
    got = TorchExecutor().moments(points)
    np.testing.assert_allclose(got.covariance, np.cov(points.astype(np.float64).T, ddof=0), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("shape", [(50, 6), (6, 50)])
def test_both_ways_to_a_spectrum_agree(shape: tuple[int, int]) -> None:
    points = np.random.default_rng(0).standard_normal(shape)
    by_covariance, by_rows = spectrum_of_covariance(reference.moments(points)), spectrum_of_points(points)
    rank = min(shape[0] - 1, shape[1])
    np.testing.assert_allclose(by_rows.eigenvalues[:rank], by_covariance.eigenvalues[:rank], rtol=1e-9)
    np.testing.assert_allclose(by_rows.eigenvalues[rank:], 0, atol=1e-12)
    same = np.abs(np.sum(by_rows.eigenvectors[:, :rank] * by_covariance.eigenvectors[:, :rank], axis=0))
    np.testing.assert_allclose(same, 1, atol=1e-6)
    singular = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)
    np.testing.assert_allclose(by_rows.singular_values[:rank], singular[:rank], rtol=1e-9)


def test_a_half_has_the_neighbors_it_would_have_alone() -> None:
    points = np.random.default_rng(0).standard_normal((400, 3))
    table = scan(points, executor()).neighbors(width_for(3))
    for keep in halves(400, 4, 0):
        assert keep.sum() == 200
        got = restrict(table, keep, keep, 3)
        full = table.index[keep]
        rows = np.flatnonzero(keep)[np.array([keep[row].sum() >= 3 for row in full])]
        assert len(rows) >= 199
        want = reference.neighbors(points[keep], points[keep], 3, exclude_self=True)
        place = np.searchsorted(np.flatnonzero(keep), rows)
        np.testing.assert_allclose(got.sq_dist, want[0][place], rtol=1e-12)
        np.testing.assert_array_equal(got.index, np.flatnonzero(keep)[want[1][place]])


def test_restrict_looks_rows_of_one_mask_up_in_another() -> None:
    points = np.arange(8.0)[:, None]
    table = scan(points, executor()).neighbors(7)
    even = np.arange(8) % 2 == 0
    got = restrict(table, even, ~even, 1)
    np.testing.assert_array_equal(got.index.ravel(), [1, 1, 3, 5])
    np.testing.assert_array_equal(got.dist.ravel(), [1, 1, 1, 1])


def test_half_sample_error_of_a_mean_over_rows() -> None:
    """The mean of independent rows has a standard error of its own: sd / sqrt(n)."""
    rng = np.random.default_rng(0)
    n = 2000
    index = np.argsort(rng.random((n, n)), axis=1)[:, :24]
    values = rng.standard_exponential(n)
    table = Neighbors(np.ones((n, 24), np.float32), index, np.ones(n, np.bool_), np.repeat(values[:, None], 24, axis=1))
    errors = [half_sample_stderr(table, 1, lambda part: float(part.sq_dist[:, 0].mean()), seed) for seed in range(12)]
    assert np.mean(errors) == pytest.approx(values.std() / np.sqrt(n), rel=0.15)
    assert errors[0] != errors[1]


def test_half_sample_error_needs_a_wide_and_long_table() -> None:
    table = scan(np.random.default_rng(0).standard_normal((30, 2)), executor()).neighbors(5)
    assert np.isnan(half_sample_stderr(table, 6, lambda part: 1.0))
    assert np.isnan(half_sample_stderr(table.first(5), 8, lambda part: 1.0))
    assert half_sample_stderr(table, 2, lambda part: 1.0) == 0.0
