"""The torch engine's neighbours against direct float64 differences, on clouds made to break products."""

from __future__ import annotations

import numpy as np
import pytest
from pair_clouds import CLOUDS, DTYPES, LARGE, SIZES, Maker, draw

from geometry.errors import InputError
from geometry.pairs import neighbors, reference
from geometry.pairs.torch_engine import TorchExecutor
from geometry.types import Neighbors

K = 5


def assert_ranked(table: Neighbors, queries: np.ndarray, base: np.ndarray, k: int, *, exclude_self: bool) -> None:
    """Each reported distance is that of its row, the k smallest are reported, in the order (distance, index)."""
    truth = reference.sq_dists(queries, base)
    np.testing.assert_allclose(
        table.sq_dist, np.take_along_axis(truth, table.index, axis=1), rtol=1e-13, atol=truth.max(initial=0) * 1e-300
    )
    want, _ = reference.neighbors(queries, base, k, exclude_self=exclude_self)
    np.testing.assert_allclose(table.sq_dist, want, rtol=1e-13)
    assert table.sq_dist.shape == table.dist.shape == table.index.shape == (len(queries), k)
    np.testing.assert_array_equal(table.dist, np.sqrt(table.sq_dist).astype(np.float32))
    steps = np.diff(table.sq_dist, axis=1)
    assert np.all((steps > 0) | ((steps == 0) & (np.diff(table.index, axis=1) > 0)))
    assert all(len(set(row)) == k for row in table.index.tolist())
    assert table.certified.all()
    if exclude_self:
        assert not np.any(table.index == np.arange(len(queries))[:, None])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("maker", CLOUDS)
def test_neighbors_of_every_row(maker: Maker, dtype: type) -> None:
    for n, d in (*SIZES, *(LARGE if dtype is np.float32 else ())):
        points = draw(maker, n, d, dtype)
        k = min(K, n - 1)
        assert_ranked(
            TorchExecutor().neighbors(points, points, k, exclude_self=True), points, points, k, exclude_self=True
        )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("maker", CLOUDS)
def test_neighbors_of_queries(maker: Maker, dtype: type) -> None:
    for n, d in ((1, 3), (63, 63), (257, 3)):
        base = draw(maker, n, d, dtype)
        queries = np.concatenate([draw(maker, 40, d, dtype, seed=1), base[: n // 2]])
        k = min(K, n)
        assert_ranked(
            TorchExecutor().neighbors(queries, base, k, exclude_self=False), queries, base, k, exclude_self=False
        )


@pytest.mark.parametrize("maker", CLOUDS)
def test_exact_ties_are_ranked_by_index(maker: Maker) -> None:
    """Whole numbers have exact squares, so that even the tied indices must agree."""
    points = np.rint(draw(maker, 120, 3, np.float64) % 7)
    table = TorchExecutor().neighbors(points, points, K, exclude_self=True)
    np.testing.assert_array_equal(table.index, reference.neighbors(points, points, K, exclude_self=True)[1])


@pytest.mark.parametrize("maker", CLOUDS)
def test_all_other_rows(maker: Maker) -> None:
    for n, d in ((2, 1), (63, 3), (257, 63)):
        points = draw(maker, n, d, np.float32)
        assert_ranked(neighbors(points, n - 1), points, points, n - 1, exclude_self=True)


@pytest.mark.parametrize("maker", CLOUDS)
def test_block_budget_changes_no_byte(maker: Maker) -> None:
    points = draw(maker, 700, 63, np.float32)
    small, large = (
        TorchExecutor(budget=size).neighbors(points, points, K, exclude_self=True) for size in (1 << 20, 24 << 20)
    )
    for field in ("sq_dist", "dist", "index", "certified"):
        assert getattr(small, field).tobytes() == getattr(large, field).tobytes(), field


def test_ties_in_many_dimensions_are_measured_in_pieces() -> None:
    """Ties at the k-th place leave no row certified by products: all pairs are then measured, wide rows too."""
    points = np.eye(768, dtype=np.float32)[:700]
    table = neighbors(points, K)
    assert np.all(table.sq_dist == 2)
    np.testing.assert_array_equal(table.index[0], [1, 2, 3, 4, 5])
    np.testing.assert_array_equal(table.index[699], [0, 1, 2, 3, 4])


def test_one_wide_row_sums_like_many() -> None:
    """A lone distance of 50,000 coordinates is the same number as the same distance among others."""
    rng = np.random.default_rng(0)
    points = rng.standard_normal((40, 50_000)).astype(np.float32)
    whole = TorchExecutor().neighbors(points[:1], points[1:], 39, exclude_self=False)
    for column in (0, 20, 38):
        row = int(whole.index[0, column])
        alone = TorchExecutor().neighbors(points[:1], points[1 + row : 2 + row], 1, exclude_self=False)
        assert alone.sq_dist[0, 0] == whole.sq_dist[0, column]


@pytest.mark.parametrize("scale", [1e-310, 1e-200, 1e150])
def test_scales_whose_squares_leave_float64_keep_the_ranking(scale: float) -> None:
    points = np.random.default_rng(0).standard_normal((30, 3))
    table, plain = neighbors(points * scale, 3), neighbors(points, 3)
    assert np.all(np.isfinite(table.sq_dist))
    if scale != 1e-310:  # there the coordinates themselves are rounded
        np.testing.assert_array_equal(table.index, plain.index)


@pytest.mark.parametrize("k", [0, -1, 10])
def test_k_out_of_range(k: int) -> None:
    points = np.random.default_rng(0).standard_normal((10, 2))
    with pytest.raises(InputError, match=f"k = {k} is out of range: 10 rows allow 1 to 9"):
        neighbors(points, k)


def test_queries_allow_one_neighbor_more_and_must_have_the_same_dimensions() -> None:
    points = np.random.default_rng(0).standard_normal((10, 2))
    assert neighbors(points, 10, queries=points).sq_dist[:, 0].max() == 0
    with pytest.raises(InputError, match="1 to 10"):
        neighbors(points, 11, queries=points)
    with pytest.raises(InputError, match="queries have 3 dimensions, points have 2"):
        neighbors(points, 1, queries=np.zeros((4, 3)))


def test_nan_names_the_row() -> None:
    points = np.zeros((10, 2), np.float32)
    points[7, 1] = np.nan
    with pytest.raises(InputError, match="points: 1 of 10 rows hold NaN or infinity, first row 7"):
        neighbors(points, 1)
    with pytest.raises(InputError, match="queries: 1 of 10 rows"):
        neighbors(np.zeros((10, 2)), 1, queries=points)
