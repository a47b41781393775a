"""Degenerate sets under every registered statistic: no exception, no warning, a finite value or a reason for none."""

from __future__ import annotations

from math import isfinite
from typing import Any

import clouds
import numpy as np
import pytest

from geometry.catalog import compute, statistics
from geometry.registry import Entry
from geometry.types import Estimate

N, D = 120, 8


def constant_columns() -> clouds.Cloud:
    points = clouds.gaussian(N, D)
    points[:, ::2] = 0.1
    return points


def zero_rows(share: float) -> clouds.Cloud:
    points = clouds.gaussian(N, D)
    points[: round(share * N)] = 0
    return points


SETS: dict[str, Any] = {
    "all rows equal": np.full((N, D), 0.1),
    "all rows zero": np.zeros((N, D)),
    "each row doubled": np.repeat(clouds.gaussian(N // 2, D), 2, axis=0),
    "each row forty times": np.repeat(clouds.gaussian(N // 40, D), 40, axis=0),
    "one row apart from equal ones": np.vstack([np.ones((1, D)), np.zeros((N - 1, D))]),
    "one outlier": clouds.outlier(N, D, far=1e3),
    "one row": clouds.gaussian(1, D),
    "two rows": clouds.gaussian(2, D),
    "two equal rows": np.ones((2, D)),
    "three rows": clouds.gaussian(3, D),
    "fewer rows than dimensions": clouds.gaussian(30, 50),
    "constant columns": constant_columns(),
    "one zero row": zero_rows(1 / N),
    "half zero rows": zero_rows(0.5),
    "one row not zero": zero_rows(1 - 1 / N),
    "offset in float32": (clouds.gaussian(N, D) + 1e4).astype(np.float32),
    "one dimension": clouds.gaussian(N, 1),
    "a line": clouds.low_rank(N, D, rank=1),
    "a lattice": np.array(np.meshgrid(*[range(3)] * 4)).reshape(4, -1).T.astype(float),
    "orthogonal rows": np.eye(20),
    "opposite rows": np.vstack([np.eye(20), -np.eye(20)]),
    "huge": 1e30 * clouds.gaussian(N, D),
    "tiny": 1e-30 * clouds.gaussian(N, D),
    "half precision": clouds.gaussian(N, D).astype(np.float16),
}
CASES = [(found, name) for found in statistics() for name in SETS]


def reference_for(points: Any, kind: str) -> Any:
    return clouds.gaussian(N, points.shape[1], 3) if kind == "ordinary" else points


def run(found: Entry, points: Any, reference: Any) -> list[Estimate]:
    options: dict[str, Any] = {}
    if "labels" in found.needs:
        options["labels"] = np.arange(len(points)) % 3
        if found.takes_reference:
            options["reference_labels"] = np.arange(len(reference)) % 3
    if "ids" in found.needs:
        options |= {"ids": np.arange(len(points)), "reference_ids": np.arange(len(reference))}
    outcome = compute(found.name, points, reference if found.takes_reference else None, **options)
    return [outcome] if isinstance(outcome, Estimate) else list(outcome.values())


def assert_defined(estimate: Estimate) -> None:
    if estimate.status == "undefined":
        assert estimate.value is None
        assert estimate.reason
        return
    assert estimate.status == "ok"
    assert estimate.value is not None
    numbers = [estimate.value, estimate.stderr, estimate.low, estimate.high, estimate.null, estimate.z]
    assert all(isfinite(number) for number in numbers if number is not None), estimate
    if estimate.low is not None and estimate.high is not None:
        slack = 1e-12 * max(abs(estimate.value), 1.0)
        assert estimate.low - slack <= estimate.value <= estimate.high + slack


@pytest.mark.parametrize(("found", "name"), CASES, ids=lambda v: v.name if isinstance(v, Entry) else v)
def test_every_statistic_answers(found: Entry, name: str) -> None:
    points = SETS[name]
    low, high = found.range
    for kind in ("ordinary", "itself") if found.takes_reference else ("none",):
        made = run(found, points, reference_for(points, kind))
        assert made
        for estimate in made:
            assert_defined(estimate)
            if estimate.value is not None:
                assert low <= estimate.value <= high


OTHERS: dict[str, Any] = {
    "one row": clouds.gaussian(1, D),
    "two rows": clouds.gaussian(2, D),
    "three rows": clouds.gaussian(3, D),
    "fewer rows": clouds.gaussian(70, D, 5),
    "all rows equal": np.full((50, D), 0.1),
    "all rows zero": np.zeros((N, D)),
    "far away": clouds.gaussian(N, D, 5) + 1e4,
}


@pytest.mark.parametrize("found", [f for f in statistics() if f.takes_reference], ids=lambda found: found.name)
@pytest.mark.parametrize("name", OTHERS)
def test_two_sets_of_unequal_rows_and_a_collapsed_side(found: Entry, name: str) -> None:
    ordinary = clouds.gaussian(N, D, 4)
    for sets in ((ordinary, OTHERS[name]), (OTHERS[name], ordinary)):
        for estimate in run(found, *sets):
            assert_defined(estimate)
            assert estimate.value is None or found.range[0] <= estimate.value <= found.range[1]


@pytest.mark.parametrize("found", [f for f in statistics() if not f.takes_reference], ids=lambda found: found.name)
def test_equal_rows_are_never_more_than_a_point(found: Entry) -> None:
    """What is defined on equal rows is only what a point has: copies, and where it lies."""
    defined = {"duplicates", "mean_cosine", "cone", "rankme", "vendi", "rke", "self_cluster", "partition_isotropy"}
    statuses = {estimate.status for estimate in run(found, SETS["all rows equal"], None)}
    assert statuses == ({"ok"} if found.name in defined else {"undefined"})
