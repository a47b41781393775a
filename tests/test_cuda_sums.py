"""Sums over pairs by the kernels, executed on the CPU, against the torch engine and against float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from cuda_on_cpu import mutated
from cuda_on_cpu.harness_device import HarnessDevice
from pair_clouds import (
    draw,
    duplicates,
    gaussian,
    huge,
    lognormal_norms,
    offset_1e4,
    offset_1e6,
    one_hot,
    tiny,
)

from geometry.pairs.cuda.engine import CudaExecutor
from geometry.pairs.torch_engine import TorchExecutor
from geometry.types import PairSums

NAMES = ("cos2", "cos4", "exp", "exp_centred")
BUDGET = 1 << 28


def sums(device: HarnessDevice, points: Any, rows: Any, t: float = 2.0, budget: int = BUDGET) -> PairSums:
    return CudaExecutor(device, budget).pair_sums(points, rows, t)


def check(found: PairSums, points: Any, rows: Any, t: float = 2.0) -> None:
    expected = TorchExecutor().pair_sums(points, rows, t)
    assert np.array_equal(found.rows, expected.rows)
    for name in NAMES:
        ours, true = getattr(found, name), getattr(expected, name)
        room = 1e-6 * (1 - true) + 1e-14 if name == "exp" else 1e-6
        assert np.all(np.abs(ours - true) <= room), f"{name} differs"
    assert np.array_equal(found.cosine_edges, expected.cosine_edges)
    assert np.array_equal(found.log2_edges, expected.log2_edges)
    pairs = max(expected.cosine_counts.sum(), 1)
    clear = slice(480, None)  # from 2^-18 of the largest squared coordinate on; copies stand below, where both round
    histograms = (found.cosine_counts, expected.cosine_counts), (found.log2_counts[clear], expected.log2_counts[clear])
    for ours, true in histograms:
        assert np.abs(np.cumsum(ours - true)).max() <= 0.01 * pairs, "a histogram differs"


@pytest.mark.parametrize("maker", [gaussian, lognormal_norms, offset_1e4, one_hot, tiny, huge, duplicates])
def test_clouds(maker: Any) -> None:
    points, rows = draw(maker, 150, 12, np.float32), np.arange(0, 150, 3)
    check(sums(HarnessDevice(7), points, rows), points, rows)


def test_cosines_against_a_dense_calculation() -> None:
    points = draw(gaussian, 150, 70, np.float64)
    centred = points - points.mean(axis=0)
    unit = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    cosine = unit @ unit.T
    others = ~np.eye(150, dtype=bool)
    for schedule, mode in ((0, 0), (1, 1)):
        found = sums(HarnessDevice(schedule, mode), points, np.arange(150), 0.5)
        for name, values in (("cos2", cosine**2), ("cos4", cosine**4), ("exp_centred", np.exp(cosine - 1))):
            dense = np.array([values[row][others[row]].mean() for row in range(150)])
            assert np.all(np.abs(getattr(found, name) - dense) <= 1e-6)
        assert found.cosine_counts.sum() == found.log2_counts.sum() == 150 * 149


def float64_means(points: Any, t: float) -> dict[str, float]:
    """Means over all pairs, the exponential ones less 1, from differences of unit rows about a point among them."""
    points = points.astype(np.float64)
    raw = points / np.linalg.norm(points, axis=1, keepdims=True)
    centred = points - points.mean(axis=0)
    centred /= np.linalg.norm(centred, axis=1, keepdims=True)
    others = ~np.eye(len(points), dtype=bool)
    cosine = (centred @ centred.T)[others]
    apart = (((raw[:, None] - raw) ** 2).sum(axis=2))[others]
    exps = np.expm1(-t * apart).mean(), np.expm1(-t * (2 - 2 * cosine)).mean()
    return {"cos2": (cosine**2).mean(), "cos4": (cosine**4).mean(), "exp": exps[0], "exp_centred": exps[1]}


@pytest.mark.parametrize("maker", [gaussian, offset_1e6, lognormal_norms], ids=lambda maker: maker.__name__)
@pytest.mark.parametrize("mode", [0, 1])
def test_means_keep_six_digits_however_near_the_directions(maker: Any, mode: int) -> None:
    """Mode 1 cuts off sums as matrix units do. At an offset of a million the mean of exp is 1 - 4e-12."""
    points = draw(maker, 150, 12, np.float64)
    found, expected = sums(HarnessDevice(0, mode), points, np.arange(150)), float64_means(points, 2.0)
    for name in NAMES:
        mean = (getattr(found, name) - ("exp" in name)).mean()
        assert mean == pytest.approx(expected[name], rel=1e-6), name


def test_rows_without_a_direction_take_no_part() -> None:
    half = draw(gaussian, 60, 5, np.float32)
    points = np.concatenate([half, -half, np.zeros((9, 5), np.float32)])
    check(sums(HarnessDevice(), points, np.arange(129)), points, np.arange(129))
    equal = np.ones((40, 5), np.float32)
    check(sums(HarnessDevice(), equal, np.arange(40)), equal, np.arange(40))


def test_no_schedule_and_no_batch_changes_a_byte() -> None:
    points, rows = draw(gaussian, 260, 20, np.float32), np.arange(260)
    fixed = points.nbytes + 260 * (64 * 2 * 6 + 48)
    whole = sums(HarnessDevice(), points, rows)
    halved = HarnessDevice(1, out_of_memory=(9,))
    for other in (sums(HarnessDevice(7), points, rows, budget=fixed + 100_000), sums(halved, points, rows)):
        for name in (*NAMES, "cosine_counts", "log2_counts"):
            assert getattr(other, name).tobytes() == getattr(whole, name).tobytes(), name


MUTATIONS = {
    "low halves forgotten": ("right ? low : high;", "high;"),
    "the row itself taken along": ("own == column_span.first + column", "false"),
    "raw unit rows about the origin": ("row.after = centre;", ""),
    "exp before 1 is taken off": ("expm1f(exponent)", "(expf(exponent) - 1.0f)"),
    "a quarter of a row": ("value += __shfl_xor_sync(ALL_LANES, value, 1);", ""),
    "barrier before products are laid down removed": ("__syncthreads();  // nobody reads the operands", "// nobody"),
}


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_a_broken_kernel_is_caught(mutation: str) -> None:
    broken = HarnessDevice(7, texts=mutated(MUTATIONS[mutation], "pair_sums.cu"))
    points, rows = draw(offset_1e4, 150, 70, np.float32), np.arange(0, 150, 3)
    with pytest.raises(AssertionError):
        check(sums(broken, points, rows), points, rows)
