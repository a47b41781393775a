"""Since when something is lost: to the end, not once."""

from __future__ import annotations

import numpy as np

from geometry.attribution.lost import lost_since


def test_lost_counts_only_where_it_lasts_to_the_end() -> None:
    lost = np.array([[0, 1, 1, 0, 1], [0, 1, 0, 0, 1], [0, 1, 1, 1, 0]], bool)
    assert lost_since(lost).tolist() == [-1, 0, 2, 2, -1]


def test_one_generation_and_nothing_at_all() -> None:
    assert lost_since(np.array([[True, False]])).tolist() == [0, -1]
    assert lost_since(np.empty((3, 0), bool)).tolist() == []
