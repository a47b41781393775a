"""The pass over all pairs: plan, engines, the float64 reference, and the scan that statistics read."""

from __future__ import annotations

import warnings
from operator import index
from typing import TYPE_CHECKING, Any, Literal, cast

from geometry.errors import InputError, UsageError
from geometry.pairs.arrays import as_points, require_finite
from geometry.pairs.executor import Executor
from geometry.pairs.plan import DEFAULT_BUDGET, resolve_device
from geometry.pairs.scan import Scan, scan
from geometry.types import Array, EmbeddingSet, Neighbors

if TYPE_CHECKING:
    from geometry.pairs.stored import Stored

__all__ = ["Executor", "Scan", "approximate_executor", "as_points", "executor", "neighbors", "own_executor", "scan"]


def executor(device: str = "auto", budget: int | None = None) -> Executor:
    """The engine for a device, within `budget` bytes of scratch; None: what suits the set, on a GPU what is free.

    Where this process leads others (`geometry.pairs.ring`), theirs together. Raises UsageError where there is no such
    device.
    """
    from geometry.pairs.ring import around

    return around(own_executor(device, budget), device, budget)


def own_executor(device: str = "auto", budget: int | None = None) -> Executor:
    """The engine of this process alone.

    `cuda`: our kernels where they have proven themselves on the device, by the best scan that has, else torch tiles;
    a RuntimeWarning names the reason of each step down. Raises UsageError where there is no such device.
    """
    where = resolve_device(device)
    if where == "cpu":
        from geometry.pairs.cpu.executor import CpuExecutor

        return CpuExecutor(budget)
    from geometry.pairs.cuda.choice import kernel_engine

    kernels = kernel_engine(budget)
    for why in kernels.passed_over:
        warnings.warn(f"a slower scan in place of the best: {why}", RuntimeWarning, stacklevel=2)
    if kernels.engine is not None:
        return kernels.engine
    warnings.warn(f"torch tiles in place of the CUDA kernels: {kernels.why}", RuntimeWarning, stacklevel=2)
    from geometry.pairs.torch_engine import CUDA_BUDGET, TorchExecutor

    return TorchExecutor(where, budget or CUDA_BUDGET)


def approximate_executor(device: str = "auto", budget: int | None = None, *, pairs: int = 0, seed: int = 0) -> Executor:
    """The same engine, but for neighbours among more than `pairs` pairs, which faiss then finds with a measured recall.

    Raises UsageError where faiss is not installed for the device, with the extra to install.
    """
    from geometry.pairs.approximate import ApproximateExecutor, require_faiss

    where = resolve_device(device)
    require_faiss(where)
    return ApproximateExecutor(executor(device, budget), where, budget or DEFAULT_BUDGET, pairs, seed=seed)


def neighbors(
    points: Any,
    k: int,
    *,
    queries: Any = None,
    device: str = "auto",
    method: Literal["exact", "approximate"] = "exact",
    seed: int = 0,
) -> Neighbors:
    """The k nearest neighbours in Euclidean distance, ranked by (squared distance, index), exact unless told otherwise.

    points (n, d): base rows, any float type. queries (m, d): rows to look up; without them every base row is looked up
    and itself left out. Returns dist (m, k) float32 ascending, index (m, k) int64, certified (m,) bool, and sq_dist
    (m, k) float64. method="approximate": by faiss, seeded; distances stay exact, no row is certified, and `recall` says
    what share of the neighbours are true ones, with its interval. Rows that stay in their files (`geometry.load` with
    stream) are read in blocks; only the table has to fit into memory. Raises InputError for wrong shapes, NaN, or k
    beyond the rows there are, UsageError where faiss is asked for and missing.
    """
    if method not in ("exact", "approximate"):
        raise UsageError(f"method '{method}' is unknown; choose exact or approximate")
    try:
        k = index(k)
    except TypeError:
        raise InputError(f"k = {k!r} is no whole number") from None
    in_files = in_its_files(points)
    base = require_finite(as_points(points)) if in_files is None else cast(Array, in_files)
    asked = base if queries is None else require_finite(as_points(queries, "queries"), "queries")
    most = len(base) - (queries is None)
    if not 1 <= k <= most:
        raise InputError(f"k = {k} is out of range: {len(base)} rows allow 1 to {most}")
    if asked.shape[1] != base.shape[1]:
        raise InputError(f"queries have {asked.shape[1]} dimensions, points have {base.shape[1]}; they must agree")
    if in_files is not None and method == "exact":
        return _in_files(in_files, None if queries is None else asked, k, device)
    if in_files is not None:
        raise UsageError("rows that stay in their files are looked up exactly; leave method out")
    engine = executor(device) if method == "exact" else approximate_executor(device, seed=seed)
    return engine.neighbors(asked, base, k, exclude_self=queries is None)


def in_its_files(points: Any) -> Stored | None:
    """The rows of a set that stay in their files; None of all others."""
    from geometry.pairs.stored import Stored

    rows = points.points if isinstance(points, EmbeddingSet) else points
    return rows if isinstance(rows, Stored) else None


def _in_files(stored: Stored, queries: Array | None, k: int, device: str) -> Neighbors:
    """Block by block of the files; the table alone has to fit into memory."""
    from geometry.pairs import streamed

    engine = executor(device)
    if queries is None:
        return streamed.all_neighbors(engine, stored, k)
    return streamed.neighbors(engine, streamed.Queries(queries, None, k), stored)
