"""All statistics of all generations as the rows of results.jsonl.

One-set statistics are computed on every generation, two-set ones on every generation but the reference, with as many
rows on both sides. What has no null of its own is held against the reference resampled (`geometry.analysis.nulls`). A
statistic that fails leaves a row that says so and stops nothing. Of a set that stays in its files a statistic is given
what the registry says of it (`whole`): moments of all rows at their true number, unequal or not, the neighbours of the
sampled rows among all, in both sets where there are two, or the sample; but for the first a row is not exact, and its
method says of which rows it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from geometry.analysis import memory
from geometry.analysis.ledger import Ledger
from geometry.analysis.nulls import held_against_null
from geometry.analysis.plan import Plan
from geometry.catalog import evaluate
from geometry.pairs import Scan
from geometry.pairs.faces import face, told
from geometry.registry import Entry, Outcome
from geometry.types import Estimate

FIELDS = (
    "value", "stderr", "low", "high", "method", "null", "null_of", "z", "n", "d", "k", "exact", "status", "reason",
)  # fmt: skip
Outcomes = dict[str, list[Outcome]]


NOTHING_KEPT = Ledger()


def outcomes_of(plan: Plan, g: int, ledger: Ledger = NOTHING_KEPT, names: Sequence[str] | None = None) -> Outcomes:
    """Every statistic of the generation at position g, by name; what the ledger has is not computed again.

    names: of the statistics asked for, None for all.
    """
    layer = plan.sets[g].layer
    asked = [one for one in plan.entries if names is None or one.name in names]
    return {one.name: ledger.once((layer, g, one.name), partial(_outcomes, plan, g, one)) for one in asked}


def _outcomes(plan: Plan, g: int, entry: Entry) -> list[Outcome]:
    """One statistic of one set: alone where it has a value then, and against the reference."""
    scan, options = plan.scans[g], _options(entry, plan)
    made = [] if entry.needs_reference else [told(entry, evaluate(entry, face(entry, scan), **options), scan)]
    if g != plan.reference:
        made = [held_against_null(plan, entry, one, scan=scan, pair=False, options=options) for one in made]
    if g != plan.reference and entry.takes_reference:
        pair = _pair(entry, scan, plan.scans[plan.reference])
        outcome = told(entry, evaluate(entry, *pair, **options), scan, plan.scans[plan.reference])
        made.append(held_against_null(plan, entry, outcome, scan=pair[0], pair=True, options=options))
    if plan.options.memory_budget is not None:
        memory.give_back()
    return made


def _pair(entry: Entry, scan: Scan, reference: Scan) -> tuple[Scan, Scan]:
    """Both sets at equal rows; whole where rows are paired by ids, which makes them equal itself, or in moments."""
    if entry.whole in ("moments", "pairs") and not (scan.whole is None and reference.whole is None):
        return face(entry, scan), face(entry, reference)
    by_ids = "ids" in entry.needs and scan.ids is not None and reference.ids is not None
    return (scan, reference) if by_ids else equal(scan, reference)


def equal(scan: Scan, reference: Scan) -> tuple[Scan, Scan]:
    """Both sets at the number of rows of the smaller."""
    n = min(scan.n, reference.n)
    return scan.at_most(n), reference.at_most(n)


def _options(entry: Entry, plan: Plan) -> dict[str, Any]:
    """What a run decides for every statistic that has such an option."""
    return {
        key: value
        for key, value in {"seed": plan.options.seed, "rows": plan.gauge_rows}.items()
        if key in entry.options
    }


def rows_of(plan: Plan, g: int, outcomes: Outcomes) -> list[dict[str, Any]]:
    """The rows of one generation."""
    one = plan.sets[g]
    where = {"generation": one.generation, "position": g, "layer": one.layer}
    estimates = [estimate for made in outcomes.values() for estimate in flat(made)]
    return [where | {"name": e.name, "variant": e.variant} | {f: getattr(e, f) for f in FIELDS} for e in estimates]


def flat(made: list[Outcome]) -> list[Estimate]:
    """Every estimate of a statistic's outcomes."""
    return [e for outcome in made for e in (outcome.values() if isinstance(outcome, dict) else [outcome])]
