"""How many pairs fall within given radii: two coarse counters and a band between them that is re-measured.

A pair is certainly inside if its coarse squared distance plus the bound on its error is at most the squared radius, and
possibly inside if less the bound it is. Only the band is measured by float64 differences, with `<=`, so that rows at
exactly the radius (copies, lattices) are counted the same way everywhere. Byte-equal rows are collapsed before
(`geometry.pairs.copies`) and come with their number as weight.
"""

from __future__ import annotations

import torch

from geometry.pairs.exact import CHUNK, sq_gap
from geometry.pairs.frame import Rows, error, frame_of, place
from geometry.pairs.plan import block_rows, blocks
from geometry.types import Array, Floats, Ints

TINY = 2.0**-120  # above what float32 loses where squares fall under its smallest number
COARSE = 0.02  # share of a typical squared radius that float32 may blur before float64 products pay


def weighted_counts(
    queries: Array, base: Array, sq_radii: Floats, weights: tuple[Ints, Ints], *, device: str, budget: int
) -> tuple[Ints, Ints]:
    """Every inside pair adds the weight of its ball to the query, of its query to the ball: (n,) and (m,)."""
    q, b, squared = _placed(queries, base, sq_radii, device)
    of_query, of_ball = (torch.from_numpy(w).to(device).double() for w in weights)  # whole numbers stay exact
    weighted = int(of_query.sum()) > len(queries) or int(of_ball.sum()) > len(base)
    per_query = torch.zeros(len(queries), dtype=torch.float64, device=device)
    per_ball = torch.zeros(len(base), dtype=torch.float64, device=device)
    for part in blocks(len(queries), block_rows(len(base) * 2 * b.values.element_size(), budget)):
        rows = torch.arange(part.start, part.stop, device=device)
        inside = _inside(q, b, rows, squared)
        if weighted:
            per_query[part] = (inside.double() @ of_ball).round()
            per_ball += (of_query[part] @ inside.double()).round()
        else:
            per_query[part] = inside.sum(dim=1, dtype=torch.int32).double()
            per_ball += inside.sum(dim=0, dtype=torch.int32)
    return per_query.long().cpu().numpy(), per_ball.long().cpu().numpy()


def _placed(queries: Array, base: Array, sq_radii: Floats, device: str) -> tuple[Rows, Rows, torch.Tensor]:
    """Both sets in one frame, in float32 unless that would leave most pairs to be measured."""
    frame = frame_of(queries, base)
    squared = torch.from_numpy(sq_radii * frame.scale * frame.scale).to(device)
    for dtype in (torch.float32, torch.float64):
        b = place(base, frame, dtype, device)
        q = b if queries is base else place(queries, frame, dtype, device)
        blur = error(q, b, torch.arange(len(queries), device=device))
        if len(blur) == 0 or len(squared) == 0 or blur.median() <= COARSE * squared.median():
            break
    return q, b, squared


def _inside(q: Rows, b: Rows, rows: torch.Tensor, squared: torch.Tensor) -> torch.Tensor:
    """(r, m) whether the base ball of each column holds the query of each row.

    The radii ride in the product's bias, so that a tile is compared with one number per row; radii are cut where every
    row is inside, lest they drown the norms.
    """
    dtype = b.values.dtype
    everything = 4 * (q.sq_norms.max().double().sqrt() + b.sq_norms.max().double().sqrt()) ** 2
    bias = (b.sq_norms.double() - torch.minimum(squared, everything)).to(dtype)
    less = torch.addmm(bias, q.values[rows], b.values.T, alpha=-2)
    slack = error(q, b, rows) + 16 * torch.finfo(dtype).eps * everything + TINY
    norms = q.sq_norms[rows].double()
    inside = less <= (-norms - slack).to(dtype)[:, None]
    possible = less <= (-norms + slack).to(dtype)[:, None]
    row, column = torch.nonzero(possible ^ inside, as_tuple=True)
    for part in blocks(len(row), max(CHUNK // (16 * max(b.values.shape[1], 1)), 1)):
        i, j = row[part], column[part]
        inside[i, j] = sq_gap(b, q, j, rows[i]) <= squared[j]
    return inside
