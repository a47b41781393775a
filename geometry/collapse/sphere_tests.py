"""Are the directions uniform on the sphere? Four tests with their null laws (Mardia, Jupp 2000, chapter 10).

For n unit rows u_i from the mean, in d dimensions, T = U'U/n, psi the angle of two rows:
  rayleigh   R = n d |mean u|^2 ~ chi2(d)                                            one-sided
  bingham    B = n d (d + 2) / 2 (tr T^2 - 1/d) ~ chi2((d - 1)(d + 2) / 2)             along axes
  gine       G = n/2 - (d - 1) / (2n) (Gamma((d-1)/2) / Gamma(d/2))^2 sum_{i<j} sin psi   any even departure
  ajne       A = n/4 - 1 / (n pi) sum_{i<j} psi                                         any odd departure
The null laws of G and A, and the p values of all, are in `sphere_laws`.

The centre is the sample's own mean, which takes away most of what rayleigh and ajne look for: their null laws allow for
it by the set's own radii, and what they find is a skew. center=False tests the raw rows about a known origin. All four
test the ambient sphere: a set that leaves out directions, or has a spectrum, is not uniform on it. Statistics grow with
n.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from geometry.collapse.spectrum import UNPADDED
from geometry.collapse.sphere_laws import ANGLES, AT_ZERO, Null, chi2, of_pairs, p_value, share_left, slope
from geometry.collapse.unit_rows import cosines, unit_blocks
from geometry.estimates import measured, undefined
from geometry.pairs.influence import influence_stderr, pairwise_stderr, row_scores
from geometry.pairs.plan import DEFAULT_BUDGET, block_rows, blocks
from geometry.pairs.scan import SUM_ROWS, Scan
from geometry.pairs.spread import has_spread
from geometry.registry import statistic
from geometry.types import Estimate, Floats

FAILS = "any spectrum but an equal one in all d dimensions; grows with n; undefined without spread"


@statistic(
    "rayleigh",
    needs=("points", "moments"),
    range=(0.0, np.inf),
    invariances=UNPADDED,
    direction="up",
    source="Mardia and Jupp 2000, eq. 10.4.4",
    null="d: chi2 with d degrees of freedom, about the set's own mean times what its radii leave of it",
    fails="about the sample's own mean little but a skew is left to see; center=False tests raw rows",
)
def rayleigh(scan: Scan, *, center: bool = True) -> Estimate:
    """n d |mean u|^2: whether directions have a mean. profile: p_value (1,), from chi2(d).

    With center=True from chi2(d) times what the set's own mean leaves of it, see `sphere_laws.share_left`.

    The error is that away from uniformity, and too large at it. Undefined for fewer than two rows with a direction, or
    without spread.
    """
    reason, fields = _reason(scan, "rayleigh", center)
    if reason:
        return undefined("rayleigh", reason, **fields)
    made = cosines(scan, center=center)
    n, d, square = made.n, scan.d, float(made.mean @ made.mean)
    stderr = n * d * influence_stderr(2 * (made.some() @ made.mean - square), n)
    return _estimate("rayleigh", n * d * square, stderr, chi2(d, _share(scan, center)), made.exact, fields | {"n": n})


@statistic(
    "bingham",
    needs=("points", "moments"),
    range=(0.0, np.inf),
    invariances=UNPADDED,
    direction="up",
    source="Mardia and Jupp 2000, eq. 10.7.1",
    null="(d - 1)(d + 2) / 2: chi2 with so many degrees of freedom",
    fails=FAILS + "; the chi2 law wants n well above d",
)
def bingham(scan: Scan, *, center: bool = True) -> Estimate:
    """n d (d + 2) / 2 (tr T^2 - 1/d): whether some axes hold more rows than others. profile: p_value (1,).

    Error as for rayleigh. Undefined at d = 1, for fewer than two rows with a direction, or without spread.
    """
    reason, fields = _reason(scan, "bingham", center)
    if reason or scan.d == 1:
        return undefined("bingham", reason or "one-dimension", **fields)
    made = cosines(scan, center=center)
    n, d = made.n, scan.d
    scale = n * d * (d + 2) / 2
    stderr = scale * influence_stderr(2 * (made.squares() - made.square), n)
    value = max(scale * (made.square - 1 / d), 0.0)
    return _estimate("bingham", value, stderr, chi2((d - 1) * (d + 2) / 2), made.exact, fields | {"n": n})


@statistic(
    "gine",
    needs=("points", "moments"),
    range=(0.0, np.inf),
    invariances=UNPADDED,
    direction="up",
    source="Gine 1975; Mardia and Jupp 2000, section 10.4.1",
    null="1/2: weighted sum of chi2, three moments matched",
    fails=FAILS,
)
def gine(scan: Scan, *, center: bool = True) -> Estimate:
    """Gine's G: whether axes are uniform, against every alternative that is even. profile: p_value (1,).

    From all pairs of at most 4,096 rows, a seeded sample beyond, at whose n it stands. Error as for rayleigh.
    Undefined at d = 1, for fewer than two rows with a direction, or without spread.
    """
    return _of_pairs(scan, "gine", center)


@statistic(
    "ajne",
    needs=("points", "moments"),
    range=(0.0, np.inf),
    invariances=UNPADDED,
    direction="up",
    source="Ajne 1968; Mardia and Jupp 2000, section 10.4.1",
    null="1/4, less about the set's own mean: weighted sum of chi2, three moments matched",
    fails="as for rayleigh, about the sample's own mean little but a skew is left to see",
)
def ajne(scan: Scan, *, center: bool = True) -> Estimate:
    """Ajne's A: whether some half of the sphere holds more rows than the other. profile: p_value (1,).

    Rows, error and undefined cases as for gine.
    """
    return _of_pairs(scan, "ajne", center)


def _of_pairs(scan: Scan, name: str, center: bool) -> Estimate:
    part = scan.at_most(SUM_ROWS)
    reason, fields = _reason(part, name, center)
    if reason or scan.d == 1:
        return undefined(name, reason or "one-dimension", **fields)
    means = _row_means(part, center)[name]
    n = len(means)
    others = (n - 1) * (AT_ZERO[name] - slope(name, scan.d) * means)
    value = max(float(AT_ZERO[name] + others.mean()), 0.0)
    stderr, null = pairwise_stderr(others, n), of_pairs(name, n, scan.d, _share(part, center))
    return _estimate(name, value, stderr, null, part.n == scan.n, fields | {"n": n})


def _share(scan: Scan, center: bool) -> float:
    """Of the variance of directions' mean under uniformity, what the centre leaves."""
    return share_left(np.linalg.norm(row_scores(scan), axis=1), scan.d) if center else 1.0


