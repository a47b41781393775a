"""What a launch may be: a grid within CUDA's bound, arguments of the kernel's own types; the engine keeps to both."""

from __future__ import annotations

import numpy as np
import pytest
from cuda_on_cpu import build
from cuda_on_cpu.harness_device import HarnessDevice
from pair_clouds import draw, gaussian
from parity_cases import assert_parity, one

from geometry.pairs.cuda import phases
from geometry.pairs.cuda.device import MOST_BLOCKS
from geometry.pairs.cuda.engine import CudaExecutor
from geometry.pairs.cuda.scans import MMA, WGMMA, Scan

BOUNDED = 4  # blocks, in place of 2^31 - 1: two tiles take two steps at a time
COUNTED = ("pair_scan_one", "pair_scan_two", "pair_scan_warpgroup_one", "pair_counts", "pair_sums")


@pytest.fixture
def bounded(monkeypatch: pytest.MonkeyPatch) -> HarnessDevice:
    monkeypatch.setattr(phases, "MOST_BLOCKS", BOUNDED)
    return HarnessDevice(arch="sm_90a")


def grids(device: HarnessDevice) -> list[int]:
    return [grid for kernel, grid, *_ in device.launches if kernel in COUNTED]


@pytest.mark.parametrize(
    ("tiles", "first", "number", "launches"), [(2, 0, 1, 1), (2, 2, 9, 5), (8, 5, 3, 3), (78_125, 19_531, 19_532, 2)]
)
def test_launches_cover_a_step_within_the_bound(
    tiles: int, first: int, number: int, launches: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(phases, "MOST_BLOCKS", BOUNDED if tiles < 10 else 10**9)
    found = list(phases.launches(tiles, first, number))
    assert [step for start, count in found for step in range(start, start + count)] == list(
        range(first, first + number)
    )
    assert all(tiles * count <= phases.MOST_BLOCKS or count == 1 for _, count in found)
    assert len(found) == launches


@pytest.mark.parametrize("scan", [MMA, WGMMA], ids=lambda scan: scan.name)
def test_neighbors_of_one_set_and_of_two_are_the_same_in_many_launches(scan: Scan, bounded: HarnessDevice) -> None:
    points = draw(gaussian, 400, 20, np.float32)
    engine = CudaExecutor(bounded, 1 << 28, scan)
    assert_parity(engine, one(points, 9))
    assert max(grids(bounded)) <= BOUNDED
    queries = engine.neighbors(points[:90], points, 9, exclude_self=False)
    assert (
        queries.sq_dist.tobytes()
        == CudaExecutor(HarnessDevice(), 1 << 28)
        .neighbors(points[:90], points, 9, exclude_self=False)
        .sq_dist.tobytes()
    )
    assert max(grids(bounded)) <= BOUNDED


def test_counts_and_sums_are_the_same_in_many_launches(bounded: HarnessDevice) -> None:
    points, whole = draw(gaussian, 300, 9, np.float32), CudaExecutor(HarnessDevice(), 1 << 28)
    engine, radii, rows = CudaExecutor(bounded, 1 << 28), np.full(300, 9.0), np.arange(300)
    assert np.array_equal(
        engine.radius_counts(points, points, radii).per_query, whole.radius_counts(points, points, radii).per_query
    )
    assert engine.pair_sums(points, rows, 2.0).cos2.tobytes() == whole.pair_sums(points, rows, 2.0).cos2.tobytes()
    assert len(grids(bounded)) >= 4 and max(grids(bounded)) <= BOUNDED


def test_a_grid_beyond_the_bound_is_refused() -> None:
    with pytest.raises(ValueError, match="column_sums_f32: 2147483648 blocks"):
        HarnessDevice().launch("column_sums.cu", "column_sums_f32", MOST_BLOCKS + 1, 128, ())


@pytest.mark.parametrize(
    "wrong", [(0, np.float64), (1, np.int32), (2, np.int64), (3, np.float32), None], ids=["*", "n", "d", "out", "few"]
)
def test_an_argument_of_another_type_is_refused(wrong: tuple[int, type] | None) -> None:
    values = [np.ones((3, 2), np.float32), np.int64(3), np.int32(2), np.zeros((1, 2), np.float64)]
    program = build("column_sums.cu", ("column_sums_f32",))
    program.launch("column_sums_f32", 1, 128, values)
    assert values[3].tolist() == [[3.0, 3.0]]
    if wrong is None:
        values.pop()
    else:
        values[wrong[0]] = values[wrong[0]].astype(wrong[1])
    with pytest.raises(TypeError, match=r"column_sums_f32 takes \['\*f4', 'i8', 'i4', '\*f8'\], not"):
        program.launch("column_sums_f32", 1, 128, values)
