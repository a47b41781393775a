"""Pairing: by ids, by position when said, never by guess; in a run unpaired sets are undefined."""

from __future__ import annotations

from typing import Any

import clouds
import numpy as np
import pytest

from geometry.analysis.asked import Options
from geometry.analysis.plan import plan
from geometry.analysis.rows import outcomes_of, rows_of
from geometry.catalog import compute, statistics
from geometry.compare.pairing import pairs_of
from geometry.errors import InputError, UnpairedError
from geometry.pairs import executor, scan
from geometry.types import EmbeddingSet

IN_PART = {"mean_regression"}  # its radii need no pairs
PAIRED = sorted({one.name for one in statistics() if "ids" in one.needs} - IN_PART)
X, Y = clouds.gaussian(60, 4), clouds.gaussian(60, 4, 1)


def test_whoever_asks_for_ids_is_paired_and_the_other_way_round() -> None:
    assert {one.name for one in statistics() if "paired" in one.options} == {*PAIRED, *IN_PART}
    assert len(PAIRED) >= 7


@pytest.mark.parametrize("name", PAIRED)
def test_unpaired_sets_are_refused_with_a_remedy(name: str) -> None:
    with pytest.raises(InputError, match=r"ids .*paired=True"):
        compute(name, X, Y)
    assert compute(name, X, Y, paired=True).status == "ok"
    with pytest.raises(UnpairedError, match="as many rows"):
        compute(name, X, Y[:50], paired=True)


@pytest.mark.parametrize("name", PAIRED)
def test_ids_pair_whatever_the_order(name: str) -> None:
    ids = np.arange(60)
    plain = compute(name, X, Y, ids=ids, reference_ids=ids)
    moved = compute(name, X, Y[::-1], ids=ids, reference_ids=ids[::-1])
    assert moved.value == pytest.approx(plain.value, abs=1e-9)
    assert abs(compute(name, X, Y, ids=ids, reference_ids=ids[::-1]).value - plain.value) > 1e-6


def test_rows_without_a_partner_are_left_out() -> None:
    part = compute("cka", X, Y[:40], ids=np.arange(60), reference_ids=np.arange(20, 60))
    assert part.n == 40
    assert part.value == pytest.approx(compute("cka", X[20:], Y[:40], paired=True).value, abs=1e-12)


@pytest.mark.parametrize(("ids", "said"), [(np.zeros(60), "repeat"), (np.arange(100, 160), "no id in common")])
def test_ids_that_pair_nothing(ids: np.ndarray, said: str) -> None:
    with pytest.raises(UnpairedError, match=said):
        compute("cka", X, Y, ids=ids, reference_ids=np.arange(60))


def test_sets_as_they_stand_are_not_copied() -> None:
    a, b = (scan(points, executor(), ids=np.arange(60)) for points in (X, Y))
    assert pairs_of(a, b, False, "cka") == (a, b)


def test_pairs_may_live_in_different_spaces_but_not_steps() -> None:
    wide = np.hstack([Y, Y])
    assert compute("cka", X, wide, paired=True).value == pytest.approx(compute("cka", X, Y, paired=True).value)
    for name in ("inward_drift", "mean_regression"):
        with pytest.raises(InputError, match="dimensions"):
            compute(name, X, wide, paired=True)


def rows_of_run(sets: list[Any], statistics: str) -> list[dict[str, Any]]:
    """The rows of the second generation of a run."""
    made = plan(sets, Options(statistics=statistics))
    return rows_of(made, 1, outcomes_of(made, 1))


def test_a_run_pairs_by_the_ids_of_its_sets() -> None:
    sets = [EmbeddingSet(points, generation=g, ids=np.arange(60)) for g, points in enumerate((X, Y[:, [1, 0, 2, 3]]))]
    found = {row["name"]: row for row in rows_of_run(sets, "cka,rtd,mean_regression")}
    assert found["cka"]["value"] == pytest.approx(compute("cka", Y, X, paired=True).value, abs=1e-9)
    bare = rows_of_run([X, Y], "cka,mean_regression")
    reasons = {(row["name"], row["variant"]): (row["status"], row["reason"]) for row in bare}
    assert reasons["cka", ""] == reasons["mean_regression", "slope"] == ("undefined", "unpaired")
    assert reasons["mean_regression", "radius_50"][0] == "ok"


def test_a_run_with_ids_uses_every_pair_of_unequal_sets() -> None:
    sets = [EmbeddingSet(X, ids=np.arange(60)), EmbeddingSet(Y[:50], generation=1, ids=np.arange(50))]
    (row,) = rows_of_run(sets, "cka")
    assert row["n"] == 50


def test_an_embedding_set_brings_its_ids_to_compute() -> None:
    sets = [EmbeddingSet(points, ids=np.arange(60)) for points in (X, Y)]
    assert compute("cka", *sets).value == compute("cka", X, Y, paired=True).value


def test_errors_and_chance_follow_the_seed() -> None:
    first, second = (compute("procrustes", X, Y, paired=True) for _ in range(2))
    assert first == second
    assert compute("procrustes", X, Y, paired=True, seed=1).null != first.null
