"""How directions lie: apart or in a cone, in all dimensions or along few axes.

With v_i the raw unit rows, u_i those of the centred rows, over pairs i < j:
  mean_cosine       (|sum v|^2 - n) / (n (n - 1))                                   Ethayarajh 2019
  angle_dimension   1 / mean (u_i . u_j)^2: d for a uniform sphere of d dimensions
  cone              |mean| / rms |x|: 0 about the origin, 1 for a bundle of parallel rows
Rows of zero length have no direction and are left out. Pair means come from the pass, in float32 products with float64
sums, good to about 1e-6.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from geometry.collapse.unit_rows import units
from geometry.estimates import measured, undefined
from geometry.pairs.influence import influence_stderr, pairwise_stderr, row_scores
from geometry.pairs.scan import Scan
from geometry.pairs.spread import has_spread
from geometry.registry import LINEAR, SIMILARITY, statistic
from geometry.types import Array, Estimate, Floats

ROWS = 8192


@statistic(
    "mean_cosine",
    needs=("points",),
    range=(-1.0, 1.0),
    invariances=LINEAR,
    direction="up",
    source="Ethayarajh 2019",
    null="0: directions without preference about the origin",
    fails="tells where the mean lies, not how rows spread; a centred set is 0 however collapsed",
)
def mean_cosine(scan: Scan) -> Estimate:
    """Mean cosine of the raw rows over pairs; exact at any n, from the sum of the unit rows.

    Undefined with fewer than two rows of non-zero length.
    """
    total, lengths = _sum_of_units(scan.rows)
    count = int((lengths > 0).sum())
    fields: dict[str, Any] = {"n": count, "d": scan.d}
    if count < 2:
        return undefined("mean_cosine", "few-rows" if scan.n < 2 else "zero-rows", **fields)
    row_means = (_along(scan.rows, lengths, total) - 1) / (count - 1)
    value = float(np.clip((total @ total - count) / (count * (count - 1)), -1.0, 1.0))
    stderr = pairwise_stderr(row_means, count)
    return measured("mean_cosine", value, stderr=stderr, method="row means", null=0.0, **fields)


@statistic(
    "angle_dimension",
    needs=("pair_sums", "points"),
    range=(1.0, np.inf),
    invariances=SIMILARITY,
    direction="down",
    source="second moment of pair cosines; d on the uniform sphere",
    null="the reference in a run; d for directions uniform on the sphere",
    fails="one large direction hides all others; undefined without spread, or where all angles are right",
)
def angle_dimension(scan: Scan) -> Estimate:
    """1 / mean squared cosine of the centred rows over pairs.

    The profile holds the histogram of cosines (cosine_edges, cosine_counts) and their kurtosis E c^4 / (E c^2)^2 (1,):
    3 d / (d + 2) on the uniform sphere, far above where few pairs are aligned. Undefined with fewer than two rows that
    have a direction, or where no two are at an angle other than a right one.
    """
    fields: dict[str, Any] = {"n": scan.n, "d": scan.d}
    reason = no_directions(scan)
    if reason:
        return undefined("angle_dimension", reason, **fields)
    sums = scan.pair_sums()
    square = sums.cos2.mean()
    if not square > 0:
        return undefined("angle_dimension", "right-angles", **fields)
    profile = {
        "cosine_edges": sums.cosine_edges,
        "cosine_counts": sums.cosine_counts,
        "kurtosis": np.array([sums.cos4.mean() / square**2]),
    }
    stderr = pairwise_stderr(sums.cos2, scan.n) / square**2
    return measured(
        "angle_dimension",
        max(1 / square, 1.0),
        stderr=stderr,
        method="row means",
        exact=sums.exact,
        profile=profile,
        **fields,
    )


@statistic(
    "cone",
    needs=("moments",),
    range=(0.0, 1.0),
    invariances=LINEAR,
    direction="up",
    source="length of the mean over the rms length of the rows",
    null="the reference in a run; 0 for a set about the origin",
    fails="undefined where all rows are zero; says nothing once rows were centred",
    whole="moments",
)
def cone(scan: Scan) -> Estimate:
    """|mean| / rms |x| of the raw rows. Undefined for no rows or where all rows are zero."""
    fields: dict[str, Any] = {"n": scan.n, "d": scan.d}
    if scan.n < 1:
        return undefined("cone", "few-rows", **fields)
    mean, values = scan.spectrum.mean, scan.spectrum.eigenvalues
    centre, spread = float(np.linalg.norm(mean)), float(np.sqrt(values.sum()))
    length = float(np.hypot(centre, spread))
    if length == 0:
        return undefined("cone", "zero-rows", **fields)
    scores = row_scores(scan) / length
    share = centre / length
    along = scores @ (mean / max(centre, np.finfo(float).tiny) @ scan.spectrum.eigenvectors)
    outward = (scores**2).sum(axis=1) - (spread / length) ** 2
    influence = along * (1 - share**2) - share * outward / 2
    return measured("cone", share, stderr=influence_stderr(influence, scan.n), method="influence function", **fields)


def no_directions(scan: Scan, t: float = 2.0) -> str:
    """Why pairs of directions cannot be averaged, or nothing."""
    if scan.n < 2:
        return "few-rows"
    if len(scan.points) and not has_spread(scan):
        return "no-spread"
    return "" if len(scan.pair_sums(t).rows) > 1 else "zero-rows"


def _sum_of_units(points: Array) -> tuple[Floats, Floats]:
    """Sum (d,) of the unit rows in float64, and the length (n,) of every row."""
    total, lengths = np.zeros(points.shape[1]), np.zeros(len(points))
    for start in range(0, len(points), ROWS):
        block = points[start : start + ROWS].astype(np.float64)
        lengths[start : start + ROWS] = np.linalg.norm(block, axis=1)
        total += units(block, lengths[start : start + ROWS]).sum(axis=0)
    return total, lengths


def _along(points: Array, lengths: Floats, direction: Floats) -> Floats:
    """Unit rows of non-zero length times `direction`, block by block."""
    parts = [
        units(points[start : start + ROWS].astype(np.float64), lengths[start : start + ROWS]) @ direction
        for start in range(0, len(points), ROWS)
    ]
    along: Floats = np.concatenate(parts)[lengths > 0]
    return along
