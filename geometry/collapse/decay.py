"""How the spectrum falls: from its first eigenvalue, to its last, and along a power law.

With lambda the eigenvalues of the centred covariance, descending, s the singular values of the centred matrix:
  nesum       sum lambda / lambda_1                                               He, Ozay 2022
  condition   s_1 / s_d = sqrt(lambda_1 / lambda_d)
  alpha_req   minus the slope of log lambda_i on log i by least squares           Agrawal et al. 2022
nesum is the stable rank of the centred matrix, by its other name. Null: the value for n isotropic rows in d dimensions,
from the Marchenko-Pastur law. Standard errors by the influence function.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from geometry.collapse.spectrum import METHOD, UNPADDED, stable_rank
from geometry.errors import UsageError
from geometry.estimates import measured, undefined
from geometry.pairs.influence import influence_stderr, row_scores, spectral_influence
from geometry.pairs.marchenko_pastur import law
from geometry.pairs.scan import Scan
from geometry.pairs.spread import has_spread
from geometry.registry import SIMILARITY, statistic
from geometry.types import Estimate, Floats

ROUNDING = 64 * np.finfo(np.float64).eps  # times d lambda_1: an eigenvalue below may be rounding of the covariance
LAST = 100  # of the range that the slope is taken over


@statistic(
    "nesum",
    needs=("moments",),
    range=(1.0, np.inf),
    invariances=SIMILARITY,
    direction="down",
    source="He and Ozay 2022",
    null="isotropic rows: the Marchenko-Pastur mean over its edge",
    fails="one large direction hides all others; undefined without spread",
    whole="moments",
)
def nesum(scan: Scan) -> Estimate:
    """Sum of the eigenvalues over the largest: k for k equal ones; the stable rank of the centred matrix.

    Undefined for fewer than two rows or without spread.
    """
    return replace(stable_rank(scan), name="nesum")


@statistic(
    "condition",
    needs=("moments",),
    range=(1.0, np.inf),
    invariances=UNPADDED,
    direction="up",
    source="condition number of the centred matrix",
    null="isotropic rows: (1 + sqrt(d / n)) / (1 - sqrt(d / n)) where n > d",
    fails="undefined where a direction has no variance beyond rounding: n <= d, constant columns",
    whole="moments",
)
def condition(scan: Scan) -> Estimate:
    """Largest over smallest singular value of the centred matrix.

    Undefined as `rank-deficient` where lambda_d is within rounding of 0 (64 eps d lambda_1, a condition of 3e6 at
    d = 8 and of 3e5 at d = 768); for fewer than two rows and without spread too.
    """
    fields: dict[str, Any] = {"n": scan.n, "d": scan.d}
    reason = _reason(scan)
    values = scan.spectrum.eigenvalues
    if not reason and (len(values) < scan.d or values[-1] <= ROUNDING * scan.d * values[0]):
        reason = "rank-deficient"
    if reason:
        return undefined("condition", reason, **fields)
    value = float(np.sqrt(values[0] / values[-1]))
    weights = np.zeros(len(values))
    weights[0] += value / (2 * values[0])
    weights[-1] -= value / (2 * values[-1])
    stderr = influence_stderr(spectral_influence(row_scores(scan), values, weights), scan.n)
    aspect = np.sqrt(scan.d / scan.n)
    null = float((1 + aspect) / (1 - aspect)) if aspect < 1 else None
    return measured("condition", value, stderr=stderr, method=METHOD, null=null, **fields)


@statistic(
    "alpha_req",
    needs=("moments",),
    range=(0.0, np.inf),
    invariances=SIMILARITY,
    direction="up",
    source="Agrawal et al. 2022; Stringer et al. 2019",
    null="isotropic rows: the slope of the Marchenko-Pastur quantiles over the same range",
    fails="the slope says little where `fit` is low: a spectrum with a knee, n near d",
    whole="moments",
)
def alpha_req(scan: Scan, *, first: int = 1, last: int = LAST) -> dict[str, Estimate]:
    """Exponent of the power law of the eigenvalues: "alpha", minus the slope of log lambda_i on log i, and its "fit".

    Over i = first to last, at most the rank (the sources take 11 to 100); fit is R^2, 1 for a power law. The profile of
    alpha: i, eigenvalue. Undefined with fewer than three eigenvalues in the range, fit also where they are all equal.
    """
    if not 1 <= first < last:
        raise UsageError(f"alpha_req: no range from {first} to {last}; choose 1 <= first < last")
    fields: dict[str, Any] = {"n": scan.n, "d": scan.d}
    reason = _reason(scan)
    values = scan.spectrum.eigenvalues
    rank = 0 if reason else int((values > ROUNDING * scan.d * values[0]).sum())
    chosen = slice(first - 1, min(last, rank))
    if not reason and rank - first < 2:
        reason = "few-eigenvalues"
    if reason:
        return {key: undefined("alpha_req", reason, variant=key, **fields) for key in ("alpha", "fit")}
    index = np.arange(chosen.start + 1, chosen.stop + 1, dtype=np.float64)
    alpha, fit, slope = _power_law(index, values[chosen] / values[0])
    weights = np.zeros(len(values))
    weights[chosen] = slope / values[chosen]
    stderr = influence_stderr(spectral_influence(row_scores(scan), values, weights), scan.n)
    made = measured(
        "alpha_req",
        max(alpha, 0.0),
        variant="alpha",
        stderr=stderr,
        method=METHOD,
        null=_isotropic(index, scan.n, scan.d),
        profile={"i": index, "eigenvalue": values[chosen]},
        **fields,
    )
    if fit is None:
        return {"alpha": made, "fit": undefined("alpha_req", "equal-eigenvalues", variant="fit", **fields)}
    return {"alpha": made, "fit": measured("alpha_req", fit, variant="fit", **fields)}


def _reason(scan: Scan) -> str:
    return "few-rows" if scan.n < 2 else "" if has_spread(scan) else "no-spread"


def _power_law(index: Floats, values: Floats) -> tuple[float, float | None, Floats]:
    """Minus the slope, R^2 (None without variance to explain), and the slope's derivatives by log lambda."""
    x, y = np.log(index), np.log(values)
    x, y = x - x.mean(), y - y.mean()
    weights = -x / (x @ x)
    alpha, total = float(weights @ y), float(y @ y)
    explained = None if total < 1e-20 * len(y) else min(max(1 - float(((y + alpha * x) ** 2).sum()) / total, 0.0), 1.0)
    return alpha, explained, weights


def _isotropic(index: Floats, n: int, d: int) -> float | None:
    """alpha of the quantiles of the law; None where the range goes beyond its count (rank n of n <= d rows)."""
    made = law(n, d)
    if index[-1] > made.count:
        return None
    middle = np.cumsum(made.weights) - made.weights / 2
    return _power_law(index, np.interp((index - 0.5) / made.count, middle, made.nodes))[0]
