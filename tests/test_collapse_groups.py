"""Groups of rows: by label or array, groups of one left out, sums in the order of the rows."""

from __future__ import annotations

import clouds
import numpy as np
import pytest

from geometry.collapse.groups import groups_of, means_apart
from geometry.errors import InputError
from geometry.pairs import Scan, executor


def scan(labels: object = None) -> Scan:
    return Scan(clouds.gaussian(6, 2), executor(), labels=None if labels is None else np.array(labels))


def test_groups_of_labels() -> None:
    points = scan(["b", "a", "c", "b", "a", "b"])
    made = groups_of(points)
    assert made is not None
    assert made.names.tolist() == ["a", "b"]
    assert made.rows.tolist() == [1, 4, 0, 3, 5]
    assert made.number.tolist() == [0, 0, 1, 1, 1]
    rows = points.points[made.rows]
    np.testing.assert_allclose(made.means(rows), [rows[:2].mean(0), rows[2:].mean(0)])
    kept = made.among(np.array([True, False, True, True, False]))
    assert (kept.names.tolist(), kept.rows.tolist()) == (["b"], [0, 3])


def test_an_array_takes_the_place_of_labels() -> None:
    made = groups_of(scan([0] * 6), np.array([0, 0, 1, 1, 2, 2]))
    assert made is not None
    assert made.counts.tolist() == [2, 2, 2]
    assert groups_of(scan()) is None
    with pytest.raises(InputError, match="6 rows"):
        groups_of(scan(), np.zeros(5))


def test_means_that_differ_by_rounding_are_one() -> None:
    means = np.array([[1e6, 0.0], [1e6, 1e-7]])
    assert not means_apart(means, means.mean(0), 1.0)
    assert means_apart(means * [1, 1e7], means.mean(0), 1.0)
