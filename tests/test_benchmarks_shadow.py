"""A device that differs is told by the first kernel that does, and one that only rounds otherwise is not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from cuda_on_cpu import mutated
from cuda_on_cpu.harness_device import HarnessDevice

from benchmarks import gpu_steps
from benchmarks.shadow import Shadow, _read, differences


def told(what: str, scan: str, inner: HarnessDevice) -> dict[str, str]:
    return {one["what"].split(" (")[0]: one["wrong"] for one in gpu_steps.kernels(scan, what, Shadow(inner))}


@pytest.mark.parametrize("scan", gpu_steps.SCANS)
def test_another_schedule_and_another_rounding_are_no_difference(scan: str) -> None:
    found = told("neighbors, float16", scan, HarnessDevice(7, 1, arch="sm_90a"))
    scans = {"pack_tiles", "pair_scan_warpgroup_one"} if scan == "wgmma" else {"pair_scan_one"}
    assert set(found) == {"prepare_rows_f16", "prune_queues", "list_candidates", "rescore_f16"} | scans
    assert not any(found.values())


BROKEN = {
    "covariance_f64": ("moments", ("total = __dadd_rn(total,", "total = __dadd_rn(1.0 + total,"), "covariance.cu"),
    "pair_scan_one": ("neighbors, float16", ("row_tile + diagonal) % tiles", "row_tile) % tiles"), "pair_scan.cu"),
    "local_spectra_f64": ("neighbourhoods", ("BISECTIONS = 60", "BISECTIONS = 20"), "local_spectra.cu"),
}  # fmt: skip


@pytest.mark.parametrize("kernel", BROKEN)
def test_the_kernel_that_differs_is_named(kernel: str) -> None:
    what, change, file = BROKEN[kernel]
    found = told(what, "mma.sync", HarnessDevice(texts=mutated(change, file)))
    wrong = [name for name, text in found.items() if text and name != f"{what} by mma.sync"]
    assert wrong == [kernel]


def test_an_error_of_a_launch_is_an_answer_and_so_is_a_scan_of_another_device() -> None:
    small = HarnessDevice(block_bytes=10_000)
    found = told("moments", "mma.sync", small)
    assert found["column_sums_f64"] == ""
    assert "RuntimeError: covariance_f64: a block has 10000 bytes" in found["covariance_f64"]
    assert "RuntimeError" in found["moments by mma.sync"]
    assert told("neighbors", "wgmma", HarnessDevice()) == {"neighbors by wgmma": ""}


def entry(coarse: float, column: int) -> int:
    bits = int(np.float32(coarse).view(np.uint32))
    return (~bits & 0xFFFFFFFF if bits & 0x80000000 else bits | 0x80000000) << 32 | column


def scan_arguments(*rows: list[tuple[float, int]]) -> list[Any]:
    entries, filled = np.zeros((len(rows), 4), np.uint64), np.array([len(row) for row in rows], np.uint32)
    for at, row in enumerate(rows):
        entries[at, : len(row)] = [entry(*one) for one in row]
    lower, cut = np.full(len(rows), 100.0, np.float32), np.full(len(rows), 5.0, np.float32)
    return [np.zeros(1), lower, cut, entries, filled, np.int32(4)]


def test_entries_are_read_as_they_are_laid_down() -> None:
    pairs = [(3.5, 7), (-2.25, 9), (0.0, 1), (np.inf, 0)]
    assert list(_read(np.array([entry(*one) for one in pairs], np.uint64))) == [(c, v) for v, c in pairs]


@pytest.mark.parametrize(
    ("theirs", "words"),
    [
        ([(2.0, 7), (-1.0, 3)], ""),
        ([(-1.0, 3), (2.0 + 1e-3, 7)], ""),
        ([(-1.0, 3)], "row 0, column 7: coarse 2.0, on one side alone, threshold 5.0"),
        ([(-1.0, 3), (2.5, 7)], "row 0, column 7: coarse 2.5 for 2.0"),
        ([(-1.0, 3), (2.0, 7), (4.9999, 8)], ""),
        ([(-1.0, 3), (2.0, 7), (4.0, 8)], "row 0, column 8: coarse 4.0, on one side alone"),
        ([(-1.0, 3), (-1.0, 3)], "row 0: 2 pushed, 1 different columns in its queue"),
    ],
)
def test_candidates_are_sets_but_for_those_at_the_threshold(theirs: list[tuple[float, int]], words: str) -> None:
    ours = scan_arguments([(-1.0, 3), (2.0, 7)])
    found = list(differences("pair_scan_one", scan_arguments(theirs), ours))
    assert bool(found) == bool(words) and (not words or words in found[0])


def test_lists_in_another_order_are_the_same_and_a_stray_write_is_told() -> None:
    def arguments(pairs: list[int], other: float) -> list[Any]:
        counts = np.zeros(2, np.uint64), np.zeros(2, np.uint64)
        return [np.array([other]), *counts, np.array(pairs, np.uint64), np.array([3], np.uint64), np.int64(4)]

    ours = arguments([5, 6, 7, 0], 1.0)
    assert not list(differences("pair_counts", arguments([7, 5, 6, 9], 1.0), ours))
    assert list(differences("pair_counts", arguments([7, 5, 5, 9], 1.0), ours)) == [
        "the doubtful pairs: 1 of 3 uint64 differ, the first at (1,): 5 for 6"
    ]
    assert "argument 0: 1 of 1 float64 differ" in next(differences("pair_counts", arguments([5, 6, 7, 0], 2.0), ours))


def test_sums_over_pairs_may_round_and_bins_may_trade_neighbours() -> None:
    def arguments(more: int, bins: list[int]) -> list[Any]:
        values: list[Any] = [np.int32(0)] * 15
        values[9], values[13] = np.int64(100), np.int32(20)
        sums = np.full((3, 2), 40 << 20, np.int64) + more
        return [*values, sums, np.array(bins, np.uint64), np.array([50, 50], np.uint64)]

    ours = arguments(0, [400, 600, 9000])
    assert not list(differences("pair_sums", arguments(300, [410, 590, 9000]), ours))
    assert "sums: 6 of 6 float64 differ" in next(differences("pair_sums", arguments(3000, [400, 600, 9000]), ours))
    for bins in ([600, 400, 9000], [400, 600, 9001]):
        assert "cosines" in next(differences("pair_sums", arguments(0, bins), ours))
