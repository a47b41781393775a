"""neural_collapse: do labelled rows fall onto the vertices of a simplex? (Papyan, Han, Donoho 2020)

With m_c the class means about their mean (each class counted once), C classes, Sw the covariance inside classes over
all rows and Sb = mean m_c m_c':
  nc1               tr(Sw Sb^+) / C                                          rows at their class mean: 0
  nc2_equinorm      sd / mean of |m_c|                                       means of one length: 0
  nc2_equiangular   sd of the cosines of two means                           means at one angle: 0
  nc2_simplex       mean |cosine + 1 / (C - 1)|                              means as far apart as can be: 0
  nc3               |W / |W|_F - M / |M|_F|_F, W a classifier's weights      classifier and means are one: 0
  nc4               share of rows the classifier puts elsewhere than the nearest class mean: 0
nc3 and nc4 come with a classifier. Null: median over permuted labels. Errors by random halves of every class.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from geometry.collapse.groups import Groups, groups_of, means_apart
from geometry.errors import InputError
from geometry.estimates import measured, undefined
from geometry.pairs.scan import Scan
from geometry.pairs.spread import has_spread
from geometry.pairs.subsample import DRAWS
from geometry.registry import SIMILARITY, statistic
from geometry.types import Array, Estimate, Floats, Ints

NAMES = ("nc1", "nc2_equinorm", "nc2_equiangular", "nc2_simplex")
WITH_CLASSIFIER = ("nc3", "nc4")
PERMUTATIONS = 8
SMALLEST = 1e-6  # of the largest singular value of the class means: directions below it are rounding


@dataclass(frozen=True)
class _Rows:
    """points (m, d) class after class, about the set's mean; weights (C, d) and bias (C,) of a classifier, or None."""

    points: Floats
    weights: Floats | None
    bias: Floats | None


@statistic(
    "neural_collapse",
    needs=("points", "moments", "labels"),
    range=(0.0, np.inf),
    invariances=SIMILARITY,
    direction="down",
    source="Papyan, Han and Donoho 2020",
    null="median over permuted labels",
    fails="without labels, or fewer than two classes of two rows; nc1 is large where classes do not differ",
)
def neural_collapse(scan: Scan, *, classifier: Array | tuple[Array, Array] | None = None) -> dict[str, Estimate]:
    """Within-class collapse and simplex geometry of labelled rows, 0 each when complete: nc1, nc2_equinorm and others.

    classifier: weights (C, d), or weights and bias (C,), rows in the order of the sorted labels, adds nc3 and nc4.
    Classes of one row take no part. Undefined without labels, with fewer than two classes, where all class means agree;
    nc2_equiangular and nc2_simplex also where a class mean is the mean of all. Raises InputError for a classifier of
    another shape.
    """
    fields: dict[str, Any] = {"n": scan.n, "d": scan.d}
    groups = groups_of(scan)
    names = NAMES + (WITH_CLASSIFIER if classifier is not None else ())
    reason = _reason(scan, groups)
    if reason or groups is None:
        return {key: undefined("neural_collapse", reason, variant=key, **fields) for key in names}
    weights, bias = _classifier(classifier, groups, scan)
    rows = _Rows(scan.rows[groups.rows].astype(np.float64) - scan.spectrum.mean, weights, bias)
    means = groups.means(rows.points)
    within = float(np.sqrt(((rows.points - means[groups.number]) ** 2).sum(axis=1).mean()))
    if not means_apart(means, scan.spectrum.mean, within):
        return {key: undefined("neural_collapse", "equal-means", variant=key, **fields) for key in names}
    values, errors = _measures(rows, groups), _errors(rows, groups, scan.seed)
    nulls, fields["n"] = _nulls(rows, groups, scan.seed), len(groups.rows)
    return {key: _one(key, values[i], errors[i], nulls[i], fields) for i, key in enumerate(names)}


def _reason(scan: Scan, groups: Groups | None) -> str:
    if groups is None:
        return "no-labels"
    if scan.n < 2 or len(groups.counts) < 2:
        return "few-rows" if scan.n < 2 else "few-groups"
    return "" if has_spread(scan) else "no-spread"


def _one(key: str, value: float, error: float, null: float, fields: dict[str, Any]) -> Estimate:
    if not np.isfinite(value):
        return undefined("neural_collapse", "mean-without-direction", variant=key, **fields)
    beside = float(null) if np.isfinite(null) else None
    return measured(
        "neural_collapse",
        max(float(value), 0.0),
        stderr=float(error),
        method="random halves of classes",
        null=beside,
        variant=key,
        **fields,
    )


