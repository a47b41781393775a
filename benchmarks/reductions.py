"""Reductions that make an engine launch every CUDA kernel, small enough for a CPU to execute the same beside it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from geometry.types import Array


def lattice(n: int, d: int, dtype: type = np.float32) -> Array:
    """Whole numbers: no product of these rows is rounded, by whatever unit."""
    return np.random.default_rng(n + d).integers(-6, 7, (n, d)).astype(dtype)


def asked(scan: str) -> dict[str, Callable[[Any], Any]]:
    """Reductions by an engine that make each kernel run, small enough for the CPU beside."""
    whole, long, gaussian = lattice(300, 70), lattice(260, 450), np.random.default_rng(1).standard_normal((400, 40))
    radii, rows = np.full(300, 900.0), np.arange(0, 300, 3)
    searches: dict[str, Callable[[Any], Any]] = {
        "neighbors": lambda engine: engine.neighbors(whole, whole, 12, exclude_self=True),
        "neighbors, long rows": lambda engine: engine.neighbors(long, long, 12, exclude_self=True),
        "neighbors, real numbers": lambda engine: engine.neighbors(gaussian, gaussian, 12, exclude_self=True),
        "neighbors, two sets": lambda engine: engine.neighbors(whole[:150], whole, 12, exclude_self=False),
        "neighbors, float16": lambda engine: engine.neighbors(
            *[lattice(140, 20, np.float16)] * 2, 5, exclude_self=True
        ),
    }
    if scan != "mma.sync":
        return searches
    return searches | {
        "neighbors, many": lambda engine: engine.neighbors(whole[:140], whole[:140], 90, exclude_self=True),
        "counts": lambda engine: engine.radius_counts(whole, whole, radii),
        "sums": lambda engine: engine.pair_sums(whole, rows, 2.0),
        "moments": lambda engine: engine.moments(gaussian),
        "neighbourhoods": _neighbourhoods,
    }


def _neighbourhoods(engine: Any) -> Any:
    from geometry.pairs import reference
    from geometry.pairs.cuda.local import local_summaries
    from geometry.pairs.local import Places

    points, rows = np.random.default_rng(2).standard_normal((300, 70)), np.arange(0, 300, 25)
    index = reference.neighbors(points[rows], points, 12, exclude_self=False)[1]
    return local_summaries(engine.device, points, Places(rows, index, 12 - np.arange(len(rows)) % 13))
