"""Neighbour distances alone, for clouds that are looked at once: null draws and projections.

No index, no certificate: up to 8 dimensions a k-d tree on the host, beyond that float64 products of centred rows, whose
error relative to a squared distance is about d 2^-52 |x|^2 / r^2. Tables that are reported come from `exact`.
"""

from __future__ import annotations

import numpy as np
import torch

from geometry.pairs.frame import frame_of, place
from geometry.pairs.plan import block_rows, blocks
from geometry.types import Array, Floats

TREE_DIMENSIONS = 8  # measured at n = 3,000, k = 20: the tree takes 34 ms at 8 dimensions, products 45 ms at any


def radii(points: Array, k: int, *, device: str, budget: int) -> Floats:
    """(n, k) distances to the k nearest other rows, ascending, float64."""
    if points.shape[1] <= TREE_DIMENSIONS:
        return _tree(points, k)
    rows = place(points, frame_of(points, points), torch.float64, device)
    out = np.empty((len(points), k))
    for part in blocks(len(points), block_rows(len(points) * 8, budget)):
        sq_dist = torch.addmm(rows.sq_norms, rows.values[part], rows.values.T, alpha=-2)
        sq_dist.diagonal(part.start).fill_(torch.inf)
        value = sq_dist.topk(k, dim=1, largest=False).values + rows.sq_norms[part][:, None]
        out[part] = value.clamp_(min=0).sqrt_().cpu().numpy() / rows.frame.scale
    return out


def _tree(points: Array, k: int) -> Floats:
    from scipy.spatial import cKDTree

    distance: Floats = cKDTree(points).query(points, k + 1, workers=-1)[0]
    return distance[:, 1:]  # the smallest of k + 1 is 0, the row itself or a copy of it
