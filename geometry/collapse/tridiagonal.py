"""Eigenvalues of a symmetric matrix, and y' log(A) y for some vectors y, at a fraction of what eigenvectors cost.

A = Q T Q' with T tridiagonal (Householder, LAPACK's dsytrd); its eigenvalues by root-free QL (dsterf). With z = Q' y
and the integral log a = int (1 / (1 + t) - 1 / (a + t)) dt over t = e^x, by the trapezoidal rule of step STEP in x,
  y' log(A / a_1) y = sum_k STEP t_k (|y|^2 / (1 + t_k) - z' (T / a_1 + t_k)^-1 z)
from LAST below the smallest eigenvalue to LAST above 1, so that each solve is a recursion along T. The rule is off by
some exp(-2 pi^2 / STEP), the ends by exp(-LAST): 2e-3 together, enough for an error of some per cent. Directions along
which A is zero count as if its smallest positive eigenvalue were there, or less.
"""

from __future__ import annotations

import numpy as np

from geometry.errors import GeometryError
from geometry.pairs.local_kernels import reordered
from geometry.types import Floats

STEP, LAST = 2.0, 7.0
TOGETHER = 64  # vectors whose recursion runs side by side: their entries stay in a cache


def eigenvalues_and_logs(
    matrix: Floats,  # (d, d) symmetric, positive semi-definite, not zero, d at least 2
    vectors: Floats,  # (q, d)
) -> tuple[Floats, Floats]:
    """(d,) eigenvalues ascending, those below d eps of the largest 0, and (q,) y' log(A) y of each vector."""
    from scipy.linalg import lapack

    d = len(matrix)
    reflectors, diagonal, beside, factors, failed = lapack.dsytrd(
        matrix, lower=1, lwork=int(lapack.dsytrd_lwork(d, lower=1)[0])
    )
    values, stopped = lapack.dsterf(diagonal, beside)
    if failed or stopped:
        raise GeometryError("the eigenvalues of a cosine matrix were not found: LAPACK's dsterf did not converge")
    values = np.where(values > d * np.finfo(np.float64).eps * values[-1], values, 0.0)
    turned = np.array(vectors.T, np.float64, order="F")
    own = np.asfortranarray(reflectors[1:, :-1])
    turned[1:] = lapack.dormqr("L", "T", own, factors, turned[1:], 64 * len(vectors))[0]
    least, most = values[values > 0][[0, -1]]
    nodes = np.exp(np.arange(np.log(least / most) - LAST, LAST, STEP))
    lengths = (vectors**2).sum(axis=1)
    solved = _solved(diagonal / most, beside / most, np.ascontiguousarray(turned), nodes)
    return values, lengths * (STEP * (nodes / (1 + nodes)).sum() + np.log(most)) - STEP * solved


@reordered
def _solved(
    diagonal: Floats,  # (d,)
    beside: Floats,  # (d - 1,)
    vectors: Floats,  # (d, q)
    nodes: Floats,  # (m,)
) -> Floats:
    """(q,) sum over the nodes t of t z' (T + t)^-1 z, by T + t = L D L' and |D^-1/2 L^-1 z|^2."""
    d, q = vectors.shape
    out = np.zeros(q)
    before = np.zeros(TOGETHER)
    for start in range(0, q, TOGETHER):
        width = min(TOGETHER, q - start)
        for node in nodes:
            pivot, below = 1.0, 0.0
            before[:] = 0.0
            for i in range(d):
                pivot = diagonal[i] + node - below * below / pivot
                ahead = beside[i] if i < d - 1 else 0.0
                for j in range(width):
                    one = vectors[i, start + j] - before[j]
                    out[start + j] += node / pivot * one * one
                    before[j] = ahead / pivot * one
                below = ahead
    return out
