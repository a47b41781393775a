"""Holm's step-down correction (Holm 1979): many looks, one chance in a hundred to say a word too much."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan


def holm(p: Sequence[float], level: float) -> list[bool]:
    """Which of the hypotheses are rejected at family-wise `level`, in the order given; NaN counts as 1."""
    order = sorted(range(len(p)), key=lambda i: (isnan(p[i]), p[i]))
    rejected = [False] * len(p)
    for rank, i in enumerate(order):
        if not p[i] <= level / (len(p) - rank):
            break
        rejected[i] = True
    return rejected
