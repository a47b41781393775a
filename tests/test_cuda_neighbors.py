"""The whole CUDA engine, its kernels executed on the CPU under several schedules and ways of rounding, against float64.

The truth is every pair measured in the kernels' own order of summation and ranked by (squared distance, index), so the
engine must agree byte for byte: nothing here has a tolerance.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from cuda_on_cpu import SCHEDULES, Stuck
from cuda_on_cpu.harness_device import HarnessDevice
from pair_clouds import CLOUDS, draw, duplicates, gaussian, lattice, one_outlier, tight_clusters

from geometry.errors import OutOfMemoryError
from geometry.pairs import kernel_reference, reference
from geometry.pairs.cuda import bound, search
from geometry.pairs.cuda.builder import kernel_folder
from geometry.pairs.cuda.engine import CudaExecutor

Points = np.ndarray[Any, Any]
MODES = (0, 1, 2, 3)  # rounding, truncating, every product moved up or down by its claimed bound
WAYS = tuple(zip(SCHEDULES, MODES, strict=True))
BUDGET = 1 << 28


def truth(queries: Points, base: Points, k: int, *, exclude_self: bool) -> tuple[Points, Points]:
    wide = base.astype(np.float64)
    sq_dist = np.stack([kernel_reference.sum_of_squares(row.astype(np.float64) - wide) for row in queries])
    if exclude_self:
        np.fill_diagonal(sq_dist, np.inf)
    index = np.argsort(sq_dist, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(sq_dist, index, axis=1), index


def check(
    device: HarnessDevice, queries: Points, base: Points, k: int, *, exclude_self: bool, budget: int = BUDGET
) -> None:
    found = CudaExecutor(device, budget).neighbors(queries, base, k, exclude_self=exclude_self)
    sq_dist, index = truth(queries, base, k, exclude_self=exclude_self)
    assert found.sq_dist.tobytes() == sq_dist.tobytes(), "squared distances differ"
    assert found.index.tobytes() == index.tobytes(), "indices differ"
    assert found.certified.all()
    assert np.array_equal(found.dist, np.sqrt(sq_dist).astype(np.float32))


def check_self(points: Points, k: int, ways: tuple[tuple[int, int], ...] = WAYS[2:3]) -> None:
    for schedule, mode in ways:
        check(HarnessDevice(schedule, mode), points, points, k, exclude_self=True)


def streamed(points: Points, k: int, device: HarnessDevice | None = None, budget: int = BUDGET) -> int:
    """Rows that the scan could not answer, of a set that must be answered rightly all the same."""
    found = search.neighbors(device or HarnessDevice(), points, points, k, exclude_self=True, budget=budget)
    sq_dist, index = truth(points, points, k, exclude_self=True)
    assert found.sq_dist.tobytes() == sq_dist.tobytes(), "squared distances differ"
    assert np.array_equal(found.index, index), "indices differ"
    return found.streamed


@pytest.mark.parametrize("maker", CLOUDS, ids=lambda maker: maker.__name__)
def test_clouds(maker: Any) -> None:
    check_self(draw(maker, 257, 20, np.float32), 9, (WAYS[CLOUDS.index(maker) % 4],))


@pytest.mark.parametrize("maker", [gaussian, tight_clusters])
def test_no_schedule_and_no_rounding_changes_a_byte(maker: Any) -> None:
    check_self(draw(maker, 257, 63, np.float32), 15, WAYS)


@pytest.mark.parametrize(("n", "k"), [(2, 1), (5, 4), (6, 5), (7, 6), (63, 62), (63, 7)])
def test_few_rows(n: int, k: int) -> None:
    check_self(draw(gaussian, n, 5, np.float32), k)


@pytest.mark.parametrize(("n", "d", "k"), [(257, 1, 5), (257, 3, 32), (130, 768, 5), (40, 5000, 4), (1000, 3, 15)])
def test_sizes(n: int, d: int, k: int) -> None:
    assert streamed(draw(gaussian, n, d, np.float32), k, HarnessDevice(*WAYS[2])) <= 0.02 * n


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_storage_types(dtype: type) -> None:
    check_self(draw(gaussian, 65, 20, dtype), 5)
    check_self(draw(gaussian, 30, 3, dtype), 20)


def test_two_sets() -> None:
    rng = np.random.default_rng(1)
    base = draw(gaussian, 300, 20, np.float32)
    queries = np.concatenate([base[rng.integers(0, 300, 60)], draw(gaussian, 90, 20, np.float32, seed=2) * 2])
    for schedule, mode in WAYS[1::2]:
        device = HarnessDevice(schedule, mode)
        check(device, queries, base, 9, exclude_self=False)
        assert "pair_scan_two" in {launch[0] for launch in device.launches}
    check(HarnessDevice(), queries, base[:20], 18, exclude_self=False)
    check(HarnessDevice(), queries.astype(np.float64) / 3, base, 4, exclude_self=False)


def test_a_set_is_not_its_own_neighbor_by_place_and_copies_are() -> None:
    points = draw(gaussian, 200, 6, np.float32)
    check(HarnessDevice(), points, points.copy(), 3, exclude_self=False)
    check_self(draw(duplicates, 257, 6, np.float32), 9)


def test_truncated_sums_stay_within_the_claim() -> None:
    rng = np.random.default_rng(5)
    points = np.where(rng.random((260, 70)) < 0.5, 2.0**-8 * (1 - 2.0**-11), 0.0)
    points[:, 0] = np.where(rng.random(260) < 0.5, 16.0, -16.0)
    check_self(points.astype(np.float32), 5, (WAYS[1],))


def test_one_far_row_costs_the_others_nothing() -> None:
    assert streamed(draw(one_outlier, 257, 20, np.float32), 9) == 1


def test_ties_beyond_a_queue_go_to_the_last_resort_and_stay_exact() -> None:
    points = np.eye(300, dtype=np.float32)
    assert streamed(points, 3) == 300
    assert streamed(draw(lattice, 257, 2, np.float64)[:, :1] * 0 + np.arange(257)[:, None], 9) == 0


def test_many_neighbors_come_in_launches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "MOST_AT_ONCE", 16)
    device = HarnessDevice(7)
    points = np.unique(draw(lattice, 60, 3, np.float32), axis=0)
    check(device, points, points, len(points) - 1, exclude_self=True)
    assert len([launch for launch in device.launches if launch[0].startswith("stream")]) == -(-(len(points) - 1) // 16)


def test_row_batches_change_nothing() -> None:
    points = draw(gaussian, 257, 20, np.float32)
    device = HarnessDevice(7)
    fixed = 257 * (64 * 2 + 48) + points.nbytes
    check(device, points, points, 9, exclude_self=True, budget=fixed + 60_000)
    kernels = [launch[0] for launch in device.launches]
    assert "pair_scan_one" not in kernels
    assert kernels.count("prepare_rows_f32") > 2


@pytest.mark.parametrize("refused", [(4, 8), (6, 9, 12)])
def test_out_of_memory_halves_and_goes_on(refused: tuple[int, ...]) -> None:
    points = draw(gaussian, 257, 20, np.float32)
    device = HarnessDevice(out_of_memory=refused)
    check(device, points, points, 9, exclude_self=True)
    assert device.allocations > max(refused)


def test_rows_that_do_not_fit_are_an_error_that_says_so() -> None:
    points = draw(gaussian, 257, 20, np.float32)
    with pytest.raises(OutOfMemoryError, match="257 rows of 20 dimensions take"):
        CudaExecutor(HarnessDevice(), 10_000).neighbors(points, points, 3, exclude_self=True)


def whole_numbers() -> Points:
    """Rows that float16 holds exactly, so that nothing but the product's error is left in the bound."""
    return np.random.default_rng(3).permutation(np.arange(-128, 129)).astype(np.float32)[:, None]


