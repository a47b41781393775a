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
    [(np.nan, "non_finite_rows"), (0.0, "zero_rows"), (1e3, "norm_outliers")],
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
    assert hygiene(np.empty((0, 5))) == Hygiene(0, 5, 0, 0, 0, 0, 0, None, None, None)


def test_norms_beyond_the_dtype_do_not_overflow() -> None:
    assert hygiene(np.full((3, 4), 6e4, np.float16)).norm_max == pytest.approx(12e4, rel=1e-3)
    assert hygiene(np.diag([1e300, 2e300, 3e300])).norm_max == 3e300


def test_the_record_is_strict_json(clean: Array) -> None:
    clean[0] = np.nan
    assert json.loads(json.dumps(hygiene(clean).as_dict(), allow_nan=False))["non_finite_rows"] == 1
