"""Null laws of the tests of uniformity on the sphere: chi2, and weighted sums of chi2 by their first three moments.

Gine's and Ajne's statistics are (1/n) sum_ij k(u_i.u_j) with k = k(0) - slope * sin psi or psi, so that E k = 0 for
uniform directions. Their law has mean k(0), variance 2 (n - 1)/n E k^2 and, in the limit, third cumulant
8 sum_l nu_l lambda_l^3: lambda_l the eigenvalue of k on the nu_l harmonics of degree l (Gine 1975; Funk-Hecke), here by
Gauss-Gegenbauer quadrature over the cosine (Golub, Welsch 1969).

About the sample's own mean, rows x = r u of an isotropic law with n mean(u) = sum_i u_i have, to first order,
sum_i (1 - c r_i) u_i there, c = (1 - 1/d) E 1/r: moving the centre by m turns u by (m - u u.m) / r. So harmonics of
degree 1 keep the share E (1 - c r)^2 of their variance, .15 for a Gaussian in 3 dimensions, and others all of it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from math import lgamma, pi
from typing import NamedTuple

import numpy as np

from geometry.types import Floats

NODES = 512  # of the quadrature over the cosine
DEGREES = 40  # of harmonics that enter the third moment of the null
NO_DIRECTION = 1e-6  # of the root mean square distance: a row nearer to the mean has no direction from it
MOST_HARMONICS = 1e15  # of one degree: beyond, its share of the moments is below rounding
Kernel = Callable[[Floats], Floats]  # of the cosine


class Null(NamedTuple):
    """The first three cumulants of a law."""

    mean: float
    variance: float
    third: float


def p_value(value: float, null: Null) -> float:
    """P(X >= value), X a weighted sum of chi2, by the shifted chi2 with its cumulants (Buckley, Eagleson 1988)."""
    from scipy.special import gammaincc

    freedom = 8 * null.variance**3 / null.third**2
    standard = (value - null.mean) / null.variance**0.5
    return float(gammaincc(freedom / 2, max(standard * (2 * freedom) ** 0.5 + freedom, 0.0) / 2))


def chi2(freedom: float, share: float = 1.0) -> Null:
    """Cumulants of a chi2 law times `share`."""
    return Null(freedom * share, 2 * freedom * share**2, 8 * freedom * share**3)


def share_left(radius: Floats, d: int) -> float:
    """Of the variance of degree 1, what is left about the mean of rows at these distances (n,) from it; 1 at d = 1."""
    seen = radius[radius > NO_DIRECTION * np.sqrt(np.mean(radius**2))]
    pull = (1 - 1 / d) * float(np.mean(1 / seen))
    return float(np.mean((1 - pull * radius) ** 2)) if d > 1 else 1.0


AT_ZERO = {"gine": 0.5, "ajne": 0.25}


def slope(name: str, d: int) -> float:
    """What a row's mean sine or angle is multiplied by, so that the kernel has mean 0 on the sphere."""
    if name == "ajne":
        return 1 / (2 * pi)
    return (d - 1) / 4 * float(np.exp(2 * (lgamma((d - 1) / 2) - lgamma(d / 2))))


def kernel_of(name: str, d: int) -> Kernel:
    """k of Gine or Ajne as a function of the cosine."""
    by, at_zero, of = slope(name, d), AT_ZERO[name], ANGLES[name]
    return lambda cosine: at_zero - by * of(cosine)


def _sine(cosine: Floats) -> Floats:
    made: Floats = np.sqrt(np.maximum((1 - cosine) * (1 + cosine), 0.0))
    return made


def _angle(cosine: Floats) -> Floats:
    made: Floats = np.arccos(np.clip(cosine, -1.0, 1.0))
    return made


ANGLES: dict[str, Kernel] = {"gine": _sine, "ajne": _angle}


def of_pairs(name: str, n: int, d: int, share: float = 1.0) -> Null:
    """The law of Gine's or Ajne's statistic of n uniform directions in d >= 2 dimensions.

    share: of their variance that harmonics of degree 1 keep, see `share_left`.
    """
    nodes, weights = quadrature(d)
    kernel = kernel_of(name, d)(nodes)
    first = float(weights @ (kernel * nodes))
    variance = 2 * (n - 1) / n * (float(weights @ kernel**2) - d * first**2 * (1 - share**2))
    third = third_moment(name, d) - d * first**3 * (1 - share**3)
    return Null(AT_ZERO[name] - d * first * (1 - share), variance, 8 * third)


@cache
def quadrature(d: int) -> tuple[Floats, Floats]:
    """Nodes and weights (q,) of the mean over the cosine of uniform directions in d >= 2 dimensions."""
    from scipy.linalg import eigh_tridiagonal

    k = np.arange(2, NODES)
    beside = np.append(1 / d, k * (k + d - 3) / ((2 * k + d - 2) * (2 * k + d - 4)))
    nodes, vectors = eigh_tridiagonal(np.zeros(NODES), np.sqrt(beside))
    return nodes, vectors[0] ** 2


@cache
def third_moment(name: str, d: int) -> float:
    """sum_l nu_l lambda_l^3 over the harmonics (Funk, Hecke): lambda_l = E k(t) P_l(t), P_l(1) = 1."""
    nodes, weights = quadrature(d)
    values = weights * kernel_of(name, d)(nodes)
    before, now, total = np.ones(NODES), nodes, 0.0
    for degree in range(1, DEGREES + 1):
        count = _harmonics(d, degree)
        if count > MOST_HARMONICS:
            break
        total += count * float(values @ now) ** 3
        before, now = now, ((2 * degree + d - 2) * nodes * now - degree * before) / (degree + d - 2)
    return total


def _harmonics(d: int, degree: int) -> float:
    """Number of harmonics of a degree >= 1 in d >= 2 dimensions: (2l + d - 2) / (l + d - 2) C(l + d - 2, l)."""
    logs = lgamma(degree + d - 1) - lgamma(degree + 1) - lgamma(d - 1) if d > 2 else 0.0
    return (2 * degree + d - 2) / (degree + d - 2) * float(np.exp(logs)) if d > 2 else 2.0
