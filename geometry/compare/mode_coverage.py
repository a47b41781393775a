"""mode_coverage: how much of each mode of the reference the generated set still holds, and how many modes are lost.

Modes are labels where both sets carry them, else clusters; `geometry.compare.modes` defines them and the test.
Of sets that stay in their files (`Scan.base`) all rows are counted; clusters are those of the sampled reference rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from geometry.compare import modes as of
from geometry.errors import InputError, UsageError
from geometry.estimates import measured, undefined
from geometry.pairs.scan import Scan
from geometry.registry import SIMILARITY, statistic
from geometry.types import Array, Estimate, Ints

CHOICES = ("auto", "labels", "clusters")


@statistic(
    "mode_coverage",
    needs=("points", "labels", "reference"),
    range=(0.0, np.inf),
    invariances=tuple(name for name in SIMILARITY if name != "row order"),
    direction="down",
    source="share of each mode kept; Fisher 1935, Holm 1979",
    null="no mode lost; mass ratio 1; kept: the mean of the smallest ratio under one law",
    fails="modes of few rows; clusters that are no modes, where there are no labels; fewer than 8 reference rows",
    whole="pairs",
)
def mode_coverage(scan: Scan, reference: Scan, *, by: str = "auto", seed: int = 0) -> dict[str, Estimate]:
    """lost: number of modes lost; kept: the smallest mass ratio; and the ratio of each mode, under its name.

    A ratio is a mode's share of the generated rows over its share of the reference's, with a Katz interval and null 1.
    null of `kept` is its mean over two samples of the reference's shares. by: "labels", "clusters", or "auto": labels
    where both sets have them. profile of `lost`: mode (k,) names, reference and generated (k,) counts, p (k,), lost
    (k,) bool; per_point (m,) the number of each generated row's mode, -1 for one in no mode. Modes
    under 1 % of the reference are only in the profile. Undefined under 8 reference rows, without generated
    rows, or where the reference has no spread. Raises UsageError for an unknown `by`, or labels that are not there.
    """
    labelled = _by_labels(scan, reference, by)
    counts: dict[str, Any] = {"n": scan.n, "d": scan.d}
    if len(scan.points) < scan.n:
        raise InputError("mode_coverage needs the points, not only a summary of them; pass an (n, d) array")
    if scan.n == 0 or reference.n < 8:
        return _nothing("few-rows", counts)
    modes = of.of_labels(_labels(reference)) if labelled else of.fit(reference, seed)
    if modes is None:
        return _nothing("no-spread", counts)
    if labelled:
        assigned = of.number_labels(modes, _labels(scan))
        generated = modes.count(assigned)
        shown = assigned if scan.base is None else of.number_labels(modes, np.asarray(scan.labels))
    else:
        modes, shown = of.counted_in(modes, reference, seed), modes.assign(scan.points)
        generated = modes.count(shown) if scan.base is None else of.count_in(modes, scan.base.stored)
    counts |= _told(scan, reference, modes, labelled)
    return _summary(modes, shown, generated, counts)


def _told(scan: Scan, reference: Scan, modes: of.Modes, labelled: bool) -> dict[str, Any]:
    """Rows and method, where a set stays in its files: all of its rows are counted."""
    if scan.base is None and reference.base is None:
        return {}
    clusters = "" if labelled else f", clusters of {reference.n} rows"
    rows = f"all {scan.base_rows} rows against {modes.total}{clusters}"
    return {"n": scan.base_rows, "exact": labelled, "told": f"; {rows}"}


def _by_labels(scan: Scan, reference: Scan, by: str) -> bool:
    if by not in CHOICES:
        raise UsageError(f"mode_coverage has no modes by '{by}'; choose one of {', '.join(CHOICES)}")
    both = scan.labels is not None and reference.labels is not None
    if by == "labels" and not both:
        raise UsageError("mode_coverage by labels needs labels on both sets; pass labels and reference_labels")
    return both and by != "clusters"


def _labels(scan: Scan) -> Array:
    """Of all rows of the set."""
    return np.asarray(scan.labels if scan.base is None else scan.base.labels)


def _nothing(reason: str, counts: dict[str, Any]) -> dict[str, Estimate]:
    return {name: undefined("mode_coverage", reason, variant=name, **counts) for name in ("lost", "kept")}


def _summary(modes: of.Modes, shown: Ints, generated: Ints, counts: dict[str, Any]) -> dict[str, Estimate]:
    rows, told = counts["n"], counts.pop("told", "")
    gone = of.lost(modes.counts, generated, rows, modes.total)
    looked_at = of.looked_at(modes.counts, modes.total)
    seen = np.flatnonzero(looked_at)
    profile = {
        "mode": modes.names,
        "reference": modes.counts,
        "generated": generated,
        "looked_at": looked_at,
        "p": of.fisher(modes.counts, generated, rows, modes.total),
        "lost": gone,
    }
    each = _ratios(modes, generated, told, counts)
    least = min((each[i] for i in seen.tolist()), key=float)
    kept = measured(
        "mode_coverage",
        float(least),
        variant="kept",
        null=of.expected_least(modes.counts, rows, total=modes.total),
        low=least.low,
        high=least.high,
        method=least.method,
        **counts,
    )
    lost = measured(
        "mode_coverage",
        float(gone.sum()),
        variant="lost",
        null=0.0,
        method=f"Fisher, Holm at 1 %{told}",
        per_point=shown,
        profile=profile,
        **counts,
    )
    return {"lost": lost, "kept": kept} | {each[i].variant: each[i] for i in seen.tolist()}


def _ratios(modes: of.Modes, generated: Ints, told: str, counts: dict[str, Any]) -> list[Estimate]:
    """One estimate per mode; z counts standard errors of the log ratio."""
    rows = counts["n"]
    ratios = of.kept_ratios(modes.counts, generated, rows, modes.total)
    error, low, high = of.katz(modes.counts, generated, rows, modes.total)
    names = [str(name) for name in modes.names.tolist()]
    taken = {"lost", "kept"}
    return [
        measured(
            "mode_coverage",
            float(ratio),
            variant=f"label {name}" if name in taken else name,
            stderr=float(ratio * error[i]),
            low=float(low[i]),
            high=float(max(high[i], ratio)),
            null=1.0,
            z=float(np.log(max(ratio, 0.5 / max(generated.sum(), 1))) / error[i]) if error[i] > 0 else None,
            method=f"Katz log ratio{told}",
            **counts,
        )
        for i, (name, ratio) in enumerate(zip(names, ratios, strict=True))
    ]