def _reason(scan: Scan, name: str, center: bool) -> tuple[str, dict[str, Any]]:
    variant = "centred" if center else "raw"
    reason = "few-rows" if scan.n < 2 else "" if has_spread(scan) else "no-spread"
    if not reason and cosines(scan, center=center).n < 2:
        reason = "zero-rows"
    return reason, {"variant": variant, "n": scan.n, "d": scan.d}


def _estimate(name: str, value: float, stderr: float, null: Null, exact: bool, fields: dict[str, Any]) -> Estimate:
    """z counts standard deviations of the null law, not errors."""
    return measured(
        name,
        value,
        stderr=stderr,
        method="influence function" if name in ("rayleigh", "bingham") else "row means",
        null=null.mean,
        z=(value - null.mean) / null.variance**0.5,
        exact=exact,
        profile={"p_value": np.array([p_value(value, null)])},
        **fields,
    )


def _row_means(scan: Scan, center: bool) -> dict[str, Floats]:
    """Per row the mean sine and the mean angle with the others, float64, one pass for both, made once."""
    if ("angles", center) not in scan.memo:
        unit = np.concatenate(list(unit_blocks(scan.rows, scan.spectrum.mean if center else None)))
        means = {name: np.empty(len(unit)) for name in ANGLES}
        for where in blocks(len(unit), block_rows(32 * len(unit), DEFAULT_BUDGET)):
            cosine = unit[where] @ unit.T
            cosine[np.arange(len(cosine)), np.arange(where.start, where.stop)] = 1.0
            for name, of in ANGLES.items():
                means[name][where] = of(cosine).sum(axis=1) / (len(unit) - 1)
        scan.memo["angles", center] = means
    made: dict[str, Floats] = scan.memo["angles", center]
    return made
