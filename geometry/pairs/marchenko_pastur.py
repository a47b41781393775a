"""Eigenvalues of the covariance of n isotropic rows in d dimensions, as a law: what a spectrum is when it says nothing.

For n, d large with c = min(n, d) / max(n, d) the non-zero eigenvalues follow, up to their scale, the density
  sqrt((b - x)(x - a)) / (2 pi c x),  a, b = (1 -+ sqrt c)^2        (Marchenko and Pastur 1967)
With x = 1 + c + 2 sqrt(c) cos t it becomes smooth on 0 < t < pi, and the midpoint rule is exact to rounding for c < 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geometry.types import Floats

NODES = 4096


@dataclass(frozen=True)
class Law:
    """`count` eigenvalues of mean near 1 as quantiles: nodes (q,) descending with weights (q,) that sum to 1."""

    count: int
    aspect: float
    nodes: Floats
    weights: Floats

    @property
    def edge(self) -> float:
        """The largest eigenvalue of the law."""
        return float((1 + np.sqrt(self.aspect)) ** 2)

    @property
    def median(self) -> float:
        return float(self.nodes[np.searchsorted(np.cumsum(self.weights), 0.5)])


def law(n: int, d: int) -> Law:
    """The law for n rows in d dimensions, both at least 1."""
    count, most = min(n, d), max(n, d)
    aspect = count / most
    angle = (np.arange(NODES) + 0.5) * np.pi / NODES
    nodes = 1 + aspect + 2 * np.sqrt(aspect) * np.cos(angle)
    weights = np.sin(angle) ** 2 / nodes
    return Law(count, aspect, nodes, weights / weights.sum())
