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
    """Of the rows, by the smaller of the two products of the centred matrix; n = 0 has no eigenvalue.

    Directions of eigenvalues lost to rounding (below about 1e-15 of the first) are zero columns where d > n.
    """
    points = points.astype(np.float64)
    n, d = points.shape
    mean = points.mean(axis=0) if n else np.zeros(d)
    centred = points - mean
    if d <= n or n == 0:
        return spectrum_of_covariance(Moments(n, mean, centred.T @ centred / max(n, 1)))
    values, left = np.linalg.eigh(centred @ centred.T / n)
    values, vectors = _clean(values[::-1]), centred.T @ left[:, ::-1]
    lengths = np.sqrt(n * values)
    return Spectrum(n, mean, values, np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0))


def _clean(values: Floats) -> Floats:
    floor = len(values) * np.finfo(np.float64).eps * max(float(values[0]), 0.0)
    return np.where(values > floor, values, 0.0)
