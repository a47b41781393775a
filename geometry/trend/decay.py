"""Half-lives of a run: which of its statistics fall or rise by a constant factor per generation, and how fast.

Every statistic and variant that has a positive value in each of three generations or more gets the half-life of its
log-linear fit (`half_life`). Kept are those whose interval does not cross "no decay": the others have no rate to tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from geometry.trend.half_life import half_life

Row = dict[str, Any]


def half_lives(rows: Sequence[Row]) -> list[Row]:
    """layer, name, variant, generations per halving (negative: per doubling) with low and high, and n, in row order.

    rows: as of results.jsonl, of all generations.
    """
    series: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        series.setdefault((row["layer"], row["name"], row["variant"]), []).append(row)
    return [found for key, given in series.items() if (found := _of(key, given)) is not None]


def _of(key: tuple[str, str, str], given: Sequence[Row]) -> Row | None:
    if any(row["value"] is None for row in given):
        return None
    columns = [[row[field] for row in given] for field in ("generation", "value", "stderr")]
    made = half_life(*columns)
    if made.value is None or made.low is None or made.high is None:
        return None
    named = dict(zip(("layer", "name", "variant"), key, strict=True))
    return named | {"generations": made.value, "low": made.low, "high": made.high, "n": made.n}
