"""The verdict of a run: states, the changes that stand after all looks are counted, onsets, and one sentence."""

from __future__ import annotations

from dataclasses import asdict
from itertools import groupby
from typing import Any

import numpy as np

from geometry.analysis.plan import Plan, name
from geometry.analysis.rows import equal
from geometry.compare.holm import holm
from geometry.compare.prdc import expected_coverage
from geometry.pairs import Scan
from geometry.trend import onset
from geometry.verdict import constants as limit
from geometry.verdict.changes import CHANGES, Change, changes_of
from geometry.verdict.effects import entropy_rank
from geometry.verdict.state import State, facts_of, state_of

Changes = dict[int, list[Change]]
K_BALL = 5  # of prdc


def judge(plan: Plan) -> dict[str, Any]:
    """The verdict as it stands in run.json."""
    reference = plan.scans[plan.reference]
    before = [None if g == plan.reference else reference for g in range(len(plan.scans))]
    facts = [facts_of(scan, known, plan.gauge_rows) for scan, known in zip(plan.scans, before, strict=True)]
    measured = {g: changes_of(*equal(plan.scans[g], reference), plan.gauge_rows) for g in _comparable(plan)}
    standing = _standing(measured)
    generations = [_entry(plan, g, state_of(fact), measured.get(g, []), standing) for g, fact in enumerate(facts)]
    onsets = _onsets(plan, measured, standing)
    return {"generations": generations, "onsets": onsets, "summary": _summary(generations, onsets)}


def _comparable(plan: Plan) -> list[int]:
    """Positions that can be compared: three rows or more, as the reference has."""
    return [g for g in plan.others if min(plan.scans[g].n, plan.scans[plan.reference].n) > 2]


def _standing(measured: Changes) -> set[tuple[int, str]]:
    """(position, change) of those that are large and significant over all changes and generations (Holm, 1 %)."""
    every = [(g, change) for g, changes in measured.items() for change in changes]
    significant = holm([change.p for _, change in every], limit.LEVEL)
    return {(g, c.change) for (g, c), stands in zip(every, significant, strict=True) if stands and c.beyond}


def _entry(plan: Plan, g: int, state: State, measured: list[Change], standing: set[tuple[int, str]]) -> dict[str, Any]:
    """What the verdict says of one generation, with its evidence."""
    narrow = narrowness(plan, g, measured) if state.state == "rich" and g in _comparable(plan) else {}
    flags = [*state.flags, "narrow"] if narrow.get("narrow") else list(state.flags)
    return {
        "generation": plan.sets[g].generation,
        "name": name(plan.sets[g]),
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
    if "recall of halves" not in reference.memo:
        order = np.random.default_rng(reference.seed).permutation(reference.n)
        parts = [reference.points[part] for part in np.array_split(order, 2)]
        halves = [Scan(part, reference.executor) for part in parts]
        enough = min(half.n for half in halves) > K_BALL
        inside = halves[1].balls(halves[0], K_BALL).per_query > 0 if enough else None
        reference.memo["recall of halves"] = None if inside is None else float(inside.mean())
    found: float | None = reference.memo["recall of halves"]
    return found


def _onsets(plan: Plan, measured: Changes, standing: set[tuple[int, str]]) -> dict[str, Any]:
    """Per change that holds at the end: the generation since when, the interval, and whether anything confirms it."""
    found = {}
    for change in CHANGES:
        seen = {g: c for g, changes in measured.items() for c in changes if c.change == change}
        last = [(g, change) in standing for g in plan.others]
        reach, whole = ([getattr(seen.get(g), part, False) for g in plan.others] for part in ("reach", "whole"))
        since = onset([plan.sets[g].generation for g in plan.others], last, reach, whole)
        if since is not None:
            found[change] = asdict(since)
    return found


def _summary(generations: list[dict[str, Any]], onsets: dict[str, Any]) -> str:
    """One sentence: the states along the way, and what was lost since when."""
    runs = [key for key, _ in groupby(f"{one['state']}" for one in generations)]
    way = f"The set is {runs[0]}" if len(generations) == 1 else "The generations are " + ", then ".join(runs)
    if len(generations) == 1:
        return way + "."
    if not onsets:
        return way + "; no change against the reference holds to the end."
    since = [f"{change} since generation {found['generation']}" for change, found in onsets.items()]
    tentative = [change for change, found in onsets.items() if found["provisional"]]
    note = f" (seen in the last generation only: {', '.join(tentative)})" if tentative else ""
    return f"{way}; changed against the reference: {', '.join(since)}{note}."
