"""The compiled loops under `geometry.pairs.local`: numba, one thread each, the caller's threads run them side by side.

Imported inside functions: loading numba takes longer than the rest of the package. The first call of each compiles it
and leaves the result in the cache folder of numba.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
from numba import njit

from geometry.types import Array, Floats, Ints

Loop = TypeVar("Loop", bound=Callable[..., Any])
REORDERED = {"reassoc", "contract", "arcp", "nsz", "nnan"}  # sums in vector lanes; there is no NaN to care for


def compiled(function: Loop) -> Loop:
    """Machine code of a loop, in the order it is written in."""
    return cast(Loop, njit(nogil=True, cache=True, error_model="numpy")(function))


def reordered(function: Loop) -> Loop:
    """Machine code of a loop whose sums may run in vector lanes: the same order in every run."""
    return cast(Loop, njit(nogil=True, cache=True, error_model="numpy", fastmath=REORDERED)(function))


def inlined(function: Loop) -> Loop:
    """A part of a `reordered` loop, taken into it before anything is compiled.

    A call would be worse than slow: code that is compiled in this run and code that comes from the cache then round
    sums in different orders.
    """
    return cast(Loop, njit(nogil=True, error_model="numpy", fastmath=REORDERED, inline="always")(function))


@reordered
def subtract(taken: Array, own: Array, out: Floats) -> Floats:
    """out (b, k, d) = taken - own in float64, each neighbourhood divided by its largest |coordinate|, returned (b,)."""
    b, k, d = taken.shape
    unit = np.zeros(b)
    for row in range(b):
        largest = 0.0
        for j in range(k):
            for c in range(d):
                gap = np.float64(taken[row, j, c]) - np.float64(own[row, c])
                out[row, j, c] = gap
                largest = max(largest, abs(gap))
        unit[row] = largest
        if largest > 0:
            for j in range(k):
                for c in range(d):
                    out[row, j, c] /= largest
    return unit


@reordered
def normalise(gram: Floats) -> Floats:
    """Divide each (k, k) by its largest diagonal entry, in place; returns those (b,), 0 for a zero matrix."""
    b, k = gram.shape[:2]
    largest = np.zeros(b)
    for row in range(b):
        for j in range(k):
            largest[row] = max(largest[row], gram[row, j, j])
        if largest[row] > 0:
            for i in range(k):
                for j in range(k):
                    gram[row, i, j] /= largest[row]
    return largest


@reordered
def centre(gram: Floats, count: Ints) -> tuple[Floats, Floats]:
    """H (b, k, k) of the first count members, zero beyond, and its trace per member (b,)."""
    b, k = gram.shape[:2]
    out = np.zeros(gram.shape)
    spread = np.zeros(b)
    mean = np.empty(k)
    for row in range(b):
        c = count[row]
        whole = 0.0
        for i in range(c):
            total = 0.0
            for j in range(c):
                total += gram[row, i, j]
            mean[i] = total / c
            whole += mean[i]
        for i in range(c):
            shift = whole / c - mean[i]
            for j in range(c):
                out[row, i, j] = gram[row, i, j] - mean[j] + shift
            spread[row] += out[row, i, i] / c
    return out, spread


@reordered
def reduce_pairs(gram: Floats, centred: Floats, count: Ints) -> Floats:
    """(6, b) rows directed, cos2, cos, sin, area, edges of `geometry.pairs.local.LocalSums`."""
    b = len(gram)
    out = np.zeros((6, b))
    for row in range(b):
        _angles(gram[row], count[row], out[:, row])
        _areas(centred[row], count[row], out[:, row])
    return out


@compiled
def reduce_reflections(gram: Floats, count: Ints, tight: float, same: float) -> Floats:
    """(2, b) rows tight, dropped of `geometry.pairs.local.LocalReflections`."""
    b = len(gram)
    out = np.zeros((2, b))
    for row in range(b):
        _reflections(gram[row], count[row], tight, same, out[:, row])
    return out


@inlined
def _angles(gram: Floats, c: int, out: Floats) -> None:
    inverse = np.zeros(c)
    for i in range(c):
        if gram[i, i] > 0:
            inverse[i] = 1 / np.sqrt(gram[i, i])
            out[0] += 1
    cos2, cos, sin = 0.0, 0.0, 0.0
    for i in range(c):
        if inverse[i] == 0:
            continue
        for j in range(i):
            one = min(max(gram[i, j] * inverse[i] * inverse[j], -1.0), 1.0)
            cos += one
            cos2 += one * one
            sin += np.sqrt(1 - one * one) if inverse[j] > 0 else 0.0
    out[1], out[2], out[3] = out[0] + 2 * cos2, cos, sin


@inlined
def _areas(centred: Floats, c: int, out: Floats) -> None:
    square = np.empty(c)
    for i in range(c):
        square[i] = max(centred[i, i], 0.0)
    area, edges = 0.0, 0.0
    for i in range(c):
        for j in range(i):
            product = square[i] * square[j]
            area += np.sqrt(max(product - centred[i, j] * centred[i, j], 0.0))
            edges += np.sqrt(product)
    out[4], out[5] = area, edges


@compiled
def _reflections(gram: Floats, c: int, tight: float, same: float, out: Floats) -> None:
    total, dropped = 0.0, 0
    for i in range(c):
        a = gram[i, i]
        length = np.sqrt(a)
        if length >= tight:
            total += 2 * np.log(length)
        else:
            dropped += 1
        for j in range(c):
            if i == j:
                continue
            v2 = max(a + gram[j, j] - 2 * gram[i, j], 0.0)
            s = _reached(a, gram[j, j], v2)
            t = _reached(a, gram[j, j], 2 * a + 2 * gram[j, j] - v2)
            if v2 > same and s >= tight and t >= tight:
                total += np.log(s) + np.log(t)
            else:
                dropped += 1
    out[0], out[1] = total, dropped


@compiled
def _reached(a: float, b: float, v2: float) -> float:
    """s of the module `local` for squared lengths a, b and squared distance v2; 0 where it has no value."""
    lead = a + v2 - b
    below = lead + np.sqrt(max(lead * lead + 4 * v2 * max(1 - a, 0.0), 0.0))
    return 2 * v2 / below if below > 0 else 0.0
