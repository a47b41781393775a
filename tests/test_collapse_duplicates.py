"""duplicates: exact and near shares of sets made with a known number of copies."""

from __future__ import annotations

import clouds
import numpy as np
import pytest

from geometry.catalog import compute
from geometry.types import Neighbors


def shares(points: object) -> tuple[float, float]:
    made = compute("duplicates", points)
    return float(made["exact"]), float(made["near"])


def test_no_copies() -> None:
    assert shares(clouds.gaussian(300, 5)) == (0, 0)


def test_exact_copies_count_once_and_their_originals_as_near() -> None:
    assert shares(clouds.copies(400, 6, share=0.1)) == pytest.approx((0.1, 0.2))
    assert shares(np.repeat(clouds.gaussian(100, 6), 2, axis=0)) == pytest.approx((0.5, 1))


def test_near_copies_are_not_exact() -> None:
    assert shares(clouds.copies(400, 6, share=0.1, jitter=1e-5)) == pytest.approx((0, 0.2))
    assert shares(clouds.copies(400, 6, share=0.1, jitter=1e-2)) == (0, 0)


def test_many_copies_of_few_rows() -> None:
    """Half the rows are one row: r_10 is 0 for most, and the others are still apart."""
    points = np.vstack([np.zeros((200, 6)), clouds.gaussian(200, 6)])
    assert shares(points) == pytest.approx((199 / 400, 0.5))
    assert shares(np.ones((40, 3))) == pytest.approx((39 / 40, 1))


def test_interval_holds_the_share() -> None:
    made = compute("duplicates", clouds.copies(400, 6, share=0.1))["exact"]
    assert 0.07 < made.low < 0.1 < made.high < 0.14
    none = compute("duplicates", clouds.gaussian(400, 6))["exact"]
    assert none.low == 0 < none.high < 0.02


def test_table_without_row_numbers_has_no_order() -> None:
    made = compute("duplicates", Neighbors(np.array([[0.0, 1.0], [0.0, 1.0], [1.0, 1.0]])))
    assert made["exact"].reason == "no-row-numbers"
    assert float(made["near"]) == pytest.approx(2 / 3)
