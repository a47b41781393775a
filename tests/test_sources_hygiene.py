"""Hygiene counts on sets whose faults were put there."""

from __future__ import annotations

import json

import numpy as np
import pytest

from geometry.sources import Hygiene, hygiene
from geometry.types import Array


@pytest.fixture
def clean() -> Array:
    return np.random.default_rng(0).standard_normal((200, 8))


def test_a_clean_set_has_nothing_to_report(clean: Array) -> None:
    found = hygiene(clean)
    assert found.clean and (found.n, found.d) == (200, 8)
    norms = np.linalg.norm(clean, axis=1)
    assert np.allclose(
        [found.norm_min, found.norm_median, found.norm_max], [norms.min(), np.median(norms), norms.max()]
    )


def test_every_fault_is_counted(clean: Array, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("geometry.sources.checks.BLOCK_BYTES", 7 * 64)
    clean[3, 2] = np.nan
    clean[190, 0] = -np.inf
    clean[[10, 11]] = 0
    clean[[20, 21]] = clean[22]
    clean[:, 5] = 0
    clean[50] *= 100
    found = hygiene(clean)
    assert not found.clean
    assert (found.non_finite_rows, found.zero_rows, found.exact_copies) == (2, 2, 3)
    assert (found.constant_columns, found.norm_outliers) == (1, 1)


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        (np.nan, "non_finite_rows"),
        (np.nan, "nan_rows"),
        (-np.inf, "infinite_rows"),
        (0.0, "zero_rows"),
        (1e3, "norm_outliers"),
    ],
)
def test_one_fault_alone_is_not_clean(clean: Array, row: float, fault: str) -> None:
    clean[7] = row
    found = hygiene(clean)
    assert not found.clean and getattr(found, fault) == 1


def test_collapse_and_degenerate_shapes() -> None:
    same = hygiene(np.full((50, 3), 2.0, np.float32))
    assert (same.exact_copies, same.constant_columns, same.norm_outliers) == (49, 3, 0)
    assert hygiene(np.zeros((4, 2))).zero_rows == 4
    assert hygiene(np.ones((1, 5))).constant_columns == 0
    nothing = hygiene(np.full((4, 2), np.nan))
    assert (nothing.non_finite_rows, nothing.norm_median, nothing.constant_columns) == (4, None, 0)
    assert hygiene(np.empty((0, 5))) == Hygiene(0, 5)


def test_norms_beyond_the_dtype_do_not_overflow() -> None:
    assert hygiene(np.full((3, 4), 6e4, np.float16)).norm_max == pytest.approx(12e4, rel=1e-3)
    assert hygiene(np.diag([1e300, 2e300, 3e300])).norm_max == 3e300


def test_the_record_is_strict_json(clean: Array) -> None:
    clean[0] = np.nan
    assert json.loads(json.dumps(hygiene(clean).as_dict(), allow_nan=False))["non_finite_rows"] == 1


def test_near_copies_are_found_with_their_rows_and_exact_ones_are_apart(clean: Array) -> None:
    rng = np.random.default_rng(1)
    clean[100] = clean[7] + 1e-5 * rng.standard_normal(8)
    clean[150] = clean[8]
    clean[180] = clean[9] + 0.05 * rng.standard_normal(8)  # near, but not a copy
    found = hygiene(clean)
    assert (found.near_copies, found.exact_copies) == (1, 1)
    assert found.where["near_copies"] == (100,) and found.where["exact_copies"] == (150,)


@pytest.mark.parametrize("d", [2, 8, 64])
@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_near_copies_by_the_hundred_in_any_dimension(d: int, offset: float) -> None:
    rng = np.random.default_rng(d)
    points = rng.standard_normal((4000, d)) + offset
    assert hygiene(points).near_copies == 0
    spacing = np.sqrt(2 * d) * (10 / 4000) ** (1 / d)
    points[3000:3300] = points[:300] + 1e-5 * spacing * rng.standard_normal((300, d)) / np.sqrt(d)
    assert 297 <= hygiene(points).near_copies <= 300


def test_a_heap_of_near_copies_is_one_row_many_times() -> None:
    points = np.random.default_rng(1).standard_normal((300, 16))
    points[250:] = points[0] + 1e-7 * np.random.default_rng(0).standard_normal((50, 16))
    assert 48 <= hygiene(points).near_copies <= 50


def test_one_row_over_again(clean: Array) -> None:
    clean[[5, 50, 60]] = clean[30]
    found = hygiene(clean)
    assert found.repeated_row == 3 and found.where["repeated_row"] == (5,) and found.exact_copies == 3
    pairs = np.repeat(np.random.default_rng(0).standard_normal((300, 4)), 2, axis=0)
    assert hygiene(pairs).repeated_row == 0


def test_a_dominant_column_by_variance_or_by_its_mean(clean: Array) -> None:
    for column, change in ((2, lambda x: 5 * x), (3, lambda x: x + 5)):
        points = clean.copy()
        points[:, column] = change(points[:, column])
        found = hygiene(points)
        assert found.dominant_columns == 1 and found.where["dominant_columns"] == (column,)
    assert hygiene(clean[:, :3] * [9, 1, 1]).dominant_columns == 0


def test_the_range_of_the_dtype() -> None:
    points = np.random.default_rng(0).standard_normal((50, 4)).astype(np.float16)
    assert hygiene(points).value_dtype == "float16" and hygiene(points).clean
    points[3, 1] = np.finfo(np.float16).max
    assert hygiene(points).saturated_values == 1 and hygiene(points).value_max == 65504
    small = np.random.default_rng(0).standard_normal((50, 4)) * 1e-6
    assert hygiene(small.astype(np.float16)).subnormal_values > 100
    assert hygiene(small).subnormal_values == 0


def test_nan_and_infinity_are_told_apart(clean: Array) -> None:
    clean[3, 2], clean[4, 1], clean[4, 2] = np.nan, np.inf, np.nan
    clean[9, 0] = -np.inf
    found = hygiene(clean)
    assert found.faults == {"nan_rows": 2, "infinite_rows": 1} and found.non_finite_rows == 3
    assert found.where == {"nan_rows": (3, 4), "infinite_rows": (9,)}


def test_blocks_change_nothing(clean: Array, monkeypatch: pytest.MonkeyPatch) -> None:
    clean[20] = clean[120]
    clean[130] = clean[30] * (1 + 1e-9)
    whole = hygiene(clean)
    assert whole.faults == {"exact_copies": 1, "near_copies": 1}
    monkeypatch.setattr("geometry.sources.checks.BLOCK_BYTES", 13 * 64)
    assert hygiene(clean) == whole and hygiene(clean).where == whole.where
