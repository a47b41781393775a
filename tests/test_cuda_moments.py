"""Mean and covariance by the kernels, executed on the CPU, against their reference bit for bit and against float64."""

from __future__ import annotations

import numpy as np
import pytest
from cuda_on_cpu import SCHEDULES, build, mutated
from cuda_on_cpu.harness_device import HarnessDevice
from pair_clouds import draw, gaussian, offset_1e6

from geometry.pairs import kernel_reference, reference
from geometry.pairs.cuda.moments import moments

SOURCE = "covariance.cu"


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_moments_agree_with_the_reference_bit_for_bit(dtype: type) -> None:
    points = draw(gaussian, 70, 35, dtype)
    for schedule in SCHEDULES:
        found = moments(HarnessDevice(schedule), points)
        expected = kernel_reference.covariance_sums(points, found.mean) / 70
        assert found.covariance.tobytes() == expected.tobytes()
    assert np.array_equal(found.covariance, found.covariance.T)


@pytest.mark.parametrize(("n", "d"), [(1, 1), (2, 70), (300, 3), (33, 97)])
def test_sizes(n: int, d: int) -> None:
    points = draw(offset_1e6, n, d, np.float32)
    found, expected = moments(HarnessDevice(7), points), reference.moments(points)
    assert found.n == n
    assert np.allclose(found.mean, expected.mean, rtol=1e-14)
    assert np.allclose(found.covariance, expected.covariance, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("comment", ["both groups of columns are there", "read by all before the next rows come"])
def test_a_missing_barrier_is_caught(comment: str) -> None:
    points = draw(gaussian, 70, 35, np.float32)
    broken = HarnessDevice(texts=mutated((f"__syncthreads();  // {comment}", ""), SOURCE))
    wrong = [moments(broken, points).covariance for broken.schedule in SCHEDULES]
    right = moments(HarnessDevice(), points).covariance
    assert any(found.tobytes() != right.tobytes() for found in wrong)


def test_the_kernels_build() -> None:
    build(SOURCE, ("covariance_f32",))
