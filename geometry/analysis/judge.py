"""The verdict of a run: states, the changes that stand after all looks are counted, onsets, and one sentence.

A run over several layers looks at each on its own (`look`) and counts the looks of all of them together (`verdicts`):
a network of fifty layers has fifty times as many chances to seem changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from typing import Any

from geometry.analysis.nulls import halves
from geometry.analysis.plan import Plan, name
from geometry.analysis.rows import equal
from geometry.compare.holm import holm
from geometry.compare.prdc import expected_coverage
from geometry.pairs import Scan
from geometry.trend import onset
from geometry.verdict import constants as limit
from geometry.verdict.changes import CHANGES, Change, changes_of
from geometry.verdict.effects import BEYOND, entropy_rank
from geometry.verdict.state import State, facts_of, state_of

Changes = dict[int, list[Change]]
Standing = set[tuple[int, str]]  # (position, change)
K_BALL = 5  # of prdc
APART = 0.5  # share beyond the reference's 95 % density quantile from which a set lies elsewhere


@dataclass(frozen=True)
class Look:
    """What one layer shows before looks are counted, by position: names, states, changes, narrowness; and who follows.

    generations: number of each position; others: positions of all sets but the reference.
    """

    generations: tuple[int, ...]
    names: tuple[str, ...]
    states: tuple[State, ...]
    measured: Changes
    narrow: dict[int, dict[str, Any]]
    others: list[int]


def look(plan: Plan) -> Look:
    """States of all generations, and what has changed against the reference."""
    reference = plan.scans[plan.reference]
    before = [None if g == plan.reference else reference for g in range(len(plan.scans))]
    facts = [facts_of(scan, known, plan.gauge_rows) for scan, known in zip(plan.scans, before, strict=True)]
    measured = {g: changes_of(*equal(plan.scans[g], reference), plan.gauge_rows) for g in _comparable(plan)}
    states = tuple(state_of(fact) for fact in facts)
    rich = [g for g in measured if states[g].state == "rich"]
    narrow = {g: narrowness(plan, g, measured[g]) for g in rich}
    generations, names = tuple(one.generation for one in plan.sets), tuple(name(one) for one in plan.sets)
    return Look(generations, names, states, measured, narrow, plan.others)


def verdicts(looks: Sequence[Look]) -> list[dict[str, Any]]:
    """The verdict of each layer, significance counted over all of them."""
    found = []
    for seen, standing in zip(looks, _standing(looks), strict=True):
        generations = [_entry(seen, g, standing) for g in range(len(seen.states))]
        onsets = _onsets(seen, standing)
        found.append({"generations": generations, "onsets": onsets, "summary": _summary(generations, onsets)})
    return found


def noted(plan: Plan, seen: Look) -> Plan:
    """The plan, with a warning for each generation that `elsewhere` finds."""
    return replace(plan, warnings=plan.warnings + elsewhere(seen, plan.options.align != "none"))


def elsewhere(seen: Look, aligned: bool) -> tuple[str, ...]:
    """What to say of generations that lie apart from the reference, as tails tell, while their shape is its own."""
    remedy = "" if aligned else "; if encoders differ by a rotation, align them on matched rows (--align)"
    found = []
    for g, changes in seen.measured.items():
        by = {one.change: one for one in changes}
        beyond = BEYOND * by["tails"].effect if "tails" in by else 0.0
        shaped = all(name in by and not by[name].beyond for name in ("variance", "dimension"))
        if beyond >= APART and shaped:
            found.append(
                f"{seen.names[g]}: {beyond:.0%} of its rows lie where the reference is sparsest, though variance and "
                f"dimension agree: it may only be turned or moved, and tails and modes say no more than that{remedy}"
            )
    return tuple(found)


def _comparable(plan: Plan) -> list[int]:
    """Positions that can be compared: three rows or more, as the reference has."""
    return [g for g in plan.others if min(plan.scans[g].n, plan.scans[plan.reference].n) > 2]


def _standing(looks: Sequence[Look]) -> list[Standing]:
    """Per look the changes that are large, and significant over all changes, generations and looks (Holm, 1 %)."""
    every = [
        (i, g, change) for i, seen in enumerate(looks) for g, changes in seen.measured.items() for change in changes
    ]
    significant = holm([change.p for *_, change in every], limit.LEVEL)
    kept = [(i, g, c.change) for (i, g, c), stands in zip(every, significant, strict=True) if stands and c.beyond]
    return [{(g, change) for j, g, change in kept if j == i} for i in range(len(looks))]


def _entry(seen: Look, g: int, standing: Standing) -> dict[str, Any]:
    """What the verdict says of one generation, with its evidence."""
    state, measured, narrow = seen.states[g], seen.measured.get(g, []), seen.narrow.get(g, {})
    flags = [*state.flags, "narrow"] if narrow.get("narrow") else list(state.flags)
    return {
        "generation": seen.generations[g],
        "name": seen.names[g],
        "state": state.state,
        "reason": state.reason,
        "flags": flags,
        "changes": [change for change in CHANGES if (g, change) in standing],
        "evidence": {
            "state": state.evidence,
            "flags": {"narrow": narrow} if narrow else {},
            "changes": {c.change: _evidence(c, (g, c.change) in standing) for c in measured},
        },
    }


def _evidence(change: Change, detected: bool) -> dict[str, Any]:
    fields = {key: value for key, value in asdict(change).items() if key not in ("change", "limits", "detail")}
    return fields | {"threshold": list(change.limits), "detected": detected} | change.detail


def narrowness(plan: Plan, g: int, measured: list[Change]) -> dict[str, Any]:
    """Whether a set holds few of the reference's modes, against what halves of the reference hold of each other."""
    scan, reference = equal(plan.scans[g], plan.scans[plan.reference])
    enough = min(scan.n, reference.n) > K_BALL
    recall = float((reference.balls(scan, K_BALL).per_query > 0).mean()) if enough else None
    coverage = float((scan.balls(reference, K_BALL).per_base > 0).mean()) if enough else None
    recall_null = _recall_of_halves(reference)
    expected = expected_coverage(reference.n, scan.n, K_BALL)
    rank = entropy_rank(scan.spectrum.eigenvalues) / entropy_rank(reference.spectrum.eigenvalues)
    modes = next((c.detail for c in measured if c.change == "modes"), {})
    lost, of = float(modes.get("lost") or 0.0), float(modes.get("of") or 1.0)  # type: ignore[arg-type]
    few = [
        recall is not None and recall_null is not None and recall < limit.NARROW * recall_null,
        coverage is not None and coverage < limit.NARROW * expected,
        rank < limit.NARROW,
        lost >= limit.NARROW * of,
    ]
    numbers = {"recall": recall, "recall_null": recall_null, "coverage": coverage, "coverage_null": expected}
    return {"narrow": any(few), "rank_ratio": rank, "modes_lost": lost, "modes": of} | numbers


