"""A cross-validated classifier between generated and reference rows, fitted once and shared by all who ask.

Logistic regression with an L2 penalty on the leading directions of the pooled rows: scores at unit variance, their
squares, and the logarithm of the rest's length. So it sees shifts, lost variance and lost tails, and not the interplay
of directions beyond these. All features are cut at 4 deviations, so that an outlier is one row among many. Rows that
are byte-equal stay in one fold, lest a copy be recognised by its twin. Probabilities are out of fold, for equal shares
of both sets, and calibrated by a logistic fit on the log odds of the other folds (Platt 1999).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from geometry.pairs.copies import find_copies
from geometry.pairs.cpu.threads import tell_cores
from geometry.pairs.plan import blocks
from geometry.pairs.scan import Scan
from geometry.pairs.spectrum import Spectrum, spectrum_of_points
from geometry.pairs.spread import has_spread
from geometry.types import Array, Floats, Ints

FOLDS = 5
DIRECTIONS = 50
FIT_ROWS = 5000  # of each set, for the directions
CUT = 4.0  # deviations
PENALTY = 1.0  # C of the logistic regression on features of unit deviation
FEWEST = 20  # rows of each set
REAL = 1e-10  # of the first eigenvalue: directions below are rounding
ROOM = 30.0  # largest log odds


@dataclass(frozen=True)
class Scores:
    """Out of fold, for the m generated rows, then the n reference rows.

    logit, probability (m + n,): log odds of being generated, raw and calibrated; fold, group (m + n,): the fold of each
    row and the number of its byte-equal rows.
    """

    m: int
    logit: Floats
    probability: Floats
    fold: Ints
    group: Ints


def scores(scan: Scan, reference: Scan, directions: int, seed: int) -> Scores | str:
    """Scores of both sets, made once; or the reason why there are none."""
    key = ("classifier", id(reference), directions, seed)
    if key not in scan.memo:
        scan.memo[key] = (reference, _scores(scan, reference, directions, seed))
    found: Scores | str = scan.memo[key][1]
    return found


def _scores(scan: Scan, reference: Scan, directions: int, seed: int) -> Scores | str:
    if min(len(scan.rows), len(reference.rows)) < FEWEST:
        return "few-rows"
    if not (has_spread(scan) or has_spread(reference)):
        apart = np.abs(scan.spectrum.mean - reference.spectrum.mean).max() > REAL * np.abs(scan.spectrum.mean).max()
        return "equal-rows" if apart else "no-spread"
    features = _features(scan, reference, directions)
    if features.shape[1] == 0:
        return "no-spread"
    group = find_copies(np.concatenate([scan.points, reference.points])).group
    generated = np.arange(len(group)) < scan.n
    fold = _folds(group, generated, seed)
    if any(len(np.unique(generated[fold == one])) < 2 for one in range(FOLDS)):
        return "few-distinct-rows"
    logit = np.empty(len(group))
    for one in range(FOLDS):
        inside = fold == one
        logit[inside] = np.clip(_fit(features[~inside], generated[~inside], features[inside]), -ROOM, ROOM)
    return Scores(scan.n, logit, _calibrated(logit, generated, fold), fold, group)


def _folds(group: Ints, generated: Array, seed: int) -> Ints:
    """(m + n,) seeded folds of equal size that keep byte-equal rows together and hold the shares of both sets."""
    rng = np.random.default_rng([seed, 4])
    first = np.unique(group, return_index=True)[1]
    fold = np.empty(len(first), np.int64)
    for kind in (True, False):
        members = np.flatnonzero(generated[first] == kind)
        fold[rng.permutation(members)] = np.arange(len(members)) % FOLDS
    return fold[group]


def _features(scan: Scan, reference: Scan, directions: int) -> Floats:
    """(m + n, p) features of unit deviation, those of all rows equal left out."""
    frame = _frame(scan, reference)
    values = frame.eigenvalues
    kept = int((values > REAL * values[0]).sum()) if len(values) and values[0] > 0 else 0
    kept = min(kept, directions)
    parts = [_of_rows(one.points, frame, kept) for one in (scan, reference)]
    features = np.concatenate(parts)
    spread = features.std(axis=0)
    features = features[:, spread > 1e-6] / spread[spread > 1e-6]
    features -= features.mean(axis=0)
    cut: Floats = np.clip(features, -CUT, CUT)
    return cut


def _frame(scan: Scan, reference: Scan) -> Spectrum:
    """Mean and directions of the pooled rows, both sets with equal weight."""
    a, b = (one.at_most(FIT_ROWS) for one in (scan, reference))
    if scan.d > min(a.n, b.n):
        n = min(a.n, b.n)
        return spectrum_of_points(np.concatenate([a.at_most(n).points, b.at_most(n).points]))
    gap = a.moments.mean - b.moments.mean
    covariance = (a.moments.covariance + b.moments.covariance) / 2 + np.outer(gap, gap) / 4
    values, vectors = np.linalg.eigh(covariance)
    return Spectrum(a.n + b.n, (a.moments.mean + b.moments.mean) / 2, np.maximum(values[::-1], 0.0), vectors[:, ::-1])


def _of_rows(points: Array, frame: Spectrum, kept: int) -> Floats:
    """Scores cut at CUT deviations, their squares, and the log length of what they leave."""
    axes = frame.eigenvectors[:, :kept] / np.sqrt(frame.eigenvalues[:kept])
    rest = float(frame.eigenvalues[kept:].sum())
    out = np.empty((len(points), 2 * kept + 1))
    for part in blocks(len(points), 4096):
        centred = points[part].astype(np.float64) - frame.mean
        raw = centred @ axes
        cut = np.clip(raw, -CUT, CUT)
        out[part, :kept], out[part, kept:-1] = cut, cut**2
        if rest > REAL * float(frame.eigenvalues[0]):
            left = np.einsum("ij,ij->i", centred, centred) - raw**2 @ frame.eigenvalues[:kept]
            out[part, -1] = np.log(np.maximum(left / rest, 1e-6))
        else:
            out[part, -1] = 0.0
    return out


def _fit(features: Floats, generated: Array, asked: Floats, penalty: float = PENALTY) -> Floats:
    """Log odds of `asked` rows by a balanced logistic regression; Newton's steps leave no error beyond 1e-10."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    tell_cores()
    model = LogisticRegression(C=penalty, class_weight="balanced", solver="newton-cholesky", tol=1e-6)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a last step below the rounding of the loss
        logit: Floats = model.fit(features, generated).decision_function(asked)
    return logit


def _calibrated(logit: Floats, generated: Array, fold: Ints) -> Floats:
    """Probabilities from a logistic fit on the log odds of the other folds."""
    probability = np.empty(len(logit))
    for one in range(FOLDS):
        inside = fold == one
        odds = _fit(logit[~inside, None], generated[~inside], logit[inside, None], penalty=1e3)
        probability[inside] = 1 / (1 + np.exp(-np.clip(odds, -ROOM, ROOM)))
    return probability
