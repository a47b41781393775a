"""Radii are kept, directions too; a row without a direction lies along the first axis."""

from __future__ import annotations

import clouds
import numpy as np

from geometry.collapse.radial_view import with_radius


def test_lengths_are_the_radii_and_directions_stay() -> None:
    direction, radius = clouds.gaussian(50, 3), np.arange(50.0)
    made = with_radius(direction, radius)
    np.testing.assert_allclose(np.linalg.norm(made, axis=1), radius)
    np.testing.assert_allclose(np.cross(made, direction), 0, atol=1e-12)
    assert ((made * direction).sum(axis=1) >= 0).all()


def test_rounding_is_no_direction() -> None:
    made = with_radius(np.array([[0, 1e-14, 0], [0, 1e-9, 0], [0, 0, 0]]), np.array([2.0, 2.0, 0.0]))
    np.testing.assert_allclose(made, [[2, 0, 0], [0, 2, 0], [0, 0, 0]])
