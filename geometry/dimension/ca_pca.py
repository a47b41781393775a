"""ca_pca: local principal components corrected for curvature (Gilbert, O'Neill 2023, section 3).

A neighbourhood of radius R on a q-dimensional manifold that bends has a covariance with q eigenvalues near R^2 / (q+2)
less what curvature moves into the others, T_q = sum_{j>q} l_j. The dimension is the q that minimises
  sqrt(sum_{j<=q} (1/(q+2) - (l_j + (3q+4) / (q (q+4)) T_q) / R^2)^2) + 2 T_q / R^2,   R = (r_k + r_{k+1}) / 2,
l the eigenvalues of the covariance (ddof 1) of the k neighbours, descending.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from geometry.errors import UsageError
from geometry.estimates import measured, undefined
from geometry.pairs.local import LocalSpectra, local_spectra
from geometry.pairs.local_halves import half_stderr
from geometry.pairs.scan import Scan
from geometry.registry import SIMILARITY, statistic
from geometry.types import Estimate, Floats

K = 100


@statistic(
    "ca_pca",
    needs=("neighbors", "points"),
    range=(1.0, np.inf),
    invariances=SIMILARITY,
    direction="down",
    source="Gilbert and O'Neill 2023",
    k=K + 1,
    null="d for rows uniform in a ball of d dimensions, d well below k",
    fails="more dimensions than neighbours: the answer stops at k - 1",
    whole="neighbors",
)
def ca_pca(scan: Scan, *, k: int = K) -> Estimate:
    """Mean over the rows of the number of local directions, after curvature is allowed for.

    per_point holds that of each row, a whole number, NaN where r_k = 0 or all neighbours are copies of one another. k
    falls to one less than the neighbours there are. Wants k several times the dimension. Standard error by random
    halves of the neighbourhoods. Undefined with fewer than five rows or without spread.
    """
    if k < 3:
        raise UsageError(f"ca_pca: k = {k} is too small; it needs at least 3 neighbours")
    k = min(k, scan.most_neighbors - 1)
    fields: dict[str, Any] = {"n": scan.n, "d": scan.d, "k": k}
    if k < 3:
        return undefined("ca_pca", "few-rows", **fields)
    dist = scan.neighbors(k + 1).exact_dist(k + 1)
    per_point = _per_row(local_spectra(scan, k), dist)
    if not np.isfinite(per_point).any():
        return undefined("ca_pca", "no-spread", **fields)
    stderr = half_stderr(scan, k, "spectra", _per_row)
    return measured(
        "ca_pca", float(np.nanmean(per_point)), stderr=stderr, method="random halves", per_point=per_point, **fields
    )


def _per_row(spectra: LocalSpectra, dist: Floats | None = None) -> Floats:
    """With dist (m, k + 1) the radius is R; without, in halves, the farthest neighbour's."""
    count = spectra.count.astype(np.float64)
    known = (spectra.eigenvalues[:, 0] > 0) & (count > 2)
    reach = np.ones(len(count))
    if dist is not None:
        np.divide(dist[:, -1] + dist[:, -2], 2 * dist[:, -2], out=reach, where=known)
    per_point = np.full(len(count), np.nan)
    unbiased = (count / np.maximum(count - 1, 1) / reach**2)[:, None] * spectra.eigenvalues
    per_point[known] = corrected(unbiased[known])
    return per_point


def corrected(
    values: Floats,  # (m, p) descending, in units of R^2
) -> Floats:
    """(m,) the minimising q of each spectrum, from 1 to the number of its eigenvalues above 0."""
    q = np.arange(1.0, values.shape[1] + 1)
    head, squares = np.cumsum(values, axis=1), np.cumsum(values**2, axis=1)
    tail = np.maximum(head[:, -1:] - head, 0.0)
    want = 1 / (q + 2) - (3 * q + 4) / (q * (q + 4)) * tail
    misfit = np.maximum(q * want**2 - 2 * want * head + squares, 0.0)
    cost = np.where(values > 0, np.sqrt(misfit) + 2 * tail, np.inf)
    made: Floats = np.argmin(cost, axis=1) + 1.0
    return made
