"""Eigenvalues of many small symmetric matrices, without vectors: a tridiagonal form, then QL steps free of roots.

Householder reflections, from the last row up: with v the part of a row left of its diagonal, its last entry moved by
its length, h = v'v / 2, p = A v / h and w = p - (v'p / 2h) v, the rest becomes A - v w' - w v'. The update by one
reflection and the product with the next go over the lower triangle together, so that each entry is read once per row
that is taken away. The QL steps are those of Pal, Walker and Kahan (Parlett 1980, section 8.15), on squared
off-diagonals with Wilkinson's shift, eight matrices side by side. Errors are a few eps times the largest eigenvalue; a
matrix whose squares would under- or overflow is for its caller to scale.

LAPACK takes two to three times as long at order 100, where calls and passes over memory cost more than arithmetic; from
order 256 on its blocks win, and it is asked. One thread: callers run blocks side by side.
"""

from __future__ import annotations

import numpy as np

from geometry.pairs.local_kernels import compiled, reordered
from geometry.types import Array, Floats, Ints

LARGEST = 256
LANES = 8  # matrices side by side in QL, whose divisions one alone would wait for
STEPS = 50  # per eigenvalue; two are usual
EPS = float(np.finfo(np.float64).eps)


def eigenvalues(
    matrices: Floats,  # (m, k, k) symmetric
) -> Floats:
    """(m, k) ascending."""
    k = matrices.shape[1]
    if k > LARGEST or k < 2:
        return np.asarray(np.linalg.eigvalsh(matrices), np.float64)
    found, converged = _all(np.ascontiguousarray(matrices, np.float64).copy())
    if not converged.all():
        found[~converged] = np.linalg.eigvalsh(matrices[~converged])
    return found


@compiled
def _all(matrices: Floats) -> tuple[Floats, Array]:
    m, k = matrices.shape[:2]
    out = np.empty((m, k))
    converged = np.ones(m, np.bool_)
    diagonal, square = np.empty(k), np.empty(k)
    d, beside = np.zeros((k, LANES)), np.zeros((k, LANES))
    work = np.empty((4, k))
    for start in range(0, m, LANES):
        count = min(LANES, m - start)
        for lane in range(LANES):  # what is left of the last lot is filled up with the last matrix
            if lane < count:
                _tridiagonal(matrices[start + lane], diagonal, square, work)
            for i in range(k):
                d[i, lane] = diagonal[i]
                beside[i, lane] = square[i]
        done = _root_free(d, beside)
        for lane in range(count):
            for i in range(k):
                out[start + lane, i] = d[i, lane]
            out[start + lane].sort()
            converged[start + lane] = done
    return out, converged


@reordered
def _tridiagonal(a: Floats, diagonal: Floats, square: Floats, work: Floats) -> None:
    """Diagonal (k,) and squared off-diagonal (k,) of a similar matrix, square[i] between i and i + 1; a is lost."""
    k = len(a)
    v, w, u, p = work[0], work[1], work[2], work[3]
    pending = False
    square[k - 1] = 0.0
    for last in range(k - 1, 0, -1):
        row = a[last]
        if pending:
            for j in range(last + 1):
                row[j] -= v[last] * w[j] + w[last] * v[j]
        diagonal[last] = row[last]
        length = 0.0
        for j in range(last):
            length += row[j] * row[j]
        square[last - 1] = length
        beside = row[last - 1]
        if length == beside * beside or last == 1:  # nothing left of the neighbour
            if pending:
                _update(a, last, v, w)
            pending = False
            continue
        root = np.sqrt(length)
        for j in range(last):
            u[j] = row[j]
        u[last - 1] = beside + root if beside > 0 else beside - root
        h = length + root * abs(beside)
        _update_and_multiply(a, last, v, w, u, p, pending)
        along = 0.0
        for j in range(last):
            p[j] /= h
            along += p[j] * u[j]
        along /= 2 * h
        for j in range(last):
            v[j] = u[j]
            w[j] = p[j] - along * u[j]
        pending = True
    diagonal[0] = a[0, 0] - (2 * v[0] * w[0] if pending else 0.0)


