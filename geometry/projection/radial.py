"""The radius-preserving map: true distance to the generation's centroid times the unit direction in the pooled frame.

y_i = |x_i - mean_g| p_i / |p_i|, p_i = axes' (x_i - mean_g). The centroid is the origin. Sizes, shells and emptiness
are therefore true; only the direction is lossy. A row with no component in the frame keeps its radius along the first
axis; a row on the centroid is at the origin.
"""

from __future__ import annotations

import numpy as np

from geometry.collapse.radial_view import with_radius
from geometry.projection.frame import AXES, Frame
from geometry.types import Array, Floats, Ints


def radial(points: Array, frame: Frame, generation: int, rows: Ints) -> Floats:
    """(s, 3) float64 coordinates of `rows` of one generation, in the units of the input."""
    out = np.zeros((len(rows), AXES))
    for block, centred in frame.centred(points, generation, rows):
        radius = np.linalg.norm(centred, axis=1)
        out[block] = with_radius(centred @ frame.axes, radius)
    return out
