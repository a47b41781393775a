"""Per-point values and profiles of a run as named arrays, so that nothing a statistic found out is thrown away.

`point.NAME[.VARIANT].G` holds one value per row of the generation at position G, NaN where the row was not looked at
(sets of unequal size are compared on samples); `point.density.G` and `point.rarity.G` are those of
`geometry.analysis.row_values`. `profile.NAME[.VARIANT].KEY.G` holds a profile as the statistic gives it. Where a run
sorts rows by novelty or provenance, or looks at a sample of a set that stays in its files, `point.row.G` holds the
numbers of the rows in the set as it was read, and `point.id.G`, `point.label.G`, `point.origin.G` who they are. Values
about reference rows come under `lost.tails`: the numbers of the reference's tail rows that are lost at the end, and
since which generation; `lost.modes` says the same of its modes.
"""

from __future__ import annotations

import re

import numpy as np

from geometry.analysis.plan import Plan
from geometry.analysis.row_values import density_of, rarity_of
from geometry.analysis.rows import Outcomes, equal, flat
from geometry.attribution.lost import lost_since
from geometry.pairs import Scan
from geometry.types import Array, Estimate, Ints

OF_REFERENCE = (("tail_survival", "tails_kept"),)  # their per-point values stand for rows of the reference
OF_ROWS = ("novelty", "provenance")  # what is said of single rows, and wants to know who they are


def point_arrays(plan: Plan, outcomes: list[Outcomes]) -> dict[str, Array]:
    """Arrays of all generations, from the outcomes by position."""
    arrays: dict[str, Array] = {}
    for g, found in enumerate(outcomes):
        for one in (e for made in found.values() for e in flat(made)):
            arrays |= _profile(one, g)
            if one.per_point is not None and (one.name, one.variant) not in OF_REFERENCE:
                arrays |= _points(plan, one, np.asarray(one.per_point), g)
        arrays |= _colours(plan, g) if found else {}  # a part of a run has no statistics of some generations
        sorted_out = any(name in found and g != plan.reference for name in OF_ROWS)
        if sorted_out or (found and plan.scans[g].whole is not None):
            arrays |= _who(plan, g)
    return arrays | _lost_tails(plan, outcomes) | _lost_modes(plan, outcomes)


def _key(stem: str, one: Estimate, *rest: str) -> str:
    words = [stem, one.name, one.variant, *rest]
    return ".".join(re.sub(r"[^A-Za-z0-9_-]+", "-", word) for word in words if word)


def _points(plan: Plan, one: Estimate, values: Array, g: int) -> dict[str, Array]:
    """One value per row of the generation; a sample of its rows is put back in its place."""
    scan = plan.scans[g]
    if values.ndim != 1 or values.dtype.kind not in "biuf":
        return {}
    if len(values) == scan.n:
        return {_key("point", one, str(g)): values.astype(np.float32 if values.dtype.kind == "f" else values.dtype)}
    part = equal(scan, plan.scans[plan.reference])[0]
    if len(values) != part.n or part.numbers is None:
        return {}
    return {_key("point", one, str(g)): _in_place(scan, part, values)}


def _in_place(scan: Scan, part: Scan, values: Array) -> Array:
    """(n,) float32 values of a sample of the rows of `scan` where those rows stand, NaN elsewhere."""
    whole = np.full(scan.n, np.nan, np.float32)
    whole[slice(None) if part is scan or part.numbers is None else _within(scan.numbers, part.numbers)] = values
    return whole


def _colours(plan: Plan, g: int) -> dict[str, Array]:
    """Density and rarity of the rows, where they are known."""
    scan = plan.scans[g]
    density, rarity = density_of(scan), rarity_of(plan, g)
    made = {} if density is None else {f"point.density.{g}": density}
    return made if rarity is None else {**made, f"point.rarity.{g}": _in_place(scan, *rarity)}


def _who(plan: Plan, g: int) -> dict[str, Array]:
    """Number, id, label and origin of every row looked at."""
    scan, origin = plan.scans[g], plan.sets[g].origin
    rows = np.arange(scan.n) if scan.numbers is None else scan.numbers
    who = {"id": scan.ids, "label": scan.labels, "origin": None if origin is None else np.asarray(origin)[rows]}
    named = {
        f"point.{key}.{g}": np.asarray(values).astype(np.str_) for key, values in who.items() if values is not None
    }
    return {f"point.row.{g}": rows} | named


def _within(whole: Ints | None, part: Ints) -> Ints:
    """Where rows of a sample stand in the set it was taken from, both numbered in the set as it was read."""
    return part if whole is None else np.searchsorted(whole, part)


def _profile(one: Estimate, g: int) -> dict[str, Array]:
    made = {key: np.asarray(values) for key, values in (one.profile or {}).items()}
    return {_key("profile", one, key, str(g)): a for key, a in made.items() if a.dtype.kind in "biufU"}


def _lost_tails(plan: Plan, outcomes: list[Outcomes]) -> dict[str, Array]:
    masks, generations = _of_others(plan, outcomes, "tail_survival", "tails_kept")
    if not masks or len({len(mask) for mask in masks}) > 1:  # samples of unequal size hold different reference rows
        return {}
    since = lost_since(np.stack(masks))
    lost = np.flatnonzero(since >= 0)
    reference = plan.scans[plan.reference].at_most(len(masks[0]))
    numbers = lost if reference.numbers is None else reference.numbers[lost]
    named = {"ids": reference.ids, "labels": reference.labels}
    return {
        "lost.tails.rows": numbers,
        "lost.tails.since": np.asarray(generations)[since[lost]],
        **{f"lost.tails.{k}": np.asarray(v)[lost].astype(np.str_) for k, v in named.items() if v is not None},
    }


def _of_others(plan: Plan, outcomes: list[Outcomes], name: str, variant: str) -> tuple[list[Array], list[int]]:
    """Per-point values of one estimate over the generations after the reference, with their numbers."""
    found = [
        (one.per_point, plan.sets[g].generation)
        for g in plan.others
        for one in flat(outcomes[g].get(name, []))
        if one.variant == variant and one.per_point is not None
    ]
    return [values for values, _ in found], [generation for _, generation in found]


def _lost_modes(plan: Plan, outcomes: list[Outcomes]) -> dict[str, Array]:
    found = [
        (one.profile, plan.sets[g].generation)
        for g in plan.others
        for one in flat(outcomes[g].get("mode_coverage", []))
        if one.variant == "lost" and one.profile is not None
    ]
    if not found or len({len(profile["mode"]) for profile, _ in found}) > 1:
        return {}
    since = lost_since(np.stack([profile["lost"] for profile, _ in found]))
    lost = np.flatnonzero(since >= 0)
    return {
        "lost.modes.names": np.asarray(found[0][0]["mode"])[lost].astype(np.str_),
        "lost.modes.since": np.asarray([generation for _, generation in found])[since[lost]],
    }
