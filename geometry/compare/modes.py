"""Modes of a reference, as labels or as clusters, and which of them a generated set has lost.

Clusters: k-means (Lloyd 1982; seeded k-means++) on the leading 50 directions of the fitted half of the reference,
k = rows of the half / 75, from 2 to 50. That k is a scale, not a count of clusters: a criterion such as the silhouette
picks 2 on handwritten digits and would miss a lost class. The reference is counted by the rows held out, which are as
new to the fit as the generated ones, so that the exact test below is exact.

A mode is a place: a row belongs to the nearest centre only within the radius that holds 90 % of the mode's fitted rows.
Without it a fog of the same mean and covariance would count as holding every mode.

A mode is lost if its share fell below a fifth of its own and a one-sided Fisher test says that this is no chance, at
1 % with Holm's correction over the modes of at least 1 %.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from geometry.compare.held_out import held_out
from geometry.compare.holm import holm
from geometry.estimates import Z95
from geometry.pairs.cpu.threads import tell_cores
from geometry.pairs.plan import blocks
from geometry.pairs.scan import Scan
from geometry.pairs.stored import Stored
from geometry.types import Array, Floats, Ints

DIRECTIONS = 50
ROWS_A_MODE = 75
FEWEST, MOST = 2, 50
LOST_BELOW = 0.2  # of its share in the reference
LEAST_SHARE = 0.01  # smaller modes are not looked at
LEVEL = 0.01
WITHIN = 0.9  # of a mode's fitted rows lie inside its radius
SLACK = 1e-6  # of a radius, and of the rms distance to the mean: equal rows may differ by the rounding of a product
STARTS = 2
DRAWS = 400


@dataclass(frozen=True)
class Modes:
    """Modes by name, with the reference's counts (k,) of rows that took no part in the fit, `total` of them in all.

    Clusters have mean (d,), axes (d, p) of unit rms scale, centres (k, p) and radii (k,) in them; labels have none of
    these.
    """

    names: Array
    counts: Ints
    total: int
    mean: Floats | None = None
    axes: Floats | None = None
    centres: Floats | None = None
    radii: Floats | None = None

    def assign(self, points: Array) -> Ints:
        """(n,) number of the mode that holds a row, -1 where none does."""
        number, distance = self.nearest(points)
        if self.radii is not None:
            number[distance > self.radii[number] * (1 + SLACK) + SLACK] = -1
        return number

    def nearest(self, points: Array) -> tuple[Ints, Floats]:
        """(n,) number of the nearest centre of every row, and the distance to it in the modes' axes."""
        if self.mean is None or self.axes is None or self.centres is None:
            raise ValueError("modes that are labels are not assigned by position")
        number, distance = np.empty(len(points), np.int64), np.empty(len(points))
        half = (self.centres**2).sum(axis=1) / 2
        for block in blocks(len(points), 8192):
            scores = (points[block].astype(np.float64) - self.mean) @ self.axes
            number[block] = np.argmin(half - scores @ self.centres.T, axis=1)
            distance[block] = np.linalg.norm(scores - self.centres[number[block]], axis=1)
        return number, distance

    def count(self, assigned: Ints) -> Ints:
        """(k,) rows of each mode; a row of no mode is numbered -1."""
        return np.bincount(assigned[assigned >= 0], minlength=len(self.counts)).astype(np.int64)


def counted_in(modes: Modes, reference: Scan, seed: int) -> Modes:
    """Clusters counted by all rows of a reference in files but those they were fitted on; made once."""
    if reference.base is None:
        return modes
    key = ("modes of all", seed)
    if key not in reference.memo:
        fitted = reference.points[held_out(reference, seed).fitted]
        counts = count_in(modes, reference.base.stored) - modes.count(modes.assign(fitted))
        reference.memo[key] = replace(modes, counts=counts, total=reference.base_rows - len(fitted))
    found: Modes = reference.memo[key]
    return found


def count_in(modes: Modes, stored: Stored) -> Ints:
    """(k,) rows of each mode among all rows in files."""
    counts = np.zeros(len(modes.names), np.int64)
    for _, rows in stored.blocks():
        counts += modes.count(modes.assign(rows))
    return counts


def of_labels(labels: Array) -> Modes:
    """The labels that occur, with how often."""
    names, counts = np.unique(np.asarray(labels), return_counts=True)
    return Modes(names, counts.astype(np.int64), int(counts.sum()))


def number_labels(modes: Modes, labels: Array) -> Ints:
    """(n,) number of the mode with this label, -1 for a label the reference does not have."""
    place = {name: i for i, name in enumerate(modes.names.tolist())}
    return np.array([place.get(label, -1) for label in np.asarray(labels).tolist()], np.int64)


def fit(reference: Scan, seed: int = 0) -> Modes | None:
    """Clusters of the reference, made once and shared; None where the fitted half has no two distinct rows."""
    key = ("modes", seed)
    if key not in reference.memo:
        reference.memo[key] = _fit(reference, seed)
    found: Modes | None = reference.memo[key]
    return found


