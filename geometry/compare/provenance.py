"""provenance: how likely each row is to be generated, how far to trust that, and weights that bring the tails back.

Probabilities are those of `geometry.compare.classifier`: out of fold, calibrated, for equal shares of both sets. The
calibration error is the mean gap between predicted and observed share in ten groups of equal size (Naeini et al. 2015).
The mean over generated rows estimates E_f p = integral of f^2 / (f + g), f and g the laws of the generated and the
reference rows, on which a generated row pulls by 2 p - p^2 and a reference row by -p^2: both sets make its error.

Weights of the generated rows, for drawing the next training set from them: the odds (1 - p) / p of being real, cut at
20 to 1, then raised or lowered per stratum of the reference's density until each stratum has the mass it has in the
reference. Strata end at the 50, 75, 90, 95 and 99 % quantiles of the distance to the 10th nearest reference row, those
of `tail_survival`. A stratum without generated rows cannot be brought back, and its mass goes to the others.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from geometry.compare.classifier import DIRECTIONS, Scores, scores
from geometry.compare.tail_survival import quantile
from geometry.estimates import measured, standard_error, undefined
from geometry.pairs.scan import Scan
from geometry.registry import SIMILARITY, statistic
from geometry.types import Array, Estimate, Floats

LEVELS = np.array([0.5, 0.75, 0.9, 0.95, 0.99])
CUT = float(np.log(20.0))
BINS = 10
VARIANTS = ("probability", "calibration", "weights")


@statistic(
    "provenance",
    needs=("neighbors", "points", "reference"),
    range=(0.0, 1.0),
    invariances=tuple(name for name in SIMILARITY if name != "row order"),
    direction="up",
    source="cross-validated logistic regression; Platt 1999, Naeini et al. 2015; post-stratification",
    k=10,
    null="probability 1/2; calibration: the gap that the rows of a group leave by chance",
    fails="what `c2st` cannot see; weights: strata with few generated rows, each then counted many times",
)
def provenance(
    scan: Scan, reference: Scan, *, k: int = 10, directions: int = DIRECTIONS, seed: int = 0
) -> dict[str, Estimate]:
    """probability: mean probability that generated rows are generated; calibration: its error; weights: their yield.

    per_point of probability (m,): that of each generated row; profile: reference (n,), that of each reference row.
    calibration: profile predicted and observed (10,). per_point of weights (m,): mean 1, for drawing rows so that the
    reference's tails come back; its value is the effective share of rows that they leave (Kish 1965); profile: edges
    (s - 1,) of r_k, and of each stratum the share wanted, before and after (s,). Undefined with fewer than 20 rows in a
    set, k reference rows or fewer (weights), or too few distinct rows to fold.
    """
    counts: dict[str, Any] = {"n": scan.n, "d": scan.d}
    made = scores(scan, reference, directions, seed)
    if isinstance(made, str):
        return {name: undefined("provenance", made, variant=name, **counts) for name in VARIANTS}
    own, others = made.probability[: made.m], made.probability[made.m :]
    probability = measured(
        "provenance",
        float(own.mean()),
        stderr=float(np.hypot(standard_error(own * (2 - own)), standard_error(others**2))),
        method="influence of both sets",
        null=0.5,
        variant="probability",
        per_point=own,
        profile={"reference": others},
        **counts,
    )
    return {
        "probability": probability,
        "calibration": _calibration(made, counts),
        "weights": _weights(scan, reference, own, k, counts),
    }


def _calibration(made: Scores, counts: dict[str, Any]) -> Estimate:
    """The expected calibration error, both sets with equal weight."""
    generated = np.arange(len(made.probability)) < made.m
    weight = np.where(generated, 0.5 / made.m, 0.5 / (len(generated) - made.m))
    groups = np.array_split(np.argsort(made.probability, kind="stable"), BINS)
    mass = np.array([weight[rows].sum() for rows in groups])
    predicted = np.array([np.average(made.probability[rows], weights=weight[rows]) for rows in groups])
    observed = np.array([weight[rows][generated[rows]].sum() for rows in groups]) / mass
    rows = np.array([weight[rows].sum() ** 2 / (weight[rows] ** 2).sum() for rows in groups])
    noise = np.sqrt(2 / np.pi * predicted * (1 - predicted) / rows)
    return measured(
        "provenance",
        float(mass @ np.abs(predicted - observed)),
        variant="calibration",
        null=float(mass @ noise),
        profile={"predicted": predicted, "observed": observed},
        **counts,
    )


def _weights(scan: Scan, reference: Scan, probability: Floats, k: int, counts: dict[str, Any]) -> Estimate:
    if reference.n <= k:
        return undefined("provenance", "few-rows", variant="weights", **counts)
    own = reference.neighbors(k).exact_dist(k)[:, -1]
    asked = scan.among(reference, k).exact_dist(k)[:, -1]
    edges, wanted = strata(own)
    stratum = np.searchsorted(edges, asked, side="left")
    plain = np.exp(np.clip(np.log1p(-probability) - np.log(probability), -CUT, CUT))
    weight = post_stratified(plain, stratum, wanted)
    before, after = (np.bincount(stratum, w, minlength=len(wanted)) / w.sum() for w in (np.ones(scan.n), weight))
    return measured(
        "provenance",
        min(float(weight.sum() ** 2 / (len(weight) * (weight**2).sum())), 1.0),
        variant="weights",
        per_point=weight,
        profile={"edges": edges, "wanted": wanted, "before": before, "after": after},
        **{**counts, "k": k},
    )


def strata(own: Floats) -> tuple[Floats, Floats]:
    """Edges (s - 1,) of the reference's density strata, tied ones merged, and the mass (s,) of the law in each."""
    edges = np.array([quantile(own, 1 - level) for level in LEVELS])
    last = np.append(edges[1:] > edges[:-1], True)
    return edges[last], np.diff(np.concatenate([[0.0], LEVELS[last], [1.0]]))


def post_stratified(weight: Floats, stratum: Array, wanted: Floats) -> Floats:
    """Weights of mean 1 under which each stratum that has rows has the mass wanted, up to one factor for all."""
    mass = np.bincount(stratum, weight, minlength=len(wanted))
    factor = np.divide(wanted, mass, out=np.zeros(len(wanted)), where=mass > 0)
    raised = weight * factor[stratum]
    found: Floats = raised * (len(raised) / raised.sum())
    return found
