"""Neighbour distances alone, for clouds that are looked at once: null draws and projections.

No index, no certificate: up to 8 dimensions a k-d tree on the host, beyond that float32 products of centred rows, and
float64 ones for blocks with a neighbour so near that float32 would move its logarithm by 1e-3. Tables that are reported
come from `exact`.
"""

from __future__ import annotations

import numpy as np
import torch

from geometry.pairs.frame import tensor_of
from geometry.pairs.plan import block_rows, blocks
from geometry.types import Array, Floats

NEAR = 2.0**-10  # of the squared norm: products in float32 err by about sqrt(d) 2^-24 of it
TREE_DIMENSIONS = 8  # measured at n = 3,000, k = 20: the tree takes 34 ms at 8 dimensions, products 45 ms at any


def radii(points: Array, k: int, *, device: str, budget: int) -> Floats:
    """(n, k) distances to the k nearest other rows, ascending, float64."""
    if points.shape[1] <= TREE_DIMENSIONS:
        return _tree(points, k)
    centred = tensor_of(points, device).double()
    centred = centred - centred.mean(dim=0)
    largest = float(centred.abs().max()) or 1.0
    double = centred / largest
    single = double.float()
    out = np.empty((len(points), k))
    for part in blocks(len(points), block_rows(len(points) * 8, budget)):
        sq_dist, sq_norms = _nearest(single, part, k)
        if bool((sq_dist[:, 0] < NEAR * sq_norms).any()):
            sq_dist, _ = _nearest(double, part, k)
        out[part] = sq_dist.double().clamp_(min=0).sqrt_().cpu().numpy() * largest
    return out


def _nearest(rows: torch.Tensor, part: slice, k: int) -> tuple[torch.Tensor, torch.Tensor]:
    """(b, k) squared distances of a block of rows to their nearest others, and (b,) squared norms."""
    sq_norms = torch.linalg.vecdot(rows, rows)
    sq_dist = torch.addmm(sq_norms, rows[part], rows.T, alpha=-2)
    sq_dist.diagonal(part.start).fill_(torch.inf)
    return sq_dist.topk(k, dim=1, largest=False).values + sq_norms[part][:, None], sq_norms[part]


def _tree(points: Array, k: int) -> Floats:
    from scipy.spatial import cKDTree

    distance: Floats = cKDTree(points).query(points, k + 1, workers=-1)[0]
    return distance[:, 1:]  # the smallest of k + 1 is 0, the row itself or a copy of it
