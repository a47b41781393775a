"""A statistic of small neighbourhoods read as a dimension: the one at which rows uniform in a ball would show it.

The ball has the set's own n and the statistic its own k, so that edges and few rows, which lower every estimator in
many dimensions, act on both sides alike. Distances have their mean by quadrature, at real d; areas and spectra have it
from drawn neighbourhoods at whole d, and lie between on a scale that is nearly linear in d:
  area share s = sum area / sum edges of the centred neighbours (Johnsson, Soneson, Fontes 2015):  1 / (1 - s)
  participation p of the local covariance's eigenvalues:                                           1 / (1/p - 1/(k - 1))
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from geometry.dimension.ball import draw_neighbourhoods, mean_log_radii
from geometry.pairs.local import LocalSpectra, LocalSums, Places, spectra_of, sums_of
from geometry.types import Floats

LOWEST, HIGHEST = 0.25, 1000.0  # dimensions that are looked for
DRAWN = 500  # neighbourhoods per whole dimension
NODES = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 17, 20, 24, 29, 35, 42, 50, 60, 72, 86, 103, 124, 149, 179, 215, 258)


def log_ratio(dim: float, n: int, k: int) -> float:
    """Mean of sum_{j<k} log(r_k / r_j) over n rows uniform in a ball of `dim` dimensions."""
    means = mean_log_radii(dim, n, k)
    return (k - 1) * means[-1] - sum(means[:-1])


def from_log_ratio(mean_log: float, n: int, k: int) -> float:
    """The dimension at which that mean is `mean_log`, to 1e-6; infinite beyond HIGHEST, LOWEST below.

    In logarithms the relation is nearly a line, and the plain estimate (k - 1) / mean_log is where it would be without
    edges: a bracket from half of it to four times it nearly always holds the root.
    """
    from scipy.optimize import brentq

    def excess(log_dim: float) -> float:
        return float(np.log(log_ratio(float(np.exp(log_dim)), n, k) / mean_log))

    plain = (k - 1) / mean_log
    for low, high in ((plain / 2, plain * 4), (LOWEST, HIGHEST)):
        low, high = max(low, LOWEST), min(high, HIGHEST)
        if low < high and excess(np.log(low)) > 0 > excess(np.log(high)):
            return float(np.exp(brentq(excess, np.log(low), np.log(high), xtol=1e-6)))
    return LOWEST if excess(np.log(LOWEST)) <= 0 else float("inf")


def from_area(share: float, n: int, k: int) -> float:
    """The dimension at which the mean area share of neighbourhoods of k among n rows is `share`."""
    return _between(_area_scale(share), n, k, 0)


def from_participation(value: float, n: int, k: int) -> float:
    """The dimension at which the mean participation of neighbourhoods of k among n rows is `value`."""
    return _between(_participation_scale(value, k), n, k, 1)


def area_share(sums: LocalSums) -> float:
    """Mean over neighbourhoods of area / edges, those without extent left out; NaN where all are."""
    used = sums.edges > 0
    return float((sums.area[used] / sums.edges[used]).mean()) if used.any() else float("nan")


def local_participation(spectra: LocalSpectra) -> float:
    """Mean over neighbourhoods of (sum lambda)^2 / sum lambda^2, those without extent left out; NaN where all are."""
    values = spectra.eigenvalues[spectra.eigenvalues[:, 0] > 0]
    return float((values.sum(axis=1) ** 2 / (values**2).sum(axis=1)).mean()) if len(values) else float("nan")


def _area_scale(share: float) -> float:
    return 1 / max(1 - share, 1e-12)


def _participation_scale(value: float, k: int) -> float:
    return 1 / max(1 / value - 1 / (k - 1), 1e-12)


def _between(target: float, n: int, k: int, which: int) -> float:
    """Where `target` lies on the scale, by bisection over NODES; below 1 in proportion, beyond the last the last."""
    low, high = 0, len(NODES) - 1
    if target <= _ball(NODES[0], n, k)[which]:
        return target / _ball(NODES[0], n, k)[which]
    if target >= _ball(NODES[-1], n, k)[which]:
        return float(NODES[-1])
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _ball(NODES[middle], n, k)[which] <= target else (low, middle)
    left, right = _ball(NODES[low], n, k)[which], _ball(NODES[high], n, k)[which]
    return NODES[low] + (NODES[high] - NODES[low]) * (target - left) / (right - left)


@lru_cache(maxsize=1024)
def _ball(dim: int, n: int, k: int) -> tuple[float, float]:
    """Both scales at a whole dimension."""
    vectors = draw_neighbourhoods(dim, n, k, DRAWN, 0)
    points: Floats = np.concatenate([np.zeros((DRAWN, 1, dim)), vectors], axis=1).reshape(-1, dim)
    rows = np.arange(DRAWN) * (k + 1)
    places = Places(rows, rows[:, None] + np.arange(1, k + 1), np.full(DRAWN, k))
    share, value = area_share(sums_of(points, places)), local_participation(spectra_of(points, places))
    return _area_scale(share), _participation_scale(value, k)
