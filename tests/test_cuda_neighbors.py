"""The whole CUDA engine, its kernels executed on the CPU under several schedules and ways of rounding, against float64.

Both scans, mma.sync and wgmma, must agree with the truth of `parity_cases` byte for byte: nothing here has a tolerance.
The list of cases itself is gone through in test_parity.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from cuda_on_cpu import SCHEDULES, Stuck, mutated
from cuda_on_cpu.harness_device import HarnessDevice
from pair_clouds import draw, duplicates, gaussian, lattice, one_outlier, tight_clusters
from parity_cases import Case, Points, assert_parity, one, truth

from geometry.errors import OutOfMemoryError
from geometry.pairs import kernel_reference
from geometry.pairs.cuda import bound, search, stream
from geometry.pairs.cuda.engine import CudaExecutor
from geometry.pairs.cuda.scans import MMA, WGMMA, Scan

MODES = (0, 1, 2, 3)  # rounding, truncating, every product moved up or down by its claimed bound
WAYS = tuple(zip(SCHEDULES, MODES, strict=True))
BUDGET = 1 << 28
SCANS = pytest.mark.parametrize("scan", [MMA, WGMMA], ids=lambda scan: scan.name)


def check(device: HarnessDevice, of: Case, scan: Scan, budget: int = BUDGET) -> None:
    assert_parity(CudaExecutor(device, budget, scan), of)


def streamed(points: Points, k: int, device: HarnessDevice, scan: Scan = MMA, budget: int = BUDGET) -> int:
    """Rows that the scan could not answer, of a set that must be answered rightly all the same."""
    found = search.neighbors(device, (points, points), k, exclude_self=True, budget=budget, scan=scan)
    sq_dist, index = truth(points, points, k, exclude_self=True)
    assert found.sq_dist.tobytes() == sq_dist.tobytes(), "squared distances differ"
    assert np.array_equal(found.index, index), "indices differ"
    return found.streamed


def kernels_of(device: HarnessDevice) -> list[str]:
    return [launch[0] for launch in device.launches]


@SCANS
@pytest.mark.parametrize("maker", [gaussian, tight_clusters])
def test_no_schedule_and_no_rounding_changes_a_byte(maker: Any, scan: Scan) -> None:
    points = draw(maker, 257, 63, np.float32)
    for schedule, mode in WAYS:
        check(HarnessDevice(schedule, mode), one(points, 15), scan)


@pytest.mark.parametrize(("n", "d"), [(700, 320), (300, 450)])
def test_spans_that_go_round_the_stages_of_the_scan_by_warpgroups(n: int, d: int) -> None:
    """Row tiles that stay for several column tiles, and rows too long to stay."""
    device = HarnessDevice(7, 1)
    assert streamed(draw(gaussian, n, d, np.float32), 12, device, WGMMA) == 0
    grids = [grid for kernel, grid, *_ in device.launches if kernel == "pair_scan_warpgroup_one"]
    assert min(grids) == -(-n // 128)
    assert len(grids) >= 2


@pytest.mark.parametrize(("n", "k"), [(2, 1), (5, 4), (7, 6), (63, 7)])
def test_few_rows(n: int, k: int) -> None:
    check(HarnessDevice(*WAYS[2]), one(draw(gaussian, n, 5, np.float32), k), MMA)


@SCANS
@pytest.mark.parametrize(("n", "d", "k"), [(257, 3, 32), (130, 768, 5), (1000, 3, 15), (260, 3, 3)])
def test_the_scan_answers_nearly_every_row_itself(n: int, d: int, k: int, scan: Scan) -> None:
    assert streamed(draw(gaussian, n, d, np.float32), k, HarnessDevice(*WAYS[2]), scan) <= 0.02 * n


@SCANS
def test_storage_types(scan: Scan) -> None:
    for dtype in (np.float16, np.float64):
        check(HarnessDevice(*WAYS[2]), one(draw(gaussian, 65, 20, dtype), 5), scan)
        check(HarnessDevice(*WAYS[2]), one(draw(gaussian, 30, 3, dtype), 20), scan)


@SCANS
def test_two_sets(scan: Scan) -> None:
    rng = np.random.default_rng(1)
    base = draw(gaussian, 300, 20, np.float32)
    queries = np.concatenate([base[rng.integers(0, 300, 60)], draw(gaussian, 90, 20, np.float32, seed=2) * 2])
    for schedule, mode in WAYS[1::2]:
        device = HarnessDevice(schedule, mode)
        check(device, Case(queries, base, 9), scan)
        assert scan is not MMA or "pair_scan_two" in kernels_of(device)
        assert scan is not WGMMA or "pair_scan_warpgroup_two" in kernels_of(device)
    check(HarnessDevice(), Case(queries, base[:20], 18), scan)
    check(HarnessDevice(), Case(queries.astype(np.float64) / 3, base, 4), scan)


@SCANS
def test_a_set_is_not_its_own_neighbor_by_place_and_copies_are(scan: Scan) -> None:
    points = draw(gaussian, 200, 6, np.float32)
    check(HarnessDevice(), Case(points, points.copy(), 3), scan)
    check(HarnessDevice(*WAYS[2]), one(draw(duplicates, 257, 6, np.float32), 9), scan)


@SCANS
def test_one_far_row_costs_the_others_nothing(scan: Scan) -> None:
    assert streamed(draw(one_outlier, 257, 20, np.float32), 9, HarnessDevice(), scan) == 1


@SCANS
def test_ties_beyond_a_queue_go_to_the_last_resort_and_stay_exact(scan: Scan) -> None:
    assert streamed(np.eye(300, dtype=np.float32), 3, HarnessDevice(), scan) == 300
    assert streamed(np.arange(257.0)[:, None], 9, HarnessDevice(), scan) == 0


@pytest.mark.parametrize(("block_bytes", "launches"), [(227 << 10, 1), (99 << 10, 2)])
def test_neighbors_beyond_what_a_block_sorts_come_in_launches(block_bytes: int, launches: int) -> None:
    """4,000 of them beside a round of 128 need 8,192 places, which blocks of sm_86 and sm_89 have not."""
    points = draw(gaussian, 4060, 3, np.float32)
    device = HarnessDevice(7, block_bytes=block_bytes)
    check(device, Case(points[:2], points, 4000), MMA)
    assert kernels_of(device).count("stream_nearest_f32") == launches


def test_many_launches_take_every_rank_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "MOST_SLOTS", 256)
    device, points = HarnessDevice(7), np.unique(draw(lattice, 500, 4, np.float32), axis=0)[:300]
    check(device, Case(points[:9], points, len(points)), MMA)
    assert kernels_of(device).count("stream_nearest_f32") == 3


@pytest.mark.parametrize(("block_bytes", "scans"), [(227 << 10, True), (68 << 10, False)])
def test_queues_that_no_block_can_sort_out_are_not_filled(block_bytes: int, scans: bool) -> None:
    """A queue of k = 17,400 takes 272 KiB between phases; what a smaller block allows falls with it."""
    device = HarnessDevice(block_bytes=block_bytes)
    k = 4400 if not scans else 40
    points = np.arange(8 * k, dtype=np.float32)[:, None]
    task = search.Task(
        device, MMA, *[search.source_of(device, points)] * 2, search.frame_of(points, points), k, True, 1
    )
    assert search._worth_scanning(task) is scans


@SCANS
def test_row_batches_change_nothing(scan: Scan) -> None:
    points = draw(gaussian, 257, 20, np.float32)
    device = HarnessDevice(7)
    fixed = 257 * (64 * 2 * scan.layers + 48) + points.nbytes
    check(device, one(points, 9), scan, fixed + 60_000)
    assert not {"pair_scan_one", "pair_scan_warpgroup_one"} & set(kernels_of(device))
    assert kernels_of(device).count("prepare_rows_f32") > 2


@pytest.mark.parametrize(
    ("scan", "refused"), [(MMA, (4, 8)), (MMA, (6, 9, 12)), (WGMMA, (5, 10)), (WGMMA, (4, 9)), (WGMMA, (7, 10, 13))]
)
def test_out_of_memory_halves_and_goes_on(scan: Scan, refused: tuple[int, ...]) -> None:
    """Allocations of the queues of one set, of a row batch, of a batch of candidates."""
    device = HarnessDevice(out_of_memory=refused)
    check(device, one(draw(gaussian, 257, 20, np.float32), 9), scan)
    assert device.allocations > max(refused)


def test_rows_that_do_not_fit_are_an_error_that_says_so() -> None:
    points = draw(gaussian, 257, 20, np.float32)
    with pytest.raises(OutOfMemoryError, match="257 rows of 20 dimensions take"):
        CudaExecutor(HarnessDevice(), 10_000).neighbors(points, points, 3, exclude_self=True)


def whole_numbers() -> Points:
    """Rows that float16 holds exactly, so that nothing but the product's error is left in the bound."""
    return np.random.default_rng(3).permutation(np.arange(-128, 129)).astype(np.float32)[:, None]


