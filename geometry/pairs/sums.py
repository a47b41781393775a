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

from geometry.pairs.frame import ROWS, Frame, frame_of, tensor_of
from geometry.pairs.plan import block_rows, blocks
from geometry.types import Array, Ints, PairSums

COSINE_EDGES = np.linspace(-1.0, 1.0, 201)
LOG2_BINS = 1024  # of squared distance, from 2^-48 to 2^16 of the largest squared coordinate
LOG2_LOW, LOG2_HIGH = -48.0, 16.0
TILE = (128, 2048)  # rows and columns of a product on a CPU, whatever the budget: its digits depend on its shape


@dataclass(frozen=True)
class _Source:
    """The rows as they are, on the device, and what all of them share: the frame, the mean of the raw unit rows.

    centred, raw (n,) bool: rows that have a direction about the mean, about the origin.
    """

    original: torch.Tensor
    frame: Frame
    raw_mean: torch.Tensor
    centred: torch.Tensor
    raw: torch.Tensor

    @property
    def log2_unit(self) -> float:
        return 2 * float(np.log2(self.frame.scale))


@dataclass(frozen=True)
class _Rows:
    """Rows made ready: numbers (r,), centred float32 values, their squared norms, unit rows, zero without direction.

    raw: raw unit rows less their mean, lest cosines near 1 lose what tells them apart; raw_half_sq: half their squared
    norms, infinite where a row has no raw direction.
    """

    numbers: torch.Tensor
    values: torch.Tensor
    sq_norms: torch.Tensor
    unit: torch.Tensor
    raw: torch.Tensor
    raw_half_sq: torch.Tensor

    def part(self, span: slice) -> _Rows:
        return _Rows(*(getattr(self, field)[span] for field in self.__dataclass_fields__))


