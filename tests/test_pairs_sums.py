"""Sums over pairs against a dense float64 calculation, copies, zero rows and offsets among them."""

from __future__ import annotations

import numpy as np
import pytest
from pair_clouds import gaussian, lognormal_norms, offset_1e4, one_hot, tiny

from geometry.pairs import executor
from geometry.pairs.sums import sample_rows
from geometry.pairs.torch_engine import TorchExecutor

MAKERS = (gaussian, lognormal_norms, offset_1e4, one_hot, tiny)


def unit(points: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(points, axis=1, keepdims=True)
    return np.divide(points, length, out=np.zeros_like(points), where=length > 0)


def dense(points: np.ndarray, t: float) -> dict[str, np.ndarray]:
    """Per row with a direction: means over the other rows with one; and the cosines and distances themselves."""
    points = np.asarray(points, np.float64)
    centred, raw = unit(points - points.mean(axis=0)), unit(points)
    both = np.flatnonzero(centred.any(axis=1) & raw.any(axis=1))
    out: dict[str, list[float]] = {"cos2": [], "cos4": [], "exp": [], "exp_centred": []}
    cosines, sq_dists = [], []
    for i in both:
        other = np.arange(len(points)) != i
        cosine = centred[other & centred.any(axis=1)] @ centred[i]
        out["cos2"].append(np.mean(cosine**2))
        out["cos4"].append(np.mean(cosine**4))
        out["exp_centred"].append(np.mean(np.exp(-t * (2 - 2 * cosine))))
        out["exp"].append(np.mean(np.exp(-t * (2 - 2 * raw[other & raw.any(axis=1)] @ raw[i]))))
        cosines.append(cosine)
        sq_dists.append(((points[other] - points[i]) ** 2).sum(axis=1))
    means = {name: np.array(values) for name, values in out.items()}
    return means | {"rows": both, "cosines": np.concatenate(cosines), "sq_dists": np.concatenate(sq_dists)}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("maker", MAKERS)
def test_means_match_a_dense_calculation(maker: object, dtype: type) -> None:
    points = maker(np.random.default_rng(0), 150, 12).astype(dtype)  # type: ignore[operator]
    for t in (2.0, 0.5):
        want, sums = dense(points, t), TorchExecutor().pair_sums(points, np.arange(150), t)
        assert sums.t == t
        np.testing.assert_array_equal(sums.rows, want["rows"])
        for name in ("cos2", "cos4", "exp", "exp_centred"):
            np.testing.assert_allclose(getattr(sums, name), want[name], rtol=2e-5, atol=1e-7, err_msg=name)


def test_rows_far_from_the_origin_keep_what_tells_their_directions_apart() -> None:
    points = (1e3 + np.random.default_rng(0).standard_normal((150, 12))).astype(np.float32)
    want, sums = dense(points, 2.0), TorchExecutor().pair_sums(points, np.arange(150), 2.0)
    np.testing.assert_allclose(1 - sums.exp, 1 - want["exp"], rtol=1e-5)
    assert (1 - want["exp"]).max() < 1e-4


def test_zero_rows_and_copies() -> None:
    """Rows of zero length have no raw direction, rows at the mean no centred one; a copy has cosine 1."""
    rng = np.random.default_rng(0)
    half = rng.standard_normal((40, 5))
    points = np.concatenate([half, -half, half[:20], -half[:20], np.zeros((7, 5))]).astype(np.float32)
    points = points + 0  # the mean is zero up to rounding
    points[-1] = 3
    want, sums = dense(points, 2.0), TorchExecutor().pair_sums(points, np.arange(len(points)), 2.0)
    np.testing.assert_array_equal(sums.rows, want["rows"])
    for name in ("cos2", "cos4", "exp", "exp_centred"):
        np.testing.assert_allclose(getattr(sums, name), want[name], rtol=2e-5, err_msg=name)
    assert sums.cosine_counts.sum() == len(want["cosines"])


def test_rows_at_the_mean_are_in_no_bin() -> None:
    """Two rows at exactly the mean, which is zero: all pairs with them are left out."""
    cross = np.concatenate([np.eye(4), -np.eye(4), np.zeros((2, 4))]).astype(np.float32)
    sums = TorchExecutor().pair_sums(cross, np.arange(10), 2.0)
    np.testing.assert_array_equal(sums.rows, np.arange(8))
    assert (sums.cosine_counts[0], sums.cosine_counts[100], sums.cosine_counts.sum()) == (8, 48, 56)
    np.testing.assert_allclose(sums.cos2, 1 / 7)


@pytest.mark.parametrize("maker", MAKERS)
def test_every_cosine_is_in_the_histogram_once(maker: object) -> None:
    """Copies, whose rounded cosine may exceed 1, and opposites too; counts match but for pairs at an edge."""
    points = maker(np.random.default_rng(0), 120, 6).astype(np.float32)  # type: ignore[operator]
    points = np.concatenate([points, points[:40]])
    want, sums = dense(points, 2.0), TorchExecutor().pair_sums(points, np.arange(160), 2.0)
    assert sums.cosine_counts.sum() == len(want["cosines"])
    counts, edges = np.histogram(np.clip(want["cosines"], -1, 1), sums.cosine_edges)
    near_edge = np.abs(want["cosines"][:, None] - edges[None, :]).min(axis=1) < 1e-5
    assert np.abs(np.cumsum(counts) - np.cumsum(sums.cosine_counts)).max() <= near_edge.sum()


@pytest.mark.parametrize("maker", MAKERS)
def test_distance_histogram(maker: object) -> None:
    """Edges are in log2 of the input squared; pairs well above rounding are in their bin."""
    points = maker(np.random.default_rng(0), 120, 6).astype(np.float64)  # type: ignore[operator]
    want, sums = dense(points, 2.0), TorchExecutor().pair_sums(points, np.arange(120), 2.0)
    sq_dist = want["sq_dists"]
    clear = sq_dist > 1e-4 * sq_dist.max()
    counts, _ = np.histogram(np.log2(sq_dist[clear]), sums.log2_edges)
    above = np.searchsorted(sums.log2_edges, np.log2(2e-4 * sq_dist.max()))
    total, got = np.cumsum(counts[above:][::-1]), np.cumsum(sums.log2_counts[above:][::-1])
    near_edge = np.abs(np.log2(sq_dist[clear])[:, None] - sums.log2_edges[None, :]).min(axis=1) < 1e-3
    assert np.abs(total - got).max() <= max(near_edge.sum(), 2)
    assert got[-1] > 0


def test_sampled_rows_stand_against_all_rows() -> None:
    points = np.random.default_rng(0).standard_normal((200, 4)).astype(np.float32)
    rows = sample_rows(200, 30, 0)
    whole = TorchExecutor().pair_sums(points, np.arange(200), 2.0)
    part = TorchExecutor().pair_sums(points, rows, 2.0)
    assert whole.exact
    assert not part.exact
    np.testing.assert_array_equal(part.rows, rows)
    np.testing.assert_allclose(part.cos2, whole.cos2[rows], rtol=1e-6)
    np.testing.assert_allclose(part.exp, whole.exp[rows], rtol=1e-6)
    assert part.cosine_counts.sum() == 30 * 199


def test_sample_rows_are_seeded_distinct_and_ascending() -> None:
    rows = sample_rows(100, 10, 3)
    assert len(set(rows.tolist())) == 10
    assert np.all(np.diff(rows) > 0)
    np.testing.assert_array_equal(rows, sample_rows(100, 10, 3))
    assert rows.tolist() != sample_rows(100, 10, 4).tolist()
    np.testing.assert_array_equal(sample_rows(5, 10, 0), np.arange(5))


def test_block_budget_moves_nothing_beyond_rounding() -> None:
    points = np.random.default_rng(0).standard_normal((600, 20)).astype(np.float32)
    small, large = (TorchExecutor(budget=b).pair_sums(points, np.arange(600), 2.0) for b in (1 << 16, 24 << 20))
    np.testing.assert_allclose(small.cos2, large.cos2, rtol=1e-6)
    np.testing.assert_allclose(small.exp, large.exp, rtol=1e-6)
    assert np.abs(small.cosine_counts - large.cosine_counts).sum() <= 4


@pytest.mark.parametrize("points", [np.ones((6, 3)), np.zeros((6, 3)), np.ones((1, 3))])
def test_no_direction_gives_no_rows(points: np.ndarray) -> None:
    sums = TorchExecutor().pair_sums(points, np.arange(len(points)), 2.0)
    assert len(sums.rows) == 0
    assert sums.cosine_counts.sum() == 0


def test_no_digit_depends_on_the_budget() -> None:
    points = (
        np.random.default_rng(0).standard_normal((9000, 16)).astype(np.float32)
        * np.arange(1, 17, dtype=np.float32) ** -0.75
    )
    small, large = (
        executor("cpu", budget).pair_sums(points, sample_rows(9000, 200, 0), 2.0) for budget in (1 << 20, 1 << 28)
    )
    for name in ("cos2", "cos4", "exp", "exp_centred", "cosine_counts", "log2_counts"):
        assert np.array_equal(getattr(small, name), getattr(large, name)), name
