"""Exact neighbours in torch, block by block: coarse products choose candidates, float64 differences rank them.

Three passes, each for the rows that the one before could not certify: products in float32, products in float64, and
differences of every pair. A row is certified if its k-th re-measured squared distance is below every value that a row
left out can have. Ranking is by (squared distance, index), so ties cannot move. Byte-equal rows are handled by
`geometry.pairs.copies` before they come here.
"""

from __future__ import annotations

import numpy as np
import torch

from geometry.pairs.cpu.measure import sq_gaps
from geometry.pairs.frame import Rows, error, frame_of, place
from geometry.pairs.plan import block_rows, blocks
from geometry.types import Array

SPARE = 16  # candidates kept beyond k, so that most rows are certified at once
CHUNK = 4 << 20  # bytes of differences at a time: stays in a CPU cache, three times as fast as 64 MiB
Ranked = tuple[torch.Tensor, torch.Tensor, torch.Tensor]  # squared distance (n, k), index (n, k), certified (n,)


def neighbors(queries: Array, base: Array, k: int, *, exclude_self: bool, device: str, budget: int) -> Ranked:
    """The k nearest base rows of each query; squared distances in units of the input."""
    frame = frame_of(queries, base)
    n, top = len(queries), _empty(len(queries), k, device)
    todo = torch.arange(n, device=device)
    for dtype in (torch.float32, torch.float64):
        b = place(base, frame, dtype, device)
        q = b if queries is base else place(queries, frame, dtype, device)
        _product_pass(q, b, todo, top, exclude_self=exclude_self, budget=budget)
        todo = torch.nonzero(~top[2]).squeeze(1)
        if len(todo) == 0:
            break
    else:
        _direct_pass(q, b, todo, top, exclude_self=exclude_self, budget=budget)
    return top[0] / frame.scale / frame.scale, top[1], top[2]  # the square of the scale may leave float64


def _empty(n: int, k: int, device: str) -> Ranked:
    sq_dist = torch.full((n, k), torch.nan, dtype=torch.float64, device=device)
    index = torch.full((n, k), -1, dtype=torch.int64, device=device)
    return sq_dist, index, torch.zeros(n, dtype=torch.bool, device=device)


def _product_pass(q: Rows, b: Rows, todo: torch.Tensor, top: Ranked, *, exclude_self: bool, budget: int) -> None:
    m, k = len(b.values), top[0].shape[1]
    take = min(k + SPARE, m - int(exclude_self))
    for part in blocks(len(todo), block_rows(m * b.values.element_size() * 2, budget)):
        rows = todo[part]
        coarse = coarse_sq_dists(q, b, rows)
        if exclude_self:
            coarse[torch.arange(len(rows), device=rows.device), rows] = torch.inf
        value, candidate = coarse.topk(take, dim=1, largest=False)
        sq_dist, index = rank(remeasure(q, b, rows, candidate, budget), candidate, k)
        bound = value[:, -1].double() + q.sq_norms[rows].double() - error(q, b, rows)
        store(top, rows, sq_dist, index, (sq_dist[:, -1] < bound) | (take == m - int(exclude_self)))


def coarse_sq_dists(q: Rows, b: Rows, rows: torch.Tensor) -> torch.Tensor:
    """(b, m) coarse squared distances less the query's own squared norm, which moves no rank."""
    return torch.addmm(b.sq_norms, q.values[rows], b.values.T, alpha=-2)


def remeasure(q: Rows, b: Rows, rows: torch.Tensor, candidate: torch.Tensor, budget: int) -> torch.Tensor:
    """(b, c) squared distances by float64 differences of the original rows, in the frame's scale."""
    out = torch.empty(candidate.shape, dtype=torch.float64, device=candidate.device)
    scratch, wide = min(budget, CHUNK), b.values.shape[1] * 16
    for columns in blocks(candidate.shape[1], max(scratch // max(wide, 1), 1)):
        chosen = candidate[:, columns]
        for part in blocks(len(rows), max(scratch // max(chosen.shape[1] * wide, 1), 1)):
            out[part, columns] = sq_gap(b, q, chosen[part], rows[part][:, None])
    return out


def sq_gap(b: Rows, q: Rows, base_row: torch.Tensor, query_row: torch.Tensor) -> torch.Tensor:
    """Squared length of the difference of original rows in the frame's scale, one order of summation on a device.

    On the CPU it is the measurement of `geometry.pairs.cpu`.
    """
    if not b.original.is_cuda:
        of_base, of_query = np.broadcast_arrays(base_row.numpy(), query_row.numpy())
        gaps = sq_gaps(b.original.numpy(), of_base.ravel(), q.original.numpy(), of_query.ravel(), b.frame.scale)
        return torch.from_numpy(gaps).reshape(of_base.shape)
    gap = b.original[base_row].double()
    gap.sub_(q.original[query_row].double()).mul_(b.frame.scale)
    return folded(gap.square_())


def folded(terms: torch.Tensor) -> torch.Tensor:
    """Sums over the last axis, in halves and in place: torch's own on a device go by the shape of the whole batch."""
    while (width := terms.shape[-1]) > 1:
        half = -(-width // 2)
        terms[..., : width - half] += terms[..., half:]
        terms = terms[..., :half]
    return terms[..., 0]


def rank(sq_dist: torch.Tensor, index: torch.Tensor, k: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The first k by (squared distance, index)."""
    index, order = index.sort(dim=1)
    sq_dist, order = sq_dist.gather(1, order).sort(dim=1, stable=True)
    return sq_dist[:, :k], index.gather(1, order)[:, :k]


def _direct_pass(q: Rows, b: Rows, todo: torch.Tensor, top: Ranked, *, exclude_self: bool, budget: int) -> None:
    every = torch.arange(len(b.values), device=todo.device)
    for rows in torch.split(todo, block_rows(len(every) * 16, budget, most=64)):
        parts = [remeasure(q, b, rows, c.expand(len(rows), -1), budget) for c in torch.split(every, 1024)]
        sq_dist = torch.cat(parts, dim=1)
        if exclude_self:
            sq_dist[torch.arange(len(rows), device=rows.device), rows] = torch.inf
        value, index = sq_dist.sort(dim=1, stable=True)
        k = top[0].shape[1]
        store(top, rows, value[:, :k], index[:, :k], torch.ones(len(rows), dtype=torch.bool, device=rows.device))


def store(top: Ranked, rows: torch.Tensor, sq_dist: torch.Tensor, index: torch.Tensor, certified: torch.Tensor) -> None:
    """Write the result of some rows into the table."""
    top[0][rows], top[1][rows], top[2][rows] = sq_dist, index, certified
