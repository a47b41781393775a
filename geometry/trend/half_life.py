"""half_life: after how many generations a statistic has halved, from a straight line through its logarithms.

Weighted least squares of log value on generation where standard errors are known; a recursive fit with n rows decays
as (1 - 1/n)^t, so its half-life doubles with n. The slope's error comes from the residuals, with Student's t.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from geometry.estimates import measured, t95, undefined
from geometry.types import Estimate, Floats

FEWEST = 3


def half_life(
    generations: Sequence[float], values: Sequence[float], stderr: Sequence[float | None] | None = None
) -> Estimate:
    """Generations per halving, negative for growth; its interval comes from the slope's, none where that crosses 0.

    Undefined with fewer than three positive values, or a slope that is exactly 0.
    """
    t, y = np.asarray(generations, np.float64), np.asarray(values, np.float64)
    if len(t) < FEWEST or not (y > 0).all():
        return undefined("half_life", "few-generations" if len(t) < FEWEST else "not-positive", n=len(t))
    weights = _weights(y, stderr)
    centre = np.average(t, weights=weights)
    spread = float((weights * (t - centre) ** 2).sum())
    slope = float((weights * (t - centre) * np.log(y)).sum() / spread) if spread > 0 else 0.0
    if slope == 0:
        return undefined("half_life", "no-slope", n=len(t))
    residual = np.log(y) - np.average(np.log(y), weights=weights) - slope * (t - centre)
    error = float(np.sqrt((weights * residual**2).sum() / (len(t) - 2) / spread))
    half = t95(len(t) - 2) * error
    ends = sorted(-np.log(2) / end for end in (slope - half, slope + half) if end * slope > 0)
    bounds = {"low": float(ends[0]), "high": float(ends[1])} if len(ends) == 2 else {}
    return measured("half_life", -np.log(2) / slope, method="log-linear fit", n=len(t), **bounds)


def _weights(values: Floats, stderr: Sequence[float | None] | None) -> Floats:
    """Inverse variance of the logs, all 1 where an error is missing or 0."""
    if stderr is None or any(error is None or not error > 0 for error in stderr):
        return np.ones(len(values))
    return (values / np.asarray(stderr, np.float64)) ** 2
