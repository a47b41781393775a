"""The radius-preserving map: true distance to the generation's centroid times the unit direction in the pooled frame.

y_i = |x_i - mean_g| p_i / |p_i|, p_i = axes' (x_i - mean_g). The centroid is the origin. Sizes, shells and emptiness
are therefore true; only the direction is lossy. A row with no component in the frame keeps its radius along the first
axis; a row on the centroid is at the origin.
"""

from __future__ import annotations

import numpy as np

from geometry.projection.frame import AXES, Frame
from geometry.types import Array, Floats, Ints

NO_DIRECTION = 1e-12  # share of its radius below which a row's component in the frame is rounding


def radial(points: Array, frame: Frame, generation: int, rows: Ints) -> Floats:
    """(s, 3) float64 coordinates of `rows` of one generation, in the units of the input."""
    out = np.zeros((len(rows), AXES))
    for block, centred in frame.centred(points, generation, rows):
        radius = np.linalg.norm(centred, axis=1)
        direction = centred @ frame.axes
        length = np.linalg.norm(direction, axis=1)
        lost = length <= NO_DIRECTION * radius
        direction[lost], length[lost] = np.eye(AXES)[0], 1.0
        out[block] = direction * (radius / length)[:, None]
    return out
