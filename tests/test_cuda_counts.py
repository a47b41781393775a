"""Counts in balls by the kernels, executed on the CPU, against float64 differences: ties and copies above all."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from cuda_on_cpu.harness_device import HarnessDevice
from pair_clouds import CLOUDS, draw, gaussian, lattice, one_outlier

from geometry.pairs import kernel_reference, reference
from geometry.pairs.cuda import bound, counts
from geometry.pairs.cuda.engine import CudaExecutor

Points = np.ndarray[Any, Any]
BUDGET = 1 << 28


def truth(queries: Points, base: Points, sq_radii: Points) -> tuple[Points, Points]:
    """By the kernels' own order of summation, so that a ball out to a neighbour's distance holds the neighbour."""
    wide = base.astype(np.float64)
    sq_dist = np.stack([kernel_reference.sum_of_squares(row.astype(np.float64) - wide) for row in queries])
    inside = sq_dist <= sq_radii
    return inside.sum(axis=1), inside.sum(axis=0)


def check(device: HarnessDevice, queries: Points, base: Points, sq_radii: Points, budget: int = BUDGET) -> None:
    found = CudaExecutor(device, budget).radius_counts(queries, base, sq_radii)
    per_query, per_base = truth(queries, base, sq_radii)
    assert np.array_equal(found.per_query, per_query), "counts per query differ"
    assert np.array_equal(found.per_base, per_base), "counts per ball differ"


@pytest.mark.parametrize("maker", CLOUDS, ids=lambda maker: maker.__name__)
def test_clouds(maker: Any) -> None:
    base, queries = draw(maker, 150, 12, np.float32), draw(maker, 90, 12, np.float32, seed=1)
    radii = reference.neighbors(base, base, 3, exclude_self=True)[0][:, 2]
    median = np.full(150, np.median(reference.sq_dists(queries, base)))
    mode = CLOUDS.index(maker) % 4
    check(HarnessDevice((0, 1, 7, 11)[mode], mode), queries, base, np.where(np.arange(150) % 2, radii, median))


@pytest.mark.parametrize("mode", [0, 1, 2, 3])
def test_a_ball_out_to_the_own_neighbor_holds_it(mode: int) -> None:
    points = draw(gaussian, 150, 70, np.float32)
    engine = CudaExecutor(HarnessDevice(7, mode), BUDGET)
    radii = engine.neighbors(points, points, 4, exclude_self=True).sq_dist[:, 3]
    assert np.all(engine.radius_counts(points, points, radii).per_base == 5)


def test_ties_zeros_and_copies_with_their_own_radii() -> None:
    base, queries = draw(lattice, 200, 2, np.float64), draw(lattice, 140, 2, np.float64, seed=3)
    check(HarnessDevice(1), queries, base, np.arange(200) % 5.0)
    check(HarnessDevice(1), queries[:1], base[:1], np.array([np.inf]))


def test_far_rows_are_measured_on_both_sides() -> None:
    base, queries = draw(one_outlier, 150, 8, np.float32), draw(one_outlier, 90, 8, np.float32, seed=4)
    for squared in (1.0, 1e13, 1e30):
        check(HarnessDevice(), queries, base, np.full(150, squared))


def test_most_pairs_are_certain() -> None:
    points, device = draw(gaussian, 257, 20, np.float32), HarnessDevice()
    check(device, points, points, np.full(257, 30.0))
    measured = [grid * 4 for kernel, grid, _, _ in device.launches if kernel.startswith("measure")]
    assert sum(measured) < 0.02 * 257**2


@pytest.mark.parametrize("budget", [60_000, BUDGET])
def test_batches_and_long_lists_change_nothing(budget: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counts, "FIRST_LIST", 16)
    base, queries = draw(lattice, 150, 3, np.float32), draw(lattice, 140, 3, np.float32, seed=5)
    device = HarnessDevice(7)
    fixed = base.nbytes + queries.nbytes + 150 * (64 * 2 + 48)
    check(device, queries, base, np.full(150, 4.0), fixed + 4_000 if budget < BUDGET else BUDGET)
    assert [launch[0] for launch in device.launches].count("pair_counts") >= 2


def test_memory_that_runs_out_halves_the_batch() -> None:
    base, queries = draw(gaussian, 150, 3, np.float32), draw(gaussian, 140, 3, np.float32, seed=5)
    device = HarnessDevice(out_of_memory=(5, 9))
    check(device, queries, base, np.full(150, 2.0))
    assert [launch[0] for launch in device.launches].count("pair_counts") >= 2


@pytest.mark.parametrize("broken", ["KEEP", "spread_of"])
def test_bounds_that_forget_the_rounding_of_rows_are_caught(broken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Radii a little off the distances of rows that float16 rounds: a certain answer would be a wrong one."""
    points = draw(gaussian, 150, 3, np.float64)
    every = np.sort(reference.sq_dists(points, points), axis=1)
    for squared in (every[:, 20] * (1 - 1e-9), every[:, 20] * (1 + 1e-9)):
        check(HarnessDevice(), points, points, squared)
    monkeypatch.setattr(counts, "KEEP", 1 + 2.0**-40)
    if broken == "spread_of":
        monkeypatch.setattr(counts, "KEEP", 1 + 2.0**-20)
    monkeypatch.setattr(counts, "spread_of", lambda _: 0.0)
    monkeypatch.setattr(bound, "spread_of", lambda _: 0.0)
    with pytest.raises(AssertionError, match="counts per"):
        for squared in (every[:, 20] * (1 - 1e-9), every[:, 20] * (1 + 1e-9)):
            check(HarnessDevice(), points, points, squared)
