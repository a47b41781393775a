"""The data that are timed: seeded float32 clouds by kind, saved once and read by every peer.

mixture: 50 Gaussian clusters with standard deviations i^-1/2 along the coordinates, centres twice as wide. isotropic:
N(0, I), where all distances are alike. tight: 200 clusters of spread .02, where products in 16 bits cannot tell rows
of one cluster apart.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float32]
KINDS = ("mixture", "isotropic", "tight")


def cloud(kind: str, n: int, d: int, seed: int = 0) -> Points:
    """(n, d) float32 rows; the centres depend on d alone, so that two seeds are two draws of one law."""
    rng, law = np.random.default_rng([seed, 1]), np.random.default_rng([d, 2])
    noise = rng.standard_normal((n, d), dtype=np.float32)
    if kind == "isotropic":
        return noise
    count = 50 if kind == "mixture" else 200
    centres = law.standard_normal((count, d), dtype=np.float32)[rng.integers(0, count, n)]
    if kind == "tight":
        return centres + np.float32(0.02) * noise
    if kind == "mixture":
        scale = np.arange(1, d + 1, dtype=np.float32) ** np.float32(-0.5)
        return (noise + 2 * centres) * scale
    raise ValueError(f"kind '{kind}' is unknown; choose one of {', '.join(KINDS)}")


def generations(count: int, n: int, d: int) -> list[Points]:
    """Twenty clusters that lose three at every generation."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(20, d))
    noise = [rng.normal(size=(n, d)) for _ in range(count)]
    return [(centres[rng.integers(0, 20 - 3 * t, n)] + 0.5 * noise[t]).astype(np.float32) for t in range(count)]
