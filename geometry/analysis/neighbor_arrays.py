"""The neighbour tables of a run as named arrays, so that what was looked up once can be used again.

`neighbors.index.G` (n, k) int64 holds, for the generation at position G, the numbers of the k nearest others of every
row looked at, in the set as it was read; `neighbors.dist.G` (n, k) float32 their distances, ascending;
`neighbors.certified.G` (n,) bool whether no closer row exists. k is that of the run, lowered where a set has fewer
rows. `neighbors.rows.G` (n,) int64 names the rows looked at, where they are a sample of the set.
"""

from __future__ import annotations

from geometry.analysis.plan import Plan
from geometry.pairs import Scan
from geometry.types import Array


def neighbor_arrays(plan: Plan) -> dict[str, Array]:
    """The tables of all generations that have two rows or more."""
    found: dict[str, Array] = {}
    for g, scan in enumerate(plan.scans):
        found |= {f"neighbors.{key}.{g}": array for key, array in _table(scan, plan.options.k).items()}
    return found


def _table(scan: Scan, k: int) -> dict[str, Array]:
    if scan.n < 2:
        return {}
    table = scan.neighbors(min(k, scan.n - 1))
    found = {"index": table.index, "dist": table.dist, "certified": table.certified}
    if scan.numbers is None:
        return found
    return {**found, "index": scan.numbers[table.index], "rows": scan.numbers}
