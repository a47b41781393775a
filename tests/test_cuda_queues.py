"""kernels/prune_queues.cu, executed on the CPU under several schedules, against its reference bit for bit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from cuda_on_cpu import SCHEDULES, Program, build, mutated

from geometry.pairs import kernel_reference as reference
from geometry.pairs.cuda.bound import KEEP

SOURCE, KERNELS = "prune_queues.cu", ("prune_queues", "list_candidates")
N, COLUMNS, CAPACITY, K = 9, 50, 70, 6
COUNTS = (0, 1, 5, 6, 7, 40, 70, 71, 50)  # of candidates found; 71 overruns the queue


@dataclass(frozen=True)
class Case:
    """Random queues with negative, zero and tied coarse values, and bounds of rows and columns."""

    coarse: np.ndarray[Any, Any]
    column: np.ndarray[Any, Any]
    filled: np.ndarray[Any, Any]
    bounds: tuple[np.ndarray[Any, Any], ...]


@pytest.fixture(scope="module")
def program() -> Program:
    return build(SOURCE, KERNELS)


def case() -> Case:
    rng = np.random.default_rng(3)
    coarse = (rng.standard_normal((N, CAPACITY)) + 1).astype(np.float32)
    coarse[:, ::7] = coarse[:, :1]
    coarse[:, 3] = 0.0
    bounds = tuple(rng.exponential(0.1, size) for size in (N, N, COLUMNS, COLUMNS))
    column = np.stack([rng.permutation(np.arange(CAPACITY) % COLUMNS) for _ in range(N)])
    return Case(coarse, column, np.array(COUNTS, np.uint32), bounds)


def entries_of(of: Case) -> np.ndarray[Any, Any]:
    bits = of.coarse.view(np.uint32)
    ordered = np.where(bits >> 31, ~bits, bits | np.uint32(1 << 31)).astype(np.uint64)
    entries = ordered << np.uint64(32) | of.column.astype(np.uint64)
    entries[np.arange(CAPACITY) >= of.filled[:, None]] = 2**64 - 1
    return entries


def pruned(program: Program, of: Case, schedule: int, warps: int) -> tuple[np.ndarray[Any, Any], ...]:
    entries, filled, cut = entries_of(of), of.filled.copy(), np.full(N, np.inf, np.float32)
    cut[8] = 0.5
    values = [*of.bounds, np.int64(N), np.int32(K), np.float64(KEEP), entries, filled, np.int32(CAPACITY), cut]
    program.launch("prune_queues", -(-N // warps), 32 * warps, values, schedule)
    return entries, filled, cut


def check(program: Program, warps: int = 4) -> None:
    of = case()
    before = entries_of(of)
    row_slack, row_delta, column_slack, column_delta = of.bounds
    for schedule in SCHEDULES:
        entries, filled, cut = pruned(program, of, schedule, warps)
        for row, count in enumerate(COUNTS):
            if count > CAPACITY:
                assert cut[row] == -np.inf
                assert filled[row] == count
                continue
            start = np.float32(0.5 if row == 8 else np.inf)
            columns = of.column[row, :count]
            slack = reference.add_up(row_slack[row], column_slack[columns])
            delta = reference.add_up(row_delta[row], column_delta[columns])
            enough = count >= K
            coarse = of.coarse[row, :count]
            expected = reference.next_cut(coarse, (slack, delta), K, start, KEEP) if enough else start
            assert cut[row] == expected, "the threshold differs from the reference"
            kept = before[row, :count][coarse <= expected] if enough else before[row, :count]
            assert np.array_equal(np.sort(entries[row, : filled[row]]), np.sort(kept)), "other candidates are kept"


@pytest.mark.parametrize("warps", [1, 4])
def test_thresholds_and_what_they_keep(program: Program, warps: int) -> None:
    check(program, warps)


def test_candidates_are_listed_with_what_their_distance_may_be(program: Program) -> None:
    of, order = case(), np.arange(1000, 1000 + COLUMNS)
    rows, width = np.array([5, 7, 2]), 45
    candidate = np.full((3, width), -7, np.int64)
    least, most = np.full((3, width), np.nan), np.full((3, width), np.nan)
    values = [*of.bounds, entries_of(of), of.filled, np.int32(CAPACITY), rows, np.int64(3), np.int32(width), order]
    program.launch("list_candidates", 2, 128, [*values, candidate, least, most])
    assert np.all(candidate[0, :40] == 1000 + of.column[5, :40])
    assert np.all(candidate[0, 40:] == -1)
    assert np.all(candidate[1] == -1)
    assert np.all(candidate[2, 5:] == -1)
    row_slack, row_delta, column_slack, column_delta = of.bounds
    slack, delta = row_slack[5] + column_slack[of.column[5, :40]], row_delta[5] + column_delta[of.column[5, :40]]
    coarse = of.coarse[5, :40].astype(np.float64)
    low = np.maximum(np.sqrt(np.maximum(coarse, 0)) - delta, 0) ** 2
    high = np.where(coarse + 2 * slack < 0, -1, (np.sqrt(np.maximum(coarse + 2 * slack, 0)) + delta) ** 2)
    assert np.allclose(least[0, :40], low, rtol=1e-12, atol=1e-15)
    assert np.allclose(most[0, :40], high, rtol=1e-12)
    assert np.all(least[0, :40] <= low * (1 + 1e-14))


MUTATIONS = {
    "threshold rounded inward": ("__double2float_ru(__dmul_ru(__dmul_ru(dist, dist), keep))", "dist * dist * keep"),
    "upper end rounded inward": ("__double2float_ru(most_dist(", "static_cast<float>(most_dist("),
    "slack of the row forgotten": ("__dadd_ru(row_slack[row], column_slack[column])", "column_slack[column]"),
    "one neighbour too few": ("smallest(upper, count, k)", "smallest(upper, count, k - 1)"),
    "threshold that may rise": ("fminf(cut[row], ", "fmaxf(0.0f, "),
    "rows that lost candidates trusted": ("if (count > capacity && lane == 0)", "if (false)"),
}


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_a_broken_kernel_is_caught(mutation: str) -> None:
    broken = build(SOURCE, ("prune_queues",), mutated(MUTATIONS[mutation], SOURCE))
    with pytest.raises(AssertionError):
        check(broken)