@pytest.mark.parametrize("mode", [2, 3])
def test_a_bound_that_is_too_small_is_noticed(mode: int, monkeypatch: pytest.MonkeyPatch) -> None:
    streamed(whole_numbers(), 5, HarnessDevice(matrix_mode=mode))
    monkeypatch.setattr(bound, "UNIT", bound.UNIT / 2)
    with pytest.raises(search.BoundViolated, match="differ by more than allowed"):
        streamed(whole_numbers(), 5, HarnessDevice(matrix_mode=mode))


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


def mutated(mutation: str) -> Mapping[str, str]:
    before, after = MUTATIONS[mutation]
    texts = {file: (kernel_folder() / file).read_text() for file in SCAN_FILES}
    edited = {file: text.replace(before, after) for file, text in texts.items() if before in text}
    assert len(edited) == 1, "the mutation no longer applies"
    return edited


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
        strict(mutated(mutation))


def test_the_reference_agrees_with_the_plain_one() -> None:
    points = draw(gaussian, 63, 20, np.float32)
    plain, ours = reference.neighbors(points, points, 5, exclude_self=True), truth(points, points, 5, exclude_self=True)
    assert np.array_equal(plain[1], ours[1])
    assert np.allclose(plain[0], ours[0], rtol=1e-14)
