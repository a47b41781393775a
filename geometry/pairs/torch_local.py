"""`geometry.pairs.local` by batched torch products in float64, on any device that torch has.

For devices where the kernel of `geometry.pairs.cuda.local` is not proven, and for more neighbours than it takes. The
formulas, the masks and the limits of rounding are those of `geometry.pairs.local`, written over whole batches of
(rows, k, k) matrices; eigenvalues by torch. A batch takes about `budget` bytes beside the points.
"""

from __future__ import annotations

import numpy as np
import torch

from geometry.pairs.frame import tensor_of
from geometry.pairs.local import FAR, SAME, TIGHT, Local, LocalReflections, LocalSpectra, LocalSums, Places
from geometry.pairs.plan import DEFAULT_BUDGET, blocks
from geometry.types import Array

MATRICES = 10  # of (k, k) at one time, counted
EPS = float(np.finfo(np.float64).eps)


def local_summaries(points: Array, places: Places, device: str, budget: int = DEFAULT_BUDGET) -> Local:
    """Sums, reflected pairs and spectra of given neighbourhoods of points (n, d) on `device`; k at least 1."""
    k, d = places.index.shape[1], points.shape[1]
    held = tensor_of(points, device)
    index = torch.from_numpy(np.ascontiguousarray(places.index, np.int64))
    rows, count = (torch.from_numpy(np.ascontiguousarray(part, np.int64)) for part in (places.rows, places.count))
    parts = []
    for cut in blocks(len(places.rows), max(budget // (8 * k * (2 * d + MATRICES * k)), 1)):
        own, near, members = (part[cut].to(device) for part in (rows, index, count))
        made = _reduce(held[near].double() - held[own].double()[:, None], members)
        parts.append([part.cpu().numpy() for part in made])
    sums, reflections, spectra = (np.concatenate(column) for column in zip(*parts, strict=True))
    radius, directed, cos2, cos, sin, area, edges = sums.T
    return Local(
        LocalSums(places.count, radius, directed.astype(np.int64), cos2, cos, sin, area, edges),
        LocalReflections(places.count, reflections[:, 0], reflections[:, 1].astype(np.int64)),
        LocalSpectra(places.count, radius, spectra),
    )


def _reduce(
    difference: torch.Tensor,  # (b, k, d) float64 to each row, lost; 0 beyond count
    count: torch.Tensor,  # (b,)
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Sums (b, 7) in the order of `LocalSums`, tight and dropped (b, 2), eigenvalues (b, min(k, d))."""
    unit = difference.abs().amax(dim=(1, 2))
    difference /= _or_one(unit)[:, None, None]
    gram = difference @ difference.mT
    sq_radius = _diagonal(gram).amax(dim=1)
    gram /= _or_one(sq_radius)[:, None, None]
    member = torch.arange(difference.shape[1], device=count.device) < count[:, None]
    beside = (difference - difference[:, :1]) * member[:, :, None]
    centred, size = _centred(gram, beside, sq_radius, member)
    radius = unit * sq_radius.sqrt()
    sums = torch.stack([radius, *_angles(gram, member), *_areas(centred)], dim=1)
    values = _spectrum(centred, size, beside, sq_radius, member)
    return sums, torch.stack(_reflections(gram, member), dim=1), values


def _centred(
    gram: torch.Tensor, beside: torch.Tensor, sq_radius: torch.Tensor, member: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """H (b, k, k), zero beyond count, and the size (b,) of the numbers that it was made from."""
    centred, size = _about_mean(gram, member), torch.ones_like(sq_radius)
    far = ((_diagonal(centred).sum(dim=1) / _or_one(member.sum(dim=1)) < FAR) & (sq_radius > 0)).nonzero()[:, 0]
    if len(far):
        again = beside[far] @ beside[far].mT / sq_radius[far, None, None]
        size[far] = _diagonal(again).amax(dim=1)
        centred[far] = _about_mean(again, member[far])
    return centred, size


def _about_mean(gram: torch.Tensor, member: torch.Tensor) -> torch.Tensor:
    both = member[:, :, None] & member[:, None]
    count = _or_one(member.sum(dim=1))[:, None]
    mean = (gram * both).sum(dim=2) / count
    whole = (mean * member).sum(dim=1, keepdim=True) / count
    return (gram - mean[:, None] + (whole - mean)[:, :, None]) * both


def _angles(gram: torch.Tensor, member: torch.Tensor) -> list[torch.Tensor]:
    """directed, cos2, cos, sin."""
    square = _diagonal(gram)
    directed = member & (square > 0)
    inverse = torch.where(directed, _or_one(square).rsqrt(), 0.0)
    pair = (directed[:, :, None] & directed[:, None]).tril(-1)
    cosine = (gram * inverse[:, :, None] * inverse[:, None]).clamp(-1, 1) * pair
    number = directed.sum(dim=1).double()
    sine = ((1 - cosine**2).sqrt() * pair).sum(dim=(1, 2))
    return [number, number + 2 * (cosine**2).sum(dim=(1, 2)), cosine.sum(dim=(1, 2)), sine]


def _areas(centred: torch.Tensor) -> list[torch.Tensor]:
    """area, edges."""
    square = _diagonal(centred).clamp(min=0)
    product = (square[:, :, None] * square[:, None]).tril(-1)
    return [(product - centred**2).clamp(min=0).sqrt().sum(dim=(1, 2)), product.sqrt().sum(dim=(1, 2))]


def _reflections(gram: torch.Tensor, member: torch.Tensor) -> list[torch.Tensor]:
    """tight, dropped."""
    square = _diagonal(gram)
    a, b = square[:, :, None], square[:, None]
    gap = (a + b - 2 * gram).clamp(min=0)
    s, t = _reached(a, b, gap), _reached(a, b, 2 * a + 2 * b - gap)
    other = ~torch.eye(gram.shape[1], dtype=torch.bool, device=gram.device)
    kept = (gap > SAME) & (s >= TIGHT) & (t >= TIGHT) & member[:, :, None] & member[:, None] & other
    long = member & (square.sqrt() >= TIGHT)
    pairs = torch.where(kept, s.log() + t.log(), 0.0).sum(dim=(1, 2))
    tight = pairs + torch.where(long, square.log(), 0.0).sum(dim=1)
    return [tight, (member.sum(dim=1) ** 2 - kept.sum(dim=(1, 2)) - long.sum(dim=1)).double()]


def _reached(a: torch.Tensor, b: torch.Tensor, sq_gap: torch.Tensor) -> torch.Tensor:
    """How far along a ray a reflected pair reaches; 0 where it has no value."""
    lead = a + sq_gap - b
    below = lead + (lead**2 + 4 * sq_gap * (1 - a).clamp(min=0)).clamp(min=0).sqrt()
    return torch.where(below > 0, 2 * sq_gap / _or_one(below), 0.0)


def _spectrum(
    centred: torch.Tensor, size: torch.Tensor, beside: torch.Tensor, sq_radius: torch.Tensor, member: torch.Tensor
) -> torch.Tensor:
    """(b, min(k, d)) descending, through H or, where d < k, the d x d product; values at the level of rounding 0."""
    count = _or_one(member.sum(dim=1))[:, None, None]
    k, d = beside.shape[1:]
    if k <= d:
        values = torch.linalg.eigvalsh(centred / count)
    else:
        centred_rows = (beside - beside.sum(dim=1, keepdim=True) / count) * member[:, :, None]
        scale = count * _or_one(sq_radius)[:, None, None]
        values, size = torch.linalg.eigvalsh(centred_rows.mT @ centred_rows / scale), torch.zeros_like(size)
    floor = torch.maximum(values.shape[1] * values[:, -1], 8 * size) * EPS
    return torch.where(values > floor[:, None], values, 0.0).flip(1)


def _diagonal(matrices: torch.Tensor) -> torch.Tensor:
    return matrices.diagonal(dim1=1, dim2=2)


def _or_one(values: torch.Tensor) -> torch.Tensor:
    """The values, 1 in place of those that are not positive: a divisor."""
    return torch.where(values > 0, values, 1)