def _classifier(given: Any, groups: Groups, scan: Scan) -> tuple[Floats | None, Floats | None]:
    """Weights of the classes that are looked at, and the bias about the set's mean."""
    if given is None:
        return None, None
    weights, bias = (given[0], given[1]) if isinstance(given, tuple) else (given, None)
    weights = np.asarray(weights, np.float64)
    classes = np.unique(np.asarray(scan.labels))
    bias = np.zeros(len(classes)) if bias is None else np.asarray(bias, np.float64)
    if weights.shape != (len(classes), scan.d) or bias.shape != (len(classes),):
        raise InputError(
            f"neural_collapse: the classifier has weights {weights.shape} and bias {bias.shape}; "
            f"{len(classes)} labels in {scan.d} dimensions need ({len(classes)}, {scan.d}) and ({len(classes)},)"
        )
    seen = np.isin(classes, groups.names)
    return weights[seen], (bias + weights @ scan.spectrum.mean)[seen]


def _measures(rows: _Rows, groups: Groups) -> Floats:
    """(4,) or (6,) the measures in the order of their names, NaN where there is none."""
    means = groups.means(rows.points)
    centred = means - means.mean(axis=0)
    _, singular, axes = np.linalg.svd(centred, full_matrices=False)
    kept = singular > SMALLEST * singular[0]
    if not kept.any():
        return np.full(4 if rows.weights is None else 6, np.nan)
    spread = (rows.points @ axes[kept].T - (means @ axes[kept].T)[groups.number]) ** 2
    nc1 = float((spread.mean(axis=0) / singular[kept] ** 2).sum())  # Sb has eigenvalues singular^2 / C
    made = [nc1, *_simplex(centred)]
    if rows.weights is not None and rows.bias is not None:
        made += [_duality(rows.weights, centred), _disagreement(rows, means)]
    return np.array(made)


def _simplex(centred: Floats) -> tuple[float, float, float]:
    """The three measures of nc2 on class means (C, d) about their mean."""
    lengths = np.linalg.norm(centred, axis=1)
    equinorm = float(lengths.std() / lengths.mean())
    if lengths.min() <= SMALLEST * lengths.max():
        return equinorm, float("nan"), float("nan")
    unit = centred / lengths[:, None]
    cosines = (unit @ unit.T)[np.triu_indices(len(unit), 1)]
    return equinorm, float(cosines.std()), float(np.abs(cosines + 1 / (len(unit) - 1)).mean())


def _duality(weights: Floats, centred: Floats) -> float:
    length = np.linalg.norm(weights)
    if length == 0:
        return float("nan")
    return float(np.linalg.norm(weights / length - centred / np.linalg.norm(centred)))


def _disagreement(rows: _Rows, means: Floats) -> float:
    said = (rows.points @ np.asarray(rows.weights).T + rows.bias).argmax(axis=1)
    nearest = (rows.points @ means.T - (means**2).sum(axis=1) / 2).argmax(axis=1)
    return float((said != nearest).mean())


def _errors(rows: _Rows, groups: Groups, seed: int) -> Floats:
    """Spread over random halves of every class, odd classes rounded up."""
    rng = np.random.default_rng(seed)
    starts, size = np.cumsum(groups.counts) - groups.counts, (groups.counts + 1) // 2
    values = []
    for _ in range(DRAWS):
        order = np.argsort(groups.number + rng.random(len(groups.rows)))  # shuffled inside each class
        picked = np.concatenate([order[start : start + m] for start, m in zip(starts, size, strict=True)])
        values.append(_measures(_some(rows, picked), Groups(groups.rows[picked], size, groups.names)))
    made: Floats = np.std(values, axis=0, ddof=1)
    return made


def _nulls(rows: _Rows, groups: Groups, seed: int) -> Floats:
    """Median of every measure over permuted labels: nc1 has a long upper tail, where some direction of Sb is thin."""
    rng = np.random.default_rng((seed, 1))
    values = [_measures(_some(rows, rng.permutation(len(groups.rows))), groups) for _ in range(PERMUTATIONS)]
    made: Floats = np.median(values, axis=0)
    return made


def _some(rows: _Rows, picked: Ints) -> _Rows:
    return _Rows(rows.points[picked], rows.weights, rows.bias)
