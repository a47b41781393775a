"""Sums over pairs that need no order: cosine moments, exponential sums, histograms, from one product per tile.

Everything follows from the centred product x~_i.x~_j: centred cosines by the norms, raw cosines by adding back the mean
(x_i.x_j = x~_i.x~_j + a_i + a_j + |m|^2 with a_i = x~_i.m), squared distances by the norms again. Rows of zero length
have no direction and take no part. Per-row means in float64 give the standard errors (Hoeffding 1948).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from geometry.pairs.frame import ROWS, frame_of, place
from geometry.pairs.plan import block_rows, blocks
from geometry.types import Array, Ints, PairSums

COSINE_EDGES = np.linspace(-1.0, 1.0, 201)
LOG2_BINS = 1024  # of squared distance, from 2^-48 to 2^16 of the largest squared coordinate
LOG2_LOW, LOG2_HIGH = -48.0, 16.0


@dataclass(frozen=True)
class _Set:
    """Centred float32 values with their squared norms, and unit rows; a row without direction is zero in `unit`."""

    values: torch.Tensor
    sq_norms: torch.Tensor
    unit: torch.Tensor
    raw_unit: torch.Tensor
    log2_unit: float


def pair_sums(points: Array, rows: Ints, t: float, *, device: str, budget: int) -> PairSums:
    """Means over the pairs (row of `rows`, any other row); see `geometry.types.PairSums`."""
    data = _prepare(points, device)
    chosen = torch.from_numpy(rows).to(device)
    chosen = chosen[data.unit[chosen].any(dim=1) & data.raw_unit[chosen].any(dim=1)]
    means: list[torch.Tensor] = [torch.zeros((4, 0), dtype=torch.float64, device=device)]
    cosines = torch.zeros(len(COSINE_EDGES) - 1, dtype=torch.int64, device=device)
    nowhere = len(points) - int(data.unit.any(dim=1).sum())
    logs = torch.zeros(LOG2_BINS, dtype=torch.int64, device=device)
    for sub in torch.split(chosen, block_rows(len(points) * 8, budget)):
        cosine = _cosines(data.unit, sub, self_value=2.0)
        cosines += torch.histc(cosine, len(cosines), -1.0, 1.0).long()
        cosines[len(cosines) // 2] -= len(sub) * nowhere  # rows without direction stand at cosine 0
        means.append(torch.stack([*_powers(cosine, data.unit), _exp(data.raw_unit, sub, t), _exp(data.unit, sub, t)]))
        logs += _log_histogram(data, sub)
    cos2, cos4, raw, centred = torch.cat(means, dim=1).cpu().numpy()
    edges = np.linspace(LOG2_LOW, LOG2_HIGH, LOG2_BINS + 1) - data.log2_unit
    used = chosen.cpu().numpy()
    return PairSums(
        len(points), used, cos2, cos4, t, raw, centred, COSINE_EDGES, cosines.cpu().numpy(), edges, logs.cpu().numpy()
    )


def _prepare(points: Array, device: str) -> _Set:
    frame = frame_of(points, points)
    rows = place(points, frame, torch.float32, device)
    raw = torch.empty_like(rows.values)
    for block in blocks(len(points), ROWS):
        raw[block] = _unit(rows.original[block].double()).float()
    return _Set(rows.values, rows.sq_norms, _unit(rows.values), raw, 2 * float(np.log2(frame.scale)))


def _unit(values: torch.Tensor) -> torch.Tensor:
    return torch.nan_to_num(values / torch.linalg.vector_norm(values, dim=1, keepdim=True))


def _cosines(unit: torch.Tensor, rows: torch.Tensor, *, self_value: float) -> torch.Tensor:
    """(r, n) cosines, at most 1 even where rounding of copies says more; a row with itself is set to `self_value`."""
    tile = (unit[rows] @ unit.T).clamp_(-1.0, 1.0)
    tile[torch.arange(len(rows), device=rows.device), rows] = self_value
    return tile


def _others(unit: torch.Tensor) -> int:
    """Rows that have a direction, less the row itself."""
    return max(int(unit.any(dim=1).sum()) - 1, 1)


def _powers(cosine: torch.Tensor, unit: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean squared and fourth-power cosine of each row; the pair with itself (2) is taken off again."""
    square = cosine.square_()
    first = square.sum(dim=1, dtype=torch.float64) - 4
    return first / _others(unit), (square.square_().sum(dim=1, dtype=torch.float64) - 16) / _others(unit)


def _exp(unit: torch.Tensor, rows: torch.Tensor, t: float) -> torch.Tensor:
    """Mean exp(-t |v_i - v_j|^2) of each row over the rows that have a direction."""
    kernel = _cosines(unit, rows, self_value=-torch.inf).sub_(1).mul_(2 * t).exp_()
    without = len(unit) - _others(unit) - 1
    return (kernel.sum(dim=1, dtype=torch.float64) - without * float(np.exp(-2 * t))) / _others(unit)


def _log_histogram(data: _Set, rows: torch.Tensor) -> torch.Tensor:
    sq_dist = torch.addmm(data.sq_norms, data.values[rows], data.values.T, alpha=-2).add_(data.sq_norms[rows][:, None])
    sq_dist[torch.arange(len(rows), device=rows.device), rows] = -1
    return torch.histc(sq_dist.log2_(), LOG2_BINS, LOG2_LOW, LOG2_HIGH).long()  # not positive: NaN, in no bin


def sample_rows(n: int, most: int, seed: int) -> Ints:
    """All rows, or a seeded sample of `most` of them without replacement, ascending."""
    if n <= most:
        return np.arange(n)
    chosen: Ints = np.sort(np.random.default_rng(seed).choice(n, most, replace=False)).astype(np.int64)
    return chosen
