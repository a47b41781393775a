"""frechet: squared 2-Wasserstein distance of the Gaussians with two sets' means and covariances.

norm(dmu)^2 + tr(A + B) - 2 sum sqrt(eig(A^(1/2) B A^(1/2))), Dowson and Landau 1982. With A = E E', E = V sqrt(l) on
the range of A, and B = F F' likewise, the roots of these eigenvalues are the singular values of E' F: real, finite at
any rank, and good to the rounding of the covariances. As eigenvalues, beside one far row, all others lose half their
digits.

Its gradient with respect to A is I - T, with T = A^(-1/2) (A^(1/2) B A^(1/2))^(1/2) A^(-1/2) the optimal map from A to
B, and with respect to B it is I less the map back; on the ranges inverses are pseudo-inverses. So a row x of one set
with c = x - mean moves the distance by 2 dmu.c + c'(I - T)c less its mean; the variances of that over both sets are the
first-order variance F. Where the laws are equal the true F vanishes and the second-order variance S, of Gaussians,
remains; there the measured F is 2 S on average, as for any quadratic form. So the variance is max(F - S, S).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from geometry.estimates import measured, undefined
from geometry.pairs.plan import blocks
from geometry.pairs.scan import MOST_COVARIANCE, Scan
from geometry.registry import RIGID, statistic
from geometry.types import Array, Estimate, Floats, Moments

EPS = float(np.finfo(np.float64).eps)


@statistic(
    "frechet",
    needs=("moments", "reference"),
    range=(0.0, np.inf),
    invariances=RIGID,
    direction="up",
    source="Dowson and Landau 1982; Heusel et al. 2017",
    null="the bias of two samples of one law, (1/n + 1/m)(tr S + sum_ij l_i l_j (1 + delta_ij) / (2 (l_i + l_j)))",
    fails="sees means and covariances alone: sets of equal moments are 0 apart; one outlier; under two rows",
    whole="moments",
)
def frechet(scan: Scan, reference: Scan) -> Estimate:
    """Frechet distance of two sets in units of the input squared, ddof 0, never negative.

    null: the bias of two samples of one Gaussian, (1/n + 1/m)(tr S + sum_ij l_i l_j (1 + delta_ij) / (2 (l_i + l_j)))
    with S the pooled covariance and l its eigenvalues; valid for n well above d. Standard error by the influence
    functions of both sets; none where only moments are given. Undefined with one row or above 4096 dimensions.
    """
    counts = {"n": scan.n, "d": scan.d}
    if min(scan.n, reference.n) < 2:
        return undefined("frechet", "few-rows", **counts)
    if scan.d > MOST_COVARIANCE:
        return undefined("frechet", "too-many-dimensions", **counts)
    a, b = scan.moments, reference.moments
    cross = _Cross(a.covariance, b.covariance)
    apart = a.mean - b.mean
    value = gaussian_distance(a, b, cross)
    pooled = np.clip(np.linalg.eigvalsh(pooled_covariance(a, b)), 0.0, None)
    fields: dict[str, Any] = {"null": null_bias(pooled, a.n, b.n), **counts}
    if not (len(scan.sample) and len(reference.sample)):
        return measured("frechet", value, **fields)
    forth, back = cross.maps()
    first, second = 0.0, null_variance(pooled, a.n, b.n)
    for part, moments, step, transport in ((scan, a, apart, forth), (reference, b, -apart, back)):
        first += float(np.var(influence(part.sample, moments.mean, step, transport))) / moments.n
    return measured("frechet", value, stderr=float(np.sqrt(max(first - second, second))), method="influence", **fields)


def gaussian_distance(a: Moments, b: Moments, cross: _Cross | None = None) -> float:
    """Squared 2-Wasserstein distance of two Gaussians, never negative."""
    apart = a.mean - b.mean
    return max(float(apart @ apart) + (cross or _Cross(a.covariance, b.covariance)).bures, 0.0)


class _Cross:
    """E = V sqrt(l) on the range of A, F on that of B, and the singular values of E' F, from which all else follows."""

    def __init__(self, a: Floats, b: Floats):
        self.vectors, self.lengths = _root(a)
        other, lengths = _root(b)
        mixed = (self.vectors * self.lengths).T @ (other * lengths)
        self.turn, roots, _ = np.linalg.svd(mixed, full_matrices=False)
        floor = len(a) * EPS * float(self.lengths.max(initial=0.0) * lengths.max(initial=0.0))
        self.roots = np.where(roots > floor, roots, 0.0)
        self.bures = float(np.trace(a) + np.trace(b) - 2 * self.roots.sum())

    def maps(self) -> tuple[Floats, Floats]:
        """The optimal maps from A to B and from B to A, zero off the ranges."""
        inverse = np.divide(1.0, self.roots, out=np.zeros_like(self.roots), where=self.roots > 0)
        there = (self.vectors / self.lengths) @ self.turn
        back = (self.vectors * self.lengths) @ self.turn
        return (there * self.roots) @ there.T, (back * inverse) @ back.T


def _root(covariance: Floats) -> tuple[Floats, Floats]:
    """Eigenvectors (d, r) of the range and the roots (r,) of their eigenvalues."""
    values, vectors = np.linalg.eigh(covariance)
    kept = values > len(values) * EPS * max(float(values[-1]), 0.0)
    return vectors[:, kept], np.sqrt(values[kept])


def influence(points: Array, mean: Floats, step: Floats, transport: Floats) -> Floats:
    """(n,) first-order effect of each row on the distance, up to a constant; `step` is this mean less the other."""
    effect = np.empty(len(points))
    for block in blocks(len(points), 4096):
        centred = points[block].astype(np.float64) - mean
        moved = centred - centred @ transport
        effect[block] = 2 * centred @ step + np.einsum("ij,ij->i", centred, moved)
    return effect


def pooled_covariance(a: Moments, b: Moments) -> Floats:
    """(d, d) mean of the two covariances, weighted by rows, about each set's own mean."""
    pooled: Floats = (a.n * a.covariance + b.n * b.covariance) / (a.n + b.n)
    return pooled


def null_bias(eigenvalues: Floats, n: int, m: int) -> float:
    """Expected distance of two samples of one Gaussian with these eigenvalues."""
    total = sum(float(harmonic.sum()) for harmonic in _harmonic(eigenvalues)) / 2 + float(eigenvalues.sum()) / 4
    return (1 / n + 1 / m) * (float(eigenvalues.sum()) + total)


def null_variance(eigenvalues: Floats, n: int, m: int) -> float:
    """Variance of that distance: of sum |dmu_i|^2 and of sum_ij D_ij^2 / (2 (l_i + l_j)) with D the Wishart noise."""
    pairs = sum(float((harmonic**2).sum()) for harmonic in _harmonic(eigenvalues))
    squares = float((eigenvalues**2).sum())
    return (1 / n + 1 / m) ** 2 * (2 * squares + pairs + squares / 4)


def _harmonic(eigenvalues: Floats) -> list[Floats]:
    """l_i l_j / (l_i + l_j), in blocks of rows; eigenvalues of zero take no part."""
    kept = eigenvalues[eigenvalues > 0]
    return [np.outer(kept[b], kept) / np.add.outer(kept[b], kept) for b in blocks(len(kept), 512)]
