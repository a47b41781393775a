"""A point is told from a small set: equal rows whose mean is rounded, and spreads far below the offset."""

from __future__ import annotations

import clouds
import numpy as np
import pytest

from geometry.pairs import executor, scan
from geometry.pairs.spread import has_spread


@pytest.mark.parametrize("value", [0.0, 0.1, 1e30, 1e-30, -7e5 / 3])
def test_equal_rows_have_none(value: float) -> None:
    assert not has_spread(scan(np.full((20_000, 3), value), executor()))


@pytest.mark.parametrize("spread", [1.0, 1e-30, 1e30])
def test_any_unit_will_do(spread: float) -> None:
    assert has_spread(scan(spread * clouds.gaussian(100, 3), executor()))


def test_a_spread_of_a_billionth_of_the_offset_counts() -> None:
    assert has_spread(scan(1e-9 * clouds.gaussian(100, 3) + 1, executor()))
    assert not has_spread(scan(1e-15 * clouds.gaussian(100, 3) + 1, executor()))
