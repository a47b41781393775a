"""What a statistic is given of a set that stays in its files, and how its answer says of which rows it is.

The registry says it for each (`Entry.whole`): moments of all rows, sampled rows with their neighbours among all, or the
sampled rows alone. But for the first an answer is not exact, and its method names the rows that it rests on.
"""

from __future__ import annotations

from dataclasses import replace

from geometry.pairs.scan import Scan
from geometry.registry import Entry, Outcome
from geometry.types import Estimate


def face(entry: Entry, scan: Scan) -> Scan:
    """The scan of a set that a statistic is given: its own, or what the registry says of one in files."""
    return scan if scan.whole is None else scan.whole.face(entry.whole)


def told(entry: Entry, outcome: Outcome, *sets: Scan) -> Outcome:
    """`outcome` as not exact, with the rows it rests on, where a set stays in its files and it is not of all rows."""
    notes = [note for one in sets if (note := _sampled(entry, one))]
    if not notes:
        return outcome
    if isinstance(outcome, Estimate):
        method = "; ".join(filter(None, (outcome.method, *dict.fromkeys(notes))))
        return outcome if outcome.value is None else replace(outcome, exact=False, method=method)
    return {key: told(entry, one, *sets) for key, one in outcome.items()}  # type: ignore[misc]


def _sampled(entry: Entry, scan: Scan) -> str:
    if scan.whole is None or entry.whole == "pairs" or (entry.whole == "moments" and face(entry, scan) is not scan):
        return ""
    of = f"{len(scan.whole.stored)} rows"
    return f"{scan.n} rows among {of}" if entry.whole == "neighbors" else f"{scan.n} of {of}"
