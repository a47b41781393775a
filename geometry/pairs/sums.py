"""Sums over pairs that need no order: cosine moments, exponential sums, histograms, from one product per tile.

Everything follows from the centred product x~_i.x~_j: centred cosines by the norms, raw cosines by adding back the mean
(x_i.x_j = x~_i.x~_j + a_i + a_j + |m|^2 with a_i = x~_i.m), squared distances by the norms again. Rows of zero length
have no direction and take no part. On a CPU tiles have one shape, so that no digit depends on the budget. Per-row
means in float64 give the standard errors (Hoeffding 1948).
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
TILE = (128, 2048)  # rows and columns of a product on a CPU, whatever the budget: its digits depend on its shape


@dataclass(frozen=True)
class _Set:
    """Centred float32 values with their squared norms, and unit rows; a row without direction is zero in `unit`.

    raw: raw unit rows less their mean, lest cosines near 1 lose what tells them apart; raw_half_sq: half their squared
    norms, infinite where a row has no raw direction.
    """

    values: torch.Tensor
    sq_norms: torch.Tensor
    unit: torch.Tensor
    raw: torch.Tensor
    raw_half_sq: torch.Tensor
    log2_unit: float

    @property
    def directed(self) -> tuple[torch.Tensor, torch.Tensor]:
        """(n,) bool each: rows with a centred direction, rows with a raw one."""
        return self.unit.any(dim=1), torch.isfinite(self.raw_half_sq)


def pair_sums(points: Array, rows: Ints, t: float, *, device: str, budget: int) -> PairSums:
    """Means over the pairs (row of `rows`, any other row); see `geometry.types.PairSums`."""
    data = _prepare(points, device)
    chosen = torch.from_numpy(rows).to(device)
    centred, raw = data.directed
    chosen = chosen[centred[chosen] & raw[chosen]]
    high, wide = TILE if device == "cpu" else (block_rows(len(points) * 8, budget), len(points))
    sums: list[torch.Tensor] = [torch.zeros((4, 0), dtype=torch.float64, device=device)]
    cosines = torch.zeros(len(COSINE_EDGES) - 1, dtype=torch.int64, device=device)
    logs = torch.zeros(LOG2_BINS, dtype=torch.int64, device=device)
    for sub in torch.split(chosen, high):
        total = torch.zeros((4, len(sub)), dtype=torch.float64, device=device)
        for columns in blocks(len(points), wide):
            cosine = _cosines(data.unit, sub, columns, self_value=2.0)
            cosines += torch.histc(cosine, len(cosines), -1.0, 1.0).long()
            exps = _exp_raw(data, sub, columns, t), _exp(data.unit, sub, columns, t)
            total += torch.stack([*_powers(cosine), *exps])
            logs += _log_histogram(data, sub, columns)
        sums.append(total)
    nowhere = len(points) - int(centred.sum())
    cosines[len(cosines) // 2] -= len(chosen) * nowhere  # rows without direction stand at cosine 0
    means = _means(torch.cat(sums, dim=1), data, t).cpu().numpy()
    edges = np.linspace(LOG2_LOW, LOG2_HIGH, LOG2_BINS + 1) - data.log2_unit
    histograms = COSINE_EDGES, cosines.cpu().numpy(), edges, logs.cpu().numpy()
    return PairSums(len(points), chosen.cpu().numpy(), means[0], means[1], t, means[2], means[3], *histograms)


def _prepare(points: Array, device: str) -> _Set:
    frame = frame_of(points, points)
    rows = place(points, frame, torch.float32, device)
    raw = torch.empty(rows.values.shape, dtype=torch.float64, device=device)
    for block in blocks(len(points), ROWS):
        raw[block] = _unit(rows.original[block].double())
    has = raw.any(dim=1)
    raw = (raw - raw[has].mean(dim=0)) if bool(has.any()) else raw
    half_sq = torch.where(has, raw.square().sum(dim=1) / 2, torch.inf).float()
    log2_unit = 2 * float(np.log2(frame.scale))
    return _Set(rows.values, rows.sq_norms, _unit(rows.values), raw.float(), half_sq, log2_unit)


def _unit(values: torch.Tensor) -> torch.Tensor:
    return torch.nan_to_num(values / torch.linalg.vector_norm(values, dim=1, keepdim=True))


def _cosines(unit: torch.Tensor, rows: torch.Tensor, columns: slice, *, self_value: float) -> torch.Tensor:
    """(r, c) cosines, at most 1 even where rounding of copies says more; a row with itself is set to `self_value`."""
    tile = (unit[rows] @ unit[columns].T).clamp_(-1.0, 1.0)
    return _with_self(tile, rows, columns, self_value)


def _with_self(tile: torch.Tensor, rows: torch.Tensor, columns: slice, value: float) -> torch.Tensor:
    """The tile with `value` where a row meets itself."""
    own = torch.nonzero((rows >= columns.start) & (rows < columns.stop)).squeeze(1)
    tile[own, rows[own] - columns.start] = value
    return tile


def _powers(cosine: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Sums of squared and fourth-power cosines of each row; the pair with itself (2) is in them."""
    square = cosine.square_()
    first = square.sum(dim=1, dtype=torch.float64)
    return first, square.square_().sum(dim=1, dtype=torch.float64)


