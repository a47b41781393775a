"""What the singular values of a weight matrix, or of the change between two, say: ranks, bulk and tail.

With s the singular values of the matrix as it is (not centred), lambda = s^2:
  effective_rank  exp(entropy of s / sum s)                                              Roy and Vetterli 2007
  stable_rank     sum lambda / lambda_1
  rank            how many s exceed max(rows, columns) eps s_1, eps that of the stored type or of `floor`
  above_bulk      how many lambda exceed the edge of a random matrix with the same median   Marchenko and Pastur 1967
  alpha           exponent of the density of lambda beyond lambda_min, maximum likelihood, 1 + m / sum log(lambda /
                  lambda_min), error (alpha - 1) / sqrt(m); lambda_min is where the Kolmogorov-Smirnov distance of the
                  tail to its power law is least, m >= 10            Clauset et al. 2009; Martin and Mahoney 2021
Left out: tests of the power law against other tails; at the few hundred values of a layer they have little power.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from geometry.collapse.spectrum import entropy_rank
from geometry.pairs.marchenko_pastur import law
from geometry.types import Floats

LEAST_TAIL = 10  # values a tail is fitted to at least
STORED = float(np.finfo(np.float32).eps)


@dataclass(frozen=True)
class WeightSpectrum:
    """norm: Frobenius, largest: s_1, both in units of the weights; None where there is nothing to say it of."""

    norm: float
    largest: float
    rank: int
    effective_rank: float | None
    stable_rank: float | None
    above_bulk: int | None
    alpha: float | None
    alpha_stderr: float | None
    alpha_distance: float | None
    tail: int

    def as_dict(self) -> dict[str, Any]:
        """The fields by name, ready for JSON."""
        return asdict(self)


def weight_spectrum(
    singular: Floats,  # (r,)
    shape: tuple[int, int],
    *,
    floor: float = 0.0,
) -> WeightSpectrum:
    """The spectrum of a matrix (rows, columns) with these singular values, in any order, no more than its smaller side.

    floor: singular values up to it are rounding (of a difference: that of the matrices it was taken of). Ranks, bulk
    and tail are None where all values are zero or rounding; above_bulk and alpha also where there are too few.
    """
    ordered = np.sort(np.asarray(singular, np.float64))[::-1]
    largest = float(ordered[0]) if len(ordered) else 0.0
    edge = max(floor, max(shape) * STORED * largest)
    kept = ordered[ordered > edge]
    norm = float(np.linalg.norm(ordered))
    if len(kept) == 0:
        return WeightSpectrum(norm, largest, 0, None, None, None, None, None, None, 0)
    alpha, stderr, distance, tail = power_law_tail(kept**2)
    return WeightSpectrum(
        norm,
        largest,
        len(kept),
        entropy_rank(kept)[0],
        float((kept**2).sum() / kept[0] ** 2),
        _above_bulk(ordered, shape, len(kept)),
        alpha,
        stderr,
        distance,
        tail,
    )


def power_law_tail(
    eigenvalues: Floats,  # (r,) positive
) -> tuple[float | None, float | None, float | None, int]:
    """alpha, its error, the distance of the fit, and how many values it rests on; None where there are too few."""
    ascending = np.sort(eigenvalues)
    starts = len(ascending) - LEAST_TAIL + 1
    fits = [fit for start in range(max(starts, 0)) if (fit := _fit(ascending[start:])) is not None]
    if not fits:
        return None, None, None, 0
    distance, alpha, tail = min(fits)
    return alpha, (alpha - 1) / float(np.sqrt(tail)), distance, tail


def _fit(tail: Floats) -> tuple[float, float, int] | None:
    """Distance, alpha and size of the power law from the first value of an ascending tail; None without spread."""
    logs = np.log(tail / tail[0])
    total = float(logs.sum())
    if total <= 1e-9 * len(tail):
        return None
    slope = len(tail) / total
    below = 1 - np.exp(-slope * logs)
    steps = np.arange(len(tail) + 1) / len(tail)
    return float(max(np.max(steps[1:] - below), np.max(below - steps[:-1]))), 1 + slope, len(tail)


def _above_bulk(ordered: Floats, shape: tuple[int, int], rank: int) -> int | None:
    """Values beyond the edge of the random matrix that has their median; None for a matrix that lacks full rank."""
    few = min(shape)
    if len(ordered) < few or rank < few or few < LEAST_TAIL:
        return None
    made = law(max(shape), few)
    edge = np.median(ordered**2) * made.edge / made.median
    return int((ordered**2 > edge).sum())
