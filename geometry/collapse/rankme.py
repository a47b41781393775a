"""rankme: the entropy rank of the uncentred matrix (Garrido, Balestriero, Najman, LeCun 2023, eq. 1).

exp(-sum p log p) over its min(n, d) singular values s, p = s / sum s + 1e-7 made to sum to 1. In the paper p sums to a
little more than 1, which can put the rank above d.
"""

from __future__ import annotations

import numpy as np

from geometry.collapse.spectrum import METHOD, entropy_rank
from geometry.estimates import measured, undefined
from geometry.pairs.influence import influence_stderr, row_scores, spectral_influence
from geometry.pairs.scan import Scan
from geometry.registry import statistic
from geometry.types import Estimate, Floats

EPS = 1e-7


@statistic(
    "rankme",
    needs=("moments",),
    range=(1.0, np.inf),
    invariances=("rotation", "row order", "scale"),
    direction="down",
    source="Garrido et al. 2023, eq. 1",
    null="the reference in a run",
    fails="a mean far from the origin pulls it to 1 whatever the spread; undefined where all rows are zero",
    whole="moments",
)
def rankme(scan: Scan) -> Estimate:
    """Entropy rank of the uncentred matrix over its min(n, d) singular values, p = s / sum s + 1e-7 made to sum to 1.

    Never above min(n, d). A mean far from the origin is one large singular value and pulls it to 1. Added zero columns
    add 1e-7 each to p, which shows in the fifth digit. Undefined for no rows or where all rows are zero.
    """
    fields = {"n": scan.n, "d": scan.d}
    if scan.n < 1:
        return undefined("rankme", "few-rows", **fields)
    values, scores = uncentred(scan)
    if values[0] <= 0:
        return undefined("rankme", "zero-rows", **fields)
    value, weights = entropy_rank(np.sqrt(values), EPS)
    value = min(value, float(len(values)))  # rounding may end a digit above
    slope = np.divide(weights, 2 * np.sqrt(values), out=np.zeros_like(values), where=values > 0)
    stderr = influence_stderr(spectral_influence(scores, values, slope), scan.n)
    return measured("rankme", value, stderr=stderr, method=METHOD, **fields)


def uncentred(scan: Scan) -> tuple[Floats, Floats]:
    """Eigenvalues (q,) of covariance + mean mean', q = min(n, d), and the rows (p, q) in their directions.

    In the basis of the centred directions, and one along what the mean has outside them, the matrix is diagonal plus
    the mean's own square: no second pass over the points.
    """
    spectrum = scan.spectrum
    inside = spectrum.mean @ spectrum.eigenvectors
    beside = spectrum.mean - spectrum.eigenvectors @ inside
    apart = float(np.linalg.norm(beside)) if spectrum.eigenvectors.shape[1] < scan.d else 0.0
    mean, values = np.append(inside, apart), np.append(spectrum.eigenvalues, 0.0)
    squares, turn = np.linalg.eigh(np.diag(values) + np.outer(mean, mean))
    count = min(scan.n, scan.d)
    kept = np.argsort(squares)[::-1][:count]
    scores = row_scores(scan)
    rows = np.hstack([scores, np.zeros((len(scores), 1))]) + mean
    values = squares[kept]
    floor = len(mean) * np.finfo(np.float64).eps * values[0]
    return np.where(values > floor, values, 0.0), rows @ turn[:, kept]
