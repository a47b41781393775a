"""Column means on a device: kernels/column_sums.cu under several schedules, bit for bit, and against exact sums."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from cuda_on_cpu import SCHEDULES, mutated
from cuda_on_cpu.harness_device import HarnessDevice
from pair_clouds import DTYPES, gaussian, lognormal_norms, offset_1e6

from geometry.pairs.cuda.column_mean import column_mean
from geometry.pairs.kernel_reference import column_sums

SOURCE = "column_sums.cu"


def on(device: HarnessDevice, points: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return column_mean(device, device.put(points), *points.shape, points.dtype)


def folded(points: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    sums = column_sums(points)
    while len(sums) > 1:
        sums = column_sums(sums)
    return sums[0] / len(points)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(1, 1), (2, 129), (255, 3), (256, 3), (257, 3), (700, 260)])
def test_every_schedule_gives_the_digits_of_numpy(shape: tuple[int, int], dtype: type) -> None:
    points = gaussian(np.random.default_rng(3), *shape).astype(dtype)
    for schedule in SCHEDULES:
        assert on(HarnessDevice(schedule), points).tobytes() == folded(points).tobytes()


def test_three_launches_fold_more_than_256_blocks() -> None:
    points = np.arange(256 * 256 + 1, dtype=np.float64)[:, None]
    device = HarnessDevice()
    assert on(device, points)[0] == 256 * 256 / 2
    assert [grid for _, grid, _, _ in device.launches] == [257, 2, 1]


@pytest.mark.parametrize("cloud", [offset_1e6, lognormal_norms])
def test_the_mean_is_that_of_exact_arithmetic_within_the_stated_bound(cloud: Any) -> None:
    points = cloud(np.random.default_rng(4), 600, 5)
    for column, mean in zip(points.T, on(HarnessDevice(), points), strict=True):
        exact = [Fraction(float(x)) for x in column]
        assert abs(Fraction(mean) - sum(exact) / 600) <= Fraction(513, 2**53) * sum(map(abs, exact)) / 600


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("first + BLOCK_ROWS < n ? first + BLOCK_ROWS : n", "first + BLOCK_ROWS"),
        ("row = first;", "row = first + 1;"),
        ("blockIdx.x % groups", "0"),
        ("double sum = 0.0", "float sum = 0.0"),
    ],
)
def test_a_broken_kernel_is_caught(before: str, after: str) -> None:
    points = gaussian(np.random.default_rng(5), 512, 200)
    broken = on(HarnessDevice(texts=mutated((before, after), SOURCE)), points[:300])
    assert broken.tobytes() != folded(points[:300]).tobytes()