@reordered
def _update(a: Floats, size: int, v: Floats, w: Floats) -> None:
    for i in range(size):
        row = a[i]
        for j in range(i + 1):
            row[j] -= v[i] * w[j] + w[i] * v[j]


@reordered
def _update_and_multiply(a: Floats, size: int, v: Floats, w: Floats, u: Floats, p: Floats, pending: bool) -> None:
    """A - v w' - w v' where one is pending, and p = A u, over the lower triangle."""
    for i in range(size):
        row = a[i]
        vi, wi, ui = (v[i], w[i], u[i]) if pending else (0.0, 0.0, u[i])
        total = 0.0
        for j in range(i):
            one = row[j] - vi * w[j] - wi * v[j]
            row[j] = one
            total += one * u[j]
            p[j] += one * ui
        row[i] -= 2 * vi * wi
        p[i] = total + row[i] * ui


@compiled
def _root_free(d: Floats, square: Floats) -> bool:
    """d (k, LANES) becomes the eigenvalues, in no order; square (k, LANES) is lost. False where QL takes too long."""
    k = len(d)
    small = np.zeros(LANES)
    first, end = np.zeros(LANES, np.int64), np.zeros(LANES, np.int64)
    shift = np.zeros(LANES)
    for lane in range(LANES):
        for i in range(k):
            small[lane] = max(small[lane], abs(d[i, lane]) + np.sqrt(square[i, lane]))
        small[lane] = (EPS * small[lane]) ** 2
    for _ in range(STEPS * k):
        lowest, highest = k, 0
        for lane in range(LANES):
            _block(d[:, lane], square[:, lane], small[lane], first, end, shift, lane)
            if first[lane] < end[lane]:
                lowest, highest = min(lowest, first[lane]), max(highest, end[lane])
        if lowest >= highest:
            return True
        _ql_step(d, square, first, end, shift, lowest, highest)
    return False


@compiled
def _block(d: Floats, square: Floats, small: float, first: Ints, end: Ints, shift: Floats, lane: int) -> None:
    """The first block of a lane that is not yet diagonal, first .. end (equal where none is left), and its shift."""
    k, at = len(d), first[lane]
    while at < k - 1 and square[at] <= small:
        at += 1
    first[lane] = end[lane] = at
    if at >= k - 1:
        return
    last = at + 1
    while last < k - 1 and square[last] > small:
        last += 1
    end[lane] = last
    root = np.sqrt(square[at])
    half = (d[at + 1] - d[at]) / (2 * root)
    shift[lane] = d[at] - root / (half + np.copysign(np.sqrt(half * half + 1), half))


@compiled
def _ql_step(d: Floats, square: Floats, first: Ints, end: Ints, shift: Floats, lowest: int, highest: int) -> None:
    """One step in every lane over its own block, which drives its square[first] to 0; idle lanes rest."""
    cos2, sin2 = np.ones(LANES), np.zeros(LANES)
    gamma, p = np.zeros(LANES), np.zeros(LANES)
    for lane in range(LANES):
        gamma[lane] = d[end[lane], lane] - shift[lane]
        p[lane] = gamma[lane] * gamma[lane]
    for i in range(highest - 1, lowest - 1, -1):
        for lane in range(LANES):
            works = first[lane] <= i < end[lane]
            beside, own = square[i, lane], d[i, lane]
            r = p[lane] + beside
            r = r if r > 0 else 1.0
            cosine, sine = p[lane] / r, beside / r
            old = gamma[lane]
            turned = cosine * (own - shift[lane]) - sine * old
            grown = turned * turned / cosine if cosine > 0 else cos2[lane] * beside
            square[i + 1, lane] = sin2[lane] * r if works and i < end[lane] - 1 else square[i + 1, lane]
            d[i + 1, lane] = old + (own - turned) if works else d[i + 1, lane]
            gamma[lane] = turned if works else old
            p[lane] = grown if works else p[lane]
            cos2[lane] = cosine if works else cos2[lane]
            sin2[lane] = sine if works else sin2[lane]
    for lane in range(LANES):
        if first[lane] < end[lane]:
            square[first[lane], lane] = sin2[lane] * p[lane]
            d[first[lane], lane] = shift[lane] + gamma[lane]
