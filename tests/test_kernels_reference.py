"""The fused multiply-add of the reference against exact rational arithmetic and the C library."""

from __future__ import annotations

import ctypes
import ctypes.util
from fractions import Fraction

import numpy as np
import pytest

from geometry.pairs.kernel_reference import add_up, fma, sum_of_squares, upper

libm = ctypes.CDLL(ctypes.util.find_library("m"))
libm.fma.restype = ctypes.c_double
libm.fma.argtypes = [ctypes.c_double] * 3


def triples(rng: np.random.Generator, size: int) -> list[np.ndarray]:
    """Factors of any sign and size, and addends from far below to far above the product, near-cancellation included."""
    a, b = (np.ldexp(rng.standard_normal(size), rng.integers(-40, 40, size)) for _ in range(2))
    c = a * b * np.ldexp(rng.standard_normal(size), rng.integers(-110, 60, size))
    c[::5] = -(a * b)[::5]
    c[1::5] = -(a * b)[1::5] * (1 + rng.integers(-3, 4, len(c[1::5])) * 2.0**-52)
    c[2::25] = 0.0
    return [a, b, c]


def rounded_up(exact: Fraction) -> float:
    nearest = float(exact)
    return nearest if Fraction(nearest) >= exact else float(np.nextafter(nearest, np.inf))


def test_fma_rounds_to_nearest_as_the_c_library(rng: np.random.Generator) -> None:
    a, b, c = triples(rng, 20_000)
    expected = np.array([libm.fma(*t) for t in zip(a, b, c, strict=True)])
    assert np.array_equal(fma(a, b, c), expected)


def test_fma_and_addition_round_up_exactly(rng: np.random.Generator) -> None:
    a, b, c = triples(rng, 4_000)
    exact = [Fraction(x) * Fraction(y) + Fraction(z) for x, y, z in zip(a, b, c, strict=True)]
    assert np.array_equal(fma(a, b, c, up=True), [rounded_up(e) for e in exact])
    sums = [rounded_up(Fraction(x) + Fraction(z)) for x, z in zip(a, c, strict=True)]
    assert np.array_equal(add_up(a, c), sums)


def test_plain_arithmetic_would_not_pass(rng: np.random.Generator) -> None:
    a, b, c = triples(rng, 1_000)
    assert not np.array_equal(a * b + c, fma(a, b, c))


@pytest.mark.parametrize("d", [1, 31, 32, 33, 768])
def test_sum_of_squares_is_the_sum(rng: np.random.Generator, d: int) -> None:
    values = rng.standard_normal((5, d))
    exact = [sum(Fraction(v) ** 2 for v in row) for row in values]
    nearest, above = sum_of_squares(values), sum_of_squares(values, up=True)
    assert np.allclose(nearest, [float(e) for e in exact], rtol=1e-14)
    assert all(Fraction(a) >= e for a, e in zip(above, exact, strict=True))
    assert all(Fraction(u) >= e for u, e in zip(upper(nearest, d), exact, strict=True))


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(5)