def _exp(unit: torch.Tensor, rows: torch.Tensor, columns: slice, t: float) -> torch.Tensor:
    """Sums of exp(-t |v_i - v_j|^2) of each row, without itself."""
    kernel = _cosines(unit, rows, columns, self_value=-torch.inf).sub_(1).mul_(2 * t).exp_()
    return kernel.sum(dim=1, dtype=torch.float64)


def _exp_raw(data: _Set, rows: torch.Tensor, columns: slice, t: float) -> torch.Tensor:
    """Sums of exp(-t |v_i - v_j|^2) of each row over raw unit rows, without itself and rows that have none."""
    kernel = torch.addmm(data.raw_half_sq[columns], data.raw[rows], data.raw[columns].T, beta=-1)
    kernel.sub_(data.raw_half_sq[rows][:, None]).clamp_(max=0.0)
    less: torch.Tensor = (
        _with_self(kernel, rows, columns, -torch.inf).mul_(2 * t).expm1_().sum(dim=1, dtype=torch.float64)
    )
    return less.add_(columns.stop - columns.start)


def _means(sums: torch.Tensor, data: _Set, t: float) -> torch.Tensor:
    """(4, s) means over the other rows that have a direction, from the sums over all rows."""
    nothing = float(np.exp(-2 * t))  # what a row without direction adds to a sum of exp over centred rows
    made = []
    centred, raw = data.directed
    for total, own, has, each in zip(
        sums, (4.0, 16.0, 0.0, 0.0), (centred, centred, raw, centred), (0, 0, 0, nothing), strict=True
    ):
        others = max(int(has.sum()) - 1, 1)
        made.append((total - own - (len(has) - others - 1) * each) / others)
    return torch.stack(made)


def _log_histogram(data: _Set, rows: torch.Tensor, columns: slice) -> torch.Tensor:
    norms, values = data.sq_norms[columns], data.values[columns]
    sq_dist = torch.addmm(norms, data.values[rows], values.T, alpha=-2).add_(data.sq_norms[rows][:, None])
    _with_self(sq_dist, rows, columns, -1.0)
    return torch.histc(sq_dist.log2_(), LOG2_BINS, LOG2_LOW, LOG2_HIGH).long()  # not positive: NaN, in no bin


def sample_rows(n: int, most: int, seed: int) -> Ints:
    """All rows, or a seeded sample of `most` of them without replacement, ascending."""
    if n <= most:
        return np.arange(n)
    chosen: Ints = np.sort(np.random.default_rng(seed).choice(n, most, replace=False)).astype(np.int64)
    return chosen
