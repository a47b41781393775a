"""The mean of every column on a device, by kernels/column_sums.cu applied to its own result until one row is left.

The order of every addition follows from n alone, so the mean has the same digits on every device and in NumPy.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from geometry.pairs.cuda.device import Device
from geometry.types import Floats

BLOCK_ROWS, THREADS = 256, 128  # those of the kernel
SUFFIXES = {np.dtype(np.float16): "f16", np.dtype(np.float32): "f32", np.dtype(np.float64): "f64"}


def column_mean(device: Device, points: Any, n: int, d: int, dtype: Any) -> Floats:
    """(d,) float64 mean of `points`, a buffer of `device` that holds n >= 1 rows of d columns of `dtype`."""
    rows, buffer, suffix = n, points, SUFFIXES[np.dtype(dtype)]
    while True:
        groups = -(-rows // BLOCK_ROWS)
        sums = device.empty((groups, d), np.float64)
        arguments = [buffer, np.int64(rows), np.int32(d), sums]
        device.launch("column_sums.cu", f"column_sums_{suffix}", groups * -(-d // THREADS), THREADS, arguments)
        rows, buffer, suffix = groups, sums, "f64"
        if rows == 1:
            mean: Floats = device.get(sums)[0] / n
            return mean
