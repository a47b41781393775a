"""Standard errors with no new pass: of functions of the covariance spectrum, and of means over pairs.

Spectrum: row i pulls eigenvalue j by s_ij^2 - lambda_j, s the centred rows in the principal directions, so that
  SE^2 = (1 / n^2) sum_i (sum_j w_j (s_ij^2 - lambda_j))^2,  w_j = df / dlambda_j
(the infinitesimal jackknife; Critchley 1985, Jaeckel 1972). Right for functions symmetric in equal eigenvalues;
the bias of a spectrum at n near d is not an error of this kind and is left out.
Pairs: the mean over (s rows, all n rows) of a symmetric kernel has variance sigma^2 (1/s + 3/n), with sigma^2 that of
the row means; 4 sigma^2 / n where all rows are taken (Hoeffding 1948).
"""

from __future__ import annotations

import numpy as np

from geometry.pairs.scan import Scan
from geometry.pairs.sums import sample_rows
from geometry.types import Floats

ValueAndWeights = tuple[float, Floats]  # f(lambda), and df/dlambda (r,)
MOST_ROWS = 20_000  # rows whose influence is measured; beyond, a seeded sample of them


def row_scores(scan: Scan) -> Floats:
    """(q, r) centred rows in the principal directions, at most MOST_ROWS of them; (0, r) without any rows."""
    known = scan.sample
    if len(known) == 0:
        return np.empty((0, len(scan.spectrum.eigenvalues)))
    if len(scan.points) and scan.n <= MOST_ROWS:
        return scan.scores
    if "row scores" not in scan.memo:
        rows = known[sample_rows(len(known), MOST_ROWS, scan.seed)].astype(np.float64)
        scan.memo["row scores"] = (rows - scan.spectrum.mean) @ scan.spectrum.eigenvectors
    made: Floats = scan.memo["row scores"]
    return made


def spectral_influence(scores: Floats, eigenvalues: Floats, weights: Floats) -> Floats:
    """(q,) pull of each row on a function whose derivatives by the eigenvalues are `weights` (r,)."""
    pull: Floats = scores**2 @ weights - eigenvalues @ weights
    return pull


def participation(values: Floats) -> ValueAndWeights:
    """(sum lambda)^2 / sum lambda^2 of eigenvalues (r,), the first the largest, and its derivatives."""
    share = values / values[0]  # squares of very large or small eigenvalues leave the range of a float
    total, squares = share.sum(), (share**2).sum()
    return float(total**2 / squares), (2 * total / squares - 2 * (total / squares) ** 2 * share) / values[0]


def influence_stderr(influence: Floats, n: int) -> float:
    """Standard error at n rows of a statistic with these influences of some or all rows; NaN for fewer than two."""
    return float(np.sqrt(np.mean(influence**2) / n)) if len(influence) > 1 else float("nan")


def pairwise_stderr(row_means: Floats, n: int) -> float:
    """Standard error of a mean over the pairs of (these rows, all n rows) from the mean of each row."""
    rows = len(row_means)
    return float(np.std(row_means, ddof=1) * np.sqrt(1 / rows + 3 / n)) if rows > 1 else float("nan")
