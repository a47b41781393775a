"""Parallelism of offsets over pairs: whether one step leads from each row to its partner, as king is to queen.

parallelism: mean cosine between the offsets b_i - a_i of different pairs, (|sum u|^2 - n) / (n (n - 1)) with u the unit
offsets: 1 where all point one way (Mikolov et al. 2013 for the idea). Unlike ends give parallel offsets with no
pairing at all, as soon as all b lie on one side of all a; so the null is the value with partners dealt at random.
analogy: share of pairs in which a_i plus the mean offset of the other pairs lies nearest to b_i, of all b.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from geometry.errors import InputError
from geometry.estimates import measured, undefined, wilson_interval
from geometry.pairs import as_points, executor
from geometry.pairs.arrays import require_finite
from geometry.pairs.influence import pairwise_stderr
from geometry.types import Estimate, Floats

SHUFFLES = 32


@dataclass(frozen=True)
class Analogy:
    """parallelism and analogy with their nulls; offset (d,), the mean step; cosine (n,) of each pair's step with it."""

    parallelism: Estimate
    analogy: Estimate
    offset: Floats
    cosine: Floats


def parallelism(first: Any, second: Any, *, seed: int = 0) -> Analogy:
    """How parallel the steps from first (n, d) to second (n, d) are, row i to row i.

    null and z of both from partners dealt at random. Pairs of equal rows have no direction and a cosine of NaN.
    Undefined with fewer than two pairs that have one. Raises InputError for different shapes or no rows.
    """
    a, b = (
        require_finite(as_points(x, name), name).astype(np.float64)
        for x, name in ((first, "first"), (second, "second"))
    )
    if a.shape != b.shape or len(a) == 0:
        raise InputError(f"pairs need as many rows on both sides, not shapes {a.shape} and {b.shape}")
    shift = a.mean(axis=0)
    a, b = a - shift, b - shift
    offset = (b - a).mean(axis=0)
    unit = units(b - a)
    length = float(np.linalg.norm(offset))
    cosine = np.where(unit.any(axis=1), unit @ offset / length if length > 0 else np.nan, np.nan)
    rng = np.random.default_rng(seed)
    deals = [rng.permutation(len(a)) for _ in range(SHUFFLES)]
    fields: dict[str, Any] = {"n": len(a), "d": a.shape[1]}
    return Analogy(_parallel(unit, a, b, deals, fields), _analogy(a, b, deals, fields), offset, cosine)


def units(steps: Floats) -> Floats:
    """Rows of length 1; a row of zeros stays."""
    largest = np.abs(steps).max(axis=1, keepdims=True)
    steps = np.divide(steps, largest, out=np.zeros_like(steps), where=largest > 0)
    length = np.linalg.norm(steps, axis=1, keepdims=True)
    made: Floats = np.divide(steps, length, out=np.zeros_like(steps), where=length > 0)
    return made


def mean_cosine(unit: Floats) -> tuple[float, Floats]:
    """Mean over pairs of different rows, and the mean of each row with the others; rows of zeros left out."""
    unit = unit[unit.any(axis=1)]
    count, total = len(unit), unit.sum(axis=0)
    if count < 2:
        return float("nan"), np.empty(0)
    rows: Floats = (unit @ total - 1) / (count - 1)
    return float(np.clip(rows.mean(), -1.0, 1.0)), rows


def _parallel(unit: Floats, a: Floats, b: Floats, deals: list[Any], fields: dict[str, Any]) -> Estimate:
    value, rows = mean_cosine(unit)
    if len(rows) < 2:
        return undefined("parallelism", "few-steps", **fields)
    chance = [found for found in (mean_cosine(units(b[deal] - a))[0] for deal in deals) if np.isfinite(found)]
    null, spread = float(np.mean(chance)), float(np.std(chance, ddof=1))
    z = (value - null) / spread if spread > 0 else None
    stderr = pairwise_stderr(rows, len(rows))
    return measured("parallelism", value, stderr=stderr, method="row means", null=null, z=z, **fields)


def _analogy(a: Floats, b: Floats, deals: list[Any], fields: dict[str, Any]) -> Estimate:
    n = len(a)
    if n < 2:
        return undefined("analogy", "few-rows", **fields)
    hit = _hits(a, b)
    share, null = float(hit.mean()), float(np.mean([_hits(a, b[deal]).mean() for deal in deals[:8]]))
    low, high = wilson_interval(share, n)
    usual = float(np.clip(null, 1 / n, 1 - 1 / n))
    z = (share - null) / float(np.sqrt(usual * (1 - usual) / n))
    return measured("analogy", share, low=low, high=high, method="Wilson", null=null, z=z, per_point=hit, **fields)


def _hits(a: Floats, b: Floats) -> Any:
    """(n,) bool: a row plus the mean step of the others is nearest to its partner; a copy of the partner counts too."""
    n = len(a)
    steps = b - a
    aim = a + (steps.sum(axis=0) - steps) / (n - 1)
    nearest = executor().neighbors(aim, b, 1, exclude_self=False).sq_dist[:, 0]
    own = ((aim - b) ** 2).sum(axis=1)
    return own <= nearest * (1 + 1e-12)
