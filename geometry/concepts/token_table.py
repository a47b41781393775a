"""A learned row beside its token table: how new it is, how long, and which rows it is near.

Soft prompts, textual inversions and added tokens live among the rows of an embedding table. novelty is the share of the
table's own rows whose nearest other row is nearer than the learned row's nearest: 0 a copy, 1/2 as apart as a token
usually is, 1 farther than any token from all others. norm_level is the share of the table's rows that are shorter.
Nearest rows are by Euclidean distance, with the cosine beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from geometry.errors import InputError
from geometry.estimates import share_below, wilson_interval
from geometry.pairs import as_points, executor
from geometry.pairs.arrays import as_array, require_finite
from geometry.pairs.plan import blocks
from geometry.pairs.scan import Scan
from geometry.pairs.sums import sample_rows
from geometry.types import Array, Estimate, Floats, Ints

OWN_ROWS = 5000  # of the table that are asked for their own nearest row


@dataclass(frozen=True)
class TableRow:
    """One learned row: its novelty, norm and norm_level, and nearest (k,) table rows with dist (k,) and cosine (k,)."""

    novelty: Estimate
    norm: float
    norm_level: float
    nearest: Ints
    dist: Floats
    cosine: Floats


def against_table(rows: Any, table: Any, *, k: int = 10, seed: int = 0, device: str = "auto") -> list[TableRow]:
    """Each learned row, rows (m, d) or one row (d,), against the rows of a token table (n, d).

    k falls to the rows there are. Of tables beyond 5,000 rows a seeded sample says how near tokens lie to each other.
    Raises InputError for different dimensions, a table of fewer than two rows, or k < 1.
    """
    engine = executor(device)
    asked = require_finite(_as_rows(rows), "rows")
    base = require_finite(as_points(table, "table"), "table")
    if asked.shape[1] != base.shape[1]:
        raise InputError(f"rows have {asked.shape[1]} dimensions, the table has {base.shape[1]}; they must agree")
    if len(base) < 2 or k < 1:
        raise InputError(f"a table of {len(base)} rows and k = {k} give no nearest rows; both must be larger")
    if asked.dtype != base.dtype:
        asked, base = asked.astype(np.float64), base.astype(np.float64)
    found = engine.neighbors(asked, base, min(k, len(base)), exclude_self=False)
    own = _own_nearest(Scan(base, engine, seed=seed))
    level = share_below(found.sq_dist[:, 0], own)
    norms, table_norms = _norms(asked), _norms(base)
    norm_level = share_below(norms, table_norms)
    return [
        TableRow(
            _novelty(float(level[i]), len(own), len(base), base.shape[1]),
            float(norms[i]),
            float(norm_level[i]),
            found.index[i],
            np.sqrt(found.sq_dist[i]),
            _cosines(asked[i], base[found.index[i]]),
        )
        for i in range(len(asked))
    ]


def _as_rows(rows: Any) -> Array:
    one = getattr(rows, "ndim", None) == 1
    return as_points(as_array(rows)[None] if one else rows, "rows")


def _novelty(level: float, rows: int, n: int, d: int) -> Estimate:
    low, high = wilson_interval(level, rows)
    return Estimate("novelty", level, low=low, high=high, method="Wilson", null=0.5, n=n, d=d, exact=rows == n)


def _own_nearest(table: Scan) -> Floats:
    """Squared distance of table rows, or of a sample of them, to their nearest other."""
    if table.n <= OWN_ROWS:
        return table.neighbors(1).sq_dist[:, 0]
    chosen = sample_rows(table.n, OWN_ROWS, table.seed)
    found = table.executor.neighbors(table.points[chosen], table.points, 2, exclude_self=False)
    return np.where(found.index[:, 0] == chosen, found.sq_dist[:, 1], found.sq_dist[:, 0])


def _norms(rows: Array) -> Floats:
    out = np.empty(len(rows))
    for part in blocks(len(rows), 8192):
        out[part] = np.linalg.norm(rows[part].astype(np.float64), axis=1)
    return out


def _cosines(row: Array, others: Array) -> Floats:
    """(k,) cosines; 0 with a row of zeros."""
    lengths = float(np.linalg.norm(row.astype(np.float64))) * _norms(others)
    products = others.astype(np.float64) @ row.astype(np.float64)
    cosines: Floats = np.divide(products, lengths, out=np.zeros(len(others)), where=lengths > 0)
    return cosines
