"""`geometry.pairs.local` on a device: sums and spectra of all neighbourhoods in one launch of kernels/local_spectra.cu.

Results go to the host in batches, so that what they need of the device is bounded by `budget`. Leaves out
neighbourhoods of more than 128: their matrices find no room in a block's shared memory.
"""

from __future__ import annotations

import numpy as np

from geometry.errors import UsageError
from geometry.pairs.cuda.column_mean import SUFFIXES
from geometry.pairs.cuda.device import Device
from geometry.pairs.local import Local, LocalReflections, LocalSpectra, LocalSums, Places
from geometry.pairs.plan import blocks
from geometry.types import Array, Floats

MOST_NEIGHBORS = 128
THREADS = 128  # those of the kernel, as are the next two
SLAB, TILE = 16, 4
SUMS = 9  # a neighbourhood
BUDGET = 1 << 30


def local_summaries(device: Device, points: Array, places: Places, budget: int = BUDGET) -> Local:
    """Sums, reflected pairs and spectra of given neighbourhoods of points (n, d) float16, float32 or float64.

    Raises UsageError beyond 128 neighbours, OutOfMemoryError where the points or one batch find no room.
    """
    k, d = places.index.shape[1], points.shape[1]
    if not 1 <= k <= MOST_NEIGHBORS:
        raise UsageError(f"local spectra on a CUDA device take 1 to {MOST_NEIGHBORS} neighbours, not {k}; use the CPU")
    wanted, buffer, scale = min(k, d), device.put(points), _scale_of(points)
    row_bytes = 8 * (k + 2 + SUMS + wanted)
    parts: list[tuple[Floats, Floats]] = []
    for cut in blocks(len(places.rows), max(budget // row_bytes, 1)):
        chosen = [device.put(np.ascontiguousarray(part[cut], np.int64)) for part in _columns(places)]
        sums = device.empty((cut.stop - cut.start, SUMS), np.float64)
        eigenvalues = device.empty((cut.stop - cut.start, wanted), np.float64)
        arguments = [buffer, *chosen, np.float64(scale), np.int32(d), np.int32(k), np.int32(wanted), sums, eigenvalues]
        kernel = f"local_spectra_{SUFFIXES[points.dtype]}"
        device.launch("local_spectra.cu", kernel, cut.stop - cut.start, THREADS, arguments, shared_bytes(k))
        parts.append((device.get(sums), device.get(eigenvalues)))
    return _named(places, np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts]))


def shared_bytes(k: int) -> int:
    """Shared memory of a block: the packed triangle, the slab of columns, one partial sum a warp."""
    return 8 * (k * (k + 1) // 2 + SLAB * (TILE * -(-k // TILE) + 1) + THREADS // 32)


def _columns(places: Places) -> tuple[Array, Array, Array]:
    return places.rows, places.index, places.count


def _scale_of(points: Array) -> float:
    """A power of two that brings the widest column near 1, so that squared differences stay in range."""
    widest = float((points.max(axis=0).astype(np.float64) - points.min(axis=0).astype(np.float64)).max())
    return float(np.ldexp(1.0, int(np.clip(-np.frexp(widest)[1], -1000, 1000)))) if widest > 0 else 1.0


def _named(places: Places, sums: Floats, eigenvalues: Floats) -> Local:
    radius, directed, cos2, cos, sin, area, edges, tight, dropped = sums.T
    return Local(
        LocalSums(places.count, radius, directed.astype(np.int64), cos2, cos, sin, area, edges),
        LocalReflections(places.count, tight, dropped.astype(np.int64)),
        LocalSpectra(places.count, radius, eigenvalues),
    )
