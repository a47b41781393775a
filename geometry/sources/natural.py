"""Natural order: runs of digits compare as numbers, so gen_2 comes before gen_10."""

from __future__ import annotations

import re


def natural(text: str) -> tuple[tuple[int, int, str], ...]:
    """A sort key; letters compare without case."""
    parts = re.findall(r"\d+|\D+", text)
    return tuple((0, int(part), "") if part.isdigit() else (1, 0, part.casefold()) for part in parts)
