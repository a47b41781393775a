"""The shared PCA: centred rows along the three pooled axes.

A linear view: it fills shells, and shrinks what varies along other directions.
"""

from __future__ import annotations

from geometry.projection.frame import Frame
from geometry.types import Array, Floats, Ints


def pca(points: Array, frame: Frame, generation: int, rows: Ints) -> Floats:
    """(s, 3) float64 coordinates of `rows` of one generation about its centroid, in the units of the input."""
    return frame.scores(points, generation, rows)
