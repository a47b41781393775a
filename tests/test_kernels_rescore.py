"""kernels/rescore.cu, executed unchanged on the CPU under several schedules, against its reference bit for bit."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from cuda_on_cpu import Program, build, mutated
from kernel_cases import CLOUDS, SIZES, Case, case, same_under_every_schedule
from pair_clouds import gaussian, lattice

from geometry.pairs import kernel_reference as reference

SOURCE = "rescore.cu"
KERNELS = ("rescore_f16", "rescore_f32", "rescore_f64")


def candidates(rng: np.random.Generator, n: int, c: int, *, empty: float = 0.2) -> reference.Candidates:
    """Distinct candidates in random order with empty places between, for queries in random order."""
    table = np.full((n, c), -1, np.int64)
    for row in table:
        row[rng.permutation(c)[: min(n, c)]] = rng.permutation(n)[: min(n, c)]
    table[rng.random((n, c)) < empty] = -1
    return reference.Candidates(rng.integers(0, n, n), table, rng.exponential(1.0, n))


def run(program: Program, of: Case, table: reference.Candidates, k: int) -> list[np.ndarray[Any, Any]]:
    n, c = table.candidate.shape
    within = [np.zeros((n, c)), np.full((n, c), np.inf)]
    inputs = [of.points, of.points, table.query_row, table.candidate, *within, table.bound, np.float64(of.scale)]
    sizes = [np.int32(of.points.shape[1]), np.int32(c), np.int32(k)]
    return same_under_every_schedule(
        program,
        f"rescore_{of.suffix}",
        n,
        inputs + sizes,
        lambda: [
            np.full((n, k), np.nan),
            np.full((n, k), -7, np.int64),
            np.full(n, 255, np.uint8),
            np.zeros(1, np.uint32),
        ],
    )


def check(program: Program, of: Case, table: reference.Candidates, k: int) -> list[np.ndarray[Any, Any]]:
    found = run(program, of, table, k)
    expected = reference.rescore(of.points, of.points, table, of.scale, k)
    for name, ours, theirs in zip(("squared distance", "index", "certified"), found[:3], expected, strict=True):
        assert ours.tobytes() == theirs.tobytes(), f"{name} differs from the reference"
    assert found[3] == 0, "a distance outside an open interval"
    return found[:3]


@pytest.fixture(scope="module")
def program() -> Program:
    return build(SOURCE, KERNELS)


@pytest.mark.parametrize(("n", "d"), SIZES)
def test_sizes(program: Program, n: int, d: int) -> None:
    rng = np.random.default_rng(n * 1000 + d)
    check(program, case(gaussian(rng, n, d), np.float32), candidates(rng, n, 21), 5)


@pytest.mark.parametrize(("cloud", "dtype"), CLOUDS)
def test_clouds_and_storage_types(program: Program, cloud: Any, dtype: Any) -> None:
    rng = np.random.default_rng(1)
    table = candidates(rng, 33, 33)
    sq_dist, index, certified = check(program, case(cloud(rng, 33, 63), dtype), table, 9)
    assert np.all(np.diff(sq_dist[index[:, -1] >= 0], axis=1) >= 0)
    assert set(np.unique(certified)) <= {0, 1}


@pytest.mark.parametrize(("c", "k"), [(1, 1), (2, 2), (64, 64), (100, 100), (100, 1), (1500, 1500)])
def test_any_k_up_to_every_candidate(program: Program, c: int, k: int) -> None:
    rng = np.random.default_rng(c)
    n = 1600 if c > 1000 else 120
    table = candidates(rng, n, c, empty=0.0)
    few = reference.Candidates(table.query_row[:3], table.candidate[:3], table.bound[:3])
    _, index, _ = check(program, case(gaussian(rng, n, 5), np.float32), few, k)
    if k == c:
        assert np.array_equal(np.sort(index, axis=1), np.sort(few.candidate, axis=1))


def test_ties_stand_in_the_order_of_their_index(program: Program) -> None:
    rng = np.random.default_rng(3)
    of = case(lattice(rng, 60, 2), np.float32)
    sq_dist, index, _ = check(program, of, candidates(rng, 60, 60, empty=0.0), 60)
    tied = np.diff(sq_dist, axis=1) == 0
    assert tied.sum() > 100
    assert np.all(np.diff(index, axis=1)[tied] > 0)


def test_rows_without_enough_candidates_are_open_and_never_certified(program: Program) -> None:
    rng = np.random.default_rng(4)
    table = candidates(rng, 8, 6, empty=0.0)
    table.candidate[:4] = -1
    table.candidate[4:6, 2:] = -1
    table.bound[:] = np.inf
    sq_dist, index, certified = check(program, case(gaussian(rng, 8, 3), np.float64), table, 4)
    assert np.all(index[:4] == -1)
    assert np.all(np.isposinf(sq_dist[:4]))
    assert np.array_equal((index >= 0).sum(axis=1)[4:6], (table.candidate[4:6] >= 0).sum(axis=1))
    assert np.array_equal(certified, index[:, -1] >= 0)


def bounds_at_the_edge(of: Case, table: reference.Candidates, k: int) -> None:
    """Bounds equal to the computed distance, which may lie below the true one: no certificate can rest on them."""
    found, _, _ = reference.rescore(of.points, of.points, table, of.scale, k)
    table.bound[:] = found[:, -1]


def edge() -> tuple[Case, reference.Candidates]:
    rng = np.random.default_rng(6)
    of, table = case(gaussian(rng, 40, 100), np.float32), candidates(rng, 40, 80, empty=0.0)
    bounds_at_the_edge(of, table, 20)
    return of, table


def test_the_certificate_covers_the_exact_distance(program: Program) -> None:
    of, table = edge()
    sq_dist, index, certified = check(program, of, table, 20)
    assert not certified.any()
    table.bound[:] = reference.upper(sq_dist[:, -1], 100)
    _, _, certified = check(program, of, table, 20)
    assert certified.all()
    scale = Fraction(of.scale)
    for row, bound in enumerate(table.bound):
        query, nearest = of.points[table.query_row[row]], of.points[index[row, -1]]
        exact = sum((Fraction(float(a)) - Fraction(float(b))) ** 2 for a, b in zip(query, nearest, strict=True))
        assert exact * scale**2 <= Fraction(bound)


MUTATIONS = {
    "barrier between steps removed": ("__syncthreads();  // the step before, or the measuring, is complete", ""),
    "barrier before reading removed": ("__syncthreads();  // every slot is in place before it is read", ""),
    "ties by the larger index": ("high_index < low_index)", "high_index > low_index)"),
    "certificate rounded inward": ("__fma_ru(steps, 0x1p-52, 1.0)", "1.0 - 0x1p-52"),
    "certificate without outward rounding": ("upper(last, d) <= bound", "last <= bound"),
    "another order of summation": ("column = lane;", "column = lane / 2 + LANES / 2 * (lane % 2);"),
    "scale forgotten": (", scale);\n        lane_sum", ", 1.0);\n        lane_sum"),
    "half the candidates": ("slot < lists.c ?", "slot < lists.c / 2 ?"),
}


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_a_broken_kernel_is_caught(mutation: str) -> None:
    broken = build(SOURCE, ("rescore_f32",), mutated(MUTATIONS[mutation], SOURCE, "ranking.cuh"))
    of, table = edge()
    ties = case(lattice(np.random.default_rng(3), 100, 100), np.float32)
    with pytest.raises(AssertionError, match=r"differs from the reference|depends on the schedule"):
        for data in (of, Case(ties.points * 4, ties.shift, ties.scale)):
            check(broken, data, table, 20)