def _fit(reference: Scan, seed: int) -> Modes | None:
    half = held_out(reference, seed)
    total = float(half.spectrum.eigenvalues.sum())
    if total <= 0:
        return None
    axes = half.spectrum.eigenvectors[:, :DIRECTIONS] / np.sqrt(total)
    scores = (reference.points[half.fitted].astype(np.float64) - half.spectrum.mean) @ axes
    k = int(np.clip(len(scores) // ROWS_A_MODE, FEWEST, MOST))
    centres = _k_means(scores, min(k, len(np.unique(scores, axis=0))), seed)
    names = np.array([f"mode {i}" for i in range(len(centres))])
    modes = Modes(names, np.zeros(len(centres), np.int64), int((~half.fitted).sum()), half.spectrum.mean, axes, centres)
    modes = replace(modes, radii=_radii(modes, reference.points[half.fitted]))
    return replace(modes, counts=modes.count(modes.assign(reference.points[~half.fitted])))


def _radii(modes: Modes, fitted: Array) -> Floats:
    """(k,) distance to the centre that WITHIN of a mode's fitted rows keep."""
    number, distance = modes.nearest(fitted)
    own = [distance[number == mode] for mode in range(len(modes.names))]
    return np.array([np.quantile(each, WITHIN) if len(each) else 0.0 for each in own])


def _k_means(scores: Floats, k: int, seed: int) -> Floats:
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits

    tell_cores()
    with warnings.catch_warnings(), threadpool_limits(limits=1):  # threads add to centres in the order they end in
        warnings.simplefilter("ignore", ConvergenceWarning)  # copies: fewer distinct rows than clusters
        centres: Floats = KMeans(k, n_init=STARTS, random_state=seed).fit(scores).cluster_centers_
    return centres


def looked_at(counts_reference: Ints, total: int | None = None) -> NDArray[np.bool_]:
    """(k,) modes that hold at least 1 % of the reference's rows, `total` of them: here and below the sum by default."""
    least = LEAST_SHARE * (counts_reference.sum() if total is None else total)
    seen: NDArray[np.bool_] = (counts_reference > 0) & (counts_reference >= least)
    return seen


def kept_ratios(counts_reference: Ints, counts_generated: Ints, rows: int, total: int | None = None) -> Floats:
    """(k,) share among the `rows` generated over the share in the reference; 1 where the reference has none."""
    share = counts_reference / max(int(counts_reference.sum()) if total is None else total, 1)
    return np.divide(counts_generated / max(rows, 1), share, out=np.ones(len(share)), where=share > 0)


def katz(
    counts_reference: Ints, counts_generated: Ints, rows: int, total: int | None = None
) -> tuple[Floats, Floats, Floats]:
    """Standard error of the log ratio and 95 % bounds of the ratio, (k,) each (Katz et al. 1978).

    Half a row is added to both counts (Walter 1975), so that an empty mode has an upper bound; its lower one is 0.
    """
    total = max(int(counts_reference.sum()) if total is None else total, 1)
    r, g = counts_reference + 0.5, counts_generated + 0.5
    error = np.sqrt(np.maximum(1 / g - 1 / (rows + 0.5) + 1 / r - 1 / (total + 0.5), 0.0))
    middle = np.log(g / (rows + 0.5)) - np.log(r / (total + 0.5))
    low = np.where(counts_generated > 0, np.exp(middle - Z95 * error), 0.0)
    return error, low, np.exp(middle + Z95 * error)


def fisher(counts_reference: Ints, counts_generated: Ints, rows: int, total: int | None = None) -> Floats:
    """(k,) one-sided exact probability of so few generated rows in a mode, given both sets (Fisher 1935)."""
    from scipy.stats import hypergeom

    total = int(counts_reference.sum()) if total is None else total
    both = counts_generated + counts_reference
    p: Floats = hypergeom.cdf(counts_generated, total + rows, both, rows)
    return p


def lost(
    counts_reference: Ints, counts_generated: Ints, rows: int | None = None, total: int | None = None
) -> NDArray[np.bool_]:
    """(k,) modes of the reference that are gone: under a fifth of their share, significantly; see the module.

    rows, total: all generated and all reference rows, where some lie in no mode; the sums of their counts by default.
    """
    rows = int(counts_generated.sum()) if rows is None else rows
    seen = looked_at(counts_reference, total)
    gone = np.zeros(len(seen), np.bool_)
    if rows and seen.any():
        gone[seen] = holm(fisher(counts_reference, counts_generated, rows, total)[seen].tolist(), LEVEL)
    few: NDArray[np.bool_] = kept_ratios(counts_reference, counts_generated, rows, total) < LOST_BELOW
    return gone & few


def expected_least(counts_reference: Ints, rows: int, seed: int = 0, total: int | None = None) -> float:
    """Mean of the smallest kept ratio over two samples of the reference's own shares, by seeded multinomial draws."""
    total = int(counts_reference.sum()) if total is None else total
    outside = np.append(counts_reference, total - counts_reference.sum())
    share, rng = outside / total, np.random.default_rng(seed)
    first, second = rng.multinomial(total, share, DRAWS)[:, :-1], rng.multinomial(rows, share, DRAWS)[:, :-1]
    pairs = zip(first, second, strict=True)
    least = [kept_ratios(a, b, rows, total)[looked_at(a, total)].min(initial=np.inf) for a, b in pairs]
    return float(np.mean(np.minimum(least, 1.0)))
