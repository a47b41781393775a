"""How far a view can be trusted, one value per generation, on at most `ROWS` of the drawn rows.

trustworthiness: 1 less the rank excess of neighbours that only the view has; continuity: of those that it lost (Venna
and Kaski 2001, k = 10; 1 is best). stress: sqrt(sum (d - a e)^2 / sum d^2) over pairs, d true, e drawn, a the best
scale (Smelser, Miller, Kobourov 2024; 0 is best). shepard: rank correlation of d and e over pairs, which no monotone
stretching of the drawing changes (Shepard 1962; 1 is best). radius_fidelity: 1 - mean |b rho' - rho| / mean rho, rho
and rho' the distances to the centroid in the data and in the view, b one scale for all generations (1 is best): it
falls where a view fills a shell, or hides that a generation shrank.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from geometry.types import Floats

ROWS = 500
K = 10


def quality(points: Sequence[Floats], views: Sequence[Floats]) -> dict[str, list[float]]:
    """points: (q, d) rows of each generation about its centroid; views: the same rows as drawn, likewise."""
    measures: dict[str, list[float]] = {"trustworthiness": [], "continuity": [], "stress": [], "shepard": []}
    for true, drawn in zip(points, views, strict=True):
        d, e = _sq_dists(true), _sq_dists(drawn)
        ranks, drawn_ranks = _ranks(d), _ranks(e)
        measures["trustworthiness"].append(_kept(ranks, drawn_ranks))
        measures["continuity"].append(_kept(drawn_ranks, ranks))
        measures["stress"].append(_stress(np.sqrt(d), np.sqrt(e)))
        measures["shepard"].append(_shepard(d, e))
    return {**measures, "radius_fidelity": _radius_fidelity(points, views)}


def _sq_dists(rows: Floats) -> Floats:
    """(q, q) squared distances, zero on the diagonal."""
    norms = (rows**2).sum(axis=1)
    squared: Floats = np.maximum(norms[:, None] + norms - 2 * rows @ rows.T, 0.0)
    np.fill_diagonal(squared, 0.0)
    return squared


def _ranks(sq_dist: Floats) -> Floats:
    """(q, q) rank of every other row by (distance, index), 1 the nearest; 0 for the row itself."""
    keyed = sq_dist.copy()
    np.fill_diagonal(keyed, -1.0)
    ranks = np.empty_like(keyed)
    order = np.argsort(keyed, axis=1, kind="stable")
    np.put_along_axis(ranks, order, np.arange(len(keyed), dtype=np.float64)[None], axis=1)
    return ranks


def _kept(ranks: Floats, asked: Floats) -> float:
    """1 - 2 / (n k (2n - 3k - 1)) * sum of (rank - k) over rows that are neighbours by `asked` but not by `ranks`."""
    n = len(ranks)
    k = min(K, (n - 1) // 2)
    if k < 1:
        return 1.0
    near = (asked > 0) & (asked <= k)
    excess = np.maximum(ranks - k, 0.0)[near].sum()
    return float(1 - 2 * excess / (n * k * (2 * n - 3 * k - 1)))


def _stress(true: Floats, drawn: Floats) -> float:
    size, other = float((true**2).sum()), float((drawn**2).sum())
    if size == 0 or other == 0:
        return 0.0 if size == other else 1.0
    shared = float((true * drawn).sum()) ** 2 / (size * other)
    return float(np.sqrt(max(1 - shared, 0.0)))


def _shepard(true: Floats, drawn: Floats) -> float:
    """Of squared distances: ranks do not know the difference."""
    from scipy.stats import rankdata

    pairs = np.triu_indices(len(true), 1)
    d, e = (rankdata(part[pairs]) - (len(pairs[0]) + 1) / 2 for part in (true, drawn))
    size, other = float(d @ d), float(e @ e)
    if size == 0 or other == 0:
        return 1.0 if size == other else 0.0
    return float(d @ e / np.sqrt(size * other))


def _radius_fidelity(points: Sequence[Floats], views: Sequence[Floats]) -> list[float]:
    true = [np.linalg.norm(rows, axis=1) for rows in points]
    drawn = [np.linalg.norm(rows, axis=1) for rows in views]
    square = sum(float(r @ r) for r in drawn)
    scale = sum(float(t @ r) for t, r in zip(true, drawn, strict=True)) / square if square > 0 else 0.0
    return [_agreement(t, scale * r) for t, r in zip(true, drawn, strict=True)]


def _agreement(true: Floats, drawn: Floats) -> float:
    size, error = float(true.sum()), float(np.abs(drawn - true).sum())
    if size == 0:
        return 1.0 if error == 0 else 0.0
    return max(1 - error / size, 0.0)
