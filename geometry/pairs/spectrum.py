"""Eigenvalues of the covariance, descending, never negative: from the covariance or, where d is large, the rows.

The singular values of the centred matrix are sqrt(n lambda). The dual of n rows holds the same non-zero eigenvalues as
the d x d covariance. Values below d eps lambda_1 are rounding and become zero.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geometry.types import Array, Floats, Moments


@dataclass(frozen=True)
class Spectrum:
    """n rows, mean (d,), eigenvalues (r,) descending, eigenvectors (d, r) in columns, all float64."""

    n: int
    mean: Floats
    eigenvalues: Floats
    eigenvectors: Floats

    @property
    def singular_values(self) -> Floats:
        """(r,) singular values of the centred (n, d) matrix."""
        values: Floats = np.sqrt(self.n * self.eigenvalues)
        return values


def spectrum_of_covariance(moments: Moments) -> Spectrum:
    """Of a (d, d) covariance."""
    values, vectors = np.linalg.eigh(moments.covariance)
    return Spectrum(moments.n, moments.mean, _clean(values[::-1]), vectors[:, ::-1])


def spectrum_of_points(points: Array) -> Spectrum:
    """Of the rows, by the singular values of the centred matrix: for d larger than a covariance that can be formed."""
    points = points.astype(np.float64)
    mean = points.mean(axis=0)
    _, singular, right = np.linalg.svd(points - mean, full_matrices=False)
    return Spectrum(len(points), mean, _clean(singular**2 / len(points)), right.T)


def _clean(values: Floats) -> Floats:
    floor = len(values) * np.finfo(np.float64).eps * max(float(values[0]), 0.0)
    return np.where(values > floor, values, 0.0)
