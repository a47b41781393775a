"""tail_survival: known shares, lost rows by name, its null, and sets in which copies leave no tail."""

from __future__ import annotations

import numpy as np
import pytest

from geometry.compare.tail_survival import quantile, tail_survival
from geometry.errors import UsageError
from geometry.estimates import wilson
from geometry.pairs import executor, scan
from geometry.pairs.scan import Scan

SHARES = {"beyond_99": 0.01, "beyond_95": 0.05, "beyond_90": 0.10}


def of(points: np.ndarray) -> Scan:
    return scan(points, executor())


@pytest.mark.parametrize("d", [2, 32])
def test_null_and_error_for_one_law(d: int) -> None:
    rng = np.random.default_rng(0)
    found = [tail_survival(of(rng.standard_normal((250, d))), of(rng.standard_normal((300, d)))) for _ in range(60)]
    for name, null in SHARES.items():
        draws = np.array([float(f[name]) for f in found])
        assert found[0][name].null == pytest.approx(null)
        assert abs(draws.mean() - null) < 4 * draws.std() / np.sqrt(len(draws)), name
        inside = np.mean([f[name].low <= null <= f[name].high for f in found])
        assert inside > 0.85, name
        z = np.array([f[name].z for f in found])
        assert 0.7 < z.std() < 1.4, name
    assert np.mean([float(f["tails_kept"]) for f in found]) > 0.97


def test_shrunken_draws_leave_the_tails() -> None:
    rng = np.random.default_rng(0)
    reference = rng.standard_normal((800, 8))
    found = tail_survival(of(rng.standard_normal((800, 8)) * 0.7), of(reference))
    assert float(found["beyond_95"]) < 0.01
    assert found["beyond_95"].high < 0.05
    assert found["beyond_95"].z < -3
    kept = tail_survival(of(rng.standard_normal((800, 8))), of(reference))["tails_kept"]
    shrunk = tail_survival(of(rng.standard_normal((800, 8)) * 0.2), of(reference))["tails_kept"]
    assert shrunk.high < kept.low
    assert shrunk.z < -3


def test_all_generated_rows_far_away() -> None:
    rng = np.random.default_rng(0)
    found = tail_survival(of(rng.standard_normal((50, 3)) + 100), of(rng.standard_normal((200, 3))))
    assert [float(found[name]) for name in SHARES] == [1.0, 1.0, 1.0]
    assert float(found["tails_kept"]) == 0.0
    assert found["beyond_95"].high == pytest.approx(1.0)


def test_lost_rows_are_named() -> None:
    """A sparse wing of ten rows, rows 500 to 509, that the generated set does not draw."""
    rng = np.random.default_rng(0)
    body, wing = rng.standard_normal((500, 2)), np.array([60.0, 0.0]) + np.arange(10)[:, None] * np.array([0.0, 9.0])
    found = tail_survival(of(rng.standard_normal((500, 2))), of(np.concatenate([body, wing])), k=5)["tails_kept"]
    assert set(range(500, 510)) <= set(found.profile["lost_rows"].tolist())
    assert found.per_point.sum() == len(found.profile["lost_rows"])
    complete = tail_survival(of(np.concatenate([body[:400], wing])), of(np.concatenate([body, wing])), k=5)[
        "tails_kept"
    ]
    assert not complete.per_point[500:].any()


def test_a_generated_row_at_the_radius_keeps_the_tail_row() -> None:
    points = np.cumsum(np.arange(1.0, 41.0))[:, None]  # gaps grow: the last rows are the tail
    edge = points[-1] + (points[-1] - points[-3])
    kept = tail_survival(of(np.array([edge])), of(points), k=2)["tails_kept"]
    beyond = tail_survival(of(np.array([edge * 1.001])), of(points), k=2)["tails_kept"]
    assert not kept.per_point[-1]
    assert beyond.per_point[-1]


def test_k_is_used_and_checked() -> None:
    rng = np.random.default_rng(0)
    generated, reference = of(rng.standard_normal((300, 4)) * 0.9), of(rng.standard_normal((300, 4)))
    first, second = tail_survival(generated, reference), tail_survival(generated, reference, k=3)
    assert float(first["beyond_90"]) != float(second["beyond_90"])
    assert (first["beyond_90"].k, second["beyond_90"].k) == (10, 3)
    assert first["tails_kept"].null != second["tails_kept"].null
    with pytest.raises(UsageError, match="k of 1 or more"):
        tail_survival(generated, reference, k=0)


def test_undefined_where_rows_or_distances_are_missing() -> None:
    rng = np.random.default_rng(0)
    few = tail_survival(of(rng.standard_normal((30, 2))), of(rng.standard_normal((10, 2))))
    assert {e.reason for e in few.values()} == {"few-rows"}
    flat = tail_survival(of(rng.standard_normal((30, 2))), of(np.ones((100, 2))))
    assert {e.reason for e in flat.values()} == {"tied-density"}
    same = tail_survival(of(np.ones((30, 2))), of(rng.standard_normal((100, 2))))
    assert {e.status for e in same.values()} == {"ok"}


def test_quantile_is_exceeded_with_the_probability_asked() -> None:
    assert quantile(np.arange(1.0, 100.0), 0.05) == pytest.approx(95)


def test_wilson_closed() -> None:
    """Without more variance the classical interval: 0 of 10 gives 0 to z^2 / (n + z^2)."""
    _, low, high = wilson(0.0, 10, 0.0)
    assert low == 0
    assert high == pytest.approx(3.841458820694124 / 13.841458820694124)
    assert wilson(0.5, 100, 0.0025)[0] == pytest.approx(np.sqrt(0.005))
    assert wilson(0.5, 100, 0.0025)[2] > wilson(0.5, 100, 0.0)[2]
