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


@pytest.mark.parametrize("relative", [1e-6, 1e-3])
def test_near_copies_at_a_share_of_the_norm(relative: float) -> None:
    rng = np.random.default_rng(2)
    points = rng.standard_normal((3000, 32)).astype(np.float32)
    step = rng.standard_normal((200, 32))
    step *= relative * np.linalg.norm(points[:200], axis=1, keepdims=True) / np.linalg.norm(step, axis=1, keepdims=True)
    points[2500:2700] = points[:200] + step
    assert 198 <= hygiene(points).near_copies <= 200


def test_a_dense_cluster_is_no_heap_of_near_copies() -> None:
    rng = np.random.default_rng(0)
    points = rng.standard_normal((3000, 32)) * np.where(np.arange(3000) % 4, 1, 2e-3)[:, None]
    assert hygiene(points).near_copies == 0


CLEAN = {
    "a line": lambda rng: rng.random((5000, 1)),
    "a ring": lambda rng: np.exp(1j * rng.uniform(0, 7, (4000, 1))).view(np.float64),
    "a plane": lambda rng: rng.standard_normal((40_000, 2)),
    "a curve in 32 dimensions": lambda rng: np.sin(rng.random((4000, 1)) * np.arange(1, 33)),
    "a shell": lambda rng: rng.standard_normal((2000, 64)) / 8,
    "clusters": lambda rng: (
        9 * rng.standard_normal((8, 32))[rng.integers(0, 8, 2000)] + rng.standard_normal((2000, 32))
    ),
    "a power law": lambda rng: rng.standard_normal((2000, 64)) / np.arange(1, 65),
    "a steep power law": lambda rng: rng.standard_normal((2000, 64)) / np.arange(1, 65) ** 1.5,
    "active units": lambda rng: np.maximum(rng.standard_normal((2000, 64)) - 0.5, 0),
    "norms of Student's t": lambda rng: rng.standard_normal((3000, 32)) / np.sqrt(rng.chisquare(2, (3000, 1))),
    "lognormal norms": lambda rng: rng.standard_normal((3000, 32)) * np.exp(rng.standard_normal((3000, 1))),
    "two rows": lambda rng: rng.standard_normal((2, 3000)),
    "rounded to 8 bits": lambda rng: np.round(rng.standard_normal((2000, 16)) * 64) / 64,
}


@pytest.mark.parametrize("law", CLEAN)
def test_clean_laws_raise_no_alarm(law: str) -> None:
    found = hygiene(CLEAN[law](np.random.default_rng(3)))
    assert found.clean, found.faults


def test_a_wild_row_is_found_within_a_heavy_tail_and_many_alike(clean: Array) -> None:
    rng = np.random.default_rng(0)
    points = rng.standard_normal((3000, 32)) / np.sqrt(rng.chisquare(4, (3000, 1)))
    assert hygiene(points).norm_outliers == 0
    points[[7, 9]] *= 1e5
    assert hygiene(points).where["norm_outliers"] == (7, 9)
    clean[::10] *= 20
    assert hygiene(clean).norm_outliers == 20
    same = np.ones((50, 8)) / np.sqrt(8) * np.where(np.arange(50)[:, None] == 3, 7, 1)
    assert hygiene(same).where["norm_outliers"] == (3,)


@pytest.mark.parametrize("columns", [[3], [3, 5], [3, 5, 9]])
def test_columns_that_dominate_together(columns: list[int]) -> None:
    points = np.random.default_rng(0).standard_normal((300, 32))
    points[:, columns] *= 40
    assert hygiene(points).where["dominant_columns"] == tuple(columns)


@pytest.mark.parametrize(("jitter", "count"), [(1e-12, 1), (1e-5, 1), (1e-2, 0)])
def test_a_constant_column_with_jitter(clean: Array, jitter: float, count: int) -> None:
    clean[:, 4] = 3 + jitter * clean[:, 4]
    found = hygiene(np.hstack([clean, clean[::-1]])[:, :12])
    assert found.nearly_constant_columns == count and found.constant_columns == 0


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int16, np.uint16])
def test_whole_numbers_cut_off_at_the_end_of_their_range(kind: type) -> None:
    ends, normal = np.iinfo(kind), np.random.default_rng(0).standard_normal((300, 64))
    middle, unit = (ends.max + ends.min) / 2, (ends.max - ends.min) / 2
    cut = np.clip(np.round(middle + normal * unit / 2), ends.min, ends.max).astype(kind)
    expected = int(np.sum(cut == ends.max)) + (int(np.sum(cut == ends.min)) if ends.min else 0)
    for points in (cut, cut.astype(np.float32)):
        assert abs(hygiene(points).saturated_values - expected) < 30  # -127 is no end where -128 is there
    by_row = np.round(normal / np.abs(normal).max(axis=1, keepdims=True) * 127)
    assert hygiene(by_row).saturated_values == 0


def test_values_of_a_narrower_dtype_are_told_and_no_fault(clean: Array) -> None:
    wide = clean.astype(np.float32)
    rounded = (wide.view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32)
    for points, told in ((wide, ""), (clean, ""), (rounded, "bfloat16"), (clean.astype(np.float16), "")):
        assert hygiene(points).value_precision == told and hygiene(points).clean
    assert hygiene(clean.astype(np.float16).astype(np.float64)).value_precision == "float16"
    assert hygiene(wide.astype(np.float64)).value_precision == "float32"
    assert hygiene(np.round(10 * clean)).value_precision == ""
    cut = np.clip(wide * 1e5, -65504, 65504).astype(np.float16)
    expected = int(np.sum(np.abs(cut) == 65504))
    assert expected and hygiene(cut.astype(np.float32)).saturated_values == expected


def test_doubled_ids(clean: Array) -> None:
    ids = np.arange(200)
    assert hygiene(clean, ids).clean
    ids[[7, 90]] = 3
    found = hygiene(clean, ids.astype(str))
    assert found.faults == {"doubled_ids": 2} and found.where["doubled_ids"] == (7, 90)
