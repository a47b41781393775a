"""shell: is the set hollow? The spread of its radii against that of a Gaussian of its own spectrum.

With r_i = |x_i - mean|: cv = sd(r) / mean(r). For a Gaussian var |x|^2 = 2 sum lambda^2, hence cv = 1 / sqrt(2 PR) with
PR the participation ratio, to first order. ratio = cv sqrt(2 PR): near 0 on a shell, 1 where filled like a Gaussian,
above 1 with heavy tails. PR is the sample's; n rows inflate sum lambda^2 by (sum lambda)^2 / n, so that the ratio of a
Gaussian is sqrt(1 - PR/n), its null here, which goes to 1 as n grows.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from geometry.estimates import measured, undefined
from geometry.pairs.influence import influence_stderr, participation, row_scores, spectral_influence
from geometry.pairs.scan import Scan
from geometry.pairs.spread import has_spread
from geometry.registry import SIMILARITY, statistic
from geometry.types import Estimate, Floats

BINS = np.linspace(0.0, 3.0, 61)  # of r over its root mean square; what lies beyond 3 is left out of the density


@statistic(
    "shell",
    needs=("points",),
    range=(0.0, np.inf),
    invariances=SIMILARITY,
    direction="down",
    source="radial coefficient of variation; Gaussian value by the delta method",
    null="a Gaussian of the same spectrum: cv sqrt(1 - PR / n) / sqrt(2 PR), ratio sqrt(1 - PR / n)",
    fails="rows brought to one length are a shell about the origin whatever they hold; undefined without spread",
)
def shell(scan: Scan) -> dict[str, Estimate]:
    """ "cv" of the distances to the mean, with their density, and its "ratio" to 1 / sqrt(2 PR).

    The profile of cv: radius_edges (b+1,) in units of the root mean square distance, density (b,) per unit. Beyond
    20,000 rows a seeded sample of them is looked at. Standard errors by influence functions, that of the centre among
    them.
    Undefined for fewer than two rows or without spread.
    """
    fields: dict[str, Any] = {"n": scan.n, "d": scan.d}
    reason = "few-rows" if scan.n < 2 else "" if has_spread(scan) else "no-spread"
    if reason:
        return {key: undefined("shell", reason, variant=key, **fields) for key in ("cv", "ratio")}
    scores, values = row_scores(scan), scan.spectrum.eigenvalues
    radius = np.linalg.norm(scores, axis=1)
    fields["exact"] = len(radius) == len(scan.rows)
    cv, pull = _variation(scores, radius)
    rank, weights = participation(values)
    usual = 1 / np.sqrt(2 * rank)
    ratio_pull = pull / usual + cv / usual * spectral_influence(scores, values, weights) / (2 * rank)
    null = float(np.sqrt(max(1 - rank / scan.n, 0.0)))
    ratio = measured(
        "shell",
        cv / usual,
        stderr=influence_stderr(ratio_pull, scan.n),
        method="influence function",
        null=null,
        variant="ratio",
        **fields,
    )
    return {
        "cv": measured(
            "shell",
            cv,
            stderr=influence_stderr(pull, scan.n),
            method="influence function",
            null=float(null * usual),
            z=ratio.z,
            variant="cv",
            profile=_profile(radius),
            **fields,
        ),
        "ratio": ratio,
    }


def _variation(scores: Floats, radius: Floats) -> tuple[float, Floats]:
    """sd / mean, and the pull of every row on it.

    A row moves the centre by its own offset, and with it the mean radius by minus that along the mean direction.
    """
    mean, sd = float(radius.mean()), float(radius.std())
    cv = sd / mean
    length = radius / mean
    toward = np.divide(scores, radius[:, None], out=np.zeros_like(scores), where=radius[:, None] > 0).mean(axis=0)
    of_mean = length - 1 - scores @ toward / mean
    of_square = length**2 - (1 + cv**2) * (1 + 2 * of_mean)
    return cv, np.divide(of_square, 2 * cv, out=np.zeros_like(length), where=cv > 0)


def _profile(radius: Floats) -> dict[str, Floats]:
    counts, _ = np.histogram(radius / np.sqrt(np.mean(radius**2)), BINS)
    return {"radius_edges": BINS, "density": counts / (len(radius) * np.diff(BINS))}
