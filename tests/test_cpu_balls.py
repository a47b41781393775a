"""Counts in balls by the CPU engine against direct differences, ties and copies above all, and the torch engine."""

from __future__ import annotations

import numpy as np
import pytest
from cpu_units import adversarial, amx_emulated, sequences
from pair_clouds import CLOUDS, DTYPES, Maker, draw, gaussian

from geometry.pairs import reference
from geometry.pairs.cpu.balls import weighted_counts
from geometry.pairs.cpu.executor import CpuExecutor
from geometry.pairs.cpu.units import Unit
from geometry.pairs.torch_engine import TorchExecutor

WAYS = sequences()
QUICK = [name for name in WAYS if "emulated" not in name]


def ones(rows: np.ndarray) -> np.ndarray:
    return np.ones(len(rows), np.int64)


def count(queries: np.ndarray, base: np.ndarray, sq_radii: np.ndarray, units: tuple[Unit, ...], threads: int = 1):
    return weighted_counts(queries, base, sq_radii, (ones(queries), ones(base)), units=units, means=(threads, None))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("maker", CLOUDS)
def test_counts_of_queries_in_balls(maker: Maker, dtype: type) -> None:
    """Every pair that is not within rounding of its radius counts as it must."""
    for n, d in ((2, 1), (63, 63), (500, 3)):
        base, queries = draw(maker, n, d, dtype), draw(maker, 90, d, dtype, seed=1)
        radii = reference.neighbors(base, base, 1, exclude_self=True)[0][:, 0]
        for sq_radii in (radii, np.full(n, np.median(reference.sq_dists(queries, base))), np.zeros(n)):
            counts = CpuExecutor().radius_counts(queries, base, sq_radii)
            low = reference.radius_counts(queries, base, sq_radii * (1 - 1e-13))
            high = reference.radius_counts(queries, base, sq_radii * (1 + 1e-13))
            assert np.all((low[0] <= counts.per_query) & (counts.per_query <= high[0]))
            assert np.all((low[1] <= counts.per_base) & (counts.per_base <= high[1]))
            assert counts.per_query.sum() == counts.per_base.sum()


@pytest.mark.parametrize("maker", CLOUDS)
def test_a_ball_out_to_the_own_kth_neighbor_holds_it_for_every_unit(maker: Maker) -> None:
    points = draw(maker, 400, 40, np.float32)
    for name in QUICK:
        engine = CpuExecutor(unit=name)
        radii = engine.neighbors(points, points, 5, exclude_self=True).sq_dist[:, 4]
        counts, others = (one.radius_counts(points, points, radii) for one in (engine, TorchExecutor()))
        assert counts.per_base.min() >= 6
        np.testing.assert_array_equal(counts.per_query, others.per_query)
        np.testing.assert_array_equal(counts.per_base, others.per_base)


@pytest.mark.parametrize("way", WAYS)
def test_units_count_alike_and_so_they_do_when_products_are_moved_by_their_error(way: str) -> None:
    points = draw(gaussian, 150, 40, np.float32)
    lattice = np.random.default_rng(0).integers(-2, 3, (150, 40)).astype(np.float32)
    for rows in (points, lattice):
        sq_radii = reference.neighbors(rows, rows, 20, exclude_self=True)[0][:, 19] * (1 + 1e-13)
        want = reference.radius_counts(rows, rows, sq_radii)
        for units in (WAYS[way], tuple(adversarial(one) for one in WAYS[way])):
            found = count(rows, rows, sq_radii, units)
            np.testing.assert_array_equal(found[0], want[0])
            np.testing.assert_array_equal(found[1], want[1])


def test_threads_change_no_count() -> None:
    points = draw(gaussian, 1700, 10, np.float32)
    sq_radii = np.full(len(points), 8.0)
    first = count(points, points, sq_radii, WAYS[QUICK[0]])
    for threads in (2, 8):
        for one, other in zip(first, count(points, points, sq_radii, WAYS[QUICK[0]], threads), strict=True):
            np.testing.assert_array_equal(one, other)
    assert first[0].max() > 1


def test_weights_are_added_to_the_other_side() -> None:
    queries, base = np.array([[0.0], [5.0]]), np.array([[0.0], [1.0], [5.0]])
    found = weighted_counts(
        queries,
        base,
        np.array([0.0, 1.0, 0.25]),
        (np.array([3, 4]), np.array([10, 20, 40])),
        units=WAYS["blas"],
        means=(1, None),
    )
    assert [part.tolist() for part in found] == [[30, 40], [3, 3, 4]]


def test_copies_with_different_radii_keep_their_own_count() -> None:
    base = np.zeros((3, 2), np.float32)
    queries = np.array([[0, 0], [0, 0], [1, 0]], np.float32)
    counts = CpuExecutor().radius_counts(queries, base, np.array([0.0, 1.0, 0.25]))
    np.testing.assert_array_equal(counts.per_query, [3, 3, 1])
    np.testing.assert_array_equal(counts.per_base, [2, 3, 2])


@pytest.mark.parametrize("bad", [-1.0, np.nan])
def test_a_ball_without_a_radius_holds_nothing_and_one_without_end_everything(bad: float) -> None:
    points = draw(gaussian, 30, 3, np.float32)
    counts = CpuExecutor().radius_counts(points, points, np.array([bad, *[np.inf] * 29]))
    assert counts.per_base.tolist() == [0] + [30] * 29
    assert counts.per_query.tolist() == [29] * 30


def test_a_radius_far_below_the_extent_is_kept_apart_from_zero() -> None:
    counts = CpuExecutor().radius_counts(
        np.array([[1e-25], [3e-25], [0.0]]), np.array([[0.0], [1.0]]), np.array([4e-50, 0.0])
    )
    np.testing.assert_array_equal(counts.per_base, [2, 0])


def test_tight_rows_are_counted_by_float32_products() -> None:
    """Where 16 bits blur a radius, the next unit takes over."""
    asked = []
    blurred = amx_emulated("bf16")

    def spy(left: np.ndarray, panels: np.ndarray, out: np.ndarray) -> None:
        asked.append("bf16")
        blurred.product(left, panels, out)

    units = Unit("spy", "bf16", blurred.columns, 16, blurred.chunk, blurred.roundoff, spy), *WAYS["blas"]
    points = draw(gaussian, 100, 20, np.float32)
    count(points, points, np.full(100, 20.0), units)
    assert asked
    asked.clear()
    count(points, points, np.full(100, 1e-4), units)
    assert not asked


def test_empty_sets() -> None:
    none, some = np.empty((0, 3), np.float32), np.ones((2, 3), np.float32)
    counts = CpuExecutor().radius_counts(none, some, np.ones(2))
    assert (counts.per_query.tolist(), counts.per_base.tolist()) == ([], [0, 0])
