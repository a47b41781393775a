"""Arms side by side: sets that stand for choices, such as models trained without one group, and not for a time.

Every arm is held against the reference as a generation is, with looks of all counted; but no order among them means
anything, so there are no onsets, and the sentence names each arm's changes. Models that are trained apart agree up to a
rotation at best: arms whose rows have ids are first turned onto the reference (`geometry.projection.alignment`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

FOLDER = "arms"  # in which `geometry ablate` leaves them


def place_of(source: Any) -> Any:
    """The arms of an ablation where its folder is given, else the source as it is."""
    if isinstance(source, str | Path) and (Path(source) / FOLDER).is_dir():
        return str(Path(source) / FOLDER)
    return source


def of_arms(verdict: dict[str, Any], reference: int) -> dict[str, Any]:
    """The verdict of a run as one of arms."""
    return verdict | {"onsets": {}, "summary": _summary(verdict["generations"], reference)}


def _summary(arms: list[dict[str, Any]], reference: int) -> str:
    """One sentence: which arm differs from the reference, in what."""
    others = [one for position, one in enumerate(arms) if position != reference]
    changed = [f"{one['name']} in {' and '.join(one['changes'])}" for one in others if one["changes"]]
    same = [one["name"] for one in others if not one["changes"]]
    head = f"{len(arms)} arms, against {arms[reference]['name']}"
    if not changed:
        return f"{head}: none differs by more than chance."
    rest = [f"no change in {', '.join(same)}"] if same else []
    return f"{head}: {'; '.join(changed + rest)}."
