"""Mean and covariance on a device, in float64: kernels/column_sums.cu, then kernels/covariance.cu about that mean."""

from __future__ import annotations

import numpy as np

from geometry.pairs.cuda.column_mean import SUFFIXES, column_mean
from geometry.pairs.cuda.device import Device
from geometry.types import Array, Moments

SIDE, THREADS = 32, 256  # those of kernels/covariance.cu
SHARED_BYTES = 2 * 8 * SIDE * (SIDE + 1)


def moments(device: Device, points: Array) -> Moments:
    """Moments of points (n, d) float16, float32 or float64 (ddof 0); raises OutOfMemoryError."""
    (n, d), tiles = points.shape, -(-points.shape[1] // SIDE)
    buffer = device.put(points)
    mean = column_mean(device, buffer, n, d, points.dtype)
    sums = device.empty((d, d), np.float64)
    arguments = [buffer, device.put(mean), np.int64(n), np.int32(d), sums]
    kernel = f"covariance_{SUFFIXES[points.dtype]}"
    device.launch("covariance.cu", kernel, tiles * (tiles + 1) // 2, THREADS, arguments, SHARED_BYTES)
    return Moments(n, mean, device.get(sums) / n)
