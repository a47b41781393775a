"""Counts in balls against direct float64 differences, ties and copies above all."""

from __future__ import annotations

import numpy as np
import pytest
from pair_clouds import CLOUDS, DTYPES, Maker, draw

from geometry.pairs import executor, reference, scan
from geometry.pairs.torch_engine import TorchExecutor

SHAPES = ((2, 1), (63, 63), (257, 3))


def assert_counts(queries: np.ndarray, base: np.ndarray, sq_radii: np.ndarray) -> None:
    """Every pair that is not within rounding of its radius counts as it must; returns nothing."""
    counts = TorchExecutor().radius_counts(queries, base, sq_radii)
    low = reference.radius_counts(queries, base, sq_radii * (1 - 1e-13))
    high = reference.radius_counts(queries, base, sq_radii * (1 + 1e-13))
    assert np.all((low[0] <= counts.per_query) & (counts.per_query <= high[0]))
    assert np.all((low[1] <= counts.per_base) & (counts.per_base <= high[1]))
    assert counts.per_query.sum() == counts.per_base.sum()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("maker", CLOUDS)
def test_counts_of_queries_in_balls(maker: Maker, dtype: type) -> None:
    for n, d in SHAPES:
        base, queries = draw(maker, n, d, dtype), draw(maker, 90, d, dtype, seed=1)
        radii = reference.neighbors(base, base, 1, exclude_self=True)[0][:, 0]
        for sq_radii in (radii, np.full(n, np.median(reference.sq_dists(queries, base))), np.zeros(n)):
            assert_counts(queries, base, sq_radii)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("maker", CLOUDS)
@pytest.mark.parametrize("k", [1, 5])
def test_ball_out_to_the_own_kth_neighbor_holds_it(maker: Maker, dtype: type, k: int) -> None:
    """The table and the counter must measure the same distance to the last bit: k neighbours and the row itself."""
    for n, d in ((6, 3), (200, 63), (200, 130)):
        points = draw(maker, n, d, dtype)
        engine = TorchExecutor()
        radii = engine.neighbors(points, points, k, exclude_self=True).sq_dist[:, k - 1]
        counts = engine.radius_counts(points, points, radii)
        assert counts.per_base.min() >= k + 1
        elsewhere = engine.radius_counts(np.concatenate([points, points[:3] * 0 + 1]), points, radii)
        assert elsewhere.per_base.min() >= k + 1


def test_ties_on_a_line_are_inside() -> None:
    points = np.arange(10.0)[:, None]
    counts = TorchExecutor().radius_counts(points, points, np.full(10, 4.0))
    np.testing.assert_array_equal(counts.per_query, [3, 4, 5, 5, 5, 5, 5, 5, 4, 3])
    np.testing.assert_array_equal(counts.per_base, counts.per_query)


def test_copies_with_different_radii_keep_their_own_count() -> None:
    base = np.zeros((3, 2), np.float32)
    queries = np.array([[0, 0], [0, 0], [1, 0]], np.float32)
    counts = TorchExecutor().radius_counts(queries, base, np.array([0.0, 1.0, 0.25]))
    np.testing.assert_array_equal(counts.per_query, [3, 3, 1])
    np.testing.assert_array_equal(counts.per_base, [2, 3, 2])


def test_a_radius_under_the_range_of_float32_is_kept_apart_from_zero() -> None:
    """Queries at 1e-25 and 3e-25 of a ball of radius 2e-25, in a set that reaches 1: float32 squares are all zero."""
    base = np.array([[0.0], [1.0]])
    queries = np.array([[1e-25], [3e-25], [0.0]])
    counts = TorchExecutor().radius_counts(queries, base, np.array([4e-50, 0.0]))
    np.testing.assert_array_equal(counts.per_base, [2, 0])


@pytest.mark.parametrize("maker", CLOUDS)
def test_block_budget_changes_no_count(maker: Maker) -> None:
    points = draw(maker, 500, 20, np.float32)
    radii = reference.neighbors(points, points, 5, exclude_self=True)[0][:, 4]
    small, large = (TorchExecutor(budget=size).radius_counts(points, points, radii) for size in (1 << 16, 24 << 20))
    np.testing.assert_array_equal(small.per_query, large.per_query)
    np.testing.assert_array_equal(small.per_base, large.per_base)


def test_scan_reads_balls_of_the_reference_it_was_given() -> None:
    """References that come and go may share an address; each keeps its own counts."""
    rng = np.random.default_rng(0)
    asked = scan(rng.standard_normal((50, 3)), executor())
    for size in (1.0, 100.0, 1.0, 100.0):
        base = rng.standard_normal((40, 3)) * size
        counts = asked.balls(scan(base, executor()), 5)
        radii = reference.neighbors(base, base, 5, exclude_self=True)[0][:, 4]
        np.testing.assert_array_equal(counts.per_base, reference.radius_counts(asked.points, base, radii)[1])


def test_pair_counts_leave_the_row_itself_out() -> None:
    points = np.arange(6.0)[:, None]
    np.testing.assert_array_equal(
        scan(points, executor()).pair_counts(np.array([0.5, 1.0, 10.0])),
        [[0] * 6, [1, 2, 2, 2, 2, 1], [5] * 6],
    )
