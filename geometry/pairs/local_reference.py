"""The float64 truth beside `geometry.pairs.local`: one neighbourhood at a time, in plain NumPy.

Imported by tests and by the check of other engines alone. Written from the definitions, with the published quotients
of tle, so that it shares no line with the compiled loops.
"""

from __future__ import annotations

import numpy as np

from geometry.pairs.local import SAME, TIGHT
from geometry.types import Array, Floats


def sums(point: Array, neighbors: Array) -> dict[str, float]:
    """The fields of `LocalSums` for one point (d,) and its neighbours (c, d), none of them padding."""
    v = neighbors.astype(np.float64) - point.astype(np.float64)
    length = np.linalg.norm(v, axis=1)
    radius = float(length.max())
    unit = v[length > 0] / length[length > 0, None]
    cosine = np.clip(unit @ unit.T, -1, 1)
    pairs = np.triu_indices(len(unit), 1)
    centred = (v - v.mean(axis=0)) / (radius or 1.0)
    gram = centred @ centred.T
    product = np.outer(np.diag(gram), np.diag(gram))
    both = np.triu_indices(len(v), 1)
    tight, dropped = _tight(v / radius, length / radius) if radius > 0 else (0.0, len(v) ** 2)
    return {
        "count": len(v),
        "radius": radius,
        "directed": len(unit),
        "cos2": float((cosine**2).sum()),
        "cos": float(cosine[pairs].sum()),
        "sin": float(np.sqrt(1 - cosine[pairs] ** 2).sum()),
        "area": float(np.sqrt(np.maximum(product - gram**2, 0)[both]).sum()),
        "edges": float(np.sqrt(product[both]).sum()),
        "tight": tight,
        "dropped": dropped,
    }


def eigenvalues(point: Array, neighbors: Array) -> Floats:
    """(min(c, d),) of the covariance (ddof 0) of the neighbours (c, d) over the squared radius, descending."""
    neighbors, point = neighbors.astype(np.float64), point.astype(np.float64)
    radius = np.linalg.norm(neighbors - point, axis=1).max()
    centred = neighbors - neighbors.mean(axis=0)
    values: Floats = np.linalg.svd(centred, compute_uv=False) ** 2 / len(neighbors)
    return values / (radius**2 or 1.0)


def _tight(v: Floats, length: Floats) -> tuple[float, int]:
    """Sum of logs and number dropped, by the quotients of Amsaleg et al. 2019 with the radius as unit."""
    total, dropped = 0.0, 0
    for i, u_i in enumerate(length):
        if u_i < TIGHT:
            dropped += 1
        else:
            total += 2 * np.log(u_i)
        for j, u_j in enumerate(length):
            if j == i:
                continue
            sq_gap = float(((v[i] - v[j]) ** 2).sum())
            s = _published(u_i, u_j, sq_gap)
            t = _published(u_i, u_j, 2 * u_i**2 + 2 * u_j**2 - sq_gap)
            if sq_gap > SAME and s >= TIGHT and t >= TIGHT:
                total += np.log(s) + np.log(t)
            else:
                dropped += 1
    return total, dropped


def _published(u_i: float, u_j: float, sq_gap: float) -> float:
    lead, room = u_i**2 + sq_gap - u_j**2, 1 - u_i**2
    if room <= 1e-12:
        return float(sq_gap / lead) if lead > 0 else 0.0
    return float((np.sqrt(lead**2 + 4 * sq_gap * room) - lead) / (2 * room))
