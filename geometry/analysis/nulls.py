"""The resampled reference as the null of every statistic that has none of its own, drawn once per run.

A statistic of one set is held against its value on the reference, on as many rows where the reference has more. One of
two sets is held against its value between two disjoint random halves of the reference: what one law says of itself, at
half the rows, so a bias that grows with fewer rows makes the test careful, not bold. z is the difference over both
standard errors. A row says in `null_of` where its null comes from: `own`, `reference` or `halves of the reference`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from geometry.analysis.plan import Plan
from geometry.catalog import evaluate
from geometry.pairs import Scan
from geometry.pairs.faces import face
from geometry.registry import Entry, Outcome
from geometry.types import Estimate

OWN, REFERENCE, HALVES = "own", "reference", "halves of the reference"


def held_against_null(
    plan: Plan, entry: Entry, outcome: Outcome, *, scan: Scan, pair: bool, options: dict[str, Any]
) -> Outcome:
    """`outcome` with nulls where it had none; pair: of two sets. scan: the set that it was measured on."""
    if isinstance(outcome, Estimate):
        return held_against_null(plan, entry, {"": outcome}, scan=scan, pair=pair, options=options)[""]  # type: ignore[index]
    if all(one.null is not None or one.value is None for one in outcome.values()):
        return {key: _own(one) for key, one in outcome.items()}
    null = _of_reference(plan, entry, scan, pair, options)
    return {key: _against(one, null.get(key), HALVES if pair else REFERENCE) for key, one in outcome.items()}


def _of_reference(plan: Plan, entry: Entry, scan: Scan, pair: bool, options: dict[str, Any]) -> dict[str, Estimate]:
    """What the statistic says of the reference alone; made once for each number of rows."""
    reference = plan.scans[plan.reference]
    alone = face(entry, reference) if scan.whole is not None and entry.whole else reference.at_most(scan.n)
    key = ("null", entry.name, pair, None if pair else (alone.n, alone is reference))
    if key not in reference.memo:
        sets = halves(reference) if pair else (alone,)
        found = evaluate(entry, *sets, **options)
        reference.memo[key] = {"": found} if isinstance(found, Estimate) else found
    made: dict[str, Estimate] = reference.memo[key]
    return made


def halves(reference: Scan) -> tuple[Scan, Scan]:
    """Two disjoint random halves of the reference, seeded, made once."""
    if "halves" not in reference.memo:
        order = np.random.default_rng(reference.seed).permutation(reference.n)
        middle = reference.n // 2
        reference.memo["halves"] = tuple(reference.of_rows(np.sort(part)) for part in (order[:middle], order[middle:]))
    a, b = reference.memo["halves"]
    return a, b


def _own(one: Estimate) -> Estimate:
    return one if one.null is None else replace(one, null_of=OWN)


def _against(one: Estimate, null: Estimate | None, of: str) -> Estimate:
    if one.null is not None or one.value is None or null is None or null.value is None:
        return _own(one)
    errors = [e.stderr for e in (one, null) if e.stderr is not None]
    error = float(np.linalg.norm(errors)) if len(errors) == 2 else 0.0
    return replace(one, null=null.value, null_of=of, z=(one.value - null.value) / error if error > 0 else None)
