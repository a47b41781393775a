"""label_agreement: whether neighbours carry the same label.

Mean over rows of the share of their k nearest others with their own label; with labels dealt at random it is
sum_g n_g (n_g - 1) / (n (n - 1)). It reads the groups of one set: classes, modalities, or arms.
"""

from __future__ import annotations

import numpy as np

from geometry.errors import UsageError
from geometry.estimates import measured, undefined
from geometry.pairs.scan import Scan
from geometry.pairs.spread import has_spread
from geometry.pairs.subsample import DRAWS, halves, width_for
from geometry.registry import SIMILARITY, statistic
from geometry.types import Array, Estimate, Floats, Neighbors

K = 10


@statistic(
    "label_agreement",
    needs=("neighbors", "labels"),
    range=(0.0, 1.0),
    invariances=tuple(name for name in SIMILARITY if name != "row order"),
    direction="down",
    source="k-nearest-neighbour purity, Cover and Hart 1967",
    k=width_for(K),
    null="labels dealt at random: sum n_g (n_g - 1) / (n (n - 1))",
    fails="without labels; k rows or fewer; ties among copies go by row number",
)
def label_agreement(scan: Scan, *, k: int = K) -> Estimate:
    """Mean share of a row's k nearest others that carry its label.

    per_point (n,) the share of each row; profile: label (g,), rows (g,), agreement (g,). null for labels dealt at
    random. Standard error from random halves of the table. Undefined without labels, with k rows or fewer, or without
    spread. Raises UsageError for k < 1.
    """
    if k < 1:
        raise UsageError(f"label_agreement needs k of 1 or more, not {k}")
    fields = {"n": scan.n, "d": scan.d, "k": k}
    if scan.labels is None:
        return undefined("label_agreement", "no-labels", **fields)
    if scan.n <= k:
        return undefined("label_agreement", "few-rows", **fields)
    if not has_spread(scan):
        return undefined("label_agreement", "no-spread", **fields)
    names, group, counts = np.unique(np.asarray(scan.labels), return_inverse=True, return_counts=True)
    table = scan.neighbors(min(width_for(k), scan.n - 1))
    shares = agreement(table.first(k), group)
    null = float((counts * (counts - 1.0)).sum() / (scan.n * (scan.n - 1)))
    return measured(
        "label_agreement",
        float(shares.mean()),
        stderr=_stderr(table, group, k, scan.seed),
        method="random halves",
        null=null,
        per_point=shares,
        profile={"label": names, "rows": counts, "agreement": np.bincount(group, shares) / counts},
        **fields,
    )


def agreement(table: Neighbors, group: Array) -> Floats:
    """(n,) share of each row's neighbours in its group."""
    shares: Floats = (group[table.index] == group[:, None]).mean(axis=1)
    return shares


def _stderr(table: Neighbors, group: Array, k: int, seed: int) -> float:
    """Spread over random halves, with the neighbours that the table has inside each; NaN where that is too narrow."""
    if table.k < width_for(k) or len(group) < 4 * k:
        return float("nan")
    values = []
    for keep in halves(len(group), DRAWS, seed):
        inside = keep[table.index[keep]]
        nearest = np.argsort(~inside, axis=1, kind="stable")[:, :k]
        index = np.take_along_axis(table.index[keep], nearest, axis=1)[inside.sum(axis=1) >= k]
        own = group[keep][inside.sum(axis=1) >= k]
        values.append(float((group[index] == own[:, None]).mean()) if len(own) else float("nan"))
    return float(np.std(values, ddof=1))
