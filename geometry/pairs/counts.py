"""How many pairs fall within given radii: two coarse counters and a band between them that is re-measured.

A pair is certainly inside if its coarse squared distance plus the bound on its error is at most the squared radius, and
possibly inside if less the bound it is. Only the band is measured by float64 differences, with `<=`, so that rows at
exactly the radius (copies, lattices) are counted the same way everywhere.
"""

from __future__ import annotations

import numpy as np
import torch

from geometry.pairs.exact import coarse_sq_dists
from geometry.pairs.frame import Rows, error, frame_of, place
from geometry.pairs.plan import block_rows, blocks
from geometry.types import Array, Floats, RadiusCounts

BAND = 1 << 15  # doubtful pairs re-measured at a time


def radius_counts(queries: Array, base: Array, sq_radii: Floats, *, device: str, budget: int) -> RadiusCounts:
    """Counts per query and per base row; see `geometry.types.RadiusCounts`."""
    frame = frame_of(queries, base)
    b = place(base, frame, torch.float32, device)
    q = b if queries is base else place(queries, frame, torch.float32, device)
    squared = torch.from_numpy(np.asarray(sq_radii, np.float64) * frame.scale**2).to(device)
    per_query = torch.zeros(len(queries), dtype=torch.int64, device=device)
    per_base = torch.zeros(len(base), dtype=torch.int64, device=device)
    for part in blocks(len(queries), block_rows(len(base) * 8, budget)):
        rows = torch.arange(part.start, part.stop, device=device)
        inside = _inside(q, b, rows, squared)
        per_query[part] = inside.sum(dim=1)
        per_base += inside.sum(dim=0)
    return RadiusCounts(per_query.cpu().numpy(), per_base.cpu().numpy())


def _inside(q: Rows, b: Rows, rows: torch.Tensor, squared: torch.Tensor) -> torch.Tensor:
    """(r, m) whether the base ball of each column holds the query of each row."""
    coarse = coarse_sq_dists(q, b, rows).add_(q.sq_norms[rows][:, None])
    slack = error(q, b, rows).float()[:, None] * (1 + 2.0**-20)
    radius = squared.float()
    low, high = radius * (1 - 2.0**-22), radius * (1 + 2.0**-22)
    inside = coarse + slack <= low
    row, column = torch.nonzero((coarse - slack <= high) & ~inside, as_tuple=True)
    for part in blocks(len(row), BAND):
        i, j = row[part], column[part]
        gap = (b.original[j].double() - q.original[rows[i]].double()).mul_(b.frame.scale)
        inside[i, j] = torch.linalg.vecdot(gap, gap) <= squared[j]
    return inside
