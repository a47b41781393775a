"""Onset: the first generation from which a change holds to the end, with the generations that chance leaves open.

low is the first generation from which every interval at least touches the region of the change, high the first from
which every interval lies in it whole. A change seen in the last generation alone is provisional: nothing confirms it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Onset:
    """generation of the onset, and the earliest and latest that the intervals allow (high None: never whole)."""

    generation: int
    low: int
    high: int | None
    provisional: bool


def onset(
    generations: Sequence[int], holds: Sequence[bool], reach: Sequence[bool], whole: Sequence[bool]
) -> Onset | None:
    """The onset of one change over generations in order, the reference left out; None where it is gone at the end.

    holds, reach, whole: per generation, whether the change stands, its interval touches its region, and lies in it.
    """
    first = _from_here_on(holds)
    if first is None:
        return None
    low, high = _from_here_on([a or b for a, b in zip(reach, holds, strict=True)]), _from_here_on(whole)
    return Onset(
        generations[first],
        generations[first if low is None else low],
        None if high is None else generations[max(high, first)],
        first == len(generations) - 1,
    )


def _from_here_on(holds: Sequence[bool]) -> int | None:
    """First position from which all hold; None where the last does not."""
    first = len(holds)
    while first > 0 and holds[first - 1]:
        first -= 1
    return first if first < len(holds) else None
