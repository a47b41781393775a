"""Neighbours by faiss: exact where every cell is looked into, told how far from it where not, refused without faiss."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import clouds
import numpy as np
import pair_clouds
import pytest
from jsonschema import Draft202012Validator

from geometry import compute, neighbors, statistics
from geometry.analysis import analyze
from geometry.analysis.asked import Options
from geometry.analysis.plan import plan
from geometry.catalog import evaluate
from geometry.cli import main
from geometry.errors import UsageError
from geometry.pairs import Scan, approximate, approximate_executor, executor, reference
from geometry.pairs.approximate import ApproximateExecutor
from geometry.registry import Entry
from geometry.schema import schema_text
from geometry.types import Estimate, Neighbors

N, D, K, LISTS = 3000, 16, 10, 40
EVERY = 10**6  # probes: more than there are cells


def engine(**options: Any) -> ApproximateExecutor:
    return ApproximateExecutor(executor("cpu"), lists=LISTS, **options)


@pytest.fixture(scope="module")
def planted() -> np.ndarray:
    """Eight wide clusters: more cells than clusters, so that cells cut through them."""
    return clouds.clusters(N, D, count=8, spread=0.4).astype(np.float32)


def true_recall(table: Neighbors, points: np.ndarray) -> float:
    _, truth = reference.neighbors(points, points, table.k, exclude_self=True)
    return float(np.mean([len(set(a) & set(b)) / table.k for a, b in zip(table.index, truth, strict=True)]))


@pytest.mark.parametrize("probes", [1, 3])
def test_measured_recall_is_the_true_one_within_its_interval(planted: np.ndarray, probes: int) -> None:
    table = engine(probes=probes, sampled=300).neighbors(planted, planted, K, exclude_self=True)
    assert table.recall is not None and table.recall_low is not None and table.recall_high is not None
    truth = true_recall(table, planted)
    assert 0.2 < truth < 0.95
    assert table.recall_low < truth < table.recall_high < table.recall_low + 0.12
    assert not table.certified.any()


def test_more_probes_find_more(planted: np.ndarray) -> None:
    found = [engine(probes=p).neighbors(planted, planted, K, exclude_self=True).recall or 0 for p in (1, 4, LISTS)]
    assert found[0] + 0.1 < found[1] < found[2] == 1.0


def test_fewer_cells_find_more(planted: np.ndarray) -> None:
    few, many = (
        replace(engine(probes=2), lists=lists).neighbors(planted, planted, K, exclude_self=True).recall
        for lists in (4, LISTS)
    )
    assert few is not None and many is not None and few > many + 0.1


def test_distances_are_exact_though_the_set_is_not(planted: np.ndarray) -> None:
    table = engine(probes=1).neighbors(planted, planted, K, exclude_self=True)
    truth = np.take_along_axis(reference.sq_dists(planted, planted), table.index, axis=1)
    np.testing.assert_allclose(table.sq_dist, truth, rtol=1e-13)
    assert np.all(np.diff(table.sq_dist, axis=1) >= 0)
    assert not np.any(table.index == np.arange(N)[:, None])


@pytest.mark.parametrize("dtype", pair_clouds.DTYPES)
@pytest.mark.parametrize("maker", [pair_clouds.gaussian, pair_clouds.duplicates, pair_clouds.all_equal])
def test_every_cell_looked_into_is_the_exact_answer(maker: pair_clouds.Maker, dtype: type) -> None:
    points = pair_clouds.draw(maker, 400, 8, dtype)
    queries = np.concatenate([pair_clouds.draw(maker, 50, 8, dtype, seed=1), points[:20]])
    for asked, own in ((points, True), (queries, False)):
        found = engine(probes=EVERY).neighbors(asked, points, K, exclude_self=own)
        truth = executor("cpu").neighbors(asked, points, K, exclude_self=own)
        np.testing.assert_array_equal(found.index, truth.index)
        np.testing.assert_allclose(found.sq_dist, truth.sq_dist, rtol=1e-13)
        np.testing.assert_array_equal(found.dist, truth.dist)
        assert found.recall == found.recall_high == 1.0 and not found.certified.any()


@pytest.mark.parametrize("maker", pair_clouds.CLOUDS)
def test_every_row_has_k_neighbours_whatever_the_cloud(maker: pair_clouds.Maker) -> None:
    points = pair_clouds.draw(maker, 700, 5, np.float32)
    table = engine(probes=1).neighbors(points, points, K, exclude_self=True)
    assert table.recall is not None and 0 <= table.recall <= 1
    assert np.isfinite(table.sq_dist).all() and table.index.min() >= 0
    assert all(len(set(row)) == K for row in table.index.tolist())


def test_cells_too_small_for_k_are_joined_by_more() -> None:
    points = clouds.gaussian(1000, 4)
    table = replace(engine(probes=1), lists=500).neighbors(points, points, 300, exclude_self=True)
    assert table.index.shape == (1000, 300) and table.index.min() >= 0
    assert all(len(set(row)) == 300 for row in table.index.tolist())


class Cells:
    """An index whose every cell holds one row; a device looks into four cells at most."""

    nlist = ntotal = 9
    nprobe = 0

    def search(self, queries: np.ndarray, width: int) -> tuple[None, np.ndarray]:
        assert self.nprobe <= 4, "nprobe beyond what a GPU takes"
        return None, np.tile(np.where(np.arange(width) < self.nprobe, np.arange(width), -1), (len(queries), 1))


def test_a_device_looks_into_so_many_cells_and_no_more() -> None:
    queries = np.zeros((3, 2), np.float32)
    assert (approximate._search(Cells(), queries, 4, None, (1, 4)) >= 0).sum(axis=1).tolist() == [4, 4, 4]
    with pytest.raises(UsageError, match="at most 4 cells, which hold fewer than 5 rows"):
        approximate._search(Cells(), queries, 5, None, (1, 4))


def test_a_seed_is_a_result(planted: np.ndarray) -> None:
    a, b, c = (engine(probes=1, seed=s).neighbors(planted, planted, K, exclude_self=True) for s in (3, 3, 4))
    np.testing.assert_array_equal(a.index, b.index)
    assert a.recall == b.recall
    assert not np.array_equal(a.index, c.index)


def test_few_pairs_are_left_to_the_exact_engine(planted: np.ndarray) -> None:
    points = planted[:200]
    table = engine(probes=1, pairs=200 * 200).neighbors(points, points, K, exclude_self=True)
    assert table.recall is None and table.certified.all()
    assert engine(probes=1, pairs=200 * 200 - 1).neighbors(points, points, K, exclude_self=True).recall is not None


def test_other_reductions_are_those_of_the_exact_engine(planted: np.ndarray) -> None:
    points, exact, guessed = planted[:300], executor("cpu"), engine()
    rows, radii = np.arange(300), np.full(300, 4.0)
    np.testing.assert_array_equal(exact.radii(points, 3), guessed.radii(points, 3))
    np.testing.assert_array_equal(exact.moments(points).covariance, guessed.moments(points).covariance)
    np.testing.assert_array_equal(exact.pair_sums(points, rows, 2.0).cos2, guessed.pair_sums(points, rows, 2.0).cos2)
    np.testing.assert_array_equal(
        exact.radius_counts(points, points, radii).per_base, guessed.radius_counts(points, points, radii).per_base
    )


def test_neighbors_by_method_and_seed(planted: np.ndarray) -> None:
    exact, guessed = neighbors(planted, K), neighbors(planted, K, method="approximate", seed=1)
    assert exact.recall is None and exact.certified.all()
    assert guessed.recall is not None and guessed.recall > 0.9
    asked = neighbors(planted, K, queries=planted[:50] + 0.01, method="approximate")
    assert asked.index.shape == (50, K)
    assert guessed.first(2).recall == guessed.recall and guessed.first(2).recall_low == guessed.recall_low
    with pytest.raises(UsageError, match="exact or approximate"):
        neighbors(planted, K, method="fuzzy")  # type: ignore[arg-type]


def test_without_faiss_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match=r"embedding-geometry\[faiss-gpu\]"):
        approximate.require_faiss("cuda")
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(UsageError, match=r"embedding-geometry\[faiss-cpu\]"):
        approximate_executor("cpu")


def test_an_estimate_from_an_approximate_table_says_so(planted: np.ndarray) -> None:
    table = engine(probes=1).neighbors(planted, planted, 40, exclude_self=True)
    guessed, exact = compute("two_nn", table), compute("two_nn", neighbors(planted, 40))
    assert isinstance(guessed, Estimate) and isinstance(exact, Estimate)
    assert exact.exact and "recall" not in exact.method
    assert not guessed.exact and f"recall {table.recall:.3f} (" in guessed.method


@pytest.mark.parametrize("entry", statistics(), ids=lambda entry: entry.name)
def test_every_statistic_that_reads_neighbours_says_that_they_are_approximate(entry: Entry) -> None:
    options: dict[str, Any] = {"labels": np.arange(160) % 3, "ids": np.arange(160)}
    sets = [Scan(clouds.clusters(160, 4, seed), approximate_executor("cpu"), **options) for seed in (0, 1)]
    made = evaluate(entry, *sets[: 2 if entry.takes_reference else 1])
    found = [made] if isinstance(made, Estimate) else list(made.values())
    if any(one.least_recall is not None for one in sets):
        assert all(not one.exact and "recall" in one.method for one in found)
    else:
        assert not any("recall" in one.method for one in found)


def test_a_plan_guesses_only_past_its_budget_or_when_asked() -> None:
    large, small = clouds.gaussian(5000, 3), clouds.gaussian(300, 3)
    assert plan([large, small], Options()).scans[0].executor == executor("auto")
    for options in (Options(approximate=True), Options(pairs_budget=20_000_000)):
        made = plan([large, small], options)
        assert isinstance(made.scans[0].executor, ApproximateExecutor)
        told = [note for note in made.warnings if "neighbours are approximate" in note]
        assert len(told) == 1 and told[0].startswith("gen_0: 2.5e+07 pairs")
        assert made.scans[1].neighbors(5).recall is None
    assert "the budget of exact ones is 2e+07" in told[0]
    within = plan([large, small], Options(pairs_budget=25_000_000))
    assert within.scans[0].executor == executor("auto") and not [n for n in within.warnings if "approximate" in n]
    assert any("all neighbours are exact" in note for note in plan([small, small], Options(approximate=True)).warnings)
    assert not any(
        "neighbours are approximate" in n for n in plan([large, small], Options(approximate=True, sample=1000)).warnings
    )


def test_a_run_prints_the_recall_wherever_it_rests_on_it() -> None:
    sets = [clouds.clusters(4200, 6, seed=0).astype(np.float32), clouds.clusters(400, 6, seed=0).astype(np.float32)]
    made = analyze(sets, approximate=True, statistics=("two_nn", "scale"))
    run = made.record.run
    recall = run["exactness"]["recall"]
    assert run["exactness"]["neighbors"] == "approximate" and recall[1] is None
    assert 0.9 < recall[0]["low"] <= recall[0]["value"] <= recall[0]["high"] <= 1
    assert f"gen_0: approximate neighbours, recall {recall[0]['value']:.3f}" in " ".join(run["warnings"])
    assert "faiss" in run["engine"]
    rows = {(row["name"], row["generation"]): row for row in made.results}
    assert not rows["two_nn", 0]["exact"] and "recall" in rows["two_nn", 0]["method"]
    assert rows["two_nn", 1]["exact"] and "recall" not in rows["two_nn", 1]["method"]
    assert all(row["exact"] for (name, _), row in rows.items() if name == "scale")


@pytest.mark.parametrize("words", [("--approximate",), ("--pairs-budget", "17000000")])
def test_the_command_line_says_so_too(
    words: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save(tmp_path / "gen_0.npy", clouds.gaussian(4200, 3))
    assert main(["analyze", str(tmp_path), "--statistics", "two_nn", "--json", "-q", *words]) == 0
    said = capsys.readouterr()
    run = json.loads(said.out)
    Draft202012Validator(json.loads(schema_text())).validate(run)
    assert run["exactness"]["neighbors"] == "approximate"
    assert "approximate neighbours, recall" in said.err
