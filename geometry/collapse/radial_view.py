"""Coordinates in few dimensions that keep the true distance to the centre: only the direction is lossy."""

from __future__ import annotations

import numpy as np

from geometry.types import Floats

NO_DIRECTION = 1e-12  # share of its radius below which a row's component in the frame is rounding


def with_radius(direction: Floats, radius: Floats) -> Floats:
    """(s, a) rows along direction (s, a) with lengths radius (s,); one without direction lies along the first axis."""
    length = np.linalg.norm(direction, axis=1)
    lost = length <= NO_DIRECTION * radius
    along = np.where(lost[:, None], np.eye(direction.shape[1])[0], direction)
    made: Floats = along * (radius / np.where(lost, 1.0, length))[:, None]
    return made
