"""scale: total variance, the trace of the covariance; with a reference, its ratio to the reference's.

Point collapse is a loss of scale and nothing else: every other statistic here divides it out.
"""

from __future__ import annotations

from math import exp, log
from typing import Any

import numpy as np

from geometry.estimates import Z95, measured, undefined
from geometry.pairs.influence import influence_stderr, row_scores
from geometry.pairs.scan import Scan
from geometry.pairs.spread import has_spread
from geometry.registry import RIGID, statistic
from geometry.types import Estimate

METHOD = "influence function"


@statistic(
    "scale",
    needs=("moments", "optional reference"),
    range=(0.0, np.inf),
    invariances=RIGID,
    direction="down",
    source="trace of the covariance",
    null="ratio 1; of the total variance, the reference in a run",
    fails="one outlier can hold most of it; sets in other units; under two rows, or a reference without spread",
    whole="moments",
)
def scale(scan: Scan, reference: Scan | None = None) -> Estimate:
    """Total variance in units of the input squared (ddof 0), or over that of `reference` (null 1, interval on the log).

    Undefined for fewer than two rows in a set, and for the ratio where the reference has no spread.
    """
    variance = _variance(scan)
    if reference is None:
        return variance
    other = _variance(reference)
    fields: dict[str, Any] = {"variant": "ratio", "n": scan.n, "d": scan.d}
    if variance.value is None or other.value is None:
        return undefined("scale", "few-rows", **fields)
    if not has_spread(reference):
        return undefined("scale", "reference-without-spread", **fields)
    ratio = variance.value / other.value
    if variance.stderr is None or other.stderr is None or ratio == 0:
        return measured("scale", ratio, null=1.0, **fields)
    relative = float(np.hypot(variance.stderr / variance.value, other.stderr / other.value))
    bounds: dict[str, Any] = {"low": ratio * exp(-Z95 * relative), "high": ratio * exp(Z95 * relative)}
    if relative > 0:
        bounds["z"] = log(ratio) / relative
    method = f"{METHOD}, log"
    return measured("scale", ratio, stderr=ratio * relative, method=method, null=1.0, **bounds, **fields)


def _variance(scan: Scan) -> Estimate:
    fields: dict[str, Any] = {"variant": "total variance", "n": scan.n, "d": scan.d}
    if scan.n < 2:
        return undefined("scale", "few-rows", **fields)
    total = float(scan.spectrum.eigenvalues.sum()) if has_spread(scan) else 0.0
    influence = (row_scores(scan) ** 2).sum(axis=1) - total
    return measured("scale", total, stderr=influence_stderr(influence, scan.n), method=METHOD, **fields)
