"""uniformity: how evenly the directions of the rows cover the sphere (Wang, Isola 2020, eq. 6).

log mean exp(-t |v_i - v_j|^2) over pairs i < j of unit rows, t = 2; the lowest value of all laws on the sphere is that
of the uniform one. Pair means come from the pass, in float32 products with float64 sums, good to about 1e-6. At the
uniform law itself the row means hardly vary and the error given is an upper bound.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from geometry.collapse.directions import no_directions
from geometry.errors import UsageError
from geometry.estimates import measured, undefined
from geometry.pairs.influence import pairwise_stderr
from geometry.pairs.scan import Scan
from geometry.registry import LINEAR, statistic
from geometry.types import Estimate


@statistic(
    "uniformity",
    needs=("pair_sums", "points"),
    range=(-np.inf, 0.0),
    invariances=LINEAR,
    direction="up",
    source="Wang and Isola 2020",
    null="directions uniform on the sphere: -2t + ln 0F1(; d/2; t^2)",
    fails="a far mean reads as collapse unless center=True; undefined with fewer than two directions",
)
def uniformity(scan: Scan, *, t: float = 2.0, center: bool = False) -> Estimate:
    """Log of the mean Gaussian potential of the unit rows, pairs of a row with itself left out; 0 if all are parallel.

    center=True takes the centred unit rows. Null: the uniform law on the sphere of this d, -2t + ln 0F1(; d/2; t^2).
    Undefined with fewer than two rows that have a direction, raw and centred.
    """
    if not t > 0:
        raise UsageError(f"uniformity: t = {t} must be positive")
    variant = "centred" if center else "raw"
    fields: dict[str, Any] = {"variant": variant, "n": scan.n, "d": scan.d}
    reason = no_directions(scan, t)
    if reason:
        return undefined("uniformity", reason, **fields)
    sums = scan.pair_sums(t)
    row_means = sums.exp_centred if center else sums.exp
    mean = row_means.mean()
    if mean <= 0:
        return undefined("uniformity", "underflow", **fields)
    return measured(
        "uniformity",
        min(float(np.log(mean)), 0.0),
        stderr=pairwise_stderr(row_means, scan.n) / mean,
        method="row means",
        null=uniform_sphere(scan.d, t),
        exact=sums.exact,
        **fields,
    )


def uniform_sphere(d: int, t: float = 2.0) -> float:
    """-2t + ln 0F1(; d/2; t^2): uniformity of the uniform law on the unit sphere of d dimensions.

    The series has positive terms x^k / (k! (b)_k), whose logarithms are running sums: no loss at large d or t, where
    the gamma functions of a closed form overflow. Terms fall by 9 and more each beyond k = 3 t.
    """
    k = np.arange(1, int(3 * t) + 60)
    terms = np.cumsum(2 * np.log(t) - np.log(k) - np.log(d / 2 + k - 1))
    top = max(float(terms.max()), 0.0)
    return float(-2 * t + top + np.log(np.exp(-top) + np.exp(terms - top).sum()))