def _recall_of_halves(reference: Scan) -> float | None:
    """Recall of one random half of the reference by the other: what one law gives."""
    if reference.n // 2 <= K_BALL:
        return None
    one, other = halves(reference)
    return float((other.balls(one, K_BALL).per_query > 0).mean())


def _onsets(seen: Look, standing: Standing) -> dict[str, Any]:
    """Per change that holds at the end: the generation since when, the interval, and whether anything confirms it."""
    found = {}
    for change in CHANGES:
        made = {g: c for g, changes in seen.measured.items() for c in changes if c.change == change}
        last = [(g, change) in standing for g in seen.others]
        reach, whole = ([getattr(made.get(g), part, False) for g in seen.others] for part in ("reach", "whole"))
        since = onset([seen.generations[g] for g in seen.others], last, reach, whole)
        if since is not None:
            found[change] = asdict(since)
    return found


def _summary(generations: list[dict[str, Any]], onsets: dict[str, Any]) -> str:
    """One sentence: the states along the way, and what was lost since when."""
    runs = [state for state, _ in groupby(one["state"] for one in generations)]
    if len(generations) == 1:
        return f"The set is {runs[0]}."
    way = "The generations are " + ", then ".join(runs)
    if not onsets:
        return way + "; no change against the reference holds to the end."
    since = [f"{change} since generation {found['generation']}" for change, found in onsets.items()]
    tentative = [change for change, found in onsets.items() if found["provisional"]]
    note = f" (seen in the last generation only: {', '.join(tentative)})" if tentative else ""
    return f"{way}; changed against the reference: {', '.join(since)}{note}."