@SCANS
@pytest.mark.parametrize("mode", [2, 3])
def test_a_bound_that_is_too_small_is_noticed(mode: int, scan: Scan, monkeypatch: pytest.MonkeyPatch) -> None:
    streamed(whole_numbers(), 5, HarnessDevice(matrix_mode=mode), scan)
    monkeypatch.setattr(bound, "UNIT", bound.UNIT / 2)
    with pytest.raises(search.BoundViolated, match=f"{scan.name}.: coarse and measured distances differ by more than"):
        streamed(whole_numbers(), 5, HarnessDevice(matrix_mode=mode), scan)


SCAN_FILES = ("pair_scan.cu", "pair_filter.cuh", "queues.cuh", "tile_product.cuh")
MUTATIONS = {
    "barrier of a step removed": ("__syncthreads();  // this step is there for all", "// this step is there for all"),
    "barrier before the filter removed": ("__syncthreads();  // nobody reads the operands", "// nobody"),
    "copies not waited for": ("wait_for_groups<0>();", ""),
    "half of the middle diagonal twice": ("if (2 * diagonal == tiles && place.row_tile >= diagonal) return;", ""),
    "self not excluded": ("row_position + at.self_shift != column_position", "true"),
    "the mirrored side forgotten": ("if (MIRRORED) {", "if (false) {"),
    "extreme rows as columns": ("rows.lower[row] < infinity() && columns.lower[column] < infinity() &&", ""),
    "queue overrun": ("place < queues.capacity", "true"),
    "one atomic too small": ("static_cast<unsigned>(__popc(together))", "1u"),
    "a step left out": ("step < stride / STEP; ++step", "step < stride / STEP - 1; ++step"),
    "another swizzle on one side": ("rows + place_of(row,", "rows + place_of(row ^ 1,"),
}


