"""The pooled frame: three directions in which every generation is looked at.

The leading eigenvectors of the mean over generations of C_g / tr C_g, C_g the covariance about the generation's own
centroid: no generation outweighs another by its rows or its spread, and the drift of centroids does not enter. Order by
eigenvalue; the sign of an axis makes the pooled third moment along it positive, which neither the order of rows nor a
rotation of the space can move. Beyond `MOST_COVARIANCE` dimensions the same directions come from the Gram matrix of
sampled rows. Left out: aligning encoders that differ by a rotation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from geometry.pairs.plan import blocks
from geometry.pairs.scan import MOST_COVARIANCE, Scan
from geometry.pairs.sums import sample_rows
from geometry.types import Array, Floats, Ints

AXES = 3
BLOCK = 4096  # rows centred at a time
GRAM_ROWS = 512  # rows of a generation that enter the frame where no covariance is formed
FLAT = 1e-12  # share of the leading eigenvalue below which a direction is rounding: its axis is zero
EVEN = 1e-9  # standardised third moment below which a law counts as symmetric along an axis


@dataclass(frozen=True)
class Frame:
    """axes (d, 3) orthonormal columns, zero where there is no further direction; means: one (d,) per generation."""

    axes: Floats
    means: tuple[Floats, ...]

    def centred(self, points: Array, generation: int, rows: Ints) -> Iterator[tuple[slice, Floats]]:
        """Blocks (where, (b, d)) of `rows`, as float64 about the generation's centroid."""
        for block in blocks(len(rows), BLOCK):
            yield block, points[rows[block]].astype(np.float64) - self.means[generation]

    def scores(self, points: Array, generation: int, rows: Ints) -> Floats:
        """(s, 3) centred rows along the axes."""
        out = np.empty((len(rows), AXES))
        for block, values in self.centred(points, generation, rows):
            out[block] = values @ self.axes
        return out


def pooled_frame(scans: Sequence[Scan], seed: int = 0) -> Frame:
    """The frame of all generations; see the module."""
    formed = scans[0].d <= MOST_COVARIANCE
    means = tuple(scan.moments.mean if formed else scan.points.mean(axis=0, dtype=np.float64) for scan in scans)
    axes = _from_covariances(scans) if formed else _from_rows(scans, means, seed)
    frame = Frame(axes, means)
    return Frame(axes * _signs(scans, frame, seed), means)


def _from_covariances(scans: Sequence[Scan]) -> Floats:
    from scipy.linalg import eigh

    d = scans[0].d
    pooled = np.zeros((d, d))
    for scan in scans:
        total = float(np.trace(scan.moments.covariance))
        if total > 0:
            pooled += scan.moments.covariance / total
    values, vectors = eigh(pooled, subset_by_index=(max(d - AXES, 0), d - 1))
    return _leading(values[::-1], vectors[:, ::-1])


def _from_rows(scans: Sequence[Scan], means: Sequence[Floats], seed: int) -> Floats:
    parts = []
    for scan, mean in zip(scans, means, strict=True):
        centred = scan.points[sample_rows(scan.n, GRAM_ROWS, seed)].astype(np.float64) - mean
        spread = float(np.linalg.norm(centred))
        parts.append(centred / spread if spread > 0 else centred)
    _, singular, right = np.linalg.svd(np.concatenate(parts), full_matrices=False)
    return _leading(singular[:AXES] ** 2, right[:AXES].T)


def _leading(values: Floats, vectors: Floats) -> Floats:
    """(d, 3) the eigenvectors that carry variance, padded with zero columns."""
    axes = np.zeros((len(vectors), AXES))
    kept = values > FLAT * max(float(values[0]), 0.0)
    axes[:, : len(values)] = vectors * kept
    return axes


def _signs(scans: Sequence[Scan], frame: Frame, seed: int) -> Floats:
    """(3,) +1 or -1: positive pooled third moment; where that is nil, the largest component of the axis positive."""
    third, second = np.zeros(AXES), np.zeros(AXES)
    for generation, scan in enumerate(scans):
        rows = sample_rows(scan.n, scan.n, seed)
        scores = frame.scores(scan.points, generation, rows)
        spread = float(np.sqrt((scores**2).sum(axis=1).mean()))
        if spread > 0:
            third += ((scores / spread) ** 3).mean(axis=0)
            second += ((scores / spread) ** 2).mean(axis=0)
    largest = np.take_along_axis(frame.axes, np.abs(frame.axes).argmax(axis=0)[None], axis=0)[0]
    decisive = np.where(np.abs(third) > EVEN * np.maximum(second, EVEN) ** 1.5, third, largest)
    return np.where(decisive < 0, -1.0, 1.0)
