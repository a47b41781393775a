"""The 24 standard manifolds of intrinsic dimension: pure functions of (n, seed), each with its true dimension.

M1 to M13 after Hein and Audibert 2005; Mbeta, Mn and Mp after Rozza, Lombardi, Ceruti, Casiraghi, Campadelli 2012 and
Campadelli, Casiraghi, Ceruti, Rozza 2015, in the sizes of their benchmark. No noise. A manifold that bends faster than
2,500 rows can follow (M5b, M8, M11), or that has nearly all its mass at an edge (Mbeta, Mp), is part of the exercise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Cloud = NDArray[np.float64]
Draw = Callable[[np.random.Generator, int, int], Cloud]
TURN = 2 * np.pi


@dataclass(frozen=True)
class Manifold:
    """`dim` true dimensions, drawn by `draw(rng, n, dim)` and padded with zero columns to `ambient`."""

    dim: int
    ambient: int
    draw: Draw

    def sample(self, n: int, seed: int = 0) -> tuple[Cloud, int]:
        """(n, ambient) rows and the true dimension."""
        points = self.draw(np.random.default_rng([seed, self.dim, self.ambient]), n, self.dim)
        return np.hstack([points, np.zeros((n, self.ambient - points.shape[1]))]), self.dim


def sphere(rng: np.random.Generator, n: int, dim: int) -> Cloud:
    """Uniform on the unit sphere."""
    points = rng.standard_normal((n, dim + 1))
    return points / np.linalg.norm(points, axis=1, keepdims=True)


def affine_three(rng: np.random.Generator, n: int, dim: int) -> Cloud:
    """A box of three dimensions laid obliquely into five."""
    basis = np.array([[1.2, -0.5, 0], [0.5, 0.9, 0], [-0.5, -0.2, 1], [0.4, -0.9, -0.1], [1.1, -0.3, 0]])
    return rng.uniform(0, 4, (n, dim)) @ basis.T + [3, -1, 0, 0, 8]


def concentrated_four(rng: np.random.Generator, n: int, dim: int) -> Cloud:
    """A four-dimensional figure easily taken for three."""
    a, b, c, d = rng.uniform(size=(dim, n))
    columns = (
        b**2 * np.cos(TURN * a),
        c**2 * np.sin(TURN * a),
        b + c + (b - d) ** 2,
        b - 2 * c + (a - d) ** 2,
        -b - 2 * c + (c - d) ** 2,
        a**2 - b**2 + c**2 - d**2,
    )
    return np.column_stack(columns)


def wound(copies: int) -> Draw:
    """Each coordinate an angle, the next one its radius; the 2 dim columns repeated."""

    def draw(rng: np.random.Generator, n: int, dim: int) -> Cloud:
        angle = rng.uniform(size=(n, dim))
        radius = np.roll(angle, -1, axis=1)
        return np.tile(np.hstack([radius * np.cos(TURN * angle), radius * np.sin(TURN * angle)]), copies)

    return draw


def toroidal_helix(rng: np.random.Generator, n: int, dim: int) -> Cloud:
    """A closed curve of eight turns about a torus."""
    t = rng.uniform(0, TURN, n)
    ring = 2 + np.cos(8 * t)
    return np.column_stack([ring * np.cos(t), ring * np.sin(t), np.sin(8 * t)])


def helicoid(rng: np.random.Generator, n: int, dim: int) -> Cloud:
    """A winding staircase of five turns, as wide as it is high."""
    radius, angle = rng.uniform(0, 5 * TURN, (2, n))
    return np.column_stack([radius * np.cos(angle), radius * np.sin(angle), 0.5 * angle])


def roll(rng: np.random.Generator, n: int, dim: int) -> Cloud:
    """A rolled-up strip."""
    t = 1.5 * np.pi * (1 + 2 * rng.uniform(size=n))
    return np.column_stack([t * np.cos(t), 21 * rng.uniform(size=n), t * np.sin(t)])


def box(rng: np.random.Generator, n: int, dim: int) -> Cloud:
    """Uniform in a cube."""
    return rng.uniform(-2.5, 2.5, (n, dim))


def cube_surface(rng: np.random.Generator, n: int, dim: int) -> Cloud:
    """Uniform on the faces of a cube of one dimension more."""
    points = rng.uniform(size=(n, dim + 1))
    points[np.arange(n), rng.integers(dim + 1, size=n)] = rng.integers(2, size=n)
    return points


def moebius(rng: np.random.Generator, n: int, dim: int) -> Cloud:
    """A band twisted ten times."""
    angle, width = rng.uniform(0, TURN, n), rng.uniform(-0.5, 0.5, n)
    reach = 1 + width * np.cos(5 * angle)
    return np.column_stack([reach * np.cos(angle), reach * np.sin(angle), width * np.sin(5 * angle)])


def gaussian(rng: np.random.Generator, n: int, dim: int) -> Cloud:
    """N(0, I)."""
    return rng.standard_normal((n, dim))


def s_curve(rng: np.random.Generator, n: int, dim: int) -> Cloud:
    """A strip bent like an S."""
    t = 3 * np.pi * rng.uniform(-0.5, 0.5, n)
    return np.column_stack([np.sin(t), rng.uniform(0, 2, n), np.sign(t) * (np.cos(t) - 1)])


def spiral(rng: np.random.Generator, n: int, dim: int) -> Cloud:
    """A wide helix of five turns that lie close to each other."""
    t = rng.uniform(0, 5 * TURN, n)
    return np.column_stack([100 * np.cos(t), 100 * np.sin(t), t])


def beta_density(rng: np.random.Generator, n: int, dim: int) -> Cloud:
    """Independent Beta(10, .5) coordinates, crowded at 1, bent into 4 dim columns."""
    x = rng.beta(10, 0.5, (n, dim))
    return np.tile(np.hstack([x * np.sin(np.cos(TURN * x)), x * np.cos(np.sin(TURN * x))]), 2)


def tangled(rng: np.random.Generator, n: int, dim: int) -> Cloud:
    """Uniform coordinates, each bent by its mirror image, into 4 dim columns."""
    x = rng.uniform(size=(n, dim))
    mirror = x[:, ::-1]
    return np.tile(np.hstack([np.tan(x * np.cos(mirror)), np.arctan(mirror * np.sin(x))]), 2)


def paraboloid(rng: np.random.Generator, n: int, dim: int) -> Cloud:
    """Burr-distributed coordinates and their sum of squares, beside their sines and squares."""
    waits = rng.exponential(size=(n, dim + 1))
    x = 1 / (1 + waits[:, 1:] / waits[:, :1])
    x = np.column_stack([x, (x**2).sum(axis=1)])
    return np.hstack([x, np.sin(x), x**2])


MANIFOLDS = {
    "M1": Manifold(10, 11, sphere),
    "M2": Manifold(3, 5, affine_three),
    "M3": Manifold(4, 6, concentrated_four),
    "M4": Manifold(4, 8, wound(1)),
    "M5a": Manifold(1, 3, toroidal_helix),
    "M5b": Manifold(2, 3, helicoid),
    "M6": Manifold(6, 36, wound(3)),
    "M7": Manifold(2, 3, roll),
    "M8": Manifold(12, 72, wound(3)),
    "M9": Manifold(20, 20, box),
    "M10a": Manifold(10, 11, cube_surface),
    "M10b": Manifold(17, 18, cube_surface),
    "M10c": Manifold(24, 25, cube_surface),
    "M10d": Manifold(70, 71, cube_surface),
    "M11": Manifold(2, 3, moebius),
    "M12": Manifold(20, 20, gaussian),
    "M13a": Manifold(2, 3, s_curve),
    "M13b": Manifold(1, 13, spiral),
    "Mbeta": Manifold(10, 40, beta_density),
    "Mn1": Manifold(18, 72, tangled),
    "Mn2": Manifold(24, 96, tangled),
    "Mp1": Manifold(3, 12, paraboloid),
    "Mp2": Manifold(6, 21, paraboloid),
    "Mp3": Manifold(9, 30, paraboloid),
}
