"""c2st: how well a classifier tells generated from reference rows it has not seen (Lopez-Paz and Oquab 2017).

The area under the ROC curve within each held-out fold, averaged: the chance that a generated row scores above a
reference row, ties by half; 1/2 where the laws agree in all that `geometry.compare.classifier` can see. Its error is
that of the two placements (DeLong et al. 1988), byte-equal rows counted as one, times the root of two: rows that are
held out have trained the other folds. Where the laws agree, a fold then says of another what that one says of it, each
pair of folds counts twice, and the variance doubles; where they differ much the error is too large by up to as much.
"""

from __future__ import annotations

import numpy as np

from geometry.compare.classifier import DIRECTIONS, FOLDS, Scores, scores
from geometry.errors import UsageError
from geometry.estimates import Z95, measured, share_below, undefined
from geometry.pairs.scan import Scan
from geometry.registry import SIMILARITY, statistic
from geometry.types import Estimate, Floats, Ints


@statistic(
    "c2st",
    needs=("points", "reference"),
    range=(0.0, 1.0),
    invariances=tuple(name for name in SIMILARITY if name != "row order"),
    direction="up",
    source="Lopez-Paz and Oquab 2017; DeLong et al. 1988",
    null="1/2",
    fails="differences that only joint features of several directions, or directions beyond the leading 50, would show",
)
def c2st(scan: Scan, reference: Scan, *, directions: int = DIRECTIONS, seed: int = 0) -> Estimate:
    """Cross-validated area under the ROC curve of a classifier between generated and reference rows; null 1/2.

    directions: how many leading directions of the pooled rows it sees. per_point (m,): the share of held-out reference
    rows that score below a generated row. Undefined with fewer than 20 rows in a set, or too few distinct ones to fold.
    Raises UsageError for fewer than 1 direction.
    """
    if directions < 1:
        raise UsageError(f"c2st: directions = {directions} are too few; take 1 or more")
    counts = {"n": scan.n, "d": scan.d}
    made = scores(scan, reference, directions, seed)
    if isinstance(made, str):
        return undefined("c2st", made, **counts)
    above, below = placements(made)
    value = float(above.mean() + below.mean()) / 2
    variance = _variance(above - above.mean(), made.group[: made.m]) + _variance(
        below - below.mean(), made.group[made.m :]
    )
    error = float(np.sqrt(2 * variance))
    return measured(
        "c2st",
        value,
        stderr=error,
        low=max(value - Z95 * error, 0.0),
        high=min(value + Z95 * error, 1.0),
        method="DeLong, folds twice",
        null=0.5,
        per_point=above,
        **counts,
    )


def placements(made: Scores) -> tuple[Floats, Floats]:
    """(m,) share of the fold's reference rows below each generated row, (n,) of its generated rows above each other."""
    above, below = np.empty(made.m), np.empty(len(made.logit) - made.m)
    for one in range(FOLDS):
        inside = made.fold == one
        mine, theirs = inside[: made.m], inside[made.m :]
        x, y = made.logit[: made.m][mine], made.logit[made.m :][theirs]
        above[mine] = share_below(x, y)
        below[theirs] = 1 - share_below(y, x)
    return above, below


def _variance(residual: Floats, group: Ints) -> float:
    """Of the mean of rows of which byte-equal ones move together."""
    return float((np.bincount(group, residual) ** 2).sum()) / len(residual) ** 2
