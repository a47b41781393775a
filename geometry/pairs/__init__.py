"""The pass over all pairs: plan, engines, the float64 reference, and the scan that statistics read."""

from __future__ import annotations

from typing import Any

from geometry.errors import InputError
from geometry.pairs.arrays import as_points, require_finite
from geometry.pairs.executor import Executor
from geometry.pairs.plan import DEFAULT_BUDGET, resolve_device
from geometry.pairs.scan import Scan, scan
from geometry.types import Neighbors

__all__ = ["Executor", "Scan", "as_points", "executor", "neighbors", "scan"]


def executor(device: str = "auto", budget: int = DEFAULT_BUDGET) -> Executor:
    """The engine for a device; `auto` is the CPU until a CUDA engine has been proven on a GPU."""
    from geometry.pairs.torch_engine import TorchExecutor

    return TorchExecutor(resolve_device(device), budget)


def neighbors(points: Any, k: int, *, queries: Any = None, device: str = "auto") -> Neighbors:
    """Exact k nearest neighbours in Euclidean distance, ranked by (squared distance, index).

    points (n, d): base rows, any float type. queries (m, d): rows to look up; without them every base row is looked up
    and itself left out. Returns dist (m, k) float32 ascending, index (m, k) int64, certified (m,) bool, and sq_dist
    (m, k) float64. Raises InputError for wrong shapes, NaN, or k beyond the rows there are.
    """
    base = require_finite(as_points(points))
    asked = base if queries is None else require_finite(as_points(queries, "queries"), "queries")
    most = len(base) - (queries is None)
    if not 1 <= k <= most:
        raise InputError(f"k = {k} is out of range: {len(base)} rows allow 1 to {most}")
    if asked.shape[1] != base.shape[1]:
        raise InputError(f"queries have {asked.shape[1]} dimensions, points have {base.shape[1]}; they must agree")
    return executor(device).neighbors(asked, base, k, exclude_self=queries is None)
