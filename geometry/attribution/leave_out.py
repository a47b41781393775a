"""Leave one group out: what becomes of the structure, the intrinsic dimension and the effective rank?

change = statistic of the set without the group - statistic of the set, for structure_gain, dimension_gap, mle (k = 20)
and effective_rank (of the covariance). All looks take the same number of rows, in one seeded order, since gains grow
with n: the sets share what rows they can. The standard error is the spread of the change over random halves of the rows
(Politis, Romano and Wolf 1999), its interval Student's; the change of rows left out at random is 0. Groups are ranked
by the fall of structure, the larger of the falls of the gain and of |gap|: without the first, the set is nearest to a
sphere. Left out: groups that matter only together with another, which none of the single looks can see.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from geometry.attribution.part import STATISTICS, K, Part
from geometry.compare.holm import holm
from geometry.errors import InputError, UsageError
from geometry.estimates import measured, t95, undefined
from geometry.pairs import Scan, executor, scan, subsample
from geometry.types import Array, Estimate, Floats, Ints

ROWS = 1000  # of each look: their cost goes with the square
HALVES = 8
FEWEST = 100  # rows that must be left: the gauges have no power below
SMALLEST = 0.01  # share of the rows below which a group is not looked at
LEVEL = 0.01  # family-wise, over groups and statistics


@dataclass(frozen=True)
class GroupEffect:
    """What leaving a group of `rows` rows out does: per statistic the change, with its profile `with` and `without`.

    structure_fall: the larger of the falls of structure_gain and |dimension_gap|, NaN where neither is defined.
    significant: the statistics whose change stands after all looks are counted (Holm, 1 %).
    """

    group: Any
    rows: int
    share: float
    changes: Mapping[str, Estimate]
    structure_fall: float
    significant: tuple[str, ...] = ()


def groups(
    points: Any,
    groups: Array | None = None,
    *,
    rows: int = ROWS,
    halves: int = HALVES,
    device: str = "auto",
    seed: int = 0,
) -> list[GroupEffect]:
    """The groups of a set by what leaving each out changes, the carrier of the most structure first.

    points: an EmbeddingSet, a Scan or points (n, d). groups (n,): any values; without them the labels of the set. Each
    look takes `rows` rows at most, and as many as are left without the largest group that leaves 100. Groups under 1 %
    of the rows are not looked at. Raises UsageError where there are neither groups nor labels, InputError for groups of
    another length.
    """
    if rows < FEWEST or halves < 2:
        raise UsageError(f"attribution: rows = {rows}, halves = {halves}; it needs {FEWEST} and 2 at least")
    whole = scan(points, executor(device), seed=seed)
    names, number = _numbered(whole, groups)
    counts = np.bincount(number, minlength=len(names))
    left = whole.n - counts
    seen = np.flatnonzero((counts >= SMALLEST * whole.n) & (counts > 0))
    enough = left[seen] >= FEWEST
    order = np.random.default_rng(seed).permutation(whole.n)
    at = min([rows, whole.n, *left[seen][enough].tolist()])
    masks = list(subsample.halves(whole.n, halves, seed))
    base = _part(whole, order[:at])
    base_halves = np.array([base.within(mask) for mask in masks]) if enough.any() else np.empty((0, len(STATISTICS)))
    effects = []
    for g, ok in zip(seen.tolist(), enough.tolist(), strict=True):
        changes = _nothing(whole, names[g])
        if ok:
            part = _part(whole, order[number[order] != g][:at])
            spread = np.array([part.within(mask) for mask in masks]) - base_halves
            changes = _changes(base, part, spread, names[g])
        fall = structure_fall(changes)
        effects.append(GroupEffect(names.tolist()[g], int(counts[g]), float(counts[g] / whole.n), changes, fall))
    return ranked(effects, halves - 1)


def _numbered(whole: Scan, given: Array | None) -> tuple[Array, Ints]:
    values = whole.labels if given is None else given
    if values is None:
        raise UsageError("attribution needs groups, or a set with labels; pass groups=(n,) values")
    values = np.asarray(values)
    if values.shape != (whole.n,):
        raise InputError(f"groups have shape {values.shape}; one value for each of the {whole.n} rows is needed")
    names, number = np.unique(values, return_inverse=True)
    return names, number.ravel()


def _part(whole: Scan, rows: Ints) -> Part:
    rows = np.sort(rows)
    return Part(whole.of_rows(rows), rows)


def _changes(base: Part, part: Part, spread: Floats, group: Any) -> dict[str, Estimate]:
    """Per statistic the change and its interval, from the changes (h, 4) within halves."""
    errors, wide = np.std(spread, axis=0, ddof=1), t95(len(spread) - 1)
    made = {}
    for i, name in enumerate(STATISTICS):
        value, error = float(part.values[i] - base.values[i]), float(errors[i])
        known = np.isfinite(error)
        fields: dict[str, Any] = {"low": value - wide * error, "high": value + wide * error} if known else {}
        made[name] = measured(
            name,
            value,
            variant=str(group),
            stderr=error,
            method="random halves, Student",
            null=0.0,
            n=len(part.numbers),
            d=part.scan.d,
            k=K if name == "mle" else None,
            profile={"with": base.values[i : i + 1], "without": part.values[i : i + 1]},
            **fields,
        )
    return made


def _nothing(whole: Scan, group: Any) -> dict[str, Estimate]:
    fields = {"variant": str(group), "n": whole.n, "d": whole.d}
    return {name: undefined(name, "few-rows", **fields) for name in STATISTICS}


def structure_fall(changes: Mapping[str, Estimate]) -> float:
    """The larger of the falls of the gain and of |gap|; NaN where neither is defined."""
    falls = [-float(changes["structure_gain"])]
    gap = changes["dimension_gap"].profile
    if gap is not None:
        falls.append(float(abs(gap["with"][0]) - abs(gap["without"][0])))
    known = [fall for fall in falls if np.isfinite(fall)]
    return max(known, default=float("nan"))


def ranked(effects: list[GroupEffect], freedom: int) -> list[GroupEffect]:
    """The largest fall first, each with the statistics that stand over all looks; freedom: of their errors."""
    from scipy.stats import t

    looks = [(i, name) for i, effect in enumerate(effects) for name in STATISTICS]
    z = [effects[i].changes[name].z for i, name in looks]
    p = [float("nan") if one is None else 2 * float(t.sf(abs(one), freedom)) for one in z]
    standing = {look for look, stands in zip(looks, holm(p, LEVEL), strict=True) if stands}
    judged = [
        replace(effect, significant=tuple(name for name in STATISTICS if (i, name) in standing))
        for i, effect in enumerate(effects)
    ]
    return sorted(judged, key=lambda effect: (np.isnan(effect.structure_fall), -effect.structure_fall))
