"""cka: how alike two representations of the same rows are up to rotation and scale, without the bias of few rows.

HSIC(X, Y) / sqrt(HSIC(X, X) HSIC(Y, Y)) with linear kernels (Kornblith et al. 2019) and the unbiased estimator of Song
et al. 2012, eq. 5: with K, L the kernels of centred rows, their diagonals k, l set to zero,
  n (n - 3) HSIC = tr KL + (1'K1)(1'L1) / ((n - 1)(n - 2)) - 2 / (n - 2) 1'KL1.
For centred rows K1 = -k, so that all terms follow from X'Y (p, q) and the squared lengths of the rows; no n x n matrix.
"""

from __future__ import annotations

import numpy as np

from geometry.compare.pairing import pairs_of, similarity
from geometry.pairs.scan import Scan
from geometry.registry import SIMILARITY, statistic
from geometry.types import Estimate, Floats


@statistic(
    "cka",
    needs=("points", "ids", "reference"),
    range=(-1.0, 1.0),
    invariances=SIMILARITY,
    direction="down",
    source="Kornblith et al. 2019; Song et al. 2012, eq. 5",
    null="0 for unrelated rows, at any n and d",
    fails="unpaired rows; under 8 pairs; driven by the directions of largest variance",
)
def cka(scan: Scan, reference: Scan, *, paired: bool = False, seed: int = 0) -> Estimate:
    """Debiased linear centred kernel alignment of paired rows: 1 for a rotated, scaled copy, 0 for unrelated rows.

    null 0; z against shuffled pairs; standard error by subsampling pairs. paired=True pairs rows by position where ids
    are missing. Undefined with fewer than 8 pairs, without spread, or where a set has no structure beyond its noise.
    """
    sets = pairs_of(scan, reference, paired, "cka")
    return similarity("cka", sets, debiased_cka, seed=seed, null=0.0)


def debiased_cka(x: Floats, y: Floats) -> float:
    """Of centred rows (n, p), (n, q); NaN where a set's own HSIC is not positive."""
    own = hsic(x, x) * hsic(y, y) if hsic(x, x) > 0 else 0.0
    return float(np.clip(hsic(x, y) / np.sqrt(own), -1.0, 1.0)) if own > 0 else float("nan")


def hsic(x: Floats, y: Floats) -> float:
    """Unbiased HSIC of centred rows with linear kernels, n >= 4."""
    n = len(x)
    k, m = np.einsum("ij,ij->i", x, x), np.einsum("ij,ij->i", y, y)
    both = float(k @ m)
    trace = float(np.linalg.norm(x.T @ y) ** 2) - both
    total = float(k.sum() * m.sum()) / ((n - 1) * (n - 2))
    return (trace + total - 2 * both / (n - 2)) / (n * (n - 3))
