"""Which rows have a norm that the others do not lead up to: wild rows, not the end of a heavy tail.

Looked at are norms beyond OUTLIER times the median. In a tail that falls like a power of exponent 1 / xi the spacings
m log(x_(m) / x_(m+1)) of the norms in descending order are independent and exponential with mean xi (Renyi 1953), and
lighter tails have smaller ones farther out. So rows 1 to m are wild where the spacing below them is larger than the
mean of the next K spacings makes likely: (1 + spacing / (K mean))^-K < CHANCE / (number of m looked at). Left out: a
single wild row within a heavy tail that reaches as far.
"""

from __future__ import annotations

import numpy as np

from geometry.types import Floats, Ints

OUTLIER = 6.0  # median norms: a Gaussian in d >= 2 passes it with probability under 1e-10
CHANCE = 1e-3
TAIL, FEWEST = 0.1, 30  # spacings that tell the tail: a share of the rows, but no fewer where there are as many


def wild_norms(norms: Floats) -> Ints:
    """Positions of the wild ones among the norms (n,), ascending."""
    order = np.argsort(-norms, kind="stable")
    ranked = norms[order]
    most = int(np.sum(ranked > OUTLIER * np.median(norms))) if len(norms) else 0
    upper = int(np.sum(ranked >= np.median(norms))) if most else 0  # the tail begins at the median at the latest
    if not most or ranked[upper - 1] <= 0:
        return np.empty(0, np.int64)
    spacings = np.arange(1, upper) * -np.diff(np.log(ranked[:upper]))
    below = np.concatenate([[0.0], np.cumsum(spacings)])  # below[m]: the sum of the first m spacings
    m = np.arange(1, min(most, upper - 1) + 1)
    k = np.minimum(max(int(TAIL * len(norms)), FEWEST), upper - 1 - m)
    mean = (below[m + k] - below[m]) / np.maximum(k, 1)
    allowed = k * mean * ((len(m) / CHANCE) ** (1 / np.maximum(k, 1)) - 1)
    found = m[(k > 0) & (spacings[m - 1] > allowed)]
    return np.sort(order[: int(found.max())]) if len(found) else np.empty(0, np.int64)