def pair_sums(points: Array, rows: Ints, t: float, *, device: str, budget: int) -> PairSums:
    """Means over the pairs (row of `rows`, any other row); see `geometry.types.PairSums`.

    Columns are made ready one block after another, so that memory holds the points once.
    """
    source = _source(points, device)
    chosen = torch.from_numpy(rows).to(device)
    asked = _ready(source, chosen[source.centred[chosen] & source.raw[chosen]])
    high, wide = TILE if device == "cpu" else (block_rows(len(points) * 8, budget), max(len(points), 1))
    sums = torch.zeros((4, len(asked.numbers)), dtype=torch.float64, device=device)
    cosines = torch.zeros(len(COSINE_EDGES) - 1, dtype=torch.int64, device=device)
    logs = torch.zeros(LOG2_BINS, dtype=torch.int64, device=device)
    for block in blocks(len(points), wide):
        columns = _ready(source, torch.arange(block.start, block.stop, device=device))
        for span in blocks(len(asked.numbers), high):
            sub = asked.part(span)
            cosine = _cosines(sub, columns, self_value=2.0)
            cosines += torch.histc(cosine, len(cosines), -1.0, 1.0).long()
            sums[:, span] += torch.stack([*_powers(cosine), _exp_raw(sub, columns, t), _exp(sub, columns, t)])
            logs += _log_histogram(sub, columns)
    nowhere = len(points) - int(source.centred.sum())
    cosines[len(cosines) // 2] -= len(asked.numbers) * nowhere  # rows without direction stand at cosine 0
    means = _means(sums, source, t).cpu().numpy()
    edges = np.linspace(LOG2_LOW, LOG2_HIGH, LOG2_BINS + 1) - source.log2_unit
    histograms = COSINE_EDGES, cosines.cpu().numpy(), edges, logs.cpu().numpy()
    return PairSums(len(points), asked.numbers.cpu().numpy(), means[0], means[1], t, means[2], means[3], *histograms)


def _source(points: Array, device: str) -> _Source:
    frame, original = frame_of(points, points), tensor_of(points, device)
    n, d = original.shape
    total = torch.zeros(d, dtype=torch.float64, device=device)
    centred, raw = (torch.zeros(n, dtype=torch.bool, device=device) for _ in range(2))
    for block in blocks(n, ROWS):
        unit = _unit(original[block].double())
        raw[block], centred[block] = unit.any(dim=1), _centred(original[block], frame).any(dim=1)
        total += unit.sum(dim=0)
    return _Source(original, frame, total / max(int(raw.sum()), 1), centred, raw)


def _centred(rows: torch.Tensor, frame: Frame) -> torch.Tensor:
    shift = torch.from_numpy(frame.shift).to(rows.device)
    return ((rows.double() - shift) * frame.scale).float()


def _ready(source: _Source, numbers: torch.Tensor) -> _Rows:
    original = source.original[numbers]
    values = _centred(original, source.frame)
    raw = _unit(original.double()) - source.raw_mean
    half_sq = torch.where(source.raw[numbers], raw.square().sum(dim=1) / 2, torch.inf).float()
    return _Rows(numbers, values, torch.linalg.vecdot(values, values), _unit(values), raw.float(), half_sq)


def _unit(values: torch.Tensor) -> torch.Tensor:
    return torch.nan_to_num(values / torch.linalg.vector_norm(values, dim=1, keepdim=True))


def _cosines(rows: _Rows, columns: _Rows, *, self_value: float) -> torch.Tensor:
    """(r, c) cosines, at most 1 even where rounding of copies says more; a row with itself is set to `self_value`."""
    return _with_self((rows.unit @ columns.unit.T).clamp_(-1.0, 1.0), rows, columns, self_value)


def _with_self(tile: torch.Tensor, rows: _Rows, columns: _Rows, value: float) -> torch.Tensor:
    """The tile with `value` where a row meets itself; columns are consecutive rows."""
    place = rows.numbers - columns.numbers[0]
    own = torch.nonzero((place >= 0) & (place < len(columns.numbers))).squeeze(1)
    tile[own, place[own]] = value
    return tile


def _powers(cosine: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Sums of squared and fourth-power cosines of each row; the pair with itself (2) is in them."""
    square = cosine.square_()
    first = square.sum(dim=1, dtype=torch.float64)
    return first, square.square_().sum(dim=1, dtype=torch.float64)


def _exp(rows: _Rows, columns: _Rows, t: float) -> torch.Tensor:
    """Sums of exp(-t |v_i - v_j|^2) of each row, without itself."""
    kernel = _cosines(rows, columns, self_value=-torch.inf).sub_(1).mul_(2 * t).exp_()
    return kernel.sum(dim=1, dtype=torch.float64)


def _exp_raw(rows: _Rows, columns: _Rows, t: float) -> torch.Tensor:
    """Sums of exp(-t |v_i - v_j|^2) of each row over raw unit rows, without itself and rows that have none."""
    kernel = torch.addmm(columns.raw_half_sq, rows.raw, columns.raw.T, beta=-1)
    kernel.sub_(rows.raw_half_sq[:, None]).clamp_(max=0.0)
    less: torch.Tensor = (
        _with_self(kernel, rows, columns, -torch.inf).mul_(2 * t).expm1_().sum(dim=1, dtype=torch.float64)
    )
    return less.add_(len(columns.numbers))


def _means(sums: torch.Tensor, source: _Source, t: float) -> torch.Tensor:
    """(4, s) means over the other rows that have a direction, from the sums over all rows."""
    nothing = float(np.exp(-2 * t))  # what a row without direction adds to a sum of exp over centred rows
    made = []
    centred, raw = source.centred, source.raw
    for total, own, has, each in zip(
        sums, (4.0, 16.0, 0.0, 0.0), (centred, centred, raw, centred), (0, 0, 0, nothing), strict=True
    ):
        others = max(int(has.sum()) - 1, 1)
        made.append((total - own - (len(has) - others - 1) * each) / others)
    return torch.stack(made)


def _log_histogram(rows: _Rows, columns: _Rows) -> torch.Tensor:
    sq_dist = torch.addmm(columns.sq_norms, rows.values, columns.values.T, alpha=-2).add_(rows.sq_norms[:, None])
    _with_self(sq_dist, rows, columns, -1.0)
    return torch.histc(sq_dist.log2_(), LOG2_BINS, LOG2_LOW, LOG2_HIGH).long()  # not positive: NaN, in no bin


def sample_rows(n: int, most: int, seed: int) -> Ints:
    """All rows, or a seeded sample of `most` of them without replacement, ascending."""
    if n <= most:
        return np.arange(n)
    chosen: Ints = np.sort(np.random.default_rng(seed).choice(n, most, replace=False)).astype(np.int64)
    return chosen