def strict(texts: Mapping[str, str]) -> None:
    """Clouds that the scan alone must answer, row for row: what fails here is the scan, not the last resort."""
    assert streamed(draw(gaussian, 257, 70, np.float32), 9, HarnessDevice(7, texts=texts)) == 0
    assert streamed(draw(gaussian, 400, 3, np.float32), 9, HarnessDevice(0, texts=texts)) == 0
    assert streamed(draw(one_outlier, 257, 20, np.float32), 9, HarnessDevice(0, texts=texts)) == 1


def test_the_scan_alone_answers_ordinary_rows() -> None:
    strict({})


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_a_broken_scan_is_caught(mutation: str) -> None:
    with pytest.raises((AssertionError, search.BoundViolated, Stuck)):
        strict(mutated(MUTATIONS[mutation], *SCAN_FILES))


def test_the_truth_is_in_the_order_of_the_kernels_reference() -> None:
    points = draw(gaussian, 63, 20, np.float32)
    wide = points.astype(np.float64)
    every = np.stack([kernel_reference.sum_of_squares(row - wide) for row in wide])
    np.fill_diagonal(every, np.inf)
    sq_dist, index = truth(points, points, 5, exclude_self=True)
    assert np.array_equal(index, np.argsort(every, axis=1, kind="stable")[:, :5])
    assert sq_dist.tobytes() == np.take_along_axis(every, index, axis=1).tobytes()
