"""Half of the reference is fitted, the other half is measured: so that the reference has no advantage of its own.

Directions and clusters fitted on rows describe these rows better than any new ones, the more so the fewer rows there
are. Both the rows held out and a generated set are new to the fit; under one law they are exchangeable.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geometry.errors import InputError
from geometry.pairs.scan import MOST_COVARIANCE, Scan
from geometry.pairs.spectrum import Spectrum, spectrum_of_covariance, spectrum_of_points

FIT_ROWS = 5_000  # more rows of the fitted half move neither its directions nor its clusters enough to pay for


@dataclass(frozen=True)
class HeldOut:
    """fitted (n,): the rows used for fitting, all others are held out; the spectrum of the fitted rows."""

    fitted: NDArray[np.bool_]
    spectrum: Spectrum


def held_out(reference: Scan, seed: int) -> HeldOut:
    """A seeded half of the reference's rows (at most FIT_ROWS) and its spectrum; made once and shared.

    Raises InputError where the reference stands on a summary alone.
    """
    if len(reference.points) < reference.n:
        raise InputError("the reference must be given as points, not only as a summary of them; pass an (n, d) array")
    key = ("held out", seed)
    if key not in reference.memo:
        fitted = np.zeros(reference.n, np.bool_)
        fitted[np.random.default_rng(seed).permutation(reference.n)[: min(reference.n // 2, FIT_ROWS)]] = True
        reference.memo[key] = HeldOut(fitted, _spectrum(reference, fitted))
    found: HeldOut = reference.memo[key]
    return found


def _spectrum(reference: Scan, fitted: NDArray[np.bool_]) -> Spectrum:
    points = reference.points[fitted]
    if reference.d <= min(MOST_COVARIANCE, len(points)):
        return spectrum_of_covariance(reference.executor.moments(points))
    return spectrum_of_points(points)
