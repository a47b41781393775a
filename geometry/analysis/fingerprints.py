"""Two fingerprints held against each other: what their moments, samples and histograms allow, and no more.

From moments: scale, ranks, the Frechet distance. From the samples of distinct rows, in their own few directions: the
intrinsic dimension, precision and recall, and the kernel distance, with the intervals of so few rows. From counts: the
share of copies, and the largest gap between the distributions of norms with the p-value of the two-sample test of
Smirnov (1939), careful because norms are counted in bins of one percent.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from geometry.analysis.plan import Plan, name
from geometry.catalog import evaluate
from geometry.errors import InputError
from geometry.estimates import measured, undefined
from geometry.pairs import Scan, executor
from geometry.registry import Outcome, entry
from geometry.schema.files import fingerprint_file
from geometry.schema.places import make_folder
from geometry.sources.fingerprint import Fingerprint, fingerprint, write_fingerprint
from geometry.types import Estimate

ALONE = ("effective_rank", "participation_ratio", "stable_rank")  # of moments
SAMPLED_ALONE = ("two_nn",)
PAIRED = ("scale", "frechet")  # of moments
SAMPLED_PAIRED = ("prdc", "kernel_distance")


def write_fingerprints(plan: Plan, folder: Path | None) -> None:
    """The fingerprint of every set of a plan, in `folder`/fingerprints; nothing without a folder."""
    if folder is None:
        return
    for one in plan.sets:
        path = folder / fingerprint_file(one.layer, name(one))
        make_folder(path.parent)
        write_fingerprint(path, fingerprint(one.points))


@dataclass(frozen=True)
class Line:
    """One statistic: of the first set, of the second, and of the second against the first."""

    name: str
    variant: str
    first: Estimate | None = None
    second: Estimate | None = None
    between: Estimate | None = None


def compare(first: Fingerprint, second: Fingerprint) -> list[Line]:
    """Every statistic that two fingerprints allow; InputError where they differ in dimension."""
    if first.d != second.d:
        raise InputError(f"fingerprints of {first.d} and {second.d} dimensions: they are of different encoders")
    engine = executor("cpu")
    moments = [Scan.of(one.moments, engine) for one in (first, second)]
    samples = [Scan(one.sample, engine) for one in (first, second)]
    lines = [line for called in ALONE for line in _alone(called, moments)]
    lines += [line for called in SAMPLED_ALONE for line in _alone(called, samples)]
    lines += [line for called in PAIRED for line in _between(called, moments[1], moments[0])]
    lines += [line for called in SAMPLED_PAIRED for line in _between(called, samples[1], samples[0])]
    copies = [
        measured("copies", 1 - min(one.distinct / one.n, 1.0) if one.n else 0.0, n=one.n) for one in (first, second)
    ]
    return [*lines, Line("copies", "", *copies), _norms(first, second)]


def _alone(called: str, scans: list[Scan]) -> list[Line]:
    made = [_by_variant(evaluate(entry(called), one)) for one in scans]
    return [Line(called, variant, *(one.get(variant) for one in made)) for variant in {**made[0], **made[1]}]


def _between(called: str, scan: Scan, reference: Scan) -> list[Line]:
    made = _by_variant(evaluate(entry(called), scan, reference))
    return [Line(called, variant, between=one) for variant, one in made.items()]


def _by_variant(made: Outcome) -> dict[str, Estimate]:
    return {made.variant: made} if isinstance(made, Estimate) else {one.variant: one for one in made.values()}


def _norms(first: Fingerprint, second: Fingerprint) -> Line:
    """The largest gap between the shares of norms below any of the common bins."""
    if not first.n or not second.n:
        return Line("norms", "gap", between=undefined("norms", "no-rows"))
    below = [np.cumsum(one.norms) / one.n for one in (first, second)]
    gap = float(np.abs(below[0] - below[1]).max())
    rows = first.n * second.n / (first.n + second.n)
    from scipy.special import kolmogorov

    p = float(kolmogorov(gap * np.sqrt(rows)))
    made = measured("norms", gap, variant="gap", null=0.0, n=second.n, profile={"p_value": np.array([p])})
    return Line("norms", "gap", between=made)


def as_dict(line: Line) -> dict[str, Any]:
    """A line as plain data: value and interval of each side, and of both together."""
    sides = {side: getattr(line, side) for side in ("first", "second", "between")}
    told = {side: _told(one) for side, one in sides.items() if one is not None}
    return {"name": line.name, "variant": line.variant, **told}


def _told(one: Estimate) -> dict[str, Any]:
    found = {field: getattr(one, field) for field in ("value", "low", "high", "null", "z", "n", "status", "reason")}
    p = None if one.profile is None else one.profile.get("p_value")
    return found if p is None else found | {"p": float(p[0])}
