"""ring: the strongest loop of a low-dimensional view, and the order of the points around it.

The loop is the class of degree 1 with the longest persistence; the order comes from its cocycle alpha, smoothed to the
circle-valued map theta that least changes along the edges between birth and death: minimise sum (alpha - d theta)^2
(de Silva, Morozov, Vejdemo-Johansson 2011). A family of curve detectors forms such a ring, with their angle around it;
a family that repeats within a turn, as lines do after half of one, goes around more than once.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from geometry.collapse import homology
from geometry.collapse.void import UNORDERED
from geometry.errors import UsageError
from geometry.pairs.scan import Scan
from geometry.registry import statistic
from geometry.types import Estimate, Floats, Ints

LANDMARKS = 256  # landmarks of a piece: degree 1 takes some 50 ms
AXES = 3
NEAREST = 3  # landmarks that give a row its angle


@statistic(
    "ring",
    needs=("points", "moments"),
    range=(0.0, np.inf),
    invariances=UNORDERED,
    direction="up",
    source="de Silva, Morozov and Vejdemo-Johansson 2011; Bauer 2021",
    null="an isotropic Gaussian of as many axes and rows",
    fails="needs the extra `homology`; loops that the leading axes fold together; rows across the hole close it",
)
def ring(scan: Scan, *, axes: int = AXES, landmarks: int = LANDMARKS) -> Estimate:
    """Longest persistence of a loop among the leading principal axes, in units of the rms radius there.

    About 1.5 for a circle, .2 where there is no loop. Mean over up to four seeded pieces of `landmarks` rows that share
    none; the profile holds birth and death of the first. per_point (n,): the place of every row around the longest
    loop found, in turns from 0 to 1, from an arbitrary start, and profile `order` (n,) the rows in that order; only set
    apart from chance where the value is far above its null. Undefined with fewer than four rows, without spread, or
    where ripser is not installed (`needs-ripser`).
    """
    if axes < 2 or landmarks < 4:
        raise UsageError(f"ring: {axes} axes and {landmarks} landmarks hold no loop; it needs 2 and 4 at least")
    why = homology.reason(scan, 1)
    if why:
        return homology.nothing("ring", "", why, scan)
    spectrum = scan.spectrum
    unit = float(np.sqrt(spectrum.eigenvalues[:axes].sum()))
    view: Floats = (scan.points.astype(np.float64) - spectrum.mean) @ spectrum.eigenvectors[:, :axes] / unit
    parts = homology.pieces(scan.n, landmarks, scan.seed)
    found = [homology.bars(view[part], 1, cocycles=True)[0] for part in parts]
    null = homology.filled(min(landmarks, scan.n), view.shape[1], 1)[0]
    made = homology.estimate("ring", "", found, null, scan, exact=scan.n <= landmarks)
    best = int(np.argmax([one.longest for one in found]))
    if not len(found[best].intervals):
        return made
    placed = view[parts[best]]
    place = _everywhere(view, placed, circular(placed, found[best]))
    order = np.argsort(place, kind="stable")
    return replace(made, per_point=place, profile={**(made.profile or {}), "order": order})


def circular(points: Floats, bars: homology.Bars) -> Floats:
    """(m,) place in [0, 1) of landmarks (m, a) around the first bar, at the scale halfway through it."""
    scale = float(bars.intervals[0].mean())
    dist = np.sqrt(((points[:, None] - points[None]) ** 2).sum(axis=2))
    row, column = np.nonzero(np.triu(dist <= scale, 1))
    alpha = np.zeros((len(points), len(points)))
    values = (bars.cocycle[:, 2] + homology.PRIME // 2) % homology.PRIME - homology.PRIME // 2
    alpha[bars.cocycle[:, 0], bars.cocycle[:, 1]] = values
    smooth = _potential(len(points), row, column, (alpha - alpha.T)[row, column])
    return smooth - np.floor(smooth)


def _potential(m: int, row: Ints, column: Ints, alpha: Floats) -> Floats:
    """(m,) least squares of theta[column] - theta[row] on alpha, least norm where pieces do not hang together."""
    laplacian, right = np.zeros((m, m)), np.zeros(m)
    np.add.at(laplacian, (row, column), -1.0)
    laplacian += laplacian.T
    np.fill_diagonal(laplacian, -laplacian.sum(axis=1))
    np.add.at(right, column, alpha)
    np.add.at(right, row, -alpha)
    solved: Floats = np.asarray(np.linalg.lstsq(laplacian, right, rcond=None)[0], np.float64)
    return solved


def _everywhere(view: Floats, landmarks: Floats, angles: Floats) -> Floats:
    """(n,) place of every row: the circular mean of its nearest landmarks, the nearer the heavier."""
    from scipy.spatial import cKDTree

    k = min(NEAREST, len(landmarks))
    dist, index = cKDTree(landmarks).query(view, k)
    dist, index = dist.reshape(len(view), k), index.reshape(len(view), k)
    weight = 1 / (dist + 1e-9)
    turn = (weight * np.exp(2j * np.pi * angles[index])).sum(axis=1)
    made: Floats = np.asarray(np.angle(turn) / (2 * np.pi), np.float64)
    return made - np.floor(made)
