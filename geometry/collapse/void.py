"""void: an empty inside, or a ring, in the radius-preserving view (persistent homology, degrees 2 and 1).

The view keeps each row's true distance to the centre and takes its direction from the three leading principal axes, so
that a shell of any dimension is a hollow ball in it. A confirmation of `shell`, not a measure of its own: directions of
a spectrum that falls fast leave caps and rings that a ball of few rows does not close.
"""

from __future__ import annotations

import numpy as np

from geometry.collapse import homology
from geometry.collapse.radial_view import with_radius
from geometry.pairs.scan import Scan
from geometry.registry import Invariance, statistic
from geometry.types import Estimate, Floats, Ints

AXES = 3
LANDMARKS = 96  # landmarks of a piece: degree 2 costs .1 s, and grows with more than their cube
DEGREES = {"h2": 2, "h1": 1}
UNORDERED: tuple[Invariance, ...] = ("translation", "rotation", "zero-padding", "scale")


@statistic(
    "void",
    needs=("points", "moments"),
    range=(0.0, np.inf),
    invariances=UNORDERED,
    direction="up",
    source="Edelsbrunner, Letscher and Zomorodian 2002; Bauer 2021",
    null="an isotropic Gaussian of three dimensions, as many rows",
    fails="needs the extra `homology`; fast spectra, few rows; outliers set the unit",
)
def void(scan: Scan, *, landmarks: int = LANDMARKS) -> dict[str, Estimate]:
    """Longest persistence in the radius-preserving view, in units of the rms radius: "h2" an empty inside, "h1" a ring.

    About .7 for h2 of a sphere of 96 rows, below .15 for a filled ball. Mean over up to four seeded pieces of
    `landmarks` rows that share none; the profile holds birth and death of the first. Undefined with fewer than five
    rows, without spread, or where ripser is not installed (`needs-ripser`).
    """
    why = homology.reason(scan, 2)
    if why:
        return {key: homology.nothing("void", key, why, scan) for key in DEGREES}
    found = [homology.bars(view(scan, part), 2) for part in homology.pieces(scan.n, landmarks, scan.seed)]
    null = homology.filled(min(landmarks, scan.n), AXES, 2)
    return {
        key: homology.estimate("void", key, [one[h - 1] for one in found], null[h - 1], scan, exact=scan.n <= landmarks)
        for key, h in DEGREES.items()
    }


def view(scan: Scan, rows: Ints) -> Floats:
    """(s, 3) radius-preserving coordinates of some rows of a set, in units of the rms distance to its mean."""
    spectrum = scan.spectrum
    centred = scan.points[rows].astype(np.float64) - spectrum.mean
    unit = float(np.sqrt(spectrum.eigenvalues.sum()))
    return with_radius(centred @ spectrum.eigenvectors[:, :AXES], np.linalg.norm(centred, axis=1)) / unit
