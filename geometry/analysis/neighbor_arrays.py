"""The neighbour tables of a run as named arrays, so that what was looked up once can be used again.

`neighbors.index.G` (n, k) int64 holds, for the generation at position G, the numbers of the k nearest others of every
row looked at, in the set as it was read; `neighbors.dist.G` (n, k) float32 their distances, ascending;
`neighbors.certified.G` (n,) bool whether no closer row exists. k is that of the run, lowered where a set has fewer
rows. `neighbors.rows.G` (n,) int64 names the rows looked at, where they are a sample of the set: their neighbours are
those within the sample, or, of a set that stays in its files and has a statistic of them, those among all of its rows,
of which there may be fewer than k.
"""

from __future__ import annotations

from geometry.analysis.plan import AMONG_ALL, Plan
from geometry.pairs import Scan
from geometry.types import Array


def neighbor_arrays(plan: Plan) -> dict[str, Array]:
    """The tables of all generations that have two rows or more."""
    found: dict[str, Array] = {}
    for g, scan in enumerate(plan.scans):
        among_all = scan.whole is not None and any(one.whole in AMONG_ALL for one in plan.entries)
        made = _of_all(scan, plan.options.k) if among_all else _of_its_own(scan, plan.options.k)
        found |= {f"neighbors.{key}.{g}": array for key, array in made.items()}
    return found


def _of_all(scan: Scan, k: int) -> dict[str, Array]:
    """The table of sampled rows among all rows of the files."""
    assert scan.whole is not None and scan.numbers is not None
    known = scan.whole.neighbors
    table = known.neighbors(min(k, known.most_neighbors))
    return {"index": table.index, "dist": table.dist, "certified": table.certified, "rows": scan.numbers}


def _of_its_own(scan: Scan, k: int) -> dict[str, Array]:
    """The table of the rows looked at among themselves."""
    if scan.n < 2:
        return {}
    table = scan.neighbors(min(k, scan.n - 1))
    found = {"index": table.index, "dist": table.dist, "certified": table.certified}
    if scan.numbers is None:
        return found
    return {**found, "index": scan.numbers[table.index], "rows": scan.numbers}
